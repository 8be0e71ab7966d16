//! Attention summarised by head: entropy, distance, and the weight on particular tokens.
//!
//! A head's weights (query, key) are read once, in memory order, and reduced to a few figures and a small picture, so
//! that hundreds of heads over a thousand tokens can be compared while only one layer's weights are in memory.

mod sweep;

use std::{borrow::Borrow, sync::Arc};

use rayon::prelude::*;

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{
        math::picture::Downsampled,
        site::{Axis, Role, lies_in},
        value::Value,
    },
    text::Token,
};
use sweep::{Repeats, summary};

/// The most rows and columns of a head's picture.
pub const PICTURE: usize = 64;

/// The figures of one head; every share is a mean over its rows, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// The mean Shannon entropy of a row, in nats.
    pub entropy: f32,
    /// Entropy divided by ln n, its maximum for the n keys that a row attends to. None if no row attends to two keys.
    pub spread: Option<f32>,
    /// The mean of |query - key|, in positions. None if queries and keys are different tokens, as are the other
    /// figures about positions.
    pub distance: Option<f32>,
    /// The weight on the first key.
    pub first: f32,
    /// The weight on the query's own token.
    pub own: Option<f32>,
    /// The weight on the preceding token, over the rows that have one.
    pub previous: Option<f32>,
    /// The weight on the tokens that followed earlier occurrences of the query's token, over the rows whose token has
    /// occurred before (prefix matching, Olsson et al. 2022, In-context Learning and Induction Heads). None if no token
    /// is repeated.
    pub induction: Option<f32>,
    /// The largest weight.
    pub largest: f32,
}

/// A column of a table of heads.
pub struct Figure {
    /// The column's heading.
    pub heading: &'static str,
    /// A one-line description.
    pub caption: &'static str,
    /// Whether it is a share, 0 to 1.
    pub is_share: bool,
    /// Whether it gives way first where a table has no room for all.
    pub is_secondary: bool,
    pub of: fn(&Figures) -> Option<f32>,
}

/// The figures by which heads can be compared.
pub static FIGURES: [Figure; 8] = [
    Figure {
        heading: "entropy",
        caption: "mean entropy of a row, in nats",
        is_share: false,
        is_secondary: false,
        of: |figures| Some(figures.entropy),
    },
    Figure {
        heading: "spread",
        caption: "entropy as a share of the most that is possible",
        is_share: true,
        is_secondary: true,
        of: |figures| figures.spread,
    },
    Figure {
        heading: "distance",
        caption: "mean distance between query and key, in tokens",
        is_share: false,
        is_secondary: true,
        of: |figures| figures.distance,
    },
    Figure {
        heading: "first",
        caption: "mean weight on the first token",
        is_share: true,
        is_secondary: false,
        of: |figures| Some(figures.first),
    },
    Figure {
        heading: "previous",
        caption: "mean weight on the token before",
        is_share: true,
        is_secondary: false,
        of: |figures| figures.previous,
    },
    Figure {
        heading: "induction",
        caption: "mean weight on what followed the same token earlier",
        is_share: true,
        is_secondary: false,
        of: |figures| figures.induction,
    },
    Figure {
        heading: "self",
        caption: "mean weight on the token itself",
        is_share: true,
        is_secondary: true,
        of: |figures| figures.own,
    },
    Figure {
        heading: "largest",
        caption: "the largest weight",
        is_share: true,
        is_secondary: true,
        of: |figures| Some(figures.largest),
    },
];

/// One head.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The site of its weights: `encoder.0.self_attn.weights`.
    pub path: String,
    pub layer: usize,
    pub head: usize,
    pub figures: Figures,
    pub picture: Downsampled,
}

/// The attention weights of one layer (head, query, key).
pub struct Layer<V> {
    /// The site of the weights.
    pub path: String,
    pub layer: usize,
    pub weights: V,
    /// The token ids of rows and columns, if both are the same tokens; else None.
    pub tokens: Option<Vec<u32>>,
}

/// The summaries of all heads, layer by layer. A layer is requested when the one before is finished, so that only one
/// has to be in memory; its heads are computed in parallel.
pub fn summaries<V: Borrow<Value> + Sync>(
    layers: impl IntoIterator<Item = Layer<V>>,
) -> Vec<Summary> {
    let mut all = vec![];
    for Layer { path, layer, weights, tokens } in layers {
        let repeats = tokens.as_deref().map(Repeats::new);
        let weights = weights.borrow();
        let of = |head: usize| {
            let (figures, picture) = summary(&weights.passing_plane(head), repeats.as_ref());
            Summary { path: path.clone(), layer, head, figures, picture }
        };
        all.par_extend((0..weights.shape().planes).into_par_iter().map(of));
    }
    all
}

/// The summaries of all heads of a pass, in the order of computation. A closed block is opened only while it is read,
/// one at a time.
pub fn of_trace(trace: &Trace) -> Vec<Summary> {
    let hidden = trace.hidden();
    let is_outside = |site: &&Recorded| !hidden.iter().any(|block| lies_in(site.path(), block));
    let outside = trace.sites().filter(is_outside).filter_map(|site| layer_of(trace, site));
    let inside = hidden.iter().flat_map(|block| {
        let opened = trace.opened(block);
        let trace = opened.as_ref().unwrap_or(trace);
        let sites = trace.sites().filter(|site| lies_in(site.path(), block));
        sites.filter_map(|site| layer_of(trace, site)).collect::<Vec<_>>()
    });
    summaries(outside.chain(inside))
}

/// The site as a layer; None if it is not the weights of heads.
fn layer_of(trace: &Trace, site: &Recorded) -> Option<Layer<Arc<Value>>> {
    let is_of_heads = site.axes() == [Axis::Head, Axis::Query, Axis::Key];
    let ids = |tokens: &[Token]| tokens.iter().map(|token| token.id).collect();
    let (rows, keys) = (site.place.scope.rows(), site.place.scope.keys());
    (is_of_heads && site.role() == Role::AttentionWeights).then(|| Layer {
        path: site.path().to_owned(),
        layer: site.place.scope.layer_index().unwrap_or(0),
        weights: Arc::clone(&site.value),
        tokens: (rows == keys).then(|| ids(trace.tokens(rows))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::value::Matrix;

    fn of(rows: &[&[f32]], tokens: Option<&[u32]>) -> Summary {
        let plane = Matrix::from_fn(rows.len(), rows[0].len(), |row, col| rows[row][col]);
        let layer = Layer {
            path: "blocks.3.attn.weights".into(),
            layer: 3,
            weights: Value::from(plane),
            tokens: tokens.map(<[u32]>::to_vec),
        };
        summaries([layer]).remove(0)
    }

    fn near(got: impl Into<Option<f32>>, want: impl Into<Option<f32>>) {
        let (got, want) = (got.into(), want.into());
        let is_near = got.zip(want).map_or(got == want, |(got, want)| (got - want).abs() < 1e-5);
        assert!(is_near, "{got:?} is not {want:?}");
    }

    #[test]
    fn a_uniform_head_has_the_largest_entropy() {
        let row: &[f32] = &[0.25; 4];
        let figures = of(&[row; 4], Some(&[5, 6, 7, 8])).figures;
        near(figures.entropy, 4.0_f32.ln());
        near(figures.spread, 1.0);
        near(figures.distance, (6.0 + 4.0 + 4.0 + 6.0) / 16.0);
        near(figures.own, 0.25);
        near(figures.first, 0.25);
        near(figures.induction, None);
    }

    #[test]
    fn a_causal_head_s_spread_is_of_what_each_row_sees() {
        let third = 1.0 / 3.0;
        let figures =
            of(&[&[1.0, 0.0, 0.0], &[0.5, 0.5, 0.0], &[third; 3]], Some(&[1, 2, 3])).figures;
        near(figures.spread, 1.0);
        near(figures.entropy, (2.0_f32.ln() + 3.0_f32.ln()) / 3.0);
        near(figures.first, (1.0 + 0.5 + third) / 3.0);
        near(figures.previous, f32::midpoint(0.5, third));
        near(figures.own, (1.0 + 0.5 + third) / 3.0);
        near(figures.largest, 1.0);
    }

    /// The text is a b a b: the second a attends to the first b, the second b to the second a.
    #[test]
    fn induction_is_the_weight_on_what_followed_the_same_token() {
        let tokens = [7, 8, 7, 8];
        let rows: [&[f32]; 4] = [
            &[1.0, 0.0, 0.0, 0.0],
            &[1.0, 0.0, 0.0, 0.0],
            &[0.2, 0.7, 0.1, 0.0],
            &[0.3, 0.0, 0.6, 0.1],
        ];
        near(of(&rows, Some(&tokens)).figures.induction, f32::midpoint(0.7, 0.6));
        near(of(&rows, Some(&[1, 2, 3, 4])).figures.induction, None);
        // The token right after an occurrence is the query itself, which counts as `own`.
        near(of(&rows, Some(&[1, 2, 3, 3])).figures.induction, None);
        // With three occurrences, the weights on both following tokens are added.
        near(of(&rows, Some(&[7, 7, 1, 7])).figures.induction, 0.0 + 0.6);
    }

    #[test]
    fn cross_attention_has_no_diagonal() {
        let figures = of(&[&[0.9, 0.1, 0.0], &[0.0, 0.0, 1.0]], None).figures;
        assert_eq!((figures.distance, figures.own, figures.previous), (None, None, None));
        near(figures.first, 0.45);
        near(figures.largest, 1.0);
    }

    #[test]
    fn one_token_looks_at_itself() {
        let figures = of(&[&[1.0]], Some(&[1])).figures;
        assert_eq!((figures.spread, figures.previous, figures.induction), (None, None, None));
        near(figures.own, 1.0);
        near(figures.entropy, 0.0);
    }

    #[test]
    fn small_planes_are_their_own_picture() {
        let summary = of(&[&[0.9, 0.1, 0.0], &[0.0, 0.25, 0.75]], None);
        let picture = &summary.picture;
        assert_eq!((picture.rows, picture.cols), (2, 3));
        assert_eq!((picture.get(0, 0), picture.get(1, 2), picture.get(1, 0)), (0.9, 0.75, 0.0));
        assert_eq!((summary.layer, summary.head), (3, 0));
    }

    #[test]
    fn layers_are_asked_for_one_by_one() {
        let layer = |layer| Layer {
            path: format!("blocks.{layer}.attn.weights"),
            layer,
            weights: Value::from_planes(vec![Matrix::from_element(2, 2, 0.5); 3]),
            tokens: None,
        };
        let all = summaries((0..4).map(layer));
        let places: Vec<_> = all.iter().map(|s| (s.layer, s.head)).collect();
        assert_eq!(places.len(), 12);
        assert!(places.is_sorted());
    }
}
