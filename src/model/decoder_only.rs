//! Decoder-only language models: pre-norm and causal, of the GPT-2 family (Radford et al. 2019) and the Llama family
//! (Touvron et al. 2023); the built-in model is a GPT-2 with sinusoidal positions.
//!
//! The families differ in a [`DecoderPlan`] only.

mod gpt2;
mod llama;

use std::sync::Arc;

use anyhow::Result;

use super::{
    EMBED, Model, ModelSizes, POS, Pass, SCALED, Setup, Writer, last_row, predict, source_scope,
};
use crate::{
    engine::{
        change::Changes,
        math::{NORM_EPS, Waves, in_pool},
        site::{
            Axis::{Channel, Position},
            Place, Role, Scope, Site, SubLayer,
        },
        tape::{Block, Keep, Node, Past, Root, Rope, Tape, Weight},
        value::{Matrix, Value},
    },
    model::layer::{
        attention::{Attention, HeadSizes, Mask},
        feed_forward::{Activation, Feed, FeedKind},
        norm::{Norm, NormKind},
    },
    text::{BOS, EOS},
    weights::{Checkpoint, Weights},
};

pub static LEARNED: Site =
    Site::matrix("pos", [Position, Channel], "each position's row of a learned table")
        .with(Role::Positions)
        .called(&["PE(pos,2i)", "PE(pos)"]);
pub static INPUT: Site = Site::matrix(
    "input",
    [Position, Channel],
    "what the first block reads: scaled embedding + position",
)
.called(&["input_t", "input", "x"]);
pub static SUM: Site =
    Site::matrix("input", [Position, Channel], "what the first block reads: embedding + position")
        .called(&["input_t", "input", "x"]);
pub static PLAIN: Site =
    Site::matrix("input", [Position, Channel], "what the first block reads: the embedding alone")
        .called(&["input_t", "input", "x"]);
pub static RESID_PRE: Site =
    Site::matrix("resid_pre", [Position, Channel], "the residual stream as this block finds it")
        .with(Role::LayerInput)
        .called(&["x"]);
pub static RESID_MID: Site = Site::matrix(
    "resid_mid",
    [Position, Channel],
    "the residual stream with attention's output added",
)
.with(Role::Residual(SubLayer::Attention))
.called(&["x + attn(norm(x))"]);
pub static RESID_POST: Site = Site::matrix(
    "resid_post",
    [Position, Channel],
    "the residual stream with feed-forward's output added",
)
.with(Role::Residual(SubLayer::FeedForward));

/// How positions are encoded.
#[derive(Clone, Debug, PartialEq)]
pub enum DecoderPositions {
    /// Sines and cosines, added to the scaled embedding.
    Sinusoidal,
    /// A learned table with this many rows, added to the embedding.
    Learned(usize),
    /// Queries and keys are rotated in every block.
    Rotary(Arc<Rope>),
}

/// The divisor of a layer's attention scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreScaling {
    /// Whether it includes the root of a head's width.
    pub by_root: bool,
    /// Whether it includes the number of the layer, from 1.
    pub by_layer: bool,
}

impl ScoreScaling {
    pub const BY_ROOT: Self = Self { by_root: true, by_layer: false };

    fn root(self, d_head: usize, l: usize) -> Option<Root> {
        let n = if self.by_root { d_head } else { 1 };
        let times = if self.by_layer { l + 1 } else { 1 };
        (self.by_root || self.by_layer).then_some(Root { n, times })
    }
}

impl DecoderPositions {
    /// The longest text that has positions, in tokens. Only a table ends: rotated queries and keys continue, as in
    /// transformers, although the model was not trained on such long texts.
    const fn longest(&self) -> usize {
        match self {
            Self::Learned(n) => *n,
            Self::Sinusoidal | Self::Rotary(_) => usize::MAX,
        }
    }
}

/// The settings that determine a decoder's shape and weights.
#[derive(Clone, Debug)]
pub struct DecoderPlan {
    pub n_layers: usize,
    pub heads: HeadSizes,
    pub d_ff: usize,
    pub n_vocab: usize,
    pub norm: NormKind,
    pub feed: FeedKind,
    pub positions: DecoderPositions,
    /// One a layer.
    pub masks: Vec<Mask>,
    pub scaling: ScoreScaling,
    /// Whether the logits use the embedding table.
    pub is_tied: bool,
    /// The token read before any text, if the tokenizer does not add it.
    pub begin: Option<u32>,
    /// The tokens that end a text.
    pub ends: Vec<u32>,
    /// The most tokens it takes.
    pub context: usize,
}

struct PreNorm {
    scope: Scope,
    norm1: Norm,
    attn: Attention,
    mask: Mask,
    norm2: Norm,
    ffn: Feed,
}

impl PreNorm {
    fn load(weights: &Weights, plan: &DecoderPlan, l: usize) -> Result<Self> {
        let scope = source_scope("blocks").layer(l);
        let in_block = |name| scope.child(name);
        let d_model = plan.heads.d_model;
        let rope = match &plan.positions {
            DecoderPositions::Rotary(rope) => Some(Arc::clone(rope)),
            DecoderPositions::Sinusoidal | DecoderPositions::Learned(_) => None,
        };
        let norm = |name| Norm::load(weights, in_block(name), d_model, plan.norm);
        let attn = Attention::load(weights, in_block("attn"), plan.heads)?.with_rope(rope);
        Ok(Self {
            norm1: norm("norm1")?,
            attn: attn.divided_by(plan.scaling.root(plan.heads.d_head, l)),
            mask: plan.masks.get(l).copied().unwrap_or(Mask::Causal),
            norm2: norm("norm2")?,
            ffn: Feed::load(weights, in_block("ffn"), d_model, plan.d_ff, plan.feed)?,
            scope,
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
        let x = tape.identity(at.at(&RESID_PRE), inputs[0]);
        let normed = self.norm1.forward(tape, x);
        let attended = self.attn.forward(tape, normed, normed, self.mask);
        let mid = tape.residual(at.at(&RESID_MID), x, attended);
        let normed = self.norm2.forward(tape, mid);
        let fed = self.ffn.forward(tape, normed);
        tape.residual(at.at(&RESID_POST), mid, fed)
    }
}

/// A decoder-only model.
pub struct DecoderOnly {
    plan: DecoderPlan,
    embed: Weight,
    positions: Option<Weight>,
    blocks: Vec<Arc<dyn Block>>,
    final_norm: Norm,
    unembed: Option<Weight>,
}

impl DecoderOnly {
    /// The built-in model.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn embedded(weights: &Weights) -> Result<Self> {
        let number = |key| weights.number(key);
        let n_layers = number("n_layers")?;
        let plan = DecoderPlan {
            n_layers,
            heads: HeadSizes::slices(number("d_model")?, number("n_heads")?),
            d_ff: number("d_ff")?,
            n_vocab: number("vocab_size")?,
            norm: NormKind::Layer { eps: NORM_EPS },
            feed: FeedKind::Plain(Activation::Gelu),
            positions: DecoderPositions::Sinusoidal,
            masks: vec![Mask::Causal; n_layers],
            scaling: ScoreScaling::BY_ROOT,
            is_tied: true,
            begin: Some(BOS),
            ends: vec![EOS],
            context: usize::MAX,
        };
        Self::load(weights, plan)
    }

    /// A checkpoint of the GPT-2 family.
    ///
    /// # Errors
    /// If a setting is not supported, or weights are missing or misshapen; all of them are listed.
    pub fn gpt2(checkpoint: &Checkpoint) -> Result<Self> {
        let plan = gpt2::plan(checkpoint)?;
        Self::load(&checkpoint.weights(&gpt2::expected_weights(&plan))?, plan)
    }

    /// A checkpoint of the Llama family.
    ///
    /// # Errors
    /// As for [`Self::gpt2`].
    pub fn llama(checkpoint: &Checkpoint) -> Result<Self> {
        let plan = llama::plan(checkpoint)?;
        Self::load(&checkpoint.weights(&llama::expected_weights(checkpoint, &plan)?)?, plan)
    }

    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, plan: DecoderPlan) -> Result<Self> {
        let DecoderPlan { heads: HeadSizes { d_model, .. }, n_vocab, .. } = plan;
        let table = |name: &str, n_rows| weights.matrix(name, (n_rows, d_model));
        let block = |l| Ok(Arc::new(PreNorm::load(weights, &plan, l)?) as _);
        Ok(Self {
            embed: table("embed.weight", n_vocab)?,
            positions: match plan.positions {
                DecoderPositions::Learned(n) => Some(table("positions.weight", n)?),
                DecoderPositions::Sinusoidal | DecoderPositions::Rotary(_) => None,
            },
            blocks: (0..plan.n_layers).map(block).collect::<Result<_>>()?,
            final_norm: Norm::load(weights, source_scope("final_norm"), d_model, plan.norm)?
                .with_role(Role::LastNorm),
            unembed: (!plan.is_tied).then(|| table("unembed.weight", n_vocab)).transpose()?,
            plan,
        })
    }

    /// The last block's residual stream after every position. -> (position, d_model)
    fn encode(&self, tape: &mut Tape, ids: &[u32]) -> Node {
        let x = self.embed(tape, ids);
        self.blocks.iter().fold(x, |x, block| tape.block(block, &[x]))
    }

    /// The first block's input. -> (position, d_model)
    fn embed(&self, tape: &mut Tape, ids: &[u32]) -> Node {
        let at = source_scope("tokens");
        let (table, n, d_model) = (tape.weight(&self.embed), ids.len(), self.plan.heads.d_model);
        let embed = tape.lookup(at.at(&EMBED), table, ids); // (position, d_model)
        match (&self.plan.positions, &self.positions) {
            (DecoderPositions::Sinusoidal, _) => {
                let scaled = tape.scale(at.at(&SCALED), embed, (d_model as f32).sqrt());
                let pos = tape.positions(at.at(&POS), Waves::Alternating, n, d_model);
                tape.add(at.at(&INPUT), scaled, pos)
            }
            (_, Some(positions)) => {
                let positions = tape.weight(positions);
                let pos = tape.learned_positions(at.at(&LEARNED), positions, n, 0);
                tape.add(at.at(&SUM), embed, pos)
            }
            (_, None) => tape.identity(at.at(&PLAIN), embed),
        }
    }

    /// The logits at every position of the stream. x (position, d_model) -> (position, vocab)
    fn predict(&self, tape: &mut Tape, x: Node) -> Node {
        let x = self.final_norm.forward(tape, x);
        let table = tape.weight(self.unembed.as_ref().unwrap_or(&self.embed));
        predict(tape, &source_scope(""), x, table, None, 0)
    }

    fn with_begin(&self, text: &[u32]) -> Vec<u32> {
        self.plan.begin.into_iter().chain(text.iter().copied()).collect()
    }
}

impl Model for DecoderOnly {
    /// Reads the sentence after the model's beginning token, if it has one; the output is the next token.
    fn run(&self, source: &[u32], setup: &Setup) -> Pass {
        let source = self.with_begin(source);
        let mut tape = setup.tape();
        let x = self.encode(&mut tape, &source);
        let logits = self.predict(&mut tape, x);
        let logits = last_row(tape.value(logits).matrix());
        let output = vec![setup.choosing().token(&logits, 0, EOS)];
        Pass { tape, source, target: vec![], output, beams: None }
    }

    fn ends(&self) -> &[u32] {
        &self.plan.ends
    }

    fn sizes(&self) -> Option<ModelSizes> {
        let DecoderPlan { n_layers, heads, d_ff, n_vocab, context, .. } = self.plan;
        let is_gated = matches!(self.plan.feed, FeedKind::Gated(_));
        Some(ModelSizes { n_layers, n_beside: 0, heads, d_ff, is_gated, n_vocab, context })
    }

    /// Applies the final norm before the logits.
    fn unembed(&self, rows: &Matrix) -> Option<Matrix> {
        let mut tape = Tape::default();
        let x = tape.leaf(source_scope("").at(&RESID_POST), Arc::new(rows.clone().into()));
        let logits = self.predict(&mut tape, x);
        Some(tape.value(logits).matrix().clone())
    }

    fn writer(&self, setup: &Setup) -> Option<Box<dyn Writer + '_>> {
        let changes = Arc::clone(&setup.changes);
        Some(Box::new(DecoderWriter { model: self, changes, past: Past::default() }))
    }

    fn read(&self, source: &[u32], setup: &Setup) -> Tape {
        let mut tape = setup.tape();
        self.encode(&mut tape, source);
        tape
    }
}

/// A text being continued, with the keys and values of the tokens read.
struct DecoderWriter<'a> {
    model: &'a DecoderOnly,
    changes: Arc<Changes>,
    past: Past,
}

impl Writer for DecoderWriter<'_> {
    fn read(&mut self, ids: &[u32]) -> Option<Vec<f32>> {
        in_pool(|| self.read_on(ids))
    }
}

impl DecoderWriter<'_> {
    fn read_on(&mut self, ids: &[u32]) -> Option<Vec<f32>> {
        let is_first = self.past.n_rows() == 0;
        let ids = if is_first { self.model.with_begin(ids) } else { ids.to_vec() };
        let n = ids.len();
        if n == 0 || self.past.n_rows() + n > self.model.plan.positions.longest() {
            return None;
        }
        let tape = Tape::changed(Arc::clone(&self.changes)).keeping(Keep::Boundaries);
        let mut tape = tape.after(std::mem::take(&mut self.past));
        let x = self.model.encode(&mut tape, &ids);
        let last = tape.value(x).matrix().rows(n - 1, 1).into_owned();
        let place = tape.entry(x).place.clone();
        self.past = tape.into_past(n);
        Some(self.predict(place.row(self.past.n_rows() - 1), last.into()))
    }

    /// The logits after one row of the stream.
    fn predict(&self, place: Place, last: Value) -> Vec<f32> {
        let before = Past::of_rows(place.origin.row);
        let mut tape = Tape::changed(Arc::clone(&self.changes)).after(before);
        let x = tape.leaf(place, Arc::new(last));
        let logits = self.model.predict(&mut tape, x);
        last_row(tape.value(logits).matrix())
    }
}
