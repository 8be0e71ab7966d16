//! The families of encoders that differ from BERT in names and settings.

/// Models whose tensors have the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BertFamily {
    Bert,
    Roberta,
    DistilBert,
    Electra,
    Albert,
    MpNet,
    /// DeBERTa-v2 and v3.
    Deberta,
    /// DeBERTa of 2020: one map for queries, keys and values, maps of its own for distances, no norm of these.
    FirstDeberta,
    /// Nomic Embed: positions as rotations, gated feed-forward, no biases.
    Nomic,
}

impl BertFamily {
    /// Whether scores know distances by vectors of their own.
    pub const fn is_disentangled(self) -> bool {
        matches!(self, Self::Deberta | Self::FirstDeberta)
    }
}
