//! How the language model writes on after a part of the sentence: once greedily, then by chance.

use crate::{
    engine::math::{beam::log_softmax, sampling::Choosing},
    model::{Model, Setup},
    text::{EOS, Token, Tokenizer},
};

/// The most tokens that are written on.
pub const MOST: usize = 24;
/// The seeds of the samples.
pub const SEEDS: [u64; 3] = [1, 2, 3];

/// One way to write on.
#[derive(Clone, Debug, PartialEq)]
pub struct Continuation {
    /// The seed it was drawn with; None if it is the greedy one.
    pub seed: Option<u64>,
    pub tokens: Vec<Token>,
    /// Sum of the log-probabilities of its tokens, at temperature 1.
    pub log_p: f64,
}

impl Continuation {
    pub fn log_p_per_token(&self) -> f64 {
        self.log_p / self.tokens.len().max(1) as f64
    }
}

/// A part of the sentence, and what was written after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Continued {
    /// The row of the last token that was given.
    pub row: usize,
    /// The greedy one first.
    pub ways: Vec<Continuation>,
}

/// Into how many parts a sentence is cut.
const PARTS: usize = 8;

/// The ends of the first `n` eighths of a sentence, each once.
pub fn eighths(n_tokens: usize, n: usize) -> Vec<usize> {
    let mut ends: Vec<usize> = (1..=n).map(|part| n_tokens * part / PARTS).collect();
    ends.dedup();
    ends
}

/// A sentence, and how many of its tokens are given each time.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    pub tokens: &'a [u32],
    pub parts: &'a [usize],
}

/// Writes on after each part. Empty for a model that does not write on.
pub fn continued(
    model: &dyn Model,
    text: Text,
    setup: &Setup,
    tokenizer: &Tokenizer,
) -> Vec<Continued> {
    let of_part = |&row: &usize| {
        let way = |seed| write_on(model, &text.tokens[..row], seed, setup, tokenizer);
        let ways = [None].into_iter().chain(SEEDS.map(Some)).map(way);
        Some(Continued { row, ways: ways.collect::<Option<_>>()? })
    };
    text.parts.iter().filter_map(of_part).collect()
}

/// One continuation, until `<eos>`, a full stop or [`MOST`] tokens. None if the model has none.
fn write_on(
    model: &dyn Model,
    prefix: &[u32],
    seed: Option<u64>,
    setup: &Setup,
    tokenizer: &Tokenizer,
) -> Option<Continuation> {
    let choosing = Choosing { sample: seed, ..setup.choosing() };
    let mut writer = model.writer(setup)?;
    let (mut tokens, mut log_p) = (vec![], 0.0);
    let mut logits = Some(writer.read(prefix)?);
    while let Some(here) = logits {
        let id = choosing.token(&here, tokens.len(), EOS);
        log_p += log_softmax(&here, 1.0)[id as usize];
        let token = tokenizer.token(id);
        let is_over = model.ends().contains(&id) || token.text == ".";
        tokens.push(token);
        if is_over || tokens.len() == MOST {
            break;
        }
        logits = writer.read(&[id]);
    }
    Some(Continuation { seed, tokens, log_p })
}
