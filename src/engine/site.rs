//! Where a number lives: sites, their axes, and addresses such as `encoder.0.self_attn.weights[2,7,1]`.
//!
//! A [`Site`] is a row in a model's table. A [`Scope`] is the part of a model that it stands in
//! (`encoder.0.self_attn`). Together they make a [`Place`]: the one name that trace, panes,
//! exports and tests use.

use std::{fmt, str::FromStr};

use crate::{engine::value::Cell, text::visible::shown};

/// Which sequence of tokens an axis runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// The sentence that was typed.
    Source,
    /// What the decoder reads: `<bos>` and then its own output.
    Target,
}

/// What an axis of a site counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// One only: the plane axis of a plain matrix, the column of a mean.
    Single,
    Head,
    /// Positions of the scope's own stream.
    Position,
    /// Positions of the scope's own stream, in the role of asking.
    Query,
    /// Positions of the stream that is looked at.
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

/// What a site's numbers are, which bounds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Numbers without bounds: sums, scores, vectors.
    Unbounded,
    /// Attention weights: shares that sum to 1 in each row, from which a context is averaged.
    AttentionWeights,
    /// Probabilities of tokens, which sum to 1 in each row.
    Probabilities,
    /// A gate from 0 to 1.
    Gate,
    /// Numbers after tanh, from -1 to 1.
    Tanh,
}

/// A row of a model's table of sites.
#[derive(Debug, PartialEq, Eq)]
pub struct Site {
    pub name: &'static str,
    pub role: Role,
    /// What planes, rows and columns count.
    pub axes: [Axis; 3],
    /// One line for people: what this value is.
    pub caption: &'static str,
}

impl Site {
    /// A site whose value is one matrix.
    pub const fn matrix(name: &'static str, axes: [Axis; 2], caption: &'static str) -> Self {
        Self::planes(name, [Axis::Single, axes[0], axes[1]], caption)
    }

    /// A site with a plane for every head (or output step).
    pub const fn planes(name: &'static str, axes: [Axis; 3], caption: &'static str) -> Self {
        Self { name, role: Role::Unbounded, axes, caption }
    }

    /// The same site with a role.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self { role, ..self }
    }
}

/// Learned numbers are sites as well, so that arithmetic can be opened down to them.
pub static WEIGHT: Site = Site::matrix("", [Axis::In, Axis::Out], "learned in training");

/// The part of a model that sites stand in, with the streams its axes run over.
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

    /// The same scope, looking at another stream: cross-attention.
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

    /// The name of a weight in this scope, in the checkpoint and on the tape.
    pub fn weight(&self, name: &str) -> String {
        path_in(&self.prefix, name)
    }
}

/// Whether a path is a scope's or stands somewhere in it; everything stands in the empty scope.
pub fn lies_in(path: &str, scope: &str) -> bool {
    let rest = path.strip_prefix(scope);
    scope.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The path of a name in a scope; the empty scope adds nothing.
pub fn path_in(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// A full site name, its axes, and where in the site a recorded value begins.
///
/// A recurrent model records a site row by row: step `t` is the part whose origin is row `t`.
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

    /// This part begins at `row` of the site.
    #[must_use]
    pub fn row(mut self, row: usize) -> Self {
        self.origin.row = row;
        self
    }

    /// This part begins at `plane` of the site.
    #[must_use]
    pub fn plane(mut self, plane: usize) -> Self {
        self.origin.plane = plane;
        self
    }

    /// The stream that an axis of this place runs over, if it counts tokens.
    pub fn stream(&self, axis: Axis) -> Option<Stream> {
        match axis {
            Axis::Position | Axis::Query => Some(self.rows),
            Axis::Key => Some(self.keys),
            _ => None,
        }
    }

    /// The address of a cell of the part recorded here.
    pub fn address(&self, local: Cell) -> Address {
        let o = self.origin;
        let cell = Cell::new(o.plane + local.plane, o.row + local.row, o.col + local.col);
        Address { path: self.path.clone(), cell, has_planes: self.has_planes() }
    }

    pub fn has_planes(&self) -> bool {
        self.site.axes[0] != Axis::Single
    }
}

/// More than any address has, in bytes.
const LONGEST_ADDRESS: usize = 1024;

/// One number's address: `encoder.0.self_attn.weights[2,7,1]`, or `logits[3,17]` for a plain matrix.
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

    /// Reads `path[row,col]` or `path[plane,row,col]`.
    ///
    /// # Errors
    /// If the text is not of that form, with the form in the message.
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
