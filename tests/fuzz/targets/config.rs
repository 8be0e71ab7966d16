//! A config.json beside the weights of a tiny checkpoint, the first byte says which: the model runs,
//! or the config is refused.
#![no_main]

use std::{fs, path::Path, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use lookback::{analysis::reading::Reader, weights::Checkpoint};
use lookback_fuzz::{answered, bounded, families, folder};
use tempfile::TempDir;

/// Folders with everything but a config.
static FOLDERS: LazyLock<Vec<TempDir>> =
    LazyLock::new(|| families().iter().map(|family| without_config(family)).collect());

fn without_config(family: &Path) -> TempDir {
    let copy = folder();
    for entry in fs::read_dir(family).expect("a folder").flatten() {
        if entry.file_name() != "config.json" {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("there is room");
        }
    }
    copy
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&which, config)) = bytes.split_first() else { return };
    let folder = FOLDERS[usize::from(which) % FOLDERS.len()].path();
    fs::write(folder.join("config.json"), config).expect("there is room");
    bounded(|| {
        let Some(checkpoint) = answered(Checkpoint::open(folder)) else { return };
        let Some(reader) = answered(Reader::open(&checkpoint, false)) else { return };
        answered(reader.up_to(4).read("it was"));
    });
});
