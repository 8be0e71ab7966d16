//! Facts about keys and values that are made from a few numbers a token.

use super::{Context, Fact, fact};
use crate::{
    analysis::trace::Recorded,
    engine::{site::Site, value::Shape},
    model::layer::attention::{K, K_OWN, K_SHARED, LATENT, V},
};

pub(super) static FACTS: &[Fact] = &[
    fact(
        "latent_width",
        "the numbers of a token that all heads' keys and values are made from",
        |c| c.phrases.or_none(width(c, &LATENT)),
    ),
    fact("shared_width", "the channels of keys that all heads share", |c| {
        c.phrases.or_none(width(c, &K_SHARED))
    }),
    fact("own_width", "the channels of keys that each head has for itself", |c| {
        c.phrases.or_none(width(c, &K_OWN))
    }),
    fact("latent_kept", "the numbers of a token that the cache of such a layer keeps", |c| {
        let kept = || Some(shape(c, &LATENT)?.cols + shape(c, &K_SHARED)?.cols);
        c.phrases.or_none(kept().map(|n| n.to_string()))
    }),
    fact(
        "latent_whole",
        "the numbers of a token's keys and values in all heads of the layer",
        |c| {
            let whole = || {
                let (k, v) = (shape(c, &K)?, shape(c, &V)?);
                Some(k.planes * k.cols + v.planes * v.cols)
            };
            c.phrases.or_none(whole().map(|n| n.to_string()))
        },
    ),
];

fn shape(c: &Context, of: &Site) -> Option<Shape> {
    c.in_block("attn", of).map(Recorded::shape)
}

fn width(c: &Context, of: &Site) -> Option<String> {
    shape(c, of).map(|shape| shape.cols.to_string())
}
