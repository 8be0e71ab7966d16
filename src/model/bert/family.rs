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
    /// Nomic Embed: positions as rotations, gated feed-forward, no biases.
    Nomic,
}
