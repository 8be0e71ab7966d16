//! Translators and recurrent language models from files, written here: what they remember while they
//! write changes nothing, every part can be left out, every number opens, and gradients are slopes.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use crate::support::weights::{f32s, safetensors};
use lookback::{
    analysis::trace::Trace,
    engine::{
        change::{Change, Changes},
        tape::Keep,
        value::{Cell, Value},
    },
    model::{Architecture, Model, ModelName, Setup},
    text::Tokenizer,
    weights::Checkpoint,
};
use tempfile::TempDir;

const D: usize = 6;
const D_FF: usize = 7;
const VOCAB: usize = 23;
const SOURCE: [u32; 6] = [3, 9, 22, 4, 7, 7];
/// What the decoder is given where no word of its own is to be seen.
const TARGET: [u32; 4] = [11, 4, 2, 9];

/// The tensors of a file: shape by name.
type Tensors = BTreeMap<String, Vec<usize>>;

/// Numbers between -1 and 1 that follow from a name.
fn numbers(name: &str, n: usize) -> Vec<f32> {
    let mut state = name.bytes().fold(17_u32, |h, b| h.wrapping_mul(31).wrapping_add(b.into()));
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn folder(config: &str, tensors: &Tensors) -> TempDir {
    let folder = TempDir::new().unwrap();
    let bytes = |name: &str, shape: &[usize]| f32s(&numbers(name, shape.iter().product()));
    let all: Vec<_> =
        tensors.iter().map(|(n, shape)| (n.as_str(), "F32", &shape[..], bytes(n, shape))).collect();
    fs::write(folder.path().join("model.safetensors"), safetensors(&all)).unwrap();
    fs::write(folder.path().join("config.json"), config).unwrap();
    folder
}

fn opened(config: &str, tensors: &Tensors) -> anyhow::Result<Arc<dyn Model>> {
    let folder = folder(config, tensors);
    let checkpoint = Checkpoint::open(folder.path())?;
    Architecture::of(&checkpoint)?.open(&checkpoint)
}

/// A T5 of version 1.1: three heads of 4 in a stream of 6, two layers a stack.
fn t5() -> Arc<dyn Model> {
    let mut tensors = Tensors::new();
    let mut add = |name: String, shape: &[usize]| drop(tensors.insert(name, shape.to_vec()));
    add("shared.weight".into(), &[VOCAB, D]);
    add("lm_head.weight".into(), &[VOCAB, D]);
    for side in ["encoder", "decoder"] {
        let first = format!("{side}.block.0.layer.0.SelfAttention");
        add(format!("{first}.relative_attention_bias.weight"), &[8, 3]);
        add(format!("{side}.final_layer_norm.weight"), &[D]);
        let attentions = if side == "encoder" { 1 } else { 2 };
        for l in 0..2 {
            let at = format!("{side}.block.{l}.layer");
            for (i, name) in ["SelfAttention", "EncDecAttention"][..attentions].iter().enumerate() {
                for (map, shape) in [("q", [12, D]), ("k", [12, D]), ("v", [12, D]), ("o", [D, 12])]
                {
                    add(format!("{at}.{i}.{name}.{map}.weight"), &shape);
                }
            }
            for i in 0..=attentions {
                add(format!("{at}.{i}.layer_norm.weight"), &[D]);
            }
            for (map, shape) in [("wi_0", [D_FF, D]), ("wi_1", [D_FF, D]), ("wo", [D, D_FF])] {
                add(format!("{at}.{attentions}.DenseReluDense.{map}.weight"), &shape);
            }
        }
    }
    let config = r#"{"model_type": "t5", "d_model": 6, "d_kv": 4, "d_ff": 7, "num_layers": 2, "num_heads": 3,
        "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20, "vocab_size": 23,
        "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false, "eos_token_id": 1,
        "decoder_start_token_id": 0, "min_length": 8}"#;
    opened(config, &tensors).unwrap()
}

/// A Marian with a vocabulary for either side.
fn marian() -> (String, Tensors) {
    let mut tensors = Tensors::new();
    let mut add = |name: String, shape: &[usize]| drop(tensors.insert(name, shape.to_vec()));
    add("final_logits_bias".into(), &[1, 19]);
    for (side, n_vocab) in [("encoder", VOCAB), ("decoder", 19)] {
        add(format!("model.{side}.embed_tokens.weight"), &[n_vocab, D]);
        let attentions: &[&str] =
            if side == "encoder" { &["self_attn"] } else { &["self_attn", "encoder_attn"] };
        for l in 0..2 {
            let at = format!("model.{side}.layers.{l}");
            let mut maps = vec![("fc1".to_owned(), D_FF, D), ("fc2".to_owned(), D, D_FF)];
            let mut norms = vec!["final_layer_norm".to_owned()];
            for name in attentions {
                let of = ["q_proj", "k_proj", "v_proj", "out_proj"];
                maps.extend(of.map(|map| (format!("{name}.{map}"), D, D)));
                norms.push(format!("{name}_layer_norm"));
            }
            for (map, n_out, n_in) in maps {
                add(format!("{at}.{map}.weight"), &[n_out, n_in]);
                add(format!("{at}.{map}.bias"), &[n_out]);
            }
            for norm in norms {
                add(format!("{at}.{norm}.weight"), &[D]);
                add(format!("{at}.{norm}.bias"), &[D]);
            }
        }
    }
    let config = r#"{"model_type": "marian", "d_model": 6, "encoder_layers": 2, "decoder_layers": 2,
        "encoder_ffn_dim": 7, "decoder_ffn_dim": 7, "encoder_attention_heads": 2,
        "decoder_attention_heads": 3, "max_position_embeddings": 40, "activation_function": "swish",
        "scale_embedding": true, "vocab_size": 23, "decoder_vocab_size": 19, "eos_token_id": 0,
        "share_encoder_decoder_embeddings": false, "decoder_start_token_id": 18,
        "bad_words_ids": [[18]], "forced_eos_token_id": 0}"#;
    (config.to_owned(), tensors)
}

fn translators() -> [Arc<dyn Model>; 2] {
    let (config, tensors) = marian();
    [t5(), opened(&config, &tensors).unwrap()]
}

/// Two layers of 5 units that read embeddings of 6.
fn lstm() -> (String, Tensors) {
    let mut tensors = Tensors::new();
    let mut add = |name: String, shape: &[usize]| drop(tensors.insert(name, shape.to_vec()));
    add("embed.weight".into(), &[VOCAB, D]);
    add("out.weight".into(), &[VOCAB, 5]);
    add("out.bias".into(), &[VOCAB]);
    for (l, d_in) in [D, 5].into_iter().enumerate() {
        add(format!("rnn.weight_ih_l{l}"), &[20, d_in]);
        add(format!("rnn.weight_hh_l{l}"), &[20, 5]);
        add(format!("rnn.bias_ih_l{l}"), &[20]);
        add(format!("rnn.bias_hh_l{l}"), &[20]);
    }
    let config =
        r#"{"model_type": "lstm", "vocab_size": 23, "d_embed": 6, "d_hidden": 5, "n_layers": 2}"#;
    (config.to_owned(), tensors)
}

fn setup(changes: &[&str]) -> Setup {
    let changes: Changes = changes.iter().map(|c| c.parse::<Change>().unwrap()).collect();
    Setup { changes: Arc::new(changes), longest: Some(12), ..Setup::default() }
}

/// What a model computes where the decoder reads [`TARGET`].
fn trace(model: &dyn Model, setup: &Setup) -> Trace {
    let setup = Setup { forced: Some(TARGET.to_vec()), ..setup.clone() };
    Trace::new(ModelName::Checkpoint, model.run(&SOURCE, &setup), &Tokenizer::embedded().unwrap())
}

fn bits(trace: &Trace, path: &str) -> Vec<u32> {
    trace.value(path).unwrap().numbers().map(f32::to_bits).collect()
}

#[test]
fn what_is_remembered_while_writing_is_what_reading_it_all_again_finds() {
    for model in translators() {
        let plain = model.run(&SOURCE, &setup(&[]));
        assert_eq!(plain.target[1..], plain.output[..plain.output.len() - 1]);
        for changes in [&[][..], &["positions=off"], &["decoder.1=off"]] {
            let free = model.run(&SOURCE, &setup(changes));
            let forced = Some(free.target[1..].to_vec());
            let read = model.run(&SOURCE, &Setup { forced, ..setup(changes) });
            // The last token of a long output is given, not chosen.
            let n = free.output.len() - 1;
            assert_eq!(free.output[..n], read.output[..n], "{changes:?}");
        }
        let beam = model.run(&SOURCE, &setup(&["beam=1"]));
        assert_eq!(beam.output, plain.output);
        let wide = model.run(&SOURCE, &setup(&["beam=4"])).beams.unwrap();
        assert_eq!(wide.steps[0].len(), 4);
    }
}

#[test]
fn what_must_not_be_written_is_not() {
    let (config, tensors) = marian();
    let model = opened(&config, &tensors).unwrap();
    let sampled =
        |seed: u64| model.run(&SOURCE, &setup(&[&format!("sample={seed}"), "temperature=9"]));
    for seed in 0..20 {
        let pass = sampled(seed);
        assert_eq!((pass.target[0], pass.output.contains(&18)), (18, false));
        assert!(pass.output.len() < 12 || pass.output[11] == 0);
    }
}

#[test]
fn every_part_can_be_left_out_and_blocks_may_be_closed() {
    for model in translators() {
        let plain = trace(&*model, &setup(&[]));
        let parts: Vec<Change> = plain.parts_off().collect();
        assert!(parts.len() > 30, "{}", parts.len());
        for part in parts {
            let changed = setup(&[&part.to_string()]);
            let whole = trace(&*model, &changed);
            let closed = trace(&*model, &Setup { keep: Keep::Boundaries, ..changed });
            assert_ne!(bits(&whole, "logits"), bits(&plain, "logits"), "{part}");
            assert_eq!(bits(&whole, "logits"), bits(&closed, "logits"), "{part}");
        }
    }
}

#[test]
fn without_positions_distances_count_for_nothing() {
    let model = t5();
    let off = trace(&*model, &setup(&["encoder.1.self_attn.positions=off"]));
    assert!(off.value("encoder.1.self_attn.bias").unwrap().numbers().all(|v| v == 0.0));
    assert!(off.value("encoder.0.self_attn.bias").unwrap().numbers().any(|v| v != 0.0));
    assert!(off.site("decoder.0.cross_attn.bias").is_none());
    assert!(off.site("encoder.0.self_attn.scaled").is_none());
}

fn every_cell_opens(trace: &Trace) {
    for site in trace.sites().filter(|site| !site.is_leaf) {
        for cell in site.shape().cells() {
            let opened = trace.open(&site.address(cell)).unwrap();
            let (got, want) = (opened.expr.unwrap().eval(), f64::from(site.value.get(cell)));
            let near = (got - want).abs() <= 1e-4 * want.abs().max(1.0);
            let hidden = want == f64::NEG_INFINITY && got < f64::MIN;
            assert!(near || hidden, "{}: opens to {got}, is {want}", site.address(cell));
        }
    }
}

/// The gradient of one number with respect to a site, and what moving the site by hand makes of it.
fn gradients_are_slopes(model: &dyn Model, plain: &Trace, (of, cell): (&str, Cell), site: &str) {
    let mut seed = Value::zeros(plain.value(of).unwrap().shape());
    seed.set(cell, 1.0);
    let slopes = plain.gradient(&[(of, seed)], site).unwrap();
    for at in slopes.shape().cells().step_by(3) {
        let moved = |by: f32| {
            let number = plain.value(site).unwrap().get(at) + by;
            let change = format!("{}={number}", plain.site(site).unwrap().address(at));
            trace(model, &setup(&[&change])).value(of).unwrap().get(cell)
        };
        let (numeric, slope) = ((moved(1e-2) - moved(-1e-2)) / 2e-2, slopes.get(at));
        assert!(
            (numeric - slope).abs() < 2e-2 * slope.abs().max(1.0),
            "{site} {at:?}: {numeric} {slope}"
        );
    }
}

#[test]
fn every_number_of_a_translator_opens_and_gradients_are_slopes() {
    for model in translators() {
        let plain = trace(&*model, &setup(&[]));
        every_cell_opens(&plain);
        let last = Cell::new(0, plain.target.len() - 1, 5);
        for site in
            ["src.embed", "tgt.input", "encoder.0.self_attn.k", "decoder.0.cross_attn.scores"]
        {
            gradients_are_slopes(&*model, &plain, ("logits", last), site);
        }
    }
}

#[test]
fn the_table_of_distances_is_reached_through_closed_blocks() {
    let model = t5();
    let of = |keep| {
        let trace = trace(&*model, &Setup { keep, ..setup(&[]) });
        let mut seed = Value::zeros(trace.value("logits").unwrap().shape());
        seed.set(Cell::new(0, 1, 4), 1.0);
        let of = |name: &str| trace.gradient(&[("logits", seed.clone())], name).unwrap();
        [of("encoder.relative.weight"), of("decoder.relative.weight")]
    };
    let (whole, closed) = (of(Keep::All), of(Keep::Boundaries));
    for (whole, closed) in whole.iter().zip(&closed) {
        assert!(whole.numbers().any(|v| v.abs() > 1e-4));
        let off = whole.zip_map(closed, |a, b| (a - b).abs());
        assert!(off.numbers().all(|v| v < 1e-4));
    }
}

#[test]
fn an_lstm_remembers_opens_and_has_slopes() {
    let (config, tensors) = lstm();
    let model = opened(&config, &tensors).unwrap();
    let plain = trace(&*model, &setup(&[]));
    every_cell_opens(&plain);
    let last = Cell::new(0, SOURCE.len() - 1, 5);
    for site in ["tokens.embed", "rnn.0.forget_gate", "rnn.1.cell", "rnn.0.hidden"] {
        gradients_are_slopes(&*model, &plain, ("logits", last), site);
    }
    let mut writer = model.writer(&setup(&[])).unwrap();
    assert!(writer.read(&SOURCE[..2]).is_some());
    let stepwise = writer.read(&SOURCE[2..]).unwrap();
    let whole = plain.value("logits").unwrap().row(0, SOURCE.len() - 1);
    assert!(stepwise.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[track_caller]
fn refused(config: &str, tensors: &Tensors) -> String {
    match opened(config, tensors) {
        Ok(_) => panic!("was opened: {config}"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn what_cannot_be_run_is_refused_with_the_reason() {
    let (config, tensors) = lstm();
    let with = |name: &str| {
        let more = [(name.to_owned(), vec![20, 5])];
        tensors.clone().into_iter().chain(more).collect::<Tensors>()
    };
    assert!(refused(&config, &with("rnn.weight_ih_l0_reverse")).contains("both directions"));
    assert!(refused(&config, &with("rnn.weight_hr_l0")).contains("projects"));
    assert!(refused(&config, &with("rnn.weight_ih_l2")).contains("n_layers"));
    let gru = config.replace("lstm", "gru");
    assert!(refused(&gru, &tensors).contains("`rnn.weight_ih_l0` is (20, 6), want (15, 6)"));
    let (config, tensors) = marian();
    let far = config.replace("\"decoder_start_token_id\": 18", "\"decoder_start_token_id\": 19");
    assert!(refused(&far, &tensors).contains("19"));
    let none = Tensors::new();
    let error = refused(&config, &none);
    assert!(error.contains("is missing") && error.lines().count() > 30, "{error}");
}

#[test]
fn one_half_of_a_translator_and_names_of_another_program_are_called_so() {
    let (config, tensors) = marian();
    let of = |class: &str| config.replacen('{', &format!(r#"{{"architectures": ["{class}"], "#), 1);
    let without = |half: &str| -> Tensors {
        tensors.clone().into_iter().filter(|(name, _)| !name.contains(half)).collect()
    };
    for (class, half, want) in [
        ("MarianForCausalLM", ".encoder.", "a decoder without its encoder"),
        ("MarianEncoderModel", ".decoder.", "an encoder without its decoder"),
    ] {
        let error = refused(&of(class), &without(half));
        assert!(error.contains(&format!("is a `{class}`, {want}")), "{error}");
    }
    let renamed = tensors.iter().map(|(name, shape)| (format!("net.{name}"), shape.clone()));
    let error = refused(&of("MarianMTModel"), &renamed.collect());
    assert!(error.contains("written for another program") && error.contains("`net."), "{error}");
}

#[test]
fn padding_in_the_text_of_m2m_has_no_position_and_is_not_counted() {
    const PAD: u32 = 1;
    let folder = Path::new("tests/goldens/checkpoints/m2m");
    let checkpoint = Checkpoint::open(folder).unwrap();
    let model = Architecture::of(&checkpoint).unwrap().open(&checkpoint).unwrap();
    let positions = |ids: &[u32]| {
        let tape = model.read(ids, &Setup::default());
        let node = tape.nodes().find(|&node| tape.entry(node).place.path == "src.pos").unwrap();
        tape.value(node).matrix().clone()
    };
    let (plain, padded) = (positions(&[9, 12, 30]), positions(&[9, PAD, 12, PAD, 30]));
    for (row, of) in [(0, Some(0)), (1, None), (2, Some(1)), (3, None), (4, Some(2))] {
        let want = of.map_or_else(|| plain.row(0) * 0.0, |of| plain.row(of).into_owned());
        assert_eq!(padded.row(row), want, "{row}");
    }
}
