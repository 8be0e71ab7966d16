//! A safetensors file: it is opened and all its tensors are read, or it is refused.
#![no_main]

use std::{fs, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use lookback_fuzz::{bounded, folder, read_all};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = folder();
    fs::write(folder.path().join("config.json"), "{}").expect("there is room");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.path().join("model.safetensors");
    fs::write(&path, bytes).expect("there is room");
    bounded(|| read_all(&path));
});
