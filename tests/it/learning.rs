//! Learning in the walk: the what-ifs `learn`, `teach` and `rate`, the keys for them, and what panes say of it. That the
//! steps themselves are PyTorch's is tested in `evidence.rs`.

use std::{collections::BTreeMap, fs, sync::Arc};

use lookback::{
    analysis::{
        evidence::learner::Optimizer,
        measure::training::Training,
        reading::{Reader, Reading, Readings},
    },
    engine::{
        arithmetic::Expr,
        change::Changes,
        site::{Address, AddressKind},
        value::{Cell, Value},
    },
    lesson::{Language, Lesson},
    model::ModelName,
    text::{fixed, spoken},
    ui::{
        app::{Action, Effect, Overlay, State, update},
        theme::Theme,
    },
};
use ratatui::layout::Size;
use safetensors::SafeTensors;

use crate::support::{
    built_in::{READER, reading},
    walk::{self, drawn_text, message, press},
};

const SENTENCE: &str = "The dog sleeps.";
const TAUGHT: &str = "Le chat dort.";

fn changes(texts: &[&str]) -> Changes {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn changed(texts: &[&str]) -> Reading {
    READER.read_changed(&reading(SENTENCE), changes(texts)).unwrap()
}

fn logits(reading: &Reading, name: ModelName) -> Vec<f32> {
    reading.trace(name).logits().unwrap().value.numbers().collect()
}

#[test]
fn a_pass_after_steps_of_learning_is_that_of_the_learned_weights() {
    let plain = reading(SENTENCE);
    for (name, learn) in [(ModelName::Transformer, "learn=3"), (ModelName::Gru, "learn.gru=3")] {
        let mut learner = plain.learner(name, Some(TAUGHT), Optimizer::Sgd, 0.1).unwrap();
        (0..3).for_each(|_| learner.step().unwrap());
        let want = plain.run_with(name, &learner.learned()).unwrap();
        let got = changed(&[learn, &format!("teach={TAUGHT}"), "rate=0.1"]);
        let last = want.n_rows() - 1;
        let row = got.trace(name).logits().unwrap().value.row(0, last);
        assert_eq!(Some(row), want.logits_of_row(last), "{name}");
        let course = got.known_course(name).unwrap();
        assert_eq!((course.n_steps, &course.losses), (3, &learner.losses), "{name}");
        assert_eq!(course.target.iter().map(|t| t.id).collect::<Vec<_>>(), learner.target());
        let held_out = plain.held_out_losses(name, &learner.learned());
        assert!(held_out.is_some() && course.held_out == held_out, "{name}");
        for other in [ModelName::Elman, ModelName::DecoderOnly] {
            assert_eq!(logits(&got, other), logits(&plain, other), "{other} learned nothing");
        }
    }
}

#[test]
fn further_steps_go_on_from_the_last_and_fewer_begin_again() {
    let mut readings = Readings::new(Reader::of(&ModelName::ALL).unwrap());
    let target = format!("teach={TAUGHT}");
    for n in [1, 4, 2] {
        let learn = format!("learn={n}");
        let texts = [learn.as_str(), target.as_str()];
        let got = readings.read(SENTENCE, &changes(&texts)).unwrap();
        let want = changed(&texts);
        assert_eq!(
            logits(&got, ModelName::Transformer),
            logits(&want, ModelName::Transformer),
            "{n}"
        );
        let [got, want] = [&*got, &want].map(|r| r.known_course(ModelName::Transformer).unwrap());
        assert_eq!((&got.losses, &got.held_out), (&want.losses, &want.held_out), "{n}");
    }
}

#[test]
fn the_update_that_is_shown_is_the_one_that_is_taken() {
    let target = format!("teach={TAUGHT}");
    let (before, after) = (changed(&[&target]), changed(&["learn=1", &target]));
    let course = before.course(ModelName::Transformer).unwrap();
    assert_eq!(course.n_steps, 0);
    let value = |reading: &Reading, weight: &str| -> Arc<Value> {
        Arc::clone(&reading.trace(ModelName::Transformer).site(weight).unwrap().value)
    };
    for weight in ["embed.weight", "encoder.0.self_attn.W_Q", "decoder.1.ffn.b_1"] {
        let (was, now) = (value(&before, weight), value(&after, weight));
        let steepest = course.steepest(weight, None).unwrap();
        let bits = |value: &Value| value.get(steepest).to_bits();
        assert_ne!(bits(&was), bits(&now), "{weight}");
        for cell in [steepest, Cell::new(0, 0, 0)] {
            let update = course.update(weight, cell, was.get(cell));
            assert_eq!(update.value.to_bits(), now.get(cell).to_bits(), "{weight} {cell:?}");
            let evaluated = update.expr.as_ref().map(Expr::eval).unwrap();
            assert!((evaluated - f64::from(update.value)).abs() < 1e-6, "{weight} {cell:?}");
        }
        let address = after.trace(ModelName::Transformer).site(weight).unwrap().address(steepest);
        let opened = after.open(ModelName::Transformer, &address).unwrap();
        let evaluated = opened.expr.as_ref().map(Expr::eval).unwrap();
        assert!((evaluated - f64::from(now.get(steepest))).abs() < 1e-6, "{weight}");
        assert!(opened.formula.contains("before learning"));
    }
}

#[test]
fn the_layers_that_moved_are_those_whose_weights_moved() {
    let target = format!("teach={TAUGHT}");
    let after = changed(&["learn=2", &target]);
    let plain = reading(SENTENCE);
    let course = after.known_course(ModelName::Transformer).unwrap();
    let mut want: BTreeMap<String, f64> = BTreeMap::new();
    for site in after.trace(ModelName::Transformer).sites().filter(|site| site.is_leaf) {
        let Some(was) = plain.trace(ModelName::Transformer).site(site.path()) else { continue };
        let squares = site.value.numbers().zip(was.value.numbers());
        let squares: f64 = squares.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let mut parts = site.path().split('.');
        let scope = match (parts.next().unwrap(), parts.next()) {
            (stack @ ("encoder" | "decoder"), Some(layer)) => format!("{stack}.{layer}"),
            (other, _) => other.to_owned(),
        };
        *want.entry(scope).or_default() += squares;
    }
    for part in &course.parts {
        let want = want[&part.scope].sqrt();
        assert!((f64::from(part.distance) / want - 1.0).abs() < 1e-3, "{}", part.scope);
    }
    let scopes: Vec<&str> = course.parts.iter().map(|part| &*part.scope).collect();
    assert_eq!(scopes, ["embed", "encoder.0", "encoder.1", "decoder.0", "decoder.1"]);
    let taught = course.rows.iter().take(3).map(|row| row.token.text.as_str());
    assert!(taught.collect::<Vec<_>>().contains(&"chat"), "{:?}", course.rows);
}

#[test]
fn what_cannot_be_taught_is_refused_in_words() {
    let refused = |texts: &[&str]| {
        let refused = READER.read_changed(&reading(SENTENCE), changes(texts)).err();
        format!("{:#}", refused.unwrap())
    };
    assert!(
        refused(&["learn.lstm=1"]).contains("no model `lstm`"),
        "{}",
        refused(&["learn.lstm=1"])
    );
    let long = format!("teach={}", "chat ".repeat(200));
    assert!(refused(&[&long]).contains("target"), "{}", refused(&[&long]));
}

fn walk_at(step: &str) -> State {
    let reading = READER.read(SENTENCE).unwrap();
    reading.courses();
    let mut state = walk::at(step, Arc::new(reading));
    update(&mut state, Action::Resize(Size::new(120, 36)));
    state
}

/// The changes that an effect asks for.
fn asked(effect: Option<Effect>) -> String {
    match effect {
        Some(Effect::Read { changes, .. }) => changes.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_take_a_step_ten_and_everything_back() {
    let mut state = walk_at("update");
    assert_eq!(asked(press(&mut state, "N")), "learn=1");
    assert_eq!(asked(press(&mut state, "M")), "learn=11");
    assert_eq!(asked(press(&mut state, "r")), "");
    state.enter(state.lesson.find("gru-gates").unwrap());
    assert_eq!(asked(press(&mut state, "N")), "learn.gru=1", "the step's model learns");
    let _ = press(&mut state, "r");
    state.passes.changes = changes(&["learn=1000"]);
    state.enter(state.lesson.find("update").unwrap());
    assert_eq!(press(&mut state, "N"), None);
    assert!(message(&state).contains("at most 1000"), "{}", message(&state));
}

#[test]
fn keys_open_the_gradient_in_an_update_and_go_on_to_the_loss() {
    let mut state = walk_at("update");
    let path = |state: &State| {
        state.opened().unwrap().arithmetic.name.address().map(Address::name).unwrap_or_default()
    };
    press(&mut state, "Enter Down Enter");
    assert_eq!(path(&state), "gradient.decoder.1.cross_attn.W_Q");
    assert!(drawn_text(&state, 120, 36).contains("slope[y] * dy/dx"));
    for _ in 0..100 {
        if path(&state) == "gradient.logits" {
            break;
        }
        press(&mut state, "Enter");
        assert!(path(&state).starts_with("gradient."), "{}", message(&state));
    }
    assert!(drawn_text(&state, 120, 36).contains("[is the target]"), "{}", path(&state));
    press(&mut state, "Enter");
    assert_eq!(path(&state), "probs");
}

#[test]
fn numbers_that_the_screen_lacks_are_no_cells_of_a_slope() {
    let taught = changed(&[&format!("teach={TAUGHT}")]);
    let course = taught.course(ModelName::Transformer).unwrap();
    let mut n_given = 0;
    for site in ["logits", "decoder.1.cross_attn.W_Q", "encoder.0.norm1.out"] {
        let site = taught.trace(ModelName::Transformer).site(site).unwrap();
        for row in 0..3 {
            let of = site.address(Cell::new(0, row, 5));
            let address = Address { kind: AddressKind::Gradient, ..of };
            let opened = taught.open(ModelName::Transformer, &address).unwrap();
            let alone = course.open_slope(&address).unwrap();
            let [expr, alone] = [opened.expr, alone.expr].map(Option::unwrap);
            assert!((expr.eval() - alone.eval()).abs() < 1e-9);
            n_given += alone.leaves().len() - expr.leaves().len();
            let leaves = expr.leaves().into_iter();
            for leaf in leaves.filter(|leaf| leaf.address.kind == AddressKind::Value) {
                let shown = taught.open(ModelName::Transformer, &leaf.address).unwrap().value;
                assert!(
                    (shown - leaf.value).abs() <= 1e-5 * leaf.value.abs().max(1.0),
                    "{address}"
                );
            }
        }
    }
    assert!(n_given > 0, "a taught text is not what is written");
}

#[test]
fn a_target_is_typed_over_what_the_model_writes_and_begins_a_new_lesson() {
    let mut state = walk_at("lab-teach");
    let _ = press(&mut state, "N I");
    let Overlay::Palette { query, .. } = &state.overlay else { panic!("no palette") };
    let written = &state.passes.reading.as_ref().unwrap().trace(ModelName::Transformer).output_text;
    assert_eq!(query.value(), format!("teach={written}"));
    let changed = asked(press(&mut state, "Backspace ! Enter"));
    assert!(changed.starts_with("teach=") && !changed.contains("learn"), "{changed}");
    let mut state = walk_at("llm-input");
    let _ = press(&mut state, "I");
    assert!(matches!(state.overlay, Overlay::None));
    assert!(message(&state).contains("own next words"), "{}", message(&state));
}

#[test]
fn a_question_has_words_with_a_comma_in_quotes_and_may_have_a_place() {
    let ask = |typed: &str| {
        let mut state = walk_at("which-part");
        let _ = press(&mut state, "Q C-u");
        assert!(
            drawn_text(&state, 80, 24).contains("\"a,b\" is one word   place=3 after the words")
        );
        update(&mut state, Action::Paste(typed.into()));
        asked(press(&mut state, "Enter"))
    };
    assert_eq!(ask("il,elle place=1"), "words=il,elle place=1");
    assert_eq!(ask("\"10,000\" , il"), "words=\"10,000\",il");
}

#[test]
fn the_subject_of_a_typed_what_if_stays() {
    for (step, key, subject) in
        [("update", "I", "teach="), ("patching", "A", "against="), ("update", "t", "temperature=")]
    {
        let mut state = walk_at(step);
        let _ = press(&mut state, key);
        let _ = press(&mut state, "C-u Backspace C-a Backspace C-w");
        let Overlay::Palette { query, .. } = &state.overlay else { panic!("no palette") };
        assert_eq!(query.value(), subject, "{step}");
        assert_eq!(query.cursor(), subject.len(), "{step}");
    }
    let mut state = walk_at("update");
    let changed = asked(press(&mut state, "I C-u L e Space z o r g l u b Enter"));
    assert_eq!(changed, "teach=Le zorglub");
    let mut state = walk_at("update");
    let _ = press(&mut state, ": x y C-u");
    let Overlay::Palette { query, .. } = &state.overlay else { panic!("no palette") };
    assert_eq!(query.value(), "", "a query of one's own is cleared");
}

#[test]
fn a_target_and_a_rate_are_said_to_be_set() {
    let said = |step: &str, texts: &[&str]| {
        let mut state = walk_at(step);
        update(&mut state, Action::Read(Ok(Arc::new(changed(texts)))));
        message(&state).to_owned()
    };
    let taught = said("loss", &["teach=Le zorglub dort."]);
    assert_eq!(taught, "taught “Le zorglub dort.”; N takes a step of learning, r undoes it");
    for rate in ["rate=2", "rate=0"] {
        let said = said("loss", &[rate]);
        assert!(said.contains("learning rate") && said.contains("N takes a step"), "{said}");
    }
    let other = said("llm-input", &["teach=Le zorglub dort."]);
    assert!(other.contains("is unchanged"), "the language model takes no target: {other}");
}

#[test]
fn the_text_tells_a_given_target_from_the_output() {
    for language in [Language::English, Language::Chinese] {
        let lesson = Arc::new(Lesson::embedded(language).unwrap());
        let shown = |reading: Reading| {
            let mut state = State::new(Arc::clone(&lesson), Theme::default());
            reading.courses();
            update(&mut state, Action::Read(Ok(Arc::new(reading))));
            update(&mut state, Action::Resize(Size::new(120, 36)));
            state.enter(state.lesson.find("loss").unwrap());
            // Beside the panes, left or right.
            let text = drawn_text(&state, 120, 36);
            let edges = ['│', '╭', '╰', '╮', '╯'];
            let beside = text.lines().map(|line| {
                let mut parts = line.split(edges);
                [parts.next().unwrap_or_default(), parts.next_back().unwrap_or_default()].concat()
            });
            beside
                .flat_map(|line| line.chars().collect::<Vec<_>>())
                .filter(|c| !c.is_whitespace())
                .collect::<String>()
        };
        let (own, given) = match language {
            Language::English => ("writesitself", "theFrenchthatyougave"),
            Language::Chinese => ("自己写的", "你给的法语"),
        };
        let [plain, taught] =
            [shown(READER.read(SENTENCE).unwrap()), shown(changed(&["teach=Le zorglub dort."]))];
        assert!(plain.contains(own) && !plain.contains(given), "{plain}");
        assert!(taught.contains(given) && !taught.contains(own), "{taught}");
    }
}

#[test]
fn what_learning_did_is_whole_on_a_small_screen() {
    let texts = ["learn=41", "teach=Elle chante souvent.", "rate=0.05"];
    let mut state = walk_at("lab-teach");
    update(&mut state, Action::Read(Ok(Arc::new(changed(&texts)))));
    let shown = drawn_text(&state, 80, 24);
    let course =
        state.passes.reading.as_ref().unwrap().known_course(ModelName::Transformer).unwrap();
    let loss = course.held_out.unwrap();
    let (before, now) = (spoken(loss.before), spoken(loss.after));
    for text in [format!("{before}, now {now}"), " 38 41".to_owned(), "after 41 steps".to_owned()] {
        assert!(shown.contains(&text), "{text}\n{shown}");
    }
    let was = format!("it was {}", fixed(course.losses[0]));
    state.enter(state.lesson.find("loss").unwrap());
    let shown = drawn_text(&state, 80, 24);
    assert!(shown.contains(&was), "{shown}");
}

#[test]
fn nothing_is_said_to_move_where_nothing_does() {
    let title = |texts: &[&str]| {
        let mut state = walk_at("update");
        let reading = changed(texts);
        reading.courses();
        update(&mut state, Action::Read(Ok(Arc::new(reading))));
        let panes = state.panes();
        (panes[1].title().to_string(), panes[1].in_words().heading)
    };
    let both = |text: &str, heading: &str| (text.to_owned(), format!("{heading} (Transformer)"));
    assert_eq!(
        title(&["rate=0"]),
        both("the next step moves nothing", "The next step moves nothing")
    );
    assert_eq!(title(&["rate=0", "learn=1"]), both("nothing moved", "Nothing moved"));
    assert_eq!(title(&["learn=1"]), both("what moved", "What moved"));
    assert_eq!(title(&["rate=0.1"]), both("what the next step moves", "What the next step moves"));
}

#[test]
fn the_screen_after_a_step_shows_losses_outputs_and_what_was_forgotten() {
    let mut state = walk_at("lab-teach");
    let target = format!("teach={TAUGHT}");
    let _ = update(
        &mut state,
        Action::Read(Ok(Arc::new(changed(&["learn=21", &target, "rate=0.05"])))),
    );
    let shown = drawn_text(&state, 120, 36);
    let course =
        state.passes.reading.as_ref().unwrap().known_course(ModelName::Transformer).unwrap();
    let loss = course.held_out.unwrap();
    assert!(loss.after > loss.before);
    for text in
        ["before: Le chien dort", "now: Le chat dort", "20 other sentences", "21 steps", "Solved."]
    {
        assert!(shown.contains(text), "{text}\n{shown}");
    }
}

#[test]
fn dropout_drops_a_tenth_and_keeps_the_mean() {
    let state = walk_at("dropout");
    let panes = state.panes();
    let dropped = panes[0].plane().unwrap();
    let site = state.passes.reading.as_ref().unwrap().trace(ModelName::Transformer);
    let layer = state.nav.selection.layer;
    let site = site.site(&format!("encoder.{layer}.self_attn.out")).unwrap();
    let n = dropped.iter().filter(|x| **x == 0.0).count();
    let share = n as f64 / dropped.len() as f64;
    assert!((share - 0.1).abs() < 0.03, "{share}");
    for (x, was) in dropped.iter().zip(site.value.matrix().iter()).filter(|(x, _)| **x != 0.0) {
        assert!((x - was / 0.9).abs() < 1e-5 * was.abs().max(1.0));
    }
    let cell = panes[0].arithmetic(1, 5).unwrap();
    let evaluated = cell.expr.as_ref().map(Expr::eval).unwrap();
    assert!((evaluated - f64::from(dropped[(1, 5)])).abs() < 1e-6);
}

/// The models in the binary are made of these files: their record is that of the training itself.
#[test]
fn the_recorded_curves_are_those_of_the_training() {
    for name in ModelName::ALL {
        let bytes = fs::read(format!("assets/training/state/{name}.safetensors")).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let record = header.metadata().clone().unwrap()["training"].clone();
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        let training = Training::of(name).unwrap();
        let curve: Vec<(usize, f32)> = serde_json::from_value(record["curve"].clone()).unwrap();
        assert_eq!(training.curve, curve, "{name}");
        assert_eq!(record["step"], training.step, "{name}");
    }
}
