//! Matrix products, plane by plane, and logits: rows times a table.

use std::sync::Arc;

use rayon::prelude::*;

use super::{
    BackwardArgs, Leaf, Node, Operation, Tape,
    back::back,
    by_plane::{ByPlane, all_planes},
    column_of,
    columns::column_sums,
    dot, leaf, n_multiplications, row_of,
};
use crate::engine::{
    arithmetic::Expr,
    math::{least_tasks, matmul, matmul_nt, matmul_tn, times_transposed},
    site::Place,
    value::{Cell, Lines, Matrix, Plane, Shape, Value},
};

impl Tape {
    /// `a b`, plane by plane. If b has fewer planes, neighbouring planes of a share one: grouped-query attention
    /// (Ainslie et al. 2023). (plane, row, k) (plane, k, col) -> (plane, row, col)
    pub fn matmul(&mut self, place: Place, a: Node, b: Node) -> Node {
        self.record(place, MatMul, vec![a, b])
    }

    /// `a bᵀ`, plane by plane, shared as in [`Self::matmul`]. (plane, row, k) (plane, col, k) -> (plane, row, col)
    pub fn matmul_nt(&mut self, place: Place, a: Node, b: Node) -> Node {
        self.record(place, MatMulNt, vec![a, b])
    }

    /// `x Eᵀ + b`: logits with a bias. x (row, k), E (out, k), b (1, out) -> (row, out)
    pub fn linear_nt(&mut self, place: Place, x: Node, e: Node, b: Node) -> Node {
        self.record(place, LinearNt, vec![x, e, b])
    }
}

fn zip_planes(a: &Value, b: &Value, f: impl Fn(&Matrix, &Matrix) -> Matrix + Sync) -> Value {
    let n_operations = a.shape().len() * b.shape().rows.max(b.shape().cols);
    let least = least_tasks(a.shape().planes, n_operations);
    let planes = a.planes().par_iter().enumerate().with_min_len(least);
    Value::from_planes(planes.map(|(p, plane)| f(plane, b.plane(shared(p, a, b)))).collect())
}

/// The planes that make a plane of a product.
fn factors<'a>(inputs: &[&'a Value], plane: usize) -> [Plane<'a>; 2] {
    let (a, b) = (inputs[0], inputs[1]);
    [a.passing_plane(plane), b.passing_plane(shared(plane, a, b))]
}

/// The plane of `b` that plane p of `a` is multiplied by.
fn shared(p: usize, a: &Value, b: &Value) -> usize {
    p * b.shape().planes / a.shape().planes
}

/// The cells of a product with `n_columns` columns that a cell of a factor flows into: of the left one a row, of the right
/// one column `col` of every plane that shares it.
fn reached(
    inputs: &[&Value],
    Leaf { input, cell }: Leaf,
    n_columns: usize,
    col: usize,
) -> Vec<Cell> {
    if input == 0 {
        return row_of(cell.plane, cell.row, n_columns);
    }
    let n_rows = inputs[0].shape().rows;
    let planes = sharing(cell.plane, inputs[0], inputs[1]);
    planes.flat_map(|plane| column_of(plane, n_rows, col)).collect()
}

/// The planes of `a` that are multiplied by plane `of` of `b`.
fn sharing(of: usize, a: &Value, b: &Value) -> impl Iterator<Item = usize> {
    (0..a.shape().planes).filter(move |p| shared(*p, a, b) == of)
}

/// The gradient of each plane of `b`: the sum over the planes of `a` that share it.
fn zip_back(a: &Value, b: &Value, grad: &Value, f: impl Fn(&Matrix, &Matrix) -> Matrix) -> Value {
    let mut sums: Vec<Matrix> = vec![];
    for (p, (plane, grad)) in a.planes().iter().zip(grad.planes()).enumerate() {
        let of_plane = f(plane, grad);
        match sums.get_mut(shared(p, a, b)) {
            Some(sum) => *sum += of_plane,
            None => sums.push(of_plane),
        }
    }
    Value::from_planes(sums)
}

#[derive(Clone, Copy)]
struct MatMul;

impl ByPlane for MatMul {
    fn shape(&self, inputs: &[&Value]) -> Shape {
        Shape { cols: inputs[1].shape().cols, ..inputs[0].shape() }
    }

    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        let [a, b] = factors(inputs, plane);
        matmul(&a, &b)
    }

    fn n_operations(&self, inputs: &[&Value]) -> usize {
        self.products(inputs)
    }
}

impl Operation for MatMul {
    fn formula(&self) -> &'static str {
        "sum_k a[i,k]*b[k,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().cols;
        let other = shared(plane, inputs[0], inputs[1]);
        Expr::Sum(dot(n, |k| (leaf(0, plane, row, k), leaf(1, other, k, col))))
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        n_multiplications(inputs[0].shape().len(), inputs[1].shape().cols)
    }

    fn reached(&self, inputs: &[&Value], of: Leaf) -> Option<Vec<Cell>> {
        Some(reached(inputs, of, inputs[1].shape().cols, of.cell.col))
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (a, b) = (pull.inputs[0], pull.inputs[1]);
        vec![
            pull.for_input(0, || zip_planes(pull.grad, b, matmul_nt)),
            pull.for_input(1, || zip_back(a, b, pull.grad, matmul_tn)),
        ]
    }
}

#[derive(Clone, Copy)]
struct MatMulNt;

impl ByPlane for MatMulNt {
    fn shape(&self, inputs: &[&Value]) -> Shape {
        Shape { cols: inputs[1].shape().rows, ..inputs[0].shape() }
    }

    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        let [a, b] = factors(inputs, plane);
        matmul_nt(&a, &b)
    }

    fn n_operations(&self, inputs: &[&Value]) -> usize {
        self.products(inputs)
    }
}

impl Operation for MatMulNt {
    fn formula(&self) -> &'static str {
        "sum_k a[i,k]*b[j,k]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        if inputs[1].as_stored().is_some() {
            return times_transposed(inputs[0].matrix(), inputs[1], None).into();
        }
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().cols;
        let other = shared(plane, inputs[0], inputs[1]);
        Expr::Sum(dot(n, |k| (leaf(0, plane, row, k), leaf(1, other, col, k))))
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        n_multiplications(inputs[0].shape().len(), inputs[1].shape().rows)
    }

    fn reached(&self, inputs: &[&Value], of: Leaf) -> Option<Vec<Cell>> {
        Some(reached(inputs, of, inputs[1].shape().rows, of.cell.row))
    }

    fn slope(
        &self,
        inputs: &[&Value],
        cell: Cell,
        Leaf { input, cell: of }: Leaf,
    ) -> Option<Expr<Leaf>> {
        Some(match input {
            0 => leaf(1, shared(cell.plane, inputs[0], inputs[1]), cell.col, of.col),
            _ => leaf(0, cell.plane, cell.row, of.col),
        })
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let (a, b) = (pull.inputs[0], pull.inputs[1]);
        vec![
            pull.for_input(0, || match b.as_stored() {
                Some(_) => back(pull.grad.matrix(), b, Lines::Columns).into(),
                None => zip_planes(pull.grad, b, matmul),
            }),
            pull.for_input(1, || zip_back(a, b, pull.grad, |a, grad| matmul_tn(grad, a))),
        ]
    }
}

/// [`MatMulNt`] plus a bias.
struct LinearNt;

impl Operation for LinearNt {
    fn formula(&self) -> &'static str {
        "sum_k x[i,k]*E[j,k] + b[j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        times_transposed(inputs[0].matrix(), inputs[1], Some(inputs[2].matrix())).into()
    }

    fn open(&self, inputs: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let n = inputs[0].shape().cols;
        let mut terms = dot(n, |k| (leaf(0, 0, row, k), leaf(1, 0, col, k)));
        terms.push(leaf(2, 0, 0, col));
        Expr::Sum(terms)
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        MatMulNt.products(inputs)
    }

    fn reached(&self, inputs: &[&Value], of: Leaf) -> Option<Vec<Cell>> {
        match of.input {
            2 => Some(column_of(0, inputs[0].shape().rows, of.cell.col)),
            _ => MatMulNt.reached(inputs, of),
        }
    }

    fn slope(&self, inputs: &[&Value], cell: Cell, of: Leaf) -> Option<Expr<Leaf>> {
        if of.input == 2 { Some(Expr::Number(1.0)) } else { MatMulNt.slope(inputs, cell, of) }
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let mut grads = MatMulNt.backward(pull);
        grads.push(pull.for_input(2, || column_sums(pull.grad.matrix()).into()));
        grads
    }
}
