//! Navigation state: the current step, the selection, and which parts of it the user picked.

use crate::{
    lesson::{PaneSpec, Selection, Step},
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

    /// Scrolls the narration by lines, up to the offset `last`. False if it does not move.
    pub(super) fn scroll_by(&mut self, lines: isize, last: usize) -> bool {
        let scroll = self.scroll.min(last).saturating_add_signed(lines).min(last);
        std::mem::replace(&mut self.scroll, scroll) != scroll
    }
}
