//! The Llama family (Touvron et al. 2023): Llama 2 and 3, Mistral, Qwen2, SmolLM2. Root mean square
//! norms, rotary positions, gated feed-forward, keys and values shared by several heads.

mod rope;

use std::sync::Arc;

use anyhow::Result;
use serde_json::Value as Json;

use super::{DecoderPlan, DecoderPositions, ScoreScaling};
use crate::{
    model::layer::{
        attention::{HeadSizes, Mask},
        feed_forward::{Activation, FeedKind},
        norm::NormKind,
    },
    weights::{
        Checkpoint, Config, ExpectedWeight,
        WeightLayout::{Linear, Table, Vector},
    },
};

/// The sizes and settings of a checkpoint.
///
/// # Errors
/// If a setting is missing, out of bounds, or of a kind that cannot be run.
pub(super) fn plan(checkpoint: &Checkpoint) -> Result<DecoderPlan> {
    let config = checkpoint.config();
    let act = Activation::of(config, "hidden_act", "silu")?;
    let heads = heads(config)?;
    let n_layers = config.usize("num_hidden_layers")?;
    let has_own_output = checkpoint.tensor("lm_head.weight").is_some();
    Ok(DecoderPlan {
        n_layers,
        heads,
        d_ff: config.usize("intermediate_size")?,
        n_vocab: config.usize("vocab_size")?,
        norm: NormKind::Rms { eps: config.float_or("rms_norm_eps", 1e-6)? },
        feed: FeedKind::Gated(act),
        positions: DecoderPositions::Rotary(Arc::new(rope::rope(config, heads.d_head)?)),
        masks: masks(config, n_layers)?,
        scaling: ScoreScaling::BY_ROOT,
        is_tied: config.bool_or("tie_word_embeddings", false)? && !has_own_output,
        begin: None,
        ends: config.ids("eos_token_id")?,
        context: rope::context(config)?,
    })
}

fn heads(config: &Config) -> Result<HeadSizes> {
    let (d_model, n_heads) = (config.usize("hidden_size")?, config.usize("num_attention_heads")?);
    let n_kv_heads = config.usize_or("num_key_value_heads", n_heads)?;
    let are_shared = n_heads.is_multiple_of(n_kv_heads);
    config.must("num_key_value_heads", are_shared, "a divisor of num_attention_heads")?;
    let d_head = config.usize_or("head_dim", (d_model / n_heads).max(1))?;
    Ok(HeadSizes { d_model, n_heads, n_kv_heads, d_head })
}

/// Mistral sees a window in every layer, where one is given; Qwen2 only where it says that it is used,
/// and in the layers that are named, or in those from `max_window_layers` on. Others know none.
fn masks(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    let kind = config.string_or("model_type", "")?;
    let is_used = match kind {
        "mistral" => true,
        "qwen2" => config.bool_or("use_sliding_window", false)?,
        _ => false,
    };
    if !is_used || !config.has("sliding_window") {
        return Ok(vec![Mask::Causal; n_layers]);
    }
    let window = Mask::Window(config.usize("sliding_window")?);
    if kind == "mistral" {
        return Ok(vec![window; n_layers]);
    }
    let kinds = layer_types(config, n_layers)?;
    let mask = |has_window: &bool| if *has_window { window } else { Mask::Causal };
    Ok(kinds.iter().map(mask).collect())
}

/// Whether each layer of a Qwen2 sees a window.
fn layer_types(config: &Config, n_layers: usize) -> Result<Vec<bool>> {
    let Some(types) = config.get("layer_types") else {
        let first = config.count_or("max_window_layers", 28)?;
        return Ok((0..n_layers).map(|l| l >= first).collect());
    };
    let kind = |kind: &Json| match kind.as_str()? {
        "sliding_attention" => Some(true),
        "full_attention" => Some(false),
        _ => None,
    };
    let types: Option<Vec<bool>> = types.as_array().and_then(|all| all.iter().map(kind).collect());
    let types = types.filter(|types| types.len() == n_layers).unwrap_or_default();
    let wanted = "sliding_attention or full_attention for every layer";
    config.must("layer_types", types.len() == n_layers, wanted)?;
    Ok(types)
}

/// Whether maps have a bias.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bias {
    Always,
    Never,
    /// As the file has it: GGUF files do not say.
    IfThere,
}

impl Bias {
    /// # Errors
    /// If the setting is of the wrong kind.
    fn of(config: &Config, key: &str) -> Result<Self> {
        Ok(if config.bool_or(key, false)? { Self::Always } else { Self::Never })
    }

    /// Those of queries, keys and values, of attention's output, and of feed-forward.
    fn all(checkpoint: &Checkpoint) -> Result<[Self; 3]> {
        let config = checkpoint.config();
        Ok(match config.string("model_type")? {
            _ if checkpoint.is_gguf() => [Self::IfThere; 3],
            "qwen2" => [Self::Always, Self::Never, Self::Never],
            "llama" => {
                let attention = Self::of(config, "attention_bias")?;
                [attention, attention, Self::of(config, "mlp_bias")?]
            }
            _ => [Self::Never; 3],
        })
    }
}

/// Where the file has each weight.
///
/// # Errors
/// If a setting is of the wrong kind.
pub(super) fn expected_weights(
    checkpoint: &Checkpoint,
    plan: &DecoderPlan,
) -> Result<Vec<ExpectedWeight>> {
    let DecoderPlan { heads, d_ff, n_vocab, n_layers, .. } = *plan;
    let [projections, output, feed] = Bias::all(checkpoint)?;
    // A body that was saved without its head has no prefix.
    let theirs = |name: &str| format!("model.{name}|{name}");
    let (d_model, d_q, d_kv) = (heads.d_model, heads.d_q(), heads.d_kv());
    let mut wanted = vec![
        ExpectedWeight::new(
            "embed.weight",
            &theirs("embed_tokens.weight"),
            (n_vocab, d_model),
            Table,
        ),
        ExpectedWeight::new("final_norm.gain", &theirs("norm.weight"), (1, d_model), Vector),
    ];
    if !plan.is_tied {
        wanted.push(ExpectedWeight::new(
            "unembed.weight",
            "lm_head.weight",
            (n_vocab, d_model),
            Table,
        ));
    }
    let maps = [
        ("attn.W_Q", "attn.b_Q", "self_attn.q_proj", (d_model, d_q), projections),
        ("attn.W_K", "attn.b_K", "self_attn.k_proj", (d_model, d_kv), projections),
        ("attn.W_V", "attn.b_V", "self_attn.v_proj", (d_model, d_kv), projections),
        ("attn.W_O", "attn.b_O", "self_attn.o_proj", (d_q, d_model), output),
        ("ffn.W_gate", "ffn.b_gate", "mlp.gate_proj", (d_model, d_ff), feed),
        ("ffn.W_up", "ffn.b_up", "mlp.up_proj", (d_model, d_ff), feed),
        ("ffn.W_down", "ffn.b_down", "mlp.down_proj", (d_ff, d_model), feed),
    ];
    for l in 0..n_layers {
        let ours = |name: &str| format!("blocks.{l}.{name}");
        let theirs = |name: &str| theirs(&format!("layers.{l}.{name}"));
        for (w, b, name, shape, has_bias) in maps {
            let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
            wanted.push(ExpectedWeight::new(ours(w), &theirs(&weight), shape, Linear));
            let bias = ExpectedWeight::new(ours(b), &theirs(&bias), (1, shape.1), Vector);
            match has_bias {
                Bias::Always => wanted.push(bias),
                Bias::IfThere => wanted.push(bias.optional()),
                Bias::Never => {}
            }
        }
        for (norm, name) in [("norm1", "input_layernorm"), ("norm2", "post_attention_layernorm")] {
            let (gain, theirs) = (ours(&format!("{norm}.gain")), theirs(&format!("{name}.weight")));
            wanted.push(ExpectedWeight::new(gain, &theirs, (1, d_model), Vector));
        }
    }
    Ok(wanted)
}
