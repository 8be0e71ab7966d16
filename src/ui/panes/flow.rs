//! The flow graph: the routes by which the row of a word was made, from the top down to the tokens. Columns are words, rows
//! are the stream after each layer, lines the shares above a threshold. What a decoder takes from the other text comes from
//! columns of their own, left of its words. Its site is where the stream begins.

mod graph;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
};

use unicode_width::UnicodeWidthStr;

use super::{
    Pane, PreferredSize, Scene, StreamRow, Title, Unfolding, both::TOO_LARGE, in_words::PaneWords,
};
use crate::{
    analysis::{
        evidence::flow::{Flow, FlowNode, Route, Threshold},
        reading::PassEvidence,
    },
    engine::{
        arithmetic::Arithmetic,
        site::Stream,
        value::{Extent, PlaneCell},
    },
    lesson::{PaneSpec, tr},
    text::{Token, percent},
    ui::widgets::lines::{put_line, put_text},
};

/// Columns of the names of levels, and the most of a word.
const LABEL_WIDTH: u16 = 8;
const MOST_PITCH: u16 = 16;
/// Lines from a level to the next.
const MOST_LINES: u16 = 16;

/// The most words that the line of a node names.
const MOST_PARTS: usize = 3;

pub(super) struct FlowGraph<'a> {
    scene: Scene<'a>,
    found: Option<&'a PassEvidence>,
    flow: Option<&'a Flow>,
    stream: Stream,
    route: Route,
    /// From which share on it has lines.
    threshold: f32,
    title: Option<String>,
}

impl<'a> FlowGraph<'a> {
    pub(super) fn new(scene: Scene<'a>, spec: &PaneSpec, title: Option<String>) -> Self {
        let found = scene.pass_evidence();
        let site = spec.path(0).and_then(|path| scene.reading.trace(scene.model).site(&path));
        let stream = site.map_or(Stream::Source, |site| site.place.scope.rows());
        Self { title, ..Self::of(scene, found, stream) }
    }

    fn of(scene: Scene<'a>, found: Option<&'a PassEvidence>, stream: Stream) -> Self {
        let flow = found.and_then(|found| found.flow_of(stream));
        let (mut route, mut threshold) = (Route::default(), 0.0);
        if let Some((found, flow)) = found.zip(flow) {
            let row = explained_row(scene, found, flow);
            threshold = threshold_of(scene, found, stream, row).map_or(0.0, Threshold::share);
            route = flow.route(row, threshold);
        }
        Self { scene, found, flow, stream, route, threshold, title: None }
    }

    /// Why there is no graph.
    fn why_nothing(&self) -> String {
        let Scene { language, reading, .. } = self.scene;
        match (reading.known_pass_evidence(), self.found) {
            (None, _) => self.scene.measuring().to_owned(),
            (Some(_), None) => language.tr(TOO_LARGE).to_owned(),
            (Some(_), Some(found)) => match found.replaced_in_flow() {
                Some(scope) => tr!(
                    language,
                    "A what-if put something in place of what heads of {scope} take from words, so the rows cannot be taken apart by words; r goes back.",
                    scope
                ),
                None => language
                    .tr("The rows of this model cannot be taken apart by words and heads, or the text is too long for it.")
                    .to_owned(),
            },
        }
    }

    fn n_levels(&self) -> usize {
        self.flow.map_or(0, Flow::n_levels)
    }

    /// The level of a row of the cursor, which counts from the top.
    fn level(&self, row: usize) -> usize {
        self.n_levels().saturating_sub(row + 1)
    }

    /// The node of the route that is nearest to a cursor position: its level and word.
    fn node(&self, row: usize, col: usize) -> FlowNode {
        let level = self.level(row.min(self.n_levels().saturating_sub(1)));
        let nearest = self.route.rows(level).min_by_key(|word| word.abs_diff(col));
        FlowNode { level, row: nearest.unwrap_or(col) }
    }

    fn cursor(&self) -> FlowNode {
        self.node(self.scene.selection.row, self.scene.selection.col)
    }

    fn tokens(&self) -> &'a [Token] {
        self.found.map_or(&[], |found| found.tokens(self.stream))
    }

    /// The tokens of the other text that rows look at; none if they look at none.
    fn other_tokens(&self) -> &'a [Token] {
        let Some((flow, found)) = self.flow.zip(self.found) else { return &[] };
        let all = found.tokens(self.stream.of(Stream::Target, Stream::Source));
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

    /// A token in quotes, with its number where another one is written alike.
    fn quoted(&self, tokens: &[Token], i: usize) -> String {
        let language = self.scene.language;
        let word = tokens.get(i).map_or("", |token| token.text.as_str());
        if tokens.iter().filter(|token| token.text == word).count() > 1 {
            return tr!(language, "“{word}” ({i})", word, i);
        }
        tr!(language, "“{word}”", word)
    }

    /// The name of a level: the embedding, or the layer before it.
    fn level_name(&self, level: usize) -> String {
        let language = self.scene.language;
        match level.checked_sub(1) {
            None => language.tr("input").to_owned(),
            Some(layer) => tr!(language, "layer {layer}", layer),
        }
    }

    /// What lines and signs mean, the most important first, as much as is whole in `width` columns.
    fn legend(&self, width: u16) -> String {
        const GAP: &str = "   ";
        let (theme, language) = (self.scene.theme, self.scene.language);
        let share = percent(self.threshold);
        let fed = theme.glyph("■", "#");
        let last = match self.first_place() {
            0 => language.tr("c explains another word").to_owned(),
            _ => tr!(language, "{other} the other text", other = theme.glyph("○", ".")),
        };
        let parts = [
            tr!(language, "lines: shares from {share} on, ( ) change it", share),
            tr!(language, "{fed} with feed-forward", fed),
            last,
        ];
        let mut legend = String::new();
        for part in parts {
            let gap = if legend.is_empty() { "" } else { GAP };
            if legend.width() + gap.width() + part.width() <= width.into() {
                legend = legend + gap + &part;
            }
        }
        legend
    }

    /// The shares of a row in words, sum after sum: `itself 69 %, from “animal” 31 % (most by head 2); then feed-forward
    /// 22 %`. Those of each sum add up to 1, where they are all there: of each at most `most`.
    fn parts(&self, flow: &Flow, node: FlowNode, most: usize) -> String {
        let FlowNode { level, row } = node;
        let language = self.scene.language;
        let least = self.threshold;
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
            let word = self.quoted(self.tokens(), from);
            let heads = flow.heads(level, row, from);
            let head = heads.first().map_or(0, |(head, _)| *head);
            tr!(language, "from {word} {share} (most by head {head})", word, share, head)
        };
        let of_other_text = |(from, share): (usize, f32)| {
            let (word, share) = (self.quoted(self.other_tokens(), from), percent(share));
            tr!(language, "from {word} of the other text {share}", word, share)
        };
        let words = strongest(flow.sources(level, row)).into_iter();
        let words = words.take(most).map(of_word).collect();
        let others = strongest(flow.from_elsewhere(level, row)).into_iter().take(most);
        let fed = Some(flow.feed_forward(level, row)).filter(|fed| *fed >= least);
        let fed = fed.map(|fed| tr!(language, "feed-forward {share}", share = percent(fed)));
        let sums: [Vec<String>; 3] =
            [words, others.map(of_other_text).collect(), fed.into_iter().collect()];
        let sums = sums.iter().filter(|parts| !parts.is_empty());
        let sums: Vec<String> = sums.map(|parts| parts.join(language.tr(", "))).collect();
        sums.join(language.tr("; then "))
    }

    /// A node in words, with at most `most` words that each of its sums is made of.
    fn line(&self, flow: &Flow, node: FlowNode, most: usize) -> String {
        let (language, word) = (self.scene.language, self.quoted(self.tokens(), node.row));
        match node.level.checked_sub(1) {
            None => tr!(language, "{word} as it was embedded", word),
            Some(layer) => {
                let parts = self.parts(flow, node, most);
                tr!(language, "{word} after layer {layer}: {parts}", word, layer, parts)
            }
        }
    }
}

/// The row that a graph explains: the one picked, or the one asked about; of a translator's source the word from which the
/// routes of its output take most.
fn explained_row(scene: Scene, found: &PassEvidence, flow: &Flow) -> usize {
    let picked = |stream| match scene.view.explained {
        Some(StreamRow { model, stream: picked, row })
            if (model, picked) == (scene.model, stream) =>
        {
            Some(row)
        }
        _ => None,
    };
    let of_source = || {
        let target = found.flow_of(Stream::Target).filter(|_| flow.stream == Stream::Source)?;
        let row =
            picked(Stream::Target).unwrap_or_else(|| found.stream_row()).min(target.n_rows - 1);
        let threshold = threshold_of(scene, found, Stream::Target, row)?;
        target.route(row, threshold.share()).strongest_elsewhere()
    };
    let row = picked(flow.stream).or_else(of_source).unwrap_or_else(|| found.stream_row());
    row.min(flow.n_rows - 1)
}

/// The threshold that was chosen, or at which the route from a row begins.
fn threshold_of(
    scene: Scene,
    found: &PassEvidence,
    stream: Stream,
    row: usize,
) -> Option<Threshold> {
    scene.view.threshold.or_else(|| found.threshold_of(stream, row))
}

impl Pane for FlowGraph<'_> {
    fn threshold(&self) -> Option<Threshold> {
        let row = self.route.rows(self.n_levels().checked_sub(1)?).next()?;
        threshold_of(self.scene, self.found?, self.stream, row)
    }

    fn title(&self) -> Title {
        let language = self.scene.language;
        let Some(flow) = self.flow else {
            return Title::named(language.tr("which words a word was made of"));
        };
        let top = self.route.rows(flow.n_levels() - 1).next().unwrap_or(0);
        let word = self.word(top);
        let title = self.title.as_ref();
        let title = title.map(|title| language.labelled(language.tr(title), ""));
        let routes = tr!(language, "routes to “{word}”", word);
        let what = language.tr("from which words its last row was made");
        Title::named(title.unwrap_or_default() + &routes).with(what)
    }

    fn extent(&self) -> Extent {
        self.flow.map_or(Extent::NONE, |flow| Extent::new(flow.n_levels(), flow.n_rows))
    }

    /// Down follows the largest share, up the word that took most; sideways the nodes of the level.
    fn moved_to(
        &self,
        PlaneCell { row, col }: PlaneCell,
        rows: isize,
        cols: isize,
    ) -> Option<PlaneCell> {
        self.flow?;
        let FlowNode { level, row: mut word } = self.node(row, col);
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
        Some(PlaneCell::new(self.level(at), word))
    }

    /// The shares that a node is made of.
    fn arithmetic(&self, row: usize, col: usize) -> Option<Arithmetic> {
        let FlowNode { level, row } = self.node(row, col);
        self.flow?.open(level, row)
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        Some(self.line(self.flow?, self.node(row, col), MOST_PARTS))
    }

    fn row_to_explain(&self, row: usize, col: usize) -> Option<StreamRow> {
        self.flow?;
        let row = self.node(row, col).row;
        Some(StreamRow { model: self.scene.model, stream: self.stream, row })
    }

    fn preferred_size(&self) -> PreferredSize {
        if self.flow.is_none() {
            return PreferredSize::new(Size::new(30, 4), Size::new(60, 8));
        }
        let (n, levels) = (self.places().len().min(60) as u16, self.n_levels().min(34) as u16);
        let below = graph::MOST_NAME_LINES + 1;
        let width = |pitch: u16| LABEL_WIDTH + n * pitch;
        let height = |lines: u16| (levels - 1) * lines + 1;
        PreferredSize::new(
            Size::new(width(2).min(60), height(1).min(8) + 4),
            Size::new(width(8), height(4) + 3),
        )
        .whole_at(Size::new(width(2).min(120), height(1).min(20) + below))
        .as_wide_as(width(MOST_PITCH))
        .up_to(height(MOST_LINES) + below)
        .of_lines()
        .titled(&self.title())
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        self.flow?;
        let grid = self.grid(area);
        let line = position.y.checked_sub(grid.plot.y)?;
        let level = *grid.levels.get(usize::from((line + grid.lines / 2) / grid.lines))?;
        let place = grid.place_at(position.x)?;
        Some(PlaneCell::new(self.level(level), place.checked_sub(self.first_place())?))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { language, model, .. } = self.scene;
        let pane = Self::of(self.scene, self.scene.evidence_in_words().0, self.stream);
        let lines = match pane.flow {
            None => vec![pane.why_nothing()],
            Some(flow) => {
                let nodes = pane.route.nodes.iter().rev();
                nodes.map(|node| pane.line(flow, *node, usize::MAX)).collect()
            }
        };
        PaneWords::of_model(language, "From which words a word was made", model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let Some(flow) = self.flow else {
            put_text(buf, area, &self.why_nothing(), theme.dim());
            return;
        };
        if area.is_empty() {
            return;
        }
        let grid = self.grid(area);
        self.draw_rows(&grid, area, buf);
        self.draw_edges(&grid, area, buf);
        self.draw_nodes(flow, &grid, area, buf);
        self.draw_shares(&grid, area, buf);
        self.draw_labels(&grid, area, buf);
        let legend = self.legend(area.width);
        put_line(buf, (area.x, area.bottom() - 1), area.right(), &[(&legend, theme.dim())]);
    }
}
