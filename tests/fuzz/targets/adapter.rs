//! An adapter of a tiny checkpoint: the model runs with it, or it is refused. The first byte says whether the rest is its
//! settings or its weights; the other file is whole.

use std::{fs, path::Path, sync::LazyLock};

use super::{FAMILIES, answered, bounded, folder};
use lookback::{analysis::reading::Reader, weights::Checkpoint};
use tempfile::TempDir;

const FILES: [&str; 2] = ["adapter_config.json", "adapter_model.safetensors"];

/// The folder, and what its two files hold.
static FOLDER: LazyLock<(TempDir, [Vec<u8>; 2])> = LazyLock::new(|| {
    let whole = Path::new(FAMILIES).join("../adapters/llama3");
    (folder(), FILES.map(|name| fs::read(whole.join(name)).expect("the repository has it")))
});

pub fn run(bytes: &[u8]) {
    let Some((&which, bytes)) = bytes.split_first() else { return };
    let (folder, whole) = &*FOLDER;
    for (i, name) in FILES.into_iter().enumerate() {
        let is_mine = usize::from(which % 2) == i;
        let content = if is_mine { bytes } else { &whole[i] };
        fs::write(folder.path().join(name), content).expect("there is room");
    }
    bounded(|| {
        let model = Checkpoint::open(&Path::new(FAMILIES).join("llama3")).expect("it is whole");
        let Some(checkpoint) = answered(model.with_adapter(folder.path())) else { return };
        let Some(reader) = answered(Reader::open(&checkpoint, false)) else { return };
        answered(reader.up_to(4).read("it was"));
    });
}
