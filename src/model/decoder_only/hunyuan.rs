//! HunYuan (Tencent 2024, 2025), dense and with experts: queries and keys are normalised after they are rotated.

use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value as Json, json};

use super::{
    DecoderPlan,
    family::{BiasStyle, Family, FamilySettings, KEYS, Keys, LLAMA, PositionStyle, Style},
    mixtures::{CHOSEN, activation, experts, mix},
    names::{EXPERTS, ExpertNames, FeedNames, LLAMA as LLAMA_NAMES, Names},
    rope::{RopeSizes, RopeStyle, rope},
};
use crate::{
    engine::tape::ExpertWeights,
    model::layer::{
        experts::{ExpertsPlan, SharedPlan},
        feed_forward::FeedKind,
        norm::QkNorm,
    },
    weights::Config,
};

const LONGEST: &str = "max_position_embeddings";
/// The width of feed-forward, and of experts.
const WIDTH: &str = "intermediate_size";

const HUNYUAN: Family = Family {
    types: &["hunyuan_v1_dense", "hunyuan-dense"],
    title: "HunYuan",
    keys: Keys { default_eps: 1e-5, ..KEYS },
    defaults: &[(LONGEST, 2048)],
    names: Names {
        qk_norms: [
            "self_attn.query_layernorm|self_attn.q_norm",
            "self_attn.key_layernorm|self_attn.k_norm",
        ],
        ..LLAMA_NAMES
    },
    style: Style {
        qk_norm: Some(QkNorm::PerHead),
        positions: PositionStyle::Adjusted,
        biases: BiasStyle::ATTENTION,
        ..LLAMA.style
    },
    adjust: rotate,
    ..LLAMA
};

pub static FAMILIES: &[Family] = &[
    HUNYUAN,
    Family {
        types: &["hunyuan_v1_moe", "hunyuan-moe"],
        title: "HunYuan-MoE",
        names: Names {
            experts: ExpertNames {
                router: "mlp.gate.wg",
                shared: FeedNames::Gated(
                    "mlp.shared_mlp.gate_proj",
                    "mlp.shared_mlp.up_proj",
                    "mlp.shared_mlp.down_proj",
                ),
                ..EXPERTS
            },
            ..HUNYUAN.names
        },
        adjust: |settings, plan| {
            rotate(settings, plan)?;
            let mut config = settings.config.clone();
            for (key, ours) in [("num_experts", "num_experts"), ("moe_topk", CHOSEN)] {
                config = with_one_of_all_layers(config, key, ours)?;
            }
            let settings = FamilySettings { config, ..*settings };
            let shared = SharedPlan {
                d_ff: settings.config.usize(WIDTH)?,
                kind: FeedKind::Gated(activation(plan)),
                has_gate: false,
            };
            let experts = experts(&settings, plan, ExpertWeights::Normalized)?;
            let experts = ExpertsPlan { shared: Some(shared), ..experts };
            mix(&settings, plan, experts, WIDTH, |_| true)
        },
        ..HUNYUAN
    },
];

/// These settings with a number that may be given layer by layer, which must be the same in all, under another key.
fn with_one_of_all_layers(config: Config, key: &str, ours: &str) -> Result<Config> {
    let one = match config.get(key) {
        Some(Json::Array(listed)) => {
            let (first, others) = (listed.first().cloned(), listed.get(1..).unwrap_or_default());
            let are_same = others.iter().all(|one| Some(one) == first.as_ref());
            config.must(key, first.is_some() && are_same, "the same number in all layers")?;
            first
        }
        one => one.cloned(),
    };
    Ok(if one.is_some() { config.with(ours, one) } else { config })
}

/// The rotation. What the settings call `dynamic` with an alpha is a larger base, whatever the length of the text.
fn rotate(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let (given, d_head) = (&settings.config, plan.heads.d_head);
    let scaling = given.section("rope_scaling")?;
    let alpha = scaling.as_ref().map_or(Ok(0.0), |scaling| scaling.float_or("alpha", 0.0))?;
    let kind = scaling.as_ref().map_or(Ok(""), |scaling| {
        scaling.string_or(if scaling.has("rope_type") { "rope_type" } else { "type" }, "")
    })?;
    let config = if kind == "dynamic" && alpha != 0.0 {
        given.must("head_dim", d_head > 2, "more than 2")?;
        let exponent = d_head as f64 / (d_head - 2) as f64;
        let theta = f64::from(given.float_or("rope_theta", RopeStyle::WHOLE.theta)?);
        let theta = theta * f64::from(alpha).powf(exponent);
        given.with("rope_scaling", None).with("rope_theta", Some(json!(theta)))
    } else {
        given.clone()
    };
    let sizes = RopeSizes { d_head, longest: config.usize(LONGEST)? };
    let rope = Arc::new(rope(&config, sizes, RopeStyle::WHOLE)?);
    for layer in &mut plan.layers {
        layer.attention.rope = Some(Arc::clone(&rope));
        if let Some(norm) = &mut layer.attention.qk_norm {
            norm.after_rope = true;
        }
    }
    Ok(())
}
