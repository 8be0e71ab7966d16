//! Cells as terminals are sent them: characters, and SGR sequences where the look changes.

use std::fmt::Write as _;

use ratatui::{
    buffer::Cell,
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

/// The colours and attributes of a cell.
type Look = (Color, Color, Modifier);

const PLAIN: Look = (Color::Reset, Color::Reset, Modifier::empty());

const MODIFIERS: &[(Modifier, u8)] = &[
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::RAPID_BLINK, 6),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

/// A row without the plain spaces at its end; a wide character stands once. What is set is set back.
pub fn line(row: &[Cell]) -> String {
    let is_blank = |cell: &&Cell| cell.symbol() == " " && look(cell) == PLAIN;
    let row = &row[..row.len() - row.iter().rev().take_while(is_blank).count()];
    let (mut line, mut now, mut covered) = (String::new(), PLAIN, 0);
    for cell in row {
        if covered == 0 {
            if look(cell) != now {
                now = look(cell);
                line.push_str(&sequence(now));
            }
            line.push_str(cell.symbol());
            covered = cell.symbol().width().max(1);
        }
        covered -= 1;
    }
    if now != PLAIN {
        line.push_str("\x1b[0m");
    }
    line
}

fn look(cell: &Cell) -> Look {
    (cell.fg, cell.bg, cell.modifier)
}

/// From nothing to this look: `ESC [ 0 ; ... m`.
fn sequence((fg, bg, modifier): Look) -> String {
    let mut codes = String::from("\x1b[0");
    for (_, code) in MODIFIERS.iter().filter(|(m, _)| modifier.contains(*m)) {
        let _ = write!(codes, ";{code}");
    }
    colour(&mut codes, fg, 30);
    colour(&mut codes, bg, 40);
    codes.push('m');
    codes
}

/// `base` is 30 for the foreground, 40 for the background.
fn colour(codes: &mut String, colour: Color, base: u8) {
    let _ = match (colour, named(colour)) {
        (_, Some(n)) if n < 8 => write!(codes, ";{}", base + n),
        (_, Some(n)) => write!(codes, ";{}", base + 60 + n - 8),
        (Color::Indexed(i), _) => write!(codes, ";{};5;{i}", base + 8),
        (Color::Rgb(r, g, b), _) => write!(codes, ";{};2;{r};{g};{b}", base + 8),
        _ => Ok(()),
    };
}

/// The place of one of the sixteen named colours.
fn named(colour: Color) -> Option<u8> {
    const NAMES: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    NAMES.iter().position(|&name| name == colour).map(|i| i as u8)
}

#[cfg(test)]
mod tests {
    use ratatui::{buffer::Buffer, layout::Rect, style::Style};

    use super::*;

    #[test]
    fn looks_become_sequences_and_lines_end_plain() {
        let mut buffer = Buffer::with_lines(["a猫b  "]);
        buffer.set_style(Rect::new(1, 0, 2, 1), Style::new().red().bold());
        buffer[(3, 0)].set_bg(Color::Rgb(1, 2, 3)).set_fg(Color::Indexed(200));
        assert_eq!(line(&buffer.content), "a\x1b[0;1;31m猫\x1b[0;38;5;200;48;2;1;2;3mb\x1b[0m");
        assert_eq!(line(&Buffer::with_lines(["     "]).content), "");
    }

    #[test]
    fn coloured_blanks_stay() {
        let mut buffer = Buffer::with_lines(["     "]);
        buffer[(4, 0)].set_bg(Color::LightBlue);
        assert_eq!(line(&buffer.content), "    \x1b[0;104m \x1b[0m");
    }
}
