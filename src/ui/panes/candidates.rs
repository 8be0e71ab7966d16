//! The choice of one token: the text read so far, the candidates, and which were cut and which taken.

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
    analysis::measure::choice::{read_so_far, taken},
    engine::{
        math::sampling::{Candidate, Choice, Choosing, Cut},
        value::Extent,
    },
    lesson::tr,
    text::{percent, rounded},
    ui::{
        descriptions::limits_in_words,
        widgets::lines::{List, put_line, put_on, right, without_top_rows},
    },
};

pub(super) struct Candidates<'a> {
    subject: Subject<'a>,
    choosing: Choosing,
    choice: Option<Arc<Choice>>,
    /// Index of the candidate that was taken.
    taken: usize,
    /// Indices of the listed candidates: the likeliest, and the one taken.
    listed: Vec<usize>,
}

/// Maximum number of likeliest candidates that are listed.
const MAX_LISTED: usize = 12;
/// Width of a token, in columns.
const TOKEN_WIDTH: usize = 14;

/// A column of numbers.
struct Column {
    heading: String,
    /// The number that it shows of a candidate.
    number: fn(&Candidate) -> f32,
}

impl<'a> Candidates<'a> {
    /// Builds the pane from the site `probs`.
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let choosing = subject.scene.reading.changes.choosing();
        let (reading, model) = (subject.scene.reading, subject.scene.model);
        let choice = reading.choice(model, choosing, subject.row());
        let taken = choice.as_ref().map_or(0, |c| taken(subject.trace, c, subject.row()));
        let n = choice.as_ref().map_or(0, |c| c.candidates.len().min(MAX_LISTED));
        let listed = (0..n).chain((taken >= n).then_some(taken)).collect();
        Self { subject, choosing, choice, taken, listed }
    }

    fn cursor_index(&self) -> usize {
        self.subject.scene.selection.col.min(self.listed.len().saturating_sub(1))
    }

    fn has_cut(&self) -> bool {
        self.choosing.top_k.is_some() || self.choosing.top_p.is_some()
    }

    fn has_temperature(&self) -> bool {
        (self.choosing.temperature - 1.0).abs() > f32::EPSILON
    }

    fn columns(&self) -> Vec<Column> {
        let mut columns = vec![Column { heading: "T=1".to_owned(), number: |c| c.plain }];
        if self.has_temperature() {
            let heading = format!("T={}", self.choosing.temperature);
            columns.push(Column { heading, number: |c| c.probability });
        }
        if self.has_cut() {
            let heading = self.subject.scene.language.tr("kept").to_owned();
            columns.push(Column { heading, number: |c| c.share });
        }
        columns
    }

    /// Draws the last words read, as many as fit.
    fn draw_read(&self, line: Rect, buf: &mut Buffer) {
        let theme = self.subject.scene.theme;
        let words = read_so_far(self.subject.trace, self.subject.row());
        let head = self.subject.scene.language.tr("read: ");
        let available_width = usize::from(line.width).saturating_sub(head.width() + 2);
        let mut text = String::new();
        for token in words.iter().rev() {
            let longer = format!("{} {text}", token.text);
            if longer.width() > available_width {
                text = format!("{} {text}", theme.glyph("…", "..."));
                break;
            }
            text = longer;
        }
        let pieces = [(head, theme.dim()), (text.trim_end(), theme.strong())];
        put_on(buf, line, &pieces);
    }

    fn draw_header(&self, line: Rect, buf: &mut Buffer) {
        let headings = self.columns().into_iter();
        let headings = headings.map(|column| format!(" {}", right(&column.heading, 6)));
        let token = right(self.subject.scene.language.tr("token"), TOKEN_WIDTH);
        let head = format!("  {token}  logit{}", headings.collect::<String>());
        put_on(buf, line, &[(&head, self.subject.scene.theme.dim())]);
    }

    /// Columns of the longest reason at the end of a line, with a space before it.
    fn reason_width(&self, choice: &Choice) -> u16 {
        let widths = self.listed.iter().map(|index| self.reason(choice, *index).width());
        widths.max().map_or(0, |width| width as u16 + 1)
    }

    fn draw_candidate(&self, choice: &Choice, i: usize, line: Rect, buf: &mut Buffer) {
        let (theme, index) = (self.subject.scene.theme, self.listed[i]);
        let candidate = &choice.candidates[index];
        let (sign, style) = match (index == self.taken, candidate.cut) {
            (true, _) => (theme.glyph("●", "*"), theme.correct()),
            (false, Some(_)) => (theme.glyph("✗", "x"), theme.dim()),
            (false, None) => (" ", Style::new()),
        };
        let is_at_cursor = self.subject.scene.focused && i == self.cursor_index();
        let word = right(&self.subject.label(2, candidate.token), TOKEN_WIDTH);
        let word_style = if is_at_cursor { theme.cursor() } else { style };
        let columns = self.columns().into_iter();
        let numbers: Vec<String> =
            columns.map(|column| theme.percent((column.number)(candidate))).collect();
        let figures = format!(" {} {} ", theme.number(candidate.logit, 6), numbers.join(" "));
        let pieces = [(sign, style), (" ", style), (&*word, word_style), (&*figures, style)];
        let x = put_on(buf, line, &pieces);
        let reason = self.reason(choice, index);
        let bar = line.right().saturating_sub(x + self.reason_width(choice));
        let share = if self.has_cut() { candidate.share } else { candidate.probability };
        let ink = theme.sequential(0.35 + 0.6 * share).map_or(style, |c| Style::new().fg(c));
        let bar = format!("{:<width$} ", theme.bar(share, bar.into()), width = usize::from(bar));
        put_line(buf, (x, line.y), line.right(), &[(&bar, ink), (&reason, style)]);
    }

    /// Why a candidate is taken, or what cut it; empty if neither.
    fn reason(&self, choice: &Choice, index: usize) -> String {
        let language = self.subject.scene.language;
        let dash = self.subject.scene.theme.glyph("–", "-");
        if index == self.taken && self.choosing.beam.is_some() {
            return language.tr("found by beam search").to_owned();
        }
        match (index == self.taken, choice.candidates[index].cut, choice.draw) {
            (true, _, None) if index == 0 => language.tr("taken: the likeliest").to_owned(),
            (true, _, None) => language.tr("taken before the later words").to_owned(),
            (true, _, Some(draw)) => {
                let (from, to) = choice.interval(index);
                let range = format!("{from:.2}{dash}{to:.2}");
                tr!(language, "draw {draw} is in {range}", draw = format_args!("{draw:.2}"), range)
            }
            (false, Some(Cut::TopK), _) => language.tr("cut by top-k").to_owned(),
            (false, Some(Cut::TopP), _) => language.tr("cut by top-p").to_owned(),
            (false, None, _) => String::new(),
        }
    }
}

/// Maximum number of likeliest candidates in [`Pane::in_words`].
const MAX_IN_WORDS: usize = 6;

impl Pane for Candidates<'_> {
    fn title(&self) -> Title {
        let (subject, language) = (&self.subject, self.subject.scene.language);
        let Choosing { sample, beam, .. } = self.choosing;
        let how = match (beam, sample) {
            (Some(width), _) => tr!(language, "beam {width}", width),
            (None, Some(seed)) => tr!(language, "drawn, seed {seed}", seed),
            (None, None) => language.tr("greedy").to_owned(),
        };
        let limits = limits_in_words(&self.choosing);
        let (step, n) = (subject.row() + 1, subject.n_rows());
        Title::named(tr!(language, "the choice at {step} of {n}", step, n)).with(how + &limits)
    }

    fn extent(&self) -> Extent {
        Extent::new(self.subject.n_rows(), self.listed.len())
    }

    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        let index = *self.listed.get(col)?;
        self.subject.cursor_cell(row, self.choice.as_ref()?.candidates.get(index)?.token)
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.listed.len() as u16 + 2;
        PreferredSize::new(Size::new(62, n.min(6)), Size::new(88, n)).of_items(n - 2, 2, 150)
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(without_top_rows(area, 2), self.listed.len(), self.cursor_index()))
    }

    fn place_in_pass(&self) -> Option<usize> {
        self.subject.place_in_pass()
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { language, model, .. } = self.subject.scene;
        let heading = "The choice of the next token";
        let Some(choice) = &self.choice else {
            return PaneWords::of_model(language, heading, model, vec![]);
        };
        let taken = self.taken;
        let line = |i: usize| {
            let c = &choice.candidates[i];
            let what = match (i == taken, c.cut) {
                (true, _) => language.tr(", taken"),
                (false, Some(Cut::TopK)) => language.tr(", cut by top-k"),
                (false, Some(Cut::TopP)) => language.tr(", cut by top-p"),
                (false, None) => "",
            };
            let (word, p) = (self.subject.label(2, c.token), percent(c.probability));
            let logit = rounded(c.logit, 2);
            tr!(language, "\"{word}\": logit {logit}, {p}{what}", word, logit, p, what)
        };
        let n = choice.candidates.len().min(MAX_IN_WORDS);
        let shown = (0..n).chain((taken >= n).then_some(taken));
        let draw = choice.draw.map(|draw| {
            tr!(language, "the number drawn is {draw}", draw = format_args!("{draw:.3}"))
        });
        PaneWords::of_model(language, heading, model, shown.map(line).chain(draw).collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Some(choice) = &self.choice else { return };
        let mut lines = area.rows();
        if let Some(line) = lines.next() {
            self.draw_read(line, buf);
        }
        if let Some(line) = lines.next() {
            self.draw_header(line, buf);
        }
        for (i, lines) in self.list(area).into_iter().flat_map(List::rows) {
            self.draw_candidate(choice, i, lines, buf);
        }
    }
}
