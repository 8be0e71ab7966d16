//! Words to use instead of one that the models have never seen.

use std::{iter, sync::Arc};

use rayon::prelude::*;

use crate::{
    analysis::trace::Trace,
    engine::{math::log_probability, value::Value},
    model::{LOGITS, Model, ModelName, Setup},
    text::{Token, Tokenizer, Unknown},
};

/// How many of the words that the language model expects most are tried in the place.
const TRIED: usize = 40;
/// How many words are suggested.
const SUGGESTED: usize = 3;
/// The log-probability in the place from which on a word is tried, 0.001: below it the model expects nothing in particular,
/// and what it says does not fit. Names are many, and each is rare.
const LEAST_EXPECTED: f64 = -6.9;
/// By how much the sentence's log-probability may lie below the one with the best word.
const MOST_BELOW_BEST: f64 = 2.0;
/// Shorter ones are mostly parts of words (“th”), which training met alone too.
const LEAST_LETTERS: usize = 3;

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

/// The ids around the place of an unknown word. Quotation marks around it are left out: after one the model expects what
/// begins a quotation, not what the sentence needs.
struct Frame {
    before: Vec<u32>,
    after: Vec<u32>,
}

impl Frame {
    fn new(tokens: &[Token], place: &Unknown) -> Option<Self> {
        let (before, after) = (tokens.get(..place.tokens.start)?, tokens.get(place.tokens.end..)?);
        let is_mark = |token: &&Token| ["\"", "“", "”"].contains(&token.text.as_str());
        let is_quoted = before.last().as_ref().is_some_and(is_mark);
        let closes = is_quoted && after.first().as_ref().is_some_and(is_mark);
        let ids = |tokens: &[Token]| tokens.iter().map(|token| token.id).collect();
        Some(Self {
            before: ids(&before[..before.len() - usize::from(is_quoted)]),
            after: ids(&after[usize::from(closes)..]),
        })
    }

    fn with(&self, word: impl IntoIterator<Item = u32>) -> Vec<u32> {
        self.before.iter().copied().chain(word).chain(self.after.iter().copied()).collect()
    }
}

impl UnknownPlace<'_> {
    /// Seen words, three at most, the best first: of those that the language model expects in the place, those with which
    /// the rest of the sentence is likeliest. Empty if it expects none.
    pub fn suggestions(&self) -> Vec<String> {
        // The model reads `<bos>` first, which is no token of the sentence.
        let tokens = self.trace.source.get(1..).unwrap_or_default();
        let Some(frame) = Frame::new(tokens, self.unknown) else { return vec![] };
        let mut words: Vec<(f64, String)> = self
            .expected(&frame, &tokens[self.unknown.tokens.clone()])
            .into_par_iter()
            .map(|(id, word)| (self.log_probability_with(&frame, id), word))
            .collect();
        words.sort_by(|a, b| b.0.total_cmp(&a.0));
        let least = words.first().map_or(0.0, |best| best.0 - MOST_BELOW_BEST);
        let near = words.into_iter().take_while(|word| word.0 >= least);
        near.take(SUGGESTED).map(|word| word.1).collect()
    }

    /// The content words that the model expects most in the place, those around it left out; names only in that of a
    /// name.
    fn expected(&self, frame: &Frame, unknown: &[Token]) -> Vec<(u32, String)> {
        let Some(logits) = self.logits(&frame.with(unknown.iter().map(|token| token.id))) else {
            return vec![];
        };
        let expected = logits.row(0, frame.before.len());
        let mut ids: Vec<u32> = (0..expected.len() as u32).collect();
        ids.sort_by(|&a, &b| expected[b as usize].total_cmp(&expected[a as usize]));
        let has_capital = |word: &str| word.starts_with(char::is_uppercase);
        let is_name = has_capital(&self.unknown.word);
        let is_expected =
            |id: &u32| is_name || log_probability(&expected, *id as usize) >= LEAST_EXPECTED;
        let around = frame.with(iter::empty());
        let fits = |(id, word): &(u32, String)| {
            let mut function_words = FUNCTION_WORDS.split_whitespace();
            has_capital(word) == is_name
                && word.chars().count() >= LEAST_LETTERS
                && !around.contains(id)
                && function_words.all(|function_word| function_word != word.to_lowercase())
        };
        let ids = ids.into_iter().take_while(is_expected);
        let words = ids.filter_map(|id| Some((id, self.tokenizer.seen_word(id)?)));
        words.filter(fits).take(TRIED).collect()
    }

    /// The log-probability of the sentence from the place on, with this word there.
    fn log_probability_with(&self, frame: &Frame, word: u32) -> f64 {
        let ids = frame.with([word]);
        self.logits(&ids).map_or(f64::NEG_INFINITY, |logits| {
            let rows = frame.before.len()..ids.len();
            rows.map(|i| log_probability(&logits.row(0, i), ids[i] as usize)).sum()
        })
    }

    /// The logits of a pass over these tokens, (token, vocabulary): the ith row predicts the ith token.
    fn logits(&self, ids: &[u32]) -> Option<Arc<Value>> {
        let pass = self.model.run(ids, &Setup::default());
        let trace = Trace::new(ModelName::DecoderOnly, pass, self.tokenizer);
        trace.site(LOGITS.name).map(|site| Arc::clone(&site.value))
    }
}
