//! The passes of the models: the one that is shown, and what was asked for and has not come yet.

use std::sync::Arc;

use super::{Effect, Times};
use crate::{analysis::reading::Reading, engine::change::Changes, model::Name};

/// The reading on the screen and all work under way on it. Results arrive as actions.
#[derive(Clone, Default)]
pub struct Passes {
    /// None until the first pass is finished.
    pub reading: Option<Arc<Reading>>,
    /// The sentence that the models are reading now.
    pub pending: Option<String>,
    /// The changes that were asked for; the reading follows.
    pub changes: Changes,
    /// Whether matrices show what the changes made of them.
    pub shows_difference: bool,
    /// How long reading takes on this machine.
    pub times: Times,
    /// The step to go to when the pending sentence has been read.
    pub(super) heading_for: Option<usize>,
    /// A path in the block that is being opened.
    opening: Option<String>,
    /// The row whose lens is being computed.
    looking: Option<usize>,
}

impl Passes {
    /// Whether the reading on the screen is of this sentence.
    pub(super) fn is_of(&self, sentence: &str) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.sentence.text == sentence)
    }

    /// Asks for another sentence, without changes.
    pub(super) fn ask(&mut self, sentence: String) -> Effect {
        self.pending = Some(sentence.clone());
        self.changes = Changes::default();
        Effect::Read(sentence, Changes::default())
    }

    /// Asks for the pending sentence, or else the one on the screen, with other changes.
    pub(super) fn ask_changed(&mut self, changes: Changes) -> Option<Effect> {
        let sentence = self.reading.as_ref()?.sentence.text.clone();
        self.changes = changes.clone();
        Some(Effect::Read(self.pending.clone().unwrap_or(sentence), changes))
    }

    /// Takes a finished pass; returns whether it is of the sentence that was shown before.
    pub(super) fn read(&mut self, reading: Arc<Reading>) -> bool {
        self.pending = None;
        let is_same = self.is_of(&reading.sentence.text);
        self.reading = Some(reading);
        is_same
    }

    /// Gives up a sentence that cannot be read, unless another one has been asked for since. Returns whether another
    /// sentence than the one on the screen was refused; None if the refusal comes too late to matter.
    pub(super) fn refused(&mut self, sentence: &str) -> Option<bool> {
        if self.pending.as_ref().is_some_and(|asked| asked != sentence) {
            return None;
        }
        self.pending = None;
        match self.reading.as_ref().filter(|reading| reading.sentence.text == sentence) {
            // A what-if that cannot be: what is shown stays as it is.
            Some(reading) => self.changes = (*reading.changes).clone(),
            None => self.heading_for = None,
        }
        Some(!self.is_of(sentence))
    }

    /// Asks for a block to be opened; one at a time.
    pub(super) fn open(&mut self, model: Name, path: String) -> Option<Effect> {
        if self.opening.is_some() {
            return None;
        }
        self.opening = Some(path.clone());
        Some(Effect::Open(model, path))
    }

    /// Takes the opened block, if `of` is still the reading on the screen; returns whether it is.
    pub(super) fn opened(&mut self, of: &Arc<Reading>, opened: Arc<Reading>) -> bool {
        self.opening = None;
        let is_shown = self.reading.as_ref().is_some_and(|reading| Arc::ptr_eq(reading, of));
        if is_shown {
            self.reading = Some(opened);
        }
        is_shown
    }

    /// Asks for a row to be looked at through the lens, unless that is known; one at a time.
    pub(super) fn look(&mut self, model: Name, row: usize) -> Option<Effect> {
        if self.looking.is_some() || self.reading.as_ref()?.known_lens(model, row).is_some() {
            return None;
        }
        self.looking = Some(row);
        Some(Effect::Look(model, row))
    }

    pub(super) fn looked(&mut self) {
        self.looking = None;
    }

    /// Asks for times, once.
    pub(super) fn time(&mut self) -> Option<Effect> {
        if !matches!(self.times, Times::Unasked) || self.reading.is_none() {
            return None;
        }
        self.times = Times::Asked;
        Some(Effect::Time)
    }

    /// The same without work under way: its results go elsewhere.
    pub(super) fn at_rest(&self) -> Self {
        Self { opening: None, looking: None, ..self.clone() }
    }
}
