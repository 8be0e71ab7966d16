//! The matrix product, by the `gemm` crate: on small and one-row matrices several times faster
//! than nalgebra's own. One thread, so that the same input gives the same bits everywhere.
#![allow(unsafe_code, reason = "gemm takes raw pointers and strides; both come from nalgebra here")]

use gemm::Parallelism;

use crate::value::{Kept, Lines, Matrix, Value};

/// `x W`, where W may be stored in its file. x (row, in), W (in, out) -> (row, out)
pub fn times(x: &Matrix, w: &Value) -> Matrix {
    match w.as_stored() {
        Some(kept) if kept.lines == Lines::Columns => by_lines(x, kept),
        _ => matmul(x, w.matrix()),
    }
}

/// `x Eᵀ`, where E may be stored in its file. x (row, in), E (out, in) -> (row, out)
pub fn times_transposed(x: &Matrix, e: &Value) -> Matrix {
    match e.as_stored() {
        Some(kept) if kept.lines == Lines::Rows => by_lines(x, kept),
        _ => matmul_nt(x, e.matrix()),
    }
}

/// The product of every row with every stored line. x (row, k), lines (out, k) -> (row, out)
fn by_lines(x: &Matrix, kept: &Kept) -> Matrix {
    const AT_ONCE: usize = 256;
    let (n_lines, len) = kept.source.size();
    let mut out = Matrix::zeros(x.nrows(), n_lines);
    for start in (0..n_lines).step_by(AT_ONCE) {
        let n = AT_ONCE.min(n_lines - start);
        let mut lines = Matrix::zeros(len, n);
        kept.source.read(start..start + n, lines.as_mut_slice());
        out.columns_mut(start, n).copy_from(&matmul(x, &lines));
    }
    out
}

/// How a matrix is read: as it stands, or transposed.
#[derive(Clone, Copy)]
struct Operand<'a> {
    matrix: &'a Matrix,
    transposed: bool,
}

impl Operand<'_> {
    fn shape(self) -> (usize, usize) {
        let (rows, cols) = self.matrix.shape();
        if self.transposed { (cols, rows) } else { (rows, cols) }
    }

    /// Column stride and row stride of nalgebra's column-major storage.
    fn strides(self) -> (isize, isize) {
        let rows = self.matrix.nrows() as isize;
        if self.transposed { (1, rows) } else { (rows, 1) }
    }
}

/// `a b`
pub fn matmul(a: &Matrix, b: &Matrix) -> Matrix {
    product(Operand { matrix: a, transposed: false }, Operand { matrix: b, transposed: false })
}

/// `a bᵀ`
pub fn matmul_nt(a: &Matrix, b: &Matrix) -> Matrix {
    product(Operand { matrix: a, transposed: false }, Operand { matrix: b, transposed: true })
}

/// `aᵀ b`
pub fn matmul_tn(a: &Matrix, b: &Matrix) -> Matrix {
    product(Operand { matrix: a, transposed: true }, Operand { matrix: b, transposed: false })
}

fn product(a: Operand, b: Operand) -> Matrix {
    let ((m, k), (k_b, n)) = (a.shape(), b.shape());
    assert_eq!(k, k_b, "inner sizes of a product differ");
    let mut out = Matrix::zeros(m, n);
    let (out_cols, a_strides, b_strides) = (m as isize, a.strides(), b.strides());
    // SAFETY: the pointers and strides describe whole nalgebra matrices, whose shapes were
    // compared above; `out` is ours alone and does not overlap `a` or `b`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            out_cols,
            1,
            false,
            a.matrix.as_ptr(),
            a_strides.0,
            a_strides.1,
            b.matrix.as_ptr(),
            b_strides.0,
            b_strides.1,
            0.0_f32,
            1.0_f32,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
    out
}
