//! Decoder-only language models, from GPT-2 (Radford et al. 2019) to mixtures of experts; the built-in model is a GPT-2
//! with sinusoidal positions.
//!
//! A sentence encoder that was made from one has a pooling in the place of the logits, a classifier or a reranker the map to
//! its classes.
//!
//! There is one forward pass. Families differ in a [`DecoderPlan`] only: a [`Family`] is the keys of its settings, the
//! names of its tensors, and its style. What a plan has not makes no site.

mod alibi;
mod block;
mod deepseek;
mod eleuther;
mod family;
mod gemma;
mod gemma4;
mod glm;
mod gpt2;
mod hunyuan;
mod hybrid;
mod layer_norm;
mod lfm;
mod llama;
mod llama4;
mod mamba;
mod mamba_hybrids;
mod mixtures;
mod names;
mod plan;
mod qwen_hybrid;
mod rope;
mod windows;

use std::sync::Arc;

use anyhow::Result;

pub use family::Family;
pub use plan::{
    DecoderPlan, EmbeddingPlan, EmbeddingScale, LayerOrder, LayerPlan, LogitsPlan, MixerPlan,
    PositionPlan,
};

use super::{
    EMBED, ExpertCounts, LOGITS, Model, ModelSizes, POS, PROBS, Pass, SCALED, Setup, Writer,
    last_row, source_scope,
};
use crate::{
    engine::{
        change::Changes,
        math::{Waves, in_pool},
        site::{
            Axis::{Channel, Position, Vocab},
            Place, Role, Site,
        },
        tape::{Block, Keep, Node, Past, Tape, Weight},
        value::{Matrix, Value},
    },
    model::{
        classes::Classes,
        layer::{
            attention::HeadSizes,
            experts::ExpertsPlan,
            feed::FeedPlan,
            feed_forward::{Activation, FeedKind},
            norm::Norm,
            per_layer::PerLayerTable,
        },
        pool::Pool,
    },
    text::EOS,
    weights::{Checkpoint, Weights},
};
use block::{DecoderBlock, LayerInputs, RESID_POST};

/// The families of checkpoints, in the order in which they are listed.
pub static FAMILIES: &[&[Family]] = &[
    gpt2::FAMILIES,
    llama::FAMILIES,
    gemma::FAMILIES,
    gemma4::FAMILIES,
    eleuther::FAMILIES,
    layer_norm::FAMILIES,
    glm::FAMILIES,
    hunyuan::FAMILIES,
    alibi::FAMILIES,
    mixtures::FAMILIES,
    deepseek::FAMILIES,
    llama4::FAMILIES,
    mamba::FAMILIES,
    mamba_hybrids::FAMILIES,
    lfm::FAMILIES,
    qwen_hybrid::FAMILIES,
];

pub static LEARNED: Site =
    Site::matrix("pos", [Position, Channel], "each position's row of a learned table")
        .with(Role::AddedPositions)
        .called(&["PE(pos,2i)", "PE(pos)"]);
pub static INPUT: Site = Site::matrix(
    "input",
    [Position, Channel],
    "what the first block reads: scaled embedding + position",
)
.with(Role::StreamInput)
.called(&["input_t", "input", "x"]);
pub static SUM: Site =
    Site::matrix("input", [Position, Channel], "what the first block reads: embedding + position")
        .with(Role::StreamInput)
        .called(&["input_t", "input", "x"]);
pub static PLAIN: Site =
    Site::matrix("input", [Position, Channel], "what the first block reads: the embedding alone")
        .with(Role::StreamInput)
        .called(&["input_t", "input", "x"]);
pub static MULTIPLIED: Site =
    Site::matrix("scaled", [Position, Channel], "embedding * the embedding multiplier")
        .called(&["E[id] · m", "scaled"]);
pub static SCALED_INPUT: Site =
    Site::matrix("input", [Position, Channel], "what the first block reads: the scaled embedding")
        .with(Role::StreamInput)
        .called(&["input_t", "input", "x"]);
pub static NORMED_INPUT: Site = Site::matrix(
    "input",
    [Position, Channel],
    "what the first block reads: the normalised embedding",
)
.with(Role::StreamInput)
.called(&["input_t", "input", "x"]);
pub static UNSCALED_LOGITS: Site =
    Site::matrix("raw_logits", [Position, Vocab], "a score for every token, before the scale")
        .called(&["x Eᵀ"]);
pub static UNCAPPED_LOGITS: Site =
    Site::matrix("raw_logits", [Position, Vocab], "a score for every token, before the cap")
        .called(&["x Eᵀ"])
        .with(Role::UncappedLogits);
pub static SCALED_LOGITS: Site =
    Site::matrix("scaled_logits", [Position, Vocab], "the scores scaled, before the cap")
        .with(Role::UncappedLogits);

/// A decoder-only model.
pub struct DecoderOnly {
    plan: DecoderPlan,
    embed: Weight,
    positions: Option<Weight>,
    embed_norm: Option<Norm>,
    per_layer: Option<PerLayerTable>,
    blocks: Vec<Arc<DecoderBlock>>,
    final_norm: Norm,
    unembed: Option<Weight>,
    unembed_bias: Option<Weight>,
    /// Pools the text to one vector, in place of the logits.
    pool: Option<Pool>,
    /// Sorts the text or its tokens into classes, in place of the logits.
    classes: Option<Classes>,
}

impl DecoderOnly {
    /// The built-in model.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn embedded(weights: &Weights) -> Result<Self> {
        let number = |key| weights.number(key);
        let heads = HeadSizes::slices(number("d_model")?, number("n_heads")?);
        let (kind, d_ff) = (FeedKind::Plain(Activation::Gelu), number("d_ff")?);
        let feed = FeedPlan { kind, d_ff, experts: None };
        let (n_layers, n_vocab) = (number("n_layers")?, number("vocab_size")?);
        Self::load(weights, DecoderPlan::built_in(heads, n_layers, feed, n_vocab))
    }

    /// A checkpoint of a family.
    ///
    /// # Errors
    /// If settings are not supported, or weights are missing or misshapen; all of them are listed.
    pub fn open(checkpoint: &Checkpoint, family: &Family) -> Result<Self> {
        let plan = family.plan(checkpoint)?;
        let wanted = family.expected_weights(checkpoint, &plan)?;
        Self::load(&checkpoint.weights(&wanted)?, plan)
    }

    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, plan: DecoderPlan) -> Result<Self> {
        let DecoderPlan { heads: HeadSizes { d_model, .. }, n_vocab, logits, .. } = plan;
        let writes = plan.writes();
        let table = |name: &str, n_rows| weights.matrix(name, (n_rows, d_model));
        let norm = |name| Norm::load(weights, source_scope(name), d_model, plan.norm);
        let block = |l| Ok(Arc::new(DecoderBlock::load(weights, &plan, l)?));
        let per_layer = |of| PerLayerTable::load(weights, source_scope("tokens.ple"), d_model, of);
        Ok(Self {
            embed: table("embed.weight", n_vocab)?,
            positions: match plan.embedding.positions {
                PositionPlan::Learned { n_rows, .. } => Some(table("positions.weight", n_rows)?),
                PositionPlan::Sinusoidal | PositionPlan::None => None,
            },
            embed_norm: plan.embedding.has_norm.then(|| norm("tokens.norm")).transpose()?,
            per_layer: plan.per_layer.map(per_layer).transpose()?,
            blocks: (0..plan.layers.len()).map(block).collect::<Result<_>>()?,
            final_norm: norm("final_norm")?.with_role(Role::LastNorm),
            unembed: (writes && !logits.is_tied)
                .then(|| table("unembed.weight", n_vocab))
                .transpose()?,
            pool: plan.pool.as_ref().map(|pool| Pool::load(weights, pool)).transpose()?,
            classes: plan
                .classes
                .as_ref()
                .map(|classes| Classes::load(weights, classes, d_model))
                .transpose()?,
            unembed_bias: if writes && logits.has_bias {
                Some(weights.row("unembed.bias", n_vocab)?)
            } else {
                None
            },
            plan,
        })
    }

    /// The last block's residual stream after every position. -> (position, d_model)
    fn encode(&self, tape: &mut Tape, ids: &[u32]) -> Node {
        let x = self.embed(tape, ids);
        let embeddings = self.per_layer.as_ref().map(|table| {
            let unmoved = self.plan.embedding.unmoved;
            table.forward(tape, x, ids, unmoved)
        });
        let mut beside = LayerInputs::with(embeddings);
        self.blocks.iter().fold(x, |x, block| {
            let inputs = block.inputs(tape, x, &mut beside);
            let block: Arc<dyn Block> = Arc::<DecoderBlock>::clone(block);
            tape.block(&block, &inputs)
        })
    }

    /// The first block's input. -> (position, d_model)
    fn embed(&self, tape: &mut Tape, ids: &[u32]) -> Node {
        let at = source_scope("tokens");
        let (table, n, d_model) = (tape.weight(&self.embed), ids.len(), self.plan.heads.d_model);
        let unmoved = self.plan.embedding.unmoved;
        let embed = tape.lookup_but(at.at(&EMBED), table, ids, unmoved); // (position, d_model)
        let scaled = match self.plan.embedding.scale {
            EmbeddingScale::None => embed,
            EmbeddingScale::Root => tape.scale(at.at(&SCALED), embed, (d_model as f32).sqrt()),
            EmbeddingScale::Factor(factor) => tape.scale(at.at(&MULTIPLIED), embed, factor),
        };
        match (self.plan.embedding.positions, &self.positions) {
            (PositionPlan::Sinusoidal, _) => {
                let pos = tape.positions(at.at(&POS), Waves::Alternating, n, d_model);
                tape.add(at.at(&INPUT), scaled, pos)
            }
            (PositionPlan::Learned { offset, .. }, Some(positions)) => {
                let positions = tape.weight(positions);
                let pos = tape.learned_positions(at.at(&LEARNED), positions, n, offset);
                tape.add(at.at(&SUM), scaled, pos)
            }
            _ => match &self.embed_norm {
                Some(norm) => {
                    let normed = norm.forward(tape, scaled);
                    tape.identity(at.at(&NORMED_INPUT), normed)
                }
                None if scaled != embed => tape.identity(at.at(&SCALED_INPUT), scaled),
                None => tape.identity(at.at(&PLAIN), embed),
            },
        }
    }

    /// The logits at every position of the stream. x (position, d_model) -> (position, vocab)
    fn predict(&self, tape: &mut Tape, x: Node) -> Node {
        let at = source_scope("");
        let x = self.final_norm.forward(tape, x);
        let logits = self.logits(tape, x);
        tape.softmax_of_logits(at.at(&PROBS), logits); // (position, vocab)
        logits
    }

    /// `cap(scale * (x Eᵀ + b))`, with the parts that the plan has; the last of them is the site `logits`.
    fn logits(&self, tape: &mut Tape, x: Node) -> Node {
        let LogitsPlan { scale, cap, .. } = self.plan.logits;
        let at = source_scope("");
        let table = tape.weight(self.unembed.as_ref().unwrap_or(&self.embed));
        let bias = self.unembed_bias.as_ref().map(|bias| tape.weight(bias));
        let before_cap = |site| if cap.is_none() { &LOGITS } else { site };
        let unscaled =
            if scale.is_none() { before_cap(&UNCAPPED_LOGITS) } else { &UNSCALED_LOGITS };
        let place = at.at(unscaled);
        let mut logits = match bias {
            None => tape.matmul_nt(place, x, table), // (position, vocab)
            Some(bias) => tape.linear_nt(place, x, table, bias),
        };
        if let Some(scale) = scale {
            logits = tape.scale(at.at(before_cap(&SCALED_LOGITS)), logits, scale);
        }
        if let Some(cap) = cap {
            logits = tape.soft_cap(at.at(&LOGITS), logits, cap);
        }
        logits
    }

    fn with_begin(&self, text: &[u32]) -> Vec<u32> {
        self.plan.begin.into_iter().chain(text.iter().copied()).collect()
    }
}

impl Model for DecoderOnly {
    /// Reads the sentence after the model's beginning token, if it has one; the output is the next token, or none where a
    /// pooling or classes follow.
    fn run(&self, source: &[u32], setup: &Setup) -> Pass {
        let source = self.with_begin(source);
        let mut tape = setup.tape();
        let x = self.encode(&mut tape, &source);
        let output = if let Some(pool) = &self.pool {
            let x = self.final_norm.forward(&mut tape, x);
            pool.forward(&mut tape, x); // (1, width)
            vec![]
        } else if let Some(classes) = &self.classes {
            let x = self.final_norm.forward(&mut tape, x);
            classes.forward(&mut tape, x, &source);
            vec![]
        } else {
            let logits = self.predict(&mut tape, x);
            let logits = last_row(tape.value(logits).matrix());
            vec![setup.choosing().token(&logits, 0, EOS)]
        };
        Pass { tape, source, target: vec![], output, beams: None }
    }

    fn classes(&self) -> &[String] {
        self.classes.as_ref().map_or(&[], |classes| classes.labels())
    }

    fn ends(&self) -> &[u32] {
        &self.plan.ends
    }

    fn not_obeyed(&self) -> &[String] {
        &self.plan.not_obeyed
    }

    /// With a pooling or classes there are no logits of words.
    fn pass_bytes(&self, n: usize, keep: Keep) -> Option<u64> {
        let all = self.sizes()?;
        let sizes = if self.plan.writes() { all } else { ModelSizes { n_vocab: 0, ..all } };
        Some(sizes.bytes(n, keep) as u64)
    }

    fn sizes(&self) -> Option<ModelSizes> {
        let DecoderPlan { n_vocab, context, ref layers, .. } = self.plan;
        let feeds = || layers.iter().filter_map(|layer| layer.feed);
        let feed = feeds().max_by_key(FeedPlan::active_units);
        let experts = feeds().find_map(|feed| feed.experts);
        let counts = |plan: ExpertsPlan| ExpertCounts {
            n: plan.n,
            k: plan.k,
            has_shared: plan.shared.is_some(),
        };
        Some(ModelSizes {
            n_layers: layers.len(),
            stacks: None,
            n_attending: layers.iter().filter(|layer| layer.attends()).count(),
            d_states: layers.iter().map(|layer| layer.mixer.d_states()).max().unwrap_or(0),
            heads: self.plan.widest_heads(),
            narrow: self.plan.narrow_heads(),
            d_beside: self.plan.d_beside(),
            d_ff: feed.map_or(0, |feed| feed.active_units()),
            is_gated: feed.is_some_and(|feed| feed.is_gated()),
            experts: experts.map(counts),
            n_vocab,
            context,
        })
    }

    /// Applies the final norm before the logits.
    fn unembed(&self, rows: &Matrix, changes: &Arc<Changes>) -> Option<Matrix> {
        if !self.plan.writes() {
            return None;
        }
        let mut tape = Tape::changed(Arc::clone(changes));
        let x = tape.leaf(source_scope("").at(&RESID_POST), Arc::new(rows.clone().into()));
        let logits = self.predict(&mut tape, x);
        Some(tape.value(logits).matrix().clone())
    }

    fn writer(&self, setup: &Setup) -> Option<Box<dyn Writer + '_>> {
        if !self.plan.writes() {
            return None;
        }
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
#[derive(Clone)]
struct DecoderWriter<'a> {
    model: &'a DecoderOnly,
    changes: Arc<Changes>,
    past: Past,
}

impl Writer for DecoderWriter<'_> {
    fn read(&mut self, ids: &[u32]) -> Option<Vec<f32>> {
        in_pool(|| self.read_on(ids))
    }

    fn fork(&self) -> Box<dyn Writer + '_> {
        Box::new(self.clone())
    }
}

impl DecoderWriter<'_> {
    fn read_on(&mut self, ids: &[u32]) -> Option<Vec<f32>> {
        let is_first = self.past.n_rows() == 0;
        let ids = if is_first { self.model.with_begin(ids) } else { ids.to_vec() };
        let n = ids.len();
        if n == 0 || self.past.n_rows() + n > self.model.plan.embedding.positions.longest() {
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
