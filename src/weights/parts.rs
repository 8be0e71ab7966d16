//! The parts of a split file, known by their names: `NAME-00001-of-00003.gguf`; of safetensors too.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::listed;
use crate::text::visible::shown;

/// The most files of one model.
pub const MOST_PARTS: usize = 4096;

/// What the name of a part says.
#[derive(Debug, PartialEq, Eq)]
struct PartName<'a> {
    stem: &'a str,
    /// Counted from 1.
    number: usize,
    of: usize,
}

impl<'a> PartName<'a> {
    /// None if the file is not one of several parts.
    fn of(path: &'a Path) -> Option<Self> {
        let (stem, of) = path.file_stem()?.to_str()?.rsplit_once("-of-")?;
        let (stem, number) = stem.rsplit_once('-')?;
        let is_number = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
        if !(is_number(number) && is_number(of)) {
            return None;
        }
        let (number, of) = (number.parse().ok()?, of.parse().ok()?);
        (1..=of).contains(&number).then_some(Self { stem, number, of })
    }
}

/// All parts of a model, in order, given any of them; the file alone if it is whole.
///
/// # Errors
/// If parts are missing; the message lists them.
pub fn parts(path: &Path) -> Result<Vec<PathBuf>> {
    let Some(PartName { stem, of, .. }) = PartName::of(path) else {
        return Ok(vec![path.to_owned()]);
    };
    let name = shown(&path.to_string_lossy());
    ensure!(of <= MOST_PARTS, "{name} is one of {of} parts, the limit is {MOST_PARTS}");
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let part = |i| path.with_file_name(format!("{stem}-{i:05}-of-{of:05}.{extension}"));
    let all: Vec<PathBuf> = (1..=of).map(part).collect();
    let missing = all.iter().filter(|path| path.symlink_metadata().is_err());
    let missing: Vec<String> = missing.map(|path| shown(&path.to_string_lossy())).collect();
    ensure!(
        missing.is_empty(),
        "{name} is one of {of} parts of a model; fetch the others too:{}",
        listed(&missing)
    );
    Ok(all)
}

/// One file of each text model among GGUF files: whole files, and the first part of what is split. The part that sees
/// pictures (`mmproj`) is none.
pub fn text_models(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut models: Vec<PathBuf> = vec![];
    for file in files.iter().filter(|file| !is_projector(file)) {
        if !models.iter().any(|model| are_parts_of_one(model, file)) {
            models.push(file.clone());
        }
    }
    models
}

/// Whether these files are parts of one model; not all of them need be there.
pub fn are_of_one(files: &[PathBuf]) -> bool {
    files.first().is_some_and(|first| files.iter().all(|file| are_parts_of_one(first, file)))
}

fn is_projector(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().contains("mmproj"))
}

fn are_parts_of_one(a: &Path, b: &Path) -> bool {
    let both = PartName::of(a).zip(PartName::of(b));
    a.parent() == b.parent() && both.is_some_and(|(a, b)| (a.stem, a.of) == (b.stem, b.of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_names_are_parts() {
        let of = |name| PartName::of(Path::new(name)).map(|part| (part.stem, part.number, part.of));
        assert_eq!(of("a/m-q4-00002-of-00003.gguf"), Some(("m-q4", 2, 3)));
        for whole in ["m.gguf", "m-of-3.gguf", "m-00004-of-00003.gguf", "m-00000-of-00003.gguf"] {
            assert_eq!(of(whole), None, "{whole}");
        }
        assert_eq!(of("m-0000\u{661}-of-00003.gguf"), None);
    }

    #[test]
    fn parts_and_projectors_are_not_models_of_their_own() {
        let files = ["mmproj-f16.gguf", "m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "n.gguf"];
        let found = text_models(&files.map(PathBuf::from));
        assert_eq!(found, [files[1], files[3]].map(PathBuf::from));
        assert!(are_of_one(&[files[1], files[2]].map(PathBuf::from)));
        assert!(!are_of_one(&[files[1], files[3]].map(PathBuf::from)));
        assert!(!are_of_one(&[files[3], files[3]].map(PathBuf::from)));
    }
}
