//! From a checkpoint's settings to a [`BertPlan`].

use anyhow::{Result, anyhow};
use serde::Deserialize;

use super::{BertFamily, BertPlan, classes::ClassesPlan, head::HeadPlan, pool::PoolPlan};
use crate::{
    engine::tape::Buckets,
    model::layer::{attention::HeadSizes, feed_forward::Activation},
    text::visible,
    weights::{Checkpoint, Config, TokenizerSource},
};

/// The keys of the sizes in a family's config.json.
struct Keys {
    d_model: &'static str,
    d_ff: &'static str,
    n_layers: &'static str,
    n_heads: &'static str,
    activation: &'static str,
}

const BERT: Keys = Keys {
    d_model: "hidden_size",
    d_ff: "intermediate_size",
    n_layers: "num_hidden_layers",
    n_heads: "num_attention_heads",
    activation: "hidden_act",
};

const DISTILBERT: Keys = Keys {
    d_model: "dim",
    d_ff: "hidden_dim",
    n_layers: "n_layers",
    n_heads: "n_heads",
    activation: "activation",
};

/// The default epsilon of the norms; DistilBERT's config.json never has one.
const EPS: f32 = 1e-12;

/// # Errors
/// If a setting is missing or not supported.
pub fn plan(checkpoint: &Checkpoint, family: BertFamily) -> Result<BertPlan> {
    let config = checkpoint.config();
    let is_distil = family == BertFamily::DistilBert;
    let keys = if is_distil { DISTILBERT } else { BERT };
    must_be_plain(config)?;
    let activation = Activation::of(config, keys.activation, "gelu")?;
    let d_model = config.usize(keys.d_model)?;
    let d_embed = match family {
        BertFamily::Electra => config.usize_or("embedding_size", d_model)?,
        BertFamily::Albert => config.usize_or("embedding_size", 128)?,
        _ => d_model,
    };
    let plan = BertPlan {
        n_layers: config.usize(keys.n_layers)?,
        heads: heads(config, &keys)?,
        d_ff: config.usize(keys.d_ff)?,
        d_embed,
        is_projected: match family {
            BertFamily::Electra => d_embed != d_model,
            BertFamily::Albert => true,
            _ => false,
        },
        relative: if family == BertFamily::MpNet { Some(relative(config)?) } else { None },
        n_vocab: config.usize("vocab_size")?,
        n_positions: config.usize("max_position_embeddings")?,
        padding: match family {
            BertFamily::Roberta | BertFamily::MpNet => Some(padding(config)?),
            _ => None,
        },
        n_types: match family {
            BertFamily::DistilBert | BertFamily::MpNet => 0,
            _ => config.usize_or("type_vocab_size", 2)?,
        },
        activation,
        eps: if is_distil { EPS } else { config.float_or("layer_norm_eps", EPS)? },
        head: head(checkpoint, family, activation, d_model)?,
    };
    let has_room = plan.first_position() < plan.n_positions;
    config.must("max_position_embeddings", has_room, "more than the padding token takes")?;
    Ok(plan)
}

/// Refuses variants that have the same names and compute something else.
fn must_be_plain(config: &Config) -> Result<()> {
    let kind = config.string_or("position_embedding_type", "absolute")?;
    config.must("position_embedding_type", kind == "absolute", "absolute")?;
    for key in ["num_hidden_groups", "inner_group_num"] {
        config.must(key, config.usize_or(key, 1)? == 1, "1")?;
    }
    config.must("is_decoder", !config.bool_or("is_decoder", false)?, "false")
}

/// MPNet's bias by distance, the same in all layers (its model code fixes the farthest distance).
fn relative(config: &Config) -> Result<Buckets> {
    let n = config.usize_or("relative_attention_num_buckets", 32)?;
    config.must("relative_attention_num_buckets", n == 32, "32")?;
    Ok(Buckets { n, farthest: 128, is_two_sided: true })
}

fn heads(config: &Config, keys: &Keys) -> Result<HeadSizes> {
    let (d_model, n_heads) = (config.usize(keys.d_model)?, config.usize(keys.n_heads)?);
    let wanted = format!("a divisor of `{}`", keys.d_model);
    config.must(keys.n_heads, d_model.is_multiple_of(n_heads), &wanted)?;
    Ok(HeadSizes::slices(d_model, n_heads))
}

/// The padding token, whose position is not counted; fairseq's id by default.
fn padding(config: &Config) -> Result<u32> {
    Ok(config.id("pad_token_id")?.unwrap_or(1))
}

fn head(
    checkpoint: &Checkpoint,
    family: BertFamily,
    activation: Activation,
    d_model: usize,
) -> Result<HeadPlan> {
    if !family.has_head(checkpoint) {
        if let Some(classes) = ClassesPlan::of(checkpoint, family, activation, d_model)? {
            return Ok(HeadPlan::Classes(classes));
        }
        return Ok(HeadPlan::Pool(PoolPlan::of(checkpoint, d_model)?));
    }
    let is_tied = checkpoint.config().bool_or("tie_word_embeddings", true)?;
    Ok(HeadPlan::MaskedWords {
        // Some heads have this one, whatever the layers have.
        activation: match family {
            BertFamily::Roberta | BertFamily::MpNet | BertFamily::Electra => Activation::GeluErf,
            _ => activation,
        },
        is_tied: is_tied && !family.has_unembed(checkpoint),
        mask: mask(checkpoint)?,
    })
}

/// The part of tokenizer.json with the added tokens.
#[derive(Deserialize)]
struct Added {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
}

/// The mask token: the one in tokenizer_config.json, or one of the two customary ones.
pub fn mask(checkpoint: &Checkpoint) -> Result<Option<u32>> {
    let TokenizerSource::Json(bytes) = checkpoint.tokenizer() else { return Ok(None) };
    let added: Added = serde_json::from_slice(bytes).map_err(|e| {
        let file = checkpoint.name_beside("tokenizer.json");
        anyhow!("{file} cannot be read: {}", visible(&e.to_string()))
    })?;
    let named = checkpoint.beside("tokenizer_config.json").and_then(|all| all.get("mask_token"));
    let named = named.and_then(|mask| mask.get("content").unwrap_or(mask).as_str());
    let names = named.into_iter().chain(["[MASK]", "<mask>"]);
    let id = |name| added.added_tokens.iter().find(|token| token.content == name).map(|t| t.id);
    Ok(names.into_iter().find_map(id))
}
