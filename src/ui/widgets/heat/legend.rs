//! The line below a heat map: what its shades mean, and what is to be known of its cells.

use std::ops::Range;

use ratatui::{buffer::Buffer, layout::Rect};
use unicode_width::UnicodeWidthStr;

use super::{
    Heat, Scale,
    layout::{CellWidth, Layout},
};
use crate::ui::widgets::lines::{fit, whole};

/// Columns that show the shades: as many as these where there is room, and fewer than the least never.
const SHADES: u16 = 9;
const LEAST_SHADES: u16 = 3;

/// Fewer columns would say nothing of what the axes are called.
const LEAST_WORDS: u16 = 16;

/// The columns that are still free.
struct Room(u16);

impl Room {
    /// The note if it fits, or nothing.
    fn note(&mut self, note: impl AsRef<str>) -> String {
        let note = whole(note.as_ref(), self.0.into());
        self.0 -= note.width() as u16;
        note.to_owned()
    }

    /// So many columns, or what is left.
    fn up_to(&mut self, most: u16) -> u16 {
        let taken = most.min(self.0);
        self.0 -= taken;
        taken
    }
}

impl Heat<'_> {
    pub(super) fn draw_legend(&self, layout: &Layout, line: Rect, buf: &mut Buffer) {
        let (low, high) = self.scale.ends();
        let number = |v| self.theme.number(v, 5).trim().to_owned();
        let (from, to) = (format!("{} ", number(low)), format!(" {}", number(high)));
        let mut room = Room(line.width);
        let ends = (from.width() + to.width()) as u16;
        if line.width < ends + LEAST_SHADES {
            // The ends alone, or nothing.
            let ends = room.note(from + &to);
            buf.set_stringn(line.x, line.y, ends, line.width.into(), self.theme.dim());
            return;
        }
        room.up_to(ends + LEAST_SHADES);
        // What is out of view matters most, where the scale stands least.
        let [rows, columns] = self.out_of_view(layout).map(|note| room.note(note));
        let blocks = room.note(self.said_of_blocks(layout));
        let masked = room.note(self.said_of_masked(layout));
        let outliers = room.note(self.said_of_outliers());
        let shades = LEAST_SHADES + room.up_to(SHADES - LEAST_SHADES);
        let axes = if self.axes.is_empty() { String::new() } else { format!("  {}", self.axes) };
        let axes = if room.0 < LEAST_WORDS { String::new() } else { fit(&axes, room.0.into()) };
        let axes = room.note(axes);
        let indent = room.up_to(layout.label_width);

        let dim = self.theme.dim();
        let mut x = line.x + indent;
        let mut put = |text: &str, style| {
            let room = usize::from(line.right().saturating_sub(x));
            x = buf.set_stringn(x, line.y, text, room, style).0;
        };
        put(&from, dim);
        for i in 0..shades {
            let v = low + (high - low) * f32::from(i) / f32::from(shades - 1);
            let (text, style) = self.plain_cell(v, 1, false);
            put(&text, style);
        }
        for text in [to, outliers, masked, axes, rows, columns, blocks] {
            put(&text, dim);
        }
    }

    /// `  rows 3-12 of 13`, counted from 0, where not all rows or columns are shown.
    fn out_of_view(&self, layout: &Layout) -> [String; 2] {
        let part = |what: &str, shown: &Range<usize>, n: usize| {
            let last = shown.end.saturating_sub(1);
            let text = || format!("  {what} {}-{last} of {n}", shown.start);
            if shown.len() < n { text() } else { String::new() }
        };
        [part(self.rows_are, &layout.rows, self.n_rows), part("columns", &layout.cols, self.n_cols)]
    }

    /// `  each point the largest of 13 x 9 cells`.
    fn said_of_blocks(&self, layout: &Layout) -> String {
        match layout.cell {
            CellWidth::Block { rows, cols, .. } if rows * cols > 1 => {
                let times = self.theme.glyph("×", "x");
                format!("  each point the largest of {rows} {times} {cols} cells")
            }
            _ => String::new(),
        }
    }

    fn said_of_masked(&self, layout: &Layout) -> &'static str {
        if self.has_masked(layout) { self.theme.glyph("  × masked", "  x masked") } else { "" }
    }

    fn said_of_outliers(&self) -> String {
        match self.scale {
            Scale::Clipped { most, .. } => {
                format!("  outliers to {}", self.theme.number(most, 5).trim())
            }
            _ => String::new(),
        }
    }

    fn has_masked(&self, layout: &Layout) -> bool {
        if matches!(layout.cell, CellWidth::Block { .. }) {
            return self.most_prominent(0..1, self.n_cols - 1..self.n_cols).is_infinite();
        }
        layout.rows.clone().any(|r| layout.cols.clone().any(|c| (self.value)(r, c).is_infinite()))
    }
}
