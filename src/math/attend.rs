//! Attention without a trace: what the recorded operations give, to the last bit, in the room of one
//! head's scores.

use rayon::prelude::*;

use super::{mask_in_place, matmul, matmul_nt, softmax_in_place};
use crate::value::{Matrix, Value};

/// What scores go through on their way to shares.
#[derive(Clone, Copy, Debug)]
pub struct Attending {
    /// Scores are divided by it.
    pub root: Option<f32>,
    /// How many keys a query sees, its own the last; None sees all.
    pub window: Option<usize>,
}

/// `softmax(mask(q kᵀ / root)) v`, head by head; neighbours share keys and values where there are fewer.
/// q (head, query, d_k), k and v (kv head, key, d_k) -> (head, query, d_k)
pub fn attend(q: &Value, k: &Value, v: &Value, how: Attending) -> Value {
    let (n_heads, n_kv) = (q.shape().planes, k.shape().planes);
    let head = |h: usize| -> Matrix {
        let kv = h * n_kv / n_heads;
        let mut scores = matmul_nt(q.plane(h), k.plane(kv)); // (query, key)
        if let Some(root) = how.root {
            scores.apply(|score| *score /= root);
        }
        if let Some(window) = how.window {
            mask_in_place(&mut scores, (0, window), f32::NEG_INFINITY);
        }
        softmax_in_place(&mut scores);
        matmul(&scores, v.plane(kv)) // (query, d_k)
    };
    Value::from_planes((0..n_heads).into_par_iter().map(head).collect())
}
