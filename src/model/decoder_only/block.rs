//! The one layer of all decoders: what its plan has not makes no site.

use std::{collections::HashMap, iter};

use anyhow::Result;

use super::plan::{DecoderPlan, LayerOrder, LayerPlan, MixerPlan};
use crate::{
    engine::{
        site::{
            Axis::{Channel, Position},
            Role, Scope, Site, SubLayer,
        },
        tape::{Block, KvNodes, Node, Tape, Weight},
    },
    model::{
        layer::{
            attention::{Attention, KeySource, Mask},
            convolution::ShortConvolution,
            delta::DeltaNet,
            feed::Feed,
            norm::Norm,
            per_layer::{LayerEmbeddings, PerLayer},
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
pub static RESID_POST_ATTENTION: Site = Site::matrix(
    "resid_post",
    [Position, Channel],
    "the residual stream with attention's output added",
)
.with(Role::Residual(SubLayer::Attention))
.called(&["x + attn(norm(x))"]);
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
pub static RESID_FED: Site = Site::matrix(
    "resid_ffn",
    [Position, Channel],
    "the residual stream with feed-forward's output added",
)
.with(Role::Residual(SubLayer::FeedForward));
pub static RESID_EMBEDDED: Site = Site::matrix(
    "resid_ple",
    [Position, Channel],
    "the residual stream with what comes of the layer's own embedding added",
)
.with(Role::Residual(SubLayer::LayerEmbedding))
.called(&["x + ple(x)"]);
pub static RESID_EMBEDDED_LAST: Site = Site::matrix(
    "resid_post",
    [Position, Channel],
    "the residual stream with what comes of the layer's own embedding added",
)
.with(Role::Residual(SubLayer::LayerEmbedding))
.called(&["x + ple(x)"]);
pub static RESID_SCALED: Site = Site::matrix(
    "resid_post",
    [Position, Channel],
    "the residual stream times a number that the layer has learned",
)
.with(Role::ScaledStream)
.called(&["s x"]);
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
    /// None of a layer that is feed-forward alone.
    fn load(
        weights: &Weights,
        scope: &Scope,
        plan: &DecoderPlan,
        layer: LayerPlan,
    ) -> Result<Option<Self>> {
        let d_model = plan.heads.d_model;
        Ok(Some(match layer.mixer {
            MixerPlan::None => return Ok(None),
            MixerPlan::Attention => {
                let (scope, heads) = (scope.child("attn"), plan.heads_of(&layer));
                let attention = Attention::planned(weights, scope, heads, layer.attention)?;
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
        }))
    }

    /// Over keys and values that were made outside, by attention in the scope `of`, where the layer has such. (position,
    /// d_model) -> (position, d_model)
    fn forward(&self, tape: &mut Tape, x: Node, of: &Scope, made: Option<KvNodes>) -> Node {
        match self {
            Self::Attention(attention, mask) => match made {
                Some(made) => attention.forward_over(tape, x, of, made, *mask),
                None => attention.forward(tape, x, x, *mask),
            },
            Self::StateSpace(space) => space.forward(tape, x),
            Self::DeltaNet(net) => net.forward(tape, x),
            Self::Convolution(convolution) => convolution.forward(tape, x),
        }
    }

    /// Whose keys and values it reads.
    const fn keys(&self) -> KeySource {
        match self {
            Self::Attention(attention, _) => attention.keys(),
            _ => KeySource::Own,
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

    /// The same where nothing follows. No model has delta nets or convolutions alone.
    const fn last(&self) -> &'static Site {
        match self {
            Self::Attention(..) => &RESID_POST_ATTENTION,
            Self::StateSpace(_) => &RESID_POST_STATE,
            Self::DeltaNet(_) | Self::Convolution(_) => self.mid(),
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
    /// None of a layer that is feed-forward alone.
    mixer: Option<Mixer>,
    ffn: Option<Feed>,
    residual_scale: Option<f32>,
    per_layer: Option<PerLayer>,
    /// What the stream that it leaves is multiplied by.
    scalar: Option<Weight>,
    layer: usize,
}

/// What layers read beside the stream.
pub struct LayerInputs {
    embeddings: Option<LayerEmbeddings>,
    /// The keys and values that later layers read too, by layer.
    lent: HashMap<usize, KvNodes>,
}

impl LayerInputs {
    /// The layers' own embeddings, if they have such.
    pub fn with(embeddings: Option<LayerEmbeddings>) -> Self {
        Self { embeddings, lent: HashMap::new() }
    }
}

/// What a block reads of its inputs.
struct Read {
    x: Node,
    /// What is to be mixed, and the keys and values, where they are made outside.
    to_mix: Option<Node>,
    made: Option<KvNodes>,
    embeddings: Option<LayerEmbeddings>,
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
        let load_per_layer = |of| PerLayer::load(weights, scope.child("ple"), l, d_model, of);
        let load_scalar = || weights.row(&scope.weight("scalar"), 1);
        Ok(Self {
            norms: [norm("norm1", first)?, norm("norm2", second)?],
            post_norms: [norm("post_norm1", after_first)?, norm("post_norm2", after_second)?],
            per_layer: plan.per_layer.map(load_per_layer).transpose()?,
            scalar: layer.has_scalar.then(load_scalar).transpose()?,
            mixer: Mixer::load(weights, &scope, plan, layer)?,
            layer: l,
            ffn: feed.map(load_feed).transpose()?,
            order,
            residual_scale,
            kind: plan.first_like(l),
            scope,
        })
    }

    /// What a half adds to the stream: its output, normalised and scaled where the plan says so. `name` is its scope.
    fn addend(&self, tape: &mut Tape, half: usize, name: &str, out: Node) -> Node {
        let out = normed(tape, self.post_norms[half].as_ref(), out);
        match self.residual_scale {
            Some(factor) => tape.scale(self.scope.child(name).at(&ADDEND), out, factor),
            None => out,
        }
    }

    /// Whose keys and values it reads.
    fn keys(&self) -> KeySource {
        self.mixer.as_ref().map_or(KeySource::Own, Mixer::keys)
    }

    /// What it reads: the stream, and what stands beside it. Keys and values that later layers read too are made here,
    /// outside of the block.
    pub fn inputs(&self, tape: &mut Tape, x: Node, beside: &mut LayerInputs) -> Vec<Node> {
        let mut inputs = match (&self.mixer, self.keys()) {
            (Some(Mixer::Attention(attention, _)), KeySource::Lent) => {
                let x = tape.identity(self.scope.at(&RESID_PRE), x);
                let to_mix = normed(tape, self.norms[0].as_ref(), x);
                let lent = attention.lend(tape, to_mix);
                beside.lent.insert(self.layer, lent);
                vec![x, to_mix, lent.k, lent.v]
            }
            (_, KeySource::Borrowed(from)) => {
                let lent = beside.lent.get(&from).into_iter();
                iter::once(x).chain(lent.flat_map(|lent| [lent.k, lent.v])).collect()
            }
            _ => vec![x],
        };
        inputs.extend(beside.embeddings.iter().flat_map(|of| [of.tokens, of.context]));
        inputs
    }

    /// The inputs by what they are.
    fn read(&self, inputs: &[Node]) -> Read {
        let (x, rest) = (inputs[0], &inputs[1..]);
        let (to_mix, made, rest) = match (self.keys(), rest) {
            (KeySource::Lent, &[to_mix, k, v, ref rest @ ..]) => {
                (Some(to_mix), Some(KvNodes { k, v }), rest)
            }
            (KeySource::Borrowed(_), &[k, v, ref rest @ ..]) => {
                (None, Some(KvNodes { k, v }), rest)
            }
            _ => (None, None, rest),
        };
        let embeddings = match *rest {
            [tokens, context] => Some(LayerEmbeddings { tokens, context }),
            _ => None,
        };
        Read { x, to_mix, made, embeddings }
    }

    fn mix(&self, mixer: &Mixer, tape: &mut Tape, x: Node, made: Option<KvNodes>) -> Node {
        let from = match mixer.keys() {
            KeySource::Borrowed(from) => source_scope("blocks").layer(from),
            _ => self.scope.clone(),
        };
        let out = mixer.forward(tape, x, &from.child("attn"), made);
        self.addend(tape, 0, mixer.name(), out)
    }

    /// The stream after feed-forward as the layer leaves it: with its own embedding added, and scaled, where it does so.
    fn leave(&self, tape: &mut Tape, mut x: Node, from: Option<LayerEmbeddings>) -> Node {
        let at = &self.scope;
        if let (Some(per_layer), Some(from)) = (&self.per_layer, from) {
            let site = if self.scalar.is_some() { &RESID_EMBEDDED } else { &RESID_EMBEDDED_LAST };
            let added = per_layer.forward(tape, x, from);
            x = tape.residual(at.at(site), x, added);
        }
        let Some(scalar) = &self.scalar else { return x };
        let scalar = tape.weight(scalar);
        tape.scale_by(at.at(&RESID_SCALED), x, scalar)
    }

    /// The stream with feed-forward's output added.
    const fn fed(&self) -> &'static Site {
        if self.per_layer.is_some() || self.scalar.is_some() { &RESID_FED } else { &RESID_POST }
    }

    fn feed(&self, ffn: &Feed, tape: &mut Tape, x: Node, stream: Node) -> Node {
        let out = ffn.forward_in(tape, x, stream);
        self.addend(tape, 1, "ffn", out)
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
        let Read { mut x, to_mix, made, embeddings } = self.read(inputs);
        let to_mix = to_mix.unwrap_or_else(|| {
            x = tape.identity(at.at(&RESID_PRE), x);
            normed(tape, norm1, x)
        });
        let mut mid = x;
        if let Some(mixer) = &self.mixer {
            let mixed = self.mix(mixer, tape, to_mix, made);
            let Some(ffn) = &self.ffn else {
                return tape.residual(at.at(mixer.last()), x, mixed);
            };
            if self.order.is_parallel() {
                let to_feed = norm2.map_or(to_mix, |norm| norm.forward(tape, x));
                let fed = self.feed(ffn, tape, to_feed, x);
                return tape.residual_of_all(at.at(&RESID_BOTH), x, &[mixed, fed]);
            }
            mid = tape.residual(at.at(mixer.mid()), x, mixed);
        }
        let Some(ffn) = &self.ffn else { return mid };
        let to_feed = normed(tape, norm2, mid);
        let fed = self.feed(ffn, tape, to_feed, mid);
        let x = tape.residual(at.at(self.fed()), mid, fed);
        self.leave(tape, x, embeddings)
    }
}
