//! Facts about keys and values that are made from a few numbers a token.

use super::{Context, Fact, fact};
use crate::engine::value::Shape;

pub(super) static FACTS: &[Fact] = &[
    fact(
        "latent_width",
        "the numbers of a token that all heads' keys and values are made from",
        |c| c.phrases.or_none(width(c, "latent")),
    ),
    fact("shared_width", "the channels of keys that all heads share", |c| {
        c.phrases.or_none(width(c, "k_shared"))
    }),
    fact("own_width", "the channels of keys that each head has for itself", |c| {
        c.phrases.or_none(width(c, "k_own"))
    }),
    fact("latent_kept", "the numbers of a token that the cache of such a layer keeps", |c| {
        let kept = || Some(shape(c, "latent")?.cols + shape(c, "k_shared")?.cols);
        c.phrases.or_none(kept().map(|n| n.to_string()))
    }),
    fact(
        "latent_whole",
        "the numbers of a token's keys and values in all heads of the layer",
        |c| {
            let whole = || {
                let (k, v) = (shape(c, "k")?, shape(c, "v")?);
                Some(k.planes * k.cols + v.planes * v.cols)
            };
            c.phrases.or_none(whole().map(|n| n.to_string()))
        },
    ),
];

fn shape(c: &Context, of: &str) -> Option<Shape> {
    Some(c.trace().site(&format!("blocks.{}.attn.{of}", c.layer()))?.shape())
}

fn width(c: &Context, of: &str) -> Option<String> {
    shape(c, of).map(|shape| shape.cols.to_string())
}
