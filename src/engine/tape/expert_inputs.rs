//! Experts whose weights multiply what they read (Meta 2025, *Llama 4*): the rows that each reads, and the plain sum of what
//! they say.

use super::{BackwardArgs, Leaf, Node, Operation, Tape, experts::chosen, leaf};
use crate::engine::{
    arithmetic::Expr,
    site::Place,
    value::{Cell, Matrix, Shape, Value},
};

impl Tape {
    /// What each of the `k` experts that a row goes to by its shares reads: the row times the expert's share. x (row, col),
    /// shares (row, expert) -> (choice, row, col)
    pub fn weigh_choices(&mut self, place: Place, x: Node, shares: Node, k: usize) -> Node {
        self.record(place, WeighChoices { k }, vec![x, shares])
    }

    /// The sum of what the chosen experts computed. outs (choice, row, channel) -> (row, channel)
    pub fn sum_choices(&mut self, place: Place, outs: Node) -> Node {
        self.record(place, SumChoices, vec![outs])
    }
}

struct WeighChoices {
    k: usize,
}

impl WeighChoices {
    /// The experts of every row, the weightiest first.
    fn chosen(&self, inputs: &[&Value]) -> Vec<Vec<usize>> {
        let shares = inputs[1].matrix();
        (0..shares.nrows()).map(|row| chosen(shares, self.k, row)).collect()
    }
}

impl Operation for WeighChoices {
    fn formula(&self) -> &'static str {
        "w[i,e]*x[i,j], e the chosen expert"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (x, shares, experts) = (inputs[0].matrix(), inputs[1].matrix(), self.chosen(inputs));
        let plane = |choice: usize| {
            Matrix::from_fn(x.nrows(), x.ncols(), |row, col| {
                shares[(row, experts[row][choice])] * x[(row, col)]
            })
        };
        Value::from_planes((0..self.k).map(plane).collect())
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let expert = chosen(inputs[1].matrix(), self.k, row)[plane];
        Expr::Product(vec![leaf(1, 0, row, expert), leaf(0, 0, row, col)])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, shares) = (pull.inputs[0].matrix(), pull.inputs[1].matrix());
        let experts = self.chosen(pull.inputs);
        let grads = pull.grad.planes();
        let for_x = || {
            Matrix::from_fn(x.nrows(), x.ncols(), |row, col| {
                let of_choice = |(choice, &expert): (usize, &usize)| {
                    shares[(row, expert)] * grads[choice][(row, col)]
                };
                experts[row].iter().enumerate().map(of_choice).sum()
            })
            .into()
        };
        let for_shares = || {
            let mut sums = Matrix::zeros(shares.nrows(), shares.ncols());
            for (row, chosen) in experts.iter().enumerate() {
                for (choice, &expert) in chosen.iter().enumerate() {
                    sums[(row, expert)] = grads[choice].row(row).dot(&x.row(row));
                }
            }
            sums.into()
        };
        vec![pull.for_input(0, for_x), pull.for_input(1, for_shares)]
    }
}

struct SumChoices;

impl Operation for SumChoices {
    fn formula(&self) -> &'static str {
        "sum_chosen out_e[i,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let Shape { rows, cols, .. } = inputs[0].shape();
        let zeros = Matrix::zeros(rows, cols);
        inputs[0].planes().iter().fold(zeros, |sum, plane| sum + plane).into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        Expr::Sum((0..inputs[0].shape().planes).map(|choice| leaf(0, choice, row, col)).collect())
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let for_outs = || {
            let planes = vec![pull.grad.matrix().clone(); pull.inputs[0].shape().planes];
            Value::from_planes(planes)
        };
        vec![pull.for_input(0, for_outs)]
    }
}
