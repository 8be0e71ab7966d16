//! What a step can ask to be shown.

use serde::Deserialize;

use crate::model::Name;

/// The kinds of pane a step can ask for, and which site each is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaneKind {
    /// The sentence's words with token, id and the first numbers of the embedding row.
    Tokens,
    /// A site's matrix (the selected head's plane) as a heat map with labels and numbers.
    Matrix,
    /// All heads' planes of a site beside each other, small.
    Heads,
    /// The hidden state as a strip through time: one column of cells a word.
    Hidden,
    /// One recurrent step opened: input part, recurrent part, sum, tanh, for the selected word. Its
    /// site is the cell's `hidden`; the parts stand beside it.
    Recurrence,
    /// One row of a site as horizontal bars, largest first (a distribution over words or tokens).
    Bars,
    /// Residual and norm of the selected word: before, mean, variance, normalised, after. Its site is
    /// the norm's `out`; mean, var and normalized stand beside it.
    Norm,
    /// What each word's weighted value adds up to: weights beside the value rows, and their sum. Its
    /// site is the `context`; weights and values stand beside it.
    WeightedSum,
    /// The residual stream of the selected word through all layers, a band a station. Its site is the
    /// `input` that the stream begins with.
    Stream,
    /// Beside the weights of the selected head and row: gradients, and what knocking heads out does. Its
    /// site is the attention `weights`.
    Evidence,
    /// The probes' answers: what can be read back from the last hidden state, word by word.
    ReadBack,
    /// The same against length: of the last 1, 2, … words read alone, how many can be read back.
    ReadBackLength,
    /// Gradient norms of all models by distance from the last word; its site as for `Gradient`.
    Distance,
    /// Gradient norms by word: how much each word still matters. With a `hidden` as its site, for the
    /// last hidden state (`Measures::forgetting`); with `logits`, for the output (`Measures::influence`).
    Gradient,
    /// Who waits for whom: sequential steps of RNN and Transformer.
    Schedule,
    /// Every model's translation of the sentence, beside each other.
    Translations,
    /// Exact match by sentence length on the held-out set, by model.
    Accuracy,
    /// How long the encoders take on this machine, by the number of tokens; in the walk alone.
    Times,
    /// Figures of RNN and Transformer beside each other (Vaswani et al. 2017, Table 1, for this sentence).
    Comparison,
    /// The choice of the next token at the selected row: what could come, what is cut, what is taken.
    /// Its site is `probs`.
    Candidates,
    /// What a cache of keys and values holds and spares at the selected step. Its site is the keys of
    /// self-attention; the values stand beside it.
    Cache,
    /// The tree of beam search, where there was one.
    Beams,
    /// An RNN given the Transformer's output word by word, beside its own.
    Forcing,
    /// The logit lens: what the model would say after each layer. Its site is `probs`.
    Lens,
    /// How the language model writes on after a part of the sentence.
    Continuations,
    /// What is known of a checkpoint: its kind, its sizes.
    Card,
    /// All heads of all layers, small: a row a layer. Its site is the attention `weights`.
    Wall,
    /// All heads in figures, a row each, sorted by any. Its site is the attention `weights`.
    HeadTable,
}

impl PaneKind {
    /// Whether its cursor walks over layers and heads, and leaves the selected cell as it is.
    pub const fn walks_heads(self) -> bool {
        matches!(self, Self::Wall | Self::HeadTable)
    }
}

/// One pane of a step.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaneSpec {
    pub kind: PaneKind,
    /// A site's path, with `{l}` for the selected layer.
    #[serde(default)]
    pub site: Option<String>,
    /// The model, where it is not the step's.
    #[serde(default, deserialize_with = "super::optional_name")]
    pub model: Option<Name>,
    #[serde(default)]
    pub title: Option<String>,
}

impl PaneSpec {
    /// The site's path in the selected layer.
    pub fn path(&self, layer: usize) -> Option<String> {
        self.site.as_ref().map(|site| site.replace("{l}", &layer.to_string()))
    }
}
