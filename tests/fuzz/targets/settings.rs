//! The settings file and the memory of walks: each is read, or refused.

use std::{fs, sync::LazyLock};

use super::{answered, bounded, folder};
use lookback::{cli::settings, ui::memory::Memory};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(folder);

pub fn run(bytes: &[u8]) {
    let path = FOLDER.path().join("file.toml");
    fs::write(&path, bytes).expect("there is room");
    bounded(|| {
        answered(settings::load(&path));
        let Some(memory) = answered(Memory::load(&path)) else { return };
        answered(memory.save(&path));
        assert_eq!(answered(Memory::load(&path)), Some(memory));
    });
}
