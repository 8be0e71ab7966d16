//! The matrix product, by the kernels of `gemm-f32`: the `gemm` crate in f32, without building its other types. On small
//! and one-row matrices it is several times faster than nalgebra's own. Large products are cut into strips of columns
//! whose width does not depend on how many threads there are, so that the same input gives the same bits everywhere.
#![allow(unsafe_code, reason = "gemm takes raw pointers and strides; both come from slices here")]

use std::ops::Range;

use gemm_common::Parallelism;
use gemm_f32::gemm::f32::get_gemm_fn;
use rayon::prelude::*;

use super::add_to_columns;
use crate::engine::value::{Matrix, blank};

/// Multiplications below which one thread is faster than several.
const SMALL: usize = 1 << 21;

/// The columns computed together in a product of `n` columns: whole tiles of `gemm`'s kernels, and enough strips to
/// keep the cores equally busy. Wide products, and matrices that run across the sums, take wider strips.
pub const fn strip(n: usize, runs_along: bool) -> usize {
    if n < 4096 && runs_along { 48 } else { 192 }
}

/// A matrix (m, n) computed in strips of `width` columns, with `b` added to every row while a strip is in the cache.
/// `write` gets the index of its first column.
pub fn in_strips<T: Send>(
    m: usize,
    n: usize,
    width: usize,
    b: Option<&Matrix>,
    start: impl Fn() -> T + Sync + Send,
    write: impl Fn(&mut T, usize, &mut [f32]) + Sync + Send,
) -> Matrix {
    let mut out = blank(m, n);
    let strips = out.as_mut_slice().par_chunks_mut((m * width).max(1)).enumerate();
    strips.for_each_init(start, |state, (i, strip)| {
        let first = i * width;
        write(state, first, strip);
        if let Some(b) = b {
            add_to_columns(strip, &b.as_slice()[first..first + strip.len() / m]);
        }
    });
    out
}

/// A strided view of a matrix.
#[derive(Clone, Copy)]
pub struct MatrixView<'a> {
    pub numbers: &'a [f32],
    pub shape: (usize, usize),
    /// The strides from row to row and from column to column.
    pub strides: (usize, usize),
}

impl<'a> MatrixView<'a> {
    /// A view of a nalgebra matrix, which is column-major.
    pub fn of(matrix: &'a Matrix) -> Self {
        let (rows, cols) = matrix.shape();
        Self { numbers: matrix.as_slice(), shape: (rows, cols), strides: (1, rows) }
    }

    #[must_use]
    pub const fn transposed(self) -> Self {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        Self { shape: (cols, rows), strides: (col, row), ..self }
    }

    /// A view of consecutive columns of `n_rows` numbers.
    pub fn columns_of(numbers: &'a [f32], n_rows: usize) -> Self {
        Self { numbers, shape: (n_rows, numbers.len() / n_rows.max(1)), strides: (1, n_rows) }
    }

    /// A range of its rows.
    #[must_use]
    pub fn rows(self, rows: &Range<usize>) -> Self {
        let numbers = &self.numbers[(rows.start * self.strides.0).min(self.numbers.len())..];
        Self { numbers, shape: (rows.len(), self.shape.1), ..self }
    }

    /// A range of its columns.
    fn columns(self, first: usize, n: usize) -> Self {
        let numbers = &self.numbers[first * self.strides.1..];
        Self { numbers, shape: (self.shape.0, n), ..self }
    }

    /// Whether its last number is inside the slice.
    fn is_sound(self) -> bool {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        rows == 0 || cols == 0 || (rows - 1) * row + (cols - 1) * col < self.numbers.len()
    }
}

/// `a b`
pub fn matmul(a: &Matrix, b: &Matrix) -> Matrix {
    product(MatrixView::of(a), MatrixView::of(b), None)
}

/// `a bᵀ`
pub fn matmul_nt(a: &Matrix, b: &Matrix) -> Matrix {
    product(MatrixView::of(a), MatrixView::of(b).transposed(), None)
}

/// `aᵀ b`
pub fn matmul_tn(a: &Matrix, b: &Matrix) -> Matrix {
    product(MatrixView::of(a).transposed(), MatrixView::of(b), None)
}

/// `a b`, with `bias` added to every row. bias (1, col)
pub fn product(a: MatrixView, b: MatrixView, bias: Option<&Matrix>) -> Matrix {
    let ((m, k), (k_b, n)) = (a.shape, b.shape);
    assert_eq!(k, k_b, "inner sizes of a product differ");
    let runs_along = b.strides.0 == 1;
    let width = if m * n * k < SMALL { n } else { strip(n, runs_along) };
    in_strips(
        m,
        n,
        width,
        bias,
        || (),
        |(), first, out| {
            product_into(a, b.columns(first, out.len() / m), out);
        },
    )
}

/// `a b` on one thread. a (m, k), b (k, n), out (m, n) column by column.
///
/// # Panics
/// If the shapes do not fit each other or their numbers.
pub fn product_into(a: MatrixView, b: MatrixView, out: &mut [f32]) {
    let ((m, k), n) = (a.shape, b.shape.1);
    assert_eq!(k, b.shape.0, "inner sizes of a product differ");
    assert!(a.is_sound() && b.is_sound() && out.len() == m * n, "a product reaches out of bounds");
    // SAFETY: shapes and strides were compared with the slices' lengths just above; `out` is ours
    // alone and does not overlap `a` or `b`.
    unsafe {
        get_gemm_fn()(
            m,
            n,
            k,
            out.as_mut_ptr(),
            m as isize,
            1,
            false,
            a.numbers.as_ptr(),
            a.strides.1 as isize,
            a.strides.0 as isize,
            b.numbers.as_ptr(),
            b.strides.1 as isize,
            b.strides.0 as isize,
            0.0_f32,
            1.0_f32,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
