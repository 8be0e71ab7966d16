//! What evidence is asked, by options, by what-ifs and by nobody: nothing that is said is lost, and nothing is claimed of
//! a pass that no what-if changed.

use lookback::{
    analysis::{
        evidence::{EvidenceQuestion, run::Run},
        measure::difference::{differences, worst_numbers},
        reading::QuestionAsked,
    },
    model::ModelName,
};

use crate::support::{
    built_in::{READER, reading},
    program,
};

const TIRED: &str = "The animal didn't cross the street because it was too tired.";
const WIDE: &str = "The animal didn't cross the street because it was too wide.";
const OLD: &str = "The old neighbour ate because it was hungry.";
const NEVER: &str = "The old neighbour never ate because she was hungry.";

fn good(args: &[&str]) -> program::Run {
    let run = program::run(args);
    assert_eq!(run.code, 0, "{args:?}: {}", run.err);
    run
}

fn refused(args: &[&str], says: &str) {
    let run = program::run(args);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}: {}", run.err);
    assert!(run.err.contains(says), "{args:?}: {}", run.err);
}

#[test]
fn a_what_if_that_changes_nothing_in_the_model_is_refused_with_one_that_does() {
    let dog = "The dog sleeps.";
    for (command, model, change, says) in [
        ("attribute", "decoder_only", "learn=10", "learn.decoder_only=10 teaches it"),
        ("diff", "decoder_only", "learn=5", "learn.decoder_only=5 teaches it"),
        ("heads", "transformer", "blocks.0.attn.head.1=off", "--model decoder_only"),
        ("flow", "decoder_only", "encoder.0.self_attn.head.1=off", "--model transformer"),
        ("trace", "gru", "encoder.1.ffn=off", "--model transformer"),
        ("attribute", "transformer", "rate=0.1", "give learn=10 too"),
        ("attribute", "transformer", "teach=Le chat dort.", "give learn=10 too"),
    ] {
        refused(&[command, dog, "--model", model, "--what-if", change], says);
    }
    let taught = ["learn.decoder_only=1", "--what-if", "rate=0.1"];
    let args = [&["attribute", dog, "--model", "decoder_only", "--what-if"][..], &taught].concat();
    assert!(good(&args).err.contains("a changed pass"));
    good(&["patch", TIRED, "--against", WIDE, "--what-if", "encoder.1.self_attn.head.1=off"]);
}

#[test]
fn learning_follows_the_what_ifs_that_say_what_and_how() {
    let dog = "The dog sleeps.";
    let losses = |args: &[&str]| {
        let learn = ["learn", dog, "--steps", "1", "--format", "csv"];
        let run = good(&[&learn, args].concat());
        let of_step = |line: &str| line.starts_with("loss,").then(|| line.to_owned());
        (run.out.lines().filter_map(of_step).collect::<Vec<_>>(), run.err)
    };
    let (by_option, _) = losses(&["--target", "Le coq dort.", "--rate", "0.1"]);
    let (by_change, note) = losses(&["--what-if", "teach=Le coq dort.", "--what-if", "rate=0.1"]);
    assert_eq!(by_change, by_option);
    assert!(!note.contains("a changed pass"), "nothing was changed yet: {note}");
    assert_ne!(losses(&[]).0, by_option);
    let learn = ["learn", dog, "--steps", "1"];
    let both = |args: &[&str], says| refused(&[&learn, args].concat(), says);
    both(
        &["--target", "Le chat.", "--what-if", "teach=Le coq."],
        "--target and the what-if teach=",
    );
    both(&["--rate", "1", "--what-if", "rate=2"], "--rate and the what-if rate=");
    both(&["--what-if", "target=Le coq."], "what it should learn to write is --target");
}

#[test]
fn what_an_option_and_a_what_if_both_say_is_refused() {
    let dog = "The dog sleeps.";
    let against = "against=The cow sleeps.";
    refused(
        &["patch", dog, "--against", "The cat sleeps.", "--what-if", against],
        "leave the what-if against= out",
    );
    let patch = "patch=encoder.0.norm2.out[1]";
    refused(
        &["patch", dog, "--against", "The cat sleeps.", "--what-if", patch],
        "leave the what-if patch= out",
    );
    for (args, says) in [
        (&["diff", "--against", "The cat sleeps.", "--what-if", against][..], "--against and"),
        (
            &["open", "logits[0,0]", "--against", "The cat sleeps.", "--what-if", against],
            "--against and",
        ),
        (&["trace", "--target", "Le chat.", "--what-if", "target=Le coq."], "--target and"),
        (&["attribute", "--words", "chien,chat", "--what-if", "words=chat,chien"], "--words and"),
        (&["flow", "--place", "1", "--what-if", "place=2"], "--place and"),
    ] {
        refused(&[args, &[dog]].concat(), says);
    }
    // What only one of them says counts.
    let both =
        ["attribute", dog, "--words", "chien,chat", "--what-if", "place=2", "--format", "json"];
    let said: serde_json::Value = serde_json::from_str(&good(&both).out).unwrap();
    assert_eq!((&said["word"], &said["row"]), (&"chien".into(), &2.into()), "{said}");
}

#[test]
fn a_part_of_a_word_is_asked_about_as_the_walk_shows_it() {
    let zorblax = reading("The zorblax didn't cross the street because it was too tired.");
    let part = zorblax.sentence.tokens.iter().find(|token| token.continues).unwrap();
    assert!(part.text.starts_with('-'));
    assert_eq!(zorblax.tokens_of_word(&part.text).unwrap(), [part.id]);
    assert!(zorblax.tokens_of_word(part.bare()).unwrap().contains(&part.id));
    assert!(zorblax.tokens_of_word("-qzxv").is_err());
    let asked = ["attribute", TIRED, "--words", &part.text, "--format", "json"];
    let said: serde_json::Value = serde_json::from_str(&good(&asked).out).unwrap();
    assert_eq!(said["word"], part.bare());
}

#[test]
fn the_pronoun_is_asked_about_where_it_begins_the_sentence_too() {
    for (text, pronoun, other) in
        // “Elles” is spelled: its first token is asked about.
        [("They are late.", "Ils", "E"), ("She sleeps.", "Elle", "Il")]
    {
        let read = reading(text);
        let run: Run = read.run(ModelName::Transformer, None).unwrap();
        let question = read.question(&run, &QuestionAsked::default()).unwrap();
        let words = [question.word, question.against].map(|id| read.answer(&run, id));
        assert_eq!(words, [pronoun, other], "{text}");
    }
}

#[test]
fn shares_of_a_difference_that_is_none_are_not_passed_off_as_such() {
    let star = reading(TIRED);
    let wide = star.sentence_of(WIDE).unwrap();
    let asked = QuestionAsked { words: vec!["<eos>".to_owned(), "I".to_owned()], place: None };
    let alike = star.patching(ModelName::DecoderOnly, &wide, &asked).unwrap();
    assert!(alike.answers_alike(), "{:?}", alike.ends);
    let own = star.patching(ModelName::DecoderOnly, &wide, &QuestionAsked::default()).unwrap();
    let change = |ends: [f32; 2]| (ends[0] - ends[1]).abs();
    assert!(change(own.ends) > 4.0 * change(alike.ends), "{:?} {:?}", own.ends, alike.ends);
    let EvidenceQuestion { row, word, against } = own.question;
    let rank = |run: &Run, id: u32| {
        let logits = run.logits_of_row(row).unwrap();
        logits.iter().filter(|x| **x > logits[id as usize]).count()
    };
    let is_likely = |id: u32| rank(&own.a, id).min(rank(&own.b, id)) < 100;
    assert!(is_likely(word) && is_likely(against), "in A or in B");
    let words = ["--model", "decoder_only", "--words", "<eos>,I"];
    let said = good(&[&["patch", TIRED, "--against", WIDE][..], &words].concat()).out;
    assert!(said.contains("Both answer alike"), "{said}");
    let said = good(&["patch", TIRED, "--against", WIDE]).out;
    assert!(!said.contains("Both answer alike"), "{said}");
}

#[test]
fn numbers_that_differ_most_are_far_apart_in_the_scale_of_their_site_and_stand_once() {
    let plain = reading(OLD);
    let change = format!("against={NEVER}").parse().unwrap();
    let changed = READER.read_changed(&plain, [change].into_iter().collect()).unwrap();
    let (now, was) = (changed.trace(ModelName::Transformer), plain.trace(ModelName::Transformer));
    let sites = differences(now, was);
    let worst = worst_numbers(now, &sites, 10);
    let share = |number: &lookback::analysis::measure::difference::WorstNumber| {
        let site = sites.iter().find(|site| site.path == number.path).unwrap();
        number.worst.difference() / site.largest
    };
    let shares: Vec<f32> = worst.iter().map(share).collect();
    assert!(shares.is_sorted_by(|a, b| a >= b) && shares[9] > 0.9, "{shares:?}");
    let mut pairs: Vec<_> =
        worst.iter().map(|n| (n.worst.was.to_bits(), n.worst.now.to_bits())).collect();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(pairs.len(), worst.len(), "{worst:?}");
    for site in &sites {
        let Some(first) = site.worst.first() else { continue };
        let is_listed = worst.iter().any(|n| n.worst == *first);
        assert!(is_listed || first.difference() / site.largest <= shares[0], "{}", site.path);
    }
}

/// What stands in both sentences has a counterpart, in the table of two passes and in the patching.
#[test]
fn tokens_that_agree_have_a_counterpart_around_a_word_that_was_added() {
    let plain = reading(OLD);
    let other = plain.sentence_of(NEVER).unwrap();
    let patching =
        plain.patching(ModelName::Transformer, &other, &QuestionAsked::default()).unwrap();
    let tokens = &other.tokens;
    let at = |word: &str| tokens.iter().position(|token| token.text == word).unwrap();
    for word in ["ate", "because", "was", "hungry"] {
        let known = |cell: &lookback::analysis::evidence::patching::PatchCell| {
            let map = &patching.maps[cell.map];
            map.rows[cell.row] == "src.input" && cell.col == at(word)
        };
        let cell = patching.cells().into_iter().find(known).unwrap();
        assert!(patching.measure(cell).is_some(), "{word}");
    }
    let change = format!("against={NEVER}").parse().unwrap();
    let changed = READER.read_changed(&plain, [change].into_iter().collect()).unwrap();
    let (now, was) = (changed.trace(ModelName::Transformer), plain.trace(ModelName::Transformer));
    let counterparts = now.counterparts(was, now.site("src.embed").unwrap()).unwrap();
    assert!(counterparts.row(at("ate")).is_some() && counterparts.row(at("because")).is_some());
    assert_eq!(counterparts.row(at("never")), None);
}
