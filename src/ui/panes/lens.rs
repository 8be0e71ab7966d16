//! The logit lens: what the model would say after each layer, for the selected word.

use super::{
    Scene,
    words::{PaneWords, percent},
};
use std::sync::Arc;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{CursorCell, Pane, PreferredSize, subject::Subject};
use crate::{
    analysis::measure::lens::{LensPrediction, chosen},
    ui::widgets::lines::{left, put_line, put_on, right, window},
};

/// Its subject is `probs`.
pub(super) struct Lens<'a> {
    subject: Subject<'a>,
    /// None as long as they are not known.
    guesses: Option<Arc<[LensPrediction]>>,
}

/// The columns of a guess.
const WORD: usize = 9;
/// A site's name has so many columns at least.
const SITE: usize = 19;
const GUESS: usize = WORD + 8;

impl<'a> Lens<'a> {
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let guesses = subject.scene.reading.known_lens(subject.scene.model, subject.row());
        Self { subject, guesses }
    }

    fn guesses(&self) -> &[LensPrediction] {
        self.guesses.as_deref().unwrap_or(&[])
    }

    /// The columns of a site's name.
    fn site_width(&self) -> usize {
        self.guesses().iter().map(|guess| guess.site.len()).max().unwrap_or(0).max(SITE)
    }

    fn word(&self, token: usize) -> String {
        self.subject.label(2, token)
    }

    fn last(&self) -> Option<usize> {
        chosen(self.subject.trace, self.subject.row())
    }

    fn at(&self) -> usize {
        self.subject.scene.selection.col.min(self.guesses().len().saturating_sub(1))
    }

    /// The layers in view: those about the cursor, and always the one that has the last word.
    fn shown(&self, room: usize) -> Vec<usize> {
        let before_last = self.guesses().len().saturating_sub(1);
        let before = window(before_last, room.saturating_sub(1), self.at());
        before
            .chain((before_last < self.guesses().len()).then_some(before_last))
            .take(room)
            .collect()
    }

    fn draw_head(&self, n_shown: usize, line: Rect, buf: &mut Buffer) {
        let word = self.last().map_or_else(String::new, |token| self.word(token));
        let n = self.guesses().len();
        let of = if n_shown < n { format!("{n_shown} of {n}, after") } else { "after".to_owned() };
        let head = format!("{of:>width$}  rank of “{word}”", width = self.site_width());
        let x = put_on(buf, line, &[(&head, self.dim())]);
        put_line(buf, (x, line.y), line.right(), &[("   the three likeliest", self.dim())]);
    }

    fn dim(&self) -> Style {
        self.subject.scene.theme.dim()
    }

    /// How wide the column of the rank is: as wide as its heading.
    fn rank_width(&self) -> usize {
        let word = self.last().map_or_else(String::new, |token| self.word(token));
        unicode_width::UnicodeWidthStr::width(&*word) + 10
    }

    fn draw_guess(&self, i: usize, line: Rect, buf: &mut Buffer) {
        let (theme, guess) = (self.subject.scene.theme, &self.guesses()[i]);
        let is_at = self.subject.scene.focused && i == self.at();
        let style = if guess.rank == 1 { theme.right() } else { Style::new() };
        let sign = if guess.rank == 1 { theme.glyph("✓", "+") } else { " " };
        let width = self.rank_width().saturating_sub(9);
        let rank = format!(" {:>width$} {} ", guess.rank, theme.percent(guess.probability));
        let site = right(&guess.site, self.site_width());
        let site_style = if is_at { theme.cursor() } else { Style::new() };
        let pieces = [(&*site, site_style), (" ", style), (sign, style), (&*rank, style)];
        let mut x = put_on(buf, line, &pieces) + 1;
        for (token, p) in &guess.top {
            let is_last = Some(*token) == self.last();
            let ink = if is_last { theme.right() } else { Style::new() };
            let text = format!("{} {} ", left(&self.word(*token), WORD), theme.percent(*p));
            if x + GUESS as u16 > line.right() + 1 {
                return;
            }
            x = put_line(buf, (x, line.y), line.right(), &[(&text, ink)]);
        }
    }
}

impl Pane for Lens<'_> {
    fn title(&self) -> String {
        let subject = &self.subject;
        format!("logit lens · after “{}”", subject.label(1, subject.row()))
    }

    fn extent(&self) -> (usize, usize) {
        (self.subject.n_rows(), self.guesses().len().max(1))
    }

    /// The probability that the chosen token has at the end.
    fn cursor_cell(&self, row: usize, _: usize) -> Option<CursorCell> {
        self.subject.cursor_cell(row, chosen(self.subject.trace, row)?)
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.guesses().len().max(self.subject.trace.n_layers("blocks.{l}.resid_post"))
            as u16
            + 1;
        let width = self.site_width() + self.rank_width() + 6 + 3 * GUESS;
        PreferredSize::new((44, n.min(5)), (width as u16, n))
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, model, selection, .. } = self.subject.scene;
        let word = |(token, p): &(usize, f32)| {
            format!("\"{}\" {}", self.subject.trace.word(*token as u32), percent(*p))
        };
        let line = |guess: &LensPrediction| {
            let top: Vec<String> = guess.top.iter().map(word).collect();
            format!(
                "{}: {}; the chosen token is at rank {}",
                guess.site,
                top.join(", "),
                guess.rank
            )
        };
        let lines = reading.lens(model, selection.row).iter().map(line).collect();
        PaneWords::of_model("What it would say after each layer", model, lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let mut lines = area.rows();
        let shown = self.shown(usize::from(area.height.saturating_sub(1)));
        if let Some(line) = lines.next() {
            self.draw_head(shown.len(), line, buf);
        }
        if self.guesses.is_none() {
            let text = self.subject.scene.theme.glyph("looking …", "looking ...");
            lines.by_ref().take(1).for_each(|line| {
                put_on(buf, line, &[(text, self.dim())]);
            });
        }
        for (i, line) in shown.into_iter().zip(lines) {
            self.draw_guess(i, line, buf);
        }
    }
}
