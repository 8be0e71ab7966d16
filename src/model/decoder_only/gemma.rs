//! Gemma 1 to 3 (Gemma Team 2024, 2025): gains that are added to 1, scaled embeddings, GELU gates; norms on both sides
//! of each half from Gemma 2 on, windows, and soft caps in Gemma 2.

use anyhow::Result;
use serde_json::json;

use super::{
    DecoderPlan, EmbeddingScale, LayerOrder,
    family::{BiasStyle, Family, FamilySettings, KEYS, Keys, LLAMA, Style, ropes_by_window},
    names::{LLAMA as LLAMA_NAMES, Names},
    rope::RopeStyle,
    windows,
};
use crate::{
    engine::tape::Root,
    model::{
        layer::{
            attention::{Mask, ScoreScaling},
            feed_forward::{Activation, FeedKind},
            norm::{NormStyle, QkNorm},
        },
        pool::PoolPlan,
    },
    weights::Config,
};

pub(super) const GEMMA_KEYS: Keys =
    Keys { activation: &["hidden_activation"], default_activation: "gelu_pytorch_tanh", ..KEYS };

pub(super) const GEMMA: Style = Style {
    norm: NormStyle::RmsFromOne,
    biases: BiasStyle::ATTENTION,
    embedding_scale: EmbeddingScale::Root,
    is_tied: true,
    ..LLAMA.style
};

pub(super) const SANDWICH_NAMES: Names =
    Names { norms: ["input_layernorm", "pre_feedforward_layernorm"], ..LLAMA_NAMES };

pub static FAMILIES: &[Family] = &[
    Family {
        types: &["gemma"],
        title: "Gemma",
        defaults: &[("max_position_embeddings", 8192), ("head_dim", 256)],
        keys: Keys { activation: &["hidden_activation", "hidden_act"], ..GEMMA_KEYS },
        style: GEMMA,
        // What the first Gemma calls `gelu` is its tanh form.
        adjust: |_, plan| {
            for feed in plan.layers.iter_mut().filter_map(|layer| layer.feed.as_mut()) {
                if feed.kind == FeedKind::Gated(Activation::GeluErf) {
                    feed.kind = FeedKind::Gated(Activation::Gelu);
                }
            }
            Ok(())
        },
        ..LLAMA
    },
    Family {
        types: &["gemma2"],
        title: "Gemma 2",
        keeps_padding: true,
        default_rope: None,
        defaults: &[
            ("max_position_embeddings", 8192),
            ("head_dim", 256),
            ("num_key_value_heads", 4),
            ("sliding_window", 4096),
        ],
        keys: GEMMA_KEYS,
        names: SANDWICH_NAMES,
        style: Style { order: LayerOrder::Sandwich, windows: windows::every_second, ..GEMMA },
        refused: &[],
        adjust: |settings, plan| {
            scale_scores(settings, plan, 46)?;
            cap(settings, plan)
        },
    },
    Family {
        types: &["gemma3_text", "gemma3"],
        title: "Gemma 3",
        keeps_padding: true,
        default_rope: None,
        defaults: &[
            ("max_position_embeddings", 131_072),
            ("head_dim", 256),
            ("hidden_size", 2304),
            ("intermediate_size", 9216),
            ("num_attention_heads", 8),
            ("num_hidden_layers", 26),
            ("num_key_value_heads", 4),
            ("sliding_window", 4096),
            ("vocab_size", 262_208),
        ],
        keys: GEMMA_KEYS,
        names: SANDWICH_NAMES,
        style: Style {
            order: LayerOrder::Sandwich,
            qk_norm: Some(QkNorm::PerHead),
            windows: windows::but_every_sixth,
            looks_both_ways: true,
            ..GEMMA
        },
        refused: &[],
        adjust: |settings, plan| {
            scale_scores(settings, plan, 62)?;
            plan.logits.cap = cap_of(&settings.config, "final_logit_softcapping", 0.0)?;
            rotate_gemma3(settings, plan)?;
            look_both_ways(settings, plan)
        },
    },
];

/// Scores divided by the root of `query_pre_attn_scalar`. GGUF files do not have it: it is a head's width, but in the
/// largest model, which has `n_largest` layers, the width of the stream by the number of heads.
fn scale_scores(settings: &FamilySettings, plan: &mut DecoderPlan, n_largest: usize) -> Result<()> {
    let heads = plan.heads;
    let default = match settings.are_gguf() {
        true if plan.layers.len() == n_largest => heads.d_model / heads.n_heads,
        true => heads.d_head,
        false => 256,
    };
    let n = settings.config.usize_or("query_pre_attn_scalar", default)?;
    for layer in &mut plan.layers {
        layer.attention.scaling = ScoreScaling::Root(Root { n, times: 1 });
    }
    Ok(())
}

/// EmbeddingGemma (Vera et al. 2025): a token sees all others, or those half a window away on either side, and the text
/// becomes one vector.
fn look_both_ways(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    if !settings.config.bool_or("use_bidirectional_attention", false)? {
        return Ok(());
    }
    for layer in &mut plan.layers {
        layer.mask = match layer.mask {
            Mask::Window(n) => Mask::Around(n / 2),
            _ => Mask::None,
        };
    }
    plan.pool = Some(PoolPlan::of(settings.checkpoint, plan.heads.d_model)?);
    Ok(())
}

/// Soft caps of scores and of logits.
fn cap(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    plan.logits.cap = cap_of(&settings.config, "final_logit_softcapping", 30.0)?;
    let of_scores = cap_of(&settings.config, "attn_logit_softcapping", 50.0)?;
    for layer in &mut plan.layers {
        layer.attention.cap = of_scores;
    }
    Ok(())
}

/// A soft cap; null takes it away.
pub(super) fn cap_of(config: &Config, key: &str, default: f32) -> Result<Option<f32>> {
    let cap = if config.is_null(key) { 0.0 } else { config.float_or(key, default)? };
    Ok((cap > 0.0).then_some(cap))
}

/// Gemma 3: layers with windows have a rotation of their own, which is not scaled.
fn rotate_gemma3(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let full = RopeStyle { theta: 1_000_000.0, ..RopeStyle::WHOLE };
    let local = |config: &Config| {
        let theta = config.float_or("rope_local_base_freq", 10_000.0)?;
        Ok(config.with("rope_scaling", None).with("rope_theta", Some(json!(theta))))
    };
    ropes_by_window(&settings.config, plan, full, local)
}
