//! The settings of a recurrent language model, and the names of its weights in a file.

use anyhow::{Result, ensure};

use crate::{
    model::layer::recurrent::Nonlinearity,
    weights::{
        Checkpoint, ExpectedWeight, TensorNames,
        WeightLayout::{Linear, LinearRows, Table, Vector, VectorPart},
    },
};

/// The names of the embedding in state dicts.
pub const EMBED_NAMES: [&str; 6] =
    ["embed", "embedding", "embeddings", "encoder", "word_embeddings", "emb"];
/// The prefixes of the recurrent module; the last is none.
pub const RNN_NAMES: [&str; 4] = ["rnn.", "gru.", "lstm.", ""];
/// The names of the linear map to the vocabulary.
pub const OUT_NAMES: [&str; 8] =
    ["out", "decoder", "fc", "linear", "head", "lm_head", "output", "proj"];

/// The kind of cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrentKind {
    Elman(Nonlinearity),
    Gru,
    Lstm,
}

/// Our endings of the packed parts, in PyTorch's order: of `W_x`, `W_h`, and the biases of either.
type GateNames = [&'static str; 4];
const PLAIN: [GateNames; 1] = [["W_x", "W_h", "b", "b_h"]];
const GRU: [GateNames; 3] = [
    ["W_xr", "W_hr", "b_r", "b_hr"],
    ["W_xz", "W_hz", "b_z", "b_hz"],
    ["W_xn", "W_hn", "b_xn", "b_hn"],
];
const LSTM: [GateNames; 4] = [
    ["W_xi", "W_hi", "b_i", "b_hi"],
    ["W_xf", "W_hf", "b_f", "b_hf"],
    ["W_xg", "W_hg", "b_g", "b_hg"],
    ["W_xo", "W_ho", "b_o", "b_ho"],
];

impl RecurrentKind {
    /// Entries of a layer and a step, at most.
    pub const fn n_sites(self) -> usize {
        match self {
            Self::Elman(_) => 5,
            Self::Gru | Self::Lstm => 14,
        }
    }

    const fn parts(self) -> &'static [GateNames] {
        match self {
            Self::Elman(_) => &PLAIN,
            Self::Gru => &GRU,
            Self::Lstm => &LSTM,
        }
    }
}

/// The settings that determine the model's shape and weights.
#[derive(Clone, Debug)]
pub struct RnnLmPlan {
    pub kind: RecurrentKind,
    pub n_vocab: usize,
    pub d_embed: usize,
    pub d_hidden: usize,
    pub n_layers: usize,
    pub is_tied: bool,
    pub ends: Vec<u32>,
}

impl RnnLmPlan {
    pub fn of(checkpoint: &Checkpoint) -> Result<Self> {
        let config = checkpoint.config();
        let nonlinearity = match config.string_or("nonlinearity", "tanh")? {
            "relu" => Nonlinearity::Relu,
            name => {
                config.must("nonlinearity", name == "tanh", "tanh or relu")?;
                Nonlinearity::Tanh
            }
        };
        let kind = match config.string("model_type")? {
            "gru" => RecurrentKind::Gru,
            "lstm" => RecurrentKind::Lstm,
            _ => RecurrentKind::Elman(nonlinearity),
        };
        let has_own = OUT_NAMES.iter().any(|n| checkpoint.tensor(&format!("{n}.weight")).is_some());
        let plan = Self {
            kind,
            n_vocab: config.usize("vocab_size")?,
            d_embed: config.usize("d_embed")?,
            d_hidden: config.usize("d_hidden")?,
            n_layers: config.usize_or("n_layers", 1)?,
            is_tied: config.bool_or("tied", !has_own)?,
            ends: checkpoint.ends()?,
        };
        let fits = !plan.is_tied || plan.d_embed == plan.d_hidden;
        config.must("d_hidden", fits, "d_embed, as the output is tied to the embedding")?;
        plan.check_the_rest(checkpoint)?;
        Ok(plan)
    }

    /// # Errors
    /// If the file has parts of a recurrent module that this model would leave out.
    fn check_the_rest(&self, checkpoint: &Checkpoint) -> Result<()> {
        let more = format!("weight_ih_l{}", self.n_layers);
        for (part, what) in [
            ("weight_ih_l0_reverse", "reads in both directions, so it cannot tell the next token"),
            ("weight_hr_l0", "projects its hidden states, which is not supported"),
            (&more, "has more layers than config.json says in `n_layers`"),
        ] {
            let is_there = |name: &&str| checkpoint.tensor(&format!("{name}{part}")).is_some();
            ensure!(!RNN_NAMES.iter().any(is_there), "{} {what}", checkpoint.name());
        }
        Ok(())
    }

    /// Where the file has each weight.
    pub fn expected_weights(&self) -> Vec<ExpectedWeight> {
        let (embed, out) = (named(&EMBED_NAMES, ".weight"), named(&OUT_NAMES, ".weight"));
        let (n_vocab, d_hidden) = (self.n_vocab, self.d_hidden);
        let bias = named(&OUT_NAMES, ".bias");
        let mut wanted = vec![
            ExpectedWeight::new("embed.weight", embed, (n_vocab, self.d_embed), Table),
            ExpectedWeight::new("unembed.bias", bias, (1, n_vocab), Vector).optional(),
        ];
        if !self.is_tied {
            wanted.push(ExpectedWeight::new("unembed.weight", out, (n_vocab, d_hidden), Table));
        }
        for l in 0..self.n_layers {
            self.layer(&mut wanted, l);
        }
        wanted
    }

    /// The parts of a layer, which stand one below the other in four tensors.
    fn layer(&self, wanted: &mut Vec<ExpectedWeight>, l: usize) {
        let (d_in, d) = (self.d_in(l), self.d_hidden);
        let is_one = self.kind.parts().len() == 1;
        for (i, [w_x, w_h, b_x, b_h]) in self.kind.parts().iter().enumerate() {
            let rows = i * d..(i + 1) * d;
            let matrix = if is_one { Linear } else { LinearRows(rows.clone()) };
            let vector = if is_one { Vector } else { VectorPart(rows) };
            for (ours, theirs, d_in) in [(w_x, "weight_ih", d_in), (w_h, "weight_hh", d)] {
                let theirs = named(&RNN_NAMES, &format!("{theirs}_l{l}"));
                let ours = format!("rnn.{l}.{ours}");
                wanted.push(ExpectedWeight::new(ours, theirs, (d_in, d), matrix.clone()));
            }
            for (ours, theirs) in [(b_x, "bias_ih"), (b_h, "bias_hh")] {
                let theirs = named(&RNN_NAMES, &format!("{theirs}_l{l}"));
                let ours = format!("rnn.{l}.{ours}");
                wanted.push(ExpectedWeight::new(ours, theirs, (1, d), vector.clone()).optional());
            }
        }
    }

    /// What a layer reads: embeddings, or the hidden states of the layer below.
    pub const fn d_in(&self, l: usize) -> usize {
        if l == 0 { self.d_embed } else { self.d_hidden }
    }
}

/// Names with an ending.
fn named(names: &[&str], end: &str) -> TensorNames {
    names.iter().map(|name| format!("{name}{end}")).collect()
}
