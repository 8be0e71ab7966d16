//! Teacher forcing beside free running, one line per position.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
};

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords};
use crate::{
    analysis::measure::forcing::{ForcedToken, Forcing},
    engine::value::Extent,
    lesson::tr,
    text::percent,
    ui::widgets::lines::{List, left, put_on, right, without_top_rows},
};

pub(super) struct ForcingTable<'a>(pub(super) Scene<'a>);

/// Columns of words, and of the rest of a line: signs, numbers and the note.
const WORD_WIDTH: usize = 12;
const LEAST_WORD_WIDTH: usize = 8;
const OTHER_WIDTH: u16 = 26;

impl<'a> ForcingTable<'a> {
    fn forcing(&self) -> Option<&'a Forcing> {
        self.0.reading.forcing()?.get(&self.0.model)
    }

    /// Columns of each of the three words of a line, so that the note after them is whole.
    fn word_width(width: u16) -> usize {
        usize::from(width.saturating_sub(OTHER_WIDTH) / 3).clamp(LEAST_WORD_WIDTH, WORD_WIDTH)
    }

    fn cursor_row(&self, n: usize) -> usize {
        self.0.selection.row.min(n.saturating_sub(1))
    }

    fn sign(&self, is_right: bool) -> (&'static str, Style) {
        let theme = self.0.theme;
        if is_right {
            (theme.glyph("✓", "+"), theme.correct())
        } else {
            (theme.glyph("✗", "x"), theme.incorrect())
        }
    }

    fn draw_token(
        &self,
        token: &ForcedToken,
        is_at_cursor: bool,
        diverges: bool,
        line: Rect,
        buf: &mut Buffer,
    ) {
        let theme = self.0.theme;
        let width = Self::word_width(line.width);
        let given = right(&token.given.text, width);
        let (forced_sign, forced) = self.sign(token.is_forced_right());
        let (free_sign, free) = self.sign(token.is_free_right());
        let ended = theme.glyph("–", "-");
        let wrote = token.free.as_ref().map_or(ended, |word| word.text.as_str());
        let numbers = format!("{} ", theme.percent(token.probability));
        let (a, b) = (left(&token.forced.text, width), left(wrote, width));
        let note = if diverges {
            self.0.language.tr(theme.glyph("← differs", "<- differs"))
        } else {
            ""
        };
        let pieces = [
            (&*given, if is_at_cursor { theme.cursor() } else { Style::new() }),
            ("  ", forced),
            (forced_sign, forced),
            (" ", forced),
            (&*a, forced),
            (&*numbers, Style::new()),
            ("  ", free),
            (free_sign, free),
            (" ", free),
            (&*b, free),
            (note, theme.accent()),
        ];
        put_on(buf, line, &pieces);
    }
}

impl Pane for ForcingTable<'_> {
    fn title(&self) -> Title {
        let (language, name) = (self.0.language, self.0.language.tr(self.0.model.title()));
        let title = Title::named(name);
        let Some(forcing) = self.forcing() else { return title };
        let (forced, free, n) =
            (forcing.n_forced_right(), forcing.n_free_right(), forcing.places.len());
        title.with_result(tr!(
            language,
            "right: forced {forced}, free {free}, of {n}",
            forced,
            free,
            n
        ))
    }

    fn extent(&self) -> Extent {
        self.forcing().map_or(Extent::NONE, |forcing| Extent::new(forcing.places.len(), 1))
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.forcing().map_or(8, |forcing| forcing.places.len()) as u16 + 1;
        PreferredSize::new(Size::new(52, n.min(6)), Size::new(66, n)).of_items(n - 1, 1, 90)
    }

    fn list(&self, area: Rect) -> Option<List> {
        let n = self.forcing()?.places.len();
        Some(List::new(without_top_rows(area, 1), n, self.cursor_row(n)))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let language = self.0.language;
        let forcing = self.forcing();
        let line = |place: &ForcedToken| {
            let free = place.free.as_ref().map_or(language.tr("nothing"), |token| &token.text);
            tr!(
                language,
                "given \"{given}\": says \"{forced}\", {share} for \"{right}\"; on its own \"{free}\"",
                given = place.given.text,
                forced = place.forced.text,
                share = percent(place.probability),
                right = place.right.text,
                free
            )
        };
        let sum = |forcing: &Forcing| {
            let (forced, free) = (forcing.n_forced_right(), forcing.n_free_right());
            let n = forcing.places.len();
            tr!(language, "right: {forced} when forced, {free} on its own, of {n}", forced, free, n)
        };
        let lines = forcing.map(|f| f.places.iter().map(line).chain([sum(f)]).collect());
        let heading = "Given the right words, and on its own";
        PaneWords::of_model(language, heading, self.0.model, lines.unwrap_or_default())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (dim, language) = (self.0.theme.dim(), self.0.language);
        let Some(forcing) = self.forcing() else {
            put_on(buf, area, &[(self.0.measuring(), dim)]);
            return;
        };
        let mut lines = area.rows();
        if let Some(line) = lines.next() {
            let width = Self::word_width(area.width);
            let head = format!(
                "{}    {}{}  {}",
                right(language.tr("is given"), width),
                left(language.tr("would write"), width),
                left(language.tr("p(right)"), 9),
                language.tr("on its own")
            );
            put_on(buf, line, &[(&head, dim)]);
        }
        let cursor = self.cursor_row(forcing.places.len());
        for (i, line) in self.list(area).into_iter().flat_map(List::rows) {
            let is_at_cursor = self.0.focused && i == cursor;
            let diverges = forcing.part == Some(i);
            self.draw_token(&forcing.places[i], is_at_cursor, diverges, line, buf);
        }
    }
}
