//! What a terminal sends for an event, and whether an emulator shows a frame.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEventKind};
use lookback::ui::theme::NAMED;
use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

use super::random::Given;

/// What a terminal sends.
pub fn bytes(given: &Given) -> String {
    match given {
        Given::Key(KeyEvent { code, modifiers, .. }) => match (code, *modifiers) {
            (KeyCode::Char(c), KeyModifiers::CONTROL) => ((*c as u8 & 0x1f) as char).to_string(),
            (KeyCode::Char(c), KeyModifiers::ALT) => format!("\x1b{c}"),
            (KeyCode::Char(c), _) => c.to_string(),
            (code, _) => named(*code).to_owned(),
        },
        Given::Paste(text) => format!("\x1b[200~{text}\x1b[201~"),
        Given::Mouse(mouse) => {
            let button = match mouse.kind {
                MouseEventKind::ScrollUp => 64,
                MouseEventKind::ScrollDown => 65,
                MouseEventKind::Down(MouseButton::Right) => 2,
                _ => 0,
            };
            format!("\x1b[<{button};{};{}M", mouse.column + 1, mouse.row + 1)
        }
        Given::Size(..) => String::new(),
    }
}

fn named(code: KeyCode) -> &'static str {
    match code {
        KeyCode::Enter => "\r",
        KeyCode::Tab => "\t",
        KeyCode::Backspace => "\x7f",
        KeyCode::BackTab => "\x1b[Z",
        KeyCode::Esc => "\x1b[27u", // the one form that is no beginning of another key
        KeyCode::Up => "\x1b[A",
        KeyCode::Down => "\x1b[B",
        KeyCode::Right => "\x1b[C",
        KeyCode::Left => "\x1b[D",
        KeyCode::Home => "\x1b[H",
        KeyCode::End => "\x1b[F",
        KeyCode::Insert => "\x1b[2~",
        KeyCode::Delete => "\x1b[3~",
        KeyCode::PageUp => "\x1b[5~",
        KeyCode::PageDown => "\x1b[6~",
        KeyCode::F(1) => "\x1bOP",
        KeyCode::F(4) => "\x1bOS",
        KeyCode::F(5) => "\x1b[15~",
        KeyCode::F(12) => "\x1b[24~",
        code => panic!("{code} is sent by no test"),
    }
}

/// The first place, outside of these regions, where the terminal shows something else.
pub fn difference(screen: &vt100::Screen, frame: &Buffer, hidden: &[Rect]) -> Option<(u16, u16)> {
    let size = screen.size();
    if (size.1.get(), size.0.get()) != (frame.area.width, frame.area.height) {
        return Some((0, 0));
    }
    for y in 0..frame.area.height {
        let mut covered = 0;
        for x in 0..frame.area.width {
            let cell = &frame[(x, y)];
            let width = cell.symbol().width().max(1) as u16;
            let is_hidden = || hidden.iter().any(|region| region.contains((x, y).into()));
            if covered == 0 && !is_hidden() && !is_shown(screen, (x, y, width), cell) {
                return Some((x, y));
            }
            covered = if covered > 0 { covered - 1 } else { width - 1 };
        }
    }
    None
}

fn is_shown(screen: &vt100::Screen, (x, y, width): (u16, u16, u16), cell: &Cell) -> bool {
    let Some(shown) = screen.cell(y, x) else { return false };
    // Of a cluster of letters the emulator gives each a cell of its own.
    let cells = (x..x + width).filter_map(|x| screen.cell(y, x));
    let text: String = cells.map(vt100::Cell::contents).collect();
    let text = if text.is_empty() { " " } else { text.as_str() };
    let is = |modifier| cell.modifier.contains(modifier);
    let text = text.replace('\u{fffc}', "\u{fffd}");
    let is_alike = text == cell.symbol()
        && shown.bgcolor() == colour(cell.bg)
        && shown.underline() == is(Modifier::UNDERLINED)
        && shown.inverse() == is(Modifier::REVERSED);
    // The ink of a blank is not seen.
    is_alike && (text == " " && !shown.inverse() || has_ink(shown, cell))
}

fn has_ink(shown: &vt100::Cell, cell: &Cell) -> bool {
    let is = |modifier| cell.modifier.contains(modifier);
    shown.fgcolor() == colour(cell.fg)
        // The emulator has one intensity where terminals have two.
        && shown.dim() == is(Modifier::DIM)
        && shown.bold() == (is(Modifier::BOLD) && !is(Modifier::DIM))
        && shown.italic() == is(Modifier::ITALIC)
}

fn colour(colour: Color) -> vt100::Color {
    match colour {
        Color::Reset => vt100::Color::Default,
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        Color::Indexed(i) => vt100::Color::Idx(i),
        named => {
            vt100::Color::Idx(NAMED.iter().position(|(name, _)| *name == named).unwrap() as u8)
        }
    }
}
