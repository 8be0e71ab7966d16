//! `lookback inspect`: what it says of checkpoints, and of what is none.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[path = "support/weights.rs"]
mod weights;

use std::{fs, path::Path, process::Command};

use serde_json::Value as Json;
use tempfile::TempDir;
use weights::{counted, f32s, safetensors};

/// Exit code, standard output, standard error.
fn inspect(args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lookback"));
    let output = command.arg("inspect").args(args).args(["--no-config", "--lang", "en"]).output();
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A GPT-2 of which only the embedding table is there.
fn lacking(config: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let table = ("wte.weight", "F32", &[11, 6][..], f32s(&counted(66)));
    let odd = ("a\u{202e}b", "F32", &[1][..], f32s(&counted(1)));
    fs::write(folder.path().join("model.safetensors"), safetensors(&[table, odd])).unwrap();
    fs::write(folder.path().join("config.json"), config).unwrap();
    folder
}

const GPT2: &str =
    r#"{"model_type":"gpt2","n_layer":2,"n_embd":6,"n_head":2,"n_positions":9,"vocab_size":11}"#;

#[test]
fn missing_tensors_are_listed() {
    let folder = lacking(GPT2);
    let (code, out, err) = inspect(&[folder.path().to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("architecture  GPT-2 (gpt2)\n"), "{out}");
    assert!(out.contains("layers        2\n") && out.contains("parameters    67 (F32)\n"), "{out}");
    assert!(out.contains("h.0.ln_1.weight") && out.contains("is missing, want (6)"), "{out}");
    assert!(out.contains("  wte.weight  11 x 6  F32  264 bytes\n"), "{out}");
    assert!(out.contains("a<U+202E>b"), "{out}");
}

#[test]
fn another_architecture_names_those_that_can_be_run() {
    let folder = lacking(r#"{"model_type":"mamba\u001b[2J","hidden_size":6}"#);
    let (code, out, _) = inspect(&[folder.path().to_str().unwrap()]);
    assert_eq!(code, 0);
    assert!(out.contains("type `mamba␛[2J`, which cannot be run") && out.contains("gpt2"), "{out}");
    assert!(out.contains("d_model       6\n") && out.contains("tokenizer     none\n"), "{out}");
}

#[test]
fn json_has_every_field() {
    let (code, out, _) = inspect(&["tests/goldens/quants/llama.gguf", "--json"]);
    assert_eq!(code, 0);
    let report: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["schema"], &report["version"]), (&"lookback-inspect".into(), &1.into()));
    assert_eq!((&report["format"], &report["title"]), (&"gguf".into(), &"llama.gguf".into()));
    assert_eq!(report["architecture"]["type"], "llama");
    let sizes = &report["sizes"];
    let wanted = [
        ("layers", 1),
        ("d_model", 32),
        ("heads", 4),
        ("kv_heads", 2),
        ("d_ff", 256),
        ("vocabulary", 11),
        ("context", 64),
    ];
    assert!(wanted.iter().all(|(key, n)| sizes[key] == *n), "{sizes}");
    assert_eq!(report["parameters"]["by_dtype"]["Q8_0"], 352);
    assert_eq!(report["tokenizer"]["tokens"], 11);
    let first = &report["tensors"][0];
    assert_eq!(first["name"], "model.embed_tokens.weight");
    assert_eq!((&first["dtype"], &first["bytes"]), (&"Q8_0".into(), &374.into()));
    assert_eq!(first["shape"], serde_json::json!([11, 32]));
    let has = |key: &str| report.get(key).is_some();
    assert!(["path", "memory", "runs", "why_not", "shows"].into_iter().all(has));
}

#[test]
fn what_cannot_be_opened_fails_with_its_sentence() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("model.gguf", b"GGUF");
    write("old.pt", b"PK");
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, want) in
        [("model.gguf", "cut short"), ("old.pt", "can run code"), ("none", "cannot be read")]
    {
        let (code, out, err) = inspect(&[&path(name)]);
        assert_eq!((code, out.as_str()), (1, ""), "{name}");
        assert!(err.starts_with("error: ") && err.contains(want) && err.contains(name), "{err}");
    }
    assert!(Path::new(&path("old.pt")).exists());
    assert_eq!(inspect(&[]).0, 2);
}
