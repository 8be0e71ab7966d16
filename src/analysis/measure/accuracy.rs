//! The measured quality of the built-in models on the held-out set, stored with the weights.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

static TABLE: &str = include_str!("../../../assets/models/accuracy.json");

/// Exact match by sentence length, made by `assets/training/evaluate.py`.
#[derive(Clone, Debug, Deserialize)]
pub struct Accuracy {
    /// First and last source length of each bucket.
    pub buckets: Vec<[usize; 2]>,
    /// Held-out sentences in each bucket.
    pub counts: Vec<usize>,
    /// By model: the share of sentences translated exactly, 0 to 1, for each bucket.
    pub exact_match: BTreeMap<String, Vec<f32>>,
}

impl Accuracy {
    /// The table in the binary.
    ///
    /// # Errors
    /// If the embedded file is damaged.
    pub fn embedded() -> Result<Self> {
        serde_json::from_str(TABLE).context("the embedded accuracy.json does not load")
    }
}
