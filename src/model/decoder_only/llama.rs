//! Llama and its nearest relatives: rows that differ from [`LLAMA`] in a few fields.

use anyhow::Result;
use serde_json::{Value as Json, json};

use super::{
    DecoderPlan, EmbeddingScale, LayerOrder,
    family::{
        Bias, BiasStyle, Family, FamilySettings, KEYS, Keys, LLAMA, PositionStyle, Style,
        ropes_by_window,
    },
    names::{FeedNames, LLAMA as LLAMA_NAMES, Names, QkvNames},
    rope::RopeStyle,
    windows,
};
use crate::{
    engine::tape::RotaryPairs,
    model::layer::{
        attention::{Mask, ScoreScaling, Tempering},
        feed_forward::XIELU,
        norm::QkNorm,
    },
    weights::Config,
};

/// Llama's style with another base of the rotation.
const fn with_theta(theta: f32) -> Style {
    let rope = RopeStyle { theta, ..RopeStyle::WHOLE };
    Style { positions: PositionStyle::Rotary(rope), ..LLAMA.style }
}

/// The same, with neighbouring channels as pairs.
const fn with_neighbours(theta: f32) -> Style {
    let rope = RopeStyle { theta, pairs: RotaryPairs::Neighbours, ..RopeStyle::WHOLE };
    Style { positions: PositionStyle::Rotary(rope), ..LLAMA.style }
}

/// Feed-forward without a gate.
const PLAIN_NAMES: Names =
    Names { feed: FeedNames::Plain("mlp.up_proj", "mlp.down_proj"), ..LLAMA_NAMES };

/// A default of the longest text.
const LONGEST: &str = "max_position_embeddings";

pub static FAMILIES: &[Family] = &[
    LLAMA,
    Family {
        types: &["mistral", "ministral"],
        title: "Mistral",
        defaults: &[(LONGEST, 131_072), ("num_key_value_heads", 8)],
        style: Style { biases: BiasStyle::NONE, windows: windows::all_or_listed, ..LLAMA.style },
        ..LLAMA
    },
    Family {
        types: &["qwen2"],
        title: "Qwen2",
        defaults: &[(LONGEST, 32_768)],
        style: Style {
            biases: BiasStyle { qkv: Bias::Always, ..BiasStyle::NONE },
            windows: windows::if_used,
            ..LLAMA.style
        },
        ..LLAMA
    },
    QWEN2_VL,
    Family { types: &["qwen2_5_vl_text", "qwen25vl"], title: "Qwen2.5-VL", ..QWEN2_VL },
    Family {
        types: &["qwen3"],
        title: "Qwen3",
        defaults: &[(LONGEST, 32_768), ("head_dim", 128)],
        style: Style {
            qk_norm: Some(QkNorm::PerHead),
            biases: BiasStyle::ATTENTION,
            windows: windows::if_used,
            ..LLAMA.style
        },
        ..LLAMA
    },
    Family {
        types: &["qwen3_vl_text", "qwen3vl"],
        title: "Qwen3-VL",
        defaults: &[(LONGEST, 128_000), ("head_dim", 128)],
        style: Style {
            qk_norm: Some(QkNorm::PerHead),
            biases: BiasStyle::ATTENTION,
            ..with_theta(500_000.0)
        },
        ..LLAMA
    },
    Family {
        types: &["smollm3"],
        title: "SmolLM3",
        defaults: &[(LONGEST, 32_768), ("num_key_value_heads", 4)],
        style: Style { windows: in_unrotated, is_tied: true, ..with_theta(2_000_000.0) },
        adjust: unrotate,
        ..LLAMA
    },
    Family {
        types: &["ministral3", "mistral3"],
        title: "Ministral 3",
        keys: Keys { default_eps: 1e-5, ..KEYS },
        defaults: &[(LONGEST, 262_144), ("num_key_value_heads", 8), ("head_dim", 128)],
        default_rope: Some(|| {
            json!({"rope_type": "yarn", "rope_theta": 1_000_000.0, "factor": 16.0,
                "original_max_position_embeddings": 16384, "mscale": 1.0, "mscale_all_dim": 1.0,
                "llama_4_scaling_beta": 0.1})
        }),
        style: Style { biases: BiasStyle::NONE, windows: windows::all, ..with_theta(1_000_000.0) },
        adjust: temper,
        ..LLAMA
    },
    Family { types: &["granite"], title: "Granite", adjust: multiply, ..LLAMA },
    Family {
        types: &["olmo2"],
        title: "OLMo 2",
        keys: Keys { default_eps: 1e-5, ..KEYS },
        style: OLMO2,
        // GGUF files of OLMo 3 say `olmo2` too, and have windows.
        adjust: |settings, plan| {
            if settings.are_gguf() { look_as_olmo3(settings, plan) } else { Ok(()) }
        },
        ..LLAMA
    },
    Family {
        types: &["olmo3"],
        title: "OLMo 3",
        keys: Keys { default_eps: 1e-5, ..KEYS },
        defaults: &[(LONGEST, 2048), ("sliding_window", 4096)],
        style: Style {
            positions: PositionStyle::Rotary(OLMO3_ROPE),
            windows: windows::but_every_fourth,
            ..OLMO2
        },
        adjust: rotate_olmo3,
        ..LLAMA
    },
    Family {
        types: &["phi3"],
        title: "Phi-3",
        keys: Keys { default_eps: 1e-5, ..KEYS },
        defaults: &[(LONGEST, 4096)],
        names: Names {
            qkv: QkvNames::Rows("self_attn.qkv_proj"),
            feed: FeedNames::FusedGate("mlp.gate_up_proj", "mlp.down_proj"),
            ..LLAMA_NAMES
        },
        style: Style {
            biases: BiasStyle::NONE,
            windows: windows::all,
            positions: PositionStyle::Rotary(RopeStyle {
                part: Some(("partial_rotary_factor", 1.0)),
                ..RopeStyle::WHOLE
            }),
            ..LLAMA.style
        },
        ..LLAMA
    },
    Family {
        types: &["arcee"],
        title: "Arcee",
        keys: Keys { default_eps: 1e-5, default_activation: "relu2", ..KEYS },
        defaults: &[(LONGEST, 4096)],
        names: PLAIN_NAMES,
        style: Style { is_gated: false, ..LLAMA.style },
        ..LLAMA
    },
    Family {
        types: &["apertus"],
        title: "Apertus",
        keys: Keys { default_eps: 1e-5, default_activation: XIELU, ..KEYS },
        defaults: &[(LONGEST, 65_536)],
        default_rope: Some(|| {
            json!({"rope_type": "llama3", "rope_theta": 12_000_000.0, "factor": 8.0,
                "original_max_position_embeddings": 8192, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0})
        }),
        names: Names { norms: ["attention_layernorm", "feedforward_layernorm"], ..PLAIN_NAMES },
        style: Style {
            qk_norm: Some(QkNorm::PerHead),
            is_gated: false,
            biases: BiasStyle::ATTENTION,
            ..with_theta(12_000_000.0)
        },
        ..LLAMA
    },
    Family {
        types: &["seed_oss"],
        title: "Seed-OSS",
        defaults: &[(LONGEST, 524_288), ("num_key_value_heads", 8), ("head_dim", 128)],
        style: Style {
            biases: BiasStyle {
                qkv: Bias::Setting("attention_bias", true),
                out: Bias::Setting("attention_out_bias", false),
                ..BiasStyle::SETTINGS
            },
            ..LLAMA.style
        },
        ..LLAMA
    },
    Family {
        types: &["helium"],
        title: "Helium",
        keys: Keys { default_eps: 1e-8, ..KEYS },
        defaults: &[(LONGEST, 4096), ("num_key_value_heads", 20), ("head_dim", 128)],
        style: Style {
            biases: BiasStyle { out: Bias::Never, ..BiasStyle::SETTINGS },
            ..with_neighbours(100_000.0)
        },
        ..LLAMA
    },
    Family {
        types: &["ernie4_5"],
        title: "ERNIE 4.5",
        keys: Keys { default_eps: 1e-5, ..KEYS },
        defaults: &[(LONGEST, 131_072), ("num_key_value_heads", 2), ("head_dim", 128)],
        style: Style {
            biases: BiasStyle {
                qkv: Bias::Setting("use_bias", false),
                out: Bias::Setting("use_bias", false),
                feed: Bias::Setting("use_bias", false),
            },
            is_tied: true,
            ..with_neighbours(500_000.0)
        },
        ..LLAMA
    },
    Family {
        types: &["exaone4"],
        title: "EXAONE 4",
        keys: Keys { default_eps: 1e-5, ..KEYS },
        defaults: &[(LONGEST, 2048), ("num_key_value_heads", 32), ("sliding_window", 4096)],
        style: Style {
            qk_norm: Some(QkNorm::PerHead),
            biases: BiasStyle::NONE,
            windows: in_pattern,
            ..OLMO2
        },
        // Where there are windows, layers that see all are not rotated.
        adjust: |settings, plan| {
            if settings.config.has("sliding_window") {
                let all = plan.layers.iter_mut().filter(|layer| layer.mask == Mask::Causal);
                all.for_each(|layer| layer.attention.rope = None);
            }
            Ok(())
        },
        ..LLAMA
    },
];

/// llama.cpp writes Qwen2.5-VL under this one's name, Ollama under one of its own.
const QWEN2_VL: Family = Family {
    types: &["qwen2_vl_text", "qwen2vl"],
    title: "Qwen2-VL",
    keys: Keys { default_eps: 1e-5, ..KEYS },
    defaults: &[(LONGEST, 32_768), ("num_key_value_heads", 8), ("max_window_layers", 80)],
    style: Style {
        biases: BiasStyle { qkv: Bias::Always, ..BiasStyle::NONE },
        windows: windows::if_used,
        ..with_theta(1_000_000.0)
    },
    ..LLAMA
};

const OLMO2: Style = Style {
    order: LayerOrder::PostSubLayer,
    qk_norm: Some(QkNorm::WholeRow),
    biases: BiasStyle::ATTENTION,
    ..LLAMA.style
};

const OLMO3_ROPE: RopeStyle = RopeStyle { theta: 500_000.0, ..RopeStyle::WHOLE };

/// Whether each layer of a SmolLM3 or a Llama 4 rotates queries and keys: all but every fourth, where they are not listed.
///
/// # Errors
/// If a setting is of the wrong kind or length.
pub fn rotates(config: &Config, n_layers: usize) -> Result<Vec<bool>> {
    let every = config.usize_or("no_rope_layer_interval", 4)?;
    let listed = config.floats("no_rope_layers")?.filter(|listed| !listed.is_empty());
    let Some(listed) = listed else {
        return Ok((0..n_layers).map(|l| (l + 1) % every != 0).collect());
    };
    config.must("no_rope_layers", listed.len() == n_layers, "0 or 1 for every layer")?;
    Ok(listed.into_iter().map(|rotates| rotates > 0.0).collect())
}

/// The layers of a SmolLM3 that are not rotated see a window, where one is used; where kinds of layers are listed, those
/// of the list do, used or not.
fn in_unrotated(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    let is_used = config.bool_or("use_sliding_window", false)?;
    let rotates = rotates(config, n_layers)?;
    windows::by_type(config, n_layers, |l| is_used && !rotates[l])
}

/// The layers of an EXAONE 4 that see a window: those of the list; without one, all but every fourth, or as a pattern says:
/// a number, or letters (L a window, G all), where the last layer sees all.
fn in_pattern(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    const KEY: &str = "sliding_window_pattern";
    let pattern: Vec<bool> = if let Some(Json::String(letters)) = config.get(KEY) {
        let are_known = !letters.is_empty() && letters.chars().all(|c| "LG".contains(c));
        config.must(KEY, are_known, "letters L and G")?;
        let letters = letters.chars().cycle().take(n_layers).enumerate();
        letters.map(|(l, letter)| letter == 'L' && l + 1 < n_layers).collect()
    } else {
        let every = config.usize_or(KEY, 4)?;
        (1..=n_layers).map(|l| l % every != 0).collect()
    };
    windows::by_type(config, n_layers, |l| pattern[l])
}

fn unrotate(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let rotates = rotates(&settings.config, plan.layers.len())?;
    for (layer, _) in plan.layers.iter_mut().zip(rotates).filter(|(_, rotates)| !rotates) {
        layer.attention.rope = None;
    }
    Ok(())
}

/// Ministral 3: queries grow with their position.
fn temper(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    const BETA: &str = "llama_4_scaling_beta";
    let config = &settings.config;
    let sections = [config.section("rope_scaling")?, config.section("rope_parameters")?];
    let beta = sections.iter().flatten().find(|section| section.has(BETA)).unwrap_or(config);
    let beta = beta.float_or(BETA, 0.0)?;
    if beta == 0.0 {
        return Ok(());
    }
    let trained = sections.iter().flatten().next().unwrap_or(config);
    let trained = trained.usize("original_max_position_embeddings")?;
    for layer in &mut plan.layers {
        layer.attention.tempering = Some(Tempering { beta, trained, first: 0 });
    }
    Ok(())
}

/// Granite: multipliers of embeddings, scores, residual addends and logits.
pub fn multiply(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let config = &settings.config;
    let factor = |key| config.float_or(key, 1.0);
    let not_one = |factor: f32| (factor.to_bits() != 1_f32.to_bits()).then_some(factor);
    let embedding = not_one(factor("embedding_multiplier")?);
    plan.embedding.scale = embedding.map_or(EmbeddingScale::None, EmbeddingScale::Factor);
    // In GGUF the divisor has the name of Cohere's factor.
    let key = config.key(&["logits_scaling", "logit_scale"]);
    let divisor = factor(key)?;
    config.must(key, divisor > 0.0, "a number above 0")?;
    plan.logits.scale = not_one(1.0 / divisor);
    let (of_scores, of_addends) = (factor("attention_multiplier")?, factor("residual_multiplier")?);
    for layer in &mut plan.layers {
        layer.attention.scaling = ScoreScaling::Factor(of_scores);
        layer.residual_scale = not_one(of_addends);
    }
    Ok(())
}

/// The windows and rotations of OLMo 3.
fn look_as_olmo3(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let masks = windows::but_every_fourth(&settings.config, plan.layers.len())?;
    for (layer, mask) in plan.layers.iter_mut().zip(masks) {
        layer.mask = mask;
    }
    rotate_olmo3(settings, plan)
}

/// OLMo 3: only layers that see all have their rotation scaled.
fn rotate_olmo3(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let local = |config: &Config| Ok(config.with("rope_scaling", None));
    ropes_by_window(&settings.config, plan, OLMO3_ROPE, local)
}
