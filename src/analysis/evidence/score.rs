//! What is asked about: a number made of the logits, and its slope.

use std::ops::Range;

use super::run::Run;
use crate::engine::{
    math::{log_softmax, slopes_of_log_softmax},
    tape::Node,
    value::{Cell, Value},
};

/// A word, by id, and the row of the logits that should say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordAtRow {
    pub row: usize,
    pub word: u32,
}

impl WordAtRow {
    pub const fn new(row: usize, word: u32) -> Self {
        Self { row, word }
    }
}

/// A number made of the logits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Score {
    /// The logit of a word less that of another, which is the logarithm of the ratio of their probabilities.
    Difference { row: usize, word: u32, against: u32 },
    /// The logit of a word.
    Logit { row: usize, word: u32 },
    /// The summed log-probability of words.
    LogProbability(Vec<WordAtRow>),
}

impl Score {
    /// The log-probability of what the run wrote; of a model that only reads, of its next token.
    pub fn of_output(run: &Run) -> Self {
        Self::LogProbability(Self::words_of_output(run))
    }

    /// The words of that, each with the row that says it.
    pub fn words_of_output(run: &Run) -> Vec<WordAtRow> {
        let written = run.output_rows().into_iter().zip(&run.pass.output);
        written.map(|(row, word)| WordAtRow::new(row, *word)).collect()
    }

    /// The rows that it reads, from the first to the last.
    pub fn rows(&self) -> Range<usize> {
        match self {
            Self::Difference { row, .. } | Self::Logit { row, .. } => *row..row + 1,
            Self::LogProbability(words) => {
                let rows = || words.iter().map(|word| word.row);
                rows().min().unwrap_or(0)..rows().max().map_or(0, |last| last + 1)
            }
        }
    }

    /// The same question with every row moved.
    #[must_use]
    pub fn moved(&self, by: isize) -> Self {
        let moved = |row: usize| row.saturating_add_signed(by);
        match self {
            Self::Difference { row, word, against } => {
                Self::Difference { row: moved(*row), word: *word, against: *against }
            }
            Self::Logit { row, word } => Self::Logit { row: moved(*row), word: *word },
            Self::LogProbability(words) => {
                let one = |at: &WordAtRow| WordAtRow::new(moved(at.row), at.word);
                Self::LogProbability(words.iter().map(one).collect())
            }
        }
    }

    /// Its value, given rows of logits; None if there is no such row or word.
    pub fn value(&self, logits: impl Fn(usize) -> Option<Vec<f32>>) -> Option<f32> {
        let at = |row: &[f32], word: u32| row.get(word as usize).copied();
        match self {
            Self::Difference { row, word, against } => {
                let row = logits(*row)?;
                Some(at(&row, *word)? - at(&row, *against)?)
            }
            Self::Logit { row, word } => at(&logits(*row)?, *word),
            Self::LogProbability(words) => {
                let one = |&WordAtRow { row, word }: &WordAtRow| {
                    log_softmax(&logits(row)?, 1.0).get(word as usize).copied()
                };
                Some(words.iter().map(one).sum::<Option<f64>>()? as f32)
            }
        }
    }

    /// Its value in a run.
    pub fn of_run(&self, run: &Run) -> Option<f32> {
        self.value(|row| run.logits_of_row(row))
    }

    /// Its slope with respect to the logits, times `factor`, by node; the logits are those that `value` gives.
    pub fn seeds<'a>(
        &self,
        run: &Run,
        value: impl Fn(Node) -> &'a Value,
        factor: f64,
    ) -> Vec<(Node, Value)> {
        let mut seeds: Vec<(Node, Value)> = vec![];
        let mut add = |row: usize, slopes: &[(usize, f64)]| {
            let Some((node, local)) = run.logits_row(row) else { return };
            if !seeds.iter().any(|(other, _)| *other == node) {
                seeds.push((node, Value::zeros(run.tape().shape(node))));
            }
            let Some((_, seed)) = seeds.iter_mut().find(|(other, _)| *other == node) else {
                return;
            };
            for &(word, slope) in slopes {
                let cell = Cell::new(0, local, word);
                seed.set(cell, seed.get(cell) + (factor * slope) as f32);
            }
        };
        match self {
            Self::Difference { row, word, against } => {
                add(*row, &[(*word as usize, 1.0), (*against as usize, -1.0)]);
            }
            Self::Logit { row, word } => add(*row, &[(*word as usize, 1.0)]),
            Self::LogProbability(words) => {
                for &WordAtRow { row, word } in words {
                    let Some(logits) = run.logits(&value, row) else { continue };
                    let slopes = slopes_of_log_softmax(&logits, word as usize);
                    add(row, &slopes.into_iter().enumerate().collect::<Vec<_>>());
                }
            }
        }
        seeds
    }
}
