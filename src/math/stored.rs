//! Products with weights that stay in their file: met line by line where rows are few, strip by strip
//! where they are many, whatever form the file has them in and whichever way its lines run.

use std::{array, ops::Range};

use rayon::prelude::*;

use super::{View, add_multiple, add_to_columns, dot, in_strips, product, product_into, strip};
use crate::value::{Kept, Lines, Matrix, Value};

/// Rows up to which a stored line is multiplied as soon as it is decoded, while it is near the core.
const FEW: usize = 4;

/// Rows up to which lines across the sums are not worth turning.
const SOME: usize = 64;

/// Lines that one thread meets at once with few rows.
const LINES: usize = 32;

/// Numbers that stay nearest to the core.
const NEAR: usize = 1 << 12;

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
        (false, Some(lines)) if x.nrows() <= SOME => {
            Some(product(View::of(x), lines.transposed(), b))
        }
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
    in_strips(
        (x.nrows(), n),
        strip(n, false),
        b,
        Vec::new,
        |turned: &mut Vec<f32>, first, strip| {
            let width = strip.len() / x.nrows();
            turned.resize(width * k, 0.0);
            turn(lines, first, turned);
            let right = View { numbers: turned, shape: (k, width), strides: (1, k) };
            product_into(View::of(x), right, strip);
        },
    )
}

/// Columns that lie across the numbers, from `first` on, each written from end to end, tile by tile: what
/// is read lies together as long as possible. lines (out, k) -> turned (k, out) column by column
fn turn(lines: View, first: usize, turned: &mut [f32]) {
    let k = lines.shape.1;
    let width = turned.len() / k;
    for i in (0..k).step_by(TILE) {
        for j in (0..width).step_by(TILE) {
            let from = i * lines.strides.1 + first + j;
            let size = (TILE.min(width - j), TILE.min(k - i));
            turn_tile(&lines.numbers[from..], lines.strides.1, &mut turned[j * k + i..], k, size);
        }
    }
}

/// Numbers of a line, and lines, that are turned at once: a line of the cache.
const TILE: usize = 16;

/// One tile of `width` numbers of `height` lines.
fn turn_tile(
    from: &[f32],
    stride: usize,
    to: &mut [f32],
    k: usize,
    (width, height): (usize, usize),
) {
    let mut tile = [[0.0; TILE]; TILE];
    for (row, line) in tile.iter_mut().zip(from.chunks(stride).take(height)) {
        match line.first_chunk::<TILE>() {
            Some(line) => *row = *line,
            None => row[..width].copy_from_slice(&line[..width]),
        }
    }
    for (c, column) in to.chunks_mut(k).take(width).enumerate() {
        let turned: [f32; TILE] = array::from_fn(|r| tile[r][c]);
        column[..height].copy_from_slice(&turned[..height]);
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
    in_strips(shape, strip(n_lines, true), b, Vec::new, |lines: &mut Vec<f32>, first, strip| {
        let n = strip.len() / x.nrows();
        lines.resize(n * len, 0.0);
        kept.source.read(first..first + n, lines);
        let right = View { numbers: lines, shape: (len, n), strides: (1, len) };
        product_into(View::of(x), right, strip);
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::value::Stored;

    /// Lines of numbers, a little apart where they lie as they are.
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
        fn size(&self) -> (usize, usize) {
            (self.numbers.len() / self.stride, self.len)
        }

        fn number(&self, line: usize, i: usize) -> f32 {
            self.numbers[line * self.stride + i]
        }

        fn read(&self, lines: Range<usize>, out: &mut [f32]) {
            for (line, out) in lines.zip(out.chunks_exact_mut(self.len)) {
                out.copy_from_slice(&self.numbers[line * self.stride..][..self.len]);
            }
        }

        fn lying(&self) -> Option<(&[f32], usize)> {
            self.lies.then_some((&self.numbers, self.stride))
        }
    }

    /// The sums in f64, number by number.
    fn plain(x: &Matrix, w: &Value, b: &Matrix) -> Matrix {
        let number = |row: usize, col: usize| {
            let get = |k| w.get(crate::value::Cell::new(0, k, col));
            let products = (0..x.ncols()).map(|k| f64::from(x[(row, k)]) * f64::from(get(k)));
            (products.sum::<f64>() + f64::from(b[(0, col)])) as f32
        };
        Matrix::from_fn(x.nrows(), b.ncols(), number)
    }

    #[test]
    fn every_way_gives_the_product_and_the_bias() {
        let (k, n) = (83, 435);
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
