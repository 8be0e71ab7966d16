//! BART (Lewis et al. 2020) and its relatives: Marian (Junczys-Dowmunt et al. 2018), mBART (Liu et al.
//! 2020), Pegasus (Zhang et al. 2020) and M2M-100 (Fan et al. 2021), of which NLLB is one. Layer norms, biases everywhere, one name map.
//!
//! | | norms | positions | norm of the embeddings |
//! | --- | --- | --- | --- |
//! | BART | behind sub-layers | learned, from row 2 on | yes |
//! | mBART | before sub-layers | learned, from row 2 on | yes |
//! | Marian | behind sub-layers | sines, then cosines | no |
//! | Pegasus | before sub-layers | sines, then cosines | no |
//! | M2M-100, NLLB | before sub-layers | sines, then cosines, from 2 on | no |

use anyhow::Result;

use super::{
    EncoderDecoderEmbeddingPlan, EncoderDecoderPlan, EncoderDecoderPositions, GenerationRules,
    NormPlacement, OutputPlan,
};
use crate::{
    engine::math::Waves,
    model::{
        StackSizes,
        layer::{
            attention::HeadSizes,
            feed_forward::{Activation, FeedKind},
            norm::NormKind,
        },
    },
    weights::{
        Checkpoint, Config, ExpectedWeight, SettingFaults, TensorNames,
        WeightLayout::{self, Linear, Table, Vector},
    },
};

/// What a family does in its own way.
#[derive(Clone, Copy, Debug)]
pub struct BartFamily {
    order: NormPlacement,
    /// The row of the first position in a learned table; None where positions are sines and cosines.
    offset: Option<usize>,
    waves: Waves,
    has_embedding_norm: bool,
    /// Padding tokens have no position.
    skips_padding: bool,
    /// The padding token where settings do not name it.
    padding: u32,
    /// The activation where settings do not name it.
    activation: &'static str,
    /// Whether training put the begin token before every text to write, also where no setting makes the model write it.
    begins_texts: bool,
}

pub static BART: BartFamily = BartFamily { begins_texts: true, ..BART_STYLE };

const BART_STYLE: BartFamily = BartFamily {
    order: NormPlacement::PostNorm,
    offset: Some(2),
    waves: Waves::Halves,
    has_embedding_norm: true,
    skips_padding: false,
    padding: 1,
    activation: "gelu",
    begins_texts: false,
};
pub static MBART: BartFamily = BartFamily { order: NormPlacement::PreNorm, ..BART_STYLE };
pub static MARIAN: BartFamily =
    BartFamily { offset: None, has_embedding_norm: false, padding: 58_100, ..BART_STYLE };
pub static PEGASUS: BartFamily = BartFamily {
    order: NormPlacement::PreNorm,
    offset: None,
    has_embedding_norm: false,
    padding: 0,
    ..BART_STYLE
};
pub static M2M: BartFamily = BartFamily {
    order: NormPlacement::PreNorm,
    offset: None,
    waves: Waves::HalvesFromTwo,
    has_embedding_norm: false,
    skips_padding: true,
    padding: 1,
    activation: "relu",
    begins_texts: false,
};

/// The sizes and settings of a checkpoint.
///
/// # Errors
/// If a setting is missing, out of bounds, or of a kind that cannot be run.
pub(super) fn plan(checkpoint: &Checkpoint, family: BartFamily) -> Result<EncoderDecoderPlan> {
    let config = checkpoint.config();
    let mut faults = SettingFaults::default();
    for key in ["vocab_size", "max_position_embeddings", "d_model"] {
        faults.note(config.usize(key));
    }
    faults.note(Activation::of(config, "activation_function", family.activation));
    for side in ["encoder", "decoder"] {
        for size in ["layers", "ffn_dim", "attention_heads"] {
            faults.note(config.usize(&format!("{side}_{size}")));
        }
        faults.note(stack(config, side));
    }
    let plan = faults.note(unchecked(checkpoint, family));
    faults.or(plan)
}

/// The plan, if its settings are of the right kinds.
fn unchecked(checkpoint: &Checkpoint, family: BartFamily) -> Result<EncoderDecoderPlan> {
    let config = checkpoint.config();
    let n_sources = config.usize("vocab_size")?;
    let is_one_vocab = config.bool_or("share_encoder_decoder_embeddings", true)?;
    let n_targets = config.usize_or("decoder_vocab_size", n_sources)?;
    let has_own_output = checkpoint.tensor("lm_head.weight").is_some();
    let context = config.usize("max_position_embeddings")?;
    let d_model = config.usize("d_model")?;
    let is_even = family.waves != Waves::HalvesFromTwo || d_model.is_multiple_of(2);
    config.must("d_model", is_even, "an even number")?;
    let act = Activation::of(config, "activation_function", family.activation)?;
    let padding = config.id("pad_token_id")?.unwrap_or(family.padding);
    let mut rules = GenerationRules::of(checkpoint)?;
    if family.begins_texts && rules.given_first.is_none() {
        rules.given_first = config.id("bos_token_id")?;
    }
    Ok(EncoderDecoderPlan {
        encoder: stack(config, "encoder")?,
        decoder: stack(config, "decoder")?,
        n_vocab: [n_sources, if is_one_vocab { n_sources } else { n_targets }],
        embedding: EncoderDecoderEmbeddingPlan {
            is_shared: is_one_vocab && has_one_table(checkpoint),
            is_scaled: config.bool_or("scale_embedding", false)?,
            has_norm: family.has_embedding_norm,
        },
        order: family.order,
        norm: NormKind::default(),
        feed: FeedKind::Plain(act),
        positions: positions(checkpoint, family, context),
        are_scores_scaled: true,
        output: OutputPlan {
            is_tied: config.bool_or("tie_word_embeddings", true)? && !has_own_output,
            is_scaled: false,
        },
        rules,
        context,
        padding: family.skips_padding.then_some(padding),
        unmoved: Some(padding),
    })
}

fn stack(config: &Config, side: &str) -> Result<StackSizes> {
    let heads = format!("{side}_attention_heads");
    let (d_model, n_heads) = (config.usize("d_model")?, config.usize(&heads)?);
    config.must(&heads, d_model.is_multiple_of(n_heads), "a divisor of d_model")?;
    Ok(StackSizes {
        n_layers: config.usize(&format!("{side}_layers"))?,
        heads: HeadSizes::slices(d_model, n_heads),
        d_ff: config.usize(&format!("{side}_ffn_dim"))?,
    })
}

/// The tables of embeddings in a file: of both streams, or of each.
const TABLES: [&str; 3] =
    ["shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];

/// Whether both streams read the same table; where nothing is tied, each has its own beside it.
fn has_one_table(checkpoint: &Checkpoint) -> bool {
    TABLES.iter().filter(|name| is_there(checkpoint, name)).count() < 2
}

/// Sines and cosines may stand in the file as a table; that table is taken then.
fn positions(
    checkpoint: &Checkpoint,
    family: BartFamily,
    context: usize,
) -> EncoderDecoderPositions {
    let stands_in_file = is_there(checkpoint, "encoder.embed_positions.weight");
    match family.offset {
        Some(offset) => EncoderDecoderPositions::Table { n_rows: context + offset, offset },
        None if stands_in_file => EncoderDecoderPositions::Table { n_rows: context, offset: 0 },
        None => EncoderDecoderPositions::Sinusoidal(family.waves),
    }
}

/// A name with and without the prefix of a body that was saved with a head.
fn alternatives(name: &str) -> TensorNames {
    [&*format!("model.{name}"), name].into()
}

fn is_there(checkpoint: &Checkpoint, name: &str) -> bool {
    alternatives(name).are_in(checkpoint)
}

/// Where the file has each weight.
pub(super) fn expected_weights(plan: &EncoderDecoderPlan) -> Vec<ExpectedWeight> {
    let (d, [sources, targets]) = (plan.d_model(), plan.n_vocab);
    let mut wanted = vec![
        ExpectedWeight::new("unembed.bias", "final_logits_bias", (1, targets), Vector)
            .optional()
            .constant(),
    ];
    let mut table = |ours: &str, theirs: TensorNames, n| {
        wanted.push(ExpectedWeight::new(ours, theirs, (n, d), Table));
    };
    let [shared, encoder, decoder] = TABLES.map(alternatives);
    if plan.embedding.is_shared {
        table("embed.weight", shared.or(encoder).or(decoder).or("lm_head.weight"), sources);
    } else {
        table("src.embed.weight", encoder.or(shared.clone()), sources);
        table("tgt.embed.weight", decoder.or(shared).or("lm_head.weight"), targets);
    }
    if !plan.output.is_tied {
        table("unembed.weight", "lm_head.weight".into(), targets);
    }
    if let Some(n_rows) = plan.positions.n_rows() {
        for (ours, side) in
            [("src.positions.weight", "encoder"), ("tgt.positions.weight", "decoder")]
        {
            let theirs = alternatives(&format!("{side}.embed_positions.weight"));
            let table = ExpectedWeight::new(ours, theirs, (n_rows, d), Table);
            // A table that begins with the first position holds sines and cosines, which nobody learns.
            let are_waves =
                matches!(plan.positions, EncoderDecoderPositions::Table { offset: 0, .. });
            wanted.push(if are_waves { table.constant() } else { table });
        }
    }
    for (side, stream, stack) in
        [("encoder", "src", plan.encoder), ("decoder", "tgt", plan.decoder)]
    {
        if plan.embedding.has_norm {
            pair(&mut wanted, &format!("{stream}.norm"), &format!("{side}.layernorm_embedding"), d);
        }
        if plan.order == NormPlacement::PreNorm {
            pair(&mut wanted, &format!("{side}_norm"), &format!("{side}.layer_norm"), d);
        }
        for l in 0..stack.n_layers {
            layer(&mut wanted, side, l, stack);
        }
    }
    wanted
}

/// A norm's gain and bias.
fn pair(wanted: &mut Vec<ExpectedWeight>, ours: &str, theirs: &str, d: usize) {
    for (our, their) in [("gain", "weight"), ("bias", "bias")] {
        let theirs = alternatives(&format!("{theirs}.{their}"));
        wanted.push(ExpectedWeight::new(format!("{ours}.{our}"), theirs, (1, d), Vector));
    }
}

/// The weights of a layer; those of a decoder have one sub-layer more.
fn layer(wanted: &mut Vec<ExpectedWeight>, side: &str, l: usize, stack: StackSizes) {
    let (d, d_ff) = (stack.heads.d_model, stack.d_ff);
    let is_decoder = side == "decoder";
    let last_norm = if is_decoder { "norm3" } else { "norm2" };
    let mut norms = vec![("norm1", "self_attn_layer_norm"), (last_norm, "final_layer_norm")];
    let mut attentions = vec![("self_attn", "self_attn")];
    if is_decoder {
        norms.push(("norm2", "encoder_attn_layer_norm"));
        attentions.push(("cross_attn", "encoder_attn"));
    }
    let theirs = |name: &str| format!("{side}.layers.{l}.{name}");
    for (ours, name) in norms {
        pair(wanted, &format!("{side}.{l}.{ours}"), &theirs(name), d);
    }
    let mut add = |ours: String, name: &str, shape, layout: WeightLayout| {
        let theirs = alternatives(&theirs(name));
        wanted.push(ExpectedWeight::new(format!("{side}.{l}.{ours}"), theirs, shape, layout));
    };
    for (ours, name) in attentions {
        for (of, map) in [('Q', "q_proj"), ('K', "k_proj"), ('V', "v_proj"), ('O', "out_proj")] {
            add(format!("{ours}.W_{of}"), &format!("{name}.{map}.weight"), (d, d), Linear);
            add(format!("{ours}.b_{of}"), &format!("{name}.{map}.bias"), (1, d), Vector);
        }
    }
    for (i, shape) in [(1, (d, d_ff)), (2, (d_ff, d))] {
        add(format!("ffn.W_{i}"), &format!("fc{i}.weight"), shape, Linear);
        add(format!("ffn.b_{i}"), &format!("fc{i}.bias"), (1, shape.1), Vector);
    }
}
