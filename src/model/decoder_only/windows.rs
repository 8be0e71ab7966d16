//! Which layers see all keys before them, and which a window.

use anyhow::Result;
use serde_json::Value as Json;

use crate::{model::layer::attention::Mask, weights::Config};

/// The mask of each layer, from the settings and the number of layers.
pub type Windows = fn(&Config, usize) -> Result<Vec<Mask>>;

/// Every layer sees all.
///
/// # Errors
/// None: it has the form of the others.
#[expect(clippy::unnecessary_wraps, reason = "a row of the families' table")]
pub fn none(_: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    Ok(vec![Mask::Causal; n_layers])
}

/// Every layer sees the window, where one is given, whatever is said of kinds of layers: Mixtral, Phi-3.
///
/// # Errors
/// If a setting is of the wrong kind.
pub fn all(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    let is_given = config.has("sliding_window");
    let window = is_given.then(|| config.usize("sliding_window")).transpose()?;
    Ok(vec![window.map_or(Mask::Causal, Mask::Window); n_layers])
}

/// Every layer sees the window, where one is given, or the layers that are named: Mistral, which transformers calls
/// Ministral where they are.
///
/// # Errors
/// If a setting is of the wrong kind.
pub fn all_or_listed(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    by_type(config, n_layers, |_| true)
}

/// Every layer sees the window where the settings say that it is used, whatever `max_window_layers` says: Qwen3-MoE.
///
/// # Errors
/// If a setting is of the wrong kind.
pub fn all_if_used(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    let is_used = config.bool_or("use_sliding_window", false)?;
    if is_used { all(config, n_layers) } else { none(config, n_layers) }
}

/// Layers see the window that is given only where the settings say that it is used, and in the layers that are named, or
/// in those from `max_window_layers` on: Qwen.
///
/// # Errors
/// If a setting is of the wrong kind.
pub fn if_used(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    if !config.bool_or("use_sliding_window", false)? {
        return none(config, n_layers);
    }
    let first = config.count_or("max_window_layers", 28)?;
    by_type(config, n_layers, |l| l >= first)
}

/// Every second layer sees the window, from the first on: Gemma 2, gpt-oss.
///
/// # Errors
/// If a setting is of the wrong kind.
pub fn every_second(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    by_type(config, n_layers, |l| l % 2 == 0)
}

/// All but every fourth layer see the window: OLMo 3, Cohere 2.
///
/// # Errors
/// If a setting is of the wrong kind.
pub fn but_every_fourth(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    but_every(config, n_layers, 4)
}

/// All but every sixth layer see the window: Gemma 3.
///
/// # Errors
/// If a setting is of the wrong kind.
pub fn but_every_sixth(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    but_every(config, n_layers, 6)
}

/// The same, but the last sees all too: Gemma 4.
///
/// # Errors
/// If a setting is of the wrong kind.
pub fn but_every_sixth_and_the_last(config: &Config, n_layers: usize) -> Result<Vec<Mask>> {
    let mut masks = but_every_sixth(config, n_layers)?;
    if let Some(last) = masks.last_mut() {
        *last = Mask::Causal;
    }
    Ok(masks)
}

fn but_every(config: &Config, n_layers: usize, default: usize) -> Result<Vec<Mask>> {
    let n = config.usize_or("sliding_window_pattern", default)?;
    by_type(config, n_layers, |l| (l + 1) % n != 0)
}

/// The window where one is given, in the layers that `layer_types` names, or else in those of the pattern.
///
/// # Errors
/// If a setting is of the wrong kind.
pub fn by_type(
    config: &Config,
    n_layers: usize,
    pattern: impl Fn(usize) -> bool,
) -> Result<Vec<Mask>> {
    if !config.has("sliding_window") {
        return none(config, n_layers);
    }
    let window = Mask::Window(config.usize("sliding_window")?);
    let has_window = match config.get("layer_types") {
        None => (0..n_layers).map(pattern).collect(),
        Some(types) => layer_types(config, types, n_layers)?,
    };
    let mask = |has_window: bool| if has_window { window } else { Mask::Causal };
    Ok(has_window.into_iter().map(mask).collect())
}

/// Whether each layer sees a window.
fn layer_types(config: &Config, types: &Json, n_layers: usize) -> Result<Vec<bool>> {
    let kind = |kind: &Json| match kind.as_str()? {
        "sliding_attention" => Some(true),
        "full_attention" => Some(false),
        _ => None,
    };
    let types: Option<Vec<bool>> = types.as_array().and_then(|all| all.iter().map(kind).collect());
    let types = types.filter(|types| types.len() == n_layers).unwrap_or_default();
    let wanted = "sliding_attention or full_attention for every layer";
    config.must("layer_types", types.len() == n_layers, wanted)?;
    Ok(types)
}
