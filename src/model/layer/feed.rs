//! The feed-forward half of a layer: one network, plain or gated, or a mixture of experts.

use anyhow::Result;

use super::{
    experts::{Experts, ExpertsPlan},
    feed_forward::{FeedForward, FeedKind, GatedFeedForward},
};
use crate::{
    engine::{
        site::Scope,
        tape::{Node, Tape},
    },
    weights::Weights,
};

/// A feed-forward network of any kind.
pub enum Feed {
    Plain(Box<FeedForward>),
    Gated(Box<GatedFeedForward>),
    Experts(Box<Experts>),
}

/// The kind and the width of a feed-forward network, or of each of several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeedPlan {
    pub kind: FeedKind,
    pub d_ff: usize,
    /// None where there is one network for all tokens.
    pub experts: Option<ExpertsPlan>,
}

impl FeedPlan {
    /// The hidden units that a token passes through.
    pub fn active_units(&self) -> usize {
        self.experts.map_or(self.d_ff, |plan| {
            plan.k * self.d_ff + plan.shared.map_or(0, |shared| shared.d_ff)
        })
    }

    pub const fn is_gated(&self) -> bool {
        matches!(self.kind, FeedKind::Gated(_))
    }
}

impl Feed {
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        scope: Scope,
        d_model: usize,
        &FeedPlan { kind, d_ff, experts }: &FeedPlan,
    ) -> Result<Self> {
        if let Some(plan) = experts {
            return Ok(Self::Experts(Box::new(Experts::load(
                weights, scope, d_model, d_ff, plan,
            )?)));
        }
        Ok(match kind {
            FeedKind::Plain(act) => {
                Self::Plain(Box::new(FeedForward::load(weights, scope, d_model, d_ff, act)?))
            }
            FeedKind::Xielu => {
                Self::Plain(Box::new(FeedForward::with_xielu(weights, scope, d_model, d_ff)?))
            }
            FeedKind::Gated(act) => {
                Self::Gated(Box::new(GatedFeedForward::load(weights, scope, d_model, d_ff, act)?))
            }
        })
    }

    /// (position, d_model) -> (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        self.forward_in(tape, x, x)
    }

    /// Of the stream, normalised where the layer does so; some mixtures of experts read the stream itself too. Both
    /// (position, d_model) -> (position, d_model)
    pub fn forward_in(&self, tape: &mut Tape, x: Node, stream: Node) -> Node {
        match self {
            Self::Plain(feed) => feed.forward(tape, x),
            Self::Gated(feed) => feed.forward(tape, x),
            Self::Experts(experts) => experts.forward(tape, x, stream),
        }
    }
}
