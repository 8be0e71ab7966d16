//! Disentangled attention (He et al. 2021, *DeBERTa*, section 3.1): what queries look for in a distance, and what a
//! distance looks for in keys.

use std::sync::Arc;

use super::{
    BackwardArgs, Leaf, Node, Operation, Tape,
    by_plane::{ByPlane, all_planes},
    dot, leaf,
};
use crate::engine::{
    arithmetic::Expr,
    math::{matmul, matmul_nt, matmul_tn},
    site::Place,
    value::{Cell, Matrix, Shape, Value},
};

/// The rows of a table that the distances within a text take.
#[derive(Debug, PartialEq, Eq)]
pub struct Distances {
    /// The number of tokens.
    n: usize,
    /// By distance of a query from a key, from `1 - n` to `n - 1`: which of the rows it takes.
    row_of: Vec<usize>,
    /// The rows of the table that are taken, in order.
    rows: Vec<u32>,
}

/// How distances share the rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DistanceBuckets {
    /// Half the number of rows: those for keys before the query, or after it.
    pub span: usize,
    /// From half the span on, distances share rows by their logarithm, up to this one; None where each has a row.
    pub farthest: Option<usize>,
}

impl DistanceBuckets {
    /// The table's row of a query's distance from a key.
    fn row(self, distance: isize) -> usize {
        let bucket = match self.farthest {
            None => distance,
            Some(farthest) => self.bucket(distance, farthest),
        };
        (bucket + self.span as isize).clamp(0, 2 * self.span as isize - 1) as usize
    }

    fn bucket(self, distance: isize, farthest: usize) -> isize {
        let (mid, far) = (self.span / 2, distance.unsigned_abs());
        if far <= mid {
            return distance;
        }
        // In f32, as transformers does.
        let scale = ((farthest - 1) as f32 / mid as f32).ln();
        let bucket = ((far as f32 / mid as f32).ln() / scale * (mid - 1) as f32).ceil() as isize;
        (bucket + mid as isize) * distance.signum()
    }

    /// The rows for a text of `n` tokens.
    pub fn of_text(self, n: usize) -> Distances {
        let far = n as isize - 1;
        let of_each: Vec<usize> = (-far..=far).map(|distance| self.row(distance)).collect();
        let mut rows = of_each.clone();
        rows.sort_unstable();
        rows.dedup();
        let place = |row: &usize| rows.partition_point(|other| other < row);
        Distances {
            n,
            row_of: of_each.iter().map(place).collect(),
            rows: rows.iter().map(|&row| row as u32).collect(),
        }
    }
}

impl Distances {
    /// The rows of the table that are taken, in order.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Which of them stands for the distance of a query from a key.
    fn row(&self, query: usize, key: usize) -> usize {
        self.row_of[query + self.n - 1 - key]
    }
}

/// Whose vector meets that of the distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meets {
    Query,
    Key,
}

impl Tape {
    /// For every query and key, the dot product of one of them with the vector of their distance. x (head, position,
    /// d_k), vectors (head, distance, d_k) -> (head, query, key)
    pub fn dot_by_distance(
        &mut self,
        place: Place,
        x: Node,
        vectors: Node,
        distances: &Arc<Distances>,
        meets: Meets,
    ) -> Node {
        let distances = Arc::clone(distances);
        self.record(place, DotByDistance { distances, meets }, vec![x, vectors])
    }
}

#[derive(Clone)]
struct DotByDistance {
    distances: Arc<Distances>,
    meets: Meets,
}

impl DotByDistance {
    const fn row_of_x(&self, query: usize, key: usize) -> usize {
        match self.meets {
            Meets::Query => query,
            Meets::Key => key,
        }
    }
}

impl ByPlane for DotByDistance {
    fn shape(&self, inputs: &[&Value]) -> Shape {
        let n = self.distances.n;
        Shape { rows: n, cols: n, ..inputs[0].shape() }
    }

    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        let n = self.distances.n;
        let all = matmul_nt(inputs[0].plane(plane), inputs[1].plane(plane)); // (position, distance)
        Matrix::from_fn(n, n, |i, j| all[(self.row_of_x(i, j), self.distances.row(i, j))])
    }

    fn n_operations(&self, inputs: &[&Value]) -> usize {
        self.products(inputs)
    }
}

impl Operation for DotByDistance {
    fn formula(&self) -> &'static str {
        match self.meets {
            Meets::Query => "sum_k q[i,k]*kd[distance(i,j),k]",
            Meets::Key => "sum_k k[j,k]*qd[distance(i,j),k]",
        }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(self.clone()))
    }

    fn open(&self, inputs: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        let (x, distance) = (self.row_of_x(row, col), self.distances.row(row, col));
        let pair = |k| (leaf(0, plane, x, k), leaf(1, plane, distance, k));
        Expr::Sum(dot(inputs[0].shape().cols, pair))
    }

    fn products(&self, inputs: &[&Value]) -> usize {
        inputs[0].shape().len() * inputs[1].shape().rows
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let n = self.distances.n;
        // The gradient of each product of a position and a distance.
        let gathered = |grad: &Matrix| {
            let mut sums = Matrix::zeros(n, self.distances.rows.len());
            for i in 0..n {
                for j in 0..n {
                    sums[(self.row_of_x(i, j), self.distances.row(i, j))] += grad[(i, j)];
                }
            }
            sums
        };
        let sums: Vec<Matrix> = pull.grad.planes().iter().map(gathered).collect();
        let of_planes = |other: usize, product: fn(&Matrix, &Matrix) -> Matrix| {
            let planes = sums.iter().zip(pull.inputs[other].planes());
            Value::from_planes(planes.map(|(sums, other)| product(sums, other)).collect())
        };
        vec![
            pull.for_input(0, || of_planes(1, matmul)),
            pull.for_input(1, || of_planes(0, matmul_tn)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_distances_share_rows_and_the_farthest_have_the_last() {
        let buckets = DistanceBuckets { span: 4, farthest: Some(20) };
        let rows = |distances: &[isize]| -> Vec<usize> {
            distances.iter().map(|&distance| buckets.row(distance)).collect()
        };
        assert_eq!(rows(&[0, 1, 2, 3, 9, 19, 50]), [4, 5, 6, 7, 7, 7, 7]);
        assert_eq!(rows(&[-1, -2, -3, -19]), [3, 2, 1, 1]);
        let distances = buckets.of_text(3);
        assert_eq!(distances.rows(), [2, 3, 4, 5, 6]);
        assert_eq!((distances.row(0, 2), distances.row(2, 0)), (0, 4));
    }
}
