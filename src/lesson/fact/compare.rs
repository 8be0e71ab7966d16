//! Facts that compare RNN and Transformer: steps, paths, operations, influence, accuracy.

use super::{Context, Fact, fact, fact_of_built_in, word_starts};
use crate::{
    analysis::{
        measure::{
            accuracy,
            schedule::{Schedule, built_in, schedule},
        },
        reading::WordGradient,
    },
    engine::math::{aligned, largest},
    lesson::phrases::Phrases,
    model::ModelName,
    text::{Token, grouped, percent, word_at},
};

pub(super) static FACTS: &[Fact] = &[
    fact_of_built_in("steps_rnn", "steps an RNN's encoder takes in a row", |c| {
        c.phrases.counted(
            schedule_of(c, ModelName::Elman).sequential,
            Phrases::step,
            Phrases::steps,
        )
    }),
    fact_of_built_in("steps_transformer", "the same, Transformer", |c| {
        schedule_of(c, ModelName::Transformer).sequential.to_string()
    }),
    fact_of_built_in("path_rnn", "steps from the first word to the last in an RNN", |c| {
        c.phrases.counted(
            schedule_of(c, ModelName::Elman).longest_path,
            Phrases::once,
            Phrases::times,
        )
    }),
    fact_of_built_in("path_transformer", "the same, Transformer, in words", |c| {
        if n_tokens(c) == 1 { c.phrases.path_none() } else { c.phrases.path_direct() }
    }),
    fact_of_built_in("mults_elman", "multiplications of the Elman RNN's encoder", |c| {
        grouped(schedule_of(c, ModelName::Elman).multiplications)
    }),
    fact_of_built_in("mults_transformer", "the same, Transformer", |c| {
        grouped(schedule_of(c, ModelName::Transformer).multiplications)
    }),
    fact_of_built_in("influence_transformer", "the word with most influence on the output", |c| {
        influence(c, ModelName::Transformer)
    }),
    fact_of_built_in("influence_gru", "the same, GRU", |c| influence(c, ModelName::Gru)),
    fact_of_built_in("influence_elman", "the same, Elman RNN", |c| influence(c, ModelName::Elman)),
    fact_of_built_in("far_elman", "share of the gradient in the sentence's first half", |c| {
        first_half_share(c, ModelName::Elman)
    }),
    fact_of_built_in("far_gru", "the same, GRU", |c| first_half_share(c, ModelName::Gru)),
    fact_of_built_in("far_rnn_attention", "the same, RNN with attention", |c| {
        first_half_share(c, ModelName::RnnAttention)
    }),
    fact_of_built_in("far_transformer", "the same, Transformer", |c| {
        first_half_share(c, ModelName::Transformer)
    }),
    fact_of_built_in(
        "pair_words",
        "in how many words the two sentences that are patched differ",
        |c| {
            let differing = c.reading.patched_pair().map(|pair| n_differing(&pair));
            c.phrases
                .or_none(differing.map(|n| c.phrases.counted(n, Phrases::word, Phrases::words)))
        },
    ),
    fact("bucket", "this sentence's bucket in the accuracy table", bucket),
    fact_of_built_in("chrf_elman", "chrF in this bucket", |c| chrf(c, ModelName::Elman)),
    fact_of_built_in("chrf_gru", "the same, GRU", |c| chrf(c, ModelName::Gru)),
    fact_of_built_in("chrf_rnn_attention", "the same, RNN with attention", |c| {
        chrf(c, ModelName::RnnAttention)
    }),
    fact_of_built_in("chrf_transformer", "the same, Transformer", |c| {
        chrf(c, ModelName::Transformer)
    }),
    fact_of_built_in("chrf_transformer_unguided", "the same, twin", |c| {
        chrf(c, ModelName::TransformerUnguided)
    }),
];

/// The words in which two sentences differ, marks aside.
fn n_differing(pair: &[String; 2]) -> usize {
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let [a, b] = pair.each_ref().map(|text| text.split_whitespace().map(bare).collect::<Vec<_>>());
    let same = aligned(&a, &b).into_iter().zip(&b);
    let n_same = same.filter(|(i, word)| i.is_some_and(|i| a[i] == **word)).count();
    a.len().max(b.len()) - n_same
}

fn n_tokens(c: &Context) -> usize {
    c.reading.sentence.tokens.len()
}

fn schedule_of(c: &Context, model: ModelName) -> Schedule {
    schedule(model, built_in(n_tokens(c)))
}

/// Gradients are measured on a worker thread, never here.
fn influence(c: &Context, model: ModelName) -> String {
    let Some(influence) = c.reading.influence() else { return c.phrases.measuring() };
    let Some(WordGradient { norms, .. }) = influence.get(&model) else {
        return c.phrases.no_value();
    };
    let (tokens, sum) = (&c.reading.sentence.tokens, norms.iter().sum::<f32>());
    let (starts, words) = by_word(tokens, norms);
    match largest(&words, 1).first() {
        Some(&i) if sum > 0.0 => {
            let word = c.phrases.quoted_word(tokens, starts[i]);
            let share = c.phrases.of_all(&percent(words[i] / sum));
            c.phrases.influence(&word, &c.phrases.of_word(tokens, starts[i], share))
        }
        _ => c.phrases.influence_none(),
    }
}

/// The words' first tokens, and the sums of their tokens' numbers.
pub fn by_word(tokens: &[Token], numbers: &[f32]) -> (Vec<usize>, Vec<f32>) {
    let sum =
        |start: usize| numbers.get(word_at(tokens, start)).unwrap_or_default().iter().sum::<f32>();
    word_starts(tokens).map(|start| (start, sum(start))).unzip()
}

/// The share of the influence in the sentence's first half; a word in the middle counts half.
fn first_half_share(c: &Context, model: ModelName) -> String {
    let Some(influence) = c.reading.influence() else { return c.phrases.measuring() };
    let Some(WordGradient { norms, .. }) = influence.get(&model) else {
        return c.phrases.no_value();
    };
    let (whole, half) = (norms.iter().sum::<f32>(), norms.len() / 2);
    let middle = if norms.len() % 2 == 1 { norms[half] / 2.0 } else { 0.0 };
    let first_half = norms[..half].iter().sum::<f32>() + middle;
    if whole > 0.0 { percent(first_half / whole) } else { c.phrases.no_value() }
}

/// The bucket of this sentence, or the nearest one.
fn bucket_index(c: &Context) -> Option<usize> {
    c.reading.accuracy.bucket_of(accuracy::n_words(&c.reading.sentence.text))
}

fn bucket(c: &Context) -> String {
    let found = bucket_index(c).map(|i| c.reading.accuracy.buckets[i]);
    c.phrases
        .or_none(found.map(|[low, high]| c.phrases.bucket(&low.to_string(), &high.to_string())))
}

fn chrf(c: &Context, model: ModelName) -> String {
    let table = c.reading.accuracy.chrf.get(model.id());
    let found = bucket_index(c).and_then(|i| table?.get(i).copied());
    c.phrases.or_none(found.map(|score| format!("{score:.0}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_changed_left_out_or_added_are_counted() {
        let n = |a: &str, b: &str| n_differing(&[a.to_owned(), b.to_owned()]);
        assert_eq!(n("It was too tired.", "It was too wide."), 1);
        assert_eq!(n("He ate because it was hot.", "He never ate because she was hot."), 2);
        assert_eq!(n("The dog sleeps.", "The dog sleeps"), 0);
        assert_eq!(n("The dog sleeps.", "A cat sings, always."), 4);
    }
}
