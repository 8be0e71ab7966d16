//! The logit lens as a map: a row for each position, a column for each layer, in each cell the likeliest word, its ground
//! the brighter the more probable it is. A word that is followed shows its own probability or rank instead.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords, subject::Subject};
use crate::{
    analysis::measure::lens::LensPrediction,
    engine::value::{Extent, PlaneCell},
    lesson::tr,
    text::percent,
    ui::{
        descriptions::short_path,
        widgets::lines::{left, put_line, right, window},
    },
};

/// Width of a position's word, and the least and the greatest of a cell, in columns.
const LABEL_WIDTH: usize = 11;
const LEAST_CELL: usize = 6;
const MOST_CELL: usize = 12;

/// The rows that are said in words, up to the selected one: every row takes a product with the whole vocabulary.
const ROWS_IN_WORDS: usize = 16;

/// Pane of the map; its site is `probs`.
pub(super) struct LensMap<'a> {
    subject: Subject<'a>,
    n_layers: usize,
}

/// The cells in view.
struct Grid {
    rows: std::ops::Range<usize>,
    layers: std::ops::Range<usize>,
    cell: usize,
}

impl<'a> LensMap<'a> {
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let Scene { reading, model, selection, .. } = subject.scene;
        let row = selection.row.min(subject.n_rows() - 1);
        let known = reading.known_lens(model, row);
        Self { n_layers: known.map_or(0, |predictions| predictions.len()), subject }
    }

    fn row_predictions(&self, row: usize) -> Option<Arc<[LensPrediction]>> {
        let Scene { reading, model, view, .. } = self.subject.scene;
        reading.known_lens_of(model, row, view.followed)
    }

    fn layer(&self) -> usize {
        self.subject.scene.selection.col.min(self.n_layers.saturating_sub(1))
    }

    fn grid(&self, area: Rect) -> Grid {
        let width = usize::from(area.width).saturating_sub(LABEL_WIDTH);
        let cell = (width / self.n_layers.max(1)).clamp(LEAST_CELL, MOST_CELL);
        let n_layers = (width / cell).clamp(1, self.n_layers.max(1));
        let n_rows = usize::from(area.height.saturating_sub(1));
        Grid {
            rows: window(self.subject.n_rows(), n_rows, self.subject.row()),
            layers: window(self.n_layers, n_layers, self.layer()),
            cell,
        }
    }

    /// `norm`, `3 mid`, `3 post`, `1 norm2`: the place of a column, in few letters.
    fn place(prediction: &LensPrediction) -> String {
        let name = short_path(&prediction.name);
        prediction.layer.map_or_else(|| name.clone(), |layer| format!("{layer} {name}"))
    }

    /// The text of a cell and its probability.
    fn content(&self, row: usize, prediction: &LensPrediction) -> (String, f32) {
        if self.subject.scene.view.followed.is_none() {
            let (token, p) = prediction.top.first().copied().unwrap_or_default();
            return (self.word(row, token), p);
        }
        let p = prediction.probability;
        let text = if p >= 0.005 { percent(p) } else { format!("#{}", prediction.rank) };
        (text, p)
    }

    /// A token as it is shown after the tokens up to a row.
    fn word(&self, row: usize, token: usize) -> String {
        let Subject { trace, site, .. } = self.subject;
        trace.label_in_row(site, site.axes()[2], token, row)
    }

    fn style(&self, p: f32) -> Style {
        let theme = self.subject.scene.theme;
        match theme.sequential(p) {
            Some(ground) => theme.on(ground),
            None if p >= 0.5 => theme.strong(),
            None => Style::new(),
        }
    }

    fn draw_places(&self, grid: &Grid, area: Rect, buf: &mut Buffer) {
        let dim = self.subject.scene.theme.dim();
        let Some(predictions) = self.row_predictions(self.subject.row()) else { return };
        for (i, layer) in grid.layers.clone().enumerate() {
            let x = area.x + (LABEL_WIDTH + i * grid.cell) as u16;
            let name = Self::place(&predictions[layer]);
            put_line(buf, (x, area.y), area.right(), &[(&left(&name, grid.cell - 1), dim)]);
        }
    }

    fn draw_row(&self, row: usize, grid: &Grid, line: Rect, buf: &mut Buffer) {
        let Scene { theme, focused, .. } = self.subject.scene;
        let is_at_cursor = focused && row == self.subject.row();
        let label = right(&self.subject.label(1, row), LABEL_WIDTH - 1);
        let style = if is_at_cursor { theme.accent() } else { Style::new() };
        put_line(buf, line, line.right(), &[(&label, style)]);
        let Some(predictions) = self.row_predictions(row) else {
            let x = line.x + LABEL_WIDTH as u16;
            let text = theme.glyph("…", "...");
            put_line(buf, (x, line.y), line.right(), &[(text, theme.dim())]);
            return;
        };
        for (i, layer) in grid.layers.clone().enumerate() {
            let Some(prediction) = predictions.get(layer) else { continue };
            let (text, p) = self.content(row, prediction);
            let x = line.x + (LABEL_WIDTH + i * grid.cell) as u16;
            let is_cursor = is_at_cursor && layer == self.layer();
            let style = if is_cursor { theme.cursor() } else { self.style(p) };
            put_line(buf, (x, line.y), line.right(), &[(&left(&text, grid.cell - 1), style)]);
        }
    }
}

impl Pane for LensMap<'_> {
    fn title(&self) -> Title {
        let Scene { language, view, .. } = self.subject.scene;
        let which = match view.followed {
            Some(token) => {
                let word = self.subject.label(2, token);
                tr!(language, "“{word}” everywhere", word)
            }
            None => language.tr("the likeliest word everywhere").to_owned(),
        };
        Title::named(language.tr("logit lens")).with(which)
    }

    fn extent(&self) -> Extent {
        Extent::new(self.subject.n_rows(), self.n_layers.max(1))
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        let predictions = self.row_predictions(row.min(self.subject.n_rows() - 1))?;
        let prediction = predictions.get(col.min(self.n_layers.saturating_sub(1)))?;
        let language = self.subject.scene.language;
        let top = prediction.top.iter().map(|(token, p)| {
            let word = tr!(language, "“{word}”", word = self.word(row, *token));
            format!("{word} {}", percent(*p))
        });
        let top: Vec<String> = top.collect();
        let (word, rank) = (self.subject.label(1, row), prediction.rank);
        Some(tr!(
            language,
            "{site}  after “{word}”: {top}; rank {rank}; c follows a word",
            site = prediction.site,
            word,
            top = top.join(language.tr(", ")),
            rank
        ))
    }

    fn word_to_follow(&self, row: usize, col: usize) -> Option<usize> {
        let Scene { reading, model, .. } = self.subject.scene;
        let predictions = reading.known_lens(model, row)?;
        predictions.get(col.min(self.n_layers.saturating_sub(1)))?.top.first().map(|top| top.0)
    }

    fn preferred_size(&self) -> PreferredSize {
        let (n_rows, n_layers) = (self.subject.n_rows() as u16, self.n_layers.max(4) as u16);
        let width = |cell: usize| LABEL_WIDTH as u16 + n_layers.min(24) * cell as u16;
        PreferredSize::new(
            Size::new(width(LEAST_CELL).min(60), n_rows.min(6) + 1),
            Size::new(width(9), n_rows + 1),
        )
        .as_wide_as(width(MOST_CELL))
        .titled(&self.title())
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        let grid = self.grid(area);
        let line = usize::from(position.y.checked_sub(area.y + 1)?);
        let column = usize::from(position.x.checked_sub(area.x + LABEL_WIDTH as u16)?) / grid.cell;
        let (row, layer) = (grid.rows.start + line, grid.layers.start + column);
        (grid.rows.contains(&row) && grid.layers.contains(&layer))
            .then_some(PlaneCell { row, col: layer })
    }

    fn visible_extent(&self, area: Rect) -> Extent {
        let grid = self.grid(area);
        Extent::new(grid.rows.len(), grid.layers.len())
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Right
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, selection, .. } = self.subject.scene;
        let last = selection.row.min(self.subject.n_rows() - 1);
        let line = |row: usize| {
            let predictions = reading.lens(model, row);
            let words = predictions.iter().filter_map(|p| p.top.first()).map(|top| top.0);
            let mut words: Vec<usize> = words.collect();
            words.dedup();
            let words: Vec<String> = words.into_iter().map(|word| self.word(row, word)).collect();
            let word = tr!(language, "“{word}”", word = self.subject.label(1, row));
            language.labelled(&word, &words.join(" > "))
        };
        let lines = ((last + 1).saturating_sub(ROWS_IN_WORDS)..=last).map(line).collect();
        PaneWords::of_model(language, "The likeliest word from layer to layer", model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Scene { theme, language, .. } = self.subject.scene;
        if self.n_layers == 0 {
            let text = language.tr(theme.glyph("looking …", "looking ..."));
            put_line(buf, area, area.right(), &[(text, theme.dim())]);
            return;
        }
        let grid = self.grid(area);
        self.draw_places(&grid, area, buf);
        for (row, line) in grid.rows.clone().zip(area.rows().skip(1)) {
            self.draw_row(row, &grid, line, buf);
        }
    }
}
