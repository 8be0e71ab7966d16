//! A walk through layers that are closed, as those of a large model over a long text are.

use crate::support::walk::drawn_text;
use std::{path::Path, sync::Arc};

use lookback::{
    analysis::reading::{Reader, Reading},
    engine::tape::Keep,
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
    let path = Path::new("tests/goldens/checkpoints").join(folder);
    let reader = Reader::open(&Checkpoint::open(&path).unwrap(), true).unwrap();
    let reader = reader.keeping(Keep::Boundaries);
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
