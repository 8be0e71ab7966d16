//! A GGUF file: it is opened, its tensors and vocabulary are read and the model runs, or it is refused.

use std::{fs, sync::LazyLock};

use super::{answered, bounded, folder, read_all};
use lookback::{analysis::reading::Reader, weights::Checkpoint};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(folder);

pub fn run(bytes: &[u8]) {
    let path = FOLDER.path().join("model.gguf");
    fs::write(&path, bytes).expect("there is room");
    bounded(|| {
        read_all(&path);
        let Ok(checkpoint) = Checkpoint::open(&path) else { return };
        let Some(reader) = answered(Reader::open(&checkpoint, false)) else { return };
        answered(reader.up_to(4).read("a b"));
    });
}
