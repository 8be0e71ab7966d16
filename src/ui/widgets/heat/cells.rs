//! Draws the cells of a heat map, in the width that its layout gives them.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::{Color, Style},
};

use super::{
    Heat, Scale,
    layout::{CellWidth, Layout},
};
use crate::engine::value::PlaneCell;

/// The cursor on the upper or the lower of two rows on a line.
const UPPER: char = '▴';
const LOWER: char = '▾';

/// Columns of the longest number.
const MAX_NUMBER_WIDTH: usize = 8;

impl Heat<'_> {
    /// Draws one line of a row that is several lines high, without numbers.
    pub(super) fn draw_background(
        &self,
        layout: &Layout,
        row: usize,
        start: Position,
        buf: &mut Buffer,
    ) {
        if layout.lines_per_row == 1 {
            return;
        }
        if layout.cell == CellWidth::Half {
            return self.draw_half_cells(layout, row, start, false, buf);
        }
        for (i, col) in layout.cols.clone().enumerate() {
            let (CellWidth::Number(w) | CellWidth::Plain(w)) = layout.cell else { return };
            let (text, style) =
                self.cell_without_number(PlaneCell { row, col }, usize::from(w), false);
            let has_number = matches!(layout.cell, CellWidth::Number(_));
            let is_gap = self.colours.has_gaps && (self.value)(row, col).is_nan();
            let is_blank = has_number && (self.is_without_colour() || is_gap);
            let text = if is_blank { " ".repeat(usize::from(w)) } else { text };
            buf.set_string(start.x + layout.cell.columns(i) as u16, start.y, text, style);
        }
    }

    pub(super) fn draw_cells(
        &self,
        layout: &Layout,
        row: usize,
        start: Position,
        buf: &mut Buffer,
    ) {
        match layout.cell {
            CellWidth::Half => return self.draw_half_cells(layout, row, start, true, buf),
            CellWidth::Block { .. } => return self.draw_blocks(layout, row, start, buf),
            _ => {}
        }
        for (i, col) in layout.cols.clone().enumerate() {
            let is_cursor = self.is_cursor(row, col);
            let at = Position { x: start.x + layout.cell.columns(i) as u16, ..start };
            match layout.cell {
                CellWidth::Number(w) => {
                    self.draw_number(PlaneCell { row, col }, w, is_cursor, at, buf);
                    if !is_cursor && self.mark(row, col).is_some() {
                        let width = w - 1;
                        let area = Rect::from((at, Size { width, height: 1 }));
                        buf.set_style(area, self.theme.strong().underlined());
                    }
                }
                CellWidth::Plain(w) => {
                    let (text, style) =
                        self.cell_without_number(PlaneCell { row, col }, usize::from(w), is_cursor);
                    let is_marked = !is_cursor && self.mark(row, col).is_some();
                    let text = if is_marked { self.dot().repeat(usize::from(w)) } else { text };
                    buf.set_string(at.x, at.y, text, style);
                }
                CellWidth::Strip(w) => self.draw_pair(PlaneCell { row, col }, w, at, buf),
                CellWidth::Half | CellWidth::Block { .. } => {}
            }
        }
    }

    /// Draws a number right-aligned with a space after it; the cursor's brackets take the spaces around it, so that no
    /// digit is lost.
    fn draw_number(
        &self,
        PlaneCell { row, col }: PlaneCell,
        width: u16,
        is_cursor: bool,
        Position { x, y }: Position,
        buf: &mut Buffer,
    ) {
        let v = (self.value)(row, col);
        let inner = usize::from(width) - 1;
        let number = if v.is_nan() && self.colours.has_gaps {
            self.gap().to_string()
        } else {
            self.number(v, inner.min(MAX_NUMBER_WIDTH))
        };
        let number = format!("{number:>inner$}");
        let plain = || if v.is_finite() { Style::new() } else { self.theme.dim() };
        let colour = self.colour_at(row, col);
        let style = colour.map_or_else(plain, |colour| self.theme.on(colour));
        if !is_cursor {
            let faint = self.scale.is_of_shares() && v < 0.005;
            let ink = if faint { self.theme.dim() } else { Style::new() };
            buf.set_string(x, y, format!("{number} "), style.patch(ink));
            return;
        }
        let blank = inner - number.trim_start().chars().count();
        buf.set_string(x, y, " ".repeat(usize::from(width)), style);
        let text = format!("[{}]", number.trim_start());
        let cursor = self.theme.cursor().fg(Color::Reset).bg(Color::Reset);
        buf.set_string((x + blank as u16).saturating_sub(1), y, text, cursor);
    }

    /// Draws two rows in one line: the upper one in the foreground colour, the lower one in the background colour.
    fn draw_pair(
        &self,
        PlaneCell { row, col }: PlaneCell,
        width: u16,
        Position { x, y }: Position,
        buf: &mut Buffer,
    ) {
        let (sign, style) = self.pair(self.colour_at(row, col), self.colour_at(row + 1, col));
        buf.set_string(x, y, sign.repeat(usize::from(width)), style);
        let [is_upper, is_lower] = [row, row + 1].map(|row| self.is_cursor(row, col));
        if [row, row + 1].into_iter().any(|row| self.mark(row, col).is_some()) {
            buf.set_string(x, y, self.dot().repeat(usize::from(width)), style);
        }
        if is_upper || is_lower {
            let mark = if is_upper { UPPER } else { LOWER };
            let cursor = self.theme.cursor().fg(Color::Reset).bg(Color::Reset);
            buf.set_string(x, y, bracketed(mark, usize::from(width)), cursor);
        }
    }

    /// Sign and style of two cells on top of each other; one that is masked, missing or left out has no colour.
    fn pair(&self, upper: Option<Color>, lower: Option<Color>) -> (&'static str, Style) {
        let is_masked = !self.colours.has_gaps && !self.leaves_out_first();
        match (upper, lower) {
            (None, None) if is_masked => (self.theme.glyph("×", "x"), self.theme.dim()),
            (None, None) => (self.theme.glyph("·", "."), self.theme.dim()),
            (None, lower) => ("▄", halves(lower, None)),
            (upper, lower) => ("▀", halves(upper, lower)),
        }
    }

    /// Whether a cell is drawn as the cursor: it has the chosen mark or, without a mark, the focused cursor.
    fn is_cursor(&self, row: usize, col: usize) -> bool {
        match self.mark(row, col) {
            Some(is_chosen) => is_chosen,
            None => self.focused && PlaneCell { row, col } == self.cursor,
        }
    }

    fn mark(&self, row: usize, col: usize) -> Option<bool> {
        self.marks.get(row, col)
    }

    /// The sign of a number that is not there.
    fn gap(&self) -> char {
        if self.theme.is_ascii() { '.' } else { '·' }
    }

    fn dot(&self) -> &'static str {
        self.theme.glyph("•", "o")
    }

    fn colour(&self, v: f32) -> Option<Color> {
        let position = self.position(v);
        let colour = match self.scale {
            Scale::Unit | Scale::Shares { .. } | Scale::Amount(_) => {
                self.theme.sequential(position)
            }
            Scale::Signed(_) | Scale::Clipped { .. } => self.theme.diverging(position),
        };
        colour.filter(|_| v.is_finite())
    }

    /// The colour of a cell; none beyond the last row or column, and none of a column that is left out.
    fn colour_at(&self, row: usize, col: usize) -> Option<Color> {
        let is_there = row < self.n_rows && col < self.n_cols && !self.is_left_out(col);
        is_there.then(|| self.coloured(row, col)).and_then(|v| self.colour(v))
    }

    const fn is_left_out(&self, col: usize) -> bool {
        self.leaves_out_first() && col == 0
    }

    /// Text and style of a cell without its number; a column that is left out has a dot.
    fn cell_without_number(
        &self,
        PlaneCell { row, col }: PlaneCell,
        width: usize,
        is_cursor: bool,
    ) -> (String, Style) {
        if self.is_left_out(col) && !is_cursor {
            return (self.theme.glyph("·", ".").repeat(width), self.theme.dim());
        }
        self.plain_cell(self.coloured(row, col), width, is_cursor)
    }

    fn style(&self, v: f32) -> Option<Style> {
        self.colour(v).map(|colour| self.theme.on(colour))
    }

    /// Text and style of a cell without its number.
    pub(super) fn plain_cell(&self, v: f32, width: usize, is_cursor: bool) -> (String, Style) {
        let fill = if v.is_nan() {
            if self.colours.has_gaps { self.gap() } else { '?' }
        } else if v.is_infinite() {
            if self.theme.is_ascii() { 'x' } else { '×' }
        } else if self.is_without_colour() {
            self.theme.shade(self.position(v))
        } else {
            ' '
        };
        if is_cursor {
            let mark = if self.theme.is_ascii() { '@' } else { '◆' };
            return (bracketed(mark, width), self.theme.cursor());
        }
        let style = self.style(v).unwrap_or_else(|| self.theme.dim());
        (fill.to_string().repeat(width), style)
    }

    /// Draws two columns per character: the left one in the foreground colour, the right one in the background colour.
    fn draw_half_cells(
        &self,
        layout: &Layout,
        row: usize,
        start: Position,
        has_marks: bool,
        buf: &mut Buffer,
    ) {
        for (i, col) in layout.cols.clone().step_by(2).enumerate() {
            let is_cursor = self.is_cursor(row, col) || self.is_cursor(row, col + 1);
            let is_marked = [col, col + 1].into_iter().any(|col| self.mark(row, col).is_some());
            let (mark, style) = match (has_marks && is_cursor, has_marks && is_marked) {
                (true, _) => ("◆", self.theme.cursor()),
                (false, true) => (self.dot(), self.theme.accent()),
                (false, false) => {
                    ("▌", halves(self.colour_at(row, col), self.colour_at(row, col + 1)))
                }
            };
            buf.set_string(start.x + i as u16, start.y, mark, style);
        }
    }

    /// Draws blocks of cells, one per character, or two on top of each other with half blocks.
    fn draw_blocks(&self, layout: &Layout, row: usize, start: Position, buf: &mut Buffer) {
        let CellWidth::Block { rows, cols, has_halves } = layout.cell else { return };
        let block = |row: usize| row.min(self.n_rows)..(row + rows).min(self.n_rows);
        let line = row..(row + layout.cell.rows_per_line()).min(self.n_rows);
        for (i, col) in layout.cols.clone().step_by(cols).enumerate() {
            let columns = col..(col + cols).min(self.n_cols);
            let upper = self.most_prominent(block(row), columns.clone());
            let (sign, style) = if has_halves {
                let lower = Some(block(row + rows)).filter(|rows| !rows.is_empty());
                let lower = lower.map(|rows| self.most_prominent(rows, columns.clone()));
                let lower = lower.and_then(|v| self.colour(v));
                let (sign, style) = self.pair(self.colour(upper), lower);
                (sign.to_owned(), style)
            } else {
                self.plain_cell(upper, 1, false)
            };
            let has_cursor = self.focused
                && line.contains(&self.cursor.row)
                && columns.contains(&self.cursor.col);
            let mark = self.marks.in_block(&line, &columns).or(has_cursor.then_some(true));
            let (sign, style) = match mark {
                // Of two rows on a line, the sign tells which one has the cursor.
                Some(true) if rows == 1 && has_halves && has_cursor => {
                    let sign = if self.cursor.row == row { UPPER } else { LOWER };
                    (sign.to_string(), self.theme.cursor())
                }
                Some(true) => (self.theme.glyph("◆", "@").to_owned(), self.theme.cursor()),
                Some(false) => (self.dot().to_owned(), self.theme.accent()),
                None => (sign, style),
            };
            buf.set_string(start.x + i as u16, start.y, sign, style);
        }
    }
}

/// Style with one half of a character in the foreground colour, the other in the background colour.
fn halves(foreground: Option<Color>, background: Option<Color>) -> Style {
    let mut style = Style::new();
    (style.fg, style.bg) = (foreground, background);
    style
}

/// A cursor mark as wide as a cell: `[]` in two columns, `[ ◆ ]` in five.
fn bracketed(mark: char, width: usize) -> String {
    match width {
        0 => String::new(),
        1 => mark.to_string(),
        2 => "[]".to_owned(),
        _ => format!("[{mark:^inner$}]", inner = width - 2),
    }
}
