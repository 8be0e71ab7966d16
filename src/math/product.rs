//! The matrix product, by the `gemm` crate: on small and one-row matrices several times faster
//! than nalgebra's own. Large products are cut into strips of columns whose width does not depend on
//! how many threads there are, so that the same input gives the same bits everywhere.
#![allow(unsafe_code, reason = "gemm takes raw pointers and strides; both come from slices here")]

use std::ops::Range;

use gemm::Parallelism;
use rayon::prelude::*;

use super::{add_multiple, add_to_columns, dot};
use crate::value::{Kept, Lines, Matrix, Value, blank};

/// Rows up to which a stored line is multiplied as soon as it is decoded, while it is near the core.
const FEW: usize = 4;

/// Lines that one thread meets at once with few rows.
const LINES: usize = 32;

/// Numbers that stay nearest to the core.
const NEAR: usize = 1 << 12;

/// Multiplications below which one thread is quicker than several.
const SMALL: usize = 1 << 18;

/// Columns of a product of `n` columns that are computed at once: whole tiles of `gemm`'s kernels, and
/// many enough strips to keep the cores equally busy.
const fn strip(n: usize) -> usize {
    if n < 4096 { 48 } else { 192 }
}

/// `x W + b`, where W may be stored in its file. x (row, in), W (in, out), b (1, out) -> (row, out)
pub fn times(x: &Matrix, w: &Value, b: Option<&Matrix>) -> Matrix {
    by_stored(x, w, Lines::Columns, b)
        .unwrap_or_else(|| product(View::of(x), View::of(w.matrix()), b))
}

/// `x Eᵀ + b`, where E may be stored in its file. x (row, in), E (out, in), b (1, out) -> (row, out)
pub fn times_transposed(x: &Matrix, e: &Value, b: Option<&Matrix>) -> Matrix {
    by_stored(x, e, Lines::Rows, b)
        .unwrap_or_else(|| product(View::of(x), View::of(e.matrix()).transposed(), b))
}

/// The product with a stored matrix; None where it has to be decoded as a whole first: its lines run
/// across the sums and are no f32. `along` are lines that run along the sums.
fn by_stored(x: &Matrix, w: &Value, along: Lines, b: Option<&Matrix>) -> Option<Matrix> {
    let kept = w.as_stored()?;
    let (n_lines, len) = kept.source.size();
    let lying = kept.source.lying();
    let lying = lying.map(|(numbers, stride)| View {
        numbers,
        shape: (len, n_lines),
        strides: (1, stride),
    });
    match (kept.lines == along, lying) {
        (true, _) if x.nrows() <= FEW => Some(by_lines(x, kept, b)),
        (true, Some(lines)) => Some(product(View::of(x), lines, b)),
        (true, None) => Some(by_decoded_strips(x, kept, b)),
        (false, Some(lines)) if x.nrows() <= FEW => Some(across_lines(x, lines, b)),
        (false, Some(lines)) => Some(by_turned_strips(x, lines, b)),
        (false, None) => None,
    }
}

/// Few rows times lines that run across the sums: each line is met once, times its number of every row,
/// and read from end to end. x (row, k), lines (out, k) as columns -> (row, out)
fn across_lines(x: &Matrix, lines: View, b: Option<&Matrix>) -> Matrix {
    let (n, k) = lines.shape;
    let sum = |some: Range<usize>| {
        let mut sums = vec![0.0; n * x.nrows()];
        for i in some {
            let line = &lines.numbers[i * lines.strides.1..][..n];
            for (row, sums) in sums.chunks_exact_mut(n).enumerate() {
                add_multiple(sums, x[(row, i)], line);
            }
        }
        sums
    };
    let starts: Vec<usize> = (0..k).step_by(ACROSS).collect();
    let parts: Vec<_> = starts.par_iter().map(|&i| sum(i..k.min(i + ACROSS))).collect();
    let mut sums = vec![0.0; n * x.nrows()];
    for part in &parts {
        add_multiple(&mut sums, 1.0, part);
    }
    let mut out = Matrix::from_row_slice(x.nrows(), n, &sums);
    if let Some(b) = b {
        add_to_columns(out.as_mut_slice(), b.as_slice());
    }
    out
}

/// Lines across the sums that one thread meets at once.
const ACROSS: usize = 32;

/// The same for many rows: some numbers of all lines are turned to run along the sums, which is what a
/// kernel reads fastest.
fn by_turned_strips(x: &Matrix, lines: View, b: Option<&Matrix>) -> Matrix {
    let (n, k) = lines.shape;
    in_strips((x.nrows(), n), strip(n), b, Vec::new, |turned: &mut Vec<f32>, first, strip| {
        let width = strip.len() / x.nrows();
        turned.resize(width * k, 0.0);
        turn(lines, first, turned);
        let right = View { numbers: turned, shape: (k, width), strides: (1, k) };
        product_into(View::of(x), right, strip);
    })
}

/// Columns that lie across the numbers, from `first` on, each written from end to end. lines (out, k) ->
/// turned (k, out) column by column
fn turn(lines: View, first: usize, turned: &mut [f32]) {
    const TILE: usize = 16;
    let k = lines.shape.1;
    for (j, columns) in turned.chunks_mut(TILE * k).enumerate() {
        let (at, width) = (first + j * TILE, columns.len() / k);
        for i in (0..k).step_by(TILE) {
            let mut tile = [[0.0; TILE]; TILE];
            let height = TILE.min(k - i);
            for (l, row) in tile.iter_mut().take(height).enumerate() {
                let line = &lines.numbers[(i + l) * lines.strides.1 + at..];
                row[..width].copy_from_slice(&line[..width]);
            }
            for (c, column) in columns.chunks_exact_mut(k).enumerate() {
                for (to, row) in column[i..i + height].iter_mut().zip(&tile) {
                    *to = row[c];
                }
            }
        }
    }
}

/// Few rows times every line, which is met as soon as it is read. x (row, k), lines (out, k) ->
/// (row, out)
fn by_lines(x: &Matrix, kept: &Kept, b: Option<&Matrix>) -> Matrix {
    let n_rows = x.nrows().max(1);
    let rows: Vec<Vec<f32>> = x.row_iter().map(|row| row.iter().copied().collect()).collect();
    let (n_lines, len) = kept.source.size();
    let at_once = (NEAR / len.max(1)).max(1);
    in_strips((x.nrows(), n_lines), LINES, b, Vec::new, |decoded, first, strip| {
        for (i, out) in strip.chunks_mut(n_rows * at_once).enumerate() {
            let first = first + i * at_once;
            let (numbers, stride) = lines(kept, first..first + out.len() / n_rows, decoded);
            for (line, out) in numbers.chunks(stride).zip(out.chunks_exact_mut(n_rows)) {
                out.iter_mut().zip(&rows).for_each(|(out, row)| *out = dot(row, &line[..len]));
            }
        }
    })
}

/// Some lines where they lie, or else decoded, and the distance from one to the next.
fn lines<'a>(kept: &'a Kept, some: Range<usize>, decoded: &'a mut Vec<f32>) -> (&'a [f32], usize) {
    let len = kept.source.size().1;
    if let Some((numbers, stride)) = kept.source.lying() {
        return (&numbers[some.start * stride..(some.end - 1) * stride + len], stride);
    }
    decoded.resize(some.len() * len, 0.0);
    kept.source.read(some, decoded);
    (decoded, len)
}

/// The product of every row with every line, decoded strip by strip. x (row, k), lines (out, k) ->
/// (row, out)
fn by_decoded_strips(x: &Matrix, kept: &Kept, b: Option<&Matrix>) -> Matrix {
    let (n_lines, len) = kept.source.size();
    let shape = (x.nrows(), n_lines);
    in_strips(shape, strip(n_lines), b, Vec::new, |lines: &mut Vec<f32>, first, strip| {
        let n = strip.len() / x.nrows();
        lines.resize(n * len, 0.0);
        kept.source.read(first..first + n, lines);
        let right = View { numbers: lines, shape: (len, n), strides: (1, len) };
        product_into(View::of(x), right, strip);
    })
}

/// A matrix that is written some columns at a time, with `b` added to every row while they are near the
/// core; `write` is told the first column.
fn in_strips<T: Send>(
    (m, n): (usize, usize),
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

/// A matrix as it lies in memory.
#[derive(Clone, Copy)]
pub struct View<'a> {
    numbers: &'a [f32],
    shape: (usize, usize),
    /// From row to row, and from column to column.
    strides: (usize, usize),
}

impl<'a> View<'a> {
    /// nalgebra's matrices lie column by column.
    pub fn of(matrix: &'a Matrix) -> Self {
        let (rows, cols) = matrix.shape();
        Self { numbers: matrix.as_slice(), shape: (rows, cols), strides: (1, rows) }
    }

    #[must_use]
    pub const fn transposed(self) -> Self {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        Self { shape: (cols, rows), strides: (col, row), ..self }
    }

    /// Columns of `n_rows` numbers that lie one after another.
    pub fn columns_of(numbers: &'a [f32], n_rows: usize) -> Self {
        Self { numbers, shape: (n_rows, numbers.len() / n_rows.max(1)), strides: (1, n_rows) }
    }

    /// Some of its rows.
    #[must_use]
    pub fn rows(self, rows: &Range<usize>) -> Self {
        let numbers = &self.numbers[(rows.start * self.strides.0).min(self.numbers.len())..];
        Self { numbers, shape: (rows.len(), self.shape.1), ..self }
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
    product(View::of(a), View::of(b), None)
}

/// `a bᵀ`
pub fn matmul_nt(a: &Matrix, b: &Matrix) -> Matrix {
    product(View::of(a), View::of(b).transposed(), None)
}

/// `aᵀ b`
pub fn matmul_tn(a: &Matrix, b: &Matrix) -> Matrix {
    product(View::of(a).transposed(), View::of(b), None)
}

/// `a b`, with `bias` added to every row. bias (1, col)
fn product(a: View, b: View, bias: Option<&Matrix>) -> Matrix {
    let ((m, k), (k_b, n)) = (a.shape, b.shape);
    assert_eq!(k, k_b, "inner sizes of a product differ");
    let width = if m * n * k < SMALL { n } else { strip(n) };
    in_strips(
        (m, n),
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
pub fn product_into(a: View, b: View, out: &mut [f32]) {
    let ((m, k), n) = (a.shape, b.shape.1);
    assert_eq!(k, b.shape.0, "inner sizes of a product differ");
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
