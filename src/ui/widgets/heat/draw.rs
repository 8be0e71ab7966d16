//! A heat map where its layout says: rows of cells, and what names them.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use super::{
    Columns, Heat, Labels,
    layout::{CellWidth, Layout, NUMBERS},
};
use crate::ui::widgets::lines::{fit, whole};

impl Heat<'_> {
    /// Draws cells as wide as they fit.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        self.draw_as(self.fitting(area), area, buf);
    }

    /// Draws cells with numbers, even if they pan: where a few numbers say more than all colours.
    pub fn draw_numbers(&self, area: Rect, buf: &mut Buffer) {
        self.draw_as(NUMBERS, area, buf);
    }

    /// Draws many rows under few columns: two rows a line where the terminal can show that.
    pub fn draw_strips(&self, area: Rect, buf: &mut Buffer) {
        self.draw_as(self.strips(area), area, buf);
    }

    fn draw_as(&self, cell: CellWidth, area: Rect, buf: &mut Buffer) {
        if area.is_empty() || self.n_rows == 0 || self.n_cols == 0 {
            return;
        }
        let layout = self.layout(cell, area);
        self.draw_header(&layout, area, buf);
        let each = cell.rows_a_line();
        for (line, row) in layout.rows.clone().step_by(each).enumerate() {
            let y = area.y + layout.header + line as u16 * layout.lines;
            if y >= area.bottom() {
                break;
            }
            let middle = y + (layout.lines - 1) / 2;
            self.draw_row_label(&layout, row, (area.x, middle), buf);
            for y in y..y + layout.lines {
                self.draw_ground(&layout, row, (area.x + layout.label_width, y), buf);
            }
            self.draw_cells(&layout, row, (area.x + layout.label_width, middle), buf);
        }
        let n_lines = layout.rows.len().div_ceil(each) as u16 * layout.lines;
        let y = area.y + layout.header + n_lines;
        if y < area.bottom() {
            self.draw_legend(&layout, Rect { y, height: 1, ..area }, buf);
        }
    }

    fn draw_row_label(&self, layout: &Layout, row: usize, (x, y): (u16, u16), buf: &mut Buffer) {
        let each = layout.cell.rows_a_line();
        let is_at_cursor = row / each == self.cursor.0 / each;
        let is_far = matches!(layout.cell, CellWidth::Block { .. }) && each > 1;
        let (label, style) = match (is_far, is_at_cursor) {
            (true, true) => (self.row_labels.get(self.cursor.0), self.label_style(true)),
            (true, false) => (ruled(row, each), self.theme.dim()),
            (false, _) => (self.row_labels.get(row), self.label_style(is_at_cursor)),
        };
        let Some(label) = label else { return };
        let width = usize::from(layout.label_width).saturating_sub(1);
        let text = fit(&label, width);
        let indent = width.saturating_sub(text.width()) as u16;
        buf.set_stringn(x + indent, y, text, width, style);
    }

    fn label_style(&self, is_at_cursor: bool) -> Style {
        if is_at_cursor { self.theme.accent().add_modifier(Modifier::BOLD) } else { Style::new() }
    }

    fn draw_header(&self, layout: &Layout, area: Rect, buf: &mut Buffer) {
        if layout.header == 0 {
            return;
        }
        let left = area.x + layout.label_width;
        if let CellWidth::Block { .. } = layout.cell {
            let width = area.right().saturating_sub(left);
            return self.draw_ruler(layout, Rect { x: left, width, ..area }, buf);
        }
        match (&self.columns, layout.cell.room_for_words()) {
            (Columns::Labels(labels), Some(w)) => {
                for (i, col) in layout.cols.clone().enumerate() {
                    let Some(label) = labels.get(col) else { continue };
                    let width = usize::from(w) - 1;
                    let text = fit(&label, width);
                    let indent = 1 + (width - text.width().min(width)) as u16;
                    let x = left + i as u16 * w + indent;
                    let style = self.label_style(col == self.cursor.1);
                    buf.set_stringn(x, area.y, text, width, style);
                }
            }
            (Columns::Labels(labels), None) => {
                self.draw_upright(labels, layout.cell, layout, area, buf);
            }
            (Columns::Counted, _) => {
                let width = area.right().saturating_sub(left);
                self.draw_count(layout, Rect { x: left, width, ..area }, buf);
            }
        }
    }

    /// Words above narrow columns, letter under letter.
    fn draw_upright(
        &self,
        labels: &Labels,
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
    fn draw_count(&self, layout: &Layout, line: Rect, buf: &mut Buffer) {
        let cell = layout.cell;
        let every = match cell {
            CellWidth::Number(_) => 1,
            CellWidth::Plain(w) | CellWidth::Strip(w) => (8 / usize::from(w)).max(1),
            CellWidth::Half | CellWidth::Block { .. } => 16,
        };
        for (i, col) in layout.cols.clone().enumerate() {
            let is_cursor = self.focused && col == self.cursor.1;
            let near = self.focused && col.abs_diff(self.cursor.1) * 2 < every * 2 && every > 1;
            if is_cursor || (col % every == 0 && !near) {
                let mut x = line.x + cell.columns(i) as u16;
                let text = match cell {
                    CellWidth::Number(w) => format!("{col:>width$}", width = usize::from(w) - 1),
                    _ => col.to_string(),
                };
                let style = if is_cursor { self.label_style(true) } else { self.theme.dim() };
                if is_cursor {
                    x = x.min(line.right().saturating_sub(text.width() as u16)).max(line.x);
                }
                let room = usize::from(line.right().saturating_sub(x));
                buf.set_stringn(x, line.y, whole(&text, room), room, style);
            }
        }
    }

    /// The cursor's column by name above blocks, others by number as far from it as stays legible.
    fn draw_ruler(&self, layout: &Layout, line: Rect, buf: &mut Buffer) {
        const EVERY: usize = 12;
        let each = layout.cell.fitting(1);
        let name = match &self.columns {
            Columns::Labels(labels) => labels.get(self.cursor.1).unwrap_or_default(),
            Columns::Counted => self.cursor.1.to_string(),
        };
        let at = self.cursor.1.saturating_sub(layout.cols.start) / each;
        for i in (0..layout.cell.columns(layout.cols.len())).step_by(EVERY) {
            let text = (layout.cols.start + i * each).to_string();
            let x = line.x + i as u16;
            let room = usize::from(line.right().saturating_sub(x));
            buf.set_stringn(x, line.y, whole(&text, room), room, self.theme.dim());
        }
        if self.focused {
            let name = fit(&name, usize::from(line.width).min(EVERY));
            let x = (line.x + at as u16).min(line.right().saturating_sub(name.width() as u16));
            let from = x.saturating_sub(1).max(line.x);
            let blank = " ".repeat(name.width() + 2);
            let room = |x: u16| usize::from(line.right().saturating_sub(x));
            buf.set_stringn(from, line.y, blank, room(from), Style::new());
            buf.set_stringn(x, line.y, &name, room(x), self.label_style(true));
        }
    }
}

/// The number of a row, beside every fourth line of so many rows each.
fn ruled(row: usize, each: usize) -> Option<String> {
    (row / each).is_multiple_of(4).then(|| row.to_string())
}
