//! A short convolution with two gates in place of attention (Liquid AI 2025, *LFM2*): each channel sees this word and a
//! few before it.

use anyhow::Result;

use super::filter::CausalFilters;
use crate::{
    engine::{
        site::{
            Axis::{Channel, Position},
            Role, Scope, Site,
        },
        tape::{LinearMap, Node, Tape},
    },
    weights::Weights,
};

pub static IN_GATE: Site =
    Site::matrix("in_gate", [Position, Channel], "x W_B: what multiplies the input of the filters")
        .called(&["B"]);
pub static OUT_GATE: Site =
    Site::matrix("out_gate", [Position, Channel], "x W_C: what multiplies their output")
        .called(&["C"]);
pub static X: Site =
    Site::matrix("x", [Position, Channel], "x W_x: what the filters are to see").called(&["x W_x"]);
pub static GATED: Site =
    Site::matrix("gated", [Position, Channel], "in_gate * x: what the filters see")
        .called(&["B * x"]);
pub static MIXED: Site = Site::matrix(
    "mixed",
    [Position, Channel],
    "each channel summed over this word and a few before, by its own filter",
)
.called(&["conv(B * x)"]);
pub static HIDDEN: Site =
    Site::matrix("hidden", [Position, Channel], "out_gate * mixed: what is let through")
        .with(Role::Convolved)
        .called(&["C * conv(B * x)"]);
pub static OUT: Site = Site::matrix("out", [Position, Channel], "the channels mixed by W_out")
    .with(Role::SubLayerOutput)
    .called(&["out", "conv(x)"]);

/// The parts of a short convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvolutionPlan {
    /// The rows that a filter sees.
    pub n_taps: usize,
    pub has_bias: bool,
}

/// Two gates, a filter for each channel, and the maps around them.
pub struct ShortConvolution {
    scope: Scope,
    in_gate: LinearMap,
    out_gate: LinearMap,
    x: LinearMap,
    filters: CausalFilters,
    out: LinearMap,
}

impl ShortConvolution {
    /// Loads `W_B`, `W_C`, `W_x` and `W_out` (d_model, d_model), `filter.W` (tap, d_model), and the biases that are there,
    /// named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        scope: Scope,
        d_model: usize,
        plan: ConvolutionPlan,
    ) -> Result<Self> {
        let map = |of| LinearMap::load(weights, &scope, of, (d_model, d_model));
        let filters = CausalFilters::load(weights, &scope.child("filter"), plan.n_taps, d_model)?;
        Ok(Self {
            in_gate: map("B")?,
            out_gate: map("C")?,
            x: map("x")?,
            out: map("out")?,
            filters,
            scope,
        })
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let at = &self.scope;
        let maps = [(&IN_GATE, &self.in_gate), (&OUT_GATE, &self.out_gate), (&X, &self.x)];
        let [in_gate, out_gate, x] = maps.map(|(site, map)| map.forward(tape, at.at(site), x)); // (position, d_model)
        let gated = tape.mul(at.at(&GATED), in_gate, x);
        let mixed = self.filters.forward(tape, at.at(&MIXED), gated);
        let hidden = tape.mul(at.at(&HIDDEN), out_gate, mixed);
        self.out.forward(tape, at.at(&OUT), hidden)
    }
}
