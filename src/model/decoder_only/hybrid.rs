//! Which layers of a hybrid attend, and which have something else in place of attention.

use anyhow::Result;
use serde_json::Value as Json;

use super::family::FamilySettings;
use crate::weights::Config;

/// What each layer is; some call it by the second name.
const TYPES: [&str; 2] = ["layer_types", "layers_block_type"];

/// Kinds of layers by today's names, which older files call otherwise.
const RENAMED: [(&str, &str); 2] = [("mamba", "linear_attention"), ("attention", "full_attention")];

/// Today's name of a kind of layers.
pub fn kind(listed: &Json) -> Option<&str> {
    let listed = listed.as_str()?;
    let renamed = RENAMED.iter().find(|(older, _)| *older == listed);
    Some(renamed.map_or(listed, |(_, name)| *name))
}

/// Whether each layer has attention: as `layer_types` lists them, the others under the name `other`, else as `unlisted`
/// says. GGUF files have no list, but the tensors.
///
/// # Errors
/// If the list names another kind, or is of another length.
pub fn attending(
    settings: &FamilySettings,
    n_layers: usize,
    other: &str,
    unlisted: impl Fn() -> Result<Vec<bool>>,
) -> Result<Vec<bool>> {
    let config = &settings.config;
    if settings.are_gguf() {
        let has = |l| settings.has_tensor(&format!("model.layers.{l}.self_attn.q_proj.weight"));
        return Ok((0..n_layers).map(has).collect());
    }
    let key = config.key(&TYPES);
    let Some(types) = config.get(key) else { return unlisted() };
    let attends = |listed: &Json| match kind(listed)? {
        "full_attention" => Some(true),
        kind if kind == other => Some(false),
        _ => None,
    };
    let types: Option<Vec<bool>> =
        types.as_array().and_then(|all| all.iter().map(attends).collect());
    let types = types.filter(|types| types.len() == n_layers).unwrap_or_default();
    let wanted = format!("{other} or full_attention for every layer");
    config.must(key, types.len() == n_layers, &wanted)?;
    Ok(types)
}

/// Whether the number of each layer is listed; None without a list.
///
/// # Errors
/// If it is not a list of numbers.
pub fn numbered(config: &Config, key: &str, n_layers: usize) -> Result<Option<Vec<bool>>> {
    let listed = config.floats(key)?;
    let is_listed =
        |listed: &[f32], l: usize| listed.iter().any(|&one| one.to_bits() == (l as f32).to_bits());
    Ok(listed.map(|listed| (0..n_layers).map(|l| is_listed(&listed, l)).collect()))
}
