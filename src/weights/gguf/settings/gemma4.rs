//! What GGUF files of Gemma 4 have layer by layer.

use serde_json::{Map, Value as Json, json};

use super::{layer_types, windows};
use crate::weights::gguf::metadata::{Meta, Metadata};

pub const ARCHITECTURE: &str = "gemma4";

/// Which layers see a window, the heads of those that see all, and whether the last layers are twice as wide, as
/// Hugging Face has them.
pub fn settings(metadata: &Metadata, all: &mut Map<String, Json>) {
    let get = |key: &str| metadata.get(&format!("{ARCHITECTURE}.{key}"));
    let size = |key: &str| get(key).and_then(|value| value.whole());
    // It counts the channels of layers that see all, of which only some turn: the divisors of speeds say which.
    all.remove("rotary_dim");
    let Some(windows) = windows(metadata, ARCHITECTURE) else { return };
    all.insert("layer_types".into(), layer_types(&windows));
    let n_kv_heads = numbers(get("attention.head_count_kv"), windows.len());
    let mut layers = Map::new();
    for (l, has_window) in windows.iter().enumerate() {
        let n = n_kv_heads.get(l).copied();
        if *has_window {
            all.insert("num_key_value_heads".into(), json!(n));
        } else {
            let own = json!({"num_key_value_heads": n, "head_dim": size("attention.key_length")});
            layers.insert(l.to_string(), own);
        }
    }
    all.insert("per_layer_config".into(), Json::Object(layers));
    all.insert("head_dim".into(), json!(size("attention.key_length_swa")));
    widths(&numbers(get("feed_forward_length"), windows.len()), all);
}

/// A number for each of so many layers, listed or given once; empty where there is none.
fn numbers(given: Option<Meta>, n_layers: usize) -> Vec<u64> {
    match given {
        Some(Meta::List(list)) => list.items().filter_map(|item| item.whole()).collect(),
        Some(one) => one.whole().map_or_else(Vec::new, |n| vec![n; n_layers]),
        None => vec![],
    }
}

/// The width of feed-forward, and whether layers that share keys are twice as wide; any others are refused where the
/// shapes of tensors are compared.
fn widths(widths: &[u64], all: &mut Map<String, Json>) {
    let Some(first) = widths.first() else { return };
    all.insert("intermediate_size".into(), json!(first));
    all.insert("use_double_wide_mlp".into(), json!(widths.iter().any(|width| width != first)));
}
