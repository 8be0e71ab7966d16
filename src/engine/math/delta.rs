//! The gated delta rule without its states being kept.

use rayon::prelude::*;

use crate::engine::value::{Matrix, Value};

/// Which heads of values share a head of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Neighbours.
    Neighbours,
    /// Every n-th of them, for n heads of keys: GGUF files.
    Strides,
}

impl Sharing {
    /// The head of keys that a head uses.
    pub const fn key_head(self, head: usize, n_key_heads: usize, n_heads: usize) -> usize {
        match self {
            Self::Neighbours => head * n_key_heads / n_heads,
            Self::Strides => head % n_key_heads,
        }
    }
}

/// What the rule is applied to.
#[derive(Clone, Copy)]
pub struct DeltaInputs<'a> {
    /// (position, head)
    pub decay: &'a Matrix,
    /// (position, head)
    pub beta: &'a Matrix,
    /// (key head, position, key channel)
    pub q: &'a Value,
    pub k: &'a Value,
    /// (head, position, value channel)
    pub v: &'a Value,
    pub sharing: Sharing,
}

/// `S q` at every position, with the last state; `before` is the state before the first. before (head, 1, value*key) ->
/// (head, position, value channel), (head, 1, value*key)
pub fn delta_rule(inputs: DeltaInputs, before: Option<&Value>) -> (Value, Value) {
    let n_heads = inputs.v.shape().planes;
    let heads = (0..n_heads).into_par_iter().map(|h| of_head(&inputs, before, h));
    let (outs, states): (Vec<Matrix>, Vec<Matrix>) = heads.unzip();
    (Value::from_planes(outs), Value::from_planes(states))
}

fn of_head(inputs: &DeltaInputs, before: Option<&Value>, h: usize) -> (Matrix, Matrix) {
    let DeltaInputs { decay, beta, q, k, v, sharing } = *inputs;
    let of_key = sharing.key_head(h, k.shape().planes, v.shape().planes);
    // Position by position, as matrices lie column by column.
    let (q, k) = (q.plane(of_key).transpose(), k.plane(of_key).transpose()); // (key channel, position)
    let (v, n_keys) = (v.plane(h), k.nrows());
    let zeros = || Matrix::zeros(1, v.ncols() * n_keys);
    let mut state = before.map_or_else(zeros, |before| before.plane(h).clone());
    let mut out = Matrix::zeros(v.nrows(), v.ncols());
    for t in 0..v.nrows() {
        let (kept, beta, q, k) = (decay[(t, h)], beta[(t, h)], q.column(t), k.column(t));
        for (p, row) in state.as_mut_slice().chunks_exact_mut(n_keys).enumerate() {
            let found: f32 = row.iter().zip(k.as_slice()).map(|(s, k)| s * k).sum();
            let write = beta * (v[(t, p)] - kept * found);
            let mut read = 0.0;
            for ((s, k), q) in row.iter_mut().zip(k.as_slice()).zip(q.as_slice()) {
                *s = kept * *s + write * k;
                read += *s * q;
            }
            out[(t, p)] = read;
        }
    }
    (out, state)
}
