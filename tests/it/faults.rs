//! Checkpoints that are whole and still do not open, or open only in part: which setting, type or tensor it is.

use std::{fs, path::Path};

use crate::support::{
    program::run,
    weights::{Gguf, safetensors},
};
use lookback::{
    analysis::reading::Reader,
    model::ModelName,
    weights::{Checkpoint, ExpectedWeight, WeightLayout},
};
use tempfile::TempDir;

const GOLDEN: &str = "tests/goldens/checkpoints";

/// A copy of a small model.
fn copy(of: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for entry in fs::read_dir(Path::new(GOLDEN).join(of)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    folder
}

/// Rewrites config.json.
fn configure(folder: &Path, change: impl Fn(&mut serde_json::Map<String, serde_json::Value>)) {
    let path = folder.join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(config.as_object_mut().unwrap());
    fs::write(path, config.to_string()).unwrap();
}

/// Rewrites the tensors: name, dtype, shape, bytes.
fn rewrite(folder: &Path, change: impl Fn(&mut Vec<(String, String, Vec<usize>, Vec<u8>)>)) {
    let path = folder.join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let file = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut all = file
        .iter()
        .map(|(name, view)| {
            let dtype = view.dtype().to_string();
            (name.to_owned(), dtype, view.shape().to_vec(), view.data().to_vec())
        })
        .collect();
    change(&mut all);
    let all: Vec<(&str, &str, &[usize], Vec<u8>)> =
        all.iter().map(|(n, d, s, b)| (n.as_str(), d.as_str(), s.as_slice(), b.clone())).collect();
    fs::write(path, safetensors(&all)).unwrap();
}

fn opened(folder: &Path) -> anyhow::Result<Reader> {
    Reader::open(&Checkpoint::open(folder)?, true)
}

fn refused(folder: &Path) -> String {
    let error = format!("{:#}", opened(folder).err().unwrap());
    assert!(!error.contains("fetch it again"), "{error}");
    error
}

#[test]
fn quantised_folders_say_by_which_method() {
    let folder = copy("llama_linear");
    configure(folder.path(), |config| {
        let how = serde_json::json!({"quant_method": "hqq", "bits": 4});
        config.insert("quantization_config".into(), how);
    });
    let note = left_out(folder.path()).expect("tensors that are there are read, which is said");
    assert!(note.contains("quantised by hqq") && note.contains("plain numbers"), "{note}");
    rewrite(folder.path(), |tensors| {
        for (name, ..) in tensors.iter_mut().filter(|(name, ..)| name.contains("q_proj")) {
            *name = name.replace(".weight", ".qweight");
        }
    });
    let error = refused(folder.path());
    assert!(
        error.contains("config.json: `quantization_config`") && error.contains("hqq"),
        "{error}"
    );
}

#[test]
fn tensors_in_a_form_that_is_not_read_say_which() {
    let folder = copy("llama_linear");
    rewrite(folder.path(), |tensors| {
        for (_, dtype, shape, bytes) in tensors.iter_mut().filter(|(n, ..)| n.contains("_proj")) {
            *dtype = "F8_E4M3".into();
            bytes.truncate(shape.iter().product());
        }
    });
    let error = refused(folder.path());
    assert!(error.contains("others have dtype F8_E4M3, which is not supported"), "{error}");
}

/// Numbers of eight bytes are taken as the nearest of four.
#[test]
fn weights_of_eight_bytes_are_read() {
    let folder = copy("llama3_saved");
    let logits = || {
        let reading = opened(folder.path()).unwrap().read("the old man").unwrap();
        let trace = reading.trace(ModelName::Checkpoint);
        trace.value("logits").unwrap().numbers().map(f32::to_bits).collect::<Vec<_>>()
    };
    let plain = logits();
    rewrite(folder.path(), |tensors| {
        for (_, dtype, _, bytes) in tensors.iter_mut() {
            assert_eq!(dtype, "F32");
            let fours = bytes.as_chunks::<4>().0;
            let numbers = fours.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
            *bytes = numbers.flat_map(f64::to_le_bytes).collect();
            *dtype = "F64".into();
        }
    });
    assert_eq!(logits(), plain);
}

#[test]
fn the_newest_types_of_gguf_have_names() {
    for (kind, name, bytes) in [(9, "Q8_1", 80), (41, "Q1_0", 18), (77, "number 77", 0)] {
        let mut file = Gguf::default();
        file.0.extend(b"GGUF");
        file.u32(3).u64(1).u64(1).text("general.architecture").u32(8).text("llama");
        file.tensor("token_embd.weight", &[if kind == 41 { 128 } else { 64 }, 1], kind, 0);
        while !file.0.len().is_multiple_of(32) {
            file.0.push(0);
        }
        file.0.resize(file.0.len() + bytes, 0);
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("m.gguf");
        fs::write(&path, &file.0).unwrap();
        let checkpoint = Checkpoint::open(&path).unwrap();
        assert_eq!(
            (checkpoint.tensors()[0].dtype.as_str(), checkpoint.n_bytes()),
            (name, bytes as u64)
        );
        let n = checkpoint.tensors()[0].shape[1];
        let wanted =
            ExpectedWeight::new("e", "model.embed_tokens.weight", (1, n), WeightLayout::Table);
        let error = checkpoint.weights(&[wanted]).err().unwrap().to_string();
        assert!(error.contains(&format!("`token_embd.weight` has dtype {name}, which")), "{error}");
    }
}

#[test]
fn a_model_without_a_map_to_the_logits_says_which_setting_it_would_need() {
    let folder = copy("llama_linear");
    let without = |tensors: &mut Vec<(String, String, Vec<usize>, Vec<u8>)>| {
        tensors.retain(|(name, ..)| name != "lm_head.weight");
    };
    rewrite(folder.path(), without);
    configure(folder.path(), |config| drop(config.remove("tie_word_embeddings")));
    let error = refused(folder.path());
    assert!(error.contains("has no `lm_head.weight`"), "{error}");
    assert!(error.contains("does not have `tie_word_embeddings`, which is false then"), "{error}");
    configure(folder.path(), |config| {
        drop(config.insert("tie_word_embeddings".into(), false.into()));
    });
    assert!(refused(folder.path()).contains("says that `tie_word_embeddings` is false"));
    configure(folder.path(), |config| {
        drop(config.insert("tie_word_embeddings".into(), true.into()));
    });
    assert!(opened(folder.path()).is_ok());
}

/// What of the file the model leaves out.
fn left_out(folder: &Path) -> Option<String> {
    let reading = opened(folder).unwrap().read("the").unwrap();
    reading.card.as_ref().unwrap().left_out.clone()
}

#[test]
fn tensors_that_nobody_reads_are_mentioned() {
    let folder = copy("llama_linear");
    assert_eq!(left_out(folder.path()), None);
    let inv_freq = ("model.layers.0.self_attn.rotary_emb.inv_freq", 4);
    for (name, n) in [inv_freq, ("model.layers.0.self_attn.q_norm.weight", 8)] {
        rewrite(folder.path(), |tensors| {
            tensors.push((name.to_owned(), "F32".into(), vec![n], vec![0; 4 * n]));
        });
    }
    let left_out = left_out(folder.path()).unwrap();
    assert!(left_out.ends_with("not use: model.layers.0.self_attn.q_norm.weight"), "{left_out}");
    let path = folder.path().to_str().unwrap();
    let notes = run(&["trace", "--list", "--model", path, "the"]).err;
    assert!(notes.contains("note: the file has tensors") && notes.contains("q_norm"), "{notes}");
}

/// Layers of multi-token prediction: under a name of their own, or behind the model's layers.
#[test]
fn layers_that_guess_further_tokens_are_called_that() {
    for (of, name) in [
        ("qwen35", "mtp.fc.weight"),
        ("qwen3_next", "mtp.layers.0.mlp.gate.weight"),
        ("deepseek_v3", "model.layers.9.eh_proj.weight"),
    ] {
        let folder = copy(of);
        assert_eq!(left_out(folder.path()), None);
        configure(folder.path(), |config| {
            drop(config.insert("num_nextn_predict_layers".into(), 1.into()));
        });
        rewrite(folder.path(), |tensors| {
            tensors.push((name.to_owned(), "F32".into(), vec![8], vec![0; 32]));
        });
        let left_out = left_out(folder.path()).unwrap();
        assert!(
            left_out.contains("guess further tokens ahead are not read (tensors: 1)"),
            "{left_out}"
        );
    }
}

#[test]
fn every_tensor_of_the_small_models_is_read_or_spare() {
    for entry in fs::read_dir(GOLDEN).unwrap() {
        let path = entry.unwrap().path();
        let is_checkpoint = path.join("config.json").exists()
            || path.extension().is_some_and(|end| end == "gguf")
                && !path.to_string_lossy().contains("quants");
        let Some(checkpoint) = is_checkpoint.then(|| Checkpoint::open(&path).unwrap()) else {
            continue;
        };
        let Ok(_) = Reader::open(&checkpoint, true) else { continue };
        let unused: Vec<&str> = checkpoint.unused().iter().map(|t| t.name.as_str()).collect();
        assert!(unused.is_empty(), "{}: {unused:?}", path.display());
    }
}

#[test]
fn a_head_that_is_not_run_is_mentioned() {
    let folder = copy("minilm");
    configure(folder.path(), |config| {
        let class = serde_json::json!(["BertForSequenceClassification"]);
        config.insert("architectures".into(), class);
    });
    rewrite(folder.path(), |tensors| {
        tensors.push(("classifier.weight".into(), "F32".into(), vec![2, 1], vec![0; 8]));
        tensors.push(("classifier.bias".into(), "F32".into(), vec![2], vec![0; 8]));
    });
    let left_out = left_out(folder.path()).unwrap();
    assert!(
        left_out.starts_with("the head of BertForSequenceClassification is not run"),
        "{left_out}"
    );
    assert!(left_out.contains("classifier.weight and 1 other tensor"), "{left_out}");
}

#[test]
fn a_checkpoint_reads_white_space_and_line_ends() {
    let reader = opened(copy("gpt2").path()).unwrap();
    let ids = |text: &str| reader.tokenizer().sentence(text).map(|sentence| sentence.ids());
    let (with, without) = (ids("the old man\n").unwrap(), ids("the old man").unwrap());
    assert!(with.len() > without.len() && with.starts_with(&without), "{with:?} {without:?}");
    assert!(!ids(" \n").unwrap().is_empty());
    assert!(ids("").is_err());
    let built_in = Reader::embedded().unwrap();
    assert!(built_in.tokenizer().sentence(" \n").is_err());
}
