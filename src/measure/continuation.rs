//! How the language model writes on after a part of the sentence: once greedily, then by chance.

use crate::{
    math::{beam::log_softmax, sampling::Choosing},
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

/// How many parts of the sentence are written on.
const PARTS: usize = 8;

/// Writes on after an eighth of the sentence, two eighths and so on. Empty for a model that does
/// not write on.
pub fn continued(
    model: &dyn Model,
    sentence: &[u32],
    setup: &Setup,
    tokenizer: &Tokenizer,
) -> Vec<Continued> {
    let mut rows: Vec<usize> = (1..PARTS).map(|part| sentence.len() * part / PARTS).collect();
    rows.dedup();
    let of_row = |row: usize| {
        let way = |seed| write_on(model, &sentence[..row], seed, setup, tokenizer);
        let ways = [None].into_iter().chain(SEEDS.map(Some)).map(way);
        Some(Continued { row, ways: ways.collect::<Option<_>>()? })
    };
    rows.into_iter().map_while(of_row).collect()
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
    let mut logits = writer.read(prefix);
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
