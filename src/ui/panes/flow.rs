//! The flow graph: the routes by which the row of a word was made, from the top down to the tokens. Columns are words, rows
//! are the stream after each layer, lines the shares above a threshold. What a decoder takes from the other text comes from
//! columns of their own, left of its words. Its site is where the stream begins.

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

use super::{Pane, PreferredSize, Scene, Unfolding, saliency::TOO_LARGE, words::PaneWords};
use crate::{
    analysis::{
        evidence::flow::{Flow, Route},
        reading::Findings,
    },
    engine::{arithmetic::Arithmetic, site::Stream},
    lesson::tr,
    text::{Token, percent},
    ui::widgets::lines::{fit, put_line, put_text, right, window},
};

/// Columns of the names of levels, and of a word: the least, at which letters stand upright, and the most.
const LABEL_WIDTH: u16 = 8;
const LEAST_PITCH: u16 = 2;
const MOST_PITCH: u16 = 12;
/// Columns of a word from which on words lie, on up to so many lines in turn.
const FLAT_PITCH: u16 = 4;
const MOST_TURNS: u16 = 3;
/// The longest word that is whole.
const MAX_WHOLE_WORD: usize = 9;
/// Lines of upright words, and lines from a level to the next.
const UPRIGHT_LINES: u16 = 6;
const MOST_LINES: u16 = 7;

pub(super) struct FlowGraph<'a> {
    scene: Scene<'a>,
    found: Option<&'a Findings>,
    flow: Option<&'a Flow>,
    route: Route,
    title: Option<String>,
}

/// The levels and words in view.
struct Grid {
    /// From the top: the last level first.
    levels: Vec<usize>,
    /// The words of the other text, an empty place, then the words of the stream; without another text these alone.
    places: Range<usize>,
    /// The columns that the places share.
    spread: u16,
    /// The lines on which they lie in turn; None where their letters stand upright.
    turns: Option<u16>,
    lines: u16,
    plot: Rect,
}

impl Grid {
    /// The column in the middle of a place, and the line of a level; None out of view.
    fn at(&self, level: usize, place: usize) -> Option<(u16, u16)> {
        let line = self.levels.iter().position(|shown| *shown == level)? as u16;
        let column = self.places.contains(&place).then(|| self.column(place))?;
        Some((u16::midpoint(column.start, column.end), self.plot.y + line * self.lines))
    }

    /// The columns of a place in view.
    fn column(&self, place: usize) -> Range<u16> {
        let first =
            |i: usize| self.plot.x + (i * usize::from(self.spread) / self.places.len()) as u16;
        let i = place - self.places.start;
        first(i)..first(i + 1)
    }
}

impl<'a> FlowGraph<'a> {
    pub(super) fn new(scene: Scene<'a>, title: Option<String>) -> Self {
        let found = scene.reading.known_findings().and_then(|all| all.get(&scene.model));
        Self { title, ..Self::of(scene, found) }
    }

    fn of(scene: Scene<'a>, found: Option<&'a Findings>) -> Self {
        let flow = found.and_then(|found| found.flow.as_ref());
        let row = |flow: &Flow| {
            let asked = scene.view.explained.or_else(|| Some(found?.row()));
            asked.unwrap_or(0).min(flow.n_rows - 1)
        };
        let route = flow.map(|flow| flow.route(row(flow), scene.view.threshold.share()));
        Self { scene, found, flow, route: route.unwrap_or_default(), title: None }
    }

    fn n_levels(&self) -> usize {
        self.flow.map_or(0, Flow::n_levels)
    }

    /// The level of a row of the cursor, which counts from the top.
    fn level(&self, row: usize) -> usize {
        self.n_levels().saturating_sub(row + 1)
    }

    /// The node of the route that is nearest to a cursor position: its level and word.
    fn node(&self, row: usize, col: usize) -> (usize, usize) {
        let level = self.level(row.min(self.n_levels().saturating_sub(1)));
        let nearest = self.route.rows(level).min_by_key(|word| word.abs_diff(col));
        (level, nearest.unwrap_or(col))
    }

    fn cursor(&self) -> (usize, usize) {
        self.node(self.scene.selection.row, self.scene.selection.col)
    }

    fn tokens(&self) -> &'a [Token] {
        let stream = self.flow.map_or(Stream::Source, |flow| flow.stream);
        self.found.map_or(&[], |found| match stream {
            Stream::Source => &found.source,
            Stream::Target => &found.target,
        })
    }

    /// The tokens of the other text that rows look at; none if they look at none.
    fn other_tokens(&self) -> &'a [Token] {
        let Some((flow, found)) = self.flow.zip(self.found) else { return &[] };
        let all = match flow.stream {
            Stream::Target => &found.source,
            Stream::Source => &found.target,
        };
        &all[..flow.n_elsewhere().min(all.len())]
    }

    /// The place of the stream's first word.
    fn first_place(&self) -> usize {
        match self.other_tokens().len() {
            0 => 0,
            n => n + 1,
        }
    }

    /// The words of all places.
    fn places(&self) -> Vec<&'a str> {
        let text = |token: &'a Token| token.text.as_str();
        let others = self.other_tokens().iter().map(text);
        let between = (self.first_place() > 0).then_some("");
        others.chain(between).chain(self.tokens().iter().map(text)).collect()
    }

    fn word(&self, row: usize) -> &'a str {
        self.tokens().get(row).map_or("", |token| token.text.as_str())
    }

    fn elsewhere(&self, row: usize) -> &'a str {
        self.other_tokens().get(row).map_or("", |token| token.text.as_str())
    }

    /// The name of a level: the embedding, or the layer before it.
    fn level_name(&self, level: usize) -> String {
        let language = self.scene.language;
        match level.checked_sub(1) {
            None => language.tr("input").to_owned(),
            Some(layer) => tr!(language, "layer {layer}", layer),
        }
    }

    /// The lines on which words lie in turn; None where their letters stand upright.
    fn turns(&self, spread: u16, n_places: usize) -> Option<u16> {
        let widest = self.places().into_iter().map(UnicodeWidthStr::width).max().unwrap_or(0);
        let whole = (widest.min(MAX_WHOLE_WORD) * n_places) as u16;
        let is_flat = spread > 0 && spread >= FLAT_PITCH * n_places as u16;
        is_flat.then(|| (whole / spread + 1).min(MOST_TURNS))
    }

    fn grid(&self, area: Rect) -> Grid {
        let n = self.places().len().max(1);
        let width = area.width.saturating_sub(LABEL_WIDTH);
        let n_places = n.min(usize::from(width / LEAST_PITCH).max(1));
        let spread = width.saturating_sub(1).min(MOST_PITCH * n_places as u16);
        let turns = self.turns(spread, n_places);
        let below = turns.unwrap_or(UPRIGHT_LINES).min(area.height / 3);
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

    fn draw_edges(&self, grid: &Grid, area: Rect, buf: &mut Buffer) {
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

    fn draw_nodes(&self, flow: &Flow, grid: &Grid, area: Rect, buf: &mut Buffer) {
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

    fn draw_labels(&self, grid: &Grid, area: Rect, buf: &mut Buffer) {
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
                None => draw_upright(text, middle, style, (below, buf)),
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

    fn legend(&self) -> String {
        let theme = self.scene.theme;
        let share = percent(self.scene.view.threshold.share());
        let (language, fed) = (self.scene.language, theme.glyph("■", "#"));
        if self.first_place() == 0 {
            return tr!(
                language,
                "lines: shares from {share} on, ( ) change it   {fed} with feed-forward   c explains another word",
                share,
                fed
            );
        }
        tr!(
            language,
            "lines: shares from {share} on, ( ) change it   {fed} with feed-forward   {other} the other text",
            share,
            fed,
            other = theme.glyph("○", ".")
        )
    }

    /// The parts of a node in words: `itself 52 %, from “animal” 31 % (head 2), feed-forward 22 %`.
    /// The shares of a row, sum after sum: those of each sum add up to 1.
    fn parts(&self, flow: &Flow, (level, row): (usize, usize)) -> String {
        let language = self.scene.language;
        let least = self.scene.view.threshold.share();
        let strongest = |mut sources: Vec<(usize, f32)>| {
            sources.retain(|(_, share)| *share >= least);
            sources.sort_by(|a, b| b.1.total_cmp(&a.1));
            sources
        };
        let of_word = |(from, share): (usize, f32)| {
            let share = percent(share);
            if from == row {
                return tr!(language, "itself {share}", share);
            }
            let word = self.word(from);
            let heads = flow.heads(level, row, from);
            let head = heads.first().map_or(0, |(head, _)| *head);
            tr!(language, "from “{word}” {share} (most by head {head})", word, share, head)
        };
        let of_other_text = |(from, share): (usize, f32)| {
            let (word, share) = (self.elsewhere(from), percent(share));
            tr!(language, "from “{word}” of the other text {share}", word, share)
        };
        let words = strongest(flow.sources(level, row)).into_iter().map(of_word).collect();
        let others = strongest(flow.from_elsewhere(level, row)).into_iter().take(3);
        let fed = Some(flow.feed_forward(level, row)).filter(|fed| *fed >= least);
        let fed = fed.map(|fed| tr!(language, "feed-forward {share}", share = percent(fed)));
        let sums: [Vec<String>; 3] =
            [words, others.map(of_other_text).collect(), fed.into_iter().collect()];
        let sums = sums.iter().filter(|parts| !parts.is_empty());
        let sums: Vec<String> = sums.map(|parts| parts.join(language.tr(", "))).collect();
        sums.join(language.tr("; then "))
    }

    fn line(&self, flow: &Flow, node: (usize, usize)) -> String {
        let (language, word) = (self.scene.language, self.word(node.1));
        match node.0.checked_sub(1) {
            None => tr!(language, "“{word}” as it was embedded", word),
            Some(layer) => {
                let parts = self.parts(flow, node);
                tr!(language, "“{word}” after layer {layer}: {parts}", word, layer, parts)
            }
        }
    }
}

/// A word whose letters stand one below the other.
fn draw_upright(word: &str, x: u16, style: Style, (area, buf): (Rect, &mut Buffer)) {
    let n_lines = area.height.min(UPRIGHT_LINES);
    for (letter, y) in word.chars().zip(area.y..area.y + n_lines) {
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

impl Pane for FlowGraph<'_> {
    fn title(&self) -> String {
        let language = self.scene.language;
        let Some(flow) = self.flow else {
            return language.tr("which words a word was made of").to_owned();
        };
        let top = self.route.rows(flow.n_levels() - 1).next().unwrap_or(0);
        let word = self.word(top);
        let title = self.title.as_ref().map(|title| format!("{}: ", language.tr(title)));
        title.unwrap_or_default()
            + &tr!(language, "from which words the last row of “{word}” was made", word)
    }

    fn extent(&self) -> (usize, usize) {
        self.flow.map_or((0, 0), |flow| (flow.n_levels(), flow.n_rows))
    }

    /// Down follows the largest share, up the word that took most; sideways the nodes of the level.
    fn moved_to(
        &self,
        (row, col): (usize, usize),
        rows: isize,
        cols: isize,
    ) -> Option<(usize, usize)> {
        self.flow?;
        let (level, mut word) = self.node(row, col);
        let mut at = level;
        for _ in 0..rows.unsigned_abs() {
            let next = if rows > 0 { self.route.down(at, word) } else { self.route.up(at, word) };
            let Some(next) = next else { break };
            word = next;
            at = if rows > 0 { at - 1 } else { at + 1 };
        }
        if cols != 0 {
            let nodes: Vec<usize> = self.route.rows(at).collect();
            let here = nodes.iter().position(|node| *node == word).unwrap_or(0);
            let to = here.saturating_add_signed(cols).min(nodes.len().saturating_sub(1));
            word = nodes.get(to).copied().unwrap_or(word);
        }
        Some((self.level(at), word))
    }

    /// The shares that a node is made of.
    fn arithmetic(&self, row: usize, col: usize) -> Option<Arithmetic> {
        let (level, row) = self.node(row, col);
        self.flow?.open(level, row)
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        Some(self.line(self.flow?, self.node(row, col)))
    }

    fn row_to_explain(&self, row: usize, col: usize) -> Option<usize> {
        self.flow.map(|_| self.node(row, col).1)
    }

    fn preferred_size(&self) -> PreferredSize {
        if self.flow.is_none() {
            return PreferredSize::new((30, 4), (60, 8));
        }
        let (n, levels) = (self.places().len().min(60) as u16, self.n_levels().min(34) as u16);
        let width = |pitch: u16| LABEL_WIDTH + n * pitch;
        let height = |lines: u16| (levels - 1) * lines + 1;
        PreferredSize::new((width(2).min(60), height(1).min(8) + 4), (width(8), height(4) + 3))
            .whole_at((width(2).min(120), height(1).min(20) + UPRIGHT_LINES + 1))
            .as_wide_as(width(MOST_PITCH))
            .up_to(height(MOST_LINES) + UPRIGHT_LINES + 1)
            .of_lines()
            .titled(&self.title())
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<(usize, usize)> {
        self.flow?;
        let grid = self.grid(area);
        let line = position.y.checked_sub(grid.plot.y)?;
        let level = *grid.levels.get(usize::from((line + grid.lines / 2) / grid.lines))?;
        let place = grid.places.clone().find(|p| grid.column(*p).contains(&position.x))?;
        Some((self.level(level), place.checked_sub(self.first_place())?))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, .. } = self.scene;
        let pane = Self::of(self.scene, reading.findings().get(&model));
        let lines = pane.flow.map_or_else(Vec::new, |flow| {
            pane.route.nodes.iter().rev().map(|node| pane.line(flow, *node)).collect()
        });
        PaneWords::of_model(language, "From which words a word was made", model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Scene { theme, language, reading, .. } = self.scene;
        let Some(flow) = self.flow else {
            let text = match (reading.known_findings(), self.found) {
                (None, _) => self.scene.measuring(),
                (Some(_), None) => language.tr(TOO_LARGE),
                (Some(_), Some(_)) => language.tr(
                    "The rows of this model cannot be taken apart by words and heads, or the text is too long for it.",
                ),
            };
            put_text(buf, area, text, theme.dim());
            return;
        };
        if area.is_empty() {
            return;
        }
        let grid = self.grid(area);
        self.draw_edges(&grid, area, buf);
        self.draw_nodes(flow, &grid, area, buf);
        self.draw_labels(&grid, area, buf);
        let legend = self.legend();
        put_line(buf, (area.x, area.bottom() - 1), area.right(), &[(&legend, theme.dim())]);
    }
}
