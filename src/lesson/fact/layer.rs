//! Residual, norm and feed-forward of the selected word.

use super::{Context, Fact, fact, length, mean, minus, number, variance};

pub(super) static FACTS: &[Fact] = &[
    fact("size_before", "length of the row before the sub-layer's output is added", |c| {
        c.say.or_none(parts(c).map(|(before, _)| number(length(&before))))
    }),
    fact("size_added", "length of what is added", |c| {
        c.say.or_none(parts(c).map(|(_, added)| number(length(&added))))
    }),
    fact("mean_before", "mean before the norm", |c| c.say.or_none(first(c, "mean"))),
    fact("var_before", "variance before the norm", |c| c.say.or_none(first(c, "var"))),
    fact("mean_after", "mean after gain and bias", |c| {
        c.say.or_none(c.row_beside("out").map(|row| number(mean(&row))))
    }),
    fact("var_after", "variance after gain and bias", |c| {
        c.say.or_none(c.row_beside("out").map(|row| number(variance(&row))))
    }),
    fact("zeros", "share of the feed-forward units that are 0", zeros),
];

/// Which sub-layer's output each sum adds; the first that the model has.
static SUMS: [(&str, &[&str]); 5] = [
    ("residual1", &["self_attn.out"]),
    ("residual2", &["cross_attn.out", "ffn.out"]),
    ("residual3", &["ffn.out"]),
    ("resid_mid", &["attn.out"]),
    ("resid_post", &["ffn.out"]),
];

/// The row before the addition and what is added: the step's first sum.
fn parts(c: &Context) -> Option<(Vec<f32>, Vec<f32>)> {
    let (_, added) =
        SUMS.iter().find(|(sum, _)| c.main().is_some_and(|m| m.path().ends_with(sum)))?;
    let added = added.iter().find_map(|name| c.row_beside(name))?;
    let sum = c.row_of(c.main()?)?;
    Some((minus(&sum, &added), added))
}

fn first(c: &Context, name: &str) -> Option<String> {
    c.row_beside(name).and_then(|row| row.first().copied()).map(number)
}

fn zeros(c: &Context) -> String {
    let hidden = c.row_beside("hidden");
    let silent =
        hidden.map(|row| row.iter().filter(|&&x| x == 0.0).count() as f32 / row.len() as f32);
    c.say.or_none(silent.map(|x| c.say.percent(x)))
}
