//! Every site of every model against PyTorch (`assets/training/goldens.py` made the references;
//! `tests/goldens/README.md` says how they are laid out), gradients against autograd, and greedy
//! outputs against PyTorch's.

use std::{collections::BTreeMap, fs, sync::Arc};

use lookback::{
    analysis::{measure::gradient, reading::Reading, trace::Trace},
    engine::value::{Cell, Shape},
    model::{self, ModelName, Setup},
};
use safetensors::SafeTensors;
use serde_json::Value as Json;

use crate::support::built_in::{READER, reading};

/// A reference file: tensors by name, metadata as JSON.
struct Goldens {
    tensors: BTreeMap<String, Vec<f32>>,
    metadata: BTreeMap<String, Json>,
}

impl Goldens {
    fn read(name: &str) -> Self {
        let bytes = fs::read(format!("tests/goldens/{name}.safetensors")).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap().into_iter();
        let metadata = metadata.map(|(k, v)| (k, serde_json::from_str(&v).unwrap())).collect();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = file.iter().map(|(name, view)| {
            let four = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            (name.to_owned(), view.data().chunks_exact(4).map(four).collect())
        });
        Self { tensors: tensors.collect(), metadata }
    }

    fn text(&self, sentence: &str) -> &str {
        self.metadata["sentences"][sentence]["text"].as_str().unwrap()
    }

    fn ids(&self, sentence: &str, key: &str) -> Vec<u32> {
        let list = self.metadata["sentences"][sentence][key].as_array().unwrap();
        list.iter().map(|id| id.as_u64().unwrap() as u32).collect()
    }
}

const SENTENCES: [&str; 3] = ["default", "short", "long"];

/// How far a number may lie from PyTorch's: `absolute + relative * max(|want|, scale)`, where
/// `scale` is the largest number of the site, since a sum of large terms that comes near zero
/// carries their rounding.
#[derive(Clone, Copy)]
struct Tolerance {
    relative: f32,
    absolute: f32,
}

const VALUES: Tolerance = Tolerance { relative: 1e-5, absolute: 1e-6 };
const GRADIENTS: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-6 };

impl Tolerance {
    fn holds(self, got: f32, want: f32, scale: f32) -> bool {
        let same_special = got.total_cmp(&want).is_eq() || (got.is_nan() && want.is_nan());
        let bound = self.absolute + self.relative * want.abs().max(scale);
        same_special || (got - want).abs() <= bound
    }
}

/// The reference's cells of a site: (flat index, number).
fn cells(want: &[f32], shape: Shape, stride: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
    let whole = want.len() == shape.len();
    let index = move |i: usize| if whole { i } else { i * stride % shape.len() };
    want.iter().enumerate().map(move |(i, &v)| (index(i), v))
}

fn cell_at(shape: Shape, flat: usize) -> Cell {
    let (row_index, col) = (flat / shape.cols, flat % shape.cols);
    Cell::new(row_index / shape.rows, row_index % shape.rows, col)
}

fn shape_of(json: &Json) -> Shape {
    let sizes: Vec<usize> =
        json.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    match sizes[..] {
        [cols] => Shape { planes: 1, rows: 1, cols },
        [rows, cols] => Shape { planes: 1, rows, cols },
        [planes, rows, cols] => Shape { planes, rows, cols },
        _ => panic!("a shape of {} axes", sizes.len()),
    }
}

/// Compares one site; the complaint names the worst cell by its address.
fn compare(trace: &Trace, goldens: &Goldens, key: &str, path: &str) -> Result<f32, String> {
    let site = trace.site(path).ok_or_else(|| format!("{path}: no such site"))?;
    let want = &goldens.tensors[key];
    let shape = shape_of(&goldens.metadata["shapes"][key]);
    if shape != site.shape() {
        return Err(format!("{path}: shape {:?}, want {shape:?}", site.shape()));
    }
    let stride = goldens.metadata["stride"].as_u64().unwrap() as usize;
    let scale =
        want.iter().copied().filter(|v| v.is_finite()).fold(0.0, |m: f32, v| m.max(v.abs()));
    let mut worst = (0.0_f32, String::new());
    let mut wrong = 0;
    for (flat, want) in cells(want, shape, stride) {
        let cell = cell_at(shape, flat);
        let got = site.value.get(cell);
        let off = (got - want).abs();
        if !VALUES.holds(got, want, scale) {
            wrong += 1;
            if off >= worst.0 {
                worst = (off, format!("{}: got {got}, want {want}", site.address(cell)));
            }
        }
    }
    if wrong > 0 {
        Err(format!("{} ({wrong} of {} cells)", worst.1, want.len()))
    } else {
        Ok(scale)
    }
}

/// Sum and absolute sum of a sampled site, so that the cells left out are looked at too.
fn compare_sums(trace: &Trace, goldens: &Goldens, key: &str, path: &str) -> Result<(), String> {
    let value = trace.value(path).ok_or_else(|| format!("{path}: no such site"))?;
    let Some(sums) = goldens.tensors.get(&format!("{key}#sums")) else {
        let is_whole = goldens.tensors[key].len() == value.shape().len();
        return if is_whole { Ok(()) } else { Err(format!("{path}: sampled, and no sums")) };
    };
    let finite: Vec<f64> = value.numbers().filter(|v| v.is_finite()).map(f64::from).collect();
    let absolute: f64 = finite.iter().map(|v| v.abs()).sum();
    let off = |got: f64, want: f32| (got - f64::from(want)).abs() > 1e-5 * absolute + 1e-6;
    if off(finite.iter().sum(), sums[0]) || off(absolute, sums[1]) {
        return Err(format!(
            "{path}: sums {} {absolute}, want {sums:?}",
            finite.iter().sum::<f64>()
        ));
    }
    Ok(())
}

fn readings(goldens: &Goldens) -> Vec<(&'static str, Arc<Reading>)> {
    SENTENCES.map(|s| (s, reading(goldens.text(s)))).into()
}

#[test]
fn every_site_of_every_model_matches_pytorch() {
    let mut complaints = vec![];
    for name in ModelName::ALL {
        let goldens = Goldens::read(name.id());
        for (sentence, reading) in readings(&goldens) {
            let trace = reading.trace(name);
            assert_eq!(reading.sentence.ids(), goldens.ids(sentence, "ids"), "{name} {sentence}");
            let paths = goldens.metadata["shapes"].as_object().unwrap().keys();
            let prefix = format!("{sentence}/");
            let paths: Vec<_> = paths.filter_map(|k| k.strip_prefix(&prefix)).collect();
            assert!(paths.len() >= 15, "{name} {sentence}: only {} sites", paths.len());
            for path in &paths {
                let key = format!("{sentence}/{path}");
                let result = compare(trace, &goldens, &key, path)
                    .and_then(|_| compare_sums(trace, &goldens, &key, path));
                complaints.extend(result.err().map(|e| format!("{name}, {sentence}: {e}")));
            }
            let unchecked = trace.sites().filter(|s| !s.is_leaf && !paths.contains(&s.path()));
            complaints.extend(unchecked.map(|s| format!("{name}: no reference for {}", s.path())));
        }
    }
    assert!(complaints.is_empty(), "{} complaints\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn outputs_are_pytorchs_on_the_golden_sentences() {
    for name in ModelName::ALL {
        let goldens = Goldens::read(name.id());
        for (sentence, reading) in readings(&goldens) {
            let output: Vec<u32> = reading.trace(name).output.iter().map(|t| t.id).collect();
            assert_eq!(output, goldens.ids(sentence, "output"), "{name} {sentence}");
        }
    }
}

#[test]
fn greedy_outputs_are_pytorchs_on_200_held_out_sentences() {
    let text = fs::read_to_string("tests/goldens/greedy.jsonl").unwrap();
    let lines: Vec<Json> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(lines.len() >= 200, "only {} sentences", lines.len());
    let ids = |json: &Json| -> Vec<u32> {
        json.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
    };
    for name in ModelName::ALL.into_iter().filter(|n| *n != ModelName::DecoderOnly) {
        let model = model::load(name).unwrap();
        for line in &lines {
            let source = ids(&line["ids"]);
            let text = line["en"].as_str().unwrap();
            assert_eq!(READER.tokenizer().sentence(text).unwrap().ids(), source, "{text}");
            assert_eq!(
                model.run(&source, &Setup::default()).output,
                ids(&line[name.id()]),
                "{name}: {text}"
            );
        }
    }
}

fn assert_near(label: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{label}");
    let scale = want.iter().fold(0.0, |m: f32, v| m.max(v.abs()));
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        assert!(
            GRADIENTS.holds(got, want, scale),
            "{label}[{i}]: got {got}, want {want}, scale {scale}"
        );
    }
}

/// The weight of each model whose gradient is compared.
const WEIGHTS: [(ModelName, &str); 6] = [
    (ModelName::Elman, "encoder.W_h"),
    (ModelName::Gru, "encoder.W_hn"),
    (ModelName::RnnAttention, "attn.U_a"),
    (ModelName::Transformer, "encoder.0.self_attn.W_Q"),
    (ModelName::TransformerUnguided, "encoder.0.self_attn.W_Q"),
    (ModelName::DecoderOnly, "blocks.0.attn.W_Q"),
];

#[test]
fn gradients_match_autograd() {
    let goldens = Goldens::read("gradients");
    for (sentence, reading) in readings(&goldens) {
        for (name, weight) in WEIGHTS {
            let trace = reading.trace(name);
            let embed = if name == ModelName::DecoderOnly { "tokens.embed" } else { "src.embed" };
            for path in [embed, weight] {
                let key = format!("{sentence}/{name}/{path}");
                let Some(want) = goldens.tensors.get(&key) else {
                    assert!(path == weight && sentence != "default", "no reference {key}");
                    continue;
                };
                let got = gradient::of_log_probability(trace, path).unwrap();
                assert_near(&key, &got.numbers().collect::<Vec<_>>(), want);
            }
            let forgetting = goldens.tensors.get(&format!("{sentence}/{name}/forgetting"));
            let forgets = matches!(name, ModelName::Elman | ModelName::Gru);
            assert!(forgetting.is_some() || !forgets, "no reference {sentence}/{name}/forgetting");
            if let Some(want) = forgetting {
                assert_near(
                    &format!("{name} forgetting"),
                    &gradient::norms(&gradient::forgetting(trace).unwrap()),
                    want,
                );
            }
        }
    }
}
