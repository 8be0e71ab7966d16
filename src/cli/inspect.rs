//! `lookback inspect`: what is in a checkpoint, whether it can be run, and what would be shown of it.
//!
//! A checkpoint that is opened is described, also where it cannot be run; one that cannot be opened
//! is a failure.

mod sizes;
mod table;

use std::{
    collections::BTreeMap,
    io::{IsTerminal, stdout},
    sync::Arc,
};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Streams, args::Inspect, failure::Outcome, progress::Spinner, source};
use crate::{
    checkpoint::{
        Checkpoint, TensorInfo, TokenizerSource,
        memory::{self, available},
    },
    lesson::Language,
    model::{Architecture, Model},
    reading::{self, Reader, Reading},
    text::visible,
};
use sizes::Sizes;

/// Texts of so many tokens are estimated.
const LENGTHS: [usize; 3] = [128, 512, 1024];

/// The shortest text, read once to see what a pass holds.
const SHORTEST: &str = "a";

/// All that is said; the JSON form is this, field by field.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    version: u32,
    path: String,
    title: String,
    format: &'static str,
    architecture: Kind,
    sizes: Sizes,
    parameters: Parameters,
    tokenizer: Option<Vocabulary>,
    memory: Memory,
    runs: bool,
    why_not: Option<String>,
    shows: Vec<Chapter>,
    tensors: Vec<Tensor>,
}

/// `model_type`, and what we call it if we can run it.
#[derive(Serialize)]
struct Kind {
    #[serde(rename = "type")]
    name: Option<String>,
    title: Option<&'static str>,
}

#[derive(Serialize)]
struct Parameters {
    count: usize,
    by_dtype: BTreeMap<String, usize>,
}

#[derive(Serialize)]
struct Vocabulary {
    kind: String,
    tokens: Option<usize>,
}

/// Bytes.
#[derive(Serialize)]
struct Memory {
    weights: u64,
    passes: Vec<Length>,
    available: Option<u64>,
}

#[derive(Serialize)]
struct Length {
    tokens: usize,
    bytes: u64,
}

#[derive(Serialize)]
struct Chapter {
    title: String,
    steps: usize,
}

#[derive(Serialize)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    bytes: usize,
    file: String,
}

pub fn run(asked: &Inspect, language: Language, streams: &mut Streams) -> Outcome {
    let report = {
        let _spinner = Spinner::new("opening the checkpoint");
        report(&Checkpoint::open(&asked.path)?, language)?
    };
    if asked.json {
        let text = serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?;
        return Ok(writeln!(streams.out, "{text}")?);
    }
    Ok(table::print(&report, asked.tensors, width(), streams.out)?)
}

/// The columns of the terminal; None where the text goes elsewhere.
fn width() -> Option<usize> {
    let size = stdout().is_terminal().then(crossterm::terminal::size)?;
    size.ok().map(|(columns, _)| columns.into())
}

fn report(checkpoint: &Checkpoint, language: Language) -> Result<Report> {
    let kind = Architecture::of(checkpoint);
    let model = kind.as_ref().ok().and_then(|kind| kind.open(checkpoint).ok());
    let (shows, why_not) = match tried(checkpoint) {
        Ok(reading) => (chapters(&reading, language)?, None),
        Err(why_not) => (vec![], Some(format!("{why_not:#}"))),
    };
    let name = checkpoint.config().string("model_type").ok().map(visible);
    Ok(Report {
        schema: "lookback-inspect",
        version: 1,
        path: visible(&checkpoint.path().to_string_lossy()),
        title: checkpoint.title(),
        format: if checkpoint.is_gguf() { "gguf" } else { "safetensors" },
        architecture: Kind { name, title: kind.ok().map(|kind| kind.title) },
        sizes: Sizes::of(checkpoint.config(), model.as_ref().and_then(|model| model.sizes())),
        parameters: parameters(checkpoint.tensors()),
        tokenizer: vocabulary(checkpoint),
        memory: needed(checkpoint, model.as_ref()),
        runs: why_not.is_none(),
        why_not,
        shows,
        tensors: checkpoint.tensors().iter().map(tensor).collect(),
    })
}

/// A pass over a very short text.
fn tried(checkpoint: &Checkpoint) -> Result<Reading> {
    memory::check(checkpoint.n_bytes(), false)?;
    Reader::open(checkpoint, false)?.read(SHORTEST)
}

/// The chapters of the walk that tells of it.
fn chapters(reading: &Reading, language: Language) -> Result<Vec<Chapter>> {
    let chapters = source::lesson(reading, language)?.chapters.into_iter();
    Ok(chapters.map(|c| Chapter { steps: c.steps.len(), title: c.title }).collect())
}

fn parameters(tensors: &[TensorInfo]) -> Parameters {
    let mut by_dtype = BTreeMap::new();
    for tensor in tensors {
        *by_dtype.entry(tensor.dtype.clone()).or_insert(0) += tensor.n_numbers();
    }
    Parameters { count: by_dtype.values().sum(), by_dtype }
}

fn tensor(tensor: &TensorInfo) -> Tensor {
    Tensor {
        name: tensor.shown(),
        shape: tensor.shape.clone(),
        dtype: tensor.dtype.clone(),
        bytes: tensor.n_bytes,
        file: tensor.file().to_owned(),
    }
}

fn needed(checkpoint: &Checkpoint, model: Option<&Arc<dyn Model>>) -> Memory {
    let sizes = model.and_then(|model| model.sizes());
    let pass = |n: usize| sizes.map(|sizes| Length { tokens: n, bytes: sizes.bytes(n) as u64 });
    let fits = |n: &usize| sizes.is_some_and(|sizes| *n <= sizes.context);
    Memory {
        weights: checkpoint.n_bytes(),
        passes: LENGTHS.into_iter().filter(fits).filter_map(pass).collect(),
        available: available(),
    }
}

/// The parts of tokenizer.json that say of what kind it is.
#[derive(Deserialize)]
struct Json {
    model: Typed,
}

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: Option<String>,
}

fn vocabulary(checkpoint: &Checkpoint) -> Option<Vocabulary> {
    match checkpoint.tokenizer() {
        TokenizerSource::None => None,
        TokenizerSource::Json(json) => {
            let kind = serde_json::from_slice::<Json>(json).ok().and_then(|json| json.model.kind);
            let kind = kind.map_or_else(|| "tokenizer.json".into(), |kind| visible(&kind));
            let tokens = reading::tokenizer(checkpoint).ok().map(|t| t.vocab_size());
            Some(Vocabulary { kind, tokens })
        }
        TokenizerSource::Gguf(vocab) => {
            let pre =
                vocab.pre.as_ref().map_or_else(String::new, |pre| format!(", split as {pre}"));
            let kind = visible(&format!("{}{pre}", gguf_kind(&vocab.model)));
            Some(Vocabulary { kind, tokens: Some(vocab.tokens.len()) })
        }
    }
}

/// What GGUF's names of tokenizers mean.
fn gguf_kind(model: &str) -> &str {
    const KINDS: [(&str, &str); 4] = [
        ("gpt2", "byte-level BPE"),
        ("llama", "SentencePiece"),
        ("bert", "WordPiece"),
        ("t5", "Unigram"),
    ];
    KINDS.iter().find(|(name, _)| *name == model).map_or(model, |(_, kind)| kind)
}
