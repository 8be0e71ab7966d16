//! Mamba-2 (Dao and Gu 2024): layers of a selective state space alone, without attention, positions or feed-forward.

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
/// The limits of the steps' sizes.
const LIMITS: &str = "time_step_limit";
/// The width of all heads, which GGUF files have in place of that of one.
const D_INNER: &str = "ssm_inner_size";
/// The most numbers of a state in one layer: 64 times those of the largest published model.
const MOST_STATES: usize = 1 << 26;

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
    refused: &[Refused {
        key: LIMITS,
        can_run: |config| config.get(LIMITS).is_none_or(sets_no_limit),
        wanted: "0 and infinity: steps of any size",
    }],
    adjust: |settings, plan| {
        let space = state_space(settings, plan)?;
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

fn state_space(settings: &FamilySettings, plan: &DecoderPlan) -> Result<StateSpacePlan> {
    let config = &settings.config;
    let (n_heads, n_groups) = (plan.heads.n_heads, config.usize_or(N_GROUPS, 1)?);
    config.must(N_GROUPS, n_heads.is_multiple_of(n_groups), "a divisor of the number of heads")?;
    let d_head = d_head(config, plan)?;
    let d_state = config.usize("state_size")?;
    let n_states = n_heads.saturating_mul(d_head).saturating_mul(d_state);
    let most = format!("at most {MOST_STATES} numbers in the states of a layer");
    config.must("state_size", n_states <= MOST_STATES, &most)?;
    Ok(StateSpacePlan {
        n_heads,
        d_head,
        d_state,
        n_groups,
        n_taps: config.usize("conv_kernel")?,
        has_bias: config.bool_or("use_bias", false)?,
        has_filter_bias: config.bool_or("use_conv_bias", true)?,
        act: Activation::of(config, "hidden_act", "silu")?,
        rate: if settings.are_gguf() { RateForm::Plain } else { RateForm::Logarithm },
        eps: plan.norm.eps,
    })
}

/// The channels of a head: the width of all by their number.
fn d_head(config: &Config, plan: &DecoderPlan) -> Result<usize> {
    let (n_heads, d_model) = (plan.heads.n_heads, plan.heads.d_model);
    if config.has(D_INNER) {
        let d_inner = config.usize(D_INNER)?;
        config.must(
            D_INNER,
            d_inner.is_multiple_of(n_heads),
            "a multiple of the number of heads",
        )?;
        return Ok(d_inner / n_heads);
    }
    let d_head = config.usize(D_HEAD)?;
    let d_inner = config.float("expand")? * d_model as f32;
    let fits = (d_inner - (n_heads * d_head) as f32).abs() < 0.5;
    config.must(D_HEAD, fits, "`expand` * `hidden_size` / `num_heads`")?;
    Ok(d_head)
}
