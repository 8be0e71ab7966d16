//! Rows taken from a table: embeddings.

use super::{BackwardArgs, Leaf, Node, Operation, Tape, leaf};
use crate::engine::{
    arithmetic::Expr,
    site::Place,
    value::{Cell, Matrix, Value},
};

impl Tape {
    /// The table's row of each id. table (vocab, channel) -> (position, channel)
    ///
    /// # Panics
    /// If an id is outside the table; loading a model compares tokenizer and table.
    pub fn lookup(&mut self, place: Place, table: Node, ids: &[u32]) -> Node {
        self.lookup_but(place, table, ids, None)
    }

    /// The same, where the row of `unmoved` learns nothing from being taken: PyTorch's `padding_idx`.
    ///
    /// # Panics
    /// As [`Self::lookup`].
    pub fn lookup_but(
        &mut self,
        place: Place,
        table: Node,
        ids: &[u32],
        unmoved: Option<u32>,
    ) -> Node {
        let rows = ids.iter().map(|&id| id as usize).collect();
        let unmoved = unmoved.map(|id| id as usize);
        self.record(place, Lookup { rows, unmoved }, vec![table])
    }
}

struct Lookup {
    rows: Vec<usize>,
    /// The row of the table to which no gradient flows.
    unmoved: Option<usize>,
}

impl Lookup {
    /// The rows taken to which a gradient flows: where they stand, and which of the table's they are.
    fn moved(&self) -> impl Iterator<Item = (usize, usize)> {
        let rows = self.rows.iter().copied().enumerate();
        rows.filter(|(_, row)| Some(*row) != self.unmoved)
    }
}

impl Operation for Lookup {
    fn formula(&self) -> &'static str {
        "E[token,j]"
    }

    fn forward(&self, inputs: &[&Value]) -> Value {
        let mut rows = Matrix::zeros(inputs[0].shape().cols, self.rows.len());
        for (mut column, &id) in rows.column_iter_mut().zip(&self.rows) {
            column.copy_from_slice(&inputs[0].row(0, id));
        }
        rows.transpose().into()
    }

    fn open(&self, _: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        leaf(0, 0, self.rows[row], col)
    }

    fn reached(
        &self,
        _: &[&Value],
        Leaf { cell: Cell { row, col, .. }, .. }: Leaf,
    ) -> Option<Vec<Cell>> {
        let taken = self.moved().filter(|(_, taken)| *taken == row);
        Some(taken.map(|(i, _)| Cell::new(0, i, col)).collect())
    }

    fn backward(&self, pull: &BackwardArgs) -> Vec<Option<Value>> {
        let scatter = || {
            let mut table = Value::zeros(pull.inputs[0].shape());
            for (r, id) in self.moved() {
                let row: Value = pull.grad.matrix().rows(r, 1).into_owned().into();
                let mut sum = table.part(Cell::new(0, id, 0), row.shape());
                sum.add_assign(&row);
                table.put(Cell::new(0, id, 0), &sum);
            }
            table
        };
        vec![pull.for_input(0, scatter)]
    }
}
