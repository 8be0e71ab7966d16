//! A site's matrix as a heat map: the selected head's plane with labels, and numbers where they fit.

use std::borrow::Cow;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    CursorCell, Pane, PreferredSize, Title, Unfolding, in_words::PaneWords, subject::Subject,
};
use crate::{
    engine::{arithmetic::Arithmetic, value::Matrix as Numbers},
    ui::widgets::heat::{Heat, Zoom},
};

pub(super) struct Matrix<'a>(pub(super) Subject<'a>);

impl<'a> Matrix<'a> {
    /// A heat map whose rows grow where there is room, and share lines where there is not.
    fn flexible(heat: Heat<'a>) -> Heat<'a> {
        Heat { rows_may_grow: true, rows_may_share: true, ..heat }
    }

    fn heat(&self) -> Heat<'a> {
        Heat { zoom: self.0.scene.view.zoom, ..Self::flexible(self.0.heat()) }
    }
}

impl Pane for Matrix<'_> {
    fn title(&self) -> Title {
        self.0.marked(self.0.title())
    }

    fn extent(&self) -> (usize, usize) {
        (self.0.n_rows(), self.0.n_cols())
    }

    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        self.0.cursor_cell(row, col)
    }

    fn arithmetic(&self, row: usize, col: usize) -> Option<Arithmetic> {
        self.0.arithmetic(row, col)
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        self.0.status_line(row, col)
    }

    fn preferred_size(&self) -> PreferredSize {
        PreferredSize::of_heat(&Self::flexible(self.0.layout_heat())).titled(&self.title())
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<(usize, usize)> {
        self.heat().cell_at(area, position)
    }

    fn zoom(&self, area: Rect) -> Option<Zoom> {
        Some(self.heat().zoom_in(area))
    }

    fn visible_extent(&self, area: Rect) -> (usize, usize) {
        self.heat().visible_extent(area)
    }

    fn plane(&self) -> Option<Cow<'_, Numbers>> {
        Some(self.0.shown_plane())
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        self.0.form_in_words().unwrap_or_else(|| self.0.in_words(self.0.view().rows()))
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        self.heat().draw(area, buf);
    }
}
