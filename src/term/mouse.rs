//! Mouse events translated to the actions that keys cause.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use crate::{
    engine::value::PlaneCell,
    ui::{
        app::{Action, Command, MouseTarget, Overlay, State},
        keys::palette,
        screen::{ScreenPart, hit},
    },
};

/// The lines scrolled by one notch of the wheel.
const NOTCH: isize = 3;

/// The actions of a mouse event in this state, in order.
pub fn actions(state: &State, event: MouseEvent) -> Vec<Action> {
    let hit = hit(state, state.size.into(), Position::new(event.column, event.row));
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => pressed(state, hit),
        MouseEventKind::ScrollUp => scrolled(hit, -1),
        MouseEventKind::ScrollDown => scrolled(hit, 1),
        _ => vec![],
    }
}

fn pressed(state: &State, hit: ScreenPart) -> Vec<Action> {
    match hit {
        ScreenPart::Pane(place) if is_chosen_head(state, place) => {
            vec![Action::Point(place), Action::Do(Command::Accept)]
        }
        ScreenPart::Pane(place) => vec![Action::Point(place)],
        ScreenPart::Step(step) => vec![Action::GoTo(step)],
        ScreenPart::Row(row) => vec![Action::Choose(row), taken(state, row)],
        ScreenPart::Narration | ScreenPart::Nothing => vec![],
    }
}

/// Whether the head is already selected: a second click opens it.
fn is_chosen_head(state: &State, place: MouseTarget) -> bool {
    let at = PlaneCell::new(state.nav.selection.layer, state.nav.selection.head);
    let is_focused = place.pane == state.nav.focus && state.opened().is_none();
    is_focused
        && state.focused().is_some_and(|spec| spec.kind.walks_heads())
        && place.cell == Some(at)
}

/// The action of Enter on that row.
fn taken(state: &State, row: usize) -> Action {
    match &state.overlay {
        Overlay::Palette { query, .. } => Action::Pick(palette::pick(state, query.value(), row)),
        _ => Action::Do(Command::Accept),
    }
}

fn scrolled(hit: ScreenPart, by: isize) -> Vec<Action> {
    let step = Action::Do(Command::Move(by, 0));
    match hit {
        ScreenPart::Pane(MouseTarget { pane, .. }) => {
            vec![Action::Point(MouseTarget { pane, cell: None, head: None }), step]
        }
        ScreenPart::Row(_) => vec![step],
        ScreenPart::Narration => vec![Action::Scroll(by * NOTCH)],
        ScreenPart::Step(_) | ScreenPart::Nothing => vec![],
    }
}
