//! Position embeddings: sines and cosines (Vaswani et al. 2017, section 3.5), computed from the position alone, or
//! rows of a learned table (Gehring et al. 2017).

use super::{BackwardArgs, Leaf, Node, Operation, Tape};
use crate::engine::{
    arithmetic::{Expr, Function},
    change::Part,
    math::{Waves, sinusoidal_positions},
    site::Place,
    value::{Cell, Value},
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
        let is_off = self.changes.is_off(&place, Part::Positions);
        let first = self.n_past();
        self.record(place, Positions { waves, first, n_rows: n_positions, d_model, is_off }, vec![])
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
        self.positions_in_rows(place, table, &rows)
    }

    /// The table's row of each token. table (position, channel) -> (position, channel)
    ///
    /// # Panics
    /// As [`Self::learned_positions`].
    pub fn positions_in_rows(&mut self, place: Place, table: Node, rows: &[u32]) -> Node {
        if self.changes.is_off(&place, Part::Positions) {
            let d_model = self.shape(table).cols;
            let (waves, n_rows) = (Waves::Alternating, rows.len());
            let none = Positions { waves, first: 0, n_rows, d_model, is_off: true };
            return self.record(place, none, vec![]);
        }
        self.lookup(place, table, rows)
    }
}

struct Positions {
    waves: Waves,
    /// The position of the first row.
    first: usize,
    n_rows: usize,
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
        let positions = sinusoidal_positions(self.waves, self.first, self.n_rows, self.d_model);
        if self.is_off { (positions * 0.0).into() } else { positions.into() }
    }

    fn open(&self, _: &[&Value], Cell { row, col, .. }: Cell) -> Expr<Leaf> {
        if self.is_off {
            return Expr::Number(0.0);
        }
        let divisor = self.waves.divisor(col, self.d_model) as f32;
        let position = self.waves.first() + self.first + row;
        let angle = Expr::quotient(Expr::Number(position as f32), Expr::Number(divisor));
        let (is_sine, _) = self.waves.of(col, self.d_model);
        Expr::call(if is_sine { Function::Sin } else { Function::Cos }, angle)
    }

    fn backward(&self, _: &BackwardArgs) -> Vec<Option<Value>> {
        vec![]
    }
}
