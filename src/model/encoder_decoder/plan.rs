//! The settings in which encoder-decoder families differ.

use super::GenerationRules;
use crate::{
    engine::{math::Waves, tape::Buckets},
    model::{
        StackSizes,
        layer::{feed_forward::FeedKind, norm::NormKind},
    },
};

/// Where the norm of a sub-layer is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormPlacement {
    /// After the residual.
    PostNorm,
    /// Before the sub-layer; each stack ends with a further norm.
    PreNorm,
}

/// How positions are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncoderDecoderPositions {
    Sinusoidal(Waves),
    /// A learned table of `n_rows` rows, of which the first `offset` are not positions.
    Table {
        n_rows: usize,
        offset: usize,
    },
    /// A number for every head and distance, added to the scores of self-attention in every layer.
    Relative {
        n_buckets: usize,
        farthest: usize,
        /// Each layer has numbers of its own.
        is_by_layer: bool,
    },
}

impl EncoderDecoderPositions {
    /// The distances of a stack, where positions are relative.
    pub(super) const fn buckets(self, is_two_sided: bool) -> Option<Buckets> {
        match self {
            Self::Relative { n_buckets: n, farthest, .. } => {
                Some(Buckets { n, farthest, is_two_sided })
            }
            Self::Sinusoidal(_) | Self::Table { .. } => None,
        }
    }

    /// The rows of the table in the file, where there is one.
    pub(super) const fn n_rows(self) -> Option<usize> {
        match self {
            Self::Table { n_rows, .. } => Some(n_rows),
            Self::Sinusoidal(_) | Self::Relative { .. } => None,
        }
    }
}

/// How tokens become what the first layers read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderDecoderEmbeddingPlan {
    /// Both streams have one table.
    pub is_shared: bool,
    /// Multiplied by sqrt(d_model).
    pub is_scaled: bool,
    /// A norm behind the sum of embedding and position.
    pub has_norm: bool,
}

/// How the decoder's stream becomes logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputPlan {
    /// With the target's table of embeddings.
    pub is_tied: bool,
    /// Divided by sqrt(d_model) before.
    pub is_scaled: bool,
}

/// All that a model's shape and weights follow from.
#[derive(Clone, Debug)]
pub struct EncoderDecoderPlan {
    pub encoder: StackSizes,
    pub decoder: StackSizes,
    /// Tokens of the source, and of the target.
    pub n_vocab: [usize; 2],
    pub embedding: EncoderDecoderEmbeddingPlan,
    pub order: NormPlacement,
    pub norm: NormKind,
    pub feed: FeedKind,
    pub positions: EncoderDecoderPositions,
    pub are_scores_scaled: bool,
    pub output: OutputPlan,
    pub rules: GenerationRules,
    /// The most tokens that each stream takes.
    pub context: usize,
    /// The padding token, where one in the source has no position.
    pub padding: Option<u32>,
    /// The token whose embedding learns nothing from being read: transformers' `padding_idx`.
    pub unmoved: Option<u32>,
}

impl EncoderDecoderPlan {
    pub(super) const fn d_model(&self) -> usize {
        self.encoder.heads.d_model
    }
}
