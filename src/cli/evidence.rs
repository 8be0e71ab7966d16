//! `lookback attribute`, `patch`, `diff`, `heads`, `flow` and `learn`: evidence about a pass, as tables.

pub mod attribute;
pub mod diff;
pub mod flow;
pub mod heads;
pub mod learn;
pub mod patch;
mod report;

use super::{
    failure::Outcome,
    request::Request,
    source::{Purpose, Source},
    streams::Streams,
};
use crate::{
    analysis::{
        evidence::{RowsOf, Run},
        reading::Reading,
    },
    engine::site::Stream,
    model::Name,
    text::Token,
    weights::memory,
};

/// The reading of a request by its one model; the built-in Transformer where none is named.
fn read(request: &Request, streams: &mut Streams) -> Outcome<(Source, Name)> {
    let names = request.names(&[Name::Transformer]);
    if names.len() > 1 {
        let wrong =
            anyhow::anyhow!("evidence is about one model; name it, as in --model transformer");
        return Err(super::failure::Failure::Usage(wrong));
    }
    let source = Source::read(request, &names, Purpose::LookUp, streams)?;
    // A run keeps everything, and a pass backwards as much again.
    if let Some(bytes) = source.reading.run_bytes(names[0]) {
        memory::check(bytes.saturating_mul(3), request.no_memory_check)?;
    }
    Ok((source, names[0]))
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
    fn place_of(&self, run: &Run, row: usize) -> String {
        match run.rows_of {
            RowsOf::Output | RowsOf::NextWords => format!("after \"{}\"", self.before(row)),
            RowsOf::Words => {
                let word = self.source.get(row).map_or("", |token| &token.text);
                format!("at word {row}, \"{word}\"")
            }
            RowsOf::Text => "of the whole text".to_owned(),
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
