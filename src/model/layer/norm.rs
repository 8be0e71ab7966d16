//! Layer normalisation (Ba, Kiros and Hinton 2016) and root mean square normalisation (Zhang and
//! Sennrich 2019, eq. 4), every part a site.

use anyhow::Result;

use crate::{
    engine::{
        math::NORM_EPS,
        site::{
            Axis::{Channel, Head, Position, Single},
            Place, Role, Scope, Site,
        },
        tape::{Moments, Node, Tape, Weight},
    },
    weights::Weights,
};

pub static MEAN: Site = Site::matrix("mean", [Position, Single], "the mean of each word's vector");
pub static VAR: Site =
    Site::matrix("var", [Position, Single], "the variance of each word's vector")
        .with(Role::NormScale);
pub static MEAN_SQUARE: Site =
    Site::matrix("mean_square", [Position, Single], "the mean of the squares of each vector")
        .with(Role::NormScale);
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

pub static OUT_FROM_ONE: Site =
    Site::matrix("out", [Position, Channel], "scaled by 1 + the gain, shifted by the bias")
        .called(&["out", "norm(x)", "norm(y + cross)"]);
pub static OUT_PLAIN: Site = Site::matrix(
    "out",
    [Position, Channel],
    "the normalised rows as they are: there is neither gain nor bias",
)
.called(&["out", "norm(x)", "norm(y + cross)"]);

pub static HEAD_MEAN: Site =
    Site::planes("mean", [Head, Position, Single], "the mean of each head's vector");
pub static HEAD_VAR: Site =
    Site::planes("var", [Head, Position, Single], "the variance of each head's vector")
        .with(Role::NormScale);
pub static HEAD_MEAN_SQUARE: Site = Site::planes(
    "mean_square",
    [Head, Position, Single],
    "the mean of the squares of each head's vector",
)
.with(Role::NormScale);
pub static ROW_MEAN_SQUARE: Site = Site::matrix(
    "mean_square",
    [Position, Single],
    "the mean of the squares of all heads' vectors together",
)
.with(Role::NormScale);
pub static HEAD_NORMALIZED: Site = Site::planes(
    "normalized",
    [Head, Position, Channel],
    "divided by the root of the mean square: all vectors are equally long",
);
pub static HEAD_OUT: Site =
    Site::planes("out", [Head, Position, Channel], "stretched by the gain, channel by channel");

/// A normalisation of vectors of d_model numbers.
pub struct Norm {
    scope: Scope,
    /// None for a layer norm that has learned nothing.
    gain: Option<Weight>,
    /// None for a root mean square norm, and for a layer norm without bias.
    bias: Option<Weight>,
    kind: NormKind,
    role: Role,
}

/// The formula of a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormStyle {
    /// Mean and variance, gain and bias.
    Layer,
    /// Mean and variance, gain alone.
    LayerWithoutBias,
    /// Mean and variance alone (OLMo).
    LayerPlain,
    /// As [`Self::Layer`], times `1 + gain` (Nemotron).
    LayerFromOne,
    /// The mean square alone, and a gain.
    Rms,
    /// As [`Self::Rms`], times `1 + gain`.
    RmsFromOne,
    /// The mean square alone.
    RmsPlain,
}

impl NormStyle {
    pub const fn has_bias(self) -> bool {
        matches!(self, Self::Layer | Self::LayerFromOne)
    }

    pub const fn has_gain(self) -> bool {
        !matches!(self, Self::LayerPlain | Self::RmsPlain)
    }

    /// This style where a file has added the 1 to the gains already.
    #[must_use]
    pub const fn with_one_added(self) -> Self {
        match self {
            Self::RmsFromOne => Self::Rms,
            Self::LayerFromOne => Self::Layer,
            style => style,
        }
    }
}

/// The formula of a normalisation, and the epsilon added before the root.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormKind {
    pub style: NormStyle,
    pub eps: f32,
}

impl NormKind {
    pub const fn layer(eps: f32) -> Self {
        Self { style: NormStyle::Layer, eps }
    }

    pub const fn rms(eps: f32) -> Self {
        Self { style: NormStyle::Rms, eps }
    }

    /// `x` stretched by the gain. The shape is that of `x`.
    fn gain(self, tape: &mut Tape, place: Place, x: Node, gain: Node) -> Node {
        if self.style == NormStyle::RmsFromOne {
            tape.gain_from_one(place, x, gain)
        } else {
            tape.gain(place, x, gain)
        }
    }

    const fn has_mean(self) -> bool {
        !matches!(self.style, NormStyle::Rms | NormStyle::RmsFromOne | NormStyle::RmsPlain)
    }
}

impl Default for NormKind {
    /// A layer norm with PyTorch's epsilon.
    fn default() -> Self {
        Self::layer(NORM_EPS)
    }
}

impl Norm {
    /// Loads `gain` and, for a layer norm, `bias`, each (d_model), named within `scope`, where the style has them.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, scope: Scope, d_model: usize, kind: NormKind) -> Result<Self> {
        let gain = scope.weight("gain");
        Self::with_gain(weights, &gain, scope, d_model, kind)
    }

    /// The same, whose gain (1, d_model) has the name `gain`: layers may share one. A style without a gain has none.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn with_gain(
        weights: &Weights,
        gain: &str,
        scope: Scope,
        d_model: usize,
        kind: NormKind,
    ) -> Result<Self> {
        let gain = kind.style.has_gain().then(|| weights.row(gain, d_model)).transpose()?;
        let load_bias = || weights.row(&scope.weight("bias"), d_model);
        let bias = kind.style.has_bias().then(load_bias).transpose()?;
        Ok(Self { scope, gain, bias, kind, role: OUT.role })
    }

    /// This norm with what its output is in the model.
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let (at, eps) = (&self.scope, self.kind.eps);
        let gain = self.gain.as_ref().map(|gain| tape.weight(gain));
        let normalized = if self.kind.has_mean() {
            let mean = tape.row_mean(at.at(&MEAN), x); // (position, 1)
            let var = tape.row_variance(at.at(&VAR), x, mean); // (position, 1)
            tape.normalize(at.at(&NORMALIZED), x, Moments { mean, var }, eps) // (position, d_model)
        } else {
            let square = tape.row_mean_square(at.at(&MEAN_SQUARE), x); // (position, 1)
            tape.divide_by_rms(at.at(&RMS_NORMALIZED), x, square, eps) // (position, d_model)
        };
        let place = |site| at.at(site).with_role(self.role);
        let Some(gain) = gain else { return tape.identity(place(&OUT_PLAIN), normalized) };
        let Some(bias) = &self.bias else {
            return self.kind.gain(tape, place(&RMS_OUT), normalized, gain);
        };
        let bias = tape.weight(bias);
        if self.kind.style == NormStyle::LayerFromOne {
            return tape.gain_from_one_bias(place(&OUT_FROM_ONE), normalized, gain, bias);
        }
        tape.gain_bias(place(&OUT), normalized, gain, bias)
    }
}

/// What a normalisation of queries and keys is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QkNorm {
    /// Each head's vector, with one gain for all heads (Qwen3, Gemma 3).
    PerHead,
    /// Each head's vector, with a gain for each head (Cohere).
    PerHeadOwnGain,
    /// The vectors of all heads together (OLMo 2).
    WholeRow,
}

impl QkNorm {
    /// The length of the gain.
    pub const fn width(self, n_heads: usize, d_head: usize) -> usize {
        match self {
            Self::PerHead => d_head,
            Self::PerHeadOwnGain | Self::WholeRow => n_heads * d_head,
        }
    }
}

/// A normalisation of queries, keys or values.
pub struct HeadNorm {
    scope: Scope,
    gain: Option<Weight>,
    of: QkNorm,
    kind: NormKind,
}

impl HeadNorm {
    /// Loads `gain` (width), if the kind has one, named within `scope`.
    ///
    /// # Errors
    /// If it is missing or misshapen.
    pub fn load(
        weights: &Weights,
        scope: Scope,
        width: usize,
        of: QkNorm,
        kind: NormKind,
    ) -> Result<Self> {
        let load = || weights.row(&scope.weight("gain"), width);
        let gain = kind.style.has_gain().then(load).transpose()?;
        Ok(Self { scope, gain, of, kind })
    }

    /// A normalisation of each head's vector by itself, without a gain.
    pub const fn without_gain(scope: Scope, kind: NormKind) -> Self {
        Self { scope, gain: None, of: QkNorm::PerHead, kind }
    }

    /// (head, position, d_head) -> (head, position, d_head)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let (at, eps) = (&self.scope, self.kind.eps);
        let gain = self.gain.as_ref().map(|gain| tape.weight(gain));
        let normalized = if self.kind.has_mean() {
            let mean = tape.row_mean(at.at(&HEAD_MEAN), x); // (head, position, 1)
            let var = tape.row_variance(at.at(&HEAD_VAR), x, mean); // (head, position, 1)
            tape.normalize(at.at(&HEAD_NORMALIZED), x, Moments { mean, var }, eps)
        } else {
            let square = match self.of {
                QkNorm::WholeRow => tape.mean_square_of_heads(at.at(&ROW_MEAN_SQUARE), x), // (position, 1)
                _ => tape.row_mean_square(at.at(&HEAD_MEAN_SQUARE), x), // (head, position, 1)
            };
            tape.divide_by_rms(at.at(&HEAD_NORMALIZED), x, square, eps)
        };
        match gain {
            Some(gain) => self.kind.gain(tape, at.at(&HEAD_OUT), normalized, gain), // (head, position, d_head)
            None => normalized,
        }
    }
}
