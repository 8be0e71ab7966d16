//! Changes of shape: heads concatenated to columns, columns cut to heads, blocks assembled to a grid.

use std::sync::Arc;

use super::{
    BackwardArgs, Leaf, Node, Operation, Tape,
    by_plane::{ByPlane, all_planes},
    columns::{join_columns, split_columns},
    leaf,
};
use crate::engine::{
    arithmetic::Expr,
    site::Place,
    value::{Cell, Matrix, Shape, Value},
};

impl Tape {
    /// The heads concatenated. (head, row, d_k) -> (row, head*d_k)
    pub fn concat_heads(&mut self, place: Place, x: Node) -> Node {
        self.record(place, ConcatHeads, vec![x])
    }

    /// The same value at another place.
    pub fn identity(&mut self, place: Place, x: Node) -> Node {
        self.record(place, HandOn, vec![x])
    }

    /// Every head's own columns, then those that all heads share. own (head, row, own), shared (row, shared) -> (head,
    /// row, own + shared)
    pub fn join_shared(&mut self, place: Place, own: Node, shared: Node) -> Node {
        self.record(place, JoinShared, vec![own, shared])
    }

    /// Columns from `first` on as planes of equal width. x (row, col) -> (plane, row, width)
    pub fn cut(&mut self, place: Place, x: Node, first: usize, planes: Planes) -> Node {
        self.record(place, Cut { first, planes }, vec![x])
    }

    /// The planes in `n_groups` groups, those of a group side by side.
    /// (head, row, col) -> (group, row, heads of a group * col)
    pub fn regroup(&mut self, place: Place, x: Node, n_groups: usize) -> Node {
        self.record(place, Regroup { n_groups }, vec![x])
    }

    /// One-plane blocks assembled to a matrix, `n_cols` blocks per row; blocks of a row have equal heights.
    pub fn grid(&mut self, place: Place, blocks: Vec<Node>, n_cols: usize) -> Node {
        self.record(place, Grid { n_cols }, blocks)
    }
}

#[derive(Clone, Copy)]
struct HandOn;

impl ByPlane for HandOn {
    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        inputs[0].passing_plane(plane).into_owned()
    }
}

impl Operation for HandOn {
    fn formula(&self) -> &'static str {
        "handed on unchanged"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, _: &[&Value], cell: Cell) -> Expr<Leaf> {
        Expr::Leaf(Leaf { input: 0, cell })
    }

    fn reached(&self, _: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        Some(vec![cell])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        vec![pull.for_input(0, || pull.grad.clone())]
    }
}

struct ConcatHeads;

impl Operation for ConcatHeads {
    fn formula(&self) -> &'static str {
        "context[head, i, k], heads side by side"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        join_columns(inputs[0]).into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let width = inputs[0].shape().cols;
        leaf(0, col / width, row, col % width)
    }

    fn reached(&self, inputs: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        let width = inputs[0].shape().cols;
        Some(vec![Cell::new(0, cell.row, cell.plane * width + cell.col)])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let n_heads = pull.inputs[0].shape().planes;
        vec![pull.for_input(0, || split_columns(pull.grad.matrix(), n_heads))]
    }
}

struct JoinShared;

impl Operation for JoinShared {
    fn formula(&self) -> &'static str {
        "own[h,i,j], then shared[i,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let shared = inputs[1].matrix();
        inputs[0].map_planes(|own| {
            let numbers = own.iter().chain(shared.iter()).copied();
            Matrix::from_iterator(own.nrows(), own.ncols() + shared.ncols(), numbers)
        })
    }

    fn open(&self, inputs: &[&Value], cell: Cell) -> Expr<Leaf> {
        match cell.col.checked_sub(inputs[0].shape().cols) {
            None => Expr::Leaf(Leaf { input: 0, cell }),
            Some(col) => leaf(1, 0, cell.row, col),
        }
    }

    fn reached(&self, inputs: &[&Value], Leaf { input, cell }: Leaf) -> Option<Vec<Cell>> {
        let Shape { planes, cols, .. } = inputs[0].shape();
        Some(match input {
            0 => vec![cell],
            _ => (0..planes).map(|p| Cell::new(p, cell.row, cols + cell.col)).collect(),
        })
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (own, shared) = (pull.inputs[0].shape().cols, pull.inputs[1].shape());
        let part = |grad: &Matrix| grad.columns(own, shared.cols).into_owned();
        let for_shared = || {
            let zeros = Matrix::zeros(shared.rows, shared.cols);
            pull.grad.planes().iter().map(part).fold(zeros, |sum, part| sum + part).into()
        };
        vec![
            pull.for_input(0, || pull.grad.map_planes(|grad| grad.columns(0, own).into_owned())),
            pull.for_input(1, for_shared),
        ]
    }
}

/// How many planes columns are cut into, and how wide each is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planes {
    pub n: usize,
    pub width: usize,
}

struct Cut {
    first: usize,
    planes: Planes,
}

impl Operation for Cut {
    fn formula(&self) -> &'static str {
        "columns of x, head by head"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let Planes { n, width } = self.planes;
        let columns = inputs[0].matrix().columns(self.first, n * width).into_owned();
        split_columns(&columns, n)
    }

    fn open(&self, _: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        leaf(0, 0, row, self.first + plane * self.planes.width + col)
    }

    fn reached(
        &self,
        _: &[&Value],
        Leaf { cell: Cell { row, col, .. }, .. }: Leaf,
    ) -> Option<Vec<Cell>> {
        let Planes { n, width } = self.planes;
        let among = col.checked_sub(self.first).filter(|among| *among < n * width);
        Some(among.map(|col| Cell::new(col / width, row, col % width)).into_iter().collect())
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let whole = || {
            let mut whole = Value::zeros(pull.inputs[0].shape());
            whole.put(Cell::new(0, 0, self.first), &join_columns(pull.grad).into());
            whole
        };
        vec![pull.for_input(0, whole)]
    }
}

struct Regroup {
    n_groups: usize,
}

impl Operation for Regroup {
    fn formula(&self) -> &'static str {
        "the heads of a group side by side"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        split_columns(&join_columns(inputs[0]), self.n_groups)
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let Shape { planes, cols, .. } = inputs[0].shape();
        leaf(0, plane * (planes / self.n_groups) + col / cols, row, col % cols)
    }

    fn reached(&self, inputs: &[&Value], Leaf { cell, .. }: Leaf) -> Option<Vec<Cell>> {
        let Shape { planes, cols, .. } = inputs[0].shape();
        let n_together = planes / self.n_groups;
        let (group, among) = (cell.plane / n_together, cell.plane % n_together);
        Some(vec![Cell::new(group, cell.row, among * cols + cell.col)])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let n_heads = pull.inputs[0].shape().planes;
        vec![pull.for_input(0, || split_columns(&join_columns(pull.grad), n_heads))]
    }
}

struct Grid {
    n_cols: usize,
}

impl Grid {
    /// The first cell of every block.
    fn origins(&self, inputs: &[&Value]) -> Vec<Cell> {
        let mut origins = Vec::with_capacity(inputs.len());
        let mut row = 0;
        for blocks in inputs.chunks(self.n_cols) {
            let mut col = 0;
            for block in blocks {
                origins.push(Cell::new(0, row, col));
                col += block.shape().cols;
            }
            row += blocks[0].shape().rows;
        }
        origins
    }

    fn shape(&self, inputs: &[&Value]) -> Shape {
        let cols = inputs.iter().take(self.n_cols).map(|b| b.shape().cols).sum();
        let rows = inputs.iter().step_by(self.n_cols).map(|b| b.shape().rows).sum();
        Shape { planes: 1, rows, cols }
    }
}

impl Operation for Grid {
    fn formula(&self) -> &'static str {
        "parts side by side"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let mut out = Value::zeros(self.shape(inputs));
        for (origin, block) in self.origins(inputs).into_iter().zip(inputs) {
            out.put(origin, block);
        }
        out
    }

    fn open(&self, inputs: &[&Value], cell: Cell) -> Expr<Leaf> {
        let origins = self.origins(inputs);
        let holds = |i: &usize| origins[*i].row <= cell.row && origins[*i].col <= cell.col;
        let i = (0..inputs.len()).rev().find(holds).unwrap_or(0);
        leaf(i, 0, cell.row - origins[i].row, cell.col - origins[i].col)
    }

    fn reached(&self, inputs: &[&Value], Leaf { input, cell }: Leaf) -> Option<Vec<Cell>> {
        let origin = self.origins(inputs)[input];
        Some(vec![Cell::new(0, origin.row + cell.row, origin.col + cell.col)])
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let origins = self.origins(pull.inputs);
        (0..pull.inputs.len())
            .map(|i| pull.for_input(i, || pull.grad.part(origins[i], pull.inputs[i].shape())))
            .collect()
    }
}
