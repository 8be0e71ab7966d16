//! Encoder-only checkpoints, written here in the forms that are about: the same numbers under other
//! names are the same model, and every number opens.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use anyhow::Result;
use lookback::{
    analysis::{
        measure::{
            choice::{choice, read_so_far, taken},
            gradient::of_log_probability,
            lens::lens,
            stream::stations,
        },
        reading::Reader,
    },
    engine::{
        change::{Change, Changes},
        math::sampling::Choosing,
        tape::{Keep, Tape},
        value::{Cell, Value},
    },
    model::{Architecture, Model, ModelName, Pass, Setup},
    weights::Checkpoint,
};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    tiny::{error_of, logits_of},
    weights::{Gguf, f32s},
};

const D_MODEL: usize = 6;
const D_FF: usize = 7;
const VOCAB: usize = 23;
const POSITIONS: usize = 16;
const IDS: [u32; 7] = [3, 9, 22, 0, 7, 7, 2];
const MASK: u32 = 9;

/// The tensors of a file: shape and numbers by name.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Numbers between -1 and 1 that follow from a name.
fn numbers(name: &str, n: usize) -> Vec<f32> {
    let start = name.bytes().fold(17_u32, |h, b| h.wrapping_mul(31).wrapping_add(b.into()));
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*state >> 8) as f32 / (1 << 23) as f32 - 1.0)
    };
    std::iter::repeat_n((), n).scan(start, |state, ()| next(state)).collect()
}

fn add(tensors: &mut Tensors, name: &str, shape: &[usize]) {
    let n = shape.iter().product();
    tensors.insert(name.to_owned(), (shape.to_vec(), numbers(name, n)));
}

/// A linear map with its bias, as PyTorch has them.
fn linear(tensors: &mut Tensors, name: &str, (n_in, n_out): (usize, usize)) {
    add(tensors, &format!("{name}.weight"), &[n_out, n_in]);
    add(tensors, &format!("{name}.bias"), &[n_out]);
}

fn norm(tensors: &mut Tensors, name: &str) {
    add(tensors, &format!("{name}.weight"), &[D_MODEL]);
    add(tensors, &format!("{name}.bias"), &[D_MODEL]);
}

/// A body in the names of BERT and RoBERTa, two layers.
fn body() -> Tensors {
    let mut tensors = Tensors::new();
    for (table, rows) in [
        ("word_embeddings", VOCAB),
        ("position_embeddings", POSITIONS),
        ("token_type_embeddings", 2),
    ] {
        add(&mut tensors, &format!("embeddings.{table}.weight"), &[rows, D_MODEL]);
    }
    norm(&mut tensors, "embeddings.LayerNorm");
    for l in 0..2 {
        let at = format!("encoder.layer.{l}");
        for map in ["self.query", "self.key", "self.value", "output.dense"] {
            linear(&mut tensors, &format!("{at}.attention.{map}"), (D_MODEL, D_MODEL));
        }
        norm(&mut tensors, &format!("{at}.attention.output.LayerNorm"));
        linear(&mut tensors, &format!("{at}.intermediate.dense"), (D_MODEL, D_FF));
        linear(&mut tensors, &format!("{at}.output.dense"), (D_FF, D_MODEL));
        norm(&mut tensors, &format!("{at}.output.LayerNorm"));
    }
    tensors
}

/// BERT's head for masked words, tied.
fn head() -> Tensors {
    let mut tensors = Tensors::new();
    linear(&mut tensors, "cls.predictions.transform.dense", (D_MODEL, D_MODEL));
    norm(&mut tensors, "cls.predictions.transform.LayerNorm");
    add(&mut tensors, "cls.predictions.bias", &[VOCAB]);
    tensors
}

/// The same numbers under other names.
fn renamed(tensors: Tensors, rename: impl Fn(&str) -> String) -> Tensors {
    tensors.into_iter().map(|(name, tensor)| (rename(&name), tensor)).collect()
}

fn with_head() -> Tensors {
    let mut tensors = renamed(body(), |name| format!("bert.{name}"));
    tensors.extend(head());
    tensors
}

const BERT: &str = r#""model_type": "bert""#;

/// A folder with these tensors and settings.
fn folder(tensors: &Tensors, settings: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let bytes: BTreeMap<_, Vec<u8>> = tensors
        .iter()
        .map(|(name, (_, numbers))| (name, numbers.iter().flat_map(|n| n.to_le_bytes()).collect()))
        .collect();
    let view = |(name, (shape, _)): (&String, &(Vec<usize>, _))| {
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), &bytes[name]).unwrap())
    };
    let file = safetensors::serialize(tensors.iter().map(view), None).unwrap();
    fs::write(folder.path().join("model.safetensors"), file).unwrap();
    let config = format!(
        r#"{{{settings}, "vocab_size": {VOCAB}, "hidden_size": {D_MODEL}, "num_hidden_layers": 2,
            "num_attention_heads": 2, "intermediate_size": {D_FF}, "hidden_act": "gelu",
            "max_position_embeddings": {POSITIONS}, "layer_norm_eps": 1e-12}}"#
    );
    fs::write(folder.path().join("config.json"), config).unwrap();
    folder
}

fn opened(folder: &TempDir) -> Result<Arc<dyn Model>> {
    let checkpoint = Checkpoint::open(folder.path())?;
    Architecture::of(&checkpoint)?.open(&checkpoint)
}

fn pass(tensors: &Tensors, settings: &str) -> Pass {
    opened(&folder(tensors, settings)).unwrap().run(&IDS, &Setup::default())
}

fn bits(value: &Value) -> Vec<u32> {
    value.numbers().map(f32::to_bits).collect()
}

/// The bits of a site.
fn site(pass: &Pass, path: &str) -> Vec<u32> {
    bits(pass.value(path).unwrap_or_else(|| panic!("no site {path}")))
}

#[test]
fn a_norm_has_its_old_names_or_its_new_ones() {
    let old = renamed(with_head(), |name| {
        name.replace("LayerNorm.weight", "LayerNorm.gamma")
            .replace("LayerNorm.bias", "LayerNorm.beta")
    });
    let (new, old) = (pass(&with_head(), BERT), pass(&old, BERT));
    assert_eq!(site(&new, "logits"), site(&old, "logits"));
}

#[test]
fn a_body_may_stand_behind_a_prefix() {
    let prefixed = renamed(body(), |name| format!("bert.{name}"));
    let (bare, prefixed) = (pass(&body(), BERT), pass(&prefixed, BERT));
    assert_eq!(site(&bare, "sentence"), site(&prefixed, "sentence"));
    assert!(bare.output.is_empty() && bare.value("logits").is_none());
}

#[test]
fn a_table_of_logits_counts_wherever_it_stands() {
    let mut tensors = with_head();
    add(&mut tensors, "cls.predictions.decoder.weight", &[VOCAB, D_MODEL]);
    add(&mut tensors, "cls.predictions.decoder.bias", &[VOCAB]);
    let not_tied = format!(r#"{BERT}, "tie_word_embeddings": false"#);
    let (tied, untied) = (pass(&tensors, BERT), pass(&tensors, &not_tied));
    assert_ne!(site(&tied, "logits"), site(&pass(&with_head(), BERT), "logits"));
    assert_eq!(site(&tied, "logits"), site(&untied, "logits"));
    let error = opened(&folder(&with_head(), &not_tied)).err().unwrap().to_string();
    assert!(error.contains("has no `cls.predictions.decoder.weight`"), "{error}");
    let bias = &tensors["cls.predictions.decoder.bias"].1;
    assert_eq!(untied.value("unembed.bias").unwrap().row(0, 0), *bias);
}

#[test]
fn roberta_counts_positions_from_the_row_after_padding() {
    let roberta = r#""model_type": "roberta", "pad_token_id": 1"#;
    let pass = pass(&body(), roberta);
    let table =
        Value::from_rows(POSITIONS, D_MODEL, &body()["embeddings.position_embeddings.weight"].1);
    let pos = pass.value("tokens.pos").unwrap();
    for row in 0..IDS.len() {
        assert_eq!(pos.row(0, row), table.row(0, row + 2));
    }
    let model = opened(&folder(&body(), roberta)).unwrap();
    let typed = model.run(&[3, 1, 9], &Setup::default());
    let pos = typed.value("tokens.pos").unwrap();
    assert_eq!([0, 1, 2].map(|row| pos.row(0, row)), [2, 1, 3].map(|row| table.row(0, row)));
    assert_eq!(model.sizes().unwrap().context, POSITIONS - 2);
}

#[test]
fn nomic_has_the_settings_of_its_own_code_or_those_of_transformers() {
    let golden = Path::new("tests/goldens/checkpoints/nomic");
    let hosted = r#"{"model_type": "nomic_bert", "architectures": ["NomicBertModel"], "n_embd": 24, "n_layer": 3,
        "n_head": 3, "n_inner": 37, "n_positions": 4096, "max_trained_positions": 48, "vocab_size": 114,
        "type_vocab_size": 2, "layer_norm_epsilon": 1e-12, "activation_function": "swiglu", "prenorm": false,
        "qkv_proj_bias": false, "rotary_emb_base": 300, "rotary_emb_fraction": 1.0, "rotary_scaling_factor": 2,
        "rotary_emb_interleaved": false, "rotary_emb_scale_base": null}"#;
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("config.json"), hosted).unwrap();
    for name in ["model.safetensors", "tokenizer.json"] {
        fs::copy(golden.join(name), folder.path().join(name)).unwrap();
    }
    let model = |path: &Path| {
        let checkpoint = Checkpoint::open(path).unwrap();
        Architecture::of(&checkpoint).unwrap().open(&checkpoint).unwrap()
    };
    let (own, theirs) = (model(folder.path()), model(golden));
    let logits = |model: &dyn Model| site(&model.run(&[2, 74, 9, 3], &Setup::default()), "logits");
    assert_eq!(logits(&*own), logits(&*theirs));
    assert_eq!(own.sizes().unwrap().context, 48);
}

/// The settings of a head are those of the model that has it.
#[test]
fn a_modernbert_is_refused_for_the_settings_of_its_own_head_alone() {
    for (name, key, value) in [
        ("modernbert_body", "classifier_activation", json!("none such")),
        ("modernbert_body", "classifier_bias", json!(true)),
        ("modernbert_body", "decoder_bias", json!(false)),
        ("modernbert_text", "decoder_bias", json!(false)),
        ("modernbert_answer", "decoder_bias", json!(false)),
        ("modernbert", "classifier_bias", json!(true)),
        ("modernbert", "hidden_activation", json!("silu")),
    ] {
        assert_eq!(error_of(name, &[(key, value)]), "", "{name}, {key}");
    }
    let refused = |key, value| error_of("modernbert", &[(key, value)]);
    assert!(refused("decoder_bias", json!(false)).contains("`decoder_bias`"));
    assert!(refused("classifier_activation", json!("none such")).contains("none such"));
    let with = |activation: &str| {
        let change = |config: &mut serde_json::Map<_, _>| {
            drop(config.insert("classifier_activation".into(), json!(activation)));
        };
        logits_of("modernbert", change)
    };
    assert_eq!(with("gelu"), logits_of("modernbert", |_| ()));
    assert_ne!(with("gelu"), with("relu"));
}

/// The body, and a head for one score, under the names and in the order of GGUF.
fn as_gguf(tensors: &Tensors) -> Vec<u8> {
    const STEMS: [(&str, &str); 16] = [
        ("embeddings.word_embeddings", "token_embd"),
        ("embeddings.position_embeddings", "position_embd"),
        ("embeddings.token_type_embeddings", "token_types"),
        ("embeddings.LayerNorm", "token_embd_norm"),
        ("attention.self.query", "attn_q"),
        ("attention.self.key", "attn_k"),
        ("attention.self.value", "attn_v"),
        ("attention.output.dense", "attn_output"),
        ("attention.output.LayerNorm", "attn_output_norm"),
        ("intermediate.dense", "ffn_up"),
        ("output.dense", "ffn_down"),
        ("output.LayerNorm", "layer_output_norm"),
        ("encoder.layer.", "blk."),
        ("pooler.dense", "cls"),
        ("classifier", "cls.output"),
        ("bert.", ""),
    ];
    let name = |name: &str| {
        STEMS.iter().fold(name.to_owned(), |name, (theirs, ours)| name.replace(theirs, ours))
    };
    let sizes = [
        ("block_count", 2),
        ("embedding_length", D_MODEL),
        ("feed_forward_length", D_FF),
        ("context_length", POSITIONS),
        ("attention.head_count", 2),
        ("pooling_type", 4),
    ];
    let mut file = Gguf(b"GGUF".to_vec());
    file.u32(3).u64(tensors.len() as u64).u64(1 + sizes.len() as u64);
    file.text("general.architecture").u32(8).text("bert");
    for (key, n) in sizes {
        file.number(&format!("bert.{key}"), n as u32);
    }
    let mut data = vec![];
    for (theirs, (shape, numbers)) in tensors {
        let sizes: Vec<u64> = shape.iter().rev().map(|&n| n as u64).collect();
        file.tensor(&name(theirs), &sizes, 0, data.len() as u64);
        data.extend(f32s(numbers));
        data.resize(data.len().next_multiple_of(32), 0);
    }
    file.0.resize(file.0.len().next_multiple_of(32), 0);
    file.0.extend(data);
    file.0
}

#[test]
fn a_reranker_as_gguf_scores_a_text_as_its_folder_does() {
    let mut tensors = renamed(body(), |name| format!("bert.{name}"));
    linear(&mut tensors, "bert.pooler.dense", (D_MODEL, D_MODEL));
    linear(&mut tensors, "classifier", (D_MODEL, 1));
    let class = format!(r#"{BERT}, "architectures": ["BertForSequenceClassification"]"#);
    let of_folder = pass(&tensors, &class);
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("model.gguf"), as_gguf(&tensors)).unwrap();
    let of_gguf = opened(&folder).unwrap().run(&IDS, &Setup::default());
    assert_eq!(site(&of_gguf, "classes.logits"), site(&of_folder, "classes.logits"));
    assert!(of_gguf.value("sentence").is_none());
    tensors.retain(|name, _| !name.starts_with("classifier"));
    fs::write(folder.path().join("model.gguf"), as_gguf(&tensors)).unwrap();
    let error = format!("{:#}", opened(&folder).err().unwrap());
    assert!(error.contains("`pooling_type` is `4`") && error.contains("cls.output"), "{error}");
}

#[test]
fn a_sentence_is_pooled_as_its_folder_says() {
    let pooled_by = |mode: &str| {
        let folder = folder(&body(), BERT);
        fs::create_dir(folder.path().join("1_Pooling")).unwrap();
        fs::write(folder.path().join("1_Pooling/config.json"), format!(r#"{{"{mode}": true}}"#))
            .unwrap();
        opened(&folder).unwrap().run(&IDS, &Setup::default())
    };
    let first = pooled_by("pooling_mode_cls_token");
    let last = first.value("encoder.1.norm2.out").unwrap();
    assert_eq!(first.value("pooled").unwrap().row(0, 0), last.row(0, 0));
    let mean = pooled_by("pooling_mode_mean_tokens");
    assert_eq!(site(&mean, "pooled"), site(&pass(&body(), BERT), "pooled"));
    let sentence = mean.value("sentence").unwrap();
    let length: f32 = sentence.numbers().map(|v| v * v).sum();
    assert!((length - 1.0).abs() < 1e-5);
}

#[test]
fn masked_places_get_words() {
    let folder = folder(&with_head(), BERT);
    let added = format!(r#"{{"added_tokens": [{{"id": {MASK}, "content": "[MASK]"}}]}}"#);
    fs::write(folder.path().join("tokenizer.json"), added).unwrap();
    let model = opened(&folder).unwrap();
    let pass = model.run(&IDS, &Setup::default());
    let likeliest = |row: usize| {
        let probs = pass.value("probs").unwrap().row(0, row);
        (0..VOCAB).max_by(|&a, &b| probs[a].total_cmp(&probs[b])).unwrap() as u32
    };
    assert_eq!(pass.output, [likeliest(1)]);
    let without = model.run(&[3, 22, 2], &Setup::default());
    assert_eq!(without.output.len(), 3);
}

/// A folder of a model with a head, and a tokenizer of whole words.
fn with_words() -> TempDir {
    let folder = folder(&with_head(), BERT);
    let words = (0..VOCAB).map(|i| (if i == 9 { "[MASK]".into() } else { format!("w{i}") }, i));
    let vocab: BTreeMap<String, usize> = words.collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
        "added_tokens": [{"id": MASK, "content": "[MASK]", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true}],
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "w0"},
    });
    fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    folder
}

#[test]
fn what_is_measured_of_the_output_is_measured_at_the_masked_places() {
    let folder = with_words();
    let reader = Reader::open(&Checkpoint::open(folder.path()).unwrap(), true).unwrap();
    let reading = reader.read("w3 [MASK] w22 w5 [MASK] w7").unwrap();
    let trace = reading.trace(ModelName::Checkpoint);
    assert_eq!(trace.output_rows(), [1, 4]);
    assert_eq!(trace.output_at(4).unwrap().1.id, trace.output[1].id);
    assert!(trace.output_at(2).is_none());
    let first = choice(trace, Choosing::default(), 4).unwrap();
    assert_eq!(first.candidates[taken(trace, &first, 4)].token as u32, trace.output[1].id);
    assert_eq!(read_so_far(trace, 1).len(), 6);
    // One-hot minus softmax, at both places.
    let gradient = of_log_probability(trace, "unembed.bias").unwrap();
    let probs = trace.value("probs").unwrap();
    for token in 0..VOCAB {
        let slope = |i: usize, row: usize| {
            let is_it = trace.output[i].id as usize == token;
            f32::from(u8::from(is_it)) - probs.get(Cell::new(0, row, token))
        };
        assert!((gradient.get(Cell::new(0, 0, token)) - slope(0, 1) - slope(1, 4)).abs() < 1e-5);
    }
    let reading = reading.waiting();
    assert_eq!(reading.influence().unwrap()[&ModelName::Checkpoint].norms.len(), 6);
    assert_eq!(reading.knock_outs().unwrap()[&ModelName::Checkpoint].len(), 2);
}

#[test]
fn the_lens_ends_in_what_the_head_says() {
    let folder = with_words();
    let reader = Reader::open(&Checkpoint::open(folder.path()).unwrap(), true).unwrap();
    let reading = reader.read("w3 [MASK] w22").unwrap();
    let trace = reading.trace(ModelName::Checkpoint);
    let model = opened(&folder).unwrap();
    let guesses = lens(trace, 1, None, |rows| model.unembed(rows, &Arc::default()));
    assert_eq!(guesses.len(), 5);
    let last = &guesses[4];
    assert_eq!(last.site, "encoder.1.norm2.out");
    assert_eq!((last.top[0].0 as u32, last.rank), (trace.output[0].id, 1));
    let probability = trace.value("probs").unwrap().get(Cell::new(0, 1, last.top[0].0));
    assert!((last.probability - probability).abs() < 1e-6);
}

#[test]
fn a_stream_goes_through_the_layers_of_an_encoder() {
    let folder = with_words();
    let reader = Reader::open(&Checkpoint::open(folder.path()).unwrap(), true).unwrap();
    let reading = reader.read("w3 w22").unwrap();
    let stations = stations(reading.trace(ModelName::Checkpoint), "tokens.input");
    let sites: Vec<&str> = stations.iter().map(|station| station.site.as_str()).collect();
    assert_eq!(sites[..3], ["tokens.input", "tokens.norm.out", "encoder.0.residual1"]);
    assert_eq!(sites[9], "encoder.1.norm2.out");
    assert_eq!(sites.len(), 10);
}

#[test]
fn what_is_missing_or_cannot_be_run_is_said() {
    let mut tensors = with_head();
    tensors.remove("bert.encoder.layer.1.output.dense.weight");
    tensors.remove("cls.predictions.bias");
    let error = |tensors: &Tensors, settings: &str| {
        format!("{:#}", opened(&folder(tensors, settings)).err().unwrap())
    };
    let both = error(&tensors, BERT);
    assert!(both.contains("`bert.encoder.layer.1.output.dense.weight` is missing"), "{both}");
    assert!(both.contains("`cls.predictions.decoder.bias` or `cls.predictions.bias`"), "{both}");
    for (settings, part) in [
        (r#""position_embedding_type": "relative_key""#, "absolute"),
        (r#""is_decoder": true"#, "is_decoder"),
    ] {
        let text = error(&with_head(), &format!("{BERT}, {settings}"));
        assert!(text.contains(part), "{text}");
    }
}

/// Every computed cell of a tape, opened.
fn every_cell_opens(tape: &Tape) {
    for node in tape.nodes().filter(|&node| !tape.is_leaf(node)) {
        for cell in tape.shape(node).cells() {
            let opened = tape.open(node, cell);
            let got = opened.expr.unwrap().eval();
            let want = f64::from(opened.value);
            assert!(
                (want - got).abs() <= 1e-5 * want.abs().max(1.0),
                "{:?}: {want}, {got}",
                opened.name
            );
        }
    }
}

/// The gradient of the last recorded value's first number with respect to the embeddings.
fn gradient(tape: &Tape) -> Vec<u32> {
    let last = tape.nodes().last().unwrap();
    let embed = tape.nodes().find(|&n| tape.entry(n).place.path == "tokens.embed").unwrap();
    let mut seed = Value::zeros(tape.shape(last));
    seed.set(Cell::default(), 1.0);
    bits(&tape.backward(&[(last, seed)], &[embed])[&embed])
}

#[test]
fn blocks_kept_or_computed_again_give_the_same_bits_under_every_what_if() {
    for (tensors, what_ifs) in [
        (
            with_head(),
            ["positions=off", "encoder.0.residual1=off", "encoder.1=off", "temperature=0.5"],
        ),
        (
            body(),
            ["encoder.1.self_attn.head.1=off", "residual=off", "scaling=off", "pooled[0,2]=3"],
        ),
    ] {
        let model = opened(&folder(&tensors, BERT)).unwrap();
        let plain = model.run(&IDS, &Setup::default());
        for what_if in what_ifs {
            let changes: Changes = [what_if.parse::<Change>().unwrap()].into_iter().collect();
            let run = |keep| {
                let changes = Arc::new(changes.clone());
                model.run(&IDS, &Setup { changes, keep, ..Setup::default() }).tape
            };
            let (all, few) = (run(Keep::All), run(Keep::Boundaries));
            every_cell_opens(&all);
            let kept: BTreeMap<String, Vec<u32>> = all
                .nodes()
                .map(|n| (all.entry(n).place.path.clone(), bits(all.value(n))))
                .collect();
            let insides = few.nodes().filter_map(|node| Some(few.inside(node)?.tape));
            let insides: Vec<Tape> = insides.collect();
            assert!(!insides.is_empty(), "{what_if}: no block is closed");
            for tape in insides.into_iter().chain([run(Keep::Boundaries)]) {
                for node in tape.nodes() {
                    let path = &tape.entry(node).place.path;
                    assert_eq!(kept[path], bits(tape.value(node)), "{what_if}: {path}");
                }
            }
            assert_eq!(gradient(&all), gradient(&few), "{what_if}");
            let last = |tape: &Tape| bits(tape.value(tape.nodes().last().unwrap()));
            assert_ne!(last(&all), last(&plain.tape), "{what_if} changes nothing");
        }
    }
}
