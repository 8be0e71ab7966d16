//! Facts about the next token, and about what each model wrote.

use unicode_segmentation::UnicodeSegmentation;

use super::{Context, Fact, fact, fact_of_built_in};
use crate::{
    analysis::{measure::span, trace::Recorded},
    engine::math::largest,
    lesson::phrases::Phrases,
    model::{END_PROBS, ModelName, START_PROBS},
    text::{grouped, rounded, share},
};

pub(super) static FACTS: &[Fact] = &[
    fact("next", "the likeliest token after the selected row", |c| nth_word(c, 0)),
    fact("second_next", "the second", |c| nth_word(c, 1)),
    fact("top3", "the three likeliest with their probabilities", top3),
    fact("logit_next", "the highest logit", |c| {
        c.phrases.or_none(shown_logit(c, 0).map(|x| rounded(x, 2)))
    }),
    fact("logit_second", "the second", |c| {
        c.phrases.or_none(shown_logit(c, 1).map(|x| rounded(x, 2)))
    }),
    fact("logit_lead", "the difference of the two", |c| {
        c.phrases.or_none(logit_lead(c).map(|x| rounded(x, 2)))
    }),
    fact("at_temperature", "what the lead is divided by, if not by 1", |c| {
        let temperature = c.reading.changes.temperature();
        let is_divided = (temperature - 1.0).abs() > f32::EPSILON;
        let said = is_divided.then(|| c.phrases.at_temperature(&temperature.to_string()));
        said.unwrap_or_default()
    }),
    fact("exponent", "the lead divided by the temperature", |c| {
        c.phrases.or_none(exponent(c).map(|x| rounded(x, 2)))
    }),
    fact("odds", "e to that", |c| c.phrases.or_none(exponent(c).map(odds))),
    fact("actual", "what the language model gave to the words that really came", actual),
    fact("answer", "the answer that a question-answering head finds", |c| {
        c.phrases.or_none(answer(c).map(|(text, _)| c.phrases.quote(&text)))
    }),
    fact("answer_share", "the probability of its first token times that of its last", |c| {
        c.phrases.or_none(answer(c).map(|(_, x)| share(x)))
    }),
    fact("n_output", "tokens the step's model wrote, <eos> included", |c| {
        c.trace().output.len().to_string()
    }),
    fact_of_built_in("out_elman", "what the Elman RNN wrote", |c| output_of(c, ModelName::Elman)),
    fact_of_built_in("out_gru", "what the GRU wrote", |c| output_of(c, ModelName::Gru)),
    fact_of_built_in("out_rnn_attention", "what the RNN with attention wrote", |c| {
        output_of(c, ModelName::RnnAttention)
    }),
    fact_of_built_in("out_transformer", "what the Transformer wrote", |c| {
        output_of(c, ModelName::Transformer)
    }),
    fact_of_built_in("same_elman", "whether that is what the Transformer wrote", |c| {
        same_or_other(c, ModelName::Elman)
    }),
    fact_of_built_in("same_gru", "the same, GRU", |c| same_or_other(c, ModelName::Gru)),
    fact_of_built_in("same_rnn_attention", "the same, RNN with attention", |c| {
        same_or_other(c, ModelName::RnnAttention)
    }),
    fact_of_built_in("twin_translation", "whether guided and unguided agree", twin_translation),
    fact_of_built_in("agreement", "which models wrote the same as the Transformer", agreement),
];

/// The tokens of the answer, and its probability.
fn answer(c: &Context) -> Option<(String, f32)> {
    let row = |site| Some(c.beside(site)?.value.row(0, 0));
    let (start, end) = (row(&START_PROBS)?, row(&END_PROBS)?);
    let tokens = &c.trace().source;
    let (range, share) = span::best(&start, &end, span::context(tokens))?;
    let ids: Vec<u32> = tokens.get(range)?.iter().map(|token| token.id).collect();
    Some((c.reading.decoded(&ids).trim().to_owned(), share))
}

/// Token and value of the nth largest number of the selected row.
fn ranked_token(c: &Context, site: &Recorded, n: usize) -> Option<(String, f32)> {
    let row = c.row_of(site)?;
    let i = *largest(&row, n + 1).get(n)?;
    Some((c.trace().label_in_row(site, site.axes()[2], i, c.row()), row[i]))
}

/// The nth likeliest token, in quotes.
fn nth_word(c: &Context, n: usize) -> String {
    let found = c.trace().probs().and_then(|site| ranked_token(c, site, n));
    c.phrases.or_none(found.map(|(word, _)| c.phrases.quote(&word)))
}

fn top3(c: &Context) -> String {
    let Some(site) = c.trace().probs() else { return c.phrases.no_value() };
    let Some(row) = c.row_of(site) else { return c.phrases.no_value() };
    let text_of = |&i: &usize| {
        let word = c.phrases.quote(&c.trace().label_in_row(site, site.axes()[2], i, c.row()));
        c.phrases.token_with(&word, &share(row[i]))
    };
    largest(&row, 3).iter().map(text_of).collect::<Vec<_>>().join(&c.phrases.list_between())
}

/// The nth largest logit as the text shows it, so that what is computed from shown numbers agrees with them.
fn shown_logit(c: &Context, n: usize) -> Option<f64> {
    let (_, logit) = ranked_token(c, c.trace().logits()?, n)?;
    Some((f64::from(logit) * 100.0).round() / 100.0)
}

fn logit_lead(c: &Context) -> Option<f64> {
    let lead = shown_logit(c, 0)? - shown_logit(c, 1)?;
    Some((lead * 100.0).round() / 100.0)
}

fn exponent(c: &Context) -> Option<f64> {
    let lead = logit_lead(c)? / f64::from(c.reading.changes.temperature());
    Some((lead * 100.0).round() / 100.0)
}

fn odds(lead: f64) -> String {
    match lead.exp() {
        odds if odds >= 1e9 => format!("{odds:.1e}"),
        odds if odds >= 10.0 => grouped(odds.round() as usize),
        odds => format!("{odds:.1}"),
    }
}

fn actual(c: &Context) -> String {
    let after = c.tokens().get(c.row() + 1);
    let given = after.and_then(|token| {
        let row = c.row_of(c.trace().probs()?)?;
        Some((token, *row.get(token.id as usize)?))
    });
    match given {
        Some((token, p)) => c.phrases.came_next(&c.phrases.quote(&token.text), &share(p)),
        None => c.phrases.nothing_came(),
    }
}

/// A model's output in quotes, without its full stop, since sentences about it have their own; a very long one is cut
/// to where it differs from the Transformer's, the panes show it in full.
fn output_of(c: &Context, model: ModelName) -> String {
    let written = |model| {
        let text = c.reading.trace(model).output_text.trim();
        text.strip_suffix('.').map_or(text, str::trim_end)
    };
    match written(model) {
        "" => c.phrases.nothing(),
        text => c.phrases.quote(&excerpt(text, written(ModelName::Transformer))),
    }
}

/// The longest quotation, in user-perceived characters.
const MAX_GRAPHEMES: usize = 90;

/// The text, if it is short; else whole words of it, from its beginning or, where that is what it has in common with
/// `other`, from a word before the first difference.
fn excerpt(text: &str, other: &str) -> String {
    let size = |text: &str| text.graphemes(true).count();
    if size(text) <= MAX_GRAPHEMES {
        return text.to_owned();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let size_of = |words: &[&str]| words.iter().map(|word| size(word) + 1).sum::<usize>();
    let n_same = words.iter().zip(other.split_whitespace()).take_while(|(a, b)| *a == b).count();
    let shows_difference = n_same == words.len() || size_of(&words[..=n_same]) <= MAX_GRAPHEMES + 1;
    let first = if shows_difference { 0 } else { n_same.saturating_sub(1) };
    let fits = |n: &usize| size_of(&words[first..first + n]) <= MAX_GRAPHEMES + 1;
    let n = (1..=words.len() - first).rev().find(fits).unwrap_or(1);
    let start = if first > 0 { "… " } else { "" };
    let end = if first + n < words.len() { " …" } else { "" };
    let shown: String =
        words[first..first + n].join(" ").graphemes(true).take(MAX_GRAPHEMES).collect();
    format!("{start}{shown}{end}")
}

fn agrees(c: &Context, model: ModelName) -> bool {
    c.reading.trace(model).output_text == c.reading.trace(ModelName::Transformer).output_text
}

/// Nothing is said of a model that wrote nothing.
fn same_or_other(c: &Context, model: ModelName) -> String {
    match c.reading.trace(model).output_text.trim() {
        "" => String::new(),
        _ if agrees(c, model) => c.phrases.same_french(),
        _ => c.phrases.other_french(),
    }
}

fn twin_translation(c: &Context) -> String {
    if agrees(c, ModelName::TransformerUnguided) {
        c.phrases.twin_agrees()
    } else {
        c.phrases.twin_differs(&output_of(c, ModelName::TransformerUnguided))
    }
}

fn agreement(c: &Context) -> String {
    let others =
        [ModelName::TransformerUnguided, ModelName::RnnAttention, ModelName::Gru, ModelName::Elman];
    let names_where = |agree: bool| -> Vec<String> {
        let names = others.into_iter().filter(|&name| agrees(c, name) == agree);
        names.map(|name| model_name(c.phrases, name)).collect()
    };
    match (names_where(true), names_where(false)) {
        (_, differ) if differ.is_empty() => c.phrases.all_agree(),
        (same, _) if same.is_empty() => c.phrases.none_agrees(),
        (same, differ) => c.phrases.some_agree(&c.phrases.list(&same), &c.phrases.list(&differ)),
    }
}

fn model_name(phrases: &Phrases, name: ModelName) -> String {
    match name {
        ModelName::Elman => phrases.elman(),
        ModelName::Gru => phrases.gru(),
        ModelName::RnnAttention => phrases.rnn_attention(),
        ModelName::Transformer => phrases.transformer(),
        ModelName::TransformerUnguided => phrases.transformer_unguided(),
        ModelName::DecoderOnly => phrases.decoder_only(),
        ModelName::Checkpoint => phrases.checkpoint(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_quotation_shows_the_first_difference_in_whole_words() {
        let same = "le vieil homme qui vivait pres de la riviere ne voulait pas vendre sa petite maison au jeune";
        let quoted =
            excerpt(&format!("{same} docteur parce qu'il y avait"), &format!("{same} medecin"));
        assert_eq!(quoted, "… jeune docteur parce qu'il y avait");
        let early = excerpt(&format!("un {same} docteur"), &format!("{same} docteur"));
        assert!(early.starts_with("un le vieil") && early.ends_with(" maison au …"), "{early}");
        assert_eq!(excerpt(same, same).chars().last(), Some('…'));
        assert_eq!(excerpt("le chien dort", ""), "le chien dort");
        assert!(excerpt(&"x".repeat(200), "").chars().count() <= MAX_GRAPHEMES);
    }
}
