//! A walk through layers that are closed, as those of a large model over a long text are.

use crate::support::walk::drawn_text;
use std::{path::Path, sync::Arc};

use lookback::{
    analysis::reading::{Reader, Reading},
    engine::{
        change::{Change, Changes},
        site::Role,
        tape::Keep,
        value::Cell,
    },
    lesson::{Language, Lesson},
    model::ModelName,
    render::frame::settled,
    ui::{
        app::{Action, Command, Effect, State, update},
        theme::{Depth, Glyphs, Theme},
    },
    weights::Checkpoint,
};
use ratatui::layout::Size;

/// A walk that stands at a step, and what it is of.
fn walk(folder: &str, step: &str) -> (State, Arc<Reading>) {
    let reader = reader(folder, Keep::Boundaries);
    let reading = Arc::new(reader.read("The dog saw the cat.").unwrap());
    let trace = reading.trace(ModelName::Checkpoint);
    let lesson = Lesson::for_checkpoint(Language::English).unwrap();
    let lesson = lesson.fitting(trace);
    let theme = Theme::new(Depth::None, Glyphs::Ascii);
    let mut state = State::new(Arc::new(lesson), theme);
    update(&mut state, Action::Resize(Size::new(120, 36)));
    update(&mut state, Action::Read(Ok(Arc::clone(&reading))));
    let step = state.lesson.find(step).unwrap();
    update(&mut state, Action::GoTo(step));
    (state, reading)
}

fn drawn(state: &State) -> String {
    drawn_text(state, state.size.width, state.size.height)
}

#[test]
fn layers_that_are_passed_by_are_not_all_opened() {
    let (mut state, reading) = walk("llama2", "own-weights");
    let next = Action::Do(Command::Layer(1));
    let asked = update(&mut state, next.clone());
    let of = |layer: usize| Effect::OpenBlock {
        model: ModelName::Checkpoint,
        path: format!("blocks.{layer}.attn.weights"),
    };
    assert_eq!(asked, Some(of(1)));
    let row = state.nav.selection.row;
    assert!(row > 0, "the last word is still the one that is looked from");
    assert_eq!(update(&mut state, next), None, "one at a time");
    let opened = Arc::new(reading.opened(ModelName::Checkpoint, "blocks.1.attn.weights").unwrap());
    let asked = update(&mut state, Action::BlockOpened { of: reading, opened });
    assert_eq!(asked, Some(of(2)), "then the one that is looked at");
    assert_eq!(state.nav.selection.row, row);
}

/// The reader of a checkpoint that keeps these values.
fn reader(folder: &str, keep: Keep) -> Reader {
    let path = Path::new("tests/goldens/checkpoints").join(folder);
    Reader::open(&Checkpoint::open(&path).unwrap(), true).unwrap().keeping(keep)
}

/// Of every kind of attention: masks, windows, caps, sinks, biases of positions, shared keys, across to another text.
const KINDS: [&str; 10] = [
    "gpt2",
    "gemma2",
    "gpt_oss",
    "bloom",
    "t5",
    "bart",
    "modernbert",
    "deepseek_v2",
    "mpnet",
    "llama4",
];

#[test]
fn a_changed_pass_is_the_same_whatever_of_it_is_kept() {
    for folder in KINDS {
        let [all, computed, few] =
            [Keep::All, Keep::AllButScores, Keep::Boundaries].map(|keep| reader(folder, keep));
        let text = "The dog saw the cat.";
        let plain = Arc::new(all.read(text).unwrap());
        let trace = plain.trace(ModelName::Checkpoint);
        let weights = trace.sites().find(|site| site.role() == Role::AttentionWeights).unwrap();
        let set = Change::Set { address: weights.address(Cell::new(1, 2, 0)), value: 0.5 };
        for change in trace.parts_off().chain([set]) {
            let changes = Changes::default().with(change);
            let trace_of = |reader: &Reader| {
                reader
                    .read_changed(&plain, changes.clone())
                    .unwrap()
                    .trace(ModelName::Checkpoint)
                    .clone()
            };
            let whole = trace_of(&all);
            for other in [trace_of(&computed), trace_of(&few)] {
                for site in other.sites() {
                    let was = whole.value(site.path()).unwrap();
                    let pairs = site.value.numbers().zip(was.numbers());
                    let far = pairs.filter(|(a, b)| a.is_finite() || b.is_finite());
                    let far = far.map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f32::max);
                    assert!(far < 1e-5, "{folder}, {changes}, {}: {far}", site.path());
                }
            }
        }
    }
}

#[test]
fn what_is_not_measured_of_a_long_text_is_not_said_to_be_under_way() {
    let (mut state, reading) = walk("llama2", "own-evidence");
    update(&mut state, Action::Do(Command::Layer(1)));
    let state = settled(&state, Size::new(120, 36));
    assert!(drawn(&state).contains("measuring"));
    reading.measure();
    let screen = drawn(&state);
    assert!(screen.contains("too long a text for gradients"), "{screen}");
    assert!(screen.contains("x switches head 0 off"), "{screen}");
}
