//! The panes that a step can show.

use serde::Deserialize;

use crate::{
    analysis::trace::Recorded,
    engine::site::{Stream, in_layer, is_layered},
    model::ModelName,
};

/// A kind of pane, and the site that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaneKind {
    /// The sentence's words with token, id and the first numbers of the embedding row.
    Tokens,
    /// A token's neighbours in the table of embeddings, in a list and on a map. Its site is the embedding.
    Neighbours,
    /// An RNN and a Transformer as blocks, side by side.
    Machines,
    /// A site's matrix (the selected head's plane) as a heat map with labels and numbers.
    Matrix,
    /// The planes of all heads of a site, small, side by side.
    Heads,
    /// The hidden state as a strip through time: one column of cells per word.
    Hidden,
    /// The state of the selected head as a strip through time, under the share that each word keeps. Its site is the `state`
    /// of a state space or a gated delta net; the decay is beside it.
    State,
    /// One recurrent step in detail: input part, recurrent part, sum, tanh, for the selected word. Its site is the
    /// cell's `hidden`; the parts are beside it.
    Recurrence,
    /// One row of a site as horizontal bars, largest first (a distribution over words or tokens).
    Bars,
    /// Residual and norm of the selected word: before, mean, variance, normalised, after. Its site is the norm's
    /// `out`; mean, var and normalized are beside it.
    Norm,
    /// The weighted sum of the values: weights beside the value rows, and their sum. Its site is the `context`;
    /// weights and values are beside it.
    WeightedSum,
    /// The residual stream of the selected word through all layers, one band per station. Its site is the `input` at
    /// which the stream begins.
    Stream,
    /// Evidence beside the weights of the selected head and row: gradients, and the effect of knocking heads out. Its
    /// site is the attention `weights`.
    AttentionEvidence,
    /// The probes' answers: what can be read back from the last hidden state, word by word.
    ReadBack,
    /// Number of words read back by length: for the last 1, 2, … words read alone.
    ReadBackLength,
    /// Gradient norms of all models by distance from the last word; its site as for `Gradient`.
    Distance,
    /// Gradient norms by word: how much each word still matters. With a `hidden` as its site, for the
    /// last hidden state (`Reading::forgetting`); with `logits`, for the output (`Reading::influence`).
    Gradient,
    /// Sequential steps of RNN and Transformer.
    Schedule,
    /// Every model's translation of the sentence, side by side.
    Translations,
    /// chrF by sentence length on the held-out set, by model.
    Accuracy,
    /// Times of the encoders on this machine by number of tokens; only in the walk.
    Times,
    /// Figures of RNN and Transformer side by side (Vaswani et al. 2017, Table 1, for this sentence).
    Comparison,
    /// The choice of the next token at the selected row: candidates, those cut, the one taken. Its site is `probs`.
    Candidates,
    /// The same choice at three temperatures. Its site is `probs`.
    Temperatures,
    /// The cache of keys and values at the selected step: what it holds, and the operations it saves. Its site is the
    /// keys of self-attention; the values are beside it.
    Cache,
    /// The tree of beam search, if there was one.
    Beams,
    /// An RNN that is given the Transformer's output word by word, beside its own output.
    Forcing,
    /// The logit lens: the predictions after each layer. Its site is `probs`.
    Lens,
    /// The same for all positions at once, a word or a followed word's probability in each cell. Its site is `probs`.
    LensMap,
    /// The language model's continuations of a prefix of the sentence.
    Continuations,
    /// Kind and sizes of a checkpoint.
    Card,
    /// Which of a checkpoint's tensors hold its weights, the largest first.
    Tensors,
    /// All heads of all layers, small, one row per layer. Its site is the attention `weights`.
    Wall,
    /// How many tokens go to each expert, the busiest first, with the selected token's weights. Its site is a router's
    /// `weights`.
    Load,
    /// Figures of all heads, one row per head, sortable by any figure. Its site is the attention `weights`.
    HeadTable,
    /// What pushed a word above another, part by part. Its site is the logits.
    Attribution,
    /// What each head adds to it, by the word that it looks at. Its site is one of attention whose keys are the columns.
    AttributedHeads,
    /// From which words a row of the stream was made, layer by layer, as a graph. Its site is where the stream begins.
    Flow,
    /// Where the shown pass parts from the one before the change, by site and position. Its site is one of the stream.
    Differences,
    /// What a change does to the next word, and the numbers that it changes most. Its site is one of the stream.
    Differing,
    /// Which words counted for it. Its site is the embedded words.
    Saliency,
    /// How much of the difference of two sentences each value carries. Its site is one that the map has a row for.
    Patches,
    /// The cross-entropy of a target, word by word. Its site is the logits.
    Loss,
    /// Steps of learning so far: losses, outputs, what was forgotten. Its site is the logits.
    Learning,
    /// What learning moved: layers, and rows of the embedding. Its site is the logits.
    Moved,
    /// The gradient of a weight, and its update. Its site is the weight.
    Update,
    /// What a sub-layer adds, with a share dropped as in training. Its site is the addend.
    Dropout,
    /// The loss of the built-in models in their training, as recorded then.
    Curves,
}

impl PaneKind {
    /// Whether its cursor moves over layers and heads and leaves the selected cell unchanged.
    pub const fn walks_heads(self) -> bool {
        matches!(self, Self::Wall | Self::HeadTable)
    }

    /// Whether it shows attention weights in the form that is chosen.
    pub const fn has_attention_forms(self) -> bool {
        matches!(self, Self::Matrix | Self::Heads)
    }

    /// Whether it shows what is measured on this machine, which is never twice the same: not in files, nor in plain text.
    pub const fn is_measured_here(self) -> bool {
        matches!(self, Self::Times)
    }

    /// Whether it shows what was recorded when the models were trained and tried, whatever the pass.
    pub const fn is_recorded(self) -> bool {
        matches!(self, Self::Accuracy | Self::Curves)
    }

    /// Whether it shows the logit lens, which is computed row by row.
    pub const fn has_lens(self) -> bool {
        matches!(self, Self::Lens) || self.has_lens_of_all_rows()
    }

    /// Whether it shows the logit lens of all rows at once.
    pub const fn has_lens_of_all_rows(self) -> bool {
        matches!(self, Self::LensMap)
    }

    /// Whether it shows maps of patched values, which take many passes.
    pub const fn has_patching(self) -> bool {
        matches!(self, Self::Patches)
    }

    /// Whether it has lines for shares from a threshold on.
    pub const fn has_threshold(self) -> bool {
        matches!(self, Self::Flow)
    }

    /// Whether its table lists heads that are knocked out, rather than figures of all heads.
    pub const fn lists_knock_outs(self) -> bool {
        matches!(self, Self::AttentionEvidence)
    }

    /// Whether it lists the parts of a logit, or the units of feed-forward.
    pub const fn lists_parts(self) -> bool {
        matches!(self, Self::Attribution)
    }

    /// Whether it says which words counted.
    pub const fn counts_words(self) -> bool {
        matches!(self, Self::Saliency)
    }

    /// The stream whose tokens are its rows, beside a site; None if they are not tokens.
    pub fn stream_of_rows(self, site: &Recorded) -> Option<Stream> {
        match self {
            // Their rows are layers, sites, heads or steps.
            Self::Flow
            | Self::Attribution
            | Self::AttributedHeads
            | Self::Patches
            | Self::Differences
            | Self::Differing
            | Self::Learning
            | Self::Moved => None,
            // Its rows are the words of the sentence, whatever the site.
            Self::Gradient | Self::ReadBack | Self::Distance => Some(Stream::Source),
            _ => site.place.stream(site.axes()[1]),
        }
    }
}

/// One pane of a step.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaneSpec {
    pub kind: PaneKind,
    /// A site's path, with `{layer}` for the selected layer.
    #[serde(default)]
    pub site: Option<String>,
    /// The model, if it is not the step's.
    #[serde(default, deserialize_with = "super::optional_name")]
    pub model: Option<ModelName>,
    #[serde(default)]
    pub title: Option<String>,
    /// Whether it is shown only while it has the focus, for what most viewers do not ask for.
    #[serde(default, rename = "tab")]
    pub stays_behind_tab: bool,
}

impl PaneSpec {
    /// The site's path in the selected layer.
    pub fn path(&self, layer: usize) -> Option<String> {
        self.site.as_ref().map(|site| in_layer(site, layer))
    }

    /// The pattern of its site; None if that is not one of a layer.
    pub fn layered_site(&self) -> Option<&str> {
        self.site.as_deref().filter(|site| is_layered(site))
    }
}
