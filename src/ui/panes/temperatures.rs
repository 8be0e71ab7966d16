//! One choice at three temperatures: the likeliest tokens with their probabilities, side by side.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
};

use super::{
    CursorCell, Pane, PreferredSize, Title, Unfolding, in_words::PaneWords, subject::Subject,
};
use crate::{
    engine::{
        math::sampling::{Choice, Choosing},
        value::Extent,
    },
    lesson::tr,
    text::percent,
    ui::widgets::lines::{List, put_bar, put_line, put_on, right, without_top_rows},
};

const TEMPERATURES: [f32; 3] = [0.5, 1.0, 2.0];
/// Number of tokens listed.
const LISTED: usize = 10;
/// Width of a token, in columns.
const TOKEN_WIDTH: usize = 14;
/// Narrowest column of a temperature: a percentage and a short bar.
const NARROWEST_COLUMN: u16 = 14;
/// Width of a percentage and the space after it.
const PERCENT_WIDTH: u16 = 8;

/// The choice at the selected row; its site is `probs`.
pub(super) struct Temperatures<'a> {
    subject: Subject<'a>,
    /// In the order of [`TEMPERATURES`]; all have the same order of candidates.
    choices: Vec<Arc<Choice>>,
}

impl<'a> Temperatures<'a> {
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let (reading, model, row) = (subject.scene.reading, subject.scene.model, subject.row());
        let at = |temperature| {
            let choosing = Choosing { temperature, ..Choosing::default() };
            reading.choice(model, choosing, row)
        };
        let choices = TEMPERATURES.into_iter().filter_map(at).collect();
        Self { subject, choices }
    }

    fn n_listed(&self) -> usize {
        self.choices.first().map_or(0, |choice| choice.candidates.len().min(LISTED))
    }

    /// Probability of a listed candidate, or of all others together.
    fn probability(&self, temperature: usize, i: usize) -> f32 {
        let all = &self.choices[temperature].candidates;
        if i < self.n_listed() {
            return all[i].probability;
        }
        all[self.n_listed()..].iter().map(|candidate| candidate.probability).sum()
    }

    fn name(&self, i: usize) -> String {
        if i < self.n_listed() {
            self.subject.label(2, self.choices[0].candidates[i].token)
        } else {
            self.subject.scene.language.tr("all others").to_owned()
        }
    }

    fn cursor_row(&self) -> usize {
        self.subject.scene.selection.col.min(self.n_listed().saturating_sub(1))
    }

    fn column_width(area: Rect) -> u16 {
        area.width.saturating_sub(TOKEN_WIDTH as u16 + 1) / TEMPERATURES.len() as u16
    }
}

impl Pane for Temperatures<'_> {
    fn title(&self) -> Title {
        let subject = &self.subject;
        let word = subject.label(1, subject.row());
        Title::named(tr!(subject.scene.language, "after “{word}”, at three temperatures", word))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.subject.n_rows(), self.n_listed())
    }

    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        self.subject.cursor_cell(row, self.choices.first()?.candidates.get(col)?.token)
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.n_listed() as u16 + 1;
        let least = TOKEN_WIDTH as u16 + 1 + NARROWEST_COLUMN * TEMPERATURES.len() as u16;
        PreferredSize::new(Size::new(least, n.min(5)), Size::new(least + 24, n + 1))
            .of_items(n, 1, 140)
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(without_top_rows(area, 1), self.n_listed() + 1, self.cursor_row()))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let (language, model) = (self.subject.scene.language, self.subject.scene.model);
        let line = |i: usize| {
            let all: Vec<String> = (0..self.choices.len())
                .map(|t| format!("T={} {}", TEMPERATURES[t], percent(self.probability(t, i))))
                .collect();
            let word = self.name(i);
            tr!(language, "\"{word}\": {all}", word, all = all.join(language.tr(", ")))
        };
        let lines = (0..self.n_listed()).map(line).collect();
        PaneWords::of_model(language, "The next token at three temperatures", model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.subject.scene.theme;
        if self.choices.len() < TEMPERATURES.len() {
            return;
        }
        let width = Self::column_width(area);
        let x_of = |t: usize| area.x + TOKEN_WIDTH as u16 + 1 + t as u16 * width;
        for (t, temperature) in TEMPERATURES.iter().enumerate() {
            let head = format!("T = {temperature}");
            put_line(buf, (x_of(t), area.y), area.right(), &[(&head, theme.strong())]);
        }
        for (i, lines) in self.list(area).into_iter().flat_map(List::rows) {
            let is_at_cursor = self.subject.scene.focused && i == self.cursor_row();
            let style = match (is_at_cursor, i < self.n_listed()) {
                (true, _) => theme.cursor(),
                (false, true) => Style::new(),
                (false, false) => theme.dim(),
            };
            put_on(buf, lines, &[(&right(&self.name(i), TOKEN_WIDTH), style)]);
            for t in 0..TEMPERATURES.len() {
                let p = self.probability(t, i);
                let figure = theme.percent(p);
                let x = put_line(
                    buf,
                    (x_of(t), lines.y),
                    lines.right(),
                    &[(&figure, Style::new()), (" ", Style::new())],
                );
                let bar = theme.bar(p, usize::from(width.saturating_sub(PERCENT_WIDTH + 1)));
                put_bar(buf, x, lines, &bar, theme.ink(p));
            }
        }
    }
}
