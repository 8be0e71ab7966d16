//! Experts in groups: each row chooses groups first, then experts within them, so that a token's experts lie on few
//! machines (DeepSeek-AI 2024, *DeepSeek-V2*, section 2.2.2).

use super::{BackwardArgs, Leaf, Node, Operation, Tape};
use crate::engine::{
    arithmetic::Expr,
    site::Place,
    value::{Cell, Matrix, Value},
};

/// How groups of experts are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpertGroups {
    /// How many groups there are; they are of equal size.
    pub n: usize,
    /// How many of them each row chooses from.
    pub k: usize,
    /// How many of a group's largest scores are summed for the group's: 1 in DeepSeek-V2, 2 in V3.
    pub summed: usize,
}

impl ExpertGroups {
    /// The groups of a row that are chosen; of equals the first.
    fn chosen(self, scores: &Matrix, row: usize) -> Vec<usize> {
        let size = scores.ncols() / self.n;
        let score = |group: usize| -> f32 {
            let mut of_group: Vec<f32> =
                (0..size).map(|i| scores[(row, group * size + i)]).collect();
            of_group.sort_by(|a, b| b.total_cmp(a));
            of_group.iter().take(self.summed).sum()
        };
        let scores: Vec<f32> = (0..self.n).map(score).collect();
        let mut order: Vec<usize> = (0..self.n).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        order.truncate(self.k);
        order
    }

    /// Whether each expert of a row is in a group that is chosen.
    fn are_in(self, scores: &Matrix, row: usize) -> Vec<bool> {
        let (size, chosen) = (scores.ncols() / self.n, self.chosen(scores, row));
        (0..scores.ncols()).map(|expert| chosen.contains(&(expert / size))).collect()
    }

    /// The numbers of experts in groups that are chosen, and another number for the others.
    fn within(self, scores: &Matrix, numbers: &Matrix, else_: f32) -> Matrix {
        let mut out = numbers.clone();
        for row in 0..out.nrows() {
            for (expert, is_in) in self.are_in(scores, row).into_iter().enumerate() {
                if !is_in {
                    out[(row, expert)] = else_;
                }
            }
        }
        out
    }
}

impl Tape {
    /// The scores of experts in chosen groups, minus infinity for the others. The shape is that of `scores`. (row,
    /// expert)
    pub fn within_groups(&mut self, place: Place, scores: Node, groups: ExpertGroups) -> Node {
        self.record(place, WithinGroups { groups }, vec![scores])
    }
}

struct WithinGroups {
    groups: ExpertGroups,
}

impl Operation for WithinGroups {
    fn formula(&self) -> &'static str {
        "s[i,e] if e is in a chosen group, else -inf"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let scores = inputs[0].matrix();
        self.groups.within(scores, scores, f32::NEG_INFINITY).into()
    }

    fn open(&self, inputs: &[&Value], cell: Cell) -> Expr<Leaf> {
        if self.groups.are_in(inputs[0].matrix(), cell.row)[cell.col] {
            Expr::Leaf(Leaf { input: 0, cell })
        } else {
            Expr::Number(f32::NEG_INFINITY)
        }
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let scores = pull.inputs[0].matrix();
        vec![pull.for_input(0, || self.groups.within(scores, pull.grad.matrix(), 0.0).into())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_counts_by_its_best_or_by_its_two_best() {
        let scores = Matrix::from_row_slice(1, 6, &[0.9, 0.0, 0.6, 0.5, 0.1, 0.3]);
        let chosen = |summed| ExpertGroups { n: 3, k: 1, summed }.chosen(&scores, 0);
        assert_eq!((chosen(1), chosen(2)), (vec![0], vec![1]));
    }
}
