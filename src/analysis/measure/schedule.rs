//! Sequential steps, path length and counted operations (Vaswani et al. 2017, Table 1).

use crate::model::ModelName;

/// The figures of one architecture for a sentence of n words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The encoder's sequential steps, for any number of workers.
    pub sequential: usize,
    /// The longest path of a signal between two words of the sentence, in steps inside the encoder.
    pub longest_path: usize,
    /// Multiplications in the encoder's layers.
    pub multiplications: usize,
}

/// The sizes that the counts depend on.
#[derive(Clone, Copy, Debug)]
pub struct ScheduleSizes {
    pub n_words: usize,
    pub d_model: usize,
    pub d_hidden: usize,
    pub d_ff: usize,
    pub n_layers: usize,
}

/// The built-in models' sizes for a sentence of `n_words`.
pub const fn built_in(n_words: usize) -> ScheduleSizes {
    ScheduleSizes { n_words, d_model: 128, d_hidden: 256, d_ff: 512, n_layers: 2 }
}

/// The encoder's schedule. The decoder-only model has no encoder; its blocks are counted.
pub fn schedule(model: ModelName, sizes: ScheduleSizes) -> Schedule {
    let ScheduleSizes { n_words: n, d_model, d_hidden, d_ff, n_layers } = sizes;
    match model {
        ModelName::Elman => recurrent(n, n * d_hidden * (d_model + d_hidden)),
        ModelName::Gru => recurrent(n, n * 3 * d_hidden * (d_model + d_hidden)),
        ModelName::RnnAttention => {
            let half = d_hidden / 2;
            recurrent(n, 2 * n * 3 * half * (d_model + half))
        }
        ModelName::Transformer
        | ModelName::TransformerUnguided
        | ModelName::DecoderOnly
        | ModelName::Checkpoint => Schedule {
            sequential: n_layers,
            longest_path: 1,
            multiplications: n_layers
                * (4 * n * d_model * d_model + 2 * n * n * d_model + 2 * n * d_model * d_ff),
        },
    }
}

/// The schedule of a recurrent encoder: n steps, n - 1 of them between the first word and the last.
fn recurrent(n: usize, multiplications: usize) -> Schedule {
    Schedule { sequential: n, longest_path: n.saturating_sub(1), multiplications }
}

/// The step at which word `t` (0-based) of a sentence is ready; the RNN's first step is 1.
pub fn ready_at(model: ModelName, t: usize) -> usize {
    match model {
        ModelName::Elman | ModelName::Gru | ModelName::RnnAttention => t + 1,
        _ => 1,
    }
}
