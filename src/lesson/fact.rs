//! Facts: the values of the blanks in narration, in tables with a line each. To add one, add a line.
//!
//! A fact is a phrase about this pass and this selection, in the words of the lesson's language (`phrases.rs`); the
//! tables hold no English. A fact never fails: without a value (no pronoun, one word only, not measured yet) its text
//! says so. A fact reads a few rows at most, since the screen evaluates facts at every frame.

pub mod attention;
pub mod compare;
mod decoding;
mod experts;
mod latent;
pub mod layer;
mod learning;
mod output;
pub mod pronoun;
mod recurrent;
pub mod sentence;
mod state;

use std::{cell::OnceCell, sync::Arc};

use anyhow::{Context as _, Result};

use super::{PaneSpec, Selection, StartRow, Step, phrases::Phrases};
use crate::{
    analysis::{
        measure::{
            choice::{least_sure, least_sure_where},
            lens::LensPrediction,
            readback::ReadBack,
        },
        reading::Reading,
        trace::{Recorded, Trace},
    },
    engine::{
        change::Part,
        math::sampling::Choice,
        site::{Site, Stream, path_in, stack_of},
        value::Cell,
    },
    model::{ModelName, layer::attention::MASKED},
    text::{self, Token, grouped, word_at, word_text},
};

/// A fact, written `{name}` in a text.
pub struct Fact {
    pub name: &'static str,
    /// What it says, for authors of lessons.
    pub about: &'static str,
    /// Whether it is about built-in models, whatever the step's model is.
    is_of_built_in: bool,
    evaluate: fn(&Context) -> String,
}

/// A fact about the pass of the step's model.
const fn fact(name: &'static str, about: &'static str, evaluate: fn(&Context) -> String) -> Fact {
    Fact { name, about, is_of_built_in: false, evaluate }
}

/// A fact about the passes of the built-in models.
const fn fact_of_built_in(
    name: &'static str,
    about: &'static str,
    evaluate: fn(&Context) -> String,
) -> Fact {
    Fact { name, about, is_of_built_in: true, evaluate }
}

impl Fact {
    /// The text of the fact for this pass. Facts about built-in models have no value in the reading of a checkpoint.
    pub fn text(&self, context: &Context) -> String {
        if self.is_of_built_in && context.reading.has(ModelName::Checkpoint) {
            return context.phrases.no_value();
        }
        (self.evaluate)(context)
    }
}

static TABLES: [&[Fact]; 11] = [
    sentence::FACTS,
    recurrent::FACTS,
    attention::FACTS,
    experts::FACTS,
    latent::FACTS,
    state::FACTS,
    layer::FACTS,
    learning::FACTS,
    output::FACTS,
    compare::FACTS,
    decoding::FACTS,
];

/// Every fact.
pub fn all() -> impl Iterator<Item = &'static Fact> {
    TABLES.into_iter().flatten()
}

/// The fact of that name.
///
/// # Errors
/// If there is none; the message offers the nearest names.
pub fn find(name: &str) -> Result<&'static Fact> {
    all().find(|fact| fact.name == name).with_context(|| {
        let near = text::nearest(name, all().map(|f| f.name), 3).join(", ");
        format!("no fact `{name}`; the nearest are {near}")
    })
}

/// The inputs of a fact. Indices are clamped to what the step shows.
pub struct Context<'a> {
    pub reading: &'a Reading,
    pub step: &'a Step,
    pub(super) phrases: &'a Phrases,
    selection: Selection,
    lens: OnceCell<Option<Arc<[LensPrediction]>>>,
    choice: OnceCell<Option<Arc<Choice>>>,
}

impl<'a> Context<'a> {
    pub fn new(step: &'a Step, reading: &'a Reading, selection: &Selection) -> Self {
        Self {
            reading,
            step,
            phrases: &step.phrases,
            selection: *selection,
            lens: OnceCell::new(),
            choice: OnceCell::new(),
        }
    }

    /// The pass of the step's model.
    pub fn trace(&self) -> &'a Trace {
        self.reading.trace(self.step.model)
    }

    /// The predictions of the logit lens after each layer at the selected row; None until they are computed.
    fn lens(&self) -> Option<&[LensPrediction]> {
        self.lens.get_or_init(|| self.reading.known_lens(self.step.model, self.row())).as_deref()
    }

    /// The choice of the token after the selected row.
    fn choice(&self) -> Option<&Choice> {
        let choosing = self.reading.changes.choosing();
        let choice = || self.reading.choice(self.step.model, choosing, self.row());
        self.choice.get_or_init(choice).as_deref()
    }

    /// The probes' answers for the step's model.
    pub fn read_back(&self) -> Arc<Vec<ReadBack>> {
        self.reading.read_back(self.step.model)
    }

    /// The selected layer, or the last one if the model has fewer.
    pub fn layer(&self) -> usize {
        self.selection.layer.min(self.n_layers().saturating_sub(1))
    }

    /// The layers of the stack that the step shows, or else of the model's deepest one.
    pub fn n_layers(&self) -> usize {
        let stack = self.own_panes().find_map(|pane| stack_of(pane.layered_site()?));
        self.trace().depth(stack)
    }

    /// The panes of the step's own model.
    fn own_panes(&self) -> impl Iterator<Item = &'a PaneSpec> {
        let step = self.step;
        step.panes.iter().filter(move |pane| step.model_of(pane) == step.model)
    }

    /// The first site of the step's own model in its panes; rows in the text are rows of this site.
    pub fn main(&self) -> Option<&'a Recorded> {
        self.own_panes().find_map(|pane| self.trace().site(&pane.path(self.layer())?))
    }

    /// The site beside the main one: `weights` beside `encoder.0.self_attn.scores`.
    pub fn beside(&self, other: &Site) -> Option<&'a Recorded> {
        self.trace().beside(self.main()?, other)
    }

    /// A site in a part of the selected layer of a decoder: `blocks.3.attn.k` in `attn`.
    fn in_block(&self, part: &str, site: &Site) -> Option<&'a Recorded> {
        self.trace().site(&path_in(&format!("blocks.{}.{part}", self.layer()), site.name))
    }

    /// Whether the step's attention would have a mask, had a change not turned it off.
    pub fn is_unmasked(&self) -> bool {
        let masked = self.beside(&MASKED);
        masked.is_some_and(|site| self.reading.changes.is_off(&site.place, Part::Mask))
    }

    /// The selected word's row in a site with one plane.
    pub fn row_of(&self, site: &Recorded) -> Option<Vec<f32>> {
        let row = self.row();
        site.shape().holds(Cell::new(0, row, 0)).then(|| site.value.row(0, row))
    }

    /// [`Self::row_of`] for the site beside the main one.
    pub fn row_beside(&self, other: &Site) -> Option<Vec<f32>> {
        self.beside(other).and_then(|site| self.row_of(site))
    }

    /// The stream whose tokens are the step's rows.
    pub fn stream(&self) -> Stream {
        let stream = self.main().and_then(|site| site.place.stream(site.axes()[1]));
        stream.unwrap_or(Stream::Source)
    }

    /// The tokens of the step's rows.
    pub fn tokens(&self) -> &'a [Token] {
        self.trace().tokens(self.stream())
    }

    /// The selected row, or the last one if the step has fewer.
    pub fn row(&self) -> usize {
        self.selection.row.min(self.tokens().len().saturating_sub(1))
    }

    /// The token of a row in quotes.
    pub fn word(&self, row: usize) -> String {
        self.tokens().get(row).map_or_else(
            || self.phrases.nothing(),
            |_| self.phrases.quoted_token(self.tokens(), row),
        )
    }

    /// The selected head, or the last one if the site has fewer.
    pub fn head(&self) -> usize {
        let planes = |site: &Recorded| site.place.has_planes().then(|| site.shape().planes);
        let n = self.main().and_then(planes).unwrap_or(usize::MAX);
        self.selection.head.min(n - 1)
    }

    /// The row of a hint in this pass.
    pub fn start_row(&self, row: StartRow) -> usize {
        let last = self.tokens().len().saturating_sub(1);
        match row {
            StartRow::First => self.first_row_with_number().unwrap_or(0),
            StartRow::Last => last,
            StartRow::Late => self.late_row(),
            StartRow::Unsure => {
                least_sure(self.trace()).map_or(last, |written| written.row.min(last))
            }
            StartRow::Pronoun => {
                self.pronoun().or_else(|| self.instead_of_pronoun()).unwrap_or(last)
            }
        }
    }

    /// The first row of the main site with a number: probes reach back a limited number of rows.
    fn first_row_with_number(&self) -> Option<usize> {
        let site = self.main()?;
        (0..site.shape().rows).find(|&row| !site.value.get(Cell::new(0, row, 0)).is_nan())
    }

    /// The row of the `it` or `they` that stands for a noun; in the target, the row that writes its translation.
    fn pronoun(&self) -> Option<usize> {
        match self.stream() {
            Stream::Source => pronoun::pronoun_in(self.tokens(), self.french()),
            Stream::Target => {
                let asker = self.pronoun_of_sentence()?;
                attention::written_for(self.trace(), self.step.model, asker)
                    .filter(|&row| row < self.tokens().len())
            }
        }
    }

    /// The last row that is a word; in the target, the one that writes the word the model was least sure of: a row
    /// that has something to look back on, and a choice.
    fn instead_of_pronoun(&self) -> Option<usize> {
        match self.stream() {
            Stream::Source => last_word_in(self.tokens()),
            Stream::Target => {
                let is_word = |token: &Token| {
                    !token.continues
                        && token.id > text::EOS
                        && token.text.chars().any(char::is_alphanumeric)
                };
                let words = |first: usize| {
                    least_sure_where(self.trace(), |row, token| row >= first && is_word(token))
                };
                let row = words(1).or_else(|| words(0))?.row;
                (row < self.tokens().len()).then_some(row)
            }
        }
    }

    /// Two rows before the last, or further back if the next row goes on with a word and leaves nothing to choose.
    fn late_row(&self) -> usize {
        let tokens = self.tokens();
        let late = tokens.len().saturating_sub(3);
        let has_choice = |row: &usize| tokens.get(row + 1).is_some_and(|next| !next.continues);
        (0..=late).rev().find(has_choice).unwrap_or(late)
    }
}

const ENGLISH_PRONOUNS: &[&str] = &["it", "they"];
/// English words that French writes with one of [`FRENCH_PRONOUNS`].
const ENGLISH_SUBJECTS: &[&str] = &["it", "they", "he", "she"];
pub(super) const FRENCH_PRONOUNS: &[&str] = &["il", "elle", "ils", "elles"];

/// The first token of each word.
fn word_starts(tokens: &[Token]) -> impl DoubleEndedIterator<Item = usize> {
    (0..tokens.len()).filter(move |&i| !tokens[i].continues)
}

/// Where these words begin, in whatever case.
pub(super) fn all_of(tokens: &[Token], words: &[&str]) -> impl DoubleEndedIterator<Item = usize> {
    let is_one = move |&i: &usize| words.contains(&word_text(tokens, i).to_lowercase().as_str());
    word_starts(tokens).filter(is_one)
}

/// Where the last of these words begins, in whatever case.
fn last_of(tokens: &[Token], words: &[&str]) -> Option<usize> {
    all_of(tokens, words).next_back()
}

/// Index of the last token that is a whole word; of the start of the last word, if each is cut into tokens.
fn last_word_in(tokens: &[Token]) -> Option<usize> {
    let words = || words_from_end(tokens);
    words().find(|&i| word_at(tokens, i).len() == 1).or_else(|| words().next())
}

/// Where the words begin, marks left out, the last one first.
fn words_from_end(tokens: &[Token]) -> impl Iterator<Item = usize> {
    word_starts(tokens).rev().filter(|&i| tokens[i].text.chars().any(char::is_alphanumeric))
}

impl Phrases {
    /// The text, or the phrase for a value that this pass does not have.
    fn or_none(&self, text: Option<String>) -> String {
        text.unwrap_or_else(|| self.no_value())
    }

    /// A token in quotes, with its position if another one has the same text.
    pub(super) fn quoted_token(&self, tokens: &[Token], position: usize) -> String {
        let text = &tokens[position].text;
        let n_same = tokens.iter().filter(|token| token.text == *text).count();
        self.quoted_at(text, position, n_same)
    }

    /// A word in quotes, with the position of its first token if another word is the same; where there is no token, its
    /// number.
    pub(super) fn quoted_word(&self, tokens: &[Token], position: usize) -> String {
        if position >= tokens.len() {
            return self.quote(&position.to_string());
        }
        let text = word_text(tokens, position);
        let n_same = word_starts(tokens).filter(|&i| word_text(tokens, i) == text).count();
        self.quoted_at(&text, word_at(tokens, position).start, n_same)
    }

    fn quoted_at(&self, text: &str, position: usize, n_same: usize) -> String {
        let quoted = self.quote(text);
        if n_same > 1 { self.numbered(&quoted, &position.to_string()) } else { quoted }
    }

    /// A word of several tokens says that what follows is about all of them.
    fn word_with_all(&self, tokens: &[Token], position: usize) -> String {
        let word = self.quoted_word(tokens, position);
        match tokens.get(position).map_or(1, |_| word_at(tokens, position).len()) {
            1 => word,
            n => self.tokens_together(&word, &n.to_string()),
        }
    }

    /// An amount beside a word, which of several tokens is that of all of them.
    fn of_word(&self, tokens: &[Token], position: usize, amount: String) -> String {
        match word_at(tokens, position).len() {
            1 => amount,
            n => self.amount_together(&amount, &n.to_string()),
        }
    }

    /// `1 word`, `3 words`
    fn counted(&self, n: usize, one: One, many: Many) -> String {
        if n == 1 { one(self) } else { many(self, &grouped(n)) }
    }

    /// `a, b and c`
    fn list(&self, items: &[String]) -> String {
        match items {
            [] => self.list_empty(),
            [one] => one.clone(),
            [start @ .., last] => self.list_end(&start.join(&self.list_between()), last),
        }
    }
}

/// Phrases for one thing and for several.
type One = fn(&Phrases) -> String;
type Many = fn(&Phrases, &str) -> String;

fn mean(row: &[f32]) -> f32 {
    row.iter().sum::<f32>() / row.len().max(1) as f32
}

fn variance(row: &[f32]) -> f32 {
    let m = mean(row);
    row.iter().map(|x| (x - m) * (x - m)).sum::<f32>() / row.len().max(1) as f32
}

fn minus(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_facts_are_unique_and_explained() {
        let mut names: Vec<_> = all().map(|f| f.name).collect();
        names.sort_unstable();
        let n = names.len();
        names.dedup();
        assert_eq!(names.len(), n);
        assert!(all().all(|f| !f.about.is_empty()));
    }
}
