//! Encoder-only models: BERT (Devlin et al. 2019), RoBERTa (Liu et al. 2019), DistilBERT (Sanh et al. 2019), ELECTRA (Clark
//! et al. 2020), ALBERT (Lan et al. 2020), MPNet (Song et al. 2020), DeBERTa, its v2 and v3 (He et al. 2021), Nomic Embed (Nussbaum et al. 2024), and sentence encoders made from them (Reimers and
//! Gurevych 2019).
//!
//! Every token attends to every other; norms follow the sub-layers. A model with a head predicts masked tokens, or sorts
//! texts or tokens into classes; one without returns one vector for the sentence.

mod classes;
mod config;
mod encoder;
mod family;
mod head;
mod modern;
mod names;

use std::sync::Arc;

use anyhow::Result;

use super::{EMBED, ModelSizes, source_scope};
use crate::{
    engine::{
        site::{
            Axis::{Channel, Distance, Position, Single},
            Role, Scope, Site, SubLayer,
        },
        tape::{Block, Buckets, DistanceBuckets, Moments, Node, Tape, Weight},
    },
    model::layer::{
        attention::{Attention, AttentionPlan, HeadSizes, Mask, Relative},
        feed::{Feed, FeedPlan},
        norm::{Norm, NormKind},
    },
    weights::{Checkpoint, Weights},
};
pub(super) use encoder::Encoder;
pub use family::BertFamily;
pub(super) use head::Head;
use head::HeadPlan;
pub use head::{HIDDEN as HEAD_HIDDEN, MASKED_WORDS, SUM as HEAD_SUM};
pub use modern::ModernBert;

pub static POS: Site =
    Site::matrix("pos", [Position, Channel], "each position's row of a learned table")
        .with(Role::AddedPositions)
        .called(&["PE(pos,2i)", "PE(pos)"]);
pub static TYPE: Site = Site::matrix(
    "type",
    [Position, Channel],
    "which of two texts a token belongs to: the second, after a separator",
)
.with(Role::AddedTypes);
pub static INPUT: Site = Site::matrix("input", [Position, Channel], "embedding + position + type")
    .with(Role::StreamInput)
    .called(&["input_t", "input", "x"]);
pub static UNTYPED: Site = Site::matrix("input", [Position, Channel], "embedding + position")
    .with(Role::StreamInput)
    .called(&["input_t", "input", "x"]);
pub static PLAIN: Site = Site::matrix("input", [Position, Channel], "the embedding alone")
    .with(Role::StreamInput)
    .called(&["input_t", "input", "x"]);
pub static TYPED: Site = Site::matrix("input", [Position, Channel], "embedding + type")
    .with(Role::StreamInput)
    .called(&["input_t", "input", "x"]);
pub static DISTANCE_ROWS: Site = Site::matrix(
    "rows",
    [Distance, Channel],
    "the table's row of each distance of two tokens: from the farthest after to the farthest before",
)
.with(Role::Positions);
pub static DISTANCE_MEAN: Site =
    Site::matrix("mean", [Distance, Single], "the mean of each distance's vector");
pub static DISTANCE_VAR: Site =
    Site::matrix("var", [Distance, Single], "the variance of each distance's vector")
        .with(Role::NormScale);
pub static DISTANCE_NORMALIZED: Site =
    Site::matrix("normalized", [Distance, Channel], "mean 0, variance 1 in every row");
pub static DISTANCE_OUT: Site =
    Site::matrix("out", [Distance, Channel], "scaled by the gain, shifted by the bias");
pub static DISTANCES: Site = Site::matrix(
    "distances",
    [Distance, Channel],
    "the table's row, normalised, of each distance of two tokens: from the farthest after to the farthest before",
)
.with(Role::Positions);
pub static BARE_DISTANCES: Site = Site::matrix(
    "distances",
    [Distance, Channel],
    "the table's row of each distance of two tokens: from the farthest after to the farthest before",
)
.with(Role::Positions);
pub static PROJECTED: Site =
    Site::matrix("projected", [Position, Channel], "the embedding as wide as the layers: x W + b");
pub static RESIDUAL1: Site =
    Site::matrix("residual1", [Position, Channel], "self-attention's output added to its input")
        .with(Role::Residual(SubLayer::SelfAttention))
        .called(&["residual", "y + attention(y)"]);
pub static RESIDUAL2: Site =
    Site::matrix("residual2", [Position, Channel], "feed-forward's output added to its input")
        .with(Role::Residual(SubLayer::FeedForward))
        .called(&["x + hidden W_2 + b_2"]);

/// The settings that determine an encoder's shape and weights.
#[derive(Clone, Debug)]
struct BertPlan {
    n_layers: usize,
    heads: HeadSizes,
    feed: FeedPlan,
    attention: AttentionPlan,
    /// The width of the tables; where it is not d_model, a map follows.
    d_embed: usize,
    is_projected: bool,
    /// One bias by distance for all layers.
    relative: Option<Buckets>,
    /// Vectors of distances, which queries and keys meet, for all layers.
    distances: Option<DistanceBuckets>,
    has_distance_norm: bool,
    n_vocab: usize,
    /// Rows of the table of positions.
    n_positions: usize,
    /// Whether there is such a table; else this is only the longest text.
    has_positions: bool,
    /// RoBERTa's padding token: positions count from the row after it.
    padding: Option<u32>,
    /// The token whose embedding learns nothing from being read, nor the row of its position: transformers' `padding_idx`.
    unmoved: u32,
    /// Rows of the table of token types; 0 where there is none.
    n_types: usize,
    /// The token behind which the second of two texts begins, where types tell them apart.
    separator: Option<u32>,
    eps: f32,
    head: HeadPlan,
}

impl BertPlan {
    /// The position row of a text's first token.
    const fn first_position(&self) -> usize {
        match self.padding {
            Some(id) => id as usize + 1,
            None => 0,
        }
    }

    /// The position row of each token. A typed padding token has the row of its own id and is not counted, as in
    /// Hugging Face's RoBERTa.
    fn position_rows(&self, ids: &[u32]) -> Vec<u32> {
        let mut next = self.first_position() as u32;
        let row = |&id: &u32| match self.padding {
            Some(padding) if id == padding => padding,
            _ => {
                next += 1;
                next - 1
            }
        };
        ids.iter().map(row).collect()
    }

    /// Which of two texts each token belongs to: 0, and 1 behind the first separator.
    fn type_rows(&self, ids: &[u32]) -> Vec<u32> {
        let first = ids.iter().position(|&id| Some(id) == self.separator);
        (0..ids.len()).map(|i| u32::from(first.is_some_and(|first| i > first))).collect()
    }
}

/// The learned bias of distances. table (bucket, head)
struct RelativeTable {
    table: Weight,
    buckets: Buckets,
}

/// The vectors of distances: rows of a table, normalised where the model does so.
struct DistanceTable {
    /// (row, d_model)
    table: Weight,
    /// Gain and bias.
    norm: Option<[Weight; 2]>,
    eps: f32,
    buckets: DistanceBuckets,
}

impl DistanceTable {
    fn load(weights: &Weights, plan: &BertPlan, buckets: DistanceBuckets) -> Result<Self> {
        let d_model = plan.heads.d_model;
        let of_norm = |name: &str| weights.row(&format!("encoder.distance_norm.{name}"), d_model);
        let norm = || Ok::<_, anyhow::Error>([of_norm("gain")?, of_norm("bias")?]);
        Ok(Self {
            table: weights.matrix("encoder.distances", (2 * buckets.span, d_model))?,
            norm: plan.has_distance_norm.then(norm).transpose()?,
            eps: plan.eps,
            buckets,
        })
    }

    /// The vectors of the distances in a text of `n` tokens; zeros if positions are off. -> (distance, d_model)
    fn forward(&self, tape: &mut Tape, n: usize) -> Node {
        let (tokens, at) = (source_scope("tokens"), source_scope("tokens.distance_norm"));
        let table = tape.weight(&self.table);
        let distances = self.buckets.of_text(n);
        let Some([gain, bias]) =
            self.norm.as_ref().map(|norm| norm.each_ref().map(|w| tape.weight(w)))
        else {
            return tape.positions_in_rows(
                tokens.at(&BARE_DISTANCES),
                table,
                distances.rows(),
                None,
            );
        };
        let rows = tape.lookup(at.at(&DISTANCE_ROWS), table, distances.rows());
        let mean = tape.row_mean(at.at(&DISTANCE_MEAN), rows); // (distance, 1)
        let var = tape.row_variance(at.at(&DISTANCE_VAR), rows, mean); // (distance, 1)
        let moments = Moments { mean, var };
        let normalized = tape.normalize(at.at(&DISTANCE_NORMALIZED), rows, moments, self.eps);
        let normed = tape.gain_bias(at.at(&DISTANCE_OUT), normalized, gain, bias);
        let each: Vec<u32> = (0..distances.rows().len() as u32).collect();
        tape.positions_in_rows(tokens.at(&DISTANCES), normed, &each, None)
    }
}

/// A self-attention and a feed-forward sub-layer, each followed by residual and norm.
struct PostNorm {
    scope: Scope,
    self_attn: Attention,
    norm1: Norm,
    ffn: Feed,
    norm2: Norm,
    relative: Option<RelativeTable>,
    distances: Option<DistanceBuckets>,
}

impl PostNorm {
    fn load(weights: &Weights, plan: &BertPlan, l: usize) -> Result<Self> {
        let scope = source_scope("encoder").layer(l);
        let in_layer = |name| scope.child(name);
        let d_model = plan.heads.d_model;
        let norm = |name| {
            let norm = Norm::load(weights, in_layer(name), d_model, NormKind::layer(plan.eps))?;
            Ok::<_, anyhow::Error>(norm.with_role(Role::NormedStream))
        };
        Ok(Self {
            self_attn: Attention::planned(
                weights,
                in_layer("self_attn"),
                plan.heads,
                plan.attention.clone(),
            )?,
            norm1: norm("norm1")?,
            ffn: Feed::load(weights, in_layer("ffn"), d_model, &plan.feed)?,
            norm2: norm("norm2")?,
            relative: match plan.relative {
                None => None,
                Some(buckets) => {
                    let shape = (buckets.n, plan.heads.n_heads);
                    Some(RelativeTable {
                        table: weights.matrix("encoder.relative", shape)?,
                        buckets,
                    })
                }
            },
            distances: plan.distances,
            scope,
        })
    }

    /// inputs: x (position, d_model), and the rows of distances (distance, d_model) where the model has them.
    fn attend(&self, tape: &mut Tape, inputs: &[Node]) -> Node {
        let x = inputs[0];
        if let Some((buckets, &table)) = self.distances.zip(inputs.get(1)) {
            let distances = Arc::new(buckets.of_text(tape.shape(x).rows));
            return self.self_attn.forward_disentangled(tape, x, table, &distances);
        }
        let relative = self.relative.as_ref();
        let relative =
            relative.map(|of| Relative { table: tape.weight(&of.table), buckets: of.buckets });
        self.self_attn.forward_relative(tape, x, Mask::None, relative)
    }
}

impl Block for PostNorm {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    /// (position, d_model) -> (position, d_model)
    fn forward(&self, tape: &mut Tape, inputs: &[Node]) -> Node {
        let (at, x) = (&self.scope, inputs[0]);
        let attended = self.attend(tape, inputs);
        let residual1 = tape.residual(at.at(&RESIDUAL1), x, attended);
        let x = self.norm1.forward(tape, residual1);
        let fed = self.ffn.forward(tape, x);
        let residual2 = tape.residual(at.at(&RESIDUAL2), x, fed);
        self.norm2.forward(tape, residual2)
    }
}

/// An encoder-only model.
pub struct Bert {
    plan: BertPlan,
    embed: Weight,
    positions: Option<Weight>,
    distances: Option<DistanceTable>,
    types: Option<Weight>,
    norm: Norm,
    projection: Option<[Weight; 2]>,
    layers: Vec<Arc<dyn Block>>,
    head: Head,
}

impl Bert {
    /// # Errors
    /// If a setting is not supported, or a weight is missing or misshapen.
    pub fn load(checkpoint: &Checkpoint, family: BertFamily) -> Result<Self> {
        let plan = config::plan(checkpoint, family)?;
        let weights = checkpoint.weights(&names::expected_weights(checkpoint, family, &plan))?;
        Self::of(&weights, plan)
    }

    fn of(weights: &Weights, plan: BertPlan) -> Result<Self> {
        let (d_model, d_embed) = (plan.heads.d_model, plan.d_embed);
        let table = |name: &str, n_rows| weights.matrix(name, (n_rows, d_embed));
        let project = || -> Result<_> {
            let w = weights.matrix("tokens.W_project", (d_embed, d_model))?;
            Ok([w, weights.row("tokens.b_project", d_model)?])
        };
        let layer = |l| Ok(Arc::new(PostNorm::load(weights, &plan, l)?) as _);
        let kind = NormKind::layer(plan.eps);
        let norm = Norm::load(weights, source_scope("tokens.norm"), d_embed, kind)?;
        Ok(Self {
            projection: plan.is_projected.then(project).transpose()?,
            embed: table("embed.weight", plan.n_vocab)?,
            positions: plan
                .has_positions
                .then(|| table("positions.weight", plan.n_positions))
                .transpose()?,
            distances: plan
                .distances
                .map(|buckets| DistanceTable::load(weights, &plan, buckets))
                .transpose()?,
            types: (plan.n_types > 0).then(|| table("types.weight", plan.n_types)).transpose()?,
            norm: norm.with_role(Role::NormedStream),
            layers: (0..plan.n_layers).map(layer).collect::<Result<_>>()?,
            head: Head::load(weights, &plan)?,
            plan,
        })
    }

    /// The first layer's input. -> (position, d_model)
    fn embed(&self, tape: &mut Tape, ids: &[u32]) -> Node {
        let at = source_scope("tokens");
        let table = tape.weight(&self.embed);
        let positions = self.positions.as_ref().map(|positions| tape.weight(positions));
        let embed = tape.lookup_but(at.at(&EMBED), table, ids, Some(self.plan.unmoved)); // (position, d_model)
        let pos = positions.map(|table| {
            let rows = self.plan.position_rows(ids);
            tape.positions_in_rows(at.at(&POS), table, &rows, self.plan.padding)
        });
        let types = self.types.as_ref().map(|types| {
            let types = tape.weight(types);
            tape.lookup(at.at(&TYPE), types, &self.plan.type_rows(ids)) // (position, d_model)
        });
        let input = match (types, pos) {
            (None, None) => tape.identity(at.at(&PLAIN), embed),
            (None, Some(pos)) => tape.add(at.at(&UNTYPED), embed, pos),
            (Some(types), None) => tape.add(at.at(&TYPED), embed, types),
            (Some(types), Some(pos)) => tape.sum(at.at(&INPUT), &[embed, types, pos]),
        }; // (position, d_model)
        let normed = self.norm.forward(tape, input);
        match &self.projection {
            None => normed,
            Some([w, b]) => {
                let (w, b) = (tape.weight(w), tape.weight(b));
                tape.linear(at.at(&PROJECTED), normed, w, Some(b)) // (position, d_model)
            }
        }
    }
}

impl Encoder for Bert {
    /// The last layer's norm after every token. -> (position, d_model)
    fn encode(&self, tape: &mut Tape, ids: &[u32]) -> Node {
        let x = self.embed(tape, ids);
        let distances = self.distances.as_ref().map(|table| table.forward(tape, ids.len()));
        self.layers.iter().fold(x, |x, layer| {
            let inputs: Vec<Node> = [x].into_iter().chain(distances).collect();
            tape.block(layer, &inputs)
        })
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn encoder_sizes(&self) -> ModelSizes {
        let BertPlan { n_layers, heads, feed, n_vocab, n_positions, .. } = self.plan;
        ModelSizes {
            n_layers,
            stacks: None,
            narrow: None,
            d_beside: 0,
            n_attending: n_layers,
            d_states: 0,
            heads,
            d_ff: feed.d_ff,
            is_gated: feed.is_gated(),
            experts: None,
            n_vocab,
            context: n_positions - self.plan.first_position(),
        }
    }
}
