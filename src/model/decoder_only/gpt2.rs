//! GPT-2 (Radford et al. 2019) and DistilGPT-2: layer norms, learned positions, GELU.

use anyhow::Result;

use super::{
    DecoderPlan,
    family::{BiasStyle, Family, FamilySettings, Keys, LLAMA, PositionStyle, Style},
    names::{FeedNames, LLAMA as LLAMA_NAMES, Names, QkvNames},
};
use crate::{
    engine::tape::Root,
    model::layer::{attention::ScoreScaling, norm::NormStyle},
};

/// GPT-2's keys, which others of its time have too.
pub const GPT2_KEYS: Keys = Keys {
    d_model: &["n_embd", "hidden_size"],
    n_layers: &["n_layer", "num_hidden_layers"],
    n_heads: &["n_head", "num_attention_heads"],
    d_ff: &["n_inner", "intermediate_size"],
    d_ff_times: Some(4),
    context: &["n_positions", "max_position_embeddings"],
    eps: &["layer_norm_epsilon"],
    default_eps: 1e-5,
    activation: &["activation_function"],
    default_activation: "gelu_new",
    layer_lists: &[],
};

/// The style of GPT-2: a layer norm before each half, plain feed-forward, biases everywhere.
pub const GPT2_STYLE: Style = Style {
    norm: NormStyle::Layer,
    positions: PositionStyle::Learned(0),
    is_gated: false,
    biases: BiasStyle::ALL,
    is_tied: true,
    ..LLAMA.style
};

pub const GPT2_NAMES: Names = Names {
    body: &["transformer.", ""],
    embed: "wte",
    positions: "wpe",
    final_norm: "ln_f",
    unembed: "lm_head",
    layers: "h.",
    norms: ["ln_1", "ln_2"],
    qkv: QkvNames::Columns("attn.c_attn"),
    out: "attn.c_proj",
    feed: FeedNames::Conv1d("mlp.c_fc", "mlp.c_proj"),
    ..LLAMA_NAMES
};

pub static FAMILIES: &[Family] = &[Family {
    types: &["gpt2"],
    title: "GPT-2",
    keys: GPT2_KEYS,
    names: GPT2_NAMES,
    style: GPT2_STYLE,
    keeps_padding: false,
    defaults: &[("n_positions", 1024)],
    adjust: scale_scores,
    ..LLAMA
}];

/// Scores divided by the root of a head's width and by the number of the layer, as the settings say.
fn scale_scores(settings: &FamilySettings, plan: &mut DecoderPlan) -> Result<()> {
    let config = &settings.config;
    let heads = plan.heads;
    let are_slices = heads.d_model.is_multiple_of(heads.n_heads);
    config.must("n_head", are_slices, "a divisor of n_embd")?;
    let by_root = config.bool_or("scale_attn_weights", true)?;
    let by_layer = config.bool_or("scale_attn_by_inverse_layer_idx", false)?;
    for (l, layer) in plan.layers.iter_mut().enumerate() {
        let n = if by_root { heads.d_head } else { 1 };
        let times = if by_layer { l + 1 } else { 1 };
        let is_scaled = by_root || by_layer;
        let root = ScoreScaling::Root(Root { n, times });
        layer.attention.scaling = if is_scaled { root } else { ScoreScaling::None };
    }
    Ok(())
}
