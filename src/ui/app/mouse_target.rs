//! A place that a mouse points at.

/// A place in a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MouseTarget {
    pub pane: usize,
    /// Row and column of a cell, if one is drawn there.
    pub cell: Option<(usize, usize)>,
    /// The head that is drawn there, where several are.
    pub head: Option<usize>,
}
