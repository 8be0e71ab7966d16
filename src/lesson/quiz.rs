//! Questions asked before a step shows its answer: a table of kinds, a line each.
//!
//! A kind finds its options and the right one in the current pass; none are stored. The texts are in the language
//! files. A pass without a clear answer (one word only, a tie) has no question.

use std::ops::Range;

use anyhow::{Context as _, Result, ensure};

use super::{
    Paragraph,
    fact::{
        Context,
        attention::{keys, looks, nouns_before_pronoun, previous_weights},
        compare::by_word,
        layer::sum_parts,
    },
    fill,
    template::Template,
};
use crate::{
    analysis::{
        measure::{
            attention::strongest,
            schedule::{built_in, schedule},
        },
        trace::Recorded,
    },
    engine::{
        math::{largest, length},
        value::Cell,
    },
    model::{
        ModelName,
        layer::{attention, feed_forward},
    },
    text::{self, Token, word_at},
};

/// Maximum number of words or tokens to choose from.
const MAX_CHOICES: usize = 4;

/// The options of a question, and the right one in this pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiz {
    /// Empty if the lesson's own texts are the options.
    pub options: Vec<String>,
    /// Index of the right one.
    pub right: usize,
}

/// A kind of quiz question.
#[derive(Debug)]
pub struct QuizKind {
    pub name: &'static str,
    /// What it asks, for authors of lessons.
    pub about: &'static str,
    /// Number of options that the lesson gives as texts; 0 if they come from the pass.
    pub n_lesson_options: usize,
    pub ask: fn(&Context) -> Option<Quiz>,
}

const fn kind(
    name: &'static str,
    about: &'static str,
    n_lesson_options: usize,
    ask: fn(&Context) -> Option<Quiz>,
) -> QuizKind {
    QuizKind { name, about, n_lesson_options, ask }
}

pub static KINDS: &[QuizKind] = &[
    kind("read-back", "how many words the probes give back", 0, read_back),
    kind("better-memory", "the Elman RNN, the GRU, or both alike", 3, better_memory),
    kind("forgetting", "the word with the largest derivative of the last state", 0, forgetting),
    kind("steps-in-a-row", "how often an RNN waits", 0, steps_in_a_row),
    kind("next-token", "the likeliest token after the selected row", 0, next_token),
    kind("strongest-key", "what the selected word looks at most", 0, strongest_key),
    kind(
        "noun-of-pronoun",
        "the same; of a pronoun, the nouns before it are among the choices",
        0,
        noun_of_pronoun,
    ),
    kind("previous-head", "the head that looks most at the token before", 0, previous_head),
    kind("rank-kept", "whether softmax keeps the largest score largest: yes, no", 2, rank_kept),
    kind("longer-part", "the row before, or what attention adds", 2, longer_part),
    kind("silent", "share of silent detectors, in quarters", 0, silent),
    kind("open-cells", "cells of the selected row that the mask leaves open", 0, open_cells),
    kind("agreeing", "how many other models wrote what the Transformer wrote", 0, agreeing),
    kind("costliest", "the word of the output with the highest cross-entropy", 0, costliest),
    kind("influence", "the word with most influence on the step's model's output", 0, influence),
];

/// The kind of that name.
///
/// # Errors
/// If there is none; the message offers the nearest names.
pub fn find(name: &str) -> Result<&'static QuizKind> {
    KINDS.iter().find(|kind| kind.name == name).with_context(|| {
        let near = text::nearest(name, KINDS.iter().map(|k| k.name), 3).join(", ");
        format!("no question `{name}`; the nearest are {near}")
    })
}

/// A step's question, in the lesson's language.
#[derive(Clone, Debug)]
pub struct QuizTemplate {
    pub kind: &'static QuizKind,
    pub question: Template,
    pub options: Vec<String>,
    /// Shown after the answer, with the numbers of the pass.
    pub reveal: Template,
}

impl QuizTemplate {
    /// Checks the texts against the kind of question.
    ///
    /// # Errors
    /// If the texts do not fit the kind.
    pub fn new(
        kind: &str,
        question: Template,
        options: Vec<String>,
        reveal: Template,
    ) -> Result<Self> {
        let kind = find(kind)?;
        ensure!(!question.source.is_empty(), "`{}` has no question in words", kind.name);
        ensure!(!reveal.source.is_empty(), "`{}` reveals nothing", kind.name);
        let (n, wanted) = (options.len(), kind.n_lesson_options);
        ensure!(n == wanted, "`{}` has {n} options in words, {wanted} are needed", kind.name);
        Ok(Self { kind, question, options, reveal })
    }

    /// The question for this pass and this selection; None without a clear answer.
    pub fn instantiate(&self, context: &Context) -> Option<QuizQuestion> {
        let Quiz { options, right } = (self.kind.ask)(context)?;
        let options = if self.kind.n_lesson_options > 0 { self.options.clone() } else { options };
        let question = fill(&self.question, context);
        Some(QuizQuestion { question, options, right, reveal: fill(&self.reveal, context) })
    }
}

/// A question with its options and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuizQuestion {
    pub question: Vec<Paragraph>,
    pub options: Vec<String>,
    pub right: usize,
    pub reveal: Vec<Paragraph>,
}

/// Asks for the largest of `values`: at most [`MAX_CHOICES`] of them in their own order. None if the largest is not
/// clear.
fn choice(values: &[f32], name: impl Fn(usize) -> String) -> Option<Quiz> {
    let order = clear_order(values)?;
    chosen(&order[..order.len().min(MAX_CHOICES)], name)
}

/// Asks for the token with the largest of `values`: offers it, then the next largest, one token of each word.
fn token_choice(c: &Context, tokens: &[Token], values: &[f32]) -> Option<Quiz> {
    let mut best: Vec<usize> = vec![];
    for i in clear_order(values)? {
        let is_in = |word: Range<usize>| best.iter().any(|other| word.contains(other));
        if best.len() < MAX_CHOICES && i < tokens.len() && !is_in(word_at(tokens, i)) {
            best.push(i);
        }
    }
    chosen(&best, |i| c.phrases.quoted_token(tokens, i))
}

/// The indices of these values, the largest first; None if the largest is not clear.
fn clear_order(values: &[f32]) -> Option<Vec<usize>> {
    let order = largest(values, values.len());
    let is_clear = !values.iter().any(|v| v.is_nan())
        && matches!(order[..], [first, second, ..] if values[first] > values[second]);
    is_clear.then_some(order)
}

/// Asks for the first of these indices; the options stand in ascending order.
fn chosen(offered: &[usize], name: impl Fn(usize) -> String) -> Option<Quiz> {
    let first = *offered.first()?;
    let mut best = offered.to_vec();
    best.sort_unstable();
    let options = best.iter().map(|&i| name(i)).collect();
    let right = best.iter().position(|&i| i == first)?;
    (best.len() > 1).then_some(Quiz { options, right })
}

/// Asks for a number: all of them in ascending order.
fn numbers(right: usize, others: &[usize]) -> Option<Quiz> {
    let mut all = [others, &[right]].concat();
    all.sort_unstable();
    all.dedup();
    let right = all.iter().position(|&n| n == right)?;
    (all.len() > 1).then(|| Quiz { options: all.iter().map(ToString::to_string).collect(), right })
}

/// Asks for a count: `0 to n` in at most four ranges, one of which holds the count.
fn ranges(count: usize, n: usize) -> Option<Quiz> {
    let n_ranges = MAX_CHOICES.min(n + 1);
    let from = |i: usize| i * (n + 1) / n_ranges;
    let range = |i: usize| match (from(i), from(i + 1) - 1) {
        (low, high) if low == high => low.to_string(),
        (low, high) => format!("{low} – {high}"),
    };
    let right = (0..n_ranges).find(|&i| count < from(i + 1))?;
    (n > 1).then(|| Quiz { options: (0..n_ranges).map(range).collect(), right })
}

fn n_words(c: &Context) -> usize {
    c.reading.sentence.tokens.len()
}

fn n_right(c: &Context, model: ModelName) -> usize {
    c.reading.read_back(model).iter().filter(|a| a.is_right).count()
}

fn read_back(c: &Context) -> Option<Quiz> {
    ranges(c.read_back().iter().filter(|a| a.is_right).count(), c.read_back().len())
}

fn better_memory(c: &Context) -> Option<Quiz> {
    let (elman, gru) = (n_right(c, ModelName::Elman), n_right(c, ModelName::Gru));
    let right = match elman.cmp(&gru) {
        std::cmp::Ordering::Greater => 0,
        std::cmp::Ordering::Less => 1,
        std::cmp::Ordering::Equal => 2,
    };
    (n_words(c) > 1).then(|| Quiz { options: vec![], right })
}

fn forgetting(c: &Context) -> Option<Quiz> {
    let norms = &c.reading.forgetting()?.get(&c.step.model)?.norms;
    token_choice(c, &c.reading.sentence.tokens, norms)
}

fn influence(c: &Context) -> Option<Quiz> {
    let tokens = &c.reading.sentence.tokens;
    let (starts, words) = by_word(tokens, &c.reading.influence()?.get(&c.step.model)?.norms);
    choice(&words, |i| c.phrases.quoted_word(tokens, starts[i]))
}

fn costliest(c: &Context) -> Option<Quiz> {
    // The numbers of the step are then those of another target.
    if c.reading.changes.taught().is_some() {
        return None;
    }
    token_choice(c, &c.trace().output, &c.reading.output_costs(c.step.model))
}

fn steps_in_a_row(c: &Context) -> Option<Quiz> {
    let n = n_words(c);
    let steps = |model| schedule(model, built_in(n)).sequential;
    let others = [1, steps(ModelName::Transformer), n * n];
    (n > 1).then(|| numbers(steps(ModelName::Elman), &others))?
}

fn next_token(c: &Context) -> Option<Quiz> {
    let site = c.trace().probs()?;
    let row = c.row_of(site)?;
    // Tokens that differ only in a leading space may look alike to the user.
    let mut words: Vec<String> = vec![];
    for i in largest(&row, 2 * MAX_CHOICES) {
        let word = c.phrases.quote(&c.trace().label_in_row(site, site.axes()[2], i, c.row()));
        if !words.contains(&word) && words.len() < MAX_CHOICES {
            words.push(word);
        }
    }
    let likeliest = words.first()?.clone();
    words.sort();
    let right = words.iter().position(|word| *word == likeliest)?;
    (words.len() > 1).then_some(Quiz { options: words, right })
}

/// The selected row of the selected head.
fn row_in_head(c: &Context, site: &Recorded) -> Option<Vec<f32>> {
    let cell = Cell::new(c.head().min(site.shape().planes.checked_sub(1)?), c.row(), 0);
    site.shape().holds(cell).then(|| site.value.row(cell.plane, cell.row))
}

/// Asks where the selected head looks most: offers that, then the words of these tokens, then the next largest weights.
fn look_choice(c: &Context, offered: &[usize]) -> Option<Quiz> {
    let looks = looks(c, c.head());
    let is_clear = matches!(&looks[..], [first, second, ..] if first.weight > second.weight);
    let word_of =
        |&token: &usize| looks.iter().map(|look| look.key).filter(|key| *key <= token).max();
    let first = looks.first().map(|look| look.key).into_iter();
    let all =
        first.chain(offered.iter().filter_map(word_of)).chain(looks.iter().map(|look| look.key));
    let mut best: Vec<usize> = vec![];
    for key in all {
        if best.len() < MAX_CHOICES && !best.contains(&key) {
            best.push(key);
        }
    }
    chosen(&best, |key| c.phrases.quoted_word(keys(c), key)).filter(|_| is_clear)
}

fn strongest_key(c: &Context) -> Option<Quiz> {
    look_choice(c, &[])
}

fn noun_of_pronoun(c: &Context) -> Option<Quiz> {
    let weights = row_in_head(c, c.beside(&attention::WEIGHTS)?)?;
    look_choice(c, &nouns_before_pronoun(c, &weights))
}

fn previous_head(c: &Context) -> Option<Quiz> {
    choice(&previous_weights(c), |head| head.to_string())
}

fn rank_kept(c: &Context) -> Option<Quiz> {
    let site = c.beside(&attention::SCALED)?;
    let scores = row_in_head(c, site)?;
    let best = *largest(&scores, 1).first()?;
    let head = c.head().min(site.shape().planes - 1);
    let look = strongest(c.trace(), c.beside(&attention::WEIGHTS)?.path(), head, c.row())?;
    (scores.len() > 1).then(|| Quiz { options: vec![], right: usize::from(look.key != best) })
}

fn longer_part(c: &Context) -> Option<Quiz> {
    let (before, added) = sum_parts(c)?;
    Some(Quiz { options: vec![], right: usize::from(length(&added) > length(&before)) })
}

fn silent(c: &Context) -> Option<Quiz> {
    let row = c.row_beside(&feed_forward::HIDDEN)?;
    ranges(row.iter().filter(|&&x| x == 0.0).count(), row.len())
}

fn open_cells(c: &Context) -> Option<Quiz> {
    let row = row_in_head(c, c.beside(&attention::MASKED)?)?;
    let n = row.len();
    let open = row.iter().filter(|x| **x != f32::NEG_INFINITY).count();
    numbers(open, &[0, n / 2, n])
}

fn agreeing(c: &Context) -> Option<Quiz> {
    let written = |name| &c.reading.trace(name).output_text;
    let others =
        [ModelName::TransformerUnguided, ModelName::RnnAttention, ModelName::Gru, ModelName::Elman];
    let same =
        others.into_iter().filter(|&n| written(n) == written(ModelName::Transformer)).count();
    numbers(same, &[0, 1, 2, 3, 4])
}
