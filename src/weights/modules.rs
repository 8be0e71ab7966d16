//! The modules of a sentence-transformers folder: what is done with the rows of the last layer.

use std::path::{Component, Path, PathBuf};

use anyhow::{Result, anyhow, ensure};
use serde::Deserialize;

use super::{Config, small};
use crate::text::visible::shown;

const LIST: &str = "modules.json";

/// The settings of the transformer that stands before the other modules, under the names that they have had.
pub const OF_TRANSFORMER: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// The folder of the pooling's settings, where there is no list.
const POOLING: &str = "1_Pooling";

/// The most modules; real folders have four.
const MOST_MODULES: usize = 32;

/// A module after the transformer.
#[derive(Clone, Debug)]
pub struct SentenceModule {
    /// The last part of its type: `Pooling`, `Dense`, `Normalize`. Not safe to show.
    pub kind: String,
    /// Its folder: `1_Pooling`.
    pub folder: String,
    pub settings: Config,
}

/// An entry of the list.
#[derive(Deserialize)]
struct Entry {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Entry {
    /// The last part of its type.
    fn kind(&self) -> &str {
        self.kind.rsplit('.').next().unwrap_or_default()
    }

    fn is_transformer(&self) -> bool {
        self.kind() == "Transformer"
    }
}

/// Where the transformer itself lies: in the folder of the model, or, as older lists have it, in one within, `0_Transformer`.
///
/// # Errors
/// If the list is damaged, or names what is not a folder inside this one.
pub fn body(folder: &Path) -> Result<PathBuf> {
    let list = if folder.is_dir() { entries(folder)? } else { None };
    let transformer = list.into_iter().flatten().find(Entry::is_transformer);
    Ok(transformer.map_or_else(|| folder.to_owned(), |entry| folder.join(entry.path)))
}

/// The folder with the modules, given that of the transformer.
///
/// # Errors
/// If a list is damaged.
pub fn root(body: &Path) -> Result<PathBuf> {
    let above = body.parent().zip(body.file_name()).filter(|_| !body.join(LIST).exists());
    let Some((above, name)) = above else { return Ok(body.to_owned()) };
    let list = entries(above)?;
    let is_named = |entry: &Entry| entry.is_transformer() && Path::new(&entry.path) == name;
    let is_root = list.is_some_and(|list| list.iter().any(is_named));
    Ok(if is_root { above } else { body }.to_owned())
}

/// The list of a folder; None if it has none.
///
/// # Errors
/// If it is damaged, or names what is not a folder inside this one.
fn entries(folder: &Path) -> Result<Option<Vec<Entry>>> {
    let Some(list) = small(folder, LIST)? else { return Ok(None) };
    let name = shown(&folder.join(LIST).to_string_lossy());
    let entries: Vec<Entry> = serde_json::from_slice(&list)
        .map_err(|e| anyhow!("{name} is not a list of modules: {}", shown(&e.to_string())))?;
    ensure!(entries.len() <= MOST_MODULES, "{name} lists {} modules", entries.len());
    for Entry { path, .. } in &entries {
        let mut parts = Path::new(path).components();
        let is_plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        ensure!(
            is_plain || path.is_empty(),
            "{name} names `{}`, which is not a folder in its own",
            shown(path)
        );
    }
    Ok(Some(entries))
}

/// The modules after the transformer, in order; None if the folder has none. Without a list, those that every folder had
/// before there were others: pooling, then vectors of length 1.
///
/// # Errors
/// If the list is damaged, or names what is not a folder inside this one.
pub fn modules(folder: &Path) -> Result<Option<Vec<SentenceModule>>> {
    let Some(list) = entries(folder)? else { return without_list(folder) };
    let others = list.into_iter().filter(|entry| !entry.is_transformer());
    let module = |entry: Entry| {
        let (kind, settings) = (entry.kind().to_owned(), settings(folder, &entry.path)?);
        Ok(SentenceModule { kind, settings, folder: entry.path })
    };
    others.map(module).collect::<Result<_>>().map(Some)
}

fn without_list(folder: &Path) -> Result<Option<Vec<SentenceModule>>> {
    let module = |kind: &str, path: &str| {
        let settings = settings(folder, path)?;
        Ok::<_, anyhow::Error>(SentenceModule { kind: kind.into(), folder: path.into(), settings })
    };
    if folder.join(POOLING).join("config.json").symlink_metadata().is_err() {
        return Ok(None);
    }
    Ok(Some(vec![module("Pooling", POOLING)?, module("Normalize", "2_Normalize")?]))
}

/// The settings of a module; none if it has no file of them.
fn settings(folder: &Path, path: &str) -> Result<Config> {
    let within = folder.join(path);
    let name = shown(&within.join("config.json").to_string_lossy());
    let is_own = !path.is_empty() && within.is_dir();
    let text = if is_own { small(&within, "config.json")? } else { None };
    Config::from_json(name, text.as_deref().unwrap_or(b"{}"))
}
