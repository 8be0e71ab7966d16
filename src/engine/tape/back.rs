//! Gradients through products with weights that may be stored in their file.

use crate::engine::{
    math::{matmul, matmul_nt, times, times_transposed},
    value::{Lines, Matrix, StoredSize, Value},
};

/// The number of lines of a stored matrix decoded at once.
const LINES: usize = 256;

/// The gradient of `x` in a product with `w`, given that of the output: `g wᵀ` where `along` is rows, `g w` where it
/// is columns. A stored matrix is decoded a few lines at a time and is not kept decoded.
pub fn back(g: &Matrix, w: &Value, along: Lines) -> Matrix {
    let stored = w.as_stored().filter(|kept| kept.source.as_f32_slice().is_none());
    let Some(kept) = stored else {
        return if along == Lines::Rows { times_transposed(g, w, None) } else { times(g, w, None) };
    };
    let StoredSize { n_lines, len } = kept.source.size();
    let is_along = kept.lines == along;
    let mut out = Matrix::zeros(g.nrows(), if is_along { n_lines } else { len });
    for first in (0..n_lines).step_by(LINES) {
        let n = LINES.min(n_lines - first);
        let mut lines = Matrix::zeros(len, n); // (number, line)
        kept.source.read(first..first + n, lines.as_mut_slice());
        if is_along {
            out.columns_mut(first, n).copy_from(&matmul(g, &lines));
        } else {
            out += matmul_nt(&g.columns(first, n).into_owned(), &lines);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::{ops::Range, sync::Arc};

    use super::*;
    use crate::engine::value::Stored;

    /// Lines of five numbers that have to be decoded.
    struct Coded(usize);

    impl Stored for Coded {
        fn size(&self) -> StoredSize {
            StoredSize::new(self.0, 5)
        }

        fn number(&self, line: usize, i: usize) -> f32 {
            ((line * 5 + i) % 7) as f32 - 3.0
        }

        fn read(&self, lines: Range<usize>, out: &mut [f32]) {
            for (i, out) in out.iter_mut().enumerate() {
                *out = self.number(lines.start + i / 5, i % 5);
            }
        }

        fn read_part(&self, line: usize, numbers: Range<usize>, out: &mut [f32]) {
            numbers.zip(out).for_each(|(i, out)| *out = self.number(line, i));
        }
    }

    #[test]
    fn as_much_flows_back_through_a_stored_matrix_as_through_a_dense_one() {
        for stand in [Lines::Rows, Lines::Columns] {
            let stored = Value::stored(Arc::new(Coded(300)), stand);
            let dense = Value::from(stored.matrix().clone());
            for along in [Lines::Rows, Lines::Columns] {
                let (rows, cols) = dense.matrix().shape();
                let n = if along == Lines::Rows { cols } else { rows };
                let g = Matrix::from_fn(3, n, |r, c| (r + 2 * c) as f32 % 5.0);
                let want = if along == Lines::Rows {
                    matmul_nt(&g, dense.matrix())
                } else {
                    matmul(&g, dense.matrix())
                };
                assert_eq!(back(&g, &stored, along), want, "{stand:?} {along:?}");
                assert_eq!(back(&g, &dense, along), want, "{stand:?} {along:?}");
            }
        }
    }
}
