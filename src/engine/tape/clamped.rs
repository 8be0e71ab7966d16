//! The parts of a gated unit whose numbers are kept within bounds: gpt-oss's SwiGLU.

use super::{BackwardArgs, Leaf, Node, Operation, Tape};
use crate::engine::{
    arithmetic::{Expr, Function},
    math::{map, sigmoid, zip},
    site::Place,
    value::{Cell, Value},
};

impl Tape {
    /// `min(high, x)`, and not below `low` where there is one. The shape is that of `x`.
    pub fn clamp(&mut self, place: Place, x: Node, low: Option<f32>, high: f32) -> Node {
        self.record(place, Clamp { low, high }, vec![x])
    }

    /// `x * sigmoid(beta x)` (Ramachandran et al. 2017); SiLU has a beta of 1.
    pub fn swish(&mut self, place: Place, x: Node, beta: f32) -> Node {
        self.record(place, Swish { beta }, vec![x])
    }

    /// `a * (b + 1)`, cell by cell.
    pub fn mul_by_one_more(&mut self, place: Place, a: Node, b: Node) -> Node {
        self.record(place, MulByOneMore, vec![a, b])
    }
}

struct Clamp {
    low: Option<f32>,
    high: f32,
}

impl Clamp {
    /// The bound that a number is taken to; None if it lies within. NaN stays.
    fn bound(&self, x: f32) -> Option<f32> {
        let low = self.low.filter(|&low| x < low);
        if x > self.high { Some(self.high) } else { low }
    }
}

impl Operation for Clamp {
    fn formula(&self) -> &'static str {
        if self.low.is_some() { "max(-limit, min(limit, x))" } else { "min(limit, x)" }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        inputs[0].map(|x| self.bound(x).unwrap_or(x))
    }

    fn open(&self, inputs: &[&Value], cell: Cell) -> Expr<Leaf> {
        self.bound(inputs[0].get(cell)).map_or(Expr::Leaf(Leaf { input: 0, cell }), Expr::Number)
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let within = |g: f32, x: f32| if self.bound(x).is_some() { 0.0 } else { g };
        vec![pull.for_input(0, || pull.grad.zip_map(pull.inputs[0], within))]
    }
}

struct Swish {
    beta: f32,
}

impl Operation for Swish {
    fn formula(&self) -> &'static str {
        "x / (1 + exp(-beta*x))"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let beta = self.beta;
        map(inputs[0], |x| x * sigmoid(beta * x))
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        let x = || Expr::Leaf(Leaf { input: 0, cell });
        let minus = Expr::Product(vec![Expr::Number(-self.beta), x()]);
        let below = Expr::Sum(vec![Expr::Number(1.0), Expr::call(Function::Exp, minus)]);
        Expr::quotient(x(), below)
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let slope = |g: f32, x: f32| {
            let s = sigmoid(self.beta * x);
            g * s * (1.0 + self.beta * x * (1.0 - s))
        };
        vec![pull.for_input(0, || pull.grad.zip_map(pull.inputs[0], slope))]
    }
}

struct MulByOneMore;

impl Operation for MulByOneMore {
    fn formula(&self) -> &'static str {
        "a[i,j] * (b[i,j] + 1)"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        zip(inputs[0], inputs[1], |a, b| a * (b + 1.0))
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        let one_more = Expr::Sum(vec![Expr::Leaf(Leaf { input: 1, cell }), Expr::Number(1.0)]);
        Expr::Product(vec![Expr::Leaf(Leaf { input: 0, cell }), one_more])
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        vec![
            pull.for_input(0, || pull.grad.zip_map(pull.inputs[1], |g, b| g * (b + 1.0))),
            pull.for_input(1, || pull.grad.zip_map(pull.inputs[0], |g, a| g * a)),
        ]
    }
}
