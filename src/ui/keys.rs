//! Key bindings: one table, which is also the help and the commands of the palette.

pub mod palette;
mod table;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::InputRequest;

use crate::ui::app::{Action, Command, Overlay, State};
use table::TYPING;

pub use table::{Binding, Group, KEYS, KeyCommand, KeyHint, commands, keys};

/// A key with its modifiers; Shift is part of the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub code: KeyCode,
    pub modifiers: KeyModifiers,
}

impl Key {
    pub const fn new(code: KeyCode, modifiers: KeyModifiers) -> Self {
        Self { code, modifiers }
    }
}

/// The action of a key in this state.
pub fn action(state: &State, event: KeyEvent) -> Action {
    let key = without_implied_shift(event);
    let command = keys().find(|(k, _)| *k == key).map(|(_, command)| command);
    match &state.overlay {
        Overlay::Palette { query, chosen, .. } => {
            palette_action(state, query.value(), *chosen, key, command)
        }
        Overlay::Help { first } => help_action(state, *first, key, command),
        Overlay::None | Overlay::Bookmarks { .. } => {
            command.map_or_else(|| Action::Unbound(key_name(key)), Action::Do)
        }
        overlay => typing_action(overlay, key, command),
    }
}

/// Scrolls the help by lines and by screens.
fn help_action(state: &State, first: usize, key: Key, command: Option<Command>) -> Action {
    let visible_lines = usize::from(state.size.height).saturating_sub(HELP_FRAME).max(1);
    let last =
        HELP_COLUMNS.map(help_height).into_iter().max().unwrap_or(0).saturating_sub(visible_lines);
    let by = match command {
        Some(Command::Move(rows, 0)) => rows,
        Some(Command::Page(pages)) => pages * visible_lines as isize,
        Some(command) => return Action::Do(command),
        None => return Action::Unbound(key_name(key)),
    };
    Action::Choose(first.saturating_add_signed(by).min(last))
}

/// Lines taken by the border of the help and its last line.
pub const HELP_FRAME: usize = 3;

/// Groups of each column of the help.
pub const HELP_COLUMNS: [&[Group]; 2] = {
    let (left, right) = Group::ALL.split_at(3);
    [left, right]
};

/// Height in lines of a column of the help: titles, rows, and a blank line between groups.
pub fn help_height(groups: &[Group]) -> usize {
    let rows = KEYS.iter().filter(|binding| groups.contains(&binding.group)).count();
    rows + 2 * groups.len() - 1
}

fn palette_action(
    state: &State,
    query: &str,
    chosen: usize,
    key: Key,
    command: Option<Command>,
) -> Action {
    match key.code {
        KeyCode::Enter => Action::Pick(palette::pick(state, query, chosen)),
        KeyCode::Up => Action::Choose(chosen.saturating_sub(1)),
        KeyCode::Down => {
            let last = palette::entries(state, query).len().saturating_sub(1);
            Action::Choose((chosen + 1).min(last))
        }
        _ => typing_action(&state.overlay, key, command),
    }
}

fn typing_action(overlay: &Overlay, key: Key, command: Option<Command>) -> Action {
    let finds = matches!(overlay, Overlay::Find { .. } | Overlay::Glossary { .. });
    let exports = matches!(overlay, Overlay::Export(_));
    let has_rows = finds || matches!(overlay, Overlay::Edit { .. });
    let is_arrow = matches!(key.code, KeyCode::Up | KeyCode::Down);
    match (command, key) {
        (Some(c @ (Command::Accept | Command::Leave | Command::Suspend | Command::QuitNow)), _) => {
            Action::Do(c)
        }
        (Some(c @ (Command::NextPane | Command::PreviousPane)), _) if exports => Action::Do(c),
        (Some(c @ Command::Move(..)), _) if has_rows && is_arrow => Action::Do(c),
        (_, Key { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE }) => {
            Action::Type(InputRequest::InsertChar(c))
        }
        _ => match TYPING.iter().find(|(k, _)| *k == key) {
            Some((_, request)) => Action::Type(*request),
            None => Action::Unbound(key_name(key)),
        },
    }
}

/// The key without a Shift that its character already implies.
fn without_implied_shift(event: KeyEvent) -> Key {
    let is_shifted = matches!(event.code, KeyCode::Char(_) | KeyCode::BackTab);
    let shift = if is_shifted { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    Key::new(event.code, event.modifiers.difference(shift))
}

/// Display name of a key.
fn key_name(Key { code, modifiers }: Key) -> String {
    let code = match code {
        KeyCode::Char(c) => c.to_string(),
        code => code.to_string(),
    };
    if modifiers.is_empty() { code } else { format!("{modifiers}-{code}") }
}
