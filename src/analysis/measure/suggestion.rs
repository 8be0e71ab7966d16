//! Words to use instead of one that the models have never seen.

use nalgebra::DVector;

use crate::{
    analysis::trace::Trace,
    engine::value::Value,
    model::{EMBEDDING_TABLE, LOGITS},
    text::{Tokenizer, Unknown},
};

/// How many of the language model's likeliest words are compared.
const CANDIDATES: usize = 60;
/// How many words are suggested.
const SUGGESTED: usize = 3;

/// Seen words that the language model expects in the place of `unknown`, those first whose embedding is most similar to
/// the mean embedding of its tokens (cosine), three at most. Empty if the trace is not of a language model that read it.
pub fn suggestions(
    language_model: &Trace,
    tokenizer: &Tokenizer,
    unknown: &Unknown,
) -> Vec<String> {
    let table = language_model.value(EMBEDDING_TABLE).map(Value::matrix);
    let logits = language_model.value(LOGITS.name).map(Value::matrix);
    let (Some(table), Some(logits)) = (table, logits) else { return vec![] };
    // The model reads `<bos>` first, so row i predicts the sentence's token i.
    let tokens = language_model.source.get(1..).and_then(|read| read.get(unknown.tokens.clone()));
    let Some(tokens) = tokens.filter(|_| unknown.tokens.start < logits.nrows()) else {
        return vec![];
    };
    let row = |id: u32| -> DVector<f32> { table.row(id as usize).transpose() };
    let sum: DVector<f32> = tokens.iter().map(|token| row(token.id)).sum();
    let expected = logits.row(unknown.tokens.start);
    let mut ids: Vec<u32> = (0..expected.ncols() as u32).collect();
    ids.sort_by(|&a, &b| expected[b as usize].total_cmp(&expected[a as usize]));
    let words = ids.into_iter().filter_map(|id| Some((id, tokenizer.seen_word(id)?)));
    let mut words: Vec<(f32, String)> =
        words.take(CANDIDATES).map(|(id, word)| (row(id).normalize().dot(&sum), word)).collect();
    words.sort_by(|a, b| b.0.total_cmp(&a.0));
    words.into_iter().take(SUGGESTED).map(|(_, word)| word).collect()
}
