//! Mixtures of experts (Shazeer et al. 2017): each row goes through a few of many networks, which its router chooses.
//!
//! What the chosen experts compute has one plane for each choice, the weightiest first: row i of plane c is computed by
//! the c-th expert of token i, with that expert's weights.

use super::{BackwardArgs, Leaf, LinearMap, Node, Operation, Tape, back::back, dot, leaf};
use crate::engine::{
    arithmetic::{Expr, Function},
    math::{largest, matmul_tn, times},
    site::Place,
    value::{Cell, Lines, Matrix, Shape, Value},
};

/// The `k` experts with the largest numbers in a row of `choice`, of equals the first; ordered by their scores. choice and
/// scores (row, expert)
fn chosen_by(choice: &Matrix, k: usize, scores: &Matrix, row: usize) -> Vec<usize> {
    let by: Vec<f32> = choice.row(row).iter().copied().collect();
    let mut chosen = largest(&by, k);
    chosen.sort_by(|&a, &b| scores[(row, b)].total_cmp(&scores[(row, a)]));
    chosen
}

/// The experts that a row goes to, the weightiest first: those whose share is not 0, and where one that is chosen has the
/// share 0, any other with it. shares (row, expert)
pub(super) fn chosen(shares: &Matrix, k: usize, row: usize) -> Vec<usize> {
    let sizes: Vec<f32> = shares.row(row).iter().map(|share| share.abs()).collect();
    largest(&sizes, k)
}

/// The experts of every row.
struct Routes(Vec<Vec<usize>>);

impl Routes {
    fn of(shares: &Value, k: usize) -> Self {
        let shares = shares.matrix();
        Self((0..shares.nrows()).map(|row| chosen(shares, k, row)).collect())
    }

    /// The rows that go to each of `n` experts.
    fn rows_by_expert(&self, n: usize) -> Vec<Vec<RoutedRow>> {
        let mut rows = vec![vec![]; n];
        for (row, chosen) in self.0.iter().enumerate() {
            for (choice, &expert) in chosen.iter().enumerate() {
                rows[expert].push(RoutedRow { choice, row });
            }
        }
        rows
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
    /// The weight of every expert for every row: of those with the `k` largest numbers in `choice`, 0 for the others. The
    /// shape is that of `scores`: probabilities, or logits. (row, expert)
    pub fn route(
        &mut self,
        place: Place,
        scores: Node,
        choice: Node,
        k: usize,
        how: ExpertWeights,
        factor: f32,
    ) -> Node {
        let others = (choice != scores).then_some(choice);
        let inputs = [scores].into_iter().chain(others).collect();
        self.record(place, Route { k, how, factor }, inputs)
    }

    /// `x W_e + b_e`, with the weights of each of the `k` experts e that a row goes to by its shares. All experts are
    /// inputs, as other values of the row send it to others. x (row, in) or (choice, row, in), shares (row, expert), W_e
    /// (in, out), b_e (1, out) or none -> (choice, row, out)
    pub fn experts_linear(
        &mut self,
        place: Place,
        x: Node,
        shares: Node,
        k: usize,
        maps: &[LinearMap],
    ) -> Node {
        let mut inputs = vec![x, shares];
        inputs.extend(maps.iter().map(|map| self.weight(&map.w)));
        let biases = maps.iter().filter_map(|map| map.b.as_ref());
        inputs.extend(biases.map(|bias| self.weight(bias)));
        let n = maps.len();
        let has_bias = inputs.len() > FIRST_MAP + n;
        self.record(place, ExpertsLinear { k, n, has_bias }, inputs)
    }

    /// Each row of `x` times the one number of `share` in that row. x (row, col), share (row, 1) -> (row, col)
    pub fn mul_rows(&mut self, place: Place, x: Node, share: Node) -> Node {
        self.record(place, MulRows, vec![x, share])
    }

    /// The sum of what the chosen experts computed, each times its weight; `shares` are those that chose them, if these are
    /// not the weights. outs (choice, row, channel), weights and shares (row, expert) -> (row, channel)
    pub fn mix(&mut self, place: Place, outs: Node, weights: Node, shares: Node) -> Node {
        let others = (shares != weights).then_some(shares);
        self.record(place, Mix, [outs, weights].into_iter().chain(others).collect())
    }
}

struct Route {
    k: usize,
    how: ExpertWeights,
    factor: f32,
}

impl Route {
    /// The experts that are chosen for a row, the one with the largest score first.
    fn chosen(&self, inputs: &[&Value], row: usize) -> Vec<usize> {
        let choice = inputs[inputs.len() - 1];
        chosen_by(choice.matrix(), self.k, inputs[0].matrix(), row)
    }

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
        for row in 0..scores.nrows() {
            let chosen = self.chosen(inputs, row);
            let most = chosen.first().map_or(0.0, |&first| scores[(row, first)]);
            let share = |expert: usize| match self.how {
                ExpertWeights::SoftmaxOfChosen => (scores[(row, expert)] - most).exp(),
                ExpertWeights::Kept | ExpertWeights::Normalized => scores[(row, expert)],
            };
            let sum: f32 = chosen.iter().map(|&expert| share(expert)).sum();
            for expert in chosen {
                let divisor = if self.how == ExpertWeights::Kept { 1.0 } else { sum };
                weights[(row, expert)] = self.factor * (share(expert) / divisor);
            }
        }
        weights.into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let chosen = self.chosen(inputs, row);
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
            for row in 0..weights.nrows() {
                let chosen = self.chosen(pull.inputs, row);
                let mean: f32 = chosen.iter().map(|&c| grad[(row, c)] * weights[(row, c)]).sum();
                let sum: f32 = chosen.iter().map(|&c| scores[(row, c)]).sum();
                for c in chosen {
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
        // Who is chosen has no slope.
        let mut pulled = vec![pull.for_input(0, pulled)];
        pulled.resize_with(pull.inputs.len(), || None);
        pulled
    }
}

/// The input that is the first expert's map.
const FIRST_MAP: usize = 2;

/// The inputs are what the experts read, their shares of each row, the map of each, and the bias of each if they have
/// any.
struct ExpertsLinear {
    k: usize,
    /// How many experts there are.
    n: usize,
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
    fn bias<'a>(&self, inputs: &[&'a Value], expert: usize) -> Option<&'a Matrix> {
        self.has_bias.then(|| inputs[FIRST_MAP + self.n + expert].matrix())
    }

    fn rows_by_expert(&self, inputs: &[&Value]) -> Vec<Vec<RoutedRow>> {
        Routes::of(inputs[1], self.k).rows_by_expert(self.n)
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
        let (rows, cols) = (inputs[1].shape().rows, inputs[FIRST_MAP].shape().cols);
        let mut planes = vec![Matrix::zeros(rows, cols); self.k];
        for (expert, rows) in self.rows_by_expert(inputs).iter().enumerate() {
            if rows.is_empty() {
                continue;
            }
            let x = gathered(inputs[0], rows);
            let out = times(&x, inputs[FIRST_MAP + expert], self.bias(inputs, expert));
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
        let expert = chosen(inputs[1].matrix(), self.k, row)[plane];
        let Shape { planes, cols: n, .. } = inputs[0].shape();
        let of_x = if planes == 1 { 0 } else { plane };
        let mut terms = dot(n, |k| (leaf(0, of_x, row, k), leaf(FIRST_MAP + expert, 0, k, col)));
        if self.has_bias {
            terms.push(leaf(FIRST_MAP + self.n + expert, 0, 0, col));
        }
        Expr::Sum(terms)
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        let map = inputs[FIRST_MAP].shape();
        inputs[1].shape().rows * self.k * map.rows * map.cols
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let rows = self.rows_by_expert(pull.inputs);
        let grads: Vec<Matrix> = rows.iter().map(|rows| gathered(pull.grad, rows)).collect();
        let for_x = || {
            let mut sums = Value::zeros(pull.inputs[0].shape());
            for (expert, rows) in rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
                let part = back(&grads[expert], pull.inputs[FIRST_MAP + expert], Lines::Rows);
                scatter(sums.planes_mut(), &part, rows);
            }
            sums
        };
        let for_map = |expert: usize| {
            matmul_tn(&gathered(pull.inputs[0], &rows[expert]), &grads[expert]).into()
        };
        let for_bias = |expert: usize| super::columns::column_sums(&grads[expert]).into();
        // Which experts a row goes to has no slope.
        let mut pulled = vec![pull.for_input(0, for_x), None];
        pulled.extend((0..self.n).map(|e| pull.for_input(FIRST_MAP + e, || for_map(e))));
        let first_bias = FIRST_MAP + self.n;
        let n_biases = pull.inputs.len() - first_bias;
        pulled.extend((0..n_biases).map(|e| pull.for_input(first_bias + e, || for_bias(e))));
        pulled
    }
}

struct Mix;

impl Mix {
    /// The shares are the last of the inputs: the weights, or what these were made of.
    fn routes(inputs: &[&Value]) -> Routes {
        Routes::of(inputs[inputs.len() - 1], inputs[0].shape().planes)
    }
}

impl Operation for Mix {
    fn formula(&self) -> &'static str {
        "sum_chosen w[i,e]*out_e[i,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let (outs, weights) = (inputs[0], inputs[1].matrix());
        let routes = Self::routes(inputs);
        let mut sum = Matrix::zeros(outs.shape().rows, outs.shape().cols);
        for (choice, plane) in outs.planes().iter().enumerate() {
            let weight = |(row, chosen): (usize, &Vec<usize>)| weights[(row, chosen[choice])];
            let by: Vec<f32> = routes.0.iter().enumerate().map(weight).collect();
            for (mut into, column) in sum.column_iter_mut().zip(plane.column_iter()) {
                for ((into, number), by) in into.iter_mut().zip(&column).zip(&by) {
                    *into += number * by;
                }
            }
        }
        sum.into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let term = |(choice, expert): (usize, usize)| {
            Expr::Product(vec![leaf(1, 0, row, expert), leaf(0, choice, row, col)])
        };
        let shares = inputs[inputs.len() - 1].matrix();
        let chosen = chosen(shares, inputs[0].shape().planes, row);
        Expr::Sum(chosen.into_iter().enumerate().map(term).collect())
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (outs, weights, grad) = (pull.inputs[0], pull.inputs[1].matrix(), pull.grad.matrix());
        let routes = Self::routes(pull.inputs);
        let for_outs = || {
            let mut planes = Value::zeros(outs.shape());
            for (row, chosen) in routes.0.iter().enumerate() {
                for (choice, &expert) in chosen.iter().enumerate() {
                    let scaled = grad.row(row) * weights[(row, expert)];
                    planes.planes_mut()[choice].set_row(row, &scaled);
                }
            }
            planes
        };
        let for_weights = || {
            let mut sums = Matrix::zeros(weights.nrows(), weights.ncols());
            for (row, chosen) in routes.0.iter().enumerate() {
                for (choice, &expert) in chosen.iter().enumerate() {
                    sums[(row, expert)] = grad.row(row).dot(&outs.plane(choice).row(row));
                }
            }
            sums.into()
        };
        let mut pulled = vec![pull.for_input(0, for_outs), pull.for_input(1, for_weights)];
        pulled.resize_with(pull.inputs.len(), || None);
        pulled
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
        let of_rows = [0, 1].map(|row| chosen_by(&scores, 2, &scores, row));
        assert_eq!(of_rows, [[1, 2], [0, 3]]);
        let weights = Matrix::from_row_slice(2, 4, &[0.0, 0.5, 0.5, 0.0, 0.6, 0.0, 0.0, -0.7]);
        let routes = Routes::of(&weights.into(), 2);
        assert_eq!(routes.0, [[1, 2], [3, 0]]);
        let rows = routes.rows_by_expert(4);
        let routed = |choice, row| vec![RoutedRow { choice, row }];
        assert_eq!(rows, [routed(1, 1), routed(0, 0), routed(1, 0), routed(0, 1)]);
    }

    #[test]
    fn those_chosen_by_one_score_are_ordered_by_another() {
        let scores = Matrix::from_row_slice(1, 4, &[0.9, 0.2, 0.5, 0.4]);
        let choice = Matrix::from_row_slice(1, 4, &[0.1, 0.8, 0.3, 0.7]);
        assert_eq!(chosen_by(&choice, 2, &scores, 0), [3, 1]);
    }
}
