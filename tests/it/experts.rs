//! Mixtures of experts and attention sinks: what-ifs, arithmetic and gradients. The numbers themselves are compared in
//! `checkpoints.rs`.

use std::{path::Path, sync::Arc};

use lookback::{
    analysis::{
        evidence::{
            EvidenceQuestion, Run, Score,
            learner::Optimizer,
            patching::{PatchCell, Patching},
            score::WordAtRow,
        },
        trace::Trace,
    },
    engine::{
        tape::Keep,
        value::{Cell, Value},
    },
    model::{Architecture, ModelName},
    weights::Checkpoint,
};
use safetensors::{Dtype, SafeTensors, serialize_to_file, tensor::TensorView};

use crate::support::tiny::{IDS, Tiny, assert_opens, changes, row};

#[test]
fn every_number_of_router_experts_and_sinks_opens_into_arithmetic_that_gives_it() {
    for name in [
        "gpt_oss",
        "qwen2_moe",
        "qwen3_moe",
        "granitemoe_shared",
        "gpt_oss_packed",
        "deepseek_v3",
        "llama4",
        "nemotron_h",
        "lfm2_moe",
    ] {
        let trace = Tiny::open(name).plain();
        let mut n_sites = 0;
        for site in trace.sites().filter(|site| !site.is_leaf) {
            let path = site.path();
            let is_latent = name == "deepseek_v3" && path.starts_with("blocks.1.attn.");
            let is_of_sink = path.starts_with("blocks.1.attn.sink");
            if !(path.starts_with("blocks.1.ffn.") || is_of_sink || is_latent) {
                continue;
            }
            n_sites += 1;
            assert_opens(name, &trace, site, 5);
        }
        assert!(n_sites >= 9, "{name}: only {n_sites} sites");
    }
}

#[test]
fn an_expert_that_is_out_is_never_chosen_and_the_next_best_takes_its_place() {
    for (name, layer) in [("qwen3_moe", 0), ("gpt_oss", 0), ("deepseek_v3", 1)] {
        let tiny = Tiny::open(name);
        let (plain, n) = (tiny.plain(), IDS.len());
        let site = format!("blocks.{layer}.ffn.router.weights");
        let chosen = |trace: &Trace, i| {
            let weights = row(trace, &site, i);
            (0..weights.len()).filter(|&e| weights[e] > 0.0).collect::<Vec<_>>()
        };
        let expert = chosen(&plain, 2)[0];
        let change = format!("blocks.{layer}.ffn.expert.{expert}=off");
        assert!(plain.parts_off().any(|part| part.to_string() == change), "{change}");
        let out = tiny.what_if(&[&change]);
        for i in 0..n {
            let (before, after) = (chosen(&plain, i), chosen(&out, i));
            assert!(!after.contains(&expert) && after.len() == before.len(), "{after:?}");
            // Without an expert, other groups may be chosen.
            let mut others = before.iter().filter(|&&e| e != expert && name != "deepseek_v3");
            assert!(others.all(|e| after.contains(e)), "{before:?} {after:?}");
            let (sum, want) = (row(&out, &site, i).iter().sum::<f32>(), [1.0, 2.5][layer]);
            assert!((sum - want).abs() < 1e-5, "{sum}");
        }
        let closed = tiny.run(changes(&[&change]), Keep::Boundaries);
        assert_eq!(row(&closed, "logits", n - 1), row(&out, "logits", n - 1));
    }
}

#[test]
fn every_part_that_can_be_left_out_matters() {
    for name in ["gpt_oss", "qwen2_moe"] {
        let tiny = Tiny::open(name);
        let plain = tiny.plain();
        let parts: Vec<String> = plain.parts_off().map(|part| part.to_string()).collect();
        let wanted = if name == "gpt_oss" { "sinks=off" } else { "blocks.0.ffn.shared=off" };
        for part in [wanted, "blocks.0.ffn=off"] {
            assert!(parts.iter().any(|one| one == part), "{name}: {part}");
            let off = tiny.what_if(&[part]);
            assert_ne!(row(&off, "logits", 6), row(&plain, "logits", 6), "{name}: {part}");
        }
    }
}

#[test]
fn rows_sum_to_one_with_the_share_of_the_sink_and_without_sinks() {
    let tiny = Tiny::open("gpt_oss");
    let sums = |trace: &Trace, row: usize| {
        let weights = trace.value("blocks.1.attn.weights").unwrap();
        let sink = trace.value("blocks.1.attn.sink").unwrap();
        let sum: f32 = weights.row(2, row).iter().sum();
        (sum, sink.get(Cell::new(2, row, 0)))
    };
    let (plain, off) = (tiny.plain(), tiny.what_if(&["sinks=off"]));
    let one_layer = tiny.what_if(&["blocks.0.attn.sinks=off"]);
    for i in 0..IDS.len() {
        let (sum, sink) = sums(&plain, i);
        assert!(sum < 0.999 && sink > 0.001 && (sum + sink - 1.0).abs() < 1e-5, "{sum} {sink}");
        let (sum, sink) = sums(&off, i);
        assert!((sum - 1.0).abs() < 1e-5 && sink.abs() < f32::EPSILON, "{sum} {sink}");
        assert!(sums(&one_layer, i).1 > 0.0);
    }
}

#[test]
fn gradients_through_experts_and_sinks_are_slopes() {
    let sites = ["norm2.out", "ffn.router.logits", "attn.scores"];
    let of_network = ["norm2.out", "ffn.router.logits"];
    let of_latents = ["ffn.router.logits", "attn.latent", "attn.k_shared", "attn.q"];
    for (name, layer, sites) in [
        ("gpt_oss", 0, &sites[..]),
        ("qwen2_moe", 0, &sites),
        ("qwen3_moe", 0, &sites),
        ("granitemoe_shared", 0, &sites),
        ("deepseek_v3", 1, &of_latents),
        ("llama4", 1, &sites),
        ("nemotron_h", 1, &of_network),
    ] {
        let tiny = Tiny::open(name);
        let plain = tiny.plain();
        let cell = Cell::new(0, 4, 3);
        let out = &*format!("blocks.{layer}.resid_post");
        let mut seed = Value::zeros(plain.value(out).unwrap().shape());
        seed.set(cell, 1.0);
        for site in sites {
            let site = &*format!("blocks.{layer}.{site}");
            let seeds = [(out, seed.clone())];
            let slopes = plain.gradient(&seeds, site).unwrap();
            for at in slopes.shape().cells().step_by(3).filter(|at| at.row == cell.row) {
                // Small enough that no token goes to another expert.
                let moved = |by: f32| {
                    let number = plain.value(site).unwrap().get(at) + by;
                    let address = plain.site(site).unwrap().address(at);
                    let trace = tiny.what_if(&[&format!("{address}={number}")]);
                    trace.value(out).unwrap().get(cell)
                };
                let (numeric, slope) = ((moved(1e-3) - moved(-1e-3)) / 2e-3, slopes.get(at));
                assert!(
                    (numeric - slope).abs() < 2e-2 * slope.abs().max(1.0),
                    "{name} {site} {at:?}: {numeric} {slope}"
                );
            }
        }
    }
}

/// A mixture of each family.
const MIXTURES: [&str; 12] = [
    "mixtral",
    "qwen2_moe",
    "qwen3_moe",
    "olmoe",
    "gpt_oss",
    "granitemoe",
    "granitemoe_shared",
    "deepseek_v2",
    "deepseek_v3",
    "gemma4_moe",
    "qwen3_next",
    "qwen35_moe",
];

/// A patched pass chooses its experts anew: where the texts differ in one token, the input there is all of the
/// difference.
#[test]
fn values_of_another_token_send_it_to_that_tokens_experts() {
    for name in MIXTURES {
        let tiny = Tiny::open(name);
        let run = |ids: &[u32]| Run::new(&*tiny.model, ids, &Arc::default(), None);
        let question = EvidenceQuestion { row: IDS.len() - 1, word: 5, against: 9 };
        for word in [5, 17, 33, 90] {
            let mut others = IDS;
            others[3] = word;
            let scores = [question.score(), question.score()];
            let patching = Patching::new(run(&others), run(&IDS), question, scores).unwrap();
            let share = patching.measure(PatchCell { map: 0, row: 0, col: 3 }).unwrap();
            assert!((share - 1.0).abs() < 1e-3, "{name}, {word}: {share}");
        }
    }
}

/// The loss after a step is that of the model's own pass with the weights that were learned.
#[test]
fn weights_that_learn_send_tokens_to_other_experts() {
    for name in MIXTURES {
        let tiny = Tiny::open(name);
        let reading = Arc::new(tiny.reader.read("The winter birds sleep").unwrap());
        let mut learner =
            reading.learner(ModelName::Checkpoint, None, Optimizer::Sgd, 0.1).unwrap();
        learner.step().unwrap();
        let run = reading.run_with(ModelName::Checkpoint, &learner.learned()).unwrap();
        let words = learner.target().into_iter().enumerate();
        let words: Vec<_> = words.map(|(row, word)| WordAtRow { row, word }).collect();
        let n = words.len() as f32;
        let loss = -Score::LogProbability(words).of_run(&run).unwrap() / n;
        assert!((loss - learner.losses[1]).abs() < 1e-4, "{name}: {loss}, {:?}", learner.losses);
    }
}

#[test]
fn counts_that_cannot_be_are_refused_with_their_setting() {
    let folder = tempfile::TempDir::new().unwrap();
    let from = Path::new("tests/goldens/checkpoints/mixtral");
    let text = std::fs::read_to_string(from.join("config.json")).unwrap();
    std::fs::copy(from.join("model.safetensors"), folder.path().join("model.safetensors")).unwrap();
    for (key, old, new) in [
        ("num_local_experts", 5, 16_000_000),
        ("num_local_experts", 5, 0),
        ("num_experts_per_tok", 2, 6),
        ("num_experts_per_tok", 2, 0),
    ] {
        let changed = text.replace(&format!("\"{key}\": {old}"), &format!("\"{key}\": {new}"));
        assert_ne!(changed, text, "{key}");
        std::fs::write(folder.path().join("config.json"), changed).unwrap();
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        let error = Architecture::of(&checkpoint).unwrap().open(&checkpoint).err().unwrap();
        assert!(format!("{error:#}").contains(&format!("`{key}`")), "{error:#}");
    }
}

/// What opening the packed checkpoint says if its tensor of scales is another, or is not there.
fn error_with_scales(scales: Option<(&[usize], Dtype, &[u8])>) -> String {
    const NAME: &str = "model.layers.1.mlp.experts.down_proj_scales";
    let folder = tempfile::TempDir::new().unwrap();
    let from = Path::new("tests/goldens/checkpoints/gpt_oss_packed");
    std::fs::copy(from.join("config.json"), folder.path().join("config.json")).unwrap();
    let bytes = std::fs::read(from.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors = file.tensors();
    assert!(tensors.iter().any(|(name, _)| name == NAME));
    tensors.retain(|(name, _)| name != NAME);
    if let Some((shape, dtype, bytes)) = scales {
        let view = TensorView::new(dtype, shape.to_vec(), bytes).unwrap();
        tensors.push((NAME.to_owned(), view));
    }
    serialize_to_file(tensors, None, &folder.path().join("model.safetensors")).unwrap();
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let opened = Architecture::of(&checkpoint).unwrap().open(&checkpoint);
    opened.err().map(|error| format!("{error:#}")).unwrap_or_default()
}

#[test]
fn packed_experts_without_a_scale_for_every_block_are_refused() {
    let scales = [120; 3 * 32 * 4];
    assert_eq!(error_with_scales(Some((&[3, 32, 1], Dtype::U8, &scales[..96]))), "");
    for (scales, wanted) in [
        (None, "has no `model.layers.1.mlp.experts.down_proj_scales` beside it"),
        (Some((&[3, 32][..], Dtype::U8, &scales[..96])), "of shape (3, 32), want (3, 32, 1)"),
        (Some((&[3, 32, 1][..], Dtype::F32, &scales[..384])), "has dtype F32, want U8"),
    ] {
        let error = error_with_scales(scales);
        assert!(error.contains(wanted), "{error}");
    }
}
