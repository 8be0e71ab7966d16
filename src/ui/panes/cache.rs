//! The cache of keys and values at one step of generation: its contents, and the multiplications it saves.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords, subject::Subject};
use crate::{
    analysis::measure::cache::{CacheSizes, CacheStep, attending},
    engine::site::Axis,
    lesson::tr,
    text::grouped,
    ui::widgets::{
        heat::CellArea,
        lines::{left, put_on, right, window},
    },
};

/// Pane of the cache; its site is the self-attention keys of the selected layer.
pub(super) struct Cache<'a> {
    subject: Subject<'a>,
    sizes: Option<CacheSizes>,
    /// Those that keep keys and values.
    layers: Vec<usize>,
}

/// Width of a layer's name, in columns.
const NAME_WIDTH: u16 = 13;
/// The most columns of the positions in the table.
const MOST_SIGNS: u16 = 37;
/// Columns between the table and the mask, and lines where it is below.
const GAP: Size = Size::new(3, 1);
/// Lines below the mask that name its rows and columns, where there is room.
const AXES_LINES: u16 = 1;
/// Lines of the legend and of the counts.
const OTHER_LINES: usize = 4;
/// The most positions for which a pane asks.
const MOST_POSITIONS: u16 = 40;

/// A cell of the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MaskCell {
    /// This number of lines, and twice as many columns.
    Lines(u16),
    /// A column; two rows share a line, and the new one has its own.
    Half,
    /// A column and a line, where there are no half blocks.
    One,
}

impl MaskCell {
    const LARGE: [Self; 3] = [Self::Lines(3), Self::Lines(2), Self::Lines(1)];

    /// Columns and lines of a mask of `n` rows.
    const fn size(self, n: u16) -> Size {
        match self {
            Self::Lines(lines) => Size::new(n.saturating_mul(2 * lines), n.saturating_mul(lines)),
            Self::Half => Size::new(n, n / 2 + 1),
            Self::One => Size::new(n, n),
        }
    }

    /// Size of a cell with lines of its own.
    const fn own_size(self) -> Size {
        match self {
            Self::Lines(lines) => Size::new(2 * lines, lines),
            Self::Half | Self::One => Size::new(1, 1),
        }
    }
}

/// A table and the square of the mask, beside or below each other: the way with the larger square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableAndSquare {
    /// Columns and lines of the table.
    table: Size,
    /// Positions of the mask.
    n: u16,
    has_half_blocks: bool,
}

impl TableAndSquare {
    fn smallest(self) -> MaskCell {
        if self.has_half_blocks { MaskCell::Half } else { MaskCell::One }
    }

    /// Where the square begins in an area of that size, and its cells: whole, else as many rows as fit beside the
    /// table; None if its columns do not fit.
    fn square(self, size: Size) -> Option<(Position, MaskCell)> {
        let beside = Position::new(self.table.width + GAP.width, 0);
        let below = Position::new(0, self.table.height + GAP.height);
        let cells = MaskCell::LARGE.into_iter().chain([self.smallest()]);
        let mut ways = cells.flat_map(|cell| [(beside, cell), (below, cell)]);
        let has_columns = |(start, cell): &(Position, MaskCell)| {
            cell.size(self.n).width.saturating_add(start.x) <= size.width
        };
        let has_lines = |(start, cell): &(Position, MaskCell)| {
            cell.size(self.n).height.saturating_add(start.y) <= size.height
        };
        let part = Some((beside, self.smallest()));
        ways.find(|way| has_columns(way) && has_lines(way)).or(part).filter(has_columns)
    }

    /// The columns and lines of an area that are used.
    pub fn used(self, size: Size) -> Size {
        let square = self.square(size);
        let end = square.map_or(Size::ZERO, |(start, cell)| {
            let Size { width, height } = cell.size(self.n);
            let height = height.saturating_add(start.y).saturating_add(AXES_LINES);
            Size::new(width.saturating_add(start.x), height)
        });
        Size::new(
            self.table.width.max(end.width).min(size.width),
            self.table.height.max(end.height).min(size.height),
        )
    }

    /// The part that is in view in an area of that size, 0 to 1: the table is more than half of it.
    pub fn seen(self, size: Size) -> f32 {
        let part = |length: u16, of: u16| f32::from(length.min(of)) / f32::from(of.max(1));
        let square = self.square(size).map_or(0.0, |(start, cell)| {
            part(size.height.saturating_sub(start.y), cell.size(self.n).height)
        });
        part(size.height, self.table.height) * (0.6 + 0.4 * square)
    }
}

/// Numbers of positions whose keys and values are reused or new, and of all that there will be.
#[derive(Clone, Copy)]
struct Positions {
    reused: usize,
    fresh: usize,
    all: usize,
}

/// A count as columns or lines; of one that is too large, the most there can be.
fn saturated(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

impl<'a> Cache<'a> {
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let (sizes, layers) = (CacheSizes::of(subject.trace), attending(subject.trace));
        Self { subject, sizes, layers }
    }

    fn n_positions(&self) -> usize {
        self.subject.n_rows()
    }

    /// Lines of the table.
    fn n_table_lines(&self) -> u16 {
        let cross = self.sizes.is_some_and(|sizes| sizes.n_source > 0);
        (self.layers.len() + usize::from(cross) + OTHER_LINES) as u16
    }

    /// Columns of the table: those of its widest line.
    fn table_width(&self) -> u16 {
        let counts = self.sizes.map_or_else(Vec::new, |sizes| self.counts(sizes));
        let widest = counts.iter().map(|(_, count)| count.width()).max().unwrap_or(0);
        let positions = NAME_WIDTH + saturated(self.n_positions()).min(MOST_SIGNS);
        ((label_width(&counts) + widest) as u16).max(positions)
    }

    fn places(&self) -> TableAndSquare {
        let theme = self.subject.scene.theme;
        TableAndSquare {
            table: Size::new(self.table_width(), self.n_table_lines().min(MOST_POSITIONS)),
            n: saturated(self.n_positions()).max(1),
            has_half_blocks: !theme.is_ascii(),
        }
    }

    /// Sign and style of a reused position.
    fn reused(&self) -> (&'static str, Style) {
        (self.subject.scene.theme.glyph("▒", "-"), self.subject.scene.theme.pane(0))
    }

    /// Sign and style of a new position.
    fn fresh(&self) -> (&'static str, Style) {
        (self.subject.scene.theme.glyph("█", "#"), self.subject.scene.theme.pane(1))
    }

    /// Draws a layer's name and its positions: reused, new, or still empty.
    fn draw_positions(&self, name: &str, positions: Positions, line: Rect, buf: &mut Buffer) {
        let theme = self.subject.scene.theme;
        let (old, new) = (self.reused(), self.fresh());
        let per_sign = positions_per_sign(positions.all);
        let (reused, fresh) = (positions.reused / per_sign, positions.fresh.div_ceil(per_sign));
        let n = positions.all.div_ceil(per_sign);
        let empty = theme.glyph("·", ".").repeat(n.saturating_sub(reused + fresh));
        let name = right(name, usize::from(NAME_WIDTH) - 1) + " ";
        let (a, b) = (old.0.repeat(reused), new.0.repeat(fresh));
        let pieces = [(&*name, Style::new()), (&*a, old.1), (&*b, new.1), (&*empty, theme.dim())];
        put_on(buf, line, &pieces);
    }

    /// Draws as many layers as fit, including the selected one, then cross-attention and the legend.
    fn draw_layers(
        &self,
        sizes: CacheSizes,
        available_lines: usize,
        lines: &mut dyn Iterator<Item = Rect>,
        buf: &mut Buffer,
    ) {
        let (t, language) = (self.subject.row(), self.subject.scene.language);
        let selected = self.subject.scene.selection.layer;
        let selected = self.layers.iter().rposition(|&l| l <= selected).unwrap_or(0);
        let shown = &self.layers[window(self.layers.len(), available_lines, selected)];
        let out_of_view = match (shown, shown.last(), self.layers.last()) {
            ([first, ..], Some(last), Some(all)) if shown.len() < self.layers.len() => {
                tr!(language, "  layers {first}-{last} of {n}", first, last, n = all + 1)
            }
            _ => String::new(),
        };
        let positions = Positions { reused: t, fresh: 1, all: self.n_positions() };
        for &layer in shown {
            if let Some(line) = lines.next() {
                let name = tr!(language, "layer {layer} K,V", layer);
                self.draw_positions(&name, positions, line, buf);
            }
        }
        if sizes.n_source > 0
            && let Some(line) = lines.next()
        {
            // Cross-attention's keys and values are new at the first step only.
            let all = sizes.n_source;
            let (reused, fresh) = if t == 0 { (0, all) } else { (all, 0) };
            let positions = Positions { reused, fresh, all };
            self.draw_positions(language.tr("cross K,V"), positions, line, buf);
        }
        if let Some(line) = lines.next() {
            let (old, new) = (self.reused(), self.fresh());
            let kept = tr!(language, " {t} reused  ", t);
            let dim = self.subject.scene.theme.dim();
            let each = positions_per_sign(self.n_positions());
            let each =
                if each > 1 { tr!(language, "  a sign for {each}", each) } else { String::new() };
            let rest = format!("{}{out_of_view}{each}", language.tr(" 1 new"));
            // It stands under the positions, and further left where it is long.
            let text: usize = [old.0, &kept, new.0, &rest].iter().map(|text| text.width()).sum();
            let pad = usize::from(line.width).saturating_sub(text).min(NAME_WIDTH.into());
            let pad = " ".repeat(pad);
            let pieces = [(&*pad, dim), old, (&*kept, dim), new, (&*rest, dim)];
            put_on(buf, line, &pieces);
        }
    }

    fn counts(&self, sizes: CacheSizes) -> Vec<(String, String)> {
        let (t, language) = (self.subject.row(), self.subject.scene.language);
        let CacheStep { held, held_cross, with, without } = sizes.step(t);
        let all = sizes.whole(self.n_positions());
        let times = |with: usize, without: usize| {
            let factor = without as f64 / with.max(1) as f64;
            let sign = self.subject.scene.theme.glyph("×", "x");
            let (with, without) = (format_count(with), format_count(without));
            tr!(language, "{with} not {without}", with, without) + &format!("  {sign}{factor:.1}")
        };
        let cross =
            (held_cross > 0).then(|| tr!(language, " + cross {n}", n = grouped(held_cross)));
        vec![
            (language.tr("numbers held").to_owned(), grouped(held) + &cross.unwrap_or_default()),
            (language.tr("mults, this step").to_owned(), times(with, without)),
            (
                tr!(language, "mults, {n} steps", n = self.n_positions()),
                times(all.with, all.without),
            ),
        ]
    }

    /// The lines of the mask up to this step, from where the square starts in an area.
    fn mask_area(&self, start: Position, cell: MaskCell, area: Rect) -> Rect {
        let lines = cell.size(saturated(self.subject.row() + 1)).height;
        let (width, height) = (area.width - start.x, (area.height - start.y).min(lines));
        Rect { x: area.x + start.x, y: area.y + start.y, width, height }
    }

    /// Draws the causal mask up to this step, with this step's row highlighted and in view.
    fn draw_mask(&self, cell: MaskCell, area: Rect, buf: &mut Buffer) {
        let t = self.subject.row();
        if cell == MaskCell::Half {
            return self.draw_half_mask(area, buf);
        }
        let Size { width: wide, height: lines } = cell.own_size();
        let shown = window(t + 1, usize::from(area.height / lines), t);
        let rows = shown.flat_map(|row| std::iter::repeat_n(row, lines.into()));
        for (row, line) in rows.zip(area.rows()) {
            let (sign, style) = if row == t { self.fresh() } else { self.reused() };
            let text = sign.repeat(usize::from(wide) * (row + 1));
            let rest =
                self.subject.scene.theme.glyph("·", ".").repeat(usize::from(wide) * (t - row));
            let pieces = [(&*text, style), (&*rest, self.subject.scene.theme.dim())];
            put_on(buf, line, &pieces);
        }
    }

    /// Draws the mask with two rows to a line: of two reused rows the lower one sees a position more, in half a sign. The
    /// new row stands alone, so that its sign tells it without colour too.
    fn draw_half_mask(&self, area: Rect, buf: &mut Buffer) {
        let t = self.subject.row();
        let (reused, fresh) = (self.reused(), self.fresh());
        let lower = |line: usize| (t + 1) % 2 + 2 * line;
        let n_pairs = t.div_ceil(2);
        for (line, i) in area.rows().zip(window(n_pairs + 1, area.height.into(), n_pairs)) {
            if i == n_pairs {
                put_on(buf, line, &[(&fresh.0.repeat(t + 1), fresh.1)]);
                return;
            }
            let row = lower(i);
            let (both, rest) = (reused.0.repeat(row), "·".repeat(t - row));
            let dim = self.subject.scene.theme.dim();
            put_on(buf, line, &[(&both, reused.1), ("▄", reused.1), (&rest, dim)]);
        }
    }
}

/// Columns of the names of counts.
fn label_width(counts: &[(String, String)]) -> usize {
    counts.iter().map(|(name, _)| name.width() + 2).max().unwrap_or(0)
}

/// A count with grouped digits; in millions from 100 million on.
fn format_count(n: usize) -> String {
    const MILLION: usize = 1_000_000;
    if n < 100 * MILLION { grouped(n) } else { grouped(n / MILLION) + " M" }
}

/// Number of positions per sign, so that all fit into the table.
fn positions_per_sign(n: usize) -> usize {
    n.div_ceil(MOST_SIGNS.into()).max(1)
}

impl Pane for Cache<'_> {
    fn title(&self) -> Title {
        let (t, n) = (self.subject.row(), self.n_positions());
        Title::named(tr!(
            self.subject.scene.language,
            "the cache at step {t} of {n}, reading “{word}”",
            t = t + 1,
            n,
            word = self.subject.label(1, t)
        ))
    }

    fn subject(&self) -> Option<&Subject<'_>> {
        Some(&self.subject)
    }

    fn preferred_size(&self) -> PreferredSize {
        let (lines, n) = (self.n_table_lines(), saturated(self.n_positions()).min(MOST_POSITIONS));
        let width = self.table_width();
        let square = |lines| MaskCell::Lines(lines).size(n);
        PreferredSize::new(
            Size::new(width, lines.min(8)),
            Size::new(width + GAP.width + n, lines.max(n)),
        )
        .up_to(lines.max(square(3).height).max(lines + GAP.height + square(2).height) + AXES_LINES)
        .as_wide_as(width + GAP.width + square(3).width)
        .of_square(self.places())
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    /// Of the mask row after row; the table, which counts, is in view at once.
    fn covered(&self, area: Rect, part: f32) -> Vec<Rect> {
        let Some((start, cell)) = self.places().square(area.as_size()) else {
            return vec![self.unfolding().covered(CellArea::of_characters(area), part)];
        };
        let mask = CellArea { area: self.mask_area(start, cell, area), cell: cell.own_size() };
        vec![self.unfolding().covered(mask, part)]
    }

    fn in_words(&self) -> PaneWords {
        let Scene { language, model, .. } = self.subject.scene;
        let heading = "The cache of keys and values";
        let Some(sizes) = self.sizes else {
            return PaneWords::of_model(language, heading, model, vec![]);
        };
        let (n, row) = (self.n_positions(), self.subject.row());
        let (step, whole) = (sizes.step(row), sizes.whole(n));
        let lines = vec![
            tr!(
                language,
                "{row} columns reused, 1 new, in each of {n} layers",
                row,
                n = sizes.n_layers
            ),
            tr!(
                language,
                "numbers held: {held}, and {cross} of cross-attention",
                held = grouped(step.held),
                cross = grouped(step.held_cross)
            ),
            tr!(
                language,
                "multiplications, this step: {with} with it, {without} without",
                with = grouped(step.with),
                without = grouped(step.without)
            ),
            tr!(
                language,
                "multiplications, all {n} steps: {with} with it, {without} without",
                n,
                with = grouped(whole.with),
                without = grouped(whole.without)
            ),
        ];
        PaneWords::of_model(language, heading, model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Some(sizes) = self.sizes else { return };
        let square = self.places().square(area.as_size());
        let table = match square {
            Some((Position { x: x @ 1.., .. }, _)) => Rect { width: x - GAP.width, ..area },
            Some((Position { y, .. }, _)) => Rect { height: y - GAP.height, ..area },
            None => area,
        };
        let (mut lines, counts) = (table.rows(), self.counts(sizes));
        let other_lines = OTHER_LINES + usize::from(sizes.n_source > 0);
        let available_lines = usize::from(table.height).saturating_sub(other_lines).max(1);
        self.draw_layers(sizes, available_lines, &mut lines, buf);
        let label = label_width(&counts);
        for ((name, count), line) in counts.iter().zip(lines) {
            let name = left(name, label);
            put_on(buf, line, &[(&name, Style::new()), (count, self.subject.scene.theme.strong())]);
        }
        if let Some((start, cell)) = square {
            let mask = self.mask_area(start, cell, area);
            self.draw_mask(cell, mask, buf);
            let Scene { theme, .. } = self.subject.scene;
            let axes = self.subject.scene.axes_named(Axis::Query, Axis::Key);
            let below = Rect { y: mask.bottom(), height: area.bottom() - mask.bottom(), ..mask };
            put_on(buf, below, &[(&axes, theme.dim())]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_stands_where_its_cells_are_largest() {
        let places = TableAndSquare { table: Size::new(47, 7), n: 24, has_half_blocks: true };
        let square = |width, height| places.square(Size { width, height });
        let beside = Position::new(50, 0);
        assert_eq!(square(110, 30), Some((beside, MaskCell::Lines(1))));
        assert_eq!(square(50, 21), Some((Position::new(0, 8), MaskCell::Half)), "below");
        assert_eq!(square(80, 10), Some((beside, MaskCell::Half)), "a part of it");
        assert_eq!(square(60, 10), None);
        assert_eq!(places.used(Size::new(60, 10)), Size::new(47, 7));
    }
}
