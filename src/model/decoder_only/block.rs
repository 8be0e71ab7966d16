//! The one layer of all decoders: what its plan has not makes no site.

use anyhow::Result;

use super::plan::{DecoderPlan, LayerOrder, LayerPlan};
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
            feed::Feed,
            norm::Norm,
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

/// A layer: attention and feed-forward, in the order of its plan.
pub struct DecoderBlock {
    scope: Scope,
    kind: usize,
    order: LayerOrder,
    /// Before attention, before feed-forward.
    norms: [Option<Norm>; 2],
    /// After attention, after feed-forward.
    post_norms: [Option<Norm>; 2],
    attn: Attention,
    mask: Mask,
    ffn: Feed,
    residual_scale: Option<f32>,
}

impl DecoderBlock {
    /// Loads layer `l` of a plan, named `blocks.{l}`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, plan: &DecoderPlan, l: usize) -> Result<Self> {
        let LayerPlan { order, attention, mask, feed, residual_scale } = plan.layers[l].clone();
        let scope = source_scope("blocks").layer(l);
        let d_model = plan.heads.d_model;
        let norm = |name, is_there: bool| {
            let load = || Norm::load(weights, scope.child(name), d_model, plan.norm);
            is_there.then(load).transpose()
        };
        let [first, second, after] = order.has_norms();
        Ok(Self {
            norms: [norm("norm1", first)?, norm("norm2", second)?],
            post_norms: [norm("post_norm1", after)?, norm("post_norm2", after)?],
            attn: Attention::planned(weights, scope.child("attn"), plan.heads, attention)?,
            ffn: Feed::load(weights, scope.child("ffn"), d_model, &feed)?,
            order,
            mask,
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
            Some(factor) => tape.scale(place(["attn", "ffn"][half]), out, factor),
            None => out,
        }
    }

    fn attend(&self, tape: &mut Tape, x: Node) -> Node {
        let out = self.attn.forward(tape, x, x, self.mask);
        self.addend(tape, 0, out)
    }

    fn feed(&self, tape: &mut Tape, x: Node) -> Node {
        let out = self.ffn.forward(tape, x);
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
        let to_attend = normed(tape, norm1, x);
        let attended = self.attend(tape, to_attend);
        if self.order.is_parallel() {
            let to_feed = norm2.map_or(to_attend, |norm| norm.forward(tape, x));
            let fed = self.feed(tape, to_feed);
            return tape.residual_of_all(at.at(&RESID_BOTH), x, &[attended, fed]);
        }
        let mid = tape.residual(at.at(&RESID_MID), x, attended);
        let to_feed = normed(tape, norm2, mid);
        let fed = self.feed(tape, to_feed);
        tape.residual(at.at(&RESID_POST), mid, fed)
    }
}
