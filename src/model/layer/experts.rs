//! A mixture of experts in place of one feed-forward network: a router sends each token to a few of many gated
//! networks (Shazeer et al. 2017; Fedus et al. 2022), and one more may be shared by all tokens (Dai et al. 2024).

use anyhow::Result;

use super::{
    feed_forward::{Activation, FeedForward, FeedKind, GatedFeedForward},
    norm::{Norm, NormKind},
};
use crate::{
    engine::{
        site::{
            Axis::{Channel, Choice, Expert, Position, Single, Unit},
            Role, Scope, Site,
        },
        tape::{ExpertGroups, ExpertWeights, LinearMap, Node, Tape, Weight},
    },
    weights::Weights,
};

pub static LOGITS: Site =
    Site::matrix("router.logits", [Position, Expert], "the router's score of every expert: x W_r")
        .with(Role::RouterLogits)
        .called(&["r", "x W_r"]);
pub static PROBABILITIES: Site =
    Site::matrix("router.probabilities", [Position, Expert], "softmax of the router's scores")
        .with(Role::RouterProbabilities)
        .called(&["p"]);
pub static AFFINITIES: Site = Site::matrix(
    "router.affinities",
    [Position, Expert],
    "sigmoid of the router's scores: how well each expert suits the token",
)
.with(Role::RouterProbabilities)
.called(&["s", "sigmoid(x W_r)"]);
pub static BIASED: Site = Site::matrix(
    "router.biased",
    [Position, Expert],
    "affinity + the expert's bias, which only the choice sees",
)
.with(Role::RouterChoice)
.called(&["s + b"]);
pub static GROUPED: Site = Site::matrix(
    "router.grouped",
    [Position, Expert],
    "the same, minus infinity where the expert's group is not chosen",
)
.with(Role::RouterChoice);
pub static WEIGHTS: Site = Site::matrix(
    "router.weights",
    [Position, Expert],
    "the weight of each chosen expert; 0 where an expert is not chosen",
)
.with(Role::RouterWeights)
.called(&["w"]);

pub static ROUTER_INPUT: Site = Site::matrix(
    "router.input",
    [Position, Channel],
    "what the router reads: the stream, normalised and stretched, divided by sqrt(d_model)",
);
pub static SHARES: Site = Site::matrix(
    "router.shares",
    [Position, Expert],
    "the chosen experts' probabilities divided by their sum",
);
pub static WEIGHTS_SCALED: Site = Site::matrix(
    "router.weights",
    [Position, Expert],
    "the share of each chosen expert times a number that the expert has learned",
)
.with(Role::RouterWeights)
.called(&["w"]);

pub static GATE: Site = Site::planes(
    "gate",
    [Choice, Position, Unit],
    "x W_gate of the expert that is each token's first, second, ... choice",
);
pub static GATE_CLAMPED: Site =
    Site::planes("gate_clamped", [Choice, Position, Unit], "the gate, at most the limit");
pub static ACT: Site =
    Site::planes("act", [Choice, Position, Unit], "the gate after its activation");
pub static UP: Site =
    Site::planes("up", [Choice, Position, Unit], "x W_up of each token's chosen experts");
pub static UP_CLAMPED: Site =
    Site::planes("up_clamped", [Choice, Position, Unit], "up, no further from 0 than the limit");
pub static HIDDEN: Site = Site::planes(
    "hidden",
    [Choice, Position, Unit],
    "act * up: what the gates of each chosen expert let through",
);
pub static HIDDEN_CLAMPED: Site = Site::planes(
    "hidden",
    [Choice, Position, Unit],
    "act * (up + 1): what the gates of each chosen expert let through",
);
pub static HIDDEN_PLAIN: Site = Site::planes(
    "hidden",
    [Choice, Position, Unit],
    "up after its activation: which units of each chosen expert fire",
);
pub static WEIGHTED: Site = Site::planes(
    "weighted",
    [Choice, Position, Channel],
    "what each chosen expert reads: the token's row times the expert's weight",
)
.called(&["w_e x"]);
pub static EXPERT_OUT: Site = Site::planes(
    "out",
    [Choice, Position, Channel],
    "hidden W_down: what each chosen expert says, before it is weighted",
)
.called(&["expert_e(x)"]);
pub static EXPERT_OUT_UNWEIGHTED: Site = Site::planes(
    "out",
    [Choice, Position, Channel],
    "hidden W_down: what each chosen expert says of its weighted row",
)
.called(&["expert_e(w_e x)"]);
pub static MIXED: Site = Site::matrix(
    "mixed",
    [Position, Channel],
    "what the chosen experts say, each times its weight",
)
.called(&["mixed"]);
pub static OUT: Site =
    Site::matrix("out", [Position, Channel], "what the chosen experts say, each times its weight")
        .with(Role::SubLayerOutput)
        .called(&["out"]);
pub static MIXED_UNWEIGHTED: Site =
    Site::matrix("mixed", [Position, Channel], "the sum of what the chosen experts say")
        .called(&["mixed"]);
pub static OUT_UNWEIGHTED: Site =
    Site::matrix("out", [Position, Channel], "the sum of what the chosen experts say")
        .with(Role::SubLayerOutput)
        .called(&["out"]);
pub static OUT_WITH_SHARED: Site = Site::matrix(
    "out",
    [Position, Channel],
    "what the chosen experts say, weighted, and what the shared expert says",
)
.with(Role::SubLayerOutput)
.called(&["out"]);
pub static SHARE_LOGIT: Site =
    Site::matrix("gate_logit", [Position, Single], "x w_s: how much of the shared expert to take");
pub static SHARE: Site =
    Site::matrix("share", [Position, Single], "the part of the shared expert that is taken")
        .with(Role::Gate);
pub static TAKEN: Site =
    Site::matrix("taken", [Position, Channel], "share * out of the shared expert");

/// How an expert's gate acts on what comes up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ExpertGate {
    /// `act(gate) * up`
    Plain(Activation),
    /// `act(up)`: there is no gate (NVIDIA 2025, *Nemotron 3*).
    None(Activation),
    /// `g * sigmoid(alpha g) * (u + 1)`, with gate and up within a limit (OpenAI 2025, *gpt-oss*).
    Clamped { alpha: f32, limit: f32 },
}

/// An expert that every token goes through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharedPlan {
    pub d_ff: usize,
    pub kind: FeedKind,
    /// Whether a gate of its own says how much of it is taken.
    pub has_gate: bool,
}

/// What a router makes of its scores before it chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// Probabilities over all experts; or nothing, where weights are the softmax of the chosen ones' scores.
    Softmax,
    /// Each expert by itself (DeepSeek-AI 2024, *DeepSeek-V3*, section 2.1.2).
    Sigmoid,
}

/// What an expert's weight multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighted {
    /// What it reads (Meta 2025, *Llama 4*).
    Input,
    /// What it says.
    Output,
}

/// The experts of a layer and their router.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpertsPlan {
    pub n: usize,
    /// How many of them each token goes through.
    pub k: usize,
    pub gate: ExpertGate,
    pub scoring: Scoring,
    pub weights: ExpertWeights,
    /// What the weights are multiplied by.
    pub factor: f32,
    pub has_router_bias: bool,
    /// Whether each expert has a bias that only the choice sees.
    pub has_choice_bias: bool,
    /// Groups that are chosen before experts within them.
    pub groups: Option<ExpertGroups>,
    /// Whether the experts' maps have biases.
    pub has_bias: bool,
    pub weighted: Weighted,
    pub shared: Option<SharedPlan>,
    /// The norms that they have where they stand beside the shared one: what they say and what it says are normalised
    /// apart, and the router reads the stream itself (Gemma 4).
    pub beside: Option<NormKind>,
}

impl ExpertsPlan {
    pub const fn has_gates(&self) -> bool {
        !matches!(self.gate, ExpertGate::None(_))
    }
}

/// The expert that every token goes through.
enum Shared {
    Plain(Box<FeedForward>),
    Gated(Box<GatedFeedForward>),
}

impl Shared {
    fn load(weights: &Weights, scope: Scope, d_model: usize, plan: SharedPlan) -> Result<Self> {
        let plain = |network| Self::Plain(Box::new(network));
        Ok(match plan.kind {
            FeedKind::Plain(act) => {
                plain(FeedForward::load(weights, scope, d_model, plan.d_ff, act)?)
            }
            FeedKind::Xielu => plain(FeedForward::with_xielu(weights, scope, d_model, plan.d_ff)?),
            FeedKind::Gated(act) => {
                let network = GatedFeedForward::load(weights, scope, d_model, plan.d_ff, act)?;
                Self::Gated(Box::new(network))
            }
        })
    }

    /// (position, d_model) -> (position, d_model)
    fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        match self {
            Self::Plain(network) => network.forward(tape, x),
            Self::Gated(network) => network.forward(tape, x),
        }
    }
}

/// A router, its experts, and one that is shared.
pub struct Experts {
    scope: Scope,
    plan: ExpertsPlan,
    router: LinearMap,
    choice_bias: Option<Weight>,
    gates: Vec<LinearMap>,
    ups: Vec<LinearMap>,
    downs: Vec<LinearMap>,
    shared: Option<Shared>,
    shared_gate: Option<Weight>,
    beside: Option<Box<Beside>>,
}

/// What a router gives every expert, 0 where it is not chosen. (position, expert)
#[derive(Clone, Copy)]
struct Routed {
    weights: Node,
    /// What the weights are before each expert's own factor; the weights themselves, where experts have none.
    shares: Node,
}

/// What experts have that stand beside the shared one.
struct Beside {
    /// Before the router, before the experts, after them, after the shared one.
    router_norm: Norm,
    norm: Norm,
    post_norm: Norm,
    shared_post_norm: Norm,
    /// What the router's input is multiplied by.
    factor: f32,
    /// What the share of each expert is multiplied by. (1, expert)
    scales: Weight,
}

impl Beside {
    /// Loads `router.norm.gain`, `experts.norm.gain`, `experts.post_norm.gain` and `shared.post_norm.gain` (1, d_model),
    /// and `router.scales` (1, n), named within `scope`.
    fn load(
        weights: &Weights,
        scope: &Scope,
        d_model: usize,
        n: usize,
        kind: NormKind,
    ) -> Result<Self> {
        let [router, experts, shared] = ["router", "experts", "shared"].map(|of| scope.child(of));
        let norm = |of: &Scope, name| Norm::load(weights, of.child(name), d_model, kind);
        Ok(Self {
            router_norm: norm(&router, "norm")?,
            norm: norm(&experts, "norm")?,
            post_norm: norm(&experts, "post_norm")?,
            shared_post_norm: norm(&shared, "post_norm")?,
            factor: 1.0 / (d_model as f32).sqrt(),
            scales: weights.row(&router.weight("scales"), n)?,
        })
    }
}

impl Experts {
    /// Loads `router.W` (d_model, n), `router.b_choice` (1, n), `experts.{e}.W_gate`, `W_up` and `W_down` as a gated network's, `shared.W_gate` and
    /// so on, and `shared.w_share` (d_model, 1), with the biases that are there, named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        scope: Scope,
        d_model: usize,
        d_ff: usize,
        plan: ExpertsPlan,
    ) -> Result<Self> {
        let router = scope.child("router");
        let bias = |name: String, n, has: bool| has.then(|| weights.row(&name, n)).transpose();
        let of_experts = |name: &str, shape: (usize, usize)| -> Result<Vec<LinearMap>> {
            let one = |expert: usize| {
                let at = scope.child("experts").child(&expert.to_string());
                LinearMap::load(weights, &at, name, shape)
            };
            (0..plan.n).map(one).collect()
        };
        let shared = scope.child("shared");
        let load_shared = |of| Shared::load(weights, shared.clone(), d_model, of);
        let has_shared_gate = plan.shared.is_some_and(|shared| shared.has_gate);
        let load_share = || weights.matrix(&shared.weight("w_share"), (d_model, 1));
        let load_beside = |kind| Beside::load(weights, &scope, d_model, plan.n, kind);
        let beside = plan.beside.map(load_beside).transpose()?.map(Box::new);
        Ok(Self {
            router: LinearMap {
                w: weights.matrix(&router.weight("W"), (d_model, plan.n))?,
                b: bias(router.weight("b"), plan.n, plan.has_router_bias)?,
            },
            choice_bias: bias(router.weight("b_choice"), plan.n, plan.has_choice_bias)?,
            gates: if plan.has_gates() { of_experts("gate", (d_model, d_ff))? } else { vec![] },
            ups: of_experts("up", (d_model, d_ff))?,
            downs: of_experts("down", (d_ff, d_model))?,
            shared: plan.shared.map(load_shared).transpose()?,
            shared_gate: has_shared_gate.then(load_share).transpose()?,
            beside,
            scope,
            plan,
        })
    }

    /// What they say of a normalised stream; those that stand beside the shared one read the stream itself. Both
    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node, stream: Node) -> Node {
        if let Some(beside) = &self.beside {
            return self.both(tape, beside, x, stream);
        }
        let routed = self.route(tape, x);
        let outs = self.experts(tape, x, routed.shares);
        let Some(shared) = self.shared(tape, x) else {
            return self.mixed(tape, outs, routed, &OUT, &OUT_UNWEIGHTED);
        };
        let mixed = self.mixed(tape, outs, routed, &MIXED, &MIXED_UNWEIGHTED);
        tape.add(self.scope.at(&OUT_WITH_SHARED), mixed, shared)
    }

    /// The sum of what the chosen experts say, each times its weight if that has not multiplied what it read. outs (choice,
    /// position, d_model) -> (position, d_model)
    fn mixed(
        &self,
        tape: &mut Tape,
        outs: Node,
        Routed { weights, shares }: Routed,
        weighted: &'static Site,
        unweighted: &'static Site,
    ) -> Node {
        if self.plan.weighted == Weighted::Input {
            return tape.sum_choices(self.scope.at(unweighted), outs);
        }
        tape.mix(self.scope.at(weighted), outs, weights, shares)
    }

    /// What the experts say and what the shared one says, each normalised. x, stream (position, d_model) -> (position,
    /// d_model)
    fn both(&self, tape: &mut Tape, beside: &Beside, x: Node, stream: Node) -> Node {
        let at = &self.scope;
        let to_route = beside.router_norm.forward(tape, stream);
        let to_route = tape.scale(at.at(&ROUTER_INPUT), to_route, beside.factor);
        let routed = self.route(tape, to_route);
        let to_experts = beside.norm.forward(tape, stream);
        let outs = self.experts(tape, to_experts, routed.shares);
        let mixed = tape.mix(at.at(&MIXED), outs, routed.weights, routed.shares);
        let mixed = beside.post_norm.forward(tape, mixed);
        let Some(shared) = self.shared(tape, x) else { return mixed };
        let shared = beside.shared_post_norm.forward(tape, shared);
        tape.add(at.at(&OUT_WITH_SHARED), mixed, shared)
    }

    /// The weight of every expert, 0 for those that are not chosen. x (position, d_model) -> (position, expert)
    fn route(&self, tape: &mut Tape, x: Node) -> Routed {
        let at = &self.scope;
        let logits = self.router.forward(tape, at.at(&LOGITS), x); // (position, expert)
        let scores = match (self.plan.scoring, self.plan.weights) {
            (Scoring::Sigmoid, _) => tape.sigmoid(at.at(&AFFINITIES), logits),
            (Scoring::Softmax, ExpertWeights::SoftmaxOfChosen) => logits,
            (Scoring::Softmax, ExpertWeights::Kept | ExpertWeights::Normalized) => {
                tape.softmax(at.at(&PROBABILITIES), logits)
            }
        };
        let choice = self.choice(tape, scores);
        let ExpertsPlan { k, weights: how, factor, .. } = self.plan;
        let Some(beside) = &self.beside else {
            let weights = tape.route(at.at(&WEIGHTS), scores, choice, k, how, factor);
            return Routed { weights, shares: weights };
        };
        let shares = tape.route(at.at(&SHARES), scores, choice, k, how, factor);
        let scales = tape.weight(&beside.scales);
        Routed { weights: tape.gain(at.at(&WEIGHTS_SCALED), shares, scales), shares }
    }

    /// What experts are chosen by: their scores, and what only the choice sees. (position, expert) -> (position, expert)
    fn choice(&self, tape: &mut Tape, scores: Node) -> Node {
        let mut choice = scores;
        if let Some(bias) = &self.choice_bias {
            let bias = tape.weight(bias);
            choice = tape.add(self.scope.at(&BIASED), choice, bias);
        }
        match self.plan.groups {
            Some(groups) => tape.within_groups(self.scope.at(&GROUPED), choice, groups),
            None => choice,
        }
    }

    /// What the chosen experts say. x (position, d_model), shares (position, expert) -> (choice, position, d_model)
    fn experts(&self, tape: &mut Tape, x: Node, shares: Node) -> Node {
        let (at, k) = (self.scope.child("experts"), self.plan.k);
        let x = if self.plan.weighted == Weighted::Input {
            tape.weigh_choices(at.at(&WEIGHTED), x, shares, k) // (choice, position, d_model)
        } else {
            x
        };
        let hidden = match self.plan.gate {
            ExpertGate::None(act) => {
                let up = tape.experts_linear(at.at(&UP), x, shares, k, &self.ups);
                act.on(tape, at.at(&HIDDEN_PLAIN), up)
            }
            ExpertGate::Plain(act) => {
                let gate = tape.experts_linear(at.at(&GATE), x, shares, k, &self.gates);
                let act = act.on(tape, at.at(&ACT), gate);
                let up = tape.experts_linear(at.at(&UP), x, shares, k, &self.ups);
                tape.mul(at.at(&HIDDEN), act, up)
            }
            ExpertGate::Clamped { alpha, limit } => {
                let gate = tape.experts_linear(at.at(&GATE), x, shares, k, &self.gates);
                let gate = tape.clamp(at.at(&GATE_CLAMPED), gate, None, limit);
                let act = tape.swish(at.at(&ACT), gate, alpha);
                let up = tape.experts_linear(at.at(&UP), x, shares, k, &self.ups);
                let up = tape.clamp(at.at(&UP_CLAMPED), up, Some(-limit), limit);
                tape.mul_by_one_more(at.at(&HIDDEN_CLAMPED), act, up)
            }
        }; // (choice, position, d_ff)
        let out = match self.plan.weighted {
            Weighted::Input => &EXPERT_OUT_UNWEIGHTED,
            Weighted::Output => &EXPERT_OUT,
        };
        tape.experts_linear(at.at(out), hidden, shares, k, &self.downs)
    }

    /// What the shared expert says, or the part of it that is taken. (position, d_model) -> (position, d_model)
    fn shared(&self, tape: &mut Tape, x: Node) -> Option<Node> {
        let out = self.shared.as_ref()?.forward(tape, x);
        let Some(gate) = &self.shared_gate else { return Some(out) };
        let (at, gate) = (self.scope.child("shared"), tape.weight(gate));
        let logit = tape.linear(at.at(&SHARE_LOGIT), x, gate, None); // (position, 1)
        let share = tape.sigmoid(at.at(&SHARE), logit);
        Some(tape.mul_rows(at.at(&TAKEN), out, share))
    }
}
