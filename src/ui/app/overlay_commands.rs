//! What commands do while an overlay is open: the list of keys, a search, a list, a typed line.

use super::{Command, Overlay, State, export::FrameName, reply::Reply};
use crate::lesson::shelf::ShelfSentence;

/// Runs a command in the open overlay; leaving it is left to the caller.
pub(super) fn run_in_overlay(state: &mut State, command: Command) -> Reply {
    match (&state.overlay, command) {
        (Overlay::None | Overlay::Palette { .. }, _) => Reply::NONE,
        (Overlay::Help { .. }, Command::Help | Command::Accept) => Reply::opens(Overlay::None),
        (Overlay::Help { .. }, _) => Reply::says("Esc leaves the help"),
        (Overlay::Edit { .. }, _) => run_in_edit(state, command),
        (Overlay::Export(prompt), _) => {
            let stem = &state.lesson.file_stem(state.nav.step);
            let frame = FrameName { stem, language: state.lesson.language };
            state.exports.run_in_prompt(command, prompt, frame)
        }
        (_, Command::Move(rows, _)) => {
            let n = n_listed(state);
            state.overlay.move_by(rows, n);
            Reply::NONE
        }
        (Overlay::Bookmarks { chosen }, _) => state.run_in_bookmarks(command, *chosen),
        (_, Command::Accept) => accept_found(state),
        _ => Reply::NONE,
    }
}

/// Number of rows of the open list.
fn n_listed(state: &State) -> usize {
    match &state.overlay {
        Overlay::Find { query, .. } => state.found(query.value()).len(),
        Overlay::Glossary { query, .. } => state.terms(query.value()).terms.len(),
        Overlay::Bookmarks { .. } => state.bookmarked().len(),
        _ => 0,
    }
}

/// Enters the chosen step of a search, or the step that explains the chosen term.
fn accept_found(state: &State) -> Reply {
    let (step, none) = match &state.overlay {
        Overlay::Find { query, chosen } => {
            let none = Reply::fails("no step matches; Esc leaves the search");
            (state.found(query.value()).get(*chosen).copied(), none)
        }
        Overlay::Glossary { query, chosen } => {
            let term = state.terms(query.value()).terms.get(*chosen).copied();
            let none = Reply::says("no such word; Esc leaves the glossary");
            (term.and_then(|term| state.explained(term)), none)
        }
        _ => return Reply::NONE,
    };
    step.map_or(none, |step| Reply { step: Some(step), ..Reply::opens(Overlay::None) })
}

fn run_in_edit(state: &mut State, command: Command) -> Reply {
    let Overlay::Edit { sentence } = &state.overlay else { return Reply::NONE };
    if let Command::Move(rows, _) = command {
        let next = from_shelf(&state.lesson.shelf, sentence.value(), rows);
        return next.map_or(Reply::NONE, |next| Reply::opens(Overlay::edit(&next)));
    }
    if command != Command::Accept {
        return Reply::NONE;
    }
    let text = sentence.value().trim().to_owned();
    if text.is_empty() {
        return Reply::fails("the sentence is empty; type a few words, as in \"The dog sleeps.\"");
    }
    let effect = state.passes.request_sentence(text);
    Reply { overlay: Some(Overlay::None), ..Reply::asks(effect) }
}

/// The sentence of the shelf `rows` after the typed one; the first or the last if that is not on it.
fn from_shelf(shelf: &[ShelfSentence], typed: &str, rows: isize) -> Option<String> {
    let n = shelf.len();
    let next = match shelf.iter().position(|sentence| sentence.text == typed.trim()) {
        Some(i) => (i + n).checked_add_signed(rows)? % n,
        None if rows > 0 => 0,
        None => n.checked_sub(1)?,
    };
    shelf.get(next).map(|sentence| sentence.text.clone())
}
