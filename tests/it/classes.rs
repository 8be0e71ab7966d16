//! Heads that sort texts and tokens into classes: their names, and what the program says with them. The numbers are compared
//! in `checkpoints.rs`.

use std::{fs, path::Path, sync::Arc};

use lookback::{
    analysis::reading::{Card, Reader},
    lesson::{Language, Lesson},
    model::{Architecture, ModelName},
    ui::{
        app::{Action, State, update},
        theme::Theme,
    },
    weights::Checkpoint,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{
    program::{Run, run},
    tiny::with_names,
    walk::{drawn_text, press},
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
    Card::of(&checkpoint, kind, &*model).left_out
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
