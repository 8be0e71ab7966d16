//! `lookback attribute`, `patch`, `diff`, `heads`, `flow` and `learn`: evidence about a pass, as tables.

pub mod attribute;
pub mod diff;
pub mod flow;
pub mod heads;
pub mod learn;
pub mod patch;
mod report;

use anyhow::anyhow;

use super::{
    failure::Outcome,
    request::Request,
    source::{Purpose, Source},
    streams::Streams,
};
use crate::{
    analysis::{
        evidence::{RowsOf, Run, flow::Flow},
        reading::{QuestionAsked, Reading},
    },
    engine::site::{Role, Stream},
    lesson::{Language, tr},
    model::ModelName,
    text::Token,
    weights::memory,
};

/// The reading of a request by its one model; the built-in Transformer where none is named.
fn read(request: &Request, streams: &mut Streams) -> Outcome<(Source, ModelName)> {
    read_for(Purpose::LookUp, request, streams)
}

fn read_for(
    purpose: Purpose,
    request: &Request,
    streams: &mut Streams,
) -> Outcome<(Source, ModelName)> {
    let names = request.names(&[ModelName::Transformer]);
    if names.len() > 1 {
        let wrong = anyhow!("evidence is about one model; name it, as in --model transformer");
        return Err(super::failure::Failure::Usage(wrong));
    }
    let source = Source::read(request, &names, purpose, streams)?;
    // A run keeps everything, and a pass backwards as much again.
    if let Some(bytes) = source.reading.run_bytes(names[0]) {
        memory::check(bytes.saturating_mul(3), request.no_memory_check)?;
    }
    Ok((source, names[0]))
}

/// A command of evidence that not every model has the numbers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Attribute,
    Flow,
    Heads,
    Patch,
}

impl Command {
    const ALL: [Self; 4] = [Self::Attribute, Self::Flow, Self::Heads, Self::Patch];

    const fn name(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::Flow => "flow",
            Self::Heads => "heads",
            Self::Patch => "patch",
        }
    }

    /// Whether it says something about a model that read this text.
    fn works(self, reading: &Reading, name: ModelName, run: &Run) -> bool {
        let is_asked = || reading.question(run, &QuestionAsked::default()).is_ok();
        match self {
            Self::Attribute => is_asked(),
            Self::Flow => is_asked() && Flow::new(run, stream_of(run)).is_ok(),
            Self::Heads => reading.head_scores(name).is_ok(),
            Self::Patch => is_asked() && run.with_role(Role::SubLayerOutput).next().is_some(),
        }
    }

    /// Why it failed; where it never works for the model, with the commands that do.
    fn refused(self, reading: &Reading, name: ModelName, why: anyhow::Error) -> anyhow::Error {
        let Ok(run) = reading.run(name, None) else { return why };
        let works = |command: &Self| command.works(reading, name, &run);
        if works(&self) {
            return why;
        }
        let others = Self::ALL.into_iter().filter(works).map(Self::name).chain(["diff"]);
        let others: Vec<String> = others.map(|other| format!("`lookback {other}`")).collect();
        let title = reading.card.as_ref().map(|card| card.title.clone());
        let title = title.unwrap_or_else(|| name.in_sentence().to_owned());
        anyhow!("{why:#}; what can be asked of {title}: {}", others.join(", "))
    }
}

/// The stream whose rows are asked about.
fn stream_of(run: &Run) -> Stream {
    if run.reads_only() { Stream::Source } else { Stream::Target }
}

/// The tokens that a run read, and the words that its rows of logits stand before.
struct Words {
    source: Vec<Token>,
    target: Vec<Token>,
}

impl Words {
    fn of(reading: &Reading, run: &Run) -> Self {
        let tokens = |ids: &[u32]| reading.tokenizer().tokens(ids);
        Self { source: tokens(&run.pass.source), target: tokens(&run.pass.target) }
    }

    fn of_stream(&self, stream: Stream) -> &[Token] {
        stream.of(&self.source, &self.target)
    }

    /// What a row of the logits is about, in words.
    fn place_of(&self, run: &Run, row: usize, language: Language) -> String {
        match run.rows_of {
            RowsOf::Output | RowsOf::NextWords => {
                tr!(language, "after \"{words}\"", words = self.before(row))
            }
            RowsOf::Words => {
                let word = self.source.get(row).map_or("", |token| &token.text);
                tr!(language, "at word {row}, \"{word}\"", row, word)
            }
            RowsOf::Text => language.tr("of the whole text").to_owned(),
        }
    }

    /// The text before a row of the logits, the last words of it.
    fn before(&self, row: usize) -> String {
        let words = if self.target.is_empty() { &self.source } else { &self.target };
        let read = &words[..=row.min(words.len().saturating_sub(1))];
        read[read.len().saturating_sub(4)..]
            .iter()
            .map(|t| t.text.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }
}
