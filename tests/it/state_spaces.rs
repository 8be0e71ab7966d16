//! State spaces, gated delta nets and short convolutions: arithmetic, gradients, what-ifs, reading in parts, what is refused, and where the
//! steps of a hybrid begin. The numbers themselves are compared in `checkpoints.rs`.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use lookback::{
    analysis::{reading::Reader, trace::Trace},
    engine::{
        change::{Changes, Learned},
        tape::Keep,
        value::{Cell, Value},
    },
    lesson::{Language, Lesson},
    model::{Architecture, ModelName},
    ui::{
        app::{Action, State, update},
        theme::Theme,
    },
    weights::Checkpoint,
};
use ratatui::layout::Rect;
use serde_json::json;

use crate::support::tiny::{FOLDER, Tiny, assert_opens, changes, error_of, row};

#[test]
fn every_number_of_states_and_filters_opens_into_arithmetic_that_gives_it() {
    for (name, layers) in [
        ("mamba2", &["blocks.1."][..]),
        ("mamba2_biased", &["blocks.0."]),
        ("mamba2.gguf", &["blocks.0."]),
        ("lfm2", &["blocks.0.", "blocks.2."]),
        ("lfm2_biased", &["blocks.0."]),
        ("qwen35", &["blocks.0.", "blocks.1."]),
        ("qwen35.gguf", &["blocks.2."]),
        ("qwen3_next", &["blocks.0."]),
        ("bamba", &["blocks.0.", "blocks.1."]),
        ("granite4", &["blocks.2."]),
        ("nemotron_h", &["blocks.2.", "blocks.3.", "blocks.4."]),
    ] {
        let trace = Tiny::open(name).plain();
        let mut n_sites = 0;
        for site in trace.sites().filter(|site| !site.is_leaf) {
            if !layers.iter().any(|layer| site.path().starts_with(layer)) {
                continue;
            }
            n_sites += 1;
            assert_opens(name, &trace, site, 7);
        }
        assert!(n_sites >= 20, "{name}: only {n_sites} sites");
    }
}

/// A number of the pass, after one of its numbers, or of its weights, was moved.
fn slope(of: impl Fn(f32) -> f32) -> f32 {
    const BY: f32 = 2e-3;
    (of(BY) - of(-BY)) / (2.0 * BY)
}

fn assert_near(name: &str, numeric: f32, slope: f32) {
    let is_near = (numeric - slope).abs() < 2e-2 * slope.abs().max(0.5);
    assert!(is_near, "{name}: {numeric} by moving, {slope} by the chain rule");
}

/// The gradient of one number of the first layer's output.
fn seed(trace: &Trace, cell: Cell) -> [(&'static str, Value); 1] {
    const OUT: &str = "blocks.0.resid_post";
    let mut seed = Value::zeros(trace.value(OUT).unwrap().shape());
    seed.set(cell, 1.0);
    [(OUT, seed)]
}

const CELL: Cell = Cell::new(0, 4, 3);

#[test]
fn gradients_through_states_and_filters_are_slopes() {
    let of_states = ["state", "read", "dt_in", "B", "C", "x", "gate", "conv_in", "grouped"];
    let of_deltas = ["state", "recalled", "correction", "read", "beta_in", "dt_in"];
    let of_deltas = [&of_deltas[..], &["k_unit", "q_unit", "k", "v", "gate", "conv_in"]].concat();
    for (name, scope, sites) in [
        ("mamba2", "ssm", &of_states[..]),
        ("mamba2_biased", "ssm", &["state", "conv_in"]),
        ("lfm2", "conv", &["in_gate", "gated", "out_gate", "mixed"]),
        ("qwen35", "delta", &of_deltas),
        ("qwen35.gguf", "delta", &["state", "k_unit", "q_unit"]),
        ("qwen3_next", "delta", &["state", "k_unit", "q_unit", "beta_in"]),
    ] {
        let tiny = Tiny::open(name);
        let plain = tiny.plain();
        for site in sites {
            let site = &*format!("blocks.0.{scope}.{site}");
            let slopes = plain.gradient(&seed(&plain, CELL), site).unwrap();
            let cells = slopes.shape().cells().filter(|at| (2..5).contains(&at.row));
            for at in cells.step_by(11).take(12) {
                let moved = |by: f32| {
                    let number = plain.value(site).unwrap().get(at) + by;
                    let address = plain.site(site).unwrap().address(at);
                    let trace = tiny.what_if(&[&format!("{address}={number}")]);
                    trace.value("blocks.0.resid_post").unwrap().get(CELL)
                };
                assert_near(&format!("{name} {site} {at:?}"), slope(moved), slopes.get(at));
            }
        }
    }
}

#[test]
fn gradients_of_what_heads_and_filters_have_learned_are_slopes() {
    for (name, weights) in [
        ("mamba2", &["ssm.A_log", "ssm.D", "ssm.dt_bias", "ssm.conv.W", "ssm.conv.b"][..]),
        ("lfm2_biased", &["conv.filter.W", "conv.filter.b"]),
        ("qwen35", &["delta.A_log", "delta.dt_bias", "delta.conv.W", "delta.W_beta"]),
        ("qwen3_next", &["delta.W_QKV", "delta.W_z", "delta.W_beta", "delta.W_dt"]),
    ] {
        let tiny = Tiny::open(name);
        let plain = tiny.plain();
        for weight in weights {
            let weight = format!("blocks.0.{weight}");
            let slopes = plain.gradient(&seed(&plain, CELL), &weight).unwrap();
            for at in slopes.shape().cells().step_by(5).take(6) {
                let moved = |by: f32| {
                    let mut value = plain.value(&weight).unwrap().clone();
                    value.set(at, value.get(at) + by);
                    let learned = Learned::from([(weight.clone(), Arc::new(value))]);
                    let changes = Changes::default().with_weights(Arc::new(learned));
                    let trace = tiny.run(changes, Keep::All);
                    trace.value("blocks.0.resid_post").unwrap().get(CELL)
                };
                assert_near(&format!("{name} {weight} {at:?}"), slope(moved), slopes.get(at));
            }
        }
    }
}

#[test]
fn a_state_set_by_hand_changes_later_steps_only() {
    let tiny = Tiny::open("mamba2");
    let (plain, site) = (tiny.plain(), "blocks.0.ssm.state");
    let set = tiny.what_if(&["blocks.0.ssm.state[1,3,2]=5"]);
    let value = |trace: &Trace, row, col| trace.value(site).unwrap().get(Cell::new(1, row, col));
    let kept = |row| plain.value("blocks.0.ssm.decay").unwrap().get(Cell::new(0, row, 1));
    let moved = 5.0 - value(&plain, 3, 2);
    for col in 0..plain.site(site).unwrap().shape().cols {
        assert_eq!(value(&set, 2, col).to_bits(), value(&plain, 2, col).to_bits());
        let (got, was) = (value(&set, 5, col), value(&plain, 5, col));
        let want = if col == 2 { was + moved * kept(4) * kept(5) } else { was };
        assert!((got - want).abs() < 1e-4, "{col}: {got}, want {want}");
    }
    assert_eq!(row(&set, "logits", 2), row(&plain, "logits", 2));
    assert_ne!(row(&set, "logits", 3), row(&plain, "logits", 3));
}

#[test]
fn a_head_that_keeps_nothing_knows_nothing_from_before() {
    let tiny = Tiny::open("mamba2");
    let forgets = tiny.what_if(&["blocks.0.ssm.decay[4,2]=0"]);
    let [state, dt, x, b] = ["state", "dt", "x", "B"]
        .map(|name| forgets.value(&format!("blocks.0.ssm.{name}")).unwrap());
    for cell in state.shape().cells().filter(|cell| (cell.plane, cell.row) == (2, 4)) {
        // Three heads a group, five numbers of the state a channel.
        let (channel, n) = (cell.col / 5, cell.col % 5);
        let x = x.get(Cell::new(2, 4, channel));
        let want = dt.get(Cell::new(0, 4, 2)) * x * b.get(Cell::new(0, 4, n));
        assert!((state.get(cell) - want).abs() < 1e-6, "{cell:?}");
    }
}

#[test]
fn what_is_wholly_corrected_is_found_again_under_its_key() {
    let tiny = Tiny::open("qwen35");
    let corrects = tiny.what_if(&["blocks.0.delta.beta[4,5]=1"]);
    let [state, k, v] = ["state", "k_unit", "v"]
        .map(|name| corrects.value(&format!("blocks.0.delta.{name}")).unwrap());
    // Three heads of values share the second head of keys, of five numbers.
    let (state, key) = (state.row(5, 4), k.row(1, 4));
    for (channel, want) in v.row(5, 4).into_iter().enumerate() {
        let row = &state[5 * channel..5 * (channel + 1)];
        let found: f32 = row.iter().zip(&key).map(|(s, k)| s * k).sum();
        assert!((found - want).abs() < 1e-5, "{channel}: {found}, want {want}");
    }
    let ignores = tiny.what_if(&["blocks.0.delta.beta[4,5]=0", "blocks.0.delta.decay[4,5]=1"]);
    let state = ignores.value("blocks.0.delta.state").unwrap();
    assert_eq!(state.row(5, 4), state.row(5, 3), "nothing is kept back, nothing corrected");
}

#[test]
fn a_gate_at_zero_lets_nothing_of_the_heads_through() {
    let tiny = Tiny::open("qwen35");
    let closed: Vec<String> =
        (0..32).map(|col| format!("blocks.1.attn.gate_act[4,{col}]=0")).collect();
    let closed = tiny.what_if(&closed.iter().map(String::as_str).collect::<Vec<_>>());
    let is_zero =
        |row_of: usize| row(&closed, "blocks.1.attn.out", row_of).iter().all(|n| *n == 0.0);
    assert!(is_zero(4) && !is_zero(3));
}

#[test]
fn heads_and_layers_can_be_left_out_and_matter() {
    let tiny = Tiny::open("mamba2");
    let plain = tiny.plain();
    let parts: Vec<String> = plain.parts_off().map(|part| part.to_string()).collect();
    for part in ["blocks.0.ssm.head.2=off", "blocks.1.ssm=off", "blocks.2=off", "residual=off"] {
        assert!(parts.iter().any(|one| one == part), "{part}: {parts:?}");
        let off = tiny.what_if(&[part]);
        assert_ne!(row(&off, "logits", 6), row(&plain, "logits", 6), "{part}");
        let closed = tiny.run(changes(&[part]), Keep::Boundaries);
        assert_eq!(row(&closed, "logits", 6), row(&off, "logits", 6), "{part}");
    }
    let off = tiny.what_if(&["blocks.0.ssm.head.2=off"]);
    let [before, after] = [&plain, &off].map(|trace| trace.value("blocks.0.ssm.y").unwrap());
    for (head, (before, after)) in before.planes().iter().zip(after.planes()).enumerate() {
        let is_zero = after.iter().all(|number| number.abs() == 0.0);
        assert_eq!(is_zero, head == 2, "{head}");
        assert!(head == 2 || before == after, "{head}");
    }
    let hybrid = Tiny::open("lfm2").plain();
    let parts: Vec<String> = hybrid.parts_off().map(|part| part.to_string()).collect();
    for part in ["blocks.0.conv=off", "blocks.2.attn=off", "blocks.2.attn.head.1=off", "mask=off"] {
        assert!(parts.iter().any(|one| one == part), "{part}: {parts:?}");
    }
    let tiny = Tiny::open("qwen35");
    let plain = tiny.plain();
    let parts: Vec<String> = plain.parts_off().map(|part| part.to_string()).collect();
    for part in ["blocks.0.delta.head.5=off", "blocks.2.delta=off", "blocks.1.attn.head.3=off"] {
        assert!(parts.iter().any(|one| one == part), "{part}: {parts:?}");
        let off = tiny.what_if(&[part]);
        assert_ne!(row(&off, "logits", 6), row(&plain, "logits", 6), "{part}");
    }
}

#[test]
fn a_text_read_in_parts_ends_as_one_read_at_once() {
    let hybrids = ["lfm2", "lfm2_biased", "qwen35", "qwen35.gguf", "qwen3_next", "qwen3_next.gguf"];
    let others = ["lfm2_moe", "bamba", "granite4", "granite4_dense", "nemotron_h", "llama4"];
    let hybrids = hybrids.into_iter().chain(others);
    for name in ["mamba2", "mamba2_biased"].into_iter().chain(hybrids) {
        let tiny = Tiny::open(name);
        for change in [None, Some("blocks.0.ffn=off"), Some("temperature=2"), Some("residual=off")]
        {
            let (whole, off) = tiny.read_in_parts(change);
            let scale = whole.iter().fold(1.0_f32, |most, logit| most.max(logit.abs()));
            assert!(off < 1e-4 * scale, "{name} {change:?}: {off} of {scale}");
        }
    }
}

#[test]
fn the_steps_of_a_hybrid_begin_in_layers_that_have_their_sites() {
    let checkpoint = Checkpoint::open(&Path::new(FOLDER).join("lfm2")).unwrap();
    let reader = Reader::open(&checkpoint, true).unwrap();
    let reading = reader.read("The river was wide.").unwrap();
    let trace = reading.trace(ModelName::Checkpoint);
    let attends = |layer| trace.layer_has("blocks.{layer}.attn.weights", layer);
    assert_eq!([0, 1, 2, 3].map(attends), [false, false, true, false]);
    assert_eq!(trace.n_layers("blocks.{layer}.attn.weights"), 3);
    assert_eq!(trace.n_layers("blocks.{layer}.resid_post"), 4);
    // The header counts all layers, as the map does.
    assert_eq!(trace.n_layers_of_stack("blocks.{layer}.attn.weights"), 4);
    assert_eq!(trace.n_layers_of_stack("logits"), 0);
    let lesson = Lesson::for_checkpoint(Language::English).unwrap().fitting(trace);
    for (id, layer) in [("own-short-conv", 0), ("own-weights", 2), ("own-wall", 2)] {
        let step = lesson.find(id).unwrap();
        assert_eq!(lesson.start(step, &reading).layer, layer, "{id}");
    }
    let step = lesson.step(lesson.find("own-weights").unwrap()).1;
    assert_eq!([0, 1, 2, 3].map(|layer| step.layer_near(trace, layer)), [2; 4]);
}

#[test]
fn a_click_on_the_wall_of_a_hybrid_selects_the_layer_that_is_drawn_there() {
    let checkpoint = Checkpoint::open(&Path::new(FOLDER).join("lfm2")).unwrap();
    let reading =
        Arc::new(Reader::open(&checkpoint, true).unwrap().read("The river was wide.").unwrap());
    reading.waiting().heads();
    let lesson = Lesson::for_checkpoint(Language::English).unwrap();
    let lesson = lesson.fitting(reading.trace(ModelName::Checkpoint));
    let step = lesson.find("own-wall").unwrap();
    let mut state = State::new(Arc::new(lesson), Theme::default());
    update(&mut state, Action::Read(Ok(reading)));
    state.enter(step);
    let panes = state.panes();
    let area = Rect::new(0, 0, 100, 30);
    let heads = area.positions().filter_map(|at| panes[0].cell_at(area, at));
    let layers: BTreeSet<usize> = heads.map(|at| at.row).collect();
    assert_eq!(layers, BTreeSet::from([2]), "the other layers have no heads");
}

#[test]
fn settings_of_states_and_filters_that_cannot_be_run_are_named() {
    for (name, key, value) in [
        ("mamba2", "time_step_limit", json!([0.0, 0.1])),
        ("mamba2", "time_step_limit", json!([0.001, null])),
        ("mamba2", "n_groups", json!(4)),
        ("mamba2", "n_groups", json!(0)),
        ("mamba2", "head_dim", json!(8)),
        ("mamba2", "state_size", json!(16_000_000)),
        ("mamba2", "hidden_act", json!("mish")),
        ("lfm2", "layer_types", json!(["conv", "conv", "full_attention"])),
        ("lfm2", "layer_types", json!(["conv", "conv", "full_attention", "mamba"])),
        ("lfm2", "block_ffn_dim_multiplier", json!(0.0)),
        ("qwen35", "layer_types", json!(["linear_attention"])),
        ("qwen35", "layer_types", json!(["linear_attention", "conv", "full_attention"])),
        ("qwen35", "linear_num_key_heads", json!(4)),
        ("qwen35", "linear_key_head_dim", json!(16_000_000)),
        ("qwen3_next", "linear_num_key_heads", json!(4)),
        ("qwen3_next", "num_experts_per_tok", json!(6)),
        ("bamba", "mamba_d_head", json!(9)),
        ("bamba", "time_step_limit", json!([0.001, 0.1])),
        ("granite4", "layer_types", json!(["mamba", "attention"])),
        ("granite4", "layer_types", json!(["mamba", "attention", "conv"])),
        ("granite4", "mamba_n_groups", json!(4)),
        ("nemotron_h", "hybrid_override_pattern", json!("MEM*X")),
        ("nemotron_h", "layers_block_type", json!(["moe", "mlp", "conv"])),
        ("nemotron_h", "moe_latent_size", json!(9)),
        ("nemotron_h", "n_group", json!(2)),
    ] {
        let text = error_of(name, &[(key, value)]);
        assert!(text.contains(&format!("`{key}`")), "{key}: {text}");
    }
    assert_eq!(error_of("mamba2", &[("time_step_limit", json!([0.0, null]))]), "");
    // As transformers writes infinity today.
    let infinity = json!([0.0, {"__float__": "Infinity"}]);
    assert_eq!(error_of("granite4", &[("time_step_limit", infinity)]), "");
    let both = error_of(
        "nemotron_h",
        &[("moe_latent_size", json!(9)), ("time_step_limit", json!([0.1, 1.0]))],
    );
    assert!(both.contains("`moe_latent_size`") && both.contains("`time_step_limit`"), "{both}");
    let asked = error_of("mamba2", &[("use_bias", json!(true))]);
    assert!(asked.contains("`backbone.layers.0.mixer.in_proj.bias`"), "{asked}");
    // Five rows of queries, five of keys, two times three of values and gates, for each of three heads of keys.
    let narrow = error_of("qwen3_next", &[("linear_value_head_dim", json!(3))]);
    assert!(narrow.contains("in_proj_qkvz.weight` is (114, 18), want (66, 18)"), "{narrow}");
}

#[test]
fn a_number_that_is_no_json_but_python_writes_it_is_read() {
    let from = Path::new(FOLDER).join("mamba2");
    let text = fs::read_to_string(from.join("config.json")).unwrap();
    assert!(text.contains("Infinity"), "{text}");
    let folder = tempfile::TempDir::new().unwrap();
    let named = text.replace("\"model_type\"", "\"note\": \"NaN \\\" Infinity\", \"model_type\"");
    fs::write(folder.path().join("config.json"), named).unwrap();
    fs::copy(from.join("model.safetensors"), folder.path().join("model.safetensors")).unwrap();
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(checkpoint.config().string("note").unwrap(), "NaN \" Infinity");
    assert!(Architecture::of(&checkpoint).unwrap().open(&checkpoint).is_ok());
}

/// Newer files list the kinds of layers and do not count them; the first have a letter for each.
#[test]
fn the_layers_of_a_nemotron_h_are_as_many_as_are_listed() {
    let kinds = json!(["linear_attention", "moe", "mamba", "full_attention", "mlp"]);
    let [null, five] = [json!(null), json!(7)];
    for n in [null, five] {
        let listed = [
            ("hybrid_override_pattern", json!(null)),
            ("layers_block_type", kinds.clone()),
            ("num_hidden_layers", n),
        ];
        assert_eq!(error_of("nemotron_h", &listed), "");
    }
}
