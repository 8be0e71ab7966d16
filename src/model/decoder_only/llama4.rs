//! Llama 4 (Meta 2025): most layers rotate and see only the query's own chunk of the text; every fourth sees all, does not
//! rotate, and has queries that grow with their position. An expert's weight multiplies what it reads.

use anyhow::Result;
use serde_json::Value as Json;

use super::{
    DecoderPlan,
    family::{BiasStyle, Family, FamilySettings, KEYS, Keys, LLAMA, PositionStyle, Style},
    hybrid::numbered,
    llama::rotates,
    mixtures::{CHOSEN, activation, experts, mix},
    names::{EXPERTS, ExpertMaps, ExpertNames, FeedNames, LLAMA as LLAMA_NAMES, Names},
    rope::RopeStyle,
};
use crate::{
    engine::tape::{ExpertWeights, RotaryPairs},
    model::layer::{
        attention::{Mask, QkNormPlan, Tempering},
        experts::{ExpertsPlan, Scoring, SharedPlan, Weighted},
        feed_forward::FeedKind,
        norm::{NormKind, NormStyle, QkNorm},
    },
    weights::Config,
};

/// The width of the networks of layers without experts.
const DENSE_WIDTH: &str = "intermediate_size_mlp";
/// The width of an expert.
const WIDTH: &str = "intermediate_size";
/// The tokens of a chunk.
const CHUNK: &str = "attention_chunk_size";
/// The positions after which queries grow.
const FLOOR: &str = "floor_scale";
/// Whether they do.
const GROWS: &str = "attn_temperature_tuning";
/// The numbers of the layers with experts.
const LISTED: &str = "moe_layers";
const TYPES: &str = "layer_types";

pub static FAMILIES: &[Family] = &[Family {
    types: &["llama4_text"],
    title: "Llama 4",
    keys: Keys { d_ff: &[DENSE_WIDTH], default_eps: 1e-5, ..KEYS },
    defaults: &[
        ("max_position_embeddings", 131_072),
        ("vocab_size", 202_048),
        ("hidden_size", 5120),
        (WIDTH, 8192),
        (DENSE_WIDTH, 16_384),
        ("num_hidden_layers", 48),
        ("num_attention_heads", 40),
        ("num_key_value_heads", 8),
        ("head_dim", 128),
        ("num_local_experts", 16),
        (CHOSEN, 1),
        (CHUNK, 8192),
        (FLOOR, 8192),
    ],
    names: Names {
        feed: FeedNames::Gated(
            "feed_forward.gate_proj",
            "feed_forward.up_proj",
            "feed_forward.down_proj",
        ),
        experts: ExpertNames {
            router: "feed_forward.router",
            maps: ExpertMaps::BareColumns(
                "feed_forward.experts.gate_up_proj",
                "feed_forward.experts.down_proj",
            ),
            shared: FeedNames::Gated(
                "feed_forward.shared_expert.gate_proj",
                "feed_forward.shared_expert.up_proj",
                "feed_forward.shared_expert.down_proj",
            ),
            ..EXPERTS
        },
        ..LLAMA_NAMES
    },
    style: Style {
        biases: BiasStyle::ATTENTION,
        positions: PositionStyle::Rotary(RopeStyle {
            theta: 500_000.0,
            pairs: RotaryPairs::Neighbours,
            ..RopeStyle::WHOLE
        }),
        ..LLAMA.style
    },
    adjust: |settings, plan| {
        attend(&settings.config, plan)?;
        mix_in(settings, plan)
    },
    ..LLAMA
}];

/// The masks, rotations, norms and temperatures of all layers.
fn attend(config: &Config, plan: &mut DecoderPlan) -> Result<()> {
    let n_layers = plan.layers.len();
    let rotates = rotates(config, n_layers)?;
    let masks = masks(config, &rotates)?;
    let is_normed = config.bool_or("use_qk_norm", true)?;
    let kind = NormKind { style: NormStyle::RmsPlain, ..plan.norm };
    let norm = QkNormPlan { of: QkNorm::PerHead, kind, after_rope: true };
    let tempering = tempering(config)?;
    for ((layer, rotates), mask) in plan.layers.iter_mut().zip(rotates).zip(masks) {
        layer.mask = mask;
        layer.attention.qk_norm = Some(norm).filter(|_| rotates && is_normed);
        layer.attention.tempering = tempering.filter(|_| !rotates);
        layer.attention.rope = layer.attention.rope.take().filter(|_| rotates);
    }
    Ok(())
}

/// The mask of each layer: as kinds are listed, else chunks in those that rotate.
fn masks(config: &Config, rotates: &[bool]) -> Result<Vec<Mask>> {
    let kind = |kind: &Json| match kind.as_str()? {
        "chunked_attention" => Some(true),
        "full_attention" => Some(false),
        _ => None,
    };
    let are_chunked = match config.get(TYPES) {
        None => rotates.to_vec(),
        Some(types) => {
            let kinds = types.as_array().and_then(|all| all.iter().map(kind).collect());
            let kinds: Vec<bool> = kinds.unwrap_or_default();
            let wanted = "chunked_attention or full_attention for every layer";
            config.must(TYPES, kinds.len() == rotates.len(), wanted)?;
            kinds
        }
    };
    let chunk = are_chunked.contains(&true).then(|| config.usize(CHUNK)).transpose()?;
    let mask = |is_chunked: bool| chunk.filter(|_| is_chunked).map_or(Mask::Causal, Mask::Chunk);
    Ok(are_chunked.into_iter().map(mask).collect())
}

/// How queries grow; the first files have a number where later ones say whether they do.
fn tempering(config: &Config) -> Result<Option<Tempering>> {
    let grows = match config.get(GROWS) {
        Some(Json::Number(number)) => number.as_f64().is_some_and(|number| number > 0.0),
        _ => config.bool_or(GROWS, true)?,
    };
    let beta = config.float_or("attn_scale", 0.1)?;
    let trained = config.float(FLOOR)?;
    config.must(FLOOR, trained >= 1.0, "a number of tokens")?;
    Ok(grows.then_some(Tempering { beta, trained: trained as usize, first: 1 }))
}

/// Experts, and one of all tokens beside them, in the layers that are listed, or in every n-th.
fn mix_in(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let config = &settings.config;
    let step = config.usize_or("interleave_moe_layer_step", 1)?;
    let listed = numbered(config, LISTED, plan.layers.len())?;
    let is_mixture = |l: usize| match &listed {
        Some(listed) => listed[l],
        None => (l + 1).is_multiple_of(step),
    };
    let kind = FeedKind::Gated(activation(plan));
    let shared = SharedPlan { d_ff: config.usize(WIDTH)?, kind, has_gate: false };
    let experts = ExpertsPlan {
        scoring: Scoring::Sigmoid,
        weighted: Weighted::Input,
        shared: Some(shared),
        ..experts(settings, plan, ExpertWeights::Kept)?
    };
    mix(settings, plan, experts, WIDTH, is_mixture)
}
