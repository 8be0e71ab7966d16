//! Where the cells of a heat map stand inside an area: arithmetic, no characters.

use std::ops::Range;

use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::{Columns, Heat, Zoom};
use crate::{engine::math::picture::more_prominent, ui::widgets::lines::window};

/// How wide a cell is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellWidth {
    /// Coloured cells with numbers, this many columns each.
    Number(u16),
    /// Coloured cells only.
    Plain(u16),
    /// Two cells a character, beside each other.
    Half,
    /// Coloured cells of so many columns, two rows a line.
    Strip(u16),
    /// A character for so many rows and columns; two of them above each other where it has halves.
    Block { rows: usize, cols: usize, has_halves: bool },
}

impl CellWidth {
    pub(super) fn columns(self, n: usize) -> usize {
        match self {
            Self::Number(w) | Self::Plain(w) | Self::Strip(w) => n * usize::from(w),
            Self::Half => n.div_ceil(2),
            Self::Block { cols, .. } => n.div_ceil(cols),
        }
    }

    pub(super) fn fitting(self, columns: usize) -> usize {
        match self {
            Self::Number(w) | Self::Plain(w) | Self::Strip(w) => columns / usize::from(w),
            Self::Half => columns * 2,
            Self::Block { cols, .. } => columns * cols,
        }
    }

    /// Which cell of a line stands at that column.
    fn index_at(self, column: usize) -> usize {
        match self {
            Self::Number(w) | Self::Plain(w) | Self::Strip(w) => column / usize::from(w),
            Self::Half => column * 2,
            Self::Block { cols, .. } => column * cols,
        }
    }

    /// Rows that share a line.
    pub(super) const fn rows_a_line(self) -> usize {
        match self {
            Self::Strip(_) => 2,
            Self::Block { rows, has_halves, .. } => {
                if has_halves {
                    2 * rows
                } else {
                    rows
                }
            }
            _ => 1,
        }
    }

    /// The columns of a cell, where they are enough to write a word above them.
    pub(super) const fn room_for_words(self) -> Option<u16> {
        match self {
            Self::Number(w) | Self::Plain(w) | Self::Strip(w) if w >= 4 => Some(w),
            _ => None,
        }
    }
}

/// Cells of numbers that are legible whatever their size.
pub(super) const NUMBERS: CellWidth = CellWidth::Number(7);

/// Where everything stands inside an area.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) label_width: u16,
    pub(super) header: u16,
    pub(super) cell: CellWidth,
    /// Lines of a row.
    pub(super) lines: u16,
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
}

const HIGHEST_HEADER: usize = 8;
/// The shortest legend: two numbers, and shades between them.
const LEAST_LEGEND: u16 = 15;

impl Heat<'_> {
    /// The size at which every number is in view, labels and legend included.
    pub fn ideal(&self) -> (u16, u16) {
        let width = self.label_width(200) as usize + self.n_cols.min(40) * 6;
        (width as u16, self.n_rows as u16 + 2)
    }

    /// The height that rows of three lines take, labels and legend included.
    pub fn tallest(&self) -> u16 {
        (self.n_rows as u16).saturating_mul(3).saturating_add(2)
    }

    /// The size below which the matrix says little.
    pub fn least(&self) -> (u16, u16) {
        let cells = self.n_cols.min(14) * 2;
        let width = self.label_width(40) + cells as u16;
        (width.max(LEAST_LEGEND), (self.n_rows as u16).min(4) + 3)
    }

    /// What the row labels take, a space after them included.
    pub fn label_width(&self, area_width: u16) -> u16 {
        let widest = self.row_labels.measured().map(|l| l.width()).max().unwrap_or(0);
        (widest.min(usize::from(area_width) / 3) + 1) as u16
    }

    pub(super) fn layout(&self, cell: CellWidth, area: Rect) -> Layout {
        let label_width = self.label_width(area.width).min(area.width);
        let room = usize::from(area.width - label_width);
        let header = self.header_height(cell, area.height);
        let body = usize::from(area.height.saturating_sub(header + 1));
        Layout {
            label_width,
            header,
            cell,
            lines: self.lines_a_row(cell, body),
            rows: self.rows_in_view(cell, body),
            cols: window(self.n_cols, cell.fitting(room), self.cursor.1),
        }
    }

    /// Rows grow where there is room for all of them, so that cells stay near to square.
    fn lines_a_row(&self, cell: CellWidth, n_lines: usize) -> u16 {
        let most = match cell {
            CellWidth::Number(w) if w > 6 => 3,
            CellWidth::Half | CellWidth::Strip(_) | CellWidth::Block { .. } => 1,
            CellWidth::Number(_) | CellWidth::Plain(_) => 2,
        };
        (n_lines / self.n_rows.max(1)).clamp(1, if self.may_grow { most } else { 1 }) as u16
    }

    fn rows_in_view(&self, cell: CellWidth, n_lines: usize) -> Range<usize> {
        let each = cell.rows_a_line();
        let lines = window(self.n_rows.div_ceil(each), n_lines, self.cursor.0 / each);
        lines.start * each..(lines.end * each).min(self.n_rows)
    }

    /// The widest cells with which all columns fit; where none do, cells that pan.
    pub(super) fn cell_width(&self, room: usize) -> CellWidth {
        const WIDTHS: [CellWidth; 8] = [
            CellWidth::Number(9),
            CellWidth::Number(7),
            CellWidth::Number(6),
            CellWidth::Number(5),
            CellWidth::Number(4),
            CellWidth::Plain(2),
            CellWidth::Plain(1),
            CellWidth::Half,
        ];
        let digits = self.scale.widest();
        let fits = |w: &CellWidth| {
            let is_legible = !matches!(w, CellWidth::Number(w) if usize::from(*w) <= digits);
            is_legible && w.columns(self.n_cols) <= room
        };
        let usable = |w: &&CellWidth| **w != CellWidth::Half || self.has_half_blocks();
        let fitting = WIDTHS.iter().filter(usable).copied().find(fits);
        fitting.unwrap_or(match self.columns {
            Columns::Labels(_) if self.n_cols > 100 => CellWidth::Number(9),
            Columns::Labels(_) => CellWidth::Plain(2),
            Columns::Counted => CellWidth::Plain(1),
        })
    }

    /// The cells that [`Self::draw`] draws.
    pub(super) fn fitting(&self, area: Rect) -> CellWidth {
        let room = usize::from(area.width.saturating_sub(self.label_width(area.width)));
        let fitting = self.cell_width(room);
        match (self.zoom, fitting) {
            (Zoom::Fit, _) if self.is_map && fitting.columns(self.n_cols) > room => {
                self.blocks(area, room)
            }
            (Zoom::Fit, _) => fitting,
            (Zoom::Numbers, CellWidth::Number(_)) if fitting.columns(self.n_cols) <= room => {
                fitting
            }
            (Zoom::Overview, _) => self.blocks(area, room),
            (Zoom::Cells, _) => CellWidth::Plain(2),
            (Zoom::Numbers, _) => CellWidth::Number((self.scale.widest() as u16 + 1).clamp(7, 12)),
        }
    }

    /// Blocks as small as lets the whole matrix be in view.
    fn blocks(&self, area: Rect, room: usize) -> CellWidth {
        let has_halves = self.has_half_blocks();
        let lines = usize::from(area.height.saturating_sub(2)) * if has_halves { 2 } else { 1 };
        let each = |n: usize, room: usize| n.div_ceil(room.max(1)).max(1);
        CellWidth::Block {
            rows: each(self.n_rows, lines),
            cols: each(self.n_cols, room),
            has_halves,
        }
    }

    /// How close [`Self::draw`] looks in that area.
    pub fn zoom_in(&self, area: Rect) -> Zoom {
        match self.fitting(area) {
            CellWidth::Block { .. } => Zoom::Overview,
            CellWidth::Number(_) => Zoom::Numbers,
            CellWidth::Plain(_) | CellWidth::Half | CellWidth::Strip(_) => Zoom::Cells,
        }
    }

    /// The rows and columns that [`Self::draw`] has in view in that area.
    pub fn in_view(&self, area: Rect) -> (usize, usize) {
        let layout = self.layout(self.fitting(area), area);
        (layout.rows.len(), layout.cols.len())
    }

    /// The cells that [`Self::draw_strips`] draws.
    pub(super) fn strips(&self, area: Rect) -> CellWidth {
        let room = area.width.saturating_sub(self.label_width(area.width));
        let width = (room / (self.n_cols as u16).max(1)).clamp(2, 9);
        if self.has_half_blocks() { CellWidth::Strip(width) } else { CellWidth::Plain(width) }
    }

    /// The row and column that [`Self::draw`] draws there.
    pub fn cell_at(&self, area: Rect, at: Position) -> Option<(usize, usize)> {
        self.place(self.fitting(area), area, at)
    }

    /// The row and column that [`Self::draw_numbers`] draws there.
    pub fn number_at(&self, area: Rect, at: Position) -> Option<(usize, usize)> {
        self.place(NUMBERS, area, at)
    }

    /// The row and column that [`Self::draw_strips`] draws there; of two rows the upper one.
    pub fn strip_at(&self, area: Rect, at: Position) -> Option<(usize, usize)> {
        self.place(self.strips(area), area, at)
    }

    fn place(&self, cell: CellWidth, area: Rect, at: Position) -> Option<(usize, usize)> {
        if self.n_rows == 0 || self.n_cols == 0 || !area.contains(at) {
            return None;
        }
        let layout = self.layout(cell, area);
        let x = at.x.checked_sub(area.x + layout.label_width)?;
        let y = at.y.checked_sub(area.y + layout.header)?;
        let line = usize::from(y / layout.lines);
        let row = layout.rows.start + line * cell.rows_a_line();
        let col = layout.cols.start + cell.index_at(x.into());
        let is_there = layout.rows.contains(&row) && layout.cols.contains(&col);
        is_there.then(|| self.loudest_at(cell, row, col))
    }

    /// Of a block the cell that it is drawn for.
    fn loudest_at(&self, cell: CellWidth, row: usize, col: usize) -> (usize, usize) {
        let CellWidth::Block { cols, .. } = cell else { return (row, col) };
        let rows = row..(row + cell.rows_a_line()).min(self.n_rows);
        let cells =
            rows.flat_map(|row| (col..(col + cols).min(self.n_cols)).map(move |col| (row, col)));
        let louder_of = |a: (usize, usize), b: (usize, usize)| {
            let (was, now) = ((self.value)(a.0, a.1), (self.value)(b.0, b.1));
            if more_prominent(was, now).to_bits() == was.to_bits() { a } else { b }
        };
        cells.reduce(louder_of).unwrap_or((row, col))
    }

    pub(super) fn has_half_blocks(&self) -> bool {
        !self.is_without_colour() && !self.theme.is_ascii()
    }

    pub(super) fn is_without_colour(&self) -> bool {
        self.theme.sequential(0.0).is_none()
    }

    fn header_height(&self, cell: CellWidth, area_height: u16) -> u16 {
        let Columns::Labels(labels) = &self.columns else { return 1.min(area_height) };
        if matches!(cell, CellWidth::Block { .. }) {
            return u16::from(labels.n > 0).min(area_height);
        }
        if cell.room_for_words().is_some() {
            return 1.min(area_height);
        }
        let lengths = labels.measured().map(|label| label.chars().count());
        let longest = lengths.max().unwrap_or(0);
        // The rows come first: a header takes what they leave, but never less than three letters.
        let spare = usize::from(area_height).saturating_sub(self.n_rows + 1);
        let most = spare.clamp(3, HIGHEST_HEADER).min(usize::from(area_height) / 2);
        longest.min(most) as u16
    }

    /// Whether [`Self::draw`] shows all columns in that area.
    pub fn fits(&self, area: Rect) -> bool {
        let label = self.label_width(area.width).min(area.width);
        let room = usize::from(area.width - label);
        self.fitting(area).columns(self.n_cols) <= room
    }

    /// The lines that [`Self::draw`] takes in that area, without its legend.
    pub fn drawn_height(&self, area: Rect) -> u16 {
        let layout = self.layout(self.fitting(area), area);
        let lines = layout.rows.len().div_ceil(layout.cell.rows_a_line()) as u16;
        layout.header + lines * layout.lines
    }

    /// The columns that [`Self::draw`] takes in that area, from its left.
    pub fn drawn_width(&self, area: Rect) -> u16 {
        let label = self.label_width(area.width).min(area.width);
        let room = usize::from(area.width - label);
        label + self.fitting(area).columns(self.n_cols).min(room) as u16
    }
}
