//! The fixed-vector RNN encoder-decoder (Sutskever et al. 2014), with an Elman or a GRU cell, and
//! the linear probes that read each word back from the encoder's last hidden state.

use anyhow::Result;

use super::{
    EMBED, LOGITS, Model, PROBS, Pass, Setup,
    decoding::{Decoded, decode_step_by_step, longest_output},
    predict, source_scope, target_scope, zero_state,
};
use crate::{
    engine::{
        math,
        site::{
            Axis::{Channel, In, Out, Position, Single},
            Place, Scope, Site,
        },
        tape::{LinearMap, Node, Tape, Weight},
        value::{self, Value},
    },
    model::layer::recurrent::{CellSizes, Elman, Gru, RecurrentCell},
    weights::Weights,
};

pub static READOUT: Site = Site::matrix(
    "readout",
    [Position, Channel],
    "the hidden state turned into an embedding-like vector",
)
.called(&["(s_t W + b)"]);
pub static PROJ: Site = Site::matrix(
    "proj",
    [Position, Channel],
    "what a linear probe reads out of the last hidden state",
)
.called(&["(h_n W_k + b_k)"]);
static PROBE_W: Site = Site::planes(
    "W",
    [Position, In, Out],
    "the probes' weights, a plane for every distance from the end",
);
static PROBE_B: Site = Site::planes(
    "b",
    [Single, Position, Out],
    "the probes' biases, a row for every distance from the end",
);

/// Encoder, decoder, readout and probes.
pub struct Rnn {
    /// `rnn` or `gru`: the first part of every site's path.
    prefix: &'static str,
    d_hidden: usize,
    embed: Weight,
    encoder: RecurrentCell,
    decoder: RecurrentCell,
    readout: LinearMap,
    probes: Vec<LinearMap>,
}

impl Rnn {
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn elman(weights: &Weights) -> Result<Self> {
        Self::load(weights, "rnn", |weights_in, scope, sizes| {
            Ok(RecurrentCell::Elman(Box::new(Elman::load(weights, weights_in, scope, sizes)?)))
        })
    }

    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn gru(weights: &Weights) -> Result<Self> {
        Self::load(weights, "gru", |weights_in, scope, sizes| {
            Ok(RecurrentCell::Gru(Box::new(Gru::load(weights, weights_in, scope, sizes)?)))
        })
    }

    fn load(
        weights: &Weights,
        prefix: &'static str,
        cell: impl Fn(&str, Scope, CellSizes) -> Result<RecurrentCell>,
    ) -> Result<Self> {
        let (d_model, d_hidden) = (weights.number("d_model")?, weights.number("d_hidden")?);
        let sizes = CellSizes { d_in: d_model, d_hidden };
        Ok(Self {
            prefix,
            d_hidden,
            embed: weights.matrix("embed.weight", (weights.number("vocab_size")?, d_model))?,
            encoder: cell("encoder", source_scope(prefix).child("encoder"), sizes)?,
            decoder: cell("decoder", target_scope(prefix).child("decoder"), sizes)?,
            readout: LinearMap {
                w: weights.matrix("readout.W", (d_hidden, d_model))?,
                b: Some(weights.row("readout.b", d_model)?),
            },
            probes: probes(weights)?,
        })
    }

    /// Reads the sentence word by word; returns the last hidden state. -> (1, unit)
    fn encode(&self, tape: &mut Tape, table: Node, source: &[u32]) -> Node {
        let mut h = zero_state(tape, &source_scope(self.prefix).child("encoder"), self.d_hidden);
        for (t, &id) in source.iter().enumerate() {
            let x = tape.lookup(source_scope("src").at(&EMBED).row(t), table, &[id]); // (1, channel)
            h = self.encoder.step(tape, x, h, t); // (1, unit)
        }
        h
    }

    /// Writes from the encoder's last state `h`, for a source of `n` words.
    fn decode(&self, tape: &mut Tape, table: Node, h: Node, n: usize, setup: &Setup) -> Decoded {
        let (w, b) = self.readout.on(tape);
        decode_step_by_step(tape, longest_output(n), setup, h, |tape, h, id, t| {
            let x = tape.lookup(target_scope("tgt").at(&EMBED).row(t), table, &[id]); // (1, channel)
            let h = self.decoder.step(tape, x, h, t); // (1, unit)
            let place = target_scope(self.prefix).at(&READOUT).row(t);
            let readout = tape.linear(place, h, w, b); // (1, channel)
            (h, predict(tape, &target_scope(""), readout, table, None, t)) // (1, vocab)
        })
    }

    /// For every source word within the probes' reach: which word, the probe guesses, stood there?
    fn read_back(&self, tape: &mut Tape, table: Node, last: Node, n: usize) {
        let scope = source_scope("readback");
        for t in n.saturating_sub(self.probes.len())..n {
            let proj = self.probes[n - 1 - t].forward(tape, scope.at(&PROJ).row(t), last); // (1, channel)
            let logits = tape.matmul_nt(scope.at(&LOGITS).row(t), proj, table); // (1, vocab)
            tape.softmax(scope.at(&PROBS).row(t), logits); // (1, vocab)
        }
    }
}

/// Probe k reads the word that stood k before the last. The file holds its matrix as two factors, W = U V.
fn probes(weights: &Weights) -> Result<Vec<LinearMap>> {
    let factor = |name| weights.tensor(name);
    let (u, v, b) = (factor("readback.U")?, factor("readback.V")?, factor("readback.b")?);
    let product = |(u, v): (&value::Matrix, &value::Matrix)| math::matmul(u, v);
    let w: Vec<_> = u.planes().iter().zip(v.planes()).map(product).collect();
    let scope = source_scope("readback");
    let weight = |place: Place, value: Value| Weight { place, value: value.into(), base: None };
    let probe = |(k, plane): (usize, &value::Matrix)| {
        let bias = Value::from_rows(1, b.shape().cols, &b.row(0, k));
        LinearMap {
            w: weight(scope.at(&PROBE_W).plane(k), plane.clone().into()),
            b: Some(weight(scope.at(&PROBE_B).row(k), bias)),
        }
    };
    Ok(w.iter().enumerate().map(probe).collect())
}

impl Model for Rnn {
    fn run(&self, source: &[u32], setup: &Setup) -> Pass {
        let mut tape = setup.tape();
        let table = tape.weight(&self.embed);
        let last = self.encode(&mut tape, table, source);
        self.read_back(&mut tape, table, last, source.len());
        let Decoded { target, output, beams } =
            self.decode(&mut tape, table, last, source.len(), setup);
        Pass { tape, source: source.to_vec(), target, output, beams }
    }
    fn read(&self, source: &[u32], setup: &Setup) -> Tape {
        let mut tape = setup.tape();
        let table = tape.weight(&self.embed);
        self.encode(&mut tape, table, source);
        tape
    }
}
