//! Recurrent cells: Elman (1990), GRU (Cho et al. 2014, in PyTorch's form) and LSTM (Hochreiter and
//! Schmidhuber 1997, with the forget gate of Gers et al. 2000). One call processes one word.

use anyhow::Result;

use crate::{
    engine::{
        site::{
            Axis::{Position, Unit},
            Role, Scope, Site,
        },
        tape::{GateWeights, Node, Tape, Weight},
    },
    weights::Weights,
};

pub static RESET_SUM: Site = Site::matrix("reset_sum", [Position, Unit], "x W_xr + h W_hr + b_r");
pub static RESET: Site =
    Site::matrix("reset", [Position, Unit], "reset gate: how much of the past the candidate sees")
        .with(Role::Gate)
        .called(&["r"]);
pub static UPDATE_SUM: Site = Site::matrix("update_sum", [Position, Unit], "x W_xz + h W_hz + b_z");
pub static UPDATE: Site =
    Site::matrix("update", [Position, Unit], "update gate: how much of the past is kept")
        .with(Role::Gate)
        .called(&["z"]);
pub static INPUT: Site = Site::matrix("input", [Position, Unit], "this word's part: x W_x + b")
    .called(&["input_t", "input", "x"]);
pub static RECURRENT: Site = Site::matrix(
    "recurrent",
    [Position, Unit],
    "the past's part: the previous hidden state times W_h",
)
.called(&["recurrent"]);
pub static GATED: Site = Site::matrix("gated", [Position, Unit], "reset gate * recurrent part");
pub static SUM: Site = Site::matrix("sum", [Position, Unit], "input part + recurrent part")
    .called(&["input + recurrent"]);
pub static CANDIDATE: Site =
    Site::matrix("candidate", [Position, Unit], "tanh(sum): the proposed new state")
        .with(Role::Tanh);
pub static HIDDEN: Site =
    Site::matrix("hidden", [Position, Unit], "the hidden state after this word")
        .with(Role::HiddenState)
        .called(&["h_t", "h_n", "h_j", "s_t", "hidden"]);

pub static INPUT_GATE_SUM: Site =
    Site::matrix("input_gate_sum", [Position, Unit], "x W_xi + h W_hi + b_i");
pub static INPUT_GATE: Site =
    Site::matrix("input_gate", [Position, Unit], "input gate: how much of this word is written")
        .with(Role::Gate);
pub static FORGET_GATE_SUM: Site =
    Site::matrix("forget_gate_sum", [Position, Unit], "x W_xf + h W_hf + b_f");
pub static FORGET_GATE: Site =
    Site::matrix("forget_gate", [Position, Unit], "forget gate: how much of the past is kept")
        .with(Role::Gate);
pub static CELL_GATE_SUM: Site =
    Site::matrix("cell_gate_sum", [Position, Unit], "x W_xg + h W_hg + b_g");
pub static CELL_GATE: Site =
    Site::matrix("cell_gate", [Position, Unit], "tanh of that: what this word would write");
pub static OUTPUT_GATE_SUM: Site =
    Site::matrix("output_gate_sum", [Position, Unit], "x W_xo + h W_ho + b_o");
pub static OUTPUT_GATE: Site =
    Site::matrix("output_gate", [Position, Unit], "output gate: how much of the cell is shown")
        .with(Role::Gate);
pub static KEPT: Site =
    Site::matrix("kept", [Position, Unit], "forget gate * the cell before this word");
pub static WRITTEN: Site =
    Site::matrix("written", [Position, Unit], "input gate * what this word would write");
pub static CELL: Site =
    Site::matrix("cell", [Position, Unit], "the cell after this word: kept + written");
pub static CELL_TANH: Site = Site::matrix("cell_tanh", [Position, Unit], "tanh of the cell");
pub static SHOWN: Site = Site::matrix(
    "hidden",
    [Position, Unit],
    "the hidden state after this word: output gate * tanh",
)
.with(Role::HiddenState)
.called(&["h_t", "h_n", "h_j", "s_t", "hidden"]);

/// One recurrent cell.
pub enum RecurrentCell {
    Elman(Box<Elman>),
    Gru(Box<Gru>),
}

impl RecurrentCell {
    /// The next hidden state, recorded in row `t` of every site. x (1, in), h (1, unit) -> (1, unit)
    pub fn step(&self, tape: &mut Tape, x: Node, h: Node, t: usize) -> Node {
        match self {
            Self::Elman(cell) => cell.step(tape, x, h, t),
            Self::Gru(cell) => cell.step(tape, x, h, t),
        }
    }
}

/// Sizes of a cell's input and hidden state.
#[derive(Clone, Copy, Debug)]
pub struct CellSizes {
    pub d_in: usize,
    pub d_hidden: usize,
}

/// The non-linearity of an Elman cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nonlinearity {
    #[default]
    Tanh,
    Relu,
}

/// `h_t = tanh(x_t W_x + b + h_{t-1} W_h + b_h)`; the biases may be absent.
pub struct Elman {
    scope: Scope,
    w_x: Weight,
    w_h: Weight,
    b: Option<Weight>,
    b_h: Option<Weight>,
    nonlinearity: Nonlinearity,
}

/// A bias on the tape, where there is one.
fn bias(tape: &mut Tape, b: Option<&Weight>) -> Option<Node> {
    b.map(|b| tape.weight(b))
}

impl Elman {
    /// Loads `W_x` and `W_h`, and `b` and `b_h` where they are there, named `weights_in.*`; records in
    /// `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        weights_in: &str,
        scope: Scope,
        sizes: CellSizes,
    ) -> Result<Self> {
        let CellSizes { d_in, d_hidden } = sizes;
        Ok(Self {
            scope,
            w_x: weights.matrix(&format!("{weights_in}.W_x"), (d_in, d_hidden))?,
            w_h: weights.matrix(&format!("{weights_in}.W_h"), (d_hidden, d_hidden))?,
            b: weights.optional_row(&format!("{weights_in}.b"), d_hidden)?,
            b_h: weights.optional_row(&format!("{weights_in}.b_h"), d_hidden)?,
            nonlinearity: Nonlinearity::default(),
        })
    }

    /// This cell with another non-linearity.
    #[must_use]
    pub fn with_nonlinearity(self, nonlinearity: Nonlinearity) -> Self {
        Self { nonlinearity, ..self }
    }

    fn step(&self, tape: &mut Tape, x: Node, h: Node, t: usize) -> Node {
        let at = |site| self.scope.at(site).row(t);
        let [w_x, w_h] = [&self.w_x, &self.w_h].map(|w| tape.weight(w));
        let [b, b_h] = [&self.b, &self.b_h].map(|b| bias(tape, b.as_ref()));
        let input = tape.linear(at(&INPUT), x, w_x, b); // (1, unit)
        let recurrent = tape.linear(at(&RECURRENT), h, w_h, b_h); // (1, unit)
        let sum = tape.add(at(&SUM), input, recurrent); // (1, unit)
        match self.nonlinearity {
            Nonlinearity::Tanh => tape.tanh(at(&HIDDEN), sum), // (1, unit)
            Nonlinearity::Relu => tape.relu(at(&HIDDEN), sum),
        }
    }
}

/// A gate's weights: from the input, from the state, and up to two biases.
struct Gate {
    w_x: Weight,
    w_h: Weight,
    b: [Option<Weight>; 2],
}

impl Gate {
    fn load(weights: &Weights, weights_in: &str, letter: char, sizes: CellSizes) -> Result<Self> {
        let CellSizes { d_in, d_hidden } = sizes;
        Ok(Self {
            w_x: weights.matrix(&format!("{weights_in}.W_x{letter}"), (d_in, d_hidden))?,
            w_h: weights.matrix(&format!("{weights_in}.W_h{letter}"), (d_hidden, d_hidden))?,
            b: [
                weights.optional_row(&format!("{weights_in}.b_{letter}"), d_hidden)?,
                weights.optional_row(&format!("{weights_in}.b_h{letter}"), d_hidden)?,
            ],
        })
    }

    fn on(&self, tape: &mut Tape) -> GateWeights {
        let [w_x, w_h] = [&self.w_x, &self.w_h].map(|w| tape.weight(w));
        GateWeights { w_x, w_h, b: self.b.each_ref().map(|b| bias(tape, b.as_ref())) }
    }
}

/// `h_t = (1 - z) * n + z * h_{t-1}` with reset gate r, update gate z and candidate n.
pub struct Gru {
    scope: Scope,
    reset: Gate,
    update: Gate,
    w_xn: Weight,
    b_xn: Option<Weight>,
    w_hn: Weight,
    b_hn: Option<Weight>,
}

impl Gru {
    /// Loads the three gates' weights, and biases where they are there, named `weights_in.*`; records in
    /// `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        weights_in: &str,
        scope: Scope,
        sizes: CellSizes,
    ) -> Result<Self> {
        let CellSizes { d_in, d_hidden } = sizes;
        Ok(Self {
            scope,
            reset: Gate::load(weights, weights_in, 'r', sizes)?,
            update: Gate::load(weights, weights_in, 'z', sizes)?,
            w_xn: weights.matrix(&format!("{weights_in}.W_xn"), (d_in, d_hidden))?,
            b_xn: weights.optional_row(&format!("{weights_in}.b_xn"), d_hidden)?,
            w_hn: weights.matrix(&format!("{weights_in}.W_hn"), (d_hidden, d_hidden))?,
            b_hn: weights.optional_row(&format!("{weights_in}.b_hn"), d_hidden)?,
        })
    }

    fn step(&self, tape: &mut Tape, x: Node, h: Node, t: usize) -> Node {
        let at = |site| self.scope.at(site).row(t);
        let (reset, update) = (self.reset.on(tape), self.update.on(tape));
        let (w_xn, b_xn) = (tape.weight(&self.w_xn), bias(tape, self.b_xn.as_ref()));
        let (w_hn, b_hn) = (tape.weight(&self.w_hn), bias(tape, self.b_hn.as_ref()));

        let r = tape.gate(at(&RESET_SUM), x, h, reset); // (1, unit)
        let r = tape.sigmoid(at(&RESET), r);
        let z = tape.gate(at(&UPDATE_SUM), x, h, update);
        let z = tape.sigmoid(at(&UPDATE), z);
        let input = tape.linear(at(&INPUT), x, w_xn, b_xn);
        let recurrent = tape.linear(at(&RECURRENT), h, w_hn, b_hn);
        let gated = tape.mul(at(&GATED), r, recurrent);
        let sum = tape.add(at(&SUM), input, gated);
        let candidate = tape.tanh(at(&CANDIDATE), sum);
        tape.interpolate(at(&HIDDEN), z, candidate, h)
    }
}

/// `c_t = f * c_{t-1} + i * g`, `h_t = o * tanh(c_t)` with input gate i, forget gate f, output gate o and
/// the word's own content g.
pub struct Lstm {
    scope: Scope,
    input: Gate,
    forget: Gate,
    cell: Gate,
    output: Gate,
}

impl Lstm {
    /// Loads the four gates' weights, and biases where they are there, named `weights_in.*`; records in
    /// `scope`.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(
        weights: &Weights,
        weights_in: &str,
        scope: Scope,
        sizes: CellSizes,
    ) -> Result<Self> {
        let gate = |letter| Gate::load(weights, weights_in, letter, sizes);
        let (input, forget, cell, output) = (gate('i')?, gate('f')?, gate('g')?, gate('o')?);
        Ok(Self { scope, input, forget, cell, output })
    }

    /// The next hidden state and cell, recorded in row `t` of every site. x (1, in), h and c (1, unit) -> two of
    /// (1, unit)
    pub fn step(&self, tape: &mut Tape, x: Node, h: Node, c: Node, t: usize) -> [Node; 2] {
        let at = |site| self.scope.at(site).row(t);
        let sum = |tape: &mut Tape, site, gate: &Gate| {
            let weights = gate.on(tape);
            tape.gate(at(site), x, h, weights) // (1, unit)
        };
        let i = sum(tape, &INPUT_GATE_SUM, &self.input);
        let i = tape.sigmoid(at(&INPUT_GATE), i);
        let f = sum(tape, &FORGET_GATE_SUM, &self.forget);
        let f = tape.sigmoid(at(&FORGET_GATE), f);
        let g = sum(tape, &CELL_GATE_SUM, &self.cell);
        let g = tape.tanh(at(&CELL_GATE), g);
        let o = sum(tape, &OUTPUT_GATE_SUM, &self.output);
        let o = tape.sigmoid(at(&OUTPUT_GATE), o);
        let kept = tape.mul(at(&KEPT), f, c);
        let written = tape.mul(at(&WRITTEN), i, g);
        let c = tape.add(at(&CELL), kept, written);
        let tanh = tape.tanh(at(&CELL_TANH), c);
        [tape.mul(at(&SHOWN), o, tanh), c]
    }
}
