//! How one matrix of numbers becomes terminal cells: a heat map with labels, numbers and a legend.
//!
//! Geometry stands apart from drawing: `Layout` is arithmetic, [`Heat::draw`] places characters.
//! A heat map knows no lesson, no site and no state.

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use crate::theme::Theme;

/// How values become colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Shares and gates, from 0 to 1.
    Unit,
    /// Signed values; the largest magnitude takes the ramp's end.
    Signed(f32),
}

impl Scale {
    /// A signed scale that fits all finite numbers.
    pub fn signed(numbers: impl Iterator<Item = f32>) -> Self {
        let finite = numbers.filter(|v| v.is_finite());
        Self::Signed(finite.fold(0.0_f32, |most, v| most.max(v.abs())).max(1e-6))
    }

    /// Where a value stands: 0 to 1, or -1 to 1.
    fn place(self, v: f32) -> f32 {
        match self {
            Self::Unit => v,
            Self::Signed(most) => v / most,
        }
    }

    const fn ends(self) -> (f32, f32) {
        match self {
            Self::Unit => (0.0, 1.0),
            Self::Signed(most) => (-most, most),
        }
    }
}

/// What stands above the columns.
pub enum Columns {
    /// Words.
    Labels(Vec<String>),
    /// Counted: a number now and then.
    Counted,
}

/// A matrix ready to be drawn.
pub struct Heat<'a> {
    pub theme: &'a Theme,
    pub n_rows: usize,
    pub n_cols: usize,
    pub value: Box<dyn Fn(usize, usize) -> f32 + 'a>,
    pub row_labels: Vec<String>,
    pub columns: Columns,
    pub scale: Scale,
    /// The cell under the cursor, and whether this pane has it.
    pub cursor: (usize, usize),
    pub focused: bool,
    /// What the axes count, for the legend: `query ↓ key →`.
    pub axes: String,
}

/// How wide a cell is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CellWidth {
    /// Coloured cells with numbers, this many columns each.
    Number(u16),
    /// Coloured cells only.
    Plain(u16),
    /// Two cells a character.
    Half,
}

impl CellWidth {
    fn columns(self, n: usize) -> usize {
        match self {
            Self::Number(w) | Self::Plain(w) => n * usize::from(w),
            Self::Half => n.div_ceil(2),
        }
    }

    fn fitting(self, columns: usize) -> usize {
        match self {
            Self::Number(w) | Self::Plain(w) => columns / usize::from(w),
            Self::Half => columns * 2,
        }
    }
}

/// Where everything stands inside an area.
#[derive(Clone, Debug, PartialEq)]
struct Layout {
    label_width: u16,
    header: u16,
    cell: CellWidth,
    rows: Range<usize>,
    cols: Range<usize>,
}

const HIGHEST_HEADER: usize = 8;

impl Heat<'_> {
    /// The size at which every number is in view, labels and legend included.
    pub fn ideal(&self) -> (u16, u16) {
        let width = self.label_width(200) as usize + self.n_cols.min(40) * 6;
        (width as u16, self.n_rows as u16 + 2)
    }

    /// The size below which the matrix says little.
    pub fn least(&self) -> (u16, u16) {
        let cells = self.n_cols.min(14) * 2;
        (self.label_width(40) + cells as u16, (self.n_rows as u16).min(4) + 3)
    }

    fn label_width(&self, area_width: u16) -> u16 {
        let widest = self.row_labels.iter().map(|l| l.width()).max().unwrap_or(0);
        (widest.min(usize::from(area_width) / 3) + 1) as u16
    }

    fn layout(&self, cell: CellWidth, area: Rect) -> Layout {
        let label_width = self.label_width(area.width).min(area.width);
        let room = usize::from(area.width - label_width);
        let header = self.header_height(cell, area.height);
        let body = usize::from(area.height.saturating_sub(header + 1));
        Layout {
            label_width,
            header,
            cell,
            rows: window(self.n_rows, body, self.cursor.0),
            cols: window(self.n_cols, cell.fitting(room), self.cursor.1),
        }
    }

    /// The widest cells with which all columns fit; where none do, cells that pan.
    fn cell_width(&self, room: usize) -> CellWidth {
        const WIDTHS: [CellWidth; 7] = [
            CellWidth::Number(7),
            CellWidth::Number(6),
            CellWidth::Number(5),
            CellWidth::Number(4),
            CellWidth::Plain(2),
            CellWidth::Plain(1),
            CellWidth::Half,
        ];
        let fits = |w: &CellWidth| w.columns(self.n_cols) <= room;
        let usable = |w: &&CellWidth| **w != CellWidth::Half || !self.is_without_colour();
        let fitting = WIDTHS.iter().filter(usable).copied().find(fits);
        fitting.unwrap_or(match self.columns {
            Columns::Labels(_) if self.n_cols > 100 => CellWidth::Number(9),
            Columns::Labels(_) => CellWidth::Plain(2),
            Columns::Counted => CellWidth::Plain(1),
        })
    }

    fn is_without_colour(&self) -> bool {
        self.theme.sequential(0.0).is_none()
    }

    fn header_height(&self, cell: CellWidth, area_height: u16) -> u16 {
        let Columns::Labels(labels) = &self.columns else { return 1.min(area_height) };
        if matches!(cell, CellWidth::Number(_)) {
            return 1.min(area_height);
        }
        let longest = labels.iter().map(|l| l.chars().count()).max().unwrap_or(0);
        // The rows come first: a header takes what they leave, but never less than three letters.
        let spare = usize::from(area_height).saturating_sub(self.n_rows + 1);
        let most = spare.clamp(3, HIGHEST_HEADER).min(usize::from(area_height) / 2);
        longest.min(most) as u16
    }

    /// Draws cells as wide as they fit.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        let room = area.width.saturating_sub(self.label_width(area.width));
        self.draw_as(self.cell_width(usize::from(room)), area, buf);
    }

    /// Draws cells with numbers, even if they pan: where a few numbers say more than all colours.
    pub fn draw_numbers(&self, area: Rect, buf: &mut Buffer) {
        self.draw_as(CellWidth::Number(7), area, buf);
    }

    fn draw_as(&self, cell: CellWidth, area: Rect, buf: &mut Buffer) {
        if area.is_empty() || self.n_rows == 0 || self.n_cols == 0 {
            return;
        }
        let layout = self.layout(cell, area);
        self.draw_header(&layout, area, buf);
        for (line, row) in layout.rows.clone().enumerate() {
            let y = area.y + layout.header + line as u16;
            if y >= area.bottom() {
                break;
            }
            self.draw_row_label(&layout, row, (area.x, y), buf);
            self.draw_cells(&layout, row, (area.x + layout.label_width, y), buf);
        }
        let y = area.y + layout.header + layout.rows.len() as u16;
        if y < area.bottom() {
            self.draw_legend(&layout, Rect { y, height: 1, ..area }, buf);
        }
    }

    fn draw_row_label(&self, layout: &Layout, row: usize, (x, y): (u16, u16), buf: &mut Buffer) {
        let Some(label) = self.row_labels.get(row) else { return };
        let width = usize::from(layout.label_width).saturating_sub(1);
        let text = fit(label, width);
        let indent = width.saturating_sub(text.width()) as u16;
        buf.set_stringn(x + indent, y, text, width, self.label_style(row == self.cursor.0));
    }

    fn label_style(&self, is_at_cursor: bool) -> Style {
        if is_at_cursor { self.theme.accent().add_modifier(Modifier::BOLD) } else { Style::new() }
    }

    fn draw_header(&self, layout: &Layout, area: Rect, buf: &mut Buffer) {
        let left = area.x + layout.label_width;
        match (&self.columns, layout.cell) {
            (Columns::Labels(labels), CellWidth::Number(w)) => {
                for (i, col) in layout.cols.clone().enumerate() {
                    let Some(label) = labels.get(col) else { continue };
                    let width = usize::from(w) - 1;
                    let text = fit(label, width);
                    let indent = 1 + (width - text.width().min(width)) as u16;
                    let x = left + i as u16 * w + indent;
                    let style = self.label_style(col == self.cursor.1);
                    buf.set_stringn(x, area.y, text, width, style);
                }
            }
            (Columns::Labels(labels), cell) => self.draw_upright(labels, cell, layout, area, buf),
            (Columns::Counted, cell) => self.draw_count(cell, layout, (left, area.y), buf),
        }
    }

    /// Words above narrow columns, letter under letter.
    fn draw_upright(
        &self,
        labels: &[String],
        cell: CellWidth,
        layout: &Layout,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let high = usize::from(layout.header);
        for (i, col) in layout.cols.clone().enumerate() {
            let Some(label) = labels.get(col) else { continue };
            let narrow = |c: char| if c.to_string().width() == 1 { c } else { '?' };
            let letters: Vec<char> = label.chars().take(high).map(narrow).collect();
            let x = area.x + layout.label_width + cell.columns(i) as u16;
            for (j, letter) in letters.iter().enumerate() {
                let y = area.y + (high - letters.len() + j) as u16;
                if x < area.right() && y < area.bottom() {
                    buf[(x, y)].set_char(*letter).set_style(self.label_style(col == self.cursor.1));
                }
            }
        }
    }

    /// The cursor's column by number, and others as far from it as stays legible.
    fn draw_count(
        &self,
        cell: CellWidth,
        layout: &Layout,
        (left, y): (u16, u16),
        buf: &mut Buffer,
    ) {
        let every = match cell {
            CellWidth::Number(_) => 1,
            CellWidth::Plain(w) => 8 / usize::from(w),
            CellWidth::Half => 16,
        };
        for (i, col) in layout.cols.clone().enumerate() {
            let is_cursor = self.focused && col == self.cursor.1;
            let near = self.focused && col.abs_diff(self.cursor.1) * 2 < every * 2 && every > 1;
            if is_cursor || (col % every == 0 && !near) {
                let x = left + cell.columns(i) as u16;
                let text = match cell {
                    CellWidth::Number(w) => format!("{col:>width$}", width = usize::from(w)),
                    _ => col.to_string(),
                };
                let room = usize::from(buf.area.right().saturating_sub(x));
                let style = if is_cursor { self.label_style(true) } else { self.theme.dim() };
                buf.set_stringn(x, y, text, room.min(7), style);
            }
        }
    }

    fn draw_cells(&self, layout: &Layout, row: usize, (left, y): (u16, u16), buf: &mut Buffer) {
        if layout.cell == CellWidth::Half {
            return self.draw_half_cells(layout, row, (left, y), buf);
        }
        for (i, col) in layout.cols.clone().enumerate() {
            let v = (self.value)(row, col);
            let is_cursor = self.focused && (row, col) == self.cursor;
            let x = left + layout.cell.columns(i) as u16;
            let (text, style) = match layout.cell {
                CellWidth::Number(w) => self.number_cell(v, usize::from(w), is_cursor),
                CellWidth::Plain(w) => self.plain_cell(v, usize::from(w), is_cursor),
                CellWidth::Half => continue,
            };
            buf.set_string(x, y, text, style);
        }
    }

    fn style(&self, v: f32) -> Option<Style> {
        let at = self.scale.place(v);
        let colour = match self.scale {
            Scale::Unit => self.theme.sequential(at),
            Scale::Signed(_) => self.theme.diverging(at),
        };
        colour.filter(|_| v.is_finite()).map(|c| self.theme.on(c))
    }

    fn number_cell(&self, v: f32, width: usize, is_cursor: bool) -> (String, Style) {
        if is_cursor {
            let number = self.theme.number(v, width - 2);
            return (format!("{:>width$}", format!("[{}]", number.trim())), self.theme.cursor());
        }
        let plain = || if v.is_finite() { Style::new() } else { self.theme.dim() };
        (format!("{} ", self.theme.number(v, width - 1)), self.style(v).unwrap_or_else(plain))
    }

    fn plain_cell(&self, v: f32, width: usize, is_cursor: bool) -> (String, Style) {
        let fill = if v.is_nan() {
            '?'
        } else if v.is_infinite() {
            if self.theme.is_ascii() { 'x' } else { '×' }
        } else if self.is_without_colour() {
            self.theme.shade(self.scale.place(v))
        } else {
            ' '
        };
        if is_cursor {
            let mark = if width == 2 { "[]" } else { self.theme.glyph("◆", "@") };
            return (mark.to_owned(), self.theme.cursor());
        }
        let style = self.style(v).unwrap_or_else(|| self.theme.dim());
        (fill.to_string().repeat(width), style)
    }

    /// Two columns a character: the left half is the ink, the right half the ground.
    fn draw_half_cells(
        &self,
        layout: &Layout,
        row: usize,
        (left, y): (u16, u16),
        buf: &mut Buffer,
    ) {
        for (i, col) in layout.cols.clone().step_by(2).enumerate() {
            let colour = |col: usize| {
                let v = if col < self.n_cols { (self.value)(row, col) } else { f32::NAN };
                self.style(v).and_then(|s| s.bg)
            };
            let is_cursor = self.focused && row == self.cursor.0 && self.cursor.1 / 2 == col / 2;
            let mut style = Style::new();
            style.fg = colour(col);
            style.bg = colour(col + 1);
            let (mark, style) =
                if is_cursor { ("◆", self.theme.cursor()) } else { ("▌", style) };
            buf.set_string(left + i as u16, y, mark, style);
        }
    }

    fn draw_legend(&self, layout: &Layout, line: Rect, buf: &mut Buffer) {
        const STEPS: u16 = 9;
        let (low, high) = self.scale.ends();
        let dim = self.theme.dim();
        let number = |v| self.theme.number(v, 5).trim().to_owned();
        let mut x = line.x + layout.label_width.min(line.width);
        let mut put = |buf: &mut Buffer, text: &str, style: Style| {
            let room = usize::from(line.right().saturating_sub(x));
            x = buf.set_stringn(x, line.y, text, room, style).0;
        };
        put(buf, &number(low), dim);
        put(buf, " ", dim);
        for i in 0..STEPS {
            let v = low + (high - low) * f32::from(i) / f32::from(STEPS - 1);
            let (text, style) = self.plain_cell(v, 1, false);
            put(buf, &text, style);
        }
        put(buf, &format!(" {}", number(high)), dim);
        if self.has_masked(layout) {
            put(buf, self.theme.glyph("  × masked", "  x masked"), dim);
        }
        put(buf, &format!("  {}", self.axes), dim);
        if layout.rows.len() < self.n_rows {
            let Range { start, end } = layout.rows;
            put(buf, &format!("  rows {}-{} of {}", start + 1, end, self.n_rows), dim);
        }
        if layout.cols.len() < self.n_cols {
            let Range { start, end } = layout.cols;
            let last = end.saturating_sub(1);
            put(buf, &format!("  columns {start}-{last} of {}", self.n_cols), dim);
        }
    }

    fn has_masked(&self, layout: &Layout) -> bool {
        layout.rows.clone().any(|r| layout.cols.clone().any(|c| (self.value)(r, c).is_infinite()))
    }
}

/// The part of `n` things of which `room` fit, with `at` inside and, where possible, in the middle.
pub fn window(n: usize, room: usize, at: usize) -> Range<usize> {
    let room = room.min(n);
    let start = at.saturating_sub(room / 2).min(n - room);
    start..start + room
}

/// Text in at most `width` columns, its end cut with `…` where it is longer.
pub fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        let next = format!("{out}{c}");
        if next.width() + 1 > width {
            break;
        }
        out = next;
    }
    if width > 0 { out + "…" } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::{Depth, Glyphs};

    fn heat(theme: &Theme, n_rows: usize, n_cols: usize) -> Heat<'_> {
        Heat {
            theme,
            n_rows,
            n_cols,
            value: Box::new(|r, c| (r as f32 - c as f32) / 10.0),
            row_labels: (0..n_rows).map(|i| format!("row{i}")).collect(),
            columns: Columns::Counted,
            scale: Scale::Signed(1.0),
            cursor: (1, 2),
            focused: true,
            axes: String::new(),
        }
    }

    #[test]
    fn a_window_holds_its_place() {
        assert_eq!(window(10, 4, 0), 0..4);
        assert_eq!(window(10, 4, 5), 3..7);
        assert_eq!(window(10, 4, 9), 6..10);
        assert_eq!(window(3, 10, 2), 0..3);
        assert_eq!(window(0, 10, 0), 0..0);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(fit("animal", 6), "animal");
        assert_eq!(fit("animals", 6), "anima…");
        assert_eq!(fit("猫猫猫", 4), "猫…");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn cells_are_as_wide_as_they_fit() {
        let theme = Theme::default();
        let h = heat(&theme, 5, 13);
        assert_eq!(h.cell_width(95), CellWidth::Number(7));
        assert_eq!(h.cell_width(66), CellWidth::Number(5));
        assert_eq!(h.cell_width(30), CellWidth::Plain(2));
        assert_eq!(heat(&theme, 5, 128).cell_width(70), CellWidth::Half);
        assert_eq!(
            heat(&Theme::new(Depth::None, Glyphs::Ascii), 5, 128).cell_width(70),
            CellWidth::Plain(1)
        );
    }

    #[test]
    fn the_cursor_is_in_view_and_marked_at_every_size() {
        for depth in [Depth::None, Depth::Sixteen, Depth::Indexed, Depth::True] {
            let theme = Theme::new(depth, Glyphs::Unicode);
            for (width, height) in [(0, 0), (1, 1), (9, 3), (30, 6), (76, 14), (190, 48)] {
                let mut h = heat(&theme, 40, 64);
                h.cursor = (39, 63);
                let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
                h.draw(buf.area, &mut buf);
                let marked = buf.content.iter().any(|c| c.modifier.contains(Modifier::REVERSED));
                assert!(marked || width < 30, "{depth:?} {width}x{height}");
            }
        }
    }
}
