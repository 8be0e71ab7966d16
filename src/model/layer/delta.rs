//! A gated delta net in place of attention (Yang, Kautz and Hatamizadeh 2024, *Gated Delta Networks*): each head has a
//! state of fixed size that maps keys to values, and a word puts its value in the place of what its key finds there.

use anyhow::Result;

use super::{
    feed_forward::Activation,
    filter::CausalFilters,
    norm::{HEAD_MEAN_SQUARE, HEAD_NORMALIZED, HeadNorm, NormKind, QkNorm},
    state_space::{CONV, CONV_ACT, DECAY, GATE, GATE_ACT},
};
use crate::{
    engine::{
        math::Sharing,
        site::{
            Axis::{Channel, Head, Position, Unit},
            Role, Scope, Site,
        },
        tape::{DeltaNodes, LinearMap, Node, Planes, RateForm, Tape, Weight},
    },
    weights::Weights,
};

pub static CONV_IN: Site = Site::matrix(
    "conv_in",
    [Position, Unit],
    "x W_QKV: queries and keys, then values, of all heads",
);
pub static Q: Site =
    Site::planes("q", [Head, Position, Channel], "queries: what each word will ask the state for");
pub static K: Site = Site::planes(
    "k",
    [Head, Position, Channel],
    "keys: under what each word's value is to be found",
);
pub static V: Site =
    Site::planes("v", [Head, Position, Channel], "values: what is to be found under the keys")
        .called(&["v_t"]);
pub static Q_UNIT: Site =
    Site::planes("q_unit", [Head, Position, Channel], "queries of length 1, divided by sqrt(d_k)")
        .called(&["q_t"]);
pub static K_UNIT: Site =
    Site::planes("k_unit", [Head, Position, Channel], "keys of length 1").called(&["k_t"]);
pub static BETA_IN: Site = Site::matrix(
    "beta_in",
    [Position, Head],
    "x W_beta: how far each head's state is to be corrected, before sigmoid",
);
pub static BETA: Site = Site::matrix(
    "beta",
    [Position, Head],
    "sigmoid: how far what the key finds is replaced by the value",
)
.with(Role::Gate)
.called(&["β_t"]);
pub static DT_IN: Site = Site::matrix(
    "dt_in",
    [Position, Head],
    "x W_dt: how much each head is to forget, before softplus",
);
pub static DT: Site =
    Site::matrix("dt", [Position, Head], "softplus: how much each head forgets at this word");
pub static RECALLED: Site = Site::planes(
    "recalled",
    [Head, Position, Channel],
    "what the word's key finds in what is kept of the state",
)
.called(&["a_t S k_t"]);
pub static CORRECTION: Site = Site::planes(
    "correction",
    [Head, Position, Channel],
    "beta * (value - recalled): what is written under the key",
)
.called(&["u_t", "β_t (v_t − a_t S k_t)"]);
pub static STATE: Site = Site::planes(
    "state",
    [Head, Position, Unit],
    "each head's state after this word, value channel by value channel: kept + written",
)
.with(Role::State)
.called(&["S_t", "S"]);
pub static READ: Site = Site::planes(
    "read",
    [Head, Position, Channel],
    "what this word's query finds in each head's state",
);
pub static Y: Site =
    Site::planes("y", [Head, Position, Channel], "what all words read in the states")
        .with(Role::StateOutput)
        .called(&["o_t", "S_t q_t"]);
pub static GATED: Site = Site::planes(
    "gated",
    [Head, Position, Channel],
    "what was read, normalised, * the gate: what is let through",
);
pub static CONCAT: Site =
    Site::matrix("concat", [Position, Channel], "the heads' vectors side by side");
pub static OUT: Site = Site::matrix("out", [Position, Channel], "back to d_model: W_out")
    .with(Role::SubLayerOutput)
    .called(&["out", "delta(x)"]);

/// The epsilon added to a squared length before the root.
const LENGTH_EPS: f32 = 1e-6;

/// The sizes and parts of a gated delta net.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeltaPlan {
    /// Heads of values, each with a state.
    pub n_heads: usize,
    /// Heads of queries and keys: each serves as many heads of values as the others.
    pub n_key_heads: usize,
    pub d_key: usize,
    pub d_value: usize,
    /// The rows that a filter sees.
    pub n_taps: usize,
    pub act: Activation,
    pub rate: RateForm,
    pub sharing: Sharing,
    /// Of the norm of what each head reads.
    pub eps: f32,
}

impl DeltaPlan {
    /// The width of the keys, or queries, of all heads.
    pub const fn d_keys(&self) -> usize {
        self.n_key_heads * self.d_key
    }

    /// The width of the values of all heads.
    pub const fn d_values(&self) -> usize {
        self.n_heads * self.d_value
    }

    /// The width of what is convolved: queries, keys and values of all heads.
    pub const fn d_conv(&self) -> usize {
        2 * self.d_keys() + self.d_values()
    }

    /// The numbers of all heads' states.
    pub const fn n_states(&self) -> usize {
        self.d_values() * self.d_key
    }
}

/// A gated delta net with its convolution, gate and norm.
pub struct DeltaNet {
    scope: Scope,
    plan: DeltaPlan,
    gate: LinearMap,
    conv_in: LinearMap,
    beta_in: LinearMap,
    dt_in: LinearMap,
    filters: CausalFilters,
    dt_bias: Weight,
    rate: Weight,
    norm: HeadNorm,
    out: LinearMap,
}

impl DeltaNet {
    /// Loads `W_QKV` (d_model, d_conv), `W_z` (d_model, d_values), `W_beta` and `W_dt` (d_model, head), `conv.W` (tap,
    /// d_conv), `dt_bias` and `A_log` or `A` (1, head), `norm.gain` (1, d_value) and `W_out` (d_values, d_model), named
    /// within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, scope: Scope, d_model: usize, plan: DeltaPlan) -> Result<Self> {
        let map = |of, width| LinearMap::load(weights, &scope, of, (d_model, width));
        let of_heads = |name: &str| weights.row(&scope.weight(name), plan.n_heads);
        let (n_taps, width) = (plan.n_taps, plan.d_conv());
        let (of, kind) = (QkNorm::PerHead, NormKind::rms(plan.eps));
        Ok(Self {
            gate: map("z", plan.d_values())?,
            conv_in: map("QKV", plan.d_conv())?,
            beta_in: map("beta", plan.n_heads)?,
            dt_in: map("dt", plan.n_heads)?,
            filters: CausalFilters::load(weights, &scope.child("conv"), n_taps, width)?,
            dt_bias: of_heads("dt_bias")?,
            rate: of_heads(plan.rate.name())?,
            norm: HeadNorm::load(weights, scope.child("norm"), plan.d_value, of, kind)?,
            out: LinearMap::load(weights, &scope, "out", (plan.d_values(), d_model))?,
            scope,
            plan,
        })
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let (at, plan) = (&self.scope, self.plan);
        let (w, b) = self.gate.on(tape);
        let gate = tape.project_heads(at.at(&GATE), x, w, b, plan.n_heads); // (head, position, d_value)
        let conv_in = self.conv_in.forward(tape, at.at(&CONV_IN), x); // (position, d_conv)
        let mixed = self.filters.forward(tape, at.at(&CONV), conv_in);
        let mixed = plan.act.on(tape, at.at(&CONV_ACT), mixed);
        let key_heads = Planes { n: plan.n_key_heads, width: plan.d_key };
        let q = tape.cut(at.at(&Q), mixed, 0, key_heads); // (key head, position, d_key)
        let k = tape.cut(at.at(&K), mixed, plan.d_keys(), key_heads);
        let heads = Planes { n: plan.n_heads, width: plan.d_value };
        let v = tape.cut(at.at(&V), mixed, 2 * plan.d_keys(), heads); // (head, position, d_value)
        let root = (plan.d_key as f32).sqrt();
        let q = self.unit(tape, "q_norm", q, &Q_UNIT, 1.0 / (root * root));
        let k = self.unit(tape, "k_norm", k, &K_UNIT, 1.0 / root);
        let from = self.steps(tape, x, k, v);
        let y = self.recur(tape, from, q); // (head, position, d_value)
        let normed = self.norm.forward(tape, y);
        let gate = tape.silu(at.at(&GATE_ACT), gate);
        let gated = tape.mul(at.at(&GATED), normed, gate);
        let concat = tape.concat_heads(at.at(&CONCAT), gated); // (position, d_values)
        self.out.forward(tape, at.at(&OUT), concat)
    }

    /// Vectors divided by the roots of their mean squares, then scaled: all equally long. (head, position, channel)
    fn unit(&self, tape: &mut Tape, name: &str, x: Node, site: &'static Site, factor: f32) -> Node {
        let at = self.scope.child(name);
        let square = tape.row_mean_square(at.at(&HEAD_MEAN_SQUARE), x); // (head, position, 1)
        let eps = LENGTH_EPS / self.plan.d_key as f32;
        let even = tape.divide_by_rms(at.at(&HEAD_NORMALIZED), x, square, eps);
        tape.scale(self.scope.at(site), even, factor)
    }

    /// How much every head keeps and corrects at every word. x (position, d_model), k (key head, position, d_key), v
    /// (head, position, d_value)
    fn steps(&self, tape: &mut Tape, x: Node, k: Node, v: Node) -> DeltaNodes {
        let at = &self.scope;
        let beta = self.beta_in.forward(tape, at.at(&BETA_IN), x); // (position, head)
        let beta = tape.sigmoid(at.at(&BETA), beta);
        let dt = self.dt_in.forward(tape, at.at(&DT_IN), x); // (position, head)
        let dt_bias = tape.weight(&self.dt_bias);
        let dt = tape.softplus(at.at(&DT), dt, dt_bias);
        let rate = tape.weight(&self.rate);
        let decay = tape.decay(at.at(&DECAY), dt, rate, self.plan.rate);
        DeltaNodes { decay, beta, k, v, sharing: self.plan.sharing }
    }

    /// What every word reads in the states. q (key head, position, d_key) -> (head, position, d_value)
    fn recur(&self, tape: &mut Tape, from: DeltaNodes, q: Node) -> Node {
        let at = &self.scope;
        let name = at.weight("state_before");
        if let Some(y) = tape.delta_rule(at.at(&Y), &name, from, q) {
            return y;
        }
        let mut state = tape.held(&name);
        let mut reads = vec![];
        for t in 0..tape.shape(q).rows {
            let recalled = tape.recall_state(at.at(&RECALLED).row(t), from, state, t); // (head, 1, d_value)
            let correction = tape.correction(at.at(&CORRECTION).row(t), from, recalled, t);
            let now = tape.delta_step(at.at(&STATE).row(t), from, correction, state, t); // (head, 1, d_value*d_key)
            reads.push(tape.read_state(at.at(&READ).row(t), q, from.sharing, now, t)); // (head, 1, d_value)
            state = Some(now);
        }
        if let Some(last) = state {
            tape.hold(&name, |tape| tape.value(last).clone());
        }
        tape.stack_rows(at.at(&Y), reads)
    }
}
