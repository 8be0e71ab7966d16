//! One step of a recurrent cell opened: what the word brings, what the past brings, and what comes of
//! it, unit by unit.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Pane, Pointed, Wanted, subject::Subject};
use crate::ui::widgets::heat::{Columns, Heat, Labels, Scale};

pub(super) struct Recurrence<'a>(pub(super) Subject<'a>);

/// The parts in the order of computation, with the sign that joins them to the part above.
const PARTS: [(&str, &str); 8] = [
    ("input", "input"),
    ("recurrent", "+ recurrent"),
    ("reset", "  reset gate"),
    ("gated", "+ gated"),
    ("sum", "= sum"),
    ("candidate", "tanh candidate"),
    ("update", "  update gate"),
    ("hidden", "hidden"),
];

impl<'a> Recurrence<'a> {
    /// The parts that this cell has. In a GRU the recurrent part counts only as far as its gate lets
    /// it; in an Elman cell the sum goes straight into tanh.
    fn parts(&self) -> Vec<(String, Subject<'a>)> {
        let is_gru = self.0.beside("gated").is_some();
        let label = |name: &str, label: &str| match (name, is_gru) {
            ("hidden", false) => "tanh = hidden".to_owned(),
            ("hidden", true) => "mixed = hidden".to_owned(),
            ("recurrent", true) => "  recurrent".to_owned(),
            _ => label.to_owned(),
        };
        PARTS.iter().filter_map(|(name, l)| Some((label(name, l), self.0.beside(name)?))).collect()
    }

    fn heat(&self) -> Heat<'a> {
        let parts = self.parts();
        let row = self.0.row();
        let labels = parts.iter().map(|(label, _)| label.clone()).collect();
        let numbers: Vec<Vec<f32>> = parts.iter().map(|(_, s)| s.shown_row(row)).collect();
        let n_rows = numbers.len();
        let marks = super::marks_of_parts(parts.iter().map(|(_, subject)| subject), row);
        Heat {
            n_rows,
            marks,
            value: Box::new(move |part, unit| numbers[part][unit]),
            loudest: None,
            row_labels: Labels::listed(labels),
            columns: Columns::Counted,
            scale: Scale::Signed(1.0),
            cursor: (n_rows.saturating_sub(1), self.0.col()),
            axes: format!(
                "{}unit, at word “{}”",
                self.0.scene.theme.glyph("→ ", "columns "),
                self.0.label(1, row)
            ),
            ..self.0.heat()
        }
    }
}

impl Pane for Recurrence<'_> {
    fn title(&self) -> String {
        let word = self.0.label(1, self.0.row());
        format!("{} · at position {}, “{word}”", self.0.shown_name(self.0.title()), self.0.row())
    }

    fn extent(&self) -> (usize, usize) {
        (self.0.n_rows(), self.0.n_cols())
    }

    fn pointed(&self, row: usize, col: usize) -> Option<Pointed> {
        self.0.pointed(row, col)
    }

    fn wanted(&self) -> Wanted {
        let height = self.parts().len() as u16 + 2;
        Wanted::new((40, height.min(6)), (130, height))
    }

    fn cell_at(&self, area: Rect, at: Position) -> Option<(usize, usize)> {
        self.heat().number_at(area, at).map(|(_, unit)| (self.0.row(), unit))
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        self.heat().draw_numbers(area, buf);
    }
}
