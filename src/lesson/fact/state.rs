//! Facts about filters over a few words, and about states of fixed size.

use super::{Context, Fact, fact, minus};
use crate::{
    analysis::trace::Recorded,
    engine::{
        math::length,
        site::{Site, in_layer},
        value::{Cell, Shape},
    },
    model::layer::{
        delta::{BETA, K},
        state_space::{DECAY, DT, STATE},
    },
    text::{grouped, share, spoken},
};

pub(super) static FACTS: &[Fact] = &[
    fact("n_taps", "the words that a filter of the layer sees", |c| {
        let filter = |path| c.trace().site(&in_layer(path, c.layer()));
        let taps = FILTERS.into_iter().find_map(filter);
        c.phrases.or_none(taps.map(|taps| taps.shape().rows.to_string()))
    }),
    fact("head_states", "numbers of a head's state", |c| {
        c.phrases.or_none(states(c).map(|shape| grouped(shape.cols)))
    }),
    fact("layer_states", "numbers of the states of a layer's heads", |c| {
        c.phrases.or_none(states(c).map(|shape| grouped(shape.planes * shape.cols)))
    }),
    fact("model_states", "numbers of the states of all layers", |c| {
        let n_layers = c.trace().known_layers().into_iter();
        let paths = WITH_STATES.map(|part| format!("blocks.{{layer}}.{part}.{}", STATE.name));
        let has_states = |l| paths.iter().any(|path| c.trace().layer_has(path, l));
        let n_layers = n_layers.filter(|&l| has_states(l)).count();
        let all = states(c).map(|shape| grouped(n_layers * shape.planes * shape.cols));
        c.phrases.or_none(all)
    }),
    fact(
        "state_kept",
        "the share of the selected head's state that the selected word keeps",
        |c| c.phrases.or_none(at(c, &DECAY, c.row(), head(c)).map(share)),
    ),
    fact("step_size", "the size of the selected head's step at the selected word", |c| {
        c.phrases.or_none(at(c, &DT, c.row(), head(c)).map(spoken))
    }),
    fact(
        "corrected",
        "the share of a difference that the selected head corrects at the word",
        |c| {
            let corrected = at(c, &BETA, c.row(), head(c));
            c.phrases.or_none(corrected.map(share))
        },
    ),
    fact("head_keys", "numbers of a key of a head with a memory", |c| {
        c.phrases.or_none(of_states(c, &K).map(|site| grouped(site.shape().cols)))
    }),
    fact("slow_head", "the head that has kept most of the first word", |c| {
        c.phrases.or_none(slowest(c).map(|slow| slow.head.to_string()))
    }),
    fact("slow_share", "how much of it", |c| {
        c.phrases.or_none(slowest(c).map(|slow| share(slow.share)))
    }),
    fact("quick_head", "the head that has kept least of it", |c| {
        c.phrases.or_none(quickest(c).map(|quick| quick.head.to_string()))
    }),
    fact("quick_share", "how much of it", |c| {
        c.phrases.or_none(quickest(c).map(|quick| share(quick.share)))
    }),
    fact("head_state_size", "length of the selected head's state after the selected word", |c| {
        c.phrases.or_none(state(c, c.row()).map(|state| spoken(length(&state))))
    }),
    fact("head_state_change", "how far the selected word moved it", |c| {
        let change = || {
            let now = state(c, c.row())?;
            let before = match c.row() {
                0 => vec![0.0; now.len()],
                row => state(c, row - 1)?,
            };
            Some(spoken(length(&minus(&now, &before))))
        };
        c.phrases.or_none(change())
    }),
];

/// The weights of filters: (tap, channel)
const FILTERS: [&str; 3] =
    ["blocks.{layer}.ssm.conv.W", "blocks.{layer}.delta.conv.W", "blocks.{layer}.conv.filter.W"];

/// The parts of layers that have states: state spaces, and gated delta nets. The sites that both have are called alike.
const WITH_STATES: [&str; 2] = ["ssm", "delta"];

/// A site of the layer's part that has states.
fn of_states<'a>(c: &Context<'a>, of: &Site) -> Option<&'a Recorded> {
    WITH_STATES.into_iter().find_map(|part| c.in_block(part, of))
}

fn states(c: &Context) -> Option<Shape> {
    of_states(c, &STATE).map(Recorded::shape)
}

/// The selected head, or the last one.
fn head(c: &Context) -> usize {
    let n_heads = states(c).map_or(1, |shape| shape.planes);
    c.selection.head.min(n_heads - 1)
}

fn at(c: &Context, of: &Site, row: usize, head: usize) -> Option<f32> {
    let (site, cell) = (of_states(c, of)?, Cell::new(0, row, head));
    site.shape().holds(cell).then(|| site.value.get(cell))
}

fn state(c: &Context, row: usize) -> Option<Vec<f32>> {
    let site = of_states(c, &STATE).filter(|site| row < site.shape().rows)?;
    Some(site.value.row(head(c), row))
}

/// What is left, after the last word, of what a head wrote at the first.
struct HeadShare {
    head: usize,
    /// The product of the shares kept since.
    share: f32,
}

/// By head.
fn survivors(c: &Context) -> Option<impl Iterator<Item = HeadShare>> {
    let decay = of_states(c, &DECAY)?;
    let shape = decay.shape();
    let left =
        move |h: usize| (1..shape.rows).map(|t| decay.value.get(Cell::new(0, t, h))).product();
    Some((0..shape.cols).map(move |head| HeadShare { head, share: left(head) }))
}

fn slowest(c: &Context) -> Option<HeadShare> {
    survivors(c)?.max_by(|a, b| a.share.total_cmp(&b.share))
}

fn quickest(c: &Context) -> Option<HeadShare> {
    survivors(c)?.min_by(|a, b| a.share.total_cmp(&b.share))
}
