//! Gemma 4: layers that read the keys and values of earlier ones, and embeddings that layers have of their own. The
//! numbers themselves are compared in `checkpoints.rs`.

use std::collections::BTreeSet;

use lookback::{
    analysis::{measure::cache::CacheSizes, trace::Trace},
    engine::{
        change::Changes,
        tape::Keep,
        value::{Cell, Value},
    },
};
use serde_json::json;

use crate::support::tiny::{Tiny, assert_opens, changes, error_of, row};

/// What the last layer leaves, and one of its numbers.
const OUT: &str = "blocks.5.resid_post";
const CELL: Cell = Cell::new(0, 6, 3);

#[test]
fn every_number_opens_into_arithmetic_that_gives_it() {
    for (name, least) in [
        ("gemma4", 120),
        ("gemma4_shared", 300),
        ("gemma4_keys", 80),
        ("gemma4_moe", 130),
        ("gemma4_moe.gguf", 130),
    ] {
        let trace = Tiny::open(name).plain();
        let computed: Vec<_> = trace.sites().filter(|site| !site.is_leaf).collect();
        assert!(computed.len() >= least, "{name}: only {} sites", computed.len());
        for site in computed {
            assert_opens(name, &trace, site, 7);
        }
    }
}

fn seed(trace: &Trace) -> [(&'static str, Value); 1] {
    let mut seed = Value::zeros(trace.value(OUT).unwrap().shape());
    seed.set(CELL, 1.0);
    [(OUT, seed)]
}

/// A pass that keeps nothing inside its layers, with the layer of a site opened.
fn closed(tiny: &Tiny, changes: Changes, site: &str) -> Trace {
    let trace = tiny.run(changes, Keep::Boundaries);
    trace.opened(site).unwrap_or(trace)
}

#[test]
fn gradients_pass_through_layers_that_share_keys_and_through_their_own_embeddings() {
    let tiny = Tiny::open("gemma4_shared");
    let plain = tiny.plain();
    for site in [
        "blocks.1.attn.k",
        "blocks.1.attn.v",
        "blocks.2.attn.k_norm.out",
        "blocks.2.norm1.out",
        "blocks.1.attn.q",
        "blocks.3.attn.q",
        "blocks.5.ple.input",
        "blocks.0.ple.gate",
        "tokens.ple.scaled",
        "tokens.ple.projected",
        "blocks.4.resid_ffn",
    ] {
        let slopes = plain.gradient(&seed(&plain), site).unwrap();
        let open = closed(&tiny, Changes::default(), site);
        let again = open.gradient(&seed(&open), site).unwrap();
        let cells = slopes.shape().cells().filter(|at| (2..5).contains(&at.row));
        for at in cells.step_by(5).take(8) {
            let moved = |by: f32| {
                let number = plain.value(site).unwrap().get(at) + by;
                let address = plain.site(site).unwrap().address(at);
                let trace = tiny.what_if(&[&format!("{address}={number}")]);
                trace.value(OUT).unwrap().get(CELL)
            };
            let (numeric, slope) = ((moved(2e-3) - moved(-2e-3)) / 4e-3, slopes.get(at));
            let bound = 2e-2 * slope.abs().max(0.5);
            assert!((numeric - slope).abs() < bound, "{site} {at:?}: {numeric}, {slope}");
            assert!((again.get(at) - slope).abs() < 1e-4 * slope.abs().max(1.0), "{site} {at:?}");
        }
    }
}

#[test]
fn the_number_of_a_layer_has_a_gradient() {
    let plain = Tiny::open("gemma4_shared").plain();
    let slope = plain.gradient(&seed(&plain), "blocks.5.scalar").unwrap().get(Cell::default());
    let want = plain.value("blocks.5.resid_ple").unwrap().get(CELL);
    assert!((slope - want).abs() < 1e-5, "{slope}, want {want}");
}

#[test]
fn a_key_that_is_set_by_hand_is_seen_by_the_layers_that_borrow_it() {
    let tiny = Tiny::open("gemma4_shared");
    let (plain, change) = (tiny.plain(), "blocks.1.attn.k_rot[0,2,1]=7");
    let set = tiny.what_if(&[change]);
    let scores = |trace: &Trace, at: usize| {
        trace.value(&format!("blocks.{at}.attn.scores")).unwrap().get(Cell::new(1, 4, 2))
    };
    assert!((scores(&set, 3) - scores(&plain, 3)).abs() > 1e-3, "layer 3 borrows from layer 1");
    let opened = closed(&tiny, changes(&[change]), "blocks.3.attn.scores");
    assert_eq!(scores(&opened, 3).to_bits(), scores(&set, 3).to_bits());
    let operand = opened.open(&"blocks.3.attn.scores[1,4,2]".parse().unwrap()).unwrap();
    assert!(format!("{operand:?}").contains("blocks.1.attn.k_rot"), "{operand:?}");
    let off = |cell: Cell| {
        let [a, b] = [&opened, &set].map(|trace| trace.value("logits").unwrap().get(cell));
        (a - b).abs()
    };
    assert!(off(Cell::new(0, 6, 9)) < 1e-4);
    assert_eq!(row(&set, "logits", 1), row(&plain, "logits", 1));
}

#[test]
fn sites_are_listed_once_with_layers_closed_or_open() {
    let tiny = Tiny::open("gemma4_shared");
    let all: BTreeSet<String> = tiny.plain().sites().map(|site| site.path().to_owned()).collect();
    let mut trace = tiny.run(Changes::default(), Keep::Boundaries);
    for layer in [1, 2, 3] {
        trace = trace.opened(&format!("blocks.{layer}.attn.q")).unwrap();
        let of_layer = |path: &&String| path.starts_with(&format!("blocks.{layer}."));
        let mut seen = BTreeSet::new();
        for site in trace.sites() {
            assert!(seen.insert(site.path().to_owned()), "{} twice", site.path());
        }
        let want: Vec<&String> = all.iter().filter(of_layer).collect();
        assert_eq!(seen.iter().filter(of_layer).collect::<Vec<_>>(), want);
    }
    let addresses = trace.open(&"blocks.3.ple.norm.out[4,2]".parse().unwrap()).unwrap();
    assert!(format!("{addresses:?}").contains("tokens.ple.norm.gain"), "{addresses:?}");
    assert!(trace.site("tokens.ple.norm.gain").is_some());
    let k = trace.site("blocks.1.attn.k_rot").unwrap();
    assert!(!k.is_leaf, "what a block is given is no input of the model");
}

#[test]
fn a_layer_without_its_embedding_adds_nothing_of_it() {
    let tiny = Tiny::open("gemma4_shared");
    let (plain, off) = (tiny.plain(), tiny.what_if(&["blocks.2.ple=off"]));
    assert_eq!(row(&off, "blocks.2.resid_ple", 4), row(&off, "blocks.2.resid_ffn", 4));
    assert_ne!(row(&off, "logits", 4), row(&plain, "logits", 4));
    let parts: Vec<String> = plain.parts_off().map(|part| part.to_string()).collect();
    for part in ["blocks.2.ple=off", "blocks.4.attn=off", "blocks.4.attn.head.1=off", "mask=off"] {
        assert!(parts.iter().any(|one| one == part), "{part}: {parts:?}");
    }
    assert!(parts.iter().all(|part| part != "scaling=off"), "{parts:?}");
}

#[test]
fn gradients_pass_through_the_router_and_the_numbers_of_experts() {
    let tiny = Tiny::open("gemma4_moe");
    let (plain, out) = (tiny.plain(), "blocks.0.resid_post");
    let mut seed = Value::zeros(plain.value(out).unwrap().shape());
    seed.set(CELL, 1.0);
    for site in ["ffn.router.shares", "ffn.router.input", "ffn.mixed", "ffn.shared.hidden"] {
        let site = &*format!("blocks.0.{site}");
        let slopes = plain.gradient(&[(out, seed.clone())], site).unwrap();
        for col in 0..slopes.shape().cols {
            let at = Cell::new(0, CELL.row, col);
            let was = plain.value(site).unwrap().get(at);
            // A share of 0 stays: its expert is not chosen, whatever it is set to.
            if was == 0.0 {
                continue;
            }
            let moved = |by: f32| {
                let address = plain.site(site).unwrap().address(at);
                let trace = tiny.what_if(&[&format!("{address}={}", was + by)]);
                trace.value(out).unwrap().get(CELL)
            };
            let (numeric, slope) = ((moved(2e-3) - moved(-2e-3)) / 4e-3, slopes.get(at));
            let bound = 2e-2 * slope.abs().max(0.5);
            assert!((numeric - slope).abs() < bound, "{site} {col}: {numeric}, {slope}");
        }
    }
}

#[test]
fn an_expert_that_is_left_out_is_not_chosen() {
    let tiny = Tiny::open("gemma4_moe");
    let weight = |trace: &Trace, e| row(trace, "blocks.0.ffn.router.weights", 4)[e];
    let plain = tiny.plain();
    let chosen = (0..5).find(|&e| weight(&plain, e) > 0.0).unwrap();
    let off = tiny.what_if(&[&format!("blocks.0.ffn.expert.{chosen}=off")]);
    assert_eq!(weight(&off, chosen).to_bits(), 0.0_f32.to_bits());
    assert_eq!((0..5).filter(|&e| weight(&off, e) > 0.0).count(), 2);
}

#[test]
fn a_text_read_in_parts_ends_as_one_read_at_once() {
    for name in ["gemma4", "gemma4_shared", "gemma4_keys", "gemma4_moe", "gemma4_shared.gguf"] {
        let tiny = Tiny::open(name);
        for change in [None, Some("blocks.1.ffn=off"), Some("blocks.1.attn.head.1=off")] {
            let (_, off) = tiny.read_in_parts(change);
            assert!(off < 2e-3, "{name} {change:?}: {off}");
        }
    }
}

#[test]
fn the_cache_holds_the_keys_of_layers_that_make_them() {
    // Two of three layers of their own see a window, with heads of 8 numbers, one sees all, with 12.
    let trace = Tiny::open("gemma4_shared").run(Changes::default(), Keep::Boundaries).with_firsts();
    let sizes = CacheSizes::of(&trace).unwrap();
    assert_eq!((sizes.n_layers, sizes.d_kv, sizes.d_q), (3, 8 + 12 + 8, 2 * 3 * (8 + 12)));
    assert_eq!(sizes.step(4).held, 5 * 2 * 28);
    let keys = CacheSizes::of(&Tiny::open("gemma4_keys").plain()).unwrap();
    assert_eq!((keys.d_kv, keys.d_made), (8 + 24, 16 + 24), "one map makes keys and values");
}

#[test]
fn settings_that_cannot_be_run_are_named() {
    for (name, key, value) in [
        ("gemma4", "use_bidirectional_attention", json!("all")),
        ("gemma4", "layer_types", json!(["sliding_attention"])),
        ("gemma4", "sliding_window", json!(null)),
        ("gemma4", "global_head_dim", json!(16_000)),
        ("gemma4_shared", "num_kv_shared_layers", json!(6)),
        ("gemma4_shared", "num_kv_shared_layers", json!(5)),
        ("gemma4_shared", "vocab_size_per_layer_input", json!(7)),
        ("gemma4_shared", "hidden_size_per_layer_input", json!(16_000_000)),
        ("gemma4_keys", "num_global_key_value_heads", json!(3)),
        ("gemma4_moe", "top_k_experts", json!(6)),
    ] {
        let text = error_of(name, &[(key, value)]);
        assert!(text.contains(&format!("`{key}`")), "{key}: {text}");
    }
    assert_eq!(error_of("gemma4", &[("use_bidirectional_attention", json!("vision"))]), "");
}
