//! What reads: the built-in models, or a checkpoint of the person's own; and its first reading.

use std::{path::Path, sync::Arc};

use super::{
    Streams,
    args::{self, Which},
    changes,
    failure::{Outcome, Usage},
    known::Chosen,
    progress::Spinner,
    sentence,
};
use crate::{
    analysis::reading::{Reader, Reading},
    engine::tape::Keep,
    lesson::{Language, Lesson},
    model::Name,
    text::visible,
    weights::Checkpoint,
};

/// A reader, and what it read first.
pub struct Source {
    pub reader: Reader,
    /// Without changes.
    pub plain: Arc<Reading>,
    /// With the changes that were asked for, if any were.
    pub reading: Arc<Reading>,
}

impl Which {
    /// The path of a checkpoint, if one is meant.
    pub fn path(&self) -> Option<&Path> {
        match &self.model {
            Some(Chosen::Path(path)) => Some(path),
            _ => None,
        }
    }

    /// The models that are meant; these, where nothing is said.
    pub fn names(&self, otherwise: &[Name]) -> Vec<Name> {
        match &self.model {
            None => otherwise.to_vec(),
            Some(Chosen::All) => Name::ALL.to_vec(),
            Some(Chosen::BuiltIn(name)) => vec![*name],
            Some(Chosen::Path(_)) => vec![Name::Checkpoint],
        }
    }
}

/// The reader that is meant; of the built-in models these.
pub fn reader(which: &Which, names: &[Name]) -> Outcome<Reader> {
    let Some(path) = which.path() else { return Ok(Reader::of(names)?) };
    let _spinner = Spinner::new("opening the checkpoint");
    let checkpoint = Checkpoint::open(path)?;
    Ok(Reader::open(&checkpoint, which.force)?)
}

/// The passes of these built-in models over the sentence, or the checkpoint's; of all models where
/// there are changes: a change of any model is known. Remarks on words that none has seen.
pub fn read(
    which: &Which,
    names: &[Name],
    text: &args::Text,
    streams: &mut Streams,
) -> Outcome<Source> {
    read_by(which, names, text, streams, |reader| reader)
}

/// The same, to be walked through and measured.
pub fn read_to_walk(
    which: &Which,
    names: &[Name],
    text: &args::Text,
    streams: &mut Streams,
) -> Outcome<Source> {
    read_by(which, names, text, streams, Reader::for_walk)
}

/// The same with the insides of all blocks kept, however many.
pub fn read_whole(
    which: &Which,
    names: &[Name],
    text: &args::Text,
    streams: &mut Streams,
) -> Outcome<Source> {
    read_by(which, names, text, streams, |reader| reader.keeping(Keep::All))
}

fn read_by(
    which: &Which,
    names: &[Name],
    text: &args::Text,
    streams: &mut Streams,
    made: fn(Reader) -> Reader,
) -> Outcome<Source> {
    let sentence = sentence::of(text)?;
    let changes = changes(text).usage()?;
    let reader = made(reader(which, if changes.is_empty() { names } else { &Name::ALL })?);
    let plain = {
        let _spinner = Spinner::new("reading");
        let sentence = reader.tokenizer().sentence(&sentence).usage()?;
        Arc::new(reader.read_sentence(sentence)?)
    };
    if let Some(remark) = sentence::remark(&plain.sentence) {
        writeln!(streams.notes, "note: {remark}")?;
    }
    for note in reader.tokenizer().notes() {
        writeln!(streams.notes, "note: {note}")?;
    }
    if let Some(path) = which.path()
        && let Some(site) = plain.trace(Name::Checkpoint).not_finite()
    {
        let path = visible(&path.to_string_lossy());
        writeln!(
            streams.notes,
            "note: numbers of this pass are NaN or infinite, first in {site}; `lookback inspect {path}` \
             names weights that are"
        )?;
    }
    if changes.is_empty() {
        return Ok(Source { reader, reading: Arc::clone(&plain), plain });
    }
    let words = visible(&changes.words());
    let reading = Arc::new(reader.read_changed(&plain, changes).usage()?);
    writeln!(streams.notes, "note: a changed pass: {words}")?;
    Ok(Source { reader, plain, reading })
}

impl Source {
    /// The lesson that tells of what was read.
    pub fn lesson(&self, language: Language) -> anyhow::Result<Lesson> {
        lesson(&self.plain, language)
    }
}

/// The lesson that tells of a reading: the built-in one, or the one for checkpoints as far as it fits.
pub fn lesson(reading: &Reading, language: Language) -> anyhow::Result<Lesson> {
    if !reading.has(Name::Checkpoint) {
        return Lesson::embedded(language);
    }
    let trace = reading.trace(Name::Checkpoint);
    Ok(Lesson::for_checkpoint(language)?.fitting(|path| trace.site(path).is_some()))
}
