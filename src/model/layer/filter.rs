//! Causal filters, one a channel, over a text that may be read in parts.

use anyhow::Result;

use crate::{
    engine::{
        site::{Place, Scope},
        tape::{Filter, Node, Tape, Weight},
        value::{Matrix, Value},
    },
    weights::Weights,
};

/// One filter a channel, each over a row and a few rows before it.
pub struct CausalFilters {
    w: Weight,
    b: Option<Weight>,
}

impl CausalFilters {
    /// Loads `W` (tap, channel) and, where it is there, `b` (1, channel), named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, scope: &Scope, n_taps: usize, width: usize) -> Result<Self> {
        Ok(Self {
            w: weights.matrix(&scope.weight("W"), (n_taps, width))?,
            b: weights.optional_row(&scope.weight("b"), width)?,
        })
    }

    /// The channels filtered, after the rows read before; the last rows of `x` are held for the rows to come. x
    /// (position, channel) -> (position, channel)
    pub fn forward(&self, tape: &mut Tape, place: Place, x: Node) -> Node {
        let name = format!("{}.before", place.path);
        let w = tape.weight(&self.w);
        let b = self.b.as_ref().map(|b| tape.weight(b));
        let n_before = tape.shape(w).rows - 1;
        let before = tape.held(&name).filter(|_| n_before > 0);
        tape.hold(&name, |tape| {
            let read = before.map(|before| tape.value(before).matrix());
            last_rows(read, tape.value(x).matrix(), n_before.max(1))
        });
        tape.causal_convolution(place, x, Filter { w, b, before })
    }
}

/// The last `n` rows of one matrix below another, or all of them.
fn last_rows(above: Option<&Matrix>, below: &Matrix, n: usize) -> Value {
    let n_above = above.map_or(0, Matrix::nrows);
    let first = (n_above + below.nrows()).saturating_sub(n);
    let number = |i: usize, j: usize| match (first + i).checked_sub(n_above) {
        Some(row) => below[(row, j)],
        None => above.map_or(0.0, |above| above[(first + i, j)]),
    };
    Matrix::from_fn(n_above + below.nrows() - first, below.ncols(), number).into()
}
