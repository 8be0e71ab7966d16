//! The addresses of numbers: sites, their axes, and addresses such as `encoder.0.self_attn.weights[2,7,1]`.
//!
//! A [`Site`] names a value of a model. A [`Scope`] is the part of the model that records it (`encoder.0.self_attn`).
//! Together they make a [`Place`], the name that traces, panes, exports and tests use.

use std::{fmt, str::FromStr};

use crate::{engine::value::Cell, text::visible::shown};

/// The sequence of tokens that an axis indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// The input sentence.
    Source,
    /// The decoder's input: `<bos>`, then its own output.
    Target,
}

/// What an axis of a site indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Length 1: the plane axis of a plain matrix, the column of a mean.
    Single,
    Head,
    /// Positions of the scope's own stream.
    Position,
    /// Positions of the scope's own stream, as queries.
    Query,
    /// Positions of the attended stream.
    Key,
    /// Components of a vector of size d_model (or a slice of it).
    Channel,
    /// Components of a hidden state or a hidden layer.
    Unit,
    /// Tokens of the vocabulary.
    Vocab,
    /// Rows of a weight matrix.
    In,
    /// Columns of a weight matrix.
    Out,
}

impl Axis {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "-",
            Self::Head => "head",
            Self::Position => "position",
            Self::Query => "query",
            Self::Key => "key",
            Self::Channel => "channel",
            Self::Unit => "unit",
            Self::Vocab => "vocab",
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// A named value of a model.
#[derive(Debug, PartialEq, Eq)]
pub struct Site {
    pub name: &'static str,
    /// The axes of planes, rows and columns.
    pub axes: [Axis; 3],
    /// A one-line description.
    pub caption: &'static str,
}

impl Site {
    /// A site whose value is one matrix.
    pub const fn matrix(name: &'static str, axes: [Axis; 2], caption: &'static str) -> Self {
        Self { name, axes: [Axis::Single, axes[0], axes[1]], caption }
    }

    /// A site with one plane per head (or output step).
    pub const fn planes(name: &'static str, axes: [Axis; 3], caption: &'static str) -> Self {
        Self { name, axes, caption }
    }
}

/// Weights are sites too, so that arithmetic can be opened down to them.
pub static WEIGHT: Site = Site::matrix("", [Axis::In, Axis::Out], "learned in training");

/// A part of a model, with the streams that its axes index.
#[derive(Clone, Debug)]
pub struct Scope {
    prefix: String,
    rows: Stream,
    keys: Stream,
}

impl Scope {
    pub fn new(prefix: impl Into<String>, rows: Stream, keys: Stream) -> Self {
        Self { prefix: prefix.into(), rows, keys }
    }

    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self { prefix: path_in(&self.prefix, name), ..self.clone() }
    }

    /// The same scope attending to another stream, for cross-attention.
    #[must_use]
    pub fn over(&self, keys: Stream) -> Self {
        Self { keys, ..self.clone() }
    }

    pub fn at(&self, site: &'static Site) -> Place {
        Place {
            path: path_in(&self.prefix, site.name),
            site,
            rows: self.rows,
            keys: self.keys,
            origin: Cell::default(),
        }
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The full name of a weight in this scope, in the checkpoint and on the tape.
    pub fn weight(&self, name: &str) -> String {
        path_in(&self.prefix, name)
    }
}

/// Whether a path is `scope` or inside it; every path is inside the empty scope.
pub fn lies_in(path: &str, scope: &str) -> bool {
    let rest = path.strip_prefix(scope);
    scope.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The path of a name in a scope; in the empty scope, the name alone.
pub fn path_in(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// A site's full path, its axes, and the origin of the recorded part.
///
/// A recurrent model records a site row by row: the part of step `t` has its origin at row `t`.
#[derive(Clone, Debug)]
pub struct Place {
    pub path: String,
    pub site: &'static Site,
    pub rows: Stream,
    pub keys: Stream,
    pub origin: Cell,
}

impl Place {
    pub fn weight(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            site: &WEIGHT,
            rows: Stream::Source,
            keys: Stream::Source,
            origin: Cell::default(),
        }
    }

    /// The same place with its origin at `row`.
    #[must_use]
    pub fn row(mut self, row: usize) -> Self {
        self.origin.row = row;
        self
    }

    /// The same place with its origin at `plane`.
    #[must_use]
    pub fn plane(mut self, plane: usize) -> Self {
        self.origin.plane = plane;
        self
    }

    /// The stream that an axis of this place indexes; None if the axis does not count tokens.
    pub fn stream(&self, axis: Axis) -> Option<Stream> {
        match axis {
            Axis::Position | Axis::Query => Some(self.rows),
            Axis::Key => Some(self.keys),
            _ => None,
        }
    }

    /// The address of a cell, given relative to the part recorded here.
    pub fn address(&self, local: Cell) -> Address {
        let o = self.origin;
        let cell = Cell::new(o.plane + local.plane, o.row + local.row, o.col + local.col);
        Address { path: self.path.clone(), cell, has_planes: self.has_planes() }
    }

    pub fn has_planes(&self) -> bool {
        self.site.axes[0] != Axis::Single
    }
}

/// The longest accepted address, in bytes.
const LONGEST_ADDRESS: usize = 1024;

/// The address of one number: `encoder.0.self_attn.weights[2,7,1]`, or `logits[3,17]` for a plain matrix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub path: String,
    pub cell: Cell,
    /// Whether the plane index is written.
    pub has_planes: bool,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cell { plane, row, col } = self.cell;
        if self.has_planes {
            write!(f, "{}[{plane},{row},{col}]", self.path)
        } else {
            write!(f, "{}[{row},{col}]", self.path)
        }
    }
}

impl FromStr for Address {
    type Err = anyhow::Error;

    /// Parses `path[row,col]` or `path[plane,row,col]`.
    ///
    /// # Errors
    /// If the text has another form; the message shows the expected one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            anyhow::anyhow!(
                "`{}` is not an address; write a site and a cell, \
                 as in encoder.0.self_attn.weights[2,7,1] or logits[0,12]",
                shown(text)
            )
        };
        anyhow::ensure!(
            text.len() <= LONGEST_ADDRESS,
            "`{}` has {} bytes, an address at most {LONGEST_ADDRESS}; shorten it",
            shown(text),
            text.len()
        );
        let (path, rest) = text.trim().split_once('[').ok_or_else(wrong)?;
        let inside = rest.strip_suffix(']').ok_or_else(wrong)?;
        let indices = inside.split(',').map(|n| n.trim().parse::<usize>().ok());
        let indices = indices.collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
        let (cell, has_planes) = match indices[..] {
            [row, col] => (Cell::new(0, row, col), false),
            [plane, row, col] => (Cell::new(plane, row, col), true),
            _ => return Err(wrong()),
        };
        if path.is_empty() {
            return Err(wrong());
        }
        Ok(Self { path: path.to_owned(), cell, has_planes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_holds_what_stands_beneath_it() {
        assert!(lies_in("encoder.1.x", "") && lies_in("encoder.1.x", "encoder.1"));
        assert!(lies_in("encoder.1", "encoder.1") && !lies_in("encoder.10.x", "encoder.1"));
    }
}
