//! A downsampled matrix: each block of cells is represented by its most prominent number.

use std::ops::Range;

use crate::engine::value::Matrix;

/// A downsampled matrix; a small matrix is unchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct Downsampled {
    pub rows: usize,
    pub cols: usize,
    /// Row by row.
    cells: Vec<f32>,
}

impl Downsampled {
    pub fn new(rows: usize, cols: usize, cells: Vec<f32>) -> Self {
        assert_eq!(cells.len(), rows * cols, "a picture has a number a cell");
        Self { rows, cols, cells }
    }

    /// The matrix reduced to at most `most` rows and columns; reads it once, in memory order.
    pub fn of(plane: &Matrix, most: usize) -> Self {
        let (n_rows, n_cols) = plane.shape();
        let (rows, cols) = (n_rows.min(most), n_cols.min(most));
        let mut cells = vec![f32::NEG_INFINITY; rows * cols];
        for (col, column) in plane.as_slice().chunks_exact(n_rows.max(1)).enumerate() {
            let at = col * cols / n_cols;
            let mut from = 0;
            for row in 0..rows {
                let to = ((row + 1) * n_rows).div_ceil(rows).min(n_rows);
                let cell = &mut cells[row * cols + at];
                *cell = column[from..to].iter().copied().fold(*cell, more_prominent);
                from = to;
            }
        }
        Self { rows, cols, cells }
    }

    pub fn cells(&self) -> &[f32] {
        &self.cells
    }

    pub fn get(&self, row: usize, col: usize) -> f32 {
        self.cells[row * self.cols + col]
    }

    /// The most prominent number in a part of the picture.
    pub fn most(&self, rows: Range<usize>, cols: Range<usize>) -> f32 {
        let row = |row: usize| &self.cells[row * self.cols..][cols.clone()];
        rows.flat_map(row).copied().fold(f32::NEG_INFINITY, more_prominent)
    }
}

/// The more prominent of two numbers: NaN first, then the larger magnitude; masked cells (minus infinity) last.
pub fn more_prominent(a: f32, b: f32) -> f32 {
    let rank = |v: f32| if v == f32::NEG_INFINITY { -1.0 } else { v.abs() };
    if a.is_nan() || rank(a) >= rank(b) { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_matrices_are_their_own_picture() {
        let plane = Matrix::from_row_slice(2, 3, &[1.0, -2.0, 3.0, 4.0, 5.0, -6.0]);
        let picture = Downsampled::of(&plane, 4);
        assert_eq!((picture.rows, picture.cols), (2, 3));
        assert_eq!((picture.get(0, 1), picture.get(1, 2)), (-2.0, -6.0));
        assert_eq!(picture.most(0..2, 0..2).to_bits(), 5.0_f32.to_bits());
    }

    #[test]
    fn every_cell_counts_in_its_block() {
        for n in [5, 64, 100, 257] {
            for (row, col) in [(0, 0), (n - 1, 0), (n / 2, n - 1), (n / 3, n / 7)] {
                let mut plane = Matrix::from_element(n, n, 0.5);
                plane[(row, col)] = -9.0;
                let picture = Downsampled::of(&plane, 5);
                let at = (row * 5 / n, col * 5 / n);
                assert!(picture.get(at.0, at.1) < 0.0, "{row} {col} of {n}");
                assert_eq!(picture.cells.iter().filter(|v| **v < 0.0).count(), 1);
            }
        }
    }

    #[test]
    fn faults_are_heard_and_masks_are_not() {
        let [nan, inf, masked] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        assert!(more_prominent(nan, 3.0).is_nan() && more_prominent(0.0, inf).is_infinite());
        assert_eq!((more_prominent(masked, 0.0), more_prominent(-2.0, masked)), (0.0, -2.0));
        assert!(more_prominent(masked, masked).is_infinite());
    }
}
