//! Masks of scores, and softmax.

use std::sync::Arc;

use super::{
    BackwardArgs, Leaf, Node, Operation, Tape,
    by_plane::{ByPlane, all_planes},
    column_of, leaf, row_of,
};
use crate::engine::{
    arithmetic::{Expr, Function},
    change::Part,
    math::{mask_in_place, softmax_rows},
    site::Place,
    value::{Cell, Matrix, Shape, Value, copied},
};

impl Tape {
    /// The scores with minus infinity where the key comes after the query, or `window` keys or more before it. (head,
    /// query, key) -> (head, query, key)
    pub fn causal_mask(&mut self, place: Place, x: Node, window: Option<usize>) -> Node {
        let window = window.unwrap_or(usize::MAX);
        self.mask(place, x, Mask::Causal { window, first: self.n_past() })
    }

    /// The scores with minus infinity where the key comes after the query, or in an earlier chunk of `size` tokens. (head,
    /// query, key) -> (head, query, key)
    pub fn mask_chunks(&mut self, place: Place, x: Node, size: usize) -> Node {
        self.mask(place, x, Mask::Chunks { size, first: self.n_past() })
    }

    /// The scores with minus infinity where the key is more than `reach` tokens away. (head, query, key) -> (head, query,
    /// key)
    pub fn mask_around(&mut self, place: Place, x: Node, reach: usize) -> Node {
        self.mask(place, x, Mask::Around { reach })
    }

    fn mask(&mut self, place: Place, x: Node, mask: Mask) -> Node {
        if self.changes.is_off(&place, Part::Mask) {
            return self.identity(place, x);
        }
        self.record(place, mask, vec![x])
    }

    /// The softmax of each row, which sums to 1: `exp(x[i,j]) / sum_k exp(x[i,k])`. The shape is that of `x`.
    pub fn softmax(&mut self, place: Place, x: Node) -> Node {
        self.record(place, Softmax { temperature: 1.0 }, vec![x])
    }

    /// The softmax of each row and one more score, the head's sink, whose share is dropped: rows sum to less than 1
    /// (OpenAI 2025, *gpt-oss*). x (head, query, key), sinks (1, head) -> (head, query, key)
    pub fn softmax_with_sinks(&mut self, place: Place, x: Node, sinks: Node) -> Node {
        if self.changes.is_off(&place, Part::Sinks) {
            return self.softmax(place, x);
        }
        self.record(place, SinkSoftmax, vec![x, sinks])
    }

    /// The share of each row that its head's sink takes: what [`Self::softmax_with_sinks`] drops; 0 if sinks are off. x
    /// (head, query, key), sinks (1, head) -> (head, query, 1)
    pub fn sink_shares(&mut self, place: Place, x: Node, sinks: Node) -> Node {
        let is_off = self.changes.is_off(&place, Part::Sinks);
        self.record(place, SinkShares { is_off }, vec![x, sinks])
    }

    /// The softmax of logits divided by the pass's temperature, 1 unless changed. The shape is that of `logits`.
    pub fn softmax_of_logits(&mut self, place: Place, logits: Node) -> Node {
        let temperature = self.changes.temperature();
        self.record(place, Softmax { temperature }, vec![logits])
    }
}

/// Which keys a query attends to; the scores of the others become minus infinity.
#[derive(Clone, Copy)]
enum Mask {
    /// Its own and those before it, `window` of them at most. `first` is the position of the first query.
    Causal { window: usize, first: usize },
    /// Its own and those before it in its chunk of `size` tokens.
    Chunks { size: usize, first: usize },
    /// Those at most `reach` tokens away.
    Around { reach: usize },
}

impl Mask {
    const fn can_see(self, row: usize, key: usize) -> bool {
        match self {
            Self::Causal { window, first } => key <= first + row && first + row - key < window,
            Self::Chunks { size, first } => {
                key <= first + row && key / size == (first + row) / size
            }
            Self::Around { reach } => row.abs_diff(key) <= reach,
        }
    }

    /// The plane with `else_` at masked keys.
    fn masked(self, mut plane: Matrix, else_: f32) -> Matrix {
        let n_rows = plane.nrows();
        if let Self::Causal { window, first } = self {
            mask_in_place(plane.as_mut_slice(), n_rows, first, window, else_);
            return plane;
        }
        for (key, mut column) in plane.column_iter_mut().enumerate() {
            for row in (0..n_rows).filter(|&row| !self.can_see(row, key)) {
                column[row] = else_;
            }
        }
        plane
    }
}

impl ByPlane for Mask {
    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        self.masked(inputs[0].passing_plane(plane).into_owned(), f32::NEG_INFINITY)
    }
}

impl Operation for Mask {
    fn formula(&self) -> &'static str {
        match self {
            Self::Causal { window: usize::MAX, .. } => "score[q,k] if k <= q, else -inf",
            Self::Causal { .. } => "score[q,k] if k <= q and q - k < window, else -inf",
            Self::Chunks { .. } => {
                "score[q,k] if k <= q and floor(k/size) = floor(q/size), else -inf"
            }
            Self::Around { .. } => "score[q,k] if |q - k| <= reach, else -inf",
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        if self.can_see(cell.row, cell.col) {
            Expr::Leaf(Leaf { input: 0, cell })
        } else {
            Expr::Number(f32::NEG_INFINITY)
        }
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        vec![pull.for_input(0, || pull.grad.map_planes(|g| self.masked(copied(g), 0.0)))]
    }
}

#[derive(Clone, Copy)]
struct Softmax {
    temperature: f32,
}

impl Softmax {
    #[expect(clippy::float_cmp, reason = "1 is what nobody changed")]
    fn is_plain(self) -> bool {
        self.temperature == 1.0
    }
}

impl ByPlane for Softmax {
    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        let x = inputs[0].passing_plane(plane);
        if self.is_plain() { softmax_rows(&x) } else { softmax_rows(&(&*x / self.temperature)) }
    }
}

impl Operation for Softmax {
    fn formula(&self) -> &'static str {
        if self.is_plain() {
            "exp(x[i,j]) / sum_k exp(x[i,k])"
        } else {
            "exp(x[i,j]/T) / sum_k exp(x[i,k]/T)"
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let warmed = |x| {
            let is_plain = self.is_plain();
            if is_plain { x } else { Expr::quotient(x, Expr::Number(self.temperature)) }
        };
        let exp = |k| Expr::call(Function::Exp, warmed(leaf(0, plane, row, k)));
        Expr::quotient(exp(col), Expr::Sum((0..inputs[0].shape().cols).map(exp).collect()))
    }

    fn reached(&self, inputs: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(row_of(cell.plane, cell.row, inputs[0].shape().cols))
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        // dx = y * (dy - sum_k dy_k y_k), row by row.
        let pulled = || {
            let planes = pull.output.planes().iter().zip(pull.grad.planes());
            let planes = planes.map(|(y, dy)| {
                let dots: Vec<f32> =
                    y.row_iter().zip(dy.row_iter()).map(|(y, dy)| y.dot(&dy)).collect();
                Matrix::from_fn(y.nrows(), y.ncols(), |r, c| {
                    y[(r, c)] * (dy[(r, c)] - dots[r]) / self.temperature
                })
            });
            Value::from_planes(planes.collect())
        };
        vec![pull.for_input(0, pulled)]
    }
}

struct SinkShares {
    is_off: bool,
}

impl ByPlane for SinkShares {
    fn shape(&self, inputs: &[&Value]) -> Shape {
        Shape { cols: 1, ..inputs[0].shape() }
    }

    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        if self.is_off {
            return Matrix::zeros(inputs[0].shape().rows, 1);
        }
        let (x, sink) = (inputs[0].passing_plane(plane), inputs[1].matrix()[(0, plane)]);
        softmax_rows(&with_sink(&x, sink)).columns(x.ncols(), 1).into_owned()
    }
}

impl Operation for SinkShares {
    fn formula(&self) -> &'static str {
        if self.is_off {
            "0: sinks are off"
        } else {
            "exp(sink[h]) / (exp(sink[h]) + sum_k exp(x[i,k]))"
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, .. }: Cell) -> Expr<Leaf> {
        if self.is_off {
            return Expr::Number(0.0);
        }
        let sink = || Expr::call(Function::Exp, leaf(1, 0, 0, plane));
        let score = |k| Expr::call(Function::Exp, leaf(0, plane, row, k));
        let scores = (0..inputs[0].shape().cols).map(score);
        Expr::quotient(sink(), Expr::Sum(std::iter::once(sink()).chain(scores).collect()))
    }

    fn reached(&self, inputs: &[&Value], Leaf { input, cell }: Leaf) -> Option<Vec<Cell>> {
        Some(match input {
            0 => vec![Cell { col: 0, ..cell }],
            _ => column_of(cell.col, inputs[0].shape().rows, 0),
        })
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        // With the share s and its gradient g: of a score, -g s p; of the sink, g s (1 - s).
        let (x, sinks) = (pull.inputs[0], pull.inputs[1].matrix());
        let slope = |p: usize, r: usize| pull.grad.plane(p)[(r, 0)] * pull.output.plane(p)[(r, 0)];
        let for_x = || {
            let plane = |(p, x): (usize, &Matrix)| {
                let shares = softmax_rows(&with_sink(x, sinks[(0, p)]));
                Matrix::from_fn(x.nrows(), x.ncols(), |r, c| -slope(p, r) * shares[(r, c)])
            };
            Value::from_planes(x.planes().iter().enumerate().map(plane).collect())
        };
        let for_sinks = || {
            let of_head = |p: usize| {
                let shares = pull.output.plane(p);
                (0..shares.nrows()).map(|r| slope(p, r) * (1.0 - shares[(r, 0)])).sum()
            };
            Matrix::from_fn(1, x.shape().planes, |_, p| of_head(p)).into()
        };
        vec![pull.for_input(0, for_x), pull.for_input(1, for_sinks)]
    }
}

/// The scores of a head with its sink's as one more column.
fn with_sink(x: &Matrix, sink: f32) -> Matrix {
    x.clone().resize_horizontally(x.ncols() + 1, sink)
}

#[derive(Clone, Copy)]
struct SinkSoftmax;

impl ByPlane for SinkSoftmax {
    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        let (x, sink) = (inputs[0].passing_plane(plane), inputs[1].matrix()[(0, plane)]);
        softmax_rows(&with_sink(&x, sink)).remove_column(x.ncols())
    }
}

impl Operation for SinkSoftmax {
    fn formula(&self) -> &'static str {
        "exp(x[i,j]) / (exp(sink[h]) + sum_k exp(x[i,k]))"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let exp = |x| Expr::call(Function::Exp, x);
        let sink = exp(leaf(1, 0, 0, plane));
        let scores = (0..inputs[0].shape().cols).map(|k| exp(leaf(0, plane, row, k)));
        let below = std::iter::once(sink).chain(scores).collect();
        Expr::quotient(exp(leaf(0, plane, row, col)), Expr::Sum(below))
    }

    fn reached(&self, inputs: &[&Value], Leaf { input, cell }: Leaf) -> Option<Vec<Cell>> {
        let Shape { rows, cols, .. } = inputs[0].shape();
        Some(match input {
            0 => row_of(cell.plane, cell.row, cols),
            _ => (0..rows).flat_map(|row| row_of(cell.col, row, cols)).collect(),
        })
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        // dx = y * (dy - sum_k dy_k y_k), as without sinks; of the sink, whose own share has no gradient,
        // -share * sum_k dy_k y_k.
        let dot = |p: usize, r: usize| pull.output.plane(p).row(r).dot(&pull.grad.plane(p).row(r));
        let for_x = || {
            let planes = pull.output.planes().iter().zip(pull.grad.planes()).enumerate();
            let plane = |(p, (y, dy)): (usize, (&Matrix, &Matrix))| {
                let dots: Vec<f32> = (0..y.nrows()).map(|r| dot(p, r)).collect();
                Matrix::from_fn(y.nrows(), y.ncols(), |r, c| y[(r, c)] * (dy[(r, c)] - dots[r]))
            };
            Value::from_planes(planes.map(plane).collect())
        };
        let for_sinks = || {
            let of_head = |p: usize| {
                let y = pull.output.plane(p);
                (0..y.nrows()).map(|r| -(1.0 - y.row(r).sum()) * dot(p, r)).sum()
            };
            Matrix::from_fn(1, pull.output.shape().planes, |_, p| of_head(p)).into()
        };
        vec![pull.for_input(0, for_x), pull.for_input(1, for_sinks)]
    }
}
