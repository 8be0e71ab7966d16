//! What can be taught, what is refused, where steps diverge, and how the program says so. The numbers of steps are
//! compared in `evidence.rs`, the walk's keys and panes in `learning.rs`.

use std::{path::Path, process::Command};

use lookback::{
    analysis::{
        evidence::{
            learner::Optimizer,
            score::{Score, WordAtRow},
        },
        reading::TargetKind,
    },
    engine::change::{Change, Changes},
    model::ModelName,
};

use crate::support::{
    built_in::{READER, reading},
    tiny::Tiny,
};

const CHECKPOINTS: &str = "tests/goldens/checkpoints";
const SENTENCE: &str = "The dog sleeps.";

/// Exit code, standard output, standard error of `lookback learn`.
fn learn(args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lookback"));
    let output = command.arg("learn").args(args).args(["--no-config", "--lang", "en"]).output();
    let output = output.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn model(name: &str) -> String {
    Path::new(CHECKPOINTS).join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_masked_language_model_learns_the_masked_words() {
    for (family, text, target) in [
        ("bert", "the river [MASK] and [MASK]", "runs in"),
        ("distilbert", "the [MASK] runs", "river"),
        ("roberta", "The <mask> could", "the"),
        ("modernbert", "the river [MASK] in", "runs"),
    ] {
        let tiny = Tiny::open(family);
        let read = tiny.reader.read(text).unwrap();
        assert_eq!(
            read.target_kind(ModelName::Checkpoint).unwrap(),
            TargetKind::Masked,
            "{family}"
        );
        let teach = |target| read.learner(ModelName::Checkpoint, target, Optimizer::Sgd, 1e-4);
        let mut learner = teach(Some(target)).unwrap();
        let rows = read.tokenizer().masked(&read.sentence);
        let words = rows.iter().copied().zip(learner.target());
        let words: Vec<_> = words.map(|(row, word)| WordAtRow { row, word }).collect();
        assert_eq!(words.len(), target.split(' ').count(), "{family}");
        let logits = read.trace(ModelName::Checkpoint).logits().unwrap();
        let said = Score::LogProbability(words).value(|row| Some(logits.value.row(0, row)));
        let want = -said.unwrap() / rows.len() as f32;
        assert!((learner.losses[0] - want).abs() < 1e-5, "{family}: {} {want}", learner.losses[0]);
        learner.step().unwrap();
        assert!(learner.losses[1] < learner.losses[0], "{family}");
        let own = teach(None).unwrap();
        let output = &read.trace(ModelName::Checkpoint).output;
        let output: Vec<u32> = output.iter().map(|token| token.id).collect();
        assert_eq!(own.target(), output, "{family}");
        let refused = |target| format!("{:#}", teach(target).err().unwrap());
        let many = "the the the the";
        assert!(refused(Some(many)).contains("as many tokens"), "{}", refused(Some(many)));
        assert!(refused(Some(" ")).contains("the target is empty"), "{}", refused(Some(" ")));
    }
    let (code, _, why) = learn(&["--model", &model("bert"), SENTENCE]);
    assert_eq!(code, 2, "{why}");
    assert!(why.contains("mask a word, as in \"The [MASK] sleeps.\""), "{why}");
}

#[test]
fn masked_words_are_taught_in_the_walk_too() {
    let tiny = Tiny::open("bert");
    let plain = std::sync::Arc::new(tiny.reader.read("the river [MASK]").unwrap());
    let changes = |texts: &[&str]| -> Changes {
        texts.iter().map(|text| text.parse::<Change>().unwrap()).collect()
    };
    let taught = tiny.reader.read_changed(&plain, changes(&["teach=runs", "learn=2"])).unwrap();
    let course = taught.known_course(ModelName::Checkpoint).unwrap();
    let target: Vec<&str> = course.target.iter().map(|token| token.text.as_str()).collect();
    assert_eq!((course.n_steps, target), (2, vec!["runs"]));
    let own = tiny.reader.read_changed(&plain, changes(&["learn=2"])).unwrap();
    let course = own.known_course(ModelName::Checkpoint).unwrap();
    assert_eq!(course.target[0].text, plain.trace(ModelName::Checkpoint).output[0].text);
    assert!(course.losses[2] < course.losses[0], "{:?}", course.losses);
}

#[test]
fn a_model_without_words_to_learn_or_a_target_to_take_is_refused() {
    let classes = Tiny::open("bert_text").reader.read("the birds sleep").unwrap();
    let refused = classes.learner(ModelName::Checkpoint, None, Optimizer::Sgd, 0.1).err().unwrap();
    assert!(refused.to_string().contains("writes no words"), "{refused}");
    let tiny = Tiny::open("gpt2");
    let read = std::sync::Arc::new(tiny.reader.read("the birds sleep").unwrap());
    let taught = tiny.reader.read_changed(&read, "teach=x".parse::<Change>().into_iter().collect());
    assert!(taught.err().unwrap().to_string().contains("it takes no target"));
    let (code, _, why) = learn(&[SENTENCE, "--target", ""]);
    assert_eq!(code, 2);
    assert!(why.contains("the target is empty"), "{why}");
}

/// The words of a target end once: the tokens that a tokenizer puts around a sentence are not part of it. BART's settings
/// force a token before the first.
#[test]
fn a_target_of_a_translator_ends_once() {
    for (family, forced) in [("t5", vec![]), ("bart", vec![0]), ("marian", vec![])] {
        let read = Tiny::open(family).reader.read(SENTENCE).unwrap();
        let text = "the dog";
        let learner = read.learner(ModelName::Checkpoint, Some(text), Optimizer::Sgd, 0.1).unwrap();
        let target = learner.target();
        let (end, words) = target.split_last().unwrap();
        let own = read.tokenizer().ids_of_text(text).unwrap();
        assert_eq!(words, [forced, own].concat(), "{family}");
        assert!(read.tokenizer().ids().eos.contains(end), "{family}");
    }
}

#[test]
fn steps_end_where_the_loss_is_not_finite() {
    let star = reading(SENTENCE);
    for rule in [Optimizer::Sgd, Optimizer::Adam] {
        let target = Some("Le chat dort.");
        let mut learner = star.learner(ModelName::Transformer, target, rule, 1e30).unwrap();
        let diverged = (0..50).find_map(|_| learner.step().err()).unwrap();
        assert_eq!(diverged.step, learner.n_steps() + 1, "{rule:?}");
        assert_eq!(learner.losses.len(), learner.n_steps() + 1);
        assert!(learner.losses.iter().all(|loss| loss.is_finite()), "{:?}", learner.losses);
        let all_finite = |value: &std::sync::Arc<_>| -> bool {
            let value: &lookback::engine::value::Value = value;
            value.numbers().all(f32::is_finite)
        };
        assert!(learner.learned().values().all(all_finite), "{rule:?}");
        assert_eq!(learner.step(), Err(diverged), "no step follows");
    }
    let (code, table, why) =
        learn(&[SENTENCE, "--rate", "10", "--target", "Le chat dort.", "--steps", "40"]);
    assert_eq!(code, 1, "{why}");
    assert!(table.contains("what moved") && !table.contains("NaN"), "{table}");
    let n = why.split("after step ").nth(1).unwrap().split(':').next().unwrap();
    let n: usize = n.parse().unwrap();
    assert!(table.contains(&format!(": {} steps of sgd at rate 10 ", n - 1)), "{table}");
    assert!(why.contains("the loss is not finite") && why.contains("a smaller rate"), "{why}");
    let changes = ["rate=10", "teach=Le chat dort.", "learn=40"];
    let changes = changes.iter().map(|text| text.parse::<Change>().unwrap()).collect();
    let why = READER.read_changed(&star, changes).err().unwrap();
    assert!(format!("{why:#}").contains("not finite after step"), "{why:#}");
}

#[test]
fn what_moved_is_said_only_where_something_moved() {
    let target = ["--target", "Elle chante."];
    let learn = |args: &[&str]| {
        let (code, table, why) = learn(&[&["She sleeps."], args].concat());
        assert_eq!(code, 0, "{why}");
        table
    };
    let none = learn(&[&target[..], &["--steps", "0"]].concat());
    assert!(none.contains("what the next step moves") && !none.contains("what moved"), "{none}");
    assert!(none.contains(": 0 steps of sgd"), "{none}");
    let csv = learn(&["--steps", "0", "--format", "csv"]);
    assert!(csv.contains("\nnext-step,") && !csv.contains("\nmoved,"), "{csv}");
    let still = learn(&["--rate", "0", "--steps", "1"]);
    assert!(still.contains("nothing moved") && !still.contains("most in the row"), "{still}");
    assert!(still.contains(": 1 step of sgd"), "{still}");
    let next = learn(&["--rate", "0", "--steps", "0"]);
    assert!(next.contains("nothing moves"), "{next}");
    let eos = learn(&["--model", "decoder_only", "--steps", "1"]);
    assert!(eos.contains("says before: <eos>"), "{eos}");
}

/// Before the first step the table says what that will do, by the rule that is asked for.
#[test]
fn the_first_step_moves_what_was_foretold() {
    let star = reading(SENTENCE);
    for rule in [Optimizer::Sgd, Optimizer::Adam] {
        let target = Some("Le chat dort.");
        let mut learner =
            star.learner(ModelName::Transformer, target, rule, rule.usual_rate()).unwrap();
        let foretold = learner.moved();
        learner.step().unwrap();
        for (before, after) in foretold.iter().zip(learner.moved()) {
            let (want, got) = (f64::from(before.distance), f64::from(after.distance));
            assert!(
                (got - want).abs() < 1e-3 * want.max(1e-6),
                "{rule:?} {}: {got} {want}",
                before.name
            );
        }
    }
}
