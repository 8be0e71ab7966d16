//! Heads that sort texts and tokens into classes: their names, and what the program says with them. The numbers of encoders
//! are compared in `checkpoints.rs`, those of decoders here.

use std::{fs, path::Path, sync::Arc};

use lookback::{
    analysis::reading::{CheckpointCard, Reader},
    lesson::{Language, Lesson},
    model::{Architecture, ModelName, Pass, Setup},
    ui::{
        app::{Action, State, update},
        theme::Theme,
    },
    weights::Checkpoint,
};
use safetensors::{Dtype, SafeTensors, serialize_to_file, tensor::TensorView};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{
    gguf::{Apart, Owned},
    program::{Run, run},
    tiny::{IDS, error_of, opened, with_names},
    walk::{drawn_text, press},
    weights::{Gguf, counted, f32s},
};

const CHECKPOINTS: &str = "tests/goldens/checkpoints";

fn lookback(args: &[&str]) -> String {
    let Run { code, out, err } = run(args);
    assert_eq!(code, 0, "{err}");
    assert!(!err.contains("is not run"), "{err}");
    out
}

/// The names of the classes of a tiny checkpoint with settings changed.
fn classes(name: &str, change: impl Fn(&mut Json)) -> Vec<String> {
    let from = Path::new(CHECKPOINTS).join(name);
    let folder = TempDir::new().unwrap();
    let mut config: Json =
        serde_json::from_slice(&fs::read(from.join("config.json")).unwrap()).unwrap();
    change(&mut config);
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    fs::copy(from.join("model.safetensors"), folder.path().join("model.safetensors")).unwrap();
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let model = Architecture::of(&checkpoint).unwrap().open(&checkpoint).unwrap();
    model.classes().to_vec()
}

#[test]
fn classes_have_the_names_of_the_settings_and_numbers_without() {
    assert_eq!(classes("bert_text", |_| ()), ["bad", "so so", "good"]);
    assert_eq!(classes("bert_tokens", |_| ()), ["O", "B-PER"]);
    assert_eq!(classes("electra_replaced", |_| ()), ["replaced"]);
    let unnamed =
        classes("bert_text", |config| drop(config.as_object_mut().unwrap().remove("id2label")));
    assert_eq!(unnamed, ["LABEL_0", "LABEL_1", "LABEL_2"]);
    let odd = classes("bert_text", |config| config["id2label"] = json!({"0": "\u{1b}[2J", "2": 5}));
    assert_eq!(odd, ["␛[2J", "LABEL_1", "LABEL_2"]);
    assert!(classes("mpnet", |_| ()).is_empty());
}

#[test]
fn the_walk_names_the_classes_and_explains_the_head() {
    let model = format!("{CHECKPOINTS}/bert_text");
    let walk = lookback(&["the birds sleep", "--model", &model]);
    for part in ["Which class", "bad, so so, good"] {
        assert!(walk.contains(part), "{part}: {walk}");
    }
    let cell = lookback(&["open", "classes.probs[0,2]", "the birds sleep", "--model", &model]);
    assert!(cell.contains("class 2 \"good\""), "{cell}");
    let traced = lookback(&[
        "trace",
        "the birds sleep",
        "--model",
        &model,
        "--sites",
        "classes.*",
        "--list",
    ]);
    assert!(traced.contains("classes.logits\t-,class\t1x3\t"), "{traced}");
    let tokens = format!("{CHECKPOINTS}/bert_tokens");
    assert!(lookback(&["steps", "the birds", "--model", &tokens]).contains("own-classes"));
}

/// What is said of a BERT of a class whose head's weight and bias have these names.
fn left_out(class: &str, [weight, bias]: [&str; 2]) -> Option<String> {
    let changes = [("architectures", json!([class]))];
    let folder = with_names("bert_text", &changes, |name| match name {
        "classifier.weight" => weight.into(),
        "classifier.bias" => bias.into(),
        other => other.into(),
    });
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let kind = Architecture::of(&checkpoint).unwrap();
    let model = kind.open(&checkpoint).unwrap();
    CheckpointCard::of(&checkpoint, kind, &*model).left_out
}

/// The head for the next sentence is left out in silence beside one for masked words, and nowhere else.
#[test]
fn a_head_that_is_not_run_is_named() {
    let class = "BertForNextSentencePrediction";
    let [weight, bias] = ["cls.seq_relationship.weight", "cls.seq_relationship.bias"];
    let note = left_out(class, [weight, bias]).unwrap();
    for part in [class, "is not run", "cls.seq_relationship.bias and 1 other"] {
        assert!(note.contains(part), "{note}");
    }
    let words = "cls.predictions.decoder.weight";
    assert_eq!(left_out("BertForPreTraining", [words, bias]), None);
}

#[test]
fn what_a_variant_computes_in_another_way_is_refused_by_its_setting() {
    let refused = |name: &str, key: &str, value: Json| {
        let from = Path::new(CHECKPOINTS).join(name);
        let folder = TempDir::new().unwrap();
        let mut config: Json =
            serde_json::from_slice(&fs::read(from.join("config.json")).unwrap()).unwrap();
        config[key] = value;
        fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        fs::copy(from.join("model.safetensors"), folder.path().join("model.safetensors")).unwrap();
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        let opened = Architecture::of(&checkpoint).unwrap().open(&checkpoint);
        let error = format!("{:#}", opened.err().unwrap());
        assert!(error.contains(&format!("`{key}`")), "{error}");
    };
    refused("albert", "num_hidden_groups", json!(2));
    refused("albert", "inner_group_num", json!(2));
    refused("mpnet", "relative_attention_num_buckets", json!(16));
}

#[test]
fn the_inspector_names_the_class() {
    let checkpoint = Checkpoint::open(&Path::new(CHECKPOINTS).join("bert_text")).unwrap();
    let reading = Reader::open(&checkpoint, true).unwrap().read("the birds sleep").unwrap();
    let lesson = Lesson::for_checkpoint(Language::English).unwrap();
    let lesson = lesson.fitting(reading.trace(ModelName::Checkpoint));
    let mut state = State::new(Arc::new(lesson), Theme::default());
    update(&mut state, Action::Read(Ok(Arc::new(reading))));
    press(&mut state, ": c l a s s e s . p r o b s [ 0 , 2 ] Enter");
    let screen = drawn_text(&state, 120, 36);
    assert!(screen.contains("class 2 “good”"), "{screen}");
}

/// A tiny decoder of a class whose head has these tensors, in the place of a map to the logits; its padding is the last
/// token that is read.
fn with_head(name: &str, class: &str, head: &[(&str, &[usize])]) -> TempDir {
    let changes = [
        ("architectures", json!([class])),
        ("pad_token_id", json!(IDS[6])),
        ("id2label", json!({"0": "bad", "1": "good"})),
    ];
    let folder = with_names(name, &changes, |name| match name.strip_prefix("model.") {
        Some(rest) if class == "LlamaForQuestionAnswering" => format!("transformer.{rest}"),
        _ => name.to_owned(),
    });
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers: Vec<Vec<u8>> =
        head.iter().map(|(_, shape)| f32s(&counted(shape.iter().product()))).collect();
    let added = head.iter().zip(&numbers).map(|((name, shape), bytes)| {
        ((*name).to_owned(), TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap())
    });
    let kept = file.tensors().into_iter().filter(|(name, _)| name != "lm_head.weight");
    serialize_to_file(kept.chain(added), None, &path).unwrap();
    folder
}

/// Compares the scores of classes with those that the rows of the last norm give; `bias` says whether there is one.
#[track_caller]
fn assert_scores(pass: &Pass, rows: &[usize], n: usize, bias: bool) {
    assert!(pass.value("logits").is_none() && pass.output.is_empty());
    let (x, got) = (pass.value("final_norm.out").unwrap(), pass.value("classes.logits").unwrap());
    for (i, &row) in rows.iter().enumerate() {
        let x = x.row(0, row);
        for (class, got) in got.row(0, i).into_iter().enumerate() {
            let weights = (0..x.len()).map(|j| (class * x.len() + j) as f32);
            let sum: f32 = weights.zip(&x).map(|(w, x)| w * x).sum();
            let want = sum + if bias { class as f32 } else { 0.0 };
            assert!((got - want).abs() <= 1e-4 * want.abs().max(10.0), "{row}: {got}, want {want}");
        }
    }
    assert_eq!(got.row(0, 0).len(), n);
}

#[test]
fn a_decoder_sorts_a_text_by_its_last_token_whether_it_is_tied_or_not() {
    for (name, class, width) in [
        ("qwen3", "Qwen3ForSequenceClassification", 22),
        ("llama_linear", "LlamaForSequenceClassification", 30),
        ("gpt2", "GPT2ForSequenceClassification", 30),
    ] {
        let folder = with_head(name, class, &[("score.weight", &[2, width])]);
        let model = opened(folder.path()).unwrap();
        let pass = model.run(&IDS, &Setup::default());
        // The last is padding.
        assert_scores(&pass, &[5], 2, false);
        assert_eq!(model.classes(), ["bad", "good"]);
        assert!(pass.value("classes.probs").is_some() && model.writer(&Setup::default()).is_none());
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        let kind = Architecture::of(&checkpoint).unwrap();
        let model = kind.open(&checkpoint).unwrap();
        assert_eq!(CheckpointCard::of(&checkpoint, kind, &*model).left_out, None, "{name}");
    }
}

#[test]
fn a_decoder_that_sorts_texts_says_why_from_the_row_that_its_head_reads() {
    let folder =
        with_head("llama_linear", "LlamaForSequenceClassification", &[("score.weight", &[2, 30])]);
    let tokenizer = Path::new(CHECKPOINTS).join("llama_linear/tokenizer.json");
    fs::copy(tokenizer, folder.path().join("tokenizer.json")).unwrap();
    let reader = Reader::open(&Checkpoint::open(folder.path()).unwrap(), true).unwrap();
    let reading = reader.read("The river was wide.").unwrap();
    let lesson = Lesson::for_checkpoint(Language::English).unwrap();
    let lesson = lesson.fitting(reading.trace(ModelName::Checkpoint));
    let ids: Vec<&str> = lesson.steps().iter().map(|(_, step)| step.id.as_str()).collect();
    for id in ["own-class-which-part", "own-class-flow", "own-class-patching"] {
        assert!(ids.contains(&id), "{id}: {ids:?}");
    }
    let run = reading.run(ModelName::Checkpoint, None).unwrap();
    let last = run.pass.source.len() - 1;
    assert_ne!(last, 0);
    assert_eq!(run.stream_row(0), last);
    let out =
        lookback(&["flow", "--model", folder.path().to_str().unwrap(), "The river was wide."]);
    assert!(!out.contains("the last row of \"The\""), "{out}");
}

#[test]
fn a_decoder_sorts_each_token_and_finds_an_answer() {
    let every: Vec<usize> = (0..IDS.len()).collect();
    for (name, class, map, width) in [
        ("qwen3", "Qwen3ForTokenClassification", "score", 22),
        ("gpt2", "GPT2ForTokenClassification", "classifier", 30),
        ("qwen3", "Qwen3ForQuestionAnswering", "qa_outputs", 22),
        ("llama_linear", "LlamaForQuestionAnswering", "qa_outputs", 30),
    ] {
        let (weight, bias) = (format!("{map}.weight"), format!("{map}.bias"));
        let folder = with_head(name, class, &[(&weight, &[2, width]), (&bias, &[2])]);
        let pass = opened(folder.path()).unwrap().run(&IDS, &Setup::default());
        assert_scores(&pass, &every, 2, true);
        let has_answer = pass.value("answer.start_probs").is_some();
        assert_eq!(has_answer, class.ends_with("ForQuestionAnswering"), "{class}");
    }
}

/// With a table that could make logits or without: what the model was trained for is missing in both.
#[test]
fn a_decoder_whose_head_is_not_there_is_refused_whether_it_is_tied_or_not() {
    for name in ["qwen3", "llama_linear"] {
        let changes = [("architectures", json!(["OtherForRewardModel"]))];
        let folder = with_names(name, &changes, |name| match name {
            "lm_head.weight" => "v_head.weight".into(),
            other => other.into(),
        });
        let error = format!("{:#}", opened(folder.path()).err().unwrap());
        assert!(error.contains("is a `OtherForRewardModel`, whose head is not run"), "{error}");
    }
    let tied = error_of("qwen3", &[("architectures", json!(["Qwen3ForSequenceClassification"]))]);
    assert!(tied.contains("whose head is not run"), "{tied}");
    assert_eq!(error_of("qwen3", &[("architectures", json!(["Qwen3ForCausalLM"]))]), "");
}

/// Pooling type 4 of GGUF is a score, of which the file has the map.
#[test]
fn a_reranker_in_gguf_has_its_scores_and_is_refused_without_them() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model.gguf");
    let mut file = Apart::read(&fs::read(Path::new(CHECKPOINTS).join("qwen3.gguf")).unwrap());
    let mut labels = Gguf::default();
    labels.u32(8).u64(2).text("yes").text("no");
    file.number("qwen3.pooling_type", 4);
    file.entries.push(("qwen3.classifier.output_labels".into(), 9, labels.0));
    fs::write(&path, file.written()).unwrap();
    let error = format!("{:#}", opened(&path).err().unwrap());
    assert!(error.contains("`pooling_type` is `4`") && error.contains("cls.output"), "{error}");
    let (name, bytes) = ("cls.output.weight".into(), f32s(&counted(44)));
    file.tensors.push(Owned { name, sizes: vec![22, 2], kind: 0, bytes });
    fs::write(&path, file.written()).unwrap();
    let model = opened(&path).unwrap();
    assert_eq!(model.classes(), ["yes", "no"]);
    assert_scores(&model.run(&IDS, &Setup::default()), &[6], 2, false);
}
