//! Chapters of steps: their panes, their order and their texts.
//!
//! A lesson is data (assets/lessons): the order of the walk in one file, its texts in one file per language. A step
//! runs no code. Its text has blanks, which are filled with numbers of the current pass: [`template`] parses the
//! markup, [`fact`] is the table of blanks; the phrases that facts use are in the language files too.

mod checked_toml;
pub mod fact;
mod glossary;
pub mod gloss;
mod interface;
pub mod lab;
mod language;
mod order;
mod panes;
mod phrases;
pub mod quiz;
pub mod shelf;
pub mod template;

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;

use crate::{
    analysis::{reading::Reading, trace::Trace},
    engine::site::in_layer,
    model::ModelName,
    text,
};
use fact::Context;
pub use glossary::{GlossaryTerm, mark as mark_terms};
pub(crate) use interface::tr;
use lab::{Lab, Solution};
use language::{CheckpointWords, LanguageWords, StepWords};
pub use language::{Language, PageWords};
use order::{WalkOrder, optional_name};
pub use panes::{PaneKind, PaneSpec};
use phrases::Phrases;
use quiz::{QuizQuestion, QuizTemplate};
use shelf::ShelfSentence;
use template::{Template, TemplatePiece};

static ORDER: &str = include_str!("../assets/lessons/lesson.toml");
static CHECKPOINT: &str = include_str!("../assets/lessons/checkpoint.toml");

/// The user's selection: the layer, head and cell that panes and text refer to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    pub layer: usize,
    pub head: usize,
    /// The cell cursor of the focused pane.
    pub row: usize,
    pub col: usize,
}

impl Selection {
    /// The same query and key in the axes of another pane: most panes have queries in rows and keys in columns, some
    /// have a plane per query, with keys in rows.
    #[must_use]
    pub const fn swap_axes(self, from_planes: bool, to_planes: bool) -> Self {
        let Self { head, row, col, .. } = self;
        match (from_planes, to_planes) {
            (false, true) => Self { head: row, row: col, col: 0, ..self },
            (true, false) => Self { head: 0, row: head, col: row, ..self },
            (true, true) | (false, false) => self,
        }
    }
}

/// A head by its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerHead {
    pub layer: usize,
    pub head: usize,
}

/// The row that a step starts from, if the user has not picked one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartRow {
    First,
    Last,
    /// Two before the last: the sentence's last word is still to come.
    Late,
    /// The row at which the model was least sure of its output.
    Unsure,
    /// The row of `it` or `they` in the source, of the output position that writes its translation in the target;
    /// without one, the last word of the source, and the position that writes the word the model was least sure of.
    Pronoun,
}

/// One screen of the walk.
#[derive(Clone, Debug)]
pub struct Step {
    /// Stable, unique, kebab-case: for `--at`, file names and links.
    pub id: String,
    pub title: String,
    pub model: ModelName,
    pub formula: String,
    /// The paper and its equation or section.
    pub source: String,
    pub panes: Vec<PaneSpec>,
    pub text: Template,
    /// Further paragraphs with more detail; empty if there are none.
    pub deeper: Template,
    /// Whether the short tour stops here.
    pub in_tour: bool,
    /// The question asked before the step shows its answer.
    pub ask: Option<QuizTemplate>,
    /// The task that the program checks.
    pub lab: Option<Lab>,
    /// Hints: the initial selection.
    pub row: Option<StartRow>,
    pub layer: Option<usize>,
    pub head: Option<usize>,
    /// Ids of earlier steps that are now part of this one.
    merged: Vec<String>,
    /// Sites that the pass must have, and must not have.
    needs: Vec<String>,
    without: Vec<String>,
    /// The phrases of the lesson's language, for its facts.
    phrases: Arc<Phrases>,
}

impl Step {
    /// The model of one of its panes.
    pub fn model_of(&self, pane: &PaneSpec) -> ModelName {
        pane.model.unwrap_or(self.model)
    }

    /// Whether a pass has the sites of the step in any of some layers. Where the layer of the step before is none of
    /// them, the step begins in the first that is.
    fn fit(&mut self, trace: &Trace, layers: &[usize], here: &mut usize) -> bool {
        if self.fits_layer(trace, self.layer.unwrap_or(*here)) {
            *here = self.layer.unwrap_or(*here);
            return true;
        }
        let first = layers.iter().copied().find(|&layer| self.fits_layer(trace, layer));
        self.layer = first.or(self.layer);
        *here = self.layer.unwrap_or(*here);
        first.is_some()
    }

    /// Whether a layer of a pass has the sites of the panes, those in `needs`, and none of those in `without`.
    fn fits_layer(&self, trace: &Trace, layer: usize) -> bool {
        let has = |path: &String| trace.layer_has(path, layer);
        let mut panes = self.panes.iter().filter_map(|pane| pane.site.as_ref());
        panes.all(has) && self.needs.iter().all(has) && !self.without.iter().any(has)
    }

    /// The layer nearest to this one that has the step's sites; the layer itself if none has.
    pub fn layer_near(&self, trace: &Trace, layer: usize) -> usize {
        if self.fits_layer(trace, layer) {
            return layer;
        }
        let others =
            trace.known_layers().into_iter().filter(|&other| self.fits_layer(trace, other));
        others.min_by_key(|other| other.abs_diff(layer)).unwrap_or(layer)
    }

    /// Whether the step shows a changed pass: changes may apply to models that it does not show.
    pub fn shows_change(&self, reading: &Reading) -> bool {
        let is_recorded = self.panes.iter().all(|pane| pane.kind.is_recorded());
        let mut models = self.panes.iter().map(|pane| self.model_of(pane)).chain([self.model]);
        !is_recorded && models.any(|model| reading.is_changed(model))
    }

    /// The text in front of a changed pass, or of another sentence's; it says so if the step's attention has its mask off.
    pub fn changed_pass(&self, reading: &Reading, selection: &Selection) -> String {
        let is_unmasked = Context::new(self, reading, selection).is_unmasked();
        let mask_off = if is_unmasked { self.phrases.mask_off() } else { String::new() };
        let what = match reading.changes.against() {
            Some(sentence) => self.phrases.other_pass(sentence),
            None => self.phrases.changed_pass(),
        };
        what + &mask_off
    }

    /// The selection when the step is entered: its hints, else the selection before.
    pub fn start(&self, reading: &Reading, before: Selection) -> Selection {
        let wanted = Selection {
            layer: self.layer.unwrap_or(before.layer),
            head: self.head.unwrap_or(before.head),
            ..before
        };
        let row = self.row.map(|row| Context::new(self, reading, &wanted).start_row(row));
        Selection { row: row.unwrap_or(before.row), ..wanted }
    }
}

/// A titled group of steps.
#[derive(Clone, Debug)]
pub struct Chapter {
    pub title: String,
    pub steps: Vec<Step>,
}

/// The whole walk, in one language.
#[derive(Clone, Debug)]
pub struct Lesson {
    pub language: Language,
    pub chapters: Vec<Chapter>,
    pub glossary: Vec<GlossaryTerm>,
    /// Sentences worth reading; none in a checkpoint's walk.
    pub shelf: Vec<ShelfSentence>,
    /// The texts of an exported page.
    pub page: Arc<PageWords>,
}

impl Lesson {
    /// The lesson in the binary.
    ///
    /// # Errors
    /// If an embedded file is damaged; the message names the place.
    pub fn embedded(language: Language) -> Result<Self> {
        let file = || format!("the embedded lesson {language} does not load");
        Self::parse(language, ORDER, language.words()).with_context(file)
    }

    /// The lesson for checkpoints, with the steps for all kinds of models; [`Self::fitting`] keeps those that apply.
    ///
    /// # Errors
    /// As for [`Self::embedded`].
    pub fn for_checkpoint(language: Language) -> Result<Self> {
        let shared: LanguageWords = checked_toml::read(language.words())?;
        let checkpoint_words: CheckpointWords = checked_toml::read(language.checkpoint_words())?;
        let words = LanguageWords {
            chapters: checkpoint_words.chapters,
            steps: checkpoint_words.steps,
            glossary: glossary::with(shared.glossary, checkpoint_words.glossary),
            ..shared
        };
        let file = || format!("the embedded lesson {language} for checkpoints does not load");
        Self::assemble(language, checked_toml::read(CHECKPOINT)?, words).with_context(file)
    }

    /// The lesson with only those steps whose sites a pass has, each beginning in a layer that has them.
    #[must_use]
    pub fn fitting(mut self, trace: &Trace) -> Self {
        let (layers, mut here) = (trace.known_layers(), 0);
        for chapter in &mut self.chapters {
            chapter.steps.retain_mut(|step| step.fit(trace, &layers, &mut here));
        }
        self.chapters.retain(|chapter| !chapter.steps.is_empty());
        self
    }

    /// The lesson without panes that [`PaneKind::is_measured_here`], in steps that have others.
    #[must_use]
    pub fn without_measured_panes(mut self) -> Self {
        let is_kept = |pane: &PaneSpec| !pane.kind.is_measured_here();
        let steps = self.chapters.iter_mut().flat_map(|chapter| &mut chapter.steps);
        for step in steps.filter(|step| step.panes.iter().any(is_kept)) {
            step.panes.retain(is_kept);
        }
        self
    }

    /// Builds a lesson from the order of the walk and the texts of a language.
    ///
    /// # Errors
    /// If a file does not parse, a step has no texts, texts have no step, or a blank names no fact; the message names
    /// the place.
    pub fn parse(language: Language, order: &str, words: &str) -> Result<Self> {
        let order = checked_toml::read(order).context("the order of the lesson")?;
        Self::assemble(language, order, checked_toml::read(words)?)
    }

    fn assemble(language: Language, order: WalkOrder, mut words: LanguageWords) -> Result<Self> {
        let phrases = Arc::new(words.phrases.clone());
        let chapters = order.chapters.into_iter().map(|c| chapter(c, &mut words, &phrases));
        let chapters: Vec<Chapter> = chapters.collect::<Result<_>>()?;
        if let Some(id) = words.steps.keys().chain(words.chapters.keys()).next() {
            bail!("there are words for `{id}`, which is not in the lesson");
        }
        let shelf = shelf::assemble(order.shelf, &words.shelf)?;
        let glossary = words.glossary;
        let lesson = Self { language, chapters, glossary, shelf, page: words.page.into() };
        for (_, step) in lesson.steps() {
            let question_facts =
                step.ask.iter().flat_map(|a| a.question.facts().chain(a.reveal.facts()));
            let lab_facts =
                step.lab.iter().flat_map(|lab| lab.hint.facts().chain(lab.solved.facts()));
            let texts = step.text.facts().chain(step.deeper.facts());
            for name in texts.chain(question_facts).chain(lab_facts) {
                fact::find(name).with_context(|| format!("step {}", step.id))?;
            }
        }
        Ok(lesson)
    }

    /// Every step in order, with the index of its chapter.
    pub fn steps(&self) -> Vec<(usize, &Step)> {
        let chapters = self.chapters.iter().enumerate();
        chapters.flat_map(|(i, chapter)| chapter.steps.iter().map(move |step| (i, step))).collect()
    }

    /// A step, with the index of its chapter.
    ///
    /// # Panics
    /// If there is no such step.
    pub fn step(&self, index: usize) -> (usize, &Step) {
        let mut before = 0;
        for (chapter, Chapter { steps, .. }) in self.chapters.iter().enumerate() {
            if let Some(step) = steps.get(index - before) {
                return (chapter, step);
            }
            before += steps.len();
        }
        panic!("the lesson has {before} steps, none with index {index}")
    }

    /// The initial selection at a step: its own hints, else those of the nearest step before it that has any. It does
    /// not depend on how the user reached the step.
    ///
    /// # Panics
    /// If there is no such step.
    pub fn start(&self, step: usize, reading: &Reading) -> Selection {
        let steps = self.steps();
        let nearest = |index: usize, hint: fn(&Step) -> Option<usize>| {
            steps[..=index].iter().rev().find_map(|(_, step)| hint(step)).unwrap_or_default()
        };
        let without_row = |index: usize| Selection {
            layer: nearest(index, |step| step.layer),
            head: nearest(index, |step| step.head),
            ..Selection::default()
        };
        let with_row = steps[..=step].iter().rposition(|(_, step)| step.row.is_some());
        let row = with_row.map(|index| steps[index].1.start(reading, without_row(index)).row);
        Selection { row: row.unwrap_or_default(), ..without_row(step) }
    }

    /// The name of a step's file, without an ending: `045-it-looks`; names sort in the order of the walk.
    ///
    /// # Panics
    /// If there is no such step.
    pub fn file_stem(&self, step: usize) -> String {
        format!("{:03}-{}", step + 1, self.step(step).1.id)
    }

    /// The index of a step in [`Self::steps`], by its id or that of a step that is now part of it, or by its number
    /// counted from 1 as on the screen.
    ///
    /// # Errors
    /// If there is none; the message offers near ids, or says which numbers there are.
    pub fn find(&self, id: &str) -> Result<usize> {
        let steps = self.steps();
        let has_id = |step: &Step| step.id == id || step.merged.iter().any(|merged| merged == id);
        let by_id = steps.iter().position(|(_, step)| has_id(step));
        let by_number = || id.parse::<usize>().ok()?.checked_sub(1).filter(|i| *i < steps.len());
        by_id.or_else(by_number).ok_or_else(|| {
            let near = match id.parse::<i64>() {
                Ok(_) => format!("; steps are 1 to {}", steps.len()),
                Err(_) => {
                    text::near_clause(id, steps.iter().map(|(_, s)| s.id.as_str()), 3).to_string()
                }
            };
            let id = text::shown(id);
            anyhow!("no step `{id}`{near}; `lookback steps` lists them all")
        })
    }
}

/// A piece of narration in one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub text: String,
    /// The site that the text names; it has the colour of that site's pane.
    pub site: Option<String>,
    pub strong: bool,
    /// The first mention of a term of the glossary.
    pub is_term: bool,
}

/// Spans that are wrapped together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paragraph {
    pub spans: Vec<Span>,
}

/// The row of the step's logit lens; None if it has no such pane. Screens compute the lens in the background, frames
/// and linear text at once.
pub fn looks_through(step: &Step, reading: &Reading, selection: &Selection) -> Option<usize> {
    let has_lens = step.panes.iter().any(|pane| pane.kind.has_lens());
    has_lens.then(|| Context::new(step, reading, selection).row())
}

/// The step's text with its blanks filled from this pass.
pub fn narrate(step: &Step, reading: &Reading, selection: &Selection) -> Vec<Paragraph> {
    fill(&step.text, &Context::new(step, reading, selection))
}

/// The step's further paragraphs with their blanks filled; empty if there are none.
pub fn deepen(step: &Step, reading: &Reading, selection: &Selection) -> Vec<Paragraph> {
    fill(&step.deeper, &Context::new(step, reading, selection))
}

/// The step's question about this pass; None if it has none, or the pass has no clear answer.
pub fn question(step: &Step, reading: &Reading, selection: &Selection) -> Option<QuizQuestion> {
    step.ask.as_ref()?.instantiate(&Context::new(step, reading, selection))
}

/// Whether the step's lab is solved by this pass and selection; false if it has none.
pub fn is_lab_solved(step: &Step, reading: &Reading, selection: &Selection) -> bool {
    let context = Context::new(step, reading, selection);
    step.lab.as_ref().is_some_and(|lab| lab.is_solved(&context))
}

/// Whether more changes are made than the step's lab looks at.
pub fn has_changes_too_many(step: &Step, reading: &Reading, selection: &Selection) -> bool {
    let context = Context::new(step, reading, selection);
    step.lab.as_ref().is_some_and(|lab| lab.has_changes_too_many(&context))
}

/// What solves the step's lab; None if it has none.
pub fn lab_solution(step: &Step, reading: &Reading, selection: &Selection) -> Option<Solution> {
    Some(step.lab.as_ref()?.solution(&Context::new(step, reading, selection)))
}

/// The text of the step's lab: what the solution shows if `is_solved`, else the hint. Empty without a lab.
pub fn lab_text(
    step: &Step,
    reading: &Reading,
    selection: &Selection,
    is_solved: bool,
) -> Vec<Paragraph> {
    let context = Context::new(step, reading, selection);
    let text = |lab: &Lab| if is_solved { lab.solved(&context) } else { lab.hint(&context) };
    step.lab.as_ref().map_or_else(Vec::new, text)
}

/// The paragraphs of a template with its blanks filled.
fn fill(template: &Template, context: &Context) -> Vec<Paragraph> {
    let text_of = |piece: &TemplatePiece| match piece {
        TemplatePiece::Words(words) => words.clone(),
        TemplatePiece::Fact(name) => {
            fact::find(name).map_or_else(|_| "?".into(), |f| f.text(context))
        }
    };
    let span = |mark: &template::MarkedText| Span {
        text: mark.pieces.iter().map(text_of).collect(),
        site: mark.site.as_ref().map(|site| in_layer(site, context.layer())),
        strong: mark.strong,
        is_term: false,
    };
    let paragraph =
        |marks: &Vec<template::MarkedText>| Paragraph { spans: marks.iter().map(span).collect() };
    template.paragraphs.iter().map(paragraph).collect()
}

fn chapter(
    order: order::ChapterOrder,
    words: &mut LanguageWords,
    phrases: &Arc<Phrases>,
) -> Result<Chapter> {
    let no_title = || format!("chapter {} has no title", order.id);
    let title = words.chapters.remove(&order.id).with_context(no_title)?;
    let steps = order.steps.into_iter().map(|step| {
        let no_words = || format!("step {} has no words", step.id);
        let words = words.steps.remove(&step.id).with_context(no_words)?;
        build_step(step, words, Arc::clone(phrases))
    });
    Ok(Chapter { title, steps: steps.collect::<Result<_>>()? })
}

fn build_step(step: order::StepOrder, words: StepWords, phrases: Arc<Phrases>) -> Result<Step> {
    let order::StepOrder {
        id,
        merged,
        model,
        panes,
        row,
        layer,
        head,
        needs,
        without,
        in_tour,
        ask,
        lab,
    } = step;
    let StepWords { title, formula, source, text, deeper, question, options, reveal, hint, solved } =
        words;
    let asked = ask.map(|kind| QuizTemplate::new(&kind, question, options, reveal));
    let ask = asked.transpose().with_context(|| format!("step {id}"))?;
    let lab = lab.map(|kind| Lab::new(&kind, hint, solved)).transpose();
    let lab = lab.with_context(|| format!("step {id}"))?;
    Ok(Step {
        id,
        title,
        model,
        formula,
        source,
        panes,
        text,
        deeper,
        in_tour,
        ask,
        lab,
        row,
        layer,
        head,
        merged,
        needs,
        without,
        phrases,
    })
}
