//! Qwen3.5 (Qwen Team 2026): a hybrid, most of whose layers have a gated delta net in place of attention, and whose
//! attention has a gate.

use anyhow::Result;
use serde_json::Value as Json;

use super::{
    DecoderPlan, MixerPlan,
    family::{BiasStyle, Family, KEYS, Keys, LLAMA, PositionStyle, Settings, Style},
    mixtures::{CHOSEN, WIDTH, experts, mix, shared},
    names::{LLAMA as LLAMA_NAMES, Names, QkvNames},
    rope::RopeStyle,
};
use crate::{
    engine::{
        math::Sharing,
        tape::{ExpertWeights, RateForm},
    },
    model::layer::{
        delta::DeltaPlan,
        experts::ExpertsPlan,
        feed_forward::Activation,
        norm::{NormStyle, QkNorm},
    },
    weights::Config,
};

const TYPES: &str = "layer_types";
const N_HEADS: &str = "linear_num_value_heads";
const N_KEY_HEADS: &str = "linear_num_key_heads";
const D_KEY: &str = "linear_key_head_dim";
const D_VALUE: &str = "linear_value_head_dim";
const N_TAPS: &str = "linear_conv_kernel_dim";
/// What GGUF files call these sizes; the width of a head's values is that of all of them by their number.
const IN_GGUF: [&str; 5] = ["num_heads", "n_groups", "state_size", "ssm_inner_size", "conv_kernel"];
/// The most numbers of the states in one layer.
const MOST_STATES: usize = 1 << 26;

pub static FAMILIES: &[Family] = &[
    DENSE,
    Family {
        types: &["qwen3_5_moe_text", "qwen35moe"],
        title: "Qwen3.5-MoE",
        keys: Keys { d_ff: &["intermediate_size", WIDTH], ..KEYS },
        defaults: &[
            ("max_position_embeddings", 32_768),
            ("vocab_size", 248_320),
            ("hidden_size", 2048),
            ("num_hidden_layers", 40),
            ("num_attention_heads", 16),
            ("num_key_value_heads", 2),
            ("head_dim", 256),
            (N_TAPS, 4),
            (D_KEY, 128),
            (D_VALUE, 128),
            (N_KEY_HEADS, 16),
            (N_HEADS, 32),
            ("num_experts", 256),
            (CHOSEN, 8),
            (WIDTH, 512),
            ("shared_expert_intermediate_size", 512),
        ],
        adjust: |settings, plan| {
            (DENSE.adjust)(settings, plan)?;
            let experts = experts(settings, plan, ExpertWeights::Normalized)?;
            let shared = shared(settings, plan, true)?;
            mix(settings, plan, ExpertsPlan { shared, ..experts }, WIDTH, |_| true)
        },
        ..DENSE
    },
];

const DENSE: Family = Family {
    types: &["qwen3_5_text", "qwen35"],
    title: "Qwen3.5",
    defaults: &[
        ("max_position_embeddings", 32_768),
        ("vocab_size", 248_320),
        ("hidden_size", 4096),
        ("intermediate_size", 12_288),
        ("num_hidden_layers", 32),
        ("num_attention_heads", 16),
        ("num_key_value_heads", 4),
        ("head_dim", 256),
        (N_TAPS, 4),
        (D_KEY, 128),
        (D_VALUE, 128),
        (N_KEY_HEADS, 16),
        (N_HEADS, 32),
    ],
    names: Names {
        qkv: QkvNames::WithGate(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
        ..LLAMA_NAMES
    },
    style: Style {
        norm: NormStyle::RmsFromOne,
        qk_norm: Some(QkNorm::PerHead),
        biases: BiasStyle::ATTENTION,
        positions: PositionStyle::Rotary(RopeStyle {
            part: Some(("partial_rotary_factor", 0.25)),
            ..RopeStyle::WHOLE
        }),
        ..LLAMA.style
    },
    adjust: |settings, plan| {
        let delta = delta(settings, plan)?;
        let attends = attending(settings, plan.layers.len())?;
        for (layer, attends) in plan.layers.iter_mut().zip(attends) {
            layer.attention.has_gate = true;
            if !attends {
                layer.mixer = MixerPlan::DeltaNet(delta);
            }
        }
        Ok(())
    },
    ..LLAMA
};

/// Whether each layer has attention: as listed, else every fourth. GGUF files do not say, but have its tensors.
fn attending(settings: &Settings, n_layers: usize) -> Result<Vec<bool>> {
    let config = &settings.config;
    if settings.are_gguf() {
        let has = |l| settings.has_tensor(&format!("model.layers.{l}.self_attn.q_proj.weight"));
        return Ok((0..n_layers).map(has).collect());
    }
    let Some(types) = config.get(TYPES).filter(|types| !types.is_null()) else {
        let interval = config.usize_or("full_attention_interval", 4)?;
        return Ok((1..=n_layers).map(|n| n.is_multiple_of(interval)).collect());
    };
    let kind = |kind: &Json| match kind.as_str()? {
        "full_attention" => Some(true),
        "linear_attention" => Some(false),
        _ => None,
    };
    let types: Option<Vec<bool>> = types.as_array().and_then(|all| all.iter().map(kind).collect());
    let types = types.filter(|types| types.len() == n_layers).unwrap_or_default();
    let wanted = "linear_attention or full_attention for every layer";
    config.must(TYPES, types.len() == n_layers, wanted)?;
    Ok(types)
}

fn delta(settings: &Settings, plan: &DecoderPlan) -> Result<DeltaPlan> {
    let config = &settings.config;
    let of = |key, in_gguf| config.usize(if settings.are_gguf() { in_gguf } else { key });
    let [heads, key_heads, d_key, d_values, n_taps] = IN_GGUF;
    let (n_heads, n_key_heads) = (of(N_HEADS, heads)?, of(N_KEY_HEADS, key_heads)?);
    let d_key = of(D_KEY, d_key)?;
    let d_value = if settings.are_gguf() {
        d_value_in_gguf(config, d_values, n_heads)?
    } else {
        config.usize(D_VALUE)?
    };
    let divides = n_heads.is_multiple_of(n_key_heads);
    config.must(N_KEY_HEADS, divides, "a divisor of `linear_num_value_heads`")?;
    let n_states = n_heads.saturating_mul(d_key).saturating_mul(d_value);
    let most = format!("at most {MOST_STATES} numbers in the states of a layer");
    config.must(D_KEY, n_states <= MOST_STATES, &most)?;
    Ok(DeltaPlan {
        n_heads,
        n_key_heads,
        d_key,
        d_value,
        n_taps: of(N_TAPS, n_taps)?,
        act: Activation::of(config, "hidden_act", "silu")?,
        rate: if settings.are_gguf() { RateForm::Plain } else { RateForm::Logarithm },
        sharing: if settings.are_gguf() { Sharing::Strides } else { Sharing::Neighbours },
        eps: plan.norm.eps,
    })
}

fn d_value_in_gguf(config: &Config, key: &str, n_heads: usize) -> Result<usize> {
    let d_values = config.usize(key)?;
    config.must(key, d_values.is_multiple_of(n_heads), "a multiple of the number of heads")?;
    Ok(d_values / n_heads)
}
