//! Decoders with linear biases in place of positions: BLOOM (Le Scao et al. 2022) and MPT (MosaicML 2023); and Falcon
//! (Almazrouei et al. 2023), which has BLOOM's names and rotates.

use std::sync::Arc;

use anyhow::Result;
use serde_json::Value as Json;

use super::{
    DecoderPlan, LayerOrder,
    family::{
        Bias, BiasStyle, Family, FamilySettings, Keys, LLAMA, PositionStyle, Refused, Style, clip,
    },
    gpt2::{GPT2_KEYS, GPT2_STYLE},
    names::{FeedNames, LLAMA as LLAMA_NAMES, Names, QkvNames},
    rope::RopeStyle,
};
use crate::{
    model::layer::norm::NormStyle,
    weights::{Config, SettingFaults},
};

/// BLOOM's names, which Falcon took over.
const BLOOM_NAMES: Names = Names {
    body: &["transformer.", ""],
    embed: "word_embeddings",
    embed_norm: "word_embeddings_layernorm",
    final_norm: "ln_f",
    unembed: "lm_head",
    layers: "h.",
    // Falcon's with two norms have names of their own; in GGUF the second of them has the name of the only one.
    norms: ["ln_attn|input_layernorm", "ln_mlp|post_attention_layernorm|input_layernorm"],
    qkv: QkvNames::ByHead("self_attention.query_key_value"),
    out: "self_attention.dense",
    feed: FeedNames::Plain("mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    ..LLAMA_NAMES
};

const ALIBI: Style = Style { positions: PositionStyle::Alibi, ..GPT2_STYLE };

const EPS: &[&str] = &["layer_norm_epsilon", "layer_norm_eps"];

pub static FAMILIES: &[Family] = &[
    Family {
        types: &["bloom"],
        title: "BLOOM",
        keys: Keys {
            d_model: &["hidden_size", "n_embed"],
            context: &["seq_length", "max_position_embeddings"],
            d_ff: &["intermediate_size"],
            eps: EPS,
            activation: &["hidden_act"],
            ..GPT2_KEYS
        },
        names: BLOOM_NAMES,
        style: ALIBI,
        keeps_padding: false,
        refused: &[Refused {
            key: "apply_residual_connection_post_layernorm",
            can_run: |config| !is(config, "apply_residual_connection_post_layernorm", true),
            wanted: "false",
        }],
        default_rope: None,
        defaults: &[("seq_length", 2048)],
        adjust: |_, plan| {
            plan.embedding.has_norm = true;
            Ok(())
        },
    },
    Family {
        types: &["mpt"],
        title: "MPT",
        keys: Keys {
            d_model: &["d_model", "hidden_size"],
            n_layers: &["n_layers", "num_hidden_layers"],
            n_heads: &["n_heads", "num_attention_heads"],
            d_ff: &["intermediate_size"],
            context: &["max_seq_len", "max_position_embeddings"],
            eps: EPS,
            activation: &["hidden_act"],
            default_activation: "gelu",
            ..GPT2_KEYS
        },
        names: Names {
            body: &["transformer.", ""],
            embed: "wte",
            final_norm: "norm_f",
            unembed: "lm_head",
            layers: "blocks.",
            norms: ["norm_1", "norm_2"],
            qkv: QkvNames::Rows("attn.Wqkv"),
            out: "attn.out_proj",
            feed: FeedNames::Plain("ffn.up_proj", "ffn.down_proj"),
            ..LLAMA_NAMES
        },
        style: Style { norm: NormStyle::LayerWithoutBias, biases: BiasStyle::NONE, ..ALIBI },
        keeps_padding: false,
        refused: &[
            Refused {
                key: "alibi_bias_max",
                can_run: |config| {
                    config.float_or("alibi_bias_max", 8.0).is_ok_and(|most| most > 0.0)
                },
                wanted: "above 0: attention with linear biases",
            },
            Refused {
                key: "no_bias",
                can_run: |config| !is(config, "no_bias", false),
                wanted: "true",
            },
            Refused {
                key: "logit_scale",
                can_run: |config| !config.has("logit_scale"),
                wanted: "none: logits are not scaled",
            },
        ],
        default_rope: None,
        defaults: &[("max_seq_len", 2048)],
        adjust: adjust_mpt,
    },
    Family {
        types: &["falcon"],
        title: "Falcon",
        keys: Keys {
            d_model: &["hidden_size"],
            n_layers: &["num_hidden_layers", "n_layer"],
            n_heads: &["num_attention_heads", "n_head"],
            d_ff: &["ffn_hidden_size", "intermediate_size"],
            context: &["max_position_embeddings"],
            eps: EPS,
            activation: &["activation"],
            default_activation: "gelu",
            ..GPT2_KEYS
        },
        names: BLOOM_NAMES,
        style: Style {
            positions: PositionStyle::Rotary(RopeStyle::WHOLE),
            biases: BiasStyle {
                qkv: Bias::Setting("bias", false),
                out: Bias::Setting("bias", false),
                feed: Bias::Setting("bias", false),
            },
            ..GPT2_STYLE
        },
        keeps_padding: false,
        refused: &[Refused {
            key: "alibi",
            can_run: |config| !is(config, "alibi", true),
            wanted: "false",
        }],
        adjust: falcon,
        ..LLAMA
    },
];

fn is(config: &Config, key: &str, value: bool) -> bool {
    config.get(key) == Some(&Json::Bool(value))
}

/// Checks that MPT's attention has linear biases and nothing that is not run.
fn must_be_plain(attention: &Config) -> Result<()> {
    let mut faults = SettingFaults::default();
    let has_biases = !is(attention, "alibi", false);
    faults.note(attention.must("alibi", has_biases, "true: attention with linear biases"));
    for key in ["qk_ln", "prefix_lm", "softmax_scale"] {
        let is_off = !attention.has(key) || is(attention, key, false);
        faults.note(attention.must(key, is_off, "null or false"));
    }
    faults.or(Some(()))
}

/// Slopes, and the bounds of queries, keys and values.
fn adjust_mpt(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let config = &settings.config;
    let section = config.section("attn_config")?;
    if let Some(attention) = &section {
        must_be_plain(attention)?;
    }
    let attention = section.as_ref().unwrap_or(config);
    clip(attention, plan)?;
    let most = attention.float_or("alibi_bias_max", 8.0)?;
    let slopes = DecoderPlan::slopes(plan.heads.n_heads, most);
    for layer in &mut plan.layers {
        layer.attention.slopes = Some(Arc::clone(&slopes));
    }
    Ok(())
}

/// Falcon's heads and norms.
fn falcon(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let config = &settings.config;
    let n_heads = plan.heads.n_heads;
    let is_new = config.bool_or("new_decoder_architecture", false)?;
    if !settings.are_gguf() {
        let is_shared = config.bool_or("multi_query", true)?;
        plan.heads.n_kv_heads = match is_new {
            true => config.usize_or("num_kv_heads", n_heads)?,
            false if is_shared => 1,
            false => n_heads,
        };
    }
    let are_shared = n_heads.is_multiple_of(plan.heads.n_kv_heads);
    config.must("num_kv_heads", are_shared, "a divisor of num_attention_heads")?;
    let n_norms = config.usize_or("num_ln_in_parallel_attn", if is_new { 2 } else { 1 })?;
    let has_two = settings.has_tensor("transformer.h.0.ln_attn.weight") || (is_new && n_norms == 2);
    let order = match config.bool_or("parallel_attn", true)? {
        true if has_two => LayerOrder::ParallelTwoNorms,
        true => LayerOrder::ParallelOneNorm,
        false => LayerOrder::PreNorm,
    };
    for layer in &mut plan.layers {
        layer.order = order;
    }
    Ok(())
}
