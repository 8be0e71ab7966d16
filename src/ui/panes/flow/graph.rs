//! The flow graph as drawn: where levels and words lie, lines, nodes, and the names of both.

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
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
    analysis::evidence::flow::{Flow, FlowEdge, FlowNode},
    text::percent,
    ui::widgets::lines::{fit, put_line, right, window},
};

/// The least columns of a word.
const LEAST_PITCH: u16 = 2;
/// The most lines of the words' names.
pub(super) const MOST_NAME_LINES: u16 = 4;
/// Lines between two levels from which on lines have their shares beside them.
const LEAST_LINES_FOR_SHARES: u16 = 5;
/// Columns of the longest name.
const LONGEST_NAME: usize = 14;

/// The levels and words in view.
pub(super) struct FlowGrid {
    /// From the top: the last level first.
    pub(super) levels: Vec<usize>,
    columns: Columns,
    names: Vec<PlacedName>,
    pub(super) lines: u16,
    pub(super) plot: Rect,
}

/// The columns of the words.
struct Columns {
    /// The words of the other text, an empty place, then the words of the stream; without another text these alone.
    places: Range<usize>,
    x: u16,
    /// The columns that the places share.
    spread: u16,
}

impl Columns {
    /// The columns of a place in view.
    fn of(&self, place: usize) -> Range<u16> {
        let first = |i: usize| self.x + (i * usize::from(self.spread) / self.places.len()) as u16;
        let i = place - self.places.start;
        first(i)..first(i + 1)
    }

    fn middle(&self, place: usize) -> u16 {
        let columns = self.of(place);
        u16::midpoint(columns.start, columns.end)
    }
}

/// The name of a place: where it begins, and its line below the graph.
struct PlacedName {
    place: usize,
    x: u16,
    line: usize,
    text: String,
}

/// An edge of the route between two places on the screen.
struct PlacedEdge {
    upper: Position,
    lower: Position,
    share: f32,
}

impl PlacedEdge {
    /// Places of a width beside the line, right and left of it: at its middle first, then below and above.
    fn places_beside(&self, width: u16) -> impl Iterator<Item = Rect> {
        const PARTS: [f32; 5] = [0.5, 0.65, 0.35, 0.8, 0.2];
        let Self { upper, lower, .. } = *self;
        let between = |a: u16, b: u16, part: f32| {
            (f32::from(a) + (f32::from(b) - f32::from(a)) * part).round() as u16
        };
        PARTS.into_iter().flat_map(move |part| {
            let x = between(upper.x, lower.x, part);
            let y = between(upper.y, lower.y, part);
            let xs = [Some(x + 1), x.checked_sub(width)];
            xs.into_iter().flatten().map(move |x| Rect { x, y, width, height: 1 })
        })
    }
}

impl FlowGrid {
    /// The column in the middle of a place, and the line of a level; None out of view.
    fn at(&self, level: usize, place: usize) -> Option<Position> {
        let line = self.levels.iter().position(|shown| *shown == level)? as u16;
        let is_in_view = self.columns.places.contains(&place);
        is_in_view
            .then(|| Position::new(self.columns.middle(place), self.plot.y + line * self.lines))
    }

    /// The place at a screen column.
    pub(super) fn place_at(&self, x: u16) -> Option<usize> {
        self.columns.places.clone().find(|place| self.columns.of(*place).contains(&x))
    }
}

impl FlowGraph<'_> {
    pub(super) fn grid(&self, area: Rect) -> FlowGrid {
        let n = self.places().len().max(1);
        let width = area.width.saturating_sub(LABEL_WIDTH);
        let n_places = n.min(usize::from(width / LEAST_PITCH).max(1));
        let FlowNode { level, row: word } = self.cursor();
        let columns = Columns {
            places: window(n, n_places, self.first_place() + word),
            x: area.x + LABEL_WIDTH.min(area.width),
            spread: width.saturating_sub(1).min(MOST_PITCH * n_places as u16),
        };
        let names = self.placed_names(&columns, area);
        let below = names.iter().map(|name| name.line as u16 + 1).max().unwrap_or(0);
        let height = area.height.saturating_sub(below + 1).max(1);
        let n_levels = self.n_levels().max(1);
        let between = (n_levels as u16 - 1).max(1);
        let lines = ((height - 1) / between).clamp(1, MOST_LINES);
        let shown = usize::from((height - 1) / lines) + 1;
        let top = n_levels - 1;
        let levels = window(n_levels, shown, top.saturating_sub(level)).map(|i| top - i).collect();
        let plot = Rect { x: columns.x, y: area.y, width, height };
        FlowGrid { levels, columns, names, lines, plot }
    }

    /// The names that are whole on a few lines: that of the cursor's word, then those on the route, then others that
    /// have room. Each stands on the first line that is free below its column.
    fn placed_names(&self, columns: &Columns, area: Rect) -> Vec<PlacedName> {
        let words = self.places();
        let cursor = self.first_place() + self.cursor().row;
        let rank = |place: &usize| match (*place == cursor, self.is_on_route(*place)) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        let mut places: Vec<usize> = columns.places.clone().collect();
        places.sort_by_key(rank);
        let n_lines = MOST_NAME_LINES.min(area.height / 3);
        let mut taken: Vec<Vec<Range<u16>>> = vec![vec![]; n_lines.into()];
        let mut placed = vec![];
        for place in places {
            let text = fit(words.get(place).copied().unwrap_or_default(), LONGEST_NAME);
            let width = text.width() as u16;
            let x = columns.middle(place).saturating_sub(width / 2);
            let x = x.min(area.right().saturating_sub(width)).max(area.x);
            // A blank stands between two names.
            let is_free = |line: &Vec<Range<u16>>| {
                line.iter().all(|other| x > other.end || x + width < other.start)
            };
            let line = taken.iter().position(is_free).filter(|_| width > 0);
            if let Some(line) = line {
                taken[line].push(x..x + width);
                placed.push(PlacedName { place, x, line, text });
            }
        }
        placed
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

    /// The edges whose ends are both in view, the weakest first.
    fn edges_in_view(&self, grid: &FlowGrid) -> Vec<PlacedEdge> {
        let own = self.first_place();
        let upper = |to: FlowNode| grid.at(to.level, own + to.row);
        let within = self.route.edges.iter().filter_map(|(&FlowEdge { to, from }, &share)| {
            let lower = grid.at(to.level - 1, own + from)?;
            Some(PlacedEdge { upper: upper(to)?, lower, share })
        });
        let others = self.route.elsewhere.iter().filter_map(|(&FlowEdge { to, from }, &share)| {
            Some(PlacedEdge { upper: upper(to)?, lower: grid.at(0, from)?, share })
        });
        let mut edges: Vec<_> = within.chain(others).collect();
        edges.sort_by(|a, b| a.share.total_cmp(&b.share));
        edges
    }

    /// Draws a dot for each row of the stream, on the route or not, and for each word of the other text.
    pub(super) fn draw_rows(&self, grid: &FlowGrid, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let (n_others, own) = (self.other_tokens().len(), self.first_place());
        for level in &grid.levels {
            let others = 0..if *level == 0 { n_others } else { 0 };
            for place in others.chain(own..self.places().len()) {
                let Some(at) = grid.at(*level, place) else { continue };
                put_line(buf, at, area.right(), &[(theme.glyph("·", "."), theme.dim())]);
            }
        }
    }

    /// Draws the lines, the strongest last, over the others.
    pub(super) fn draw_edges(&self, grid: &FlowGrid, area: Rect, buf: &mut Buffer) {
        let edges = self.edges_in_view(grid);
        if self.scene.theme.is_ascii() {
            for PlacedEdge { upper, lower, share } in edges {
                draw_ascii_line(upper, lower, self.style(share), area, buf);
            }
            return;
        }
        let plot = grid.plot.intersection(area);
        if plot.is_empty() {
            return;
        }
        let (left, bottom) = (f64::from(plot.x), f64::from(plot.bottom()));
        let point =
            |Position { x, y }: Position| (f64::from(x) - left + 0.25, bottom - f64::from(y) - 0.5);
        let mut canvas = Buffer::empty(plot);
        Canvas::default()
            .marker(Marker::Braille)
            .x_bounds([0.0, f64::from(plot.width)])
            .y_bounds([0.0, f64::from(plot.height)])
            .paint(|context| {
                for PlacedEdge { upper, lower, share } in &edges {
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

    /// Draws the shares beside their lines where there is room, the largest first.
    pub(super) fn draw_shares(&self, grid: &FlowGrid, area: Rect, buf: &mut Buffer) {
        if grid.lines < LEAST_LINES_FOR_SHARES {
            return;
        }
        let plot = grid.plot.intersection(area);
        for edge in self.edges_in_view(grid).into_iter().rev() {
            let text = percent(edge.share);
            // A blank stands on either side.
            let is_free = |place: &Rect| {
                place.positions().all(|at| plot.contains(at) && buf[at].symbol() == " ")
            };
            let place = edge.places_beside(text.width() as u16 + 2).find(is_free);
            if let Some(place) = place {
                let style = self.style(edge.share);
                put_line(buf, (place.x + 1, place.y), plot.right(), &[(&text, style)]);
            }
        }
    }

    pub(super) fn draw_nodes(&self, flow: &Flow, grid: &FlowGrid, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let cursor = self.cursor();
        let own = self.first_place();
        for edge in self.route.elsewhere.keys() {
            let Some(at) = grid.at(0, edge.from) else { continue };
            put_line(buf, at, area.right(), &[(theme.glyph("○", "."), theme.accent())]);
        }
        for &node in &self.route.nodes {
            let Some(at) = grid.at(node.level, own + node.row) else { continue };
            let is_fed = flow.feed_forward(node.level, node.row) >= self.threshold;
            let sign = if is_fed { theme.glyph("■", "#") } else { theme.glyph("●", "o") };
            let is_cursor = node == cursor && self.scene.focused;
            let sign = if is_cursor { theme.glyph("◆", "@") } else { sign };
            put_line(buf, at, area.right(), &[(sign, theme.accent())]);
        }
    }

    pub(super) fn draw_labels(&self, grid: &FlowGrid, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let FlowNode { level, row: word } = self.cursor();
        for (i, shown) in grid.levels.iter().enumerate() {
            let style = if *shown == level { theme.accent() } else { theme.dim() };
            let name = right(&self.level_name(*shown), usize::from(LABEL_WIDTH) - 1);
            let y = area.y + i as u16 * grid.lines;
            put_line(buf, (area.x, y), area.right(), &[(&name, style)]);
        }
        let y = grid.plot.y + (grid.levels.len() as u16).saturating_sub(1) * grid.lines + 1;
        for PlacedName { place, x, line, text } in &grid.names {
            let style = match (*place == self.first_place() + word, self.is_on_route(*place)) {
                (true, _) => theme.accent(),
                (false, true) => Style::new(),
                (false, false) => theme.dim(),
            };
            let y = y + *line as u16;
            if y + 1 < area.bottom() {
                put_line(buf, (*x, y), area.right(), &[(text, style)]);
            }
        }
    }

    /// Whether a line of the route begins or ends at the word of a place.
    fn is_on_route(&self, place: usize) -> bool {
        match place.checked_sub(self.first_place()) {
            Some(own) => self.route.nodes.iter().any(|node| node.row == own),
            None => self.route.elsewhere.keys().any(|edge| edge.from == place),
        }
    }
}

/// A line of characters from an upper point to a lower one, ends left out.
fn draw_ascii_line(upper: Position, lower: Position, style: Style, area: Rect, buf: &mut Buffer) {
    let sign = match upper.x.cmp(&lower.x) {
        std::cmp::Ordering::Less => "\\",
        std::cmp::Ordering::Equal => "|",
        std::cmp::Ordering::Greater => "/",
    };
    let n = (lower.y - upper.y).max(1);
    for i in 1..n {
        let part = f32::from(i) / f32::from(n);
        let x = f32::from(upper.x) + (f32::from(lower.x) - f32::from(upper.x)) * part;
        put_line(buf, (x.round() as u16, upper.y + i), area.right(), &[(sign, style)]);
    }
}
