//! The layers of both stacks, with the norm after each sub-layer (Vaswani et al. 2017) or before it (Xiong et al.
//! 2020, figure 1).

use anyhow::Result;

use super::{EncoderDecoderPlan, NormPlacement, Stack};
use crate::{
    engine::{
        site::{
            Axis::{Channel, Position},
            Scope, Site, Stream,
        },
        tape::{Block, Buckets, Node, Tape},
    },
    model::{
        layer::{
            attention::{Attention, Mask, Relative},
            feed_forward::Feed,
            norm::Norm,
        },
        source_scope, target_scope,
    },
    weights::Weights,
};

pub static RESIDUAL1: Site =
    Site::matrix("residual1", [Position, Channel], "self-attention's output added to its input");
pub static RESIDUAL2: Site = Site::matrix(
    "residual2",
    [Position, Channel],
    "the second sub-layer's output added to its input",
);
pub static RESIDUAL3: Site =
    Site::matrix("residual3", [Position, Channel], "feed-forward's output added to its input");

/// What the layers of one stack are loaded from.
struct Parts<'a> {
    weights: &'a Weights,
    plan: &'a EncoderDecoderPlan,
    stack: Stack,
    scope: Scope,
}

impl Parts<'_> {
    fn norm(&self, name: &str) -> Result<Norm> {
        Norm::load(self.weights, self.scope.child(name), self.plan.d_model(), self.plan.norm)
    }

    fn attention(&self, scope: Scope) -> Result<Attention> {
        let attention = Attention::load(self.weights, scope, self.stack.heads)?;
        Ok(if self.plan.are_scores_scaled { attention } else { attention.divided_by(None) })
    }

    fn feed(&self) -> Result<Feed> {
        let (d_model, d_ff) = (self.plan.d_model(), self.stack.d_ff);
        Feed::load(self.weights, self.scope.child("ffn"), d_model, d_ff, self.plan.feed)
    }
}

/// The residual and norm around a sub-layer.
struct Around<'a> {
    scope: &'a Scope,
    order: NormPlacement,
}

impl Around<'_> {
    /// The output of a sub-layer with residual and norm. (position, d_model) -> (position, d_model)
    fn sub_layer(
        &self,
        tape: &mut Tape,
        x: Node,
        norm: &Norm,
        site: &'static Site,
        f: impl FnOnce(&mut Tape, Node) -> Node,
    ) -> Node {
        match self.order {
            NormPlacement::PostNorm => {
                let out = f(tape, x);
                let residual = tape.residual(self.scope.at(site), x, out);
                norm.forward(tape, residual)
            }
            NormPlacement::PreNorm => {
                let normed = norm.forward(tape, x);
                let out = f(tape, normed);
                tape.residual(self.scope.at(site), x, out)
            }
        }
    }
}

/// The relative position bias, if the inputs include its table.
fn relative(table: Option<&Node>, buckets: Option<Buckets>) -> Option<Relative> {
    table.zip(buckets).map(|(&table, buckets)| Relative { table, buckets })
}

/// A self-attention and a feed-forward sub-layer.
pub(super) struct EncoderLayer {
    scope: Scope,
    order: NormPlacement,
    buckets: Option<Buckets>,
    self_attn: Attention,
    norm1: Norm,
    ffn: Feed,
    norm2: Norm,
}

impl EncoderLayer {
    pub(super) fn load(weights: &Weights, plan: &EncoderDecoderPlan, l: usize) -> Result<Self> {
        let scope = source_scope(&format!("encoder.{l}"));
        let parts = Parts { weights, plan, stack: plan.encoder, scope };
        Ok(Self {
            self_attn: parts.attention(parts.scope.child("self_attn"))?,
            norm1: parts.norm("norm1")?,
            ffn: parts.feed()?,
            norm2: parts.norm("norm2")?,
            order: plan.order,
            buckets: plan.positions.buckets(true),
            scope: parts.scope,
        })
    }
}

impl Block for EncoderLayer {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    /// x (source, d_model), table of distances (bucket, head) or none -> (source, d_model)
    fn forward(&self, tape: &mut Tape, inputs: &[Node]) -> Node {
        let at = Around { scope: &self.scope, order: self.order };
        let relative = relative(inputs.get(1), self.buckets);
        let x = at.sub_layer(tape, inputs[0], &self.norm1, &RESIDUAL1, |tape, x| {
            self.self_attn.forward_relative(tape, x, Mask::None, relative)
        });
        at.sub_layer(tape, x, &self.norm2, &RESIDUAL2, |tape, x| self.ffn.forward(tape, x))
    }
}

/// Masked self-attention, cross-attention and feed-forward.
pub(super) struct DecoderLayer {
    scope: Scope,
    order: NormPlacement,
    buckets: Option<Buckets>,
    self_attn: Attention,
    norm1: Norm,
    cross_attn: Attention,
    norm2: Norm,
    ffn: Feed,
    norm3: Norm,
}

impl DecoderLayer {
    pub(super) fn load(weights: &Weights, plan: &EncoderDecoderPlan, l: usize) -> Result<Self> {
        let scope = target_scope(&format!("decoder.{l}"));
        let parts = Parts { weights, plan, stack: plan.decoder, scope };
        let cross = parts.scope.child("cross_attn").over(Stream::Source);
        Ok(Self {
            self_attn: parts.attention(parts.scope.child("self_attn"))?,
            norm1: parts.norm("norm1")?,
            cross_attn: parts.attention(cross)?,
            norm2: parts.norm("norm2")?,
            ffn: parts.feed()?,
            norm3: parts.norm("norm3")?,
            order: plan.order,
            buckets: plan.positions.buckets(false),
            scope: parts.scope,
        })
    }
}

impl Block for DecoderLayer {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    /// y (target, d_model), memory (source, d_model), table of distances (bucket, head) or none ->
    /// (target, d_model)
    fn forward(&self, tape: &mut Tape, inputs: &[Node]) -> Node {
        let at = Around { scope: &self.scope, order: self.order };
        let (memory, relative) = (inputs[1], relative(inputs.get(2), self.buckets));
        let y = at.sub_layer(tape, inputs[0], &self.norm1, &RESIDUAL1, |tape, y| {
            self.self_attn.forward_relative(tape, y, Mask::Causal, relative)
        });
        let y = at.sub_layer(tape, y, &self.norm2, &RESIDUAL2, |tape, y| {
            self.cross_attn.forward(tape, y, memory, Mask::None)
        });
        at.sub_layer(tape, y, &self.norm3, &RESIDUAL3, |tape, y| self.ffn.forward(tape, y))
    }
}
