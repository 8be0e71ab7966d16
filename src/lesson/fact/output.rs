//! The next word, and what each model wrote.

use unicode_segmentation::UnicodeSegmentation;

use super::{Context, Fact, fact, fact_of_built_in, largest};
use crate::{analysis::trace::Recorded, lesson::phrases::Phrases, model::Name, text::spoken};

pub(super) static FACTS: &[Fact] = &[
    fact("next", "the likeliest token after the selected row", |c| {
        nth(c, "probs", 0, |c, r| c.say.quote(&r.0))
    }),
    fact("second_next", "the second", |c| nth(c, "probs", 1, |c, r| c.say.quote(&r.0))),
    fact("top3", "the three likeliest with their probabilities", top3),
    fact("logit_next", "the highest logit", |c| nth(c, "logits", 0, |_, r| spoken(r.1))),
    fact("logit_second", "the second", |c| nth(c, "logits", 1, |_, r| spoken(r.1))),
    fact("logit_lead", "the difference of the two", |c| {
        c.say.or_none(lead(c).map(|l| format!("{l:.1}")))
    }),
    fact("odds", "e to that difference", |c| c.say.or_none(lead(c).map(|lead| odds(c, lead)))),
    fact("actual", "what the language model gave to the words that really came", actual),
    fact("n_output", "tokens the step's model wrote, <eos> included", |c| {
        c.trace().output.len().to_string()
    }),
    fact_of_built_in("out_elman", "what the Elman RNN wrote", |c| wrote(c, Name::Elman)),
    fact_of_built_in("out_gru", "what the GRU wrote", |c| wrote(c, Name::Gru)),
    fact_of_built_in("out_rnn_attention", "what the RNN with attention wrote", |c| {
        wrote(c, Name::RnnAttention)
    }),
    fact_of_built_in("out_transformer", "what the Transformer wrote", |c| {
        wrote(c, Name::Transformer)
    }),
    fact_of_built_in("same_elman", "whether that is what the Transformer wrote", |c| {
        same(c, Name::Elman)
    }),
    fact_of_built_in("same_gru", "the same, GRU", |c| same(c, Name::Gru)),
    fact_of_built_in("same_rnn_attention", "the same, RNN with attention", |c| {
        same(c, Name::RnnAttention)
    }),
    fact_of_built_in("twin_translation", "whether guided and unguided agree", twin),
    fact_of_built_in("agreement", "which models wrote the same as the Transformer", agreement),
];

/// Index of the nth largest number of the selected row, with its token and number.
fn ranked_token(c: &Context, site: &Recorded, n: usize) -> Option<(String, f32)> {
    let row = c.row_of(site)?;
    let i = *largest(&row, n + 1).get(n)?;
    Some((c.trace().label(site, site.axes()[2], i), row[i]))
}

fn nth(c: &Context, path: &str, n: usize, say: fn(&Context, &(String, f32)) -> String) -> String {
    let found = c.trace().site(path).and_then(|site| ranked_token(c, site, n));
    c.say.or_none(found.as_ref().map(|found| say(c, found)))
}

fn top3(c: &Context) -> String {
    let Some(site) = c.trace().probs() else { return c.say.no_value() };
    let Some(row) = c.row_of(site) else { return c.say.no_value() };
    let say = |&i: &usize| {
        let word = c.say.quote(&c.trace().label(site, site.axes()[2], i));
        c.say.token_with(&word, &c.say.share(row[i]))
    };
    largest(&row, 3).iter().map(say).collect::<Vec<_>>().join(&c.say.list_between())
}

fn lead(c: &Context) -> Option<f32> {
    let site = c.trace().logits()?;
    Some(ranked_token(c, site, 0)?.1 - ranked_token(c, site, 1)?.1)
}

fn odds(c: &Context, lead: f32) -> String {
    match lead.exp() {
        odds if odds >= 10_000.0 => c.say.odds_over(),
        odds if odds >= 10.0 => format!("{odds:.0}"),
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
        Some((token, p)) => c.say.came_next(&c.say.quote(&token.text), &c.say.share(p)),
        None => c.say.nothing_came(),
    }
}

/// An output that has run on is cut; the panes show it in full.
fn wrote(c: &Context, model: Name) -> String {
    const LONGEST: usize = 90;
    let text = c.reading.trace(model).output_text.trim();
    let graphemes: Vec<&str> = text.graphemes(true).collect();
    match graphemes.len() {
        0 => c.say.nothing(),
        n if n > LONGEST => c.say.quote(&format!("{}…", graphemes[..LONGEST].concat())),
        _ => c.say.quote(text),
    }
}

fn agrees(c: &Context, model: Name) -> bool {
    c.reading.trace(model).output_text == c.reading.trace(Name::Transformer).output_text
}

fn same(c: &Context, model: Name) -> String {
    if agrees(c, model) { c.say.same_french() } else { c.say.other_french() }
}

fn twin(c: &Context) -> String {
    if agrees(c, Name::TransformerUnguided) {
        c.say.twin_agrees()
    } else {
        c.say.twin_differs(&wrote(c, Name::TransformerUnguided))
    }
}

fn agreement(c: &Context) -> String {
    let others = [Name::TransformerUnguided, Name::RnnAttention, Name::Gru, Name::Elman];
    let said = |agree: bool| -> Vec<String> {
        let names = others.into_iter().filter(|&name| agrees(c, name) == agree);
        names.map(|name| called(c.say, name)).collect()
    };
    match (said(true), said(false)) {
        (_, differ) if differ.is_empty() => c.say.all_agree(),
        (same, _) if same.is_empty() => c.say.none_agrees(),
        (same, differ) => c.say.some_agree(&c.say.list(&same), &c.say.list(&differ)),
    }
}

fn called(say: &Phrases, name: Name) -> String {
    match name {
        Name::Elman => say.elman(),
        Name::Gru => say.gru(),
        Name::RnnAttention => say.rnn_attention(),
        Name::Transformer => say.transformer(),
        Name::TransformerUnguided => say.transformer_unguided(),
        Name::DecoderOnly => say.decoder_only(),
        Name::Checkpoint => say.checkpoint(),
    }
}
