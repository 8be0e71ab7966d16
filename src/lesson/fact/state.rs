//! Facts about filters over a few words, and about states of fixed size.

use super::{Context, Fact, fact, length, minus};
use crate::{
    analysis::trace::Recorded,
    engine::value::{Cell, Shape},
    text::{grouped, spoken},
};

pub(super) static FACTS: &[Fact] = &[
    fact("n_taps", "the words that a filter of the layer sees", |c| {
        let taps = ["ssm.conv.W", "conv.filter.W"].into_iter().find_map(|name| site(c, name));
        c.phrases.or_none(taps.map(|taps| taps.shape().rows.to_string()))
    }),
    fact("head_states", "numbers of a head's state", |c| {
        c.phrases.or_none(shape(c, "ssm.state").map(|shape| grouped(shape.cols)))
    }),
    fact("layer_states", "numbers of the states of a layer's heads", |c| {
        let all = shape(c, "ssm.state").map(|shape| grouped(shape.planes * shape.cols));
        c.phrases.or_none(all)
    }),
    fact("model_states", "numbers of the states of all layers", |c| {
        let n_layers = c.trace().known_layers().into_iter();
        let n_layers = n_layers.filter(|&l| c.trace().layer_has(STATE, l)).count();
        let all = shape(c, "ssm.state").map(|shape| grouped(n_layers * shape.planes * shape.cols));
        c.phrases.or_none(all)
    }),
    fact(
        "state_kept",
        "the share of the selected head's state that the selected word keeps",
        |c| c.phrases.or_none(decay_at(c, c.row(), head(c)).map(|share| c.phrases.share(share))),
    ),
    fact("step_size", "the size of the selected head's step at the selected word", |c| {
        c.phrases.or_none(at(c, "ssm.dt", c.row(), head(c)).map(spoken))
    }),
    fact("slow_head", "the head that has kept most of the first word", |c| {
        c.phrases.or_none(survivors(c).map(|all| ends(&all).0.0.to_string()))
    }),
    fact("slow_share", "how much of it", |c| {
        c.phrases.or_none(survivors(c).map(|all| c.phrases.share(ends(&all).0.1)))
    }),
    fact("quick_head", "the head that has kept least of it", |c| {
        c.phrases.or_none(survivors(c).map(|all| ends(&all).1.0.to_string()))
    }),
    fact("quick_share", "how much of it", |c| {
        c.phrases.or_none(survivors(c).map(|all| c.phrases.share(ends(&all).1.1)))
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

const STATE: &str = "blocks.{layer}.ssm.state";

fn site<'a>(c: &Context<'a>, of: &str) -> Option<&'a Recorded> {
    c.trace().site(&format!("blocks.{}.{of}", c.layer()))
}

fn shape(c: &Context, of: &str) -> Option<Shape> {
    site(c, of).map(Recorded::shape)
}

/// The selected head, or the last one.
fn head(c: &Context) -> usize {
    let n_heads = shape(c, "ssm.state").map_or(1, |shape| shape.planes);
    c.selection.head.min(n_heads - 1)
}

fn at(c: &Context, of: &str, row: usize, head: usize) -> Option<f32> {
    let (site, cell) = (site(c, of)?, Cell::new(0, row, head));
    site.shape().holds(cell).then(|| site.value.get(cell))
}

fn decay_at(c: &Context, row: usize, head: usize) -> Option<f32> {
    at(c, "ssm.decay", row, head)
}

fn state(c: &Context, row: usize) -> Option<Vec<f32>> {
    let site = site(c, "ssm.state").filter(|site| row < site.shape().rows)?;
    Some(site.value.row(head(c), row))
}

/// What is left, after the last word, of what each head wrote at the first: the product of the shares kept since.
fn survivors(c: &Context) -> Option<Vec<f32>> {
    let decay = site(c, "ssm.decay")?;
    let shape = decay.shape();
    let left = |h: usize| (1..shape.rows).map(|t| decay.value.get(Cell::new(0, t, h))).product();
    Some((0..shape.cols).map(left).collect())
}

/// The largest and the smallest of some shares, each with its index.
fn ends(shares: &[f32]) -> ((usize, f32), (usize, f32)) {
    let by = |a: &(usize, f32), b: &(usize, f32)| a.1.total_cmp(&b.1);
    let all = || shares.iter().copied().enumerate();
    let nothing = (0, 0.0);
    (all().max_by(by).unwrap_or(nothing), all().min_by(by).unwrap_or(nothing))
}
