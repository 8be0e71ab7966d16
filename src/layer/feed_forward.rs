//! The position-wise feed-forward network (Vaswani et al. 2017, section 3.3).

use anyhow::Result;

use crate::{
    checkpoint::Weights,
    site::{
        Axis::{Channel, Position, Unit},
        Scope, Site,
    },
    tape::{Node, Tape, Weight},
};

pub static SUM: Site = Site::matrix("sum", [Position, Unit], "x W_1 + b_1, before the activation");
pub static HIDDEN: Site =
    Site::matrix("hidden", [Position, Unit], "after the activation: which detectors fire");
pub static OUT: Site =
    Site::matrix("out", [Position, Channel], "back to d_model: hidden W_2 + b_2");

/// The non-linearity between the two linear maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    Relu,
    Gelu,
}

/// Two linear maps with an activation between, the same for every position.
pub struct FeedForward {
    scope: Scope,
    w_1: Weight,
    b_1: Weight,
    w_2: Weight,
    b_2: Weight,
    activation: Activation,
}

impl FeedForward {
    /// Loads `W_1` (d_model, d_ff), `b_1`, `W_2` (d_ff, d_model), `b_2`, named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        scope: Scope,
        (d_model, d_ff): (usize, usize),
        activation: Activation,
    ) -> Result<Self> {
        Ok(Self {
            w_1: weights.matrix(&scope.weight("W_1"), (d_model, d_ff))?,
            b_1: weights.row(&scope.weight("b_1"), d_ff)?,
            w_2: weights.matrix(&scope.weight("W_2"), (d_ff, d_model))?,
            b_2: weights.row(&scope.weight("b_2"), d_model)?,
            scope,
            activation,
        })
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let at = &self.scope;
        let [w_1, b_1, w_2, b_2] =
            [&self.w_1, &self.b_1, &self.w_2, &self.b_2].map(|w| tape.weight(w));
        let sum = tape.linear(at.at(&SUM), x, w_1, Some(b_1)); // (position, d_ff)
        let hidden = match self.activation {
            Activation::Relu => tape.relu(at.at(&HIDDEN), sum),
            Activation::Gelu => tape.gelu(at.at(&HIDDEN), sum),
        }; // (position, d_ff)
        tape.linear(at.at(&OUT), hidden, w_2, Some(b_2)) // (position, d_model)
    }
}
