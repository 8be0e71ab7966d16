//! Facts about mixtures of experts and attention sinks.

use super::{Context, Fact, fact};
use crate::{
    analysis::{measure::load, trace::Recorded},
    model::layer::{attention::SINK, experts::WEIGHTS},
    text::{fixed, percent},
};

pub(super) static FACTS: &[Fact] = &[
    fact("n_experts", "experts of the layer", |c| {
        c.phrases.or_none(weights(c).map(|site| site.shape().cols.to_string()))
    }),
    fact("n_chosen", "experts that each token goes through", |c| {
        c.phrases.or_none(chosen(c).map(|chosen| chosen.len().to_string()))
    }),
    fact("chosen_experts", "the experts of the selected token, with their weights", |c| {
        let text = |&(expert, weight): &(usize, f32)| format!("{expert} ({})", fixed(weight));
        let listed = |chosen: Vec<_>| c.phrases.list(&chosen.iter().map(text).collect::<Vec<_>>());
        c.phrases.or_none(chosen(c).map(listed))
    }),
    fact("busiest_expert", "the expert that most tokens go to", |c| {
        c.phrases.or_none(busiest(c).map(|(expert, _)| expert.to_string()))
    }),
    fact("busiest_tokens", "how many tokens go to it", |c| {
        c.phrases.or_none(busiest(c).map(|(_, n)| n.to_string()))
    }),
    fact("idle_experts", "how many experts no token goes to", |c| {
        let idle = |site: &Recorded| load::tokens(site).into_iter().filter(|&n| n == 0).count();
        c.phrases.or_none(weights(c).map(|site| idle(site).to_string()))
    }),
    fact("sink_share", "the share of the selected row that the head's sink takes", |c| {
        c.phrases.or_none(sink(c).map(|shares| percent(shares[c.row()])))
    }),
    fact("sink_mean", "the same, the mean of all rows", |c| {
        let mean = |shares: Vec<f32>| shares.iter().sum::<f32>() / shares.len() as f32;
        c.phrases.or_none(sink(c).map(|shares| percent(mean(shares))))
    }),
];

fn weights<'a>(c: &Context<'a>) -> Option<&'a Recorded> {
    c.beside(&WEIGHTS)
}

/// The experts of the selected token, the weightiest first.
fn chosen(c: &Context) -> Option<Vec<(usize, f32)>> {
    Some(load::chosen(&c.row_of(weights(c)?)?))
}

/// The expert with the most tokens, and how many they are; of equals the first.
fn busiest(c: &Context) -> Option<(usize, usize)> {
    let counts = load::tokens(weights(c)?).into_iter().enumerate();
    counts.reduce(|most, next| if next.1 > most.1 { next } else { most })
}

/// The share of each row that the selected head's sink takes.
fn sink(c: &Context) -> Option<Vec<f32>> {
    let site = c.beside(&SINK)?;
    let shares = site.value.plane(c.head().min(site.shape().planes - 1));
    (c.row() < shares.nrows()).then(|| shares.column(0).iter().copied().collect())
}
