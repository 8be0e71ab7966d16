//! A token's neighbours in the table of embeddings, as a map in two dimensions and as a list.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Title, Unfolding, in_words::PaneWords, subject::Subject};
use crate::{
    analysis::measure::neighbours::{Neighbour, Neighbourhood},
    engine::value::Extent,
    lesson::tr,
    text::{fixed, percent},
    ui::widgets::lines::{left, put_line, put_on, right},
};

/// The map of one row's token; its site is the embedding.
pub(super) struct Neighbours<'a> {
    subject: Subject<'a>,
    found: Option<Arc<Neighbourhood>>,
}

/// Width of the list, in columns: a word, its cosine, and a bar.
const LIST_WIDTH: u16 = 30;
/// Width of a word in the list.
const WORD_WIDTH: usize = 12;
/// Narrowest map beside the list.
const NARROWEST_MAP: u16 = 36;
/// Columns between the list and the map.
const GAP: u16 = 2;
/// Lines in [`Pane::in_words`].
const MAX_IN_WORDS: usize = 10;

impl<'a> Neighbours<'a> {
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let tokens = subject.trace.tokens(subject.site.place.scope.rows());
        let token = tokens.get(subject.row());
        let (reading, model) = (subject.scene.reading, subject.scene.model);
        let found = token.and_then(|token| reading.neighbourhood(model, token.id));
        Self { subject, found }
    }

    fn neighbours(&self) -> &[Neighbour] {
        self.found.as_ref().map_or(&[], |found| &found.words[1..])
    }

    fn draw_list(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.subject.scene.theme;
        for (neighbour, line) in self.neighbours().iter().zip(area.rows()) {
            let word = left(&neighbour.word, WORD_WIDTH);
            let figure = format!("{word} {} ", right(&fixed(neighbour.cosine), 5));
            let x = put_on(buf, line, &[(&figure, Style::new())]);
            let width = usize::from(line.right().saturating_sub(x));
            let bar = theme.bar(neighbour.cosine.max(0.0), width);
            put_line(buf, (x, line.y), line.right(), &[(&bar, theme.ink(neighbour.cosine))]);
        }
    }

    /// Draws the words at their places, the most alike first; a word that would cover another one is left out.
    fn draw_map(&self, found: &Neighbourhood, area: Rect, buf: &mut Buffer) {
        let theme = self.subject.scene.theme;
        let (xs, ys) = (extent(found, |place| place.0), extent(found, |place| place.1));
        let mut taken: Vec<Rect> = vec![];
        for (i, neighbour) in found.words.iter().enumerate() {
            let is_own = i == 0;
            let width = (neighbour.word.width() as u16).min(area.width);
            let (x, y) = (part(neighbour.place.0, xs), 1.0 - part(neighbour.place.1, ys));
            let x = area.x + (x * f32::from(area.width - width)).round() as u16;
            let y = area.y + (y * f32::from(area.height.saturating_sub(1))).round() as u16;
            let rect = Rect { x, y, width, height: 1 };
            let with_margin = Rect { x: x.saturating_sub(1), width: width + 2, ..rect };
            if taken.iter().any(|other| other.intersects(with_margin)) {
                continue;
            }
            taken.push(rect);
            let style = if is_own {
                theme.accent().bold().reversed()
            } else {
                theme.ink(neighbour.cosine.max(0.0))
            };
            put_line(buf, (x, y), area.right(), &[(&neighbour.word, style)]);
        }
    }
}

/// Least and largest coordinate of the map.
fn extent(found: &Neighbourhood, of: fn((f32, f32)) -> f32) -> (f32, f32) {
    let all = found.words.iter().map(|neighbour| of(neighbour.place));
    all.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
}

/// Where a coordinate lies between the least and the largest, 0 to 1.
fn part(x: f32, (low, high): (f32, f32)) -> f32 {
    if high > low { (x - low) / (high - low) } else { 0.5 }
}

impl Pane for Neighbours<'_> {
    fn title(&self) -> Title {
        let (subject, language) = (&self.subject, self.subject.scene.language);
        let word = subject.label(1, subject.row());
        let title =
            Title::named(tr!(language, "words used like “{word}”: cosine, and a map", word));
        let Some(found) = &self.found else { return title };
        title.with(tr!(
            language,
            "2 of {n} dimensions, {percent} of the variance",
            n = subject.n_cols(),
            percent = percent(found.shown_variance)
        ))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.subject.n_rows(), 1)
    }

    fn status_line(&self, row: usize, _: usize) -> Option<String> {
        let (subject, language) = (&self.subject, self.subject.scene.language);
        let nearest = self.neighbours().first()?;
        let (word, cosine) = (subject.label(1, row), fixed(nearest.cosine));
        Some(tr!(
            language,
            "“{word}”: the most alike is “{nearest}”, cosine {cosine}",
            word,
            nearest = nearest.word,
            cosine
        ))
    }

    fn preferred_size(&self) -> PreferredSize {
        let least = Size::new(LIST_WIDTH + GAP + NARROWEST_MAP, 8);
        PreferredSize::new(Size::new(NARROWEST_MAP, 6), Size::new(LIST_WIDTH + GAP + 70, 20))
            .whole_at(least)
            .up_to(34)
            .as_wide_as(140)
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let language = self.subject.scene.language;
        let word = self.subject.label(1, self.subject.row());
        let line = |n: &Neighbour| {
            tr!(language, "\"{word}\": cosine {cosine}", word = n.word, cosine = fixed(n.cosine))
        };
        let lines = self.neighbours().iter().take(MAX_IN_WORDS).map(line).collect();
        PaneWords::of_model(
            language,
            &tr!(language, "Words used like “{word}”", word),
            self.subject.scene.model,
            lines,
        )
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Some(found) = &self.found else {
            let text = self.subject.scene.language.tr("this token has no neighbours to show");
            put_on(buf, area, &[(text, self.subject.scene.theme.dim())]);
            return;
        };
        if area.width < LIST_WIDTH + GAP + NARROWEST_MAP {
            self.draw_map(found, area, buf);
            return;
        }
        self.draw_list(Rect { width: LIST_WIDTH, ..area }, buf);
        let x = area.x + LIST_WIDTH + GAP;
        self.draw_map(found, Rect { x, width: area.right() - x, ..area }, buf);
    }
}
