//! The recurrence of a selective state space without its states being kept.

use rayon::prelude::*;

use crate::engine::value::{Matrix, Value};

/// What a scan is made from.
#[derive(Clone, Copy)]
pub struct ScanInputs<'a> {
    /// (position, head)
    pub decay: &'a Matrix,
    /// (position, head)
    pub dt: &'a Matrix,
    /// (group, position, number of the state)
    pub b: &'a Value,
    pub c: &'a Value,
    /// (head, position, channel)
    pub x: &'a Value,
    /// (1, head)
    pub d: &'a Matrix,
}

/// `C state + D x` at every position, with the last state; `before` is the state before the first. before (head, 1,
/// channel*state) -> (head, position, channel), (head, 1, channel*state)
pub fn scan(inputs: ScanInputs, before: Option<&Value>) -> (Value, Value) {
    let n_heads = inputs.x.shape().planes;
    let heads = (0..n_heads).into_par_iter().map(|h| of_head(&inputs, before, h));
    let (outs, states): (Vec<Matrix>, Vec<Matrix>) = heads.unzip();
    (Value::from_planes(outs), Value::from_planes(states))
}

fn of_head(inputs: &ScanInputs, before: Option<&Value>, h: usize) -> (Matrix, Matrix) {
    let ScanInputs { decay, dt, b, c, x, d } = *inputs;
    let group = h * b.shape().planes / x.shape().planes;
    // Position by position, as matrices lie column by column.
    let (b, c) = (b.plane(group).transpose(), c.plane(group).transpose()); // (state, position)
    let (x, n_states) = (x.plane(h), b.nrows());
    let zeros = || Matrix::zeros(1, x.ncols() * n_states);
    let mut state = before.map_or_else(zeros, |before| before.plane(h).clone());
    let mut out = Matrix::zeros(x.nrows(), x.ncols());
    for t in 0..x.nrows() {
        let (kept, dt, b, c) = (decay[(t, h)], dt[(t, h)], b.column(t), c.column(t));
        for (p, row) in state.as_mut_slice().chunks_exact_mut(n_states).enumerate() {
            let written = dt * x[(t, p)];
            let mut read = 0.0;
            for ((s, b), c) in row.iter_mut().zip(b.as_slice()).zip(c.as_slice()) {
                *s = kept * *s + written * b;
                read += *s * c;
            }
            out[(t, p)] = read + d[(0, h)] * x[(t, p)];
        }
    }
    (out, state)
}
