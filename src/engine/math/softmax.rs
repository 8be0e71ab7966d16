//! Softmax of rows, and the causal mask before it, over column-major matrices.

use rayon::prelude::*;

use super::{exp, least_tasks, wide};
use crate::engine::value::{Matrix, blank};

/// The softmax of each row: `exp(x_j) / sum_k exp(x_k)`, which sums to 1. (row, col) -> (row, col)
///
/// The row's maximum is subtracted first, which changes no result and keeps `exp` finite. A row of minus infinity
/// throughout gives NaN, as in PyTorch.
pub fn softmax_rows(x: &Matrix) -> Matrix {
    let mut out = blank(x.nrows(), x.ncols());
    softmax_into(x.as_slice(), x.nrows(), out.as_mut_slice());
    out
}

/// The softmax of one row of scores, each divided by a temperature.
pub fn softmax(scores: &[f32], temperature: f32) -> Vec<f32> {
    let scaled = scores.iter().map(|z| z / temperature);
    softmax_rows(&Matrix::from_iterator(1, scores.len(), scaled)).as_slice().to_vec()
}

/// Like [`softmax_rows`], for column-major slices.
pub fn softmax_into(x: &[f32], n_rows: usize, out: &mut [f32]) {
    let size = n_rows.max(1) * COLUMNS;
    let least = least_tasks(x.len().div_ceil(size), x.len() * EXP);
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let parts = x.par_chunks(size).with_min_len(least);
    let most = joined(parts.map(|part| most_of_rows(part, n_rows)).collect(), larger);
    let parts = x.par_chunks(size).zip(out.par_chunks_mut(size)).with_min_len(least);
    let sums = parts.map(|(x, out)| exp_and_sum(x, &most, out)).collect();
    let sums = joined(sums, |a, b| a + b);
    let parts = out.par_chunks_mut(size).with_min_len(least);
    parts.for_each(|part| divide_rows(part, &sums));
}

/// The natural logarithm of the softmax of one row at one column; within 1e-6 of it, times the row's length in thousands.
pub fn log_probability(logits: &[f32], token: usize) -> f64 {
    let most = most_of_rows(logits, 1);
    let sum = exp_and_sum(logits, &most, &mut vec![0.0; logits.len()])[0];
    f64::from(logits[token] - most[0]) - f64::from(sum).ln()
}

/// `z/T - log sum exp(z/T)` for each logit, computed in f64 with the maximum subtracted first: f32 would lose the
/// differences between the outputs of a confident model.
pub fn log_softmax(logits: &[f32], temperature: f32) -> Vec<f64> {
    let scaled = || logits.iter().map(|z| f64::from(z / temperature));
    let most = scaled().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = scaled().map(|z| (z - most).exp()).sum::<f64>().ln();
    scaled().map(|z| z - most - log_sum).collect()
}

/// `d log softmax(z)_chosen / d z = onehot(chosen) - softmax(z)`, in f64; `1 - p` is the sum of the others, which a
/// confident model's f32 would lose.
pub fn slopes_of_log_softmax(logits: &[f32], chosen: usize) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exps: Vec<f64> = logits.iter().map(|&z| f64::from(z - most).exp()).collect();
    let total: f64 = exps.iter().sum();
    let others: f64 = exps.iter().enumerate().filter(|(i, _)| *i != chosen).map(|(_, e)| e).sum();
    let slope = |(i, e): (usize, f64)| if i == chosen { others / total } else { -e / total };
    exps.into_iter().enumerate().map(slope).collect()
}

/// The operations of an exponential, about.
const EXP: usize = 8;

/// Columns per task. A row's sum is the sum of its partial sums over this many columns, for any number of rows and
/// threads.
const COLUMNS: usize = 2048;

/// The parts' results for each row, folded in order.
fn joined(parts: Vec<Vec<f32>>, f: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    let put = |mut all: Vec<f32>, part: Vec<f32>| {
        all.iter_mut().zip(part).for_each(|(all, part)| *all = f(*all, part));
        all
    };
    parts.into_iter().reduce(put).unwrap_or_default()
}

/// The largest number of each row.
fn most_of_rows(x: &[f32], n_rows: usize) -> Vec<f32> {
    let larger = |most: f32, &v: &f32| if v > most { v } else { most };
    if n_rows == 1 {
        return vec![x.iter().fold(f32::NEG_INFINITY, larger)];
    }
    let mut most = vec![f32::NEG_INFINITY; n_rows];
    wide!({
        for column in x.chunks_exact(n_rows) {
            for (most, v) in most.iter_mut().zip(column) {
                *most = larger(*most, v);
            }
        }
    });
    most
}

/// Writes `exp(x - row maximum)`; returns the sum of each row.
fn exp_and_sum(x: &[f32], most: &[f32], out: &mut [f32]) -> Vec<f32> {
    if let [most] = *most {
        wide!({
            for (out, &v) in out.iter_mut().zip(x) {
                *out = exp(v - most);
            }
        });
        return vec![out.iter().sum()];
    }
    let mut sums = vec![0.0; most.len()];
    wide!({
        let columns = x.chunks_exact(most.len()).zip(out.chunks_exact_mut(most.len()));
        for (x, out) in columns {
            for (((&v, out), &most), sum) in x.iter().zip(out).zip(most).zip(&mut sums) {
                *out = exp(v - most);
                *sum += *out;
            }
        }
    });
    sums
}

fn divide_rows(x: &mut [f32], sums: &[f32]) {
    wide!({
        for column in x.chunks_exact_mut(sums.len()) {
            for (v, &sum) in column.iter_mut().zip(sums) {
                *v /= sum;
            }
        }
    });
}

/// Writes `else_` wherever the key (column) comes after the query (row), or `window` keys or more before
/// it. x column by column; row 0 is query `first`, counted from the first column's key.
pub fn mask_in_place(x: &mut [f32], n_rows: usize, first: usize, window: usize, else_: f32) {
    for (key, column) in x.chunks_exact_mut(n_rows.max(1)).enumerate() {
        let too_early = key.saturating_sub(first).min(n_rows);
        let too_late = key.saturating_add(window).saturating_sub(first).clamp(too_early, n_rows);
        column[..too_early].fill(else_);
        column[too_late..].fill(else_);
    }
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
    fn log_probabilities_are_those_of_softmax() {
        let many: Vec<f32> = (0..5000).map(|i| (i * 37 % 101) as f32 * 0.3 - 12.0).collect();
        for token in [0, 1, 777, 4999] {
            let (got, want) = (log_probability(&many, token), log_softmax(&many, 1.0)[token]);
            assert!((got - want).abs() < 1e-5, "{got} {want}");
        }
        let sum: f64 = (1..=3).map(|z| f64::from(z).exp()).sum();
        for (i, got) in log_softmax(&[1.0, 2.0, 3.0], 1.0).into_iter().enumerate() {
            assert!((got - (i as f64 + 1.0 - sum.ln())).abs() < 1e-12, "{i}: {got}");
        }
        assert_eq!(log_softmax(&[2.0, 4.0, 6.0], 2.0), log_softmax(&[1.0, 2.0, 3.0], 1.0));
    }

    #[test]
    fn rows_without_a_number_to_share_are_nan_and_spoil_no_other() {
        let (inf, nan) = (f32::NEG_INFINITY, f32::NAN);
        let x = Matrix::from_row_slice(3, 2, &[inf, inf, nan, 1.0, 0.0, inf]);
        let y = softmax_rows(&x);
        assert!(y.row(0).iter().chain(y.row(1).iter()).all(|v| v.is_nan()));
        assert_eq!(y.row(2).iter().copied().collect::<Vec<_>>(), [1.0, 0.0]);
    }

    #[test]
    fn a_row_has_the_same_shares_among_many_and_few() {
        let large = Matrix::from_fn(300, 200, |r, c| (r * 7 + c) as f32 * 0.01 - 3.0);
        let rows = softmax_rows(&large);
        let alone = softmax_rows(&large.rows(130, 3).into_owned());
        assert_eq!(rows.rows(130, 3).into_owned(), alone);
    }
}
