//! The matrix product, by the `gemm` crate: on small and one-row matrices several times faster
//! than nalgebra's own. Large products are cut into strips of columns whose width does not depend on
//! how many threads there are, so that the same input gives the same bits everywhere.
#![allow(unsafe_code, reason = "gemm takes raw pointers and strides; both come from slices here")]

use gemm::Parallelism;
use rayon::prelude::*;

use super::dot;
use crate::value::{Kept, Lines, Matrix, Value};

/// Columns of the result that are computed at once.
const STRIP: usize = 128;

/// Rows up to which a stored line is multiplied as soon as it is decoded, while it is near the core.
const FEW: usize = 4;

/// Multiplications below which one thread is quicker than several.
const SMALL: usize = 1 << 18;

/// `x W`, where W may be stored in its file. x (row, in), W (in, out) -> (row, out)
pub fn times(x: &Matrix, w: &Value) -> Matrix {
    by_stored(x, w, Lines::Columns).unwrap_or_else(|| matmul(x, w.matrix()))
}

/// `x Eᵀ`, where E may be stored in its file. x (row, in), E (out, in) -> (row, out)
pub fn times_transposed(x: &Matrix, e: &Value) -> Matrix {
    by_stored(x, e, Lines::Rows).unwrap_or_else(|| matmul_nt(x, e.matrix()))
}

/// The product with a stored matrix; None where it has to be decoded as a whole first: its lines run
/// across the sums and are no f32. `along` are lines that run along the sums.
fn by_stored(x: &Matrix, w: &Value, along: Lines) -> Option<Matrix> {
    let kept = w.as_stored()?;
    let (n_lines, len) = kept.source.size();
    let lying = kept.source.lying().map(|(numbers, stride)| View {
        numbers,
        shape: (len, n_lines),
        strides: (1, stride),
    });
    match (kept.lines == along, lying) {
        (true, _) if x.nrows() <= FEW => Some(by_lines(x, kept)),
        (true, Some(lines)) => Some(product(View::of(x), lines)),
        (true, None) => Some(by_decoded_strips(x, kept)),
        (false, lying) => Some(product(View::of(x), lying?.transposed())),
    }
}

/// Few rows times every line, which is met as soon as it is read. x (row, k), lines (out, k) ->
/// (row, out)
fn by_lines(x: &Matrix, kept: &Kept) -> Matrix {
    let n_rows = x.nrows().max(1);
    let rows: Vec<Vec<f32>> = x.row_iter().map(|row| row.iter().copied().collect()).collect();
    let mut out = Matrix::zeros(x.nrows(), kept.source.size().0);
    let strips = out.as_mut_slice().par_chunks_mut(n_rows * STRIP).enumerate();
    strips.for_each_init(Vec::new, |decoded, (i, strip)| {
        for (j, out) in strip.chunks_exact_mut(n_rows).enumerate() {
            let line = line(kept, i * STRIP + j, decoded);
            for (out, row) in out.iter_mut().zip(&rows) {
                *out = dot(row, line);
            }
        }
    });
    out
}

/// A line where it lies; else decoded.
fn line<'a>(kept: &'a Kept, line: usize, decoded: &'a mut Vec<f32>) -> &'a [f32] {
    let len = kept.source.size().1;
    if let Some((numbers, stride)) = kept.source.lying() {
        return &numbers[line * stride..][..len];
    }
    decoded.resize(len, 0.0);
    kept.source.read(line..line + 1, decoded);
    decoded
}

/// The product of every row with every line, decoded strip by strip. x (row, k), lines (out, k) ->
/// (row, out)
fn by_decoded_strips(x: &Matrix, kept: &Kept) -> Matrix {
    let (n_lines, len) = kept.source.size();
    let mut out = Matrix::zeros(x.nrows(), n_lines);
    let strips = out.as_mut_slice().par_chunks_mut(x.nrows() * STRIP).enumerate();
    strips.for_each_init(Vec::new, |lines: &mut Vec<f32>, (i, strip)| {
        let first = i * STRIP;
        let n = STRIP.min(n_lines - first);
        lines.resize(n * len, 0.0);
        kept.source.read(first..first + n, lines);
        let right = View { numbers: lines, shape: (len, n), strides: (1, len) };
        strip_of_product(View::of(x), right, strip);
    });
    out
}

/// A matrix as it lies in memory.
#[derive(Clone, Copy)]
struct View<'a> {
    numbers: &'a [f32],
    shape: (usize, usize),
    /// From row to row, and from column to column.
    strides: (usize, usize),
}

impl<'a> View<'a> {
    /// nalgebra's matrices lie column by column.
    fn of(matrix: &'a Matrix) -> Self {
        let (rows, cols) = matrix.shape();
        Self { numbers: matrix.as_slice(), shape: (rows, cols), strides: (1, rows) }
    }

    const fn transposed(self) -> Self {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        Self { shape: (cols, rows), strides: (col, row), ..self }
    }

    /// Some of its columns.
    fn columns(self, first: usize, n: usize) -> Self {
        let numbers = &self.numbers[first * self.strides.1..];
        Self { numbers, shape: (self.shape.0, n), ..self }
    }

    /// Whether its last number lies inside.
    fn is_sound(self) -> bool {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        rows == 0 || cols == 0 || (rows - 1) * row + (cols - 1) * col < self.numbers.len()
    }
}

/// `a b`
pub fn matmul(a: &Matrix, b: &Matrix) -> Matrix {
    product(View::of(a), View::of(b))
}

/// `a bᵀ`
pub fn matmul_nt(a: &Matrix, b: &Matrix) -> Matrix {
    product(View::of(a), View::of(b).transposed())
}

/// `aᵀ b`
pub fn matmul_tn(a: &Matrix, b: &Matrix) -> Matrix {
    product(View::of(a).transposed(), View::of(b))
}

fn product(a: View, b: View) -> Matrix {
    let ((m, k), (k_b, n)) = (a.shape, b.shape);
    assert_eq!(k, k_b, "inner sizes of a product differ");
    let mut out = Matrix::zeros(m, n);
    if m * n * k < SMALL {
        strip_of_product(a, b, out.as_mut_slice());
        return out;
    }
    let strips = out.as_mut_slice().par_chunks_mut(m * STRIP).enumerate();
    strips.for_each(|(i, strip)| {
        let first = i * STRIP;
        strip_of_product(a, b.columns(first, STRIP.min(n - first)), strip);
    });
    out
}

/// The product on one thread. a (m, k), b (k, n), out (m, n) column by column.
fn strip_of_product(a: View, b: View, out: &mut [f32]) {
    let ((m, k), n) = (a.shape, b.shape.1);
    assert!(a.is_sound() && b.is_sound() && out.len() == m * n, "a product reaches out of bounds");
    // SAFETY: shapes and strides were compared with the slices' lengths just above; `out` is ours
    // alone and does not overlap `a` or `b`.
    unsafe {
        gemm::gemm(
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
