//! The tokens of the sentence, each with its id and the first numbers of its embedding row.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    Pane, PreferredSize, Title, Unfolding,
    in_words::{PaneWords, first},
    subject::Subject,
};
use crate::{
    engine::{site::Axis, value::PlaneCell},
    lesson::tr,
    text::Token,
    ui::widgets::{
        heat::{Heat, Labels},
        lines::{put_line, right},
    },
};

/// Width of the word in columns; leaves room for a mark and a four-digit id.
const WORD_WIDTH: usize = 8;

pub(super) struct Tokens<'a>(pub(super) Subject<'a>);

impl<'a> Tokens<'a> {
    fn heat(&self) -> Heat<'a> {
        let (subject, language) = (&self.0, self.0.scene.language);
        let unknown = &subject.scene.reading.sentence.unknown;
        let stream = subject.site.place.scope.rows();
        let offset =
            usize::from(subject.trace.source.first().is_some_and(|t| t.id == crate::text::BOS));
        let label = |(i, token): (usize, &Token)| {
            let is_unknown = stream == crate::engine::site::Stream::Source
                && unknown.iter().any(|u| u.tokens.contains(&i.wrapping_sub(offset)));
            let mark = if is_unknown { "?" } else { " " };
            format!("{}{mark}{:>4}", right(&token.text, WORD_WIDTH), token.id)
        };
        let tokens = subject.trace.tokens(stream).iter().enumerate();
        let row_labels = Labels::listed(tokens.map(label).collect());
        let note = if unknown.is_empty() { "" } else { language.tr("  ? not seen in training") };
        let n = subject.n_cols();
        let axes = tr!(language, "embedding row of {n} numbers", n) + note;
        // Two rows to a line would hide every second token and its id.
        Heat { row_labels, axes, rows_may_grow: true, ..subject.heat() }
    }
}

impl Pane for Tokens<'_> {
    fn title(&self) -> Title {
        let title = self.0.title.as_deref().unwrap_or("tokens, ids and embedding rows");
        Title::named(self.0.scene.language.tr(title))
    }

    fn subject(&self) -> Option<&Subject<'_>> {
        Some(&self.0)
    }

    fn preferred_size(&self) -> PreferredSize {
        let heat = self.heat();
        PreferredSize::new(heat.least(), heat.ideal())
            .as_wide_as(heat.widest())
            .up_to(heat.tallest())
            .of_cells(heat.grid())
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        self.heat().cell_at(area, position)
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn covered(&self, area: Rect, part: f32) -> Vec<Rect> {
        vec![self.unfolding().covered(self.heat().cell_area(area), part)]
    }

    fn in_words(&self) -> PaneWords {
        let (subject, view, language) = (&self.0, self.0.view(), self.0.scene.language);
        let Some(stream) = subject.site.place.stream(Axis::Position) else {
            return subject.in_words(vec![]);
        };
        let tokens = subject.trace.tokens(stream).iter().take(subject.n_rows());
        let line = |(i, token): (usize, &Token)| {
            let begins = first(&view.values(i), 3);
            tr!(
                language,
                "{i} \"{word}\", id {id}, its row begins {begins}",
                i,
                word = token.text,
                id = token.id,
                begins
            )
        };
        subject.in_words(tokens.enumerate().map(line).collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let heat = self.heat();
        heat.draw(area, buf);
        let width = heat.label_width(area.width).min(area.width);
        if area.height > 3 && width > 12 {
            let head = right(self.0.scene.language.tr("token    id"), usize::from(width) - 1);
            let dim = self.0.scene.theme.dim();
            put_line(buf, area, area.x + width - 1, &[(&head, dim)]);
        }
    }
}
