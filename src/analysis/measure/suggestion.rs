//! Words to use instead of one that the models have never seen.

use nalgebra::DVector;
use rayon::prelude::*;

use crate::{
    analysis::trace::Trace,
    engine::{
        math::log_probability,
        value::{Matrix, Value},
    },
    model::{EMBEDDING_TABLE, LOGITS, Model, ModelName, Setup},
    text::{Token, Tokenizer, Unknown},
};

/// How many of the words that the language model expects most are tried in the place.
const TRIED: usize = 40;
/// How many of them, those with which the rest of the sentence is likeliest, are compared.
const COMPARED: usize = 12;
/// How many words are suggested.
const SUGGESTED: usize = 3;

/// Words without a meaning of their own, which the language model expects nearly everywhere.
const FUNCTION_WORDS: &str = "i you he she it we they me him her us them myself himself herself my \
    your his its our their mine the a an this that these those some any no every each all both few \
    many much more most other another such what which who whom whose one and or but nor so if \
    because since while when where why how than as of in on at to for from by with about into over \
    after before under near between through during without against up down out off away back not \
    never always very too just only still even also again here there now then is are was were be \
    been being am do does did done has have had can could will would shall should may might must s \
    t m re ve ll d";

/// A sentence as the language model read it, with a word that no training sentence had.
pub struct UnknownPlace<'a> {
    pub model: &'a dyn Model,
    pub trace: &'a Trace,
    pub tokenizer: &'a Tokenizer,
    pub unknown: &'a Unknown,
}

impl UnknownPlace<'_> {
    /// Seen words, three at most: of those that the language model finds likeliest in this sentence, those whose
    /// embeddings are most similar to the mean embedding of the unknown word's tokens (cosine). What a cut word means
    /// cannot be read from its parts, so the sentence around it decides first.
    pub fn suggestions(&self) -> Vec<String> {
        let table = self.trace.value(EMBEDDING_TABLE).map(Value::matrix);
        let logits = self.trace.value(LOGITS.name).map(Value::matrix);
        // The model reads `<bos>` first, so row i predicts the sentence's token i.
        let tokens = self.trace.source.get(1..).unwrap_or_default();
        let place = self.unknown.tokens.clone();
        let (Some(table), Some(logits), Some(parts)) = (table, logits, tokens.get(place.clone()))
        else {
            return vec![];
        };
        if place.start >= logits.nrows() {
            return vec![];
        }
        let row = |id: u32| -> DVector<f32> { table.row(id as usize).transpose() };
        let sum: DVector<f32> = parts.iter().map(|token| row(token.id)).sum();
        let mut words: Vec<(f64, u32, String)> = self
            .expected(logits)
            .into_par_iter()
            .map(|(id, word)| (self.log_probability_with(tokens, id), id, word))
            .collect();
        words.sort_by(|a, b| b.0.total_cmp(&a.0));
        words.truncate(COMPARED);
        let cosine = |id| row(id).normalize().dot(&sum);
        words.sort_by(|a, b| cosine(b.1).total_cmp(&cosine(a.1)));
        words.into_iter().take(SUGGESTED).map(|(_, _, word)| word).collect()
    }

    /// The content words that the model expects most in the place; names only in that of a name.
    fn expected(&self, logits: &Matrix) -> Vec<(u32, String)> {
        let expected = logits.row(self.unknown.tokens.start);
        let mut ids: Vec<u32> = (0..expected.ncols() as u32).collect();
        ids.sort_by(|&a, &b| expected[b as usize].total_cmp(&expected[a as usize]));
        let has_capital = |word: &str| word.starts_with(char::is_uppercase);
        let fits = |word: &String| {
            let mut function_words = FUNCTION_WORDS.split_whitespace();
            has_capital(word) == has_capital(&self.unknown.word)
                && function_words.all(|function_word| function_word != word.to_lowercase())
        };
        let words = ids.into_iter().filter_map(|id| Some((id, self.tokenizer.seen_word(id)?)));
        words.filter(|(_, word)| fits(word)).take(TRIED).collect()
    }

    /// The log-probability of the sentence from the place on, with this word there.
    fn log_probability_with(&self, tokens: &[Token], word: u32) -> f64 {
        let place = self.unknown.tokens.clone();
        let mut ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
        ids.splice(place.clone(), [word]);
        let pass = self.model.run(&ids, &Setup::default());
        let trace = Trace::new(ModelName::DecoderOnly, pass, self.tokenizer);
        trace.value(LOGITS.name).map_or(f64::NEG_INFINITY, |logits| {
            let rows = place.start..ids.len();
            rows.map(|i| log_probability(&logits.row(0, i), ids[i] as usize)).sum()
        })
    }
}
