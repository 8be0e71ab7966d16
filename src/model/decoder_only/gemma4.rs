//! Gemma 4 (Gemma Team 2026): layers with windows and layers that see all have heads of different sizes; values are
//! normalised, scores are not scaled; the last layers may read the keys and values of earlier ones, and each layer may
//! have an embedding of its own.

use std::sync::Arc;

use anyhow::Result;
use serde_json::json;

use super::{
    DecoderPlan, LayerOrder, LayerPlan,
    family::{Family, FamilySettings, PositionStyle, Style},
    gemma::{GEMMA, GEMMA_KEYS, SANDWICH_NAMES, cap_of},
    mixtures::{self, activation, experts},
    names::{EXPERTS, ExpertMaps, ExpertNames, FeedNames, Names},
    rope::{RopeSizes, RopeStyle, rope},
    windows,
};
use crate::{
    engine::tape::{ExpertWeights, Rope},
    model::layer::{
        attention::{HeadSizes, KeySource, Mask, ScoreScaling, ValueSource},
        experts::{ExpertsPlan, SharedPlan},
        feed_forward::FeedKind,
        norm::{NormStyle, QkNorm},
        per_layer::PerLayerPlan,
    },
    weights::Config,
};

const WINDOW: &str = "sliding_window";
const N_SHARED: &str = "num_kv_shared_layers";
const WIDTH: &str = "hidden_size_per_layer_input";
const N_TOKENS: &str = "vocab_size_per_layer_input";
const D_HEAD: &str = "global_head_dim";
const VALUES_ARE_KEYS: &str = "attention_k_eq_v";
const N_KV_HEADS: &str = "num_global_key_value_heads";
/// The most channels of a head; the largest models have 512.
const MOST_CHANNELS: usize = 1 << 13;
/// The most numbers of a token in the embeddings of all layers.
const MOST_PER_LAYER: usize = 1 << 20;

pub static FAMILIES: &[Family] = &[
    GEMMA4,
    // The text part of a model that sees and hears without encoders of their own.
    Family {
        types: &["gemma4_unified_text"],
        defaults: &[
            ("max_position_embeddings", 262_144),
            ("head_dim", 256),
            (D_HEAD, 512),
            ("hidden_size", 2304),
            ("intermediate_size", 9216),
            ("num_attention_heads", 8),
            ("num_hidden_layers", 30),
            ("num_key_value_heads", 4),
            (WINDOW, 1024),
            ("vocab_size", 262_144),
        ],
        ..GEMMA4
    },
];

const GEMMA4: Family = Family {
    types: &["gemma4_text", "gemma4"],
    title: "Gemma 4",
    keeps_padding: true,
    default_rope: None,
    defaults: &[
        ("max_position_embeddings", 131_072),
        ("head_dim", 256),
        (D_HEAD, 512),
        ("hidden_size", 2304),
        ("intermediate_size", 9216),
        ("num_attention_heads", 8),
        ("num_hidden_layers", 30),
        ("num_key_value_heads", 4),
        (WINDOW, 512),
        ("vocab_size", 262_144),
        (N_TOKENS, 262_144),
        (WIDTH, 256),
    ],
    keys: GEMMA_KEYS,
    names: Names {
        experts: ExpertNames {
            router: "router.proj",
            maps: ExpertMaps::BarePairs("experts.gate_up_proj", "experts.down_proj"),
            shared: FeedNames::Gated("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
            ..EXPERTS
        },
        ..SANDWICH_NAMES
    },
    style: Style {
        norm: NormStyle::Rms,
        order: LayerOrder::Sandwich,
        qk_norm: Some(QkNorm::PerHead),
        positions: PositionStyle::Adjusted,
        windows: windows::but_every_sixth_and_the_last,
        ..GEMMA
    },
    refused: &[],
    adjust: |settings, plan| {
        let config = &settings.config;
        plan.logits.cap = cap_of(config, "final_logit_softcapping", 0.0)?;
        attend(settings, plan)?;
        share_keys(config, plan)?;
        plan.per_layer = per_layer(config, plan)?;
        mix_in(settings, plan)?;
        let has_scalars = [".layer_scalar", ".layer_scalar.weight"]
            .iter()
            .any(|end| settings.has_tensor_like(end));
        for layer in &mut plan.layers {
            layer.has_scalar = has_scalars;
        }
        Ok(())
    },
};

/// Whether a layer sees a window.
const fn has_window(mask: Mask) -> bool {
    matches!(mask, Mask::Window(_))
}

/// Heads, norms and rotations of all layers, by their kind.
fn attend(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let config = &settings.config;
    let are_keys = config.bool_or(VALUES_ARE_KEYS, false)?;
    // Layers are told apart by it.
    config.must(WINDOW, config.has(WINDOW), "the width of windows")?;
    for l in 0..plan.layers.len() {
        let is_local = has_window(plan.layers[l].mask);
        let heads = heads_of(config, plan, l)?;
        let is_like = |other: &&LayerPlan| {
            has_window(other.mask) == is_local && plan.heads_of(other) == heads
        };
        let rope = match plan.layers[..l].iter().find(is_like) {
            Some(LayerPlan { attention, .. }) => attention.rope.clone(),
            None => Some(Arc::new(rotation(config, plan, is_local, heads.d_head)?)),
        };
        let norm = plan.norm;
        let layer = &mut plan.layers[l];
        layer.heads = (heads != plan.heads).then_some(heads);
        layer.attention.scaling = ScoreScaling::None;
        layer.attention.v_norm = Some(norm);
        if !is_local && (are_keys || lacks_values(settings, l)) {
            layer.attention.values = ValueSource::Keys;
        }
        layer.attention.rope = rope;
    }
    Ok(())
}

/// Whether a layer of a GGUF file, which has no setting for it, has no map to values.
fn lacks_values(settings: &FamilySettings, l: usize) -> bool {
    let has = |of| settings.has_tensor(&format!("model.layers.{l}.self_attn.{of}_proj.weight"));
    settings.are_gguf() && has("k") && !has("v")
}

/// The heads of a layer, as newer settings have them layer by layer, or older ones for all layers without a window.
fn heads_of(config: &Config, plan: &DecoderPlan, l: usize) -> Result<HeadSizes> {
    let heads = plan.heads;
    let sizes = match config.section("per_layer_config")? {
        Some(layers) => match layers.section(&l.to_string())? {
            Some(own) => [
                own.usize_or("num_key_value_heads", heads.n_kv_heads)?,
                own.usize_or("head_dim", heads.d_head)?,
            ],
            None => [heads.n_kv_heads, heads.d_head],
        },
        None if has_window(plan.layers[l].mask) => [heads.n_kv_heads, heads.d_head],
        None if config.bool_or(VALUES_ARE_KEYS, false)? => {
            [config.usize_or(N_KV_HEADS, heads.n_kv_heads)?, config.usize_or(D_HEAD, 512)?]
        }
        None => [heads.n_kv_heads, config.usize_or(D_HEAD, 512)?],
    };
    let [n_kv_heads, d_head] = sizes;
    let are_shared = heads.n_heads.is_multiple_of(n_kv_heads);
    config.must(N_KV_HEADS, are_shared, "a divisor of num_attention_heads")?;
    let most = format!("at most {MOST_CHANNELS} channels of a head");
    config.must(D_HEAD, d_head <= MOST_CHANNELS, &most)?;
    Ok(HeadSizes { n_kv_heads, d_head, ..heads })
}

/// The rotation of layers of a kind.
fn rotation(config: &Config, plan: &DecoderPlan, has_window: bool, d_head: usize) -> Result<Rope> {
    let sizes = RopeSizes { d_head, longest: plan.context };
    let (kind, theta) =
        if has_window { ("sliding_attention", 10_000.0) } else { ("full_attention", 1_000_000.0) };
    let style = RopeStyle { theta, ..RopeStyle::WHOLE };
    let own = if config.has_ropes_by_kind() {
        config.with_rope_of(kind)?
    } else if has_window {
        let theta = config.float_or("rope_local_base_freq", theta)?;
        config.with("rope_scaling", None).with("rope_theta", Some(json!(theta)))
    } else if config.has("rope_scaling") {
        config.clone()
    } else {
        let scaling = json!({"rope_type": "proportional", "partial_rotary_factor": 0.25});
        config.with("rope_scaling", Some(scaling))
    };
    rope(&own, sizes, style)
}

/// The last layers read the keys and values of the last layer of their kind before them, and may be twice as wide.
fn share_keys(config: &Config, plan: &mut DecoderPlan) -> Result<()> {
    let (n, n_layers) = (config.count_or(N_SHARED, 0)?, plan.layers.len());
    config.must(N_SHARED, n < n_layers, "a number below that of layers")?;
    let first = n_layers - n;
    let is_double = config.bool_or("use_double_wide_mlp", false)?;
    for l in first..n_layers {
        let is_like = |other: &usize| {
            let [one, other] = [l, *other].map(|l| &plan.layers[l]);
            has_window(one.mask) == has_window(other.mask) && one.heads == other.heads
        };
        let from = (0..first).rev().find(is_like);
        config.must(N_SHARED, from.is_some(), "a layer of each kind before those that share")?;
        let Some(from) = from else { continue };
        plan.layers[from].attention.keys = KeySource::Lent;
        plan.layers[l].attention.keys = KeySource::Borrowed(from);
        if let Some(feed) = plan.layers[l].feed.as_mut().filter(|_| is_double) {
            feed.d_ff *= 2;
        }
    }
    Ok(())
}

/// Experts beside each network, which stays: all tokens go through it.
fn mix_in(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let config = &settings.config;
    let has_experts = settings.are_gguf() && config.count_or("num_local_experts", 0)? > 0;
    if !config.bool_or("enable_moe_block", has_experts)? {
        return Ok(());
    }
    let d_ff = config.usize(mixtures::WIDTH)?;
    let experts = experts(settings, plan, ExpertWeights::Normalized)?;
    let act = activation(plan);
    for feed in plan.layers.iter_mut().filter_map(|layer| layer.feed.as_mut()) {
        let kind = FeedKind::Gated(act);
        let shared = Some(SharedPlan { d_ff: feed.d_ff, kind, has_gate: false });
        feed.experts = Some(ExpertsPlan { shared, beside: Some(plan.norm), ..experts });
        feed.d_ff = d_ff;
    }
    Ok(())
}

/// The embeddings of layers; None where the settings give them no width.
fn per_layer(config: &Config, plan: &DecoderPlan) -> Result<Option<PerLayerPlan>> {
    let width = config.count_or(WIDTH, 0)?;
    if width == 0 {
        return Ok(None);
    }
    let (n_layers, n_tokens) = (plan.layers.len(), config.usize_or(N_TOKENS, plan.n_vocab)?);
    config.must(N_TOKENS, n_tokens >= plan.n_vocab, "at least `vocab_size`")?;
    let is_small = width.saturating_mul(n_layers) <= MOST_PER_LAYER;
    config.must(
        WIDTH,
        is_small,
        &format!("at most {MOST_PER_LAYER} numbers of a token in all layers"),
    )?;
    Ok(Some(PerLayerPlan { n_tokens, n_layers, width, act: activation(plan), norm: plan.norm }))
}
