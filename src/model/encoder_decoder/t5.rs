//! T5 (Raffel et al. 2020), its version 1.1, Flan-T5 and mT5: root mean square norms before sub-layers,
//! no biases, no scaling of scores, and relative positions that all layers of a stack share.

use anyhow::{Context, Result};

use super::{
    EncoderDecoderEmbeddingPlan, EncoderDecoderPlan, EncoderDecoderPositions, GenerationRules,
    NormPlacement, OutputPlan,
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
        Checkpoint, Config, ExpectedWeight, SettingFaults,
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
    faults.note(positions(config));
    let plan = faults.note(unchecked(checkpoint));
    faults.or(plan)
}

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
        positions: positions(config)?,
        are_scores_scaled: false,
        output: OutputPlan {
            is_tied: checkpoint.tensor("lm_head.weight").is_none(),
            is_scaled: is_t5 && config.bool_or("scale_decoder_outputs", is_first_version)?,
        },
        rules: GenerationRules::of(checkpoint)?,
        context: MAX_CONTEXT,
        padding: None,
        unmoved: None,
    })
}

/// `relu`, or `gated-` and the activation of the gate.
fn feed(config: &Config) -> Result<FeedKind> {
    const KEY: &str = "feed_forward_proj";
    let is_mt5 = config.string("model_type")? == "mt5";
    let named =
        |name| Activation::named(name).with_context(|| format!("{}: `{KEY}`", config.file()));
    match config.string_or(KEY, if is_mt5 { "gated-gelu" } else { "relu" })? {
        "gated-gelu" => Ok(FeedKind::Gated(Activation::Gelu)),
        name => match name.strip_prefix("gated-") {
            Some(name) => Ok(FeedKind::Gated(named(name)?)),
            None => Ok(FeedKind::Plain(named(name)?)),
        },
    }
}

fn positions(config: &Config) -> Result<EncoderDecoderPositions> {
    const BUCKETS: &str = "relative_attention_num_buckets";
    const FARTHEST: &str = "relative_attention_max_distance";
    let n_buckets = config.usize_or(BUCKETS, 32)?;
    config.must(BUCKETS, n_buckets >= 4, "at least 4")?;
    let farthest = config.usize_or(FARTHEST, 128)?;
    config.must(FARTHEST, farthest > n_buckets / 2, "more than half the number of buckets")?;
    Ok(EncoderDecoderPositions::Relative { n_buckets, farthest })
}

/// Where the file has each weight.
pub(super) fn expected_weights(plan: &EncoderDecoderPlan) -> Vec<ExpectedWeight> {
    let (d, n_vocab) = (plan.d_model(), plan.n_vocab[0]);
    let shared = [
        "shared.weight",
        "encoder.embed_tokens.weight",
        "decoder.embed_tokens.weight",
        "lm_head.weight",
    ];
    let mut wanted = vec![ExpectedWeight::new("embed.weight", shared, (n_vocab, d), Table)];
    if !plan.output.is_tied {
        wanted.push(ExpectedWeight::new("unembed.weight", "lm_head.weight", (n_vocab, d), Table));
    }
    for (side, stack) in [("encoder", plan.encoder), ("decoder", plan.decoder)] {
        if let EncoderDecoderPositions::Relative { n_buckets, .. } = plan.positions {
            let theirs =
                format!("{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight");
            let shape = (n_buckets, stack.heads.n_heads);
            wanted.push(ExpectedWeight::new(
                format!("{side}.relative.weight"),
                &theirs,
                shape,
                Table,
            ));
        }
        let theirs = format!("{side}.final_layer_norm.weight");
        wanted.push(ExpectedWeight::new(format!("{side}_norm.gain"), &theirs, (1, d), Vector));
        for l in 0..stack.n_layers {
            layer(&mut wanted, plan.feed, side, l, stack);
        }
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
    let mut add = |ours: String, i: usize, name: &str, shape| {
        let theirs = format!("{side}.block.{l}.layer.{i}.{name}.weight");
        wanted.push(ExpectedWeight::new(ours, &theirs, shape, Linear));
    };
    for (i, (name, theirs)) in attentions.into_iter().enumerate() {
        for (of, map, shape) in
            [('Q', 'q', (d, d_q)), ('K', 'k', (d, d_q)), ('V', 'v', (d, d_q)), ('O', 'o', (d_q, d))]
        {
            add(ours(&format!("{name}.W_{of}")), i, &format!("{theirs}.{map}"), shape);
        }
    }
    let maps: &[(&str, &str, (usize, usize))] = match feed {
        FeedKind::Plain(_) => &[("W_1", "wi", (d, d_ff)), ("W_2", "wo", (d_ff, d))],
        FeedKind::Gated(_) => &[
            ("W_gate", "wi_0", (d, d_ff)),
            ("W_up", "wi_1", (d, d_ff)),
            ("W_down", "wo", (d_ff, d)),
        ],
    };
    for (name, theirs, shape) in maps {
        add(
            ours(&format!("ffn.{name}")),
            n_attentions,
            &format!("DenseReluDense.{theirs}"),
            *shape,
        );
    }
}
