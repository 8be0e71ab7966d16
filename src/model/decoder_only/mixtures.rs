//! Mixtures of experts: families whose feed-forward half is many networks, of which a router chooses a few.

use anyhow::Result;

use super::{
    DecoderPlan,
    family::{BiasStyle, Family, KEYS, Keys, LLAMA, PositionStyle, Settings, Style},
    names::{EXPERTS, ExpertMaps, ExpertNames, LLAMA as LLAMA_NAMES, Names},
    rope::RopeStyle,
    windows,
};
use crate::{
    engine::tape::ExpertWeights,
    model::layer::{
        experts::{ExpertGate, ExpertsPlan},
        feed_forward::{Activation, FeedKind},
        norm::QkNorm,
    },
    weights::Config,
};

/// A default of the longest text.
const LONGEST: &str = "max_position_embeddings";
/// How many experts there are, and through how many of them each token goes.
const COUNTS: [&str; 2] = ["num_experts", "num_local_experts"];
const CHOSEN: &str = "num_experts_per_tok";
/// The width of an expert.
const WIDTH: &str = "moe_intermediate_size";
/// The most experts of a layer; the largest models have some hundreds.
const MOST: usize = 4096;

pub static FAMILIES: &[Family] = &[
    Family {
        types: &["mixtral", "llama with experts"],
        title: "Mixtral",
        keys: Keys { default_eps: 1e-5, ..KEYS },
        defaults: &[
            (LONGEST, 131_072),
            ("num_key_value_heads", 8),
            ("num_local_experts", 8),
            (CHOSEN, 2),
        ],
        names: Names {
            experts: ExpertNames {
                router: "block_sparse_moe.gate",
                maps: ExpertMaps::Apart([
                    "block_sparse_moe.experts.*.w1",
                    "block_sparse_moe.experts.*.w3",
                    "block_sparse_moe.experts.*.w2",
                ]),
                ..EXPERTS
            },
            ..LLAMA_NAMES
        },
        style: Style {
            biases: BiasStyle::NONE,
            windows: windows::all,
            positions: PositionStyle::Rotary(RopeStyle { theta: 1_000_000.0, ..RopeStyle::WHOLE }),
            ..LLAMA.style
        },
        adjust: |settings, plan| {
            let experts = experts(settings, plan, ExpertWeights::Normalized)?;
            mix(settings, plan, experts, "intermediate_size", |_| true)
        },
        ..LLAMA
    },
    Family {
        types: &["qwen3_moe", "qwen3moe"],
        title: "Qwen3-MoE",
        defaults: &[
            (LONGEST, 32_768),
            ("num_key_value_heads", 4),
            ("num_experts", 128),
            (CHOSEN, 8),
            (WIDTH, 768),
        ],
        style: Style {
            qk_norm: Some(QkNorm::PerHead),
            biases: BiasStyle::ATTENTION,
            windows: windows::if_used,
            ..LLAMA.style
        },
        adjust: |settings, plan| {
            let experts = experts(settings, plan, normalized(settings, true)?)?;
            let is_mixture = mixtures(&settings.config, plan.layers.len())?;
            mix(settings, plan, experts, WIDTH, |l| is_mixture[l])
        },
        ..LLAMA
    },
];

/// Whether probabilities of chosen experts are divided by their sum, as a setting says; GGUF files do not.
fn normalized(settings: &Settings, in_gguf: bool) -> Result<ExpertWeights> {
    let are_normalized =
        settings.config.bool_or("norm_topk_prob", settings.are_gguf() && in_gguf)?;
    Ok(if are_normalized { ExpertWeights::Normalized } else { ExpertWeights::Kept })
}

/// The experts that the settings describe, without a shared one, with the activation of the dense layers.
fn experts(settings: &Settings, plan: &DecoderPlan, weights: ExpertWeights) -> Result<ExpertsPlan> {
    let config = &settings.config;
    let key = config.key(&COUNTS);
    let (n, k) = (config.usize(key)?, config.usize(CHOSEN)?);
    config.must(key, n <= MOST, &format!("at most {MOST}"))?;
    config.must(CHOSEN, k <= n, &format!("at most `{key}`"))?;
    let act = plan.layers.first().map(|layer| layer.feed.kind);
    let (FeedKind::Gated(act) | FeedKind::Plain(act)) =
        act.unwrap_or(FeedKind::Gated(Activation::Silu));
    Ok(ExpertsPlan {
        n,
        k,
        gate: ExpertGate::Plain(act),
        weights,
        has_router_bias: false,
        has_bias: false,
        shared: None,
    })
}

/// Puts experts in place of the networks of some layers; `width` is the key of their width.
fn mix(
    settings: &Settings,
    plan: &mut DecoderPlan,
    experts: ExpertsPlan,
    width: &str,
    is_mixture: impl Fn(usize) -> bool,
) -> Result<()> {
    let d_ff = settings.config.usize(width)?;
    let layers = plan.layers.iter_mut().enumerate().filter(|(l, _)| is_mixture(*l));
    for (_, layer) in layers {
        layer.feed.experts = Some(experts);
        layer.feed.d_ff = d_ff;
    }
    Ok(())
}

/// Which layers of a Qwen are mixtures: every `decoder_sparse_step`-th, but those of `mlp_only_layers`.
fn mixtures(config: &Config, n_layers: usize) -> Result<Vec<bool>> {
    let step = config.usize_or("decoder_sparse_step", 1)?;
    let dense = config.floats("mlp_only_layers")?.unwrap_or_default();
    let is_dense = |l: usize| dense.iter().any(|&listed| listed.to_bits() == (l as f32).to_bits());
    Ok((0..n_layers).map(|l| (l + 1).is_multiple_of(step) && !is_dense(l)).collect())
}
