//! Recurrent language models from PyTorch: an embedding, an `nn.RNN`, `nn.GRU` or `nn.LSTM`, and a linear
//! map to the vocabulary, saved as a state dict in safetensors, with a config.json beside it:
//!
//! ```json
//! {"model_type": "lstm", "vocab_size": 10000, "d_embed": 200, "d_hidden": 200, "n_layers": 2}
//! ```
//!
//! | setting | meaning | default |
//! | --- | --- | --- |
//! | `model_type` | `rnn`, `gru` or `lstm` | |
//! | `vocab_size`, `d_embed`, `d_hidden` | tokens, width of an embedding, units of a layer | |
//! | `n_layers` | layers, each reading the hidden states of the one below | 1 |
//! | `tied` | logits are made with the table of embeddings; then `d_embed` is `d_hidden` | as the file has it |
//! | `nonlinearity` | of an `rnn`: `tanh` or `relu` | `tanh` |
//! | `eos_token_id` | the token, or tokens, that end a text | none |
//!
//! The tensors are `embed.weight` (vocab, d_embed); `rnn.weight_ih_l0`, `rnn.weight_hh_l0` and, where there
//! are biases, `rnn.bias_ih_l0`, `rnn.bias_hh_l0`, and so on for each layer, gates packed in PyTorch's order;
//! `out.weight` (vocab, d_hidden) and, where there is one, `out.bias`. The plan lists the other names
//! that are known. The config.json need say no more; a tokenizer.json makes the tokens.

mod plan;

use std::sync::Arc;

use anyhow::Result;

use super::{
    EMBED, INITIAL, Model, Pass, Setup, Writer, last_row, predict, source_scope, zero_state,
};
use crate::{
    engine::{
        change::Changes,
        site::{
            Axis::{Position, Single, Unit},
            Site,
        },
        tape::{Keep, Node, Past, Tape, Weight},
        value::Value,
    },
    model::layer::recurrent::{CellSizes, Elman, Gru, Lstm, RecurrentCell},
    text::EOS,
    weights::{Checkpoint, Weights},
};
use plan::{RecurrentKind, RnnLmPlan};

pub static INITIAL_CELL: Site =
    Site::matrix("initial_cell", [Single, Unit], "the cell before the first word: zeros");
pub static OUTPUT: Site = Site::matrix(
    "output",
    [Position, Unit],
    "the last layer's hidden states: what the next token is predicted from",
);

/// The approximate bytes of a tape entry beside its numbers.
const ENTRY_BYTES: usize = 450;

/// A layer's cell.
enum RecurrentLayer {
    Plain(RecurrentCell),
    Lstm(Box<Lstm>),
}

/// A layer's state between steps: the hidden state, and the cell of an LSTM.
#[derive(Clone, Copy)]
struct LayerState<T> {
    hidden: T,
    cell: Option<T>,
}

impl<T> LayerState<T> {
    fn map<U>(self, mut f: impl FnMut(T) -> U) -> LayerState<U> {
        LayerState { hidden: f(self.hidden), cell: self.cell.map(f) }
    }
}

impl RecurrentLayer {
    fn load(weights: &Weights, plan: &RnnLmPlan, l: usize) -> Result<Self> {
        let (name, scope) = (format!("rnn.{l}"), source_scope("rnn").layer(l));
        let sizes = CellSizes { d_in: plan.d_in(l), d_hidden: plan.d_hidden };
        Ok(match plan.kind {
            RecurrentKind::Elman(nonlinearity) => {
                let cell =
                    Elman::load(weights, &name, scope, sizes)?.with_nonlinearity(nonlinearity);
                Self::Plain(RecurrentCell::Elman(Box::new(cell)))
            }
            RecurrentKind::Gru => {
                Self::Plain(RecurrentCell::Gru(Box::new(Gru::load(weights, &name, scope, sizes)?)))
            }
            RecurrentKind::Lstm => Self::Lstm(Box::new(Lstm::load(weights, &name, scope, sizes)?)),
        })
    }

    /// The state before the first token: zeros. (1, unit)
    fn initial(&self, tape: &mut Tape, l: usize, d_hidden: usize) -> LayerState<Node> {
        let at = source_scope("rnn").layer(l);
        let hidden = zero_state(tape, &at, d_hidden);
        let mut cell = || {
            let zeros = Value::from_rows(1, d_hidden, &vec![0.0; d_hidden]);
            tape.leaf(at.at(&INITIAL_CELL), Arc::new(zeros))
        };
        LayerState { hidden, cell: matches!(self, Self::Lstm(_)).then(&mut cell) }
    }

    /// The next state, recorded in row `t` of every site. x (1, in) -> states (1, unit)
    fn step(
        &self,
        tape: &mut Tape,
        x: Node,
        state: LayerState<Node>,
        t: usize,
    ) -> LayerState<Node> {
        let LayerState { hidden, cell } = state;
        match self {
            Self::Plain(plain) => LayerState { hidden: plain.step(tape, x, hidden, t), cell: None },
            Self::Lstm(lstm) => {
                let [hidden, cell] = lstm.step(tape, x, hidden, cell.unwrap_or(hidden), t);
                LayerState { hidden, cell: Some(cell) }
            }
        }
    }
}

/// A recurrent language model.
pub struct RnnLm {
    plan: RnnLmPlan,
    embed: Weight,
    layers: Vec<RecurrentLayer>,
    unembed: Option<Weight>,
    bias: Option<Weight>,
}

impl RnnLm {
    /// # Errors
    /// If a setting is not supported, or weights are missing or misshapen; all of them are listed.
    pub fn open(checkpoint: &Checkpoint) -> Result<Self> {
        let plan = RnnLmPlan::of(checkpoint)?;
        let weights = checkpoint.weights(&plan.expected_weights())?;
        let own = || weights.matrix("unembed.weight", (plan.n_vocab, plan.d_hidden));
        Ok(Self {
            embed: weights.matrix("embed.weight", (plan.n_vocab, plan.d_embed))?,
            layers: (0..plan.n_layers)
                .map(|l| RecurrentLayer::load(&weights, &plan, l))
                .collect::<Result<_>>()?,
            unembed: (!plan.is_tied).then(own).transpose()?,
            bias: weights.optional_row("unembed.bias", plan.n_vocab)?,
            plan,
        })
    }

    fn initial(&self, tape: &mut Tape) -> Vec<LayerState<Node>> {
        let d_hidden = self.plan.d_hidden;
        let layers = self.layers.iter().enumerate();
        layers.map(|(l, layer)| layer.initial(tape, l, d_hidden)).collect()
    }

    /// Reads word by word; the states are those after the last word. -> each word's hidden state in the
    /// last layer, (1, unit)
    fn read_words(
        &self,
        tape: &mut Tape,
        states: &mut [LayerState<Node>],
        ids: &[u32],
    ) -> Vec<Node> {
        let table = tape.weight(&self.embed);
        let mut outputs = vec![];
        for (t, &id) in ids.iter().enumerate() {
            let mut x = tape.lookup(source_scope("tokens").at(&EMBED).row(t), table, &[id]);
            for (layer, state) in self.layers.iter().zip(states.iter_mut()) {
                *state = layer.step(tape, x, *state, t);
                x = state.hidden;
            }
            outputs.push(x);
        }
        outputs
    }

    /// The logits after rows of hidden states that begin at row `t`. x (row, unit) -> (row, vocab)
    fn predict(&self, tape: &mut Tape, x: Node, t: usize) -> Node {
        let table = tape.weight(self.unembed.as_ref().unwrap_or(&self.embed));
        let bias = self.bias.as_ref().map(|bias| tape.weight(bias));
        predict(tape, &source_scope(""), x, table, bias, t)
    }
}

impl Model for RnnLm {
    /// Reads the sentence; the output is the next token.
    fn run(&self, source: &[u32], setup: &Setup) -> Pass {
        let mut tape = setup.tape();
        let mut states = self.initial(&mut tape);
        let outputs = self.read_words(&mut tape, &mut states, source);
        let output = tape.grid(source_scope("rnn").at(&OUTPUT), outputs, 1); // (position, unit)
        let logits = self.predict(&mut tape, output, 0); // (position, vocab)
        let logits = last_row(tape.value(logits).matrix());
        let output = vec![setup.choosing().token(&logits, 0, EOS)];
        Pass { tape, source: source.to_vec(), target: vec![], output, beams: None }
    }

    fn read(&self, source: &[u32], setup: &Setup) -> Tape {
        let mut tape = setup.tape();
        let mut states = self.initial(&mut tape);
        self.read_words(&mut tape, &mut states, source);
        tape
    }

    fn ends(&self) -> &[u32] {
        &self.plan.ends
    }

    /// Counts every number twice: in the step that computed it and in its site.
    fn pass_bytes(&self, n: usize, _: Keep) -> Option<u64> {
        let RnnLmPlan { kind, n_vocab, d_embed, d_hidden, n_layers, .. } = self.plan;
        let layer = kind.n_sites() * (8 * d_hidden + ENTRY_BYTES);
        Some((n * (n_layers * layer + 8 * d_embed + 8 * n_vocab)) as u64)
    }

    fn writer(&self, setup: &Setup) -> Option<Box<dyn Writer + '_>> {
        let changes = Arc::clone(&setup.changes);
        Some(Box::new(RnnLmWriter { model: self, changes, states: None, n_read: 0 }))
    }
}

/// A text being continued, with the states after the tokens read.
#[derive(Clone)]
struct RnnLmWriter<'a> {
    model: &'a RnnLm,
    changes: Arc<Changes>,
    states: Option<Vec<LayerState<Arc<Value>>>>,
    n_read: usize,
}

impl Writer for RnnLmWriter<'_> {
    fn read(&mut self, ids: &[u32]) -> Option<Vec<f32>> {
        let tape = Tape::changed(Arc::clone(&self.changes));
        let mut tape = tape.after(Past::of_rows(self.n_read));
        let mut states = match self.states.take() {
            None => self.model.initial(&mut tape),
            Some(states) => {
                let at = source_scope("rnn");
                let mut leaf = |value| tape.leaf(at.at(&INITIAL), value);
                states.into_iter().map(|state| state.map(&mut leaf)).collect()
            }
        };
        let last = self.model.read_words(&mut tape, &mut states, ids).pop();
        let kept = |node| Arc::clone(&tape.entry(node).value);
        self.states = Some(states.into_iter().map(|state| state.map(kept)).collect());
        self.n_read += ids.len();
        let logits = self.model.predict(&mut tape, last?, ids.len() - 1);
        Some(last_row(tape.value(logits).matrix()))
    }

    fn fork(&self) -> Box<dyn Writer + '_> {
        Box::new(self.clone())
    }
}
