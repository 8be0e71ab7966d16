//! Pure functions on matrices: products, softmax, activations, positions.
//!
//! Nothing here knows a model, a tape or a screen.

mod product;

pub use product::{matmul, matmul_nt, matmul_tn};

use crate::value::Matrix;

/// Added to a variance before its root is taken (PyTorch's default).
pub const NORM_EPS: f32 = 1e-5;

/// Each row as shares that sum to 1: `exp(x_j) / sum_k exp(x_k)`.
///
/// The row's maximum is subtracted first, which changes no share and keeps `exp` finite. A row that
/// is minus infinity throughout gives NaN, as in PyTorch.
pub fn softmax_rows(x: &Matrix) -> Matrix {
    let mut out = x.clone();
    for mut row in out.row_iter_mut() {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.apply(|v| *v = (*v - max).exp());
        let sum: f32 = row.iter().sum();
        row.apply(|v| *v /= sum);
    }
    out
}

/// Mean of each row. (row, 1)
pub fn row_means(x: &Matrix) -> Matrix {
    Matrix::from_fn(x.nrows(), 1, |r, _| {
        let sum: f64 = x.row(r).iter().map(|&v| f64::from(v)).sum();
        (sum / x.ncols() as f64) as f32
    })
}

/// Biased variance of each row about the given means. (row, 1)
pub fn row_variances(x: &Matrix, means: &Matrix) -> Matrix {
    Matrix::from_fn(x.nrows(), 1, |r, _| {
        let mean = f64::from(means[(r, 0)]);
        let sum: f64 = x.row(r).iter().map(|&v| (f64::from(v) - mean).powi(2)).sum();
        (sum / x.ncols() as f64) as f32
    })
}

/// The logistic function `1 / (1 + exp(-x))`.
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// `sqrt(2 / pi)`, the constant of GELU's tanh form.
pub const GELU_ROOT: f32 = 0.797_884_6;
/// The cubic's weight in GELU's tanh form.
pub const GELU_CUBE: f32 = 0.044_715;

/// GELU in its tanh form, as in GPT-2 (Hendrycks and Gimpel 2016, section 2).
pub fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + (GELU_ROOT * (x + GELU_CUBE * x * x * x)).tanh())
}

/// The derivative of [`gelu`].
pub fn gelu_slope(x: f32) -> f32 {
    let t = (GELU_ROOT * (x + GELU_CUBE * x * x * x)).tanh();
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * GELU_ROOT * (1.0 + 3.0 * GELU_CUBE * x * x)
}

/// Sinusoidal positions: even columns `sin(pos / 10000^(i/d_model))`, odd columns the cosine of the
/// same angle (Vaswani et al. 2017, section 3.5). (position, channel)
pub fn sinusoidal_positions(n_positions: usize, d_model: usize) -> Matrix {
    Matrix::from_fn(n_positions, d_model, |pos, channel| {
        let even = (channel - channel % 2) as f64;
        let angle = pos as f64 / 10_000_f64.powf(even / d_model as f64);
        (if channel % 2 == 0 { angle.sin() } else { angle.cos() }) as f32
    })
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
}
