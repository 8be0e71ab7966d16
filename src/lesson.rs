//! Chapters of steps: what is shown, in which order, and what is said about it.
//!
//! A lesson is data (assets/lessons); a step runs no code. Its text has blanks that are filled with
//! numbers of the pass at hand.

use serde::Deserialize;

use crate::model::Name;

/// What the person has picked: it decides which layer, head and cell panes and text speak of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    pub layer: usize,
    pub head: usize,
    /// The cell cursor of the focused pane.
    pub row: usize,
    pub col: usize,
}

/// The kinds of pane a step can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The sentence's words with token, id and the first numbers of the embedding row.
    Tokens,
    /// A site's matrix (the selected head's plane) as a heat map with labels and numbers.
    Matrix,
    /// All heads' planes of a site beside each other, small.
    Heads,
    /// The hidden state as a strip through time: one column of cells a word.
    Hidden,
    /// One recurrent step opened: input part, recurrent part, sum, tanh, for the selected word.
    Recurrence,
    /// One row of a site as horizontal bars, largest first (a distribution over words or tokens).
    Bars,
    /// Residual and norm of the selected word: before, mean, variance, normalised, after.
    Norm,
    /// What each word's weighted value adds up to: weights beside the value rows, and their sum.
    WeightedSum,
    /// The probes' answers: what can be read back from the last hidden state, word by word.
    ReadBack,
    /// Gradient norms by word: how much each word still matters.
    Gradient,
    /// Who waits for whom: sequential steps of RNN and Transformer.
    Schedule,
    /// Every model's translation of the sentence, beside each other.
    Translations,
    /// Exact match by sentence length on the held-out set, by model.
    Accuracy,
    /// Figures of RNN and Transformer beside each other (Vaswani et al. 2017, Table 1, for this sentence).
    Comparison,
}

/// One pane of a step.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaneSpec {
    pub kind: Kind,
    /// A site's path, with `{l}` for the selected layer.
    #[serde(default)]
    pub site: Option<String>,
    /// The model, where it is not the step's.
    #[serde(default, deserialize_with = "name::deserialize")]
    pub model: Option<Name>,
    #[serde(default)]
    pub title: Option<String>,
}

mod name {
    use serde::{Deserialize, Deserializer, de::Error};

    use crate::model::Name;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Name>, D::Error> {
        String::deserialize(d)?.parse().map(Some).map_err(D::Error::custom)
    }
}
