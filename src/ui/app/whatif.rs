//! What-ifs from the keyboard: the change that a key means here, and the request to the models.

use super::{Effect, Overlay, State, WhatIfKey};
use crate::{
    analysis::{
        reading::{Reading, TargetKind},
        trace::Recorded,
    },
    engine::change::{Change, Changes, MOST, MOST_STEPS, Part, words_as_typed},
    lesson::{PaneSpec, tr},
    ui::words::changes_in_words,
};

impl State {
    /// Requests the pass with this change, or without it if it is on.
    pub(super) fn toggle(&mut self, change: Change) -> Option<Effect> {
        self.request(self.passes.changes.toggled(change))
    }

    /// Requests the pass with changes that were typed together.
    pub(super) fn change_all(&mut self, changes: Vec<Change>) -> Option<Effect> {
        let one_more = |all: Changes, change| all.with(change);
        self.request(changes.into_iter().fold(self.passes.changes.clone(), one_more))
    }

    pub(super) fn change(&mut self, change: Change) -> Option<Effect> {
        // Another target, or another rate, is learned from the beginning.
        let is_of_lesson = matches!(change, Change::Teach(_) | Change::Rate(_));
        let changes = &self.passes.changes;
        let kept = if is_of_lesson { changes.without_lessons() } else { changes.clone() };
        self.request(kept.with(change))
    }

    /// Requests the pass after more steps of learning of the step's model.
    pub(super) fn learn(&mut self, more: usize) -> Option<Effect> {
        let model = self.current().1.model;
        let id = model.id_to_learn();
        let known = self.passes.changes.lessons().find(|(other, _)| *other == id);
        let steps = known.map_or(0, |(_, steps)| steps) + more;
        if steps > MOST_STEPS {
            let n = MOST_STEPS;
            self.show_error(tr!(self.lesson.language, "at most {n} steps; r takes them back", n));
            return None;
        }
        self.show_message("learning …");
        self.change(Change::Learn { model: id.map(str::to_owned), steps })
    }

    /// Opens the palette with what the step's model should learn to write: what it writes, to be edited.
    pub(super) fn type_target(&mut self) {
        let model = self.current().1.model;
        let Some(reading) = &self.passes.reading else { return };
        match reading.target_kind(model) {
            Err(why) => self.show_error(why.to_string()),
            Ok(TargetKind::NextWords) => {
                self.show_message(
                    "this model learns the sentence's own next words; N takes a step",
                );
            }
            Ok(TargetKind::Written | TargetKind::Masked) => {
                let written = &reading.trace(model).output_text;
                let target = reading.changes.taught().unwrap_or(written);
                self.overlay = Overlay::subject("teach=", target);
            }
        }
    }

    pub(super) fn reset(&mut self) -> Option<Effect> {
        if self.passes.changes.is_empty() {
            self.show_message("nothing is changed");
            return None;
        }
        self.request(Changes::default())
    }

    fn request(&mut self, changes: Changes) -> Option<Effect> {
        if changes.iter().count() > MOST {
            self.show_error(tr!(
                self.lesson.language,
                "at most {n} changes can be combined; r undoes them all",
                n = MOST
            ));
            return None;
        }
        self.passes.request_changes(changes)
    }

    pub(super) fn toggle_what_if(&mut self, key: WhatIfKey) -> Option<Effect> {
        let off = |scope: &str, part| Change::Off { scope: scope.to_owned(), part };
        let change = match key {
            WhatIfKey::Mask => Some(off("", Part::Mask)),
            WhatIfKey::Positions => Some(off("", Part::Positions)),
            WhatIfKey::Scaling => Some(off("", Part::Scaling)),
            WhatIfKey::Residual => Some(off("", Part::Residual)),
            WhatIfKey::Head => {
                self.attention_scope().map(|scope| off(&scope, Part::Head(self.nav.selection.head)))
            }
            WhatIfKey::Layer => self.layer_scope().map(|scope| off(&scope, Part::Whole)),
        };
        if let Some(change) = change {
            return self.toggle(change);
        }
        self.show_message(match key {
            WhatIfKey::Head => "this step shows no head that could be left out",
            _ => "this step shows no layer that could be left out",
        });
        None
    }

    pub(super) fn toggle_difference(&mut self) {
        if !self.passes.show_next() {
            self.show_message(
                "nothing is changed, so there is no difference; m x o s u = change something",
            );
            return;
        }
        self.reopen_numbers();
        self.clamp();
        if self.passes.set_aside.is_some() {
            self.show_message("the pass before the change; v goes back to the changed one");
            return;
        }
        self.show_message(match (self.passes.shows_difference, self.difference_is_zero()) {
            (true, true) => "nothing here changed: a change affects what comes after it; → goes on",
            (true, false) => {
                "matrices show what the change made of them; v shows the pass before it"
            }
            (false, _) => "matrices show their numbers",
        });
    }

    /// Goes to the first number, in the order of computation, that differs from the pass before the change.
    pub(super) fn go_to_first_difference(&mut self) {
        let model = self.current().1.model;
        let reading = self.passes.set_aside.as_ref().or(self.passes.reading.as_ref());
        let Some(reading) = reading.filter(|reading| reading.plain.is_some()) else {
            self.show_message("there is one pass; :against= sets another sentence beside it");
            return;
        };
        match reading.first_difference(model) {
            Some(address) => {
                // It is an address of the changed pass.
                if self.passes.set_aside.is_some() {
                    self.passes.show_next();
                }
                self.go_to(model, &address);
            }
            None => self.show_message("no number of this model differs"),
        }
    }

    /// Opens the palette with the beginning of another sentence, by default one that turns the pronoun.
    pub(super) fn type_other_sentence(&mut self) {
        let Some(reading) = &self.passes.reading else { return };
        let text = reading.counterpart().unwrap_or_default();
        self.overlay = Overlay::subject("against=", &text);
    }

    /// Opens the palette with the words that evidence asks about, to be edited.
    pub(super) fn type_question(&mut self) {
        let model = self.current().1.model;
        let Some(reading) = &self.passes.reading else { return };
        let asked = reading.changes.asked_words();
        let found = reading.known_findings().and_then(|all| all.get(&model));
        let words = match found {
            _ if !asked.is_empty() => asked,
            Some(found) => vec![found.word.clone(), found.against.clone()],
            None => vec![],
        };
        let place = reading.changes.asked_place().map(|place| format!(" place={place}"));
        let typed = words_as_typed(&words) + &place.unwrap_or_default();
        self.overlay = Overlay::subject("words=", &typed);
    }

    /// Whether all differences in the focused matrix are zero.
    fn difference_is_zero(&self) -> bool {
        let panes = self.panes();
        let plane = panes.get(self.nav.focus).and_then(|pane| pane.plane());
        plane.is_some_and(|differences| differences.iter().all(|number| *number == 0.0))
    }

    /// Opens the palette with the beginning of a what-if, by default one on the number under the cursor.
    pub(super) fn type_change(&mut self, beginning: Option<&str>) {
        let beginning = beginning.map(str::to_owned).or_else(|| {
            if let Some(level) = self.opened() {
                return Some(format!("{}=", level.arithmetic.name.address()?));
            }
            let cursor = (self.nav.selection.row, self.nav.selection.col);
            let pointed = self.panes().get(self.nav.focus)?.cursor_cell(cursor.0, cursor.1)?;
            Some(format!("{}=", pointed.address))
        });
        match beginning {
            Some(subject) => self.overlay = Overlay::subject(&subject, ""),
            None => self.show_message("there is no number under the cursor"),
        }
    }

    /// Updates inspector and selection after the same sentence was read with other changes; the step stays.
    pub(super) fn take_changed_reading(&mut self, reading: &Reading) {
        self.passes.shows_difference &= reading.plain.is_some();
        self.reopen_numbers();
        self.clamp();
        let language = self.lesson.language;
        let words = changes_in_words(&reading.changes, language);
        let model = self.current().1.model;
        let is_same = reading.plain.is_some() && !reading.is_changed(model);
        self.show_message(if words.is_empty() {
            "back to the original pass".to_owned()
        } else if reading.changes.only_ask() {
            tr!(language, "{words}; r undoes it", words)
        } else if is_same && reading.sets_lesson(model) {
            tr!(language, "{words}; N takes a step of learning, r undoes it", words)
        } else if is_same {
            tr!(
                language,
                "{words}: {model} has no such part and is unchanged",
                words,
                model = language.tr(model.in_sentence())
            )
        } else {
            tr!(language, "{words}; v shows the difference, r undoes it", words)
        });
    }

    /// Scope of the multi-head attention in the focused pane, or else in another pane.
    fn attention_scope(&self) -> Option<String> {
        let has_heads = |scope: &str| {
            let change = Change::Off { scope: scope.to_owned(), part: Part::Head(0) };
            self.applies_to(&change).then(|| scope.to_owned())
        };
        self.shown_sites().find_map(|site| has_heads(site.scope()))
    }

    /// Scope of the selected layer in the step, such as `encoder.1`.
    fn layer_scope(&self) -> Option<String> {
        self.shown_sites().find_map(|site| {
            let scope = site.place.scope.layer_prefix()?.to_owned();
            let change = Change::Off { scope: scope.clone(), part: Part::Whole };
            self.applies_to(&change).then_some(scope)
        })
    }

    fn applies_to(&self, change: &Change) -> bool {
        let model = self.current().1.model;
        self.passes.reading.as_ref().is_some_and(|reading| reading.trace(model).applies_to(change))
    }

    /// The step's sites, the focused pane's first.
    fn shown_sites(&self) -> impl Iterator<Item = &Recorded> {
        let panes: Vec<&PaneSpec> = self.focused().into_iter().chain(self.specs()).collect();
        panes.into_iter().filter_map(|spec| self.site(spec))
    }
}
