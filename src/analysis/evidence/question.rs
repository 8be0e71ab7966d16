//! What is asked where nobody says: a word of the output against the word that came nearest.

use super::{run::Run, score::Score};
use crate::{
    engine::math::largest,
    text::{Token, word_text},
};

/// How far apart two answers have to be for shares of their difference to mean something, in logits.
pub const LEAST_DIFFERENCE: f32 = 0.5;

/// The likeliest words of a run that may be set against each other.
const N_LIKELY: usize = 100;

/// A word at a row of the logits, against another; of a model that sorts texts, the numbers of two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvidenceQuestion {
    pub row: usize,
    pub word: u32,
    pub against: u32,
}

/// The pronouns of the star pair, also where they begin a sentence: whether they agree with the noun is what the lesson
/// asks about.
const PRONOUNS: [[&str; 2]; 8] = [
    ["il", "elle"],
    ["elle", "il"],
    ["ils", "elles"],
    ["elles", "ils"],
    ["Il", "Elle"],
    ["Elle", "Il"],
    ["Ils", "Elles"],
    ["Elles", "Ils"],
];

impl EvidenceQuestion {
    pub const fn score(&self) -> Score {
        Score::Difference { row: self.row, word: self.word, against: self.against }
    }

    /// The question about one run: these words, or the output's pronoun against the other gender, or the likeliest word
    /// against the second where the model was least sure. A word is given by its tokens, with and without a space before it;
    /// the likeliest of them at the row is meant. `tokens_of` gives the tokens of a word, or the first of
    /// those that spell it.
    pub fn about(
        run: &Run,
        output: &[Token],
        words: &[Vec<u32>],
        row: Option<usize>,
        tokens_of: impl Fn(&str) -> Vec<u32>,
    ) -> Option<Self> {
        let rows = run.output_rows();
        let said = |word: &Vec<u32>| {
            let mut written = rows.iter().zip(output);
            Some(*written.find(|(_, token)| word.contains(&token.id))?.0)
        };
        let row = match row {
            None => None,
            Some(i) => Some(*rows.get(i)?),
        };
        if let [word, against @ ..] = words {
            let row = row.or_else(|| words.iter().find_map(said));
            let row = row.or_else(|| least_sure(run, &rows))?;
            let word = likeliest_of(run, row, word)?;
            let against = against.first().and_then(|against| likeliest_of(run, row, against));
            let against = against.filter(|other| *other != word);
            return Some(Self {
                row,
                word,
                against: against.or_else(|| likeliest_but(run, row, word))?,
            });
        }
        let pronoun = rows.iter().zip(output).enumerate().find_map(|(i, (&here, token))| {
            // Of a pronoun of several tokens the first is asked about.
            let written = if token.continues { String::new() } else { word_text(output, i) };
            let [_, other] = PRONOUNS.into_iter().find(|[pronoun, _]| written == *pronoun)?;
            (row.is_none_or(|row| row == here) && !run.reads_only()).then_some(Self {
                row: here,
                word: token.id,
                against: likeliest_of(run, here, &tokens_of(other))
                    .filter(|other| *other != token.id)?,
            })
        });
        pronoun.or_else(|| {
            let row = row.or_else(|| least_sure(run, &rows))?;
            let word = likeliest_but(run, row, u32::MAX)?;
            Some(Self { row, word, against: likeliest_but(run, row, word)? })
        })
    }

    /// The question that two runs answer differently: the first row at which their likeliest words part, each run's
    /// word. Where they never part, the question about `a`; of a model that only reads, and answers that alike, the two
    /// likely words whose difference changes most.
    pub fn between(a: &Run, b: &Run, about_a: Self) -> Self {
        let rows = if a.reads_only() { vec![about_a.row] } else { a.output_rows() };
        let parts = rows.into_iter().find_map(|row| {
            let word = likeliest_but(a, row, u32::MAX)?;
            let against = likeliest_but(b, a.row_in(b, row)?, u32::MAX)?;
            (word != against).then_some(Self { row, word, against })
        });
        parts.unwrap_or_else(|| {
            let is_alike =
                a.reads_only() && about_a.change(a, b).is_some_and(|x| x < LEAST_DIFFERENCE);
            let other = is_alike.then(|| Self::most_changed(a, b, about_a.row)).flatten();
            other.unwrap_or(about_a)
        })
    }

    /// How far the answers of two runs are apart.
    fn change(self, a: &Run, b: &Run) -> Option<f32> {
        let moved = Self { row: a.row_in(b, self.row)?, ..self };
        Some((self.score().of_run(a)? - moved.score().of_run(b)?).abs())
    }

    /// Of the words that are likeliest in either run, the one that it raises most over that which it lowers most.
    fn most_changed(a: &Run, b: &Run, row: usize) -> Option<Self> {
        let logits = [a.logits_of_row(row)?, b.logits_of_row(a.row_in(b, row)?)?];
        let likely = logits.iter().flat_map(|logits| largest(logits, N_LIKELY));
        let mut changes: Vec<(usize, f32)> =
            likely.map(|id| (id, logits[0][id] - logits[1][id])).collect();
        changes.sort_by(|x, y| y.1.total_cmp(&x.1));
        let [(word, _), .., (against, _)] = changes[..] else { return None };
        (word != against).then_some(Self { row, word: word as u32, against: against as u32 })
    }
}

/// The likeliest of these words at a row.
fn likeliest_of(run: &Run, row: usize, words: &[u32]) -> Option<u32> {
    let logits = run.logits_of_row(row)?;
    let logit = |word: &u32| logits.get(*word as usize).copied().unwrap_or(f32::NEG_INFINITY);
    words.iter().copied().max_by(|a, b| logit(a).total_cmp(&logit(b)))
}

/// The likeliest word of a row, but for one.
fn likeliest_but(run: &Run, row: usize, but: u32) -> Option<u32> {
    let logits = run.logits_of_row(row)?;
    let others = logits.into_iter().enumerate().filter(|(id, _)| *id as u32 != but);
    others.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(id, _)| id as u32)
}

/// The row of these whose first two words are nearest.
fn least_sure(run: &Run, rows: &[usize]) -> Option<usize> {
    let lead = |row: usize| {
        let mut logits = run.logits_of_row(row)?;
        logits.sort_by(|a, b| b.total_cmp(a));
        Some((row, logits.first()? - logits.get(1)?))
    };
    let leads = rows.iter().copied().filter_map(lead);
    leads.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(row, _)| row)
}
