//! What the fuzz targets share: the bound on memory, what every refusal must be like, a place for
//! files, and tiny models of every family.

#[path = "../it/support/wanted.rs"]
mod wanted;

use std::{
    alloc::System,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use anyhow::Result;
use cap::Cap;
use lookback::{
    analysis::reading::{Reader, Reading},
    text::visible,
    weights::Checkpoint,
};
use tempfile::TempDir;
use wanted::wanted;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// The most that the program may allocate over one input, in bytes, beside what it held before.
pub const BOUND: usize = 64 << 20;

/// Everything happens on the fuzzer's own thread: handing over costs more than passes so small.
static ONE_THREAD: LazyLock<()> = LazyLock::new(|| {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    // A target whose models hand work to each other has built its own.
    let _ = pool.build_global();
});

/// Does the work; an allocation beyond the bound ends the process, which the fuzzer reports.
pub fn bounded(work: impl FnOnce()) {
    LazyLock::force(&ONE_THREAD);
    MEMORY.set_limit(MEMORY.allocated() + BOUND).expect("the limit lies above what is in use");
    work();
    MEMORY.set_limit(usize::MAX).expect("there is no higher limit");
}

/// What was answered; a refusal must say something.
pub fn answered<T>(answer: Result<T>) -> Option<T> {
    answer.map_err(|e| assert_ne!(format!("{e:#}").trim(), "", "a refusal without a reason")).ok()
}

/// That nothing in the text could reach a terminal raw.
pub fn assert_safe(text: &str) {
    for line in text.lines() {
        assert_eq!(visible(line), line, "not safe to show");
    }
}

/// A folder in memory, where the system has one.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("there is room for a folder")
}

/// Where the tiny checkpoints are.
pub const FAMILIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../goldens/checkpoints");

/// The folders of tiny random checkpoints, one of every kind, sorted by name.
pub fn families() -> Vec<PathBuf> {
    folders_in(Path::new(FAMILIES))
}

/// The folders in a folder, sorted by name.
pub fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the repository has them");
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.is_dir());
    paths.sort();
    paths
}

/// A copy of a folder, in memory where the system can, without some of its files.
pub fn copied(path: &Path, without: &[&str]) -> TempDir {
    let copy = folder();
    for entry in fs::read_dir(path).expect("a folder").flatten() {
        if !without.iter().any(|name| entry.file_name() == *name) {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("there is room");
        }
    }
    copy
}

/// The longest text that the tiny models are given, in tokens: enough for every kind of step.
const LONGEST: usize = 6;

/// A reader of one of the tiny checkpoints.
pub fn reader(family: &str) -> Reader {
    LazyLock::force(&ONE_THREAD);
    let path = Path::new(FAMILIES).join(family);
    let checkpoint = Checkpoint::open(&path).expect("the repository's checkpoints are whole");
    Reader::open(&checkpoint, true).expect("and can be run").up_to(LONGEST)
}

/// A short text as a tiny decoder reads it, and the reader.
pub static READ: LazyLock<(Reader, Arc<Reading>)> = LazyLock::new(|| {
    let reader = reader("llama3");
    let reading = reader.read("it").expect("a short text").into();
    (reader, reading)
});

/// Opens a file of weights and reads all that can be read of it.
pub fn read_all(path: &Path) {
    let Some(checkpoint) = answered(Checkpoint::open(path)) else { return };
    for tensor in checkpoint.tensors() {
        let Some(wanted) = wanted(tensor) else { continue };
        let Some(weights) = answered(checkpoint.weights(&[wanted])) else { continue };
        let value = answered(weights.tensor(&tensor.name)).expect("what was asked for is there");
        assert_eq!(value.matrix().len(), tensor.n_numbers());
    }
}
