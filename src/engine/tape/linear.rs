//! Linear maps with a bias, for all heads at once, and the pre-activation of a recurrent gate.

use super::{
    BackwardArgs, Leaf, Node, Operation, Tape, Weight,
    back::back,
    column_of,
    columns::{column_sums, join_columns, split_columns},
    dot, leaf, n_multiplications, row_of,
};
use crate::engine::{
    arithmetic::Expr,
    math::{matmul, matmul_nt, matmul_tn, times},
    site::Place,
    value::{Cell, Lines, Value},
};

impl Tape {
    /// `x W + b`. x (row, in), W (in, out), b (1, out) or none -> (row, out)
    pub fn linear(&mut self, place: Place, x: Node, w: Node, b: Option<Node>) -> Node {
        self.project_heads(place, x, w, b, 1)
    }

    /// `x W + b`, one plane per head: head h uses columns h*d_k to (h+1)*d_k - 1 of W. x (row, in), W (in,
    /// n_heads*d_k), b (1, n_heads*d_k) or none -> (head, row, d_k)
    pub fn project_heads(
        &mut self,
        place: Place,
        x: Node,
        w: Node,
        b: Option<Node>,
        n_heads: usize,
    ) -> Node {
        self.record(
            place,
            Linear { n_heads, has_bias: b.is_some() },
            [x, w].into_iter().chain(b).collect(),
        )
    }

    /// `x_t W_x + h W_h + b`, the pre-activation of a recurrent gate (Cho et al. 2014, eq. 5); `b` is the sum of up to
    /// two biases. x (1, in), h (1, unit) -> (1, unit)
    pub fn gate(&mut self, place: Place, x: Node, h: Node, weights: GateWeights) -> Node {
        let GateWeights { w_x, w_h, b } = weights;
        self.record(
            place,
            Gate,
            [x, w_x, h, w_h].into_iter().chain(b.into_iter().flatten()).collect(),
        )
    }
}

/// A learned linear map with an optional bias. w (in, out), b (1, out)
pub struct LinearMap {
    pub w: Weight,
    pub b: Option<Weight>,
}

impl LinearMap {
    /// The weights on the tape.
    pub fn on(&self, tape: &mut Tape) -> (Node, Option<Node>) {
        let w = tape.weight(&self.w);
        (w, self.b.as_ref().map(|b| tape.weight(b)))
    }

    /// `x W + b`. x (row, in) -> (row, out)
    pub fn forward(&self, tape: &mut Tape, place: Place, x: Node) -> Node {
        let (w, b) = self.on(tape);
        tape.linear(place, x, w, b)
    }
}

/// The weights of a recurrent gate.
#[derive(Clone, Copy, Debug)]
pub struct GateWeights {
    pub w_x: Node,
    pub w_h: Node,
    /// The bias of the input's part, and that of the state's part.
    pub b: [Option<Node>; 2],
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
        n_multiplications(inputs[0].shape().len(), inputs[1].shape().cols)
    }

    fn reached(
        &self,
        inputs: &[&Value],
        Leaf { input, cell: Cell { row, col, .. } }: Leaf,
    ) -> Option<Vec<Cell>> {
        let (n_rows, width) = (inputs[0].shape().rows, self.d_head(inputs[1]));
        Some(match input {
            0 => (0..self.n_heads).flat_map(|head| row_of(head, row, width)).collect(),
            _ => column_of(col / width, n_rows, col % width),
        })
    }

    fn slope(
        &self,
        inputs: &[&Value],
        cell: Cell,
        Leaf { input, cell: of }: Leaf,
    ) -> Option<Expr<Leaf>> {
        let column = cell.plane * self.d_head(inputs[1]) + cell.col;
        Some(match input {
            0 => leaf(1, 0, of.col, column),
            1 => leaf(0, 0, cell.row, of.row),
            _ => Expr::Number(1.0),
        })
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
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
        n_multiplications(inputs[0].shape().len() + inputs[2].shape().len(), unit)
    }

    fn reached(&self, inputs: &[&Value], Leaf { input, cell }: Leaf) -> Option<Vec<Cell>> {
        let is_factor = input == 0 || input == 2;
        Some(if is_factor {
            row_of(0, 0, inputs[3].shape().cols)
        } else {
            vec![Cell::new(0, 0, cell.col)]
        })
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
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
