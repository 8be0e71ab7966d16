//! The head on the last layer: a token for every position, or one vector for the sentence.

use anyhow::Result;

use super::BertPlan;
use crate::{
    engine::{
        math::sampling::Choosing,
        site::{
            Axis::{Channel, Position, Vocab},
            Role, Site,
        },
        tape::{Node, Tape, Weight},
    },
    model::{
        LOGITS,
        classes::{Classes, ClassesPlan},
        layer::{
            feed_forward::Activation,
            norm::{Norm, NormKind},
        },
        pool::{Pool, PoolPlan},
        source_scope,
    },
    weights::Weights,
};

pub static SUM: Site = Site::matrix("sum", [Position, Channel], "x W + b, before the activation")
    .called(&["input + recurrent", "x W_1 + b_1"]);
pub static HIDDEN: Site =
    Site::matrix("hidden", [Position, Channel], "after the activation: towards a word")
        .called(&["hidden"]);
pub static PROBS: Site =
    Site::matrix("probs", [Position, Vocab], "softmax: how likely each token is at this place")
        .with(Role::Probabilities)
        .called(&["p_k", "p"]);

/// The scope of the head for masked tokens, up to its norm.
pub const MASKED_WORDS: &str = "mlm";

/// The kind of head, and its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum HeadPlan {
    /// Predicts masked tokens.
    MaskedWords {
        activation: Activation,
        /// Whether the logits use the embedding table.
        is_tied: bool,
        /// The mask token; None if the tokenizer has none.
        mask: Option<u32>,
    },
    Classes(ClassesPlan),
    Pool(PoolPlan),
}

/// A head with its weights.
pub enum Head {
    MaskedWords(Box<MaskedWords>),
    Classes(Box<Classes>),
    Pool(Pool),
}

/// `logits = norm(act(x W + b)) Eᵀ + b'` (Devlin et al. 2019, section 3.1, task 1)
pub struct MaskedWords {
    w: Weight,
    b: Option<Weight>,
    activation: Activation,
    norm: Norm,
    unembed: Weight,
    bias: Weight,
    mask: Option<u32>,
}

impl Head {
    /// # Errors
    /// If a weight is missing or misshapen.
    pub(super) fn load(weights: &Weights, plan: &BertPlan) -> Result<Self> {
        Ok(match plan.head {
            HeadPlan::Pool(ref pool) => Self::Pool(Pool::load(weights, pool)?),
            HeadPlan::Classes(ref classes) => {
                Self::Classes(Box::new(Classes::load(weights, classes, plan.heads.d_model)?))
            }
            HeadPlan::MaskedWords { activation, is_tied, mask } => {
                let sizes = MaskedWordsSizes {
                    d_model: plan.heads.d_model,
                    d_embed: plan.d_embed,
                    n_vocab: plan.n_vocab,
                };
                let norm = NormKind::layer(plan.eps);
                Self::MaskedWords(Box::new(MaskedWords::load(
                    weights, sizes, norm, activation, is_tied, mask,
                )?))
            }
        })
    }

    /// The names of its classes; none of another head.
    pub fn classes(&self) -> &[String] {
        match self {
            Self::Classes(classes) => classes.labels(),
            Self::MaskedWords(_) | Self::Pool(_) => &[],
        }
    }

    /// The positions that tokens are predicted for; None for a sentence vector.
    pub fn places(&self, ids: &[u32]) -> Option<Vec<usize>> {
        match self {
            Self::MaskedWords(words) => Some(words.places(ids)),
            Self::Classes(_) | Self::Pool(_) => None,
        }
    }

    /// The logits of every row; None for a sentence vector. x (position, d_model) -> (position, vocab)
    pub fn logits(&self, tape: &mut Tape, x: Node) -> Option<Node> {
        match self {
            Self::MaskedWords(words) => Some(words.forward(tape, x)),
            Self::Classes(_) | Self::Pool(_) => None,
        }
    }

    /// Records the head's output. Returns the tokens at the masked positions, or at all positions if none is masked.
    /// x (position, d_model)
    pub fn forward(&self, tape: &mut Tape, x: Node, ids: &[u32], choosing: &Choosing) -> Vec<u32> {
        match self {
            Self::MaskedWords(words) => {
                let logits = words.forward(tape, x);
                words.chosen(tape, logits, ids, choosing)
            }
            Self::Classes(classes) => {
                classes.forward(tape, x, ids);
                vec![]
            }
            Self::Pool(pool) => {
                pool.forward(tape, x); // (1, width)
                vec![]
            }
        }
    }
}

/// The sizes of such a head.
#[derive(Clone, Copy)]
pub struct MaskedWordsSizes {
    pub d_model: usize,
    /// The width of the table of the logits.
    pub d_embed: usize,
    pub n_vocab: usize,
}

impl MaskedWords {
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        sizes: MaskedWordsSizes,
        norm: NormKind,
        activation: Activation,
        is_tied: bool,
        mask: Option<u32>,
    ) -> Result<Self> {
        let MaskedWordsSizes { d_model, d_embed, n_vocab } = sizes;
        let unembed = if is_tied { "embed.weight" } else { "unembed.weight" };
        Ok(Self {
            w: weights.matrix("mlm.W", (d_model, d_embed))?,
            b: weights.optional_row("mlm.b", d_embed)?,
            activation,
            norm: Norm::load(weights, source_scope("mlm.norm"), d_embed, norm)?,
            unembed: weights.matrix(unembed, (n_vocab, d_embed))?,
            bias: weights.row("unembed.bias", n_vocab)?,
            mask,
        })
    }

    /// The logits at every position. (position, d_model) -> (position, vocab)
    fn forward(&self, tape: &mut Tape, x: Node) -> Node {
        let (at, all) = (source_scope(MASKED_WORDS), source_scope(""));
        let [w, unembed, bias] = [&self.w, &self.unembed, &self.bias].map(|w| tape.weight(w));
        let b = self.b.as_ref().map(|b| tape.weight(b));
        let sum = tape.linear(at.at(&SUM), x, w, b); // (position, d_model)
        let hidden = self.activation.on(tape, at.at(&HIDDEN), sum); // (position, d_model)
        let normed = self.norm.forward(tape, hidden); // (position, d_model)
        let logits = tape.linear_nt(all.at(&LOGITS), normed, unembed, bias); // (position, vocab)
        tape.softmax_of_logits(all.at(&PROBS), logits); // (position, vocab)
        logits
    }

    /// The masked positions, or all if none is masked.
    fn places(&self, ids: &[u32]) -> Vec<usize> {
        let is_masked = |&row: &usize| Some(ids[row]) == self.mask;
        let masked: Vec<usize> = (0..ids.len()).filter(is_masked).collect();
        if masked.is_empty() { (0..ids.len()).collect() } else { masked }
    }

    fn chosen(&self, tape: &Tape, logits: Node, ids: &[u32], choosing: &Choosing) -> Vec<u32> {
        let logits = tape.value(logits);
        let word = |(i, row)| choosing.token(&logits.row(0, row), i, ids[row]);
        self.places(ids).into_iter().enumerate().map(word).collect()
    }
}
