//! Mixtures of experts (Shazeer et al. 2017): each row goes through a few of many networks, which its router chooses.
//!
//! What the chosen experts compute has one plane for each choice, the weightiest first: row i of plane c is computed by
//! the c-th expert of token i, with that expert's weights.

use std::sync::Arc;

use super::{BackwardArgs, Leaf, LinearMap, Node, Operation, Tape, back::back, dot, leaf};
use crate::engine::{
    arithmetic::{Expr, Function},
    math::{matmul_tn, times},
    site::Place,
    value::{Cell, Lines, Matrix, Shape, Value},
};

/// The experts that each row goes to, the one with the largest score first.
#[derive(Debug, PartialEq, Eq)]
pub struct Routes(Vec<Vec<usize>>);

impl Routes {
    /// The `k` experts with the largest numbers in each row of `choice`, of equals the first; ordered by their scores.
    /// choice and scores (row, expert)
    pub fn chosen_by(choice: &Matrix, k: usize, scores: &Matrix) -> Self {
        let of_row = |row: usize| {
            let larger = |by: &Matrix, a, b| by[(row, b)].total_cmp(&by[(row, a)]);
            let mut order: Vec<usize> = (0..choice.ncols()).collect();
            order.sort_by(|&a, &b| larger(choice, a, b));
            order.truncate(k);
            order.sort_by(|&a, &b| larger(scores, a, b));
            order
        };
        Self((0..choice.nrows()).map(of_row).collect())
    }

    fn n_choices(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    /// The experts that any row goes to, in order.
    fn used(&self) -> Vec<usize> {
        let mut used: Vec<usize> = self.0.iter().flatten().copied().collect();
        used.sort_unstable();
        used.dedup();
        used
    }

    /// The rows that go to an expert.
    fn rows_of(&self, expert: usize) -> Vec<RoutedRow> {
        let place = |(row, chosen): (usize, &Vec<usize>)| {
            chosen.iter().position(|&one| one == expert).map(|choice| RoutedRow { choice, row })
        };
        self.0.iter().enumerate().filter_map(place).collect()
    }
}

/// A row that goes to an expert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RoutedRow {
    /// Which of the row's choices the expert is: the plane of what it computes.
    choice: usize,
    row: usize,
}

/// How the chosen experts' scores become their weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpertWeights {
    /// Probabilities over all experts, as they are: the weights sum to less than 1.
    Kept,
    /// Probabilities over all experts, divided by the sum of the chosen ones.
    Normalized,
    /// The softmax of the chosen experts' logits alone.
    SoftmaxOfChosen,
}

impl Tape {
    /// The weight of every expert for every row, times a factor; 0 where it is not chosen. The shape is that of `scores`:
    /// probabilities, or logits. (row, expert)
    pub fn route(
        &mut self,
        place: Place,
        scores: Node,
        routes: &Arc<Routes>,
        how: ExpertWeights,
        factor: f32,
    ) -> Node {
        self.record(place, Route { routes: Arc::clone(routes), how, factor }, vec![scores])
    }

    /// `x W_e + b_e`, with the weights of the expert e that each row has chosen. x (row, in) or (choice, row, in), W_e
    /// (in, out), b_e (1, out) or none -> (choice, row, out)
    pub fn experts_linear(
        &mut self,
        place: Place,
        x: Node,
        maps: &[LinearMap],
        routes: &Arc<Routes>,
    ) -> Node {
        let used = routes.used();
        let mut inputs = vec![x];
        inputs.extend(used.iter().map(|&expert| self.weight(&maps[expert].w)));
        let biases = used.iter().filter_map(|&expert| maps[expert].b.as_ref());
        let biases: Vec<Node> = biases.map(|bias| self.weight(bias)).collect();
        let has_bias = !biases.is_empty();
        inputs.extend(biases);
        self.record(place, ExpertsLinear { routes: Arc::clone(routes), used, has_bias }, inputs)
    }

    /// Each row of `x` times the one number of `share` in that row. x (row, col), share (row, 1) -> (row, col)
    pub fn mul_rows(&mut self, place: Place, x: Node, share: Node) -> Node {
        self.record(place, MulRows, vec![x, share])
    }

    /// The sum of what the chosen experts computed, each times its weight. outs (choice, row, channel), weights (row,
    /// expert) -> (row, channel)
    pub fn mix(&mut self, place: Place, outs: Node, weights: Node, routes: &Arc<Routes>) -> Node {
        self.record(place, Mix { routes: Arc::clone(routes) }, vec![outs, weights])
    }
}

struct Route {
    routes: Arc<Routes>,
    how: ExpertWeights,
    factor: f32,
}

impl Route {
    #[expect(clippy::float_cmp, reason = "1 is what is not written")]
    fn has_factor(&self) -> bool {
        self.factor != 1.0
    }
}

impl Operation for Route {
    fn formula(&self) -> &'static str {
        match (self.how, self.has_factor()) {
            (ExpertWeights::Kept, false) => "p[i,e] if e is chosen, else 0",
            (ExpertWeights::Kept, true) => "factor * p[i,e] if e is chosen, else 0",
            (ExpertWeights::Normalized, false) => {
                "p[i,e] / sum_chosen p[i,c] if e is chosen, else 0"
            }
            (ExpertWeights::Normalized, true) => {
                "factor * p[i,e] / sum_chosen p[i,c] if e is chosen, else 0"
            }
            (ExpertWeights::SoftmaxOfChosen, _) => {
                "exp(x[i,e]) / sum_chosen exp(x[i,c]) if e is chosen, else 0"
            }
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let scores = inputs[0].matrix();
        let mut weights = Matrix::zeros(scores.nrows(), scores.ncols());
        for (row, chosen) in self.routes.0.iter().enumerate() {
            let most = chosen.first().map_or(0.0, |&first| scores[(row, first)]);
            let share = |expert: usize| match self.how {
                ExpertWeights::SoftmaxOfChosen => (scores[(row, expert)] - most).exp(),
                ExpertWeights::Kept | ExpertWeights::Normalized => scores[(row, expert)],
            };
            let sum: f32 = chosen.iter().map(|&expert| share(expert)).sum();
            for &expert in chosen {
                let divisor = if self.how == ExpertWeights::Kept { 1.0 } else { sum };
                weights[(row, expert)] = self.factor * (share(expert) / divisor);
            }
        }
        weights.into()
    }

    fn open(&self, _: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let chosen = &self.routes.0[row];
        if !chosen.contains(&col) {
            return Expr::Number(0.0);
        }
        let share = |expert| {
            let score = leaf(0, 0, row, expert);
            match self.how {
                ExpertWeights::SoftmaxOfChosen => Expr::call(Function::Exp, score),
                ExpertWeights::Kept | ExpertWeights::Normalized => score,
            }
        };
        let weight = if self.how == ExpertWeights::Kept {
            share(col)
        } else {
            let sum = Expr::Sum(chosen.iter().map(|&expert| share(expert)).collect());
            Expr::quotient(share(col), sum)
        };
        if self.has_factor() {
            Expr::Product(vec![Expr::Number(self.factor), weight])
        } else {
            weight
        }
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        // With weights w and their gradient g, of a probability that is divided by the sum S: (g - sum_c g_c w_c) / S; of
        // a logit: w (g - sum_c g_c w_c). With a factor f, w / f stands for w and f g for g.
        let pulled = || {
            let (weights, grad, scores) =
                (pull.output.matrix(), pull.grad.matrix(), pull.inputs[0].matrix());
            let mut out = Matrix::zeros(weights.nrows(), weights.ncols());
            for (row, chosen) in self.routes.0.iter().enumerate() {
                let mean: f32 = chosen.iter().map(|&c| grad[(row, c)] * weights[(row, c)]).sum();
                let sum: f32 = chosen.iter().map(|&c| scores[(row, c)]).sum();
                for &c in chosen {
                    let g = self.factor * grad[(row, c)];
                    out[(row, c)] = match self.how {
                        ExpertWeights::Kept => g,
                        ExpertWeights::Normalized => (g - mean) / sum,
                        ExpertWeights::SoftmaxOfChosen => {
                            weights[(row, c)] / self.factor * (g - mean)
                        }
                    };
                }
            }
            out.into()
        };
        vec![pull.for_input(0, pulled)]
    }
}

struct ExpertsLinear {
    routes: Arc<Routes>,
    /// The experts whose weights are inputs 1, 2, 3, ...
    used: Vec<usize>,
    /// Whether their biases follow.
    has_bias: bool,
}

/// These rows, one below another; a value of one plane is the same for every choice.
fn gathered(x: &Value, from: &[RoutedRow]) -> Matrix {
    let is_shared = x.shape().planes == 1;
    let planes = x.planes();
    Matrix::from_fn(from.len(), x.shape().cols, |i, col| {
        let RoutedRow { choice, row } = from[i];
        planes[if is_shared { 0 } else { choice }][(row, col)]
    })
}

/// Adds rows to those that they were gathered from.
fn scatter(planes: &mut [Matrix], rows: &Matrix, to: &[RoutedRow]) {
    let is_shared = planes.len() == 1;
    for (i, &RoutedRow { choice, row }) in to.iter().enumerate() {
        let mut into = planes[if is_shared { 0 } else { choice }].row_mut(row);
        into += rows.row(i);
    }
}

impl ExpertsLinear {
    fn bias<'a>(&self, inputs: &[&'a Value], slot: usize) -> Option<&'a Matrix> {
        self.has_bias.then(|| inputs[1 + self.used.len() + slot].matrix())
    }
}

impl Operation for ExpertsLinear {
    fn formula(&self) -> &'static str {
        if self.has_bias {
            "sum_k x[i,k]*W_e[k,j] + b_e[j], e the chosen expert"
        } else {
            "sum_k x[i,k]*W_e[k,j], e the chosen expert"
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let cols = inputs[1].shape().cols;
        let mut planes = vec![Matrix::zeros(self.routes.0.len(), cols); self.routes.n_choices()];
        for (slot, &expert) in self.used.iter().enumerate() {
            let rows = self.routes.rows_of(expert);
            let x = gathered(inputs[0], &rows);
            let out = times(&x, inputs[1 + slot], self.bias(inputs, slot));
            // Column by column, as matrices lie in memory.
            for (col, column) in out.column_iter().enumerate() {
                for (&RoutedRow { choice, row }, &number) in rows.iter().zip(&column) {
                    planes[choice][(row, col)] = number;
                }
            }
        }
        Value::from_planes(planes)
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let expert = self.routes.0[row][plane];
        let slot = self.used.iter().position(|&one| one == expert).unwrap_or(0);
        let Shape { planes, cols: n, .. } = inputs[0].shape();
        let of_x = if planes == 1 { 0 } else { plane };
        let mut terms = dot(n, |k| (leaf(0, of_x, row, k), leaf(1 + slot, 0, k, col)));
        if self.has_bias {
            terms.push(leaf(1 + self.used.len() + slot, 0, 0, col));
        }
        Expr::Sum(terms)
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        let pairs = self.routes.0.len() * self.routes.n_choices();
        pairs * inputs[1].shape().rows * inputs[1].shape().cols
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let rows: Vec<_> = self.used.iter().map(|&expert| self.routes.rows_of(expert)).collect();
        let grads: Vec<Matrix> = rows.iter().map(|rows| gathered(pull.grad, rows)).collect();
        let for_x = || {
            let mut sums = Value::zeros(pull.inputs[0].shape());
            for (slot, rows) in rows.iter().enumerate() {
                let part = back(&grads[slot], pull.inputs[1 + slot], Lines::Rows);
                scatter(sums.planes_mut(), &part, rows);
            }
            sums
        };
        let for_weight =
            |slot: usize| matmul_tn(&gathered(pull.inputs[0], &rows[slot]), &grads[slot]).into();
        let for_bias = |slot: usize| super::columns::column_sums(&grads[slot]).into();
        let n = self.used.len();
        let mut pulled = vec![pull.for_input(0, for_x)];
        pulled.extend((0..n).map(|slot| pull.for_input(1 + slot, || for_weight(slot))));
        if self.has_bias {
            pulled.extend((0..n).map(|slot| pull.for_input(1 + n + slot, || for_bias(slot))));
        }
        pulled
    }
}

struct Mix {
    routes: Arc<Routes>,
}

impl Operation for Mix {
    fn formula(&self) -> &'static str {
        "sum_chosen w[i,e]*out_e[i,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (outs, weights) = (inputs[0], inputs[1].matrix());
        let mut sum = Matrix::zeros(outs.shape().rows, outs.shape().cols);
        for (choice, plane) in outs.planes().iter().enumerate() {
            let weight = |(row, chosen): (usize, &Vec<usize>)| weights[(row, chosen[choice])];
            let by: Vec<f32> = self.routes.0.iter().enumerate().map(weight).collect();
            for (mut into, column) in sum.column_iter_mut().zip(plane.column_iter()) {
                for ((into, number), by) in into.iter_mut().zip(&column).zip(&by) {
                    *into += number * by;
                }
            }
        }
        sum.into()
    }

    fn open(&self, _: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let term = |(choice, &expert): (usize, &usize)| {
            Expr::Product(vec![leaf(1, 0, row, expert), leaf(0, choice, row, col)])
        };
        Expr::Sum(self.routes.0[row].iter().enumerate().map(term).collect())
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (outs, weights, grad) = (pull.inputs[0], pull.inputs[1].matrix(), pull.grad.matrix());
        let for_outs = || {
            let mut planes = Value::zeros(outs.shape());
            for (row, chosen) in self.routes.0.iter().enumerate() {
                for (choice, &expert) in chosen.iter().enumerate() {
                    let scaled = grad.row(row) * weights[(row, expert)];
                    planes.planes_mut()[choice].set_row(row, &scaled);
                }
            }
            planes
        };
        let for_weights = || {
            let mut sums = Matrix::zeros(weights.nrows(), weights.ncols());
            for (row, chosen) in self.routes.0.iter().enumerate() {
                for (choice, &expert) in chosen.iter().enumerate() {
                    sums[(row, expert)] = grad.row(row).dot(&outs.plane(choice).row(row));
                }
            }
            sums.into()
        };
        vec![pull.for_input(0, for_outs), pull.for_input(1, for_weights)]
    }
}

struct MulRows;

impl MulRows {
    fn times(x: &Value, share: &Value) -> Value {
        let share = share.matrix();
        x.map_planes(|x| Matrix::from_fn(x.nrows(), x.ncols(), |r, c| x[(r, c)] * share[(r, 0)]))
    }
}

impl Operation for MulRows {
    fn formula(&self) -> &'static str {
        "x[i,j] * share[i]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        Self::times(inputs[0], inputs[1])
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        Expr::Product(vec![Expr::Leaf(Leaf { input: 0, cell }), leaf(1, 0, cell.row, 0)])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (x, grad) = (pull.inputs[0].matrix(), pull.grad.matrix());
        let for_share = || Matrix::from_fn(x.nrows(), 1, |r, _| grad.row(r).dot(&x.row(r))).into();
        vec![
            pull.for_input(0, || Self::times(pull.grad, pull.inputs[1])),
            pull.for_input(1, for_share),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_scores_the_first_is_chosen() {
        let scores = Matrix::from_row_slice(2, 4, &[0.1, 0.4, 0.4, 0.2, 3.0, -1.0, 2.0, 2.5]);
        let routes = Routes::chosen_by(&scores, 2, &scores);
        assert_eq!(routes.0, [[1, 2], [0, 3]]);
        assert_eq!(routes.used(), [0, 1, 2, 3]);
        assert_eq!(routes.rows_of(3), [RoutedRow { choice: 1, row: 1 }]);
    }

    #[test]
    fn those_chosen_by_one_score_are_ordered_by_another() {
        let scores = Matrix::from_row_slice(1, 4, &[0.9, 0.2, 0.5, 0.4]);
        let choice = Matrix::from_row_slice(1, 4, &[0.1, 0.8, 0.3, 0.7]);
        assert_eq!(Routes::chosen_by(&choice, 2, &scores).0, [[3, 1]]);
    }
}
