//! T5 (Raffel et al. 2020), its version 1.1, Flan-T5, mT5 and UMT5 (Chung et al. 2023): root mean square norms before
//! sub-layers, no biases, no scaling of scores, and relative positions that all layers of a stack share (in UMT5 each
//! layer has its own).

use anyhow::{Context, Result};

use super::{
    EncoderDecoderEmbeddingPlan, EncoderDecoderPlan, EncoderDecoderPositions, GenerationRules,
    NormPlacement, OutputPlan, relative_table,
};
use crate::{
    model::{
        StackSizes,
        layer::{
            attention::HeadSizes,
            feed_forward::{Activation, FeedKind},
            norm::NormKind,
        },
    },
    text::MAX_CONTEXT,
    weights::{
        Checkpoint, Config, ExpectedWeight, SettingFaults, TensorNames,
        WeightLayout::{Linear, Table, Vector},
    },
};

/// The sizes and settings of a checkpoint.
///
/// # Errors
/// If a setting is missing, out of bounds, or of a kind that cannot be run.
pub(super) fn plan(checkpoint: &Checkpoint) -> Result<EncoderDecoderPlan> {
    let config = checkpoint.config();
    let mut faults = SettingFaults::default();
    for key in ["d_model", "num_heads", "d_kv", "num_layers", "d_ff", "vocab_size"] {
        faults.note(config.usize(key));
    }
    faults.note(feed(config));
    faults.note(positions(checkpoint));
    let plan = faults.note(unchecked(checkpoint));
    faults.or(plan)
}

/// Whether the checkpoint is an encoder without a decoder.
pub(super) fn is_encoder_alone(checkpoint: &Checkpoint) -> bool {
    let config = checkpoint.config();
    let class = config.class().unwrap_or_default();
    class.ends_with("EncoderModel")
        || config.string("model_type").is_ok_and(|kind| kind == ENCODER_IN_GGUF)
}

/// GGUF's name of an encoder without a decoder.
const ENCODER_IN_GGUF: &str = "t5encoder";

/// The plan, if its settings are of the right kinds.
fn unchecked(checkpoint: &Checkpoint) -> Result<EncoderDecoderPlan> {
    let config = checkpoint.config();
    let (d_model, n_heads) = (config.usize("d_model")?, config.usize("num_heads")?);
    let d_head = config.usize("d_kv")?;
    let encoder = StackSizes {
        n_layers: config.usize("num_layers")?,
        heads: HeadSizes { d_model, n_heads, n_kv_heads: n_heads, d_head },
        d_ff: config.usize("d_ff")?,
    };
    let n_layers = config.usize_or("num_decoder_layers", encoder.n_layers)?;
    // The first version divides what goes to the tied table; later ones say that nothing is tied.
    let is_t5 = config.string("model_type")? == "t5";
    let is_first_version = config.bool_or("tie_word_embeddings", true)?;
    let is_scaled = is_t5 && config.bool_or("scale_decoder_outputs", is_first_version)?;
    Ok(EncoderDecoderPlan {
        encoder,
        decoder: StackSizes { n_layers, ..encoder },
        n_vocab: [config.usize("vocab_size")?; 2],
        embedding: EncoderDecoderEmbeddingPlan {
            is_shared: true,
            is_scaled: false,
            has_norm: false,
        },
        order: NormPlacement::PreNorm,
        norm: NormKind::rms(config.float_or("layer_norm_epsilon", 1e-6)?),
        feed: feed(config)?,
        positions: positions(checkpoint)?,
        are_scores_scaled: false,
        output: OutputPlan {
            is_tied: checkpoint.tensor("lm_head.weight").is_none(),
            is_scaled: is_scaled || is_umt5(checkpoint),
        },
        rules: if is_encoder_alone(checkpoint) {
            GenerationRules::default()
        } else {
            GenerationRules::of(checkpoint)?
        },
        context: MAX_CONTEXT,
        padding: None,
        unmoved: None,
    })
}

/// `relu`, or `gated-` and the activation of the gate.
fn feed(config: &Config) -> Result<FeedKind> {
    const KEY: &str = "feed_forward_proj";
    let is_later = ["mt5", "umt5"].contains(&config.string("model_type")?);
    let named =
        |name| Activation::named(name).with_context(|| format!("{}: `{KEY}`", config.file()));
    match config.string_or(KEY, if is_later { "gated-gelu" } else { "relu" })? {
        "gated-gelu" => Ok(FeedKind::Gated(Activation::Gelu)),
        name => match name.strip_prefix("gated-") {
            Some(name) => Ok(FeedKind::Gated(named(name)?)),
            None => Ok(FeedKind::Plain(named(name)?)),
        },
    }
}

fn positions(checkpoint: &Checkpoint) -> Result<EncoderDecoderPositions> {
    const BUCKETS: &str = "relative_attention_num_buckets";
    const FARTHEST: &str = "relative_attention_max_distance";
    let config = checkpoint.config();
    let n_buckets = config.usize_or(BUCKETS, 32)?;
    config.must(BUCKETS, n_buckets >= 4, "at least 4")?;
    let farthest = config.usize_or(FARTHEST, 128)?;
    config.must(FARTHEST, farthest > n_buckets / 2, "more than half the number of buckets")?;
    Ok(EncoderDecoderPositions::Relative { n_buckets, farthest, is_by_layer: is_umt5(checkpoint) })
}

/// Whether each layer has distances of its own; a UMT5 in a GGUF file is called T5.
fn is_umt5(checkpoint: &Checkpoint) -> bool {
    let is_named = checkpoint.config().string("model_type").is_ok_and(|kind| kind == "umt5");
    is_named || checkpoint.tensor(&bias_table("encoder", 1)).is_some()
}

/// The name in the file of the numbers that a layer adds to scores.
fn bias_table(side: &str, l: usize) -> String {
    format!("{side}.block.{l}.layer.0.SelfAttention.relative_attention_bias.weight")
}

/// Where the file has each weight of both stacks.
pub(super) fn expected_weights(plan: &EncoderDecoderPlan) -> Vec<ExpectedWeight> {
    let mut wanted = vec![table(plan)];
    if !plan.output.is_tied {
        let shape = (plan.n_vocab[0], plan.d_model());
        wanted.push(ExpectedWeight::new("unembed.weight", "lm_head.weight", shape, Table));
    }
    wanted.extend(stack_weights(plan, "encoder", plan.encoder));
    wanted.extend(stack_weights(plan, "decoder", plan.decoder));
    wanted
}

/// Where the file has each weight of an encoder without a decoder.
pub(super) fn weights_of_encoder(plan: &EncoderDecoderPlan) -> Vec<ExpectedWeight> {
    let stack = stack_weights(plan, "encoder", plan.encoder);
    [table(plan)].into_iter().chain(stack).collect()
}

/// The embedding table of both streams.
fn table(plan: &EncoderDecoderPlan) -> ExpectedWeight {
    let names = [
        "shared.weight",
        "encoder.embed_tokens.weight",
        "decoder.embed_tokens.weight",
        "lm_head.weight",
    ];
    ExpectedWeight::new("embed.weight", names, (plan.n_vocab[0], plan.d_model()), Table)
}

/// The weights of a stack: numbers of distances, the last norm, layers.
fn stack_weights(plan: &EncoderDecoderPlan, side: &str, stack: StackSizes) -> Vec<ExpectedWeight> {
    let mut wanted = vec![];
    if let EncoderDecoderPositions::Relative { n_buckets, is_by_layer, .. } = plan.positions {
        let shape = (n_buckets, stack.heads.n_heads);
        for l in 0..if is_by_layer { stack.n_layers } else { 1 } {
            let ours = relative_table(side, is_by_layer.then_some(l));
            wanted.push(ExpectedWeight::new(ours, bias_table(side, l), shape, Table));
        }
    }
    let theirs = format!("{side}.final_layer_norm.weight");
    let shape = (1, plan.d_model());
    wanted.push(ExpectedWeight::new(format!("{side}_norm.gain"), &theirs, shape, Vector));
    for l in 0..stack.n_layers {
        layer(&mut wanted, plan.feed, side, l, stack);
    }
    wanted
}

/// The weights of a layer, sub-layer by sub-layer; those of a decoder have one more.
fn layer(
    wanted: &mut Vec<ExpectedWeight>,
    feed: FeedKind,
    side: &str,
    l: usize,
    stack: StackSizes,
) {
    let StackSizes { heads, d_ff, .. } = stack;
    let (d, d_q) = (heads.d_model, heads.d_q());
    let ours = |name: &str| format!("{side}.{l}.{name}");
    let mut attentions = vec![("self_attn", "SelfAttention")];
    if side == "decoder" {
        attentions.push(("cross_attn", "EncDecAttention"));
    }
    let n_attentions = attentions.len();
    for i in 0..=n_attentions {
        let (ours, theirs) =
            (ours(&format!("norm{}.gain", i + 1)), format!("layer.{i}.layer_norm"));
        let theirs = format!("{side}.block.{l}.{theirs}.weight");
        wanted.push(ExpectedWeight::new(ours, &theirs, (1, d), Vector));
    }
    let theirs = |i: usize, name: &str| format!("{side}.block.{l}.layer.{i}.{name}.weight");
    for (i, (name, part)) in attentions.into_iter().enumerate() {
        for (of, map, shape) in
            [('Q', 'q', (d, d_q)), ('K', 'k', (d, d_q)), ('V', 'v', (d, d_q)), ('O', 'o', (d_q, d))]
        {
            let theirs = theirs(i, &format!("{part}.{map}"));
            wanted.push(ExpectedWeight::new(
                ours(&format!("{name}.W_{of}")),
                theirs,
                shape,
                Linear,
            ));
        }
    }
    let maps: &[(&str, &str, (usize, usize))] = match feed {
        // GGUF has one name for the map of a plain network and the second of a gated one.
        FeedKind::Plain(_) | FeedKind::Xielu => {
            &[("W_1", "wi|wi_1", (d, d_ff)), ("W_2", "wo", (d_ff, d))]
        }
        FeedKind::Gated(_) => &[
            ("W_gate", "wi_0", (d, d_ff)),
            ("W_up", "wi_1", (d, d_ff)),
            ("W_down", "wo", (d_ff, d)),
        ],
    };
    for (name, map, shape) in maps {
        let theirs = TensorNames::listed(map)
            .each(|map| theirs(n_attentions, &format!("DenseReluDense.{map}")));
        wanted.push(ExpectedWeight::new(ours(&format!("ffn.{name}")), theirs, *shape, Linear));
    }
}
