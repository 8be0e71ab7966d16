//! The modules of a sentence-transformers folder: what is done with the rows of the last layer.

use std::path::{Component, Path};

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

/// The modules after the transformer, in order; None if the folder has none. Without a list, those that every folder had
/// before there were others: pooling, then vectors of length 1.
///
/// # Errors
/// If the list is damaged, or names what is no folder inside this one.
pub fn modules(folder: &Path) -> Result<Option<Vec<SentenceModule>>> {
    let Some(list) = small(folder, LIST)? else { return without_list(folder) };
    let name = shown(&folder.join(LIST).to_string_lossy());
    let entries: Vec<Entry> = serde_json::from_slice(&list)
        .map_err(|e| anyhow!("{name} is not a list of modules: {}", shown(&e.to_string())))?;
    ensure!(entries.len() <= MOST_MODULES, "{name} lists {} modules", entries.len());
    let mut found = vec![];
    for Entry { path, kind } in entries {
        let mut parts = Path::new(&path).components();
        let is_plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        ensure!(
            is_plain || path.is_empty(),
            "{name} names `{}`, which is not a folder in its own",
            shown(&path)
        );
        let kind = kind.rsplit('.').next().unwrap_or_default().to_owned();
        if kind != "Transformer" {
            found.push(SentenceModule { settings: settings(folder, &path)?, kind, folder: path });
        }
    }
    Ok(Some(found))
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
