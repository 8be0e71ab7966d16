//! What config.json, or the header of a GGUF file, says of a checkpoint: its architecture, and what keeps it from being
//! read. No weight is looked at.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::{
    Config,
    folder::{CheckpointFiles, files},
    gguf::{self, HeaderPeek},
    small,
};

/// What is known of a checkpoint before it is opened.
#[derive(Clone, Debug, Default)]
pub struct Peek {
    /// Hugging Face's `model_type`. Not safe to show.
    pub architecture: Option<String>,
    /// The size of its files of weights, in bytes.
    pub n_bytes: u64,
    /// Why it cannot be opened, as far as this is known.
    pub obstacle: Option<String>,
}

impl Peek {
    /// What the headers at a path say.
    pub fn at(path: &Path) -> Self {
        let found = match files(path) {
            Ok(found) => found,
            Err(why) => return Self { obstacle: Some(format!("{why:#}")), ..Self::default() },
        };
        let read = match &found {
            CheckpointFiles::Safetensors { folder, .. } => of_folder(folder),
            CheckpointFiles::Gguf(parts) => gguf::peek(parts),
        };
        let size = |path: &&Path| fs::metadata(path).map_or(0, |kind| kind.len());
        let n_bytes = found.paths().iter().map(size).sum();
        let damaged = |why| HeaderPeek { architecture: None, obstacle: Some(format!("{why:#}")) };
        let HeaderPeek { architecture, obstacle } = read.unwrap_or_else(damaged);
        Self { architecture, n_bytes, obstacle }
    }
}

/// Files that are enough for a tokenizer.
const TOKENIZERS: [&[&str]; 9] = [
    &["tokenizer.json"],
    &["tokenizer.model"],
    &["spiece.model"],
    &["sentencepiece.bpe.model"],
    &["spm.model"],
    &["source.spm", "vocab.json"],
    &["vocab.json", "merges.txt"],
    &["vocab.txt"],
    &["tekken.json"],
];

fn of_folder(folder: &Path) -> Result<HeaderPeek> {
    let config = small(folder, "config.json")?.context("config.json is missing")?;
    let config = Config::from_json("config.json".into(), &config)?.of_text();
    let architecture = config.string("model_type").ok().map(str::to_owned);
    let has = |name: &&str| folder.join(name).symlink_metadata().is_ok();
    let no_tokenizer = !TOKENIZERS.iter().any(|names| names.iter().all(has));
    let obstacle = config
        .quantization()
        .or_else(|| no_tokenizer.then(|| "its tokenizer is missing".to_owned()));
    Ok(HeaderPeek { architecture, obstacle })
}
