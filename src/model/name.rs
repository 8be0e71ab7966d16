//! The names of the models, in files, arguments and titles.

use std::{fmt, str::FromStr};

use anyhow::{Result, bail};

use crate::text::visible;

/// The models in the binary, in the order of the lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ModelName {
    Elman,
    Gru,
    RnnAttention,
    Transformer,
    TransformerUnguided,
    DecoderOnly,
    /// The user's own, not in the binary.
    Checkpoint,
}

/// A head of the built-in Transformers.
pub struct HeadPlace {
    /// The path of its attention's weights.
    pub weights: &'static str,
    pub head: usize,
}

/// The head that training guided from a pronoun to its noun, in [`ModelName::Transformer`] alone (MODEL_CARD.md).
pub static GUIDED_HEAD: HeadPlace = HeadPlace { weights: "encoder.1.self_attn.weights", head: 2 };

impl ModelName {
    /// The models in the binary.
    pub const ALL: [Self; 6] = [
        Self::Elman,
        Self::Gru,
        Self::RnnAttention,
        Self::Transformer,
        Self::TransformerUnguided,
        Self::DecoderOnly,
    ];

    /// The id in files and arguments.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Elman => "elman",
            Self::Gru => "gru",
            Self::RnnAttention => "rnn_attention",
            Self::Transformer => "transformer",
            Self::TransformerUnguided => "transformer_unguided",
            Self::DecoderOnly => "decoder_only",
            Self::Checkpoint => "checkpoint",
        }
    }

    /// The id under which it learns; None for the models that are meant where none is named.
    pub const fn id_to_learn(self) -> Option<&'static str> {
        match self {
            Self::Transformer | Self::Checkpoint => None,
            other => Some(other.id()),
        }
    }

    /// Whether an id names this model, or the absence of one means it.
    pub fn is_meant_by(self, id: Option<&str>) -> bool {
        id == self.id_to_learn() || id == Some(self.id())
    }

    /// The head that training guided from each word of the output to the one that it is aligned to, in the last attention
    /// to the source; None for a model whose heads were left alone.
    pub const fn aligned_head(self) -> Option<usize> {
        match self {
            Self::Transformer => Some(0),
            _ => None,
        }
    }

    /// The name to show.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Elman => "Elman RNN",
            Self::Gru => "GRU",
            Self::RnnAttention => "RNN with attention",
            Self::Transformer => "Transformer",
            Self::TransformerUnguided => "Transformer, unguided",
            Self::DecoderOnly => "decoder-only LM",
            Self::Checkpoint => "your model",
        }
    }

    /// The title within a sentence, with its article.
    pub const fn in_sentence(self) -> &'static str {
        match self {
            Self::Elman => "the Elman RNN",
            Self::Gru => "the GRU",
            Self::RnnAttention => "the RNN with attention",
            Self::Transformer => "the Transformer",
            Self::TransformerUnguided => "the unguided Transformer",
            Self::DecoderOnly => "the decoder-only LM",
            Self::Checkpoint => "your model",
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for ModelName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|name| name.id() == text) {
            Some(name) => Ok(name),
            None => bail!(
                "no model `{}`; the models are {}",
                visible(text),
                Self::ALL.map(Self::id).join(", ")
            ),
        }
    }
}
