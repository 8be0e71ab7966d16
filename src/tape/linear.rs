//! Products: linear maps with a bias, heads, a recurrent gate, and matrix times matrix.

use rayon::prelude::*;

use super::{Leaf, Node, Operation, Pull, Tape, leaf};
use crate::{
    arithmetic::Expr,
    math::{matmul, matmul_nt, matmul_tn, times, times_transposed},
    site::Place,
    value::{Cell, Lines, Matrix, Value, blank},
};

impl Tape {
    /// `x W + b`. x (row, in), W (in, out), b (1, out) or none -> (row, out)
    pub fn linear(&mut self, place: Place, x: Node, w: Node, b: Option<Node>) -> Node {
        self.project_heads(place, x, (w, b), 1)
    }

    /// `x W + b`, a plane for every head: head h takes W's columns h*d_k to (h+1)*d_k - 1.
    /// x (row, in), W (in, n_heads*d_k), b (1, n_heads*d_k) or none -> (head, row, d_k)
    pub fn project_heads(
        &mut self,
        place: Place,
        x: Node,
        (w, b): (Node, Option<Node>),
        n_heads: usize,
    ) -> Node {
        self.record(
            place,
            Linear { n_heads, has_bias: b.is_some() },
            [x, w].into_iter().chain(b).collect(),
        )
    }

    /// `a b`, plane by plane. Where b has fewer planes, neighbours in a share them: grouped-query
    /// attention (Ainslie et al. 2023). (plane, row, k) (plane, k, col) -> (plane, row, col)
    pub fn matmul(&mut self, place: Place, a: Node, b: Node) -> Node {
        self.record(place, MatMul, vec![a, b])
    }

    /// `a bᵀ`, plane by plane, shared as in [`Self::matmul`]. (plane, row, k) (plane, col, k) -> (plane, row, col)
    pub fn matmul_nt(&mut self, place: Place, a: Node, b: Node) -> Node {
        self.record(place, MatMulNt, vec![a, b])
    }

    /// `x Eᵀ + b`: logits with a bias. x (row, k), E (out, k), b (1, out) -> (row, out)
    pub fn linear_nt(&mut self, place: Place, x: Node, e: Node, b: Node) -> Node {
        self.record(place, LinearNt, vec![x, e, b])
    }

    /// `x_t W_x + h W_h + b`, the sum inside a recurrent gate (Cho et al. 2014, eq. 5); no bias, one, or
    /// one for either part. x (1, in), h (1, unit) -> (1, unit)
    pub fn gate(&mut self, place: Place, x: Node, h: Node, weights: GateWeights) -> Node {
        let GateWeights { w_x, w_h, b } = weights;
        self.record(
            place,
            Gate,
            [x, w_x, h, w_h].into_iter().chain(b.into_iter().flatten()).collect(),
        )
    }
}

/// What a recurrent gate learned.
#[derive(Clone, Copy, Debug)]
pub struct GateWeights {
    pub w_x: Node,
    pub w_h: Node,
    /// That of the input's part, and that of the state's part.
    pub b: [Option<Node>; 2],
}

/// `sum_k a[row_a, k] * b[k, col]` with the given leaves.
fn dot(n: usize, pair: impl Fn(usize) -> (Expr<Leaf>, Expr<Leaf>)) -> Vec<Expr<Leaf>> {
    (0..n)
        .map(|k| {
            let (a, b) = pair(k);
            Expr::Product(vec![a, b])
        })
        .collect()
}

/// Every number of the left factor meets one number of each column of the right one.
const fn each_with_each(n_left: usize, n_columns: usize) -> usize {
    n_left * n_columns
}

fn column_sums(grad: &Matrix) -> Matrix {
    Matrix::from_fn(1, grad.ncols(), |_, c| grad.column(c).sum())
}

struct Linear {
    n_heads: usize,
    has_bias: bool,
}

impl Linear {
    fn d_head(&self, w: &Value) -> usize {
        w.shape().cols / self.n_heads
    }
}

impl Operation for Linear {
    fn formula(&self) -> &'static str {
        match (self.n_heads, self.has_bias) {
            (1, true) => "sum_k x[i,k]*W[k,j] + b[j]",
            (1, false) => "sum_k x[i,k]*W[k,j]",
            (_, true) => "sum_k x[i,k]*W[k, h*d_k + j] + b[h*d_k + j]",
            (_, false) => "sum_k x[i,k]*W[k, h*d_k + j]",
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let bias = inputs.get(2).map(|b| b.matrix());
        let whole = times(inputs[0].matrix(), inputs[1], bias);
        if self.n_heads == 1 { whole.into() } else { split_columns(&whole, self.n_heads) }
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let column = plane * self.d_head(inputs[1]) + col;
        let n = inputs[0].shape().cols;
        let mut terms = dot(n, |k| (leaf(0, 0, row, k), leaf(1, 0, k, column)));
        if inputs.len() > 2 {
            terms.push(leaf(2, 0, 0, column));
        }
        Expr::Sum(terms)
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        each_with_each(inputs[0].shape().len(), inputs[1].shape().cols)
    }

    fn backward(&self, pull: &Pull) -> Vec<Option<Value>> {
        let grad = join_columns(pull.grad);
        let (x, w) = (pull.inputs[0].matrix(), pull.inputs[1]);
        let mut grads = vec![
            pull.for_input(0, || back(&grad, w, Lines::Rows).into()),
            pull.for_input(1, || matmul_tn(x, &grad).into()),
        ];
        if pull.inputs.len() > 2 {
            grads.push(pull.for_input(2, || column_sums(&grad).into()));
        }
        grads
    }
}

/// So many lines of a stored matrix are decoded at once.
const LINES: usize = 256;

/// What flows back to `x` through a product with `w`: `g wᵀ` where `along` is rows, `g w` where it is
/// columns. A stored matrix is decoded a few lines at a time for it, and does not stay decoded.
fn back(g: &Matrix, w: &Value, along: Lines) -> Matrix {
    let stored = w.as_stored().filter(|kept| kept.source.lying().is_none());
    let Some(kept) = stored else {
        return if along == Lines::Rows { times_transposed(g, w, None) } else { times(g, w, None) };
    };
    let (n_lines, len) = kept.source.size();
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

/// A matrix cut into equal column blocks, one a plane.
fn split_columns(whole: &Matrix, n_heads: usize) -> Value {
    let width = whole.ncols() / n_heads;
    let of_head = whole.as_slice().par_chunks((whole.nrows() * width).max(1));
    let plane = |numbers: &[f32]| {
        let mut plane = blank(whole.nrows(), width);
        plane.as_mut_slice().copy_from_slice(numbers);
        plane
    };
    Value::from_planes(of_head.map(plane).collect())
}

/// Planes side by side in one matrix: the inverse of [`split_columns`].
fn join_columns(value: &Value) -> Matrix {
    let (shape, width) = (value.shape(), value.shape().cols);
    let mut out = Matrix::zeros(shape.rows, shape.planes * width);
    for (h, plane) in value.planes().iter().enumerate() {
        out.columns_mut(h * width, width).copy_from(plane);
    }
    out
}

fn zip_planes(a: &Value, b: &Value, f: impl Fn(&Matrix, &Matrix) -> Matrix + Sync) -> Value {
    let planes = a.planes().par_iter().enumerate();
    Value::from_planes(planes.map(|(p, plane)| f(plane, b.plane(shared(p, a, b)))).collect())
}

/// The plane of `b` that plane p of `a` meets.
fn shared(p: usize, a: &Value, b: &Value) -> usize {
    p * b.shape().planes / a.shape().planes
}

/// What flows back to each plane of `b`: the sum over the planes of `a` that share it.
fn zip_back(
    a: &Value,
    (b, grad): (&Value, &Value),
    f: impl Fn(&Matrix, &Matrix) -> Matrix,
) -> Value {
    let mut sums = Value::zeros(b.shape());
    for (p, (plane, grad)) in a.planes().iter().zip(grad.planes()).enumerate() {
        let to = Cell::new(shared(p, a, b), 0, 0);
        let sum = sums.plane(to.plane) + f(plane, grad);
        sums.put(to, &sum.into());
    }
    sums
}

struct MatMul;

impl Operation for MatMul {
    fn formula(&self) -> &'static str {
        "sum_k a[i,k]*b[k,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        zip_planes(inputs[0], inputs[1], matmul)
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().cols;
        let other = shared(plane, inputs[0], inputs[1]);
        Expr::Sum(dot(n, |k| (leaf(0, plane, row, k), leaf(1, other, k, col))))
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        each_with_each(inputs[0].shape().len(), inputs[1].shape().cols)
    }

    fn backward(&self, pull: &Pull) -> Vec<Option<Value>> {
        let (a, b) = (pull.inputs[0], pull.inputs[1]);
        vec![
            pull.for_input(0, || zip_planes(pull.grad, b, matmul_nt)),
            pull.for_input(1, || zip_back(a, (b, pull.grad), matmul_tn)),
        ]
    }
}

struct MatMulNt;

impl Operation for MatMulNt {
    fn formula(&self) -> &'static str {
        "sum_k a[i,k]*b[j,k]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        if inputs[1].as_stored().is_some() {
            return times_transposed(inputs[0].matrix(), inputs[1], None).into();
        }
        zip_planes(inputs[0], inputs[1], matmul_nt)
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().cols;
        let other = shared(plane, inputs[0], inputs[1]);
        Expr::Sum(dot(n, |k| (leaf(0, plane, row, k), leaf(1, other, col, k))))
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        each_with_each(inputs[0].shape().len(), inputs[1].shape().rows)
    }

    fn backward(&self, pull: &Pull) -> Vec<Option<Value>> {
        let (a, b) = (pull.inputs[0], pull.inputs[1]);
        vec![
            pull.for_input(0, || match b.as_stored() {
                Some(_) => back(pull.grad.matrix(), b, Lines::Columns).into(),
                None => zip_planes(pull.grad, b, matmul),
            }),
            pull.for_input(1, || zip_back(a, (b, pull.grad), |a, grad| matmul_tn(grad, a))),
        ]
    }
}

/// [`MatMulNt`] and a bias.
struct LinearNt;

impl Operation for LinearNt {
    fn formula(&self) -> &'static str {
        "sum_k x[i,k]*E[j,k] + b[j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        times_transposed(inputs[0].matrix(), inputs[1], Some(inputs[2].matrix())).into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().cols;
        let mut terms = dot(n, |k| (leaf(0, 0, row, k), leaf(1, 0, col, k)));
        terms.push(leaf(2, 0, 0, col));
        Expr::Sum(terms)
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        MatMulNt.products(inputs)
    }

    fn backward(&self, pull: &Pull) -> Vec<Option<Value>> {
        let mut grads = MatMulNt.backward(pull);
        grads.push(pull.for_input(2, || column_sums(pull.grad.matrix()).into()));
        grads
    }
}

struct Gate;

impl Operation for Gate {
    fn formula(&self) -> &'static str {
        "sum_k x[k]*W_x[k,j] + sum_k h[k]*W_h[k,j] + b[j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let from_x = matmul(inputs[0].matrix(), inputs[1].matrix());
        let from_h = matmul(inputs[2].matrix(), inputs[3].matrix());
        inputs[4..].iter().fold(from_x + from_h, |sum, b| sum + b.matrix()).into()
    }

    fn open(&self, inputs: &[&Value], Cell { col, .. }: Cell) -> Expr<Leaf> {
        let (n_x, n_h) = (inputs[0].shape().cols, inputs[2].shape().cols);
        let mut terms = dot(n_x, |k| (leaf(0, 0, 0, k), leaf(1, 0, k, col)));
        terms.extend(dot(n_h, |k| (leaf(2, 0, 0, k), leaf(3, 0, k, col))));
        terms.extend((4..inputs.len()).map(|b| leaf(b, 0, 0, col)));
        Expr::Sum(terms)
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        let unit = inputs[2].shape().cols;
        each_with_each(inputs[0].shape().len() + inputs[2].shape().len(), unit)
    }

    fn backward(&self, pull: &Pull) -> Vec<Option<Value>> {
        let grad = pull.grad.matrix();
        let matrix = |i: usize| pull.inputs[i].matrix();
        let mut grads = vec![
            pull.for_input(0, || matmul_nt(grad, matrix(1)).into()),
            pull.for_input(1, || matmul_tn(matrix(0), grad).into()),
            pull.for_input(2, || matmul_nt(grad, matrix(3)).into()),
            pull.for_input(3, || matmul_tn(matrix(2), grad).into()),
        ];
        grads.extend((4..pull.inputs.len()).map(|b| pull.for_input(b, || pull.grad.clone())));
        grads
    }
}

#[cfg(test)]
mod tests {
    use std::{ops::Range, sync::Arc};

    use super::*;
    use crate::value::Stored;

    /// Lines of five numbers that have to be decoded.
    struct Coded(usize);

    impl Stored for Coded {
        fn size(&self) -> (usize, usize) {
            (self.0, 5)
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
