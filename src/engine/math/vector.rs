//! Loops over many numbers, with the processor's widest vectors and on all cores.
//!
//! Every number is computed in the same way wherever it is, so splitting the work does not change a bit of it.

use std::sync::LazyLock;

use pulp::Arch;
use rayon::prelude::*;

use crate::engine::value::{Matrix, Value, blank, copied};

/// Numbers per task.
const PIECE: usize = 1 << 14;

/// Runs a loop compiled for the processor's widest vectors. The loop must be inlined into the call; a plain closure
/// would keep the narrowest vectors and be several times slower.
macro_rules! wide {
    ($work:expr) => {
        $crate::engine::math::on_widest(
            #[inline(always)]
            || $work,
        )
    };
}
pub(crate) use wide;

/// The implementation of [`wide!`].
pub(crate) fn on_widest<R>(work: impl FnOnce() -> R) -> R {
    /// Detected once: detection takes longer than a short loop.
    static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);
    ARCH.dispatch(work)
}

/// `exp(x)` within 2 units of the last place, in a form that a compiler makes vectors of: `2^n e^r`
/// with `|r| <= ln(2)/2` and a polynomial for `e^r` (Moshier, *Cephes*, `expf`). 0 below -87.3, where
/// f32's normal numbers end; infinity above 88.7; NaN of NaN.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LOWEST: f32 = -87.336_54;
    const HIGHEST: f32 = 88.722_83;
    /// Adding it and taking it away again rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const SERIES: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    let within = if x < LOWEST { LOWEST } else { x };
    let within = if within > HIGHEST { HIGHEST } else { within };
    let n = (within * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = within - n * LN_2_HIGH - n * LN_2_LOW;
    let mut sum = SERIES[0];
    for c in &SERIES[1..] {
        sum = sum * r + c;
    }
    let power = sum * r * r + r + 1.0;
    // In two steps: 2^128 is beyond f32, but 2^64 * 2^64 is.
    let (n, two_to) = (n as i32, |n: i32| f32::from_bits(((n + 127) as u32) << 23));
    let value = power * two_to(n >> 1) * two_to(n - (n >> 1));
    let value = if x < LOWEST { 0.0 } else { value };
    if x > HIGHEST { f32::INFINITY } else { value }
}

/// The number of parallel sums in [`dot`].
const LANES: usize = 32;

/// `sum_k a_k b_k`, in an order that does not depend on the processor.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    wide!({
        let (mut sums, (a, a_rest)) = ([0.0_f32; LANES], a.as_chunks::<LANES>());
        let (b, b_rest) = b.as_chunks::<LANES>();
        for (a, b) in a.iter().zip(b) {
            for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                *sum += a * b;
            }
        }
        let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
        sums.iter().sum::<f32>() + rest
    })
}

/// A matrix written piece by piece; `write` gets the offset of its piece.
fn written((rows, cols): (usize, usize), write: impl Fn(usize, &mut [f32]) + Sync) -> Matrix {
    let mut out = blank(rows, cols);
    let pieces = out.as_mut_slice().par_chunks_mut(PIECE).enumerate();
    pieces.for_each(|(i, piece)| wide!(write(i * PIECE, piece)));
    out
}

/// `sum + factor * x`, cell by cell.
pub fn add_multiple(sum: &mut [f32], factor: f32, x: &[f32]) {
    wide!({
        for (sum, x) in sum.iter_mut().zip(x) {
            *sum += factor * x;
        }
    });
}

/// `f` of every number.
pub fn map(x: &Value, f: impl Fn(f32) -> f32 + Sync) -> Value {
    x.map_planes(|plane| map_plane(plane, &f))
}

/// `f` of every pair of numbers in the same cell. a and b of one shape
pub fn zip(a: &Value, b: &Value, f: impl Fn(f32, f32) -> f32 + Sync) -> Value {
    let pairs = a.planes().iter().zip(b.planes());
    Value::from_planes(pairs.map(|(a, b)| zip_plane(a, b, &f)).collect())
}

/// `f` of every number of a plane.
pub fn map_plane(x: &Matrix, f: impl Fn(f32) -> f32 + Sync) -> Matrix {
    let from = x.as_slice();
    written(
        x.shape(),
        #[inline(always)]
        |at, out| {
            for (out, &v) in out.iter_mut().zip(&from[at..]) {
                *out = f(v);
            }
        },
    )
}

/// `f` of every pair of numbers in the same cell of two planes. a and b of one shape
pub fn zip_plane(a: &Matrix, b: &Matrix, f: impl Fn(f32, f32) -> f32 + Sync) -> Matrix {
    let (left, right) = (a.as_slice(), b.as_slice());
    written(
        a.shape(),
        #[inline(always)]
        |at, out| {
            for ((out, &a), &b) in out.iter_mut().zip(&left[at..]).zip(&right[at..]) {
                *out = f(a, b);
            }
        },
    )
}

/// The fewest tasks that a thread takes, of `n_tasks` with `n_operations` in all: all of them if another thread
/// would need longer to wake up than to help.
pub fn least_tasks(n_tasks: usize, n_operations: usize) -> usize {
    const WORTH_WAKING: usize = 1 << 18;
    if n_operations < WORTH_WAKING { n_tasks.max(1) } else { 1 }
}

/// Runs work on a thread of the pool, so that its loops do not wake the other threads each time.
pub fn in_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}

/// Every row folded to one number, column by column, in memory order.
fn fold_rows<A: Copy>(x: &Matrix, start: A, f: impl Fn(A, f32) -> A) -> Vec<A> {
    if x.nrows() == 1 {
        return vec![x.as_slice().iter().fold(start, |so_far, &v| f(so_far, v))];
    }
    let mut folded = vec![start; x.nrows()];
    wide!({
        for column in x.as_slice().chunks_exact(x.nrows().max(1)) {
            for (so_far, &v) in folded.iter_mut().zip(column) {
                *so_far = f(*so_far, v);
            }
        }
    });
    folded
}

/// The numbers of the whole columns in one task.
fn whole_columns(n_rows: usize) -> usize {
    n_rows.max(1) * (PIECE / n_rows.max(1)).max(1)
}

/// Every number changed by `f(number, its row's number)`.
fn with_each_row(x: &mut Matrix, rows: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) {
    if let [row] = *rows {
        x.apply(|v| *v = f(*v, row));
        return;
    }
    let parts = x.as_mut_slice().par_chunks_mut(whole_columns(rows.len()));
    parts.for_each(|part| {
        wide!({
            for column in part.chunks_exact_mut(rows.len()) {
                for (v, &row) in column.iter_mut().zip(rows) {
                    *v = f(*v, row);
                }
            }
        });
    });
}

/// Every number changed by `f(number, its column's number)`. row (1, col)
fn with_each_column(x: &mut Matrix, row: &Matrix, f: impl Fn(f32, f32) -> f32 + Sync) {
    let n_rows = x.nrows().max(1);
    let size = whole_columns(n_rows);
    let of_columns = row.as_slice().par_chunks(size / n_rows);
    let parts = x.as_mut_slice().par_chunks_mut(size).zip(of_columns);
    parts.for_each(|(part, row)| with_columns(part, row, &f));
}

/// Like [`with_each_column`], for consecutive columns. x (row, col), row (col)
#[inline(always)]
fn with_columns(x: &mut [f32], row: &[f32], f: impl Fn(f32, f32) -> f32) {
    let n_rows = x.len() / row.len().max(1);
    if n_rows == 1 {
        x.iter_mut().zip(row).for_each(|(v, &of_column)| *v = f(*v, of_column));
        return;
    }
    wide!({
        for (column, &of_column) in x.chunks_exact_mut(n_rows.max(1)).zip(row) {
            for v in column {
                *v = f(*v, of_column);
            }
        }
    });
}

/// Adds `b` to every row of consecutive columns. x (row, col), b (col)
pub fn add_to_columns(x: &mut [f32], b: &[f32]) {
    with_columns(x, b, |v, b| v + b);
}

/// `b` added to every row. b (1, col)
pub fn add_row(x: &mut Matrix, b: &Matrix) {
    with_each_column(x, b, |v, b| v + b);
}

/// `x * gain + bias`, column by column. gain and bias (1, col)
pub fn stretched(x: &Matrix, gain: &Matrix, bias: Option<&Matrix>) -> Matrix {
    let mut out = copied(x);
    with_each_column(&mut out, gain, |v, gain| v * gain);
    if let Some(bias) = bias {
        add_row(&mut out, bias);
    }
    out
}

/// Mean of each row. (row, 1)
pub fn row_means(x: &Matrix) -> Matrix {
    let sums = fold_rows(x, 0.0, |sum: f64, v| sum + f64::from(v));
    means(&sums, x.ncols())
}

/// Biased variance of each row about the given means. (row, 1)
pub fn row_variances(x: &Matrix, about: &Matrix) -> Matrix {
    let mut from_mean = copied(x);
    with_each_row(&mut from_mean, about.as_slice(), |v, mean| v - mean);
    row_mean_squares(&from_mean)
}

/// The mean of each row's squares. (row, 1)
pub fn row_mean_squares(x: &Matrix) -> Matrix {
    let squares = fold_rows(x, 0.0, |sum: f64, v| sum + f64::from(v) * f64::from(v));
    means(&squares, x.ncols())
}

fn means(sums: &[f64], n: usize) -> Matrix {
    Matrix::from_iterator(sums.len(), 1, sums.iter().map(|sum| (sum / n as f64) as f32))
}

/// `(x - mean) / sqrt(var + eps)`, row by row. mean and var (row, 1)
pub fn normalize_rows(x: &Matrix, mean: &Matrix, var: &Matrix, eps: f32) -> Matrix {
    let mut out = copied(x);
    with_each_row(&mut out, mean.as_slice(), |v, mean| v - mean);
    divide_rows_by_root(out, var, eps)
}

/// `x / sqrt(square + eps)`, row by row. square (row, 1)
pub fn divide_rows_by_root(mut x: Matrix, square: &Matrix, eps: f32) -> Matrix {
    let root = square.map(|v| (v + eps).sqrt());
    with_each_row(&mut x, root.as_slice(), |v, root| v / root);
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_right_to_two_units_of_the_last_place() {
        for i in 0..400_000 {
            let x = -88.0 + i as f32 * 4.4e-4;
            let (got, want) = (exp(x), f64::from(x).exp());
            let unit = f64::from(f32::EPSILON) * want;
            let is_normal = want > f64::from(f32::MIN_POSITIVE);
            assert!(!is_normal || (f64::from(got) - want).abs() <= 2.0 * unit, "{x}: {got}");
            assert!(is_normal || got < 1.3e-38, "{x}: {got}");
        }
        assert!(exp(f32::NAN).is_nan());
        assert_eq!((exp(f32::NEG_INFINITY), exp(0.0)), (0.0, 1.0));
        assert_eq!((exp(89.0), exp(f32::INFINITY)), (f32::INFINITY, f32::INFINITY));
    }

    #[test]
    fn large_and_small_matrices_are_mapped_alike() {
        let large = Matrix::from_fn(300, 200, |r, c| (r * 7 + c) as f32 * 0.01 - 3.0);
        let whole = map(&large.clone().into(), f32::abs);
        assert_eq!(*whole.matrix(), large.abs());
    }
}
