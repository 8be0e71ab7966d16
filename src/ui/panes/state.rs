//! The state of one head over time: one column per word, two numbers per line, under the share that each word keeps of
//! what was there before it.

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
    engine::{
        math::length,
        value::{Cell, PlaneCell},
    },
    lesson::tr,
    model::layer::state_space::DECAY,
    text::fixed,
    ui::widgets::heat::{Heat, Labels},
};

pub(super) struct LayerState<'a>(pub(super) Subject<'a>);

/// Rows above the state that show what is kept: one line.
const KEPT_ROWS: usize = 2;

impl<'a> LayerState<'a> {
    /// The share of the head's state that a word keeps.
    fn kept(&self, word: usize) -> Option<f32> {
        let decay = self.0.trace.beside(self.0.site, &DECAY)?;
        let cell = Cell::new(0, word, self.0.plane);
        decay.shape().holds(cell).then(|| decay.value.get(cell))
    }

    /// The site transposed, under what is kept: rows are numbers of the state, columns are words.
    fn strip(&self) -> Heat<'a> {
        let heat = self.0.transposed(KEPT_ROWS, "state", "rows");
        let (end, language) = (heat.scale.end(), self.0.scene.language);
        let kept: Vec<f32> =
            (0..self.0.n_rows()).map(|word| self.kept(word).unwrap_or(0.0) * end).collect();
        let (value, labels) = (heat.value, heat.row_labels);
        let label = move |row: usize| match row {
            0 => language.tr("kept").to_owned(),
            row => labels.get(row).unwrap_or_default(),
        };
        Heat {
            value: Box::new(
                move |row, word| {
                    if row < KEPT_ROWS { kept[word] } else { value(row, word) }
                },
            ),
            row_labels: Labels::new(heat.n_rows, label),
            ..heat
        }
    }
}

impl Pane for LayerState<'_> {
    fn title(&self) -> Title {
        self.0.marked(self.0.title())
    }

    fn subject(&self) -> Option<&Subject<'_>> {
        Some(&self.0)
    }

    fn preferred_size(&self) -> PreferredSize {
        self.0.strip_size(KEPT_ROWS + self.0.n_cols(), 0)
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        let PlaneCell { row, col: word } = self.strip().strip_at(area, position)?;
        Some(PlaneCell::new(word, row.checked_sub(KEPT_ROWS)?))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Right
    }

    fn covered(&self, area: Rect, part: f32) -> Vec<Rect> {
        vec![self.unfolding().covered(self.strip().strip_area(area), part)]
    }

    fn in_words(&self) -> PaneWords {
        let (view, language) = (self.0.view(), self.0.scene.language);
        let line = |row: usize| {
            let values = self.0.site.value.row(self.0.plane, row);
            let kept = self.kept(row).map_or_else(|| "-".to_owned(), fixed);
            let (word, length, begins) =
                (view.word(row), fixed(length(&values)), first(&values, 3));
            tr!(
                language,
                "after {word}: kept {kept}, length {length}, begins {begins}",
                word,
                kept,
                length,
                begins
            )
        };
        self.0.in_words((0..self.0.n_rows()).map(line).collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        self.strip().draw_strips(area, buf);
    }
}
