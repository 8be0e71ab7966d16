//! The cache of keys and values at one step of generation: its contents, and the multiplications it saves.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{
    CursorCell, Pane, PreferredSize, Title, Unfolding, subject::Subject, words::PaneWords,
};
use crate::{
    analysis::measure::cache::{CacheSizes, Step, attending},
    lesson::tr,
    text::grouped,
    ui::widgets::lines::{left, put_on, right, window},
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
/// Width of the table beside the mask, in columns.
const TABLE_WIDTH: u16 = 50;
/// Most lines of a position of the mask.
const LARGEST_CELL: u16 = 3;
/// Columns between the table and the mask.
const GAP: u16 = 3;

/// Numbers of positions whose keys and values are reused or new, and of all that there will be.
#[derive(Clone, Copy)]
struct Positions {
    reused: usize,
    fresh: usize,
    all: usize,
}

impl<'a> Cache<'a> {
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let (sizes, layers) = (CacheSizes::of(subject.trace), attending(subject.trace));
        Self { subject, sizes, layers }
    }

    fn n_positions(&self) -> usize {
        self.subject.n_rows()
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
            let pad = " ".repeat(NAME_WIDTH.into());
            let dim = self.subject.scene.theme.dim();
            let each = positions_per_sign(self.n_positions());
            let each =
                if each > 1 { tr!(language, "  a sign for {each}", each) } else { String::new() };
            let rest = format!("{}{out_of_view}{each}", language.tr(" 1 new"));
            let pieces = [(&*pad, dim), old, (&*kept, dim), new, (&*rest, dim)];
            put_on(buf, line, &pieces);
        }
    }

    fn counts(&self, sizes: CacheSizes) -> Vec<(String, String)> {
        let (t, language) = (self.subject.row(), self.subject.scene.language);
        let Step { held, held_cross, with, without } = sizes.step(t);
        let (all_with, all_without) = sizes.whole(self.n_positions());
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
                times(all_with, all_without),
            ),
        ]
    }

    /// Draws the causal mask up to this step, with this step's row highlighted.
    fn draw_mask(&self, area: Rect, buf: &mut Buffer) {
        let (t, n) = (self.subject.row(), self.n_positions().max(1));
        // Two columns make a square with a line.
        let fitting = (usize::from(area.width) / (2 * n)).min(usize::from(area.height) / n);
        let lines = fitting.clamp(1, LARGEST_CELL.into());
        let wide = (usize::from(area.width) / n).clamp(1, 2 * lines);
        let shown = window(t + 1, usize::from(area.height) / lines, t);
        let rows = shown.flat_map(|row| std::iter::repeat_n(row, lines));
        for (row, line) in rows.zip(area.rows()) {
            let (sign, style) = if row == t { self.fresh() } else { self.reused() };
            let text = sign.repeat(wide * (row + 1));
            let rest = self.subject.scene.theme.glyph("·", ".").repeat(wide * (t - row));
            let pieces = [(&*text, style), (&*rest, self.subject.scene.theme.dim())];
            put_on(buf, line, &pieces);
        }
    }
}

/// A count with grouped digits; in millions from 100 million on.
fn format_count(n: usize) -> String {
    const MILLION: usize = 1_000_000;
    if n < 100 * MILLION { grouped(n) } else { grouped(n / MILLION) + " M" }
}

/// Number of positions per sign, so that all fit into the table.
fn positions_per_sign(n: usize) -> usize {
    n.div_ceil(usize::from(TABLE_WIDTH - NAME_WIDTH)).max(1)
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

    fn extent(&self) -> (usize, usize) {
        (self.n_positions(), self.subject.n_cols())
    }

    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        self.subject.cursor_cell(row, col)
    }

    fn preferred_size(&self) -> PreferredSize {
        let layers = self.sizes.map_or(1, |s| s.n_layers + usize::from(s.n_source > 0)) as u16;
        let n = self.n_positions() as u16;
        PreferredSize::new(
            (TABLE_WIDTH, layers.min(4) + 4),
            (TABLE_WIDTH + GAP + n, (layers + 4).max(n.min(20))),
        )
        .up_to((layers + 4).max(n.min(20) * LARGEST_CELL))
        .as_wide_as(TABLE_WIDTH + GAP + n.min(20) * 2 * LARGEST_CELL)
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let (trace, model) = (self.subject.trace, self.subject.scene.model);
        let (heading, language) = ("The cache of keys and values", self.subject.scene.language);
        let Some(sizes) = CacheSizes::of(trace) else {
            return PaneWords::of_model(language, heading, model, vec![]);
        };
        let n = trace.logits().map_or(0, |logits| logits.shape().rows);
        let row = self.subject.scene.selection.row.min(n.saturating_sub(1));
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
                held = step.held,
                cross = step.held_cross
            ),
            tr!(
                language,
                "multiplications, this step: {with} with it, {without} without",
                with = step.with,
                without = step.without
            ),
            tr!(
                language,
                "multiplications, all {n} steps: {with} with it, {without} without",
                n,
                with = whole.0,
                without = whole.1
            ),
        ];
        PaneWords::of_model(language, heading, model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Some(sizes) = self.sizes else { return };
        let beside = TABLE_WIDTH + GAP;
        let has_mask = usize::from(beside) + self.n_positions() <= usize::from(area.width);
        let table = Rect { width: if has_mask { TABLE_WIDTH } else { area.width }, ..area };
        let (mut lines, counts) = (table.rows(), self.counts(sizes));
        let other_lines = counts.len() + 1 + usize::from(sizes.n_source > 0);
        let available_lines = usize::from(area.height).saturating_sub(other_lines).max(1);
        self.draw_layers(sizes, available_lines, &mut lines, buf);
        let label = counts.iter().map(|(name, _)| name.width() + 2).max().unwrap_or(0);
        for ((name, count), line) in counts.iter().zip(lines) {
            let name = left(name, label);
            put_on(buf, line, &[(&name, Style::new()), (count, self.subject.scene.theme.strong())]);
        }
        if has_mask {
            self.draw_mask(Rect { x: area.x + beside, width: area.width - beside, ..area }, buf);
        }
    }
}
