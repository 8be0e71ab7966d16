//! Navigation state: the current step, the selection, and which parts of it the user picked.

use super::reply::Notice;
use crate::{
    engine::value::{Extent, PlaneCell},
    lesson::{LayerHead, PaneSpec, Selection, Step},
    ui::{panes::View, widgets::heat::Zoom},
};

/// The step on the screen and everything that the cursor keys move.
#[derive(Clone, Default)]
pub struct Navigation {
    /// Index into the lesson's steps.
    pub step: usize,
    pub selection: Selection,
    /// The user's picks, used wherever a step does not set its own selection.
    pub(super) picked: Picked,
    /// The pane with the cell cursor.
    pub focus: usize,
    pub view: View,
    /// One head's matrix, shown instead of the step's panes.
    pub zoomed: Option<ZoomedHead>,
    /// Index of the last used finder.
    pub(super) last_finder: Option<usize>,
    /// Scroll offset of the narration in lines.
    pub scroll: usize,
}

/// One head's matrix, shown instead of the step's panes.
#[derive(Clone, Debug)]
pub struct ZoomedHead {
    pub(super) spec: PaneSpec,
    /// The pane that was focused before.
    focus: usize,
}

/// The layer, head and row that the user picked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Picked {
    pub layer: Option<usize>,
    pub head: Option<usize>,
    pub row: Option<PickedRow>,
}

/// A picked row; in its chapter it overrides the rows from which steps start.
#[derive(Clone, Copy, Debug)]
pub(super) struct PickedRow {
    pub chapter: usize,
    pub row: usize,
}

/// Where something is picked.
#[derive(Clone, Copy, Debug)]
pub(super) struct PickedAt {
    pub chapter: usize,
    /// Whether the focused pane has one plane per query; then the selected plane is the row.
    pub has_plane_per_query: bool,
}

impl Picked {
    /// The selection at a step whose own selection is `start`.
    pub fn apply_to(&self, start: Selection, chapter: usize, step: &Step) -> Selection {
        let row = self.row.filter(|picked| picked.chapter == chapter).map(|picked| picked.row);
        Selection {
            layer: self.layer.filter(|_| step.layer.is_none()).unwrap_or(start.layer),
            head: self.head.filter(|_| step.head.is_none()).unwrap_or(start.head),
            row: row.unwrap_or(start.row),
            ..start
        }
    }
}

impl Navigation {
    /// Enters a step, with the first pane focused, the usual scale, and the narration at its start.
    pub(super) fn enter_step(&mut self, step: usize) {
        self.step = step;
        (self.focus, self.scroll, self.zoomed) = (0, 0, None);
        self.view.zoom = Zoom::Fit;
    }

    /// Shows one head's pane alone.
    pub(super) fn zoom_into(&mut self, spec: PaneSpec) {
        self.zoomed = Some(ZoomedHead { spec, focus: self.focus });
        self.focus = 0;
        self.view.zoom = Zoom::Fit;
    }

    /// Returns to the step's panes. False if no head is zoomed.
    pub(super) fn zoom_out(&mut self) -> bool {
        let Some(zoomed) = self.zoomed.take() else { return false };
        self.focus = zoomed.focus;
        self.view.zoom = Zoom::Fit;
        true
    }

    /// Remembers the selected row as the user's pick.
    pub(super) fn pick_row(&mut self, at: PickedAt) {
        let row = self.selection.swap_axes(at.has_plane_per_query, false).row;
        self.picked.row = Some(PickedRow { chapter: at.chapter, row });
    }

    /// Remembers the selected head as the user's pick; if planes are queries, the row.
    pub(super) fn pick_head(&mut self, at: PickedAt) {
        if at.has_plane_per_query {
            self.pick_row(at);
        } else {
            self.picked.head = Some(self.selection.head);
        }
    }

    /// Selects a layer and remembers it as the user's pick.
    pub(super) const fn pick_layer(&mut self, layer: usize) {
        self.selection.layer = layer;
        self.picked.layer = Some(layer);
    }

    /// Selects a head of a layer and remembers both as the user's pick.
    pub(super) const fn pick_layer_and_head(&mut self, LayerHead { layer, head }: LayerHead) {
        self.pick_layer(layer);
        self.selection.head = head;
        self.picked.head = Some(head);
    }

    /// Moves the cursor to a cell of the focused pane.
    pub(super) fn move_to(&mut self, to: PlaneCell, at: PickedAt) {
        let is_other_row = to.row != self.selection.row;
        self.set_cursor(to);
        if is_other_row {
            self.pick_row(at);
        }
    }

    pub(super) const fn cursor(&self) -> PlaneCell {
        PlaneCell::new(self.selection.row, self.selection.col)
    }

    /// Moves the cursor without picking its row.
    pub(super) const fn set_cursor(&mut self, PlaneCell { row, col }: PlaneCell) {
        (self.selection.row, self.selection.col) = (row, col);
    }

    /// Moves the cursor by rows and columns, up to the edges.
    pub(super) fn move_within(
        &mut self,
        extent: Extent,
        rows: isize,
        cols: isize,
        at: PickedAt,
    ) -> Option<Notice> {
        let before = self.selection;
        let to = |index: usize, by, n: usize| index.saturating_add_signed(by).min(n - 1);
        self.set_cursor(PlaneCell {
            row: to(before.row, rows, extent.rows),
            col: to(before.col, cols, extent.cols),
        });
        if rows != 0 {
            self.pick_row(at);
        }
        (self.selection == before).then(|| reached_edge(rows, cols).into())
    }

    /// Moves the cursor along a route, to its next cell.
    pub(super) fn move_on_route(&mut self, to: PlaneCell) -> Option<Notice> {
        let is_end = to == self.cursor();
        self.set_cursor(to);
        is_end.then(|| "the route ends here".into())
    }

    /// Selects another head, in a pane whose cursor moves over heads.
    pub(super) fn walk_to_head(&mut self, to: Option<LayerHead>) -> Option<Notice> {
        let Selection { layer, head, .. } = self.selection;
        let here = LayerHead { layer, head };
        let Some(to) = to.filter(|to| *to != here) else {
            return Some("no more heads in this direction".into());
        };
        self.pick_layer_and_head(to);
        None
    }

    pub(super) fn clamp_layer(&mut self, n_layers: usize) {
        if n_layers > 0 {
            self.selection.layer = within(self.selection.layer, n_layers);
        }
    }

    pub(super) fn clamp_head(&mut self, n_heads: Option<usize>) {
        if let Some(n) = n_heads {
            self.selection.head = within(self.selection.head, n);
        }
    }

    pub(super) fn clamp_cursor(&mut self, extent: Extent) {
        self.set_cursor(PlaneCell {
            row: within(self.selection.row, extent.rows),
            col: within(self.selection.col, extent.cols),
        });
    }

    /// Scrolls the narration `by` pages of `page` lines each, up to the offset `last`.
    pub(super) fn page_by(&mut self, by: isize, page: usize, last: usize) -> Option<Notice> {
        if self.scroll_by(by * page as isize, last) {
            return None;
        }
        let all = if last == 0 { "all of the text is in view" } else { "that was all of the text" };
        Some(all.into())
    }

    /// Scrolls the narration by lines, up to the offset `last`. False if it does not move.
    pub(super) fn scroll_by(&mut self, lines: isize, last: usize) -> bool {
        let scroll = self.scroll.min(last).saturating_add_signed(lines).min(last);
        std::mem::replace(&mut self.scroll, scroll) != scroll
    }
}

/// The index, or the last one of `n`.
fn within(index: usize, n: usize) -> usize {
    index.min(n.saturating_sub(1))
}

fn reached_edge(rows: isize, cols: isize) -> &'static str {
    match (rows.signum(), cols.signum()) {
        (-1, _) => "that was the first row",
        (1, _) => "that was the last row",
        (_, -1) => "that was the first column",
        _ => "that was the last column",
    }
}
