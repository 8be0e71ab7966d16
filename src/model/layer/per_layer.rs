//! Per-layer embeddings (Gemma Team 2025, *Gemma 3n*): beside the embedding that enters the stream, each token has a
//! small vector for every layer, which the layer adds to the stream through a gate.

use anyhow::Result;

use super::{
    feed_forward::Activation,
    norm::{Norm, NormKind},
};
use crate::{
    engine::{
        site::{
            Axis::{Channel, Position, Unit},
            Role, Scope, Site,
        },
        tape::{LinearMap, Node, Planes, Tape, Weight},
    },
    weights::Weights,
};

pub static ROWS: Site = Site::matrix(
    "rows",
    [Position, Channel],
    "each token's row of the table of per-layer embeddings: one part for every layer",
);
pub static SCALED: Site =
    Site::matrix("scaled", [Position, Channel], "the row times the root of a part's width");
pub static PROJECTED: Site = Site::matrix(
    "projected",
    [Position, Channel],
    "x W: what the token's embedding has to say to every layer",
);
pub static CONTEXT: Site =
    Site::matrix("projected_scaled", [Position, Channel], "the same, divided by sqrt(d_model)");

pub static TOKEN: Site =
    Site::matrix("token", [Position, Unit], "this layer's part of the token's row")
        .called(&["e_l"]);
pub static OF_EMBEDDING: Site =
    Site::matrix("projected", [Position, Unit], "this layer's part of what the embedding says");
pub static SUM: Site = Site::matrix(
    "sum",
    [Position, Unit],
    "what the embedding says, normalised, + the token's part",
);
pub static INPUT: Site =
    Site::matrix("input", [Position, Unit], "the sum of both divided by sqrt(2)")
        .with(Role::LayerEmbedding)
        .called(&["e"]);
pub static GATE: Site =
    Site::matrix("gate", [Position, Unit], "x W_gate: how much of each number the stream lets in");
pub static ACT: Site = Site::matrix("act", [Position, Unit], "the gate after its activation");
pub static GATED: Site =
    Site::matrix("gated", [Position, Unit], "act * the layer's embedding: what is let in")
        .called(&["gated", "act(x W_gate) * e"]);
pub static OUT: Site = Site::matrix("out", [Position, Channel], "back to d_model: gated W_out")
    .with(Role::SubLayerOutput)
    .called(&["out"]);

/// The sizes of per-layer embeddings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerLayerPlan {
    pub n_tokens: usize,
    pub n_layers: usize,
    /// The numbers of a token in one layer.
    pub width: usize,
    pub act: Activation,
    /// Of all norms.
    pub norm: NormKind,
}

impl PerLayerPlan {
    /// The numbers of a token in all layers.
    pub const fn d_all(&self) -> usize {
        self.n_layers * self.width
    }
}

/// The vectors of all tokens for all layers, from the tokens and from their embeddings. (position, n_layers * width)
#[derive(Clone, Copy)]
pub struct LayerEmbeddings {
    pub tokens: Node,
    pub context: Node,
}

/// What all layers share: the table, and the map from embeddings.
pub struct PerLayerTable {
    scope: Scope,
    plan: PerLayerPlan,
    d_model: usize,
    table: Weight,
    map: LinearMap,
    /// Of the norms in all layers.
    gain: Weight,
}

impl PerLayerTable {
    /// Loads `table` (token, d_all), `W_P` (d_model, d_all) and `norm.gain` (1, width), named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        scope: Scope,
        d_model: usize,
        plan: PerLayerPlan,
    ) -> Result<Self> {
        Ok(Self {
            table: weights.matrix(&scope.weight("table"), (plan.n_tokens, plan.d_all()))?,
            gain: weights.row(GAIN, plan.width)?,
            map: LinearMap::load(weights, &scope, "P", (d_model, plan.d_all()))?,
            scope,
            plan,
            d_model,
        })
    }

    /// The vectors for all layers; see [`Tape::lookup_but`]. x (position, d_model): what the first layer reads.
    pub fn forward(
        &self,
        tape: &mut Tape,
        x: Node,
        ids: &[u32],
        unmoved: Option<u32>,
    ) -> LayerEmbeddings {
        let at = &self.scope;
        // It belongs to no layer, so that it is recorded here.
        tape.weight(&self.gain);
        let table = tape.weight(&self.table);
        let rows = tape.lookup_but(at.at(&ROWS), table, ids, unmoved); // (position, d_all)
        let root = (self.plan.width as f32).sqrt();
        let tokens = tape.scale(at.at(&SCALED), rows, root);
        let projected = self.map.forward(tape, at.at(&PROJECTED), x); // (position, d_all)
        let factor = 1.0 / (self.d_model as f32).sqrt();
        LayerEmbeddings { tokens, context: tape.scale(at.at(&CONTEXT), projected, factor) }
    }
}

/// What one layer does with its vectors.
pub struct PerLayer {
    scope: Scope,
    plan: PerLayerPlan,
    layer: usize,
    norm: Norm,
    gate: LinearMap,
    out: LinearMap,
    post_norm: Norm,
}

impl PerLayer {
    /// Loads `W_gate` (d_model, width), `W_out` (width, d_model) and `post_norm.gain`, named within `scope`, and the gain
    /// of the norm that all layers share (1, width).
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        scope: Scope,
        layer: usize,
        d_model: usize,
        plan: PerLayerPlan,
    ) -> Result<Self> {
        let (inner, after) = (scope.child("norm"), scope.child("post_norm"));
        Ok(Self {
            norm: Norm::with_gain(weights, GAIN, inner, plan.width, plan.norm)?,
            gate: LinearMap::load(weights, &scope, "gate", (d_model, plan.width))?,
            out: LinearMap::load(weights, &scope, "out", (plan.width, d_model))?,
            post_norm: Norm::load(weights, after, d_model, plan.norm)?,
            scope,
            plan,
            layer,
        })
    }

    /// What it adds to the stream. x (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node, from: LayerEmbeddings) -> Node {
        let at = &self.scope;
        let input = self.input(tape, from); // (position, width)
        let gate = self.gate.forward(tape, at.at(&GATE), x);
        let act = self.plan.act.on(tape, at.at(&ACT), gate);
        let gated = tape.mul(at.at(&GATED), act, input);
        let out = self.out.forward(tape, at.at(&OUT), gated); // (position, d_model)
        self.post_norm.forward(tape, out)
    }

    /// The layer's vector of every token. -> (position, width)
    fn input(&self, tape: &mut Tape, from: LayerEmbeddings) -> Node {
        let (at, width) = (&self.scope, self.plan.width);
        let own = Planes { n: 1, width };
        let first = self.layer * width;
        let token = tape.cut(at.at(&TOKEN), from.tokens, first, own);
        let said = tape.cut(at.at(&OF_EMBEDDING), from.context, first, own);
        let said = self.norm.forward(tape, said);
        let sum = tape.add(at.at(&SUM), said, token);
        tape.scale(at.at(&INPUT), sum, std::f32::consts::FRAC_1_SQRT_2)
    }
}

/// The gain that the norms of all layers share.
pub const GAIN: &str = "tokens.ple.norm.gain";
