//! What determines a decoder's shape and equations: sizes, and the parts of each layer.

use std::sync::Arc;

use crate::{
    model::{
        classes::ClassesPlan,
        layer::{
            attention::{AttentionPlan, HeadSizes, KeySource, Mask},
            convolution::ConvolutionPlan,
            delta::DeltaPlan,
            feed::FeedPlan,
            norm::NormKind,
            per_layer::PerLayerPlan,
            state_space::StateSpacePlan,
        },
        pool::PoolPlan,
    },
    text::{BOS, EOS},
};

/// The settings that determine a decoder's shape and weights.
#[derive(Clone, Debug)]
pub struct DecoderPlan {
    pub heads: HeadSizes,
    pub n_vocab: usize,
    /// Of all norms of the stream.
    pub norm: NormKind,
    pub embedding: EmbeddingPlan,
    /// A second embedding of each token, with a part for every layer.
    pub per_layer: Option<PerLayerPlan>,
    /// One a layer.
    pub layers: Vec<LayerPlan>,
    pub logits: LogitsPlan,
    /// What makes one vector of the text, in a model that writes nothing; there are no logits then.
    pub pool: Option<PoolPlan>,
    /// What sorts the text or its tokens into classes; there are no logits of words then.
    pub classes: Option<ClassesPlan>,
    /// The token read before any text, if the tokenizer does not add it.
    pub begin: Option<u32>,
    /// The tokens that end a text.
    pub ends: Vec<u32>,
    /// Settings of generation that are not obeyed, although they can change what is written; safe to show.
    pub not_obeyed: Vec<String>,
    /// The most tokens it takes.
    pub context: usize,
}

/// From tokens to what the first layer reads.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingPlan {
    pub scale: EmbeddingScale,
    pub positions: PositionPlan,
    pub has_norm: bool,
    /// The token whose row learns nothing from being read: transformers' `padding_idx`.
    pub unmoved: Option<u32>,
}

/// What embeddings are multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EmbeddingScale {
    None,
    /// The root of d_model.
    Root,
    Factor(f32),
}

/// What is added to embeddings for their positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PositionPlan {
    /// Nothing: attention itself knows positions, or nothing does.
    None,
    /// Sines and cosines.
    Sinusoidal,
    /// The rows of a learned table, from row `offset` on.
    Learned { n_rows: usize, offset: usize },
}

impl PositionPlan {
    /// The longest text that has positions, in tokens. Only a table ends: rotated queries and keys continue, as in
    /// transformers, although the model was not trained on such long texts.
    pub const fn longest(self) -> usize {
        match self {
            Self::Learned { n_rows, offset } => n_rows - offset,
            Self::Sinusoidal | Self::None => usize::MAX,
        }
    }
}

/// The parts of one layer.
#[derive(Clone, Debug)]
pub struct LayerPlan {
    pub order: LayerOrder,
    pub mixer: MixerPlan,
    /// Of a layer that attends, as is the mask.
    pub attention: AttentionPlan,
    pub mask: Mask,
    /// The heads of its attention, where they are not the model's.
    pub heads: Option<HeadSizes>,
    /// None where a layer only mixes words.
    pub feed: Option<FeedPlan>,
    /// What the outputs of both halves are multiplied by before they are added to the stream.
    pub residual_scale: Option<f32>,
    /// Whether the stream that it leaves is multiplied by a learned number.
    pub has_scalar: bool,
}

impl LayerPlan {
    /// Whether it has attention.
    pub fn attends(&self) -> bool {
        self.mixer == MixerPlan::Attention
    }

    /// The norms that it has: before and after its first half, before and after its second, as far as it has them.
    pub const fn has_norms(&self) -> [bool; 4] {
        let [first, second, after] = self.order.has_norms();
        let (mixes, has_feed) = (!matches!(self.mixer, MixerPlan::None), self.feed.is_some());
        [first && mixes, after && mixes, second && has_feed, after && has_feed]
    }

    /// Whether a layer of the same model records the same sites.
    fn is_like(&self, other: &Self) -> bool {
        self.mixer == other.mixer
            && self.heads == other.heads
            && self.attention.keys.is_like(other.attention.keys)
            && self.feed == other.feed
            && self.attention.rope.is_some() == other.attention.rope.is_some()
            && std::mem::discriminant(&self.mask) == std::mem::discriminant(&other.mask)
    }
}

/// What of a layer carries something from one word to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MixerPlan {
    /// The layer is feed-forward alone.
    None,
    Attention,
    StateSpace(StateSpacePlan),
    DeltaNet(DeltaPlan),
    Convolution(ConvolutionPlan),
}

impl MixerPlan {
    /// The numbers of a token's states, and of what they are made from; 0 without states.
    pub const fn d_states(&self) -> usize {
        match self {
            Self::StateSpace(plan) => plan.n_states() + 3 * plan.d_conv() + 8 * plan.d_inner(),
            Self::DeltaNet(plan) => plan.n_states() + 4 * plan.d_conv() + 10 * plan.d_values(),
            Self::None | Self::Attention | Self::Convolution(_) => 0,
        }
    }
}

/// How a layer's attention and feed-forward, its halves, read the stream, and where their norms stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerOrder {
    /// A norm before each half; the second half reads what the first has added (Xiong et al. 2020).
    PreNorm,
    /// A norm after each half, before it is added (OLMo 2).
    PostSubLayer,
    /// Norms before and after each half (Gemma 2).
    Sandwich,
    /// Both halves read the layer's input through one norm, and are added at once (Wang and Komatsuzaki 2021).
    ParallelOneNorm,
    /// The same, each through a norm of its own (Black et al. 2022, section 2.1).
    ParallelTwoNorms,
}

impl LayerOrder {
    pub const fn is_parallel(self) -> bool {
        matches!(self, Self::ParallelOneNorm | Self::ParallelTwoNorms)
    }

    /// The norms that a layer has: before attention, before feed-forward, after each of them.
    pub const fn has_norms(self) -> [bool; 3] {
        match self {
            Self::PreNorm | Self::ParallelTwoNorms => [true, true, false],
            Self::PostSubLayer => [false, false, true],
            Self::Sandwich => [true, true, true],
            Self::ParallelOneNorm => [true, false, false],
        }
    }
}

/// From the last layer to the logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogitsPlan {
    /// Whether the logits use the embedding table.
    pub is_tied: bool,
    pub has_bias: bool,
    /// What they are multiplied by.
    pub scale: Option<f32>,
    /// They are bent to lie within it.
    pub cap: Option<f32>,
}

impl LogitsPlan {
    pub const fn new(is_tied: bool) -> Self {
        Self { is_tied, has_bias: false, scale: None, cap: None }
    }
}

impl DecoderPlan {
    /// Whether it gives logits of words.
    pub const fn writes(&self) -> bool {
        self.pool.is_none() && self.classes.is_none()
    }

    /// The heads of a layer's attention.
    pub fn heads_of(&self, layer: &LayerPlan) -> HeadSizes {
        layer.heads.unwrap_or(self.heads)
    }

    /// The first layer that records the same sites as this one.
    pub fn first_like(&self, l: usize) -> usize {
        self.layers.iter().position(|layer| layer.is_like(&self.layers[l])).unwrap_or(l)
    }

    /// The heads of the layer with the widest.
    pub fn widest_heads(&self) -> HeadSizes {
        let all = self.layers.iter().map(|layer| self.heads_of(layer));
        all.max_by_key(|heads| heads.d_q() + heads.d_kv()).unwrap_or(self.heads)
    }

    /// The heads of the layer with the narrowest, if layers differ.
    pub fn narrow_heads(&self) -> Option<HeadSizes> {
        let all = self.layers.iter().map(|layer| self.heads_of(layer));
        let narrow = all.min_by_key(|heads| heads.d_head)?;
        (narrow != self.widest_heads()).then_some(narrow)
    }

    /// The numbers of a token that stand beside the stream: what layers have of their own of it, and the norms, keys
    /// and values that are made for several layers.
    pub fn d_beside(&self) -> usize {
        let lending = self.layers.iter().filter(|layer| layer.attention.keys == KeySource::Lent);
        let made = lending.map(|layer| 3 * self.heads.d_model + 8 * self.heads_of(layer).d_kv());
        made.sum::<usize>() + self.per_layer.map_or(0, |plan| 4 * plan.d_all())
    }

    /// The built-in model: a GPT-2 with sinusoidal positions.
    pub fn built_in(heads: HeadSizes, n_layers: usize, feed: FeedPlan, n_vocab: usize) -> Self {
        let layer = LayerPlan {
            order: LayerOrder::PreNorm,
            mixer: MixerPlan::Attention,
            attention: AttentionPlan::plain(heads.d_head),
            mask: Mask::Causal,
            heads: None,
            feed: Some(feed),
            residual_scale: None,
            has_scalar: false,
        };
        Self {
            heads,
            n_vocab,
            norm: NormKind::default(),
            embedding: EmbeddingPlan {
                scale: EmbeddingScale::Root,
                positions: PositionPlan::Sinusoidal,
                has_norm: false,
                unmoved: None,
            },
            per_layer: None,
            layers: vec![layer; n_layers],
            logits: LogitsPlan::new(true),
            pool: None,
            classes: None,
            begin: Some(BOS),
            ends: vec![EOS],
            not_obeyed: vec![],
            context: usize::MAX,
        }
    }

    /// The slopes of ALiBi, one a head: `2^(-8h/n)` for a power of two; else those of the next smaller power of two,
    /// then every second of the next larger one (Press et al. 2022, their code).
    pub fn slopes(n_heads: usize, most: f32) -> Arc<[f32]> {
        let of_power = |n: usize| (1..=n).map(move |h| 2_f32.powf(-most * h as f32 / n as f32));
        let power =
            if n_heads.is_power_of_two() { n_heads } else { n_heads.next_power_of_two() / 2 };
        let between = of_power(2 * power).step_by(2).take(n_heads - power);
        of_power(power).chain(between).collect()
    }
}
