//! Every kind of input that comes from outside, one module each, and what they share: the bound on memory, what every
//! refusal must be like, a place for files, and tiny models of every family. The fuzzer (`main.rs`) and a test
//! (`replay.rs`) run them.

#[path = "targets/adapter.rs"]
mod adapter;
#[path = "targets/address.rs"]
mod address;
#[path = "targets/chat.rs"]
mod chat;
#[path = "targets/config.rs"]
mod config;
#[path = "targets/evidence.rs"]
mod evidence;
#[path = "targets/gguf.rs"]
mod gguf;
#[path = "targets/lesson.rs"]
mod lesson;
#[path = "targets/quantised.rs"]
mod quantised;
#[path = "targets/safetensors.rs"]
mod safetensors;
#[path = "targets/sentence.rs"]
mod sentence;
#[path = "targets/settings.rs"]
mod settings;
#[path = "targets/tokenizer.rs"]
mod tokenizer;
#[path = "targets/what_if.rs"]
mod what_if;
#[path = "../it/support/any_tensor.rs"]
mod any_tensor;

use std::{
    alloc::System,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use any_tensor::wanted;
use anyhow::Result;
use cap::Cap;
use lookback::{
    analysis::reading::{Reader, Reading},
    text::visible,
    weights::Checkpoint,
};
use tempfile::TempDir;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// The most that the program may allocate over one input, in bytes, beside what it held before.
const BOUND: usize = 64 << 20;

/// A kind of input, and what is done with one of that kind.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 13] = [
    ("adapter", adapter::run),
    ("address", address::run),
    ("chat", chat::run),
    ("config", config::run),
    ("evidence", evidence::run),
    ("gguf", gguf::run),
    ("lesson", lesson::run),
    ("quantised", quantised::run),
    ("safetensors", safetensors::run),
    ("sentence", sentence::run),
    ("settings", settings::run),
    ("tokenizer", tokenizer::run),
    ("what_if", what_if::run),
];

/// Whether one input is read at a time, so that each can have its own bound.
pub static ALONE: AtomicBool = AtomicBool::new(false);

/// That all inputs together, read side by side, allocate no more than so many times the bound of one.
pub fn together(times: usize) {
    MEMORY.set_limit(times * BOUND).expect("little is in use before");
}

/// Does the work; an allocation beyond the bound ends the process.
fn bounded(work: impl FnOnce()) {
    if !ALONE.load(Ordering::Relaxed) {
        return work();
    }
    MEMORY.set_limit(MEMORY.allocated() + BOUND).expect("the limit lies above what is in use");
    work();
    MEMORY.set_limit(usize::MAX).expect("there is no higher limit");
}

/// What was answered; a refusal must say something.
fn answered<T>(answer: Result<T>) -> Option<T> {
    answer.map_err(|e| assert_ne!(format!("{e:#}").trim(), "", "a refusal without a reason")).ok()
}

/// That nothing in the text could reach a terminal raw.
fn assert_safe(text: &str) {
    for line in text.lines() {
        assert_eq!(visible(line), line, "not safe to show");
    }
}

/// A folder in memory, where the system has one.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("there is room for a folder")
}

/// Where the tiny checkpoints are, from the root of the repository.
const FAMILIES: &str = "tests/goldens/checkpoints";

/// The folders of tiny random checkpoints, one of every kind, sorted by name.
fn families() -> Vec<PathBuf> {
    folders_in(Path::new(FAMILIES))
}

/// The folders in a folder, sorted by name.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the repository has them");
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.is_dir());
    paths.sort();
    paths
}

/// A copy of a folder, in memory where the system can, without some of its files.
fn copied(path: &Path, without: &[&str]) -> TempDir {
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
fn reader(family: &str) -> Reader {
    let path = Path::new(FAMILIES).join(family);
    let checkpoint = Checkpoint::open(&path).expect("the repository's checkpoints are whole");
    Reader::open(&checkpoint, true).expect("and can be run").up_to(LONGEST)
}

/// A short text as a tiny decoder reads it, and the reader.
static READ: LazyLock<(Reader, Arc<Reading>)> = LazyLock::new(|| {
    let reader = reader("llama3");
    let reading = reader.read("it").expect("a short text").into();
    (reader, reading)
});

/// Opens a file of weights and reads all that can be read of it.
fn read_all(path: &Path) {
    let Some(checkpoint) = answered(Checkpoint::open(path)) else { return };
    for tensor in checkpoint.tensors() {
        let Some(wanted) = wanted(tensor) else { continue };
        let Some(weights) = answered(checkpoint.weights(&[wanted])) else { continue };
        let value = answered(weights.tensor(&tensor.name)).expect("what was asked for is there");
        assert_eq!(value.matrix().len(), tensor.n_numbers());
    }
}
