//! Files of weights -> named, shape-checked values.
//!
//! A [`Checkpoint`] is a model that somebody has on disk: its settings, its tensors, what its
//! tokenizer is made from. Whatever the format, settings have the names of Hugging Face's
//! config.json and tensors those of its models. Nothing in a file is believed: lengths, offsets and
//! counts are compared with the file's size before anything is made of them. Weights stay in their
//! file, which is mapped into memory.

mod config;
mod dtype;
mod embedded;
mod folder;
mod gguf;
mod mapped;
pub mod memory;
mod packed;
mod pairs;
mod safetensors;
mod tensor;
mod wanted;
mod weights;

pub use config::Config;
pub use dtype::{Dtype, Format};
pub use packed::{Copied, Packed};
pub use tensor::TensorInfo;
pub use wanted::{Layout, Wanted};
pub use weights::Weights;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value as Json;

use crate::text::{GgufVocab, visible};
use embedded::file as built_in;
use folder::{Files, Part, files};
use mapped::Mapped;
use packed::Order;
use pairs::{MOST_TENSORS, Pairs};
use tensor::{checked_shape, dimensions, n_bytes, no_overlap};

/// Why a pickle is not opened, and what to do with it.
const WHY_NO_PICKLE: &str = "such files can run code when they are opened, so they are not read; \
    convert it in Python, where you trust it: `m = transformers.AutoModel.from_pretrained(FOLDER)`, \
    `m.save_pretrained(NEW_FOLDER)`; or, of a bare state dict, `d = torch.load(FILE, weights_only=True)`, \
    `safetensors.torch.save_file(d, \"model.safetensors\")`";

/// The most bytes of a small JSON file, a tokenizer's included.
const LONGEST_JSON: usize = 256 << 20;

/// A model on disk, opened and checked, but not yet read.
pub struct Checkpoint {
    path: PathBuf,
    is_gguf: bool,
    config: Config,
    tensors: Vec<TensorInfo>,
    /// Where each tensor stands in the list.
    places: HashMap<String, usize>,
    tokenizer: TokenizerSource,
    /// The small files beside the weights.
    beside: HashMap<&'static str, Json>,
}

/// What a tokenizer is made from.
#[derive(Clone, Debug)]
pub enum TokenizerSource {
    /// The bytes of tokenizer.json.
    Json(Vec<u8>),
    /// The vocabulary of a GGUF file.
    Gguf(Box<GgufVocab>),
    None,
}

/// Small files that say more about the tokenizer, the writing of text and the pooling of vectors.
const BESIDE: [&str; 4] =
    ["tokenizer_config.json", "special_tokens_map.json", "generation_config.json", POOLING];

/// How sentence-transformers makes one vector of a sentence's.
pub const POOLING: &str = "1_Pooling/config.json";

impl Checkpoint {
    /// Opens a Hugging Face folder, a .safetensors file with config.json beside it, or a GGUF file.
    ///
    /// # Errors
    /// Naming file, tensor and fault.
    pub fn open(path: &Path) -> Result<Self> {
        match files(path)? {
            Files::Safetensors { folder, parts } => Self::hugging_face(path, &folder, parts),
            Files::Gguf(file) => Self::gguf(path, &file),
        }
    }

    fn gguf(path: &Path, file: &Path) -> Result<Self> {
        let gguf::Gguf { config, tensors, vocab } = gguf::open(file)?;
        let tokenizer =
            vocab.map_or(TokenizerSource::None, |vocab| TokenizerSource::Gguf(Box::new(vocab)));
        Self {
            path: path.to_owned(),
            is_gguf: true,
            config,
            tensors,
            places: HashMap::new(),
            tokenizer,
            beside: HashMap::new(),
        }
        .indexed()
    }

    fn hugging_face(path: &Path, folder: &Path, parts: Vec<Part>) -> Result<Self> {
        let config = folder.join("config.json");
        ensure!(
            config.exists(),
            "{} is missing; without it nothing is known of the model; put it beside the weights",
            shown(&config.to_string_lossy())
        );
        let name = shown(&config.to_string_lossy());
        let config = Config::from_json(name, &small(folder, "config.json")?.unwrap_or_default())?;
        let mut tensors = vec![];
        for part in parts {
            let file = Arc::new(Mapped::open(&part.path)?);
            tensors.extend(promised(&file, safetensors::tensors(&file)?, &part.promised)?);
        }
        let tokenizer = match small(folder, "tokenizer.json")? {
            Some(bytes) => TokenizerSource::Json(bytes),
            None => TokenizerSource::None,
        };
        let beside = beside(folder)?;
        Self {
            path: path.to_owned(),
            is_gguf: false,
            config,
            tensors,
            places: HashMap::new(),
            tokenizer,
            beside,
        }
        .indexed()
    }

    /// Every tensor under its name.
    fn indexed(mut self) -> Result<Self> {
        for (i, tensor) in self.tensors.iter().enumerate() {
            if let Some(first) = self.places.insert(tensor.name.clone(), i) {
                let first = self.tensors[first].file();
                let where_else = if first == tensor.file() { "" } else { first };
                bail!(
                    "{}: there are two tensors `{}` {where_else}; the file is damaged, fetch it again",
                    tensor.file(),
                    tensor.shown()
                );
            }
        }
        Ok(self)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of its folder or file, safe to show.
    pub fn title(&self) -> String {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let whole = || self.path.canonicalize().ok();
        let found = name(&self.path).or_else(|| name(&whole()?));
        found.map_or_else(|| "model".into(), |name| shown(&name))
    }

    /// Whether its names and settings are translated.
    pub const fn is_gguf(&self) -> bool {
        self.is_gguf
    }

    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// All tensors, in the order of their files.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// What the weights take in their files.
    pub fn n_bytes(&self) -> u64 {
        self.tensors.iter().map(|t| t.n_bytes as u64).sum()
    }

    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.places.get(name).map(|&i| &self.tensors[i])
    }

    pub const fn tokenizer(&self) -> &TokenizerSource {
        &self.tokenizer
    }

    /// The content of `tokenizer_config.json`, `special_tokens_map.json`,
    /// `generation_config.json` or [`POOLING`], where there is such a file.
    pub fn beside(&self, name: &str) -> Option<&Json> {
        self.beside.get(name)
    }
}

/// That a part has every tensor which the index promises of it.
fn promised(
    file: &Mapped,
    tensors: Vec<TensorInfo>,
    promised: &[String],
) -> Result<Vec<TensorInfo>> {
    let here: std::collections::HashSet<&str> = tensors.iter().map(|t| t.name.as_str()).collect();
    let lacking: Vec<&String> = promised.iter().filter(|n| !here.contains(n.as_str())).collect();
    if let Some(first) = lacking.first() {
        let more = match lacking.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        bail!(
            "{}: tensor `{}`{more} is missing, although the index promises it",
            file.name,
            shown(first)
        );
    }
    Ok(tensors)
}

/// The bytes of a small file in a folder, if there is one.
fn small(folder: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let path = folder.join(name);
    if !path.exists() {
        return Ok(None);
    }
    let file = Mapped::open(&path)?;
    let size = file.bytes().len();
    ensure!(size <= LONGEST_JSON, "{} has {size} bytes, the limit is {LONGEST_JSON}", file.name);
    Ok(Some(file.bytes().to_vec()))
}

fn beside(folder: &Path) -> Result<HashMap<&'static str, Json>> {
    let mut found = HashMap::new();
    for name in BESIDE {
        let Some(bytes) = small(folder, name)? else { continue };
        let parsed =
            serde_json::from_slice(&bytes).map_err(|e| anyhow::anyhow!(shown(&e.to_string())));
        found.insert(
            name,
            parsed.with_context(|| {
                format!("{} is no JSON", shown(&folder.join(name).to_string_lossy()))
            })?,
        );
    }
    Ok(found)
}

/// A name or a path from outside, safe to show and not too long.
fn shown(text: &str) -> String {
    const LONGEST: usize = 300;
    let cut: String = text.chars().take(LONGEST).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    visible(&cut) + dots
}
