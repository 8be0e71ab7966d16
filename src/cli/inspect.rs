//! `lookback inspect`: what is in a checkpoint, whether it can be run, and what would be shown of it.
//!
//! A checkpoint that is opened is described, also where it cannot be run; one that cannot be opened
//! is a failure.

mod sizes;
mod table;

use std::{
    collections::{BTreeMap, HashSet},
    io::{IsTerminal, stdout},
    sync::Arc,
};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{args::InspectArgs, failure::Outcome, request::Request, source, streams::Streams};
use crate::{
    analysis::reading::{self, Reader, Reading},
    lesson::Language,
    model::{Architecture, Model},
    text::{MAX_CONTEXT, visible::visible_json},
    weights::{
        Checkpoint, NotFinite, TensorInfo, TokenizerSource,
        memory::{self, available},
    },
};
use sizes::Sizes;

/// The lengths of texts, in tokens, for which a pass is estimated.
const LENGTHS: [usize; 4] = [128, 512, 1024, MAX_CONTEXT];

/// The most weights that are searched for NaN and infinity; of larger checkpoints, a sample of about this size.
const MOST_NUMBERS_READ: usize = 1 << 28;

/// The shortest text, read once to see what a pass holds.
const SHORTEST: &str = "a";

/// The whole report; its JSON has the same fields.
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
    adapter: Option<String>,
    memory: Memory,
    runs: bool,
    why_not: Option<String>,
    /// What of the checkpoint is left out.
    note: Option<String>,
    shows: Vec<Chapter>,
    /// Whether `not_finite` is only of a sample of the numbers.
    sampled: bool,
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
    /// With the measures that a walk shows.
    walk: u64,
}

#[derive(Serialize)]
struct Chapter {
    title: String,
    steps: usize,
}

#[derive(Serialize)]
struct Tensor {
    name: String,
    name_in_file: String,
    shape: Vec<usize>,
    dtype: String,
    bytes: usize,
    file: String,
    used: bool,
    not_finite: Option<NotANumber>,
}

/// What of a tensor is NaN or infinite: how many numbers, and the first.
#[derive(Serialize)]
struct NotANumber {
    count: usize,
    /// Its indices, an axis each.
    first: Vec<usize>,
    /// `NaN`, `inf` or `-inf`.
    value: String,
}

pub fn run(asked: &InspectArgs, request: &Request, streams: &mut Streams) -> Outcome {
    let report = {
        let _spinner = request.spinner("opening the checkpoint");
        report(&request.open(&asked.path)?, request.language)?
    };
    if asked.json {
        let text = serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?;
        return Ok(writeln!(streams.out, "{}", visible_json(&text))?);
    }
    Ok(table::print(&report, asked.tensors, width(), streams.out)?)
}

/// The columns of the terminal; None where the text goes elsewhere.
pub fn width() -> Option<usize> {
    let size = stdout().is_terminal().then(crossterm::terminal::size)?;
    size.ok().map(|(columns, _)| columns.into())
}

fn report(checkpoint: &Checkpoint, language: Language) -> Result<Report> {
    let kind = Architecture::of(checkpoint);
    let model = kind.as_ref().ok().and_then(|kind| kind.open(checkpoint).ok());
    let (shows, note, why_not) = match tried(checkpoint) {
        Ok(reading) => {
            let note = reading.card.as_ref().and_then(|card| card.left_out.clone());
            (chapters(&reading, language)?, note, None)
        }
        Err(why_not) => (vec![], None, Some(format!("{why_not:#}"))),
    };
    let name = checkpoint.config().string("model_type").ok().map(str::to_owned);
    Ok(Report {
        schema: "lookback-inspect",
        version: 1,
        path: checkpoint.path().to_string_lossy().into_owned(),
        title: checkpoint.title(),
        format: if checkpoint.is_gguf() { "gguf" } else { "safetensors" },
        architecture: Kind { name, title: kind.ok().map(|kind| kind.title) },
        sizes: Sizes::of(
            checkpoint.config(),
            model.as_ref().and_then(|model| model.sizes()).as_ref(),
        ),
        parameters: parameters(&checkpoint.asked()),
        tokenizer: vocabulary(checkpoint),
        adapter: checkpoint.adapter(),
        memory: needed(checkpoint, model.as_ref()),
        runs: why_not.is_none(),
        why_not,
        note,
        shows,
        sampled: n_numbers(checkpoint) > MOST_NUMBERS_READ,
        tensors: tensors(checkpoint),
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

fn parameters(tensors: &[&TensorInfo]) -> Parameters {
    let mut by_dtype = BTreeMap::new();
    for tensor in tensors {
        *by_dtype.entry(tensor.dtype.clone()).or_insert(0) += tensor.n_numbers();
    }
    Parameters { count: by_dtype.values().sum(), by_dtype }
}

fn tensors(checkpoint: &Checkpoint) -> Vec<Tensor> {
    let asked = checkpoint.asked();
    let asked: HashSet<&str> = asked.into_iter().map(|tensor| tensor.name.as_str()).collect();
    let all = checkpoint.tensors().iter();
    let is_used = |of: &TensorInfo| of.is_setting() || asked.contains(of.name.as_str());
    let share = (MOST_NUMBERS_READ as f64 / n_numbers(checkpoint) as f64).min(1.0);
    let not_finite = |of: &TensorInfo| not_a_number(of, (of.n_numbers() as f64 * share) as usize);
    all.map(|of| Tensor { not_finite: not_finite(of), ..tensor(of, is_used(of)) }).collect()
}

fn n_numbers(checkpoint: &Checkpoint) -> usize {
    checkpoint.tensors().iter().map(TensorInfo::n_numbers).fold(0, usize::saturating_add)
}

/// What is not finite among at most `most` numbers of a tensor.
fn not_a_number(tensor: &TensorInfo, most: usize) -> Option<NotANumber> {
    let NotFinite { count, first: mut place, value } = tensor.not_finite(most)?;
    let mut first = vec![];
    for axis in tensor.shape.iter().rev() {
        first.insert(0, place % axis);
        place /= axis;
    }
    Some(NotANumber { count, first, value: value.to_string() })
}

fn tensor(tensor: &TensorInfo, is_used: bool) -> Tensor {
    Tensor {
        name: tensor.name.clone(),
        name_in_file: tensor.name_in_file.clone(),
        shape: tensor.shape.clone(),
        dtype: tensor.dtype.clone(),
        bytes: tensor.n_bytes,
        file: tensor.file().to_owned(),
        used: is_used,
        not_finite: None,
    }
}

fn needed(checkpoint: &Checkpoint, model: Option<&Arc<dyn Model>>) -> Memory {
    let context = model.and_then(|model| model.sizes()).map_or(MAX_CONTEXT, |sizes| sizes.context);
    let mut lengths: Vec<usize> = LENGTHS.into_iter().filter(|n| *n <= context).collect();
    if context < MAX_CONTEXT && lengths.last() != Some(&context) {
        lengths.push(context);
    }
    let bytes = |n: usize| model.and_then(|model| model.pass_bytes(n, model.keep(n)));
    let pass = |n: usize| {
        let bytes = bytes(n)?;
        Some(Length { tokens: n, bytes, walk: memory::of_walk(bytes) })
    };
    Memory {
        weights: checkpoint.n_bytes(),
        passes: lengths.into_iter().filter_map(pass).collect(),
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
        TokenizerSource::Json { file, bytes } => {
            let kind = serde_json::from_slice::<Json>(bytes).ok().and_then(|json| json.model.kind);
            let kind = kind.unwrap_or_else(|| (*file).to_owned());
            let tokens = reading::tokenizer(checkpoint).ok().map(|t| t.vocab_size());
            Some(Vocabulary { kind, tokens })
        }
        TokenizerSource::Gguf(vocab) => {
            let pre =
                vocab.pre.as_ref().map_or_else(String::new, |pre| format!(", split as {pre}"));
            let kind = format!("{}{pre}", gguf_kind(&vocab.model));
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
