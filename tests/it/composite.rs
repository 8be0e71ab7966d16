//! Models that also see: the text part is run, in each form that folders and files of the whole have.

use std::{fs, path::Path};

use lookback::{
    analysis::reading::CheckpointCard,
    model::{Architecture, Setup},
    weights::Checkpoint,
};
use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{
    gguf::{Apart, Owned},
    tiny::{FOLDER, IDS, error_of, opened, opening_error, with_names},
    weights::f32s,
};

fn logits(path: &Path) -> Vec<f32> {
    let pass = opened(path).unwrap().run(&IDS, &Setup::default());
    pass.value("logits").unwrap().matrix().iter().copied().collect()
}

fn golden(name: &str) -> Vec<f32> {
    logits(&Path::new(FOLDER).join(name))
}

/// A tiny checkpoint, its settings changed, as the text part of a whole; `body` is what its names begin with there.
fn within(name: &str, whole: &Json, changes: &[(&str, Json)], body: &str) -> TempDir {
    let folder = with_names(name, changes, |tensor| match tensor.strip_prefix("model.") {
        Some(rest) => format!("{body}{rest}"),
        None => tensor.to_owned(),
    });
    let path = folder.path().join("config.json");
    let mut whole = whole.clone();
    whole["text_config"] = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    fs::write(path, whole.to_string()).unwrap();
    folder
}

#[test]
fn the_text_part_of_each_kind_is_the_model_that_it_is_alone() {
    for (kind, name, text_kind, body) in [
        ("llava_onevision", "qwen2", "qwen2", "language_model.model."),
        ("internvl", "qwen3", "qwen3", "language_model.model."),
        ("lfm2_vl", "lfm2", "lfm2", "model.language_model."),
        ("smolvlm", "llama_linear", "llama", "model.text_model."),
        ("idefics3", "llama_linear", "llama", "model.text_model."),
        ("qwen2_vl", "qwen2", "qwen2_vl_text", "model.language_model."),
        ("qwen2_5_vl", "qwen2", "qwen2_5_vl_text", "model."),
    ] {
        let changes = [("model_type", json!(text_kind))];
        let folder = within(name, &json!({"model_type": kind}), &changes, body);
        assert_eq!(logits(folder.path()), golden(name), "{kind}");
    }
}

/// Its words of a question see one another, which the text part alone leaves out and says.
#[test]
fn the_text_part_of_a_paligemma_is_a_gemma_that_says_what_the_whole_does_otherwise() {
    let changes = [("use_bidirectional_attention", json!(true))];
    let whole = json!({"model_type": "paligemma"});
    let folder = within("gemma", &whole, &changes, "language_model.model.");
    assert_eq!(logits(folder.path()), golden("gemma"));
    let (projector, path) = (folder.path().join("model.safetensors"), folder.path());
    let bytes = fs::read(&projector).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let ones = f32s(&[1.0; 4]);
    let one = TensorView::new(Dtype::F32, vec![4], &ones).unwrap();
    let tensors = file.tensors().into_iter();
    let tensors = tensors.chain([("multi_modal_projector.linear.bias".to_owned(), one)]);
    let written = serialize(tensors, None).unwrap();
    fs::write(&projector, written).unwrap();
    let checkpoint = Checkpoint::open(path).unwrap();
    let kind = Architecture::of(&checkpoint).unwrap();
    let left_out =
        CheckpointCard::of(&checkpoint, kind, &*kind.open(&checkpoint).unwrap()).left_out.unwrap();
    assert!(left_out.contains("see those after them too, here only those before"), "{left_out}");
}

/// As it was hosted first the settings of the text are among the others, and RoPE has the older key.
#[test]
fn qwen25_vl_opens_as_it_is_hosted_and_as_it_is_in_memory() {
    let read = fs::read(Path::new(FOLDER).join("qwen25_vl/config.json")).unwrap();
    let nested: Json = serde_json::from_slice(&read).unwrap();
    let mut flat = nested.as_object().unwrap().clone();
    let Some(Json::Object(text)) = flat.remove("text_config") else { panic!("no text part") };
    flat.extend(text);
    flat.insert("model_type".into(), nested["model_type"].clone());
    let rope = flat.remove("rope_parameters").unwrap();
    assert_eq!(rope["type"], "mrope");
    flat.insert("rope_theta".into(), rope["rope_theta"].clone());
    let sections = rope["mrope_section"].clone();
    flat.insert("rope_scaling".into(), json!({"type": "mrope", "mrope_section": sections}));
    let in_memory = |name: &str| match name.split_once('.') {
        Some(("model", rest)) => format!("model.language_model.{rest}"),
        Some(("visual", _)) => format!("model.{name}"),
        _ => name.to_owned(),
    };
    let as_hosted = with_names("qwen25_vl", &[], str::to_owned);
    fs::write(as_hosted.path().join("config.json"), Json::Object(flat).to_string()).unwrap();
    let as_held = with_names("qwen25_vl", &[], in_memory);
    for folder in [as_hosted, as_held] {
        assert_eq!(logits(folder.path()), golden("qwen25_vl"));
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        assert_eq!(checkpoint.whole(), Some("qwen2_5_vl"));
        Architecture::of(&checkpoint).unwrap().open(&checkpoint).unwrap();
        assert!(checkpoint.unused().is_empty() && checkpoint.of_other_parts().len() > 10);
    }
}

#[test]
fn gguf_files_of_qwens_that_see_are_those_of_their_text_parts() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model.gguf");
    for (name, architecture, title) in [
        ("qwen2", "qwen2vl", "Qwen2-VL"),
        ("qwen2", "qwen25vl", "Qwen2.5-VL"),
        ("qwen3", "qwen3vl", "Qwen3-VL"),
        ("qwen3_moe", "qwen3vlmoe", "Qwen3-VL-MoE"),
    ] {
        let file = fs::read(Path::new(FOLDER).join(format!("{name}.gguf"))).unwrap();
        fs::write(&path, Apart::read(&file).call(&name.replace('_', ""), architecture).written())
            .unwrap();
        assert_eq!(logits(&path), golden(&format!("{name}.gguf")), "{architecture}");
        let checkpoint = Checkpoint::open(&path).unwrap();
        assert_eq!(Architecture::of(&checkpoint).unwrap().title, title);
    }
}

#[test]
fn the_vision_part_within_a_gguf_file_is_named_as_such() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model.gguf");
    let mut file = Apart::read(&fs::read(Path::new(FOLDER).join("gemma3.gguf")).unwrap());
    for name in ["v.patch_embedding.weight", "mm.0.weight"] {
        let bytes = f32s(&[1.0; 4]);
        file.tensors.push(Owned { name: name.into(), sizes: vec![4], kind: 0, bytes });
    }
    fs::write(&path, file.written()).unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    let kind = Architecture::of(&checkpoint).unwrap();
    let model = kind.open(&checkpoint).unwrap();
    let left_out = CheckpointCard::of(&checkpoint, kind, &*model).left_out.unwrap();
    let want =
        "only the text part of this gemma3 is run; 2 tensors of its vision part are not read";
    assert_eq!(left_out, want);
}

/// The whole says it in newer files, its text part in older ones; a whole that says nothing has its own default.
#[test]
fn the_logits_are_tied_where_the_whole_or_its_text_part_says_so() {
    let folder = |kind: &str, of_whole: Option<bool>, of_text: bool| {
        let mut whole = json!({"model_type": kind});
        if let Some(tied) = of_whole {
            whole["tie_word_embeddings"] = json!(tied);
        }
        let changes = [("tie_word_embeddings", json!(of_text))];
        within("qwen2", &whole, &changes, "language_model.model.")
    };
    for (kind, of_whole, of_text) in [
        ("llava", Some(false), true),
        ("llava_next", Some(false), true),
        ("llava", Some(true), false),
        ("mistral3", None, false),
    ] {
        let folder = folder(kind, of_whole, of_text);
        assert_eq!(opening_error(folder.path()), "", "{kind}");
        assert_eq!(logits(folder.path()), golden("qwen2"), "{kind}");
    }
    let untied = folder("llava", Some(false), false);
    assert!(opening_error(untied.path()).contains("no `lm_head.weight`"));
}

/// A type that is known, but has parts that no model here has: all of them are said at once.
#[test]
fn a_gemma_3n_is_refused_with_the_names_of_all_that_is_missing() {
    for kind in ["gemma3n", "gemma3n_text"] {
        let error = error_of("gemma3", &[("model_type", json!(kind))]);
        for part in ["AltUp", "LAuReL", "activation sparsity", "those that can are"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!error.contains("nearest"), "{error}");
    }
}
