//! xIELU (Huang and Schlag 2024): an activation whose bends each layer learns, one on either side of zero.

use super::{BackwardArgs, Leaf, Node, Operation, Tape, leaf};
use crate::engine::{
    arithmetic::{Expr, Function},
    math::{map, sigmoid, softplus},
    site::Place,
    value::{Cell, Matrix, Value},
};

/// The slope at zero, of both sides.
const SLOPE: f32 = 0.5;
/// What a number that is not positive is at most under the exponential, so that its slope does not vanish.
const MOST: f32 = -1e-6;

impl Tape {
    /// `p x^2 + x/2` above zero, else `n (exp(x) - 1 - x) + x/2`, with `p = softplus(positive)` and `n = 1/2 +
    /// softplus(negative)`. x of any shape, positive and negative (1, 1)
    pub fn xielu(&mut self, place: Place, x: Node, positive: Node, negative: Node) -> Node {
        self.record(place, Xielu, vec![x, positive, negative])
    }
}

struct Xielu;

/// The one number of a value.
fn number(of: &Value) -> f32 {
    of.get(Cell::default())
}

/// How strongly both sides bend.
#[derive(Clone, Copy)]
struct Bends {
    positive: f32,
    negative: f32,
}

impl Bends {
    fn of(inputs: &[&Value]) -> Self {
        Self {
            positive: softplus(number(inputs[1])),
            negative: SLOPE + softplus(number(inputs[2])),
        }
    }

    fn value(self, x: f32) -> f32 {
        let bent = if x > 0.0 { self.positive * x * x } else { self.negative * below(x) };
        bent + SLOPE * x
    }

    fn slope(self, x: f32) -> f32 {
        let bent = if x > 0.0 {
            2.0 * self.positive * x
        } else if x < MOST {
            self.negative * x.exp_m1()
        } else {
            -self.negative
        };
        bent + SLOPE
    }
}

/// What the bend below zero is multiplied by. NaN stays.
fn below(x: f32) -> f32 {
    let bounded = if x > MOST { MOST } else { x };
    bounded.exp_m1() - x
}

/// `ln(1 + exp(x))`
fn softplus_of(x: Expr<Leaf>) -> Expr<Leaf> {
    let sum = Expr::Sum(vec![Expr::Number(1.0), Expr::call(Function::Exp, x)]);
    Expr::call(Function::Ln, sum)
}

impl Operation for Xielu {
    fn formula(&self) -> &'static str {
        "x > 0: p*x^2 + x/2, x <= 0: n*(exp(x) - 1 - x) + x/2"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let bends = Bends::of(inputs);
        map(inputs[0], |x| bends.value(x))
    }

    fn open(&self, inputs: &[&Value], cell: Cell) -> Expr<Leaf> {
        let x = || Expr::Leaf(Leaf { input: 0, cell });
        let straight = Expr::Product(vec![Expr::Number(SLOPE), x()]);
        let value = inputs[0].get(cell);
        let bent = if value > 0.0 {
            Expr::Product(vec![softplus_of(leaf(1, 0, 0, 0)), x(), x()])
        } else {
            let bounded = if value > MOST { Expr::Number(MOST) } else { x() };
            let falling = Expr::difference(Expr::call(Function::Exp, bounded), Expr::Number(1.0));
            let bend = Expr::Sum(vec![Expr::Number(SLOPE), softplus_of(leaf(2, 0, 0, 0))]);
            Expr::Product(vec![bend, Expr::difference(falling, x())])
        };
        Expr::Sum(vec![bent, straight])
    }

    fn reached(&self, inputs: &[&Value], Leaf { input, cell }: Leaf) -> Option<Vec<Cell>> {
        if input == 0 {
            return Some(vec![cell]);
        }
        let is_bent_by = |cell: &Cell| (inputs[0].get(*cell) > 0.0) == (input == 1);
        Some(inputs[0].shape().cells().filter(is_bent_by).collect())
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, bends) = (pull.inputs[0], Bends::of(pull.inputs));
        // The slope of softplus is the sigmoid.
        let for_bend = |input: usize, of: fn(f32) -> f32| {
            let sum: f32 = pull.grad.zip_map(x, |grad, x| grad * of(x)).numbers().sum();
            Matrix::from_element(1, 1, sum * sigmoid(number(pull.inputs[input]))).into()
        };
        vec![
            pull.for_input(0, || pull.grad.zip_map(x, |grad, x| grad * bends.slope(x))),
            pull.for_input(1, || for_bend(1, |x| if x > 0.0 { x * x } else { 0.0 })),
            pull.for_input(2, || for_bend(2, |x| if x > 0.0 { 0.0 } else { below(x) })),
        ]
    }
}
