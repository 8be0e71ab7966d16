//! Layer normalisation (Ba et al. 2016) in four recorded steps (mean, variance, normalised, gain and bias), and root
//! mean square normalisation (Zhang and Sennrich 2019) in three.
//!
//! A value of several planes (heads) is normalised plane by plane; [`Tape::mean_square_of_heads`] alone takes a row of
//! all of them together.

use super::{
    BackwardArgs, Leaf, Node, Operation, Tape, column_of, columns::join_columns, leaf, row_of,
};
use crate::engine::{
    arithmetic::{Expr, Function},
    math::{
        divide_rows_by_root, normalize_rows, row_mean_squares, row_means, row_variances, stretched,
    },
    site::Place,
    value::{Cell, Matrix, Shape, Value},
};

impl Tape {
    /// The mean of each row. (plane, row, col) -> (plane, row, 1)
    pub fn row_mean(&mut self, place: Place, x: Node) -> Node {
        self.record(place, RowMean, vec![x])
    }

    /// The biased variance of each row about `mean`. (plane, row, col) -> (plane, row, 1)
    pub fn row_variance(&mut self, place: Place, x: Node, mean: Node) -> Node {
        self.record(place, RowVariance, vec![x, mean])
    }

    /// `(x - mean) / sqrt(var + eps)`, row by row. The shape is that of `x`.
    pub fn normalize(&mut self, place: Place, x: Node, of: Moments, eps: f32) -> Node {
        self.record(place, Normalize { eps }, vec![x, of.mean, of.var])
    }

    /// The mean of each row's squares. (plane, row, col) -> (plane, row, 1)
    pub fn row_mean_square(&mut self, place: Place, x: Node) -> Node {
        self.record(place, RowMeanSquare { of_all: false }, vec![x])
    }

    /// The mean of a row's squares in all heads together. (head, row, col) -> (row, 1)
    pub fn mean_square_of_heads(&mut self, place: Place, x: Node) -> Node {
        self.record(place, RowMeanSquare { of_all: true }, vec![x])
    }

    /// `x / sqrt(mean_square + eps)`, row by row. The shape is that of `x`.
    pub fn divide_by_rms(&mut self, place: Place, x: Node, mean_square: Node, eps: f32) -> Node {
        self.record(place, DivideByRms { eps }, vec![x, mean_square])
    }

    /// `x * gain`; gain (1, col), or (1, plane*col) if each plane has its own
    pub fn gain(&mut self, place: Place, x: Node, gain: Node) -> Node {
        self.record(place, GainBias { has_bias: false, from_one: false }, vec![x, gain])
    }

    /// `x * (1 + gain)`, shapes as for [`Self::gain`] (Gemma Team 2024).
    pub fn gain_from_one(&mut self, place: Place, x: Node, gain: Node) -> Node {
        self.record(place, GainBias { has_bias: false, from_one: true }, vec![x, gain])
    }

    /// `x * gain + bias`; gain and bias (1, col)
    pub fn gain_bias(&mut self, place: Place, x: Node, gain: Node, bias: Node) -> Node {
        self.record(place, GainBias { has_bias: true, from_one: false }, vec![x, gain, bias])
    }

    /// `x * (1 + gain) + bias`; gain and bias (1, col) (Nvidia's `LayerNorm1P`)
    pub fn gain_from_one_bias(&mut self, place: Place, x: Node, gain: Node, bias: Node) -> Node {
        self.record(place, GainBias { has_bias: true, from_one: true }, vec![x, gain, bias])
    }
}

/// The mean and variance of each row.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    pub mean: Node,
    pub var: Node,
}

/// A value of `x`'s shape whose cells are `f(plane, row, col)`.
fn each(x: &Value, f: impl Fn(usize, usize, usize) -> f32) -> Value {
    let Shape { planes, rows, cols } = x.shape();
    let plane = |p| Matrix::from_fn(rows, cols, |r, c| f(p, r, c));
    Value::from_planes((0..planes).map(plane).collect())
}

/// A value with one number a row of `x`: `f(plane, row)`.
fn each_row(x: &Value, f: impl Fn(usize, usize) -> f32) -> Value {
    let Shape { planes, rows, .. } = x.shape();
    let plane = |p| Matrix::from_fn(rows, 1, |r, _| f(p, r));
    Value::from_planes((0..planes).map(plane).collect())
}

fn row_sums(x: &Value) -> Value {
    each_row(x, |p, r| x.plane(p).row(r).sum())
}

/// The plane of `of_rows` that belongs to plane `p` of `x`: one for each, or one for all.
fn of_plane(of_rows: &Value, p: usize) -> &Matrix {
    of_rows.plane(p.min(of_rows.shape().planes - 1))
}

/// `f(plane of x, plane of a)` for every plane.
fn zip_planes(x: &Value, a: &Value, f: impl Fn(&Matrix, &Matrix) -> Matrix) -> Value {
    let planes = x.planes().iter().enumerate();
    Value::from_planes(planes.map(|(p, x)| f(x, of_plane(a, p))).collect())
}

struct RowMean;

impl Operation for RowMean {
    fn formula(&self) -> &'static str {
        "sum_j x[i,j] / d_model"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        inputs[0].map_planes(row_means)
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, .. }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().cols;
        let sum = Expr::Sum((0..n).map(|k| leaf(0, plane, row, k)).collect());
        Expr::quotient(sum, Expr::Number(n as f32))
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![Cell { col: 0, ..cell }])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, grad) = (pull.inputs[0], pull.grad);
        let n = x.shape().cols as f32;
        vec![pull.for_input(0, || each(x, |p, r, _| grad.plane(p)[(r, 0)] / n))]
    }
}

struct RowVariance;

impl Operation for RowVariance {
    fn formula(&self) -> &'static str {
        "sum_j (x[i,j] - mean[i])^2 / d_model"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        zip_planes(inputs[0], inputs[1], row_variances)
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, .. }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().cols;
        let squares = (0..n).map(|k| {
            let from_mean = Expr::difference(leaf(0, plane, row, k), leaf(1, plane, row, 0));
            Expr::Product(vec![from_mean.clone(), from_mean])
        });
        Expr::quotient(Expr::Sum(squares.collect()), Expr::Number(n as f32))
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![Cell { col: 0, ..cell }])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, mean, grad) = (pull.inputs[0], pull.inputs[1], pull.grad);
        let n = x.shape().cols;
        let slope = |p: usize, r: usize, c: usize| {
            let from_mean = x.plane(p)[(r, c)] - mean.plane(p)[(r, 0)];
            grad.plane(p)[(r, 0)] * 2.0 * from_mean / n as f32
        };
        let for_mean = || each_row(x, |p, r| -(0..n).map(|c| slope(p, r, c)).sum::<f32>());
        vec![pull.for_input(0, || each(x, slope)), pull.for_input(1, for_mean)]
    }
}

struct Normalize {
    eps: f32,
}

impl Operation for Normalize {
    fn formula(&self) -> &'static str {
        "(x[i,j] - mean[i]) / sqrt(var[i] + eps)"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let planes = inputs[0].planes().iter().enumerate();
        let normalized = |(p, x): (usize, &Matrix)| {
            normalize_rows(x, inputs[1].plane(p), inputs[2].plane(p), self.eps)
        };
        Value::from_planes(planes.map(normalized).collect())
    }

    fn open(&self, _: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let above = Expr::difference(leaf(0, plane, row, col), leaf(1, plane, row, 0));
        let below = Expr::Sum(vec![leaf(2, plane, row, 0), Expr::Number(self.eps)]);
        Expr::quotient(above, Expr::call(Function::Sqrt, below))
    }

    fn reached(&self, inputs: &[&Value], Leaf { input, cell }: Leaf) -> Option<Vec<Cell>> {
        let n_columns = inputs[0].shape().cols;
        Some(if input == 0 { vec![cell] } else { row_of(cell.plane, cell.row, n_columns) })
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (var, grad, y) = (pull.inputs[2], pull.grad, pull.output);
        let square = |p: usize, r: usize| var.plane(p)[(r, 0)] + self.eps;
        let scaled = each(grad, |p, r, c| grad.plane(p)[(r, c)] / square(p, r).sqrt());
        let for_var = || {
            let dot = |p: usize, r: usize| y.plane(p).row(r).dot(&grad.plane(p).row(r));
            each_row(grad, |p, r| -0.5 * dot(p, r) / square(p, r))
        };
        vec![
            pull.for_input(0, || scaled.clone()),
            pull.for_input(1, || row_sums(&scaled).map(|v| -v)),
            pull.for_input(2, for_var),
        ]
    }
}

struct RowMeanSquare {
    /// Whether a row is that of all planes together.
    of_all: bool,
}

impl RowMeanSquare {
    /// The numbers that a mean is taken of.
    const fn count(&self, of: Shape) -> usize {
        if self.of_all { of.planes * of.cols } else { of.cols }
    }
}

impl Operation for RowMeanSquare {
    fn formula(&self) -> &'static str {
        if self.of_all {
            "sum_h sum_j x[h,i,j]^2 / (heads*d_k)"
        } else {
            "sum_j x[i,j]^2 / d_model"
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        if self.of_all {
            return row_mean_squares(&join_columns(inputs[0])).into();
        }
        inputs[0].map_planes(row_mean_squares)
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, .. }: Cell) -> Expr<Leaf> {
        let of = inputs[0].shape();
        let planes = if self.of_all { 0..of.planes } else { plane..plane + 1 };
        let cells = planes.flat_map(|p| (0..of.cols).map(move |k| (p, k)));
        let square = |(p, k)| Expr::Product(vec![leaf(0, p, row, k), leaf(0, p, row, k)]);
        Expr::quotient(Expr::Sum(cells.map(square).collect()), Expr::Number(self.count(of) as f32))
    }

    fn reached(
        &self,
        _: &[&Value],
        Leaf { cell: Cell { plane, row, .. }, .. }: Leaf,
    ) -> Option<Vec<Cell>> {
        Some(vec![Cell::new(if self.of_all { 0 } else { plane }, row, 0)])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, grad) = (pull.inputs[0], pull.grad);
        let n = self.count(x.shape()) as f32;
        let slope =
            |p: usize, r: usize, c: usize| of_plane(grad, p)[(r, 0)] * 2.0 * x.plane(p)[(r, c)] / n;
        vec![pull.for_input(0, || each(x, slope))]
    }
}

struct DivideByRms {
    eps: f32,
}

impl Operation for DivideByRms {
    fn formula(&self) -> &'static str {
        "x[i,j] / sqrt(mean_square[i] + eps)"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let divided =
            |x: &Matrix, square: &Matrix| divide_rows_by_root(x.clone(), square, self.eps);
        zip_planes(inputs[0], inputs[1], divided)
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let of_rows = plane.min(inputs[1].shape().planes - 1);
        let below = Expr::Sum(vec![leaf(1, of_rows, row, 0), Expr::Number(self.eps)]);
        Expr::quotient(leaf(0, plane, row, col), Expr::call(Function::Sqrt, below))
    }

    fn reached(&self, inputs: &[&Value], Leaf { input, cell }: Leaf) -> Option<Vec<Cell>> {
        let Shape { planes, cols, .. } = inputs[0].shape();
        let is_shared = inputs[1].shape().planes < planes;
        Some(match input {
            0 => vec![cell],
            _ if is_shared => (0..planes).flat_map(|p| row_of(p, cell.row, cols)).collect(),
            _ => row_of(cell.plane, cell.row, cols),
        })
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (square, grad, y) = (pull.inputs[1], pull.grad, pull.output);
        let below = |p: usize, r: usize| of_plane(square, p)[(r, 0)] + self.eps;
        let slope =
            |p: usize, r: usize| -0.5 * y.plane(p).row(r).dot(&grad.plane(p).row(r)) / below(p, r);
        let is_shared = square.shape().planes < y.shape().planes;
        let for_square = || {
            let of = |p: usize, r: usize| {
                let sum = || (0..y.shape().planes).map(|p| slope(p, r)).sum();
                if is_shared { sum() } else { slope(p, r) }
            };
            each_row(square, of)
        };
        let for_x = || each(grad, |p, r, c| grad.plane(p)[(r, c)] / below(p, r).sqrt());
        vec![pull.for_input(0, for_x), pull.for_input(1, for_square)]
    }
}

struct GainBias {
    has_bias: bool,
    /// Whether 1 is added to the gain.
    from_one: bool,
}

impl GainBias {
    /// The columns of gain and bias for a plane of `x`: all of them, or the plane's own.
    const fn first(x: Shape, gain: Shape, plane: usize) -> usize {
        if gain.cols == x.cols { 0 } else { plane * x.cols }
    }

    fn factor(&self, gain: f32) -> f32 {
        if self.from_one { 1.0 + gain } else { gain }
    }
}

impl Operation for GainBias {
    fn formula(&self) -> &'static str {
        match (self.has_bias, self.from_one) {
            (true, false) => "normalized[i,j]*gain[j] + bias[j]",
            (true, true) => "normalized[i,j]*(1 + gain[j]) + bias[j]",
            (false, false) => "normalized[i,j]*gain[j]",
            (false, true) => "normalized[i,j]*(1 + gain[j])",
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let x = inputs[0];
        let gain = inputs[1].matrix().map(|gain| self.factor(gain));
        let bias = inputs.get(2).map(|bias| bias.matrix());
        let own = |row: &Matrix, plane: usize| {
            let first = Self::first(x.shape(), inputs[1].shape(), plane);
            row.columns(first, x.shape().cols).into_owned()
        };
        let planes = x.planes().iter().enumerate();
        let plane = |(p, x): (usize, &Matrix)| {
            stretched(x, &own(&gain, p), bias.map(|bias| own(bias, p)).as_ref())
        };
        Value::from_planes(planes.map(plane).collect())
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let column = Self::first(inputs[0].shape(), inputs[1].shape(), plane) + col;
        let gain = leaf(1, 0, 0, column);
        let gain = if self.from_one { Expr::Sum(vec![Expr::Number(1.0), gain]) } else { gain };
        let product = Expr::Product(vec![leaf(0, plane, row, col), gain]);
        if inputs.len() == 2 { product } else { Expr::Sum(vec![product, leaf(2, 0, 0, column)]) }
    }

    fn reached(&self, inputs: &[&Value], Leaf { input, cell }: Leaf) -> Option<Vec<Cell>> {
        if input == 0 {
            return Some(vec![cell]);
        }
        let (x, gain) = (inputs[0].shape(), inputs[1].shape());
        let of_plane = |plane: usize| {
            let col = cell.col.checked_sub(Self::first(x, gain, plane))?;
            (col < x.cols).then(|| column_of(plane, x.rows, col))
        };
        Some((0..x.planes).filter_map(of_plane).flatten().collect())
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, gain, grad) = (pull.inputs[0], pull.inputs[1], pull.grad);
        let first = |p| Self::first(x.shape(), gain.shape(), p);
        let columns = |f: &dyn Fn(usize, usize, usize) -> f32| -> Value {
            let mut sums = Matrix::zeros(1, gain.shape().cols);
            for Cell { plane, row, col } in x.shape().cells() {
                sums[(0, first(plane) + col)] += f(plane, row, col);
            }
            sums.into()
        };
        let slope = |p: usize, c: usize| self.factor(gain.matrix()[(0, first(p) + c)]);
        let mut grads = vec![
            pull.for_input(0, || each(x, |p, r, c| grad.plane(p)[(r, c)] * slope(p, c))),
            pull.for_input(1, || columns(&|p, r, c| grad.plane(p)[(r, c)] * x.plane(p)[(r, c)])),
        ];
        if pull.inputs.len() > 2 {
            grads.push(pull.for_input(2, || columns(&|p, r, c| grad.plane(p)[(r, c)])));
        }
        grads
    }
}
