//! Later decoders with layer norms: OPT (Zhang et al. 2022), Phi (Li et al. 2023), StableLM (Bellagente et al. 2024),
//! StarCoder 2 (Lozhkov et al. 2024), Cohere's Command models, OLMo (Groeneveld et al. 2024), Nemotron (Parmar et al. 2024).

use anyhow::Result;

use super::{
    DecoderPlan, LayerOrder,
    family::{
        Bias, BiasStyle, Family, FamilySettings, KEYS, Keys, LLAMA, PositionStyle, Refused, Style,
        clip,
    },
    gpt2::GPT2_STYLE,
    names::{FeedNames, LLAMA as LLAMA_NAMES, Names},
    rope::RopeStyle,
    windows,
};
use crate::{
    engine::tape::RotaryPairs,
    model::layer::{
        attention::{Mask, QkNormPlan},
        norm::{NormStyle, QkNorm},
    },
    weights::Config,
};

/// All maps have a bias if this setting says so.
const fn all_by(key: &'static str) -> BiasStyle {
    let bias = Bias::Setting(key, true);
    BiasStyle { qkv: bias, out: bias, feed: bias }
}

/// Only this part of a head's channels is rotated, 0 to 1.
const fn rotating(part: f32) -> PositionStyle {
    PositionStyle::Rotary(RopeStyle {
        part: Some(("partial_rotary_factor", part)),
        ..RopeStyle::WHOLE
    })
}

const LAYER_NORM_KEYS: Keys = Keys { eps: &["layer_norm_eps"], default_eps: 1e-5, ..KEYS };

const NO_QK_NORM: Refused = Refused {
    key: "qk_layernorm",
    can_run: |config| !config.bool_or("qk_layernorm", false).unwrap_or(true),
    wanted: "false",
};

pub static FAMILIES: &[Family] = &[
    Family {
        types: &["opt"],
        title: "OPT",
        keys: Keys {
            d_ff: &["ffn_dim"],
            activation: &["activation_function"],
            default_activation: "relu",
            ..LAYER_NORM_KEYS
        },
        names: Names {
            body: &["model.decoder.", "decoder.", ""],
            final_norm: "final_layer_norm",
            norms: ["self_attn_layer_norm", "final_layer_norm"],
            out: "self_attn.out_proj",
            feed: FeedNames::Plain("fc1", "fc2"),
            ..LLAMA_NAMES
        },
        style: Style {
            positions: PositionStyle::Learned(2),
            biases: all_by("enable_bias"),
            ..GPT2_STYLE
        },
        refused: &[
            Refused {
                key: "do_layer_norm_before",
                can_run: |config| config.bool_or("do_layer_norm_before", true).unwrap_or(false),
                wanted: "true: norms before each half",
            },
            Refused {
                key: "word_embed_proj_dim",
                can_run: |config| same_width(config).unwrap_or(false),
                wanted: "the same as `hidden_size`",
            },
            Refused {
                key: "_remove_final_layer_norm",
                can_run: |config| {
                    !config.bool_or("_remove_final_layer_norm", false).unwrap_or(true)
                },
                wanted: "false",
            },
            Refused {
                key: "layer_norm_elementwise_affine",
                can_run: |config| {
                    config.bool_or("layer_norm_elementwise_affine", true).unwrap_or(false)
                },
                wanted: "true: norms with gains and biases",
            },
        ],
        ..LLAMA
    },
    Family {
        types: &["phi", "phi2"],
        title: "Phi",
        keys: Keys { default_activation: "gelu_new", ..LAYER_NORM_KEYS },
        names: Names {
            final_norm: "final_layernorm",
            out: "self_attn.dense",
            feed: FeedNames::Plain("mlp.fc1", "mlp.fc2"),
            ..LLAMA_NAMES
        },
        style: Style {
            order: LayerOrder::ParallelOneNorm,
            positions: rotating(0.5),
            is_tied: false,
            ..GPT2_STYLE
        },
        refused: &[NO_QK_NORM],
        adjust: |_, plan| {
            plan.logits.has_bias = true;
            Ok(())
        },
        ..LLAMA
    },
    Family {
        types: &["stablelm"],
        title: "StableLM",
        keys: LAYER_NORM_KEYS,
        style: Style {
            norm: NormStyle::Layer,
            positions: rotating(0.25),
            biases: BiasStyle { qkv: Bias::Setting("use_qkv_bias", false), ..BiasStyle::NONE },
            ..LLAMA.style
        },
        refused: &[NO_QK_NORM],
        defaults: &[("max_position_embeddings", 4096)],
        adjust: |settings, plan| {
            if settings.config.bool_or("use_parallel_residual", false)? {
                let order = LayerOrder::ParallelOneNorm;
                plan.layers.iter_mut().for_each(|layer| layer.order = order);
            }
            Ok(())
        },
        ..LLAMA
    },
    Family {
        types: &["starcoder2"],
        title: "StarCoder 2",
        keys: Keys {
            eps: &["norm_epsilon", "layer_norm_eps"],
            default_activation: "gelu_pytorch_tanh",
            ..LAYER_NORM_KEYS
        },
        names: Names { feed: FeedNames::Plain("mlp.c_fc", "mlp.c_proj"), ..LLAMA_NAMES },
        style: Style {
            positions: PositionStyle::Rotary(RopeStyle::WHOLE),
            biases: all_by("use_bias"),
            windows: windows::all,
            ..GPT2_STYLE
        },
        defaults: &[("max_position_embeddings", 4096), ("num_key_value_heads", 2)],
        ..LLAMA
    },
    Family {
        types: &["cohere", "command-r"],
        title: "Cohere",
        keys: LAYER_NORM_KEYS,
        style: COHERE,
        defaults: &[("max_position_embeddings", 8192)],
        adjust: |settings, plan| {
            let has_norms = settings.config.bool_or("use_qk_norm", false)?
                || settings.has_tensor("model.layers.0.self_attn.q_norm.weight");
            for layer in plan.layers.iter_mut().filter(|_| has_norms) {
                let (of, kind) = (QkNorm::PerHeadOwnGain, plan.norm);
                layer.attention.qk_norm = Some(QkNormPlan { of, kind, after_rope: false });
            }
            scale_logits(settings, plan)
        },
        ..LLAMA
    },
    Family {
        types: &["cohere2"],
        title: "Cohere 2",
        keys: LAYER_NORM_KEYS,
        style: Style {
            windows: windows::but_every_fourth,
            positions: rotating_neighbours(10_000.0),
            ..COHERE
        },
        defaults: &[("max_position_embeddings", 8192), ("sliding_window", 4096)],
        adjust: |settings, plan| {
            // Layers that see all are not rotated.
            for layer in plan.layers.iter_mut().filter(|layer| layer.mask == Mask::Causal) {
                layer.attention.rope = None;
            }
            scale_logits(settings, plan)
        },
        ..LLAMA
    },
    Family {
        types: &["olmo"],
        title: "OLMo",
        keys: LAYER_NORM_KEYS,
        style: Style { norm: NormStyle::LayerPlain, biases: BiasStyle::ATTENTION, ..LLAMA.style },
        adjust: |settings, plan| clip(&settings.config, plan),
        ..LLAMA
    },
    Family {
        types: &["nemotron"],
        title: "Nemotron",
        keys: Keys {
            eps: &["norm_eps", "layer_norm_eps"],
            default_activation: "relu2",
            ..LAYER_NORM_KEYS
        },
        names: Names { feed: FeedNames::Plain("mlp.up_proj", "mlp.down_proj"), ..LLAMA_NAMES },
        style: Style {
            norm: NormStyle::LayerFromOne,
            positions: rotating(0.5),
            is_gated: false,
            ..LLAMA.style
        },
        defaults: &[("max_position_embeddings", 4096)],
        ..LLAMA
    },
];

const COHERE: Style = Style {
    norm: NormStyle::LayerWithoutBias,
    order: LayerOrder::ParallelOneNorm,
    positions: rotating_neighbours(500_000.0),
    biases: BiasStyle::ATTENTION,
    is_tied: true,
    ..LLAMA.style
};

/// Neighbouring channels are rotated as pairs, at speeds with this base.
const fn rotating_neighbours(theta: f32) -> PositionStyle {
    PositionStyle::Rotary(RopeStyle { theta, pairs: RotaryPairs::Neighbours, ..RopeStyle::WHOLE })
}

fn scale_logits(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    plan.logits.scale = Some(settings.config.float_or("logit_scale", 0.0625)?);
    Ok(())
}

/// Whether OPT's embeddings have the width of its stream.
fn same_width(config: &Config) -> Result<bool> {
    let d_model = config.usize("hidden_size")?;
    Ok(config.usize_or("word_embed_proj_dim", d_model)? == d_model)
}
