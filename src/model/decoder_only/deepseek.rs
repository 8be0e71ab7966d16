//! DeepSeek-V2 and V3 (DeepSeek-AI 2024): keys and values made from a few numbers a token, and mixtures of experts whose
//! routers choose groups first.

use std::sync::Arc;

use anyhow::Result;

use super::{
    DecoderPlan,
    family::{BiasStyle, Family, FamilySettings, LLAMA, PositionStyle, Refused, Style},
    mixtures::{CHOSEN, WIDTH, activation, experts, mix},
    names::{
        EXPERTS, ExpertNames, FeedNames, LATENT as LATENT_NAMES, LLAMA as LLAMA_NAMES, Names,
        QkvNames,
    },
    rope::{RopeSizes, RopeStyle, magnitude, rope},
};
use crate::{
    engine::tape::{ExpertGroups, ExpertWeights, Rope, RotaryPairs},
    model::layer::{
        attention::{LatentPlan, ScoreScaling},
        experts::{ExpertsPlan, Scoring, SharedPlan},
        feed_forward::FeedKind,
        norm::NormKind,
    },
    weights::Config,
};

/// The epsilon of the norms within attention, whatever the settings say: transformers.
const EPS: f32 = 1e-6;
/// The keys of sizes in GGUF files.
const KEY_WIDTHS: [&str; 2] = ["qk_head_dim", "head_dim"];
/// How experts are scored in GGUF files.
const GATING: &str = "expert_gating_func";
const GATING_SIGMOID: usize = 2;

/// Llama's, with the shared expert as DeepSeek calls it.
pub(super) const SHARED_NAMES: Names = Names {
    experts: ExpertNames {
        shared: FeedNames::Gated(
            "mlp.shared_experts.gate_proj",
            "mlp.shared_experts.up_proj",
            "mlp.shared_experts.down_proj",
        ),
        ..EXPERTS
    },
    ..LLAMA_NAMES
};

const DEEPSEEK: Family = Family {
    names: Names { qkv: QkvNames::Latent(LATENT_NAMES), ..SHARED_NAMES },
    style: Style { positions: PositionStyle::Adjusted, ..LLAMA.style },
    ..LLAMA
};

pub static FAMILIES: &[Family] = &[
    Family {
        types: &["deepseek_v2"],
        title: "DeepSeek-V2",
        defaults: &[
            ("max_position_embeddings", 2048),
            ("kv_lora_rank", 512),
            ("q_lora_rank", 1536),
            ("qk_nope_head_dim", 128),
            ("qk_rope_head_dim", 64),
            ("v_head_dim", 128),
            ("n_routed_experts", 64),
            ("n_shared_experts", 2),
            (WIDTH, 1407),
        ],
        refused: &[
            Refused {
                key: "topk_method",
                can_run: |config| {
                    let method = config.string_or("topk_method", GREEDY).unwrap_or_default();
                    [GREEDY, GROUPS].contains(&method)
                },
                wanted: "greedy or group_limited_greedy",
            },
            scored_by("softmax"),
        ],
        adjust: |settings, plan| {
            // As in transformers, whatever `norm_topk_prob` says.
            let weights = ExpertWeights::Kept;
            let in_groups = settings.config.string_or("topk_method", GREEDY)? == GROUPS;
            let experts = ExpertsPlan {
                groups: if in_groups { groups(settings, 1)? } else { None },
                ..experts(settings, plan, weights)?
            };
            adjust(settings, plan, experts, 1.0, true)
        },
        ..DEEPSEEK
    },
    Family {
        types: &["deepseek_v3"],
        title: "DeepSeek-V3",
        defaults: &[
            ("max_position_embeddings", 4096),
            ("kv_lora_rank", 512),
            ("q_lora_rank", 1536),
            ("qk_nope_head_dim", 128),
            ("qk_rope_head_dim", 64),
            ("v_head_dim", 128),
            ("n_routed_experts", 256),
            ("n_shared_experts", 1),
            ("n_group", 8),
            ("topk_group", 4),
            (CHOSEN, 8),
            (WIDTH, 2048),
            ("first_k_dense_replace", 3),
        ],
        style: Style { biases: BiasStyle::ATTENTION, ..DEEPSEEK.style },
        refused: &[scored_by("sigmoid")],
        adjust: |settings, plan| {
            let is_normalized = settings.config.bool_or("norm_topk_prob", true)?;
            let experts = ExpertsPlan {
                scoring: Scoring::Sigmoid,
                has_choice_bias: true,
                groups: groups(settings, 2)?,
                ..experts(settings, plan, normalized_if(is_normalized))?
            };
            let interleaves = settings.config.bool_or("rope_interleave", true)?;
            adjust(settings, plan, experts, 2.5, interleaves)
        },
        ..DEEPSEEK
    },
    Family {
        types: &["deepseek2"],
        title: "DeepSeek",
        adjust: |settings, plan| {
            let config = &settings.config;
            let is_sigmoid = config.usize_or(GATING, 1)? == GATING_SIGMOID;
            let is_normalized = config.bool_or("norm_topk_prob", false)?;
            let experts = ExpertsPlan {
                scoring: if is_sigmoid { Scoring::Sigmoid } else { Scoring::Softmax },
                has_choice_bias: settings.has_tensor_like(".mlp.gate.e_score_correction.bias"),
                groups: groups(settings, if is_sigmoid { 2 } else { 1 })?,
                ..experts(settings, plan, normalized_if(is_normalized))?
            };
            adjust(settings, plan, experts, 1.0, true)
        },
        ..DEEPSEEK
    },
];

const GREEDY: &str = "greedy";
const GROUPS: &str = "group_limited_greedy";

/// Refuses experts that are scored in another way than this.
const fn scored_by(how: &'static str) -> Refused {
    let can_run: fn(&Config) -> bool = match how.as_bytes() {
        b"softmax" => |config| is_scored_by(config, "softmax"),
        _ => |config| is_scored_by(config, "sigmoid"),
    };
    Refused { key: "scoring_func", can_run, wanted: how }
}

fn is_scored_by(config: &Config, how: &str) -> bool {
    config.string_or("scoring_func", how).is_ok_and(|given| given == how)
}

pub(super) const fn normalized_if(are_normalized: bool) -> ExpertWeights {
    if are_normalized { ExpertWeights::Normalized } else { ExpertWeights::Kept }
}

/// The groups of experts, where fewer than all are chosen.
pub(super) fn groups(settings: &FamilySettings, summed: usize) -> Result<Option<ExpertGroups>> {
    const N: &str = "n_group";
    const CHOSEN_GROUPS: &str = "topk_group";
    let config = &settings.config;
    let n = config.usize_or(N, 1)?;
    let k = config.usize_or(CHOSEN_GROUPS, n)?;
    let n_experts = config.usize(config.key(&["n_routed_experts", "num_local_experts"]))?;
    config.must(N, n_experts.is_multiple_of(n), "a divisor of the number of experts")?;
    let are_enough = k <= n && k * (n_experts / n) >= config.usize(CHOSEN)?;
    config.must(CHOSEN_GROUPS, are_enough, "at most `n_group`, with enough experts to choose")?;
    Ok((k < n).then_some(ExpertGroups { n, k, summed }))
}

/// Attention by way of a few numbers, and experts in all layers but the first; `factor` is that of the experts' weights
/// where the settings have none, and `interleaves` says which numbers of a head a rotation pairs.
fn adjust(
    settings: &FamilySettings,
    plan: &mut DecoderPlan,
    experts: ExpertsPlan,
    factor: f32,
    interleaves: bool,
) -> Result<()> {
    let config = &settings.config;
    let latent = latent(config)?;
    let d_head = latent.d_own + latent.d_shared;
    plan.heads.d_head = d_head;
    plan.heads.n_kv_heads = plan.heads.n_heads;
    let rope = Arc::new(shared_rope(config, latent, plan.context, interleaves)?);
    let larger = magnitude(config)?;
    for layer in &mut plan.layers {
        let attention = &mut layer.attention;
        attention.latent = Some(latent);
        attention.rope = Some(Arc::clone(&rope));
        attention.scaling = match larger {
            None => ScoreScaling::by_root(d_head),
            Some(m) => ScoreScaling::Factor((f64::from(m * m) / (d_head as f64).sqrt()) as f32),
        };
    }
    mix_with_shared(settings, plan, experts, factor)
}

/// Experts, and shared ones, in all layers but the first; `factor` is that of the experts' weights where the settings have
/// none.
pub(super) fn mix_with_shared(
    settings: &FamilySettings,
    plan: &mut DecoderPlan,
    experts: ExpertsPlan,
    factor: f32,
) -> Result<()> {
    let config = &settings.config;
    let d_expert = config.usize(WIDTH)?;
    let n_shared = config.count_or("n_shared_experts", 0)?;
    let kind = FeedKind::Gated(activation(plan));
    let of_shared = SharedPlan { d_ff: n_shared * d_expert, kind, has_gate: false };
    let experts = ExpertsPlan {
        factor: config.float_or("routed_scaling_factor", factor)?,
        shared: (n_shared > 0).then_some(of_shared),
        ..experts
    };
    let n_dense = config.count_or("first_k_dense_replace", 0)?;
    mix(settings, plan, experts, WIDTH, |l| l >= n_dense)
}

/// The sizes of attention. GGUF files have the width of whole keys, and that of their rotated part.
fn latent(config: &Config) -> Result<LatentPlan> {
    const SHARED: &str = "qk_rope_head_dim";
    const OWN: &str = "qk_nope_head_dim";
    let d_shared = config.usize(config.key(&[SHARED, "rotary_dim"]))?;
    let d_own = if config.has(OWN) {
        config.usize(OWN)?
    } else {
        let key = config.key(&KEY_WIDTHS);
        let whole = config.usize(key)?;
        config.must(key, whole > d_shared, "more than the width of the rotated part")?;
        whole - d_shared
    };
    let q_rank = config.has("q_lora_rank").then(|| config.usize("q_lora_rank")).transpose()?;
    Ok(LatentPlan {
        q_rank,
        kv_rank: config.usize("kv_lora_rank")?,
        d_own,
        d_shared,
        d_value: config.usize("v_head_dim")?,
        norm: NormKind::rms(EPS),
    })
}

/// The rotation of the channels that all heads share, which stand behind each head's own.
fn shared_rope(
    config: &Config,
    latent: LatentPlan,
    longest: usize,
    interleaves: bool,
) -> Result<Rope> {
    let pairs = if interleaves { RotaryPairs::Neighbours } else { RotaryPairs::Halves };
    let sizes = RopeSizes { d_head: latent.d_shared, longest };
    let rope = rope(config, sizes, RopeStyle { pairs, ..RopeStyle::WHOLE })?;
    Ok(Rope { first: latent.d_own, ..rope })
}
