//! Chats: templates as transformers renders them (`assets/training/chat_golden.py`), the tokens that a checkpoint reads of
//! them, and what the command line says.

use std::{fs, path::Path};

use lookback::{
    analysis::reading::Reader,
    text::{ChatTemplate, SpecialTexts},
    weights::Checkpoint,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{
    program::{Run, program},
    weights::Gguf,
};

const CHECKPOINTS: &str = "tests/goldens/checkpoints";
/// The day that the references were made for.
const SECONDS: u64 = 1_720_000_000;

fn lines(name: &str) -> Vec<Json> {
    let text = fs::read_to_string(format!("tests/goldens/{name}.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(case: &Json, key: &str) -> Option<String> {
    case[key].as_str().map(str::to_owned)
}

fn template(case: &Json) -> ChatTemplate {
    ChatTemplate::new(text(case, "template").unwrap(), text(case, "system"), SECONDS)
}

#[test]
fn templates_are_rendered_as_transformers_renders_them() {
    let cases = lines("chat");
    assert!(cases.len() >= 36);
    let (mut n_texts, mut n_errors) = (0, 0);
    for case in cases {
        let tokens = case.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("_token"));
        let specials = tokens.map(|(name, token)| (name.clone(), token.as_str().unwrap().into()));
        let specials = SpecialTexts(specials.collect());
        let sentence = text(&case, "sentence").unwrap();
        let got = template(&case).render(&sentence, &specials);
        let name = text(&case, "name").unwrap();
        if let Some(want) = text(&case, "text") {
            n_texts += 1;
            let got = got.unwrap_or_else(|e| panic!("{name}: {e:#}"));
            assert_eq!(got.text, want, "{name}");
            assert_eq!(got.text[got.sentence].trim(), sentence.trim(), "{name}");
        } else {
            n_errors += 1;
            let error = format!("{:#}", got.unwrap_err());
            assert!(error.contains(case["error"].as_str().unwrap()), "{name}: {error}");
        }
    }
    assert!(n_texts > 30 && n_errors > 0, "{n_texts} {n_errors}");
}

#[test]
fn a_checkpoint_reads_the_tokens_of_its_template_and_no_special_token_twice() {
    for case in lines("chat_ids") {
        let path = Path::new(CHECKPOINTS).join(case["checkpoint"].as_str().unwrap());
        let checkpoint = Checkpoint::open(&path).unwrap();
        let reader = Reader::open(&checkpoint, true).unwrap().in_chat(template(&case));
        let reading = reader.read(case["sentence"].as_str().unwrap()).unwrap();
        let want: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        let [first, end]: [usize; 2] = serde_json::from_value(case["typed"].clone()).unwrap();
        assert_eq!(reading.sentence.ids(), want, "{case}");
        assert_eq!(reading.sentence.typed, Some(first..end), "{case}");
        assert_eq!(reading.sentence.text, case["sentence"].as_str().unwrap());
    }
}

/// A copy of a checkpoint with a file more.
fn with_file(name: &str, file: &str, content: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for part in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(Path::new(CHECKPOINTS).join(name).join(part), folder.path().join(part)).unwrap();
    }
    fs::write(folder.path().join(file), content).unwrap();
    folder
}

fn lookback(args: &[&str]) -> Run {
    Run::of(program().args(args).env("SOURCE_DATE_EPOCH", SECONDS.to_string()))
}

const TEMPLATE: &str =
    "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<answer>";

#[test]
fn the_command_line_reads_a_sentence_as_a_message() {
    let folder = with_file("llama3", "chat_template.jinja", TEMPLATE);
    let path = folder.path().to_str().unwrap();
    let source = |more: &[&str]| {
        let args = ["trace", "a lamp sang", "--model", path, "--sites", "logits"];
        let Run { code, out, err } = lookback(&[&args[..], more].concat());
        assert_eq!(code, 0, "{err}");
        let trace: Json = serde_json::from_str(&out).unwrap();
        let tokens = trace["tokens"]["source"].as_array().unwrap();
        let text: Vec<String> =
            tokens.iter().map(|t| t["text"].as_str().unwrap().to_owned()).collect();
        (text.concat(), err)
    };
    let (plain, note) = source(&[]);
    assert!(note.contains("has a chat template") && note.contains("--chat"), "{note}");
    assert_eq!(note.matches("chat template").count(), 1, "{note}");
    let (chat, note) = source(&["--chat", "--system", "Be brief."]);
    assert!(!note.contains("chat template"), "{note}");
    assert!(chat.contains("<system>Be·brief.<user>a·lamp·sang<answer>"), "{chat}");
    let begin: String = plain.chars().take_while(|c| *c != 'a').collect();
    assert!(chat.starts_with(&begin) && chat.matches(&begin).count() == 1, "{begin} {chat}");
}

/// config.json has a beginning token, and ends that another file may list in any order.
#[test]
fn a_template_has_the_tokens_that_tokenizer_config_names() {
    let template = "{{ bos_token }}{{ eos_token }}{{ messages[0].content }}";
    let config =
        json!({"chat_template": template, "bos_token": null, "eos_token": "<|end_of_text|>"});
    let folder = with_file("llama3", "tokenizer_config.json", &config.to_string());
    let generation = json!({"eos_token_id": [292, 291]}).to_string();
    fs::write(folder.path().join("generation_config.json"), generation).unwrap();
    let reader = Reader::open(&Checkpoint::open(folder.path()).unwrap(), true).unwrap();
    let reader = reader.in_chat(ChatTemplate::new(template.into(), None, SECONDS));
    let sentence = reader.read("a lamp").unwrap().sentence.clone();
    let texts: Vec<&str> = sentence.tokens.iter().map(|token| &*token.text).collect();
    assert_eq!(texts[0], "<|end_of_text|>");
    assert!(texts[1..].concat().starts_with("a·l"), "{texts:?}");
}

#[test]
fn what_stands_in_the_way_of_a_chat_is_said() {
    let plain = format!("{CHECKPOINTS}/llama3");
    let Run { code, err, .. } = lookback(&["steps", "a", "--model", &plain, "--chat"]);
    assert!(code == 1 && err.contains("has no chat template"), "{err}");
    let Run { code, err, .. } = lookback(&["steps", "a", "--chat"]);
    assert!(code == 2 && err.contains("--model"), "{err}");
    let Run { code, err, .. } = lookback(&["steps", "a", "--model", &plain, "--system", "x"]);
    assert!(code == 2 && err.contains("--chat"), "{err}");
    let folder =
        with_file("llama3", "chat_template.jinja", "{{ raise_exception('no \u{1b}[2J') }}");
    let path = folder.path().to_str().unwrap();
    let Run { code, err, .. } = lookback(&["steps", "a", "--model", path, "--chat"]);
    assert!(
        code == 2 && err.contains("chat template: no ␛[2J") && err.lines().count() == 1,
        "{err}"
    );
}

#[test]
fn templates_are_found_in_every_place_that_holds_them() {
    let found = |folder: &TempDir| Checkpoint::open(folder.path()).unwrap().chat_template();
    let beside = with_file("llama3", "chat_template.jinja", "own");
    assert_eq!(found(&beside).unwrap().as_deref(), Some("own"));
    let config = |value: Json| {
        with_file("llama3", "tokenizer_config.json", &json!({"chat_template": value}).to_string())
    };
    assert_eq!(found(&config(json!("one"))).unwrap().as_deref(), Some("one"));
    let named =
        |name: &str| json!([{"name": "rag", "template": "r"}, {"name": name, "template": "d"}]);
    assert_eq!(found(&config(named("default"))).unwrap().as_deref(), Some("d"));
    let of_processor = json!({"chat_template": "seen"}).to_string();
    let of_processor = with_file("llama3", "chat_template.json", &of_processor);
    assert_eq!(found(&of_processor).unwrap().as_deref(), Some("seen"));
    let error = format!("{:#}", found(&config(named("other"))).unwrap_err());
    assert!(error.contains("tokenizer_config.json") && error.contains("`default`"), "{error}");
    let mut file = Gguf::default();
    file.0.extend(b"GGUF");
    file.u32(3).u64(0).u64(2);
    file.text("general.architecture").u32(8).text("llama");
    file.text("tokenizer.chat_template").u32(8).text("of gguf");
    file.0.resize(file.0.len().next_multiple_of(32) + 32, 0);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("m.gguf");
    fs::write(&path, &file.0).unwrap();
    let template = Checkpoint::open(&path).unwrap().chat_template().unwrap();
    assert_eq!(template.as_deref(), Some("of gguf"));
}

/// Those who fine-tune a base for chats save its template with the adapter.
#[test]
fn the_template_of_an_adapter_comes_before_that_of_its_base() {
    let adapter = TempDir::new().unwrap();
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        let from = Path::new("tests/goldens/adapters/llama3").join(name);
        fs::copy(from, adapter.path().join(name)).unwrap();
    }
    let base = with_file("llama3", "chat_template.jinja", "of the base");
    let found = || {
        let adapted = Checkpoint::open(base.path()).unwrap().with_adapter(adapter.path()).unwrap();
        adapted.chat_template().unwrap().unwrap()
    };
    assert_eq!(found(), "of the base");
    let config = json!({"chat_template": "of its tokenizer"}).to_string();
    fs::write(adapter.path().join("tokenizer_config.json"), config).unwrap();
    assert_eq!(found(), "of its tokenizer");
    fs::write(adapter.path().join("chat_template.jinja"), "its own").unwrap();
    assert_eq!(found(), "its own");
}
