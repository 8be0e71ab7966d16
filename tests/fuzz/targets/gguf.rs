//! A GGUF file: it is opened, its tensors and vocabulary are read and the model runs, or it is refused.
#![no_main]

use std::{fs, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use lookback::{analysis::reading::Reader, weights::Checkpoint};
use lookback_fuzz::{answered, bounded, folder, read_all};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(folder);

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.path().join("model.gguf");
    fs::write(&path, bytes).expect("there is room");
    bounded(|| {
        read_all(&path);
        let Ok(checkpoint) = Checkpoint::open(&path) else { return };
        let Some(reader) = answered(Reader::open(&checkpoint, false)) else { return };
        answered(reader.up_to(4).read("a b"));
    });
});
