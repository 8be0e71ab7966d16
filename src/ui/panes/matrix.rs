//! A site's matrix as a heat map: the selected head's plane, labels, numbers where there is room.

use std::borrow::Cow;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{CursorCell, Pane, PreferredSize, subject::Subject, words::PaneWords};
use crate::{
    engine::value::Matrix as Numbers,
    ui::widgets::heat::{Heat, Zoom},
};

pub(super) struct Matrix<'a>(pub(super) Subject<'a>);

impl<'a> Matrix<'a> {
    fn grown(&self) -> Heat<'a> {
        Heat { may_grow: true, zoom: self.0.scene.view.zoom, ..self.0.heat() }
    }
}

impl Pane for Matrix<'_> {
    fn title(&self) -> String {
        self.0.shown_name(self.0.title())
    }

    fn extent(&self) -> (usize, usize) {
        (self.0.n_rows(), self.0.n_cols())
    }

    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        self.0.cursor_cell(row, col)
    }

    fn preferred_size(&self) -> PreferredSize {
        let heat = self.0.uncoloured();
        PreferredSize::new(heat.least(), heat.ideal()).up_to(heat.tallest()).titled(&self.title())
    }

    fn cell_at(&self, area: Rect, at: Position) -> Option<(usize, usize)> {
        self.grown().cell_at(area, at)
    }

    fn zoom(&self, area: Rect) -> Option<Zoom> {
        Some(self.grown().zoom_in(area))
    }

    fn in_view(&self, area: Rect) -> (usize, usize) {
        self.grown().in_view(area)
    }

    fn plane(&self) -> Option<Cow<'_, Numbers>> {
        Some(self.0.shown_plane())
    }

    fn in_words(&self) -> PaneWords {
        self.0.in_words(self.0.view().rows())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        self.grown().draw(area, buf);
    }
}
