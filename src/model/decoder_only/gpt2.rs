//! GPT-2 (Radford et al. 2019) and DistilGPT-2: layer norms, learned positions, GELU.

use anyhow::Result;

use super::{DecoderPlan, DecoderPositions, ScoreScaling};
use crate::{
    model::layer::{
        attention::{HeadSizes, Mask},
        feed_forward::{Activation, FeedKind},
        norm::NormKind,
    },
    weights::{
        Checkpoint, Config, ExpectedWeight,
        WeightLayout::{Conv1d, Conv1dColumns, Table, Vector, VectorPart},
    },
};

/// The sizes and settings of a checkpoint.
///
/// # Errors
/// If a setting is missing, out of bounds, or of a kind that cannot be run.
pub(super) fn plan(checkpoint: &Checkpoint) -> Result<DecoderPlan> {
    let config = checkpoint.config();
    let d_model = size(config, ["n_embd", "hidden_size"])?;
    let n_heads = size(config, ["n_head", "num_attention_heads"])?;
    config.must("n_head", d_model.is_multiple_of(n_heads), "a divisor of n_embd")?;
    let act = Activation::of(config, "activation_function", "gelu_new")?;
    let context = size(config, ["n_positions", "max_position_embeddings"])?;
    let d_ff = if config.has("n_inner") { "n_inner" } else { "intermediate_size" };
    let n_layers = size(config, ["n_layer", "num_hidden_layers"])?;
    let has_own_output = checkpoint.tensor("lm_head.weight").is_some();
    Ok(DecoderPlan {
        n_layers,
        heads: HeadSizes::slices(d_model, n_heads),
        d_ff: config.usize_or(d_ff, 4 * d_model)?,
        n_vocab: config.usize("vocab_size")?,
        norm: NormKind::Layer { eps: config.float_or("layer_norm_epsilon", 1e-5)? },
        feed: FeedKind::Plain(act),
        positions: DecoderPositions::Learned(context),
        masks: vec![Mask::Causal; n_layers],
        scaling: ScoreScaling {
            by_root: config.bool_or("scale_attn_weights", true)?,
            by_layer: config.bool_or("scale_attn_by_inverse_layer_idx", false)?,
        },
        is_tied: config.bool_or("tie_word_embeddings", true)? && !has_own_output,
        begin: None,
        ends: config.ids("eos_token_id")?,
        context,
    })
}

/// The first of the names under which a size may stand.
fn size(config: &Config, names: [&str; 2]) -> Result<usize> {
    config.usize(if config.has(names[0]) || !config.has(names[1]) { names[0] } else { names[1] })
}

/// Where the file has each weight; queries, keys and values stand side by side in it.
pub(super) fn expected_weights(plan: &DecoderPlan) -> Vec<ExpectedWeight> {
    let DecoderPlan { d_ff, n_vocab, context, heads: HeadSizes { d_model: d, .. }, .. } = *plan;
    let theirs = |name: &str| format!("transformer.{name}|{name}");
    let mut wanted = vec![
        ExpectedWeight::new("embed.weight", &theirs("wte.weight"), (n_vocab, d), Table),
        ExpectedWeight::new("positions.weight", &theirs("wpe.weight"), (context, d), Table),
        ExpectedWeight::new("final_norm.gain", &theirs("ln_f.weight"), (1, d), Vector),
        ExpectedWeight::new("final_norm.bias", &theirs("ln_f.bias"), (1, d), Vector),
    ];
    if !plan.is_tied {
        wanted.push(ExpectedWeight::new("unembed.weight", "lm_head.weight", (n_vocab, d), Table));
    }
    for l in 0..plan.n_layers {
        let mut add = |ours: &str, name: &str, shape, layout| {
            let theirs = theirs(&format!("h.{l}.{name}"));
            wanted.push(ExpectedWeight::new(format!("blocks.{l}.{ours}"), &theirs, shape, layout));
        };
        for (i, of) in ['Q', 'K', 'V'].into_iter().enumerate() {
            let part = i * d..(i + 1) * d;
            let (w, b) = (format!("attn.W_{of}"), format!("attn.b_{of}"));
            add(&w, "attn.c_attn.weight", (d, d), Conv1dColumns(part.clone()));
            add(&b, "attn.c_attn.bias", (1, d), VectorPart(part));
        }
        for (w, b, name, shape) in [
            ("attn.W_O", "attn.b_O", "attn.c_proj", (d, d)),
            ("ffn.W_1", "ffn.b_1", "mlp.c_fc", (d, d_ff)),
            ("ffn.W_2", "ffn.b_2", "mlp.c_proj", (d_ff, d)),
        ] {
            add(w, &format!("{name}.weight"), shape, Conv1d);
            add(b, &format!("{name}.bias"), (1, shape.1), Vector);
        }
        for (norm, name) in [("norm1", "ln_1"), ("norm2", "ln_2")] {
            add(&format!("{norm}.gain"), &format!("{name}.weight"), (1, d), Vector);
            add(&format!("{norm}.bias"), &format!("{name}.bias"), (1, d), Vector);
        }
    }
    wanted
}
