//! What is usual: curves of the built-in models over sentences that none was trained on, stored with the weights, so that
//! a sentence can be seen beside many.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

static TABLE: &str = include_str!("../../../assets/models/typical.json");

/// Means over sentences, by the models' ids; made and tested by `tests/it/claims.rs`, `forgetting` by
/// `assets/training/forgetting.py`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typical {
    /// Number of sentences.
    pub n_sentences: usize,
    /// Gradient norm of the output divided by its mean over the sentence, at 0, 1, 2, … words before the last.
    pub influence: BTreeMap<String, Vec<f32>>,
    /// Words read back of the last 1, 2, … words, read alone.
    pub read_back: BTreeMap<String, Vec<f32>>,
    /// Norm of the Jacobian of the last hidden state divided by its mean over the sentence, at 0, 1, 2, … words before
    /// the last.
    pub forgetting: BTreeMap<String, Vec<f32>>,
}

impl Typical {
    /// The curves in the binary.
    ///
    /// # Errors
    /// If the embedded file is damaged.
    pub fn embedded() -> Result<Self> {
        serde_json::from_str(TABLE).context("the embedded typical.json does not load")
    }
}
