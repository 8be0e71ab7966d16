//! One step of a recurrent cell in parts: the input, the recurrent part and the hidden state, by unit.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
};

use super::{Pane, PreferredSize, Title, Unfolding, in_words::PaneWords, subject::Subject};
use crate::{
    engine::{site::Site, value::PlaneCell},
    lesson::tr,
    model::layer::recurrent,
    ui::widgets::heat::{Heat, Scale},
};

pub(super) struct Recurrence<'a>(pub(super) Subject<'a>);

/// The parts of an Elman cell in the order of computation, with the sign that joins each to the part above.
static ELMAN: [(&Site, &str); 4] = [
    (&recurrent::INPUT, "input"),
    (&recurrent::RECURRENT, "+ recurrent"),
    (&recurrent::SUM, "= sum"),
    (&recurrent::HIDDEN, "tanh = hidden"),
];

/// The parts of a GRU: the reset gate limits the recurrent part.
static GRU: [(&Site, &str); 8] = [
    (&recurrent::INPUT, "input"),
    (&recurrent::RECURRENT, "  recurrent"),
    (&recurrent::RESET, "  reset gate"),
    (&recurrent::GATED, "+ gated"),
    (&recurrent::SUM, "= sum"),
    (&recurrent::CANDIDATE, "tanh candidate"),
    (&recurrent::UPDATE, "  update gate"),
    (&recurrent::HIDDEN, "mixed = hidden"),
];

impl<'a> Recurrence<'a> {
    /// The sites of this kind of cell, in the order of computation.
    fn sites(&self) -> &'static [(&'static Site, &'static str)] {
        let is_gru = self.0.sibling(&recurrent::GATED).is_some();
        if is_gru { &GRU } else { &ELMAN }
    }

    /// The parts of this cell with their labels.
    fn parts(&self) -> Vec<(String, Subject<'a>)> {
        let part = |(site, label): &(&Site, &str)| {
            Some((self.0.scene.language.tr(label).to_owned(), self.0.sibling(site)?))
        };
        self.sites().iter().filter_map(part).collect()
    }

    fn heat(&self) -> Heat<'a> {
        let language = self.0.scene.language;
        Heat {
            scale: Scale::Signed(1.0),
            rows_may_grow: true,
            axes: tr!(
                language,
                "{right}unit, at word “{word}”",
                right = language.tr(self.0.scene.theme.glyph("→ ", "columns ")),
                word = self.0.label(1, self.0.row())
            ),
            ..self.0.heat_of_parts(self.parts())
        }
    }
}

impl Pane for Recurrence<'_> {
    fn title(&self) -> Title {
        let word = self.0.label(1, self.0.row());
        let i = self.0.row();
        let place = tr!(self.0.scene.language, "at position {i}, “{word}”", i, word);
        self.0.marked(self.0.title()).with(place)
    }

    fn subject(&self) -> Option<&Subject<'_>> {
        Some(&self.0)
    }

    fn preferred_size(&self) -> PreferredSize {
        let height = self.parts().len() as u16 + 2;
        PreferredSize::new(Size::new(40, height.min(6)), Size::new(130, height))
            .as_wide_as(200)
            .up_to(3 * height)
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        self.heat().number_at(area, position).map(|at| PlaneCell { row: self.0.row(), ..at })
    }

    /// That of its first part.
    fn place_in_pass(&self) -> Option<usize> {
        self.parts().first()?.1.place_in_pass()
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn covered(&self, area: Rect, part: f32) -> Vec<Rect> {
        vec![self.unfolding().covered(self.heat().number_area(area), part)]
    }

    fn in_words(&self) -> PaneWords {
        let sites: Vec<_> = self.sites().iter().map(|(site, _)| *site).collect();
        self.0.in_words(self.0.view().sibling_rows(&sites))
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        self.heat().draw_numbers(area, buf);
    }
}
