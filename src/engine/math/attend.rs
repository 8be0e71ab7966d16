//! Fused attention: the same result as the recorded operations, in the memory of some rows of one head's scores,
//! without the keys that the mask hides from all of them.

use std::ops::Range;

use rayon::prelude::*;

use super::{MatrixView, mask_in_place, product_into, softmax_into, wide};
use crate::engine::value::{Cell, Matrix, Plane, Shape, Value};

/// Queries processed together, so that their scores stay in the cache.
const QUERIES: usize = 128;

/// How scores are scaled.
#[derive(Clone, Copy, Debug)]
pub enum Scaling {
    None,
    DividedBy(f32),
    Times(f32),
}

/// Scaling and mask of the scores.
#[derive(Clone, Copy, Debug)]
pub struct AttentionOptions {
    pub scaling: Scaling,
    /// Scores are bent to lie within it.
    pub cap: Option<f32>,
    /// How many keys a query attends to, its own included; None for all.
    pub window: Option<usize>,
}

impl AttentionOptions {
    /// The keys that any of the queries attends to.
    fn keys(self, queries: &Range<usize>, n_keys: usize) -> Range<usize> {
        self.window.map_or(0..n_keys, |window| {
            (queries.start + 1).saturating_sub(window)..queries.end.min(n_keys)
        })
    }
}

/// `softmax(mask(cap(scaled(q kᵀ)) + bias)) v`, head by head; neighbours share keys and values where there are fewer.
/// q (head, query, d_k), k and v (kv head, key, d_k), bias (head, query, key) -> (head, query, d_k)
pub fn attend(
    q: &Value,
    k: &Value,
    v: &Value,
    bias: Option<&Value>,
    how: AttentionOptions,
) -> Value {
    let Shape { planes: n_heads, rows: n_queries, .. } = q.shape();
    let n_kv = k.shape().planes;
    // 0 * infinity is NaN, not 0: with such a value the masked keys count too.
    let is_finite = v.planes().iter().all(|v| v.iter().all(|v| v.is_finite()));
    let starts = (0..n_queries).step_by(QUERIES);
    let parts: Vec<(usize, usize)> =
        (0..n_heads).flat_map(|h| starts.clone().map(move |first| (h, first))).collect();
    let context = |&(h, first): &(usize, usize)| -> Matrix {
        let queries = first..n_queries.min(first + QUERIES);
        let n_keys = k.shape().rows;
        let keys = if is_finite { how.keys(&queries, n_keys) } else { 0..n_keys };
        let kv = h * n_kv / n_heads;
        let bias = bias.map(|bias| bias.one_plane(h));
        let head = Head { q: q.plane(h), k: k.plane(kv), v: v.plane(kv), bias };
        head.context(&queries, &keys, how)
    };
    let contexts: Vec<Matrix> = parts.par_iter().map(context).collect();
    let mut out = Value::zeros(Shape { cols: v.shape().cols, ..q.shape() });
    for ((h, first), part) in parts.into_iter().zip(contexts) {
        out.put(Cell::new(h, first, 0), &part.into());
    }
    out
}

/// What one head attends with.
struct Head<'a> {
    q: &'a Matrix,
    k: &'a Matrix,
    v: &'a Matrix,
    /// What is added to its scores. (query, key)
    bias: Option<Plane<'a>>,
}

impl Head<'_> {
    /// The context of some queries, over some keys. -> (query, d_k)
    fn context(
        &self,
        queries: &Range<usize>,
        keys: &Range<usize>,
        how: AttentionOptions,
    ) -> Matrix {
        let n = queries.len();
        let scores = self.scores(queries, keys, how);
        let mut weights = vec![0.0; scores.len()]; // (query, key)
        softmax_into(&scores, n, &mut weights);
        let mut context = Matrix::zeros(n, self.v.ncols());
        let weights = MatrixView::columns_of(&weights, n);
        product_into(weights, MatrixView::of(self.v).rows(keys), context.as_mut_slice());
        context
    }

    /// The masked scores. -> (query, key), column by column
    fn scores(
        &self,
        queries: &Range<usize>,
        keys: &Range<usize>,
        how: AttentionOptions,
    ) -> Vec<f32> {
        let n = queries.len();
        let keys_seen = MatrixView::of(self.k).rows(keys);
        let mut scores = vec![0.0; n * keys.len()];
        product_into(MatrixView::of(self.q).rows(queries), keys_seen.transposed(), &mut scores);
        match how.scaling {
            Scaling::None => {}
            Scaling::DividedBy(root) => wide!(for score in &mut scores {
                *score /= root;
            }),
            Scaling::Times(factor) => wide!(for score in &mut scores {
                *score *= factor;
            }),
        }
        if let Some(cap) = how.cap {
            for score in &mut scores {
                *score = cap * (*score / cap).tanh();
            }
        }
        if let Some(bias) = &self.bias {
            let columns = bias.as_slice().chunks_exact(bias.nrows()).skip(keys.start);
            for (scores, bias) in scores.chunks_exact_mut(n).zip(columns) {
                scores.iter_mut().zip(&bias[queries.clone()]).for_each(|(score, b)| *score += b);
            }
        }
        if let Some(window) = how.window {
            mask_in_place(&mut scores, n, queries.start - keys.start, window, f32::NEG_INFINITY);
        }
        scores
    }
}
