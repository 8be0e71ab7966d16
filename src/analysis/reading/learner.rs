//! Models that can be taught: what they learn about the sentence, and what they forget meanwhile.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;

use super::Reading;
use crate::{
    analysis::evidence::{
        Run, Score, WordAtRow,
        learner::{BeforeAfter, Learner, Optimizer},
    },
    engine::{
        change::{Changes, Learned},
        site::Axis,
    },
    model::{Model, ModelName},
    text::{self, Refusal, refusal},
};

/// 20 held-out sentences of the grammar and their French, a tab between.
static HELD_OUT: &str = include_str!("../../../assets/models/held_out.tsv");

const NOTHING_TO_LEARN_FROM: &str = "the model gives no logits to learn from";

/// What the words are that a model is taught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// What a translator should write.
    Written,
    /// What stands at the masked positions.
    Masked,
    /// The sentence's own next words.
    NextWords,
}

impl TargetKind {
    /// Whether a person can say what the words are.
    pub fn is_given(self) -> bool {
        self != Self::NextWords
    }
}

impl Reading {
    /// A model that is taught: what it should write about this sentence, the words that are masked in it, or else the
    /// sentence's own next words.
    ///
    /// # Errors
    /// If the target is empty, too long, or not what is masked, or if the model cannot be taught so.
    pub fn learner(
        &self,
        name: ModelName,
        target: Option<&str>,
        optimizer: Optimizer,
        rate: f32,
    ) -> Result<Learner> {
        let own = self.run(name, None)?;
        let (run, wanted) = match self.target_kind(name)? {
            TargetKind::Written => self.forced_to_write(name, own, target)?,
            TargetKind::Masked => {
                let wanted = self.masked_words(&own, target)?;
                (own, wanted)
            }
            TargetKind::NextWords => {
                ensure!(target.is_none(), takes_no_target());
                let wanted = next_words(&own, &own.ids);
                (own, wanted)
            }
        };
        ensure!(
            !wanted.is_empty(),
            refusal!(
                "there is nothing to learn: one token has no next one; give a longer sentence"
            )
        );
        Learner::new(run, wanted, optimizer, rate).context(NOTHING_TO_LEARN_FROM)
    }

    /// What the words are that a model of this reading is taught.
    ///
    /// # Errors
    /// If it has no words to learn, such as one that sorts texts into classes.
    pub fn target_kind(&self, name: ModelName) -> Result<TargetKind> {
        let trace = self.trace(name);
        if !trace.target.is_empty() {
            return Ok(TargetKind::Written);
        }
        if trace.is_masked_lm() {
            return Ok(TargetKind::Masked);
        }
        let has_words = trace.logits().is_some_and(|logits| logits.axes()[2] == Axis::Vocab);
        ensure!(
            has_words,
            refusal!(
                "the model writes no words, so there are none to learn; give one that writes or completes text"
            )
        );
        Ok(TargetKind::NextWords)
    }

    /// Whether a model that learns masked words has none to learn in this sentence.
    pub fn lacks_mask(&self, name: ModelName) -> bool {
        self.target_kind(name).is_ok_and(|kind| kind == TargetKind::Masked)
            && self.tokenizer.masked(&self.sentence).is_empty()
    }

    /// A run that reads what it should write (by default its own output), and each of these words with its row.
    fn forced_to_write(
        &self,
        name: ModelName,
        own: Run,
        target: Option<&str>,
    ) -> Result<(Run, Vec<WordAtRow>)> {
        let model = self.asked_model(name)?;
        let end = model.ends().first().copied();
        let words = match target {
            None => own.pass.output,
            Some(text) => {
                model.given(self.tokenizer.target(text)?).into_iter().chain(end).collect()
            }
        };
        let read = words[..words.len().saturating_sub(1)].to_vec();
        Ok((self.run(name, Some(read))?, at_rows(0.., words)))
    }

    /// The masked positions, each with the word of the target that stands there, or else with the model's own. The
    /// target's first word may be one with the mark of its space; the likelier is meant.
    fn masked_words(&self, own: &Run, target: Option<&str>) -> Result<Vec<WordAtRow>> {
        let rows = self.tokenizer.masked(&self.sentence);
        ensure!(
            !rows.is_empty(),
            refusal!(
                "the model learns masked words: mask a word, as in \"The {mask} sleeps.\", and give it as the target",
                mask = self.tokenizer.mask()
            )
        );
        let Some(text) = target else {
            return Ok(at_rows(rows, own.pass.output.iter().copied()));
        };
        let forms = [text.to_owned(), format!(" {text}")].map(|form| self.tokenizer.target(&form));
        let [plain, spaced] = forms;
        let n_given = plain.as_ref().map_or(0, Vec::len);
        let placed = |words: Vec<u32>| at_rows(rows.iter().copied(), words);
        let fitting = [plain?, spaced?].into_iter().filter(|words| words.len() == rows.len());
        let likelihood = |words: &Vec<WordAtRow>| {
            Score::LogProbability(words.clone()).of_run(own).unwrap_or(f32::NEG_INFINITY)
        };
        let likelier =
            fitting.map(placed).rev().max_by(|a, b| likelihood(a).total_cmp(&likelihood(b)));
        let refused = || {
            refusal!(
                "the target has as many tokens as are masked: \"{text}\" has {n_given}, masked are {n_masked}; write a mask for each, or give another target",
                text = text::shown(text),
                n_given,
                n_masked = rows.len()
            )
        };
        Ok(likelier.ok_or_else(refused)?)
    }

    /// A pass of a model with other weights over this sentence; a decoder writes its own output.
    ///
    /// # Errors
    /// If the reading has no such model.
    pub fn run_with(&self, name: ModelName, learned: &Arc<Learned>) -> Result<Run> {
        let changes = Arc::new(self.changes.with_weights(Arc::clone(learned)));
        Ok(Run::new(self.asked_model(name)?, &self.sentence.ids(), &changes, None))
    }

    /// The mean loss on the held-out sentences, with a built-in model's own weights and with others: what it forgot.
    /// None for a checkpoint, whose training is unknown.
    pub fn held_out_losses(
        &self,
        name: ModelName,
        learned: &Arc<Learned>,
    ) -> Option<BeforeAfter<f32>> {
        let before = self.held_out_loss(name, &Arc::default())?;
        Some(BeforeAfter { before, after: self.held_out_loss(name, learned)? })
    }

    /// The mean loss on the held-out sentences with these weights in place of a built-in model's own.
    pub(super) fn held_out_loss(&self, name: ModelName, learned: &Arc<Learned>) -> Option<f32> {
        let model = self.model(name).filter(|_| name != ModelName::Checkpoint)?;
        let changes = Arc::new(Changes::default().with_weights(Arc::clone(learned)));
        let lines: Vec<&str> = HELD_OUT.lines().collect();
        let loss = |line: &&str| self.loss_on(model, line, &changes);
        let losses = lines.par_iter().map(loss).collect::<Option<Vec<f32>>>()?;
        Some(losses.iter().sum::<f32>() / losses.len() as f32)
    }

    /// The mean cross-entropy of a line's French after its English; of its English for a model that only reads.
    fn loss_on(&self, model: &dyn Model, line: &str, changes: &Arc<Changes>) -> Option<f32> {
        let (english, french) = line.split_once('\t')?;
        let [read, say] = [english, french].map(|text| self.tokenizer.encode(text).ok());
        let (read, mut say) = (read?, say?);
        let n_said = say.len();
        let run = Run::new(model, &read, changes, Some(say.clone()));
        let words = if run.reads_only() {
            next_words(&run, &read)
        } else {
            say.extend(model.ends().first().copied());
            at_rows(0..=n_said, say)
        };
        let n = words.len() as f32;
        Some(-Score::LogProbability(words).of_run(&run)? / n)
    }
}

/// Why a model that only reads cannot be given a target.
pub(super) fn takes_no_target() -> Refusal {
    refusal!(
        "a model that only reads learns its sentence's next words; it takes no target; leave it out"
    )
}

fn at_rows(
    rows: impl IntoIterator<Item = usize>,
    words: impl IntoIterator<Item = u32>,
) -> Vec<WordAtRow> {
    rows.into_iter().zip(words).map(|(row, word)| WordAtRow::new(row, word)).collect()
}

/// The words of a text that a model only reads, each with the row that predicts it.
fn next_words(run: &Run, ids: &[u32]) -> Vec<WordAtRow> {
    let row =
        |(i, &id): (usize, &u32)| Some(WordAtRow::new((run.n_before() + i).checked_sub(1)?, id));
    ids.iter().enumerate().filter_map(row).collect()
}
