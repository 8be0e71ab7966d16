//! Geometry of a heat map: where its cells are inside an area.

use std::ops::Range;

use ratatui::layout::{Position, Rect, Size};
use unicode_width::UnicodeWidthStr;

use super::{Columns, Heat, Labels, Zoom};
use crate::{
    engine::{
        math::picture::more_prominent,
        value::{Extent, PlaneCell},
    },
    ui::widgets::lines::window,
};

/// Width of a drawn cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellWidth {
    /// Coloured cells with numbers, this many columns each.
    Number(u16),
    /// Coloured cells without numbers, this many columns each.
    Plain(u16),
    /// Two cells side by side per character.
    Half,
    /// Coloured cells of this many columns, two rows per line.
    Strip(u16),
    /// One character per block of cells, or one per two blocks on top of each other if it `has_halves`.
    Block { rows: usize, cols: usize, has_halves: bool },
}

impl CellWidth {
    /// Number of columns that `n` cells take.
    pub(super) fn columns(self, n: usize) -> usize {
        match self {
            Self::Number(w) | Self::Plain(w) | Self::Strip(w) => n * usize::from(w),
            Self::Half => n.div_ceil(2),
            Self::Block { cols, .. } => n.div_ceil(cols),
        }
    }

    /// Number of cells that fit in `columns`.
    pub(super) fn cells_in(self, columns: usize) -> usize {
        match self {
            Self::Number(w) | Self::Plain(w) | Self::Strip(w) => columns / usize::from(w),
            Self::Half => columns * 2,
            Self::Block { cols, .. } => columns * cols,
        }
    }

    /// Index of the cell at a column, counted from the first cell in view.
    fn index_at(self, column: usize) -> usize {
        match self {
            Self::Number(w) | Self::Plain(w) | Self::Strip(w) => column / usize::from(w),
            Self::Half => column * 2,
            Self::Block { cols, .. } => column * cols,
        }
    }

    /// Number of rows per line.
    pub(super) const fn rows_per_line(self) -> usize {
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

    /// Whether words above it are better read upright.
    const fn is_narrow(self) -> bool {
        !matches!(self, Self::Number(3..) | Self::Plain(3..) | Self::Strip(3..))
    }

    /// Columns of a cell, if they are enough for a label above it.
    pub(super) const fn label_width_above(self) -> Option<u16> {
        match self {
            Self::Number(w) | Self::Plain(w) | Self::Strip(w) if w >= 4 => Some(w),
            _ => None,
        }
    }
}

/// Cells wide enough for a number of any size.
pub(super) const NUMBERS: CellWidth = CellWidth::Number(7);

/// Positions and sizes of a heat map's parts inside an area.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) label_width: u16,
    pub(super) header_height: u16,
    pub(super) cell: CellWidth,
    /// Number of lines per row.
    pub(super) lines_per_row: u16,
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
}

/// Where the cells of a picture are, without labels and legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellArea {
    pub area: Rect,
    /// Columns and lines of a cell.
    pub cell: Size,
}

impl CellArea {
    /// An area whose cells are characters.
    pub const fn of_characters(area: Rect) -> Self {
        Self { area, cell: Size::new(1, 1) }
    }
}

const MAX_HEADER_HEIGHT: usize = 8;
/// The most lines over which labels are staggered.
const STAGGERED_LINES: u16 = 3;
/// Columns of the widest label above a cell that is never cut.
const MAX_WHOLE_LABEL: usize = 9;
/// Lines of the shortest header.
const LEAST_HEADER: usize = 1;
/// The widest cell, in columns, of which two share a line.
const WIDEST_PAIR: usize = 3;
/// The most rows a line that are drawn in pairs; above it a map is drawn in blocks, as most rows would be out of view.
const MOST_SHARED: usize = 3;
/// The same for a matrix whose rows are not its columns, which has no blocks: beyond, it keeps its columns apart.
const MOST_SHARED_OF_ROWS: usize = 5;
/// The most columns that share a half of a character where two rows share a line.
const MOST_MERGED: usize = 8;
/// Width of the shortest legend: two numbers with shades between them.
const MIN_LEGEND_WIDTH: u16 = 15;

/// What the layout of a heat map depends on: the counts and widths of its parts, not its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub struct Grid {
    n_rows: usize,
    n_cols: usize,
    /// Columns of the widest row label.
    widest_label: usize,
    /// Characters of the longest column label; None for numbered columns.
    longest_heading: Option<usize>,
    /// Columns of the widest column label.
    widest_heading: usize,
    /// Columns that the numbers need at least.
    number_width: usize,
    has_half_blocks: bool,
    rows_may_grow: bool,
    rows_may_share: bool,
    pools_rows: bool,
    has_legend: bool,
    is_map: bool,
    /// Whether the cells are as wide as fits: [`Zoom::Fit`].
    is_fitted: bool,
}

/// Columns of a cell where columns are few, and how many those are at most.
const WIDEST_NUMBER: u16 = 12;
const FEW_COLUMNS: usize = 8;

/// Cells from those with the most detail to those with the least.
const CELLS: [CellWidth; 13] = [
    CellWidth::Number(WIDEST_NUMBER),
    CellWidth::Number(9),
    CellWidth::Number(7),
    CellWidth::Number(6),
    CellWidth::Number(5),
    CellWidth::Number(4),
    CellWidth::Plain(6),
    CellWidth::Plain(5),
    CellWidth::Plain(4),
    CellWidth::Plain(3),
    CellWidth::Plain(2),
    CellWidth::Plain(1),
    CellWidth::Half,
];

impl Grid {
    /// Columns of the row labels, including a space after them.
    pub fn label_width(&self, area_width: u16) -> u16 {
        (self.widest_label.min(usize::from(area_width) / 3) + 1) as u16
    }

    /// Columns that labels leave to cells.
    fn room(&self, width: u16) -> usize {
        usize::from(width.saturating_sub(self.label_width(width)))
    }

    /// The cells that can be read, from those with the most detail to those with the least.
    fn usable_cells(&self) -> impl Iterator<Item = CellWidth> {
        let is_usable = |cell: &CellWidth| match cell {
            CellWidth::Number(WIDEST_NUMBER) => self.n_cols <= FEW_COLUMNS,
            CellWidth::Number(w) => usize::from(*w) > self.number_width,
            CellWidth::Half => self.has_half_blocks,
            _ => true,
        };
        CELLS.into_iter().filter(is_usable)
    }

    /// Widths of an area in which all columns just fit, the widest first.
    pub fn natural_widths(&self) -> impl Iterator<Item = u16> {
        let label = self.label_width(u16::MAX);
        let columns =
            |cell: CellWidth| u16::try_from(cell.columns(self.n_cols)).unwrap_or(u16::MAX);
        self.usable_cells().map(move |cell| label.saturating_add(columns(cell)))
    }

    /// The grid without labels of rows.
    #[must_use]
    pub const fn without_row_labels(self) -> Self {
        Self { widest_label: 0, ..self }
    }

    /// The grid with a line for the labels of its first and last columns.
    #[must_use]
    pub const fn with_ends(self) -> Self {
        Self { longest_heading: None, widest_heading: 0, ..self }
    }

    /// The grid without a line for labels of columns.
    #[must_use]
    pub const fn without_heading(self) -> Self {
        Self { longest_heading: Some(0), widest_heading: 0, ..self }
    }

    /// The widest cells with which all columns fit, else the cells of a view that pans.
    pub(super) fn cell_width(&self, room: usize) -> CellWidth {
        let fitting = self.usable_cells().find(|cell| cell.columns(self.n_cols) <= room);
        fitting.unwrap_or(match self.longest_heading {
            Some(_) if self.n_cols > 100 => CellWidth::Number(9),
            Some(_) => CellWidth::Plain(2),
            None => CellWidth::Plain(1),
        })
    }

    /// The cells with which the whole is in view in an area, if it can be: as wide as fits, two rows to a line, then with
    /// columns merged, or blocks of a map.
    pub(super) fn fitted(&self, size: Size) -> CellWidth {
        let room = self.room(size.width);
        let cell = self.cell_width(room);
        let has_all_columns = cell.columns(self.n_cols) <= room;
        let lines = usize::from(size.height.saturating_sub(self.least_header()));
        let is_too_high = self.is_too_high(lines);
        if (self.is_map || self.pools_rows) && (!has_all_columns || is_too_high) {
            return self.blocks(size);
        }
        if self.rows_may_share && self.n_rows > lines && !is_too_high {
            return self.pair(room).unwrap_or(cell);
        }
        cell
    }

    /// Whether too many rows would be out of view on that many lines; of a picture that pools its rows, any.
    const fn is_too_high(&self, lines: usize) -> bool {
        if self.pools_rows {
            let rows_per_line = if self.rows_may_share { 2 } else { 1 };
            return self.n_rows > rows_per_line * lines;
        }
        let most_shared = if self.is_map { MOST_SHARED } else { MOST_SHARED_OF_ROWS };
        self.rows_may_share && self.n_rows > most_shared * lines
    }

    /// The cells of which two share a line: columns of their own where they fit, else some of them merged, but not in a
    /// map that is rather panned.
    fn pair(&self, room: usize) -> Option<CellWidth> {
        let strip = CellWidth::Strip((room / self.n_cols.max(1)).clamp(1, WIDEST_PAIR) as u16);
        if strip.columns(self.n_cols) <= room {
            return Some(strip);
        }
        let cols = self.n_cols.div_ceil(room.max(1));
        let may_merge = !self.is_map || self.pools_rows;
        (may_merge && cols <= MOST_MERGED).then_some(CellWidth::Block {
            rows: 1,
            cols,
            has_halves: true,
        })
    }

    /// Lines of the shortest header: none where there are no headings.
    fn least_header(&self) -> u16 {
        if self.longest_heading == Some(0) { 0 } else { LEAST_HEADER as u16 }
    }

    /// The smallest blocks with which the whole matrix is in view.
    pub(super) fn blocks(&self, Size { width, height }: Size) -> CellWidth {
        let header = self.least_header();
        let lines = usize::from(height.saturating_sub(header + u16::from(self.has_legend)));
        let lines = lines * if self.has_half_blocks { 2 } else { 1 };
        let cells_per_point = |n: usize, n_points: usize| n.div_ceil(n_points.max(1)).max(1);
        CellWidth::Block {
            rows: cells_per_point(self.n_rows, lines),
            cols: cells_per_point(self.n_cols, self.room(width)),
            has_halves: self.has_half_blocks,
        }
    }

    /// Number of lines of all rows, where each has the fewest.
    fn n_lines(&self, cell: CellWidth) -> usize {
        self.n_rows.div_ceil(cell.rows_per_line())
    }

    /// Number of lines per row: rows grow where all fit, so that cells with numbers stay nearly square.
    fn lines_per_row(&self, cell: CellWidth, n_lines: usize) -> u16 {
        let max_lines = match cell {
            CellWidth::Number(WIDEST_NUMBER) => 5,
            CellWidth::Number(w) if w > 6 => 3,
            CellWidth::Strip(_) | CellWidth::Block { .. } => 1,
            CellWidth::Number(_) => 2,
            // Words by words: a line is as high as two columns are wide.
            CellWidth::Half if self.is_map => 1,
            CellWidth::Plain(w) if self.is_map => usize::from(w).div_ceil(2),
            CellWidth::Plain(_) | CellWidth::Half => 3,
        };
        (n_lines / self.n_rows.max(1)).clamp(1, if self.rows_may_grow { max_lines } else { 1 })
            as u16
    }

    fn header_height(&self, cell: CellWidth, area_height: u16) -> u16 {
        let Some(longest) = self.longest_heading else { return 1.min(area_height) };
        if matches!(cell, CellWidth::Block { .. }) || longest == 0 {
            return u16::from(longest > 0).min(area_height);
        }
        // The header shrinks where the rows would otherwise not fit; upright labels take only lines that are left.
        let height = usize::from(area_height);
        let spare = match height.checked_sub(self.n_lines(cell) + usize::from(self.has_legend)) {
            Some(spare) => spare.max(LEAST_HEADER),
            None if matches!(cell, CellWidth::Strip(_)) && self.rows_may_share => LEAST_HEADER,
            // Most rows are out of view anyway: upright words take up to a third of the lines.
            None if !self.is_map && cell.is_narrow() && longest <= height / 3 => MAX_HEADER_HEIGHT,
            None => STAGGERED_LINES.into(),
        };
        let needed = match cell.label_width_above() {
            Some(width) => usize::from(self.staggered(width)),
            None if longest <= spare.min(MAX_HEADER_HEIGHT) && cell.is_narrow() => longest,
            None => longest.min(STAGGERED_LINES.into()),
        };
        needed.min(spare).min(height / 2) as u16
    }

    /// Lines for rows under a header; the legend below them makes way for the last row.
    fn body(&self, cell: CellWidth, header: u16, height: u16) -> usize {
        let lines = usize::from(height.saturating_sub(header));
        let has_legend = self.has_legend && self.n_lines(cell) != lines;
        lines.saturating_sub(has_legend.into())
    }

    /// Number of lines over which labels above cells of this width are staggered, so that they are whole.
    fn staggered(&self, width: u16) -> u16 {
        let widest = self.widest_heading.min(MAX_WHOLE_LABEL) as u16;
        (widest + 1).div_ceil(width).clamp(1, STAGGERED_LINES)
    }

    /// The interval at which columns are labelled where labels neither fit their cells nor stand upright, so that those
    /// that are drawn, on `n_lines` lines in turn, are whole; None where labels stand upright.
    pub(super) fn label_interval(&self, cell: CellWidth, n_lines: u16) -> Option<usize> {
        let is_upright = |longest| longest <= usize::from(n_lines) && cell.is_narrow();
        let has_room = cell.label_width_above().map_or_else(
            || self.longest_heading.is_none_or(is_upright),
            |width| self.staggered(width) <= n_lines,
        );
        if has_room {
            return None;
        }
        let widest = self.widest_heading.min(MAX_WHOLE_LABEL);
        (1..=self.n_cols).find(|n| cell.columns(n * usize::from(n_lines)) > widest)
    }

    /// Whether row labels of up to nine letters are whole in an area of that width.
    pub fn has_whole_labels(&self, width: u16) -> bool {
        usize::from(self.label_width(width)) > self.widest_label.min(MAX_WHOLE_LABEL)
    }

    /// Whether some rows or columns are out of view in an area of that size.
    pub fn is_cropped(&self, size: Size) -> bool {
        let cell = self.fitted(size);
        let body = self.body(cell, self.header_height(cell, size.height), size.height);
        self.n_lines(cell) > body || cell.columns(self.n_cols) > self.room(size.width)
    }

    /// Whether it shows words by words with less than two columns for each.
    pub fn is_narrow_map(&self, size: Size) -> bool {
        let is_narrow = match self.fitted(size) {
            CellWidth::Number(w) | CellWidth::Plain(w) | CellWidth::Strip(w) => w < 2,
            CellWidth::Half | CellWidth::Block { .. } => true,
        };
        self.is_map && is_narrow
    }

    /// Whether all columns have numbers in an area of that size.
    pub fn has_numbers(&self, size: Size) -> bool {
        let cell = self.fitted(size);
        matches!(cell, CellWidth::Number(_)) && cell.columns(self.n_cols) <= self.room(size.width)
    }

    /// The part of the matrix that is in view in an area, 0 to 1; less where cells are drawn as blocks, and a
    /// little less where two cells share a character or columns stand without their names.
    pub fn seen(&self, size: Size) -> f32 {
        /// The worth of two cells in a character, and of a map that they make high and narrow.
        const SHARED: f32 = 0.95;
        const STRETCHED: f32 = 0.8;
        /// What each column costs that is merged with others.
        const MERGED: f32 = 0.05;
        /// The worth of a matrix some of whose columns have no label.
        const UNNAMED: f32 = 0.9;
        /// The worth of a picture whose cells are pooled, what each cell of a point costs, and what is left at least:
        /// coarse as it is, nothing is out of view.
        const POOLED: f32 = 0.9;
        const POOLED_CELL: f32 = 0.02;
        const LEAST_POOLED: f32 = 0.7;
        if !self.is_fitted || self.n_rows * self.n_cols == 0 {
            return 1.0;
        }
        let (cell, room) = (self.fitted(size), self.room(size.width));
        let header = self.header_height(cell, size.height);
        let body = self.body(cell, header, size.height);
        let part = |seen: usize, n: usize| (seen.min(n) as f32) / (n as f32);
        let named = if self.label_interval(cell, header).is_some() { UNNAMED } else { 1.0 };
        named
            * match cell {
                _ if body == 0 => 0.0,
                CellWidth::Block { rows, cols, .. } if self.pools_rows => {
                    (POOLED - POOLED_CELL * (rows * cols) as f32).max(LEAST_POOLED)
                }
                CellWidth::Block { rows: 1, cols, has_halves: true } if !self.is_map => {
                    (1.0 - MERGED * cols as f32) * part(body * 2, self.n_rows)
                }
                CellWidth::Block { rows, cols, .. } => 1.0 / ((rows * cols) as f32),
                CellWidth::Strip(_) => SHARED * part(body * 2, self.n_rows),
                CellWidth::Half if self.is_map => STRETCHED * part(body, self.n_rows),
                CellWidth::Half => SHARED * part(body, self.n_rows),
                _ => part(body, self.n_rows) * part(cell.cells_in(room), self.n_cols),
            }
    }

    /// How much is shown of each cell in an area of that size, 0 to 1: most for a number, else the more, the wider
    /// its colour is.
    pub fn detail(&self, size: Size) -> f32 {
        match self.fitted(size) {
            CellWidth::Number(_) => 1.0,
            CellWidth::Plain(w) => 0.4 + 0.1 * f32::from(w.min(4)),
            CellWidth::Half => 0.25,
            CellWidth::Strip(w) => 0.2 + 0.1 * f32::from(w.min(4)),
            CellWidth::Block { .. } => 0.2,
        }
    }

    /// The columns and lines of an area that a drawing uses, labels and legend included.
    pub fn used(&self, size: Size) -> Size {
        if !self.is_fitted {
            return size;
        }
        let Size { width, height } = size;
        let label = self.label_width(width).min(width);
        let cell = self.fitted(size);
        let columns = cell.columns(self.n_cols).min(self.room(width)) as u16;
        let header = self.header_height(cell, height);
        let body = self.body(cell, header, height);
        let lines = self.n_lines(cell).min(body) as u16 * self.lines_per_row(cell, body);
        let legend = if self.has_legend { Size::new(MIN_LEGEND_WIDTH, 1) } else { Size::ZERO };
        Size::new(
            (label + columns).max(legend.width).min(width),
            (header + lines + legend.height).min(height),
        )
    }
}

impl Heat<'_> {
    /// Preferred size: every number is in view, labels and legend included.
    pub fn ideal(&self) -> Size {
        let width = self.label_width(200) as usize + self.n_cols.min(40) * 6;
        Size::new(width as u16, self.n_rows as u16 + self.grid().staggered(6) + 1)
    }

    /// The smallest size at which all rows, columns and labels are in view: with few columns as
    /// numbers, else as colours under labels that stand upright.
    pub fn whole(&self) -> Size {
        const FEW: usize = 14;
        let n_cols = self.n_cols.min(100) as u16;
        let (per_col, header) = match &self.columns {
            Columns::Labels(_) if self.n_cols <= FEW => (4, self.grid().staggered(4)),
            Columns::Labels(_) => (2, STAGGERED_LINES),
            Columns::Counted | Columns::Ends(_) => (1, 1),
        };
        let height = (self.n_rows.min(1000) as u16) + header + 1;
        Size::new(self.label_width(200) + n_cols * per_col, height)
    }

    /// Width in columns with the widest numbers, labels included.
    pub fn widest(&self) -> u16 {
        let columns = if self.n_cols > FEW_COLUMNS { 9 } else { WIDEST_NUMBER };
        self.label_width(200) + self.n_cols.min(100) as u16 * columns
    }

    /// Height in lines with the highest rows, labels and legend included.
    pub fn tallest(&self) -> u16 {
        let lines = if self.n_cols > FEW_COLUMNS { 3 } else { 5 };
        (self.n_rows as u16).saturating_mul(lines).saturating_add(2)
    }

    /// Minimum useful size.
    pub fn least(&self) -> Size {
        let cells = match &self.columns {
            // Numbered columns may share characters, names of words may not.
            Columns::Counted if self.has_half_blocks() => {
                (self.n_cols.min(14) * 2).min(self.n_cols.div_ceil(2))
            }
            _ => self.n_cols.min(14) * 2,
        };
        let width = self.label_width(40) + cells as u16;
        Size::new(width.max(MIN_LEGEND_WIDTH), (self.n_rows as u16).min(4) + 3)
    }

    /// Columns of the row labels, including a space after them.
    pub fn label_width(&self, area_width: u16) -> u16 {
        self.grid().label_width(area_width)
    }

    /// What the layout depends on, without the numbers.
    pub fn grid(&self) -> Grid {
        let longest = |labels: &Labels| labels.measured().map(|label| label.chars().count()).max();
        Grid {
            n_rows: self.n_rows,
            n_cols: self.n_cols,
            widest_label: self.row_labels.measured().map(|l| l.width()).max().unwrap_or(0),
            longest_heading: match &self.columns {
                Columns::Labels(labels) => Some(longest(labels).unwrap_or(0)),
                Columns::Counted | Columns::Ends(_) => None,
            },
            widest_heading: match &self.columns {
                Columns::Labels(labels) => labels.measured().map(|l| l.width()).max().unwrap_or(0),
                Columns::Counted | Columns::Ends(_) => 0,
            },
            number_width: self.scale.number_width(),
            has_half_blocks: self.has_half_blocks(),
            rows_may_grow: self.rows_may_grow,
            rows_may_share: self.rows_may_share && self.has_half_blocks(),
            pools_rows: self.pools_rows,
            has_legend: self.has_legend,
            is_map: self.is_map,
            is_fitted: self.zoom == Zoom::Fit,
        }
    }

    pub(super) fn layout(&self, cell: CellWidth, area: Rect) -> Layout {
        let label_width = self.label_width(area.width).min(area.width);
        let available_width = usize::from(area.width - label_width);
        let grid = self.grid();
        let header_height = grid.header_height(cell, area.height);
        let body = grid.body(cell, header_height, area.height);
        Layout {
            label_width,
            header_height,
            cell,
            lines_per_row: grid.lines_per_row(cell, body),
            rows: self.rows_in_view(cell, body),
            cols: window(self.n_cols, cell.cells_in(available_width), self.cursor.col),
        }
    }

    fn rows_in_view(&self, cell: CellWidth, n_lines: usize) -> Range<usize> {
        let rows_per_line = cell.rows_per_line();
        let lines =
            window(self.n_rows.div_ceil(rows_per_line), n_lines, self.cursor.row / rows_per_line);
        lines.start * rows_per_line..(lines.end * rows_per_line).min(self.n_rows)
    }

    /// The cell width that [`Self::draw`] uses in an area.
    pub(super) fn fitting_cell(&self, area: Rect) -> CellWidth {
        let (grid, size) = (self.grid(), area.as_size());
        match self.zoom {
            Zoom::Fit => grid.fitted(size),
            Zoom::Overview => grid.blocks(size),
            Zoom::Cells => CellWidth::Plain(2),
            Zoom::Numbers => {
                let fitting = grid.cell_width(grid.room(area.width));
                let fits = fitting.columns(self.n_cols) <= grid.room(area.width);
                let is_number = matches!(fitting, CellWidth::Number(_));
                let least = (self.scale.number_width() as u16 + 1).clamp(7, 12);
                if is_number && fits { fitting } else { CellWidth::Number(least) }
            }
        }
    }

    /// The level of detail that [`Self::draw`] uses in an area.
    pub fn zoom_in(&self, area: Rect) -> Zoom {
        match self.fitting_cell(area) {
            CellWidth::Block { .. } => Zoom::Overview,
            CellWidth::Number(_) => Zoom::Numbers,
            CellWidth::Plain(_) | CellWidth::Half | CellWidth::Strip(_) => Zoom::Cells,
        }
    }

    /// Number of rows and columns that [`Self::draw`] shows in an area.
    pub fn visible_extent(&self, area: Rect) -> Extent {
        let layout = self.layout(self.fitting_cell(area), area);
        Extent::new(layout.rows.len(), layout.cols.len())
    }

    /// The cell width that [`Self::draw_strips`] uses in an area.
    pub(super) fn strips(&self, area: Rect) -> CellWidth {
        let available_width = area.width.saturating_sub(self.label_width(area.width));
        let width = (available_width / (self.n_cols as u16).max(1)).clamp(2, 9);
        if self.has_half_blocks() { CellWidth::Strip(width) } else { CellWidth::Plain(width) }
    }

    /// Row and column of the cell that [`Self::draw`] draws at a position.
    pub fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        self.find_cell(self.fitting_cell(area), area, position)
    }

    /// Row and column of the cell that [`Self::draw_numbers`] draws at a position.
    pub fn number_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        self.find_cell(NUMBERS, area, position)
    }

    /// Row and column of the cell that [`Self::draw_strips`] draws at a position; of two rows the one with the cursor, else
    /// the upper one.
    pub fn strip_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        self.find_cell(self.strips(area), area, position)
    }

    fn find_cell(&self, cell: CellWidth, area: Rect, position: Position) -> Option<PlaneCell> {
        if self.n_rows == 0 || self.n_cols == 0 || !area.contains(position) {
            return None;
        }
        let layout = self.layout(cell, area);
        let x = position.x.checked_sub(area.x + layout.label_width)?;
        let y = position.y.checked_sub(area.y + layout.header_height)?;
        let line = usize::from(y / layout.lines_per_row);
        let row = layout.rows.start + line * cell.rows_per_line();
        let col = layout.cols.start + cell.index_at(x.into());
        let is_there = layout.rows.contains(&row) && layout.cols.contains(&col);
        is_there.then(|| self.most_prominent_cell(cell, PlaneCell { row, col }))
    }

    /// The most prominent cell of a block, or the cursor's in its own block of one row; without blocks the cell itself, of
    /// rows that share a line the one with the cursor.
    fn most_prominent_cell(&self, cell: CellWidth, first: PlaneCell) -> PlaneCell {
        let PlaneCell { row, col } = first;
        let is_on_line = (row..row + cell.rows_per_line()).contains(&self.cursor.row);
        let CellWidth::Block { rows: n_rows, cols, .. } = cell else {
            return PlaneCell { row: if is_on_line { self.cursor.row } else { row }, col };
        };
        if n_rows == 1 && is_on_line && (col..col + cols).contains(&self.cursor.col) {
            return self.cursor;
        }
        let rows = row..(row + cell.rows_per_line()).min(self.n_rows);
        let cols = col..(col + cols).min(self.n_cols);
        let cells = rows.flat_map(|row| cols.clone().map(move |col| PlaneCell { row, col }));
        let more_prominent_of = |a: PlaneCell, b: PlaneCell| {
            let [value_a, value_b] = [a, b].map(|at| (self.value)(at.row, at.col));
            if more_prominent(value_a, value_b).to_bits() == value_a.to_bits() { a } else { b }
        };
        cells.reduce(more_prominent_of).unwrap_or(first)
    }

    pub(super) fn has_half_blocks(&self) -> bool {
        !self.is_without_colour() && !self.theme.is_ascii()
    }

    pub(super) fn is_without_colour(&self) -> bool {
        self.theme.sequential(0.0).is_none()
    }

    /// Whether [`Self::draw`] shows all columns in an area.
    pub fn fits(&self, area: Rect) -> bool {
        let label = self.label_width(area.width).min(area.width);
        let available_width = usize::from(area.width - label);
        self.fitting_cell(area).columns(self.n_cols) <= available_width
    }

    /// Where [`Self::draw`] draws cells in an area.
    pub fn cell_area(&self, area: Rect) -> CellArea {
        self.cell_area_of(self.fitting_cell(area), area)
    }

    /// Where [`Self::draw_numbers`] draws cells in an area.
    pub fn number_area(&self, area: Rect) -> CellArea {
        self.cell_area_of(NUMBERS, area)
    }

    /// Where [`Self::draw_strips`] draws cells in an area.
    pub fn strip_area(&self, area: Rect) -> CellArea {
        self.cell_area_of(self.strips(area), area)
    }

    fn cell_area_of(&self, cell: CellWidth, area: Rect) -> CellArea {
        if self.n_rows == 0 || self.n_cols == 0 {
            return CellArea::of_characters(Rect { width: 0, height: 0, ..area });
        }
        let layout = self.layout(cell, area);
        let n_lines = layout.rows.len().div_ceil(cell.rows_per_line()) as u16;
        let cells = Rect {
            x: area.x + layout.label_width,
            y: area.y + layout.header_height,
            width: cell.columns(layout.cols.len()) as u16,
            height: n_lines * layout.lines_per_row,
        };
        let width = match cell {
            CellWidth::Number(w) | CellWidth::Plain(w) | CellWidth::Strip(w) => w,
            CellWidth::Half | CellWidth::Block { .. } => 1,
        };
        let cell = Size::new(width, layout.lines_per_row);
        CellArea { area: cells.intersection(area), cell }
    }

    /// The line of an area with the label of each row in view.
    pub fn row_lines(&self, area: Rect) -> Vec<u16> {
        let layout = self.layout(self.fitting_cell(area), area);
        let (top, lines) = (area.y + layout.header_height, layout.lines_per_row);
        let n = layout.rows.len().div_ceil(layout.cell.rows_per_line()) as u16;
        (0..n).map(|i| top + i * lines + (lines - 1) / 2).filter(|y| *y < area.bottom()).collect()
    }

    /// Number of lines that [`Self::draw`] uses in an area, without its legend.
    pub fn drawn_height(&self, area: Rect) -> u16 {
        let layout = self.layout(self.fitting_cell(area), area);
        let lines = layout.rows.len().div_ceil(layout.cell.rows_per_line()) as u16;
        layout.header_height + lines * layout.lines_per_row
    }

    /// Number of columns that [`Self::draw`] uses in an area, from its left.
    pub fn drawn_width(&self, area: Rect) -> u16 {
        let label = self.label_width(area.width).min(area.width);
        let available_width = usize::from(area.width - label);
        label + self.fitting_cell(area).columns(self.n_cols).min(available_width) as u16
    }
}
