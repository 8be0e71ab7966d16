//! A site's matrix as a heat map: the selected head's plane with labels, and numbers where they fit.

use std::borrow::Cow;

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Pane, PreferredSize, Title, Unfolding, in_words::PaneWords, subject::Subject};
use crate::{
    engine::{
        arithmetic::Arithmetic,
        value::{Extent, Matrix as Numbers},
    },
    ui::widgets::heat::Heat,
};

pub(super) struct MatrixPane<'a>(pub(super) Subject<'a>);

impl<'a> MatrixPane<'a> {
    /// A heat map whose rows grow where there is room, and share lines where there is not.
    fn flexible(heat: Heat<'a>) -> Heat<'a> {
        Heat { rows_may_grow: true, rows_may_share: true, ..heat }
    }

    fn heat(&self) -> Heat<'a> {
        Heat { zoom: self.0.scene.view.zoom, ..Self::flexible(self.0.heat()) }
    }
}

impl Pane for MatrixPane<'_> {
    fn title(&self) -> Title {
        self.0.marked(self.0.title())
    }

    fn subject(&self) -> Option<&Subject<'_>> {
        Some(&self.0)
    }

    fn heat_map(&self) -> Option<Heat<'_>> {
        Some(self.heat())
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

    fn visible_extent(&self, area: Rect) -> Extent {
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
