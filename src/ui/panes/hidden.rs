//! The hidden state over time: one column per word, two units per line; the last state is highlighted.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use super::{
    Pane, PreferredSize, Title, Unfolding,
    in_words::{PaneWords, first},
    subject::Subject,
};
use crate::{
    engine::{
        math::length,
        site::Stream,
        value::{Cell, PlaneCell},
    },
    lesson::tr,
    model::ModelName,
    text::fixed,
    ui::widgets::{
        heat::{Columns, Heat, Labels, MarkedCell},
        lines::{first_fitting, put_on},
    },
};

pub(super) struct Hidden<'a>(pub(super) Subject<'a>);

/// The part of its unfolding in which the words are read; then the last state follows.
const READING: f32 = 0.8;
/// Lines below the strip that show the whole last state.
const LAST_STATE_LINES: u16 = 3;

impl<'a> Hidden<'a> {
    /// Whether the decoder gets only the last state.
    fn is_bottleneck(&self) -> bool {
        let is_encoder = self.0.site.place.scope.rows() == Stream::Source;
        is_encoder && matches!(self.0.scene.model, ModelName::Elman | ModelName::Gru)
    }

    /// The area of the strip, above the last state.
    fn strip_area(&self, area: Rect) -> Rect {
        let last = if self.is_bottleneck() && area.height >= 4 + LAST_STATE_LINES {
            LAST_STATE_LINES
        } else {
            0
        };
        Rect { height: area.height - last, ..area }
    }

    /// The site transposed: rows are units, columns are words.
    fn strip(&self) -> Heat<'a> {
        self.0.transposed(0, "unit", "units")
    }

    /// The last state, all units in one row.
    fn last_state(&self) -> Heat<'a> {
        let (subject, last) = (self.0.clone(), self.0.n_rows() - 1);
        let marks = self.0.marks_in(0).into_iter().filter(|mark| mark.row == last);
        Heat {
            n_rows: 1,
            value: Box::new(move |_, unit| subject.shown_value(Cell::new(0, last, unit))),
            marks: marks.map(|mark| MarkedCell { row: 0, ..mark }).collect(),
            most_prominent: None,
            row_labels: Labels::listed(vec![format!("h_{}", self.0.n_rows())]),
            columns: Columns::Counted,
            focused: self.0.scene.focused && self.0.row() == last,
            cursor: PlaneCell::new(0, self.0.col()),
            ..self.0.heat()
        }
    }

    /// The area of the last state below the strip, if it is drawn.
    fn last_state_area(&self, area: Rect) -> Option<Rect> {
        let strip = self.strip_area(area);
        (strip.height < area.height).then_some(Rect {
            y: strip.bottom(),
            height: LAST_STATE_LINES,
            ..area
        })
    }

    /// The heat map of the last state, in an area under its heading.
    const fn last_state_body(area: Rect) -> Rect {
        Rect { y: area.y + 1, ..area }
    }

    fn draw_last_state(&self, area: Rect, buf: &mut Buffer) {
        let (theme, language) = (self.0.scene.theme, self.0.scene.language);
        let body = Self::last_state_body(area);
        let (n, shown) = (self.0.n_cols(), self.last_state().visible_extent(body).cols);
        let sign = theme.glyph("▸ ", "> ");
        let text = if shown < n {
            let long = "all that the decoder gets: {n} numbers, {shown} of them in view";
            let texts = [long, "the decoder gets {n} numbers ({shown} in view)"];
            let texts = texts.map(|text| tr!(language, text, n, shown));
            first_fitting(texts, usize::from(area.width).saturating_sub(sign.width()))
        } else {
            tr!(language, "all that the decoder gets: {n} numbers", n)
        };
        let text = format!("{sign}{text}");
        let style = theme.accent().add_modifier(Modifier::BOLD);
        put_on(buf, area, &[("", Style::new()), (&text, style)]);
        // Cuts off the heat map's last line: its legend, which the strip above has.
        let mut canvas = Buffer::empty(body);
        self.last_state().draw(body, &mut canvas);
        for y in body.y..area.bottom() {
            for x in body.x..body.right() {
                buf[(x, y)] = canvas[(x, y)].clone();
            }
        }
    }
}

impl Pane for Hidden<'_> {
    fn title(&self) -> Title {
        self.0.marked(self.0.title())
    }

    fn subject(&self) -> Option<&Subject<'_>> {
        Some(&self.0)
    }

    fn preferred_size(&self) -> PreferredSize {
        self.0.strip_size(self.0.n_cols(), LAST_STATE_LINES)
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        if let Some(PlaneCell { row: unit, col: word }) =
            self.strip().strip_at(self.strip_area(area), position)
        {
            return Some(PlaneCell::new(word, unit));
        }
        let last = Self::last_state_body(self.last_state_area(area)?);
        self.last_state()
            .cell_at(last, position)
            .map(|at| PlaneCell { row: self.0.n_rows() - 1, ..at })
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Right
    }

    /// Word after word; the last state when all words are read.
    fn covered(&self, area: Rect, part: f32) -> Vec<Rect> {
        let last = self.last_state_area(area);
        let read = last.map_or(part, |_| (part / READING).min(1.0));
        let words = self.strip().strip_area(self.strip_area(area));
        let of_last = |area| self.last_state().cell_area(Self::last_state_body(area)).area;
        let last = last.filter(|_| part < 1.0).map(of_last);
        [self.unfolding().covered(words, read)].into_iter().chain(last).collect()
    }

    fn in_words(&self) -> PaneWords {
        let (view, language) = (self.0.view(), self.0.scene.language);
        let line = |row: usize| {
            let values = view.values(row);
            let saturated = values.iter().filter(|v| v.abs() > 0.9).count();
            let n = values.len();
            let (word, length, begins) =
                (view.word(row), fixed(length(&values)), first(&values, 3));
            tr!(
                language,
                "after {word}: length {length}, {saturated} of {n} units beyond 0.9, begins {begins}",
                word,
                length,
                saturated,
                n,
                begins
            )
        };
        self.0.in_words((0..self.0.n_rows()).map(line).collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        self.strip().draw_strips(self.strip_area(area), buf);
        if let Some(area) = self.last_state_area(area) {
            self.draw_last_state(area, buf);
        }
    }
}
