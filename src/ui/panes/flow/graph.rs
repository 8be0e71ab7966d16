//! The flow graph as drawn: where levels and words lie, lines, nodes, and the names of both.

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Style},
    symbols::Marker,
    widgets::{
        Widget,
        canvas::{Canvas, Line},
    },
};
use unicode_width::UnicodeWidthStr;

use super::{FlowGraph, LABEL_WIDTH, MOST_LINES, MOST_PITCH};
use crate::{
    analysis::evidence::flow::Flow,
    ui::widgets::lines::{fit, put_line, right, window},
};

/// The least columns of a word, at which its letters stand upright.
const LEAST_PITCH: u16 = 2;
/// Columns of a word from which on words lie, on up to so many lines in turn.
const FLAT_PITCH: u16 = 4;
const MOST_TURNS: u16 = 3;
/// The longest word that is whole.
const MAX_WHOLE_WORD: usize = 9;

/// The levels and words in view.
pub(super) struct Grid {
    /// From the top: the last level first.
    pub(super) levels: Vec<usize>,
    /// The words of the other text, an empty place, then the words of the stream; without another text these alone.
    pub(super) places: Range<usize>,
    /// The columns that the places share.
    spread: u16,
    /// The lines on which they lie in turn; None where their letters stand upright.
    turns: Option<u16>,
    pub(super) lines: u16,
    pub(super) plot: Rect,
}

impl Grid {
    /// The column in the middle of a place, and the line of a level; None out of view.
    fn at(&self, level: usize, place: usize) -> Option<(u16, u16)> {
        let line = self.levels.iter().position(|shown| *shown == level)? as u16;
        let column = self.places.contains(&place).then(|| self.column(place))?;
        Some((u16::midpoint(column.start, column.end), self.plot.y + line * self.lines))
    }

    /// The columns of a place in view.
    pub(super) fn column(&self, place: usize) -> Range<u16> {
        let first =
            |i: usize| self.plot.x + (i * usize::from(self.spread) / self.places.len()) as u16;
        let i = place - self.places.start;
        first(i)..first(i + 1)
    }
}

impl FlowGraph<'_> {
    /// The lines on which words lie in turn; None where their letters stand upright.
    fn turns(&self, spread: u16, n_places: usize) -> Option<u16> {
        let widest = self.places().into_iter().map(UnicodeWidthStr::width).max().unwrap_or(0);
        let whole = (widest.min(MAX_WHOLE_WORD) * n_places) as u16;
        let is_flat = spread > 0 && spread >= FLAT_PITCH * n_places as u16;
        is_flat.then(|| (whole / spread + 1).min(MOST_TURNS))
    }

    /// Lines of the longest upright word.
    pub(super) fn upright_lines(&self) -> u16 {
        let longest = self.places().into_iter().map(|word| word.chars().count()).max();
        longest.unwrap_or(0).min(MAX_WHOLE_WORD) as u16
    }

    pub(super) fn grid(&self, area: Rect) -> Grid {
        let n = self.places().len().max(1);
        let width = area.width.saturating_sub(LABEL_WIDTH);
        let n_places = n.min(usize::from(width / LEAST_PITCH).max(1));
        let spread = width.saturating_sub(1).min(MOST_PITCH * n_places as u16);
        let turns = self.turns(spread, n_places);
        let below = turns.unwrap_or_else(|| self.upright_lines()).min(area.height / 3);
        let height = area.height.saturating_sub(below + 1).max(1);
        let n_levels = self.n_levels().max(1);
        let between = (n_levels as u16 - 1).max(1);
        let lines = ((height - 1) / between).clamp(1, MOST_LINES);
        let shown = usize::from((height - 1) / lines) + 1;
        let (level, word) = self.cursor();
        let top = n_levels - 1;
        let levels = window(n_levels, shown, top.saturating_sub(level)).map(|i| top - i).collect();
        let places = window(n, n_places, self.first_place() + word);
        let plot = Rect { x: area.x + LABEL_WIDTH.min(area.width), y: area.y, width, height };
        Grid { levels, places, spread, turns, lines, plot }
    }

    /// Style of a line by its share: the larger, the stronger.
    fn style(&self, share: f32) -> Style {
        let theme = self.scene.theme;
        match theme.has_colour() {
            true => theme.ink(share.sqrt()),
            false if share < 0.1 => theme.dim(),
            false => Style::new(),
        }
    }

    fn edges_in_view(&self, grid: &Grid) -> Vec<([u16; 2], [u16; 2], f32)> {
        let own = self.first_place();
        let edge = |(level, to): (usize, usize), (lower, place): (usize, usize), share: f32| {
            let (upper, lower) = (grid.at(level, own + to)?, grid.at(lower, place)?);
            Some(([upper.0, upper.1], [lower.0, lower.1], share))
        };
        let within = self.route.edges.iter();
        let within = within
            .map(|(&(level, to, from), &share)| edge((level, to), (level - 1, own + from), share));
        let others = self.route.elsewhere.iter();
        let others = others.map(|(&(level, to, from), &share)| edge((level, to), (0, from), share));
        let mut edges: Vec<_> = within.chain(others).flatten().collect();
        // The strongest are drawn last, over the others.
        edges.sort_by(|a, b| a.2.total_cmp(&b.2));
        edges
    }

    pub(super) fn draw_edges(&self, grid: &Grid, area: Rect, buf: &mut Buffer) {
        let edges = self.edges_in_view(grid);
        if self.scene.theme.is_ascii() {
            for (upper, lower, share) in edges {
                draw_ascii_line(upper, lower, self.style(share), area, buf);
            }
            return;
        }
        let plot = grid.plot.intersection(area);
        if plot.is_empty() {
            return;
        }
        let (left, bottom) = (f64::from(plot.x), f64::from(plot.bottom()));
        let point = |[x, y]: [u16; 2]| (f64::from(x) - left + 0.25, bottom - f64::from(y) - 0.5);
        let mut canvas = Buffer::empty(plot);
        Canvas::default()
            .marker(Marker::Braille)
            .x_bounds([0.0, f64::from(plot.width)])
            .y_bounds([0.0, f64::from(plot.height)])
            .paint(|context| {
                for (upper, lower, share) in &edges {
                    let ((x1, y1), (x2, y2)) = (point(*upper), point(*lower));
                    let color = self.style(*share).fg.unwrap_or(Color::Reset);
                    context.draw(&Line { x1, y1, x2, y2, color });
                }
            })
            .render(plot, &mut canvas);
        for position in plot.positions() {
            let cell = &canvas[position];
            if cell.symbol() != " " && cell.symbol() != "\u{2800}" {
                let style = Style { fg: cell.style().fg, ..Style::new() };
                buf[position].set_symbol(cell.symbol()).set_style(style);
            }
        }
    }

    pub(super) fn draw_nodes(&self, flow: &Flow, grid: &Grid, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let cursor = self.cursor();
        let own = self.first_place();
        for &(_, _, place) in self.route.elsewhere.keys() {
            let Some((x, y)) = grid.at(0, place) else { continue };
            put_line(buf, (x, y), area.right(), &[(theme.glyph("○", "."), theme.accent())]);
        }
        for &(level, row) in &self.route.nodes {
            let Some((x, y)) = grid.at(level, own + row) else { continue };
            let is_fed = flow.feed_forward(level, row) >= self.scene.view.threshold.share();
            let sign = if is_fed { theme.glyph("■", "#") } else { theme.glyph("●", "o") };
            let is_cursor = (level, row) == cursor && self.scene.focused;
            let sign = if is_cursor { theme.glyph("◆", "@") } else { sign };
            put_line(buf, (x, y), area.right(), &[(sign, theme.accent())]);
        }
    }

    pub(super) fn draw_labels(&self, grid: &Grid, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let (level, word) = self.cursor();
        for (i, shown) in grid.levels.iter().enumerate() {
            let style = if *shown == level { theme.accent() } else { theme.dim() };
            let name = right(&self.level_name(*shown), usize::from(LABEL_WIDTH) - 1);
            let y = area.y + i as u16 * grid.lines;
            put_line(buf, (area.x, y), area.right(), &[(&name, style)]);
        }
        let y = grid.plot.y + (grid.levels.len() as u16).saturating_sub(1) * grid.lines + 1;
        let words = self.places();
        for place in grid.places.clone() {
            let style = match (place == self.first_place() + word, self.is_on_route(place)) {
                (true, _) => theme.accent(),
                (false, true) => Style::new(),
                (false, false) => theme.dim(),
            };
            let text = words.get(place).copied().unwrap_or_default();
            let columns = grid.column(place);
            let middle = u16::midpoint(columns.start, columns.end);
            let below = Rect {
                x: area.x,
                y,
                width: area.width,
                height: area.bottom().saturating_sub(y + 1),
            };
            match grid.turns {
                None => draw_upright(text, middle, style, below, buf),
                Some(turns) => {
                    let room = columns.len() * usize::from(turns) - usize::from(turns > 1);
                    let text = fit(text, room);
                    let x = middle.saturating_sub(text.width() as u16 / 2).max(area.x);
                    let turn = place as u16 % turns;
                    if turn < below.height {
                        put_line(buf, (x, y + turn), area.right(), &[(&text, style)]);
                    }
                }
            }
        }
    }

    /// Whether a line of the route begins or ends at the word of a place.
    fn is_on_route(&self, place: usize) -> bool {
        match place.checked_sub(self.first_place()) {
            Some(own) => self.route.nodes.iter().any(|(_, row)| *row == own),
            None => self.route.elsewhere.keys().any(|(_, _, from)| *from == place),
        }
    }
}

/// A word whose letters stand one below the other.
fn draw_upright(word: &str, x: u16, style: Style, area: Rect, buf: &mut Buffer) {
    let n_lines = area.height.min(MAX_WHOLE_WORD as u16);
    for (letter, y) in fit(word, n_lines.into()).chars().zip(area.y..area.y + n_lines) {
        put_line(buf, (x, y), area.right(), &[(&letter.to_string(), style)]);
    }
}

/// A line of characters from an upper point to a lower one, ends left out.
fn draw_ascii_line(upper: [u16; 2], lower: [u16; 2], style: Style, area: Rect, buf: &mut Buffer) {
    let ([x1, y1], [x2, y2]) = (upper, lower);
    let sign = match x1.cmp(&x2) {
        std::cmp::Ordering::Less => "\\",
        std::cmp::Ordering::Equal => "|",
        std::cmp::Ordering::Greater => "/",
    };
    let n = (y2 - y1).max(1);
    for i in 1..n {
        let part = f32::from(i) / f32::from(n);
        let x = f32::from(x1) + (f32::from(x2) - f32::from(x1)) * part;
        put_line(buf, (x.round() as u16, y1 + i), area.right(), &[(sign, style)]);
    }
}
