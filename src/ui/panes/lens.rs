//! The logit lens: the model's predictions after each layer, for the selected word.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{
    CursorCell, Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords, subject::Subject,
};
use crate::{
    analysis::measure::lens::{LensPrediction, chosen},
    engine::value::Extent,
    lesson::tr,
    text::{grouped, percent},
    ui::widgets::lines::{List, left, put_line, put_on, right, window, without_top_rows},
};

/// Pane of the logit lens; its site is `probs`.
pub(super) struct Lens<'a> {
    subject: Subject<'a>,
    /// Predictions by layer; None until computed.
    predictions: Option<Arc<[LensPrediction]>>,
}

/// Width of a predicted word, in columns.
const WORD_WIDTH: usize = 9;
/// Minimum width of a site's name, in columns.
const MIN_SITE_WIDTH: usize = 19;
/// Width of what stands beside a rank in its column: mark, probability and gaps.
const AROUND_RANK: usize = 9;
/// Width of a predicted word with its probability, in columns.
const PREDICTION_WIDTH: usize = WORD_WIDTH + 8;

impl<'a> Lens<'a> {
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let predictions = subject.scene.reading.known_lens(subject.scene.model, subject.row());
        Self { subject, predictions }
    }

    fn predictions(&self) -> &[LensPrediction] {
        self.predictions.as_deref().unwrap_or(&[])
    }

    /// Width of the sites' names, in columns.
    fn site_width(&self) -> usize {
        self.predictions()
            .iter()
            .map(|prediction| prediction.site.len())
            .max()
            .unwrap_or(0)
            .max(MIN_SITE_WIDTH)
    }

    fn word(&self, token: usize) -> String {
        self.subject.label(2, token)
    }

    fn chosen_token(&self) -> Option<usize> {
        chosen(self.subject.trace, self.subject.row())
    }

    fn cursor_layer(&self) -> usize {
        self.subject.scene.selection.col.min(self.predictions().len().saturating_sub(1))
    }

    /// Indices of the visible layers: those around the cursor, and always the last.
    fn visible_layers(&self, max_lines: usize) -> Vec<usize> {
        let before_last = self.predictions().len().saturating_sub(1);
        let before = window(before_last, max_lines.saturating_sub(1), self.cursor_layer());
        before
            .chain((before_last < self.predictions().len()).then_some(before_last))
            .take(max_lines)
            .collect()
    }

    fn draw_header(&self, n_shown: usize, line: Rect, buf: &mut Buffer) {
        let n = self.predictions().len();
        let language = self.subject.scene.language;
        let of = if n_shown < n {
            tr!(language, "{n_shown} of {n}, after", n_shown, n)
        } else {
            language.tr("after").to_owned()
        };
        let of = right(&of, self.site_width());
        let head = format!("{of}  {}", left(&self.rank_heading(), self.rank_width()));
        let x = put_on(buf, line, &[(&head, self.dim())]);
        put_line(buf, (x, line.y), line.right(), &[(language.tr("   the likeliest"), self.dim())]);
    }

    fn dim(&self) -> Style {
        self.subject.scene.theme.dim()
    }

    fn rank_heading(&self) -> String {
        let word = self.chosen_token().map_or_else(String::new, |token| self.word(token));
        tr!(self.subject.scene.language, "rank of “{word}”", word)
    }

    /// Width of the column of ranks with their probabilities: that of its heading, or of the largest rank.
    fn rank_width(&self) -> usize {
        let digits = |prediction: &LensPrediction| prediction.rank.to_string().len();
        let most = self.predictions().iter().map(digits).max().unwrap_or(0);
        self.rank_heading().width().max(most + AROUND_RANK)
    }

    fn draw_prediction(&self, i: usize, line: Rect, buf: &mut Buffer) {
        let (theme, prediction) = (self.subject.scene.theme, &self.predictions()[i]);
        let is_at_cursor = self.subject.scene.focused && i == self.cursor_layer();
        let style = if prediction.rank == 1 { theme.correct() } else { Style::new() };
        let sign = if prediction.rank == 1 { theme.glyph("✓", "+") } else { " " };
        let width = self.rank_width().saturating_sub(AROUND_RANK);
        let rank =
            format!(" {:>width$} {} ", prediction.rank, theme.percent(prediction.probability));
        let site = right(&prediction.site, self.site_width());
        let site_style = if is_at_cursor { theme.cursor() } else { Style::new() };
        let pieces = [(&*site, site_style), (" ", style), (sign, style), (&*rank, style)];
        let mut x = put_on(buf, line, &pieces) + 1;
        for (token, p) in &prediction.top {
            let is_chosen = Some(*token) == self.chosen_token();
            let ink = if is_chosen { theme.correct() } else { Style::new() };
            let text = format!("{} {} ", left(&self.word(*token), WORD_WIDTH), theme.percent(*p));
            if x + PREDICTION_WIDTH as u16 > line.right() + 1 {
                return;
            }
            x = put_line(buf, (x, line.y), line.right(), &[(&text, ink)]);
        }
    }
}

impl Pane for Lens<'_> {
    fn title(&self) -> Title {
        let (subject, language) = (&self.subject, self.subject.scene.language);
        let word = subject.label(1, subject.row());
        Title::named(language.tr("logit lens")).with(tr!(language, "after “{word}”", word))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.subject.n_rows(), self.predictions().len().max(1))
    }

    /// The output's probability of the chosen token.
    fn cursor_cell(&self, row: usize, _: usize) -> Option<CursorCell> {
        self.subject.cursor_cell(row, chosen(self.subject.trace, row)?)
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.predictions().len().max(self.subject.trace.depth(None)) as u16 + 1;
        let width = self.site_width() + self.rank_width() + 6 + 3 * PREDICTION_WIDTH;
        PreferredSize::new(Size::new(44, n.min(5)), Size::new(width as u16, n))
            .whole_at(Size::new(width as u16, n))
            .of_items(n - 1, 1, width as u16)
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, .. } = self.subject.scene;
        let word = |(token, p): &(usize, f32)| {
            tr!(language, "\"{word}\" {share}", word = self.word(*token), share = percent(*p))
        };
        let line = |prediction: &LensPrediction| {
            let top: Vec<String> = prediction.top.iter().map(word).collect();
            tr!(
                language,
                "{site}: {top}; the chosen token is at rank {rank}",
                site = prediction.site,
                top = top.join(language.tr(", ")),
                rank = grouped(prediction.rank)
            )
        };
        let row = self.subject.row();
        let predictions = reading.lens(model, row);
        let asked = self.chosen_token().map(|token| {
            let (after, chosen) = (self.subject.label(1, row), self.word(token));
            tr!(language, "after “{after}”; the chosen token is “{chosen}”", after, chosen)
        });
        let lines = asked.into_iter().chain(predictions.iter().map(line)).collect();
        PaneWords::of_model(language, "What it would say after each layer", model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let mut lines = area.rows();
        let shown = self.visible_layers(usize::from(area.height.saturating_sub(1)));
        if let Some(line) = lines.next() {
            self.draw_header(shown.len(), line, buf);
        }
        if self.predictions.is_none() {
            let Scene { theme, language, .. } = self.subject.scene;
            let text = language.tr(theme.glyph("looking …", "looking ..."));
            lines.by_ref().take(1).for_each(|line| {
                put_on(buf, line, &[(text, self.dim())]);
            });
        }
        let n_above = 1 + u16::from(self.predictions.is_none());
        let rows = without_top_rows(area, n_above);
        for (place, line) in List::new(rows, shown.len(), 0).rows() {
            self.draw_prediction(shown[place], line, buf);
        }
    }
}
