//! The Llama family (Touvron et al. 2023): Llama 2 and 3, Mistral, Qwen2, SmolLM2. Root mean square
//! norms, rotary positions, gated feed-forward, keys and values shared by several heads.

mod rope;

use std::sync::Arc;

use anyhow::Result;

use super::{Plan, Positions};
use crate::{
    checkpoint::{
        Checkpoint, Config,
        Layout::{Linear, Table, Vector},
        Wanted,
    },
    layer::{
        attention::{Heads, Mask},
        feed_forward::Kind as FeedKind,
        norm::Kind as NormKind,
    },
    model::activation,
};

/// The sizes and settings of a checkpoint.
///
/// # Errors
/// If a setting is missing, out of bounds, or of a kind that cannot be run.
pub(super) fn plan(checkpoint: &Checkpoint) -> Result<Plan> {
    let config = checkpoint.config();
    let act = activation(config, "hidden_act", "silu")?;
    let heads = heads(config)?;
    let has_own_output = checkpoint.tensor("lm_head.weight").is_some();
    Ok(Plan {
        n_layers: config.usize("num_hidden_layers")?,
        heads,
        d_ff: config.usize("intermediate_size")?,
        n_vocab: config.usize("vocab_size")?,
        norm: NormKind::Rms { eps: config.float_or("rms_norm_eps", 1e-6)? },
        feed: FeedKind::Gated(act),
        positions: Positions::Rotary(Arc::new(rope::rope(config, heads.d_head)?)),
        mask: mask(config)?,
        is_tied: config.bool_or("tie_word_embeddings", false)? || !has_own_output,
        begin: None,
        ends: config.ids("eos_token_id")?,
        context: rope::context(config)?,
    })
}

fn heads(config: &Config) -> Result<Heads> {
    let (d_model, n_heads) = (config.usize("hidden_size")?, config.usize("num_attention_heads")?);
    let n_kv_heads = config.usize_or("num_key_value_heads", n_heads)?;
    let are_shared = n_heads.is_multiple_of(n_kv_heads);
    config.must("num_key_value_heads", are_shared, "a divisor of num_attention_heads")?;
    let d_head = config.usize_or("head_dim", (d_model / n_heads).max(1))?;
    Ok(Heads { d_model, n_heads, n_kv_heads, d_head })
}

/// Mistral sees a window wherever one is given; Qwen2 only where it says so.
fn mask(config: &Config) -> Result<Mask> {
    let is_mistral = config.string_or("model_type", "")? == "mistral";
    let is_used = config.bool_or("use_sliding_window", is_mistral)?;
    match config.get("sliding_window").filter(|_| is_used) {
        None => Ok(Mask::Causal),
        Some(_) => Ok(Mask::Window(config.usize("sliding_window")?)),
    }
}

/// Where the file has each weight.
pub(super) fn wanted(plan: &Plan) -> Vec<Wanted> {
    let Plan { heads, d_ff, n_vocab, n_layers, .. } = *plan;
    let (d_model, d_q, d_kv) = (heads.d_model, heads.d_q(), heads.d_kv());
    let mut wanted = vec![
        Wanted::new("embed.weight", "model.embed_tokens.weight", (n_vocab, d_model), Table),
        Wanted::new("final_norm.gain", "model.norm.weight", (1, d_model), Vector),
    ];
    if !plan.is_tied {
        wanted.push(Wanted::new("unembed.weight", "lm_head.weight", (n_vocab, d_model), Table));
    }
    let maps = [
        ("attn.W_Q", "attn.b_Q", "self_attn.q_proj", (d_model, d_q)),
        ("attn.W_K", "attn.b_K", "self_attn.k_proj", (d_model, d_kv)),
        ("attn.W_V", "attn.b_V", "self_attn.v_proj", (d_model, d_kv)),
        ("attn.W_O", "attn.b_O", "self_attn.o_proj", (d_q, d_model)),
        ("ffn.W_gate", "ffn.b_gate", "mlp.gate_proj", (d_model, d_ff)),
        ("ffn.W_up", "ffn.b_up", "mlp.up_proj", (d_model, d_ff)),
        ("ffn.W_down", "ffn.b_down", "mlp.down_proj", (d_ff, d_model)),
    ];
    for l in 0..n_layers {
        let ours = |name: &str| format!("blocks.{l}.{name}");
        let theirs = |name: &str| format!("model.layers.{l}.{name}");
        for (w, b, name, shape) in maps {
            let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
            wanted.push(Wanted::new(ours(w), &theirs(&weight), shape, Linear));
            wanted.push(Wanted::new(ours(b), &theirs(&bias), (1, shape.1), Vector).optional());
        }
        for (norm, name) in [("norm1", "input_layernorm"), ("norm2", "post_attention_layernorm")] {
            let (gain, theirs) = (ours(&format!("{norm}.gain")), theirs(&format!("{name}.weight")));
            wanted.push(Wanted::new(gain, &theirs, (1, d_model), Vector));
        }
    }
    wanted
}
