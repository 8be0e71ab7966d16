//! Where the mouse points, and the moves that it makes; keys can make them too.

use super::State;

/// A place in a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MouseTarget {
    pub pane: usize,
    /// Row and column of a cell, if one is drawn there.
    pub cell: Option<(usize, usize)>,
    /// The head drawn there, if the pane draws several.
    pub head: Option<usize>,
}

impl State {
    /// Moves the cursor to a place, unless an overlay is open.
    pub(super) fn point_at(&mut self, MouseTarget { pane, cell, head }: MouseTarget) {
        let is_there = pane < self.specs().len();
        if !self.overlay.is_none() || !is_there {
            return;
        }
        self.message = None;
        self.focus_on(pane);
        if let Some(head) = head {
            self.nav.selection.head = head;
            self.pick_head();
        }
        if let Some(cell) = cell.filter(|_| self.walks_heads()) {
            self.pick_layer_and_head(cell);
        } else if let Some((row, col)) = cell {
            self.move_to(row, col);
        }
        self.clamp();
    }

    pub(super) fn jump_to(&mut self, step: usize) {
        if self.overlay.is_none() {
            self.message = None;
            self.enter(step);
        }
    }
}
