//! Which layers of a hybrid attend, and which have something else in place of attention.

use anyhow::Result;
use serde_json::Value as Json;

use super::family::FamilySettings;

const TYPES: &str = "layer_types";

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
    let Some(types) = config.get(TYPES).filter(|types| !types.is_null()) else {
        return unlisted();
    };
    let kind = |kind: &Json| match kind.as_str()? {
        "full_attention" => Some(true),
        kind if kind == other => Some(false),
        _ => None,
    };
    let types: Option<Vec<bool>> = types.as_array().and_then(|all| all.iter().map(kind).collect());
    let types = types.filter(|types| types.len() == n_layers).unwrap_or_default();
    let wanted = format!("{other} or full_attention for every layer");
    config.must(TYPES, types.len() == n_layers, &wanted)?;
    Ok(types)
}
