//! GLM-4 (GLM Team 2024, 2025): half of a head's channels are rotated, neighbouring ones as pairs; from 2025 on with norms
//! on both sides of each half; and GLM-4.5, a mixture of experts as in DeepSeek-V3, with plain attention.

use super::{
    LayerOrder,
    deepseek::{SHARED_NAMES, groups, mix_with_shared, normalized_if},
    family::{Bias, BiasStyle, Family, KEYS, Keys, LLAMA, PositionStyle, Refused, Style},
    mixtures::{CHOSEN, WIDTH, experts},
    names::{FeedNames, LLAMA as LLAMA_NAMES, Names},
    rope::RopeStyle,
};
use crate::{
    engine::tape::RotaryPairs,
    model::layer::{
        attention::QkNormPlan,
        experts::{ExpertsPlan, Scoring},
        norm::QkNorm,
    },
};

/// The first half of a head's channels is rotated, unless the settings say otherwise.
const HALF: RopeStyle =
    RopeStyle { part: Some(("partial_rotary_factor", 0.5)), ..RopeStyle::WHOLE };

const GLM: Family = Family {
    types: &["glm"],
    title: "GLM",
    keys: Keys { default_eps: 1.5625e-7, ..KEYS },
    defaults: &[
        ("max_position_embeddings", 131_072),
        ("num_key_value_heads", 2),
        ("head_dim", 128),
    ],
    names: Names { feed: FeedNames::FusedGate("mlp.gate_up_proj", "mlp.down_proj"), ..LLAMA_NAMES },
    style: Style {
        positions: PositionStyle::Rotary(RopeStyle { pairs: RotaryPairs::Neighbours, ..HALF }),
        biases: BiasStyle { qkv: Bias::Setting("attention_bias", true), ..BiasStyle::NONE },
        ..LLAMA.style
    },
    ..LLAMA
};

pub static FAMILIES: &[Family] = &[
    GLM,
    Family {
        types: &["glm4"],
        title: "GLM-4",
        names: Names {
            post_norms: ["post_self_attn_layernorm", "post_mlp_layernorm"],
            ..GLM.names
        },
        style: Style { order: LayerOrder::Sandwich, ..GLM.style },
        refused: &[Refused {
            key: "mrope_section",
            can_run: |config| !config.has("mrope_section"),
            wanted: "none: rotations with a section for each axis of an image are missing",
        }],
        ..GLM
    },
    Family {
        types: &["glm4_moe", "glm4moe"],
        title: "GLM-4.5",
        keys: Keys { default_eps: 1e-5, ..KEYS },
        defaults: &[
            ("max_position_embeddings", 131_072),
            ("num_key_value_heads", 8),
            ("n_routed_experts", 128),
            ("n_shared_experts", 1),
            (CHOSEN, 8),
            (WIDTH, 1408),
            ("first_k_dense_replace", 1),
        ],
        names: SHARED_NAMES,
        style: Style {
            positions: PositionStyle::Rotary(HALF),
            biases: BiasStyle { qkv: Bias::Setting("attention_bias", false), ..BiasStyle::NONE },
            ..LLAMA.style
        },
        adjust: |settings, plan| {
            let has_norms = settings.config.bool_or("use_qk_norm", false)?
                || settings.has_tensor_like(".self_attn.q_norm.weight");
            let (of, kind) = (QkNorm::PerHead, plan.norm);
            for layer in plan.layers.iter_mut().filter(|_| has_norms) {
                layer.attention.qk_norm = Some(QkNormPlan { of, kind, after_rope: false });
            }
            let is_normalized = settings.config.bool_or("norm_topk_prob", true)?;
            let experts = ExpertsPlan {
                scoring: Scoring::Sigmoid,
                has_choice_bias: true,
                groups: groups(settings, 2)?,
                ..experts(settings, plan, normalized_if(is_normalized))?
            };
            mix_with_shared(settings, plan, experts, 1.0)
        },
        ..LLAMA
    },
];
