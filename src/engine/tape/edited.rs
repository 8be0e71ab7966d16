//! An operation with some results replaced: what-ifs that set numbers.
//!
//! In a row of attention weights the others keep their proportions and the row still sums to 1: `w'_j = w_j (1 - a) /
//! (1 - w_k)` where cell k is set to a.

use super::{BackwardArgs, Leaf, Operation};
use crate::engine::{
    arithmetic::Expr,
    change::Edit,
    value::{Cell, Matrix, Shape, Value},
};

pub(super) struct Edited {
    pub(super) inner: Box<dyn Operation>,
    pub(super) edits: Vec<Edit>,
    /// Whether rows are shares, which sum to 1.
    pub(super) are_attention_weights: bool,
}

/// The value with numbers replaced.
pub(super) fn with_edits(computed: &Value, edits: &[Edit]) -> Value {
    let Shape { planes, rows, cols } = computed.shape();
    let number = |cell| given(edits, cell).unwrap_or_else(|| computed.get(cell));
    let plane = |p| Matrix::from_fn(rows, cols, |row, col| number(Cell::new(p, row, col)));
    Value::from_planes((0..planes).map(plane).collect())
}

/// The number that a cell is set to; None if it is not edited.
fn given(edits: &[Edit], cell: Cell) -> Option<f32> {
    edits.iter().find_map(|edit| match edit {
        Edit::Cell(at, number) => (*at == cell).then_some(*number),
        Edit::Part(at, part) => {
            let local = cell.counted_from(*at)?;
            part.shape().holds(local).then(|| part.get(local))
        }
        Edit::Plane(plane) => (*plane == cell.plane).then_some(0.0),
        Edit::Column(col, number) => (*col == cell.col).then_some(*number),
        Edit::All => Some(0.0),
    })
}

impl Edited {
    /// The number that a cell is set to; None if it is not edited.
    fn given(&self, cell: Cell) -> Option<f32> {
        given(&self.edits, cell)
    }

    /// The edited columns of a row of attention weights, with their numbers.
    fn given_in_row(&self, plane: usize, row: usize) -> Vec<(usize, f32)> {
        if !self.are_attention_weights {
            return vec![];
        }
        let in_row = |edit: &Edit| match edit {
            Edit::Cell(at, number) if (at.plane, at.row) == (plane, row) => Some((at.col, *number)),
            _ => None,
        };
        self.edits.iter().filter_map(in_row).collect()
    }

    /// The sums of the other weights of a row after and before the edit: `(1 - a, 1 - w_k)`.
    fn shares_left(&self, computed: &Matrix, plane: usize, row: usize) -> Option<(f32, f32)> {
        let given = self.given_in_row(plane, row);
        let taken: f32 = given.iter().map(|(_, number)| number).sum();
        let had: f32 = given.iter().map(|(col, _)| computed[(row, *col)]).sum();
        (!given.is_empty()).then_some((1.0 - taken, 1.0 - had))
    }

    /// The value with its edits.
    pub(super) fn apply(&self, computed: &Value) -> Value {
        let planes = computed.planes().iter().enumerate().map(|(p, plane)| {
            let factors: Vec<f32> = (0..plane.nrows())
                .map(|row| {
                    self.shares_left(plane, p, row).map_or(1.0, |(left, had)| ratio(left, had))
                })
                .collect();
            Matrix::from_fn(plane.nrows(), plane.ncols(), |row, col| {
                let given = self.given(Cell::new(p, row, col));
                given.unwrap_or_else(|| plane[(row, col)] * factors[row])
            })
        });
        Value::from_planes(planes.collect())
    }
}

/// `left / had`, 0 if the edited weight was 1: the others then have no proportions to keep.
fn ratio(left: f32, had: f32) -> f32 {
    if had > 0.0 { left / had } else { 0.0 }
}

impl Operation for Edited {
    fn formula(&self) -> &'static str {
        if self.are_attention_weights {
            "set by hand; the row's other shares keep their proportions"
        } else if self.edits.iter().any(|edit| matches!(edit, Edit::Part(..))) {
            "taken from the other pass in part, the rest as computed"
        } else {
            "set by hand in part, the rest as computed"
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        self.apply(&self.inner.forward(inputs))
    }

    fn open(&self, inputs: &[&Value], cell: Cell) -> Expr<Leaf> {
        if let Some(number) = self.given(cell) {
            return Expr::Number(number);
        }
        let computed = self.inner.open(inputs, cell);
        let given = self.given_in_row(cell.plane, cell.row);
        if given.is_empty() {
            return computed;
        }
        let one_minus = |terms| Expr::difference(Expr::Number(1.0), Expr::Sum(terms));
        let taken = given.iter().map(|(_, number)| Expr::Number(*number)).collect();
        let had = given.iter().map(|(col, _)| self.inner.open(inputs, Cell { col: *col, ..cell }));
        let factor = Expr::quotient(one_minus(taken), one_minus(had.collect()));
        Expr::Product(vec![factor, computed])
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        self.inner.products(inputs)
    }

    /// The other weights of a row depend on those that are set, so that nothing is said of attention weights.
    fn reached(&self, inputs: &[&Value], of: Leaf) -> Option<Vec<Cell>> {
        if self.are_attention_weights { None } else { self.inner.reached(inputs, of) }
    }

    /// `dL/dw_i = c/S (g_i - sum_j g_j w_j / S)` for the other weights, with `c = 1 - a`, `S = sum_j w_j`; the
    /// gradient of a replaced number is zero.
    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let computed = self.inner.forward(pull.inputs);
        let planes = computed.planes().iter().zip(pull.grad.planes()).enumerate();
        let planes = planes.map(|(p, (w, g))| {
            let is_kept = |row, col| self.given(Cell::new(p, row, col)).is_none();
            let rows: Vec<(f32, f32)> = (0..w.nrows())
                .map(|row| match self.shares_left(w, p, row) {
                    None => (1.0, 0.0),
                    Some((left, had)) => {
                        let kept = (0..w.ncols()).filter(|&col| is_kept(row, col));
                        let sum: f32 = kept.map(|col| g[(row, col)] * w[(row, col)]).sum();
                        (ratio(left, had), ratio(sum, had))
                    }
                })
                .collect();
            Matrix::from_fn(w.nrows(), w.ncols(), |row, col| {
                let (factor, mean) = rows[row];
                if is_kept(row, col) { factor * (g[(row, col)] - mean) } else { 0.0 }
            })
        });
        let grad = Value::from_planes(planes.collect());
        self.inner.backward(&BackwardArgs { output: &computed, grad: &grad, ..*pull })
    }
}
