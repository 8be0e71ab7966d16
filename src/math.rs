//! Pure functions on matrices: products, softmax, activations, positions.
//!
//! Nothing here knows a model, a tape or a screen.

pub mod beam;
mod erf;
pub mod picture;
mod product;
pub mod sampling;

pub use erf::{erf, gelu_erf, gelu_erf_slope};
pub use product::{matmul, matmul_nt, matmul_tn, times, times_transposed};

use crate::value::Matrix;

/// Added to a variance before its root is taken (PyTorch's default).
pub const NORM_EPS: f32 = 1e-5;

/// Each row as shares that sum to 1: `exp(x_j) / sum_k exp(x_k)`.
///
/// The row's maximum is subtracted first, which changes no share and keeps `exp` finite. A row that
/// is minus infinity throughout gives NaN, as in PyTorch.
pub fn softmax_rows(x: &Matrix) -> Matrix {
    let mut out = x.clone();
    let max = fold_rows(x, f32::NEG_INFINITY, f32::max);
    with_each_row(&mut out, &max, |v, max| (v - max).exp());
    let sum = fold_rows(&out, 0.0, |sum, v| sum + v);
    with_each_row(&mut out, &sum, |v, sum| v / sum);
    out
}

/// Every row folded to one number, column by column, as the numbers lie in memory.
fn fold_rows<A: Copy>(x: &Matrix, start: A, f: impl Fn(A, f32) -> A) -> Vec<A> {
    if x.nrows() == 1 {
        return vec![x.as_slice().iter().fold(start, |so_far, &v| f(so_far, v))];
    }
    let mut folded = vec![start; x.nrows()];
    for column in x.as_slice().chunks_exact(x.nrows().max(1)) {
        for (so_far, &v) in folded.iter_mut().zip(column) {
            *so_far = f(*so_far, v);
        }
    }
    folded
}

/// Every number changed by `f(number, its row's number)`.
fn with_each_row(x: &mut Matrix, rows: &[f32], f: impl Fn(f32, f32) -> f32) {
    if let [row] = *rows {
        x.apply(|v| *v = f(*v, row));
        return;
    }
    for column in x.as_mut_slice().chunks_exact_mut(rows.len().max(1)) {
        for (v, &row) in column.iter_mut().zip(rows) {
            *v = f(*v, row);
        }
    }
}

/// Mean of each row. (row, 1)
pub fn row_means(x: &Matrix) -> Matrix {
    let sums = fold_rows(x, 0.0, |sum: f64, v| sum + f64::from(v));
    means(&sums, x.ncols())
}

/// Biased variance of each row about the given means. (row, 1)
pub fn row_variances(x: &Matrix, about: &Matrix) -> Matrix {
    let mut from_mean = x.clone();
    with_each_row(&mut from_mean, about.as_slice(), |v, mean| v - mean);
    let squares = fold_rows(&from_mean, 0.0, |sum: f64, v| sum + f64::from(v) * f64::from(v));
    means(&squares, x.ncols())
}

fn means(sums: &[f64], n: usize) -> Matrix {
    Matrix::from_iterator(sums.len(), 1, sums.iter().map(|sum| (sum / n as f64) as f32))
}

/// `(x - mean) / sqrt(var + eps)`, row by row. mean and var (row, 1)
pub fn normalize_rows(x: &Matrix, mean: &Matrix, var: &Matrix, eps: f32) -> Matrix {
    let mut out = x.clone();
    with_each_row(&mut out, mean.as_slice(), |v, mean| v - mean);
    divide_rows_by_root(out, var, eps)
}

/// `x / sqrt(square + eps)`, row by row. square (row, 1)
pub fn divide_rows_by_root(mut x: Matrix, square: &Matrix, eps: f32) -> Matrix {
    let root = square.map(|v| (v + eps).sqrt());
    with_each_row(&mut x, root.as_slice(), |v, root| v / root);
    x
}

/// The mean of each row's squares. (row, 1)
pub fn row_mean_squares(x: &Matrix) -> Matrix {
    let squares = fold_rows(x, 0.0, |sum: f64, v| sum + f64::from(v) * f64::from(v));
    means(&squares, x.ncols())
}

/// The logistic function `1 / (1 + exp(-x))`.
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// `sqrt(2 / pi)`, the constant of GELU's tanh form.
pub const GELU_ROOT: f32 = 0.797_884_6;
/// The cubic's weight in GELU's tanh form.
pub const GELU_CUBE: f32 = 0.044_715;

/// `x * sigmoid(x)` (Elfwing et al. 2018), also called swish.
pub fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

/// GELU in its tanh form, as in GPT-2 (Hendrycks and Gimpel 2016, section 2), written with
/// `(1 + tanh u) / 2 = sigmoid(2u)`, which is several times faster.
pub fn gelu(x: f32) -> f32 {
    x * sigmoid(2.0 * GELU_ROOT * (x + GELU_CUBE * x * x * x))
}

/// The derivative of [`gelu`].
pub fn gelu_slope(x: f32) -> f32 {
    let t = (GELU_ROOT * (x + GELU_CUBE * x * x * x)).tanh();
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * GELU_ROOT * (1.0 + 3.0 * GELU_CUBE * x * x)
}

/// Sinusoidal positions: even columns `sin(pos / 10000^(i/d_model))`, odd columns the cosine of the
/// same angle, from position `first` on (Vaswani et al. 2017, section 3.5). (position, channel)
pub fn sinusoidal_positions(first: usize, n_positions: usize, d_model: usize) -> Matrix {
    Matrix::from_fn(n_positions, d_model, |row, channel| {
        let angle = (first + row) as f64 / position_divisor(channel, d_model);
        (if channel % 2 == 0 { angle.sin() } else { angle.cos() }) as f32
    })
}

/// `10000^(2i / d_model)` for columns 2i and 2i+1: how slowly a column of the positions turns.
pub fn position_divisor(channel: usize, d_model: usize) -> f64 {
    10_000_f64.powf((channel - channel % 2) as f64 / d_model as f64)
}

/// The column of the largest number; the first of equals. None if the row is empty or all NaN.
pub fn argmax(row: impl IntoIterator<Item = f32>) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (i, v) in row.into_iter().enumerate() {
        if !v.is_nan() && best.is_none_or(|(_, b)| v > b) {
            best = Some((i, v));
        }
    }
    best.map(|(i, _)| i)
}

/// For each word: does it stand in a longest common subsequence with the reference? (Hirschberg 1975)
pub fn kept(own: &[&str], reference: &[&str]) -> Vec<bool> {
    let (n, m) = (own.len(), reference.len());
    let mut longest = vec![vec![0_usize; m + 1]; n + 1];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            longest[i][j] = if own[i] == reference[j] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut marks, mut i, mut j) = (vec![false; n], 0, 0);
    while i < n && j < m {
        if own[i] == reference[j] {
            marks[i] = true;
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_rows_sum_to_one_and_masked_cells_are_zero() {
        let x = Matrix::from_row_slice(2, 3, &[1.0, 2.0, f32::NEG_INFINITY, 900.0, 900.0, 900.0]);
        let y = softmax_rows(&x);
        assert!(y.row_iter().all(|r| (r.sum() - 1.0).abs() < 1e-6));
        assert!(y[(0, 2)].abs() < f32::EPSILON);
        assert!((y[(1, 0)] - 1.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn products_agree_with_nalgebra_on_unequal_sizes() {
        let a = Matrix::from_fn(5, 3, |i, j| (i * 7 + j) as f32 * 0.25 - 2.0);
        let b = Matrix::from_fn(3, 11, |i, j| (i + 5 * j) as f32 * 0.5 - 3.0);
        let want = &a * &b;
        assert!((matmul(&a, &b) - &want).abs().max() < 1e-4);
        assert!((matmul_nt(&a, &b.transpose()) - &want).abs().max() < 1e-4);
        assert!((matmul_tn(&a.transpose(), &b) - &want).abs().max() < 1e-4);
    }

    #[test]
    fn argmax_takes_the_first_of_equals_and_skips_nan() {
        assert_eq!(argmax([1.0, f32::NAN, 3.0, 3.0]), Some(2));
        assert_eq!(argmax([f32::NAN]), None);
    }

    #[test]
    fn gelu_slope_is_the_derivative() {
        for x in [-2.0_f32, -0.3, 0.0, 0.7, 3.0] {
            let numeric = (gelu(x + 1e-2) - gelu(x - 1e-2)) / 2e-2;
            assert!((numeric - gelu_slope(x)).abs() < 1e-3);
        }
    }

    #[test]
    fn only_words_outside_the_common_sequence_are_new() {
        let own = ["le", "chien", "a", "vu"];
        assert_eq!(kept(&own, &["le", "chat", "a", "vu"]), [true, false, true, true]);
        assert_eq!(kept(&own, &[]), [false; 4]);
        assert_eq!(kept(&[], &own), [false; 0]);
    }
}
