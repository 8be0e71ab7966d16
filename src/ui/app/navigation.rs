//! Where the person is: the step, what is selected in it, and what of that they picked.

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
    /// What the person picked: it holds wherever a step does not ask for its own.
    pub(super) picked: Picked,
    /// The pane with the cell cursor.
    pub focus: usize,
    pub view: View,
    /// One head's matrix in the place of the step's panes.
    pub zoomed: Option<ZoomedHead>,
    /// The finder that was used last.
    pub(super) sought: Option<usize>,
    /// Lines of the narration that are scrolled away.
    pub scroll: usize,
}

/// One head's matrix in the place of the step's panes.
#[derive(Clone, Debug)]
pub struct ZoomedHead {
    pub(super) spec: PaneSpec,
    /// The pane that was focused before.
    focus: usize,
}

/// The layer, head and row that the person picked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Picked {
    pub layer: Option<usize>,
    pub head: Option<usize>,
    pub row: Option<PickedRow>,
}

/// A picked row; it goes before the rows that steps of its chapter start from.
#[derive(Clone, Copy, Debug)]
pub(super) struct PickedRow {
    pub chapter: usize,
    pub row: usize,
}

impl Picked {
    /// What is selected at a step that starts from `start`.
    pub fn over(&self, start: Selection, chapter: usize, step: &Step) -> Selection {
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
    /// Goes to a step: its first pane at its usual scale, the narration from its beginning.
    pub(super) fn go(&mut self, step: usize) {
        self.step = step;
        (self.focus, self.scroll, self.zoomed) = (0, 0, None);
        self.view.zoom = Zoom::Fit;
    }

    /// Shows a pane of one head alone.
    pub(super) fn zoom_into(&mut self, spec: PaneSpec) {
        self.zoomed = Some(ZoomedHead { spec, focus: self.focus });
        self.focus = 0;
        self.view.zoom = Zoom::Fit;
    }

    /// Back to the step's panes. False if they are shown.
    pub(super) fn zoom_out(&mut self) -> bool {
        let Some(zoomed) = self.zoomed.take() else { return false };
        self.focus = zoomed.focus;
        self.view.zoom = Zoom::Fit;
        true
    }

    /// Scrolls the narration, of which `last` lines can be scrolled away. False if it stays.
    pub(super) fn scroll_by(&mut self, lines: isize, last: usize) -> bool {
        let scroll = self.scroll.min(last).saturating_add_signed(lines).min(last);
        std::mem::replace(&mut self.scroll, scroll) != scroll
    }
}
