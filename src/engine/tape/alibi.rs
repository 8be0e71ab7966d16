//! Attention with linear biases (Press, Smith and Lewis 2022): a head's scores fall with the distance of the key, each
//! head's by a slope of its own.

use std::sync::Arc;

use super::{
    BackwardArgs, Leaf, Node, Operation, Tape,
    by_plane::{ByPlane, all_planes},
};
use crate::engine::{
    arithmetic::Expr,
    change::Part,
    site::Place,
    value::{Cell, Matrix, Shape, Value},
};

impl Tape {
    /// `-slope[h] * (query - key)`, for each head and pair of scores of this shape. -> (head, query, key)
    pub fn distance_bias(&mut self, place: Place, slopes: &Arc<[f32]>, scores: Shape) -> Node {
        let Shape { rows: n_queries, cols: n_keys, .. } = scores;
        let is_off = self.changes.is_off(&place, Part::Positions);
        let slopes = Arc::clone(slopes);
        let bias = DistanceBias { slopes, first: self.n_past(), n_queries, n_keys, is_off };
        self.record(place, bias, vec![])
    }
}

#[derive(Clone)]
struct DistanceBias {
    /// One a head.
    slopes: Arc<[f32]>,
    /// The position of the first query.
    first: usize,
    n_queries: usize,
    n_keys: usize,
    /// Whether positions are off; the bias is then zero.
    is_off: bool,
}

impl DistanceBias {
    /// How far the key lies after the query.
    fn distance(&self, row: usize, key: usize) -> f32 {
        key as f32 - (self.first + row) as f32
    }
}

impl ByPlane for DistanceBias {
    fn shape(&self, _: &[&Value]) -> Shape {
        Shape { planes: self.slopes.len(), rows: self.n_queries, cols: self.n_keys }
    }

    fn plane(&self, _: &[&Value], plane: usize) -> Matrix {
        let slope = self.slopes[plane];
        let number = |row, key| if self.is_off { 0.0 } else { slope * self.distance(row, key) };
        Matrix::from_fn(self.n_queries, self.n_keys, number)
    }
}

impl Operation for DistanceBias {
    fn formula(&self) -> &'static str {
        if self.is_off { "0: positions are off" } else { "slope[h] * (key - query)" }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(self.clone()))
    }

    fn open(&self, _: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        if self.is_off {
            return Expr::Number(0.0);
        }
        let distance = Expr::Number(self.distance(row, col));
        Expr::Product(vec![Expr::Number(self.slopes[plane]), distance])
    }

    fn backward(&self, _: &BackwardArgs) -> Vec<Option<Value>> {
        vec![]
    }
}
