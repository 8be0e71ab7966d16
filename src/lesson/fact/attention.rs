//! Facts about attention: scores, weights, the mask, and the guided head.

use std::ops::Range;

use super::{
    Context, ENGLISH_PRONOUNS, ENGLISH_SUBJECTS, FRENCH_PRONOUNS, Fact, all_of, compare::by_word,
    fact, fact_of_built_in, last_of, last_word_in, words_from_end,
};
use crate::{
    analysis::{
        evidence::heads::{PREVIOUS, nouns_before},
        measure::{
            ablation::KnockOut,
            attention::{AttendedKey, entropy_bits, of_output_to_source, strongest_word},
        },
        trace::{Recorded, Trace},
    },
    engine::{
        math::{argmax, largest, softmax},
        site::lies_in,
        value::Cell,
    },
    lesson::{LayerHead, phrases::Phrases},
    model::{GUIDED_HEAD, ModelName, layer::attention, rnn_attention},
    text::{Token, grouped, percent, share, spoken, word_at, word_text},
};

pub(super) static FACTS: &[Fact] = &[
    fact("key", "the word that the selected one looks at most", |c| {
        nth_look_text(c, 0, quoted_look)
    }),
    fact("weight", "the weight on it", |c| nth_look_text(c, 0, |_, l| share(l.weight))),
    fact("then_second", "the second and its weight, if there is one", then_second),
    fact("heads_look", "where every head looks from the selected word", heads_look),
    fact(
        "first_share",
        "share of the selected head's weight on the first token, on average",
        |c| {
            let first = c.main().map(|site| {
                let plane = site.value.one_plane(c.head().min(site.shape().planes - 1));
                plane.column(0).mean()
            });
            c.phrases.or_none(first.map(percent))
        },
    ),
    fact("entropy", "entropy of the selected row in bits", |c| {
        c.phrases.or_none(weights(c).map(|row| format!("{:.1}", entropy_bits(&row).abs())))
    }),
    fact("entropy_max", "the entropy if all weights were equal", |c| {
        c.phrases.or_none(weights(c).map(|row| format!("{:.1}", (row.len() as f32).log2())))
    }),
    fact("score_low", "lowest score or energy of the row", |c| {
        c.phrases.or_none(extremes(c).map(|e| spoken(e.0)))
    }),
    fact("score_high", "highest score or energy of the row", |c| {
        c.phrases.or_none(extremes(c).map(|e| spoken(e.1)))
    }),
    fact(
        "unscaled",
        "the strongest weight, and what it were had the scores not been divided",
        unscaled,
    ),
    fact("knock_out", "change of log p(output) without the selected head", |c| {
        knock_out(c, |_, knocked| spoken(knocked.change))
    }),
    fact(
        "knock_out_tokens",
        "how many tokens of the output change without the selected head, in words",
        |c| {
            knock_out(c, |c, knocked| match knocked.tokens {
                0 => c.phrases.changed_none(),
                1 => c.phrases.changed_one(),
                n => c.phrases.changed_many(&grouped(n)),
            })
        },
    ),
    fact("masked_cells", "cells above the diagonal", |c| {
        let n = c.tokens().len();
        grouped(n * n.saturating_sub(1) / 2)
    }),
    fact("leak", "share of the row that would go to the future without the mask", future_share),
    fact("asker", "the pronoun, or else the last word that is one token", asker),
    fact("asker_note", "says which word stands in, if there is no pronoun", |c| {
        note_without_pronoun(
            c,
            if last_word_asks(c) {
                Phrases::last_word_stands_in
            } else {
                Phrases::last_whole_word_stands_in
            },
        )
    }),
    fact("a_pronoun", "the pronoun, or “it” as an example", |c| {
        if has_pronoun(c) { asker(c) } else { c.phrases.pronoun_example() }
    }),
    fact("a_pronoun_note", "says so, if there is no pronoun", |c| {
        note_without_pronoun(c, Phrases::try_a_pronoun)
    }),
    fact(
        "previous_head",
        "the head that looks most at the token before, with its mean weight",
        |c| {
            let weights = previous_weights(c);
            let best = largest(&weights, 1).first().copied();
            let said =
                best.map(|head| c.phrases.head_with(&head.to_string(), &share(weights[head])));
            c.phrases.or_none(said)
        },
    ),
    fact("no_previous_head", "says so, if no head looks mostly at the token before", |c| {
        let is_none = c.reading.heads().is_some() && previous_head(c).is_none();
        if is_none { c.phrases.no_previous_head() } else { String::new() }
    }),
    fact_of_built_in("noun_far", "which noun, and how far back", noun_distance),
    fact_of_built_in(
        "at_hand",
        "where the guided head looks from the pronoun, and what the French has",
        pronoun_look,
    ),
    fact_of_built_in(
        "pronouns_written",
        "what the Transformer and the Elman RNN write for the pronoun",
        pronouns_written,
    ),
    fact_of_built_in(
        "no_pronoun_to_keep",
        "what to do where the French has no pronoun",
        no_pronoun_to_keep,
    ),
    fact_of_built_in("guided_key", "where the guided head looks from the pronoun", |c| {
        guided(c, ModelName::Transformer, looked_at)
    }),
    fact_of_built_in("guided_weight", "the weight on it", |c| {
        guided(c, ModelName::Transformer, |_, l| share(l.weight))
    }),
    fact_of_built_in("unguided_key", "where the twin's same head looks", |c| {
        guided(c, ModelName::TransformerUnguided, looked_at)
    }),
    fact_of_built_in("unguided_weight", "the weight on it", |c| {
        guided(c, ModelName::TransformerUnguided, |_, l| share(l.weight))
    }),
    fact_of_built_in(
        "unguided_there",
        "what each of the twin's heads puts on the guided head's word",
        unguided_there,
    ),
];

fn row_of(c: &Context, site: &Recorded) -> Option<Vec<f32>> {
    row_in(site, c.head(), c.row())
}

/// A row of a head, or of the last head if there are fewer.
fn row_in(site: &Recorded, head: usize, row: usize) -> Option<Vec<f32>> {
    let head = head.min(site.shape().planes.checked_sub(1)?);
    site.shape().holds(Cell::new(head, row, 0)).then(|| site.value.row(head, row))
}

fn weights(c: &Context) -> Option<Vec<f32>> {
    row_of(c, c.beside(&attention::WEIGHTS)?)
}

/// The keys of an attention where its lesson speaks of words; None for a checkpoint, whose lesson speaks of tokens.
fn tokens_of_words<'a>(c: &Context<'a>, site: &Recorded) -> Option<&'a [Token]> {
    let stream = site.place.stream(site.axes()[2])?;
    (c.step.model != ModelName::Checkpoint).then(|| c.trace().tokens(stream))
}

/// Where a head looks from the selected row, the largest weight first. The weights on a word's tokens are added up and
/// `key` is the first of them; a checkpoint's tokens stand by themselves.
pub fn looks(c: &Context, head: usize) -> Vec<AttendedKey> {
    let row =
        c.beside(&attention::WEIGHTS).and_then(|site| Some((site, row_in(site, head, c.row())?)));
    let Some((site, row)) = row else { return vec![] };
    let of_words = tokens_of_words(c, site);
    let (keys, weights) = of_words
        .map_or_else(|| ((0..row.len()).collect(), row.clone()), |tokens| by_word(tokens, &row));
    let word = |key: usize| match of_words {
        Some(tokens) => word_text(tokens, key),
        None => c.trace().label(site, site.axes()[2], key),
    };
    let look = |i: usize| AttendedKey { key: keys[i], word: word(keys[i]), weight: weights[i] };
    largest(&weights, weights.len()).into_iter().map(look).collect()
}

fn nth_look(c: &Context, n: usize) -> Option<AttendedKey> {
    looks(c, c.head()).into_iter().nth(n)
}

/// The word looked at; of several tokens it says that the weight is on all of them.
fn quoted_look(c: &Context, look: &AttendedKey) -> String {
    c.phrases.word_with_all(keys(c), look.key)
}

/// The tokens that the selected attention looks at.
pub fn keys<'a>(c: &Context<'a>) -> &'a [Token] {
    let stream = c.beside(&attention::WEIGHTS).and_then(|site| site.place.stream(site.axes()[2]));
    stream.map_or(&[], |stream| c.trace().tokens(stream))
}

fn nth_look_text(c: &Context, n: usize, text_of: fn(&Context, &AttendedKey) -> String) -> String {
    nth_look(c, n).map_or_else(|| c.phrases.nothing(), |look| text_of(c, &look))
}

fn then_second(c: &Context) -> String {
    let text_of =
        |look: AttendedKey| c.phrases.then_second(&quoted_look(c, &look), &share(look.weight));
    nth_look(c, 1).map_or_else(String::new, text_of)
}

fn heads_look(c: &Context) -> String {
    let Some(site) = c.beside(&attention::WEIGHTS) else { return c.phrases.no_value() };
    let looks = (0..site.shape().planes).filter_map(|head| {
        let look = looks(c, head).into_iter().next()?;
        let (word, weight) = (quoted_look(c, &look), share(look.weight));
        Some(c.phrases.head_looks(&head.to_string(), &word, &weight))
    });
    c.phrases.list(&looks.collect::<Vec<_>>())
}

/// Knock-outs are measured on a worker thread, never here.
fn knock_out(c: &Context, text_of: fn(&Context, &KnockOut) -> String) -> String {
    let Some(knock_outs) = c.reading.knock_outs() else { return c.phrases.measuring() };
    let knocked = || {
        let scope = c.main()?.scope();
        knock_outs.get(&c.step.model)?.get(scope)?.get(c.head())
    };
    c.phrases.or_none(knocked().map(|knocked| text_of(c, knocked)))
}

fn extremes(c: &Context) -> Option<(f32, f32)> {
    let row =
        row_of(c, c.beside(&attention::SCORES).or_else(|| c.beside(&rnn_attention::ENERGIES))?)?;
    let low = row.iter().copied().min_by(f32::total_cmp)?;
    Some((low, row.into_iter().max_by(f32::total_cmp)?))
}

/// What softmax would get without the division: the scores, with the bias and the mask that were added after it. None
/// where it gets something else too: capped scores, or a sink.
fn row_without_scaling(c: &Context) -> Option<Vec<f32>> {
    if c.beside(&attention::CAPPED).or_else(|| c.beside(&attention::SINK)).is_some() {
        return None;
    }
    let [scores, scaled] =
        [&attention::SCORES, &attention::SCALED].map(|site| row_of(c, c.beside(site)?));
    let (scores, scaled) = (scores?, scaled?);
    let added = c.beside(&attention::MASKED).or_else(|| c.beside(&attention::BIASED));
    let last = added.and_then(|site| row_of(c, site)).unwrap_or_else(|| scaled.clone());
    let values = scores.iter().zip(last.iter().zip(&scaled));
    Some(values.map(|(score, (last, scaled))| score + (last - scaled)).collect())
}

fn unscaled(c: &Context) -> String {
    let said = || {
        let most = |row: Vec<f32>| row.into_iter().max_by(f32::total_cmp);
        let both = [most(weights(c)?)?, most(softmax(&row_without_scaling(c)?, 1.0))?];
        let [with, without] = both.map(share);
        Some(if with == without || both.iter().all(|&x| x >= 0.995) {
            c.phrases.same_unscaled(&with)
        } else {
            c.phrases.other_unscaled(&with, &without)
        })
    };
    said().unwrap_or_default()
}

fn future_share(c: &Context) -> String {
    let row = c.beside(&attention::SCALED).and_then(|site| row_of(c, site));
    let future =
        row.map(|row| softmax(&row, 1.0).into_iter().skip(c.row() + 1).fold(0.0, |a, b| a + b));
    c.phrases.or_none(future.map(percent))
}

pub fn has_pronoun(c: &Context) -> bool {
    c.pronoun_of_sentence().is_some()
}

/// What to do where the French of the pass without changes has no pronoun.
fn no_pronoun_to_keep(c: &Context) -> String {
    let has_one = |trace: &Trace| all_of(&trace.output, FRENCH_PRONOUNS).next().is_some();
    let has_none = !c.plain_transformer().is_some_and(has_one);
    if has_none { c.phrases.no_pronoun_to_keep() } else { String::new() }
}

/// Position of the pronoun, else of the last word.
fn pronoun_or_last(c: &Context) -> usize {
    let tokens = &c.reading.sentence.tokens;
    let position = c.pronoun_of_sentence().or_else(|| last_word_in(tokens));
    position.unwrap_or(tokens.len().saturating_sub(1))
}

fn asker(c: &Context) -> String {
    c.phrases.quoted_word(&c.reading.sentence.tokens, pronoun_or_last(c))
}

/// Whether [`pronoun_or_last`] is the last word; one that is cut into tokens is passed over.
fn last_word_asks(c: &Context) -> bool {
    words_from_end(&c.reading.sentence.tokens).next().is_none_or(|i| i == pronoun_or_last(c))
}

/// The tokens of the nouns before the selected pronoun that have most weight, one a noun; none if another word is
/// selected.
pub fn nouns_before_pronoun(c: &Context, weights: &[f32]) -> Vec<usize> {
    let (tokens, row) = (c.tokens(), c.row());
    if !all_of(tokens, ENGLISH_PRONOUNS).any(|i| i == row) {
        return vec![];
    }
    let heaviest = |noun: Range<usize>| {
        let first = noun.start;
        Some(first + argmax(weights.get(noun)?.iter().copied())?)
    };
    nouns_before(tokens, row, weights).into_iter().filter_map(heaviest).collect()
}

fn note_without_pronoun(c: &Context, text: fn(&Phrases) -> String) -> String {
    if has_pronoun(c) { String::new() } else { text(c.phrases) }
}

/// Why French chooses no gender here: the “it” stands for no noun, or there is none.
fn nothing_to_choose(c: &Context, there_is_none: fn(&Phrases) -> String) -> String {
    let tokens = &c.reading.sentence.tokens;
    match last_of(tokens, ENGLISH_PRONOUNS) {
        Some(it) => c.phrases.impersonal(&c.phrases.quoted_word(tokens, it)),
        None => there_is_none(c.phrases),
    }
}

/// By head of the step's attention: the mean weight on the token before, over the rows that have one.
pub fn previous_weights(c: &Context) -> Vec<f32> {
    let Some(site) = c.beside(&attention::WEIGHTS) else { return vec![] };
    let (shape, n) = (site.shape(), site.shape().rows.min(site.shape().cols));
    let on_previous = |head: usize| -> f32 {
        (1..n).map(|row| site.value.get(Cell::new(head, row, row - 1))).sum()
    };
    (0..shape.planes).map(|head| on_previous(head) / (n.max(2) - 1) as f32).collect()
}

/// Layer and head of the step's self-attention with the largest mean weight on the token before, from where on such a
/// head stands out; None if none does.
pub fn previous_head(c: &Context) -> Option<LayerHead> {
    let stack = c.main()?.place.scope.stack()?;
    let heads = c.reading.heads()?.get(&c.step.model)?.iter();
    let heads = heads.filter(|head| lies_in(&head.path, stack));
    let weights = heads.filter_map(|head| Some((head.figures.previous?, head)));
    let (weight, head) = weights.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (weight >= PREVIOUS.bound).then_some(LayerHead { layer: head.layer, head: head.head })
}

/// Where the guided head looks from the pronoun, or else from the last word, in a pass over the sentence.
pub fn guided_look(c: &Context, trace: &Trace) -> Option<AttendedKey> {
    strongest_word(trace, GUIDED_HEAD.weights, GUIDED_HEAD.head, pronoun_or_last(c))
}

fn guided(c: &Context, model: ModelName, text_of: fn(&Context, &AttendedKey) -> String) -> String {
    c.phrases.or_none(guided_look(c, c.reading.trace(model)).map(|look| text_of(c, &look)))
}

/// The word looked at; the weights on its tokens are added up.
fn looked_at(c: &Context, look: &AttendedKey) -> String {
    c.phrases.word_with_all(&c.reading.sentence.tokens, look.key)
}

fn unguided_there(c: &Context) -> String {
    let twin = c.reading.trace(ModelName::TransformerUnguided).site(GUIDED_HEAD.weights);
    let shares =
        twin.zip(guided_look(c, c.reading.trace(ModelName::Transformer))).map(|(site, look)| {
            let (tokens, asker) = (&c.reading.sentence.tokens, pronoun_or_last(c));
            let share_of = |head| {
                let on = |key| site.value.get(Cell::new(head, asker, key));
                share(word_at(tokens, look.key).map(on).sum())
            };
            c.phrases.list(&(0..site.shape().planes).map(share_of).collect::<Vec<_>>())
        });
    c.phrases.or_none(shares)
}

fn noun_distance(c: &Context) -> String {
    let Some(look) =
        guided_look(c, c.reading.trace(ModelName::Transformer)).filter(|_| has_pronoun(c))
    else {
        return String::new();
    };
    let word = c.phrases.quoted_word(&c.reading.sentence.tokens, look.key);
    if !may_be_meant(c, &look) {
        return c.phrases.noun_none(&word);
    }
    let back = pronoun_or_last(c) - look.key;
    c.phrases.noun_back(&word, &c.phrases.counted(back, Phrases::token, Phrases::tokens))
}

/// Whether the pronoun can stand for what is looked at: a word before it, no mark and no pronoun.
pub fn may_be_meant(c: &Context, look: &AttendedKey) -> bool {
    let is_word = look.word.chars().any(char::is_alphanumeric);
    let is_subject = ENGLISH_SUBJECTS.contains(&look.word.to_lowercase().as_str());
    look.key < pronoun_or_last(c) && is_word && !is_subject
}

fn pronoun_look(c: &Context) -> String {
    let Some(look) =
        guided_look(c, c.reading.trace(ModelName::Transformer)).filter(|_| has_pronoun(c))
    else {
        return nothing_to_choose(c, Phrases::no_pronoun);
    };
    let tokens = &c.reading.sentence.tokens;
    let word = c.phrases.quoted_word(tokens, look.key);
    let weight = c.phrases.of_word(tokens, look.key, share(look.weight));
    let said = if may_be_meant(c, &look) {
        Phrases::pronoun_looks
    } else {
        Phrases::pronoun_looks_at_none
    };
    said(c.phrases, &asker(c), &word, &weight, &pronoun_written(c, ModelName::Transformer))
}

/// Index in the output of the French pronoun that rests most on the source's token `asker`, and on nothing more. A model
/// without attention does not say what its pronouns stand for: its last one.
pub(super) fn written_for(trace: &Trace, model: ModelName, asker: usize) -> Option<usize> {
    let mut pronouns = all_of(&trace.output, FRENCH_PRONOUNS);
    let rows = trace.output_rows();
    if alignment(trace, model, *rows.first()?).is_none() {
        return pronouns.next_back();
    }
    let on_asker = |i: usize| {
        let weights = alignment(trace, model, *rows.get(i)?)?;
        let weight = *weights.get(asker)?;
        (argmax(weights) == Some(asker)).then_some((i, weight))
    };
    pronouns.filter_map(on_asker).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| i)
}

/// The weights on the source of the row that writes a token: of the aligned head, else the mean over heads. None for a
/// model without attention to the source.
fn alignment(trace: &Trace, model: ModelName, row: usize) -> Option<Vec<f32>> {
    let site = of_output_to_source(trace)?;
    if !site.shape().holds(Cell::new(0, row, 0)) {
        return None;
    }
    if let Some(head) = model.aligned_head() {
        return Some(site.value.row(head, row));
    }
    let n_heads = site.shape().planes;
    let mut sums = vec![0.0; site.shape().cols];
    for head in 0..n_heads {
        sums.iter_mut().zip(site.value.row(head, row)).for_each(|(sum, x)| *sum += x);
    }
    Some(sums.into_iter().map(|sum| sum / n_heads as f32).collect())
}

/// What a model writes for the sentence's pronoun.
fn pronoun_written(c: &Context, model: ModelName) -> String {
    let trace = c.reading.trace(model);
    let written = written_for(trace, model, pronoun_or_last(c));
    let written = written.map(|i| c.phrases.quote(&word_text(&trace.output, i)));
    written.unwrap_or_else(|| c.phrases.neither_pronoun())
}

/// Of the Elman RNN only where its pronoun can stand for nothing else.
fn pronouns_written(c: &Context) -> String {
    if !has_pronoun(c) {
        return nothing_to_choose(c, Phrases::no_pronoun_in_task);
    }
    let transformer = pronoun_written(c, ModelName::Transformer);
    let mut said = if all_of(&c.reading.sentence.tokens, ENGLISH_SUBJECTS).count() > 1 {
        c.phrases.pronoun_written(&asker(c), &transformer)
    } else {
        let elman = pronoun_written(c, ModelName::Elman);
        c.phrases.pronouns_written(&asker(c), &transformer, &elman)
    };
    if it_has_another_form(c) {
        said.push_str(&c.phrases.other_forms());
    }
    said
}

/// Whether the pronoun is an “it” for which the Transformer writes no `il` or `elle`: an object, or `c'`.
pub(super) fn it_has_another_form(c: &Context) -> bool {
    let (tokens, asker) = (&c.reading.sentence.tokens, pronoun_or_last(c));
    let trace = c.reading.trace(ModelName::Transformer);
    word_text(tokens, asker).eq_ignore_ascii_case("it")
        && written_for(trace, ModelName::Transformer, asker).is_none()
}
