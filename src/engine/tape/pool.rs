//! Pooling: many rows to one (their mean, their largest numbers, or one of them), and rows scaled to length 1.

use super::{BackwardArgs, Leaf, Node, Operation, Tape, leaf};
use crate::engine::{
    arithmetic::{Expr, Function},
    site::Place,
    value::{Cell, Matrix, Value},
};

impl Tape {
    /// The mean of all rows. (row, col) -> (1, col)
    pub fn mean_of_rows(&mut self, place: Place, x: Node) -> Node {
        self.record(place, MeanOfRows, vec![x])
    }

    /// One of the rows. (row, col) -> (1, col)
    pub fn one_row(&mut self, place: Place, x: Node, row: usize) -> Node {
        self.record(place, OneRow { row }, vec![x])
    }

    /// One of the columns, as a row. (row, col) -> (1, row)
    pub fn one_column(&mut self, place: Place, x: Node, col: usize) -> Node {
        self.record(place, OneColumn { col }, vec![x])
    }

    /// The largest number of each column. (row, col) -> (1, col)
    pub fn max_of_rows(&mut self, place: Place, x: Node) -> Node {
        self.record(place, MaxOfRows, vec![x])
    }

    /// Each row divided by its L2 norm. (row, col) -> (row, col)
    pub fn l2_normalize(&mut self, place: Place, x: Node) -> Node {
        self.record(place, ToLengthOne, vec![x])
    }
}

/// The sum of each column, in f64. (col)
fn column_sums(x: &Matrix) -> impl Iterator<Item = f64> {
    x.column_iter().map(|column| column.iter().map(|&v| f64::from(v)).sum())
}

struct OneColumn {
    col: usize,
}

impl Operation for OneColumn {
    fn formula(&self) -> &'static str {
        "x[j, column]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let column = inputs[0].matrix().column(self.col);
        Matrix::from_iterator(1, column.nrows(), column.iter().copied()).into()
    }

    fn open(&self, _: &[&Value], Cell { col, .. }: Cell) -> Expr<Leaf> {
        leaf(0, 0, col, self.col)
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let for_x = || {
            let mut grad = Value::zeros(pull.inputs[0].shape());
            grad.planes_mut()[0].set_column(self.col, &pull.grad.matrix().row(0).transpose());
            grad
        };
        vec![pull.for_input(0, for_x)]
    }
}

struct MeanOfRows;

impl Operation for MeanOfRows {
    fn formula(&self) -> &'static str {
        "sum_i x[i,j] / n"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let x = inputs[0].matrix();
        let means = column_sums(x).map(|sum| (sum / x.nrows() as f64) as f32);
        Matrix::from_iterator(1, x.ncols(), means).into()
    }

    fn open(&self, inputs: &[&Value], Cell { col, .. }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().rows;
        let sum = Expr::Sum((0..n).map(|row| leaf(0, 0, row, col)).collect());
        Expr::quotient(sum, Expr::Number(n as f32))
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (rows, cols) = pull.inputs[0].matrix().shape();
        let share = |_, c| pull.grad.matrix()[(0, c)] / rows as f32;
        vec![pull.for_input(0, || Matrix::from_fn(rows, cols, share).into())]
    }
}

struct OneRow {
    row: usize,
}

impl Operation for OneRow {
    fn formula(&self) -> &'static str {
        "one row, unchanged"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        inputs[0].matrix().rows(self.row, 1).into_owned().into()
    }

    fn open(&self, _: &[&Value], Cell { col, .. }: Cell) -> Expr<Leaf> {
        leaf(0, 0, self.row, col)
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let scattered = || {
            let mut x = Value::zeros(pull.inputs[0].shape());
            x.put(Cell::new(0, self.row, 0), pull.grad);
            x
        };
        vec![pull.for_input(0, scattered)]
    }
}

struct MaxOfRows;

/// The row of a column's largest number, the first of several.
fn row_of_max(x: &Matrix, col: usize) -> usize {
    (0..x.nrows()).fold(0, |best, row| if x[(row, col)] > x[(best, col)] { row } else { best })
}

impl Operation for MaxOfRows {
    fn formula(&self) -> &'static str {
        "max_i x[i,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let x = inputs[0].matrix();
        Matrix::from_fn(1, x.ncols(), |_, col| x[(row_of_max(x, col), col)]).into()
    }

    fn open(&self, inputs: &[&Value], Cell { col, .. }: Cell) -> Expr<Leaf> {
        leaf(0, 0, row_of_max(inputs[0].matrix(), col), col)
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let x = pull.inputs[0].matrix();
        let pulled = || {
            let of = |r, c| if row_of_max(x, c) == r { pull.grad.matrix()[(0, c)] } else { 0.0 };
            Matrix::from_fn(x.nrows(), x.ncols(), of).into()
        };
        vec![pull.for_input(0, pulled)]
    }
}

/// The smallest divisor, so that zero rows stay zero (PyTorch's `normalize`).
const SHORTEST: f32 = 1e-12;

struct ToLengthOne;

/// The L2 norm of each row, at least [`SHORTEST`].
fn lengths(x: &Matrix) -> Vec<f32> {
    let square = |v: &f32| f64::from(*v) * f64::from(*v);
    let length = |row: usize| x.row(row).iter().map(square).sum::<f64>().sqrt() as f32;
    (0..x.nrows()).map(|row| length(row).max(SHORTEST)).collect()
}

impl Operation for ToLengthOne {
    fn formula(&self) -> &'static str {
        "x[i,j] / sqrt(sum_k x[i,k]^2)"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (x, lengths) = (inputs[0].matrix(), lengths(inputs[0].matrix()));
        Matrix::from_fn(x.nrows(), x.ncols(), |r, c| x[(r, c)] / lengths[r]).into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let x = |k| leaf(0, 0, row, k);
        let squares = (0..inputs[0].shape().cols).map(|k| Expr::Product(vec![x(k), x(k)]));
        Expr::quotient(x(col), Expr::call(Function::Sqrt, Expr::Sum(squares.collect())))
    }

    /// `dx = (dy - y (y · dy)) / |x|`, row by row.
    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let [x, y, dy] = [pull.inputs[0], pull.output, pull.grad].map(Value::matrix);
        let pulled = || {
            let lengths = lengths(x);
            let dots: Vec<f32> = (0..x.nrows()).map(|r| y.row(r).dot(&dy.row(r))).collect();
            let slope = |r, c| (dy[(r, c)] - y[(r, c)] * dots[r]) / lengths[r];
            Matrix::from_fn(x.nrows(), x.ncols(), slope).into()
        };
        vec![pull.for_input(0, pulled)]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::site::Place;

    fn given() -> Value {
        Value::from_rows(3, 4, &[1.0, -2.0, 0.5, 3.0, 0.25, 4.0, -1.5, 2.0, -3.0, 0.75, 1.25, -0.5])
    }

    /// A tape with one operation on a leaf, the leaf's node and the result's.
    fn recorded(x: Value, f: impl Fn(&mut Tape, Place, Node) -> Node) -> (Tape, Node, Node) {
        let mut tape = Tape::default();
        let x = tape.leaf(Place::weight("x"), Arc::new(x));
        let y = f(&mut tape, Place::weight("y"), x);
        (tape, x, y)
    }

    fn operations() -> [fn(&mut Tape, Place, Node) -> Node; 4] {
        [
            Tape::mean_of_rows,
            |tape, place, x| tape.one_row(place, x, 1),
            Tape::max_of_rows,
            Tape::l2_normalize,
        ]
    }

    #[test]
    fn every_cell_opens_to_its_number() {
        for operation in operations() {
            let (tape, _, y) = recorded(given(), operation);
            for cell in tape.shape(y).cells() {
                let opened = tape.open(y, cell).expr.map_or(f64::NAN, |e| e.eval());
                assert!((opened - f64::from(tape.value(y).get(cell))).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn gradients_are_slopes() {
        let seed = |shape: crate::engine::value::Shape| {
            Value::from_planes(vec![Matrix::from_fn(shape.rows, shape.cols, |r, c| {
                1.0 + r as f32 * 0.5 - c as f32 * 0.25
            })])
        };
        for operation in operations() {
            let (tape, x, y) = recorded(given(), operation);
            let seed = seed(tape.shape(y));
            let loss = |x: Value| -> f32 {
                let (tape, _, y) = recorded(x, operation);
                tape.value(y).zip_map(&seed, |y, s| y * s).numbers().sum()
            };
            let grads = tape.backward(&[(y, seed.clone())], &[x]);
            for cell in given().shape().cells() {
                let moved = |by: f32| {
                    let mut x = given();
                    x.set(cell, x.get(cell) + by);
                    loss(x)
                };
                let numeric = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!((numeric - grads[&x].get(cell)).abs() < 1e-2, "{cell:?}");
            }
        }
    }
}
