//! A drawn buffer as visible cells: the symbol of each cell and its two colours.
//!
//! Named colours, reversed and dim text, and the terminal's default colours are resolved here, so that all exporters
//! with colours of their own show the same.

use ratatui::{
    buffer::{Buffer, Cell},
    style::Modifier,
};
use unicode_width::UnicodeWidthStr;

use crate::ui::theme::{Rgb, Theme, rgb};

/// The share of the foreground in dim text; the rest is background.
const DIM: f32 = 0.6;

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Painted {
    /// One grapheme; a space if the cell is empty.
    pub symbol: String,
    /// Width in columns: 1 or 2; 0 if a wide character before it covers the cell.
    pub columns: u8,
    pub look: CellLook,
}

/// Colours and text attributes of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "each is a stroke of its own")]
pub struct CellLook {
    pub ink: Rgb,
    pub ground: Rgb,
    pub is_bold: bool,
    pub is_italic: bool,
    pub is_underlined: bool,
    pub is_crossed_out: bool,
}

/// The cells of a frame, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// In cells.
    pub width: usize,
    pub height: usize,
    pub cells: Vec<Painted>,
    /// The look of plain text.
    pub paper: CellLook,
}

impl Picture {
    /// The picture of a buffer that was drawn in this theme.
    pub fn of(buffer: &Buffer, theme: &Theme) -> Self {
        let (ink, ground) = theme.paper();
        let paper = CellLook {
            ink,
            ground,
            is_bold: false,
            is_italic: false,
            is_underlined: false,
            is_crossed_out: false,
        };
        let [width, height] = [buffer.area.width, buffer.area.height].map(usize::from);
        let rows = buffer.content.chunks(width.max(1));
        Self { width, height, cells: rows.flat_map(|cells| row(cells, &paper)).collect(), paper }
    }

    /// The rows, top to bottom.
    pub fn rows(&self) -> impl Iterator<Item = &[Painted]> {
        self.cells.chunks(self.width.max(1))
    }
}

fn row(cells: &[Cell], paper: &CellLook) -> Vec<Painted> {
    let mut covered = 0; // columns that the wide character before still takes
    let mut painted = Vec::with_capacity(cells.len());
    for (x, cell) in cells.iter().enumerate() {
        // A wide character that does not fit at the end of a row becomes a space.
        let wide = cell.symbol().width().clamp(1, 2);
        let fits = x + wide <= cells.len();
        let columns = if covered > 0 { 0 } else { wide * usize::from(fits) + usize::from(!fits) };
        let symbol = match columns {
            0 => "",
            _ if fits && !cell.symbol().is_empty() => cell.symbol(),
            _ => " ",
        };
        covered = if columns == 0 { covered - 1 } else { columns - 1 };
        let look = look(cell, paper);
        painted.push(Painted { symbol: symbol.into(), columns: columns as u8, look });
    }
    painted
}

fn look(cell: &Cell, paper: &CellLook) -> CellLook {
    let is = |modifier| cell.modifier.contains(modifier);
    let (mut ink, mut ground) =
        (rgb(cell.fg).unwrap_or(paper.ink), rgb(cell.bg).unwrap_or(paper.ground));
    if is(Modifier::REVERSED) {
        (ink, ground) = (ground, ink);
    }
    if is(Modifier::DIM) {
        ink = mixed(ink, ground, DIM);
    }
    if is(Modifier::HIDDEN) {
        ink = ground;
    }
    CellLook {
        ink,
        ground,
        is_bold: is(Modifier::BOLD),
        is_italic: is(Modifier::ITALIC),
        is_underlined: is(Modifier::UNDERLINED),
        is_crossed_out: is(Modifier::CROSSED_OUT),
    }
}

/// A mix of two colours: `share` of `a`, the rest of `b`.
fn mixed(a: Rgb, b: Rgb, share: f32) -> Rgb {
    let mix = |a: u8, b: u8| (f32::from(a) * share + f32::from(b) * (1.0 - share)).round() as u8;
    (mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Style};

    use super::*;
    use crate::ui::theme::{Depth, Glyphs};

    fn picture(line: &str, style: Style) -> Picture {
        let mut buffer = Buffer::with_lines([line]);
        buffer.set_style(buffer.area, style);
        Picture::of(&buffer, &Theme::new(Depth::True, Glyphs::Unicode))
    }

    #[test]
    fn wide_characters_cover_the_next_cell() {
        let cells = picture("a猫b", Style::new()).cells;
        let seen: Vec<_> = cells.iter().map(|c| (c.symbol.as_str(), c.columns)).collect();
        assert_eq!(seen, [("a", 1), ("猫", 2), ("", 0), ("b", 1)]);
    }

    #[test]
    fn half_a_wide_character_is_blank() {
        let mut buffer = Buffer::with_lines(["ab"]);
        buffer[(1, 0)].set_symbol("猫");
        let cells = Picture::of(&buffer, &Theme::default()).cells;
        assert_eq!((cells[1].symbol.as_str(), cells[1].columns), (" ", 1));
    }

    #[test]
    fn colours_are_settled() {
        let red =
            picture("x", Style::new().fg(Color::Indexed(196)).add_modifier(Modifier::REVERSED));
        assert_eq!(red.cells[0].look.ground, (255, 0, 0));
        assert_eq!(red.cells[0].look.ink, red.paper.ground);
        let dim = picture(
            "x",
            Style::new().fg(Color::White).bg(Color::Black).add_modifier(Modifier::DIM),
        );
        assert_eq!(dim.cells[0].look.ink, (153, 153, 153));
        assert_eq!(picture("x", Style::new()).cells[0].look, red.paper);
    }
}
