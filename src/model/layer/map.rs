//! A learned linear map.

use anyhow::Result;

use crate::{
    engine::{
        site::{Place, Scope},
        tape::{Node, Tape, Weight},
    },
    weights::Weights,
};

/// A learned linear map with an optional bias.
pub struct Map {
    w: Weight,
    b: Option<Weight>,
}

impl Map {
    /// Loads `W_{of}` (in, out) and, where it is there, `b_{of}` (1, out), named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, scope: &Scope, of: &str, shape: (usize, usize)) -> Result<Self> {
        Ok(Self {
            w: weights.matrix(&scope.weight(&format!("W_{of}")), shape)?,
            b: weights.optional_row(&scope.weight(&format!("b_{of}")), shape.1)?,
        })
    }

    /// The weights on the tape.
    pub fn on(&self, tape: &mut Tape) -> (Node, Option<Node>) {
        let w = tape.weight(&self.w);
        (w, self.b.as_ref().map(|b| tape.weight(b)))
    }

    /// `x W + b`. x (row, in) -> (row, out)
    pub fn forward(&self, tape: &mut Tape, place: Place, x: Node) -> Node {
        let (w, b) = self.on(tape);
        tape.linear(place, x, w, b)
    }
}
