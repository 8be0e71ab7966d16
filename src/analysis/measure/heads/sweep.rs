//! The summary of one head's weights, from one sweep over their columns in memory order.

use std::collections::HashMap;

use super::{Figures, PICTURE};
use crate::engine::{math::picture::Downsampled, value::Matrix};

/// The repeated tokens of a text.
pub struct Repeats {
    /// By key, the later queries whose token is the one just before that key.
    lookers: Vec<Vec<usize>>,
    /// The number of rows whose token occurred earlier with another token after it.
    n_rows: usize,
}

impl Repeats {
    pub fn new(tokens: &[u32]) -> Self {
        let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
        tokens.iter().enumerate().for_each(|(i, &id)| places.entry(id).or_default().push(i));
        let after = |key: usize| {
            let Some(before) = key.checked_sub(1) else { return vec![] };
            places[&tokens[before]].iter().copied().filter(|&query| query > key).collect()
        };
        let lookers: Vec<Vec<usize>> = (0..tokens.len()).map(after).collect();
        let mut looks = vec![false; tokens.len()];
        lookers.iter().flatten().for_each(|&query| looks[query] = true);
        Self { lookers, n_rows: looks.into_iter().filter(|looks| *looks).count() }
    }
}

/// Sums by row, accumulated over columns.
struct Rows {
    /// The sum over keys of -w ln w.
    entropy: Vec<f32>,
    /// The sum over keys of w |query - key|.
    distance: Vec<f32>,
    /// The largest weight in the columns that share a column of the picture.
    most: Vec<f32>,
}

impl Rows {
    fn new(n: usize) -> Self {
        Self { entropy: vec![0.0; n], distance: vec![0.0; n], most: vec![0.0; n] }
    }

    /// Adds one column, from the row `from` on, in loops that the compiler vectorises.
    fn take(&mut self, column: &[f32], key: usize, from: usize) {
        let column = &column[from..];
        for (entropy, &w) in self.entropy[from..].iter_mut().zip(column) {
            *entropy -= w * ln(w);
        }
        for (i, (distance, &w)) in (from as i32..).zip(self.distance[from..].iter_mut().zip(column))
        {
            *distance += w * (i - key as i32).abs() as f32;
        }
        for (most, &w) in self.most[from..].iter_mut().zip(column) {
            *most = if w > *most { w } else { *most };
        }
    }
}

/// Figures and picture of one plane (query, key), in one sweep over its columns.
pub fn summary(plane: &Matrix, repeats: Option<&Repeats>) -> (Figures, Downsampled) {
    let (n, n_keys) = plane.shape();
    let is_causal = looks_back(plane);
    let sees = |row: usize| if is_causal { row + 1 } else { n_keys };
    let mut rows = Rows::new(n);
    let (high, wide) = (n.min(PICTURE), n_keys.min(PICTURE));
    let mut cells = vec![0.0; high * wide];
    let (mut own, mut previous, mut induction) = (0.0, 0.0, 0.0);
    for key in 0..n_keys {
        let column = plane.column(key);
        let column = column.as_slice();
        rows.take(column, key, if is_causal { key } else { 0 });
        own += column.get(key).copied().unwrap_or(0.0);
        previous += column.get(key + 1).copied().unwrap_or(0.0);
        let lookers = repeats.and_then(|repeats| repeats.lookers.get(key));
        induction += lookers.into_iter().flatten().map(|&query| column[query]).sum::<f32>();
        let at = key * wide / n_keys;
        if (key + 1) * wide / n_keys > at {
            pool(&mut rows.most, cells.iter_mut().skip(at).step_by(wide).collect());
        }
    }
    let mean = |sum: f32, n: usize| (n > 0).then(|| sum / n as f32);
    let of_self = |value: Option<f32>| value.filter(|_| repeats.is_some());
    let spreads = rows.entropy.iter().enumerate().filter(|(row, _)| sees(*row) > 1);
    let spreads = spreads.map(|(row, entropy)| entropy / (sees(row) as f32).ln());
    let (n_spreads, spread) = spreads.fold((0, 0.0), |(n, sum), share| (n + 1, sum + share));
    let figures = Figures {
        entropy: total(&rows.entropy) / n as f32,
        spread: mean(spread, n_spreads),
        distance: of_self(mean(total(&rows.distance), n)),
        first: plane.column(0).mean(),
        own: of_self(mean(own, n)),
        previous: of_self(mean(previous, n.saturating_sub(1))),
        induction: repeats.and_then(|repeats| mean(induction, repeats.n_rows)),
        largest: cells.iter().copied().fold(0.0, f32::max),
    };
    (figures, Downsampled::new(high, wide, cells))
}

/// Whether no row attends to later keys: with a causal mask, the cells above the diagonal need not be read.
fn looks_back(plane: &Matrix) -> bool {
    let mut above = (0..plane.ncols())
        .map(|key| &plane.as_slice()[key * plane.nrows()..][..key.min(plane.nrows())]);
    plane.is_square() && above.all(|column| column.iter().all(|w| *w == 0.0))
}

/// Writes the largest of the rows that share a row of the picture to its column, and resets `most`.
fn pool(most: &mut [f32], mut column: Vec<&mut f32>) {
    let (n, high) = (most.len(), column.len());
    for (row, w) in most.iter_mut().enumerate() {
        let cell = &mut *column[row * high / n];
        *cell = cell.max(*w);
        *w = 0.0;
    }
}

fn total(rows: &[f32]) -> f32 {
    rows.iter().sum()
}

/// The natural logarithm of a weight, to about 1e-7; finite at 0, where it is multiplied by 0.
///
/// w = 2^e m with m in [sqrt(1/2), sqrt(2)), and ln m = 2 artanh(s), s = (m - 1) / (m + 1), by its series. The
/// library's logarithm cannot be vectorised and would take most of a sweep.
#[inline]
fn ln(w: f32) -> f32 {
    const ROOT_OF_HALF: i32 = 0x3f35_04f3;
    let bits = (w.to_bits() as i32).wrapping_sub(ROOT_OF_HALF);
    let exponent = (bits >> 23) as f32;
    let m = f32::from_bits(((bits & 0x007f_ffff) + ROOT_OF_HALF) as u32);
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let series = 2.0 + z * (2.0 / 3.0 + z * (2.0 / 5.0 + z * (2.0 / 7.0)));
    exponent * std::f32::consts::LN_2 + s * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_the_strongest_weight_of_every_block() {
        let n = 200;
        let mut plane = Matrix::from_element(n, n, 0.001);
        plane[(199, 0)] = 0.8;
        plane[(70, 131)] = 0.6;
        let (_, picture) = summary(&plane, None);
        assert_eq!((picture.rows, picture.cols), (PICTURE, PICTURE));
        let near = |got: f32, want: f32| assert!((got - want).abs() < 1e-5, "{got}, not {want}");
        near(picture.get(63, 0), 0.8);
        near(picture.get(70 * 64 / 200, 131 * 64 / 200), 0.6);
        let strong = (0..64).flat_map(|row| (0..64).map(move |col| (row, col)));
        assert_eq!(strong.filter(|&(row, col)| picture.get(row, col) > 0.5).count(), 2);
        near(picture.most(0..64, 1..64), 0.6);
    }

    #[test]
    fn the_logarithm_is_near_enough() {
        for i in 1..=10_000 {
            let w = i as f32 / 10_000.0;
            assert!((ln(w) - w.ln()).abs() < 3e-7 * w.ln().abs().max(1.0), "{w}");
        }
        for w in [1e-30_f32, 1e-7, 0.707, 0.7072, 1.0] {
            assert!((ln(w) - w.ln()).abs() < 1e-5, "{w}");
        }
        assert!((0.0 * ln(0.0)).abs() < f32::EPSILON);
        assert!((f32::NAN * ln(f32::NAN)).is_nan());
    }
}
