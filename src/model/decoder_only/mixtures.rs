//! Mixtures of experts: families whose feed-forward half is many networks, of which a router chooses a few.

use anyhow::Result;
use serde_json::json;

use super::{
    DecoderPlan,
    family::{
        Bias, BiasStyle, EXPERT_COUNTS, Family, FamilySettings, KEYS, Keys, LLAMA, PositionStyle,
        Style, clip,
    },
    llama::multiply,
    names::{EXPERTS, ExpertMaps, ExpertNames, FeedNames, LLAMA as LLAMA_NAMES, Names, StackForm},
    rope::RopeStyle,
    windows,
};
use crate::{
    engine::tape::ExpertWeights,
    model::layer::{
        attention::Mask,
        experts::{ExpertGate, ExpertsPlan, Scoring, SharedPlan, Weighted},
        feed_forward::{Activation, FeedKind},
        norm::QkNorm,
    },
    weights::Config,
};

/// A default of the longest text.
const LONGEST: &str = "max_position_embeddings";
/// Through how many experts each token goes.
pub(super) const CHOSEN: &str = "num_experts_per_tok";
/// The width of an expert.
pub(super) const WIDTH: &str = "moe_intermediate_size";
/// The most experts of a layer, and of all together; the largest models have some hundreds, and 25,000.
const MOST: usize = 4096;
const MOST_IN_ALL: usize = 1 << 16;

const OF_MIXTRAL: ExpertNames = ExpertNames {
    router: "block_sparse_moe.gate",
    maps: ExpertMaps::Apart([
        "block_sparse_moe.experts.*.w1",
        "block_sparse_moe.experts.*.w3",
        "block_sparse_moe.experts.*.w2",
    ]),
    ..EXPERTS
};

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
        names: Names { experts: OF_MIXTRAL, ..LLAMA_NAMES },
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
        types: &["minimax_m2", "minimax-m2"],
        title: "MiniMax-M2",
        defaults: &[
            (LONGEST, 196_608),
            ("num_key_value_heads", 8),
            ("head_dim", 128),
            ("num_local_experts", 256),
            (CHOSEN, 8),
        ],
        names: Names {
            experts: ExpertNames {
                choice_bias: "block_sparse_moe.e_score_correction_bias",
                ..OF_MIXTRAL
            },
            ..LLAMA_NAMES
        },
        style: Style {
            qk_norm: Some(QkNorm::WholeRow),
            biases: BiasStyle::NONE,
            positions: PositionStyle::Rotary(RopeStyle {
                theta: 5_000_000.0,
                part: Some(("partial_rotary_factor", 1.0)),
                ..RopeStyle::WHOLE
            }),
            ..LLAMA.style
        },
        adjust: |settings, plan| {
            let experts = ExpertsPlan {
                scoring: Scoring::Sigmoid,
                has_choice_bias: true,
                ..experts(settings, plan, ExpertWeights::Normalized)?
            };
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
            windows: windows::all_if_used,
            ..LLAMA.style
        },
        adjust: |settings, plan| {
            let experts = experts(settings, plan, normalized(settings, settings.are_gguf())?)?;
            mix_qwen(settings, plan, experts)
        },
        ..LLAMA
    },
    Family {
        types: &["qwen3_vl_moe_text", "qwen3vlmoe"],
        title: "Qwen3-VL-MoE",
        defaults: &[
            (LONGEST, 128_000),
            ("num_key_value_heads", 16),
            ("num_experts", 60),
            (CHOSEN, 4),
            (WIDTH, 1408),
        ],
        style: Style {
            qk_norm: Some(QkNorm::PerHead),
            biases: BiasStyle::ATTENTION,
            positions: PositionStyle::Rotary(RopeStyle { theta: 500_000.0, ..RopeStyle::WHOLE }),
            ..LLAMA.style
        },
        adjust: |settings, plan| {
            let experts = experts(settings, plan, ExpertWeights::Normalized)?;
            mix_qwen(settings, plan, experts)
        },
        ..LLAMA
    },
    Family {
        types: &["qwen2_moe", "qwen2moe"],
        title: "Qwen2-MoE",
        defaults: &[
            (LONGEST, 32_768),
            ("num_key_value_heads", 16),
            ("num_experts", 60),
            (CHOSEN, 4),
            (WIDTH, 1408),
            ("shared_expert_intermediate_size", 5632),
        ],
        style: Style {
            biases: BiasStyle { qkv: Bias::Setting("qkv_bias", true), ..BiasStyle::NONE },
            windows: in_every_second,
            ..LLAMA.style
        },
        adjust: |settings, plan| {
            let experts = experts(settings, plan, normalized(settings, false)?)?;
            let shared = shared(settings, plan, true)?;
            mix_qwen(settings, plan, ExpertsPlan { shared, ..experts })
        },
        ..LLAMA
    },
    Family {
        types: &["olmoe"],
        title: "OLMoE",
        keys: Keys { default_eps: 1e-5, ..KEYS },
        defaults: &[(LONGEST, 4096), ("num_experts", 64), (CHOSEN, 8)],
        style: Style {
            qk_norm: Some(QkNorm::WholeRow),
            biases: BiasStyle::ATTENTION,
            ..LLAMA.style
        },
        adjust: |settings, plan| {
            clip(&settings.config, plan)?;
            let experts = experts(settings, plan, normalized(settings, false)?)?;
            mix(settings, plan, experts, settings.config.key(&[WIDTH, "intermediate_size"]), |_| {
                true
            })
        },
        ..LLAMA
    },
    Family {
        types: &["granitemoe", "granitemoeshared"],
        title: "Granite-MoE",
        defaults: &[(LONGEST, 2048), ("num_local_experts", 8), (CHOSEN, 2)],
        names: Names { experts: OF_GRANITE, ..LLAMA_NAMES },
        style: Style { biases: BiasStyle::ATTENTION, ..LLAMA.style },
        adjust: |settings, plan| {
            multiply(settings, plan)?;
            let experts = experts(settings, plan, ExpertWeights::SoftmaxOfChosen)?;
            let shared = shared(settings, plan, false)?;
            mix(settings, plan, ExpertsPlan { shared, ..experts }, "intermediate_size", |_| true)
        },
        ..LLAMA
    },
    Family {
        types: &["gpt_oss", "gpt-oss"],
        title: "gpt-oss",
        keys: Keys { default_eps: 1e-5, ..KEYS },
        defaults: &[
            (LONGEST, 131_072),
            ("num_key_value_heads", 8),
            ("head_dim", 64),
            ("num_local_experts", 128),
            (CHOSEN, 4),
            ("sliding_window", 128),
        ],
        default_rope: Some(|| {
            json!({"rope_type": "yarn", "factor": 32.0, "truncate": false,
                "original_max_position_embeddings": 4096})
        }),
        names: Names {
            experts: ExpertNames {
                router: "mlp.router",
                maps: ExpertMaps::Alternating(
                    "mlp.experts.gate_up_proj",
                    "mlp.experts.down_proj",
                    StackForm::Plain,
                ),
                ..EXPERTS
            },
            ..LLAMA_NAMES
        },
        style: Style {
            biases: BiasStyle {
                qkv: Bias::Setting("attention_bias", true),
                out: Bias::Setting("attention_bias", true),
                feed: Bias::Never,
            },
            windows: windows::every_second,
            positions: PositionStyle::Rotary(RopeStyle { theta: 150_000.0, ..RopeStyle::WHOLE }),
            ..LLAMA.style
        },
        adjust: |settings, plan| {
            let number = |key, default| settings.config.float_or(key, default);
            let (alpha, limit) = (number("swiglu_alpha", 1.702)?, number("swiglu_limit", 7.0)?);
            settings.config.must("swiglu_limit", limit > 0.0, "a number above 0")?;
            for layer in &mut plan.layers {
                layer.attention.has_sinks = true;
            }
            let experts = ExpertsPlan {
                gate: ExpertGate::Clamped { alpha, limit },
                has_router_bias: true,
                has_bias: true,
                ..experts(settings, plan, ExpertWeights::SoftmaxOfChosen)?
            };
            mix(settings, plan, experts, "intermediate_size", |_| true)
        },
        ..LLAMA
    },
];

/// Granite's expert of all tokens, which stands alone in its dense models.
pub(super) const GRANITE_NETWORK: FeedNames =
    FeedNames::FusedGate("shared_mlp.input_linear", "shared_mlp.output_linear");

pub(super) const OF_GRANITE: ExpertNames = ExpertNames {
    router: "block_sparse_moe.router.layer",
    maps: ExpertMaps::StackedPairs(
        "block_sparse_moe.input_linear",
        "block_sparse_moe.output_linear",
    ),
    shared: GRANITE_NETWORK,
    ..EXPERTS
};

/// An expert that all tokens go through, where the settings give its width.
pub(super) fn shared(
    settings: &FamilySettings,
    plan: &DecoderPlan,
    has_gate: bool,
) -> Result<Option<SharedPlan>> {
    let config = &settings.config;
    let key = config.key(&["shared_intermediate_size", "shared_expert_intermediate_size"]);
    let d_ff = config.count_or(key, 0)?;
    let kind = FeedKind::Gated(activation(plan));
    Ok((d_ff > 0).then_some(SharedPlan { d_ff, kind, has_gate }))
}

/// The activation of the networks that experts take the place of.
pub(super) fn activation(plan: &DecoderPlan) -> Activation {
    let feed = plan.layers.first().and_then(|layer| layer.feed);
    feed.and_then(|feed| feed.kind.activation()).unwrap_or(Activation::Silu)
}

/// Where a window is used, every second of the layers before `max_window_layers` sees it: Qwen2-MoE.
fn in_every_second(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    if !config.bool_or("use_sliding_window", false)? {
        return windows::none(config, n_layers);
    }
    let end = config.count_or("max_window_layers", 28)?;
    windows::by_type(config, n_layers, |l| l % 2 == 0 && l < end)
}

/// Whether probabilities of chosen experts are divided by their sum, as a setting says, which GGUF files lack.
pub(super) fn normalized(settings: &FamilySettings, default: bool) -> Result<ExpertWeights> {
    let are_normalized = settings.config.bool_or("norm_topk_prob", default)?;
    Ok(if are_normalized { ExpertWeights::Normalized } else { ExpertWeights::Kept })
}

/// The experts that the settings describe, without a shared one, with the activation of the dense layers.
pub(super) fn experts(
    settings: &FamilySettings,
    plan: &DecoderPlan,
    weights: ExpertWeights,
) -> Result<ExpertsPlan> {
    let config = &settings.config;
    let key = config.key(&EXPERT_COUNTS);
    let chosen = config.key(&[CHOSEN, "top_k_experts"]);
    let (n, k) = (config.usize(key)?, config.usize(chosen)?);
    let most = MOST.min(MOST_IN_ALL / plan.layers.len().max(1));
    config.must(key, n <= most, &format!("at most {most} in each of so many layers"))?;
    config.must(chosen, k <= n, &format!("at most `{key}`"))?;
    Ok(ExpertsPlan {
        n,
        k,
        gate: ExpertGate::Plain(activation(plan)),
        scoring: Scoring::Softmax,
        weights,
        factor: 1.0,
        has_router_bias: false,
        has_choice_bias: false,
        groups: None,
        has_bias: false,
        weighted: Weighted::Output,
        shared: None,
        beside: None,
    })
}

/// Puts experts in place of the networks of some layers; `width` is the key of their width.
pub(super) fn mix(
    settings: &FamilySettings,
    plan: &mut DecoderPlan,
    experts: ExpertsPlan,
    width: &str,
    is_mixture: impl Fn(usize) -> bool,
) -> Result<()> {
    let d_ff = settings.config.usize(width)?;
    let layers = plan.layers.iter_mut().enumerate().filter(|(l, _)| is_mixture(*l));
    for feed in layers.filter_map(|(_, layer)| layer.feed.as_mut()) {
        feed.experts = Some(experts);
        feed.d_ff = d_ff;
    }
    Ok(())
}

/// Puts experts in place of the networks of those layers of a Qwen that are mixtures.
pub(super) fn mix_qwen(
    settings: &FamilySettings,
    plan: &mut DecoderPlan,
    experts: ExpertsPlan,
) -> Result<()> {
    let is_mixture = mixtures(&settings.config, plan.layers.len())?;
    mix(settings, plan, experts, WIDTH, |l| is_mixture[l])
}

/// Which layers of a Qwen are mixtures: every `decoder_sparse_step`-th, but those of `mlp_only_layers`.
fn mixtures(config: &Config, n_layers: usize) -> Result<Vec<bool>> {
    let step = config.usize_or("decoder_sparse_step", 1)?;
    let dense = config.floats("mlp_only_layers")?.unwrap_or_default();
    let is_dense = |l: usize| dense.iter().any(|&listed| listed.to_bits() == (l as f32).to_bits());
    Ok((0..n_layers).map(|l| (l + 1).is_multiple_of(step) && !is_dense(l)).collect())
}
