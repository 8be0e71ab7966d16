//! What learning moved: the layers, and the rows of the embedding, which are words. Its site is the logits.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};

use super::{
    Pane, PreferredSize, Scene, Title, Unfolding,
    in_words::PaneWords,
    learning::{draw_unknown_beside, unknown_size},
};
use crate::{
    analysis::reading::Course,
    engine::{
        arithmetic::Arithmetic,
        value::{Cell, Extent, PlaneCell},
    },
    lesson::{Language, tr},
    model::EMBEDDING_TABLE,
    text::{fixed, significant},
    ui::widgets::lines::{List, left, put_line, put_on, without_top_rows},
};

pub(super) struct MovedList<'a> {
    scene: Scene<'a>,
    course: Option<Arc<Course>>,
}

/// Width of a part's name and of a distance, in columns.
const NAME_WIDTH: usize = 14;
const FIGURE_WIDTH: usize = 10;
/// Greatest length of a bar.
const MOST_BAR: u16 = 40;

impl<'a> MovedList<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        Self { scene, course: scene.reading.known_course(scene.model) }
    }

    fn n(&self) -> usize {
        self.course.as_ref().map_or(0, |course| course.parts.len() + course.rows.len())
    }

    fn row(&self) -> usize {
        self.scene.selection.row.min(self.n().saturating_sub(1))
    }
}

fn name(course: &Course, row: usize, language: Language) -> String {
    match row.checked_sub(course.parts.len()) {
        None => course.parts[row].scope.clone(),
        Some(i) => tr!(language, "“{word}”", word = course.rows[i].token.text),
    }
}

/// The weight of a row that moves most, and the cell where the loss is steepest.
fn steepest(course: &Course, row: usize) -> Option<(String, Cell)> {
    let (weight, of_row) = match row.checked_sub(course.parts.len()) {
        None => (course.parts.get(row)?.weight.clone(), None),
        Some(i) => (EMBEDDING_TABLE.to_owned(), Some(course.rows.get(i)?.token.id as usize)),
    };
    let cell = course.steepest(&weight, of_row)?;
    Some((weight, cell))
}

fn distance(course: &Course, row: usize) -> f32 {
    match row.checked_sub(course.parts.len()) {
        None => course.parts[row].distance,
        Some(i) => course.rows[i].distance,
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Pane for MovedList<'_> {
    fn title(&self) -> Title {
        let course = self.course.as_ref();
        let is_first = course.is_none_or(|course| course.n_steps == 0);
        let title = match (is_first, course.is_none_or(|course| course.moves())) {
            (true, true) => "what the next step moves",
            (true, false) => "the next step moves nothing",
            (false, true) => "what moved",
            (false, false) => "nothing moved",
        };
        Title::named(self.scene.language.tr(title))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.n(), 1)
    }

    /// The update of the steepest cell of the row's weight.
    fn arithmetic(&self, row: usize, _: usize) -> Option<Arithmetic> {
        let course = self.course.as_ref()?;
        let (weight, cell) = steepest(course, row)?;
        let now = self.scene.reading.trace(self.scene.model).site(&weight)?.value.get(cell);
        Some(course.update(&weight, cell, now))
    }

    fn status_line(&self, row: usize, _: usize) -> Option<String> {
        let course = self.course.as_ref()?;
        let (weight, cell) = steepest(course, row)?;
        let slope = course.gradient(&weight)?.get(cell);
        Some(tr!(
            self.scene.language,
            "steepest: {weight}[{row},{col}], gradient {slope}; Enter opens its update",
            weight,
            row = cell.row,
            col = cell.col,
            slope = fixed(slope)
        ))
    }

    fn preferred_size(&self) -> PreferredSize {
        if let Some(size) = unknown_size(self.scene, self.course.as_deref()) {
            return size;
        }
        let n = self.n().max(8) as u16;
        let width = (NAME_WIDTH + FIGURE_WIDTH) as u16;
        PreferredSize::new(Size::new(width + 6, n.min(6) + 1), Size::new(width + 16, n + 1))
            .of_items(n, 1, width + MOST_BAR)
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(without_top_rows(area, 1), self.n(), self.row()))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        Some(PlaneCell::new(self.list(area)?.at(position)?, 0))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, .. } = self.scene;
        let course = reading.course(model);
        let lines = course.clone().filter(|course| course.moves()).map(|course| {
            let n = course.parts.len() + course.rows.len();
            let line = |row: usize| {
                format!("{}: {}", name(&course, row, language), fixed(distance(&course, row)))
            };
            (0..n).map(line).collect()
        });
        let title = capitalized(&Self { course, scene: self.scene }.title().to_string());
        PaneWords::of_model(language, &title, model, lines.unwrap_or_default())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (theme, language) = (self.scene.theme, self.scene.language);
        let Some(course) = &self.course else {
            draw_unknown_beside(self.scene, area, buf);
            return;
        };
        let heading = left(language.tr("part, word"), NAME_WIDTH) + language.tr("distance");
        put_on(buf, area, &[(&heading, theme.dim())]);
        let distances = (0..self.n()).map(|row| distance(course, row));
        let most = distances.fold(f32::MIN_POSITIVE, f32::max);
        for (row, lines) in self.list(area).into_iter().flat_map(List::rows) {
            let is_at_cursor = self.scene.focused && row == self.row();
            let style = if is_at_cursor { theme.cursor() } else { Style::new() };
            let name = left(&name(course, row, self.scene.language), NAME_WIDTH);
            let figure =
                left(&format!(" {}", significant(distance(course, row).into(), 2)), FIGURE_WIDTH);
            let x = put_on(buf, lines, &[(&name, style), (&figure, Style::new())]);
            let width = lines.right().saturating_sub(x).min(MOST_BAR);
            let bar = theme.bar(distance(course, row) / most, width.into());
            put_line(buf, (x, lines.y), lines.right(), &[(&bar, theme.accent())]);
        }
    }
}
