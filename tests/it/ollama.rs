//! GGUF files as Ollama's own converter wrote them, and others than llama.cpp's of today: they compute what those do.

use std::fs;

use lookback::{
    model::{Architecture, Setup},
    weights::Checkpoint,
};
use tempfile::TempDir;

use crate::support::gguf::{Apart, Owned};

const FOLDER: &str = "tests/goldens/checkpoints";
const IDS: [u32; 12] = [9, 40, 17, 33, 25, 12, 60, 41, 8, 19, 77, 5];

/// A file of the goldens, taken apart.
fn golden(name: &str) -> Apart {
    Apart::read(&fs::read(format!("{FOLDER}/{name}.gguf")).unwrap())
}

/// What a site holds in a pass over some tokens.
///
/// # Errors
/// If the file is refused.
fn value(file: &Apart, site: &str) -> anyhow::Result<Vec<u32>> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("model.gguf");
    fs::write(&path, file.written()).unwrap();
    let checkpoint = Checkpoint::open(&path)?;
    let model = Architecture::of(&checkpoint)?.open(&checkpoint)?;
    let setup = Setup { longest: Some(1), ..Setup::default() };
    let pass = model.run(&IDS, &setup);
    Ok(pass.value(site).unwrap().numbers().map(f32::to_bits).collect())
}

fn refusal(file: &Apart) -> String {
    format!("{:#}", value(file, "logits").unwrap_err())
}

/// Whether both give the same logits, to the bit.
fn are_same(one: &Apart, other: &Apart) -> bool {
    value(one, "logits").unwrap() == value(other, "logits").unwrap()
}

#[test]
fn a_gemma_3_of_ollama_is_rotated_as_its_own_reader_does_and_has_no_cap() {
    let mut whole = golden("gemma3");
    whole.number("gemma3.context_length", 131_072);
    whole.float("gemma3.rope.scaling.factor", 8.0);
    let mut ollama = golden("gemma3");
    ollama.number("gemma3.context_length", 131_072).float("gemma3.final_logit_softcapping", 0.5);
    ollama.rekey("gemma3.rope.scaling.type", None).rekey("gemma3.rope.scaling.factor", None);
    ollama.rekey("gemma3.rope.freq_base", Some("gemma3.rope.global.freq_base"));
    ollama.rekey("gemma3.rope.freq_base_swa", Some("gemma3.rope.local.freq_base"));
    assert!(are_same(&whole, &ollama));
    ollama.number("gemma3.context_length", 32_768);
    whole.rekey("gemma3.rope.scaling.type", Some("x")).rekey("gemma3.rope.scaling.factor", None);
    whole.number("gemma3.context_length", 32_768);
    assert!(are_same(&whole, &ollama));
}

#[test]
fn scaling_has_the_names_of_ollama_too() {
    let mut ollama = golden("ministral3");
    let key = |name: &str| format!("mistral3.{name}");
    for (from, to) in [
        ("rope.scaling.yarn_log_multiplier", "rope.scaling.mscale_all_dim"),
        ("rope.scaling.yarn_beta_fast", "rope.scaling.beta_fast"),
        ("rope.scaling.yarn_beta_slow", "rope.scaling.beta_slow"),
        ("attention.temperature_scale", "rope.scaling_beta"),
    ] {
        ollama.rekey(&key(from), Some(&key(to)));
    }
    assert!(are_same(&golden("ministral3"), &ollama));
    let mut bare = golden("ministral3");
    bare.rekey(&key("attention.temperature_scale"), None);
    assert!(!are_same(&bare, &ollama), "the keys are read");
}

#[test]
fn a_factor_without_a_kind_scales_evenly() {
    let mut bare = golden("llama_linear");
    bare.rekey("llama.rope.scaling.type", None);
    assert!(are_same(&golden("llama_linear"), &bare));
}

#[test]
fn a_window_of_no_width_is_none() {
    let mut phi4 = golden("phi3");
    phi4.rekey("phi3.attention.sliding_window", None);
    let mut zero = golden("phi3");
    zero.number("phi3.attention.sliding_window", 0);
    assert!(are_same(&phi4, &zero));
}

#[test]
fn names_without_endings_are_those_with_them() {
    for name in ["qwen35", "qwen3_next"] {
        let mut ollama = golden(name);
        ollama.rename("ssm_dt.bias", "ssm_dt");
        assert!(are_same(&golden(name), &ollama));
    }
}

#[test]
fn gpt_oss_of_ollama_is_gpt_oss() {
    let whole = golden("gpt_oss_packed");
    let mut ollama = golden("gpt_oss_packed");
    ollama.call("gpt-oss", "gptoss").rekey("gptoss.rope.scaling.type", None);
    ollama.rekey("gptoss.expert_feed_forward_length", None);
    ollama.rename("attn_output", "attn_out").rename("attn_sinks.weight", "attn_sinks");
    ollama.rename("post_attention_norm", "ffn_norm");
    assert!(are_same(&whole, &ollama));
}

#[test]
fn olmo_3_has_a_name_of_its_own_there() {
    let mut ollama = golden("olmo3");
    ollama.call("olmo2", "olmo3");
    assert!(are_same(&golden("olmo3"), &ollama));
    // A name of transformers alone is called so, not a file of another program.
    ollama.call("olmo3", "qwen3_5_text");
    let error = refusal(&ollama);
    assert!(error.contains("is a model of type `qwen3_5_text`, which cannot be run"), "{error}");
}

#[test]
fn lfm2_is_as_wide_as_its_tensors() {
    let mut ollama = golden("lfm2");
    ollama.number("lfm2.feed_forward_length", 99);
    assert!(are_same(&golden("lfm2"), &ollama));
}

/// An EmbeddingGemma with its two maps, d_model to 3 and back.
fn with_maps(names: [&str; 2]) -> Apart {
    let mut file = golden("gemma3_both_ways");
    let numbers =
        |i: usize| (0..42).flat_map(move |n| ((n * (7 + i) % 13) as f32 - 6.0).to_le_bytes());
    for (i, (name, sizes)) in names.into_iter().zip([[14, 3], [3, 14]]).enumerate() {
        let bytes = numbers(i).collect();
        file.tensors.push(Owned {
            name: format!("{name}.weight"),
            sizes: sizes.into(),
            kind: 0,
            bytes,
        });
    }
    file
}

#[test]
fn embedding_gemma_has_its_maps_in_both_forms_and_sees_what_follows() {
    let whole = with_maps(["dense_2", "dense_3"]);
    let of = |file: &Apart, site| value(file, site).unwrap();
    let [pooled, out, sentence] = ["pooled", "dense.0.out", "sentence"]
        .map(|site| of(&whole, site).into_iter().map(f32::from_bits).collect::<Vec<_>>());
    assert_eq!((pooled.len(), out.len(), sentence.len()), (14, 3, 14));
    let first: f32 = pooled.iter().zip(0..).map(|(x, n)| x * ((n * 7 % 13) as f32 - 6.0)).sum();
    assert!((out[0] - first).abs() < 1e-4 * first.abs(), "{} {first}", out[0]);
    let length: f32 = sentence.iter().map(|x| x * x).sum();
    assert!((length - 1.0).abs() < 1e-5);
    let mut ollama = with_maps(["dense.0", "dense.1"]);
    ollama.call("gemma-embedding", "gemma3").flag("gemma3.attention.causal", false);
    ollama.rename("output_norm", "norm");
    assert!(of(&whole, "sentence") == of(&ollama, "sentence"));
}

#[test]
fn a_decoder_that_should_see_what_follows_is_refused_where_it_cannot() {
    let mut file = golden("qwen2");
    file.flag("qwen2.attention.causal", false);
    let error = refusal(&file);
    assert!(error.contains("`use_bidirectional_attention` is `true`"), "{error}");
}
