//! A family of decoders: the keys of its settings, the names of its tensors, and its style.

use std::sync::Arc;

use anyhow::Result;
use serde_json::Value as Json;

use super::{
    names::{Biases, HasBias, LLAMA as LLAMA_NAMES, Names},
    plan::{
        DecoderPlan, EmbeddingPlan, EmbeddingScale, LayerOrder, LayerPlan, LogitsPlan, MixerPlan,
        PositionPlan,
    },
    rope::{RopeSizes, RopeStyle, context, rope},
    windows::{self, Windows},
};
use crate::{
    model::{
        classes::ClassesPlan,
        generation,
        layer::{
            attention::{AttentionPlan, HeadSizes, Mask, QkNormPlan},
            feed::FeedPlan,
            feed_forward::{Activation, FeedKind, XIELU},
            norm::{NormKind, NormStyle, QkNorm},
        },
        pool::PoolPlan,
    },
    weights::{Checkpoint, Config, ExpectedWeight, SettingFaults},
};

/// A family of decoders. Most differ from `LLAMA` in a few fields.
#[derive(Clone, Copy)]
pub struct Family {
    /// `model_type` in config.json.
    pub types: &'static [&'static str],
    /// The name to show.
    pub title: &'static str,
    pub keys: Keys,
    pub names: Names,
    pub style: Style,
    /// Whether transformers' class leaves the embedding of padding as it is (`padding_idx`).
    pub keeps_padding: bool,
    /// Settings with values that are not run.
    pub refused: &'static [Refused],
    /// What config.json means where it lacks a key: transformers' own values.
    pub defaults: &'static [(&'static str, u32)],
    /// The settings of RoPE where config.json has none; None if the style says all.
    pub default_rope: Option<fn() -> Json>,
    /// What its settings change in the plan of its style.
    pub adjust: fn(&FamilySettings, &mut DecoderPlan) -> Result<()>,
}

/// The settings of a checkpoint, with the family's defaults.
pub struct FamilySettings<'a> {
    pub checkpoint: &'a Checkpoint,
    pub config: Config,
}

impl FamilySettings<'_> {
    /// Whether they are those of a GGUF file.
    pub const fn are_gguf(&self) -> bool {
        self.checkpoint.is_gguf()
    }

    /// Whether the checkpoint has a tensor of this name.
    pub fn has_tensor(&self, name: &str) -> bool {
        self.checkpoint.tensor(name).is_some()
    }

    /// Whether the checkpoint has a tensor whose name ends so.
    pub fn has_tensor_like(&self, end: &str) -> bool {
        self.checkpoint.tensors().iter().any(|tensor| tensor.name.ends_with(end))
    }
}

/// The sizes that the text part of a model that also sees leaves out, since they are transformers' own for its type; a
/// model of text alone has all of its sizes.
const SIZES_OF_TEXT: [(&str, [(&str, u32); 5]); 12] = [
    ("llama", sizes(4096, 11_008, 32, 32, 32_000)),
    ("mistral", sizes(4096, 14_336, 32, 32, 32_000)),
    ("ministral3", sizes(4096, 14_336, 34, 32, 131_072)),
    ("qwen2", sizes(4096, 22_016, 32, 32, 151_936)),
    ("qwen2_vl_text", sizes(8192, 29_568, 80, 64, 152_064)),
    ("qwen2_5_vl_text", sizes(8192, 29_568, 80, 64, 152_064)),
    ("qwen3", sizes(4096, 22_016, 32, 32, 151_936)),
    ("qwen3_vl_text", sizes(4096, 22_016, 32, 32, 151_936)),
    ("qwen3_vl_moe_text", sizes(2048, 5632, 24, 16, 151_936)),
    ("phi3", sizes(3072, 8192, 32, 32, 32_064)),
    ("gemma", sizes(3072, 24_576, 28, 16, 256_000)),
    ("gemma2", sizes(2304, 9216, 26, 8, 256_000)),
];

const fn sizes(
    d_model: u32,
    d_ff: u32,
    n_layers: u32,
    n_heads: u32,
    n_vocab: u32,
) -> [(&'static str, u32); 5] {
    [
        ("hidden_size", d_model),
        ("intermediate_size", d_ff),
        ("num_hidden_layers", n_layers),
        ("num_attention_heads", n_heads),
        ("vocab_size", n_vocab),
    ]
}

/// Keys of the number of experts; of several, the first that is there.
pub const EXPERT_COUNTS: [&str; 3] = ["num_experts", "num_local_experts", "n_routed_experts"];

/// The keys of sizes in config.json; of several, the first that is there.
#[derive(Clone, Copy)]
pub struct Keys {
    pub d_model: &'static [&'static str],
    pub n_layers: &'static [&'static str],
    pub n_heads: &'static [&'static str],
    pub d_ff: &'static [&'static str],
    /// d_ff where it is not given, in d_model.
    pub d_ff_times: Option<usize>,
    pub context: &'static [&'static str],
    pub eps: &'static [&'static str],
    pub default_eps: f32,
    pub activation: &'static [&'static str],
    pub default_activation: &'static str,
    /// Lists with an entry, or a letter, for every layer: their length counts, whatever `n_layers` says.
    pub layer_lists: &'static [&'static str],
}

/// The parts of a family's layers.
#[derive(Clone, Copy)]
pub struct Style {
    pub norm: NormStyle,
    pub order: LayerOrder,
    pub qk_norm: Option<QkNorm>,
    pub positions: PositionStyle,
    pub is_gated: bool,
    pub biases: BiasStyle,
    pub windows: Windows,
    pub embedding_scale: EmbeddingScale,
    /// Whether the logits use the embedding table, where the settings do not say.
    pub is_tied: bool,
    /// Whether words can see those after them too, where settings say so.
    pub looks_both_ways: bool,
}

/// How a family knows positions.
#[derive(Clone, Copy)]
pub enum PositionStyle {
    Rotary(RopeStyle),
    /// A learned table, used from this row on.
    Learned(usize),
    /// Attention with linear biases.
    Alibi,
    /// As `adjust` makes them of the settings.
    Adjusted,
}

/// Which maps have a bias: queries, keys and values; the output of attention; feed-forward.
#[derive(Clone, Copy)]
pub struct BiasStyle {
    pub qkv: Bias,
    pub out: Bias,
    pub feed: Bias,
}

/// Whether a map has a bias.
#[derive(Clone, Copy)]
pub enum Bias {
    Always,
    Never,
    /// As a setting says, and what holds without it.
    Setting(&'static str, bool),
}

/// A setting with the values that can be run.
#[derive(Clone, Copy)]
pub struct Refused {
    pub key: &'static str,
    /// Whether settings can be run, as far as this one is concerned.
    pub can_run: fn(&Config) -> bool,
    /// What is wanted.
    pub wanted: &'static str,
}

impl BiasStyle {
    pub const NONE: Self = Self { qkv: Bias::Never, out: Bias::Never, feed: Bias::Never };
    pub const ALL: Self = Self { qkv: Bias::Always, out: Bias::Always, feed: Bias::Always };
    /// All of attention as `attention_bias` says, feed-forward as `mlp_bias` says.
    pub const SETTINGS: Self = Self {
        qkv: Bias::Setting("attention_bias", false),
        out: Bias::Setting("attention_bias", false),
        feed: Bias::Setting("mlp_bias", false),
    };
    /// All of attention as `attention_bias` says.
    pub const ATTENTION: Self = Self { feed: Bias::Never, ..Self::SETTINGS };
}

/// Llama's keys, which most families have.
pub const KEYS: Keys = Keys {
    d_model: &["hidden_size"],
    n_layers: &["num_hidden_layers"],
    n_heads: &["num_attention_heads"],
    d_ff: &["intermediate_size"],
    d_ff_times: None,
    context: &["max_position_embeddings"],
    eps: &["rms_norm_eps"],
    default_eps: 1e-6,
    activation: &["hidden_act"],
    default_activation: "silu",
    layer_lists: &[],
};

/// Llama (Touvron et al. 2023), the base of most families: a root mean square norm before each half, rotary positions,
/// gated feed-forward, keys and values shared by several heads.
pub const LLAMA: Family = Family {
    types: &["llama"],
    title: "Llama",
    keys: KEYS,
    names: LLAMA_NAMES,
    style: Style {
        norm: NormStyle::Rms,
        order: LayerOrder::PreNorm,
        qk_norm: None,
        positions: PositionStyle::Rotary(RopeStyle::WHOLE),
        is_gated: true,
        biases: BiasStyle::SETTINGS,
        windows: windows::none,
        embedding_scale: EmbeddingScale::None,
        is_tied: false,
        looks_both_ways: false,
    },
    keeps_padding: true,
    refused: &[],
    defaults: &[("max_position_embeddings", 2048)],
    default_rope: None,
    adjust: |_, _| Ok(()),
};

/// A decoder's words see those before them alone. Gemma 4 calls what its pictures see `vision`.
const SEES_BEFORE: Refused = Refused {
    key: "use_bidirectional_attention",
    can_run: |config| {
        let both = config.get("use_bidirectional_attention");
        both.is_none_or(|both| both.as_str() == Some("vision") || both.as_bool() == Some(false))
    },
    wanted: "false: words that see those before them",
};

impl Family {
    /// The sizes and parts of a checkpoint.
    ///
    /// # Errors
    /// If settings are missing, out of bounds, or of a kind that cannot be run; all of them are named.
    pub fn plan(&self, checkpoint: &Checkpoint) -> Result<DecoderPlan> {
        let settings = self.settings(checkpoint);
        let mut faults = self.faults(&settings.config);
        let plan = faults.note(self.unadjusted(&settings));
        let adjusted = plan.map(|mut plan| {
            (self.adjust)(&settings, &mut plan)?;
            Ok(plan)
        });
        let plan = adjusted.and_then(|plan| faults.note(plan));
        faults.or(plan)
    }

    /// The plan of the style alone.
    fn unadjusted(&self, settings: &FamilySettings) -> Result<DecoderPlan> {
        let config = &settings.config;
        let heads = self.heads(config)?;
        let norm = self.norm(settings)?;
        let longest = config.usize(config.key(self.keys.context))?;
        Ok(DecoderPlan {
            heads,
            n_vocab: config.usize("vocab_size")?,
            norm,
            embedding: self.embedding(config, longest)?,
            per_layer: None,
            layers: self.layers(
                config,
                norm,
                RopeSizes { d_head: heads.d_head, longest },
                heads,
            )?,
            logits: LogitsPlan::new(self.is_tied(settings)?),
            pool: PoolPlan::asked_for(settings.checkpoint, heads.d_model)?,
            classes: ClassesPlan::of_decoder(settings.checkpoint, heads.d_model)?,
            begin: None,
            ends: settings.checkpoint.ends()?,
            not_obeyed: generation::not_obeyed(&generation::settings(settings.checkpoint), &[]),
            context: context(config, longest)?,
        })
    }

    /// Where the file has each weight.
    ///
    /// # Errors
    /// If a setting is of the wrong kind.
    pub fn expected_weights(
        &self,
        checkpoint: &Checkpoint,
        plan: &DecoderPlan,
    ) -> Result<Vec<ExpectedWeight>> {
        let names = self.names.in_form_of(checkpoint);
        Ok(names.expected(plan, self.biases(checkpoint)?, checkpoint.is_gguf()))
    }

    fn settings<'a>(&self, checkpoint: &'a Checkpoint) -> FamilySettings<'a> {
        let defaults = if checkpoint.is_gguf() { &[] } else { self.defaults };
        let given = checkpoint.config().clone();
        let is_given =
            |config: &Config, key| self.synonyms(key).iter().any(|key| config.lists(key));
        let kind = given.string_or("model_type", "").ok().filter(|_| given.whole().is_some());
        let of_text = SIZES_OF_TEXT.iter().find(|(of, _)| Some(*of) == kind);
        let of_text = of_text.map_or(&[][..], |(_, sizes)| sizes);
        let config = defaults.iter().chain(of_text).fold(given.clone(), |config, &(key, value)| {
            if is_given(&config, key) { config } else { config.or(key, value) }
        });
        let rope = self.default_rope.filter(|_| !checkpoint.is_gguf());
        let config = rope.map_or(config.clone(), |rope| config.or_rope(rope()));
        let length = |key: &&str| match config.get(key)? {
            Json::Array(layers) => Some(layers.len()),
            Json::String(layers) => Some(layers.chars().count()),
            _ => None,
        };
        let n_layers = self.keys.layer_lists.iter().find_map(length);
        let key = config.key(self.keys.n_layers).to_owned();
        let config = match n_layers {
            Some(n) => config.with(&key, Some(n.into())),
            None => config,
        };
        FamilySettings { checkpoint, config }
    }

    /// The keys that mean the same as this one: the default of one must not hide the value of another.
    fn synonyms(&self, key: &str) -> &[&'static str] {
        let Keys { d_model, n_layers, n_heads, context, .. } = self.keys;
        let groups = [d_model, n_layers, n_heads, context, &EXPERT_COUNTS];
        groups.into_iter().find(|group| group.contains(&key)).unwrap_or_default()
    }

    /// Every setting that cannot be run, and every size that is missing.
    fn faults(&self, config: &Config) -> SettingFaults {
        let mut faults = SettingFaults::default();
        let both_ways = Some(&SEES_BEFORE).filter(|_| !self.style.looks_both_ways);
        let refused = self.refused.iter().chain(both_ways);
        for one in refused.filter(|one| !(one.can_run)(config)) {
            faults.note(config.must(one.key, false, one.wanted));
        }
        faults.note(self.feed_kind(config));
        let Keys { d_model, n_layers, n_heads, d_ff, context, .. } = self.keys;
        let d_ff = if self.keys.d_ff_times.is_some() { None } else { Some(d_ff) };
        let sizes = [d_model, n_layers, n_heads, context, &["vocab_size"]];
        for keys in sizes.into_iter().chain(d_ff) {
            faults.note(config.usize(config.key(keys)));
        }
        faults.note(self.sharing(config));
        faults
    }

    /// Checks that each head of keys serves as many of queries.
    fn sharing(&self, config: &Config) -> Result<()> {
        let HeadSizes { n_heads, n_kv_heads, .. } = self.heads(config)?;
        let are_shared = n_heads.is_multiple_of(n_kv_heads);
        config.must("num_key_value_heads", are_shared, "a divisor of num_attention_heads")
    }

    fn heads(&self, config: &Config) -> Result<HeadSizes> {
        let d_model = config.usize(config.key(self.keys.d_model))?;
        let n_heads = config.usize(config.key(self.keys.n_heads))?;
        let n_kv_heads = config.usize_or("num_key_value_heads", n_heads)?;
        let d_head = config.usize_or("head_dim", (d_model / n_heads).max(1))?;
        Ok(HeadSizes { d_model, n_heads, n_kv_heads, d_head })
    }

    /// The norm of the stream. GGUF files have added the 1 that Gemma adds to its gains.
    fn norm(&self, settings: &FamilySettings) -> Result<NormKind> {
        let key = settings.config.key(self.keys.eps);
        let eps = settings.config.float_or(key, self.keys.default_eps)?;
        let style = self.style.norm;
        let style = if settings.are_gguf() { style.with_one_added() } else { style };
        Ok(NormKind { style, eps })
    }

    fn feed_kind(&self, config: &Config) -> Result<FeedKind> {
        let (key, default) = (config.key(self.keys.activation), self.keys.default_activation);
        let is_gated = self.style.is_gated;
        if !is_gated && config.string_or(key, default)? == XIELU {
            return Ok(FeedKind::Xielu);
        }
        let act = Activation::of(config, key, default)?;
        Ok(if is_gated { FeedKind::Gated(act) } else { FeedKind::Plain(act) })
    }

    fn embedding(&self, config: &Config, longest: usize) -> Result<EmbeddingPlan> {
        let positions = match self.style.positions {
            PositionStyle::Learned(offset) => {
                PositionPlan::Learned { n_rows: longest + offset, offset }
            }
            _ => PositionPlan::None,
        };
        let unmoved = if self.keeps_padding { config.id("pad_token_id")? } else { None };
        let scale = self.style.embedding_scale;
        Ok(EmbeddingPlan { scale, positions, has_norm: false, unmoved })
    }

    fn layers(
        &self,
        config: &Config,
        norm: NormKind,
        sizes: RopeSizes,
        heads: HeadSizes,
    ) -> Result<Vec<LayerPlan>> {
        let n_layers = config.usize(config.key(self.keys.n_layers))?;
        let mut faults = SettingFaults::default();
        let mut attention = AttentionPlan::plain(heads.d_head);
        let qk_norm = |of| QkNormPlan { of, kind: norm, after_rope: false };
        attention.qk_norm = self.style.qk_norm.map(qk_norm);
        match self.style.positions {
            PositionStyle::Rotary(style) => {
                attention.rope = faults.note(rope(config, sizes, style)).map(Arc::new);
            }
            PositionStyle::Alibi => {
                attention.slopes = Some(DecoderPlan::slopes(heads.n_heads, 8.0));
            }
            PositionStyle::Learned(_) | PositionStyle::Adjusted => {}
        }
        let feed = faults.note(self.feed(config, heads));
        let masks = faults.note((self.style.windows)(config, n_layers));
        let (feed, masks) = faults.or(feed.zip(masks))?;
        let layer = |mask: Mask| LayerPlan {
            order: self.style.order,
            mixer: MixerPlan::Attention,
            attention: attention.clone(),
            mask,
            heads: None,
            feed: Some(feed),
            residual_scale: None,
            has_scalar: false,
        };
        Ok(masks.into_iter().map(layer).collect())
    }

    fn feed(&self, config: &Config, heads: HeadSizes) -> Result<FeedPlan> {
        let kind = self.feed_kind(config)?;
        let key = config.key(self.keys.d_ff);
        let d_ff = match self.keys.d_ff_times {
            Some(times) => config.usize_or(key, times * heads.d_model)?,
            None => config.usize(key)?,
        };
        Ok(FeedPlan { kind, d_ff, experts: None })
    }

    /// A model whose head is not run has no logits that its table of embeddings could make.
    fn is_tied(&self, settings: &FamilySettings) -> Result<bool> {
        let says = settings.config.bool_or("tie_word_embeddings", self.style.is_tied)?;
        let checkpoint = settings.checkpoint;
        let has_own = self.names.outputs().are_in(checkpoint);
        Ok(says && !has_own && !checkpoint.has_unrun_head())
    }

    fn biases(&self, checkpoint: &Checkpoint) -> Result<Biases> {
        let has = |bias: Bias| {
            Ok::<_, anyhow::Error>(match bias {
                Bias::Always => HasBias::Yes,
                _ if checkpoint.is_gguf() => HasBias::IfThere,
                Bias::Never => HasBias::No,
                Bias::Setting(key, default) => {
                    if checkpoint.config().bool_or(key, default)? {
                        HasBias::Yes
                    } else {
                        HasBias::No
                    }
                }
            })
        };
        let BiasStyle { qkv, out, feed } = self.style.biases;
        Ok(Biases { qkv: has(qkv)?, out: has(out)?, feed: has(feed)? })
    }
}

/// Other rotations in layers with windows than in those that see all, as `rope_parameters` gives them by kind of layer;
/// where it does not, those with windows have the rotation of the settings that `local` makes of the others.
///
/// # Errors
/// If a setting is out of bounds.
pub fn ropes_by_window(
    config: &Config,
    plan: &mut DecoderPlan,
    style: RopeStyle,
    local: impl Fn(&Config) -> Result<Config>,
) -> Result<()> {
    let sizes = RopeSizes { d_head: plan.heads.d_head, longest: plan.context };
    let full = Arc::new(rope(&config.with_rope_of("full_attention")?, sizes, style)?);
    let of_windows = config.with_rope_of("sliding_attention")?;
    let of_windows = if config.has_ropes_by_kind() { of_windows } else { local(config)? };
    let of_windows = Arc::new(rope(&of_windows, sizes, style)?);
    for layer in &mut plan.layers {
        let rope = if layer.mask == Mask::Causal { &full } else { &of_windows };
        layer.attention.rope = Some(Arc::clone(rope));
    }
    Ok(())
}

/// Queries, keys and values within the bounds that `clip_qkv` gives, where it does.
///
/// # Errors
/// If it is not a number above 0.
pub fn clip(config: &Config, plan: &mut DecoderPlan) -> Result<()> {
    const KEY: &str = "clip_qkv";
    let limit = config.has(KEY).then(|| config.float(KEY)).transpose()?;
    config.must(KEY, limit.is_none_or(|limit| limit > 0.0), "a number above 0")?;
    for layer in &mut plan.layers {
        layer.attention.clip = limit;
    }
    Ok(())
}
