//! Cells as text for terminals: characters, and SGR sequences at changes of the look.

use std::fmt::Write as _;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

use crate::ui::theme::number_of;

/// The colours and attributes of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    ink: Color,
    ground: Color,
    modifier: Modifier,
}

/// A character that occurs in no text: the cell's content is unknown.
const UNKNOWN: char = '\u{10ffff}';

const PLAIN: Look = Look { ink: Color::Reset, ground: Color::Reset, modifier: Modifier::empty() };

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

/// A row without the plain spaces at its end; a wide character is written once. Attributes are reset at the end.
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

/// The text that changes one frame on the screen into another of the same size. Each run of cells, and whatever
/// follows a wide character, begins with its position: terminals disagree on the width of some characters.
pub fn changes(mut before: Buffer, after: &Buffer) -> String {
    forget(&mut before, after);
    let (mut text, mut now, mut next, mut covered) = (String::new(), PLAIN, None, None);
    for (x, y, cell) in before.diff(after) {
        if covered == Some((x, y)) {
            continue;
        }
        let (symbol, width) = (cell.symbol(), cell.symbol().width());
        if next != Some((x, y)) {
            text.push_str(&place(x, y));
        }
        let wanted = visible_look(cell, now);
        if wanted != now {
            transition(&mut text, now, wanted);
            now = wanted;
        }
        if has_ambiguous_width(symbol) {
            // If the terminal draws it narrow, nothing else would clear the next cell.
            text.push_str(&" ".repeat(width));
            text.push_str(&place(x, y));
        }
        text.push_str(symbol);
        next = (width == 1).then_some((x + 1, y));
        covered = (width > 1).then_some((x + 1, y));
    }
    if now != PLAIN {
        text.push_str("\x1b[0m");
    }
    text
}

/// Marks the cells of every wide character that disappears as unknown.
fn forget(before: &mut Buffer, after: &Buffer) {
    for i in 0..before.content.len().min(after.content.len()) {
        let cell = &before.content[i];
        let n = cell.symbol().width();
        if n > 1 && *cell != after.content[i] {
            before.content.iter_mut().skip(i).take(n).for_each(|cell| {
                cell.set_char(UNKNOWN);
            });
        }
    }
}

/// Whether terminals disagree on the width of a symbol: flags, `☂️`, joined letters.
fn has_ambiguous_width(symbol: &str) -> bool {
    symbol.chars().nth(1).is_some() && symbol.width() > 1
}

/// The sequence that moves the cursor to a cell, from 0.
fn place(x: u16, y: u16) -> String {
    format!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1)
}

fn look(cell: &Cell) -> Look {
    Look { ink: cell.fg, ground: cell.bg, modifier: cell.modifier }
}

/// The modifiers with which a blank cell shows its ink.
const ON_BLANKS: Modifier =
    Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);

/// The look of a cell; a blank one keeps the ink, which it does not show.
fn visible_look(cell: &Cell, now: Look) -> Look {
    let has_ink = cell.symbol() != " " || cell.modifier.intersects(ON_BLANKS);
    if has_ink || cell.modifier != now.modifier {
        look(cell)
    } else {
        Look { ground: cell.bg, ..now }
    }
}

/// Appends the shortest sequence from one look to another.
fn transition(text: &mut String, from: Look, to: Look) {
    if to == PLAIN || !to.modifier.contains(from.modifier) {
        text.push_str(&sequence(to));
        return;
    }
    let mut codes = String::new();
    let added = to.modifier.difference(from.modifier);
    for (_, code) in MODIFIERS.iter().filter(|(m, _)| added.contains(*m)) {
        let _ = write!(codes, ";{code}");
    }
    for (before, after, base) in [(from.ink, to.ink, 30), (from.ground, to.ground, 40)] {
        match after {
            _ if after == before => {}
            Color::Reset => {
                let _ = write!(codes, ";{}", base + 9);
            }
            _ => colour(&mut codes, after, base),
        }
    }
    let _ = write!(text, "\x1b[{}m", codes.trim_start_matches(';'));
}

/// The sequence that sets this look after a reset: `ESC [ 0 ; ... m`.
fn sequence(Look { ink, ground, modifier }: Look) -> String {
    let mut codes = String::from("\x1b[0");
    for (_, code) in MODIFIERS.iter().filter(|(m, _)| modifier.contains(*m)) {
        let _ = write!(codes, ";{code}");
    }
    colour(&mut codes, ink, 30);
    colour(&mut codes, ground, 40);
    codes.push('m');
    codes
}

/// Appends the code of a colour; `base` is 30 for the foreground, 40 for the background.
fn colour(codes: &mut String, colour: Color, base: u8) {
    let _ = match (colour, number_of(colour)) {
        (_, Some(n)) if n < 8 => write!(codes, ";{}", base + n),
        (_, Some(n)) => write!(codes, ";{}", base + 60 + n - 8),
        (Color::Indexed(i), _) => write!(codes, ";{};5;{i}", base + 8),
        (Color::Rgb(r, g, b), _) => write!(codes, ";{};2;{r};{g};{b}", base + 8),
        _ => Ok(()),
    };
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};

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
    fn only_what_changes_is_sent_and_where_it_stands() {
        let before = Buffer::with_lines(["abc", "def"]);
        let mut after = Buffer::with_lines(["aXc", "猫Y"]);
        after[(1, 0)].set_fg(Color::Red);
        assert_eq!(
            changes(before.clone(), &after),
            "\x1b[1;2H\x1b[31mX\x1b[2;1H\x1b[0m猫\x1b[2;3HY"
        );
        assert_eq!(changes(after.clone(), &after), "");
    }

    #[test]
    fn of_a_look_only_what_differs_and_shows_is_sent() {
        let before = Buffer::with_lines(["     "]);
        let mut after = Buffer::with_lines(["ab cd"]);
        let colours = [(Color::Red, Color::Blue), (Color::Red, Color::Reset)];
        for (x, (fg, bg)) in (0..).zip(colours) {
            after[(x, 0)].set_fg(fg).set_bg(bg);
        }
        after[(2, 0)].set_fg(Color::Green).set_bg(Color::Yellow);
        after[(3, 0)].set_fg(Color::Red).set_bg(Color::Yellow);
        assert_eq!(
            changes(before, &after),
            "\x1b[1;1H\x1b[31;44ma\x1b[49mb\x1b[1;3H\x1b[43m c\x1b[0md".replace("\x1b[1;3H", "")
        );
    }

    #[test]
    fn a_sign_of_disputed_width_leaves_nothing_beside_it() {
        let (before, after) = (Buffer::with_lines(["abc"]), Buffer::with_lines(["☂\u{fe0f}c"]));
        assert_eq!(changes(before.clone(), &after), "\x1b[1;1H  \x1b[1;1H☂\u{fe0f}");
        // A flag may be drawn as two letters there.
        let blank = Buffer::with_lines(["  c"]);
        assert_eq!(changes(after, &blank), "\x1b[1;1H  ");
    }

    #[test]
    fn coloured_blanks_stay() {
        let mut buffer = Buffer::with_lines(["     "]);
        buffer[(4, 0)].set_bg(Color::LightBlue);
        assert_eq!(line(&buffer.content), "    \x1b[0;104m \x1b[0m");
    }
}
