//! The blanks that narration can have: one table, a line a fact. To add one, add a line.
//!
//! A fact is a phrase about this pass and this selection. It is never an error: where it has no
//! value (no pronoun, one word only, not measured yet) it says so in words.

use anyhow::{Context as _, Result};

use super::{Row, Selection, Step};
use crate::{
    reading::Reading,
    site::{Axis, Stream},
    text::{self, Token},
    trace::{Recorded, Trace},
};

/// A blank: `{name}` in a text.
pub struct Fact {
    pub name: &'static str,
    /// What it says, for those who write lessons.
    pub about: &'static str,
    pub say: fn(&Context) -> String,
}

const fn fact(name: &'static str, about: &'static str, say: fn(&Context) -> String) -> Fact {
    Fact { name, about, say }
}

pub static FACTS: &[Fact] = &[
    fact("n_tokens", "tokens of the sentence", |c| c.reading.sentence.tokens.len().to_string()),
    fact("word", "the selected word", |c| c.word(c.row())),
];

/// The fact of that name.
///
/// # Errors
/// If there is none; the message offers the nearest names.
pub fn find(name: &str) -> Result<&'static Fact> {
    FACTS.iter().find(|fact| fact.name == name).with_context(|| {
        let near = text::nearest(name, FACTS.iter().map(|f| f.name), 3).join(", ");
        format!("no fact `{name}`; the nearest are {near}")
    })
}

/// All that a fact is a function of. Indices are clamped to what the step shows.
pub struct Context<'a> {
    pub reading: &'a Reading,
    pub step: &'a Step,
    selection: Selection,
}

impl<'a> Context<'a> {
    pub fn new(step: &'a Step, reading: &'a Reading, selection: &Selection) -> Self {
        Self { reading, step, selection: *selection }
    }

    /// The pass of the step's model.
    pub fn trace(&self) -> &'a Trace {
        self.reading.trace(self.step.model)
    }

    /// The selected layer, or the last one if the model has fewer.
    pub fn layer(&self) -> usize {
        let last = if ["encoder.1.norm1.out", "blocks.1.resid_pre"]
            .iter()
            .any(|p| self.trace().site(p).is_some())
        {
            1
        } else {
            0
        };
        self.selection.layer.min(last)
    }

    /// The first site that the step shows of its own model.
    pub fn main(&self) -> Option<&'a Recorded> {
        let own = self.step.panes.iter().filter(|p| self.step.model_of(p) == self.step.model);
        own.filter_map(|pane| self.trace().site(&pane.path(self.layer())?)).next()
    }

    /// Which tokens the step's rows stand for.
    pub fn stream(&self) -> Stream {
        let site = self.main();
        let stream = |axis: Axis| site.and_then(|s| s.place.stream(axis));
        site.and_then(|s| stream(s.axes()[1])).unwrap_or(Stream::Source)
    }

    fn tokens(&self) -> &'a [Token] {
        self.trace().tokens(self.stream())
    }

    pub fn row(&self) -> usize {
        self.selection.row.min(self.tokens().len().saturating_sub(1))
    }

    pub fn word(&self, row: usize) -> String {
        self.tokens().get(row).map_or_else(String::new, |t| format!("“{}”", t.text))
    }

    /// The row that a hint means in this pass.
    pub fn start_row(&self, row: Row) -> usize {
        let last = self.tokens().len().saturating_sub(1);
        match row {
            Row::First => 0,
            Row::Last => last,
            Row::Pronoun => self.pronoun().unwrap_or(last),
        }
    }

    /// Where `it` or `they` stands; in the target, where its translation is written.
    pub fn pronoun(&self) -> Option<usize> {
        let is =
            |words: &[&str], token: &Token| words.contains(&token.text.to_lowercase().as_str());
        match self.stream() {
            Stream::Source => self.tokens().iter().rposition(|t| is(&["it", "they"], t)),
            Stream::Target => {
                self.trace().output.iter().rposition(|t| is(&["il", "elle", "ils", "elles"], t))
            }
        }
    }
}
