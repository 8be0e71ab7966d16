//! Passes of the models: the reading on the screen and the requests in progress.

use std::sync::Arc;

use super::{
    Effect, ReadingTimes,
    reply::{Notice, Reply},
};
use crate::{
    analysis::{
        measure::attention_form::AttentionForm,
        reading::{Reading, STAR_PAIR},
    },
    engine::change::{Change, Changes, MOST, MOST_STEPS},
    lesson::{Language, tr},
    model::ModelName,
    ui::panes::OtherPass,
};

/// The reading on the screen and the requests in progress. Results arrive as actions.
#[derive(Clone, Default)]
pub struct Passes {
    /// None until the first pass is finished.
    pub reading: Option<Arc<Reading>>,
    /// The sentence that the models are reading now.
    pub pending: Option<String>,
    /// The person's sentence, while the program shows one of its own in its place.
    own_sentence: Option<String>,
    /// The requested changes; the reading with them may not have arrived yet.
    pub changes: Changes,
    /// Whether matrices show differences from the plain pass.
    pub shows_difference: bool,
    /// The changed reading, while the plain one is on the screen in its place.
    pub set_aside: Option<Arc<Reading>>,
    /// Reading times on this machine.
    pub times: ReadingTimes,
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

    /// Requests a sentence that the person chose, without changes.
    pub(super) fn request_sentence(&mut self, sentence: String) -> Effect {
        self.own_sentence = None;
        self.request(sentence, Changes::default())
    }

    /// Requests a sentence of the program's, and remembers the person's.
    fn request_instead(&mut self, sentence: String, changes: Changes) -> Effect {
        let on_screen = || self.reading.as_ref().map(|reading| reading.sentence.text.clone());
        self.own_sentence = self.own_sentence.take().or_else(on_screen);
        self.request(sentence, changes)
    }

    /// The person's sentence, if the one on the screen is the program's.
    pub(super) fn own_sentence(&self) -> Option<&str> {
        self.own_sentence.as_deref().filter(|own| !self.has_sentence(own))
    }

    /// Requests the person's sentence again, if another stands in its place.
    fn request_own(&mut self) -> Option<Effect> {
        let own = self.own_sentence.take()?;
        (!self.has_sentence(&own)).then(|| self.request(own, Changes::default()))
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

    /// Requests a pass that a number stands for; after another sentence, `step` is entered.
    pub(super) fn request_other(&mut self, pass: OtherPass, step: usize) -> Option<Effect> {
        let OtherPass { sentence, changes } = pass;
        if self.has_sentence(&sentence) {
            return self.request_changes(changes);
        }
        self.step_after_reading = Some(step);
        Some(self.request(sentence, changes))
    }

    /// Requests what solves a lab: another sentence unless it is read, with these changes; None if nothing differs.
    pub(super) fn request_solution(
        &mut self,
        sentence: Option<&str>,
        changes: Changes,
    ) -> Option<Effect> {
        match sentence.filter(|sentence| !self.has_sentence(sentence)) {
            Some(sentence) => Some(self.request_instead(sentence.to_owned(), changes)),
            None if changes.is_empty() => None,
            None => self.request_changes(changes),
        }
    }

    /// Requests a sentence and enters a step once it is read; enters it now if it is.
    pub(super) fn request_at(&mut self, step: usize, sentence: String) -> Reply {
        if self.has_sentence(&sentence) {
            return Reply::enters(step);
        }
        self.step_after_reading = Some(step);
        Reply::asks(self.request_sentence(sentence))
    }

    /// Requests the star pair's first sentence, or the second if the first is shown.
    pub(super) fn request_star_pair(&mut self) -> Effect {
        let [first, second] = STAR_PAIR;
        let next = if self.has_sentence(first) { second } else { first };
        self.request_instead(next.to_owned(), Changes::default())
    }

    /// Requests the pass with this change, or without it if it is on.
    pub(super) fn toggle(&mut self, change: Change, language: Language) -> Reply {
        self.request_checked(self.changes.toggled(change), language)
    }

    /// Requests the pass with this change too.
    pub(super) fn change(&mut self, change: Change, language: Language) -> Reply {
        // Another target, or another rate, is learned from the beginning.
        let is_of_lesson = matches!(change, Change::Teach(_) | Change::Rate(_));
        let kept = if is_of_lesson { self.changes.without_lessons() } else { self.changes.clone() };
        self.request_checked(kept.with(change), language)
    }

    /// Requests the pass with changes that were typed together.
    pub(super) fn change_all(&mut self, changes: Vec<Change>, language: Language) -> Reply {
        let one_more = |all: Changes, change| all.with(change);
        self.request_checked(changes.into_iter().fold(self.changes.clone(), one_more), language)
    }

    /// Requests the pass after more steps of learning of a model.
    pub(super) fn learn(&mut self, model: ModelName, more: usize, language: Language) -> Reply {
        let id = model.id_to_learn();
        let known = self.changes.lessons().find(|(other, _)| *other == id);
        let steps = known.map_or(0, |(_, steps)| steps) + more;
        if steps > MOST_STEPS {
            let n = MOST_STEPS;
            return Reply::fails(tr!(language, "at most {n} steps; r takes them back", n));
        }
        let reply = self.change(Change::Learn { model: id.map(str::to_owned), steps }, language);
        let notice = reply.notice.or_else(|| Some(Notice::from("learning …")));
        Reply { notice, ..reply }
    }

    /// Requests the pass without changes, of the person's sentence.
    pub(super) fn reset(&mut self, language: Language) -> Reply {
        if let Some(effect) = self.request_own() {
            return Reply::asks(effect);
        }
        if self.changes.is_empty() {
            return Reply::says("nothing is changed");
        }
        self.request_checked(Changes::default(), language)
    }

    fn request_checked(&mut self, changes: Changes, language: Language) -> Reply {
        if changes.iter().count() > MOST {
            return Reply::fails(tr!(
                language,
                "at most {n} changes can be combined; r undoes them all",
                n = MOST
            ));
        }
        self.request_changes(changes).into()
    }

    /// The text that is typed over for another sentence: the pending one, or else the one on the screen.
    pub(super) fn text_to_edit(&self) -> String {
        let text_on_screen = || self.reading.as_ref().map(|r| r.sentence.text.clone());
        self.pending.clone().or_else(text_on_screen).unwrap_or_default()
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
    pub(super) fn request_block(&mut self, model: ModelName, path: String) -> Option<Effect> {
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
        model: ModelName,
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
        model: ModelName,
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

    /// Whether it is known that a model lacks what a form of attention needs.
    pub(super) fn lacks(&self, model: ModelName, path: &str, form: AttentionForm) -> bool {
        let known = self.reading.as_ref().map(|r| r.known_attention_map(model, path, form));
        known.flatten().is_some_and(|map| map.is_none())
    }

    /// Requests reading times, once.
    pub(super) fn request_times(&mut self) -> Option<Effect> {
        if !matches!(self.times, ReadingTimes::NotRequested) || self.reading.is_none() {
            return None;
        }
        self.times = ReadingTimes::Requested;
        Some(Effect::MeasureTimes)
    }

    /// A copy without requests in progress: their results go to the original.
    pub(super) fn without_requests(&self) -> Self {
        Self { opening_path: None, lens_row: None, awaits_attention: false, ..self.clone() }
    }
}
