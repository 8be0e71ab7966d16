//! An encoder without its decoder, as sentence encoders (Ni et al. 2022, Sentence-T5) and models that paint from a text
//! have it: it ends in one vector for the sentence.

use anyhow::{Context, Result};

use super::{Embedder, EncoderDecoderPlan, EncoderLayer, Layers, t5};
use crate::{
    engine::tape::{Keep, Node, Tape},
    model::{
        Model, ModelSizes, Pass, Setup,
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
    pool: Pool,
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
            pool: Pool::load(weights, pool)?,
            plan,
        })
    }

    /// -> (position, d_model)
    fn encode(&self, tape: &mut Tape, ids: &[u32]) -> Node {
        let x = self.source.forward(tape, &self.plan, ids);
        self.encoder.forward(tape, x, None)
    }
}

impl Model for EncoderAlone {
    /// The output is empty: what the pass ends in is a vector.
    fn run(&self, source: &[u32], setup: &Setup) -> Pass {
        let mut tape = setup.tape();
        let x = self.encode(&mut tape, source);
        self.pool.forward(&mut tape, x);
        Pass { tape, source: source.to_vec(), target: vec![], output: vec![], beams: None }
    }

    /// There are no logits.
    fn pass_bytes(&self, n: usize, keep: Keep) -> Option<u64> {
        let sizes = ModelSizes { n_vocab: 0, ..self.sizes()? };
        Some(sizes.bytes(n, keep) as u64)
    }

    fn sizes(&self) -> Option<ModelSizes> {
        let EncoderDecoderPlan { encoder, n_vocab, feed, context, .. } = self.plan;
        Some(ModelSizes {
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
        })
    }

    fn read(&self, source: &[u32], setup: &Setup) -> Tape {
        let mut tape = setup.tape();
        self.encode(&mut tape, source);
        tape
    }
}
