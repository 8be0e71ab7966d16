//! ModernBERT (Warner et al. 2024): an encoder with the parts of today's decoders. Norms without bias stand before the
//! sub-layers, queries and keys are rotated, feed-forward is gated, and most layers see only the tokens near each.

use std::sync::Arc;

use anyhow::Result;

use super::{
    RESIDUAL1, RESIDUAL2,
    classes::OF_MODERN,
    config::mask,
    encoder::Encoder,
    head::{Head, MaskedWords, MaskedWordsSizes},
};
use crate::{
    engine::{
        site::{
            Axis::{Channel, Position},
            Role, Scope, Site,
        },
        tape::{Block, Node, Rope, Tape, Weight},
    },
    model::{
        EMBED, ModelSizes,
        classes::{Classes, ClassesPlan, TextReading},
        layer::{
            attention::{Attention, AttentionPlan, HeadSizes, Mask},
            feed_forward::{Activation, GatedFeedForward},
            norm::{Norm, NormKind, NormStyle},
        },
        pool::{Pool, PoolPlan},
        source_scope,
    },
    weights::{
        Checkpoint, Config, ExpectedWeight, SettingFaults,
        WeightLayout::{Linear, LinearRows, Table, Vector},
        Weights,
    },
};

pub static INPUT: Site = Site::matrix(
    "input",
    [Position, Channel],
    "what the first layer reads: the embedding normalised",
)
.with(Role::StreamInput)
.called(&["input_t", "input", "x"]);

/// The settings that determine its shape and weights.
struct ModernPlan {
    heads: HeadSizes,
    d_ff: usize,
    n_vocab: usize,
    /// The token whose embedding learns nothing from being read: transformers' `padding_idx`.
    unmoved: Option<u32>,
    context: usize,
    norm: NormKind,
    activation: Activation,
    layers: Vec<ModernLayer>,
    head: ModernHead,
    is_tied: bool,
}

/// What differs from layer to layer.
#[derive(Clone, Copy)]
struct ModernLayer {
    mask: Mask,
    /// The base of the rotation.
    theta: f32,
}

/// What stands on the last layer.
enum ModernHead {
    /// With the activation of its first map.
    MaskedWords(Activation),
    Classes(ClassesPlan),
    /// One vector.
    Pool(PoolPlan),
}

const HEAD: &str = "head.dense.weight";
/// The last map of a head for classes, which has the map above it too.
const CLASSIFIER: &str = "classifier.weight";
const OUTPUT: &str = "decoder.weight";

impl ModernPlan {
    fn of(checkpoint: &Checkpoint) -> Result<Self> {
        let mut faults = Self::faults(checkpoint);
        let plan = faults.note(Self::unchecked(checkpoint));
        faults.or(plan)
    }

    /// What is wrong with sizes, and settings of what is not run.
    fn faults(checkpoint: &Checkpoint) -> SettingFaults {
        let config = checkpoint.config();
        let mut faults = SettingFaults::default();
        let must = |key, wanted: bool| {
            let is_right = config.bool_or(key, wanted)? == wanted;
            config.must(key, is_right, if wanted { "true" } else { "false" })
        };
        for key in ["norm_bias", "attention_bias", "mlp_bias"] {
            faults.note(must(key, false));
        }
        // Other heads have the setting too, and nothing that it is about.
        if checkpoint.tensor(HEAD).is_some() && checkpoint.tensor(CLASSIFIER).is_none() {
            faults.note(must("decoder_bias", true));
        }
        let sizes = ["hidden_size", "num_attention_heads", "num_hidden_layers"];
        for key in sizes.into_iter().chain(["intermediate_size", "vocab_size"]) {
            faults.note(config.usize(key));
        }
        faults.note(Activation::of(config, "hidden_activation", "gelu"));
        faults
    }

    /// The plan, if its settings are of the right kinds.
    fn unchecked(checkpoint: &Checkpoint) -> Result<Self> {
        let config = checkpoint.config();
        let (d_model, n_heads) =
            (config.usize("hidden_size")?, config.usize("num_attention_heads")?);
        let is_even = d_model.is_multiple_of(2 * n_heads);
        config.must("num_attention_heads", is_even, "a divisor of half of hidden_size")?;
        let activation = Activation::of(config, "hidden_activation", "gelu")?;
        let norm = NormKind {
            style: NormStyle::LayerWithoutBias,
            eps: config.float_or("norm_eps", 1e-5)?,
        };
        let has_own = checkpoint.tensor(OUTPUT).is_some();
        Ok(Self {
            heads: HeadSizes::slices(d_model, n_heads),
            d_ff: config.usize("intermediate_size")?,
            n_vocab: config.usize("vocab_size")?,
            unmoved: config.id("pad_token_id")?,
            context: config.usize_or("max_position_embeddings", 8192)?,
            norm,
            activation,
            layers: layers(config)?,
            head: head(checkpoint, norm, d_model)?,
            is_tied: config.bool_or("tie_word_embeddings", true)? && !has_own,
        })
    }
}

/// The head that the file holds; its settings are asked for only where there is one.
fn head(checkpoint: &Checkpoint, norm: NormKind, d_model: usize) -> Result<ModernHead> {
    if checkpoint.tensor(HEAD).or(checkpoint.tensor(CLASSIFIER)).is_none() {
        return Ok(ModernHead::Pool(PoolPlan::of(checkpoint, d_model)?));
    }
    let config = checkpoint.config();
    let activation = Activation::of(config, "classifier_activation", "gelu")?;
    if checkpoint.tensor("decoder.bias").is_some() {
        return Ok(ModernHead::MaskedWords(activation));
    }
    Ok(match ClassesPlan::of(checkpoint, &OF_MODERN, activation, d_model)? {
        Some(classes) => ModernHead::Classes(classes.normed(norm, reading(config)?)),
        None => ModernHead::Pool(PoolPlan::of(checkpoint, d_model)?),
    })
}

/// What the head for texts reads.
fn reading(config: &Config) -> Result<TextReading> {
    const KEY: &str = "classifier_pooling";
    let kind = config.string_or(KEY, "cls")?;
    config.must(KEY, ["cls", "mean"].contains(&kind), "cls or mean")?;
    Ok(if kind == "mean" { TextReading::Mean } else { TextReading::FirstToken })
}

/// The layers: every third sees all tokens, the others those half a window away.
fn layers(config: &Config) -> Result<Vec<ModernLayer>> {
    let n_layers = config.usize("num_hidden_layers")?;
    let every = config.usize_or("global_attn_every_n_layers", 3)?;
    let near = Mask::Around(config.usize_or("local_attention", 128)? / 2);
    let base = |kind: &str, key: &str, default: f32| -> Result<f32> {
        let by_kind = config.section("rope_parameters")?;
        let own = by_kind.map_or(Ok(None), |all| all.section(kind))?;
        if let Some(own) = &own {
            let plain = own.string_or("rope_type", "default")? == "default";
            own.must("rope_type", plain, "default")?;
        }
        let theta = match own {
            Some(own) if own.has("rope_theta") => own.float("rope_theta")?,
            _ => config.float_or(key, default)?,
        };
        config.must(key, theta > 1.0, "a number above 1")?;
        Ok(theta)
    };
    let full = base("full_attention", "global_rope_theta", 160_000.0)?;
    let local = base("sliding_attention", "local_rope_theta", 10_000.0)?;
    let named = config.get("layer_types").and_then(serde_json::Value::as_array);
    let is_whole = named.is_none_or(|named| named.len() == n_layers);
    config.must("layer_types", is_whole, "one for every layer")?;
    let sees_all = |l: usize| match named {
        Some(named) => named[l].as_str() == Some("full_attention"),
        None => l.is_multiple_of(every),
    };
    let [wide, narrow] =
        [(Mask::None, full), (near, local)].map(|(mask, theta)| ModernLayer { mask, theta });
    Ok((0..n_layers).map(|l| if sees_all(l) { wide } else { narrow }).collect())
}

/// Where the file has each weight.
fn expected_weights(plan: &ModernPlan) -> Vec<ExpectedWeight> {
    let (d_model, d_ff) = (plan.heads.d_model, plan.d_ff);
    // A body that was saved alone has no prefix.
    let of = |ours: String, theirs: &str, shape, layout| {
        ExpectedWeight::new(ours, [&*format!("model.{theirs}"), theirs], shape, layout)
    };
    let gain = |ours: &str, theirs: &str| {
        of(format!("{ours}.gain"), &format!("{theirs}.weight"), (1, d_model), Vector)
    };
    let table = of(
        "embed.weight".into(),
        "embeddings.tok_embeddings.weight",
        (plan.n_vocab, d_model),
        Table,
    );
    let mut all =
        vec![table, gain("tokens.norm", "embeddings.norm"), gain("encoder_norm", "final_norm")];
    for l in 0..plan.layers.len() {
        let (ours, theirs) = (format!("encoder.{l}"), format!("layers.{l}"));
        let rows = |i: usize, n: usize| LinearRows(i * n..(i + 1) * n);
        for (i, letter) in ["Q", "K", "V"].into_iter().enumerate() {
            let ours = format!("{ours}.self_attn.W_{letter}");
            all.push(of(
                ours,
                &format!("{theirs}.attn.Wqkv.weight"),
                (d_model, d_model),
                rows(i, d_model),
            ));
        }
        let out = format!("{ours}.self_attn.W_O");
        all.push(of(out, &format!("{theirs}.attn.Wo.weight"), (d_model, d_model), Linear));
        for (i, name) in ["gate", "up"].into_iter().enumerate() {
            let ours = format!("{ours}.ffn.W_{name}");
            all.push(of(ours, &format!("{theirs}.mlp.Wi.weight"), (d_model, d_ff), rows(i, d_ff)));
        }
        let down = format!("{ours}.ffn.W_down");
        all.push(of(down, &format!("{theirs}.mlp.Wo.weight"), (d_ff, d_model), Linear));
        if l > 0 {
            all.push(gain(&format!("{ours}.norm1"), &format!("{theirs}.attn_norm")));
        }
        all.push(gain(&format!("{ours}.norm2"), &format!("{theirs}.mlp_norm")));
    }
    all.extend(match &plan.head {
        ModernHead::MaskedWords(_) => masked_words(plan),
        ModernHead::Classes(classes) => classes.expected_weights(d_model),
        ModernHead::Pool(pool) => pool.expected_weights(),
    });
    all
}

/// Where the file has the weights of the head for masked words.
fn masked_words(plan: &ModernPlan) -> Vec<ExpectedWeight> {
    let d_model = plan.heads.d_model;
    let mut all = vec![
        ExpectedWeight::new("mlm.W", HEAD, (d_model, d_model), Linear),
        ExpectedWeight::new("mlm.b", "head.dense.bias", (1, d_model), Vector).optional(),
        ExpectedWeight::new("mlm.norm.gain", "head.norm.weight", (1, d_model), Vector),
        ExpectedWeight::new("unembed.bias", "decoder.bias", (1, plan.n_vocab), Vector),
    ];
    if !plan.is_tied {
        let shape = (plan.n_vocab, d_model);
        all.push(ExpectedWeight::new("unembed.weight", OUTPUT, shape, Table));
    }
    all
}

/// A layer: each half reads the normalised stream and adds to it.
struct PreNorm {
    scope: Scope,
    /// The first layer reads what is normalised already.
    norm1: Option<Norm>,
    self_attn: Attention,
    mask: Mask,
    norm2: Norm,
    ffn: GatedFeedForward,
}

impl PreNorm {
    fn load(weights: &Weights, plan: &ModernPlan, l: usize) -> Result<Self> {
        let scope = source_scope("encoder").layer(l);
        let ModernLayer { mask, theta } = plan.layers[l];
        let (d_model, d_head) = (plan.heads.d_model, plan.heads.d_head);
        let rope = Some(Arc::new(Rope::whole(theta, d_head)));
        let attention = AttentionPlan { rope, ..AttentionPlan::plain(d_head) };
        let norm = |name| Norm::load(weights, scope.child(name), d_model, plan.norm);
        let (ffn, act) = (scope.child("ffn"), plan.activation);
        Ok(Self {
            norm1: (l > 0).then(|| norm("norm1")).transpose()?,
            self_attn: Attention::planned(
                weights,
                scope.child("self_attn"),
                plan.heads,
                attention,
            )?,
            mask,
            norm2: norm("norm2")?,
            ffn: GatedFeedForward::load(weights, ffn, d_model, plan.d_ff, act)?,
            scope,
        })
    }
}

impl Block for PreNorm {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    /// (position, d_model) -> (position, d_model)
    fn forward(&self, tape: &mut Tape, inputs: &[Node]) -> Node {
        let (at, x) = (&self.scope, inputs[0]);
        let normed = self.norm1.as_ref().map_or(x, |norm| norm.forward(tape, x));
        let attended = self.self_attn.forward(tape, normed, normed, self.mask);
        let x = tape.residual(at.at(&RESIDUAL1), x, attended);
        let normed = self.norm2.forward(tape, x);
        let fed = self.ffn.forward(tape, normed);
        tape.residual(at.at(&RESIDUAL2), x, fed)
    }
}

/// The model.
pub struct ModernBert {
    plan: ModernPlan,
    embed: Weight,
    norm: Norm,
    layers: Vec<Arc<dyn Block>>,
    last_norm: Norm,
    head: Head,
}

impl ModernBert {
    /// # Errors
    /// If a setting is not supported, or a weight is missing or misshapen.
    pub fn load(checkpoint: &Checkpoint) -> Result<Self> {
        let plan = ModernPlan::of(checkpoint)?;
        let weights = checkpoint.weights(&expected_weights(&plan))?;
        let d_model = plan.heads.d_model;
        let norm = |name| Norm::load(&weights, source_scope(name), d_model, plan.norm);
        let layer = |l| Ok(Arc::new(PreNorm::load(&weights, &plan, l)?) as _);
        let sizes = MaskedWordsSizes { d_model, d_embed: d_model, n_vocab: plan.n_vocab };
        let head = match &plan.head {
            ModernHead::Pool(pool) => Head::Pool(Pool::load(&weights, pool)?),
            ModernHead::Classes(classes) => {
                Head::Classes(Box::new(Classes::load(&weights, classes, d_model)?))
            }
            ModernHead::MaskedWords(activation) => Head::MaskedWords(Box::new(MaskedWords::load(
                &weights,
                sizes,
                plan.norm,
                *activation,
                plan.is_tied,
                mask(checkpoint)?,
            )?)),
        };
        Ok(Self {
            embed: weights.matrix("embed.weight", (plan.n_vocab, d_model))?,
            norm: norm("tokens.norm")?,
            layers: (0..plan.layers.len()).map(layer).collect::<Result<_>>()?,
            last_norm: norm("encoder_norm")?.with_role(Role::LastNorm),
            head,
            plan,
        })
    }
}

impl Encoder for ModernBert {
    /// The last norm after every token. -> (position, d_model)
    fn encode(&self, tape: &mut Tape, ids: &[u32]) -> Node {
        let at = source_scope("tokens");
        let table = tape.weight(&self.embed);
        let embed = tape.lookup_but(at.at(&EMBED), table, ids, self.plan.unmoved); // (position, d_model)
        let normed = self.norm.forward(tape, embed);
        let x = tape.identity(at.at(&INPUT), normed);
        let x = self.layers.iter().fold(x, |x, layer| tape.block(layer, &[x]));
        self.last_norm.forward(tape, x)
    }

    fn head(&self) -> &Head {
        &self.head
    }

    fn encoder_sizes(&self) -> ModelSizes {
        let ModernPlan { heads, d_ff, n_vocab, context, ref layers, .. } = self.plan;
        ModelSizes {
            n_layers: layers.len(),
            stacks: None,
            narrow: None,
            d_beside: 0,
            n_attending: layers.len(),
            d_states: 0,
            heads,
            d_ff,
            is_gated: true,
            experts: None,
            n_vocab,
            context,
        }
    }

    fn finish(&self, tape: &mut Tape, rows: Node) -> Node {
        self.last_norm.forward(tape, rows)
    }
}
