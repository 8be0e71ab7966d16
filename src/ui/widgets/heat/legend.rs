//! The legend line below a heat map: its colour scale, and notes on its cells.

use std::ops::Range;

use ratatui::{buffer::Buffer, layout::Rect};
use unicode_width::UnicodeWidthStr;

use super::{
    Heat, Scale,
    layout::{CellWidth, Layout},
};
use crate::{
    lesson::tr,
    ui::widgets::lines::{fit, whole},
};

/// Largest and smallest number of columns for the colour ramp.
const MAX_SHADES: u16 = 9;
const MIN_SHADES: u16 = 3;

/// Smallest number of columns for the names of the axes.
const MIN_AXES_WIDTH: u16 = 16;

/// Number of columns that are still free.
struct FreeColumns(u16);

impl FreeColumns {
    /// Takes the columns of a note and returns it; empty if it does not fit.
    fn take_note(&mut self, note: impl AsRef<str>) -> String {
        let note = whole(note.as_ref(), self.0.into());
        self.0 -= note.width() as u16;
        note.to_owned()
    }

    /// Takes at most `max` columns; returns how many were taken.
    fn take_up_to(&mut self, max: u16) -> u16 {
        let taken = max.min(self.0);
        self.0 -= taken;
        taken
    }
}

/// Names of axes that fit; sentences are cut, shorter names are whole or absent.
fn fit_or_none(axes: &str, width: usize) -> String {
    const LONGEST_NAMES: usize = 40;
    if axes.width() > LONGEST_NAMES { fit(axes, width) } else { whole(axes, width).to_owned() }
}

impl Heat<'_> {
    pub(super) fn draw_legend(&self, layout: &Layout, line: Rect, buf: &mut Buffer) {
        let (low, high) = self.ends();
        let [low, high] = self.end_texts(low, high);
        let (from, to) = (format!("{low} "), format!(" {high}"));
        let mut free = FreeColumns(line.width);
        let ends = (from.width() + to.width()) as u16;
        if line.width < ends + MIN_SHADES {
            // Only the ends of the scale, or nothing.
            let ends = free.take_note(from + &to);
            buf.set_stringn(line.x, line.y, ends, line.width.into(), self.theme.dim());
            return;
        }
        free.take_up_to(ends + MIN_SHADES);
        // The range in view comes first, since the scale needs the fewest columns; the axes and the indent come last.
        let [rows, columns] = self.out_of_view(layout).map(|note| free.take_note(note));
        let blocks = free.take_note(self.block_note(layout));
        let masked = free.take_note(self.mask_note(layout));
        let outliers = free.take_note(self.outlier_note());
        let colours = self.colour_notes().map(|note| free.take_note(note));
        let shades = MIN_SHADES + free.take_up_to(MAX_SHADES - MIN_SHADES);
        let axes = if self.axes.is_empty() { String::new() } else { format!("  {}", self.axes) };
        let axes =
            if free.0 < MIN_AXES_WIDTH { String::new() } else { fit_or_none(&axes, free.0.into()) };
        let axes = free.take_note(axes);
        let indent = free.take_up_to(layout.label_width);

        let dim = self.theme.dim();
        let mut x = line.x + indent;
        let mut put = |text: &str, style| {
            let room = usize::from(line.right().saturating_sub(x));
            x = buf.set_stringn(x, line.y, text, room, style).0;
        };
        put(&from, dim);
        for i in 0..shades {
            let share = f32::from(i) / f32::from(shades - 1);
            let from = self.first_position();
            let v = self.number_at_position(from + (1.0 - from) * share);
            let (text, style) = self.plain_cell(v, 1, false);
            put(&text, style);
        }
        let [logarithmic, left_out] = colours;
        for text in [to, left_out, logarithmic, outliers, masked, axes, rows, columns, blocks] {
            put(&text, dim);
        }
    }

    /// `  rows 3-12 of 13`, counted from 0, if not all rows or columns are shown.
    fn out_of_view(&self, layout: &Layout) -> [String; 2] {
        let part = |what: &str, shown: &Range<usize>, n: usize| {
            let last = shown.end.saturating_sub(1);
            let (first, language) = (shown.start, self.language);
            let text = || tr!(language, "  {what} {first}-{last} of {n}", what, first, last, n);
            if shown.len() < n { text() } else { String::new() }
        };
        [
            part(self.row_noun, &layout.rows, self.n_rows),
            part(self.language.tr("columns"), &layout.cols, self.n_cols),
        ]
    }

    /// `  each point the largest of 13 x 9 cells`.
    fn block_note(&self, layout: &Layout) -> String {
        match layout.cell {
            CellWidth::Block { rows, cols, .. } if rows * cols > 1 => {
                let times = self.theme.glyph("×", "x");
                tr!(
                    self.language,
                    "  each point the largest of {rows} {times} {cols} cells",
                    rows,
                    times,
                    cols
                )
            }
            _ => String::new(),
        }
    }

    /// The position of the ramp's beginning.
    const fn first_position(&self) -> f32 {
        match self.scale {
            Scale::Unit | Scale::Shares { .. } | Scale::Amount(_) => 0.0,
            Scale::Signed(_) | Scale::Clipped { .. } => -1.0,
        }
    }

    /// The numbers at the ends of the ramp.
    fn ends(&self) -> (f32, f32) {
        // What is coloured as a share of the rest ends at 1, whatever the numbers are.
        let end = if self.leaves_out_first() { self.scale.end() } else { 1.0 };
        let at = |position: f32| self.number_at_position(position) / end;
        (at(self.first_position()), at(1.0))
    }

    /// What the colours leave out, and that they are logarithmic.
    fn colour_notes(&self) -> [&'static str; 2] {
        let note = |is_said: bool, note: &'static str| {
            if is_said { self.language.tr(note) } else { "" }
        };
        [
            note(self.colours.is_logarithmic, "  logarithmic"),
            note(self.leaves_out_first(), "  first word left out"),
        ]
    }

    fn mask_note(&self, layout: &Layout) -> &'static str {
        if self.has_masked(layout) {
            self.language.tr(self.theme.glyph("  × masked", "  x masked"))
        } else {
            ""
        }
    }

    fn outlier_note(&self) -> String {
        match self.scale {
            Scale::Clipped { most, .. } => {
                tr!(self.language, "  outliers to {n}", n = self.theme.scale_end(most))
            }
            Scale::Shares { .. } => {
                tr!(self.language, "  outliers to {n}", n = self.theme.scale_end(1.0))
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
