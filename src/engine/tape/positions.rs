//! Position embeddings: sines and cosines (Vaswani et al. 2017, section 3.5), computed from the position alone, or
//! rows of a learned table (Gehring et al. 2017).

use super::{BackwardArgs, Leaf, Node, Operation, Tape};
use crate::engine::{
    arithmetic::{Expr, Function},
    change::Part,
    math::{Waves, sinusoidal_positions},
    site::Place,
    value::{Cell, Matrix, Value},
};

impl Tape {
    /// Sines and cosines of `pos / 10000^(2i/d_model)`; zeros if positions are off. -> (position, d_model)
    pub fn positions(
        &mut self,
        place: Place,
        waves: Waves,
        n_positions: usize,
        d_model: usize,
    ) -> Node {
        let first = self.n_past();
        self.positions_of(place, waves, (first..first + n_positions).map(Some), d_model)
    }

    /// The same of given positions; a row of zeros where there is none.
    pub fn positions_of(
        &mut self,
        place: Place,
        waves: Waves,
        positions: impl IntoIterator<Item = Option<usize>>,
        d_model: usize,
    ) -> Node {
        let is_off = self.changes.is_off(&place, Part::Positions);
        let of_rows = positions.into_iter().collect();
        self.record(place, Positions { waves, of_rows, d_model, is_off }, vec![])
    }

    /// The table's rows for `n` positions from row `offset` on. table (position, channel) -> (position, channel)
    ///
    /// # Panics
    /// If the table is too short; models limit the length of a text to their table.
    pub fn learned_positions(
        &mut self,
        place: Place,
        table: Node,
        n_positions: usize,
        offset: usize,
    ) -> Node {
        let first = offset + self.n_past();
        let rows: Vec<u32> = (first..first + n_positions).map(|row| row as u32).collect();
        self.positions_in_rows(place, table, &rows, None)
    }

    /// The table's row of each token; see [`Self::lookup_but`]. table (position, channel) -> (position, channel)
    ///
    /// # Panics
    /// As [`Self::learned_positions`].
    pub fn positions_in_rows(
        &mut self,
        place: Place,
        table: Node,
        rows: &[u32],
        unmoved: Option<u32>,
    ) -> Node {
        if self.changes.is_off(&place, Part::Positions) {
            let d_model = self.shape(table).cols;
            let nowhere = rows.iter().map(|_| None);
            return self.positions_of(place, Waves::Alternating, nowhere, d_model);
        }
        self.lookup_but(place, table, rows, unmoved)
    }
}

struct Positions {
    waves: Waves,
    /// The position of each row.
    of_rows: Vec<Option<usize>>,
    d_model: usize,
    /// Whether positions are off; the rows are then zero.
    is_off: bool,
}

impl Operation for Positions {
    fn formula(&self) -> &'static str {
        if self.is_off {
            "0: positions are off"
        } else if self.waves == Waves::Alternating {
            "sin(pos / 10000^(2i/d_model)), cos in odd columns"
        } else if self.waves == Waves::Halves {
            "sin(pos / 10000^(2i/d_model)), cos in the second half of the columns"
        } else {
            "sin((pos+2) / 10000^(i/(d_model/2-1))), cos in the second half of the columns"
        }
    }

    fn forward(&self, _: &[&Value]) -> Value {
        let mut out = Matrix::zeros(self.of_rows.len(), self.d_model);
        for (mut row, position) in out.row_iter_mut().zip(&self.of_rows) {
            if let Some(position) = position.filter(|_| !self.is_off) {
                row.copy_from(&sinusoidal_positions(self.waves, position, 1, self.d_model));
            }
        }
        out.into()
    }

    fn open(&self, _: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        let Some(position) = self.of_rows[row].filter(|_| !self.is_off) else {
            return Expr::Number(0.0);
        };
        let divisor = self.waves.divisor(col, self.d_model) as f32;
        let position = self.waves.first() + position;
        let angle = Expr::quotient(Expr::Number(position as f32), Expr::Number(divisor));
        let (is_sine, _) = self.waves.of(col, self.d_model);
        Expr::call(if is_sine { Function::Sin } else { Function::Cos }, angle)
    }

    fn backward(&self, _: &BackwardArgs) -> Vec<Option<Value>> {
        vec![]
    }
}
