//! The one layer of all decoders: what its plan has not makes no site.

use anyhow::Result;

use super::plan::{DecoderPlan, LayerOrder, LayerPlan, MixerPlan};
use crate::{
    engine::{
        site::{
            Axis::{Channel, Position},
            Role, Scope, Site, SubLayer,
        },
        tape::{Block, Node, Tape},
    },
    model::{
        layer::{
            attention::{Attention, Mask},
            convolution::ShortConvolution,
            delta::DeltaNet,
            feed::Feed,
            norm::Norm,
            state_space::StateSpace,
        },
        source_scope,
    },
    weights::Weights,
};

pub static RESID_PRE: Site =
    Site::matrix("resid_pre", [Position, Channel], "the residual stream as this block finds it")
        .with(Role::LayerInput)
        .called(&["x"]);
pub static ADDEND: Site = Site::matrix(
    "addend",
    [Position, Channel],
    "out times the residual multiplier: what is added to the stream",
)
.called(&["addend"]);
pub static RESID_MID: Site = Site::matrix(
    "resid_mid",
    [Position, Channel],
    "the residual stream with attention's output added",
)
.with(Role::Residual(SubLayer::Attention))
.called(&["x + attn(norm(x))"]);
pub static RESID_MID_CONVOLVED: Site = Site::matrix(
    "resid_mid",
    [Position, Channel],
    "the residual stream with the convolution's output added",
)
.with(Role::Residual(SubLayer::Convolution))
.called(&["x + conv(norm(x))"]);
pub static RESID_MID_DELTA: Site = Site::matrix(
    "resid_mid",
    [Position, Channel],
    "the residual stream with the delta net's output added",
)
.with(Role::Residual(SubLayer::DeltaNet))
.called(&["x + delta(norm(x))"]);
pub static RESID_MID_STATE: Site = Site::matrix(
    "resid_mid",
    [Position, Channel],
    "the residual stream with the state space's output added",
)
.with(Role::Residual(SubLayer::StateSpace))
.called(&["x + ssm(norm(x))"]);
pub static RESID_POST_STATE: Site = Site::matrix(
    "resid_post",
    [Position, Channel],
    "the residual stream with the state space's output added",
)
.with(Role::Residual(SubLayer::StateSpace))
.called(&["x + ssm(norm(x))"]);
pub static RESID_POST: Site = Site::matrix(
    "resid_post",
    [Position, Channel],
    "the residual stream with feed-forward's output added",
)
.with(Role::Residual(SubLayer::FeedForward));
pub static RESID_BOTH: Site = Site::matrix(
    "resid_post",
    [Position, Channel],
    "the residual stream with attention's and feed-forward's outputs added at once",
)
.with(Role::Residual(SubLayer::Both))
.called(&["x + attn(norm(x)) + ffn(norm(x))"]);

/// What of a layer carries something from one word to another.
enum Mixer {
    Attention(Box<Attention>, Mask),
    StateSpace(Box<StateSpace>),
    DeltaNet(Box<DeltaNet>),
    Convolution(Box<ShortConvolution>),
}

impl Mixer {
    fn load(
        weights: &Weights,
        scope: &Scope,
        plan: &DecoderPlan,
        layer: LayerPlan,
    ) -> Result<Self> {
        let d_model = plan.heads.d_model;
        Ok(match layer.mixer {
            MixerPlan::Attention => {
                let scope = scope.child("attn");
                let attention = Attention::planned(weights, scope, plan.heads, layer.attention)?;
                Self::Attention(Box::new(attention), layer.mask)
            }
            MixerPlan::StateSpace(plan) => {
                let scope = scope.child("ssm");
                Self::StateSpace(Box::new(StateSpace::load(weights, scope, d_model, plan)?))
            }
            MixerPlan::DeltaNet(plan) => {
                let scope = scope.child("delta");
                Self::DeltaNet(Box::new(DeltaNet::load(weights, scope, d_model, plan)?))
            }
            MixerPlan::Convolution(plan) => {
                let scope = scope.child("conv");
                Self::Convolution(Box::new(ShortConvolution::load(weights, scope, d_model, plan)?))
            }
        })
    }

    /// (position, d_model) -> (position, d_model)
    fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        match self {
            Self::Attention(attention, mask) => attention.forward(tape, x, x, *mask),
            Self::StateSpace(space) => space.forward(tape, x),
            Self::DeltaNet(net) => net.forward(tape, x),
            Self::Convolution(convolution) => convolution.forward(tape, x),
        }
    }

    /// Its scope in the layer.
    const fn name(&self) -> &'static str {
        match self {
            Self::Attention(..) => "attn",
            Self::StateSpace(_) => "ssm",
            Self::DeltaNet(_) => "delta",
            Self::Convolution(_) => "conv",
        }
    }

    /// The stream with its output added, where feed-forward follows.
    const fn mid(&self) -> &'static Site {
        match self {
            Self::Attention(..) => &RESID_MID,
            Self::StateSpace(_) => &RESID_MID_STATE,
            Self::DeltaNet(_) => &RESID_MID_DELTA,
            Self::Convolution(_) => &RESID_MID_CONVOLVED,
        }
    }
}

/// A layer: what mixes words and feed-forward, in the order of its plan.
pub struct DecoderBlock {
    scope: Scope,
    kind: usize,
    order: LayerOrder,
    /// Before attention, before feed-forward.
    norms: [Option<Norm>; 2],
    /// After attention, after feed-forward.
    post_norms: [Option<Norm>; 2],
    mixer: Mixer,
    ffn: Option<Feed>,
    residual_scale: Option<f32>,
}

impl DecoderBlock {
    /// Loads layer `l` of a plan, named `blocks.{l}`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, plan: &DecoderPlan, l: usize) -> Result<Self> {
        let layer = plan.layers[l].clone();
        let (order, feed, residual_scale) = (layer.order, layer.feed, layer.residual_scale);
        let scope = source_scope("blocks").layer(l);
        let d_model = plan.heads.d_model;
        let norm = |name, is_there: bool| {
            let load = || Norm::load(weights, scope.child(name), d_model, plan.norm);
            is_there.then(load).transpose()
        };
        let [first, after_first, second, after_second] = layer.has_norms();
        let load_feed = |feed| Feed::load(weights, scope.child("ffn"), d_model, &feed);
        Ok(Self {
            norms: [norm("norm1", first)?, norm("norm2", second)?],
            post_norms: [norm("post_norm1", after_first)?, norm("post_norm2", after_second)?],
            mixer: Mixer::load(weights, &scope, plan, layer)?,
            ffn: feed.map(load_feed).transpose()?,
            order,
            residual_scale,
            kind: plan.first_like(l),
            scope,
        })
    }

    /// What a half adds to the stream: its output, normalised and scaled where the plan says so.
    fn addend(&self, tape: &mut Tape, half: usize, out: Node) -> Node {
        let out = normed(tape, self.post_norms[half].as_ref(), out);
        let place = |name| self.scope.child(name).at(&ADDEND);
        match self.residual_scale {
            Some(factor) => tape.scale(place([self.mixer.name(), "ffn"][half]), out, factor),
            None => out,
        }
    }

    fn mix(&self, tape: &mut Tape, x: Node) -> Node {
        let out = self.mixer.forward(tape, x);
        self.addend(tape, 0, out)
    }

    fn feed(&self, ffn: &Feed, tape: &mut Tape, x: Node) -> Node {
        let out = ffn.forward(tape, x);
        self.addend(tape, 1, out)
    }
}

/// `norm(x)`; `x` itself without a norm.
fn normed(tape: &mut Tape, norm: Option<&Norm>, x: Node) -> Node {
    norm.map_or(x, |norm| norm.forward(tape, x))
}

impl Block for DecoderBlock {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn kind(&self) -> usize {
        self.kind
    }

    /// (position, d_model) -> (position, d_model)
    fn forward(&self, tape: &mut Tape, inputs: &[Node]) -> Node {
        let at = &self.scope;
        let [norm1, norm2] = self.norms.each_ref().map(Option::as_ref);
        let x = tape.identity(at.at(&RESID_PRE), inputs[0]);
        let to_mix = normed(tape, norm1, x);
        let mixed = self.mix(tape, to_mix);
        let Some(ffn) = &self.ffn else {
            return tape.residual(at.at(&RESID_POST_STATE), x, mixed);
        };
        if self.order.is_parallel() {
            let to_feed = norm2.map_or(to_mix, |norm| norm.forward(tape, x));
            let fed = self.feed(ffn, tape, to_feed);
            return tape.residual_of_all(at.at(&RESID_BOTH), x, &[mixed, fed]);
        }
        let mid = tape.residual(at.at(self.mixer.mid()), x, mixed);
        let to_feed = normed(tape, norm2, mid);
        let fed = self.feed(ffn, tape, to_feed);
        tape.residual(at.at(&RESID_POST), mid, fed)
    }
}
