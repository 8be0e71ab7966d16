//! The Transformer of Vaswani et al. 2017: encoder and decoder, post-norm, sinusoidal positions.

use std::sync::Arc;

use anyhow::Result;

use super::{
    EMBED, Model, POS, Pass, SCALED, Setup, Written, last_row, likeliest_of_each, limits,
    longest_output, predict, source_scope, target_scope,
};
use crate::{
    checkpoint::Weights,
    layer::{
        attention::{Attention, Heads, Mask},
        feed_forward::{Activation, FeedForward},
        norm::LayerNorm,
    },
    math::{beam, matmul_nt},
    site::{
        Axis::{Channel, Position},
        Scope, Site, Stream,
    },
    tape::{Block, Node, Tape, Weight},
    text::{BOS, EOS},
};

pub static INPUT: Site = Site::matrix(
    "input",
    [Position, Channel],
    "what the first layer reads: scaled embedding + position",
);
pub static RESIDUAL1: Site =
    Site::matrix("residual1", [Position, Channel], "self-attention's output added to its input");
pub static RESIDUAL2: Site = Site::matrix(
    "residual2",
    [Position, Channel],
    "the second sub-layer's output added to its input",
);
pub static RESIDUAL3: Site =
    Site::matrix("residual3", [Position, Channel], "feed-forward's output added to its input");

/// A self-attention and a feed-forward sub-layer, each followed by residual and norm.
struct EncoderLayer {
    scope: Scope,
    self_attn: Attention,
    norm1: LayerNorm,
    ffn: FeedForward,
    norm2: LayerNorm,
}

/// Masked self-attention, cross-attention and feed-forward.
struct DecoderLayer {
    scope: Scope,
    self_attn: Attention,
    norm1: LayerNorm,
    cross_attn: Attention,
    norm2: LayerNorm,
    ffn: FeedForward,
    norm3: LayerNorm,
}

/// The whole model.
pub struct EncoderDecoder {
    d_model: usize,
    embed: Weight,
    encoder: Vec<Arc<dyn Block>>,
    decoder: Vec<Arc<dyn Block>>,
}

#[derive(Clone, Copy)]
struct Sizes {
    d_model: usize,
    d_ff: usize,
    n_heads: usize,
}

impl EncoderDecoder {
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights) -> Result<Self> {
        let number = |key| weights.number(key);
        let d_model = number("d_model")?;
        let sizes = Sizes { d_model, d_ff: number("d_ff")?, n_heads: number("n_heads")? };
        let layers = 0..number("n_layers")?;
        Ok(Self {
            d_model,
            embed: weights.matrix("embed.weight", (number("vocab_size")?, d_model))?,
            encoder: layers
                .clone()
                .map(|l| Ok(Arc::new(EncoderLayer::load(weights, l, sizes)?) as _))
                .collect::<Result<_>>()?,
            decoder: layers
                .map(|l| Ok(Arc::new(DecoderLayer::load(weights, l, sizes)?) as _))
                .collect::<Result<_>>()?,
        })
    }

    /// Embedding * sqrt(d_model) + positional encoding. -> (position, d_model)
    fn embed(&self, tape: &mut Tape, at: &Scope, table: Node, ids: &[u32]) -> Node {
        let embed = tape.lookup(at.at(&EMBED), table, ids); // (position, d_model)
        let scaled = tape.scale(at.at(&SCALED), embed, (self.d_model as f32).sqrt());
        let pos = tape.positions(at.at(&POS), ids.len(), self.d_model);
        tape.add(at.at(&INPUT), scaled, pos)
    }

    fn encode(&self, tape: &mut Tape, table: Node, source: &[u32]) -> Node {
        let x = self.embed(tape, &source_scope("src"), table, source);
        self.encoder.iter().fold(x, |x, layer| tape.block(layer, &[x]))
    }

    /// The decoder's last norm after every target position. -> (target, d_model)
    fn decode(&self, tape: &mut Tape, table: Node, memory: Node, target: &[u32]) -> Node {
        let y = self.embed(tape, &target_scope("tgt"), table, target);
        self.decoder.iter().fold(y, |y, layer| tape.block(layer, &[y, memory]))
    }

    /// The logits of what follows `target`. The trial step is forgotten; the caller records the
    /// finished sentence.
    fn next(&self, tape: &mut Tape, table: Node, memory: Node, target: &[u32]) -> Vec<f32> {
        let mark = tape.len();
        let y = self.decode(tape, table, memory, target);
        let last = tape.value(y).matrix().rows(target.len() - 1, 1).into_owned();
        let logits = last_row(&matmul_nt(&last, tape.value(table).matrix()));
        tape.truncate(mark);
        logits
    }
}

/// Decides what to write; nothing of it stays on the tape.
fn write((longest, setup): (usize, &Setup), mut next: impl FnMut(&[u32]) -> Vec<f32>) -> Written {
    let choosing = setup.choosing();
    if let Some(width) = choosing.beam {
        let step = |(): &(), read: &[u32]| ((), next(read));
        return Written::found(beam::search(limits(width, longest, choosing), BOS, (), step));
    }
    let (mut target, mut output) = (vec![BOS], vec![]);
    loop {
        let token = choosing.token(&next(&target), output.len(), EOS);
        output.push(token);
        if token == EOS || output.len() == longest {
            return Written { target, output, beams: None };
        }
        target.push(token);
    }
}

impl EncoderLayer {
    fn load(weights: &Weights, l: usize, sizes: Sizes) -> Result<Self> {
        let Sizes { d_model, d_ff, n_heads } = sizes;
        let scope = source_scope(&format!("encoder.{l}"));
        let in_layer = |name| scope.child(name);
        Ok(Self {
            self_attn: Attention::load(
                weights,
                in_layer("self_attn"),
                Heads::slices(d_model, n_heads),
            )?,
            norm1: LayerNorm::load(weights, in_layer("norm1"), d_model)?,
            ffn: FeedForward::load(weights, in_layer("ffn"), (d_model, d_ff), Activation::Relu)?,
            norm2: LayerNorm::load(weights, in_layer("norm2"), d_model)?,
            scope,
        })
    }
}

impl Block for EncoderLayer {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    /// (source, d_model) -> (source, d_model)
    fn forward(&self, tape: &mut Tape, inputs: &[Node]) -> Node {
        let (at, x) = (&self.scope, inputs[0]);
        let attended = self.self_attn.forward(tape, x, x, Mask::None);
        let residual1 = tape.residual(at.at(&RESIDUAL1), x, attended);
        let x = self.norm1.forward(tape, residual1);
        let fed = self.ffn.forward(tape, x);
        let residual2 = tape.residual(at.at(&RESIDUAL2), x, fed);
        self.norm2.forward(tape, residual2)
    }
}

impl DecoderLayer {
    fn load(weights: &Weights, l: usize, sizes: Sizes) -> Result<Self> {
        let Sizes { d_model, d_ff, n_heads } = sizes;
        let scope = target_scope(&format!("decoder.{l}"));
        let in_layer = |name| scope.child(name);
        let cross = in_layer("cross_attn").over(Stream::Source);
        Ok(Self {
            self_attn: Attention::load(
                weights,
                in_layer("self_attn"),
                Heads::slices(d_model, n_heads),
            )?,
            norm1: LayerNorm::load(weights, in_layer("norm1"), d_model)?,
            cross_attn: Attention::load(weights, cross, Heads::slices(d_model, n_heads))?,
            norm2: LayerNorm::load(weights, in_layer("norm2"), d_model)?,
            ffn: FeedForward::load(weights, in_layer("ffn"), (d_model, d_ff), Activation::Relu)?,
            norm3: LayerNorm::load(weights, in_layer("norm3"), d_model)?,
            scope,
        })
    }
}

impl Block for DecoderLayer {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    /// y (target, d_model), memory (source, d_model) -> (target, d_model)
    fn forward(&self, tape: &mut Tape, inputs: &[Node]) -> Node {
        let (at, y, memory) = (&self.scope, inputs[0], inputs[1]);
        let attended = self.self_attn.forward(tape, y, y, Mask::Causal);
        let residual1 = tape.residual(at.at(&RESIDUAL1), y, attended);
        let y = self.norm1.forward(tape, residual1);
        let looked = self.cross_attn.forward(tape, y, memory, Mask::None);
        let residual2 = tape.residual(at.at(&RESIDUAL2), y, looked);
        let y = self.norm2.forward(tape, residual2);
        let fed = self.ffn.forward(tape, y);
        let residual3 = tape.residual(at.at(&RESIDUAL3), y, fed);
        self.norm3.forward(tape, residual3)
    }
}

impl Model for EncoderDecoder {
    fn run(&self, source: &[u32], setup: &Setup) -> Pass {
        let mut tape = setup.tape();
        let table = tape.weight(&self.embed);
        let memory = self.encode(&mut tape, table, source);
        let written = if let Some(forced) = &setup.forced {
            let target = [&[BOS], &forced[..]].concat();
            Written { target, output: vec![], beams: None }
        } else {
            let longest = longest_output(source.len());
            let next = |target: &[u32]| self.next(&mut tape, table, memory, target);
            write((longest, setup), next)
        };
        let Written { target, mut output, beams } = written;
        let y = self.decode(&mut tape, table, memory, &target);
        let logits = predict(&mut tape, &target_scope(""), y, table, 0);
        if setup.forced.is_some() {
            output = likeliest_of_each(tape.value(logits).matrix());
        }
        Pass { tape, source: source.to_vec(), target, output, beams }
    }
    fn read(&self, source: &[u32], setup: &Setup) -> Tape {
        let mut tape = setup.tape();
        let table = tape.weight(&self.embed);
        self.encode(&mut tape, table, source);
        tape
    }
}
