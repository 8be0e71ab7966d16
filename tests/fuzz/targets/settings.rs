//! The settings file and the memory of walks: each is read, or refused.
#![no_main]

use std::{fs, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use lookback::{cli::settings, ui::memory::Memory};
use lookback_fuzz::{answered, bounded, folder};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(folder);

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.path().join("file.toml");
    fs::write(&path, bytes).expect("there is room");
    bounded(|| {
        answered(settings::load(&path));
        let Some(memory) = answered(Memory::load(&path)) else { return };
        answered(memory.save(&path));
        assert_eq!(answered(Memory::load(&path)), Some(memory));
    });
});
