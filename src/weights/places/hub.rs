//! Folders of repositories: the cache of Hugging Face, and LM Studio's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{LocalModel, ModelPlace};
use crate::weights::{
    folder::{entries, extension, file_name},
    parts::text_models,
};

/// How the folder of a repository of models begins: `models--OWNER--NAME`.
const MODELS: &str = "models--";

const SNAPSHOTS: &str = "snapshots";

/// The longest content of a reference, in bytes: a hash.
const LONGEST_REFERENCE: u64 = 256;

/// The models in a cache of Hugging Face.
pub fn cached(cache: &Path) -> Vec<LocalModel> {
    let repositories = entries(cache).unwrap_or_default().into_iter();
    let models = repositories.filter_map(|path| {
        let name = name_of(&path)?;
        Some(of_repository(&snapshot(&path)?, &name, ModelPlace::HuggingFace))
    });
    models.flatten().collect()
}

/// The models in LM Studio's folder: `PUBLISHER/REPOSITORY`.
pub fn of_publishers(folder: &Path) -> Vec<LocalModel> {
    let publishers = folders(folder).into_iter();
    let repositories = publishers.flat_map(|publisher| folders(&publisher));
    let models = repositories.flat_map(|path| {
        let publisher = path.parent().map(file_name).unwrap_or_default();
        let name = format!("{publisher}/{}", file_name(&path));
        of_repository(&path, &name, ModelPlace::LmStudio)
    });
    models.collect()
}

/// The repository that a folder is a snapshot of, by its path: `OWNER/NAME`.
pub fn repository(snapshot: &Path) -> Option<String> {
    let snapshots = snapshot.parent().filter(|parent| file_name(parent) == SNAPSHOTS)?;
    name_of(snapshots.parent()?)
}

fn name_of(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_str()?.strip_prefix(MODELS)?;
    Some(name.replacen("--", "/", 1))
}

/// The snapshot that the main branch stands at; the only one, if there is no such branch.
fn snapshot(repository: &Path) -> Option<PathBuf> {
    let snapshots = repository.join(SNAPSHOTS);
    let all = || folders(&snapshots);
    main_branch(&repository.join("refs/main"))
        .and_then(|hash| all().into_iter().find(|path| file_name(path) == hash))
        .or_else(|| Some(all()).filter(|all| all.len() == 1)?.pop())
}

/// The hash that a branch stands at.
fn main_branch(path: &Path) -> Option<String> {
    let kind = fs::metadata(path).ok()?;
    let is_small = kind.is_file() && kind.len() <= LONGEST_REFERENCE;
    let text = is_small.then(|| fs::read_to_string(path).ok()).flatten()?;
    Some(text.trim().to_owned())
}

/// The models of a repository: the folder itself, or each GGUF model in it.
fn of_repository(folder: &Path, name: &str, place: ModelPlace) -> Vec<LocalModel> {
    let inside = entries(folder).unwrap_or_default();
    let below = folders(folder).into_iter().flat_map(|f| entries(&f).unwrap_or_default());
    let has_safetensors = inside.iter().any(|path| extension(path) == "safetensors");
    let mut ggufs: Vec<PathBuf> = inside.iter().cloned().chain(below).collect();
    ggufs.retain(|path| extension(path) == "gguf");
    let ggufs = if has_safetensors { vec![] } else { text_models(&ggufs) };
    let model = |name: String, path: &Path| LocalModel {
        name,
        place,
        path: path.to_owned(),
        obstacle: None,
        has_foreign_template: false,
    };
    match ggufs.as_slice() {
        [] if inside.is_empty() => vec![],
        [] => vec![model(name.to_owned(), folder)],
        [one] => vec![model(name.to_owned(), one)],
        many => {
            let file =
                |path: &Path| path.strip_prefix(folder).unwrap_or(path).display().to_string();
            many.iter().map(|path| model(format!("{name}/{}", file(path)), path)).collect()
        }
    }
}

/// The folders in a folder, sorted by name.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut all = entries(folder).unwrap_or_default();
    all.retain(|path| path.is_dir());
    all
}
