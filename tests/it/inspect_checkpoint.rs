//! `lookback inspect`: what it says of checkpoints, and of what is none.

use std::{fs, path::Path};

use crate::support::{
    program::{Run, program},
    weights::{counted, f32s, safetensors},
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

fn inspect(args: &[&str]) -> Run {
    Run::of(program().arg("inspect").args(args))
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
    let Run { code, out, err } = inspect(&[folder.path().to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("architecture  GPT-2 (gpt2)\n"), "{out}");
    assert!(out.contains("layers        2\n") && out.contains("parameters    66 (F32)\n"), "{out}");
    assert!(out.contains("h.0.ln_1.weight") && out.contains("is missing, want (6)"), "{out}");
    assert!(out.contains("  wte.weight  11 x 6  F32  264 bytes\n"), "{out}");
    assert!(out.contains("a<U+202E>b"), "{out}");
}

#[test]
fn another_architecture_names_those_that_can_be_run() {
    let folder = lacking(r#"{"model_type":"mamba\u001b[2J","hidden_size":6}"#);
    let Run { code, out, .. } = inspect(&[folder.path().to_str().unwrap()]);
    assert_eq!(code, 0);
    assert!(out.contains("type `mamba␛[2J`, which cannot be run") && out.contains("gpt2"), "{out}");
    assert!(out.contains("d_model       6\n") && out.contains("tokenizer     none\n"), "{out}");
}

#[test]
fn json_has_every_field() {
    let Run { code, out, .. } = inspect(&["tests/goldens/quants/llama.gguf", "--json"]);
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
    assert_eq!(first["shape"], json!([11, 32]));
    let has = |key: &str| report.get(key).is_some();
    assert!(["path", "memory", "runs", "why_not", "note", "shows"].into_iter().all(has));
}

#[test]
fn what_of_a_checkpoint_is_left_out_is_said() {
    let Run { out, .. } = inspect(&["tests/goldens/checkpoints/gemma3_sees"]);
    assert!(out.contains("note          only the text part of this gemma3 is run"), "{out}");
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
        let Run { code, out, err } = inspect(&[&path(name)]);
        assert_eq!((code, out.as_str()), (1, ""), "{name}");
        assert!(err.starts_with("error: ") && err.contains(want) && err.contains(name), "{err}");
    }
    assert!(Path::new(&path("old.pt")).exists());
    assert_eq!(inspect(&[]).code, 2);
}

/// A tiny checkpoint of the goldens in a folder of its own, its parts changed.
fn copy(name: &str, change: impl Fn(&str, Vec<u8>) -> Vec<u8>) -> TempDir {
    let folder = TempDir::new().unwrap();
    for entry in fs::read_dir(Path::new("tests/goldens/checkpoints").join(name)).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        fs::write(folder.path().join(&file), change(&file, fs::read(&path).unwrap())).unwrap();
    }
    folder
}

fn report(path: &str) -> Json {
    let Run { code, out, err } = inspect(&[path, "--json"]);
    assert_eq!((code, err.as_str()), (0, ""), "{path}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn what_the_model_does_not_read_is_no_parameter() {
    let Run { out, .. } = inspect(&["tests/goldens/checkpoints/gpt2", "--tensors"]);
    assert!(out.contains("parameters    29,181 (F32)\n"), "{out}");
    assert!(out.lines().any(|line| line.contains("h.0.attn.bias") && line.ends_with("  not used")));
    assert!(out.lines().any(|l| l.contains("h.0.attn.c_attn.bias") && !l.contains("not used")));
    let report = report("tests/goldens/checkpoints/llama3.gguf");
    let all = report["tensors"].as_array().unwrap();
    assert!(all.len() > 10, "only {} tensors", all.len());
    assert!(all.iter().all(|tensor| tensor["used"] == true), "the factors of RoPE are used too");
}

#[test]
fn both_stacks_of_a_translator_have_their_sizes() {
    let sizes = report("tests/goldens/checkpoints/marian")["sizes"].clone();
    let wanted = [("layers", 2), ("heads", 4), ("d_ff", 37)];
    let decoder = [("decoder_layers", 3), ("decoder_heads", 2), ("decoder_d_ff", 41)];
    assert!(wanted.iter().chain(&decoder).all(|(key, n)| sizes[key] == *n), "{sizes}");
}

#[test]
fn every_kind_says_what_a_pass_takes_and_a_walk_more() {
    for name in ["gpt2", "llama3.gguf", "minilm", "t5", "lstm"] {
        let memory = report(&format!("tests/goldens/checkpoints/{name}"))["memory"].clone();
        let passes = memory["passes"].as_array().unwrap().clone();
        assert!(!passes.is_empty(), "{name}");
        for pass in passes {
            let [bytes, walk] = ["bytes", "walk"].map(|key| pass[key].as_u64().unwrap());
            assert!(0 < bytes && bytes < walk, "{name}: {pass}");
        }
    }
}

#[test]
fn tensors_of_a_gguf_file_have_their_own_names_and_hugging_faces() {
    let first = report("tests/goldens/quants/llama.gguf")["tensors"][0].clone();
    assert_eq!(first["name"], "model.embed_tokens.weight");
    assert_eq!(first["name_in_file"], "token_embd.weight");
    let Run { out, .. } = inspect(&["tests/goldens/quants/llama.gguf"]);
    assert!(out.contains("  token_embd.weight"), "{out}");
}

#[test]
fn weights_that_are_no_numbers_are_named() {
    // The end of the file is the last number of its last tensor.
    let folder = copy("rnn", |file, mut bytes| {
        if file == "model.safetensors" {
            let end = bytes.len();
            bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        }
        bytes
    });
    let report = report(folder.path().to_str().unwrap());
    let odd = |tensor: &&Json| !tensor["not_finite"].is_null();
    let odd: Vec<&Json> = report["tensors"].as_array().unwrap().iter().filter(odd).collect();
    assert_eq!(odd.len(), 1, "{odd:?}");
    assert_eq!(
        (&odd[0]["not_finite"]["count"], &odd[0]["not_finite"]["value"]),
        (&1.into(), &"NaN".into())
    );
    let Run { out, .. } = inspect(&[folder.path().to_str().unwrap()]);
    assert!(out.contains("not finite    1 of "), "{out}");
}

/// The library that makes tokens panics over some files; nothing of that reaches the screen.
#[test]
fn a_tokenizer_that_cannot_work_is_reported_in_one_line() {
    let folder = copy("rnn", |file, bytes| {
        let text = String::from_utf8_lossy(&bytes);
        match file {
            "tokenizer.json" => {
                let mut tokenizer: Json = serde_json::from_str(&text).unwrap();
                let broken = json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"});
                tokenizer["normalizer"] = broken;
                tokenizer.to_string().into_bytes()
            }
            _ => bytes,
        }
    });
    let Run { code, out, err } = inspect(&[folder.path().to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("tokenizer.json: the tokenizer is damaged"), "{out}");
    assert!(out.contains("which does not load"), "{out}");
}

#[test]
fn a_missing_tokenizer_is_reported_with_its_path_and_what_makes_one() {
    let folder = copy("rnn", |_, bytes| bytes);
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    let Run { out, .. } = inspect(&[folder.path().to_str().unwrap()]);
    assert!(out.contains("tokenizer.json is missing") && out.contains("save_pretrained"), "{out}");
}

#[test]
fn settings_of_a_wrong_kind_are_reported_with_file_and_key() {
    let folder = copy("llama3", |file, bytes| match file {
        "config.json" => String::from_utf8(bytes).unwrap().replace("silu", "tanhexp").into_bytes(),
        _ => bytes,
    });
    let Run { out, .. } = inspect(&[folder.path().to_str().unwrap()]);
    assert!(out.contains("config.json: `hidden_act`: the activation `tanhexp`"), "{out}");
}
