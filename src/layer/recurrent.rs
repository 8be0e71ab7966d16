//! Recurrent cells: Elman (1990) and GRU (Cho et al. 2014, in PyTorch's form). One call, one word.

use anyhow::Result;

use crate::{
    checkpoint::Weights,
    site::{
        Axis::{Position, Unit},
        Scope, Site,
    },
    tape::{GateWeights, Node, Tape, Weight},
};

pub static RESET_SUM: Site = Site::matrix("reset_sum", [Position, Unit], "x W_xr + h W_hr + b_r");
pub static RESET: Site =
    Site::matrix("reset", [Position, Unit], "reset gate: how much of the past the candidate sees");
pub static UPDATE_SUM: Site = Site::matrix("update_sum", [Position, Unit], "x W_xz + h W_hz + b_z");
pub static UPDATE: Site =
    Site::matrix("update", [Position, Unit], "update gate: how much of the past is kept");
pub static INPUT: Site = Site::matrix("input", [Position, Unit], "this word's part: x W_x + b");
pub static RECURRENT: Site = Site::matrix(
    "recurrent",
    [Position, Unit],
    "the past's part: the previous hidden state times W_h",
);
pub static GATED: Site = Site::matrix("gated", [Position, Unit], "reset gate * recurrent part");
pub static SUM: Site = Site::matrix("sum", [Position, Unit], "input part + recurrent part");
pub static CANDIDATE: Site =
    Site::matrix("candidate", [Position, Unit], "tanh(sum): the proposed new state");
pub static HIDDEN: Site =
    Site::matrix("hidden", [Position, Unit], "the hidden state after this word");

/// One recurrent cell.
pub enum Cell {
    Elman(Box<Elman>),
    Gru(Box<Gru>),
}

impl Cell {
    /// One step: row `t` of every site of the cell. x (1, in), h (1, unit) -> (1, unit)
    pub fn step(&self, tape: &mut Tape, x: Node, h: Node, t: usize) -> Node {
        match self {
            Self::Elman(cell) => cell.step(tape, x, h, t),
            Self::Gru(cell) => cell.step(tape, x, h, t),
        }
    }
}

/// Sizes of a cell's input and hidden state.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub d_in: usize,
    pub d_hidden: usize,
}

/// `h_t = tanh(x_t W_x + b + h_{t-1} W_h)`
pub struct Elman {
    scope: Scope,
    w_x: Weight,
    w_h: Weight,
    b: Weight,
}

impl Elman {
    /// Loads `W_x`, `W_h` and `b`, named `weights_in.*`; records in `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, weights_in: &str, scope: Scope, sizes: Sizes) -> Result<Self> {
        let Sizes { d_in, d_hidden } = sizes;
        Ok(Self {
            scope,
            w_x: weights.matrix(&format!("{weights_in}.W_x"), (d_in, d_hidden))?,
            w_h: weights.matrix(&format!("{weights_in}.W_h"), (d_hidden, d_hidden))?,
            b: weights.row(&format!("{weights_in}.b"), d_hidden)?,
        })
    }

    fn step(&self, tape: &mut Tape, x: Node, h: Node, t: usize) -> Node {
        let at = |site| self.scope.at(site).row(t);
        let [w_x, w_h, b] = [&self.w_x, &self.w_h, &self.b].map(|w| tape.weight(w));
        let input = tape.linear(at(&INPUT), x, w_x, Some(b)); // (1, unit)
        let recurrent = tape.linear(at(&RECURRENT), h, w_h, None); // (1, unit)
        let sum = tape.add(at(&SUM), input, recurrent); // (1, unit)
        tape.tanh(at(&HIDDEN), sum) // (1, unit)
    }
}

/// A gate's weights: from the input, from the state, and a bias.
struct Gate {
    w_x: Weight,
    w_h: Weight,
    b: Weight,
}

impl Gate {
    fn load(weights: &Weights, weights_in: &str, letter: char, sizes: Sizes) -> Result<Self> {
        let Sizes { d_in, d_hidden } = sizes;
        Ok(Self {
            w_x: weights.matrix(&format!("{weights_in}.W_x{letter}"), (d_in, d_hidden))?,
            w_h: weights.matrix(&format!("{weights_in}.W_h{letter}"), (d_hidden, d_hidden))?,
            b: weights.row(&format!("{weights_in}.b_{letter}"), d_hidden)?,
        })
    }

    fn on(&self, tape: &mut Tape) -> GateWeights {
        let [w_x, w_h, b] = [&self.w_x, &self.w_h, &self.b].map(|w| tape.weight(w));
        GateWeights { w_x, w_h, b }
    }
}

/// `h_t = (1 - z) * n + z * h_{t-1}` with reset gate r, update gate z and candidate n.
pub struct Gru {
    scope: Scope,
    reset: Gate,
    update: Gate,
    w_xn: Weight,
    b_xn: Weight,
    w_hn: Weight,
    b_hn: Weight,
}

impl Gru {
    /// Loads the three gates' weights, named `weights_in.*`; records in `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, weights_in: &str, scope: Scope, sizes: Sizes) -> Result<Self> {
        let Sizes { d_in, d_hidden } = sizes;
        Ok(Self {
            scope,
            reset: Gate::load(weights, weights_in, 'r', sizes)?,
            update: Gate::load(weights, weights_in, 'z', sizes)?,
            w_xn: weights.matrix(&format!("{weights_in}.W_xn"), (d_in, d_hidden))?,
            b_xn: weights.row(&format!("{weights_in}.b_xn"), d_hidden)?,
            w_hn: weights.matrix(&format!("{weights_in}.W_hn"), (d_hidden, d_hidden))?,
            b_hn: weights.row(&format!("{weights_in}.b_hn"), d_hidden)?,
        })
    }

    fn step(&self, tape: &mut Tape, x: Node, h: Node, t: usize) -> Node {
        let at = |site| self.scope.at(site).row(t);
        let (reset, update) = (self.reset.on(tape), self.update.on(tape));
        let [w_xn, b_xn, w_hn, b_hn] =
            [&self.w_xn, &self.b_xn, &self.w_hn, &self.b_hn].map(|w| tape.weight(w));

        let r = tape.gate(at(&RESET_SUM), x, h, reset); // (1, unit)
        let r = tape.sigmoid(at(&RESET), r);
        let z = tape.gate(at(&UPDATE_SUM), x, h, update);
        let z = tape.sigmoid(at(&UPDATE), z);
        let input = tape.linear(at(&INPUT), x, w_xn, Some(b_xn));
        let recurrent = tape.linear(at(&RECURRENT), h, w_hn, Some(b_hn));
        let gated = tape.mul(at(&GATED), r, recurrent);
        let sum = tape.add(at(&SUM), input, gated);
        let candidate = tape.tanh(at(&CANDIDATE), sum);
        tape.interpolate(at(&HIDDEN), z, candidate, h)
    }
}
