//! An encoder without its decoder, as sentence encoders (Ni et al. 2022, Sentence-T5) and models that paint from a text
//! have it: it ends in one vector for the sentence.

use anyhow::{Context, Result};

use super::{Embedder, EncoderDecoderPlan, EncoderLayer, Layers, t5};
use crate::{
    engine::tape::{Node, Tape},
    model::{
        ModelSizes,
        bert::{Encoder, Head},
        layer::feed_forward::FeedKind,
        pool::{Pool, PoolPlan},
        source_scope,
    },
    weights::{Checkpoint, Weights},
};

/// The encoder of an [`super::EncoderDecoder`], and how its rows become one vector.
pub(super) struct EncoderAlone {
    plan: EncoderDecoderPlan,
    source: Embedder,
    encoder: Layers,
    head: Head,
}

impl EncoderAlone {
    /// A checkpoint of T5's encoder.
    ///
    /// # Errors
    /// If a setting is not supported, or weights are missing or misshapen; all of them are listed.
    pub(super) fn t5(checkpoint: &Checkpoint) -> Result<Self> {
        let plan = t5::plan(checkpoint)?;
        let pool = PoolPlan::of(checkpoint, plan.d_model())?;
        let wanted = [t5::weights_of_encoder(&plan), pool.expected_weights()].concat();
        let weights = checkpoint.weights(&wanted)?;
        Self::load(&weights, plan, &pool).with_context(|| checkpoint.name())
    }

    fn load(weights: &Weights, plan: EncoderDecoderPlan, pool: &PoolPlan) -> Result<Self> {
        let (norm, stack) = (source_scope("encoder_norm"), plan.encoder);
        Ok(Self {
            source: Embedder::load(weights, &plan, source_scope("src"), plan.n_vocab[0])?,
            encoder: Layers::load(weights, &plan, "encoder", norm, stack, EncoderLayer::load)?,
            head: Head::Pool(Pool::load(weights, pool)?),
            plan,
        })
    }
}

impl Encoder for EncoderAlone {
    fn encode(&self, tape: &mut Tape, ids: &[u32]) -> Node {
        let x = self.source.forward(tape, &self.plan, ids);
        self.encoder.forward(tape, x, None)
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn encoder_sizes(&self) -> ModelSizes {
        let EncoderDecoderPlan { encoder, n_vocab, feed, context, .. } = self.plan;
        ModelSizes {
            n_layers: encoder.n_layers,
            stacks: None,
            narrow: None,
            d_beside: 0,
            n_attending: encoder.n_layers,
            d_states: 0,
            heads: encoder.heads,
            d_ff: encoder.d_ff,
            is_gated: matches!(feed, FeedKind::Gated(_)),
            experts: None,
            n_vocab: n_vocab[0],
            context,
        }
    }
}
