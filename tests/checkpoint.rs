//! Files of weights from outside: what is in them, and what is wrong with them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::{fs, path::Path};

use lookback::{
    checkpoint::{Checkpoint, Layout, Wanted},
    value::{Cell, Lines},
};
use tempfile::TempDir;

/// A safetensors file: name, dtype, shape, bytes of each tensor.
fn safetensors(tensors: &[(&str, &str, &[usize], Vec<u8>)]) -> Vec<u8> {
    let (mut entries, mut data) = (vec![], vec![]);
    for (name, dtype, shape, bytes) in tensors {
        let (begin, end) = (data.len(), data.len() + bytes.len());
        entries.push(format!(
            r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{begin},{end}]}}"#
        ));
        data.extend_from_slice(bytes);
    }
    file(&format!("{{{}}}", entries.join(",")), &data)
}

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut padded = header.to_owned();
    while !padded.len().is_multiple_of(8) {
        padded.push(' ');
    }
    [&(padded.len() as u64).to_le_bytes()[..], padded.as_bytes(), data].concat()
}

fn f32s(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn counted(n: usize) -> Vec<f32> {
    (0..n).map(|i| i as f32).collect()
}

/// A folder with these files and a config.json.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("config.json"), br#"{"model_type":"gpt2"}"#).unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn small() -> Vec<u8> {
    safetensors(&[
        ("table", "F32", &[4, 3], f32s(&counted(12))),
        ("linear", "F32", &[2, 3], f32s(&counted(6))),
        ("bias", "F32", &[6], f32s(&counted(6))),
    ])
}

#[track_caller]
fn refused(path: &Path) -> String {
    match Checkpoint::open(path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(e) => format!("{e:#}"),
    }
}

#[test]
fn a_folder_is_opened_and_its_weights_lie_in_it() {
    let folder = folder(&[("model.safetensors", &small())]);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(checkpoint.config().string("model_type").unwrap(), "gpt2");
    assert_eq!(checkpoint.tensors().len(), 3);
    let wanted = [
        Wanted::new("e", "table", (4, 3), Layout::Table),
        Wanted::new("w", "model.linear|linear", (3, 2), Layout::Linear),
        Wanted::new("part", "linear", (3, 1), Layout::LinearRows(1..2)),
        Wanted::new("cols", "table", (4, 1), Layout::Conv1dColumns(2..3)),
        Wanted::new("b", "bias", (1, 2), Layout::VectorPart(1..3)),
        Wanted::new("rest", "bias", (1, 3), Layout::VectorPart(3..6)),
        Wanted::new("more", "nothing", (1, 3), Layout::Vector).optional(),
    ];
    let weights = checkpoint.weights(&wanted).unwrap();
    let get = |name, row, col| weights.tensor(name).unwrap().get(Cell::new(0, row, col));
    assert_eq!((get("e", 1, 2), get("w", 1, 0), get("w", 1, 1)), (5.0, 1.0, 4.0));
    assert_eq!((get("part", 2, 0), get("cols", 3, 0)), (5.0, 11.0));
    assert_eq!((get("b", 0, 0), get("rest", 0, 2)), (1.0, 5.0));
    assert!(!weights.has("more"));
    let w = weights.tensor("w").unwrap();
    let stored = w.as_stored().unwrap();
    assert_eq!(stored.lines, Lines::Columns);
    assert_eq!(stored.source.lying().unwrap(), (&counted(6)[..], 3));
    let cols = weights.tensor("cols").unwrap();
    assert_eq!(cols.as_stored().unwrap().source.lying().unwrap().1, 3);
}

#[test]
fn every_tensor_that_is_not_as_wanted_is_listed() {
    let folder = folder(&[("model.safetensors", &small())]);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let wanted = [
        Wanted::new("e", "table", (5, 3), Layout::Table),
        Wanted::new("w", "h.0.w|w", (3, 2), Layout::Linear),
        Wanted::new("b", "bias", (1, 6), Layout::Vector),
    ];
    let error = checkpoint.weights(&wanted).err().unwrap().to_string();
    assert!(error.contains("`table` is (4, 3), want (5, 3)"), "{error}");
    assert!(error.contains("`h.0.w` or `w` is missing, want (2, 3)"), "{error}");
    assert!(!error.contains("bias"), "{error}");
}

#[test]
fn what_is_no_checkpoint_is_refused_in_a_sentence() {
    let pickle = folder(&[("pytorch_model.bin", b"PK")]);
    assert!(refused(pickle.path()).contains("save_pretrained"));
    let pointer =
        folder(&[("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid x")]);
    assert!(refused(pointer.path()).contains("git lfs pull"));
    let empty = folder(&[("model.safetensors", b"")]);
    assert!(refused(empty.path()).contains("is empty"));
}
