//! The sizes of a model, and the memory and time that follow from them.

use crate::{
    engine::{tape::Keep, value::MOST_KEPT},
    model::layer::attention::HeadSizes,
};

/// The sizes of a model with identical layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelSizes {
    /// All layers, of encoder and decoder together.
    pub n_layers: usize,
    /// Of an encoder and the decoder beside it; None for one stack alone.
    pub stacks: Option<[StackSizes; 2]>,
    /// How many layers have attention.
    pub n_attending: usize,
    /// The numbers of a token's states in a layer, and of what they are made from; 0 in a model without.
    pub d_states: usize,
    /// Of the layer with the widest.
    pub heads: HeadSizes,
    /// Of the layer with the narrowest, in a model whose layers differ.
    pub narrow: Option<HeadSizes>,
    /// The numbers of a token that are kept beside the stream, for layers that read them too.
    pub d_beside: usize,
    /// The hidden units that a token passes through.
    pub d_ff: usize,
    pub is_gated: bool,
    /// Of the layer with the most units; None without a mixture of experts.
    pub experts: Option<ExpertCounts>,
    pub n_vocab: usize,
    /// The most tokens it takes.
    pub context: usize,
}

/// The sizes of an encoder, or of the decoder beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackSizes {
    pub n_layers: usize,
    pub heads: HeadSizes,
    pub d_ff: usize,
}

/// The experts of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpertCounts {
    pub n: usize,
    /// How many of them a token goes through.
    pub k: usize,
    /// Whether there is one more that all tokens go through.
    pub has_shared: bool,
}

impl ExpertCounts {
    /// The count of numbers of a token that routers and experts add to those of one network.
    const fn numbers(self, d_model: usize, d_ff: usize) -> usize {
        3 * self.n + (self.k + 3) * d_model + 2 * d_ff
    }
}

impl ModelSizes {
    /// The count of numbers inside one layer for a text of `n` tokens, without the steps of attention.
    pub const fn vectors(self, n: usize) -> usize {
        let HeadSizes { d_model, .. } = self.heads;
        let vectors = 12 * d_model + 3 * self.heads.d_q() + 4 * self.heads.d_kv();
        let hidden = if self.is_gated { 4 } else { 2 } * self.d_ff;
        let of_experts = match self.experts {
            Some(experts) => experts.numbers(d_model, self.d_ff),
            None => 0,
        };
        // Each state stands on the tape, and in the whole of its site.
        let states = 2 * n * self.d_states;
        n * (vectors + hidden + of_experts) + states
    }

    /// The count of numbers of the steps of attention in one layer, which grows with the square of the text.
    pub const fn scores(self, n: usize) -> usize {
        if self.n_attending > 0 { 4 * self.heads.n_heads * n * n } else { 0 }
    }

    /// The count of numbers between layers and of the output.
    pub const fn boundaries(self, n: usize) -> usize {
        n * ((self.n_layers + 6) * self.heads.d_model + self.d_beside) + 2 * n * self.n_vocab
    }

    /// The approximate count of multiplications of a pass over `n` tokens.
    pub const fn products(self, n: usize) -> usize {
        let HeadSizes { d_model, n_heads, d_head, .. } = self.heads;
        let maps = 2 * d_model * (self.heads.d_q() + self.heads.d_kv());
        let fed = if self.is_gated { 3 } else { 2 } * d_model * self.d_ff;
        let layer = n * (maps + fed + 2 * self.d_states);
        let scores = self.n_attending * 2 * n * n * n_heads * d_head;
        self.n_layers * layer + scores + n * d_model * self.n_vocab
    }

    /// The time of one of many passes over `n` tokens, in multiplications of large products.
    pub const fn work(self, n: usize) -> usize {
        let with_states = if self.d_states > 0 { self.n_layers - self.n_attending } else { 0 };
        self.products(n) + with_states * n * STATE_STEP
    }

    /// What two models have to share for their numbers to stand for each other, in words.
    pub fn shape(self) -> String {
        let HeadSizes { d_model, n_heads, .. } = self.heads;
        let (n_kv_heads, d_heads) = (self.n_kv_heads(), self.d_heads());
        format!(
            "{} layers, {n_heads} heads ({n_kv_heads} of keys) of {d_heads}, {d_model} channels, {} hidden units and {} tokens",
            self.n_layers, self.d_ff, self.n_vocab
        )
    }

    /// The channels of a head in words: `64`, `256 or 512`.
    pub fn d_heads(self) -> String {
        self.of_heads(|heads| heads.d_head)
    }

    /// How many heads of keys and values there are, in words: `4`, `2 or 8`.
    pub fn n_kv_heads(self) -> String {
        self.of_heads(|heads| heads.n_kv_heads)
    }

    fn of_heads(self, size: fn(HeadSizes) -> usize) -> String {
        let wide = size(self.heads);
        let [least, most] = self.narrow.map_or([wide; 2], |narrow| {
            let narrow = size(narrow);
            [narrow.min(wide), narrow.max(wide)]
        });
        if least == most { most.to_string() } else { format!("{least} or {most}") }
    }

    /// The count of heads in all layers.
    pub const fn all_heads(self) -> usize {
        self.n_attending * self.heads.n_heads
    }

    /// Which values of a pass over `n` tokens are kept: all, if they are few.
    pub const fn keep(self, n: usize) -> Keep {
        let inside = self.vectors(n) + self.scores(n);
        if self.n_layers * inside <= MOST_INSIDE { Keep::All } else { Keep::Boundaries }
    }

    /// An upper bound on the bytes of a pass over `n` tokens, without the weights.
    pub fn bytes(self, n: usize, keep: Keep) -> usize {
        let scores = self.n_layers * self.scores(n);
        let insides = match keep {
            Keep::All => self.n_layers * self.vectors(n) + scores,
            Keep::AllButScores => self.n_layers * self.vectors(n) + computed_of(scores, n),
            Keep::Boundaries => 2 * self.vectors(n) + computed_of(2 * self.scores(n), n),
        };
        4 * (self.boundaries(n) + insides)
    }
}

/// How many of these steps of attention over `n` tokens are in memory where their planes are computed when they are
/// asked for: those kept, and the few that others are made from.
pub fn computed_of(scores: usize, n: usize) -> usize {
    scores.min(MOST_KEPT + 6 * n * n)
}

/// The work of a token's step of a state: a tenth of a millisecond, since its sites are recorded one by one.
const STATE_STEP: usize = 4_000_000;

/// The most numbers inside layers that are all kept: 128 MB.
const MOST_INSIDE: usize = 1 << 25;
