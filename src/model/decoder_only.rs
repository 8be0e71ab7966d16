//! The decoder-only language model: pre-norm, GELU, causal, in GPT-2's arrangement
//! (Radford et al. 2019), with sinusoidal positions.

use std::sync::Arc;

use anyhow::Result;

use super::{EMBED, Model, POS, Pass, SCALED, Setup, last_row, predict, source_scope};
use crate::{
    checkpoint::Weights,
    layer::{
        attention::{Attention, Heads, Mask},
        feed_forward::{Activation, FeedForward},
        norm::LayerNorm,
    },
    site::{
        Axis::{Channel, Position},
        Scope, Site,
    },
    tape::{Block, Node, Tape, Weight},
    text::{BOS, EOS},
};

pub static INPUT: Site = Site::matrix(
    "input",
    [Position, Channel],
    "what the first block reads: scaled embedding + position",
);
pub static RESID_PRE: Site =
    Site::matrix("resid_pre", [Position, Channel], "the residual stream as this block finds it");
pub static RESID_MID: Site = Site::matrix(
    "resid_mid",
    [Position, Channel],
    "the residual stream with attention's output added",
);
pub static RESID_POST: Site = Site::matrix(
    "resid_post",
    [Position, Channel],
    "the residual stream with feed-forward's output added",
);

struct PreNorm {
    scope: Scope,
    norm1: LayerNorm,
    attn: Attention,
    norm2: LayerNorm,
    ffn: FeedForward,
}

/// The whole model.
pub struct DecoderOnly {
    d_model: usize,
    embed: Weight,
    blocks: Vec<Arc<dyn Block>>,
    final_norm: LayerNorm,
}

impl DecoderOnly {
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights) -> Result<Self> {
        let number = |key| weights.number(key);
        let (d_model, d_ff, n_heads) = (number("d_model")?, number("d_ff")?, number("n_heads")?);
        let block = |l| -> Result<Arc<dyn Block>> {
            let scope = source_scope(&format!("blocks.{l}"));
            let in_block = |name| scope.child(name);
            Ok(Arc::new(PreNorm {
                norm1: LayerNorm::load(weights, in_block("norm1"), d_model)?,
                attn: Attention::load(weights, in_block("attn"), Heads::slices(d_model, n_heads))?,
                norm2: LayerNorm::load(weights, in_block("norm2"), d_model)?,
                ffn: FeedForward::load(
                    weights,
                    in_block("ffn"),
                    (d_model, d_ff),
                    Activation::Gelu,
                )?,
                scope,
            }))
        };
        Ok(Self {
            d_model,
            embed: weights.matrix("embed.weight", (number("vocab_size")?, d_model))?,
            blocks: (0..number("n_layers")?).map(block).collect::<Result<_>>()?,
            final_norm: LayerNorm::load(weights, source_scope("final_norm"), d_model)?,
        })
    }
}

impl Block for PreNorm {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    /// (position, d_model) -> (position, d_model)
    fn forward(&self, tape: &mut Tape, inputs: &[Node]) -> Node {
        let at = &self.scope;
        let x = tape.hand_on(at.at(&RESID_PRE), inputs[0]);
        let normed = self.norm1.forward(tape, x);
        let attended = self.attn.forward(tape, normed, normed, Mask::Causal);
        let mid = tape.residual(at.at(&RESID_MID), x, attended);
        let normed = self.norm2.forward(tape, mid);
        let fed = self.ffn.forward(tape, normed);
        tape.residual(at.at(&RESID_POST), mid, fed)
    }
}

impl DecoderOnly {
    /// The last block's residual stream after every position. -> (position, d_model)
    fn encode(&self, tape: &mut Tape, table: Node, ids: &[u32]) -> Node {
        let at = source_scope("tokens");
        let embed = tape.lookup(at.at(&EMBED), table, ids); // (position, d_model)
        let scaled = tape.scale(at.at(&SCALED), embed, (self.d_model as f32).sqrt());
        let pos = tape.positions(at.at(&POS), ids.len(), self.d_model);
        let x = tape.add(at.at(&INPUT), scaled, pos);
        self.blocks.iter().fold(x, |x, block| tape.block(block, &[x]))
    }

    /// The logits at every position. -> (position, vocab)
    fn predict(&self, tape: &mut Tape, ids: &[u32]) -> Node {
        let table = tape.weight(&self.embed);
        let x = self.encode(tape, table, ids);
        let x = self.final_norm.forward(tape, x);
        predict(tape, &source_scope(""), x, table, 0)
    }
}

impl Model for DecoderOnly {
    /// Reads `<bos>` and the sentence; the output is the next token.
    fn run(&self, source: &[u32], setup: &Setup) -> Pass {
        let source: Vec<u32> = [&[BOS], source].concat();
        let mut tape = setup.tape();
        let logits = self.predict(&mut tape, &source);
        let logits = last_row(tape.value(logits).matrix());
        let output = vec![setup.choosing().token(&logits, 0, EOS)];
        Pass { tape, source, target: vec![], output, beams: None }
    }

    fn next(&self, text: &[u32], setup: &Setup) -> Option<Vec<f32>> {
        let mut tape = setup.tape();
        let logits = self.predict(&mut tape, &[&[BOS], text].concat());
        Some(last_row(tape.value(logits).matrix()))
    }

    fn read(&self, source: &[u32], setup: &Setup) -> Tape {
        let mut tape = setup.tape();
        let table = tape.weight(&self.embed);
        self.encode(&mut tape, table, source);
        tape
    }
}
