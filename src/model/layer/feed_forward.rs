//! The position-wise feed-forward network (Vaswani et al. 2017, section 3.3), and its gated form
//! (Shazeer 2020, eq. 6).

use anyhow::{Context, Result};

use crate::{
    engine::{
        site::{
            Axis::{Channel, Position, Unit},
            Place, Role, Scope, Site,
        },
        tape::{LinearMap, Node, Tape, Weight},
    },
    text::shown,
    weights::{Config, Weights},
};

pub static SUM: Site = Site::matrix("sum", [Position, Unit], "x W_1 + b_1, before the activation")
    .called(&["x W_1 + b_1"]);
pub static HIDDEN: Site =
    Site::matrix("hidden", [Position, Unit], "after the activation: which detectors fire")
        .with(Role::FeedForwardHidden)
        .called(&["hidden", "ffn(x)", "ffn(y)"]);
pub static HIDDEN_SQUARED: Site = Site::matrix(
    "hidden",
    [Position, Unit],
    "what is above 0, squared: which detectors fire, and the strong ones all the more",
)
.with(Role::FeedForwardHidden)
.called(&["hidden", "ffn(x)", "ffn(y)"]);
pub static HIDDEN_BENT: Site = Site::matrix(
    "hidden",
    [Position, Unit],
    "after xIELU, which bends above and below 0 as strongly as the layer has learned",
)
.with(Role::FeedForwardHidden)
.called(&["hidden", "ffn(x)", "ffn(y)"]);
pub static OUT: Site =
    Site::matrix("out", [Position, Channel], "back to d_model: hidden W_2 + b_2")
        .with(Role::SubLayerOutput)
        .called(&["out"]);

pub static GATE: Site =
    Site::matrix("gate", [Position, Unit], "x W_gate: how far each unit is to open");
pub static ACT: Site = Site::matrix("act", [Position, Unit], "the gate after its activation");
pub static UP: Site = Site::matrix("up", [Position, Unit], "x W_up: what each unit would say");
pub static GATED: Site =
    Site::matrix("hidden", [Position, Unit], "act * up: what the gates let through")
        .with(Role::FeedForwardHidden)
        .called(&["hidden", "ffn(x)", "ffn(y)"]);
pub static DOWN: Site = Site::matrix("out", [Position, Channel], "back to d_model: hidden W_down")
    .with(Role::SubLayerOutput)
    .called(&["out"]);

/// The non-linearity between the two linear maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    Relu,
    /// The square of what is above 0.
    ReluSquared,
    /// In its tanh form.
    Gelu,
    /// In its exact form.
    GeluErf,
    /// Also called swish.
    Silu,
    Tanh,
    Sigmoid,
}

/// Activations as `config.json` names them.
const NAMED: [(&str, Activation); 12] = [
    ("relu", Activation::Relu),
    ("relu2", Activation::ReluSquared),
    ("gelu", Activation::GeluErf),
    ("gelu_new", Activation::Gelu),
    ("gelu_fast", Activation::Gelu),
    ("gelu_pytorch_tanh", Activation::Gelu),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("gelu_python", Activation::GeluErf),
    ("gelu_accurate", Activation::Gelu),
    ("tanh", Activation::Tanh),
    ("sigmoid", Activation::Sigmoid),
];

impl Activation {
    /// The activation of that name in a `config.json`.
    ///
    /// # Errors
    /// If there is none of that name; the message lists the known ones.
    pub fn named(name: &str) -> Result<Self> {
        let found = NAMED.iter().find(|(known, _)| *known == name);
        found.map(|(_, activation)| *activation).with_context(|| {
            format!(
                "the activation `{}` is not supported; supported: {}",
                shown(name),
                NAMED.map(|(known, _)| known).join(", ")
            )
        })
    }

    /// The activation that a setting names.
    ///
    /// # Errors
    /// As for [`Self::named`], with the setting.
    pub fn of(config: &Config, key: &str, default: &str) -> Result<Self> {
        let named = Self::named(config.string_or(key, default)?);
        named.with_context(|| format!("{}: `{key}`", config.file()))
    }

    pub fn on(self, tape: &mut Tape, place: Place, x: Node) -> Node {
        match self {
            Self::Relu => tape.relu(place, x),
            Self::ReluSquared => tape.relu_squared(place, x),
            Self::Gelu => tape.gelu(place, x),
            Self::GeluErf => tape.gelu_erf(place, x),
            Self::Silu => tape.silu(place, x),
            Self::Tanh => tape.tanh(place, x),
            Self::Sigmoid => tape.sigmoid(place, x),
        }
    }
}

/// The activation of a network without a gate.
enum Bend {
    Fixed(Activation),
    /// xIELU, with what the layer has learned of the positive and of the negative side. (1, 1) each
    Xielu(Box<[Weight; 2]>),
}

impl Bend {
    /// (position, unit) -> (position, unit)
    fn on(&self, tape: &mut Tape, at: &Scope, x: Node) -> Node {
        match self {
            Self::Fixed(Activation::ReluSquared) => tape.relu_squared(at.at(&HIDDEN_SQUARED), x),
            Self::Fixed(activation) => activation.on(tape, at.at(&HIDDEN), x),
            Self::Xielu(sides) => {
                let [positive, negative] = sides.each_ref().map(|side| tape.weight(side));
                tape.xielu(at.at(&HIDDEN_BENT), x, positive, negative)
            }
        }
    }
}

/// Two linear maps with an activation between, the same for every position.
pub struct FeedForward {
    scope: Scope,
    first: LinearMap,
    second: LinearMap,
    bend: Bend,
}

impl FeedForward {
    /// Loads `W_1` (d_model, d_ff) and `W_2` (d_ff, d_model), and `b_1` and `b_2` where they are
    /// there, named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        scope: Scope,
        d_model: usize,
        d_ff: usize,
        activation: Activation,
    ) -> Result<Self> {
        Self::with(weights, scope, d_model, d_ff, Bend::Fixed(activation))
    }

    /// The same with xIELU between them, whose `positive` and `negative` (1, 1) are loaded too.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn with_xielu(
        weights: &Weights,
        scope: Scope,
        d_model: usize,
        d_ff: usize,
    ) -> Result<Self> {
        let number = |name| weights.row(&scope.weight(name), 1);
        let bend = Bend::Xielu(Box::new([number("positive")?, number("negative")?]));
        Self::with(weights, scope, d_model, d_ff, bend)
    }

    fn with(
        weights: &Weights,
        scope: Scope,
        d_model: usize,
        d_ff: usize,
        bend: Bend,
    ) -> Result<Self> {
        Ok(Self {
            first: LinearMap::load(weights, &scope, "1", (d_model, d_ff))?,
            second: LinearMap::load(weights, &scope, "2", (d_ff, d_model))?,
            scope,
            bend,
        })
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let at = &self.scope;
        let [(w_1, b_1), (w_2, b_2)] = [&self.first, &self.second].map(|map| map.on(tape));
        let sum = tape.linear(at.at(&SUM), x, w_1, b_1); // (position, d_ff)
        let hidden = self.bend.on(tape, at, sum); // (position, d_ff)
        tape.linear(at.at(&OUT), hidden, w_2, b_2) // (position, d_model)
    }
}

/// `(act(x W_gate) * (x W_up)) W_down`, the same for every position.
pub struct GatedFeedForward {
    scope: Scope,
    gate: LinearMap,
    up: LinearMap,
    down: LinearMap,
    activation: Activation,
}

impl GatedFeedForward {
    /// Loads `W_gate` and `W_up` (d_model, d_ff), `W_down` (d_ff, d_model), and `b_gate`, `b_up`,
    /// `b_down` where they are there, named within `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        scope: Scope,
        d_model: usize,
        d_ff: usize,
        activation: Activation,
    ) -> Result<Self> {
        let map = |of, shape| LinearMap::load(weights, &scope, of, shape);
        Ok(Self {
            gate: map("gate", (d_model, d_ff))?,
            up: map("up", (d_model, d_ff))?,
            down: map("down", (d_ff, d_model))?,
            scope,
            activation,
        })
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let at = &self.scope;
        let gate = self.gate.forward(tape, at.at(&GATE), x); // (position, d_ff)
        let act = self.activation.on(tape, at.at(&ACT), gate); // (position, d_ff)
        let up = self.up.forward(tape, at.at(&UP), x); // (position, d_ff)
        let hidden = tape.mul(at.at(&GATED), act, up); // (position, d_ff)
        self.down.forward(tape, at.at(&DOWN), hidden) // (position, d_model)
    }
}

/// The kind of a feed-forward network, and its activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedKind {
    Plain(Activation),
    /// Without a gate, with an activation that every layer learns (Huang and Schlag 2024).
    Xielu,
    Gated(Activation),
}

impl FeedKind {
    /// Its activation; None if every layer learns one.
    pub const fn activation(self) -> Option<Activation> {
        match self {
            Self::Plain(activation) | Self::Gated(activation) => Some(activation),
            Self::Xielu => None,
        }
    }
}

/// xIELU's name in `config.json`.
pub const XIELU: &str = "xielu";
