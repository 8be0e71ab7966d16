//! Mamba-2 (Dao and Gu 2024): layers of a selective state space alone, without attention, positions or feed-forward; and
//! the settings of such layers in hybrids.

use anyhow::Result;
use serde_json::Value as Json;

use super::{
    DecoderPlan, MixerPlan,
    family::{Family, FamilySettings, KEYS, Keys, LLAMA, PositionStyle, Refused, Style},
    names::{LLAMA as LLAMA_NAMES, Names},
};
use crate::{
    engine::tape::RateForm,
    model::layer::{feed_forward::Activation, state_space::StateSpacePlan},
    weights::Config,
};

const N_HEADS: &str = "num_heads";
const D_HEAD: &str = "head_dim";
const N_GROUPS: &str = "n_groups";
const EXPAND: &str = "expand";
/// The limits of the steps' sizes.
const LIMITS: &str = "time_step_limit";
/// The width of all heads, which GGUF files have in place of that of one.
const D_INNER: &str = "ssm_inner_size";
/// The most numbers of a state in one layer: 64 times those of the largest published model.
const MOST_STATES: usize = 1 << 26;

/// The keys of a state space's settings.
pub struct SpaceKeys {
    pub n_heads: &'static str,
    pub d_head: &'static str,
    pub n_groups: &'static str,
    pub d_state: &'static str,
    pub n_taps: &'static str,
    /// The width of all heads, in d_model; None where it is that of one by their number.
    pub expand: Option<&'static str>,
    pub has_bias: &'static str,
    pub has_filter_bias: &'static str,
    pub activation: &'static str,
}

const KEYS_OF_MAMBA: SpaceKeys = SpaceKeys {
    n_heads: N_HEADS,
    d_head: D_HEAD,
    n_groups: N_GROUPS,
    d_state: "state_size",
    n_taps: "conv_kernel",
    expand: Some(EXPAND),
    has_bias: "use_bias",
    has_filter_bias: "use_conv_bias",
    activation: "hidden_act",
};

/// Steps of states have no limits.
pub const ANY_STEP: Refused = Refused {
    key: LIMITS,
    can_run: |config| config.get(LIMITS).is_none_or(sets_no_limit),
    wanted: "0 and infinity: steps of any size",
};

pub static FAMILIES: &[Family] = &[Family {
    types: &["mamba2"],
    title: "Mamba-2",
    keys: Keys {
        n_heads: &[N_HEADS],
        // GGUF files say that it is 0.
        d_ff: &[],
        d_ff_times: Some(1),
        eps: &["layer_norm_epsilon", "rms_norm_eps"],
        default_eps: 1e-5,
        ..KEYS
    },
    default_rope: None,
    defaults: &[
        ("max_position_embeddings", 1 << 20),
        (N_HEADS, 128),
        (D_HEAD, 64),
        (N_GROUPS, 8),
        ("hidden_size", 4096),
        ("state_size", 128),
        ("expand", 2),
        ("conv_kernel", 4),
        ("num_hidden_layers", 64),
        ("vocab_size", 32_768),
    ],
    names: Names {
        body: &["backbone.", "", "model.backbone."],
        embed: "embeddings|embedding",
        final_norm: "norm_f",
        norms: ["norm", ""],
        ..LLAMA_NAMES
    },
    style: Style { positions: PositionStyle::Adjusted, ..LLAMA.style },
    keeps_padding: false,
    refused: &[ANY_STEP],
    adjust: |settings, plan| {
        let space = state_space(settings, plan, &KEYS_OF_MAMBA)?;
        plan.heads.d_head = space.d_head;
        for layer in &mut plan.layers {
            layer.mixer = MixerPlan::StateSpace(space);
            layer.feed = None;
        }
        // The state is as large after any text.
        plan.context = usize::MAX;
        Ok(())
    },
}];

/// Whether the limits of steps are 0 and infinity, which is not valid JSON and read as null, or written in words.
fn sets_no_limit(limits: &Json) -> bool {
    let is_zero = |limit: &Json| limit.as_f64().is_some_and(|limit| limit.abs() <= 0.0);
    let limits = limits.as_array().map(Vec::as_slice);
    matches!(limits, Some([least, most]) if is_zero(least) && !most.is_number())
}

/// The state space of the layers that have one.
///
/// # Errors
/// If a setting is missing or out of bounds.
pub fn state_space(
    settings: &FamilySettings,
    plan: &DecoderPlan,
    keys: &SpaceKeys,
) -> Result<StateSpacePlan> {
    let config = &settings.config;
    let (n_heads, n_groups) = (config.usize(keys.n_heads)?, config.usize_or(keys.n_groups, 1)?);
    let divides = n_heads.is_multiple_of(n_groups);
    config.must(keys.n_groups, divides, "a divisor of the number of heads")?;
    let d_head = d_head(config, plan.heads.d_model, n_heads, keys)?;
    let d_state = config.usize(keys.d_state)?;
    let n_states = n_heads.saturating_mul(d_head).saturating_mul(d_state);
    let most = format!("at most {MOST_STATES} numbers in the states of a layer");
    config.must(keys.d_state, n_states <= MOST_STATES, &most)?;
    Ok(StateSpacePlan {
        n_heads,
        d_head,
        d_state,
        n_groups,
        n_taps: config.usize(keys.n_taps)?,
        has_bias: config.bool_or(keys.has_bias, false)?,
        has_filter_bias: config.bool_or(keys.has_filter_bias, true)?,
        act: Activation::of(config, keys.activation, "silu")?,
        rate: if settings.are_gguf() { RateForm::Plain } else { RateForm::Logarithm },
        eps: plan.norm.eps,
    })
}

/// The channels of a head: the width of all by their number.
fn d_head(config: &Config, d_model: usize, n_heads: usize, keys: &SpaceKeys) -> Result<usize> {
    if config.has(D_INNER) {
        let d_inner = config.usize(D_INNER)?;
        config.must(
            D_INNER,
            d_inner.is_multiple_of(n_heads),
            "a multiple of the number of heads",
        )?;
        return Ok(d_inner / n_heads);
    }
    let Some(expand) = keys.expand else { return config.usize(keys.d_head) };
    let d_inner = config.float(expand)? * d_model as f32;
    let is_derived = config.get(keys.d_head).is_none_or(|size| size == "auto");
    let d_head = if is_derived { d_inner as usize / n_heads } else { config.usize(keys.d_head)? };
    let fits = d_head > 0 && (d_inner - (n_heads * d_head) as f32).abs() < 0.5;
    config.must(keys.d_head, fits, &format!("`{expand}` * `hidden_size` / `{}`", keys.n_heads))?;
    Ok(d_head)
}
