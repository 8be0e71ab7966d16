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

/// The layers with the weights, with an adapter of them, and with the template of chats.
const MODEL: &str = "application/vnd.ollama.image.model";
const ADAPTER: &str = "application/vnd.ollama.image.adapter";
const TEMPLATE: &str = "application/vnd.ollama.image.template";

/// Why a model with an adapter is not opened: without it, it is another.
const HAS_ADAPTER: &str = "its manifest has an adapter (a layer of type image.adapter), which is not read; give its base \
    model, or the base with a folder of PEFT's by --adapter";

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
        let manifest = manifest(path);
        let has = |kind| manifest.as_ref().is_some_and(|manifest| manifest.layer(kind).is_some());
        // A manifest that names no weights is a model too, which does not open.
        let blob = manifest.as_ref().and_then(|manifest| manifest.blob(folder));
        Some(LocalModel {
            name,
            place: ModelPlace::Ollama,
            path: blob.unwrap_or_else(|| path.clone()),
            obstacle: has(ADAPTER).then_some(HAS_ADAPTER),
            has_foreign_template: has(TEMPLATE),
        })
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

fn manifest(path: &Path) -> Option<Manifest> {
    let kind = fs::metadata(path).ok()?;
    let is_small = kind.is_file() && kind.len() <= LONGEST_MANIFEST;
    let file = is_small.then(|| File::open(path).ok()).flatten()?;
    serde_json::from_reader(std::io::BufReader::new(file)).ok()
}

impl Manifest {
    fn layer(&self, kind: &str) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.media_type == kind)
    }

    /// The file of the weights.
    fn blob(&self, folder: &Path) -> Option<PathBuf> {
        let hash = self.layer(MODEL)?.digest.strip_prefix("sha256:")?;
        let is_hash = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| folder.join("blobs").join(format!("sha256-{hash}")))
    }
}
