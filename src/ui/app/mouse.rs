//! Where the mouse points.

use crate::engine::value::PlaneCell;

/// A place in a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MouseTarget {
    pub pane: usize,
    /// The cell, if one is drawn there.
    pub cell: Option<PlaneCell>,
    /// The head drawn there, if the pane draws several.
    pub head: Option<usize>,
}
