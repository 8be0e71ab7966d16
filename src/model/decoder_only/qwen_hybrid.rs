//! Qwen3-Next (Qwen Team 2025) and Qwen3.5 (2026): hybrids, most of whose layers have a gated delta net in place of
//! attention, and whose attention has a gate.

use anyhow::Result;

use super::{
    DecoderPlan, MixerPlan,
    family::{BiasStyle, Family, FamilySettings, KEYS, Keys, LLAMA, PositionStyle, Style},
    hybrid::attending,
    mixtures::{CHOSEN, WIDTH, experts, mix, mix_qwen, normalized, shared},
    names::{DELTA_BY_KEY_HEAD, LLAMA as LLAMA_NAMES, Names, QkvNames},
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

const N_HEADS: &str = "linear_num_value_heads";
const N_KEY_HEADS: &str = "linear_num_key_heads";
const D_KEY: &str = "linear_key_head_dim";
const D_VALUE: &str = "linear_value_head_dim";
const N_TAPS: &str = "linear_conv_kernel_dim";
/// The width of the values of all heads, which GGUF files have in place of that of one.
const D_VALUES: &str = "ssm_inner_size";
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
    Family {
        types: &["qwen3_next", "qwen3next"],
        title: "Qwen3-Next",
        defaults: &[
            ("max_position_embeddings", 32_768),
            ("vocab_size", 151_936),
            ("hidden_size", 2048),
            ("intermediate_size", 5632),
            ("num_hidden_layers", 48),
            ("num_attention_heads", 16),
            ("num_key_value_heads", 2),
            ("head_dim", 256),
            (N_TAPS, 4),
            (D_KEY, 128),
            (D_VALUE, 128),
            (N_KEY_HEADS, 16),
            (N_HEADS, 32),
            ("num_experts", 512),
            (CHOSEN, 10),
            (WIDTH, 512),
            ("shared_expert_intermediate_size", 512),
        ],
        names: Names { delta: DELTA_BY_KEY_HEAD, ..DENSE.names },
        adjust: |settings, plan| {
            // Its GGUF files keep the order of heads.
            with_delta_nets(settings, plan, Sharing::Neighbours)?;
            let experts = experts(settings, plan, normalized(settings, true)?)?;
            let shared = shared(settings, plan, true)?;
            mix_qwen(settings, plan, ExpertsPlan { shared, ..experts })
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
        let sharing = if settings.are_gguf() { Sharing::Strides } else { Sharing::Neighbours };
        with_delta_nets(settings, plan, sharing)
    },
    ..LLAMA
};

/// Gives attention its gate, and most layers a gated delta net; `sharing`: which head of keys each head of values uses.
fn with_delta_nets(
    settings: &FamilySettings,
    plan: &mut DecoderPlan,
    sharing: Sharing,
) -> Result<()> {
    let delta = delta(settings, plan, sharing)?;
    let n_layers = plan.layers.len();
    let unlisted = || every_nth(&settings.config, n_layers);
    let attends = attending(settings, n_layers, "linear_attention", unlisted)?;
    for (layer, attends) in plan.layers.iter_mut().zip(attends) {
        layer.attention.has_gate = true;
        if !attends {
            layer.mixer = MixerPlan::DeltaNet(delta);
        }
    }
    Ok(())
}

/// Where no list says: every fourth, or n-th.
fn every_nth(config: &Config, n_layers: usize) -> Result<Vec<bool>> {
    let interval = config.usize_or("full_attention_interval", 4)?;
    Ok((1..=n_layers).map(|n| n.is_multiple_of(interval)).collect())
}

fn delta(settings: &FamilySettings, plan: &DecoderPlan, sharing: Sharing) -> Result<DeltaPlan> {
    let config = &settings.config;
    // The second of two keys is that of GGUF files.
    let size = |keys: [&str; 2]| config.usize(config.key(&keys));
    let n_heads = size([N_HEADS, "num_heads"])?;
    let n_key_heads = size([N_KEY_HEADS, "n_groups"])?;
    let d_key = size([D_KEY, "state_size"])?;
    let d_value = d_value(config, n_heads)?;
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
        n_taps: size([N_TAPS, "conv_kernel"])?,
        act: Activation::of(config, "hidden_act", "silu")?,
        rate: if settings.are_gguf() { RateForm::Plain } else { RateForm::Logarithm },
        sharing,
        eps: plan.norm.eps,
    })
}

/// The channels of a head's values: those of all heads by their number, where these are given.
fn d_value(config: &Config, n_heads: usize) -> Result<usize> {
    if !config.has(D_VALUES) {
        return config.usize(D_VALUE);
    }
    let d_values = config.usize(D_VALUES)?;
    let is_whole = d_values.is_multiple_of(n_heads);
    config.must(D_VALUES, is_whole, "a multiple of the number of heads")?;
    Ok(d_values / n_heads)
}
