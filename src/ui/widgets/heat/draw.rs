//! Draws a heat map according to its layout: rows of cells, labels and headings.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use super::{
    Columns, Heat, Labels,
    layout::{CellWidth, Layout, NUMBERS},
};
use crate::ui::widgets::lines::{fit, whole};

impl Heat<'_> {
    /// Draws cells as wide as fits.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        self.draw_as(self.fitting_cell(area), area, buf);
    }

    /// Draws cells with numbers, even if not all columns fit: for panes whose few numbers matter more than an overview.
    pub fn draw_numbers(&self, area: Rect, buf: &mut Buffer) {
        self.draw_as(NUMBERS, area, buf);
    }

    /// Draws many rows of few columns, two rows per line where the terminal can show half blocks.
    pub fn draw_strips(&self, area: Rect, buf: &mut Buffer) {
        self.draw_as(self.strips(area), area, buf);
    }

    fn draw_as(&self, cell: CellWidth, area: Rect, buf: &mut Buffer) {
        if area.is_empty() || self.n_rows == 0 || self.n_cols == 0 {
            return;
        }
        let layout = self.layout(cell, area);
        self.draw_header(&layout, area, buf);
        let rows_per_line = cell.rows_per_line();
        for (line, row) in layout.rows.clone().step_by(rows_per_line).enumerate() {
            let y = area.y + layout.header_height + line as u16 * layout.lines_per_row;
            if y >= area.bottom() {
                break;
            }
            let middle = y + (layout.lines_per_row - 1) / 2;
            self.draw_row_label(&layout, row, Position::new(area.x, middle), buf);
            let x = area.x + layout.label_width;
            for y in (y..y + layout.lines_per_row).filter(|y| *y != middle) {
                self.draw_background(&layout, row, Position { x, y }, buf);
            }
            self.draw_cells(&layout, row, Position { x, y: middle }, buf);
        }
        let n_lines = layout.rows.len().div_ceil(rows_per_line) as u16 * layout.lines_per_row;
        let y = area.y + layout.header_height + n_lines;
        if self.has_legend && y < area.bottom() {
            self.draw_legend(&layout, Rect { y, height: 1, ..area }, buf);
        }
    }

    /// Draws, on a line outside of an area, the legend of the cells that [`Self::draw`] draws in it.
    pub fn draw_legend_of(&self, area: Rect, line: Rect, buf: &mut Buffer) {
        if !area.is_empty() && !line.is_empty() && self.n_rows > 0 && self.n_cols > 0 {
            self.draw_legend(&self.layout(self.fitting_cell(area), area), line, buf);
        }
    }

    fn draw_row_label(&self, layout: &Layout, row: usize, start: Position, buf: &mut Buffer) {
        let rows_per_line = layout.cell.rows_per_line();
        let is_at_cursor = row / rows_per_line == self.cursor.row / rows_per_line;
        let is_overview = matches!(layout.cell, CellWidth::Block { rows: 2.., .. });
        let (label, style) = match (is_overview, is_at_cursor) {
            (_, true) => (self.row_labels.get(self.cursor.row), self.label_style(true)),
            (true, false) => (row_number(row, rows_per_line), self.theme.dim()),
            (false, false) => (self.row_labels.get(row), self.label_style(false)),
        };
        let Some(label) = label else { return };
        let width = usize::from(layout.label_width).saturating_sub(1);
        let text = fit(&label, width);
        let indent = width.saturating_sub(text.width()) as u16;
        buf.set_stringn(start.x + indent, start.y, text, width, style);
    }

    fn label_style(&self, is_at_cursor: bool) -> Style {
        if is_at_cursor { self.theme.accent().add_modifier(Modifier::BOLD) } else { Style::new() }
    }

    fn draw_header(&self, layout: &Layout, area: Rect, buf: &mut Buffer) {
        if layout.header_height == 0 {
            return;
        }
        let left = area.x + layout.label_width;
        if let Columns::Ends(labels) = &self.columns {
            let width = area.right().saturating_sub(left);
            return self.draw_ends(labels, layout, Rect { x: left, width, ..area }, buf);
        }
        if let CellWidth::Block { .. } = layout.cell {
            let width = area.right().saturating_sub(left);
            return self.draw_block_headings(layout, Rect { x: left, width, ..area }, buf);
        }
        match (&self.columns, layout.cell.label_width_above()) {
            (Columns::Labels(labels), above) => {
                let interval = self.grid().label_interval(layout.cell, layout.header_height);
                match interval.or(above.map(|_| 1)) {
                    Some(interval) => self.draw_labels_above(labels, interval, layout, area, buf),
                    None => self.draw_vertical_labels(labels, layout.cell, layout, area, buf),
                }
            }
            (Columns::Counted | Columns::Ends(_), _) => {
                let width = area.right().saturating_sub(left);
                self.draw_column_numbers(layout, Rect { x: left, width, ..area }, buf);
            }
        }
    }

    /// Draws labels above cells, ending at the cell's right edge, on as many lines in turn as the header has: that of
    /// the cursor's column and others at an interval from it.
    fn draw_labels_above(
        &self,
        labels: &Labels,
        interval: usize,
        layout: &Layout,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let n_lines = usize::from(layout.header_height);
        let room = layout.cell.columns(n_lines * interval).saturating_sub(1);
        let is_labelled = |col: &usize| col % interval == self.cursor.col % interval;
        for (nth, col) in layout.cols.clone().filter(is_labelled).enumerate() {
            let Some(label) = labels.get(col) else { continue };
            let end = layout.cell.columns(col - layout.cols.start + 1) as u16;
            let end = area.x + layout.label_width + end;
            let width = room.min(usize::from(end.saturating_sub(area.x)));
            let text = fit(&label, width);
            let x = end - text.width() as u16;
            let style = self.label_style(col == self.cursor.col);
            buf.set_stringn(x, area.y + (nth % n_lines) as u16, text, width, style);
        }
    }

    /// Draws labels above narrow columns, one letter per line.
    fn draw_vertical_labels(
        &self,
        labels: &Labels,
        cell: CellWidth,
        layout: &Layout,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let height = usize::from(layout.header_height);
        for (i, col) in layout.cols.clone().enumerate() {
            let Some(label) = labels.get(col) else { continue };
            let narrow = |c: char| if c.to_string().width() == 1 { c } else { '?' };
            let letters: Vec<char> = label.chars().take(height).map(narrow).collect();
            let x = area.x + layout.label_width + cell.columns(i) as u16;
            for (j, letter) in letters.iter().enumerate() {
                let y = area.y + (height - letters.len() + j) as u16;
                if x < area.right() && y < area.bottom() {
                    buf[(x, y)]
                        .set_char(*letter)
                        .set_style(self.label_style(col == self.cursor.col));
                }
            }
        }
    }

    /// Draws the label of the cursor's column, and those of the first and the last where they are clear of it.
    fn draw_ends(&self, labels: &Labels, layout: &Layout, line: Rect, buf: &mut Buffer) {
        let [name, first, last] =
            [self.cursor.col, layout.cols.start, layout.cols.end.saturating_sub(1)]
                .map(|col| labels.get(col).unwrap_or_default());
        let name = fit(&name, line.width.into());
        let before = self.cursor.col.saturating_sub(layout.cols.start);
        let at = line.x + layout.cell.columns(before) as u16;
        let from = at.min(line.right() - name.width() as u16);
        let to = from + name.width() as u16;
        let mut put = |x: u16, text: &str, style| {
            buf.set_stringn(x, line.y, text, line.right().saturating_sub(x).into(), style);
        };
        put(from, &name, self.label_style(true));
        if line.x + (first.width() as u16) < from {
            put(line.x, &first, self.theme.dim());
        }
        let end = line.x + layout.cell.columns(layout.cols.len()) as u16;
        let is_cursors = self.cursor.col + 1 >= layout.cols.end;
        if let Some(x) = end.checked_sub(last.width() as u16).filter(|x| *x > to && !is_cursors) {
            put(x, &last, self.theme.dim());
        }
    }

    /// Draws the number of the cursor's column, and others at intervals and clear of it.
    fn draw_column_numbers(&self, layout: &Layout, line: Rect, buf: &mut Buffer) {
        let cell = layout.cell;
        let interval = match cell {
            CellWidth::Number(_) => 1,
            CellWidth::Plain(w) | CellWidth::Strip(w) => (8 / usize::from(w)).max(1),
            CellWidth::Half | CellWidth::Block { .. } => 16,
        };
        for (i, col) in layout.cols.clone().enumerate() {
            let is_cursor = self.focused && col == self.cursor.col;
            let is_near_cursor =
                self.focused && col.abs_diff(self.cursor.col) * 2 < interval * 2 && interval > 1;
            if is_cursor || (col % interval == 0 && !is_near_cursor) {
                let mut x = line.x + cell.columns(i) as u16;
                let text = match cell {
                    CellWidth::Number(w) => format!("{col:>width$}", width = usize::from(w) - 1),
                    _ => col.to_string(),
                };
                let style = if is_cursor { self.label_style(true) } else { self.theme.dim() };
                if is_cursor {
                    x = x.min(line.right().saturating_sub(text.width() as u16)).max(line.x);
                }
                let available_width = usize::from(line.right().saturating_sub(x));
                buf.set_stringn(x, line.y, whole(&text, available_width), available_width, style);
            }
        }
    }

    /// Draws the label of the cursor's column above blocks, and the numbers of others at intervals.
    fn draw_block_headings(&self, layout: &Layout, line: Rect, buf: &mut Buffer) {
        const INTERVAL: usize = 12;
        let cells_per_point = layout.cell.cells_in(1);
        let name = match &self.columns {
            Columns::Labels(labels) => labels.get(self.cursor.col).unwrap_or_default(),
            Columns::Counted | Columns::Ends(_) => self.cursor.col.to_string(),
        };
        let cursor_point = self.cursor.col.saturating_sub(layout.cols.start) / cells_per_point;
        for i in (0..layout.cell.columns(layout.cols.len())).step_by(INTERVAL) {
            let text = (layout.cols.start + i * cells_per_point).to_string();
            let x = line.x + i as u16;
            let available_width = usize::from(line.right().saturating_sub(x));
            buf.set_stringn(
                x,
                line.y,
                whole(&text, available_width),
                available_width,
                self.theme.dim(),
            );
        }
        if self.focused {
            let name = fit(&name, usize::from(line.width).min(INTERVAL));
            let x = (line.x + cursor_point as u16)
                .min(line.right().saturating_sub(name.width() as u16));
            let from = x.saturating_sub(1).max(line.x);
            let blank = " ".repeat(name.width() + 2);
            let width_from = |x: u16| usize::from(line.right().saturating_sub(x));
            buf.set_stringn(from, line.y, blank, width_from(from), Style::new());
            buf.set_stringn(x, line.y, &name, width_from(x), self.label_style(true));
        }
    }
}

/// The number of a row for every fourth line, else None.
fn row_number(row: usize, rows_per_line: usize) -> Option<String> {
    (row / rows_per_line).is_multiple_of(4).then(|| row.to_string())
}
