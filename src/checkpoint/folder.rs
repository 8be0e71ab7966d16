//! Which files a path means.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::{Mapped, Pairs, WHY_NO_PICKLE, shown};

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Ends of names of files that Python unpickles.
const PICKLES: [&str; 6] = ["bin", "pt", "pth", "ckpt", "pkl", "pickle"];

/// No model comes in more files.
const MOST_SHARDS: usize = 4096;

/// The most bytes of an index.
const LONGEST_INDEX: usize = 100_000_000;

/// A model's files of weights, by format.
pub enum Files {
    /// One file, or parts with the tensors that the index promises of each.
    Safetensors {
        folder: PathBuf,
        parts: Vec<Part>,
    },
    Gguf(PathBuf),
}

/// A file of weights, and which tensors it must have.
pub struct Part {
    pub path: PathBuf,
    pub promised: Vec<String>,
}

/// # Errors
/// If the path leads to nothing that is read; the message says what is.
pub fn files(path: &Path) -> Result<Files> {
    let name = shown(&path.to_string_lossy());
    let kind = fs::metadata(path).with_context(|| format!("{name} cannot be read"))?;
    if kind.is_dir() {
        return in_folder(path, &name);
    }
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    match ending(path) {
        Some("safetensors") => single(path, folder),
        Some("gguf") => Ok(Files::Gguf(path.to_owned())),
        Some("json") if file_name(path).ends_with(".index.json") => sharded(path, folder),
        Some(end) if PICKLES.contains(&end) => Err(pickle(path)),
        _ => bail!(
            "{name} is no checkpoint that is read; give a folder with config.json and {WHOLE}, a \
             .safetensors file with config.json beside it, or a .gguf file"
        ),
    }
}

fn in_folder(folder: &Path, name: &str) -> Result<Files> {
    if folder.join(WHOLE).exists() {
        return single(&folder.join(WHOLE), folder.to_owned());
    }
    if folder.join(INDEX).exists() {
        return sharded(&folder.join(INDEX), folder.to_owned());
    }
    let inside = listed(folder).with_context(|| format!("{name} cannot be listed"))?;
    let of = |end: &str| -> Vec<&PathBuf> {
        inside.iter().filter(|path| ending(path) == Some(end)).collect()
    };
    match (of("safetensors").as_slice(), of("gguf").as_slice()) {
        ([one], _) => single(one, folder.to_owned()),
        ([], [one]) => Ok(Files::Gguf((*one).clone())),
        ([], []) => Err(none(&inside, name)),
        ([], many) | (many, _) => bail!(
            "{name} has {} files of weights and no {INDEX}; give one of them: {}",
            many.len(),
            names(many)
        ),
    }
}

/// A folder without weights that are read; perhaps there are pickled ones.
fn none(inside: &[PathBuf], name: &str) -> anyhow::Error {
    let is_pickle = |path: &&PathBuf| ending(path).is_some_and(|end| PICKLES.contains(&end));
    inside.iter().find(is_pickle).map_or_else(
        || {
            anyhow!(
                "{name} has no weights; there is neither {WHOLE} nor {INDEX} nor a .gguf file in it"
            )
        },
        |found| pickle(found),
    )
}

fn pickle(path: &Path) -> anyhow::Error {
    anyhow!("{} is a pickle; {WHY_NO_PICKLE}", shown(&path.to_string_lossy()))
}

fn single(path: &Path, folder: PathBuf) -> Result<Files> {
    if let Some(index) = index_naming(path, &folder) {
        bail!(
            "{} is one part of a model; give its folder, or {}",
            shown(&path.to_string_lossy()),
            shown(&index.to_string_lossy())
        );
    }
    let whole = Part { path: path.to_owned(), promised: vec![] };
    Ok(Files::Safetensors { folder, parts: vec![whole] })
}

/// The index beside a file that is one of several parts by its name.
fn index_naming(path: &Path, folder: &Path) -> Option<PathBuf> {
    let index = folder.join(INDEX);
    let is_part = file_name(path).contains("-of-");
    (is_part && index.exists()).then_some(index)
}

/// What stands in a folder, in the order of names.
fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

#[derive(serde::Deserialize)]
struct Index {
    weight_map: Pairs<String>,
}

/// The parts that an index names, in the order in which it first names them.
fn sharded(index: &Path, folder: PathBuf) -> Result<Files> {
    let file = Mapped::open(index)?;
    ensure!(file.bytes().len() <= LONGEST_INDEX, "{} is larger than any index", file.name);
    let parsed: Index = serde_json::from_slice(file.bytes())
        .map_err(|e| anyhow!("{} is no index of tensors: {}", file.name, shown(&e.to_string())))?;
    let Pairs(map) = parsed.weight_map;
    ensure!(!map.is_empty(), "{} names no tensor", file.name);
    let mut parts: Vec<Part> = vec![];
    let mut known: HashMap<String, usize> = HashMap::new();
    for (tensor, part) in map {
        if !known.contains_key(&part) {
            parts.push(Part { path: beside(&folder, &part, &file.name)?, promised: vec![] });
            known.insert(part.clone(), parts.len() - 1);
        }
        parts[known[&part]].promised.push(tensor);
    }
    ensure!(parts.len() <= MOST_SHARDS, "{} names {} files", file.name, parts.len());
    Ok(Files::Safetensors { folder, parts })
}

/// A part's path: a file of that name in the folder and nowhere else.
fn beside(folder: &Path, part: &str, index: &str) -> Result<PathBuf> {
    let is_plain = Path::new(part).file_name().is_some_and(|name| name == part);
    ensure!(
        is_plain && ending(Path::new(part)) == Some("safetensors"),
        "{index} names the file `{}`, which is no .safetensors file in its folder",
        shown(part)
    );
    let path = folder.join(part);
    ensure!(
        path.exists(),
        "{} is missing, although {index} names it; fetch it too",
        shown(&path.to_string_lossy())
    );
    Ok(path)
}

fn ending(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn names(paths: &[&PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| shown(&file_name(path))).collect();
    names.join(", ")
}
