//! From a checkpoint's settings to a [`BertPlan`].

use std::sync::Arc;

use anyhow::{Result, anyhow};
use serde::Deserialize;

use super::{BertFamily, BertPlan, classes::heads as class_heads, head::HeadPlan};
use crate::{
    engine::tape::{Buckets, DistanceBuckets, Rope},
    model::{
        classes::ClassesPlan,
        layer::{
            attention::{AttentionPlan, HeadSizes},
            feed::FeedPlan,
            feed_forward::{Activation, FeedKind},
        },
        pool::PoolPlan,
    },
    text::shown,
    weights::{Checkpoint, Config, SettingFaults, TokenizerSource},
};

/// The keys of the sizes in a family's config.json.
struct Keys {
    d_model: &'static str,
    d_ff: &'static str,
    n_layers: &'static str,
    n_heads: &'static str,
    n_positions: &'static str,
    activation: &'static str,
    default_activation: &'static str,
}

const BERT: Keys = Keys {
    d_model: "hidden_size",
    d_ff: "intermediate_size",
    n_layers: "num_hidden_layers",
    n_heads: "num_attention_heads",
    n_positions: "max_position_embeddings",
    activation: "hidden_act",
    default_activation: "gelu",
};

const ALBERT: Keys = Keys { default_activation: "gelu_new", ..BERT };

const DISTILBERT: Keys = Keys {
    d_model: "dim",
    d_ff: "hidden_dim",
    n_layers: "n_layers",
    n_heads: "n_heads",
    activation: "activation",
    ..BERT
};

const NOMIC: Keys = Keys { default_activation: "silu", ..BERT };

/// As it is hosted.
const HOSTED_NOMIC: Keys = Keys {
    d_model: "n_embd",
    d_ff: "n_inner",
    n_layers: "n_layer",
    n_heads: "n_head",
    n_positions: "n_positions",
    activation: "activation_function",
    default_activation: "swiglu",
};

/// The epsilon of hosted Nomic models.
const HOSTED_EPS: &str = "layer_norm_epsilon";

/// What hosted Nomic models call a gated network whose gates are SiLU.
const SWIGLU: &str = "swiglu";

/// The default epsilon of the norms; DistilBERT's config.json never has one.
const EPS: f32 = 1e-12;

/// # Errors
/// If a setting is missing or not supported.
pub fn plan(checkpoint: &Checkpoint, family: BertFamily) -> Result<BertPlan> {
    let config = checkpoint.config();
    let keys = match family {
        BertFamily::DistilBert => DISTILBERT,
        BertFamily::Albert => ALBERT,
        BertFamily::Nomic if config.has(HOSTED_NOMIC.d_model) => HOSTED_NOMIC,
        BertFamily::Nomic => NOMIC,
        _ => BERT,
    };
    let mut faults = faults(config, &keys);
    match family {
        BertFamily::Deberta => faults.note(disentangled(config)),
        BertFamily::FirstDeberta => faults.note(first_disentangled(config)),
        _ => None,
    };
    if family == BertFamily::Nomic {
        faults.note(rotated(config));
    }
    let plan = faults.note(unchecked(checkpoint, family, &keys));
    faults.or(plan)
}

/// The plan, if its settings are of the right kinds.
fn unchecked(checkpoint: &Checkpoint, family: BertFamily, keys: &Keys) -> Result<BertPlan> {
    let config = checkpoint.config();
    let activation = activation(config, keys)?;
    let d_model = config.usize(keys.d_model)?;
    let heads = heads(config, keys)?;
    let is_nomic = family == BertFamily::Nomic;
    let d_embed = match family {
        BertFamily::Electra => config.usize_or("embedding_size", d_model)?,
        BertFamily::Albert => config.usize_or("embedding_size", 128)?,
        _ => d_model,
    };
    // Fairseq's id is 1, BERT's 0.
    let counts_from_padding = matches!(family, BertFamily::Roberta | BertFamily::MpNet);
    let padding = config.id("pad_token_id")?.unwrap_or(counts_from_padding.into());
    let plan = BertPlan {
        n_layers: config.usize(keys.n_layers)?,
        heads,
        feed: FeedPlan {
            kind: if is_nomic { FeedKind::Gated(activation) } else { FeedKind::Plain(activation) },
            d_ff: config.usize(keys.d_ff)?,
            experts: None,
        },
        attention: AttentionPlan {
            rope: if is_nomic { Some(rotation(config, heads.d_head)?) } else { None },
            has_distance_maps: family == BertFamily::FirstDeberta,
            ..AttentionPlan::plain(heads.d_head)
        },
        d_embed,
        is_projected: match family {
            BertFamily::Electra => d_embed != d_model,
            BertFamily::Albert => true,
            _ => false,
        },
        relative: if family == BertFamily::MpNet { Some(relative(config)?) } else { None },
        n_vocab: config.usize("vocab_size")?,
        distances: distances(config, family)?,
        has_distance_norm: family == BertFamily::Deberta,
        has_positions: !family.is_disentangled() && !is_nomic,
        n_positions: n_positions(config, keys)?,
        padding: counts_from_padding.then_some(padding),
        unmoved: padding,
        n_types: match family {
            BertFamily::DistilBert | BertFamily::MpNet => 0,
            _ if family.is_disentangled() => config.count("type_vocab_size")?,
            _ => config.usize_or("type_vocab_size", 2)?,
        },
        separator: None,
        eps: eps(config, family)?,
        head: head(checkpoint, family, activation, d_model)?,
    };
    let is_typed = plan.n_types > 1;
    let separator = if is_typed { added(checkpoint, "sep_token", &["[SEP]"])? } else { None };
    let plan = BertPlan { separator, ..plan };
    let has_room = plan.first_position() < plan.n_positions;
    config.must(keys.n_positions, has_room, "more than the padding token takes")?;
    Ok(plan)
}

/// The epsilon of the norms.
fn eps(config: &Config, family: BertFamily) -> Result<f32> {
    match family {
        BertFamily::DistilBert => Ok(EPS),
        BertFamily::Nomic if config.has(HOSTED_EPS) => config.float(HOSTED_EPS),
        _ if family.is_disentangled() => config.float_or("layer_norm_eps", 1e-7),
        _ => config.float_or("layer_norm_eps", EPS),
    }
}

/// What is wrong with sizes, and settings of variants that have the same names and compute something else.
fn faults(config: &Config, keys: &Keys) -> SettingFaults {
    let mut faults = SettingFaults::default();
    let kind = config.string_or("position_embedding_type", "absolute");
    let must = |key, is_right: Result<bool>, wanted| config.must(key, is_right?, wanted);
    faults.note(must("position_embedding_type", kind.map(|kind| kind == "absolute"), "absolute"));
    for key in ["num_hidden_groups", "inner_group_num"] {
        faults.note(must(key, config.usize_or(key, 1).map(|n| n == 1), "1"));
    }
    let decodes = config.bool_or("is_decoder", false);
    faults.note(must("is_decoder", decodes.map(|decodes| !decodes), "false"));
    faults.note(activation(config, keys));
    let Keys { d_model, d_ff, n_layers, n_heads, n_positions, .. } = keys;
    for key in [d_model, d_ff, n_layers, n_heads, "vocab_size", n_positions] {
        faults.note(config.usize(key));
    }
    faults
}

fn activation(config: &Config, keys: &Keys) -> Result<Activation> {
    match config.string_or(keys.activation, keys.default_activation)? {
        SWIGLU => Ok(Activation::Silu),
        _ => Activation::of(config, keys.activation, keys.default_activation),
    }
}

/// Refuses variants of Nomic's code that compute something else than its released models do; all of their settings are
/// named.
fn rotated(config: &Config) -> Result<()> {
    let mut faults = SettingFaults::default();
    let off = [
        "prenorm",
        "causal",
        "parallel_block",
        "use_rms_norm",
        "qkv_proj_bias",
        "mlp_fc1_bias",
        "mlp_fc2_bias",
        "rotary_emb_interleaved",
    ];
    for key in off {
        let is_on = config.bool_or(key, false);
        faults.note(is_on.and_then(|is_on| config.must(key, !is_on, "false")));
    }
    let fraction = config.float_or("rotary_emb_fraction", 1.0);
    faults.note(fraction.and_then(|it| config.must("rotary_emb_fraction", it >= 1.0, "1")));
    for key in ["rotary_emb_scale_base", "num_experts"] {
        let is_null = config.get(key).is_none_or(serde_json::Value::is_null);
        faults.note(config.must(key, is_null, "absent"));
    }
    let kind = |rope: Option<Config>| match rope {
        Some(rope) => {
            let is_plain = rope.string_or("rope_type", "default")? == "default";
            rope.must("rope_type", is_plain, "default")
        }
        None => Ok(()),
    };
    faults.note(config.section(ROPE).and_then(kind));
    faults.or(Some(()))
}

/// The settings of the rotation in today's form.
const ROPE: &str = "rope_parameters";

/// The positions of a text that can be read: a Nomic model with a scaling factor rotates longer texts than it was trained
/// on in another way, which is not run.
fn n_positions(config: &Config, keys: &Keys) -> Result<usize> {
    let all = config.usize(keys.n_positions)?;
    let is_scaled = config.get("rotary_scaling_factor").is_some_and(|factor| !factor.is_null());
    Ok(if is_scaled { all.min(config.usize_or("max_trained_positions", 2048)?) } else { all })
}

/// Nomic's rotation of queries and keys: its base under the names that it has had.
fn rotation(config: &Config, d_head: usize) -> Result<Arc<Rope>> {
    const BASE: f32 = 1000.0;
    let base = if let Some(rope) = config.section(ROPE)? {
        rope.float_or("rope_theta", BASE)?
    } else {
        let keys = ["rotary_emb_base", "rope_theta"];
        config.float_or(keys.into_iter().find(|key| config.has(key)).unwrap_or(keys[0]), BASE)?
    };
    config.must("rope_theta", base > 1.0, "a number above 1")?;
    Ok(Arc::new(Rope::whole(base, d_head)))
}

/// Refuses variants of DeBERTa that compute something else than the released v2 base models and v3 do; all of their
/// settings are named.
fn disentangled(config: &Config) -> Result<()> {
    let norm = config.string_or("norm_rel_ebd", "none")?.to_lowercase();
    let d_head = config.usize("hidden_size")? / config.usize("num_attention_heads")?;
    let mut faults = SettingFaults::default();
    faults.note(of_both_kinds(config));
    let checks = [
        flag(config, "share_att_key", true),
        config.must("norm_rel_ebd", norm.contains("layer_norm"), "layer_norm"),
        config.must("conv_kernel_size", config.count("conv_kernel_size")? == 0, "0 or absent"),
        same(config, "attention_head_size", d_head),
    ];
    for check in checks {
        faults.note(check);
    }
    faults.or(Some(()))
}

/// Refuses variants of the first DeBERTa that compute something else than its released models do.
fn first_disentangled(config: &Config) -> Result<()> {
    let mut faults = SettingFaults::default();
    faults.note(of_both_kinds(config));
    let mixes_heads = config.bool_or("talking_head", false);
    faults.note(mixes_heads.and_then(|mixes| config.must("talking_head", !mixes, "false")));
    faults.or(Some(()))
}

/// What holds of every DeBERTa that is run: words meet distances in both ways, and nothing else knows positions.
fn of_both_kinds(config: &Config) -> Result<()> {
    let kinds = config.get("pos_att_type").map(ToString::to_string).unwrap_or_default();
    let has_both = ["c2p", "p2c"].iter().all(|kind| kinds.contains(kind));
    let d_model = config.usize("hidden_size")?;
    let act = config.string_or("pooler_hidden_act", "gelu")?;
    let mut faults = SettingFaults::default();
    let checks = [
        flag(config, "relative_attention", true),
        flag(config, "position_biased_input", false),
        config.must("pos_att_type", has_both, "both c2p and p2c"),
        config.must("pooler_hidden_act", act == "gelu", "gelu"),
        same(config, "embedding_size", d_model),
        same(config, "pooler_hidden_size", d_model),
    ];
    for check in checks {
        faults.note(check);
    }
    faults.or(Some(()))
}

/// Checks a setting that the released models have, and that means something else where it is absent.
fn flag(config: &Config, key: &str, wanted: bool) -> Result<()> {
    let is_right = config.bool_or(key, !wanted)? == wanted;
    config.must(key, is_right, if wanted { "true" } else { "false" })
}

fn same(config: &Config, key: &str, width: usize) -> Result<()> {
    config.must(key, config.usize_or(key, width)? == width, &format!("{width} or absent"))
}

/// How DeBERTa's distances share rows, which those of the first do not; None for other families. A setting below 1 stands
/// for none.
fn distances(config: &Config, family: BertFamily) -> Result<Option<DistanceBuckets>> {
    let n = match family {
        BertFamily::Deberta => above_0(config, "position_buckets")?,
        BertFamily::FirstDeberta => 0,
        _ => return Ok(None),
    };
    let farthest = farthest(config)?;
    if n == 0 {
        return Ok(Some(DistanceBuckets { span: farthest, farthest: None }));
    }
    let is_right = n >= 2 && farthest > n / 2 + 1;
    config.must(
        "position_buckets",
        is_right,
        "2 or more, and fewer than the positions they cover",
    )?;
    Ok(Some(DistanceBuckets { span: n, farthest: Some(farthest) }))
}

/// The farthest distance that has a row of its own.
fn farthest(config: &Config) -> Result<usize> {
    match above_0(config, "max_relative_positions")? {
        0 => config.usize("max_position_embeddings"),
        n => Ok(n),
    }
}

/// A count; 0 where it is below 1 or missing.
fn above_0(config: &Config, key: &str) -> Result<usize> {
    if is_below_1(config, key) { Ok(0) } else { config.count(key) }
}

fn is_below_1(config: &Config, key: &str) -> bool {
    config.get(key).and_then(serde_json::Value::as_i64).is_some_and(|n| n < 1)
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

fn head(
    checkpoint: &Checkpoint,
    family: BertFamily,
    activation: Activation,
    d_model: usize,
) -> Result<HeadPlan> {
    if !family.has_head(checkpoint) {
        let classes = ClassesPlan::of(checkpoint, class_heads(family), activation, d_model)?;
        return Ok(match classes {
            Some(classes) => HeadPlan::Classes(classes),
            None => HeadPlan::Pool(PoolPlan::of(checkpoint, d_model)?),
        });
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
    added(checkpoint, "mask_token", &["[MASK]", "<mask>"])
}

/// An added token: the one that tokenizer_config.json names under a key, or one of some customary ones.
fn added(checkpoint: &Checkpoint, key: &str, customary: &[&str]) -> Result<Option<u32>> {
    let TokenizerSource::Json { file, bytes } = checkpoint.tokenizer() else { return Ok(None) };
    let added: Added = serde_json::from_slice(bytes).map_err(|e| {
        let file = checkpoint.name_beside(file);
        anyhow!("{file} cannot be read: {}", shown(&e.to_string()))
    })?;
    let named = checkpoint.beside("tokenizer_config.json").and_then(|all| all.get(key));
    let named = named.and_then(|token| token.get("content").unwrap_or(token).as_str());
    let names = named.into_iter().chain(customary.iter().copied());
    let id = |name| added.added_tokens.iter().find(|token| token.content == name).map(|t| t.id);
    Ok(names.into_iter().find_map(id))
}
