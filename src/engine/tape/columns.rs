//! Heads as column blocks of one matrix: split and joined.

use rayon::prelude::*;

use crate::engine::{
    math::least_tasks,
    value::{Matrix, Shape, Value, blank},
};

/// A matrix split into equal column blocks, one per plane. (row, head*d_k) -> (head, row, d_k)
pub fn split_columns(whole: &Matrix, n_heads: usize) -> Value {
    let width = whole.ncols() / n_heads;
    let of_head = whole.as_slice().par_chunks((whole.nrows() * width).max(1));
    let plane = |numbers: &[f32]| {
        let mut plane = blank(whole.nrows(), width);
        plane.as_mut_slice().copy_from_slice(numbers);
        plane
    };
    let of_head = of_head.with_min_len(least_tasks(n_heads, whole.len()));
    Value::from_planes(of_head.map(plane).collect())
}

/// The planes as column blocks of one matrix: the inverse of [`split_columns`]. (head, row, d_k) -> (row, head*d_k)
pub fn join_columns(value: &Value) -> Matrix {
    let Shape { planes, rows, cols } = value.shape();
    let mut out = blank(rows, planes * cols);
    let of_heads = out.as_mut_slice().chunks_exact_mut((rows * cols).max(1));
    for (columns, plane) in of_heads.zip(value.planes()) {
        columns.copy_from_slice(plane.as_slice());
    }
    out
}

/// The sum of each column. (row, col) -> (1, col)
pub fn column_sums(grad: &Matrix) -> Matrix {
    Matrix::from_fn(1, grad.ncols(), |_, c| grad.column(c).sum())
}
