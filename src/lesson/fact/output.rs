//! The next word, and what each model wrote.

use unicode_segmentation::UnicodeSegmentation;

use super::{Context, Fact, fact, largest, list, number, or_none, quoted, share};
use crate::{model::Name, trace::Recorded};

pub(super) static FACTS: &[Fact] = &[
    fact("next", "the likeliest token after the selected row", |c| {
        nth(c, "probs", 0, |r| quoted(&r.0))
    }),
    fact("second_next", "the second", |c| nth(c, "probs", 1, |r| quoted(&r.0))),
    fact("top3", "the three likeliest with their probabilities", top3),
    fact("logit_next", "the highest logit", |c| nth(c, "logits", 0, |r| number(r.1))),
    fact("logit_second", "the second", |c| nth(c, "logits", 1, |r| number(r.1))),
    fact("logit_lead", "the difference of the two", |c| {
        or_none(lead(c).map(|l| format!("{l:.1}")))
    }),
    fact("odds", "e to that difference", |c| or_none(lead(c).map(odds))),
    fact("actual", "what the language model gave to the words that really came", actual),
    fact("n_output", "tokens the step's model wrote, <eos> included", |c| {
        c.trace().output.len().to_string()
    }),
    fact("out_elman", "what the Elman RNN wrote", |c| wrote(c, Name::Elman)),
    fact("out_gru", "what the GRU wrote", |c| wrote(c, Name::Gru)),
    fact("out_rnn_attention", "what the RNN with attention wrote", |c| {
        wrote(c, Name::RnnAttention)
    }),
    fact("out_transformer", "what the Transformer wrote", |c| wrote(c, Name::Transformer)),
    fact("same_elman", "whether that is what the Transformer wrote", |c| same(c, Name::Elman)),
    fact("same_gru", "the same, GRU", |c| same(c, Name::Gru)),
    fact("same_rnn_attention", "the same, RNN with attention", |c| same(c, Name::RnnAttention)),
    fact("twin_translation", "whether guided and unguided agree", twin),
    fact("agreement", "which models wrote the same as the Transformer", agreement),
];

/// Index of the nth largest number of the selected row, with its token and number.
fn ranked_token(c: &Context, site: &Recorded, n: usize) -> Option<(String, f32)> {
    let row = c.row_of(site)?;
    let i = *largest(&row, n + 1).get(n)?;
    Some((c.trace().label(site, site.axes()[2], i), row[i]))
}

fn nth(c: &Context, path: &str, n: usize, say: fn(&(String, f32)) -> String) -> String {
    let found = c.trace().site(path).and_then(|site| ranked_token(c, site, n));
    or_none(found.as_ref().map(say))
}

fn top3(c: &Context) -> String {
    let Some(site) = c.trace().site("probs") else { return super::NONE.into() };
    let Some(row) = c.row_of(site) else { return super::NONE.into() };
    let say = |&i: &usize| {
        format!("{} {}", quoted(&c.trace().label(site, site.axes()[2], i)), share(row[i]))
    };
    largest(&row, 3).iter().map(say).collect::<Vec<_>>().join(", ")
}

fn lead(c: &Context) -> Option<f32> {
    let site = c.trace().site("logits")?;
    Some(ranked_token(c, site, 0)?.1 - ranked_token(c, site, 1)?.1)
}

fn odds(lead: f32) -> String {
    match lead.exp() {
        odds if odds >= 10_000.0 => "over 10,000".into(),
        odds if odds >= 10.0 => format!("{odds:.0}"),
        odds => format!("{odds:.1}"),
    }
}

fn actual(c: &Context) -> String {
    let after = c.tokens().get(c.row() + 1);
    let given = after.and_then(|token| {
        let row = c.row_of(c.trace().site("probs")?)?;
        Some((token, *row.get(token.id as usize)?))
    });
    match given {
        Some((token, p)) => {
            format!("The word that really came, {}, had {}.", quoted(&token.text), share(p))
        }
        None => "Move up the rows: each one is a guess at the word below it.".into(),
    }
}

/// An output that has run on is cut; the panes show it in full.
fn wrote(c: &Context, model: Name) -> String {
    const LONGEST: usize = 90;
    let text = c.reading.trace(model).output_text.trim();
    let graphemes: Vec<&str> = text.graphemes(true).collect();
    match graphemes.len() {
        0 => "nothing".into(),
        n if n > LONGEST => quoted(&format!("{}…", graphemes[..LONGEST].concat())),
        _ => quoted(text),
    }
}

fn agrees(c: &Context, model: Name) -> bool {
    c.reading.trace(model).output_text == c.reading.trace(Name::Transformer).output_text
}

fn same(c: &Context, model: Name) -> String {
    if agrees(c, model) {
        "just what the Transformer writes"
    } else {
        "not what the Transformer writes"
    }
    .into()
}

fn twin(c: &Context) -> String {
    if agrees(c, Name::TransformerUnguided) {
        "Yet both write the same French.".into()
    } else {
        format!(
            "Here they differ in French too: the twin writes {}.",
            wrote(c, Name::TransformerUnguided)
        )
    }
}

fn agreement(c: &Context) -> String {
    let others = [Name::TransformerUnguided, Name::RnnAttention, Name::Gru, Name::Elman];
    let said = |agree: bool| -> Vec<String> {
        let names = others.into_iter().filter(|&name| agrees(c, name) == agree);
        names.map(|name| called(name).to_owned()).collect()
    };
    match (said(true), said(false)) {
        (_, differ) if differ.is_empty() => "All the others wrote the same.".into(),
        (same, _) if same.is_empty() => "Every other model wrote something else.".into(),
        (same, differ) => format!("The same: {}. Something else: {}.", list(&same), list(&differ)),
    }
}

fn called(name: Name) -> &'static str {
    match name {
        Name::Elman => "the Elman RNN",
        Name::Gru => "the GRU",
        Name::RnnAttention => "the RNN with attention",
        Name::Transformer => "the Transformer",
        Name::TransformerUnguided => "its unguided twin",
        Name::DecoderOnly => "the language model",
    }
}
