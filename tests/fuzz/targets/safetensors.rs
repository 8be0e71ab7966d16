//! A safetensors file: it is opened and all its tensors are read, or it is refused.

use std::{fs, sync::LazyLock};

use super::{bounded, folder, read_all};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = folder();
    fs::write(folder.path().join("config.json"), "{}").expect("there is room");
    folder
});

pub fn run(bytes: &[u8]) {
    let path = FOLDER.path().join("model.safetensors");
    fs::write(&path, bytes).expect("there is room");
    bounded(|| read_all(&path));
}
