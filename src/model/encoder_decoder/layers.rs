//! The layers of both stacks, with the norm after each sub-layer (Vaswani et al. 2017) or before it (Xiong et al.
//! 2020, figure 1).

use anyhow::Result;

use super::{EncoderDecoderPlan, NormPlacement};
use crate::{
    engine::{
        site::{
            Axis::{Channel, Position},
            Place, Role, Scope, Site, Stream, SubLayer,
        },
        tape::{Block, Buckets, Node, Tape},
    },
    model::{
        StackSizes,
        layer::{
            attention::{Attention, Mask, Relative, ScoreScaling},
            feed::{Feed, FeedPlan},
            norm::Norm,
        },
        source_scope, target_scope,
    },
    weights::Weights,
};

pub static RESIDUAL1: Site =
    Site::matrix("residual1", [Position, Channel], "self-attention's output added to its input")
        .with(Role::Residual(SubLayer::SelfAttention))
        .called(&["residual", "y + attention(y)"]);
pub static RESIDUAL2: Site = Site::matrix(
    "residual2",
    [Position, Channel],
    "the second sub-layer's output added to its input",
)
.with(Role::Residual(SubLayer::FeedForward))
.called(&["x + hidden W_2 + b_2"]);
pub static RESIDUAL3: Site =
    Site::matrix("residual3", [Position, Channel], "feed-forward's output added to its input")
        .with(Role::Residual(SubLayer::FeedForward));

/// What the layers of one stack are loaded from.
struct Parts<'a> {
    weights: &'a Weights,
    plan: &'a EncoderDecoderPlan,
    stack: StackSizes,
    scope: Scope,
}

impl Parts<'_> {
    fn norm(&self, name: &str) -> Result<Norm> {
        let scope = self.scope.child(name);
        let norm = Norm::load(self.weights, scope, self.plan.d_model(), self.plan.norm)?;
        Ok(match self.plan.order {
            NormPlacement::PostNorm => norm.with_role(Role::NormedStream),
            NormPlacement::PreNorm => norm,
        })
    }

    fn attention(&self, scope: Scope) -> Result<Attention> {
        let attention = Attention::load(self.weights, scope, self.stack.heads)?;
        Ok(if self.plan.are_scores_scaled {
            attention
        } else {
            attention.scaled(ScoreScaling::None)
        })
    }

    fn feed(&self) -> Result<Feed> {
        let (d_model, d_ff) = (self.plan.d_model(), self.stack.d_ff);
        let plan = FeedPlan { kind: self.plan.feed, d_ff, experts: None };
        Feed::load(self.weights, self.scope.child("ffn"), d_model, &plan)
    }
}

impl NormPlacement {
    /// The output of a sub-layer with residual and norm. (position, d_model) -> (position, d_model)
    fn sub_layer(
        self,
        tape: &mut Tape,
        x: Node,
        norm: &Norm,
        residual: Place,
        f: impl FnOnce(&mut Tape, Node) -> Node,
    ) -> Node {
        match self {
            Self::PostNorm => {
                let out = f(tape, x);
                let sum = tape.residual(residual, x, out);
                norm.forward(tape, sum)
            }
            Self::PreNorm => {
                let normed = norm.forward(tape, x);
                let out = f(tape, normed);
                tape.residual(residual, x, out)
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
        let scope = source_scope("encoder").layer(l);
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
        let relative = relative(inputs.get(1), self.buckets);
        let x = self.order.sub_layer(
            tape,
            inputs[0],
            &self.norm1,
            self.scope.at(&RESIDUAL1),
            |tape, x| self.self_attn.forward_relative(tape, x, Mask::None, relative),
        );
        self.order.sub_layer(tape, x, &self.norm2, self.scope.at(&RESIDUAL2), |tape, x| {
            self.ffn.forward(tape, x)
        })
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
        let scope = target_scope("decoder").layer(l);
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
        let (memory, relative) = (inputs[1], relative(inputs.get(2), self.buckets));
        let y = self.order.sub_layer(
            tape,
            inputs[0],
            &self.norm1,
            self.scope.at(&RESIDUAL1),
            |tape, y| self.self_attn.forward_relative(tape, y, Mask::Causal, relative),
        );
        let second = self.scope.at(&RESIDUAL2).with_role(Role::Residual(SubLayer::CrossAttention));
        let y = self.order.sub_layer(tape, y, &self.norm2, second, |tape, y| {
            self.cross_attn.forward(tape, y, memory, Mask::None)
        });
        self.order.sub_layer(tape, y, &self.norm3, self.scope.at(&RESIDUAL3), |tape, y| {
            self.ffn.forward(tape, y)
        })
    }
}
