//! chrF: how many character sequences a translation shares with a reference (Popović 2015).
//!
//! As sacrebleu computes it by default: sequences of 1 to 6 characters without spaces, F-score with recall counted
//! double, the best of several references a sentence.

use std::collections::HashMap;

/// The longest character sequences.
const ORDER: usize = 6;
/// How much recall counts beside precision.
const BETA: f64 = 2.0;

/// Counts of one order: sequences of the output, of the reference, and of both.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    output: usize,
    reference: usize,
    shared: usize,
}

/// The counts of one or many sentences, which can be added up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chrf([Counts; ORDER]);

impl Chrf {
    /// The counts of one output beside that of its references with which it scores best.
    pub fn of(output: &str, references: &[CutText]) -> Self {
        let CutText(output) = CutText::of(output);
        let mut best: Option<Self> = None;
        for counts in references.iter().map(|CutText(cut)| Self::beside(&output, cut)) {
            if best.is_none_or(|best| counts.score() > best.score()) {
                best = Some(counts);
            }
        }
        best.unwrap_or_default()
    }

    fn beside(output: &[Sequences; ORDER], reference: &[Sequences; ORDER]) -> Self {
        let total = |sequences: &Sequences| sequences.values().sum();
        let mut counts = [Counts::default(); ORDER];
        for (count, (output, reference)) in counts.iter_mut().zip(output.iter().zip(reference)) {
            let in_both = |(sequence, n): (&Vec<char>, &usize)| {
                reference.get(sequence).map_or(0, |m| *m.min(n))
            };
            *count = Counts {
                // As in sacrebleu: an order that the reference is too short for does not count.
                output: if reference.is_empty() { 0 } else { total(output) },
                reference: total(reference),
                shared: output.iter().map(in_both).sum(),
            };
        }
        Self(counts)
    }

    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(&other.0) {
            sum.output += count.output;
            sum.reference += count.reference;
            sum.shared += count.shared;
        }
    }

    /// The score, 0 to 100.
    pub fn score(&self) -> f32 {
        let orders = self.0.iter().filter(|count| count.output > 0 && count.reference > 0);
        let (mut n, mut precision, mut recall) = (0.0_f64, 0.0, 0.0);
        for count in orders {
            n += 1.0;
            precision += count.shared as f64 / count.output as f64;
            recall += count.shared as f64 / count.reference as f64;
        }
        if precision + recall == 0.0 {
            return 0.0;
        }
        let (precision, recall, factor) = (precision / n, recall / n, BETA * BETA);
        (100.0 * (1.0 + factor) * precision * recall / (factor * precision + recall)) as f32
    }
}

/// How often each character sequence of one length occurs.
type Sequences = HashMap<Vec<char>, usize>;

/// The character sequences of a text by length, spaces left out; counted once for all outputs that it is compared with.
pub struct CutText([Sequences; ORDER]);

impl CutText {
    pub fn of(text: &str) -> Self {
        let characters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
        Self(std::array::from_fn(|i| {
            let mut counts = Sequences::new();
            for sequence in characters.windows(i + 1) {
                *counts.entry(sequence.to_vec()).or_insert(0) += 1;
            }
            counts
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: [f32; 6] = [100.00000, 74.97633, 0.00000, 0.00000, 53.19912, 13.15789];
    const TOTAL: f32 = 52.64422;

    /// Scores by sacrebleu 2.6.0, `sentence_chrf` and `corpus_chrf`.
    #[test]
    fn scores_are_sacrebleus() {
        let cases: [(&str, &[&str]); 6] = [
            ("Je t'aime.", &["Je t'aime.", "Je vous aime."]),
            ("Je vous aime beaucoup.", &["Je t'aime.", "Je vous aime."]),
            ("", &["Bonjour."]),
            ("Oui", &["Non !"]),
            (
                "L'animal n'a pas traversé la rue.",
                &["L'animal n'a pas traversé la rue parce qu'il était trop fatigué."],
            ),
            ("à é", &["a", "é à la carte"]),
        ];
        let mut all = Chrf::default();
        for ((output, references), want) in cases.into_iter().zip(WANTED) {
            let references: Vec<CutText> = references.iter().copied().map(CutText::of).collect();
            let counts = Chrf::of(output, &references);
            assert!((counts.score() - want).abs() < 1e-3, "{output}: {} {want}", counts.score());
            all.add(&counts);
        }
        assert!((all.score() - TOTAL).abs() < 1e-3, "{}", all.score());
    }
}
