//! The probes' answers: the words that can be read back from the last hidden state.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{
    CursorCell, Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords, subject::Subject,
};
use crate::{
    analysis::measure::readback::{ReadBack, share_right},
    engine::value::{Cell, Extent, PlaneCell},
    lesson::tr,
    text::percent,
    ui::widgets::lines::{List, left, put_bar, put_line, put_on, right, without_top_rows},
};

pub(super) struct ReadBackTable<'a> {
    scene: Scene<'a>,
    title: Option<String>,
    answers: Arc<Vec<ReadBack>>,
}

const WORD_WIDTH: usize = 12;
const GUESS_WIDTH: usize = 16;
/// Width of the table without its bars, in columns.
const TABLE_WIDTH: usize = WORD_WIDTH + 3 + GUESS_WIDTH + 6;

impl<'a> ReadBackTable<'a> {
    pub(super) fn new(scene: Scene<'a>, title: Option<String>) -> Self {
        Self { scene, title, answers: scene.reading.read_back(scene.model) }
    }

    fn cursor_answer(&self) -> usize {
        let row = self.scene.selection.row;
        self.answers
            .iter()
            .position(|a| a.position >= row)
            .unwrap_or(self.answers.len().saturating_sub(1))
    }

    fn draw_answer(&self, i: usize, line: Rect, buf: &mut Buffer) {
        let (answer, theme) = (&self.answers[i], self.scene.theme);
        let (mark, style) = if answer.is_right {
            (theme.glyph("✓", "+"), theme.correct())
        } else {
            (theme.glyph("✗", "-"), theme.incorrect())
        };
        let is_at_cursor = self.scene.focused && i == self.cursor_answer();
        let word_style = if is_at_cursor { theme.cursor() } else { Style::new() };
        let word = right(&answer.word, WORD_WIDTH);
        let guess = format!(" {}", left(&answer.guess, GUESS_WIDTH));
        let percent = format!("{}  ", theme.percent(answer.probability));
        let position = line.as_position();
        let pieces = [
            (word.as_str(), word_style),
            (" ", style),
            (mark, style),
            (&guess, style),
            (&percent, Style::new()),
        ];
        let x = put_line(buf, position, line.right(), &pieces);
        let available_width = usize::from(line.right().saturating_sub(x));
        put_bar(buf, x, line, &theme.bar(answer.probability, available_width), style);
    }
}

impl Pane for ReadBackTable<'_> {
    fn title(&self) -> Title {
        let language = self.scene.language;
        let name = self.title.as_deref().unwrap_or_else(|| self.scene.model.title());
        let share = share_right(&self.answers).unwrap_or(0.0);
        let right = self.answers.iter().filter(|a| a.is_right).count();
        let n = self.answers.len();
        Title::named(language.tr(name)).with_result(tr!(
            language,
            "{right} of {n} tokens can be read back ({share})",
            right,
            n,
            share = percent(share)
        ))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.scene.reading.trace(self.scene.model).source.len(), 1)
    }

    /// The probability of the right word.
    fn cursor_cell(&self, row: usize, _: usize) -> Option<CursorCell> {
        let subject = Subject::new(self.scene, "readback.probs", None)?;
        let id = subject.trace.source.get(row)?.id as usize;
        let value = subject.site.value.get(Cell::new(0, row, id));
        subject.cursor_cell(row, id).filter(|_| !value.is_nan())
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.answers.len() as u16 + 1;
        PreferredSize::new(Size::new(TABLE_WIDTH as u16, n.min(6)), Size::new(66, n)).of_items(
            n - 1,
            1,
            140,
        )
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(without_top_rows(area, 1), self.answers.len(), self.cursor_answer()))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        let i = self.list(area)?.at(position)?;
        Some(PlaneCell::new(self.answers[i].position, 0))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let language = self.scene.language;
        let line = |a: &ReadBack| {
            let (verdict, sure) =
                (language.tr(if a.is_right { "right" } else { "wrong" }), percent(a.probability));
            tr!(
                language,
                "{position} \"{word}\": the probe says \"{guess}\", {verdict}; it gives the right word {sure}",
                position = a.position,
                word = a.word,
                guess = a.guess,
                verdict,
                sure
            )
        };
        let share = share_right(&self.answers).map(|share| {
            tr!(language, "read back correctly: {n} of the tokens", n = percent(share))
        });
        let lines = self.answers.iter().map(line).chain(share).collect();
        PaneWords::of_model(
            language,
            "Read back from the last hidden state",
            self.scene.model,
            lines,
        )
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let name = if usize::from(area.width) > TABLE_WIDTH {
            self.scene.language.tr("p(word)")
        } else {
            "p"
        };
        let language = self.scene.language;
        let head = format!(
            "{}   {}{}",
            right(language.tr("word"), WORD_WIDTH),
            left(language.tr("the probe says"), GUESS_WIDTH),
            if name.width() < 6 { right(name, 6) } else { name.to_owned() }
        );
        put_on(buf, area, &[(&head, self.scene.theme.dim())]);
        for (i, lines) in self.list(area).into_iter().flat_map(List::rows) {
            self.draw_answer(i, lines, buf);
        }
    }
}
