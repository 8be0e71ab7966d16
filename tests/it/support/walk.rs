//! A walk in a test: keys that are pressed, and the screen that is drawn.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use lookback::{
    analysis::reading::Reading,
    lesson::{Language, Lesson},
    ui::{
        app::{Action, Effect, State, update},
        keys, screen,
        theme::Theme,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

/// A walk over a reading, at its first step, without a message.
pub fn over(reading: Arc<Reading>, language: Language) -> State {
    let mut state = State::new(Arc::new(Lesson::embedded(language).unwrap()), Theme::default());
    update(&mut state, Action::Read(Ok(reading)));
    update(&mut state, Action::Dismiss);
    state
}

/// An English walk over a reading, at a step, without a message.
pub fn at(step: &str, reading: Arc<Reading>) -> State {
    let mut state = over(reading, Language::English);
    state.enter(state.lesson.find(step).unwrap());
    update(&mut state, Action::Dismiss);
    state
}

/// A key by its name: `Right`, `S-Tab`, `C-c`, `?`.
pub fn key(name: &str) -> KeyEvent {
    let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
    match name {
        "Right" => plain(KeyCode::Right),
        "Left" => plain(KeyCode::Left),
        "Up" => plain(KeyCode::Up),
        "Down" => plain(KeyCode::Down),
        "Tab" => plain(KeyCode::Tab),
        "S-Tab" => KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT),
        "Space" => plain(KeyCode::Char(' ')),
        "Backspace" => plain(KeyCode::Backspace),
        "Enter" => plain(KeyCode::Enter),
        "Esc" => plain(KeyCode::Esc),
        "PgDn" => plain(KeyCode::PageDown),
        "PgUp" => plain(KeyCode::PageUp),
        _ => match name.chars().collect::<Vec<_>>()[..] {
            ['C', '-', c] => KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL),
            [c] if c.is_uppercase() => KeyEvent::new(KeyCode::Char(c), KeyModifiers::SHIFT),
            [c] => plain(KeyCode::Char(c)),
            _ => panic!("no key is called {name}"),
        },
    }
}

/// Presses keys, with spaces between their names; returns the effect of the last one.
pub fn press(state: &mut State, keys: &str) -> Option<Effect> {
    let press = |name| update(state, keys::action(state, key(name)));
    keys.split_whitespace().map(press).last().flatten()
}

/// The message on the screen; empty if there is none.
pub fn message(state: &State) -> &str {
    state.message.as_ref().map_or("", |message| &message.text)
}

/// The screen at a size in columns and rows.
pub fn drawn(state: &State, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    screen::draw(state, buffer.area, &mut buffer);
    buffer
}

/// The characters of a screen, a line a row.
pub fn text(buffer: &Buffer) -> String {
    let line = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..buffer.area.height).map(line).collect::<Vec<_>>().join("\n")
}

/// The characters of the screen at a size in columns and rows.
pub fn drawn_text(state: &State, width: u16, height: u16) -> String {
    text(&drawn(state, width, height))
}
