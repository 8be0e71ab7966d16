//! The models that read the sentence, built-in or from a checkpoint, and their first reading.

use std::sync::Arc;

use anyhow::bail;

use super::{
    failure::{Outcome, Usage},
    request::Request,
    streams::Streams,
};
use crate::{
    analysis::reading::{Reader, Reading, Readings},
    engine::{
        change::{Change, Patch},
        tape::Keep,
    },
    lesson::{Language, Lesson},
    model::ModelName,
    text::{visible, visible_path},
    ui::descriptions::{changes_in_words, sentence_notes},
    weights::{Checkpoint, memory},
};

/// A reader with its first readings.
pub struct Source {
    pub readings: Readings,
    /// Without changes.
    pub plain: Arc<Reading>,
    /// With the changes of the request, if it has any.
    pub reading: Arc<Reading>,
}

/// The unknown words that a note names.
const MOST_NAMED: usize = 4;

/// The memory that a walk with the built-in models takes, as measured.
pub const BUILT_IN_BYTES: u64 = 100_000_000;

/// What a reading is for, which decides how much of it is kept.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// To look values up: the insides of blocks are kept as long as they are small.
    LookUp,
    /// To be walked through and measured.
    Walk,
    /// To be written whole: the insides of all blocks are kept, but for what can be computed while it is written.
    Whole,
    /// To be looked up by a model that then learns.
    Learning,
}

impl Source {
    /// Reads the sentence of the request by its checkpoint, or by these built-in models; with changes by all of them,
    /// since a change is checked against every model. Notes what no model has seen.
    ///
    /// # Errors
    /// If the models, the sentence or a change cannot be read.
    pub fn read(
        request: &Request,
        names: &[ModelName],
        purpose: Purpose,
        streams: &mut Streams,
    ) -> Outcome<Self> {
        request.sentence()?; // standard input is waited for before the models are loaded
        let reader =
            reader(request, if request.changes.is_empty() { names } else { &ModelName::ALL })?;
        let reader = match purpose {
            Purpose::LookUp | Purpose::Learning => reader,
            Purpose::Walk => reader.for_walk(),
            Purpose::Whole => reader.keeping(Keep::AllButScores),
        };
        let mut readings = Readings::new(reader);
        let plain = {
            let _spinner = request.spinner("reading");
            let sentence = readings.reader().tokenizer().sentence(request.sentence()?).usage()?;
            readings.read_plain(sentence)?
        };
        note_what_is_odd(request, &readings, &plain, streams)?;
        let reading = readings.change(&plain, &request.changes).usage()?;
        if request.changes.against().is_some() {
            for note in sentence_notes(&reading.sentence, Language::English, MOST_NAMED) {
                writeln!(streams.notes, "note: the sentence beside it: {note}")?;
            }
        }
        if let ([name], false) = (names, matches!(purpose, Purpose::Walk)) {
            let mut changes = request.changes.iter();
            changes
                .try_for_each(|change| changes_something(&plain, *name, change, request, purpose))
                .usage()?;
        }
        if !request.changes.is_empty() {
            let words = changes_in_words(&request.changes, Language::English);
            let changes_none = !request.changes.iter().any(is_of_a_pass);
            let what = if changes_none { "" } else { "a changed pass: " };
            writeln!(streams.notes, "note: {what}{}", visible(&words))?;
        }
        Ok(Self { readings, plain, reading })
    }

    /// The lesson about the sentence.
    ///
    /// # Errors
    /// If an embedded lesson is damaged.
    pub fn lesson(&self, language: Language) -> anyhow::Result<Lesson> {
        lesson(&self.plain, language)
    }
}

/// Whether the change is one of a pass, not of what is asked about it or of how it is learned from.
const fn is_of_a_pass(change: &Change) -> bool {
    !matches!(change, Change::Words { .. } | Change::Place(_) | Change::Teach(_) | Change::Rate(_))
}

/// What a command says about one model has to be about a pass that each of the what-ifs changes.
///
/// # Errors
/// If one of them does nothing in this model; the message says which model has that part.
fn changes_something(
    plain: &Reading,
    name: ModelName,
    change: &Change,
    request: &Request,
    purpose: Purpose,
) -> anyhow::Result<()> {
    let touches = |name: ModelName| match change {
        Change::Words { .. } | Change::Place(_) => true,
        Change::Teach(_) | Change::Rate(_) => {
            let mut learns = request.changes.lessons();
            matches!(purpose, Purpose::Learning) || learns.any(|(id, _)| name.is_meant_by(id))
        }
        // A row of the other sentence, which may be longer.
        Change::Patch(Patch::Row { path, .. }) => plain.trace(name).site(path).is_some(),
        change => plain.trace(name).applies_to(change),
    };
    if touches(name) {
        return Ok(());
    }
    let learn = |steps| Change::Learn { model: name.id_to_learn().map(str::to_owned), steps };
    let model = name.in_sentence();
    let advice = match change {
        Change::Learn { steps, .. } => format!("{} teaches it", learn(*steps)),
        Change::Teach(_) | Change::Rate(_) => {
            format!("it says how a model learns; give {} too, or leave it out", learn(10))
        }
        _ => match plain.names().find(|other| touches(*other)) {
            Some(other) => {
                format!("leave it out, or ask about {}: --model {other}", other.in_sentence())
            }
            None => "leave it out".to_owned(),
        },
    };
    bail!("`{change}` changes nothing in {model}; {advice}")
}

/// The reader of the request; of the built-in models these.
fn reader(request: &Request, names: &[ModelName]) -> Outcome<Reader> {
    let Some(path) = request.checkpoint() else {
        memory::check(BUILT_IN_BYTES, request.no_memory_check)?;
        return Ok(Reader::of(names)?);
    };
    let _spinner = request.spinner("opening the checkpoint");
    let checkpoint = request.open(path)?;
    let template = request.chat_template(&checkpoint)?;
    let reader = Reader::open(&checkpoint, request.no_memory_check)?;
    let reader = if let Some(template) = template {
        reader.in_chat(template)
    } else {
        let prefixes = unused_prefixes(&checkpoint, request.sentence()?);
        reader.noting(unused_template(&checkpoint).or(prefixes))
    };
    let Some(other) = request.open_other()? else { return Ok(reader) };
    let template = request.chat_template(&other)?;
    let beside = Reader::open(&other, request.no_memory_check)?;
    Ok(reader.beside(match template {
        Some(template) => beside.in_chat(template),
        None => beside,
    })?)
}

/// A note on a chat template that is not used; None if there is none.
fn unused_template(checkpoint: &Checkpoint) -> Option<String> {
    let has_one = checkpoint.chat_template().is_ok_and(|template| template.is_some());
    has_one.then(|| {
        "this checkpoint has a chat template, which is not used; --chat puts the sentence into it".into()
    })
}

/// A note on the prefixes that a checkpoint was trained with, if the text begins with none of them.
fn unused_prefixes(checkpoint: &Checkpoint, text: &str) -> Option<String> {
    let tasks = checkpoint.config().get("task_specific_params")?.as_object()?;
    let prefixes = tasks.values().filter_map(|task| task.get("prefix")?.as_str());
    let prefixes: Vec<&str> = prefixes.filter(|prefix| !prefix.trim().is_empty()).collect();
    if prefixes.is_empty() || prefixes.iter().any(|prefix| text.starts_with(prefix)) {
        return None;
    }
    let shown = |prefix: &&str| format!("`{}`", visible(prefix));
    let shown: Vec<String> = prefixes.iter().take(MOST_PREFIXES).map(shown).collect();
    Some(format!(
        "this checkpoint was trained on texts that say what is to be done; the sentence begins with none of {}",
        shown.join(", ")
    ))
}

/// The most prefixes that are named.
const MOST_PREFIXES: usize = 6;

/// A note on a beginning token that was typed, where the tokenizer adds one.
fn begins_twice(readings: &Readings, plain: &Reading) -> Option<String> {
    let bos = readings.reader().tokenizer().ids().bos?;
    let [first, second, ..] = plain.sentence.tokens.as_slice() else { return None };
    (first.id == bos && second.id == bos).then(|| {
        format!(
            "the text begins with {} twice: the tokenizer adds it, and the sentence has it too; leave it out",
            visible(&first.text)
        )
    })
}

/// A note on an output that the model did not end.
fn is_cut(readings: &Readings, plain: &Reading) -> Option<String> {
    let trace = plain.has(ModelName::Checkpoint).then(|| plain.trace(ModelName::Checkpoint))?;
    let last = trace.output.last().filter(|_| !trace.target.is_empty())?;
    let n = trace.output.len();
    if plain.forced_end(ModelName::Checkpoint) == Some(n) {
        return Some(format!(
            "the settings of the checkpoint allow {n} tokens, and its `forced_eos_token_id` ends the output there; \
             the model did not"
        ));
    }
    let ends = readings.reader().tokenizer().ids().eos;
    (!ends.contains(&last.id)).then(|| {
        format!("the output is cut after {n} tokens, which is the most for this text; the model did not end it")
    })
}

/// A note on a text that sentence-transformers cuts.
fn is_longer_than_read(readings: &Readings, plain: &Reading) -> Option<String> {
    let (n, most) = (plain.sentence.tokens.len(), readings.reader().tokenizer().cut_at()?);
    (n > most).then(|| {
        format!(
            "the text has {n} tokens, all of which are read; sentence-transformers cuts it to {most} for this model \
             (`max_seq_length`)"
        )
    })
}

/// A note on settings that would make another output.
fn not_obeyed(plain: &Reading) -> Option<String> {
    let settings = plain.not_obeyed(ModelName::Checkpoint);
    (!settings.is_empty()).then(|| {
        format!(
            "the output is decoded greedily; these settings of the checkpoint are not obeyed, with which transformers \
             may write another: {}",
            settings.join(", ")
        )
    })
}

fn note_what_is_odd(
    request: &Request,
    readings: &Readings,
    plain: &Reading,
    streams: &mut Streams,
) -> Outcome {
    for note in sentence_notes(&plain.sentence, Language::English, MOST_NAMED) {
        writeln!(streams.notes, "note: {note}")?;
    }
    for note in readings.reader().tokenizer().notes() {
        writeln!(streams.notes, "note: {note}")?;
    }
    let cut = is_longer_than_read(readings, plain);
    let own = [begins_twice(readings, plain), is_cut(readings, plain), cut, not_obeyed(plain)];
    for note in own.into_iter().flatten() {
        writeln!(streams.notes, "note: {note}")?;
    }
    if let Some(note) = readings.reader().note() {
        writeln!(streams.notes, "note: {note}")?;
    }
    if let Some(left_out) = plain.card.as_ref().and_then(|card| card.left_out.as_ref()) {
        writeln!(streams.notes, "note: {left_out}")?;
    }
    if let Some(path) = request.checkpoint()
        && let Some(site) = plain.trace(ModelName::Checkpoint).not_finite()
    {
        let path = visible_path(path);
        writeln!(
            streams.notes,
            "note: numbers of this pass are NaN or infinite, first in {site}; `lookback inspect {path}` \
             names weights that are"
        )?;
    }
    Ok(())
}

/// The lesson about a reading: the built-in one, or the one for checkpoints as far as it fits.
///
/// # Errors
/// If an embedded lesson is damaged.
pub fn lesson(reading: &Reading, language: Language) -> anyhow::Result<Lesson> {
    if !reading.has(ModelName::Checkpoint) {
        return Lesson::embedded(language);
    }
    let trace = reading.trace(ModelName::Checkpoint);
    Ok(Lesson::for_checkpoint(language)?.fitting(trace))
}
