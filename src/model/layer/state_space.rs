//! A selective state space in place of attention (Dao and Gu 2024, *Transformers are SSMs*, section 7.1; Mamba-2): each
//! head has a state of fixed size, of which a word keeps a share that it chooses itself, and to which it adds.

use anyhow::Result;

use super::{feed_forward::Activation, filter::CausalFilters};
use crate::{
    engine::{
        math::Sharing,
        site::{
            Axis::{Channel, Group, Head, Position, Single, Unit},
            Role, Scope, Site,
        },
        tape::{LinearMap, Node, Planes, RateForm, StateInputs, Tape, Weight},
    },
    weights::Weights,
};

pub static GATE: Site = Site::planes(
    "gate",
    [Head, Position, Channel],
    "x W_z: how much of the output is to be let through, before SiLU",
)
.called(&["z"]);
pub static CONV_IN: Site = Site::matrix(
    "conv_in",
    [Position, Unit],
    "x W_xBC: the inputs of all heads, then B and C of all groups",
);
pub static CONV: Site = Site::matrix(
    "conv",
    [Position, Unit],
    "each channel summed over this word and a few before, by its own filter",
);
pub static CONV_ACT: Site =
    Site::matrix("conv_act", [Position, Unit], "the convolution after SiLU");
pub static X: Site =
    Site::planes("x", [Head, Position, Channel], "what each head would write of this word")
        .called(&["x_t"]);
pub static B: Site = Site::planes(
    "B",
    [Group, Position, Unit],
    "where in the state this word writes, the same for all heads of a group",
)
.called(&["B_t"]);
pub static C: Site = Site::planes(
    "C",
    [Group, Position, Unit],
    "where in the state this word reads, the same for all heads of a group",
)
.called(&["C_t"]);
pub static DT_IN: Site = Site::matrix(
    "dt_in",
    [Position, Head],
    "x W_dt: the size of each head's step, before softplus",
);
pub static DT: Site = Site::matrix(
    "dt",
    [Position, Head],
    "softplus: the size of the step: large where a word is to be written",
)
.called(&["Δ_t"]);
pub static DECAY: Site = Site::matrix(
    "decay",
    [Position, Head],
    "exp(A dt): the share of its state that each head keeps at this word",
)
.with(Role::Gate)
.called(&["a_t", "exp(A Δ_t)"]);
pub static STATE: Site = Site::planes(
    "state",
    [Head, Position, Unit],
    "each head's state after this word, channel by channel: kept + written",
)
.with(Role::State)
.called(&["h_t"]);
pub static READ: Site = Site::planes(
    "read",
    [Head, Position, Channel],
    "what this word reads in each head's state: state C",
);
pub static Y: Site = Site::planes(
    "y",
    [Head, Position, Channel],
    "what was read, and a share of the word's own input: read + D x",
)
.with(Role::StateOutput)
.called(&["y_t", "h_t C_t + D x_t"]);
pub static GATE_ACT: Site =
    Site::planes("gate_act", [Head, Position, Channel], "the gate after SiLU");
pub static GATED: Site =
    Site::planes("gated", [Head, Position, Channel], "y * the gate: what is let through");
pub static GROUPED: Site =
    Site::planes("grouped", [Group, Position, Channel], "the heads of a group side by side");
pub static GROUP_MEAN_SQUARE: Site = Site::planes(
    "mean_square",
    [Group, Position, Single],
    "the mean of the squares of each group's vector",
)
.with(Role::NormScale);
pub static GROUP_NORMALIZED: Site = Site::planes(
    "normalized",
    [Group, Position, Channel],
    "divided by the root of the mean square: all vectors are equally long",
);
pub static GROUP_OUT: Site =
    Site::planes("out", [Group, Position, Channel], "stretched by the gain, channel by channel");
pub static CONCAT: Site =
    Site::matrix("concat", [Position, Channel], "the groups' vectors side by side");
pub static OUT: Site = Site::matrix("out", [Position, Channel], "back to d_model: W_out")
    .with(Role::SubLayerOutput)
    .called(&["out", "ssm(x)"]);

/// The sizes and parts of a state space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StateSpacePlan {
    pub n_heads: usize,
    /// The channels of a head.
    pub d_head: usize,
    /// The numbers of a head's state that each channel has.
    pub d_state: usize,
    /// Groups of heads that share B and C.
    pub n_groups: usize,
    /// The rows that a filter sees.
    pub n_taps: usize,
    pub has_bias: bool,
    pub has_filter_bias: bool,
    pub act: Activation,
    pub rate: RateForm,
    /// Of the norm of each group's heads.
    pub eps: f32,
}

impl StateSpacePlan {
    /// The width of all heads together.
    pub const fn d_inner(&self) -> usize {
        self.n_heads * self.d_head
    }

    /// The width of what is convolved: the inputs of all heads, B and C of all groups.
    pub const fn d_conv(&self) -> usize {
        self.d_inner() + 2 * self.d_bc()
    }

    /// The width of B, or C, of all groups.
    pub const fn d_bc(&self) -> usize {
        self.n_groups * self.d_state
    }

    /// The numbers of all heads' states.
    pub const fn n_states(&self) -> usize {
        self.d_inner() * self.d_state
    }
}

/// A state space with its convolution, gate and norm.
pub struct StateSpace {
    scope: Scope,
    plan: StateSpacePlan,
    gate: LinearMap,
    conv_in: LinearMap,
    dt_in: LinearMap,
    filters: CausalFilters,
    dt_bias: Weight,
    rate: Weight,
    skip: Weight,
    gain: Weight,
    out: LinearMap,
}

impl StateSpace {
    /// Loads `W_z` (d_model, d_inner), `W_xBC` (d_model, d_conv), `W_dt` (d_model, head), `conv.W` (tap, d_conv), `dt_bias`,
    /// `A_log` or `A`, and `D` (1, head), `norm.gain` (1, d_inner), `W_out` (d_inner, d_model), and the biases that are
    /// there, named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        scope: Scope,
        d_model: usize,
        plan: StateSpacePlan,
    ) -> Result<Self> {
        let map = |of, width| LinearMap::load(weights, &scope, of, (d_model, width));
        let of_heads = |name: &str| weights.row(&scope.weight(name), plan.n_heads);
        let (n_taps, width) = (plan.n_taps, plan.d_conv());
        Ok(Self {
            gate: map("z", plan.d_inner())?,
            conv_in: map("xBC", plan.d_conv())?,
            dt_in: map("dt", plan.n_heads)?,
            filters: CausalFilters::load(weights, &scope.child("conv"), n_taps, width)?,
            dt_bias: of_heads("dt_bias")?,
            rate: of_heads(plan.rate.name())?,
            skip: of_heads("D")?,
            gain: weights.row(&scope.child("norm").weight("gain"), plan.d_inner())?,
            out: LinearMap::load(weights, &scope, "out", (plan.d_inner(), d_model))?,
            scope,
            plan,
        })
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let at = &self.scope;
        let StateSpacePlan { n_heads, d_head, act, .. } = self.plan;
        let (w, b) = self.gate.on(tape);
        let gate = tape.project_heads(at.at(&GATE), x, w, b, n_heads); // (head, position, d_head)
        let conv_in = self.conv_in.forward(tape, at.at(&CONV_IN), x); // (position, d_conv)
        let mixed = self.filters.forward(tape, at.at(&CONV), conv_in);
        let mixed = act.on(tape, at.at(&CONV_ACT), mixed);
        let heads = Planes { n: n_heads, width: d_head };
        let inputs = tape.cut(at.at(&X), mixed, 0, heads); // (head, position, d_head)
        let groups = Planes { n: self.plan.n_groups, width: self.plan.d_state };
        let (d_inner, d_bc) = (self.plan.d_inner(), self.plan.d_bc());
        let b = tape.cut(at.at(&B), mixed, d_inner, groups); // (group, position, d_state)
        let c = tape.cut(at.at(&C), mixed, d_inner + d_bc, groups);
        let y = self.recur(tape, x, inputs, b, c); // (head, position, d_head)
        let gate = tape.silu(at.at(&GATE_ACT), gate);
        let gated = tape.mul(at.at(&GATED), y, gate);
        let normed = self.normed(tape, gated); // (position, d_inner)
        self.out.forward(tape, at.at(&OUT), normed)
    }

    /// What every word reads in the states, and its share of the word itself. x (position, d_model), inputs (head,
    /// position, d_head), b and c (group, position, d_state) -> (head, position, d_head)
    fn recur(&self, tape: &mut Tape, x: Node, inputs: Node, b: Node, c: Node) -> Node {
        let at = &self.scope;
        let dt = self.dt_in.forward(tape, at.at(&DT_IN), x); // (position, head)
        let dt_bias = tape.weight(&self.dt_bias);
        let dt = tape.softplus(at.at(&DT), dt, dt_bias);
        let rate = tape.weight(&self.rate);
        let decay = tape.decay(at.at(&DECAY), dt, rate, self.plan.rate); // (position, head)
        let skip = tape.weight(&self.skip);
        let from = StateInputs { decay, dt, b, x: inputs };
        let name = at.weight("state_before");
        if let Some(y) = tape.scan(at.at(&Y), &name, from, c, skip) {
            return y;
        }
        let mut state = tape.held(&name);
        let mut reads = vec![];
        for t in 0..tape.shape(x).rows {
            let now = tape.state_step(at.at(&STATE).row(t), from, state, t); // (head, 1, d_head*d_state)
            reads.push(tape.read_state(at.at(&READ).row(t), c, Sharing::Neighbours, now, t)); // (head, 1, d_head)
            state = Some(now);
        }
        if let Some(last) = state {
            tape.hold(&name, |tape| tape.value(last).clone());
        }
        tape.add_skip(at.at(&Y), &reads, inputs, skip)
    }

    /// The norm of each group's heads together. (head, position, d_head) -> (position, d_inner)
    fn normed(&self, tape: &mut Tape, gated: Node) -> Node {
        let (at, gain) = (self.scope.child("norm"), tape.weight(&self.gain));
        let grouped = tape.regroup(self.scope.at(&GROUPED), gated, self.plan.n_groups);
        let square = tape.row_mean_square(at.at(&GROUP_MEAN_SQUARE), grouped);
        let eps = self.plan.eps;
        let normalized = tape.divide_by_rms(at.at(&GROUP_NORMALIZED), grouped, square, eps);
        let out = tape.gain(at.at(&GROUP_OUT), normalized, gain); // (group, position, channel)
        tape.concat_heads(self.scope.at(&CONCAT), out)
    }
}
