//! Every site of tiny checkpoints of every kind against Hugging Face transformers, and what they write
//! (`assets/training/checkpoints.py` made checkpoints and references, and says how they are laid out).
//!
//! The rule: a number may lie from the reference's by 1e-4 of the largest number of its site, and of 0.01
//! where the whole site is smaller.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use lookback::{
    analysis::{reading::Reader, trace::Trace},
    engine::{
        tape::Keep,
        value::{Cell, Shape},
    },
    model::{Architecture, Model, ModelName, Setup},
    weights::Checkpoint,
};
use safetensors::SafeTensors;
use serde_json::Value as Json;

const FOLDER: &str = "tests/goldens/checkpoints";
const RELATIVE: f32 = 1e-4;
const LEAST_SCALE: f32 = 1e-2;

/// What transformers computes with one checkpoint.
pub struct Golden {
    pub name: String,
    tensors: BTreeMap<String, Vec<f32>>,
    metadata: BTreeMap<String, Json>,
}

impl Golden {
    fn all() -> Vec<Self> {
        let found = Self::all_in(FOLDER);
        assert!(found.len() >= 40, "only {} references in {FOLDER}", found.len());
        found
    }

    pub fn all_in(folder: &str) -> Vec<Self> {
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<PathBuf> = paths.filter(|p| p.is_file()).collect();
        paths.sort();
        let golden = |path: &PathBuf| {
            let name = path.file_name()?.to_str()?.strip_suffix(".golden.safetensors")?;
            Some(Self::read(name, path))
        };
        paths.iter().filter_map(golden).collect()
    }

    fn read(name: &str, path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap().into_iter();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = file.iter().map(|(name, view)| {
            let four = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            (name.to_owned(), view.data().chunks_exact(4).map(four).collect())
        });
        Self {
            name: name.to_owned(),
            tensors: tensors.collect(),
            metadata: metadata.map(|(k, v)| (k, serde_json::from_str(&v).unwrap())).collect(),
        }
    }

    /// The files that hold this model: the folder, and others with the same numbers.
    fn files(&self) -> Vec<PathBuf> {
        self.bases().map(|file| Path::new(FOLDER).join(file)).collect()
    }

    pub fn bases(&self) -> impl Iterator<Item = String> {
        let named = self.metadata["files"].as_array().unwrap().iter();
        named.map(|file| file.as_str().unwrap().to_owned())
    }

    pub fn sentences(&self) -> impl Iterator<Item = (&String, &Json)> {
        self.metadata["sentences"].as_object().unwrap().iter()
    }

    /// The sites of a sentence, with their shapes.
    fn sites(&self, sentence: &str) -> BTreeMap<&str, Shape> {
        let shapes = self.metadata["shapes"][sentence].as_object().unwrap();
        shapes.iter().map(|(path, shape)| (path.as_str(), shape_of(shape))).collect()
    }

    fn stride(&self) -> usize {
        self.metadata["stride"].as_u64().unwrap() as usize
    }
}

fn ids(json: &Json) -> Vec<u32> {
    json.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn shape_of(json: &Json) -> Shape {
    match ids(json)[..] {
        [rows, cols] => Shape { planes: 1, rows: rows as usize, cols: cols as usize },
        [planes, rows, cols] => {
            Shape { planes: planes as usize, rows: rows as usize, cols: cols as usize }
        }
        _ => panic!("a shape of other than two or three axes: {json}"),
    }
}

/// A checkpoint, opened as the program opens it.
pub struct Opened {
    reader: Reader,
    model: Arc<dyn Model>,
    is_gguf: bool,
}

impl Opened {
    fn new(path: &Path) -> anyhow::Result<Self> {
        Self::of(&Checkpoint::open(path)?)
    }

    pub fn of(checkpoint: &Checkpoint) -> anyhow::Result<Self> {
        let model = Architecture::of(checkpoint)?.open(checkpoint)?;
        Ok(Self { reader: Reader::open(checkpoint, true)?, model, is_gguf: checkpoint.is_gguf() })
    }

    /// The pass over the ids with all kept, or with blocks closed and each opened again.
    pub fn trace(&self, sentence: &Json, keep: Keep) -> Trace {
        let forced = sentence.get("target").map(|target| ids(target)[1..].to_vec());
        let setup = Setup { keep, forced, ..Setup::default() };
        let pass = self.model.run(&ids(&sentence["ids"]), &setup);
        Trace::new(ModelName::Checkpoint, pass, self.reader.tokenizer())
    }
}

/// Compares one site; the complaint names the worst cell by its address.
fn compare(trace: &Trace, path: &str, shape: Shape, want: &[f32], stride: usize) -> Option<String> {
    let Some(site) = trace.site(path) else { return Some(format!("{path}: no such site")) };
    if shape != site.shape() {
        return Some(format!("{path}: shape {:?}, want {shape:?}", site.shape()));
    }
    let is_whole = want.len() == shape.len();
    let (cells, sums) = want.split_at(if is_whole { want.len() } else { want.len() - 2 });
    let finite = cells.iter().filter(|v| v.is_finite());
    let scale = finite.fold(LEAST_SCALE, |m: f32, v| m.max(v.abs()));
    let (mut wrong, mut worst, mut report) = (0, -1.0_f32, String::new());
    for (i, &want) in cells.iter().enumerate() {
        let flat = if is_whole { i } else { i * stride % shape.len() };
        let row = flat / shape.cols;
        let cell = Cell::new(row / shape.rows, row % shape.rows, flat % shape.cols);
        let got = site.value.get(cell);
        let off = if (got - want).abs() == 0.0 || got.to_bits() == want.to_bits() {
            0.0
        } else {
            (got - want).abs() / scale
        };
        if off.is_nan() || off > RELATIVE {
            wrong += 1;
            if off.is_nan() || off > worst {
                worst = off;
                report = format!("{}: got {got}, want {want}, scale {scale}", site.address(cell));
            }
        }
    }
    if wrong > 0 {
        return Some(format!("{report} ({wrong} of {} cells)", cells.len()));
    }
    let finite: Vec<f64> = site.value.numbers().filter(|v| v.is_finite()).map(f64::from).collect();
    let absolute: f64 = finite.iter().map(|v| v.abs()).sum();
    let bound = f64::from(RELATIVE) * absolute.max(f64::from(LEAST_SCALE));
    let off = |got: f64, want: f32| (got - f64::from(want)).abs() > bound;
    let sum = finite.iter().sum();
    let is_off = !sums.is_empty() && (off(sum, sums[0]) || off(absolute, sums[1]));
    is_off.then(|| format!("{path}: sums {sum} and {absolute}, want {sums:?}"))
}

/// What is wrong with one pass: the sites that differ, are missing, or have no reference.
pub fn complaints(golden: &Golden, key: &str, mut trace: Trace) -> Vec<String> {
    let (sites, mut found, mut seen) = (golden.sites(key), vec![], BTreeSet::new());
    for (path, &shape) in &sites {
        if let Some(opened) = trace.opened(path) {
            trace = opened;
        }
        let want = &golden.tensors[&format!("{key}/{path}")];
        found.extend(compare(&trace, path, shape, want, golden.stride()));
        let present = trace.sites().filter(|s| !s.is_leaf).map(|s| s.path().to_owned());
        seen.extend(present);
    }
    let unchecked = seen.iter().filter(|path| !sites.contains_key(path.as_str()));
    found.extend(unchecked.map(|path| format!("no reference for {path}")));
    found
}

pub fn assert_none(complaints: &[String]) {
    let shown = complaints.iter().take(60).cloned().collect::<Vec<_>>().join("\n");
    assert!(complaints.is_empty(), "{} complaints\n{shown}", complaints.len());
}

/// `f` of every file of every checkpoint; its complaints, with the file's name before them.
fn of_every_file(mut f: impl FnMut(&Golden, &Opened) -> Vec<String>) {
    let mut found = vec![];
    for golden in Golden::all() {
        for path in golden.files() {
            let report = match Opened::new(&path) {
                Ok(opened) => f(&golden, &opened),
                Err(error) => vec![format!("{error:#}")],
            };
            found.extend(report.into_iter().map(|s| format!("{}: {s}", path.display())));
        }
    }
    assert_none(&found);
}

#[test]
fn every_site_of_every_checkpoint_is_what_transformers_computes() {
    of_every_file(|golden, opened| {
        let mut found = vec![];
        for (key, sentence) in golden.sentences() {
            let n_sites = golden.sites(key).len();
            assert!(n_sites >= 8, "{}, {key}: only {n_sites} sites", golden.name);
            for keep in [Keep::All, Keep::Boundaries] {
                let report = complaints(golden, key, opened.trace(sentence, keep));
                found.extend(report.into_iter().map(|s| format!("{key}, {keep:?}: {s}")));
            }
        }
        found
    });
}

#[test]
fn sentences_become_the_tokens_of_the_reference() {
    of_every_file(|golden, opened| {
        let read = |(key, sentence): (&String, &Json)| {
            let got = opened.reader.tokenizer().sentence(sentence["text"].as_str().unwrap());
            let (got, want) = (got.unwrap().ids(), ids(&sentence["ids"]));
            (got != want).then(|| format!("{key}: got {got:?}, want {want:?}"))
        };
        golden.sentences().filter_map(read).collect()
    });
}

/// Texts that tokenizers stumble over, with the reference's ids by tokenizer.
fn corpus() -> Vec<Json> {
    let text = fs::read_to_string("tests/goldens/tokenization.jsonl").unwrap();
    let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 200, "only {} texts", lines.len());
    lines
}

#[test]
fn nasty_texts_become_the_tokens_of_the_reference() {
    let corpus = corpus();
    of_every_file(|golden, opened| {
        let kind = golden.metadata["tokenizer"].as_str().unwrap();
        // This tiny tokenizer has another normalizer than SentencePiece's, which GGUF files of T5 stand for; that one is
        // compared in `tokenization`.
        if kind == "t5" && opened.is_gguf {
            return vec![];
        }
        let check = |line: &Json| {
            let text = line["text"].as_str().unwrap();
            let want = ids(&line["ids"][kind]);
            let got = opened.reader.tokenizer().encode(text);
            match got {
                Ok(got) if got == want => None,
                Ok(got) => Some(format!("{text:?}: got {got:?}, want {want:?}")),
                Err(error) => Some(format!("{text:?}: {error:#}")),
            }
        };
        corpus.iter().filter_map(check).collect()
    });
}

/// The likeliest tokens of a row of logits.
fn likeliest(trace: &Trace, row: usize, n: usize) -> Vec<u32> {
    let logits = trace.value("logits").unwrap().matrix();
    let mut all: Vec<u32> = (0..logits.ncols() as u32).collect();
    let logit = |&id: &u32| logits[(row, id as usize)];
    all.sort_by(|a, b| logit(b).total_cmp(&logit(a)));
    all.truncate(n);
    all
}

#[test]
fn the_likeliest_words_at_every_place_are_those_of_transformers() {
    let mut n_files = 0;
    of_every_file(|golden, opened| {
        let Some(top) = golden.metadata.get("top") else { return vec![] };
        n_files += 1;
        let mut found = vec![];
        for (key, sentence) in golden.sentences() {
            let trace = opened.trace(sentence, Keep::Boundaries);
            for (row, want) in top[key].as_array().unwrap().iter().map(ids).enumerate() {
                let got = likeliest(&trace, row, want.len());
                let is_same = got == want;
                found.extend((!is_same).then(|| format!("{key}, {row}: {got:?}, want {want:?}")));
            }
        }
        found
    });
    assert!(n_files >= 3, "only {n_files} files of encoders");
}

/// What a model writes on after a text: so many likeliest tokens, one after another.
fn written(model: &dyn Model, text: &[u32], length: usize) -> Option<Vec<u32>> {
    let mut writer = model.writer(&Setup::default())?;
    let (mut wrote, mut logits) = (vec![], writer.read(text));
    while let Some(here) = logits.filter(|_| wrote.len() < length) {
        let likelier = |a: usize, b: usize| if here[b] > here[a] { b } else { a };
        wrote.push((0..here.len()).reduce(likelier)? as u32);
        logits = writer.read(&wrote[wrote.len() - 1..]);
    }
    Some(wrote)
}

/// What a translator writes of a text, until its end or so many tokens.
fn translated(model: &dyn Model, text: &[u32], length: usize) -> Vec<u32> {
    model.run(text, &Setup { longest: Some(length), ..Setup::default() }).output
}

#[test]
fn fifty_tokens_are_written_as_by_transformers() {
    let mut n_files = 0;
    of_every_file(|golden, opened| {
        let Some(greedy) = golden.metadata.get("greedy") else { return vec![] };
        n_files += 1;
        let (text, want) = (ids(&greedy["ids"]), ids(&greedy["wrote"]));
        let got = written(&*opened.model, &text, 50)
            .unwrap_or_else(|| translated(&*opened.model, &text, 50));
        (got != want).then(|| format!("wrote {got:?}, want {want:?}")).into_iter().collect()
    });
    assert!(n_files >= 70, "only {n_files} files of models that write");
}
