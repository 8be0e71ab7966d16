//! A heat map: one matrix of numbers as terminal cells with labels, numbers and a legend.
//!
//! `layout` computes the geometry, `numbers` the decimals, `draw` and `cells` draw the characters. A heat map depends on no lesson, no site
//! and no state.

mod cells;
mod draw;
mod layout;
mod legend;
mod numbers;

pub use layout::{CellArea, Grid};

use std::{collections::BTreeMap, ops::Range};

use crate::{
    analysis::trace::Magnitude,
    engine::{
        math::picture::{Downsampled, more_prominent},
        value::PlaneCell,
    },
    lesson::Language,
    ui::theme::Theme,
};

/// How values are mapped to colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Shares and gates, from 0 to 1.
    Unit,
    /// Amounts from 0 to this one.
    Amount(f32),
    /// Shares of which a few, near 1, leave little to all others: those beyond `to` take the colour at the end of the
    /// ramp.
    Shares { to: f32 },
    /// Signed values; the largest magnitude is at the end of the ramp.
    Signed(f32),
    /// Signed values with outliers: magnitudes beyond `to` take the colour at the end of the ramp, so that smaller
    /// ones stay distinguishable. `most` is the largest magnitude.
    Clipped { to: f32, most: f32 },
}

/// Smallest ratio of the largest to the mean magnitude that counts as an outlier; normally distributed numbers stay
/// below it.
const OUTLIER_RATIO: f32 = 12.0;

/// End of a clipped ramp, as a multiple of the mean magnitude.
const CLIP_RATIO: f32 = 5.0;

impl Scale {
    /// A signed scale for these numbers.
    pub fn signed(numbers: impl Iterator<Item = f32>) -> Self {
        Self::of(Magnitude::of(numbers))
    }

    /// A signed scale for numbers of a magnitude.
    pub fn of(Magnitude { most, mean }: Magnitude) -> Self {
        if most > OUTLIER_RATIO * mean {
            Self::Clipped { to: (CLIP_RATIO * mean).max(1e-6), most }
        } else {
            Self::Signed(most.max(1e-6))
        }
    }

    /// The scale of one head's attention weights (query, key): where nearly every query gives the first token nearly all,
    /// that of what is left to the others, which would all have one shade.
    pub fn of_weights(picture: &Downsampled) -> Self {
        /// What the first token gets at least, and of how many queries.
        const HELD: f32 = 0.9;
        const QUERIES: f32 = 0.9;
        /// The most that is left, so that a scale of its own shows more.
        const MOST_LEFT: f32 = 0.5;
        /// Fewer queries show no habit.
        const LEAST_QUERIES: usize = 8;
        if picture.rows < LEAST_QUERIES || picture.cols < 3 {
            return Self::Unit;
        }
        // The first query sees nothing else where later tokens are masked.
        let is_masked = picture.most(0..1, 1..picture.cols) <= 0.0;
        let rows = usize::from(is_masked)..picture.rows;
        let n_held = rows.clone().filter(|&row| picture.get(row, 0) >= HELD).count();
        let left = picture.most(rows.clone(), 1..picture.cols);
        if n_held as f32 >= QUERIES * rows.len() as f32 && left > 0.0 && left < MOST_LEFT {
            Self::Shares { to: left }
        } else {
            Self::Unit
        }
    }

    /// One scale that covers the numbers of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Shares { to: a }, Self::Shares { to: b }) => Self::Shares { to: a.max(b) },
            (Self::Unit | Self::Shares { .. }, _) | (_, Self::Unit | Self::Shares { .. }) => {
                Self::Unit
            }
            (Self::Amount(a), Self::Amount(b)) => Self::Amount(a.max(b)),
            (Self::Signed(a), Self::Signed(b)) => Self::Signed(a.max(b)),
            (a, b) => Self::Clipped { to: a.end().max(b.end()), most: a.max().max(b.max()) },
        }
    }

    /// The magnitude at the ramp's end.
    pub const fn end(self) -> f32 {
        match self {
            Self::Unit => 1.0,
            Self::Shares { to: end }
            | Self::Amount(end)
            | Self::Signed(end)
            | Self::Clipped { to: end, .. } => end,
        }
    }

    /// The largest magnitude.
    const fn max(self) -> f32 {
        match self {
            Self::Clipped { most, .. } => most,
            Self::Shares { .. } => 1.0,
            _ => self.end(),
        }
    }

    /// Whether the numbers are shares, from 0 to 1.
    pub const fn is_of_shares(self) -> bool {
        matches!(self, Self::Unit | Self::Shares { .. })
    }

    /// Position of a value on the ramp: 0 to 1 or -1 to 1, outliers beyond.
    pub fn position(self, v: f32) -> f32 {
        v / self.end()
    }
}

/// How numbers become colours; the numbers that are written stay what they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Colours {
    /// Whether the ramp is logarithmic, down to [`LEAST_SHARE`] of its end.
    pub is_logarithmic: bool,
    /// The first column has no colour: by row, the sum of the others, which are coloured as shares of it.
    pub others: Option<Vec<f32>>,
    /// Whether NaN is a number that is not there, drawn as a dot, rather than the result of arithmetic.
    pub has_gaps: bool,
}

/// The share of a ramp's end at which a logarithmic ramp begins: three decades below.
pub const LEAST_SHARE: f32 = 1e-3;

/// The position on a logarithmic ramp of a position on a linear one.
fn logarithmic(position: f32) -> f32 {
    let from_end = position.abs().log10() / -LEAST_SHARE.log10();
    (1.0 + from_end).max(0.0) * position.signum()
}

/// The inverse of [`logarithmic`], at positions from 0 to 1 and their opposites; 0 at the ramp's beginning.
fn linear(position: f32) -> f32 {
    LEAST_SHARE.powf(1.0 - position.abs()) * position.signum()
}

/// Level of detail of a matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zoom {
    /// The most detail with which all columns are in view.
    #[default]
    Fit,
    /// The whole matrix: each point is the most prominent cell of its block.
    Overview,
    /// Coloured cells without numbers.
    Cells,
    /// Coloured cells with numbers.
    Numbers,
}

/// Labels of rows or columns, computed on demand.
pub struct Labels<'a> {
    n: usize,
    label: Box<dyn Fn(usize) -> String + 'a>,
}

/// Number of labels whose widths are measured; of a longer list also the last one.
const MAX_MEASURED_LABELS: usize = 4096;

impl<'a> Labels<'a> {
    pub fn new(n: usize, label: impl Fn(usize) -> String + 'a) -> Self {
        Self { n, label: Box::new(label) }
    }

    pub fn none() -> Self {
        Self::new(0, |_| String::new())
    }

    pub fn listed(labels: Vec<String>) -> Self {
        Self::new(labels.len(), move |i| labels[i].clone())
    }

    pub fn get(&self, i: usize) -> Option<String> {
        (i < self.n).then(|| (self.label)(i))
    }

    /// The labels to measure. Of numbered labels the last is the widest.
    fn measured(&self) -> impl Iterator<Item = String> {
        let last = self.n.checked_sub(1).filter(|last| *last >= MAX_MEASURED_LABELS);
        (0..self.n.min(MAX_MEASURED_LABELS)).chain(last).map(|i| (self.label)(i))
    }
}

/// The headings of the columns.
pub enum Columns<'a> {
    /// Labels.
    Labels(Labels<'a>),
    /// Column numbers at intervals.
    Counted,
    /// The labels of the first, the last and the cursor's column, on one line.
    Ends(Labels<'a>),
}

/// A marked cell of a heat map.
#[derive(Clone, Copy, Debug)]
pub struct MarkedCell {
    pub row: usize,
    pub col: usize,
    pub is_chosen: bool,
}

/// Marked cells by row and column; the value tells whether the mark is the chosen one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marks(BTreeMap<PlaneCell, bool>);

impl FromIterator<MarkedCell> for Marks {
    fn from_iter<T: IntoIterator<Item = MarkedCell>>(cells: T) -> Self {
        let mut marks = BTreeMap::new();
        for MarkedCell { row, col, is_chosen } in cells {
            *marks.entry(PlaneCell { row, col }).or_default() |= is_chosen;
        }
        Self(marks)
    }
}

impl Marks {
    fn get(&self, row: usize, col: usize) -> Option<bool> {
        self.0.get(&PlaneCell { row, col }).copied()
    }

    /// The mark of a block: None without one, else whether the chosen one is among its marks.
    fn in_block(&self, rows: &Range<usize>, cols: &Range<usize>) -> Option<bool> {
        let marks = self.0.range(PlaneCell::new(rows.start, 0)..PlaneCell::new(rows.end, 0));
        marks.filter(|(at, _)| cols.contains(&at.col)).map(|(_, is)| *is).reduce(|a, b| a || b)
    }
}

/// The most prominent value in a block of rows and columns.
pub type MostProminent<'a> = Box<dyn Fn(Range<usize>, Range<usize>) -> f32 + 'a>;

/// A matrix ready to be drawn.
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub struct Heat<'a> {
    pub theme: &'a Theme,
    /// Language of the legend.
    pub language: Language,
    pub n_rows: usize,
    pub n_cols: usize,
    pub value: Box<dyn Fn(usize, usize) -> f32 + 'a>,
    /// Replaces the search over every cell of a block where a faster way is known.
    pub most_prominent: Option<MostProminent<'a>>,
    pub row_labels: Labels<'a>,
    pub columns: Columns<'a>,
    pub scale: Scale,
    /// The cell under the cursor, and whether this pane has the focus.
    pub cursor: PlaneCell,
    pub focused: bool,
    pub marks: Marks,
    /// Name of the rows in the legend, used where not all are in view.
    pub row_noun: &'static str,
    /// Whether rows may be higher than one line.
    pub rows_may_grow: bool,
    /// Whether two rows may share a line, as half blocks, where not all fit otherwise.
    pub rows_may_share: bool,
    /// Whether cells are pooled, rather than left out of view, where not all rows fit even so.
    pub pools_rows: bool,
    /// Whether its colour scale stands below it.
    pub has_legend: bool,
    pub zoom: Zoom,
    /// How numbers become colours.
    pub colours: Colours,
    /// Whether columns are positions, as rows are; then [`Zoom::Fit`] shows the whole rather than a part.
    pub is_map: bool,
    /// Names of the axes for the legend: `query ↓ key →`.
    pub axes: String,
}

impl Heat<'_> {
    const fn leaves_out_first(&self) -> bool {
        self.colours.others.is_some()
    }

    /// The number that a cell is coloured by.
    fn coloured(&self, row: usize, col: usize) -> f32 {
        let number = (self.value)(row, col);
        match &self.colours.others {
            None => number,
            Some(others) => {
                let rest = others.get(row).copied().unwrap_or(0.0);
                let is_bare = col == 0 || rest < LEAST_SHARE * self.scale.end();
                if is_bare { 0.0 } else { number / rest * self.scale.end() }
            }
        }
    }

    /// The position of a number on the ramp: 0 to 1 or -1 to 1, outliers beyond.
    fn position(&self, v: f32) -> f32 {
        let position = self.scale.position(v);
        if self.colours.is_logarithmic { logarithmic(position) } else { position }
    }

    /// The number at a position of the ramp.
    fn number_at_position(&self, position: f32) -> f32 {
        let of_end = if self.colours.is_logarithmic { linear(position) } else { position };
        of_end * self.scale.end()
    }

    fn most_prominent(&self, rows: Range<usize>, cols: Range<usize>) -> f32 {
        if let Some(most_prominent) =
            self.most_prominent.as_ref().filter(|_| !self.leaves_out_first())
        {
            return most_prominent(rows, cols);
        }
        let row = |row: usize| cols.clone().map(move |col| (row, col));
        let cells = rows.flat_map(row).map(|(row, col)| self.coloured(row, col));
        cells.fold(f32::NEG_INFINITY, more_prominent)
    }
}

#[cfg(test)]
mod tests {
    use ratatui::{
        buffer::{Buffer, Cell},
        layout::{Position, Rect, Size},
        style::Modifier,
    };

    use super::{layout::CellWidth, *};
    use crate::ui::theme::{Depth, Glyphs};

    fn heat(theme: &Theme, n_rows: usize, n_cols: usize) -> Heat<'_> {
        Heat {
            theme,
            language: Language::English,
            n_rows,
            n_cols,
            value: Box::new(|r, c| (r as f32 - c as f32) / 10.0),
            most_prominent: None,
            row_labels: Labels::new(n_rows, |i| format!("row{i}")),
            columns: Columns::Counted,
            scale: Scale::Signed(1.0),
            cursor: PlaneCell::new(1, 2),
            marks: Marks::default(),
            focused: true,
            row_noun: "rows",
            rows_may_grow: false,
            rows_may_share: false,
            pools_rows: false,
            has_legend: true,
            zoom: Zoom::Fit,
            colours: Colours::default(),
            is_map: false,
            axes: String::new(),
        }
    }

    #[test]
    fn a_head_on_the_first_token_has_the_scale_of_what_it_leaves() {
        let head = |held: f32| {
            let cell = |i: usize| match (i / 10, i % 10) {
                (0, col) => f32::from(u8::from(col == 0)),
                (_, 0) => held,
                (row, 1) => (1.0 - held) * 0.1 * row as f32,
                _ => 0.001,
            };
            Scale::of_weights(&Downsampled::new(10, 10, (0..100).map(cell).collect()))
        };
        let scale = head(0.95);
        assert!(matches!(scale, Scale::Shares { to } if (to - 0.045).abs() < 1e-4), "{scale:?}");
        assert!(scale.position(0.02) > 0.4 && scale.position(0.95) > 1.0);
        assert_eq!(head(0.6), Scale::Unit, "the others can be told from each other");
        assert_eq!(scale.with(Scale::Unit), Scale::Unit, "heads side by side are compared");
        assert_eq!(scale.with(Scale::Shares { to: 0.2 }), Scale::Shares { to: 0.2 });
        let alone = Downsampled::new(1, 4, vec![1.0, 0.0, 0.0, 0.0]);
        assert_eq!(Scale::of_weights(&alone), Scale::Unit);
    }

    #[test]
    fn a_short_sentence_and_one_without_a_mask_have_the_whole_scale() {
        let first_looks_elsewhere = |n: usize| {
            let cell = |i: usize| match (i / n, i % n) {
                (0, 1) => 0.78,
                (0, _) => 0.1,
                (_, 0) => 0.96,
                _ => 0.01,
            };
            Scale::of_weights(&Downsampled::new(n, n, (0..n * n).map(cell).collect()))
        };
        assert_eq!(first_looks_elsewhere(3), Scale::Unit);
        assert_eq!(first_looks_elsewhere(10), Scale::Unit, "the first query counts too");
    }

    #[test]
    fn outliers_do_not_flatten_the_other_values() {
        let with_outlier =
            |outlier: f32| (0..99).map(|i| (i as f32 - 49.0) / 100.0).chain([outlier]);
        assert_eq!(
            Scale::signed(with_outlier(1.0)),
            Scale::Signed(1.0),
            "ordinary numbers fill the ramp"
        );
        let scale = Scale::signed(with_outlier(-651.0));
        let Scale::Clipped { most, .. } = scale else { panic!("{scale:?}") };
        assert!(most > 650.0);
        let scale = Scale::signed(with_outlier(-9.0));
        assert!(scale.position(0.4) > 0.2 && scale.position(-9.0) < -1.0, "{scale:?}");
        let both = Scale::Signed(2.0).with(scale);
        assert_eq!(both, Scale::Clipped { to: 2.0_f32.max(scale.end()), most: 9.0 });
        let theme = Theme::new(Depth::None, Glyphs::Ascii);
        let h = Heat { scale, ..heat(&theme, 3, 3) };
        let mut buf = Buffer::empty(Rect::new(0, 0, 60, 6));
        h.draw(buf.area, &mut buf);
        let text: String = buf.content.iter().map(Cell::symbol).collect();
        assert!(text.contains("outliers to 9.00"), "{text}");
    }

    #[test]
    fn cells_are_as_wide_as_they_fit() {
        let theme = Theme::default();
        let h = heat(&theme, 5, 13);
        assert_eq!(h.grid().cell_width(120), CellWidth::Number(9));
        assert_eq!(h.grid().cell_width(95), CellWidth::Number(7));
        assert_eq!(h.grid().cell_width(66), CellWidth::Number(5));
        assert_eq!(h.grid().cell_width(30), CellWidth::Plain(2));
        assert_eq!(heat(&theme, 5, 20).grid().cell_width(70), CellWidth::Plain(3));
        assert_eq!(heat(&theme, 5, 128).grid().cell_width(70), CellWidth::Half);
        assert_eq!(
            heat(&Theme::new(Depth::None, Glyphs::Ascii), 5, 128).grid().cell_width(70),
            CellWidth::Plain(1)
        );
    }

    #[test]
    fn rows_share_lines_where_not_all_fit() {
        let theme = Theme::new(Depth::True, Glyphs::Unicode);
        let grid = Heat { rows_may_share: true, ..heat(&theme, 20, 20) }.grid();
        assert_eq!(grid.fitted(Size::new(60, 24)), CellWidth::Plain(2));
        assert_eq!(grid.fitted(Size::new(60, 12)), CellWidth::Strip(2));
        assert_eq!(grid.fitted(Size::new(60, 20)), CellWidth::Strip(2), "a line is the header's");
        assert_eq!(grid.without_heading().fitted(Size::new(60, 20)), CellWidth::Plain(2));
        let seen = [24, 12, 8].map(|height| grid.seen(Size::new(60, height)));
        assert!(seen[0] > seen[1] && seen[1] > 0.9 && seen[2] < 0.6, "{seen:?}");
    }

    #[test]
    fn a_picture_that_pools_its_rows_is_never_cropped() {
        let theme = Theme::new(Depth::True, Glyphs::Unicode);
        let map =
            Heat { rows_may_share: true, is_map: true, has_legend: false, ..heat(&theme, 21, 21) };
        let (cropped, pooled) = (map.grid(), Heat { pools_rows: true, ..map }.grid());
        for size in [(30, 8), (17, 8), (12, 12), (16, 4)].map(Size::from) {
            assert!(!pooled.is_cropped(size), "{size:?}");
        }
        assert!(cropped.is_cropped(Size::new(17, 8)));
        let block = |rows, cols| CellWidth::Block { rows, cols, has_halves: true };
        assert_eq!(pooled.fitted(Size::new(30, 8)), block(2, 1));
        assert_eq!(pooled.fitted(Size::new(20, 12)), block(1, 2), "rows first share lines");
        let gradient = Heat { rows_may_share: true, ..heat(&theme, 128, 128) };
        assert!(gradient.grid().is_cropped(Size::new(66, 25)));
        let gradient = Heat { pools_rows: true, ..gradient };
        assert_eq!(gradient.grid().fitted(Size::new(66, 25)), block(3, 3));
        let seen = pooled.seen(Size::new(30, 8));
        assert!(seen > 0.8 && seen < pooled.seen(Size::new(30, 12)), "{seen}");
    }

    #[test]
    fn strips_out_of_view_leave_two_lines_to_the_words_above_them() {
        let theme = Theme::new(Depth::True, Glyphs::Unicode);
        let words = || Labels::new(17, |col| format!("word{col}"));
        let h = Heat { columns: Columns::Labels(words()), ..heat(&theme, 256, 17) };
        let mut buf = Buffer::empty(Rect::new(0, 0, 112, 20));
        h.draw_strips(buf.area, &mut buf);
        let line = |y| (0..112).map(|x| buf[(x, y)].symbol()).collect::<String>();
        let above = [0, 1].map(line).join(" ");
        let shown: Vec<&str> = above.split_whitespace().collect();
        assert_eq!(shown.len(), 17, "{above}");
        let CellArea { area, cell } = h.strip_area(buf.area);
        assert_eq!((area.x, area.y, area.width), (7, 2, 17 * 6));
        assert_eq!(cell, Size::new(6, 1));
    }

    #[test]
    fn columns_merge_where_only_so_two_rows_share_a_line() {
        let theme = Theme::new(Depth::True, Glyphs::Unicode);
        let heat =
            |n_rows, cursor| Heat { rows_may_share: true, cursor, ..heat(&theme, n_rows, 128) };
        let grid = heat(26, PlaneCell::default()).grid();
        let merged = |cols| CellWidth::Block { rows: 1, cols, has_halves: true };
        assert_eq!(grid.fitted(Size::new(80, 30)), CellWidth::Half, "all rows fit");
        assert_eq!(grid.fitted(Size::new(80, 16)), merged(2));
        assert_eq!(grid.fitted(Size::new(50, 16)), merged(3));
        assert_eq!(grid.fitted(Size::new(140, 16)), CellWidth::Strip(1));
        assert!(grid.seen(Size::new(80, 16)) > 0.8, "{}", grid.seen(Size::new(80, 16)));
        assert!(grid.seen(Size::new(80, 9)) < 0.6, "{}", grid.seen(Size::new(80, 9)));
        let low = heat(90, PlaneCell::default()).grid();
        assert_eq!(low.fitted(Size::new(80, 16)), CellWidth::Half, "no crowd of rows");
        for (row, sign) in [(10, "▴"), (11, "▾")] {
            let mut buf = Buffer::empty(Rect::new(0, 0, 80, 16));
            heat(26, PlaneCell::new(row, 2)).draw(buf.area, &mut buf);
            let line = |y| (0..80).map(|x| buf[(x, y)].symbol()).collect::<String>();
            let has_label = |y: &u16| line(*y).contains(&format!("row{row}"));
            let y = (0..16).find(has_label).expect("the cursor's row is named");
            assert_eq!(buf[(7, y)].symbol(), sign, "{}", line(y));
            assert!((0..16).any(|y| line(y).contains("1 × 2 cells")), "columns are merged");
            let at = Position::new(7, y);
            let cell = PlaneCell::new(row, 2);
            assert_eq!(heat(26, cell).cell_at(buf.area, at), Some(cell));
        }
    }

    #[test]
    fn numbers_above_columns_and_of_the_scale_are_whole_or_absent() {
        let theme = Theme::new(Depth::None, Glyphs::Unicode);
        let line = |h: &Heat, width: u16, y: u16| {
            let mut buf = Buffer::empty(Rect::new(0, 0, width, 6));
            h.draw(buf.area, &mut buf);
            (0..width).map(|x| buf[(x, y)].symbol()).collect::<String>()
        };
        for zoom in [Zoom::Fit, Zoom::Overview] {
            for width in 12..90 {
                let mut h = Heat { focused: false, zoom, ..heat(&theme, 3, 130) };
                let all: Vec<String> = (0..130).map(|col| col.to_string()).collect();
                let is_whole = |n: &str| all.iter().any(|col| col == n);
                let ruler = line(&h, width, 0);
                let numbers: Vec<usize> =
                    ruler.split_whitespace().map(|n| n.parse().unwrap()).collect();
                assert!(numbers.is_sorted(), "{width}: {ruler}");
                assert!(ruler.split_whitespace().all(is_whole), "{width}: {ruler}");
                (h.focused, h.cursor) = (true, PlaneCell::new(0, 129));
                assert!(line(&h, width, 0).trim_end().ends_with("129"), "{width}");
            }
        }
        let h =
            Heat { scale: Scale::Signed(8.7), row_labels: Labels::none(), ..heat(&theme, 3, 2) };
        assert_eq!(line(&h, 14, 4), "-8.70 ▬ █ 8.70");
        assert_eq!(line(&h, 13, 4).trim_end(), "-8.70  8.70");
        assert_eq!(line(&h, 10, 4).trim_end(), "");
    }

    #[test]
    fn the_cursor_is_in_view_and_marked_at_every_size() {
        for depth in [Depth::None, Depth::Sixteen, Depth::Indexed, Depth::True] {
            let theme = Theme::new(depth, Glyphs::Unicode);
            for (width, height) in [(0, 0), (1, 1), (9, 3), (30, 6), (76, 14), (190, 48)] {
                let mut h = heat(&theme, 40, 64);
                h.cursor = PlaneCell::new(39, 63);
                let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
                h.draw(buf.area, &mut buf);
                let marked = buf.content.iter().any(|c| c.modifier.contains(Modifier::REVERSED));
                assert!(marked || width < 30, "{depth:?} {width}x{height}");
            }
        }
    }
}
