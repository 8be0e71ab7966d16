//! Where the mouse points.

/// A place in a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MouseTarget {
    pub pane: usize,
    /// Row and column of a cell, if one is drawn there.
    pub cell: Option<(usize, usize)>,
    /// The head drawn there, if the pane draws several.
    pub head: Option<usize>,
}
