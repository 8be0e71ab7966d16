//! What-ifs from the keyboard: the change that a key means here, what is typed in the palette, and the pass that comes
//! of it. Requesting it is left to [`super::Passes`].

use anyhow::Result;

use super::{
    Overlay, State, WhatIfKey,
    reply::{Notice, Reply},
};
use crate::{
    analysis::{
        reading::{Reading, TargetKind},
        trace::Recorded,
    },
    engine::{
        change::{Change, Part, words_as_typed},
        value::PlaneCell,
    },
    lesson::{PaneSpec, tr},
    ui::descriptions::{MOST_NAMED_IN_LINE, changes_in_words, sentence_notes},
};

impl State {
    /// Opens the palette with what the step's model should learn to write: what it writes, to be edited.
    pub(super) fn type_target(&self) -> Reply {
        let model = self.current().1.model;
        let Some(reading) = &self.passes.reading else { return Reply::NONE };
        match reading.target_kind(model) {
            Err(why) => Reply::fails(self.lesson.language.refusal(&why)),
            Ok(TargetKind::NextWords) => {
                Reply::says("this model learns the sentence's own next words; N takes a step")
            }
            Ok(TargetKind::Written | TargetKind::Masked) => {
                let written = &reading.trace(model).output_text;
                let target = reading.changes.taught().unwrap_or(written);
                Reply::opens(Overlay::subject("teach=", target))
            }
        }
    }

    /// The change that a key means here, or why it means none.
    pub(super) fn what_if(&self, key: WhatIfKey) -> std::result::Result<Change, Notice> {
        let off = |scope: &str, part| Change::Off { scope: scope.to_owned(), part };
        let everywhere = |part, lack: &str| {
            let change = off("", part);
            if self.check_change(&change).is_err() {
                return Err(Notice::error(lack));
            }
            Ok(change)
        };
        match key {
            WhatIfKey::Mask => everywhere(Part::Mask, "this model has no mask"),
            WhatIfKey::Positions => everywhere(Part::Positions, "this model adds no positions"),
            WhatIfKey::Scaling => {
                everywhere(Part::Scaling, "this model does not divide its scores")
            }
            WhatIfKey::Residual => {
                everywhere(Part::Residual, "this model has no residual connection")
            }
            WhatIfKey::Head => {
                let scope = self.attention_scope();
                let scope = scope.ok_or("this step shows no head that could be left out")?;
                Ok(off(&scope, Part::Head(self.nav.selection.head)))
            }
            WhatIfKey::Layer => {
                let scope = self.layer_scope();
                let scope = scope.ok_or("this step shows no layer that could be left out")?;
                Ok(off(&scope, Part::Whole))
            }
        }
    }

    /// Shows the changed pass, what the change made of it, or the pass before it, in turn.
    pub(super) fn toggle_difference(&mut self) -> Notice {
        if !self.passes.show_next() {
            return "nothing is changed, so there is no difference; m x o s u = change something"
                .into();
        }
        self.reopen_numbers();
        if self.passes.set_aside.is_some() {
            return "the pass before the change; v goes back to the changed one".into();
        }
        match (self.passes.shows_difference, self.difference_is_zero()) {
            (true, true) => {
                "nothing here changed: a change affects what comes after it; → goes on".into()
            }
            (true, false) => {
                "matrices show what the change made of them; v shows the pass before it".into()
            }
            (false, _) => "matrices show their numbers".into(),
        }
    }

    /// Keeps open numbers and selection in a reading that has taken the place of another.
    fn reopen_numbers(&mut self) {
        if let Some(reading) = &self.passes.reading {
            self.inspector.reopen(reading);
        }
        self.clamp();
    }

    /// Goes to the first number, in the order of computation, that differs from the pass before the change.
    pub(super) fn go_to_first_difference(&mut self) -> Option<Notice> {
        let model = self.current().1.model;
        let reading = self.passes.set_aside.as_ref().or(self.passes.reading.as_ref());
        let Some(reading) = reading.filter(|reading| reading.plain.is_some()) else {
            return Some("there is one pass; :against= sets another sentence beside it".into());
        };
        let Some(address) = reading.first_difference(model) else {
            return Some("no number of this model differs".into());
        };
        // It is an address of the changed pass.
        if self.passes.set_aside.is_some() {
            self.passes.show_next();
        }
        self.go_to(model, &address)
    }

    /// Opens the palette with the beginning of another sentence, by default one that turns the pronoun.
    pub(super) fn type_other_sentence(&self) -> Reply {
        let Some(reading) = &self.passes.reading else { return Reply::NONE };
        let text = reading.counterpart().unwrap_or_default();
        Reply::opens(Overlay::subject("against=", &text))
    }

    /// Opens the palette with the words that evidence asks about, to be edited.
    pub(super) fn type_evidence_words(&self) -> Reply {
        let model = self.current().1.model;
        let Some(reading) = &self.passes.reading else { return Reply::NONE };
        let asked = reading.changes.asked_words();
        let found = reading.known_pass_evidence().and_then(|all| all.get(&model));
        let words = match found {
            _ if !asked.is_empty() => asked,
            Some(found) => vec![found.word.clone(), found.against.clone()],
            None => vec![],
        };
        let place = reading.changes.asked_place().map(|place| format!(" place={place}"));
        let typed = words_as_typed(&words) + &place.unwrap_or_default();
        Reply::opens(Overlay::subject("words=", &typed))
    }

    /// Whether all differences in the focused matrix are zero.
    fn difference_is_zero(&self) -> bool {
        let panes = self.panes();
        let plane = panes.get(self.nav.focus).and_then(|pane| pane.plane());
        plane.is_some_and(|differences| differences.iter().all(|number| *number == 0.0))
    }

    /// Opens the palette with the beginning of a what-if, by default one on the number under the cursor.
    pub(super) fn type_change(&self, beginning: Option<&str>) -> Reply {
        let beginning = beginning.map(str::to_owned).or_else(|| {
            if let Some(level) = self.opened() {
                return Some(format!("{}=", level.arithmetic.name.address()?));
            }
            let PlaneCell { row, col } = self.nav.cursor();
            let pointed = self.panes().get(self.nav.focus)?.cursor_cell(row, col)?;
            Some(format!("{}=", pointed.address))
        });
        match beginning {
            Some(subject) => Reply::opens(Overlay::subject(&subject, "")),
            None => Reply::says("there is no number under the cursor"),
        }
    }

    /// Updates inspector and selection after the same sentence was read with other changes; the step stays.
    pub(super) fn take_changed_reading(&mut self, reading: &Reading) -> Notice {
        self.passes.shows_difference &= reading.plain.is_some();
        self.reopen_numbers();
        let language = self.lesson.language;
        let words = changes_in_words(&reading.changes, language);
        let model = self.current().1.model;
        let is_same = !reading.is_changed(model);
        let sets_learning = reading.changes.taught().is_some() || reading.changes.rate().is_some();
        let text = if words.is_empty() {
            "back to the original pass".to_owned()
        } else if is_same && reading.sets_lesson(model) {
            tr!(language, "{words}; N takes a step of learning, r undoes it", words)
        } else if reading.changes.only_ask() && !sets_learning {
            tr!(language, "{words}; r undoes it", words)
        } else if is_same {
            tr!(
                language,
                "{words}: {model} has no such part and is unchanged",
                words,
                model = language.tr(model.in_sentence())
            )
        } else {
            tr!(language, "{words}; v shows the difference, r undoes it", words)
        };
        let notes = match reading.changes.against() {
            Some(_) => sentence_notes(&reading.sentence, language, MOST_NAMED_IN_LINE),
            None => vec![],
        };
        [text].into_iter().chain(notes).collect::<Vec<_>>().join(language.tr("; ")).into()
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

    /// Whether the models that read the sentence have what a change is about.
    ///
    /// # Errors
    /// If none of them has it; the message says what there is.
    pub fn check_change(&self, change: &Change) -> Result<()> {
        self.passes.reading.as_ref().map_or(Ok(()), |reading| reading.check_part(change))
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
