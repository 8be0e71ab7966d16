//! What determines an attention layer's shape and equations.

use std::sync::Arc;

use crate::{
    engine::{
        math::Scaling,
        tape::{Root, Rope},
    },
    model::layer::norm::{NormKind, QkNorm},
};

/// Whether a query may see keys that come after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    None,
    Causal,
    /// Causal, and only this number of keys, the query's own included (Beltagy et al. 2020).
    Window(usize),
    /// Causal, and only keys of the query's own chunk; chunks are this long (Meta 2025, *Llama 4*).
    Chunk(usize),
    /// Both sides, up to this number of keys away.
    Around(usize),
}

impl Mask {
    /// How many keys a query sees, its own the last; None sees those after it too.
    pub(super) const fn window(self) -> Option<usize> {
        match self {
            Self::None | Self::Around(_) | Self::Chunk(_) => None,
            Self::Causal => Some(usize::MAX),
            Self::Window(n) => Some(n),
        }
    }
}

/// The number and size of attention heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadSizes {
    pub d_model: usize,
    pub n_heads: usize,
    /// Heads of keys and values: fewer than `n_heads` if several query heads share one (Ainslie et al. 2023).
    pub n_kv_heads: usize,
    pub d_head: usize,
}

impl HeadSizes {
    /// `d_model` cut into equal slices, each head with keys and values of its own.
    pub const fn slices(d_model: usize, n_heads: usize) -> Self {
        Self { d_model, n_heads, n_kv_heads: n_heads, d_head: d_model / n_heads }
    }

    /// The width of all query heads together.
    pub const fn d_q(self) -> usize {
        self.n_heads * self.d_head
    }

    /// The width of all key heads, or value heads, together.
    pub const fn d_kv(self) -> usize {
        self.n_kv_heads * self.d_head
    }
}

/// How the scores of a layer are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScoreScaling {
    /// Not at all, or the learned queries include it.
    None,
    Root(Root),
    Factor(f32),
}

impl ScoreScaling {
    /// Divided by the root of a head's width (Vaswani et al. 2017, eq. 1).
    pub const fn by_root(d_head: usize) -> Self {
        Self::Root(Root { n: d_head, times: 1 })
    }

    pub(super) fn number(self) -> Scaling {
        match self {
            Self::None => Scaling::None,
            Self::Root(root) => Scaling::DividedBy(root.number()),
            Self::Factor(factor) => Scaling::Times(factor),
        }
    }
}

/// Queries that grow with their position: `q * (1 + beta * ln(1 + floor((position + first) / trained)))` (Meta 2025,
/// *Llama 4*).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tempering {
    pub beta: f32,
    /// The positions that the model was trained on, in tokens.
    pub trained: usize,
    /// What the first token counts as.
    pub first: usize,
}

impl Tempering {
    pub(super) fn factor(self, position: usize) -> f32 {
        1.0 + self.beta * ((1 + (position + self.first) / self.trained.max(1)) as f32).ln()
    }
}

/// The norms of queries and keys.
#[derive(Clone, Copy, Debug)]
pub struct QkNormPlan {
    /// What is normalised together.
    pub of: QkNorm,
    pub kind: NormKind,
    /// Whether they are normalised after they are rotated, not before (HunYuan).
    pub after_rope: bool,
}

/// What an attention layer has beside its projections, its mask and softmax.
#[derive(Clone, Debug)]
pub struct AttentionPlan {
    pub scaling: ScoreScaling,
    /// Queries and keys are normalised, usually before they are rotated.
    pub qk_norm: Option<QkNormPlan>,
    /// Each head's values are normalised, without a gain.
    pub v_norm: Option<NormKind>,
    /// Queries, keys and values are no further from 0 than this.
    pub clip: Option<f32>,
    pub keys: KeySource,
    pub values: ValueSource,
    /// Queries and keys are rotated by their positions.
    pub rope: Option<Arc<Rope>>,
    pub tempering: Option<Tempering>,
    /// Scores are bent to lie within it.
    pub cap: Option<f32>,
    /// The slope of each head's bias by distance.
    pub slopes: Option<Arc<[f32]>>,
    /// Whether each head has a learned score that no key gets.
    pub has_sinks: bool,
    /// Whether the heads' contexts pass a gate before they are mixed.
    pub has_gate: bool,
    /// Whether vectors of distances become keys and queries by maps of their own, not by those of words.
    pub has_distance_maps: bool,
    /// Queries, keys and values are made from a few numbers a token, which are all that a cache keeps.
    pub latent: Option<LatentPlan>,
}

/// What makes a layer's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueSource {
    /// A map of their own.
    Mapped,
    /// The map to keys.
    Keys,
}

/// Whose keys and values a layer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySource {
    Own,
    /// Its own, which later layers read too.
    Lent,
    /// Those of the layer of this number.
    Borrowed(usize),
}

impl KeySource {
    /// Whether two layers record the same sites, as far as this matters.
    pub const fn is_like(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Own, Self::Own)
                | (Self::Lent, Self::Lent)
                | (Self::Borrowed(_), Self::Borrowed(_))
        )
    }
}

/// The sizes of multi-head latent attention (DeepSeek-AI 2024, *DeepSeek-V2*, section 2.1). A head's queries and keys
/// have `d_own + d_shared` channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatentPlan {
    /// The numbers that queries are made from; None where they are made from the stream itself.
    pub q_rank: Option<usize>,
    /// The numbers that keys and values are made from.
    pub kv_rank: usize,
    /// The channels of keys that a head has for itself, which do not know positions.
    pub d_own: usize,
    /// Those that all heads share, which are rotated.
    pub d_shared: usize,
    /// The channels of values.
    pub d_value: usize,
    /// Of both norms.
    pub norm: NormKind,
}

impl AttentionPlan {
    /// Whether it makes keys and values itself.
    pub const fn has_keys(&self) -> bool {
        !matches!(self.keys, KeySource::Borrowed(_))
    }

    /// Whether it has a map to values.
    pub const fn has_values(&self) -> bool {
        self.has_keys() && matches!(self.values, ValueSource::Mapped)
    }

    /// Scores divided by the root of a head's width, and nothing more.
    pub const fn plain(d_head: usize) -> Self {
        Self {
            scaling: ScoreScaling::by_root(d_head),
            qk_norm: None,
            v_norm: None,
            clip: None,
            keys: KeySource::Own,
            values: ValueSource::Mapped,
            rope: None,
            tempering: None,
            cap: None,
            slopes: None,
            has_sinks: false,
            has_gate: false,
            has_distance_maps: false,
            latent: None,
        }
    }
}
