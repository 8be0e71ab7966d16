//! Commands with a checkpoint of the person's own: what they say beside their answer, and when they refuse.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    program::{Run, program, run},
    weights::{f32s, safetensors},
};

const CHECKPOINTS: &str = "tests/goldens/checkpoints";

fn lookback(model: &str, args: &[&str]) -> Run {
    let model = if Path::new(model).is_absolute() {
        model.into()
    } else {
        format!("{CHECKPOINTS}/{model}")
    };
    Run::of(program().args(args).args(["--model", &model]))
}

#[test]
fn the_walk_names_the_model_that_reads() {
    let Run { code, out, .. } = lookback("lstm", &["The cat sat."]);
    assert_eq!(code, 0);
    assert!(out.starts_with("Lookback: lstm reads a text, step by step.\n"), "{out}");
}

#[test]
fn a_pass_with_nan_names_the_first_site() {
    let folder = TempDir::new().unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let mut bytes = fs::read(Path::new(CHECKPOINTS).join("rnn").join(name)).unwrap();
        if name == "model.safetensors" {
            // The end of the file is the last number of its last tensor.
            let end = bytes.len();
            bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        }
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    let Run { code, out, err } = lookback(path, &["steps", "The cat sat."]);
    assert_eq!(code, 0);
    assert!(err.contains("NaN or infinite, first in rnn.") && err.contains(path), "{err}");
    assert!(!out.is_empty());
    assert_eq!(lookback("rnn", &["steps", "The cat sat."]).err, "");
}

#[test]
fn an_unknown_way_of_splitting_text_is_reported() {
    let folder = TempDir::new().unwrap();
    let mut bytes = fs::read(Path::new(CHECKPOINTS).join("gpt2.gguf")).unwrap();
    let key = b"tokenizer.ggml.pre";
    let at = bytes.windows(key.len()).position(|part| part == key).unwrap() + key.len();
    // After the key: its value's type, and the value's length.
    let value = &mut bytes[at + 12..at + 17];
    assert_eq!(value, b"gpt-2");
    value.copy_from_slice(b"gpt-9");
    let path = folder.path().join("gpt9.gguf");
    fs::write(&path, bytes).unwrap();
    let Run { code, err, .. } = lookback(path.to_str().unwrap(), &["steps", "The cat sat."]);
    assert_eq!(code, 0);
    assert!(err.starts_with("note: ") && err.contains("`gpt-9`"), "{err}");
    assert_eq!(lookback("gpt2.gguf", &["steps", "The cat sat."]).err, "");
}

#[test]
fn a_recurrent_model_says_what_can_be_changed_in_it() {
    let Run { code, err, .. } = lookback("gru", &["--what-if", "mask=off", "The cat sat."]);
    assert_eq!(code, 2);
    assert!(err.contains("has no part named in `mask=off`"), "{err}");
    assert!(err.contains("token.1=WORD"), "{err}");
}

#[test]
fn an_unknown_site_is_reported_with_the_command_that_lists_them() {
    let Run { code, err, .. } = lookback("minilm", &["open", "logits[0,0]", "The cat sat."]);
    assert_eq!(code, 2);
    assert!(err.contains("`lookback trace --list --model PATH`"), "{err}");
}

/// The formula of a part without a bias speaks of none.
#[test]
fn formulas_are_those_of_the_model() {
    let opened = |model, address| lookback(model, &["open", address, "The cat sat."]).out;
    let has_bias = |model, address| opened(model, address).contains("+ b");
    assert!(!has_bias("llama2", "blocks.0.attn.q[0,1,1]"));
    assert!(!has_bias("llama2", "blocks.0.norm1.out[1,1]"));
    assert!(has_bias("gpt2", "blocks.0.attn.q[0,1,1]"));
    assert!(has_bias("gpt2", "blocks.0.norm1.out[1,1]"));
}

#[test]
fn a_long_text_of_an_encoder_decoder_loses_no_step() {
    let n_steps = |text: &str| lookback("t5", &["steps", text]).out.lines().count();
    assert_eq!(n_steps("The cat sat."), n_steps(&"the cat sat ".repeat(75)));
}

#[cfg(target_os = "linux")]
#[test]
fn a_text_that_needs_more_memory_than_there_is_is_refused_with_the_figures() {
    let program = assert_cmd::cargo::cargo_bin!("lookback").to_str().unwrap().to_owned();
    let text = "a".repeat(3000);
    let script = format!(
        "ulimit -v 600000; exec {program} --no-config --model {CHECKPOINTS}/t5 steps {text}"
    );
    let Run { code, err, .. } = Run::of(Command::new("sh").args(["-c", &script]));
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("of memory are needed") && err.contains("--no-memory-check"), "{err}");
}

/// `--force` replaces files, and nothing else.
#[cfg(target_os = "linux")]
#[test]
fn replacing_files_does_not_switch_off_the_check_of_memory() {
    let program = assert_cmd::cargo::cargo_bin!("lookback").to_str().unwrap().to_owned();
    let (folder, text) = (TempDir::new().unwrap(), "a".repeat(3000));
    for command in ["trace --out", "export --format txt --out"] {
        let out = folder.path().join("out");
        let script = format!(
            "ulimit -v 600000; exec {program} --no-config --model {CHECKPOINTS}/t5 {command} {} --force {text}",
            out.display()
        );
        let Run { code, err, .. } = Run::of(Command::new("sh").args(["-c", &script]));
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("of memory are needed"), "{err}");
        assert!(!out.exists());
    }
    let Run { code, err, .. } = lookback("gpt2", &["steps", "--force", "The river"]);
    assert!(code == 2 && err.contains("--force"), "{err}");
}

/// A copy of the small GPT-2 with other parts around its tokenizer's model.
fn with_tokenizer(change: impl FnOnce(&mut Value)) -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(Path::new(CHECKPOINTS).join("gpt2").join(name), folder.path().join(name)).unwrap();
    }
    let path = folder.path().join("tokenizer.json");
    let mut json = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    fs::write(path, json.to_string()).unwrap();
    folder
}

#[test]
fn a_text_of_which_the_tokenizer_leaves_nothing_is_refused_in_words() {
    let without_letters = with_tokenizer(|json| {
        json["normalizer"] =
            json!({"type": "Replace", "pattern": {"Regex": "[a-z]"}, "content": ""});
    });
    let empty_template = with_tokenizer(|json| {
        json["post_processor"] =
            json!({"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}});
    });
    for folder in [&without_letters, &empty_template] {
        let path = folder.path().to_str().unwrap();
        for command in [&[][..], &["steps"], &["trace"], &["open", "logits[0,0]"], &["export"]] {
            let Run { code, err, .. } = lookback(path, &[command, &["bcd"]].concat());
            assert_eq!(code, 2, "{command:?}: {err}");
            assert!(err.contains("no tokens") && err.contains("\"bcd\""), "{command:?}: {err}");
        }
        let Run { code, out, err } = run(&["inspect", path]);
        assert_eq!(code, 0, "{err}");
        assert!(out.contains("no: the sentence has no tokens"), "{out}");
    }
}

#[test]
fn a_beginning_token_that_comes_twice_is_noted() {
    let notes = |text: &str| lookback("llama2", &["steps", text]).err;
    assert!(notes("<s>the old").contains("begins with <s> twice"), "{}", notes("<s>the old"));
    assert_eq!(notes("the old"), "");
}

/// A folder with the files of a small T5, and these settings beside it.
fn t5(generation: &Value, tasks: &Value) -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(Path::new(CHECKPOINTS).join("t5").join(name), folder.path().join(name)).unwrap();
    }
    let path = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["task_specific_params"] = tasks.clone();
    fs::write(path, config.to_string()).unwrap();
    fs::write(folder.path().join("generation_config.json"), generation.to_string()).unwrap();
    folder
}

#[test]
fn an_output_that_is_cut_is_noted_and_obeys_the_longest_length() {
    let settings = json!({"decoder_start_token_id": 0, "eos_token_id": 1, "max_length": 4});
    let folder = t5(&settings, &json!(null));
    let Run { out, err, .. } =
        lookback(folder.path().to_str().unwrap(), &["trace", "the old river"]);
    let trace: Value = serde_json::from_str(&out).unwrap();
    let n = trace["tokens"]["output"].as_array().unwrap().len();
    assert!(n <= 3, "{n}");
    let has_end =
        trace["tokens"]["output"].as_array().unwrap().iter().any(|token| token["id"] == 1);
    assert_eq!(err.contains("the output is cut after 3 tokens"), !has_end, "{err}");
}

#[test]
fn an_output_is_as_long_as_the_settings_say_and_an_end_that_they_force_is_noted() {
    for (forced, note) in [
        (json!(null), "the output is cut after 40 tokens"),
        (json!(1), "allow 40 tokens, and its `forced_eos_token_id` ends the output there"),
    ] {
        let settings = json!({"decoder_start_token_id": 0, "eos_token_id": 1, "max_length": 41,
            "min_length": 41, "forced_eos_token_id": forced});
        let folder = t5(&settings, &json!(null));
        let Run { out, err, .. } =
            lookback(folder.path().to_str().unwrap(), &["trace", "the old river"]);
        let trace: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(trace["tokens"]["output"].as_array().unwrap().len(), 40, "{forced}");
        assert!(err.contains(note), "{forced}: {err}");
    }
}

#[test]
fn a_text_part_that_leaves_the_size_of_its_vocabulary_out_is_read() {
    let folder = TempDir::new().unwrap();
    let config = json!({"model_type": "llava", "text_config": {"hidden_size": 2, "intermediate_size": 2,
        "num_hidden_layers": 1, "num_attention_heads": 1}});
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let tokenizer = Path::new(CHECKPOINTS).join("mistral3/tokenizer.json");
    fs::copy(tokenizer, folder.path().join("tokenizer.json")).unwrap();
    let layer = "model.layers.0.";
    let maps = [
        "self_attn.q_proj",
        "self_attn.k_proj",
        "self_attn.v_proj",
        "self_attn.o_proj",
        "mlp.gate_proj",
        "mlp.up_proj",
        "mlp.down_proj",
    ];
    let mut shapes: Vec<(String, Vec<usize>)> =
        maps.iter().map(|map| (format!("{layer}{map}.weight"), vec![2, 2])).collect();
    for norm in ["input_layernorm", "post_attention_layernorm"] {
        shapes.push((format!("{layer}{norm}.weight"), vec![2]));
    }
    shapes.push(("model.norm.weight".into(), vec![2]));
    // Llama's own number of tokens.
    for table in ["model.embed_tokens.weight", "lm_head.weight"] {
        shapes.push((table.into(), vec![32_000, 2]));
    }
    let zeros = |shape: &[usize]| f32s(&vec![0.0; shape.iter().product()]);
    let tensors: Vec<_> =
        shapes.iter().map(|(name, shape)| (&**name, "F32", &shape[..], zeros(shape))).collect();
    fs::write(folder.path().join("model.safetensors"), safetensors(&tensors)).unwrap();
    let Run { code, err, .. } = lookback(folder.path().to_str().unwrap(), &["trace", "the old"]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn settings_of_generation_that_are_not_obeyed_are_noted() {
    let notes = |more: &Value| {
        let mut settings = json!({"decoder_start_token_id": 0, "eos_token_id": 1, "num_beams": 1});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let folder = t5(&settings, &json!(null));
        lookback(folder.path().to_str().unwrap(), &["steps", "the old river"]).err
    };
    let err = notes(&json!({"repetition_penalty": 1.5, "begin_suppress_tokens": [4]}));
    assert!(err.contains("another: `repetition_penalty: 1.5`, `begin_suppress_tokens`"), "{err}");
    assert!(!notes(&json!({})).contains("obeyed"));
}

#[test]
fn prefixes_that_a_checkpoint_was_trained_with_are_suggested() {
    let tasks = json!({"summarization": {"prefix": "summarize: "}, "qa": {"max_length": 3}});
    let settings = json!({"decoder_start_token_id": 0, "eos_token_id": 1});
    let folder = t5(&settings, &tasks);
    let notes = |text: &str| lookback(folder.path().to_str().unwrap(), &["steps", text]).err;
    assert!(notes("the old").contains("none of `summarize: `"), "{}", notes("the old"));
    assert!(!notes("summarize: the old").contains("summarize"));
}

#[test]
fn a_gguf_file_of_another_family_lists_those_that_are_read_as_gguf() {
    let folder = TempDir::new().unwrap();
    let bytes = fs::read(Path::new(CHECKPOINTS).join("qwen3.gguf")).unwrap();
    let at = bytes.windows(5).position(|part| part == b"qwen3").unwrap();
    let mut other = bytes;
    other[at..at + 5].copy_from_slice(b"grok7");
    let path = folder.path().join("other.gguf");
    fs::write(&path, other).unwrap();
    let Run { code, err, .. } = lookback(path.to_str().unwrap(), &["steps", "a"]);
    assert_ne!(code, 0);
    let (_, listed) = err.split_once("those that can are ").unwrap();
    let listed: Vec<&str> = listed.trim().split(", ").collect();
    assert!(listed.contains(&"qwen3") && listed.contains(&"deepseek2"), "{err}");
    assert!(!listed.contains(&"roberta") && !listed.contains(&"marian"), "{err}");
}

/// A command that has nothing to say about a model names it, and the commands that have.
#[test]
fn what_a_model_has_no_numbers_for_is_answered_with_what_it_has() {
    let against = ["patch", "--against", "The dog sat."];
    for (model, args, others) in [
        ("gru", &["flow"][..], &["attribute", "diff"][..]),
        ("gru", &against, &["attribute", "diff"]),
        ("gru", &["heads"], &["attribute", "diff"]),
        ("mamba2", &["flow"], &["attribute", "patch", "diff"]),
        ("qwen35", &["flow"], &["attribute", "heads", "patch", "diff"]),
        ("bert_answer", &["flow"], &["heads", "diff"]),
        ("minilm", &["attribute"], &["heads", "diff"]),
        ("electra_score", &against, &["heads", "diff"]),
    ] {
        let Run { code, err, .. } = lookback(model, &[args, &["The cat sat."]].concat());
        let others: Vec<String> = others.iter().map(|name| format!("`lookback {name}`")).collect();
        let says = format!("; what can be asked of {model}: {}\n", others.join(", "));
        assert!(code == 2 && err.ends_with(&says), "{model} {args:?}: {err}");
    }
    let Run { err, .. } = run(&["heads", "--model", "elman", "The dog sleeps."]);
    assert!(
        err.ends_with("asked of the Elman RNN: `lookback attribute`, `lookback diff`\n"),
        "{err}"
    );
    let Run { err, .. } = lookback("gpt2", &["attribute", "--words", "qqqq", "The cat sat."]);
    assert!(!err.contains("can be asked of"), "a wrong word is no fault of the model: {err}");
}

#[test]
fn the_card_of_a_model_counts_its_stacks_its_words_and_its_bytes() {
    let card = |model: &str| lookback(model, &["The cat sat."]).out;
    let bart = card("bart");
    assert!(
        bart.contains("- heads: encoder 4 with 7 numbers each, decoder 2 with 14 numbers each\n"),
        "{bart:.2000}"
    );
    assert!(bart.contains("decoder 41\n"), "{bart:.2000}");
    assert!(!bart.contains("Formula:\n"), "a step without a formula has no line of it");
    for model in ["modernbert_text", "bert_text"] {
        let text = card(model);
        assert!(text.contains("- vocabulary: ") && !text.contains("- vocabulary: 0\n"), "{model}");
        assert!(text.contains(" kB\n") && !text.contains("0.0 MB"), "{model}: {text:.2000}");
    }
}

#[test]
fn the_header_counts_all_layers_of_a_hybrid() {
    let args = ["export", "The cat sat.", "--size", "120x36", "--steps", "own-weights"];
    let Run { out, err, .. } = lookback("qwen35", &args);
    assert!(out.contains("layer 1 of 3"), "{err}{out}");
}

/// `head` and `unit` are columns of numbers, whether the model has biases or not.
#[test]
fn a_bias_is_a_method_of_its_own() {
    let Run { out, .. } = lookback("gpt2", &["attribute", "--format", "csv", "The cat sat."]);
    assert!(out.contains("\nbias,blocks.0.") && !out.contains(",bias,"), "{out:.3000}");
    for row in out.lines().skip(1).filter(|row| !row.contains('"')) {
        let numbers = row.split(',').skip(2).take(3);
        assert!(numbers.into_iter().all(|n| n.is_empty() || n.parse::<f32>().is_ok()), "{row}");
    }
}
