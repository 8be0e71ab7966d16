//! Adapters: every number of tiny checkpoints that LoRA changes against PyTorch
//! (`assets/training/adapters_golden.py` made adapters and references), the what-if without them, and what is refused.

use std::{fs, path::Path, sync::Arc};

use lookback::{
    analysis::{reading::Reader, trace::Trace},
    engine::{
        change::{Change, Changes},
        tape::Keep,
    },
    model::{Architecture, Model, ModelName, Setup},
    weights::Checkpoint,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::checkpoints::{Golden, Opened, assert_none, complaints};
use crate::support::{
    program::{Run, run},
    tiny::with_settings,
    weights::{counted, f32s, safetensors},
};

const CHECKPOINTS: &str = "tests/goldens/checkpoints";
const ADAPTERS: &str = "tests/goldens/adapters";
const IDS: [u32; 6] = [12, 40, 7, 88, 101, 63];

fn adapted(base: &str, adapter: &Path) -> anyhow::Result<Checkpoint> {
    Checkpoint::open(&Path::new(CHECKPOINTS).join(base))?.with_adapter(adapter)
}

fn of_name(base: &str, adapter: &str) -> Checkpoint {
    adapted(base, &Path::new(ADAPTERS).join(adapter)).unwrap()
}

#[test]
fn every_site_with_an_adapter_is_what_pytorch_computes() {
    let (mut found, mut n) = (vec![], 0);
    for golden in Golden::all_in(ADAPTERS) {
        for file in golden.bases() {
            n += 1;
            let opened = Opened::of(&of_name(&file, &golden.name)).unwrap();
            for (key, sentence) in golden.sentences() {
                for keep in [Keep::All, Keep::Boundaries] {
                    let report = complaints(&golden, key, opened.trace(sentence, keep));
                    found.extend(
                        report.into_iter().map(|s| format!("{file}, {key}, {keep:?}: {s}")),
                    );
                }
            }
        }
    }
    assert!(n >= 6, "only {n} files");
    assert_none(&found);
}

fn pass(checkpoint: &Checkpoint, changes: &[&str], keep: Keep) -> Trace {
    let model: Arc<dyn Model> = Architecture::of(checkpoint).unwrap().open(checkpoint).unwrap();
    let changes: Changes = changes.iter().map(|text| text.parse::<Change>().unwrap()).collect();
    let setup = Setup { changes: Arc::new(changes), keep, ..Setup::default() };
    let reader = Reader::open(checkpoint, true).unwrap();
    Trace::new(ModelName::Checkpoint, model.run(&IDS, &setup), reader.tokenizer())
}

fn numbers(trace: &Trace, site: &str) -> Vec<u32> {
    trace.value(site).unwrap().numbers().map(f32::to_bits).collect()
}

#[test]
fn without_its_adapter_the_model_is_the_base_to_the_last_bit() {
    for (base, adapter) in
        [("llama3", "llama3"), ("llama3.gguf", "llama3"), ("gpt2", "gpt2"), ("phi3", "phi3")]
    {
        let plain = Checkpoint::open(&Path::new(CHECKPOINTS).join(base)).unwrap();
        let adapted = of_name(base, adapter);
        for keep in [Keep::All, Keep::Boundaries] {
            let (want, with) = (pass(&plain, &[], keep), pass(&adapted, &[], keep));
            let off = pass(&adapted, &["adapter=off"], keep);
            assert_eq!(numbers(&off, "logits"), numbers(&want, "logits"), "{base}");
            assert_ne!(numbers(&with, "logits"), numbers(&want, "logits"), "{base}");
            assert!(with.parts_off().any(|change| change.to_string() == "adapter=off"));
            assert!(with.applies_to(&"blocks.1.adapter=off".parse().unwrap()));
            assert!(!with.applies_to(&"blocks.9.adapter=off".parse().unwrap()));
            assert!(!want.applies_to(&"adapter=off".parse().unwrap()));
        }
    }
}

#[test]
fn an_adapter_that_is_off_in_one_layer_changes_what_comes_after_it_only() {
    let adapted = of_name("llama3", "llama3");
    let with = pass(&adapted, &[], Keep::All);
    let off = pass(&adapted, &["blocks.1.adapter=off"], Keep::All);
    assert_eq!(numbers(&off, "blocks.0.resid_post"), numbers(&with, "blocks.0.resid_post"));
    assert_ne!(numbers(&off, "blocks.1.attn.q"), numbers(&with, "blocks.1.attn.q"));
}

#[test]
fn numbers_of_changed_maps_open_into_arithmetic_that_gives_them() {
    for (base, adapter) in [("llama3", "llama3"), ("gpt2", "gpt2"), ("phi3", "phi3")] {
        let trace = pass(&of_name(base, adapter), &[], Keep::All);
        for path in ["blocks.1.attn.q", "blocks.1.attn.v", "blocks.1.ffn.out"] {
            let site = trace.site(path).unwrap();
            for cell in site.shape().cells().step_by(7) {
                let opened = trace.open(&site.address(cell)).unwrap();
                let (got, want) = (opened.expr.unwrap().eval(), f64::from(site.value.get(cell)));
                assert!((got - want).abs() <= 1e-4 * want.abs().max(1.0), "{base} {path} {cell:?}");
            }
        }
    }
}

#[test]
fn a_text_is_written_on_with_the_adapter() {
    let adapted = of_name("llama3", "llama3");
    let model = Architecture::of(&adapted).unwrap().open(&adapted).unwrap();
    let mut writer = model.writer(&Setup::default()).unwrap();
    writer.read(&IDS[..3]).unwrap();
    let logits = writer.read(&IDS[3..]).unwrap();
    let trace = pass(&adapted, &[], Keep::All);
    let want = trace.value("logits").unwrap().row(0, IDS.len() - 1);
    let off = logits.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 1e-4, "{off}");
}

/// Where the logits use the table of embeddings, there is no tensor for an adapter of their map.
#[test]
fn an_adapter_of_tied_logits_is_known_as_one() {
    let folder = TempDir::new().unwrap();
    let settings = Path::new(ADAPTERS).join("llama3/adapter_config.json");
    fs::copy(settings, folder.path().join("adapter_config.json")).unwrap();
    let [a, b] = ["A", "B"].map(|side| format!("base_model.model.lm_head.lora_{side}.weight"));
    let numbers = || f32s(&counted(6));
    let file = safetensors(&[(&a, "F32", &[2, 3], numbers()), (&b, "F32", &[3, 2], numbers())]);
    fs::write(folder.path().join("adapter_model.safetensors"), file).unwrap();
    let error = format!("{:#}", adapted("smollm2", folder.path()).err().unwrap());
    assert!(
        error.contains("lm_head") && error.contains("takes its table of embeddings"),
        "{error}"
    );
    assert!(!error.contains("another model's"), "{error}");
}

/// An adapter of rank 1 for these modules of a checkpoint, under the names that are given for them.
fn of_modules(base: &str, modules: &[(&str, &str)], settings: &Json) -> TempDir {
    let checkpoint = Checkpoint::open(&Path::new(CHECKPOINTS).join(base)).unwrap();
    let folder = TempDir::new().unwrap();
    let parts = modules.iter().flat_map(|(module, named)| {
        let shape = &checkpoint.tensor(&format!("{module}.weight")).unwrap().shape;
        let name = |side| format!("base_model.model.{named}.lora_{side}.weight");
        [(name("A"), vec![1, shape[1]]), (name("B"), vec![shape[0], 1])]
    });
    let parts: Vec<(String, Vec<usize>)> = parts.collect();
    let numbers = |shape: &[usize]| f32s(&counted(shape.iter().product()));
    let tensors: Vec<(&str, &str, &[usize], Vec<u8>)> =
        parts.iter().map(|(name, shape)| (&**name, "F32", &**shape, numbers(shape))).collect();
    fs::write(folder.path().join("adapter_model.safetensors"), safetensors(&tensors)).unwrap();
    fs::write(folder.path().join("adapter_config.json"), settings.to_string()).unwrap();
    folder
}

/// PEFT names modules as they are in memory, which is not how files name them.
#[test]
fn an_adapter_of_a_model_that_also_sees_finds_its_text_part() {
    let settings = json!({"peft_type": "LORA", "lora_alpha": 1});
    let module = "language_model.model.layers.0.self_attn.q_proj";
    let seen = "vision_tower.encoder.layers.0.self_attn.q_proj";
    let in_memory = "model.language_model.layers.0.self_attn.q_proj";
    let base = "gemma3_sees";
    let logits = |named: &str| {
        let folder = of_modules(base, &[(module, named)], &settings);
        numbers(&pass(&adapted(base, folder.path()).unwrap(), &[], Keep::All), "logits")
    };
    assert_eq!(logits(in_memory), logits(module));
    let names = [(module, in_memory), (seen, &*format!("model.{seen}"))];
    let checkpoint = adapted(base, of_modules(base, &names, &settings).path()).unwrap();
    Architecture::of(&checkpoint).unwrap().open(&checkpoint).unwrap();
    let said = checkpoint.adapter().unwrap();
    assert!(
        said.ends_with("LoRA of rank 1 in 1 weight; 1 more of parts that are not run"),
        "{said}"
    );
}

#[test]
fn patterns_whose_order_would_decide_are_refused() {
    let module = "model.layers.0.self_attn.q_proj";
    let opened = |patterns: Json| {
        let settings = json!({"peft_type": "LORA", "alpha_pattern": patterns});
        let folder = of_modules("llama3", &[(module, module)], &settings);
        adapted("llama3", folder.path()).err().map(|e| format!("{e:#}")).unwrap_or_default()
    };
    assert_eq!(opened(json!({"q_proj": 16, "1.self_attn.q_proj": 2})), "");
    assert_eq!(opened(json!({"q_proj": 16, "0.self_attn.q_proj": 16})), "");
    let error = opened(json!({"q_proj": 16, "0.self_attn.q_proj": 2}));
    assert!(error.contains("`0.self_attn.q_proj`, `q_proj`; leave one"), "{error}");
}

/// What opening says of an adapter whose settings are changed.
fn error_with(base: &str, changes: &[(&str, Json)]) -> String {
    let (from, weights) = (Path::new(ADAPTERS).join("llama3"), "adapter_model.safetensors");
    let folder = with_settings(&from, "adapter_config.json", weights, changes);
    adapted(base, folder.path()).err().map(|e| format!("{e:#}")).unwrap_or_default()
}

#[test]
fn what_of_an_adapter_is_not_run_is_named_all_at_once() {
    assert_eq!(error_with("llama3", &[]), "");
    let text = error_with(
        "llama3",
        &[
            ("use_dora", json!(true)),
            ("layer_replication", json!([[0, 2]])),
            ("init_lora_weights", json!("pissa_niter_4")),
        ],
    );
    for key in ["use_dora", "layer_replication", "init_lora_weights"] {
        assert!(text.contains(&format!("`{key}`")), "{key}: {text}");
    }
    let other = error_with("llama3", &[("peft_type", json!("IA3"))]);
    assert!(other.contains("`peft_type`") && other.contains("LORA"), "{other}");
    let patterns = json!({"^model.*": 3, "q_proj": 1, ".*v_proj": 2});
    let pattern = error_with("llama3", &[("alpha_pattern", patterns)]);
    let all =
        "`alpha_pattern` has expressions, and only names are supported: `.*v_proj`, `^model.*`";
    assert_eq!(pattern, all);
}

#[test]
fn the_adapter_of_another_model_is_refused_with_what_does_not_fit() {
    let other = error_with("gpt2", &[]);
    assert!(other.contains("the model has no tensor `model.layers.0"), "{other}");
    let size = error_with("smollm2", &[]);
    assert!(size.contains("is for a weight of (60, 30), but"), "{size}");
    let whole = Path::new(ADAPTERS).join("phi3");
    let error = format!("{:#}", adapted("phi3.gguf", &whole).err().unwrap());
    assert!(error.contains("`lm_head.weight`") || error.contains("GGUF"), "{error}");
}

#[test]
fn folders_without_an_adapter_say_so() {
    let folder = TempDir::new().unwrap();
    let error = |folder: &Path| format!("{:#}", adapted("llama3", folder).err().unwrap());
    assert!(error(folder.path()).contains("not the folder of an adapter"));
    fs::write(folder.path().join("adapter_config.json"), r#"{"peft_type":"LORA"}"#).unwrap();
    assert!(error(folder.path()).contains("has no adapter_model.safetensors"));
    fs::write(folder.path().join("adapter_model.bin"), "x").unwrap();
    assert!(error(folder.path()).contains("a pickle"));
}

#[test]
fn the_command_line_takes_an_adapter_and_its_what_if() {
    let (model, adapter) = (format!("{CHECKPOINTS}/llama3"), format!("{ADAPTERS}/llama3"));
    let open = |more: &[&str]| {
        let args = ["open", "logits[2,5]", "a lamp sang", "--model", &model];
        let Run { code, out, err } = run(&[&args[..], more].concat());
        assert_eq!(code, 0, "{err}");
        out.lines().next().unwrap().to_owned()
    };
    let (plain, with) = (open(&[]), open(&["--adapter", &adapter]));
    let off = open(&["--adapter", &adapter, "--what-if", "adapter=off"]);
    assert_ne!(plain, with);
    assert_eq!(plain, off);
    let Run { out: walk, .. } = run(&["a lamp sang", "--model", &model, "--adapter", &adapter]);
    assert!(walk.contains("LoRA of rank 2 to 5 in 8 weights"), "{walk}");
    let Run { code, out, .. } = run(&["inspect", &model, "--adapter", &adapter]);
    assert!(code == 0 && out.contains("LoRA of rank 2 to 5 in 8 weights"), "{out}");
    let Run { code, err, .. } = run(&["--adapter", &adapter, "The cat sat."]);
    assert!(code == 2 && err.contains("--model"), "{err}");
}
