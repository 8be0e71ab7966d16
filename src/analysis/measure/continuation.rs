//! The language model's continuations of a part of the sentence: one greedy, then sampled ones.

use crate::{
    engine::math::{log_softmax, sampling::Choosing},
    model::{Model, Setup, Writer},
    text::{EOS, Token, Tokenizer},
};

/// The most tokens of a continuation.
pub const MOST: usize = 24;
/// The seeds of the samples.
pub const SEEDS: [u64; 3] = [1, 2, 3];

/// One continuation.
#[derive(Clone, Debug, PartialEq)]
pub struct Continuation {
    /// The seed of a sampled one; None for the greedy one.
    pub seed: Option<u64>,
    pub tokens: Vec<Token>,
    /// The sum of the log-probabilities of its tokens, at temperature 1.
    pub log_p: f64,
}

impl Continuation {
    pub fn log_p_per_token(&self) -> f64 {
        self.log_p / self.tokens.len().max(1) as f64
    }
}

/// A part of the sentence, and its continuations.
#[derive(Clone, Debug, PartialEq)]
pub struct Continued {
    /// The row of the last given token.
    pub row: usize,
    /// The continuations, the greedy one first.
    pub ways: Vec<Continuation>,
}

/// The number of parts of a sentence.
const PARTS: usize = 8;

/// The lengths of the first `n` eighths of a sentence, without repetition.
pub fn eighths(n_tokens: usize, n: usize) -> Vec<usize> {
    let mut ends: Vec<usize> = (1..=n).map(|part| n_tokens * part / PARTS).collect();
    ends.dedup();
    ends
}

/// A sentence, and the numbers of its tokens to continue from.
#[derive(Clone, Copy)]
pub struct ContinuedText<'a> {
    pub tokens: &'a [u32],
    pub parts: &'a [usize],
}

/// The continuations of each part; empty for a model that does not continue texts.
pub fn continued(
    model: &dyn Model,
    text: ContinuedText,
    setup: &Setup,
    tokenizer: &Tokenizer,
) -> Vec<Continued> {
    let of_part = |&row: &usize| {
        let mut writer = model.writer(setup)?;
        let prefix = &text.tokens[..row];
        let logits = writer.read(prefix)?;
        let way = |seed| {
            let choosing = Choosing { sample: seed, ..setup.choosing() };
            let is_over = |id: u32| model.ends().contains(&id) || tokenizer.token(id).text == ".";
            let (ids, log_p) = written(writer.fork(), logits.clone(), choosing, is_over);
            // The last token before it decides whether the first goes on with a word.
            let before = &prefix[prefix.len().saturating_sub(1)..];
            let tokens = tokenizer.tokens(&[before, &ids].concat()).split_off(before.len());
            Continuation { seed, tokens, log_p }
        };
        Some(Continued { row, ways: [None].into_iter().chain(SEEDS.map(Some)).map(way).collect() })
    };
    text.parts.iter().filter_map(of_part).collect()
}

/// The tokens written from these logits on, up to the one after which it is over or [`MOST`] of them, and the sum of
/// their log-probabilities.
fn written(
    mut writer: Box<dyn Writer + '_>,
    logits: Vec<f32>,
    choosing: Choosing,
    is_over: impl Fn(u32) -> bool,
) -> (Vec<u32>, f64) {
    let (mut ids, mut log_p) = (vec![], 0.0);
    let mut logits = Some(logits);
    while let Some(here) = logits {
        let id = choosing.token(&here, ids.len(), EOS);
        log_p += log_softmax(&here, 1.0)[id as usize];
        ids.push(id);
        if is_over(id) || ids.len() == MOST {
            break;
        }
        logits = writer.read(&[id]);
    }
    (ids, log_p)
}
