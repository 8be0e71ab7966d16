//! The measured quality of the built-in models on sentences that none was trained on, stored with the weights.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

static TABLE: &str = include_str!("../../../assets/models/accuracy.json");

/// Exact matches and chrF by sentence length, made by `assets/training/evaluate.py --table`.
#[derive(Clone, Debug, Deserialize)]
pub struct Accuracy {
    /// Fewest and most English words of each bucket.
    pub buckets: Vec<[usize; 2]>,
    /// Sentences in each bucket.
    pub counts: Vec<usize>,
    /// By model: the share of sentences translated exactly, see [`is_exact`], 0 to 1, for each bucket.
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

/// Whether a translation has the words of one of the references, case and the punctuation around words aside.
pub fn is_exact<'a>(output: &str, references: impl IntoIterator<Item = &'a str>) -> bool {
    let output = exact_words(output);
    references.into_iter().any(|reference| exact_words(reference) == output)
}

/// The words that decide whether a translation is exact: in lower case, cut at spaces, without what is neither letter
/// nor digit at their edges, so that `2,5` is not `25` and `l'a` not `la`. Of a text without words, the text itself.
/// The same rule as in `assets/training/evaluate.py`.
fn exact_words(text: &str) -> Vec<String> {
    let one_apostrophe = |c| if matches!(c, '‘' | '’' | 'ʼ') { '\'' } else { c };
    let text = text.nfc().map(one_apostrophe).collect::<String>().to_lowercase();
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let words: Vec<String> =
        text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { vec![text.trim().to_owned()] } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_translation_has_the_same_words_and_numbers() {
        for (output, reference) in [
            ("Il l'a mangé.", "il l’a mangé !"),
            ("L'animal, fatigué, dort", "« L'animal fatigué dort. »"),
            ("Un café.", "Un cafe\u{301}"),
            ("Ça pèse 2,5 kilos.", "ça pèse 2,5 kilos"),
            ("?", " ? "),
        ] {
            assert!(is_exact(output, ["Rien.", reference]), "{output} {reference}");
        }
        for (output, reference) in [
            ("Le sac pèse 25 kilos.", "Le sac pèse 2,5 kilos."),
            ("Il l'a mangé.", "Il la mangé."),
            ("Je sais qu'elle est", "Je sais quelle est"),
            ("Il est là bas", "Il est là-bas"),
            (".", "?"),
            ("", "."),
        ] {
            assert!(!is_exact(output, [reference]), "{output} {reference}");
        }
    }
}
