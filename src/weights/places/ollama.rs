//! Ollama's folder: manifests, whose layers are blobs named by their hash.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{LocalModel, ModelPlace};
use crate::weights::folder::{entries, file_name};

/// What Ollama leaves out of names: its own registry and library.
const REGISTRY: &str = "registry.ollama.ai/";
const LIBRARY: &str = "library/";

/// The layer with the weights.
const MODEL: &str = "application/vnd.ollama.image.model";

/// The largest manifest, in bytes.
const LONGEST_MANIFEST: u64 = 1 << 20;

/// The levels of folders that a manifest lies in: registry, owner, name, tag.
const LEVELS: usize = 4;

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
}

/// The models in a folder of Ollama's.
pub fn pulled(folder: &Path) -> Vec<LocalModel> {
    let manifests = folder.join("manifests");
    let mut paths = vec![manifests.clone()];
    for _ in 0..LEVELS {
        paths = paths.iter().flat_map(|path| entries(path).unwrap_or_default()).collect();
    }
    let model = |path: &PathBuf| {
        let name = name(path.strip_prefix(&manifests).ok()?)?;
        // A manifest that names no weights is a model too, which does not open.
        let path = blob(path, folder).unwrap_or_else(|| path.clone());
        Some(LocalModel { name, place: ModelPlace::Ollama, path })
    };
    paths.iter().filter_map(model).collect()
}

/// `llama3.2:1b`, `OWNER/NAME:TAG`, `hf.co/OWNER/NAME:TAG`
fn name(manifest: &Path) -> Option<String> {
    let (parent, tag) = (manifest.parent()?.to_str()?, file_name(manifest));
    let name = parent.strip_prefix(REGISTRY).unwrap_or(parent);
    let name = name.strip_prefix(LIBRARY).unwrap_or(name);
    Some(format!("{name}:{tag}"))
}

/// The file of a model's weights.
fn blob(manifest: &Path, folder: &Path) -> Option<PathBuf> {
    let kind = fs::metadata(manifest).ok()?;
    let is_small = kind.is_file() && kind.len() <= LONGEST_MANIFEST;
    let file = is_small.then(|| File::open(manifest).ok()).flatten()?;
    let manifest: Manifest = serde_json::from_reader(std::io::BufReader::new(file)).ok()?;
    let layer = manifest.layers.into_iter().find(|layer| layer.media_type == MODEL)?;
    let hash = layer.digest.strip_prefix("sha256:")?;
    let is_hash = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| folder.join("blobs").join(format!("sha256-{hash}")))
}
