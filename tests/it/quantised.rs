//! Folders in the quantised forms of Hugging Face's libraries: every site against a model with the numbers that the
//! library's formula gives (`assets/training/quantised_golden.py`), and what is refused.

use std::{fs, path::Path};

use lookback::{
    analysis::trace::Trace,
    engine::tape::Keep,
    model::{Architecture, ModelName, Setup},
    weights::{Checkpoint, Peek},
};
use safetensors::{Dtype, SafeTensors, serialize_to_file, tensor::TensorView};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::checkpoints::{Golden, Opened, assert_none, complaints};

const FOLDER: &str = "tests/goldens/quantised";

#[test]
fn every_site_of_every_form_is_what_its_decoded_weights_give() {
    let (mut found, mut n) = (vec![], 0);
    for golden in Golden::all_in(FOLDER) {
        n += 1;
        let path = Path::new(FOLDER).join(&golden.name);
        let opened = match Checkpoint::open(&path).and_then(|it| Opened::of(&it)) {
            Ok(opened) => opened,
            Err(error) => {
                found.push(format!("{}: {error:#}", golden.name));
                continue;
            }
        };
        for (key, sentence) in golden.sentences() {
            let report = complaints(&golden, key, opened.trace(sentence, Keep::All));
            found.extend(report.into_iter().map(|s| format!("{}, {key}: {s}", golden.name)));
        }
    }
    assert!(n >= 14, "only {n} forms");
    assert_none(&found);
}

#[test]
fn a_form_is_one_tensor_with_the_shape_and_size_of_its_parts() {
    let checkpoint = Checkpoint::open(&Path::new(FOLDER).join("gptq")).unwrap();
    let names: Vec<&str> = checkpoint.tensors().iter().map(|t| t.name.as_str()).collect();
    assert!(!names.iter().any(|name| name.contains("qzeros") || name.contains("g_idx")));
    let tensor = checkpoint.tensor("model.layers.0.mlp.down_proj.weight").unwrap();
    assert_eq!((tensor.shape.as_slice(), tensor.dtype.as_str()), (&[32, 64][..], "GPTQ 4 bit"));
    // Integers, zero points, scales and groups.
    assert_eq!(tensor.n_bytes, 32 * 64 / 2 + 4 * 32 / 2 + 4 * 32 * 2 + 64 * 4);
    assert_eq!(Peek::at(&Path::new(FOLDER).join("gptq")).obstacle, None);
    Architecture::of(&checkpoint).unwrap().open(&checkpoint).unwrap();
    assert!(checkpoint.unused().is_empty());
}

/// A copy of a form with its settings changed, and tensors changed or left out.
fn changed(
    form: &str,
    settings: &[(&str, Json)],
    change: impl Fn(&str, &mut Vec<usize>, &mut Dtype) -> bool,
) -> TempDir {
    let folder = TempDir::new().unwrap();
    let from = Path::new(FOLDER).join(form);
    let mut config: Json =
        serde_json::from_slice(&fs::read(from.join("config.json")).unwrap()).unwrap();
    let key =
        if config.get("quantization").is_some() { "quantization" } else { "quantization_config" };
    for (name, value) in settings {
        config[key][*name] = value.clone();
    }
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let bytes = fs::read(from.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().filter_map(|(name, view)| {
        let (mut shape, mut dtype) = (view.shape().to_vec(), view.dtype());
        let is_kept = change(&name, &mut shape, &mut dtype);
        is_kept.then(|| (name, TensorView::new(dtype, shape, view.data()).unwrap()))
    });
    let tensors: Vec<_> = tensors.collect();
    serialize_to_file(tensors, None, &folder.path().join("model.safetensors")).unwrap();
    folder
}

fn error_of(folder: &Path) -> String {
    let opened = Checkpoint::open(folder)
        .and_then(|it| Architecture::of(&it).and_then(|kind| kind.open(&it)));
    opened.err().map(|error| format!("{error:#}")).unwrap_or_default()
}

#[test]
fn settings_that_are_not_read_are_named() {
    for (form, key, value, wanted) in [
        ("gptq", "bits", json!(3), "`bits` is 3, which is not supported; supported: 2, 4 and 8"),
        ("awq", "version", json!("gemv"), "`version` is gemv"),
        ("awq", "bits", json!(8), "`bits` is 8"),
        ("mlx_4", "mode", json!("mxfp4"), "`mode` is mxfp4"),
        ("ct_pack", "format", json!("marlin-24"), "`format` is marlin-24"),
        (
            "int8",
            "quant_method",
            json!("hqq"),
            "quantised by hqq, which is not supported; supported: fp8",
        ),
    ] {
        let folder = changed(form, &[(key, value)], |_, _, _| true);
        let error = error_of(folder.path());
        assert!(error.contains(wanted) && error.contains("config.json: `quantization"), "{error}");
        let obstacle = Peek::at(folder.path()).obstacle.unwrap();
        assert!(obstacle.contains(wanted), "{obstacle}");
    }
}

#[test]
fn parts_that_are_missing_or_do_not_fit_are_named_with_their_tensor() {
    for (form, part, wanted) in [
        ("gptq", "scales", "q_proj.qweight`: has no `model.layers.0.self_attn.q_proj.scales`"),
        ("gptq", "qzeros", "has no `model.layers.0.self_attn.q_proj.qzeros`"),
        ("awq", "scales", "has no `model.layers.0.self_attn.q_proj.scales`"),
        ("ct_pack", "weight_scale", "has no `model.layers.0.self_attn.q_proj.weight_scale`"),
        ("ct_nvfp4", "weight_global_scale", "has no `weight_global_scale` beside it"),
        ("mlx_3", "biases", "has no `model.layers.0.self_attn.q_proj.biases`"),
        ("bnb_nf4", "weight.quant_map", "has no `quant_map` beside it"),
        ("bnb_nf4", "weight.quant_state.bitsandbytes__nf4", "has no `quant_state` beside it"),
    ] {
        let lost = format!("model.layers.0.self_attn.q_proj.{part}");
        let folder = changed(form, &[], |name, _, _| name != lost);
        let error = error_of(folder.path());
        assert!(error.contains(wanted), "{form}, {part}: {error}");
    }
    for (form, part, wanted) in [
        ("fp8_block", "weight_scale_inv", "has scales of"),
        ("gptq", "qzeros", "want (2, 4)"),
        ("ct_pack", "weight_scale", "has"),
        ("mlx_4", "scales", "has scales of"),
        ("awq", "qweight", "want (2, 128)"),
    ] {
        let turned = format!("model.layers.0.self_attn.q_proj.{part}");
        let folder = changed(form, &[], |name, shape, _| {
            if name == turned {
                *shape = vec![1, shape.iter().product()];
            }
            true
        });
        let error = error_of(folder.path());
        assert!(error.contains(wanted) && error.contains("q_proj"), "{form}, {part}: {error}");
    }
    let folder = changed("fp8_block", &[], |name, _, dtype| {
        if name.ends_with("q_proj.weight") {
            *dtype = Dtype::U8;
        }
        true
    });
    let error = error_of(folder.path());
    assert!(error.contains("has scales beside it and dtype U8"), "{error}");
}

#[test]
fn a_module_with_bits_of_its_own_is_read_with_those_that_its_parts_have() {
    let dynamic = json!({"+:.*proj.*": {"bits": 4}});
    let folder = changed("gptq", &[("bits", json!(8)), ("dynamic", dynamic)], |_, _, _| true);
    fs::copy(format!("{FOLDER}/gptq/tokenizer.json"), folder.path().join("tokenizer.json"))
        .unwrap();
    let plain = Checkpoint::open(&Path::new(FOLDER).join("gptq")).unwrap();
    let own = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(numbers(&own, "logits"), numbers(&plain, "logits"));
}

fn numbers(checkpoint: &Checkpoint, site: &str) -> Vec<f32> {
    let model = Architecture::of(checkpoint).unwrap().open(checkpoint).unwrap();
    let pass = model.run(&[5, 9, 12], &Setup { keep: Keep::All, ..Setup::default() });
    let reader = lookback::analysis::reading::Reader::open(checkpoint, true).unwrap();
    let trace = Trace::new(ModelName::Checkpoint, pass, reader.tokenizer());
    trace.value(site).unwrap().numbers().collect()
}

#[test]
fn an_adapter_is_added_to_packed_weights_of_either_direction() {
    let folder = TempDir::new().unwrap();
    let settings = json!({"peft_type": "LORA", "lora_alpha": 6, "r": 2});
    fs::write(folder.path().join("adapter_config.json"), settings.to_string()).unwrap();
    let number = |i: usize| ((i * 37 % 23) as f32 - 11.0) / 20.0;
    let (a, b): (Vec<f32>, Vec<f32>) =
        ((0..64).map(number).collect(), (0..64).map(|i| number(i + 7)).collect());
    let bytes =
        |numbers: &[f32]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_le_bytes()).collect() };
    let (a_bytes, b_bytes) = (bytes(&a), bytes(&b));
    let module = "base_model.model.model.layers.0.self_attn.q_proj";
    let view =
        |shape: [usize; 2], bytes| TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap();
    let tensors = [
        (format!("{module}.lora_A.weight"), view([2, 32], &a_bytes)),
        (format!("{module}.lora_B.weight"), view([32, 2], &b_bytes)),
    ];
    serialize_to_file(tensors, None, &folder.path().join("adapter_model.safetensors")).unwrap();
    for form in ["gptq", "awq", "bnb_nf4", "fp8_block", "mlx_3"] {
        let open = || Checkpoint::open(&Path::new(FOLDER).join(form)).unwrap();
        let base = numbers(&open(), "blocks.0.attn.W_Q");
        let with = numbers(&open().with_adapter(folder.path()).unwrap(), "blocks.0.attn.W_Q");
        for (i, (with, base)) in with.iter().zip(&base).enumerate() {
            let (input, output) = (i / 32, i % 32);
            let product: f32 = (0..2).map(|r| b[output * 2 + r] * a[r * 32 + input]).sum();
            assert!((with - base - 3.0 * product).abs() < 1e-5, "{form}: [{input},{output}]");
        }
    }
}
