//! Layer normalisation (Ba, Kiros and Hinton 2016) and root mean square normalisation (Zhang and
//! Sennrich 2019, eq. 4), every part a site.

use anyhow::Result;

use crate::{
    engine::{
        math::NORM_EPS,
        site::{
            Axis::{Channel, Position, Single},
            Role, Scope, Site,
        },
        tape::{Moments, Node, Tape, Weight},
    },
    weights::Weights,
};

pub static MEAN: Site = Site::matrix("mean", [Position, Single], "the mean of each word's vector");
pub static VAR: Site =
    Site::matrix("var", [Position, Single], "the variance of each word's vector");
pub static MEAN_SQUARE: Site =
    Site::matrix("mean_square", [Position, Single], "the mean of the squares of each vector");
pub static RMS_NORMALIZED: Site = Site::matrix(
    "normalized",
    [Position, Channel],
    "divided by the root of the mean square: no mean is subtracted",
);
pub static RMS_OUT: Site =
    Site::matrix("out", [Position, Channel], "scaled by the gain; there is no bias").called(&[
        "out",
        "norm(x)",
        "norm(y + cross)",
    ]);
pub static NORMALIZED: Site =
    Site::matrix("normalized", [Position, Channel], "mean 0, variance 1 in every row");
pub static OUT: Site =
    Site::matrix("out", [Position, Channel], "scaled by the gain, shifted by the bias").called(&[
        "out",
        "norm(x)",
        "norm(y + cross)",
    ]);

/// The learned gain and bias of one normalisation.
pub struct LayerNorm {
    scope: Scope,
    gain: Weight,
    bias: Weight,
    eps: f32,
    role: Role,
}

impl LayerNorm {
    /// Loads `gain` and `bias`, each (d_model), named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, scope: Scope, d_model: usize) -> Result<Self> {
        let gain = weights.row(&scope.weight("gain"), d_model)?;
        let bias = weights.row(&scope.weight("bias"), d_model)?;
        Ok(Self { scope, gain, bias, eps: NORM_EPS, role: OUT.role })
    }

    /// This norm with another epsilon added to the variance.
    #[must_use]
    pub fn with_eps(self, eps: f32) -> Self {
        Self { eps, ..self }
    }

    /// This norm with what its output is in the model.
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let at = &self.scope;
        let (gain, bias) = (tape.weight(&self.gain), tape.weight(&self.bias));
        let mean = tape.row_mean(at.at(&MEAN), x); // (position, 1)
        let var = tape.row_variance(at.at(&VAR), x, mean); // (position, 1)
        let normalized = tape.normalize(at.at(&NORMALIZED), x, Moments { mean, var }, self.eps); // (position, d_model)
        tape.gain_bias(at.at(&OUT).with_role(self.role), normalized, gain, bias) // (position, d_model)
    }
}

/// The learned gain of one root mean square normalisation.
pub struct RmsNorm {
    scope: Scope,
    gain: Weight,
    eps: f32,
    role: Role,
}

impl RmsNorm {
    /// Loads `gain` (d_model), named within `scope`.
    ///
    /// # Errors
    /// If it is missing or misshapen.
    pub fn load(weights: &Weights, scope: Scope, d_model: usize, eps: f32) -> Result<Self> {
        let gain = weights.row(&scope.weight("gain"), d_model)?;
        Ok(Self { scope, gain, eps, role: RMS_OUT.role })
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let at = &self.scope;
        let gain = tape.weight(&self.gain);
        let square = tape.row_mean_square(at.at(&MEAN_SQUARE), x); // (position, 1)
        let normalized = tape.divide_by_rms(at.at(&RMS_NORMALIZED), x, square, self.eps);
        tape.gain(at.at(&RMS_OUT).with_role(self.role), normalized, gain) // (position, d_model)
    }
}

/// A normalisation of either kind.
pub enum Norm {
    Layer(LayerNorm),
    Rms(RmsNorm),
}

/// The kind of a normalisation, and the epsilon added before the root.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NormKind {
    Layer { eps: f32 },
    Rms { eps: f32 },
}

impl Norm {
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, scope: Scope, d_model: usize, kind: NormKind) -> Result<Self> {
        Ok(match kind {
            NormKind::Layer { eps } => {
                Self::Layer(LayerNorm::load(weights, scope, d_model)?.with_eps(eps))
            }
            NormKind::Rms { eps } => Self::Rms(RmsNorm::load(weights, scope, d_model, eps)?),
        })
    }

    /// This norm with what its output is in the model.
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        match self {
            Self::Layer(norm) => Self::Layer(LayerNorm { role, ..norm }),
            Self::Rms(norm) => Self::Rms(RmsNorm { role, ..norm }),
        }
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        match self {
            Self::Layer(norm) => norm.forward(tape, x),
            Self::Rms(norm) => norm.forward(tape, x),
        }
    }
}
