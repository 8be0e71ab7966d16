//! Files of weights from outside: what is in them, and what is wrong with them.

use std::{fs, path::Path};

use crate::support::weights::{counted, f32s, safetensors};
use lookback::{
    engine::value::{Cell, Lines},
    weights::{Checkpoint, Config, ExpectedWeight, WeightLayout},
};
use tempfile::TempDir;

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
        ExpectedWeight::new("e", "table", (4, 3), WeightLayout::Table),
        ExpectedWeight::new("w", ["model.linear", "linear"], (3, 2), WeightLayout::Linear),
        ExpectedWeight::new("part", "linear", (3, 1), WeightLayout::LinearRows(1..2)),
        ExpectedWeight::new("cols", "table", (4, 1), WeightLayout::Conv1dColumns(2..3)),
        ExpectedWeight::new("b", "bias", (1, 2), WeightLayout::VectorPart(1..3)),
        ExpectedWeight::new("rest", "bias", (1, 3), WeightLayout::VectorPart(3..6)),
        ExpectedWeight::new("more", "nothing", (1, 3), WeightLayout::Vector).optional(),
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
    assert_eq!(stored.source.as_f32_slice().unwrap(), (&counted(6)[..], 3));
    let cols = weights.tensor("cols").unwrap();
    assert_eq!(cols.as_stored().unwrap().source.as_f32_slice().unwrap().1, 3);
}

#[test]
fn every_tensor_that_is_not_as_wanted_is_listed() {
    let folder = folder(&[("model.safetensors", &small())]);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let wanted = [
        ExpectedWeight::new("e", "table", (5, 3), WeightLayout::Table),
        ExpectedWeight::new("w", ["h.0.w", "w"], (3, 2), WeightLayout::Linear),
        ExpectedWeight::new("b", "bias", (1, 6), WeightLayout::Vector),
    ];
    let error = checkpoint.weights(&wanted).err().unwrap().to_string();
    assert!(error.contains("`table` is (4, 3), want (5, 3)"), "{error}");
    assert!(error.contains("`h.0.w` or `w` is missing, want (2, 3)"), "{error}");
    assert!(!error.contains("bias"), "{error}");
}

#[test]
fn a_file_that_is_not_a_checkpoint_is_refused_in_one_sentence() {
    let cases: [(&str, &[u8], &str); 6] = [
        // The class with its head, not the body alone.
        ("pytorch_model.bin", b"PK", "AutoConfig.from_pretrained(FOLDER).architectures[0])`"),
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid x", "git lfs pull"),
        ("model.safetensors", b"<!DOCTYPE html><html>", "page of a web site"),
        ("model.safetensors", b"", "is empty"),
        ("notes.txt", b"", "has no weights"),
        ("model.safetensors.index.json", b"{\"weight_map\":{}}", "names no tensor"),
    ];
    for (name, bytes, want) in cases {
        let folder = folder(&[(name, bytes)]);
        let error = refused(folder.path());
        assert!(error.contains(want), "{name}: {error}");
    }
    let bare = folder(&[("model.safetensors", &small())]);
    fs::remove_file(bare.path().join("config.json")).unwrap();
    assert!(refused(bare.path()).contains("config.json is missing"));
    assert!(refused(&bare.path().join("none")).contains("cannot be read"));
    assert!(refused(Path::new("Cargo.toml")).contains("is not a readable checkpoint"));
}

#[test]
fn the_length_of_a_header_may_look_like_a_pickle() {
    let small = small();
    let (length, rest) = small.split_first_chunk::<8>().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut file = 0x0280_u64.to_le_bytes().to_vec();
    file.extend(header);
    file.resize(8 + 0x0280, b' ');
    file.extend(data);
    let folder = folder(&[("model.safetensors", &file)]);
    assert_eq!(Checkpoint::open(folder.path()).unwrap().tensors().len(), 3);
}

#[test]
fn shards_without_an_index_are_read_together_by_their_names() {
    let of = |tensor| safetensors(&[(tensor, "F32", &[2], f32s(&counted(2)))]);
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let folder = folder(&[(names[0], &of("a")), (names[1], &of("b"))]);
    let [one, other] = names.map(|name| folder.path().join(name));
    for path in [folder.path(), &one, &other] {
        let checkpoint = Checkpoint::open(path).unwrap();
        let tensors: Vec<&str> = checkpoint.tensors().iter().map(|t| t.name.as_str()).collect();
        assert_eq!(tensors, ["a", "b"], "{path:?}");
    }
    fs::remove_file(&other).unwrap();
    for path in [folder.path(), &one] {
        let error = refused(path);
        assert!(error.contains("one of 2 parts") && error.contains(names[1]), "{error}");
    }
}

const INDEX: &str = "model.safetensors.index.json";

/// A folder of two parts, whose index is this.
fn parts(index: &str) -> TempDir {
    let one = safetensors(&[("a", "F32", &[2], f32s(&counted(2)))]);
    let other = safetensors(&[("b", "F32", &[2], f32s(&counted(2)))]);
    folder(&[
        ("one-1-of-2.safetensors", &one),
        ("two-2-of-2.safetensors", &other),
        (INDEX, index.as_bytes()),
    ])
}

#[test]
fn parts_are_one_checkpoint() {
    let index = r#"{"metadata":{},"weight_map":{"a":"one-1-of-2.safetensors","b":"two-2-of-2.safetensors"}}"#;
    let folder = parts(index);
    for path in [folder.path().to_owned(), folder.path().join(INDEX)] {
        let names = Checkpoint::open(&path).unwrap();
        let names: Vec<&str> = names.tensors().iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
    assert!(refused(&folder.path().join("one-1-of-2.safetensors")).contains("is one part"));
}

#[test]
fn parts_that_do_not_fit_their_index_are_refused() {
    let cases = [
        (
            r#"{"weight_map":{"a":"one-1-of-2.safetensors","c":"one-1-of-2.safetensors"}}"#,
            "one-1-of-2.safetensors: `c`",
        ),
        (r#"{"weight_map":{"a":"three.safetensors"}}"#, "missing; fetch them too:\n"),
        (
            r#"{"weight_map":{"a":"../one-1-of-2.safetensors"}}"#,
            "not a .safetensors file in its folder",
        ),
        (r#"{"weight_map":{"a":"/etc/passwd"}}"#, "not a .safetensors file in its folder"),
        (r#"{"weight_map":[]}"#, "is not an index of tensors"),
    ];
    for (index, want) in cases {
        let error = refused(parts(index).path());
        assert!(error.contains(want), "{index}: {error}");
    }
}

#[test]
fn a_tensor_in_two_parts_is_refused_with_both() {
    let one = safetensors(&[("a", "F32", &[2], f32s(&counted(2)))]);
    let index = r#"{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}"#;
    let folder =
        folder(&[("x.safetensors", &one), ("y.safetensors", &one), (INDEX, index.as_bytes())]);
    let error = refused(folder.path());
    assert!(error.contains("x.safetensors") && error.contains("y.safetensors"), "{error}");
}

#[test]
fn numbers_that_stand_askew_are_copied() {
    let header = r#"{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
    let header = header.to_owned() + &" ".repeat((9 - header.len() % 8) % 8);
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &f32s(&counted(6))];
    let folder = folder(&[("model.safetensors", &bytes.concat())]);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let weights =
        checkpoint.weights(&[ExpectedWeight::new("w", "w", (3, 2), WeightLayout::Linear)]).unwrap();
    let value = weights.tensor("w").unwrap();
    let (numbers, stride) = value.as_stored().unwrap().source.as_f32_slice().unwrap();
    assert_eq!((numbers, stride), (&counted(6)[..], 3));
}

#[test]
fn a_dtype_that_is_not_read_is_refused_where_it_is_wanted() {
    let bytes =
        safetensors(&[("ids", "I64", &[1, 2], vec![0; 16]), ("odd", "X9", &[1], vec![0; 3])]);
    let folder = folder(&[("model.safetensors", &bytes)]);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let error = checkpoint
        .weights(&[ExpectedWeight::new("i", "ids", (1, 2), WeightLayout::Table)])
        .err()
        .unwrap();
    let error = error.to_string();
    assert!(error.contains("`ids` has dtype I64") && error.contains("BF16"), "{error}");
}

#[test]
fn settings_are_read_within_bounds() {
    let text = br#"{"n_layer":0,"n_head":1e9,"hidden_size":99999999999,"eps":"x","none":null,
        "rope_parameters":{"rope_type":"linear","factor":2.0,"rope_theta":5000.0},"\u001bx":1}"#;
    let config = Config::from_json("config.json".into(), text).unwrap();
    for key in ["n_layer", "n_head", "hidden_size", "eps", "none", "missing"] {
        let error = config.usize(key).unwrap_err().to_string();
        assert!(error.contains("config.json") && error.contains(key), "{error}");
    }
    assert_eq!(config.usize_or("none", 7).unwrap(), 7);
    assert_eq!(config.get("rope_theta").unwrap().to_string(), "5000.0");
    let scaling = config.section("rope_scaling").unwrap().unwrap();
    assert_eq!(scaling.string("rope_type").unwrap(), "linear");
    assert!(config.float("eps").unwrap_err().to_string().contains("`\"x\"`, want a finite number"));
    assert!(Config::from_json("c".into(), &b"[".repeat(100_000)).is_err());
}
