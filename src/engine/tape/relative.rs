//! Relative positions: a learned bias for each distance between query and key, added to their score (Shaw et al.
//! 2018); large distances share buckets of growing width (Raffel et al. 2020, section 2.1).

use std::sync::Arc;

use super::{
    BackwardArgs, Leaf, Node, Operation, Tape,
    by_plane::{ByPlane, all_planes},
    leaf,
};
use crate::engine::{
    arithmetic::Expr,
    change::Part,
    site::Place,
    value::{Cell, Matrix, Shape, Value, blank},
};

/// The assignment of distances to buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// The number of buckets; if two-sided, half of them are for keys after the query.
    pub n: usize,
    /// From this distance on, every distance is in the last bucket.
    pub farthest: usize,
    pub is_two_sided: bool,
}

impl Buckets {
    /// The bucket of a query and a key. Half the buckets of a side hold one distance each, the others grow with its
    /// logarithm. Computed in f32 in PyTorch's order, so that distances at a boundary get the same bucket as in
    /// training.
    fn of(self, query: usize, key: usize) -> usize {
        let n = if self.is_two_sided { self.n / 2 } else { self.n };
        let is_after = key > query;
        let (first, distance) = match (self.is_two_sided, is_after) {
            (true, true) => (n, key - query),
            (false, true) => (0, 0),
            (_, false) => (0, query - key),
        };
        let exact = n / 2;
        if distance < exact {
            return first + distance;
        }
        let octaves = (self.farthest as f64 / exact as f64).ln() as f32;
        let share = (distance as f32 / exact as f32).ln() / octaves;
        first + (exact + (share * (n - exact) as f32) as usize).min(n - 1)
    }
}

impl Tape {
    /// The bias that each head adds to the score of each pair of scores of this shape. table (bucket, head) -> (head,
    /// query, key)
    pub fn relative_bias(
        &mut self,
        place: Place,
        table: Node,
        scores: Shape,
        buckets: Buckets,
    ) -> Node {
        let Shape { rows: n_queries, cols: n_keys, .. } = scores;
        let is_off = self.changes.is_off(&place, Part::Positions);
        let bias = RelativeBias { buckets, first: self.n_past(), n_queries, n_keys, is_off };
        self.record(place, bias, vec![table])
    }
}

#[derive(Clone, Copy)]
struct RelativeBias {
    buckets: Buckets,
    /// The position of the first query.
    first: usize,
    n_queries: usize,
    n_keys: usize,
    /// Whether positions are off; the bias is then zero.
    is_off: bool,
}

impl RelativeBias {
    fn bucket(&self, row: usize, key: usize) -> usize {
        self.buckets.of(self.first + row, key)
    }

    /// The bucket of every diagonal: all pairs of one have the same distance.
    fn by_diagonal(&self) -> Vec<usize> {
        let zero = self.first + self.n_queries.saturating_sub(1);
        let bucket = |d: usize| self.buckets.of(zero.saturating_sub(d), d.saturating_sub(zero));
        (0..(self.n_queries + self.n_keys).saturating_sub(1)).map(bucket).collect()
    }

    /// The diagonal of a pair, counted from that of the last query and the first key.
    const fn diagonal(&self, row: usize, key: usize) -> usize {
        key + self.n_queries - 1 - row
    }
}

impl ByPlane for RelativeBias {
    fn shape(&self, inputs: &[&Value]) -> Shape {
        Shape { planes: inputs[0].shape().cols, rows: self.n_queries, cols: self.n_keys }
    }

    fn plane(&self, inputs: &[&Value], plane: usize) -> Matrix {
        if self.is_off {
            return Matrix::zeros(self.n_queries, self.n_keys);
        }
        let table = inputs[0].matrix();
        let bias = |bucket: usize| table[(bucket, plane)];
        // A column is a run of diagonals, from that of the first query down.
        let biases: Vec<f32> = self.by_diagonal().into_iter().rev().map(bias).collect();
        let mut out = blank(self.n_queries, self.n_keys);
        for (key, mut column) in out.column_iter_mut().enumerate() {
            column.copy_from_slice(&biases[self.n_keys - 1 - key..][..self.n_queries]);
        }
        out
    }
}

impl Operation for RelativeBias {
    fn formula(&self) -> &'static str {
        if self.is_off { "0: positions are off" } else { "table[bucket of key - query, head]" }
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        all_planes(self, inputs)
    }

    fn by_plane(&self) -> Option<Arc<dyn ByPlane>> {
        Some(Arc::new(*self))
    }

    fn open(&self, _: &[&Value], Cell { plane, row, col }: Cell) -> Expr<Leaf> {
        if self.is_off { Expr::Number(0.0) } else { leaf(0, 0, self.bucket(row, col), plane) }
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let gathered = || {
            let shape = pull.inputs[0].shape();
            let mut table = Matrix::zeros(shape.rows, shape.cols);
            if self.is_off {
                return table.into();
            }
            let buckets = self.by_diagonal();
            for (head, plane) in pull.grad.planes().iter().enumerate() {
                let mut sums = vec![0.0_f64; buckets.len()];
                for (key, column) in plane.column_iter().enumerate() {
                    for (row, &slope) in column.iter().enumerate() {
                        sums[self.diagonal(row, key)] += f64::from(slope);
                    }
                }
                for (&bucket, sum) in buckets.iter().zip(sums) {
                    table[(bucket, head)] += sum as f32;
                }
            }
            table.into()
        };
        vec![pull.for_input(0, gathered)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_a_diagonal_share_a_bucket() {
        for (first, is_two_sided) in [(0, true), (0, false), (7, true), (7, false)] {
            let buckets = Buckets { n: 8, farthest: 20, is_two_sided };
            let bias = RelativeBias { buckets, first, n_queries: 30, n_keys: 41, is_off: false };
            let by_diagonal = bias.by_diagonal();
            for (row, key) in (0..30).flat_map(|row| (0..41).map(move |key| (row, key))) {
                assert_eq!(by_diagonal[bias.diagonal(row, key)], bias.bucket(row, key));
            }
        }
    }

    #[test]
    fn near_distances_have_buckets_of_their_own_and_far_ones_share() {
        let sides = Buckets { n: 32, farthest: 128, is_two_sided: true };
        let at = |distance: usize| (sides.of(200, 200 - distance), sides.of(200, 200 + distance));
        assert_eq!(at(0), (0, 0));
        assert_eq!((at(7), at(8)), ((7, 23), (8, 24)));
        assert_eq!((at(11), at(12), at(16)), ((8, 24), (9, 25), (10, 26)));
        assert_eq!((at(91), at(128), at(200)), ((15, 31), (15, 31), (15, 31)));
        let past = Buckets { is_two_sided: false, ..sides };
        assert_eq!((past.of(5, 9), past.of(20, 5), past.of(150, 0)), (0, 15, 31));
    }
}
