//! Layer normalisation (Ba et al. 2016) in four recorded steps (mean, variance, normalised, gain and bias), and root
//! mean square normalisation (Zhang and Sennrich 2019) in three.

use super::{BackwardArgs, Leaf, Node, Operation, Tape, leaf};
use crate::engine::{
    arithmetic::{Expr, Function},
    math::{
        divide_rows_by_root, normalize_rows, row_mean_squares, row_means, row_variances, stretched,
    },
    site::Place,
    value::{Cell, Matrix, Value},
};

impl Tape {
    /// The mean of each row. (row, col) -> (row, 1)
    pub fn row_mean(&mut self, place: Place, x: Node) -> Node {
        self.record(place, RowMean, vec![x])
    }

    /// The biased variance of each row about `mean`. (row, col) -> (row, 1)
    pub fn row_variance(&mut self, place: Place, x: Node, mean: Node) -> Node {
        self.record(place, RowVariance, vec![x, mean])
    }

    /// `(x - mean) / sqrt(var + eps)`, row by row. (row, col) -> (row, col)
    pub fn normalize(&mut self, place: Place, x: Node, of: Moments, eps: f32) -> Node {
        self.record(place, Normalize { eps }, vec![x, of.mean, of.var])
    }

    /// The mean of each row's squares. (row, col) -> (row, 1)
    pub fn row_mean_square(&mut self, place: Place, x: Node) -> Node {
        self.record(place, RowMeanSquare, vec![x])
    }

    /// `x / sqrt(mean_square + eps)`, row by row. (row, col) -> (row, col)
    pub fn divide_by_rms(&mut self, place: Place, x: Node, mean_square: Node, eps: f32) -> Node {
        self.record(place, DivideByRms { eps }, vec![x, mean_square])
    }

    /// `x * gain`; gain (1, col)
    pub fn gain(&mut self, place: Place, x: Node, gain: Node) -> Node {
        self.record(place, GainBias { has_bias: false }, vec![x, gain])
    }

    /// `x * gain + bias`; gain and bias (1, col)
    pub fn gain_bias(&mut self, place: Place, x: Node, gain: Node, bias: Node) -> Node {
        self.record(place, GainBias { has_bias: true }, vec![x, gain, bias])
    }
}

/// The mean and variance of each row.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    pub mean: Node,
    pub var: Node,
}

/// A matrix of `x`'s shape whose cells are `f(row, col)`.
fn each(x: &Matrix, f: impl Fn(usize, usize) -> f32) -> Value {
    Matrix::from_fn(x.nrows(), x.ncols(), f).into()
}

fn row_sums(x: &Matrix) -> Value {
    Matrix::from_fn(x.nrows(), 1, |r, _| x.row(r).sum()).into()
}

struct RowMean;

impl Operation for RowMean {
    fn formula(&self) -> &'static str {
        "sum_j x[i,j] / d_model"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        row_means(inputs[0].matrix()).into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, .. }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().cols;
        let sum = Expr::Sum((0..n).map(|k| leaf(0, 0, row, k)).collect());
        Expr::quotient(sum, Expr::Number(n as f32))
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, grad) = (pull.inputs[0].matrix(), pull.grad.matrix());
        vec![pull.for_input(0, || each(x, |r, _| grad[(r, 0)] / x.ncols() as f32))]
    }
}

struct RowVariance;

impl Operation for RowVariance {
    fn formula(&self) -> &'static str {
        "sum_j (x[i,j] - mean[i])^2 / d_model"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        row_variances(inputs[0].matrix(), inputs[1].matrix()).into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, .. }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().cols;
        let squares = (0..n).map(|k| {
            let from_mean = Expr::difference(leaf(0, 0, row, k), leaf(1, 0, row, 0));
            Expr::Product(vec![from_mean.clone(), from_mean])
        });
        Expr::quotient(Expr::Sum(squares.collect()), Expr::Number(n as f32))
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, mean, grad) =
            (pull.inputs[0].matrix(), pull.inputs[1].matrix(), pull.grad.matrix());
        let n = x.ncols() as f32;
        let slope = |r: usize, c: usize| grad[(r, 0)] * 2.0 * (x[(r, c)] - mean[(r, 0)]) / n;
        let for_mean = || {
            let sums = Matrix::from_fn(x.nrows(), 1, |r, _| {
                -(0..x.ncols()).map(|c| slope(r, c)).sum::<f32>()
            });
            sums.into()
        };
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
        let [x, mean, var] = [0, 1, 2].map(|i| inputs[i].matrix());
        normalize_rows(x, mean, var, self.eps).into()
    }

    fn open(&self, _: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let above = Expr::difference(leaf(0, 0, row, col), leaf(1, 0, row, 0));
        let below = Expr::Sum(vec![leaf(2, 0, row, 0), Expr::Number(self.eps)]);
        Expr::quotient(above, Expr::call(Function::Sqrt, below))
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let [var, grad] = [pull.inputs[2].matrix(), pull.grad.matrix()];
        let y = pull.output.matrix();
        let root = |r: usize| (var[(r, 0)] + self.eps).sqrt();
        let scaled = each(grad, |r, c| grad[(r, c)] / root(r));
        let for_var = || {
            let sums = Matrix::from_fn(grad.nrows(), 1, |r, _| {
                let dot = y.row(r).dot(&grad.row(r));
                -0.5 * dot / (var[(r, 0)] + self.eps)
            });
            sums.into()
        };
        vec![
            pull.for_input(0, || scaled.clone()),
            pull.for_input(1, || row_sums(scaled.matrix()).map(|v| -v)),
            pull.for_input(2, for_var),
        ]
    }
}

struct RowMeanSquare;

impl Operation for RowMeanSquare {
    fn formula(&self) -> &'static str {
        "sum_j x[i,j]^2 / d_model"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        row_mean_squares(inputs[0].matrix()).into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, .. }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().cols;
        let squares =
            (0..n).map(|k| Expr::Product(vec![leaf(0, 0, row, k), leaf(0, 0, row, k)])).collect();
        Expr::quotient(Expr::Sum(squares), Expr::Number(n as f32))
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, grad) = (pull.inputs[0].matrix(), pull.grad.matrix());
        let slope = |r: usize, c: usize| grad[(r, 0)] * 2.0 * x[(r, c)] / x.ncols() as f32;
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
        let x = inputs[0].matrix().clone();
        divide_rows_by_root(x, inputs[1].matrix(), self.eps).into()
    }

    fn open(&self, _: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let below = Expr::Sum(vec![leaf(1, 0, row, 0), Expr::Number(self.eps)]);
        Expr::quotient(leaf(0, 0, row, col), Expr::call(Function::Sqrt, below))
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let [square, grad] = [pull.inputs[1].matrix(), pull.grad.matrix()];
        let y = pull.output.matrix();
        let root = |r: usize| (square[(r, 0)] + self.eps).sqrt();
        let for_square = || {
            let slope = |r: usize| -0.5 * y.row(r).dot(&grad.row(r)) / (square[(r, 0)] + self.eps);
            Matrix::from_fn(grad.nrows(), 1, |r, _| slope(r)).into()
        };
        vec![
            pull.for_input(0, || each(grad, |r, c| grad[(r, c)] / root(r))),
            pull.for_input(1, for_square),
        ]
    }
}

struct GainBias {
    has_bias: bool,
}

impl Operation for GainBias {
    fn formula(&self) -> &'static str {
        if self.has_bias { "normalized[i,j]*gain[j] + bias[j]" } else { "normalized[i,j]*gain[j]" }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let bias = inputs.get(2).map(|bias| bias.matrix());
        stretched(inputs[0].matrix(), inputs[1].matrix(), bias).into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let product = Expr::Product(vec![leaf(0, 0, row, col), leaf(1, 0, 0, col)]);
        if inputs.len() == 2 { product } else { Expr::Sum(vec![product, leaf(2, 0, 0, col)]) }
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let [x, gain, grad] =
            [pull.inputs[0].matrix(), pull.inputs[1].matrix(), pull.grad.matrix()];
        let columns = |f: &dyn Fn(usize, usize) -> f32| -> Value {
            let sum = |c| (0..grad.nrows()).map(|r| f(r, c)).sum();
            Matrix::from_fn(1, grad.ncols(), |_, c| sum(c)).into()
        };
        let mut grads = vec![
            pull.for_input(0, || each(x, |r, c| grad[(r, c)] * gain[(0, c)])),
            pull.for_input(1, || columns(&|r, c| grad[(r, c)] * x[(r, c)])),
        ];
        if pull.inputs.len() > 2 {
            grads.push(pull.for_input(2, || columns(&|r, c| grad[(r, c)])));
        }
        grads
    }
}
