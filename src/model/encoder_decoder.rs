//! Encoder-decoder Transformers (Vaswani et al. 2017): the built-in ones, and checkpoints of the BART, Marian and
//! T5 families.
//!
//! The families differ in an [`EncoderDecoderPlan`] only; layers, decoding and generation rules are shared.

mod bart;
mod encoder;
mod layers;
mod plan;
mod rules;
mod t5;
mod writing;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
pub use bart::{BART, BartFamily, M2M, MARIAN, MBART, PEGASUS};
use encoder::EncoderAlone;
use layers::{DecoderLayer, EncoderLayer};
pub use plan::{
    EncoderDecoderEmbeddingPlan, EncoderDecoderPlan, EncoderDecoderPositions, NormPlacement,
    OutputPlan,
};
pub use rules::GenerationRules;

use super::{
    EMBED, Model, ModelSizes, POS, Pass, SCALED, Setup, StackSizes, computed_of,
    decoding::{Decoded, longest_output},
    predict, source_scope, target_scope,
};
use crate::{
    engine::{
        change::Changes,
        math::Waves,
        site::{
            Axis::{Channel, Position},
            Role, Scope, Site,
        },
        tape::{Block, Keep, Node, Tape, Weight},
        value::Matrix,
    },
    model::layer::{
        attention::HeadSizes,
        feed_forward::{Activation, FeedKind},
        norm::{Norm, NormKind},
    },
    text::{BOS, EOS},
    weights::{Checkpoint, Weights},
};

pub static TABLE_POS: Site =
    Site::matrix("pos", [Position, Channel], "each position's row of the model's table")
        .with(Role::AddedPositions)
        .called(&["PE(pos,2i)", "PE(pos)"]);
pub static INPUT: Site = Site::matrix(
    "input",
    [Position, Channel],
    "what the first layer reads: scaled embedding + position",
)
.with(Role::StreamInput)
.called(&["input_t", "input", "x"]);
pub static SUM: Site = Site::matrix("input", [Position, Channel], "embedding + position")
    .with(Role::StreamInput)
    .called(&["input_t", "input", "x"]);
pub static PLAIN: Site =
    Site::matrix("input", [Position, Channel], "what the first layer reads: the embedding alone")
        .with(Role::StreamInput)
        .called(&["input_t", "input", "x"]);
pub static TIED: Site = Site::matrix(
    "scaled",
    [Position, Channel],
    "divided by sqrt(d_model), as logits are made with the table of embeddings",
)
.called(&["scaled"]);

/// The most tokens of an output that settings can ask for; those of translators ask for some hundreds.
const MOST_SAID: usize = 1024;

/// The embedding stage of a stream: from tokens to the first layer's input.
struct Embedder {
    scope: Scope,
    table: Weight,
    positions: Option<Weight>,
    norm: Option<Norm>,
    /// The padding token, where one that is typed has no position.
    padding: Option<u32>,
}

impl Embedder {
    fn load(
        weights: &Weights,
        plan: &EncoderDecoderPlan,
        scope: Scope,
        n_vocab: usize,
    ) -> Result<Self> {
        let d_model = plan.d_model();
        let table = |name: &str, n_rows| weights.matrix(name, (n_rows, d_model));
        let embed =
            if plan.embedding.is_shared { "embed.weight" } else { &scope.weight("embed.weight") };
        let positions = |n_rows| table(&scope.weight("positions.weight"), n_rows);
        let norm = || Norm::load(weights, scope.child("norm"), d_model, plan.norm);
        Ok(Self {
            table: table(embed, n_vocab)?,
            positions: plan.positions.n_rows().map(positions).transpose()?,
            norm: plan.embedding.has_norm.then(norm).transpose()?,
            padding: None,
            scope,
        })
    }

    /// The position of each token of a whole text; a padding token has none and is not counted.
    fn places(&self, ids: &[u32]) -> Vec<Option<usize>> {
        let mut next = 0..;
        ids.iter().map(|id| if self.padding == Some(*id) { None } else { next.next() }).collect()
    }

    /// -> (position, d_model)
    fn forward(&self, tape: &mut Tape, plan: &EncoderDecoderPlan, ids: &[u32]) -> Node {
        let (at, n, d_model) = (&self.scope, ids.len(), plan.d_model());
        let table = tape.weight(&self.table);
        let mut x = tape.lookup_but(at.at(&EMBED), table, ids, plan.unmoved); // (position, d_model)
        let is_scaled = plan.embedding.is_scaled;
        if is_scaled {
            x = tape.scale(at.at(&SCALED), x, (d_model as f32).sqrt());
        }
        let pos = match (plan.positions, &self.positions) {
            (EncoderDecoderPositions::Sinusoidal(waves), _) => Some(match self.padding {
                Some(_) => tape.positions_of(at.at(&POS), waves, self.places(ids), d_model),
                None => tape.positions(at.at(&POS), waves, n, d_model),
            }),
            (EncoderDecoderPositions::Table { offset, .. }, Some(table)) => {
                let table = tape.weight(table);
                Some(tape.learned_positions(at.at(&TABLE_POS), table, n, offset))
            }
            _ => None,
        };
        let input = at.at(if is_scaled { &INPUT } else { &SUM });
        x = match pos {
            Some(pos) => tape.add(input, x, pos),
            None => tape.identity(at.at(&PLAIN), x),
        };
        self.norm.as_ref().map_or(x, |norm| norm.forward(tape, x))
    }
}

/// The layers of a stack, their tables of relative positions, and the final norm.
struct Layers {
    all: Vec<Arc<dyn Block>>,
    /// One for all layers, one for each, or none. (bucket, head)
    relative: Vec<Weight>,
    norm: Option<Norm>,
}

/// The name of a table of relative positions: a layer's own, or that of all layers.
fn relative_table(side: &str, layer: Option<usize>) -> String {
    let of_layer = layer.map(|l| format!("{l}.")).unwrap_or_default();
    format!("{side}.{of_layer}relative.weight")
}

impl Layers {
    fn load<B: Block + 'static>(
        weights: &Weights,
        plan: &EncoderDecoderPlan,
        side: &str,
        norm_scope: Scope,
        stack: StackSizes,
        layer: impl Fn(&Weights, &EncoderDecoderPlan, usize) -> Result<B>,
    ) -> Result<Self> {
        let relative = match plan.positions {
            EncoderDecoderPositions::Relative { n_buckets, is_by_layer, .. } => {
                let shape = (n_buckets, stack.heads.n_heads);
                let table = |l| weights.matrix(&relative_table(side, l), shape);
                let layers = (0..stack.n_layers).map(Some);
                if is_by_layer {
                    layers.map(table).collect()
                } else {
                    table(None).map(|t| vec![t])
                }?
            }
            EncoderDecoderPositions::Sinusoidal(_) | EncoderDecoderPositions::Table { .. } => {
                vec![]
            }
        };
        let norm = || Norm::load(weights, norm_scope, plan.d_model(), plan.norm);
        let layer = |l| Ok(Arc::new(layer(weights, plan, l)?) as _);
        Ok(Self {
            all: (0..stack.n_layers).map(layer).collect::<Result<_>>()?,
            relative,
            norm: (plan.order == NormPlacement::PreNorm).then(norm).transpose()?,
        })
    }

    /// x (position, d_model), the encoder's output for a decoder -> (position, d_model)
    fn forward(&self, tape: &mut Tape, x: Node, memory: Option<Node>) -> Node {
        let tables: Vec<Node> = self.relative.iter().map(|table| tape.weight(table)).collect();
        let through = |x, (l, layer)| {
            let table = tables.get(l).or(tables.first()).copied();
            let inputs: Vec<Node> = [x].into_iter().chain(memory).chain(table).collect();
            tape.block(layer, &inputs)
        };
        let x = self.all.iter().enumerate().fold(x, through);
        self.norm.as_ref().map_or(x, |norm| norm.forward(tape, x))
    }
}

/// An encoder-decoder model.
pub struct EncoderDecoder {
    plan: EncoderDecoderPlan,
    source: Embedder,
    target: Embedder,
    encoder: Layers,
    decoder: Layers,
    /// The table of the logits, if it is not the embedding table.
    unembed: Option<Weight>,
    bias: Option<Weight>,
}

impl EncoderDecoder {
    /// A built-in model.
    ///
    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn embedded(weights: &Weights) -> Result<Self> {
        let number = |key| weights.number(key);
        let stack = StackSizes {
            n_layers: number("n_layers")?,
            heads: HeadSizes::slices(number("d_model")?, number("n_heads")?),
            d_ff: number("d_ff")?,
        };
        let plan = EncoderDecoderPlan {
            encoder: stack,
            decoder: stack,
            n_vocab: [number("vocab_size")?; 2],
            embedding: EncoderDecoderEmbeddingPlan {
                is_shared: true,
                is_scaled: true,
                has_norm: false,
            },
            order: NormPlacement::PostNorm,
            norm: NormKind::default(),
            feed: FeedKind::Plain(Activation::Relu),
            positions: EncoderDecoderPositions::Sinusoidal(Waves::Alternating),
            are_scores_scaled: true,
            output: OutputPlan { is_tied: true, is_scaled: false },
            rules: GenerationRules { start: BOS, ends: vec![EOS], ..GenerationRules::default() },
            context: usize::MAX,
            padding: None,
            unmoved: None,
        };
        Self::load(weights, plan)
    }

    /// A checkpoint of the BART family.
    ///
    /// # Errors
    /// If a setting is not supported, or weights are missing or misshapen; all of them are listed.
    pub fn bart(checkpoint: &Checkpoint, family: BartFamily) -> Result<Self> {
        let plan = bart::plan(checkpoint, family)?;
        let weights = checkpoint.weights(&bart::expected_weights(&plan))?;
        Self::load(&weights, plan).with_context(|| checkpoint.name())
    }

    /// A checkpoint of T5 with both stacks.
    ///
    /// # Errors
    /// As for [`Self::bart`].
    fn t5(checkpoint: &Checkpoint) -> Result<Self> {
        let plan = t5::plan(checkpoint)?;
        let weights = checkpoint.weights(&t5::expected_weights(&plan))?;
        Self::load(&weights, plan).with_context(|| checkpoint.name())
    }

    /// # Errors
    /// If a weight is missing or misshapen.
    pub fn load(weights: &Weights, mut plan: EncoderDecoderPlan) -> Result<Self> {
        let [sources, targets] = plan.n_vocab;
        for first in [&mut plan.rules.first, &mut plan.rules.given_first] {
            *first = first.filter(|&first| (first as usize) < targets);
        }
        let start = plan.rules.start;
        ensure!(
            (start as usize) < targets,
            "`decoder_start_token_id` is {start}, but the vocabulary has {targets} tokens"
        );
        let own = || weights.matrix("unembed.weight", (targets, plan.d_model()));
        Ok(Self {
            // What the decoder reads grows: there transformers counts padding of the past too.
            source: Embedder {
                padding: plan.padding,
                ..Embedder::load(weights, &plan, source_scope("src"), sources)?
            },
            target: Embedder::load(weights, &plan, target_scope("tgt"), targets)?,
            encoder: Layers::load(
                weights,
                &plan,
                "encoder",
                source_scope("encoder_norm"),
                plan.encoder,
                EncoderLayer::load,
            )?,
            decoder: Layers::load(
                weights,
                &plan,
                "decoder",
                target_scope("decoder_norm"),
                plan.decoder,
                DecoderLayer::load,
            )?,
            unembed: (!plan.output.is_tied).then(own).transpose()?,
            bias: weights.optional_row("unembed.bias", targets)?,
            plan,
        })
    }

    /// The encoder's output. -> (source, d_model)
    fn encode(&self, tape: &mut Tape, source: &[u32]) -> Node {
        let x = self.source.forward(tape, &self.plan, source);
        self.encoder.forward(tape, x, None)
    }

    /// The decoder's output at every target position. -> (target, d_model)
    fn decode(&self, tape: &mut Tape, memory: Node, target: &[u32]) -> Node {
        let y = self.target.forward(tape, &self.plan, target);
        self.decoder.forward(tape, y, Some(memory))
    }

    /// The logits of every row of the stream. y (target, d_model) -> (target, vocab)
    fn predict(&self, tape: &mut Tape, y: Node) -> Node {
        let y = if self.plan.output.is_scaled {
            let factor = (self.plan.d_model() as f64).powf(-0.5) as f32;
            tape.scale(target_scope("decoder_norm").at(&TIED), y, factor)
        } else {
            y
        };
        let table = tape.weight(self.unembed.as_ref().unwrap_or(&self.target.table));
        let bias = self.bias.as_ref().map(|bias| tape.weight(bias));
        predict(tape, &target_scope(""), y, table, bias, 0)
    }

    /// The most tokens that are written for a source of `n`: as many as the settings say, or else some more than the
    /// source has.
    fn longest(&self, n: usize, setup: &Setup) -> usize {
        let rules = &self.plan.rules;
        let usual = longest_output(n);
        let own = || rules.longest.unwrap_or(usual.max(rules.shortest)).min(MOST_SAID.max(usual));
        setup.longest.unwrap_or_else(own).clamp(1, self.plan.context)
    }
}

/// A checkpoint of T5: a translator, or its encoder alone.
///
/// # Errors
/// As for [`EncoderDecoder::bart`].
pub fn t5(checkpoint: &Checkpoint) -> Result<Arc<dyn Model>> {
    Ok(if t5::is_encoder_alone(checkpoint) {
        Arc::new(EncoderAlone::t5(checkpoint)?)
    } else {
        Arc::new(EncoderDecoder::t5(checkpoint)?)
    })
}

impl Model for EncoderDecoder {
    /// Decodes first, then records a pass over the finished output.
    fn run(&self, source: &[u32], setup: &Setup) -> Pass {
        let mut tape = setup.tape();
        let memory = self.encode(&mut tape, source);
        let longest = self.longest(source.len(), setup);
        let Decoded { target, mut output, beams } = match &setup.forced {
            None => self.write(&tape, memory, longest, setup),
            Some(forced) => {
                let start = [self.plan.rules.start].into_iter();
                let read = start.chain(forced.iter().copied()).take(self.plan.context);
                Decoded { target: read.collect(), output: vec![], beams: None }
            }
        };
        let y = self.decode(&mut tape, memory, &target);
        let logits = self.predict(&mut tape, y);
        if setup.forced.is_some() {
            output = self.likeliest(tape.value(logits).matrix(), &target);
        }
        Pass { tape, source: source.to_vec(), target, output, beams }
    }

    /// Applies the decoder's final norm, if it has one, before the logits.
    fn unembed(&self, rows: &Matrix, changes: &Arc<Changes>) -> Option<Matrix> {
        let mut tape = Tape::changed(Arc::clone(changes));
        let mut y = tape.leaf(target_scope("").at(&INPUT), Arc::new(rows.clone().into()));
        if let Some(norm) = &self.decoder.norm {
            y = norm.forward(&mut tape, y);
        }
        let logits = self.predict(&mut tape, y);
        Some(tape.value(logits).matrix().clone())
    }

    fn read(&self, source: &[u32], setup: &Setup) -> Tape {
        let mut tape = setup.tape();
        self.encode(&mut tape, source);
        tape
    }

    fn ends(&self) -> &[u32] {
        &self.plan.rules.ends
    }

    fn not_obeyed(&self) -> &[String] {
        &self.plan.rules.not_obeyed
    }

    fn first(&self) -> Option<u32> {
        self.plan.rules.first
    }

    fn given(&self, text: Vec<u32>) -> Vec<u32> {
        let missing = self.plan.rules.given_first.filter(|first| text.first() != Some(first));
        missing.into_iter().chain(text).collect()
    }

    fn forced_end(&self) -> Option<usize> {
        self.plan.rules.forced_end(None)
    }

    /// Counts the longest output, in case the decoder does not end earlier.
    fn pass_bytes(&self, n: usize, keep: Keep) -> Option<u64> {
        let sizes = self.sizes()?;
        let EncoderDecoderPlan { encoder, decoder, .. } = self.plan;
        let of = |stack: StackSizes, n_vocab| ModelSizes {
            n_layers: stack.n_layers,
            n_attending: stack.n_layers,
            heads: stack.heads,
            d_ff: stack.d_ff,
            n_vocab,
            ..sizes
        };
        let (encoder, decoder) = (of(encoder, 0), of(decoder, sizes.n_vocab));
        let m = self.longest(n, &Setup::default());
        let (reads, writes) =
            (encoder.vectors(n), decoder.vectors(m) + 4 * m * decoder.heads.d_model);
        let across = 4 * m * n * decoder.heads.n_heads;
        let scores =
            encoder.n_layers * encoder.scores(n) + decoder.n_layers * (decoder.scores(m) + across);
        let vectors = encoder.n_layers * reads + decoder.n_layers * writes;
        let insides = match keep {
            Keep::All => vectors + scores,
            Keep::AllButScores => vectors + computed_of(scores, n.max(m)),
            Keep::Boundaries => reads + writes * 3 / 2 + computed_of(scores, n.max(m)),
        };
        Some(4 * (encoder.boundaries(n) + decoder.boundaries(m) + insides) as u64)
    }

    fn sizes(&self) -> Option<ModelSizes> {
        let EncoderDecoderPlan { encoder, decoder, n_vocab, context, .. } = self.plan;
        Some(ModelSizes {
            n_layers: encoder.n_layers + decoder.n_layers,
            stacks: Some([encoder, decoder]),
            narrow: None,
            d_beside: 0,
            n_attending: encoder.n_layers + decoder.n_layers,
            d_states: 0,
            heads: if decoder.heads.n_heads > encoder.heads.n_heads { decoder } else { encoder }
                .heads,
            d_ff: encoder.d_ff.max(decoder.d_ff),
            is_gated: matches!(self.plan.feed, FeedKind::Gated(_)),
            experts: None,
            n_vocab: n_vocab[1],
            context,
        })
    }
}
