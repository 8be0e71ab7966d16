//! The measured quality of the built-in models on sentences that none was trained on, stored with the weights.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

static TABLE: &str = include_str!("../../../assets/models/accuracy.json");

/// Exact matches and chrF by sentence length, made by `assets/training/evaluate.py --table`.
#[derive(Clone, Debug, Deserialize)]
pub struct Accuracy {
    /// Fewest and most English words of each bucket.
    pub buckets: Vec<[usize; 2]>,
    /// Sentences in each bucket.
    pub counts: Vec<usize>,
    /// By model: the share of sentences translated exactly, punctuation and case aside, 0 to 1, for each bucket.
    pub exact: BTreeMap<String, Vec<f32>>,
    /// By model: chrF, 0 to 100, for each bucket.
    pub chrf: BTreeMap<String, Vec<f32>>,
}

impl Accuracy {
    /// The table in the binary.
    ///
    /// # Errors
    /// If the embedded file is damaged.
    pub fn embedded() -> Result<Self> {
        serde_json::from_str(TABLE).context("the embedded accuracy.json does not load")
    }

    /// The bucket of a sentence of `n` words, or the nearest one.
    pub fn bucket_of(&self, n: usize) -> Option<usize> {
        let distance = |&[low, high]: &[usize; 2]| low.saturating_sub(n) + n.saturating_sub(high);
        let buckets = self.buckets.iter().enumerate();
        buckets.min_by_key(|(_, bucket)| distance(bucket)).map(|(i, _)| i)
    }
}

/// The length of a sentence in the table: its words, separated by spaces.
pub fn n_words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Whether a translation is one of the references, punctuation, spaces and case aside.
pub fn is_exact<'a>(output: &str, references: impl IntoIterator<Item = &'a str>) -> bool {
    let key = |text: &str| -> String {
        text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
    };
    let output = key(output);
    references.into_iter().any(|reference| key(reference) == output)
}
