//! Where the cells of a heat map stand inside an area: arithmetic, no characters.

use std::ops::Range;

use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::{Columns, Heat, window};

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
}

impl CellWidth {
    pub(super) fn columns(self, n: usize) -> usize {
        match self {
            Self::Number(w) | Self::Plain(w) | Self::Strip(w) => n * usize::from(w),
            Self::Half => n.div_ceil(2),
        }
    }

    pub(super) fn fitting(self, columns: usize) -> usize {
        match self {
            Self::Number(w) | Self::Plain(w) | Self::Strip(w) => columns / usize::from(w),
            Self::Half => columns * 2,
        }
    }

    /// Which cell of a line stands at that column.
    fn index_at(self, column: usize) -> usize {
        match self {
            Self::Number(w) | Self::Plain(w) | Self::Strip(w) => column / usize::from(w),
            Self::Half => column * 2,
        }
    }

    /// Rows that share a line.
    pub(super) const fn rows_a_line(self) -> usize {
        if matches!(self, Self::Strip(_)) { 2 } else { 1 }
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
        (self.label_width(40) + cells as u16, (self.n_rows as u16).min(4) + 3)
    }

    /// What the row labels take, a space after them included.
    pub fn label_width(&self, area_width: u16) -> u16 {
        let widest = self.row_labels.iter().map(|l| l.width()).max().unwrap_or(0);
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
            CellWidth::Half | CellWidth::Strip(_) => 1,
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
        let room = area.width.saturating_sub(self.label_width(area.width));
        self.cell_width(usize::from(room))
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
        (layout.rows.contains(&row) && layout.cols.contains(&col)).then_some((row, col))
    }

    pub(super) fn has_half_blocks(&self) -> bool {
        !self.is_without_colour() && !self.theme.is_ascii()
    }

    pub(super) fn is_without_colour(&self) -> bool {
        self.theme.sequential(0.0).is_none()
    }

    fn header_height(&self, cell: CellWidth, area_height: u16) -> u16 {
        let Columns::Labels(labels) = &self.columns else { return 1.min(area_height) };
        if cell.room_for_words().is_some() {
            return 1.min(area_height);
        }
        let longest = labels.iter().map(|l| l.chars().count()).max().unwrap_or(0);
        // The rows come first: a header takes what they leave, but never less than three letters.
        let spare = usize::from(area_height).saturating_sub(self.n_rows + 1);
        let most = spare.clamp(3, HIGHEST_HEADER).min(usize::from(area_height) / 2);
        longest.min(most) as u16
    }

    /// Whether [`Self::draw`] shows all columns in that area.
    pub fn fits(&self, area: Rect) -> bool {
        let label = self.label_width(area.width).min(area.width);
        let room = usize::from(area.width - label);
        self.cell_width(room).columns(self.n_cols) <= room
    }

    /// The columns that [`Self::draw`] takes in that area, from its left.
    pub fn drawn_width(&self, area: Rect) -> u16 {
        let label = self.label_width(area.width).min(area.width);
        let room = usize::from(area.width - label);
        label + self.cell_width(room).columns(self.n_cols).min(room) as u16
    }
}
