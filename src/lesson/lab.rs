//! Labs: tasks at the end of a chapter that the program checks; a table of kinds, a line each.
//!
//! A kind looks at the reading and at what the person has selected; how the person came there does not matter. Its
//! solution is a sentence, a change or a head that the program can play. The texts are in the language files.

use anyhow::{Context as _, Result, ensure};

use super::{
    LayerHead, Paragraph,
    fact::{
        Context, FRENCH_PRONOUNS, all_of,
        attention::{guided_look, has_pronoun, may_be_meant, previous_head},
        compare::by_word,
        pronoun::pronoun_in,
        sentence::has_ten_words,
    },
    fill,
    template::Template,
};
use crate::{
    analysis::{
        measure::{accuracy::n_words, attention::AttendedKey},
        trace::Trace,
    },
    engine::{
        change::{Change, Part},
        math::{aligned, argmax},
    },
    model::ModelName,
    text::{self, word_text},
};

/// What solves a lab.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Solution {
    /// Another sentence; None keeps the one that is read.
    pub sentence: Option<&'static str>,
    pub changes: Vec<Change>,
    pub head: Option<LayerHead>,
}

/// A kind of lab.
#[derive(Debug)]
pub struct LabKind {
    pub name: &'static str,
    /// The task, for authors of lessons.
    pub about: &'static str,
    is_solved: fn(&Context) -> bool,
    solution: fn(&Context) -> Solution,
}

const fn kind(
    name: &'static str,
    about: &'static str,
    is_solved: fn(&Context) -> bool,
    solution: fn(&Context) -> Solution,
) -> LabKind {
    LabKind { name, about, is_solved, solution }
}

pub static KINDS: &[LabKind] = &[
    kind("long-word", "a word of three tokens or more", has_long_word, |_| {
        sentence("The zorblax sleeps.")
    }),
    kind(
        "gru-agrees",
        "a sentence of four words or more that the GRU translates as the Transformer does",
        gru_agrees,
        |_| sentence("The boy ate an apple."),
    ),
    kind(
        "reordered",
        "French words whose strongest English words stand in the opposite order",
        is_reordered,
        |_| sentence("She bought a black dress."),
    ),
    kind(
        "other-noun",
        "one word changed, and the guided head looks elsewhere from the pronoun",
        looks_elsewhere,
        |_| changed_dog(vec![tired()]),
    ),
    kind("needed-head", "one head off, and the French is another", needs_head, |_| {
        changed_dog(vec![without_head()])
    }),
    kind(
        "moved-words",
        "one word changed: two words of the Transformer's French change at most, five of the Elman RNN's at least",
        is_local_change,
        |_| changed_dog(vec![cat()]),
    ),
    kind(
        "kept-pronoun",
        "one head off: the French changes, its pronouns do not",
        keeps_pronoun,
        |_| changed_dog(vec![without_head()]),
    ),
    kind("taught", "the Transformer has learned a different French sentence", is_taught, |_| {
        let french = "Le chien n'a pas bu l'eau parce qu'il avait trop froid.".to_owned();
        let learn = Change::Learn { model: None, steps: 20 };
        changed_dog(vec![Change::Teach(french), learn])
    }),
    kind(
        "previous-head",
        "the head with the largest weight on the token before",
        is_previous_head,
        |c| match previous_head(c) {
            None => changed_dog(vec![]),
            head => Solution { head, ..Solution::default() },
        },
    ),
];

fn sentence(text: &'static str) -> Solution {
    Solution { sentence: Some(text), ..Solution::default() }
}

/// Changes of the sentence that solutions with changes are about.
fn changed_dog(changes: Vec<Change>) -> Solution {
    Solution { changes, ..sentence("The dog didn't drink the water because it was too hot.") }
}

/// The dog, not the water.
fn tired() -> Change {
    Change::Token { position: 11, word: "tired".to_owned() }
}

/// What is drunk is masculine in French.
fn cat() -> Change {
    Change::Token { position: 1, word: "cat".to_owned() }
}

/// The guided head of the Transformer is off.
fn without_head() -> Change {
    Change::Off { scope: "decoder.1.cross_attn".to_owned(), part: Part::Head(0) }
}

/// The kind of that name.
///
/// # Errors
/// If there is none; the message offers the nearest names.
fn find(name: &str) -> Result<&'static LabKind> {
    KINDS.iter().find(|kind| kind.name == name).with_context(|| {
        let near = text::nearest(name, KINDS.iter().map(|kind| kind.name), 3).join(", ");
        format!("no kind of lab `{name}`; the nearest are {near}")
    })
}

/// A step's lab, with its texts.
#[derive(Clone, Debug)]
pub struct Lab {
    kind: &'static LabKind,
    pub hint: Template,
    pub solved: Template,
}

impl Lab {
    /// # Errors
    /// If there is no such kind, or a text is missing.
    pub fn new(kind: &str, hint: Template, solved: Template) -> Result<Self> {
        ensure!(
            !hint.paragraphs.is_empty() && !solved.paragraphs.is_empty(),
            "a lab needs the texts `hint` and `solved`"
        );
        Ok(Self { kind: find(kind)?, hint, solved })
    }

    pub fn is_solved(&self, context: &Context) -> bool {
        (self.kind.is_solved)(context)
    }

    pub fn solution(&self, context: &Context) -> Solution {
        (self.kind.solution)(context)
    }

    /// Whether the solution is one change and the reading has more, which hide what that one does.
    pub fn has_changes_too_many(&self, context: &Context) -> bool {
        self.solution(context).changes.len() == 1 && context.reading.changes.iter().count() > 1
    }

    pub fn hint(&self, context: &Context) -> Vec<Paragraph> {
        fill(&self.hint, context)
    }

    /// What the solution shows.
    pub fn solved(&self, context: &Context) -> Vec<Paragraph> {
        fill(&self.solved, context)
    }
}

fn has_long_word(c: &Context) -> bool {
    let tokens = &c.reading.sentence.tokens;
    tokens.windows(3).any(|three| three[1].continues && three[2].continues)
}

fn output<'a>(c: &Context<'a>, model: ModelName) -> &'a str {
    &c.reading.trace(model).output_text
}

fn gru_agrees(c: &Context) -> bool {
    n_words(&c.reading.sentence.text) >= 4
        && c.reading.plain.is_none()
        && output(c, ModelName::Gru) == output(c, ModelName::Transformer)
}

fn is_reordered(c: &Context) -> bool {
    const LEAST_WEIGHT: f32 = 0.5;
    let Some(site) = c.trace().site("attn.weights") else { return false };
    let tokens = &c.trace().source;
    let is_word = |text: &str| text.chars().all(char::is_alphabetic);
    let strongest = |row: usize| -> Option<usize> {
        let (starts, weights) = by_word(tokens, &site.value.row(0, row));
        let i = argmax(weights.iter().copied())?;
        (weights[i] >= LEAST_WEIGHT && is_word(&word_text(tokens, starts[i]))).then_some(starts[i])
    };
    let words = c.trace().output_rows().into_iter().zip(&c.trace().output);
    let words = words.filter(|(_, token)| !token.continues && is_word(&token.text));
    let keys: Vec<Option<usize>> = words.map(|(row, _)| strongest(row)).collect();
    keys.windows(2).any(|two| matches!(two, [Some(first), Some(second)] if first > second))
}

/// The one change of the reading.
fn only_change<'a>(c: &Context<'a>) -> Option<&'a Change> {
    let mut changes = c.reading.changes.iter();
    changes.next().filter(|_| changes.next().is_none())
}

/// A model's pass without the change, if the one change is another word.
fn before_another_word<'a>(c: &Context<'a>, model: ModelName) -> Option<&'a Trace> {
    let is_word = matches!(only_change(c)?, Change::Token { .. });
    is_word.then(|| c.reading.plain_trace(model))?
}

fn looks_elsewhere(c: &Context) -> bool {
    let Some(before) = before_another_word(c, ModelName::Transformer).filter(|_| has_pronoun(c))
    else {
        return false;
    };
    let now = guided_look(c, c.reading.trace(ModelName::Transformer));
    let pronouns =
        [&c.reading.sentence.tokens, &before.source].map(|tokens| pronoun_in(tokens, c.french()));
    let looks = now.zip(guided_look(c, before));
    let is_moved = |(now, before): (AttendedKey, AttendedKey)| {
        now.key != before.key && may_be_meant(c, &now) && may_be_meant(c, &before)
    };
    pronouns[0] == pronouns[1] && looks.is_some_and(is_moved)
}

fn needs_head(c: &Context) -> bool {
    let is_head = matches!(only_change(c), Some(Change::Off { part: Part::Head(_), .. }));
    let before = c.reading.plain_trace(ModelName::Transformer).filter(|_| is_head);
    before.is_some_and(|before| before.output_text != output(c, ModelName::Transformer))
}

fn keeps_pronoun(c: &Context) -> bool {
    let pronouns = |trace: &Trace| -> Vec<String> {
        let found = all_of(&trace.output, FRENCH_PRONOUNS);
        found.map(|i| word_text(&trace.output, i).to_lowercase()).collect()
    };
    let now = pronouns(c.reading.trace(ModelName::Transformer));
    let before = c.reading.plain_trace(ModelName::Transformer).map(pronouns);
    needs_head(c) && !now.is_empty() && before.is_some_and(|before| before == now)
}

/// How many words of a model's French are not those that it wrote before the one word was changed.
fn n_moved_words(c: &Context, model: ModelName) -> Option<usize> {
    let before: Vec<&str> = before_another_word(c, model)?.output_text.split_whitespace().collect();
    let now: Vec<&str> = output(c, model).split_whitespace().collect();
    // Between words that are the same, others are partners too.
    let partners = aligned(&before, &now).into_iter().zip(&now);
    let n_kept = partners.filter(|(i, word)| i.is_some_and(|i| before[i] == **word)).count();
    Some(before.len().max(now.len()) - n_kept)
}

fn is_local_change(c: &Context) -> bool {
    let n_moved = |model| n_moved_words(c, model).unwrap_or(0);
    has_ten_words(c)
        && (1..=2).contains(&n_moved(ModelName::Transformer))
        && n_moved(ModelName::Elman) >= 5
}

/// Whether the model writes what it was taught, and wrote something else before the first step.
fn is_taught(c: &Context) -> bool {
    let Some(course) = c.reading.known_course(c.step.model) else { return false };
    let output = &c.trace().output;
    course.n_steps > 0 && *output == course.target && *output != course.before
}

fn is_previous_head(c: &Context) -> bool {
    previous_head(c) == Some(LayerHead { layer: c.layer(), head: c.head() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_unique_and_explained() {
        let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len());
        assert!(KINDS.iter().all(|kind| !kind.about.is_empty()));
    }
}
