//! An RNN that looks back: bidirectional GRU encoder, additive attention, GRU decoder
//! (Bahdanau, Cho and Bengio 2015).

use anyhow::Result;

use super::{
    EMBED, Model, Pass, Setup,
    decoding::{Decoded, decode_step_by_step, longest_output},
    predict, source_scope, target_scope, zero_state,
};
use crate::{
    engine::{
        site::{
            Axis::{Channel, Key, Position, Query, Single, Unit},
            Role, Scope, Site, Stream,
        },
        tape::{LinearMap, Node, Tape, Weight},
    },
    model::layer::recurrent::{CellSizes, Gru, RecurrentCell},
    weights::Weights,
};

pub static ANNOTATIONS: Site = Site::matrix(
    "annotations",
    [Position, Unit],
    "forward and backward hidden state of each word, side by side",
);
pub static INIT_SUM: Site = Site::matrix(
    "init_sum",
    [Single, Unit],
    "the backward reader's state at the first word, times W, plus b",
);
pub static INIT: Site =
    Site::matrix("init", [Single, Unit], "the decoder's state before its first word");
pub static KEYS: Site =
    Site::matrix("keys", [Key, Unit], "annotations times U_a").called(&["keys"]);
pub static QUERY: Site =
    Site::matrix("query", [Query, Unit], "the decoder's previous state times W_a")
        .called(&["query"]);
pub static SUM: Site = Site::planes("sum", [Query, Key, Unit], "query + key, for every word");
pub static TANH: Site = Site::planes("tanh", [Query, Key, Unit], "tanh(query + key)")
    .with(Role::Tanh)
    .called(&["tanh(query_t + key_j)"]);
pub static ENERGIES: Site =
    Site::matrix("energies", [Query, Key], "v · tanh(query + key): how well each word fits")
        .called(&["e_tj"]);
pub static WEIGHTS: Site =
    Site::matrix("weights", [Query, Key], "softmax: shares that sum to 1 in each row")
        .with(Role::AttentionWeights)
        .called(&["a_tj"]);
pub static CONTEXT: Site =
    Site::matrix("context", [Query, Unit], "annotations averaged by the weights")
        .called(&["context", "c_t"]);
pub static INPUT_CAT: Site = Site::matrix(
    "input_cat",
    [Position, Channel],
    "previous word's embedding and context, side by side",
)
.called(&["[y_{t-1} ; c_t]"]);
pub static READOUT_CAT: Site =
    Site::matrix("readout_cat", [Position, Unit], "state and context, side by side");
pub static READOUT_SUM: Site =
    Site::matrix("readout_sum", [Position, Channel], "[state; context] W + b");
pub static READOUT: Site =
    Site::matrix("readout", [Position, Channel], "tanh of that: an embedding-like vector")
        .called(&["tanh([s_t ; c_t] W + b)"]);

/// The RNN with attention.
pub struct RnnAttention {
    d_encoder: usize,
    embed: Weight,
    forward: RecurrentCell,
    backward: RecurrentCell,
    init: LinearMap,
    w_a: Weight,
    u_a: Weight,
    v: Weight,
    decoder: RecurrentCell,
    readout: LinearMap,
}

/// The encoder's output: annotations and, computed once, their keys.
struct Memory {
    annotations: Node,
    keys: Node,
    init: Node,
}

/// The learned vectors of the attention, on the tape.
struct AttentionWeights {
    w_a: Node,
    v: Node,
}

impl RnnAttention {
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights) -> Result<Self> {
        let number = |key| weights.number(key);
        let (d_model, d_hidden, d_attn) =
            (number("d_model")?, number("d_hidden")?, number("d_attn")?);
        let d_encoder = d_hidden / 2;
        let gru = |name: &str, scope: Scope, sizes| -> Result<RecurrentCell> {
            Ok(RecurrentCell::Gru(Box::new(Gru::load(weights, name, scope, sizes)?)))
        };
        let reader = CellSizes { d_in: d_model, d_hidden: d_encoder };
        let writer = CellSizes { d_in: d_model + d_hidden, d_hidden };
        Ok(Self {
            d_encoder,
            embed: weights.matrix("embed.weight", (number("vocab_size")?, d_model))?,
            forward: gru("encoder.forward", source_scope("encoder.forward"), reader)?,
            backward: gru("encoder.backward", source_scope("encoder.backward"), reader)?,
            init: LinearMap {
                w: weights.matrix("init.W", (d_encoder, d_hidden))?,
                b: Some(weights.row("init.b", d_hidden)?),
            },
            w_a: weights.matrix("attn.W_a", (d_hidden, d_attn))?,
            u_a: weights.matrix("attn.U_a", (d_hidden, d_attn))?,
            v: weights.row("attn.v", d_attn)?,
            decoder: gru("decoder", target_scope("decoder"), writer)?,
            readout: LinearMap {
                w: weights.matrix("readout.W", (2 * d_hidden, d_model))?,
                b: Some(weights.row("readout.b", d_model)?),
            },
        })
    }

    /// Reads the sentence in both directions.
    fn encode(&self, tape: &mut Tape, table: Node, source: &[u32]) -> Memory {
        let n = source.len();
        let at = source_scope("encoder");
        let words: Vec<Node> = (0..n)
            .map(|t| tape.lookup(source_scope("src").at(&EMBED).row(t), table, &[source[t]]))
            .collect(); // each (1, channel)
        let zero = zero_state(tape, &at, self.d_encoder);
        let mut read = |cell: &RecurrentCell, order: &mut dyn Iterator<Item = usize>| {
            let mut hidden = vec![zero; n];
            let mut h = zero;
            for t in order {
                h = cell.step(tape, words[t], h, t); // (1, unit)
                hidden[t] = h;
            }
            hidden
        };
        let forward = read(&self.forward, &mut (0..n));
        let backward = read(&self.backward, &mut (0..n).rev());
        let init = self.initial_state(tape, backward[0]);
        let blocks = forward.into_iter().zip(backward).flat_map(|(f, b)| [f, b]).collect();
        let annotations = tape.grid(at.at(&ANNOTATIONS), blocks, 2); // (key, unit)
        let u_a = tape.weight(&self.u_a);
        let keys = tape.linear(source_scope("attn").at(&KEYS), annotations, u_a, None); // (key, unit)
        Memory { annotations, keys, init }
    }

    /// `s_0 = tanh(backward hidden at the first word W + b)` (Bahdanau et al. 2015, A.2.2)
    fn initial_state(&self, tape: &mut Tape, first: Node) -> Node {
        let at = target_scope("decoder");
        let sum = self.init.forward(tape, at.at(&INIT_SUM), first); // (1, unit)
        tape.tanh(at.at(&INIT), sum) // (1, unit)
    }

    fn decode(
        &self,
        tape: &mut Tape,
        table: Node,
        memory: &Memory,
        n: usize,
        setup: &Setup,
    ) -> Decoded {
        let looking = AttentionWeights { w_a: tape.weight(&self.w_a), v: tape.weight(&self.v) };
        let (w, b) = self.readout.on(tape);
        decode_step_by_step(tape, longest_output(n), setup, memory.init, |tape, s, id, t| {
            let at = |site| target_scope("decoder").at(site).row(t);
            let y = tape.lookup(target_scope("tgt").at(&EMBED).row(t), table, &[id]); // (1, channel)
            let context = look_back(tape, &looking, memory, s, t); // (1, unit)
            let input = tape.grid(at(&INPUT_CAT), vec![y, context], 2);
            let s = self.decoder.step(tape, input, s, t); // (1, unit)
            let both = tape.grid(at(&READOUT_CAT), vec![s, context], 2);
            let sum = tape.linear(at(&READOUT_SUM), both, w, b); // (1, channel)
            let readout = tape.tanh(at(&READOUT), sum);
            (s, predict(tape, &target_scope(""), readout, table, None, t)) // (1, vocab)
        })
    }
}

/// Additive attention from state `s` (Bahdanau et al. 2015, section 3.1). -> (1, unit)
fn look_back(
    tape: &mut Tape,
    looking: &AttentionWeights,
    memory: &Memory,
    s: Node,
    t: usize,
) -> Node {
    let at = target_scope("attn").over(Stream::Source);
    let row = |site| at.at(site).row(t);
    let query = tape.linear(row(&QUERY), s, looking.w_a, None); // (1, unit)
    let sum = tape.add(at.at(&SUM).plane(t), memory.keys, query); // (key, unit)
    let tanh = tape.tanh(at.at(&TANH).plane(t), sum); // (key, unit)
    let energies = tape.matmul_nt(row(&ENERGIES), looking.v, tanh); // (1, key)
    let weights = tape.softmax(row(&WEIGHTS), energies); // (1, key)
    tape.matmul(row(&CONTEXT), weights, memory.annotations) // (1, unit)
}

impl Model for RnnAttention {
    fn run(&self, source: &[u32], setup: &Setup) -> Pass {
        let mut tape = setup.tape();
        let table = tape.weight(&self.embed);
        let memory = self.encode(&mut tape, table, source);
        let Decoded { target, output, beams } =
            self.decode(&mut tape, table, &memory, source.len(), setup);
        Pass { tape, source: source.to_vec(), target, output, beams }
    }
    fn read(&self, source: &[u32], setup: &Setup) -> Tape {
        let mut tape = setup.tape();
        let table = tape.weight(&self.embed);
        self.encode(&mut tape, table, source);
        tape
    }
}
