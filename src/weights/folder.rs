//! Which weight files a path refers to.
//!
//! Finds single files, shards behind an index, and GGUF files with all their parts; refuses pickles and the formats of
//! other programs with advice. A file is known by its first bytes, whatever its name. Opens nothing but the index.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::{
    Config, WHY_NO_PICKLE, listed,
    mapped::{Mapped, unreadable},
    pairs::Pairs,
    parts::{MOST_PARTS, are_of_one, parts, text_models},
    safetensors, small,
};
use crate::text::visible::shown;

const WHOLE: &str = "model.safetensors";
pub const ADAPTER: &str = "adapter_config.json";
const INDEX: &str = "model.safetensors.index.json";

/// File extensions of pickles.
const PICKLES: [&str; 6] = ["bin", "pt", "pth", "ckpt", "pkl", "pickle"];

/// File extensions of weights that only other programs read.
const OTHERS: [&str; 6] = ["h5", "msgpack", "onnx", "ot", "npz", "tflite"];

/// File extensions of weights that are read.
const READ: [&str; 2] = ["safetensors", "gguf"];

/// The most folders searched for a hint.
const MOST_FOLDERS: usize = 100;

/// The largest index, in bytes.
const LONGEST_INDEX: usize = 100_000_000;

/// A model's weight files, by format.
pub enum CheckpointFiles {
    /// One file or several shards.
    Safetensors { folder: PathBuf, parts: Vec<Shard> },
    /// One file, or all parts in order.
    Gguf(Vec<PathBuf>),
}

impl CheckpointFiles {
    /// The weight files.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Safetensors { parts, .. } => {
                parts.iter().map(|part| part.path.as_path()).collect()
            }
            Self::Gguf(parts) => parts.iter().map(PathBuf::as_path).collect(),
        }
    }
}

/// A weight file, and the tensors that the index promises in it.
pub struct Shard {
    pub path: PathBuf,
    pub promised: Vec<String>,
}

/// # Errors
/// If the path refers to nothing readable; the message lists what is readable.
pub fn files(path: &Path) -> Result<CheckpointFiles> {
    let name = shown(&path.to_string_lossy());
    let kind = fs::metadata(path).map_err(|e| {
        let fetched = "nothing is fetched: give a folder or a file of this machine";
        anyhow!("{:#}; {fetched}", unreadable(path, &e))
    })?;
    if kind.is_dir() {
        return in_folder(path, &name);
    }
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    match form(path, kind.is_file()).as_str() {
        "safetensors" => single(path, folder),
        "gguf" => Ok(CheckpointFiles::Gguf(parts(path)?)),
        "json" if file_name(path).ends_with(".index.json") => sharded(path, folder),
        end if PICKLES.contains(&end) => Err(pickle(path)),
        _ => bail!(
            "{name} is not a readable checkpoint; give a folder with config.json and {WHOLE}, a \
             .safetensors file with config.json beside it, or a .gguf file"
        ),
    }
}

/// The form of a file by its first bytes, else by its extension. A pipe is not read.
fn form(path: &Path, is_file: bool) -> String {
    let mut start = [0; 9];
    let mut read = || File::open(path)?.read_exact(&mut start);
    match is_file && read().is_ok() {
        true if start.starts_with(b"GGUF") => "gguf".into(),
        true if safetensors::is_start(start) => "safetensors".into(),
        _ => extension(path),
    }
}

fn in_folder(folder: &Path, name: &str) -> Result<CheckpointFiles> {
    let is_there = |name: &str| folder.join(name).symlink_metadata().is_ok();
    refuse_adapter(folder)?;
    if is_there(WHOLE) {
        return single(&folder.join(WHOLE), folder.to_owned());
    }
    if is_there(INDEX) {
        return sharded(&folder.join(INDEX), folder.to_owned());
    }
    let inside = entries(folder).with_context(|| format!("{name} cannot be listed"))?;
    let of = |end: &str| -> Vec<PathBuf> {
        inside.iter().filter(|path| extension(path) == end).cloned().collect()
    };
    match (of("safetensors").as_slice(), text_models(&of("gguf")).as_slice()) {
        ([one], _) => single(one, folder.to_owned()),
        (shards @ [first, ..], _) if are_of_one(shards) => single(first, folder.to_owned()),
        ([], [one]) => Ok(CheckpointFiles::Gguf(parts(one)?)),
        ([], []) => Err(none(&inside, name)),
        ([], many) => bail!("{name} has {} models; give one of them: {}", many.len(), names(many)),
        (many, _) => bail!(
            "{name} has {} files of weights and no {INDEX}; give one of them: {}",
            many.len(),
            names(many)
        ),
    }
}

/// The error for a folder without readable weights; it names pickles, files of other programs, or a folder
/// below that has weights.
fn none(inside: &[PathBuf], name: &str) -> anyhow::Error {
    let of = |ends: &[&str]| inside.iter().find(|path| ends.contains(&extension(path).as_str()));
    if let Some(found) = of(&PICKLES) {
        return pickle(found);
    }
    if let Some(found) = of(&OTHERS) {
        return anyhow!(
            "{} holds weights in a form that is not supported; get the model's {WHOLE}, or a .gguf file",
            shown(&found.to_string_lossy())
        );
    }
    let hint = models(inside).first().map_or_else(String::new, |found| {
        format!("; there are some in {}: give that folder", shown(&found.to_string_lossy()))
    });
    anyhow!(
        "{name} has no weights; there is neither {WHOLE} nor {INDEX} nor a .gguf file in it{hint}"
    )
}

/// The folders among these that have weights, and the snapshots of a Hugging Face cache.
fn models(inside: &[PathBuf]) -> Vec<PathBuf> {
    let below = |path: &PathBuf| entries(path).unwrap_or_default();
    let snapshots = inside.iter().filter(|path| file_name(path) == "snapshots").flat_map(below);
    let folders = inside.iter().cloned().chain(snapshots).take(MOST_FOLDERS);
    let has_weights =
        |path: &PathBuf| below(path).iter().any(|p| READ.contains(&extension(p).as_str()));
    folders.filter(has_weights).collect()
}

fn pickle(path: &Path) -> anyhow::Error {
    anyhow!("{} is a pickle; {WHY_NO_PICKLE}", shown(&path.to_string_lossy()))
}

fn single(path: &Path, folder: PathBuf) -> Result<CheckpointFiles> {
    refuse_adapter(&folder)?;
    if let Some(index) = index_naming(path, &folder) {
        bail!(
            "{} is one part of a model; give its folder, or {}",
            shown(&path.to_string_lossy()),
            shown(&index.to_string_lossy())
        );
    }
    // Without an index their names say which files belong together.
    let shard = |path| Shard { path, promised: vec![] };
    let parts = parts(path)?.into_iter().map(shard).collect();
    Ok(CheckpointFiles::Safetensors { folder, parts })
}

/// Refuses what was trained to be added to a model, and says to which.
fn refuse_adapter(folder: &Path) -> Result<()> {
    let is_there = |name: &str| folder.join(name).symlink_metadata().is_ok();
    if is_there("config.json") || !is_there(ADAPTER) {
        return Ok(());
    }
    let settings = Config::from_json(ADAPTER.into(), &small(folder, ADAPTER)?.unwrap_or_default())?;
    let base = settings.string("base_model_name_or_path").ok().filter(|base| !base.is_empty());
    let named = base.map_or_else(
        || "a model that it does not name".into(),
        |base| format!("`{}`", shown(base)),
    );
    let name = shown(&folder.to_string_lossy());
    bail!(
        "{name} is an adapter ({}), not a model: it changes {named}; give the model and then the adapter: \
         --model {} --adapter {name}",
        shown(settings.string_or("peft_type", "PEFT")?),
        base.map_or_else(|| "MODEL".into(), shown)
    )
}

/// The index beside a file whose name says that it is one of several shards.
fn index_naming(path: &Path, folder: &Path) -> Option<PathBuf> {
    let index = folder.join(INDEX);
    let is_part = file_name(path).contains("-of-");
    (is_part && index.exists()).then_some(index)
}

/// The entries of a folder, sorted by name.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let found = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<PathBuf> = found.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

#[derive(serde::Deserialize)]
struct Index {
    weight_map: Pairs<String>,
}

/// The shards that an index names, in the order of first mention.
fn sharded(index: &Path, folder: PathBuf) -> Result<CheckpointFiles> {
    let file = Mapped::open(index)?;
    ensure!(file.bytes().len() <= LONGEST_INDEX, "{} is larger than any index", file.name);
    let parsed: Index = serde_json::from_slice(file.bytes()).map_err(|e| {
        anyhow!("{} is not an index of tensors: {}", file.name, shown(&e.to_string()))
    })?;
    let Pairs(map) = parsed.weight_map;
    ensure!(!map.is_empty(), "{} names no tensor", file.name);
    let mut parts: Vec<Shard> = vec![];
    let mut known: HashMap<String, usize> = HashMap::new();
    for (tensor, part) in map {
        if !known.contains_key(&part) {
            parts.push(Shard { path: beside(&folder, &part, &file.name)?, promised: vec![] });
            known.insert(part.clone(), parts.len() - 1);
        }
        parts[known[&part]].promised.push(tensor);
    }
    ensure!(parts.len() <= MOST_PARTS, "{} names {} files", file.name, parts.len());
    let is_missing = |part: &&Shard| part.path.symlink_metadata().is_err();
    let missing: Vec<String> = parts.iter().filter(is_missing).map(shown_part).collect();
    ensure!(
        missing.is_empty(),
        "{} names files that are missing; fetch them too:{}",
        file.name,
        listed(&missing)
    );
    Ok(CheckpointFiles::Safetensors { folder, parts })
}

fn shown_part(part: &Shard) -> String {
    shown(&part.path.to_string_lossy())
}

/// A shard's path: a plain file name inside the folder.
fn beside(folder: &Path, part: &str, index: &str) -> Result<PathBuf> {
    let is_plain = Path::new(part).file_name().is_some_and(|name| name == part);
    ensure!(
        is_plain && extension(Path::new(part)) == "safetensors",
        "{index} names the file `{}`, which is not a .safetensors file in its folder",
        shown(part)
    );
    Ok(folder.join(part))
}

/// The file extension in lower case, without the dot.
pub fn extension(path: &Path) -> String {
    path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

pub fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn names(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| shown(&file_name(path))).collect();
    names.join(", ")
}
