//! Hostile files, one for each fault: each is refused with a sentence that names it and says what is wrong.
//! Copies damaged by chance are in `damaged.rs`.

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    path::Path,
};

use crate::support::weights::{Gguf, counted, f32s};
use lookback::weights::{Checkpoint, ExpectedWeight, WeightLayout};
use tempfile::TempDir;

fn small_safetensors() -> Vec<u8> {
    let header = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48]},"b":{"dtype":"F16","shape":[2,3],"data_offsets":[48,60]},"c":{"dtype":"I64","shape":[1],"data_offsets":[60,68]}}  "#;
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &f32s(&counted(17))].concat()
}

fn small_gguf() -> Vec<u8> {
    let mut file = Gguf::default();
    file.0.extend(b"GGUF");
    file.u32(3).u64(3).u64(6);
    file.text("general.architecture").u32(8).text("llama");
    file.number("llama.attention.head_count", 2).number("llama.block_count", 1);
    file.text("tokenizer.ggml.model").u32(8).text("llama");
    file.text("tokenizer.ggml.tokens").u32(9).u32(8).u64(3).text("a").text("b").text("c");
    file.text("tokenizer.ggml.scores").u32(9).u32(6).u64(3).0.extend(f32s(&counted(3)));
    file.tensor("token_embd.weight", &[32, 3], 8, 0);
    file.tensor("blk.0.attn_q.weight", &[32, 8], 0, 128);
    file.tensor("output_norm.weight", &[8], 0, 128 + 1024);
    while !file.0.len().is_multiple_of(32) {
        file.0.push(0);
    }
    file.0.extend(f32s(&counted((128 + 1024 + 32) / 4)));
    file.0
}

#[track_caller]
fn refused(bytes: &[u8], name: &str) -> String {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("config.json"), "{}").unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let error = Checkpoint::open(&path).err().map(|e| format!("{e:#}")).unwrap();
    assert!(error.contains(name), "{error}");
    error
}

/// A safetensors file of this header, with 64 bytes of tensors.
fn with_header(header: &str) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 64]].concat()
}

#[test]
fn each_fault_of_a_safetensors_file_has_its_sentence() {
    let cases = [
        (
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[4],"data_offsets":[16,32]}}"#,
            "two tensors `a`",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[8,24]}}"#,
            "`a` and `b` share bytes",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[60,76]}}"#,
            "the file has only 64 bytes",
        ),
        (r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#, "before it begins"),
        (r#"{"a":{"dtype":"F32","shape":[5],"data_offsets":[0,16]}}"#, "5 numbers of F32 are 20"),
        (
            r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,16]}}"#,
            "more numbers than this machine can count",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,16]}}"#,
            "an axis of",
        ),
        (r#"{"a\u001b[2J":{"dtype":"F32","shape":[5],"data_offsets":[0,16]}}"#, "`a␛[2J`"),
        ("[]", "does not describe tensors"),
        (r#"{"a":1}"#, "does not describe tensors"),
    ];
    for (header, want) in cases {
        let error = refused(&with_header(header), "model.safetensors");
        assert!(error.contains(want), "{header}\n  {error}");
    }
    let long = r#"{"NAME":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#;
    let error =
        refused(&with_header(&long.replace("NAME", &"x".repeat(70_000))), "model.safetensors");
    assert!(error.contains("70000 bytes, the limit is 1024") && error.len() < 1000, "{error}");
    assert!(refused(b"PK\x03\x04aaaaaaaaaaaa", "model.safetensors").contains("pickle"));
    assert!(refused(&[0xFF; 16], "model.safetensors").contains("longer than the limit"));
    assert!(refused(b"1234", "model.safetensors").contains("fewer than the eight bytes"));
}

/// A GGUF file of this many tensors and entries, and then this.
fn with_counts(n_tensors: u64, n_entries: u64, rest: impl Fn(&mut Gguf)) -> Vec<u8> {
    let mut file = Gguf::default();
    file.0.extend(b"GGUF");
    file.u32(3).u64(n_tensors).u64(n_entries);
    rest(&mut file);
    file.0
}

#[track_caller]
fn each_is_refused(cases: &[(Vec<u8>, &str)]) {
    for (bytes, want) in cases {
        let error = refused(bytes, "model.gguf");
        assert!(error.contains(want), "{want}\n  {error}");
    }
}

#[test]
fn each_fault_of_a_gguf_header_has_its_sentence() {
    fn one(entry: impl Fn(&mut Gguf) -> &mut Gguf) -> Vec<u8> {
        with_counts(0, 1, |file| {
            entry(file);
        })
    }
    let of_version = |n: u32| [b"GGUF", &n.to_le_bytes()[..], &[0; 16]].concat();
    let twice = with_counts(0, 2, |file| {
        file.number("k", 1).number("k", 1);
    });
    each_is_refused(&[
        (with_counts(u64::MAX, 0, |_| ()), "tensors, the limit is"),
        (with_counts(0, u64::MAX, |_| ()), "entries of metadata, the limit is"),
        (with_counts(0, 0, |_| ()), "does not name its architecture"),
        (twice, "`k` twice"),
        (one(|f| f.text("k").u32(9).u32(8).u64(1 << 40)), "longer than the"),
        (one(|f| f.text("k").u32(77)), "unknown kind of value: 77"),
        (one(|f| f.number("split.count", 3)), "part 1 of 3, but is read as part 1 of 1"),
        (of_version(1), "version 1"),
        (of_version(3_u32.swap_bytes()), "big-endian"),
        (of_version(9), "versions 2 and 3"),
        (b"nothing of the kind".to_vec(), "does not begin with GGUF"),
    ]);
}

#[test]
fn each_fault_of_a_gguf_tensor_has_its_sentence() {
    /// A llama of these tensors, each with its name, sizes, format and offset.
    fn llama(tensors: &[(&str, &[u64], u32, u64)]) -> Vec<u8> {
        let mut bytes = with_counts(tensors.len() as u64, 1, |file| {
            file.text("general.architecture").u32(8).text("llama");
            for (name, sizes, kind, offset) in tensors {
                file.tensor(name, sizes, *kind, *offset);
            }
        });
        bytes.resize(1024, 0);
        bytes
    }
    each_is_refused(&[
        (llama(&[("token_embd.weight", &[33, 2], 8, 0)]), "not a whole number of blocks"),
        (llama(&[("t", &[1 << 20, 2], 0, 0)]), "cut short"),
        (llama(&[("t", &[4], 0, u64::MAX)]), "cut short"),
        (llama(&[("t", &[4], 0, 0), ("t", &[4], 0, 32)]), "two tensors `t`"),
        (llama(&[("t", &[4], 0, 0), ("u", &[4], 0, 0)]), "share bytes"),
        (llama(&[("blk.0.attn_q.weight", &[4, 3], 0, 0)]), "which are not 0 heads"),
        (llama(&[("t", &[1 << 40, 1 << 40], 0, 0)]), "far more than any model has"),
    ]);
}

/// A tensor `w` of three numbers, with a header of so many bytes.
fn padded(length: usize) -> Vec<u8> {
    let header = r#"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#;
    let header = header.to_owned() + &" ".repeat(length - header.len());
    [&(length as u64).to_le_bytes()[..], header.as_bytes(), &f32s(&counted(3))].concat()
}

/// The length of such a header begins with the bytes of a pickle.
#[test]
fn a_header_of_640_bytes_is_no_pickle() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("config.json"), "{}").unwrap();
    let path = folder.path().join("model.safetensors");
    for length in [0x0280, 0x0380, 0x0480, 0x0580] {
        fs::write(&path, padded(length)).unwrap();
        let checkpoint = Checkpoint::open(&path).unwrap();
        assert_eq!(checkpoint.tensors().len(), 1, "{length}");
    }
    assert!(refused(b"\x80\x04\x95aaaaaaaaaaaaaa", "model.safetensors").contains("pickle"));
}

#[test]
fn a_file_under_the_name_of_another_kind_is_recognised_by_its_first_bytes() {
    let inside = error_of(&[("config.json", b"{}"), ("model.safetensors", &small_gguf())]);
    assert!(inside.contains("is a GGUF file"), "{inside}");
    assert!(refused(b"PK\x03\x04aaaaaaaaaaaa", "model.gguf").contains("is a pickle"));
    assert!(refused(b"<!doctype html><html>", "model.gguf").contains("web site"));
}

/// The error of a folder with these files in it.
#[track_caller]
fn error_of(files: &[(&str, &[u8])]) -> String {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    Checkpoint::open(folder.path()).err().map_or_else(String::new, |e| format!("{e:#}"))
}

#[test]
fn a_folder_without_weights_says_what_there_is_instead() {
    let good = small_safetensors();
    for name in ["pytorch_model.BIN", "x.pt", "x.ckpt", "x.pth"] {
        assert!(error_of(&[(name, b"PK"), ("config.json", b"{}")]).contains("pickle"), "{name}");
    }
    assert!(error_of(&[("tf_model.h5", b"x")]).contains("in a form that is not supported"));
    assert!(error_of(&[("gpt2/model.safetensors", &good)]).contains("gpt2: give that folder"));
    assert!(
        error_of(&[("snapshots/a1/model.safetensors", &good)]).contains("a1: give that folder")
    );
    let capitals = [("MODEL.SAFETENSORS", &good[..]), ("config.json", b"{}")];
    assert_eq!(error_of(&capitals), "");
}

#[test]
fn a_config_too_large_to_be_one_is_not_parsed() {
    let config = "[".repeat(5 << 20);
    let files = [("config.json", config.as_bytes()), ("model.safetensors", &small_safetensors())];
    assert!(error_of(&files).contains("config.json has 5242880 bytes, the limit is"));
}

#[test]
fn settings_too_large_to_be_some_are_not_parsed() {
    let text = "[".repeat(5 << 20);
    for name in ["generation_config.json", "sentence_bert_config.json"] {
        let files = [
            ("config.json", &b"{}"[..]),
            (name, text.as_bytes()),
            ("model.safetensors", &small_safetensors()),
        ];
        assert!(error_of(&files).contains(&format!("{name} has 5242880 bytes, the limit is")));
    }
}

#[test]
fn all_that_an_index_promises_in_vain_is_listed() {
    let part = small_safetensors();
    let promised: Vec<String> =
        (0..40).map(|i| format!(r#""t{i}.weight":"a.safetensors""#)).collect();
    let index = format!(r#"{{"weight_map":{{{}}}}}"#, promised.join(","));
    let files = [
        ("model.safetensors.index.json", index.as_bytes()),
        ("a.safetensors", &part),
        ("config.json", b"{}"),
    ];
    let message = error_of(&files);
    assert!((0..40).all(|i| message.contains(&format!("`t{i}.weight`"))), "{message}");
    let index = br#"{"weight_map":{"a":"x.safetensors","b":"y.safetensors"}}"#;
    let message = error_of(&[("model.safetensors.index.json", index)]);
    assert!(message.contains("x.safetensors") && message.contains("y.safetensors"), "{message}");
}

#[test]
fn all_missing_tensors_are_listed_under_the_names_of_the_format() {
    let wanted: Vec<ExpectedWeight> = (0..60)
        .map(|l| {
            let name = format!("model.layers.{l}.self_attn.q_proj.weight");
            ExpectedWeight::new(format!("w{l}"), &name, (4, 4), WeightLayout::Linear)
        })
        .collect();
    let folder = TempDir::new().unwrap();
    let message = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).unwrap();
        let checkpoint = Checkpoint::open(&folder.path().join(name)).unwrap();
        format!("{:#}", checkpoint.weights(&wanted).err().unwrap())
    };
    fs::write(folder.path().join("config.json"), "{}").unwrap();
    let hugging_face = message("model.safetensors", &small_safetensors());
    let gguf = message("model.gguf", &small_gguf());
    for l in 1..60 {
        let name = format!("`model.layers.{l}.self_attn.q_proj.weight` is missing");
        assert!(hugging_face.contains(&name), "{hugging_face}");
        assert!(gguf.contains(&format!("`blk.{l}.attn_q.weight` is missing")), "{gguf}");
    }
    assert!(hugging_face.contains("model.safetensors does not hold what its config.json"));
    assert!(gguf.contains("model.gguf does not hold what its metadata"), "{gguf}");
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_reported_as_such() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("model.safetensors"), small_safetensors()).unwrap();
    std::os::unix::fs::symlink("/nowhere", folder.path().join("config.json")).unwrap();
    let message = Checkpoint::open(folder.path()).err().map(|e| format!("{e:#}")).unwrap();
    assert!(message.contains("config.json is a link that leads nowhere"), "{message}");
}

/// The process that ends is another: this test, run again with the file to be cut.
#[cfg(unix)]
#[test]
fn a_file_that_is_cut_short_while_it_is_read_ends_the_process_in_order() {
    const NAME: &str =
        "hostile::a_file_that_is_cut_short_while_it_is_read_ends_the_process_in_order";
    const FILE: &str = "LOOKBACK_TEST_CUT_SHORT";
    if let Some(path) = std::env::var_os(FILE) {
        let checkpoint = Checkpoint::open(Path::new(&path)).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
        checkpoint.tensors()[0].not_finite(usize::MAX);
        return;
    }
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("config.json"), "{}").unwrap();
    let path = folder.path().join("model.safetensors");
    fs::write(&path, small_safetensors()).unwrap();
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    let output = again.args(["--exact", NAME, "--nocapture"]).env(FILE, &path).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("cut short by another program"), "{message}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn weights_that_are_no_numbers_are_counted_and_found() {
    let mut numbers = counted(12);
    (numbers[5], numbers[9]) = (f32::INFINITY, f32::NAN);
    let header = r#"{"w":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48]}}"#;
    let length = (header.len() as u64).to_le_bytes();
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("config.json"), "{}").unwrap();
    let bytes = [&length[..], header.as_bytes(), &f32s(&numbers)].concat();
    fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let found = checkpoint.tensors()[0].not_finite(usize::MAX).unwrap();
    assert_eq!((found.count, found.first, found.value), (2, 5, f32::INFINITY));
}

/// A safetensors file of one row of so many f16, which is a hole but for NaN at these places.
fn hole(folder: &Path, n: u64, odd: &[u64]) {
    fs::write(folder.join("config.json"), "{}").unwrap();
    let header = format!(r#"{{"w":{{"dtype":"F16","shape":[{n}],"data_offsets":[0,{}]}}}}"#, 2 * n);
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    let path = folder.join("model.safetensors");
    fs::write(&path, &bytes).unwrap();
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(bytes.len() as u64 + 2 * n).unwrap();
    for at in odd {
        file.seek(SeekFrom::Start(bytes.len() as u64 + 2 * at)).unwrap();
        file.write_all(&0x7E00_u16.to_le_bytes()).unwrap();
    }
}

#[test]
fn a_long_row_is_looked_at_in_pieces_and_a_longer_one_by_a_sample() {
    let folder = TempDir::new().unwrap();
    let n = (1 << 20) + 7;
    hole(folder.path(), n, &[70_000, n - 1]);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let found = |most| checkpoint.tensors()[0].not_finite(most).map(|f| (f.count, f.first));
    assert_eq!(found(usize::MAX), Some((2, 70_000)));
    // Every eighth piece of 65,536 numbers.
    assert_eq!(found(1 << 17), None);
}

/// The whole row would be two gigabytes.
#[cfg(target_os = "linux")]
#[test]
fn a_file_of_one_huge_row_is_inspected_in_little_memory() {
    let folder = TempDir::new().unwrap();
    hole(folder.path(), 1 << 29, &[3]);
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            "ulimit -d 800000; exec \"$0\" inspect \"$1\"",
            env!("CARGO_BIN_EXE_lookback"),
        ])
        .arg(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("not finite    1 of w, first [3], which is NaN"), "{output:?}");
    assert!(text.contains("only a sample"), "{text}");
}

/// An array of another shape than its site is not read, however large.
#[cfg(target_os = "linux")]
#[test]
fn a_file_of_one_huge_array_is_compared_in_little_memory() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("theirs.safetensors");
    let header =
        r#"{"logits":{"dtype":"F32","shape":[2,250000000],"data_offsets":[0,2000000000]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    fs::write(&path, &bytes).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(bytes.len() as u64 + 2_000_000_000).unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -d 800000; exec \"$0\" trace --against \"$1\" 'The dog sleeps.'"])
        .arg(env!("CARGO_BIN_EXE_lookback"))
        .arg(&path)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("logits: (2, 250000000) in the file, ("), "{message}");
}
