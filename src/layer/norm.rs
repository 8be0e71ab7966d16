//! Layer normalisation (Ba, Kiros and Hinton 2016), every part a site.

use anyhow::Result;

use crate::{
    checkpoint::Weights,
    site::{
        Axis::{Channel, Position, Single},
        Scope, Site,
    },
    tape::{Node, Tape, Weight},
};

pub static MEAN: Site = Site::matrix("mean", [Position, Single], "the mean of each word's vector");
pub static VAR: Site =
    Site::matrix("var", [Position, Single], "the variance of each word's vector");
pub static NORMALIZED: Site =
    Site::matrix("normalized", [Position, Channel], "mean 0, variance 1 in every row");
pub static OUT: Site =
    Site::matrix("out", [Position, Channel], "stretched by the gain, moved by the bias");

/// The learned gain and bias of one normalisation.
pub struct LayerNorm {
    scope: Scope,
    gain: Weight,
    bias: Weight,
}

impl LayerNorm {
    /// Loads `gain` and `bias`, each (d_model), named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, scope: Scope, d_model: usize) -> Result<Self> {
        let gain = weights.row(&scope.weight("gain"), d_model)?;
        let bias = weights.row(&scope.weight("bias"), d_model)?;
        Ok(Self { scope, gain, bias })
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let at = &self.scope;
        let (gain, bias) = (tape.weight(&self.gain), tape.weight(&self.bias));
        let mean = tape.row_mean(at.at(&MEAN), x); // (position, 1)
        let var = tape.row_variance(at.at(&VAR), x, mean); // (position, 1)
        let normalized = tape.normalize(at.at(&NORMALIZED), x, mean, var); // (position, d_model)
        tape.gain_bias(at.at(&OUT), normalized, gain, bias) // (position, d_model)
    }
}
