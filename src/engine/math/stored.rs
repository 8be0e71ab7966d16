//! Products with weights that stay in their file, of any dtype and line direction: line by line for few rows, strip
//! by strip for many.

use std::{array, ops::Range, sync::Arc};

use rayon::prelude::*;

use super::{
    MatrixView, add_multiple, add_to_columns, dot, in_strips, product, product_into, strip,
};
use crate::engine::value::{Lines, LowRank, Matrix, StoredMatrix, StoredSize, Value};

/// Rows up to which a stored line is multiplied as soon as it is decoded, while it is in the cache.
const FEW: usize = 4;

/// Rows up to which lines across the sums are not worth transposing.
const SOME: usize = 64;

/// Lines per task with few rows.
const LINES: usize = 32;

/// Numbers that fit the first-level cache.
const NEAR: usize = 1 << 12;

/// `x W + b`, where W may be stored in its file. x (row, in), W (in, out), b (1, out) -> (row, out)
pub fn times(x: &Matrix, w: &Value, b: Option<&Matrix>) -> Matrix {
    match w.as_stored() {
        Some(kept) => by_stored(x, kept, Lines::Columns, b),
        None => product(MatrixView::of(x), MatrixView::of(w.matrix()), b),
    }
}

/// `x Eᵀ + b`, where E may be stored in its file. x (row, in), E (out, in), b (1, out) -> (row, out)
pub fn times_transposed(x: &Matrix, e: &Value, b: Option<&Matrix>) -> Matrix {
    match e.as_stored() {
        Some(kept) => by_stored(x, kept, Lines::Rows, b),
        None => product(MatrixView::of(x), MatrixView::of(e.matrix()).transposed(), b),
    }
}

/// The product with a stored matrix; `along` is the direction in which lines run along the sums.
fn by_stored(x: &Matrix, kept: &StoredMatrix, along: Lines, b: Option<&Matrix>) -> Matrix {
    if let Some(LowRank { base, left, right }) = kept.source.low_rank() {
        let base = by_stored(x, &StoredMatrix::new(Arc::clone(base), kept.lines), along, b);
        let [first, second] = if kept.lines == along {
            [MatrixView::of(right).transposed(), MatrixView::of(left).transposed()]
        } else {
            [MatrixView::of(left), MatrixView::of(right)]
        };
        let thin = product(MatrixView::of(x), first, None); // (row, rank)
        return base + product(MatrixView::of(&thin), second, None);
    }
    let StoredSize { n_lines, len } = kept.source.size();
    let in_place = kept.source.as_f32_slice();
    let in_place = in_place.map(|(numbers, stride)| MatrixView {
        numbers,
        shape: (len, n_lines),
        strides: (1, stride),
    });
    match (kept.lines == along, in_place) {
        (true, _) if x.nrows() <= FEW => by_lines(x, kept, b),
        (true, Some(lines)) => product(MatrixView::of(x), lines, b),
        (true, None) => by_decoded_strips(x, kept, b),
        (false, _) if x.nrows() <= FEW => across_lines(x, kept, b),
        (false, Some(lines)) if x.nrows() <= SOME => {
            product(MatrixView::of(x), lines.transposed(), b)
        }
        (false, _) => by_transposed_strips(x, kept, b),
    }
}

/// Few rows times lines that run across the sums: each line is read once and added to the sums, scaled by its number
/// in every row. x (row, k), lines (k, out) -> (row, out)
fn across_lines(x: &Matrix, kept: &StoredMatrix, b: Option<&Matrix>) -> Matrix {
    let StoredSize { n_lines: k, len: n } = kept.source.size();
    let sum = |some: Range<usize>| {
        let (mut sums, mut decoded) = (vec![0.0; n * x.nrows()], vec![]);
        for i in some {
            let line = lines(kept, i..i + 1, &mut decoded).0;
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

/// Lines across the sums per task.
const ACROSS: usize = 32;

/// Many rows times lines that run across the sums: strips of the lines are transposed to run along the sums, which
/// kernels read fastest.
fn by_transposed_strips(x: &Matrix, kept: &StoredMatrix, b: Option<&Matrix>) -> Matrix {
    let StoredSize { n_lines: k, len: n } = kept.source.size();
    let width = strip(n, false).next_multiple_of(kept.source.block());
    in_strips(x.nrows(), n, width, b, Vec::new, |transposed: &mut Vec<f32>, first, strip| {
        let width = strip.len() / x.nrows();
        transposed.resize(width * k, 0.0);
        transpose(kept, first..first + width, transposed);
        let right = MatrixView { numbers: transposed, shape: (k, width), strides: (1, k) };
        product_into(MatrixView::of(x), right, strip);
    })
}

/// Lines transposed together: the numbers in a cache line.
const TILE: usize = 16;

/// Transposes a range of all lines.
/// transposed (number, line)
fn transpose(kept: &StoredMatrix, some: Range<usize>, transposed: &mut [f32]) {
    let (k, width) = (kept.source.size().n_lines, some.len());
    let mut tile = vec![0.0; TILE * width];
    for first in (0..k).step_by(TILE) {
        let height = TILE.min(k - first);
        for (i, line) in tile.chunks_exact_mut(width).take(height).enumerate() {
            kept.source.read_part(first + i, some.clone(), line);
        }
        for (c, column) in transposed.chunks_exact_mut(k).enumerate() {
            let below: [f32; TILE] = array::from_fn(|i| tile[i * width + c]);
            column[first..first + height].copy_from_slice(&below[..height]);
        }
    }
}

/// Few rows times lines that run along the sums, each used as soon as it is read. x (row, k), lines (out, k) ->
/// (row, out)
fn by_lines(x: &Matrix, kept: &StoredMatrix, b: Option<&Matrix>) -> Matrix {
    let n_rows = x.nrows().max(1);
    let rows: Vec<Vec<f32>> = x.row_iter().map(|row| row.iter().copied().collect()).collect();
    let StoredSize { n_lines, len } = kept.source.size();
    let at_once = (NEAR / len.max(1)).max(1);
    in_strips(x.nrows(), n_lines, LINES, b, Vec::new, |decoded, first, strip| {
        for (i, out) in strip.chunks_mut(n_rows * at_once).enumerate() {
            let first = first + i * at_once;
            let (numbers, stride) = lines(kept, first..first + out.len() / n_rows, decoded);
            for (line, out) in numbers.chunks(stride).zip(out.chunks_exact_mut(n_rows)) {
                out.iter_mut().zip(&rows).for_each(|(out, row)| *out = dot(row, &line[..len]));
            }
        }
    })
}

/// A range of lines, in place or decoded, and the stride from one to the next.
fn lines<'a>(
    kept: &'a StoredMatrix,
    some: Range<usize>,
    decoded: &'a mut Vec<f32>,
) -> (&'a [f32], usize) {
    let len = kept.source.size().len;
    if let Some((numbers, stride)) = kept.source.as_f32_slice() {
        return (&numbers[some.start * stride..(some.end - 1) * stride + len], stride);
    }
    decoded.resize(some.len() * len, 0.0);
    kept.source.read(some, decoded);
    (decoded, len)
}

/// Many rows times lines that run along the sums, decoded strip by strip. x (row, k), lines (out, k) ->
/// (row, out)
fn by_decoded_strips(x: &Matrix, kept: &StoredMatrix, b: Option<&Matrix>) -> Matrix {
    let StoredSize { n_lines, len } = kept.source.size();
    in_strips(
        x.nrows(),
        n_lines,
        strip(n_lines, true),
        b,
        Vec::new,
        |lines: &mut Vec<f32>, first, strip| {
            let n = strip.len() / x.nrows();
            lines.resize(n * len, 0.0);
            kept.source.read(first..first + n, lines);
            let right = MatrixView { numbers: lines, shape: (len, n), strides: (1, len) };
            product_into(MatrixView::of(x), right, strip);
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::value::Stored;

    /// Lines of numbers with gaps between them.
    struct Given {
        numbers: Vec<f32>,
        len: usize,
        stride: usize,
        lies: bool,
    }

    impl Given {
        fn of(n_lines: usize, len: usize, lies: bool) -> Self {
            let stride = len + 3;
            let number = |i: usize| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0;
            Self { numbers: (0..n_lines * stride).map(number).collect(), len, stride, lies }
        }
    }

    impl Stored for Given {
        fn size(&self) -> StoredSize {
            StoredSize::new(self.numbers.len() / self.stride, self.len)
        }

        fn number(&self, line: usize, i: usize) -> f32 {
            self.numbers[line * self.stride + i]
        }

        fn read(&self, lines: Range<usize>, out: &mut [f32]) {
            for (line, out) in lines.zip(out.chunks_exact_mut(self.len)) {
                out.copy_from_slice(&self.numbers[line * self.stride..][..self.len]);
            }
        }

        fn block(&self) -> usize {
            if self.lies { 1 } else { 29 }
        }

        fn read_part(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
            assert!(numbers.start.is_multiple_of(self.block()));
            assert!(numbers.end.is_multiple_of(self.block()));
            out.copy_from_slice(&self.numbers[line * self.stride..][numbers]);
        }

        fn as_f32_slice(&self) -> Option<(&[f32], usize)> {
            self.lies.then_some((&self.numbers, self.stride))
        }
    }

    /// The sums in f64, number by number.
    fn plain(x: &Matrix, w: &Value, b: &Matrix) -> Matrix {
        let number = |row: usize, col: usize| {
            let get = |k| w.get(crate::engine::value::Cell::new(0, k, col));
            let products = (0..x.ncols()).map(|k| f64::from(x[(row, k)]) * f64::from(get(k)));
            (products.sum::<f64>() + f64::from(b[(0, col)])) as f32
        };
        Matrix::from_fn(x.nrows(), b.ncols(), number)
    }

    #[test]
    fn every_way_gives_the_product_and_the_bias() {
        let (k, n) = (87, 435); // 3 and 15 blocks
        let b = Matrix::from_fn(1, n, |_, c| c as f32 * 0.01);
        for (lines, size) in [(Lines::Columns, (n, k)), (Lines::Rows, (k, n))] {
            for lies in [true, false] {
                let w = Value::stored(Arc::new(Given::of(size.0, size.1, lies)), lines);
                for n_rows in [1, 3, FEW, FEW + 1, SOME, SOME + 6] {
                    let x =
                        Matrix::from_fn(n_rows, k, |r, c| ((r * 31 + c * 17) % 19) as f32 / 9.0);
                    let off = (times(&x, &w, Some(&b)) - plain(&x, &w, &b)).abs().max();
                    assert!(off < 1e-4, "{lines:?}, lies {lies}, {n_rows} rows: off by {off}");
                }
            }
        }
    }
}
