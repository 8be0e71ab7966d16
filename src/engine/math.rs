//! Pure functions on matrices: products, softmax, activations, positions, sampling, beam search.
//!
//! Results do not depend on the number of threads. Recording values is left to [`crate::engine::tape`].

#![allow(
    clippy::inline_always,
    reason = "small functions take the width of the loop they stand in"
)]

mod align;
mod attend;
pub mod beam;
mod delta;
mod erf;
mod head_context;
pub mod picture;
mod product;
pub mod sampling;
mod scan;
mod softmax;
mod stored;
mod vector;

pub use align::aligned;
pub use attend::{AttentionOptions, Scaling, attend};
pub use delta::{DeltaInputs, Sharing, delta_rule};
pub use erf::{erf, gelu_erf, gelu_erf_slope};
pub use head_context::HeadContext;
pub use product::{
    MatrixView, in_strips, matmul, matmul_nt, matmul_tn, product, product_into, strip,
};
pub use scan::{ScanInputs, scan};
pub use softmax::{
    log_probability, log_softmax, mask_in_place, slopes_of_log_softmax, softmax, softmax_into,
    softmax_rows,
};
pub use stored::{times, times_transposed};
pub use vector::{
    add_multiple, add_row, add_to_columns, divide_rows_by_root, dot, exp, in_pool, least_tasks,
    map, map_plane, normalize_rows, row_mean_squares, row_means, row_variances, stretched, zip,
    zip_plane,
};

pub(crate) use vector::{on_widest, wide};

use crate::engine::value::Matrix;

/// The epsilon added to a variance before the root (PyTorch's default).
pub const NORM_EPS: f32 = 1e-5;

/// The Euclidean norm of a row.
pub fn length(row: &[f32]) -> f32 {
    row.iter().map(|x| x * x).sum::<f32>().sqrt()
}

/// The logistic function `1 / (1 + exp(-x))`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Beyond it, softplus is the number itself: PyTorch.
const LINEAR_FROM: f32 = 20.0;

/// `ln(1 + exp(x))`, above 0.
pub fn softplus(x: f32) -> f32 {
    if x > LINEAR_FROM { x } else { x.exp().ln_1p() }
}

/// `sqrt(2 / pi)`, the constant of GELU's tanh form.
pub const GELU_ROOT: f32 = 0.797_884_6;
/// The cubic's weight in GELU's tanh form.
pub const GELU_CUBE: f32 = 0.044_715;

/// `x * sigmoid(x)` (Elfwing et al. 2018), also called swish.
#[inline(always)]
pub fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

/// GELU in its tanh form, as in GPT-2 (Hendrycks and Gimpel 2016, section 2), written with
/// `(1 + tanh u) / 2 = sigmoid(2u)`, which is several times faster.
#[inline(always)]
pub fn gelu(x: f32) -> f32 {
    x * sigmoid(2.0 * GELU_ROOT * (x + GELU_CUBE * x * x * x))
}

/// The derivative of [`gelu`].
pub fn gelu_slope(x: f32) -> f32 {
    let t = (GELU_ROOT * (x + GELU_CUBE * x * x * x)).tanh();
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * GELU_ROOT * (1.0 + 3.0 * GELU_CUBE * x * x)
}

/// The column order of sines and cosines in sinusoidal positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waves {
    /// Sines in even columns, each cosine after its sine (Vaswani et al. 2017, section 3.5).
    Alternating,
    /// All sines, then all cosines (Marian: Junczys-Dowmunt et al. 2018).
    Halves,
    /// The same from position 2 on, and the angles from 1 to 1/10000, both included (fairseq: Ott et al. 2019).
    HalvesFromTwo,
}

impl Waves {
    /// The position of a text's first token.
    pub const fn first(self) -> usize {
        match self {
            Self::Alternating | Self::Halves => 0,
            Self::HalvesFromTwo => 2,
        }
    }

    /// Whether a column is a sine, and the index of its angle.
    pub const fn of(self, channel: usize, d_model: usize) -> (bool, usize) {
        match self {
            Self::Alternating => (channel.is_multiple_of(2), channel / 2),
            Self::Halves | Self::HalvesFromTwo => {
                let half = d_model.div_ceil(2);
                (channel < half, if channel < half { channel } else { channel - half })
            }
        }
    }

    /// `10000^(2i / d_model)` for angle i, or `10000^(i / (d_model/2 - 1))`: the divisor of the position in this column.
    pub fn divisor(self, channel: usize, d_model: usize) -> f64 {
        let i = self.of(channel, d_model).1 as f64;
        let share = match self {
            Self::Alternating | Self::Halves => 2.0 * i / d_model as f64,
            Self::HalvesFromTwo => i / (d_model / 2).saturating_sub(1).max(1) as f64,
        };
        10_000_f64.powf(share)
    }
}

/// Sinusoidal positions, from position `first` on: sine or cosine of `pos / 10000^(2i / d_model)`.
/// (position, channel)
pub fn sinusoidal_positions(
    waves: Waves,
    first: usize,
    n_positions: usize,
    d_model: usize,
) -> Matrix {
    Matrix::from_fn(n_positions, d_model, |row, channel| {
        let angle = (waves.first() + first + row) as f64 / waves.divisor(channel, d_model);
        (if waves.of(channel, d_model).0 { angle.sin() } else { angle.cos() }) as f32
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

/// Indices of the `n` largest numbers, the largest first, of equals the first; NaN counts as the least.
pub fn largest(row: &[f32], n: usize) -> Vec<usize> {
    let value = |i: usize| if row[i].is_nan() { f32::NEG_INFINITY } else { row[i] };
    let mut best: Vec<usize> = vec![];
    for i in 0..row.len() {
        let place = best.partition_point(|&other| value(other) >= value(i));
        if place < n {
            best.insert(place, i);
            best.truncate(n);
        }
    }
    best
}

/// For each word, whether it belongs to a longest common subsequence with the reference (Hirschberg 1975).
pub fn in_common(own: &[&str], reference: &[&str]) -> Vec<bool> {
    let mut marks = vec![false; own.len()];
    for i in align::common(own, reference).into_iter().flatten() {
        marks[i] = true;
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first_and_ties_keep_their_order() {
        assert_eq!(largest(&[1.0, 3.0, f32::NAN, 3.0, 2.0], 3), [1, 3, 4]);
        assert_eq!(largest(&[f32::NAN], 2), [0]);
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
        assert_eq!(in_common(&own, &["le", "chat", "a", "vu"]), [true, false, true, true]);
        assert_eq!(in_common(&own, &[]), [false; 4]);
        assert_eq!(in_common(&[], &own), [false; 0]);
    }
}
