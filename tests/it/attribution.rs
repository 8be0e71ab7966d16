//! What is asked of any model: the parts of its logits, its words, its classes, its masked words.

use std::sync::Arc;

use lookback::{
    analysis::{
        evidence::{
            EvidenceQuestion, Run, Score,
            attribution::{Attribution, PartKind, attribution},
            promotion::{HeadOrUnit, PartPiece, is_along_tangent, strongest},
            run::RowsOf,
            saliency::Saliency,
        },
        reading::{Counting, QuestionAsked, Reader, Reading},
    },
    engine::change::Change,
    model::ModelName,
    text::words,
    ui::app::State,
};

use crate::support::{
    built_in::{READER, reading},
    program::{self, Run as ProgramRun},
    tiny::Tiny,
    walk,
};

fn read(model: &str, text: &str) -> Reading {
    Tiny::open(model).reader.read(text).unwrap()
}

fn run(reading: &Reading) -> Run {
    reading.run(ModelName::Checkpoint, None).unwrap()
}

fn asked(words: &[&str]) -> QuestionAsked {
    QuestionAsked { words: words.iter().map(ToString::to_string).collect(), place: None }
}

/// With scales and soft caps after the product, with and without biases of sub-layers.
#[test]
fn parts_add_up_to_the_difference_that_is_stated_in_every_family() {
    let scaled = ["cohere", "cohere2", "granite"];
    let capped = ["gemma2", "gemma4"];
    for model in scaled.into_iter().chain(capped).chain(["gpt2", "llama3", "opt", "bloom", "phi"]) {
        let reading = read(model, "The dog sleeps.");
        let run = run(&reading);
        let question = reading.question(&run, &QuestionAsked::default()).unwrap();
        let found = attribution(&run, &question.score()).unwrap();
        assert!(
            found.rest().abs() < 1e-3 * found.score.abs().max(1.0),
            "{model}: {}",
            found.rest()
        );
        assert_eq!(found.is_before_cap, capped.contains(&model), "{model}");
        let stated = question.score().of_run(&run).unwrap();
        let is_stated = (found.score - stated).abs() < 1e-4 * stated.abs().max(1.0);
        assert!(is_stated || found.is_before_cap, "{model}: {} and {stated}", found.score);
        for part in found.parts.iter().filter(|part| part.kind == PartKind::Attention) {
            let heads: f32 = part.heads.iter().map(|head| head.amount).sum();
            let rest = heads + part.bias - part.amount;
            assert!(rest.abs() < 1e-3 * part.amount.abs().max(1.0), "{model} {}", part.path);
        }
    }
}

/// What a head or a unit adds to a score.
fn amount(found: &Attribution, path: &str, of: HeadOrUnit) -> f32 {
    let part = found.parts.iter().find(|part| part.path == path).unwrap();
    match of {
        HeadOrUnit::Head(head) => part.heads[head].amount,
        HeadOrUnit::Unit(unit) => part.units[unit],
    }
}

/// Norms stand between a part and the logits: on the stream, or after the sub-layer.
#[test]
fn the_words_that_a_piece_promotes_are_those_that_it_adds_most_to() {
    let tiny = ["bart", "marian", "t5", "gemma2", "olmo2", "gpt2", "llama3"];
    let tiny = tiny.map(|model| (read(model, "The dog sleeps."), ModelName::Checkpoint));
    let sentence = "The animal didn't cross the street because it was too tired.";
    let built_in = Reader::of(&[ModelName::Transformer]).unwrap().read(sentence).unwrap();
    for (reading, name) in tiny.into_iter().chain([(built_in, ModelName::Transformer)]) {
        let run = reading.run(name, None).unwrap();
        let EvidenceQuestion { row, word, against } =
            reading.question(&run, &QuestionAsked::default()).unwrap();
        let found = attribution(&run, &Score::Difference { row, word, against }).unwrap();
        let pieces =
            found.parts.iter().filter_map(|part| Some(PartPiece { part, of: strongest(part)? }));
        let pieces: Vec<PartPiece> = pieces.collect();
        assert!(pieces.len() > 2, "{name}");
        let promoted = reading.promotions(name, &run, &pieces, row, 3).unwrap();
        for (PartPiece { part, of }, promotion) in pieces.iter().zip(promoted) {
            let words: Vec<u32> = promotion.unwrap().words.iter().map(|word| word.0).collect();
            for &promoted in &words {
                for other in [word, against].into_iter().filter(|other| !words.contains(other)) {
                    let over = Score::Difference { row, word: promoted, against: other };
                    let more = amount(&attribution(&run, &over).unwrap(), &part.path, *of);
                    let title = reading.card.as_ref().map_or(name.id(), |card| card.title.as_str());
                    assert!(more > -1e-4, "{title} {} {of:?}: {promoted} {more}", part.path);
                }
            }
        }
    }
}

/// BERT's head bends between the layers and the logits: followed along its tangent, a piece raises every word by what
/// attribution says that it adds.
#[test]
fn a_curved_head_is_followed_along_its_tangent() {
    for model in ["bert", "albert", "distilbert", "deberta", "electra", "modernbert"] {
        let reading = read(model, "The dog [MASK].");
        let run = run(&reading);
        let question = reading.question(&run, &QuestionAsked::default()).unwrap();
        let found = attribution(&run, &question.score()).unwrap();
        let pieces =
            found.parts.iter().filter_map(|part| Some(PartPiece { part, of: strongest(part)? }));
        let pieces: Vec<PartPiece> = pieces.collect();
        assert!(pieces.len() > 1 && is_along_tangent(&run, question.row), "{model}");
        let n = run.logits_of_row(question.row).unwrap().len();
        let promoted =
            reading.promotions(ModelName::Checkpoint, &run, &pieces, question.row, n).unwrap();
        for against in [3, n as u32 / 2, n as u32 - 1] {
            let score = Score::Difference { row: question.row, word: question.word, against };
            let found = attribution(&run, &score).unwrap();
            for (PartPiece { part, of }, promotion) in pieces.iter().zip(&promoted) {
                let words = &promotion.as_ref().unwrap().words;
                let raised = |id: u32| words.iter().find(|word| word.0 == id).unwrap().1;
                let got = raised(question.word) - raised(against);
                let want = amount(&found, &part.path, *of);
                let is_near = (got - want).abs() < 1e-4 * want.abs().max(1.0);
                assert!(is_near, "{model} {} {of:?} {against}: {got}, not {want}", part.path);
            }
        }
    }
}

#[test]
fn what_adds_nothing_promotes_nothing() {
    let plain = Arc::new(reading("The dog sleeps."));
    let off = ["decoder.1.cross_attn.head.2=off".parse::<Change>().unwrap()];
    let reading = READER.read_changed(&plain, off.into_iter().collect()).unwrap();
    let run = reading.run(ModelName::Transformer, None).unwrap();
    let question = reading.question(&run, &QuestionAsked::default()).unwrap();
    let found = attribution(&run, &question.score()).unwrap();
    let part = |path: &str| found.parts.iter().find(|part| part.path == path).unwrap();
    let (cross, ffn) = (part("decoder.1.cross_attn.out"), part("decoder.1.ffn.out"));
    let heads = (0..4).map(|head| PartPiece { part: cross, of: HeadOrUnit::Head(head) });
    let idle = ffn.units.iter().position(|amount| *amount == 0.0).unwrap();
    let idle = PartPiece { part: ffn, of: HeadOrUnit::Unit(idle) };
    let pieces: Vec<PartPiece> = heads.chain([idle]).collect();
    let promoted =
        reading.promotions(ModelName::Transformer, &run, &pieces, question.row, 3).unwrap();
    let says: Vec<bool> = promoted.iter().map(Option::is_some).collect();
    assert_eq!(says, [true, true, false, true, false]);
}

/// All tokens of each word at once: added up, and left out together.
#[test]
fn a_word_of_several_tokens_is_left_out_whole() {
    let reading = reading("The zorblax sleeps.");
    let tokens = &reading.sentence.tokens;
    let groups = words::words(tokens);
    assert!(groups.len() < tokens.len(), "{tokens:?}");
    let run = reading.run(ModelName::Gru, None).unwrap();
    let score = reading.question(&run, &QuestionAsked::default()).unwrap().score();
    let of = |groups| reading.saliency_while(ModelName::Gru, &run, &score, groups, |_, _| true);
    let by_word: Saliency = of(&groups).unwrap().unwrap();
    let by_token = of(&words::single(tokens.len())).unwrap().unwrap();
    for (i, word) in groups.iter().enumerate() {
        let sum: f32 = by_token.integrated[word.clone()].iter().sum();
        assert!((by_word.integrated[i] - sum).abs() < 1e-4);
    }
    let zorblax = groups.iter().position(|word| word.len() > 1).unwrap();
    let forced = run.pass.target[1..].to_vec();
    let without =
        crate::support::built_in::reading("The sleeps.").run(ModelName::Gru, Some(forced));
    let want = score.of_run(&run).unwrap() - score.of_run(&without.unwrap()).unwrap();
    let got = by_word.left_out(zorblax).unwrap();
    assert!((got - want).abs() < 1e-4, "{got}, not {want}");
}

#[test]
fn a_class_is_asked_about_by_its_name() {
    let text = read("bert_text", "the birds sleep");
    let of_text = run(&text);
    assert_eq!(of_text.rows_of, RowsOf::Text);
    let question = text.question(&of_text, &asked(&["Good", "bad"])).unwrap();
    assert_eq!(question, EvidenceQuestion { row: 0, word: 2, against: 0 });
    assert_eq!(text.answer(&of_text, 2), "good");
    let logits = text.trace(ModelName::Checkpoint).value("classes.logits").unwrap().row(0, 0);
    let score = question.score();
    assert!((score.of_run(&of_text).unwrap() - (logits[2] - logits[0])).abs() < 1e-6);
    let counted = text.saliency(ModelName::Checkpoint, &of_text, &score).unwrap();
    assert!(counted.gradient.iter().any(|x| *x != 0.0));
    assert!(counted.left_out(1).is_some());
    let wrong = text.question(&of_text, &asked(&["dog"])).unwrap_err().to_string();
    assert!(wrong.contains("bad, so so, good"), "{wrong}");

    let tokens = read("bert_tokens", "the birds sleep");
    let of_tokens = run(&tokens);
    assert_eq!(of_tokens.rows_of, RowsOf::Words);
    let place = QuestionAsked { place: Some(2), ..asked(&["B-PER"]) };
    assert_eq!(
        tokens.question(&of_tokens, &place).unwrap(),
        EvidenceQuestion { row: 2, word: 1, against: 0 }
    );
}

#[test]
fn what_the_tokenizer_puts_around_a_text_is_no_word_of_it() {
    for (model, text) in [("bert_text", "the birds sleep"), ("llama3", "The dog")] {
        let reading = read(model, text);
        let run = run(&reading);
        let score = reading.question(&run, &QuestionAsked::default()).unwrap().score();
        let counted = reading.saliency(ModelName::Checkpoint, &run, &score).unwrap();
        let own = &reading.sentence.own;
        assert!(own.start == 1 && own.len() > 1, "{model}: {:?}", reading.sentence.tokens);
        for i in 0..reading.sentence.tokens.len() {
            assert_eq!(counted.left_out(i).is_some(), own.contains(&i), "{model} {i}");
        }
    }
    let bert = read("bert_text", "the birds sleep");
    assert_eq!(bert.sentence.own, 1..bert.sentence.tokens.len() - 1);
}

/// ALBERT's layers have the same weights, which stand on the tape under the name of the first.
#[test]
fn a_bias_that_layers_share_is_named_so() {
    let reading = read("albert", "of birds [MASK] could");
    let run = run(&reading);
    let question = reading.question(&run, &QuestionAsked::default()).unwrap();
    let found = attribution(&run, &question.score()).unwrap();
    let biases = found.parts.iter().filter(|part| part.kind == PartKind::Bias);
    let biases: Vec<&str> = biases.map(|part| part.path.as_str()).collect();
    assert!(biases.contains(&"encoder.*.norm2.bias"), "{biases:?}");
    assert!(!biases.iter().any(|bias| bias.starts_with("encoder.0.")), "{biases:?}");
}

/// What is promoted is the strongest head's or unit's, which the same line names.
#[test]
fn a_line_in_words_names_the_piece_whose_words_it_says() {
    let star = reading("The dog sleeps.");
    star.pass_evidence();
    let state = walk::at("which-part", star);
    let lines: Vec<String> = state.panes().iter().flat_map(|pane| pane.in_words().lines).collect();
    let mut said = lines.iter().filter_map(|line| line.split_once("it promotes")).peekable();
    assert!(said.peek().is_some(), "{lines:?}");
    for (before, words) in said {
        assert!(before.contains("most from"), "{before}{words}");
    }
}

/// What the pane of words shows for each way to count is what `lookback attribute` prints.
#[test]
fn words_are_counted_whole_and_for_the_whole_output() {
    let read = reading("The zorblax sleeps.");
    read.pass_evidence();
    read.count_for_output(ModelName::Transformer);
    let found = &read.pass_evidence()[&ModelName::Transformer];
    let run = read.run(ModelName::Transformer, None).unwrap();
    let question = read.question(&run, &QuestionAsked::default()).unwrap();
    let n = found.source.len();
    assert!(found.words.len() < n, "{:?}", found.words);
    for (by_word, for_output) in [(false, false), (true, false), (false, true), (true, true)] {
        let score = if for_output { Score::of_output(&run) } else { question.score() };
        let groups = if by_word { words::words(&found.source) } else { words::single(n) };
        let want = read.saliency_while(ModelName::Transformer, &run, &score, &groups, |_, _| true);
        let want = want.unwrap().unwrap();
        let got = found.saliency_of(Counting { by_word, for_output }).unwrap();
        let is_near = |a: f32, b: f32| (a - b).abs() < 1e-4 * b.abs().max(1.0);
        assert!(got.gradient.len() == groups.len() && is_near(got.score, want.score));
        for i in 0..groups.len() {
            assert!(is_near(got.gradient[i], want.gradient[i]), "{i}");
            assert!(is_near(got.integrated[i], want.integrated[i]), "{i}");
            assert_eq!(got.left_out(i).is_some(), want.left_out(i).is_some());
            let [got, want] = [got, &want].map(|of| of.left_out(i).unwrap_or_default());
            assert!(is_near(got, want), "{i}: {got}, not {want}");
        }
    }
}

#[test]
fn keys_list_words_the_whole_output_and_units() {
    let read = reading("The zorblax sleeps.");
    read.pass_evidence();
    read.count_for_output(ModelName::Transformer);
    let found = &read.pass_evidence()[&ModelName::Transformer];
    let mut state = walk::at("which-part", Arc::clone(&read));
    let titles = |state: &State| -> String {
        state.panes().iter().map(|pane| pane.title().to_string() + "; ").collect()
    };
    let plain = titles(&state);
    walk::press(&mut state, "Tab E");
    assert!(titles(&state).contains("tokens added up"), "{}", titles(&state));
    assert!(walk::drawn_text(&state, 200, 60).contains(" zorblax "), "one row for the word");
    // Down goes from word to word: from “The” to the first token of “zorblax”, and to what stands after its last.
    state.nav.selection.row = found.words[0].start;
    walk::press(&mut state, "Down Down");
    assert_eq!(state.nav.selection.row, found.words[2].start);
    walk::press(&mut state, "&");
    assert!(titles(&state).contains("for the whole output"), "{}", titles(&state));
    walk::press(&mut state, "& E");
    assert_eq!(titles(&state), plain);

    walk::press(&mut state, "S-Tab S");
    assert!(titles(&state).contains("feed-forward units"), "{}", titles(&state));
    let parts = &found.attribution.as_ref().unwrap().parts;
    let all = parts.iter().flat_map(|part| part.units.iter().copied());
    let most = all.max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap();
    state.nav.selection.row = 0;
    walk::press(&mut state, "Enter");
    assert_eq!(state.opened().unwrap().arithmetic.value.to_bits(), most.to_bits());
    walk::press(&mut state, "Esc S");
    assert_eq!(titles(&state), plain);

    let mut state = walk::at("scores", read);
    walk::press(&mut state, "E");
    assert!(
        walk::message(&state).contains("does not say which words"),
        "{}",
        walk::message(&state)
    );
}

#[test]
fn a_frame_lists_units_and_words_where_options_say_so() {
    let options = ["--units", "--by-word", "--whole", "--size", "200x60"];
    let args = ["export", "The zorblax sleeps.", "--steps", "which-part"];
    let ProgramRun { code, out, err } = program::run(&[&args[..], &options].concat());
    assert_eq!(code, 0, "{err}");
    let shown = ["feed-forward units", "for the whole output", " zorblax "];
    assert!(shown.iter().all(|text| out.contains(text)), "{out}");
}

#[test]
fn a_masked_word_is_asked_about_where_it_stands() {
    let reading = read("bert", "the [MASK] sleep");
    let run = run(&reading);
    let mask = reading.sentence.tokens.iter().position(|token| token.text == "[MASK]").unwrap();
    let question = reading.question(&run, &QuestionAsked::default()).unwrap();
    assert_eq!(question.row, mask + run.n_before());
    let counted = reading.saliency(ModelName::Checkpoint, &run, &question.score()).unwrap();
    let left_out = |row: usize| counted.left_out(row).is_some();
    assert!(left_out(question.row - 1) && left_out(question.row + 1) && !left_out(question.row));
}

#[test]
fn words_that_are_not_tokens_are_refused_with_a_reason() {
    let reading = reading("The dog sleeps.");
    let run = reading.run(ModelName::Transformer, None).unwrap();
    let why = |words: &[&str]| reading.question(&run, &asked(words)).unwrap_err().to_string();
    assert!(why(&["chat", "chat"]).contains("the same"));
    assert!(why(&["", ""]).contains("a word is missing"));
    let typed = reading.question(&run, &asked(&[" chat", "chien"])).unwrap();
    assert_eq!(reading.answer(&run, typed.word), "chat");
    let gpt2 = read("gpt2", "The dog sleeps.");
    let vocab = gpt2.tokenizer().vocab();
    let spaced = vocab.iter().position(|text| text.starts_with('·') && text.len() > 3).unwrap();
    let word = vocab[spaced].replace('·', " ");
    assert_eq!(gpt2.tokens_of_word(&word).unwrap(), [spaced as u32]);
}

#[test]
fn an_inserted_word_is_where_two_passes_part() {
    let plain = Arc::new(reading("The dog sleeps."));
    for (other, row) in [("The big dog sleeps.", 1), ("A small bird sings.", 0)] {
        let change = format!("against={other}").parse().unwrap();
        let changes = [change].into_iter().collect();
        let changed = READER.read_changed(&plain, changes).unwrap();
        let first = changed.first_difference(ModelName::Transformer).unwrap();
        assert_eq!((first.path.as_str(), first.cell.row), ("src.embed", row), "{other}");
    }
}

#[test]
fn the_whole_output_is_a_score_too() {
    let reading = reading("The dog sleeps.");
    let run = reading.run(ModelName::Transformer, None).unwrap();
    let whole = Score::of_output(&run);
    assert_eq!(whole.rows(), 0..run.pass.output.len());
}

/// The parts of a masked model's logit are those of the tangent of its head, which the pane says.
#[test]
fn a_head_that_bends_leaves_something_over() {
    let reading = read("bert", "the river [MASK] in");
    let found = &reading.pass_evidence()[&ModelName::Checkpoint];
    let attribution = found.attribution.as_ref().unwrap();
    assert!(!attribution.adds_up(), "{}", attribution.rest());
    assert_eq!((found.asked_at.as_str(), found.rows_of), ("[MASK]", RowsOf::Words));
    // Heads without an activation leave rounding alone.
    for name in ["gpt2", "bert_tokens", "distilbert_text", "phi"] {
        let reading = read(name, "the river in");
        let found = &reading.pass_evidence()[&ModelName::Checkpoint];
        let attribution = found.attribution.as_ref().unwrap();
        assert!(attribution.adds_up(), "{name}: {}", attribution.rest());
    }
    let reading = read("bert_tokens", "the river in");
    let found = &reading.pass_evidence()[&ModelName::Checkpoint];
    let parts = &found.attribution.as_ref().unwrap().parts;
    for path in ["tokens.type", "classes.b_2"] {
        assert!(parts.iter().any(|part| part.path == path && part.amount != 0.0), "{path}");
    }
    let of_gpt2 = read("gpt2", "the river in");
    assert_eq!(of_gpt2.pass_evidence()[&ModelName::Checkpoint].rows_of, RowsOf::NextWords);
}

/// What the walk's evidence is asked about can be said: it changes the question, and no number of the pass.
#[test]
fn the_walk_is_asked_about_words_that_are_given() {
    let plain = Arc::new(reading("The dog sleeps."));
    let read = |texts: &[&str]| {
        let changes = texts.iter().map(|text| text.parse::<Change>().unwrap()).collect();
        READER.read_changed(&plain, changes)
    };
    let given = read(&["words=dort,mange"]).unwrap();
    assert!(std::ptr::eq(given.trace(ModelName::Transformer), plain.trace(ModelName::Transformer)));
    assert!(given.plain.is_none(), "no other pass");
    let found = &given.pass_evidence()[&ModelName::Transformer];
    assert_eq!((found.word.as_str(), found.against.as_str()), ("dort", "mange"));
    let run = plain.run(ModelName::Transformer, None).unwrap();
    let want = plain.question(&run, &asked(&["dort", "mange"])).unwrap();
    let score = want.score().of_run(&run).unwrap();
    assert!((found.attribution.as_ref().unwrap().score - score).abs() < 1e-5);
    let placed = read(&["place=1"]).unwrap();
    let word = &placed.pass_evidence()[&ModelName::Transformer].word;
    assert_eq!(*word, plain.trace(ModelName::Transformer).output[1].text);
    let refused = |text: &str| format!("{:#}", read(&[text]).err().unwrap());
    assert!(
        refused("words=dort,qzxv").contains("is not a token"),
        "{}",
        refused("words=dort,qzxv")
    );
    assert!(refused("place=99").contains("the output has"), "{}", refused("place=99"));
    assert!("words=il,il".parse::<Change>().is_err() && "words=".parse::<Change>().is_err());
}

/// Numbers that are set, or taken from another pass, are those of places, which move when a word is left out.
#[test]
fn words_are_not_left_out_of_a_pass_with_numbers_of_another() {
    let sentence = "The animal didn't cross the street because it was too wide.";
    let plain = Arc::new(reading(sentence));
    let counted = |changes: &[&str]| {
        let changes = changes.iter().map(|text| text.parse::<Change>().unwrap()).collect();
        let read = READER.read_changed(&plain, changes).unwrap();
        let run = read.run(ModelName::Transformer, None).unwrap();
        let question = read.question(&run, &QuestionAsked::default()).unwrap();
        let counted = read.saliency(ModelName::Transformer, &run, &question.score()).unwrap();
        (0..plain.sentence.tokens.len()).filter(|&row| counted.left_out(row).is_some()).count()
    };
    let against = "against=The animal didn't cross the street because it was too tired.";
    assert!(counted(&[against]) > 5 && counted(&["mask=off"]) > 5);
    assert_eq!(counted(&[against, "patch=encoder.0.norm2.out[5]"]), 0);
    assert_eq!(counted(&["encoder.1.self_attn.weights[2,8,1]=0"]), 0);
}

#[test]
fn an_unknown_class_lists_the_classes_in_the_walk_too() {
    let plain = Arc::new(read("bert_text", "the birds sleep"));
    let asked = |text: &str| {
        let changes = [text.parse::<Change>().unwrap()].into_iter().collect();
        Tiny::open("bert_text").reader.read_changed(&plain, changes)
    };
    let refused = asked("words=good,zzz").err().unwrap().to_string();
    assert!(refused.contains("bad, so so, good"), "{refused}");
    let found = asked("words=good,bad").unwrap();
    let found = &found.pass_evidence()[&ModelName::Checkpoint];
    assert_eq!((found.word.as_str(), found.against.as_str()), ("good", "bad"));
    assert_eq!((found.asked_at.as_str(), found.rows_of), ("", RowsOf::Text));
}
