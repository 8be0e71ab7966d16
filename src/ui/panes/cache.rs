//! The cache of keys and values at one step of writing: what is there, what comes in, what it spares.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{CursorCell, Pane, PreferredSize, subject::Subject, words::PaneWords};
use crate::{
    analysis::measure::cache::{CacheSizes, Step},
    text::grouped,
    ui::widgets::lines::{left, put_on, window},
};

/// Its subject is the keys of self-attention in the selected layer.
pub(super) struct Cache<'a> {
    subject: Subject<'a>,
    sizes: Option<CacheSizes>,
}

/// The columns of a layer's name, and of the names of the counts.
const NAME: u16 = 13;
const COUNT: u16 = 50;
const LABEL: usize = 18;
const GAP: u16 = 3;

impl<'a> Cache<'a> {
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let sizes = CacheSizes::of(subject.trace);
        Self { subject, sizes }
    }

    fn n(&self) -> usize {
        self.subject.n_rows()
    }

    fn reused(&self) -> (&'static str, Style) {
        (self.subject.scene.theme.glyph("▒", "-"), self.subject.scene.theme.pane(0))
    }

    fn fresh(&self) -> (&'static str, Style) {
        (self.subject.scene.theme.glyph("█", "#"), self.subject.scene.theme.pane(1))
    }

    /// Its name, and a sign for each position: reused, new, or still empty.
    fn draw_positions(
        &self,
        name: &str,
        (reused, fresh, n): (usize, usize, usize),
        line: Rect,
        buf: &mut Buffer,
    ) {
        let theme = self.subject.scene.theme;
        let (old, new) = (self.reused(), self.fresh());
        let each = positions_a_sign(n);
        let (reused, fresh, n) = (reused / each, fresh.div_ceil(each), n.div_ceil(each));
        let empty = theme.glyph("·", ".").repeat(n.saturating_sub(reused + fresh));
        let name = format!("{name:>width$} ", width = usize::from(NAME) - 1);
        let (a, b) = (old.0.repeat(reused), new.0.repeat(fresh));
        let pieces = [(&*name, Style::new()), (&*a, old.1), (&*b, new.1), (&*empty, theme.dim())];
        put_on(buf, line, &pieces);
    }

    /// As many layers as there are lines for, the selected one among them, and what the signs mean.
    fn draw_layers(
        &self,
        sizes: CacheSizes,
        room: usize,
        lines: &mut dyn Iterator<Item = Rect>,
        buf: &mut Buffer,
    ) {
        let t = self.subject.row();
        let shown = window(sizes.n_layers, room, self.subject.scene.selection.layer);
        let out_of_view = if shown.len() < sizes.n_layers {
            let (first, last) = (shown.start, shown.end.saturating_sub(1));
            format!("  layers {first}-{last} of {}", sizes.n_layers)
        } else {
            String::new()
        };
        for layer in shown {
            if let Some(line) = lines.next() {
                self.draw_positions(&format!("layer {layer} K,V"), (t, 1, self.n()), line, buf);
            }
        }
        if sizes.n_source > 0
            && let Some(line) = lines.next()
        {
            // They are new at the first step only.
            let n = sizes.n_source;
            let marks = if t == 0 { (0, n, n) } else { (n, 0, n) };
            self.draw_positions("cross K,V", marks, line, buf);
        }
        if let Some(line) = lines.next() {
            let (old, new) = (self.reused(), self.fresh());
            let kept = format!(" {t} reused  ");
            let pad = " ".repeat(NAME.into());
            let dim = self.subject.scene.theme.dim();
            let each = positions_a_sign(self.n());
            let each = if each > 1 { format!("  a sign for {each}") } else { String::new() };
            let rest = format!(" 1 new{out_of_view}{each}");
            let pieces = [(&*pad, dim), old, (&*kept, dim), new, (&*rest, dim)];
            put_on(buf, line, &pieces);
        }
    }

    fn counts(&self, sizes: CacheSizes) -> Vec<(String, String)> {
        let t = self.subject.row();
        let Step { held, held_cross, with, without } = sizes.step(t);
        let (all_with, all_without) = sizes.whole(self.n());
        let times = |with: usize, without: usize| {
            let factor = without as f64 / with.max(1) as f64;
            let sign = self.subject.scene.theme.glyph("×", "x");
            format!("{} not {}  {sign}{factor:.1}", short(with), short(without))
        };
        let cross = (held_cross > 0).then(|| format!(" + cross {}", grouped(held_cross)));
        vec![
            ("numbers held".to_owned(), grouped(held) + &cross.unwrap_or_default()),
            ("mults, this step".to_owned(), times(with, without)),
            (format!("mults, {} steps", self.n()), times(all_with, all_without)),
        ]
    }

    /// The causal mask as it grows: the row of this step is lit.
    fn draw_mask(&self, area: Rect, buf: &mut Buffer) {
        let t = self.subject.row();
        let shown = window(t + 1, area.height.into(), t);
        for (row, line) in shown.zip(area.rows()) {
            let (sign, style) = if row == t { self.fresh() } else { self.reused() };
            let text = sign.repeat(row + 1);
            let rest = self.subject.scene.theme.glyph("·", ".").repeat(t - row);
            let pieces = [(&*text, style), (&*rest, self.subject.scene.theme.dim())];
            put_on(buf, line, &pieces);
        }
    }
}

/// A count that stands beside another one: of many millions the millions.
fn short(n: usize) -> String {
    const MILLION: usize = 1_000_000;
    if n < 100 * MILLION { grouped(n) } else { grouped(n / MILLION) + " M" }
}

/// How many positions a sign stands for, so that all fit into the table.
fn positions_a_sign(n: usize) -> usize {
    n.div_ceil(usize::from(COUNT - NAME)).max(1)
}

impl Pane for Cache<'_> {
    fn title(&self) -> String {
        let (t, n) = (self.subject.row(), self.n());
        format!("the cache at step {} of {n}, reading “{}”", t + 1, self.subject.label(1, t))
    }

    fn extent(&self) -> (usize, usize) {
        (self.n(), self.subject.n_cols())
    }

    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        self.subject.cursor_cell(row, col)
    }

    fn preferred_size(&self) -> PreferredSize {
        let layers = self.sizes.map_or(1, |s| s.n_layers + usize::from(s.n_source > 0)) as u16;
        let n = self.n() as u16;
        PreferredSize::new(
            (COUNT, layers.min(4) + 4),
            (COUNT + GAP + n, (layers + 4).max(n.min(20))),
        )
    }

    fn in_words(&self) -> PaneWords {
        let (trace, model) = (self.subject.trace, self.subject.scene.model);
        let heading = "The cache of keys and values";
        let Some(sizes) = CacheSizes::of(trace) else {
            return PaneWords::of_model(heading, model, vec![]);
        };
        let n = trace.logits().map_or(0, |logits| logits.shape().rows);
        let row = self.subject.scene.selection.row.min(n.saturating_sub(1));
        let (step, whole) = (sizes.step(row), sizes.whole(n));
        let lines = vec![
            format!("{row} columns reused, 1 new, in each of {} layers", sizes.n_layers),
            format!("numbers held: {}, and {} of cross-attention", step.held, step.held_cross),
            format!("multiplications, this step: {} with it, {} without", step.with, step.without),
            format!("multiplications, all {n} steps: {} with it, {} without", whole.0, whole.1),
        ];
        PaneWords::of_model(heading, model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Some(sizes) = self.sizes else { return };
        let mask = Some(self.n() + usize::from(GAP));
        let mask = mask.filter(|mask| usize::from(COUNT) + mask <= usize::from(area.width));
        let mask = mask.unwrap_or(0) as u16;
        let table = Rect { width: area.width - mask, ..area };
        let (mut lines, counts) = (table.rows(), self.counts(sizes));
        let others = counts.len() + 1 + usize::from(sizes.n_source > 0);
        let room = usize::from(area.height).saturating_sub(others).max(1);
        self.draw_layers(sizes, room, &mut lines, buf);
        for ((name, count), line) in counts.iter().zip(lines) {
            put_on(
                buf,
                line,
                &[(&left(name, LABEL), Style::new()), (count, self.subject.scene.theme.strong())],
            );
        }
        if mask > GAP {
            self.draw_mask(Rect { x: table.right() + GAP, width: mask - GAP, ..area }, buf);
        }
    }
}
