//! Passes of the models: the reading on the screen and the requests in progress.

use std::sync::Arc;

use super::{Effect, Times};
use crate::{
    analysis::{measure::attention_form::AttentionForm, reading::Reading},
    engine::change::Changes,
    model::Name,
};

/// The reading on the screen and the requests in progress. Results arrive as actions.
#[derive(Clone, Default)]
pub struct Passes {
    /// None until the first pass is finished.
    pub reading: Option<Arc<Reading>>,
    /// The sentence that the models are reading now.
    pub pending: Option<String>,
    /// The requested changes; the reading with them may not have arrived yet.
    pub changes: Changes,
    /// Whether matrices show differences from the plain pass.
    pub shows_difference: bool,
    /// The changed reading, while the plain one is on the screen in its place.
    pub set_aside: Option<Arc<Reading>>,
    /// Reading times on this machine.
    pub times: Times,
    /// The step to enter after the pending sentence has been read.
    pub(super) step_after_reading: Option<usize>,
    /// A path in the block that is being opened.
    opening_path: Option<String>,
    /// The row whose lens is being computed.
    lens_row: Option<usize>,
    /// Whether a form of attention is being computed.
    awaits_attention: bool,
}

impl Passes {
    /// Whether the reading on the screen is of this sentence.
    pub(super) fn has_sentence(&self, sentence: &str) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.sentence.text == sentence)
    }

    /// Requests another sentence, without changes.
    pub(super) fn request_sentence(&mut self, sentence: String) -> Effect {
        self.request(sentence, Changes::default())
    }

    /// Requests another sentence, with these changes.
    pub(super) fn request(&mut self, sentence: String, changes: Changes) -> Effect {
        self.pending = Some(sentence.clone());
        self.changes = changes.clone();
        Effect::Read { sentence, changes }
    }

    /// Requests the pending sentence, or else the one on the screen, with other changes.
    pub(super) fn request_changes(&mut self, changes: Changes) -> Option<Effect> {
        let sentence = self.reading.as_ref()?.sentence.text.clone();
        self.changes = changes.clone();
        let sentence = self.pending.clone().unwrap_or(sentence);
        Some(Effect::Read { sentence, changes })
    }

    /// Stores a finished pass; returns whether its sentence was on the screen before.
    pub(super) fn take_reading(&mut self, reading: Arc<Reading>) -> bool {
        self.pending = None;
        self.set_aside = None;
        let is_same = self.has_sentence(&reading.sentence.text);
        self.reading = Some(reading);
        is_same
    }

    /// Drops a sentence that cannot be read. Returns whether it differs from the one on the screen; None if another
    /// sentence has been requested since.
    pub(super) fn take_failure(&mut self, sentence: &str) -> Option<bool> {
        if self.pending.as_ref().is_some_and(|pending| pending != sentence) {
            return None;
        }
        self.pending = None;
        // The reading on the screen stays, and so do its changes.
        if let Some(reading) = self.set_aside.as_ref().or(self.reading.as_ref()) {
            self.changes = (*reading.changes).clone();
        }
        let is_new = !self.has_sentence(sentence);
        if is_new {
            self.step_after_reading = None;
        }
        Some(is_new)
    }

    /// The next of three views of a changed pass: its numbers, what the change made of them, the numbers before.
    /// False without a changed pass.
    pub(super) fn show_next(&mut self) -> bool {
        if let Some(changed) = self.set_aside.take() {
            self.reading = Some(changed);
            return true;
        }
        let Some(plain) = self.reading.as_ref().and_then(|reading| reading.plain.clone()) else {
            return false;
        };
        if self.shows_difference {
            self.set_aside = self.reading.replace(plain);
        }
        self.shows_difference = !self.shows_difference;
        true
    }

    /// Requests that a block be opened; one at a time.
    pub(super) fn request_block(&mut self, model: Name, path: String) -> Option<Effect> {
        if self.opening_path.is_some() {
            return None;
        }
        self.opening_path = Some(path.clone());
        Some(Effect::OpenBlock { model, path })
    }

    /// Stores the reading with the opened block, if `of` is still on the screen; returns whether it is.
    pub(super) fn take_opened_block(&mut self, of: &Arc<Reading>, opened: Arc<Reading>) -> bool {
        self.opening_path = None;
        let is_shown = self.reading.as_ref().is_some_and(|reading| Arc::ptr_eq(reading, of));
        if is_shown {
            self.reading = Some(opened);
        }
        is_shown
    }

    /// Requests the lens of a row, unless it is known; one at a time.
    pub(super) fn request_lens(
        &mut self,
        model: Name,
        row: usize,
        word: Option<usize>,
    ) -> Option<Effect> {
        let is_known = self.reading.as_ref()?.known_lens_of(model, row, word).is_some();
        if self.lens_row.is_some() || is_known {
            return None;
        }
        self.lens_row = Some(row);
        Some(Effect::ComputeLens { model, row, word })
    }

    /// Requests a form of attention, unless it is known; one at a time.
    pub(super) fn request_attention_map(
        &mut self,
        model: Name,
        path: String,
        form: AttentionForm,
    ) -> Option<Effect> {
        let is_known = self.reading.as_ref()?.known_attention_map(model, &path, form).is_some();
        if self.awaits_attention || is_known {
            return None;
        }
        self.awaits_attention = true;
        Some(Effect::ComputeAttentionMap { model, path, form })
    }

    pub(super) const fn finish_attention(&mut self) {
        self.awaits_attention = false;
    }

    pub(super) fn finish_lens(&mut self) {
        self.lens_row = None;
    }

    /// Requests reading times, once.
    pub(super) fn request_times(&mut self) -> Option<Effect> {
        if !matches!(self.times, Times::NotRequested) || self.reading.is_none() {
            return None;
        }
        self.times = Times::Requested;
        Some(Effect::MeasureTimes)
    }

    /// A copy without requests in progress: their results go to the original.
    pub(super) fn without_requests(&self) -> Self {
        Self { opening_path: None, lens_row: None, awaits_attention: false, ..self.clone() }
    }
}
