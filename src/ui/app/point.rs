//! What a mouse points at; every answer is one that keys have too.

use super::{Overlay, State};

/// A place in a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub pane: usize,
    /// Row and column of a cell, if one is drawn there.
    pub cell: Option<(usize, usize)>,
    /// The head that is drawn there, where several are.
    pub head: Option<usize>,
}

impl State {
    /// The cursor goes to a place. What lies over the walk keeps it where it is.
    pub(super) fn point(&mut self, Place { pane, cell, head }: Place) {
        let is_there = pane < self.specs().len();
        if !matches!(self.overlay, Overlay::None) || !is_there {
            return;
        }
        self.message = None;
        self.focus_on(pane);
        if let Some(head) = head {
            self.selection.head = head;
        }
        if let Some(cell) = cell.filter(|_| self.walks_heads()) {
            (self.selection.layer, self.selection.head) = cell;
        } else if let Some((row, col)) = cell {
            self.has_picked_row |= row != self.selection.row;
            (self.selection.row, self.selection.col) = (row, col);
        }
        self.clamp();
    }

    pub(super) fn jump_to(&mut self, step: usize) {
        if matches!(self.overlay, Overlay::None) {
            self.message = None;
            self.enter(step);
        }
    }

    /// Puts the cursor on the n-th row of the list that is open, or begins the help there.
    pub(super) fn choose(&mut self, n: usize) {
        if let Overlay::Find { chosen: at, .. }
        | Overlay::Bookmarks { chosen: at }
        | Overlay::Palette { chosen: at, .. }
        | Overlay::Help { first: at } = &mut self.overlay
        {
            *at = n;
        }
    }
}
