//! The likeliest next words of two passes, side by side.

use super::question::EvidenceQuestion;
use crate::engine::{
    math::{largest, softmax_rows},
    value::Matrix,
};

/// The words of each pass that are compared.
const N_WORDS: usize = 6;

/// A word's probability in both passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NextWord {
    pub id: usize,
    pub was: f32,
    pub now: f32,
}

/// The likeliest words of both passes and those that are asked about, by their probability in the first; `logits` are
/// the rows that ask the question, that of the first pass before that of the other.
pub fn next_words(logits: [&[f32]; 2], question: &EvidenceQuestion) -> Vec<NextWord> {
    let probabilities = logits
        .map(|logits| softmax_rows(&Matrix::from_row_slice(1, logits.len(), logits)))
        .map(|row| row.iter().copied().collect::<Vec<f32>>());
    let mut ids: Vec<usize> = probabilities.iter().flat_map(|p| largest(p, N_WORDS)).collect();
    ids.extend([question.word as usize, question.against as usize]);
    let [was, now] = &probabilities;
    let n = was.len().min(now.len());
    ids.retain(|id| *id < n);
    ids.sort_by(|x, y| was[*y].total_cmp(&was[*x]).then(x.cmp(y)));
    ids.dedup();
    ids.into_iter().map(|id| NextWord { id, was: was[id], now: now[id] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_either_pass_finds_likely_or_that_are_asked_about_stand_once() {
        let first: Vec<f32> = (0..20).map(|i| -(i as f32)).collect();
        let second: Vec<f32> = (0..20).map(|i| i as f32).collect();
        let question = EvidenceQuestion { row: 0, word: 0, against: 9 };
        let words = next_words([&first, &second], &question);
        let ids: Vec<usize> = words.iter().map(|word| word.id).collect();
        assert_eq!(ids, [0, 1, 2, 3, 4, 5, 9, 14, 15, 16, 17, 18, 19]);
        assert!(words[0].was > 0.6 && words[0].now < 1e-6 && words[12].now > 0.6);
    }
}
