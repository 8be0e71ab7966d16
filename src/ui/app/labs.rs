//! Labs in the walk: whether the task is solved, the hint, and the solution that is played.

use super::{
    Effect, State,
    guide::{paragraph_of, plain_span, strong_paragraph},
};
use crate::{
    engine::change::Changes,
    lesson::{Paragraph, is_lab_solved, lab_solution, lab_text},
};

impl State {
    /// Whether the current step's lab is solved by what is on the screen.
    pub(super) fn solves_lab(&self) -> bool {
        let (Some(reading), (_, step)) = (&self.passes.reading, self.current()) else {
            return false;
        };
        is_lab_solved(step, reading, &self.narration_selection())
    }

    /// Beside a lab's task: what its solution shows, or else the hint if it was asked for, and what to do. Empty at
    /// other steps.
    pub fn lab_paragraphs(&self) -> Vec<Paragraph> {
        let (Some(reading), (_, step)) = (&self.passes.reading, self.current()) else {
            return vec![];
        };
        if step.lab.is_none() {
            return vec![];
        }
        let language = self.lesson.language;
        let selection = self.narration_selection();
        let (is_solved, was_solved) = (self.solves_lab(), self.saved.has_solved(&step.id));
        let mut paragraphs = vec![];
        if is_solved {
            paragraphs.push(strong_paragraph(language.tr("Solved.").to_owned()));
        }
        if is_solved || self.hint_is_shown() {
            paragraphs.extend(lab_text(step, reading, &selection, is_solved));
        }
        if !is_solved {
            let state = match (was_solved, self.hint_is_shown()) {
                (_, true) => "Not solved yet. ! plays a solution.",
                (true, false) => "Solved before. ! shows a hint.",
                (false, false) => "Not solved yet. ! shows a hint.",
            };
            paragraphs.push(paragraph_of(plain_span(language.tr(state).to_owned())));
        }
        paragraphs
    }

    pub fn hint_is_shown(&self) -> bool {
        self.guide.hinted == Some(self.nav.step)
    }

    /// Keeps that a lab is solved, once it is.
    pub(super) fn note_solved_lab(&mut self) {
        let (_, step) = self.current();
        if step.lab.is_none() || self.saved.has_solved(&step.id) || !self.solves_lab() {
            return;
        }
        let id = step.id.clone();
        self.saved.solve(id);
    }

    /// Shows the hint of the step's lab; if it is shown, plays the solution.
    pub(super) fn help_with_lab(&mut self) -> Option<Effect> {
        let (Some(reading), (_, step)) = (&self.passes.reading, self.current()) else {
            return None;
        };
        let Some(solution) = lab_solution(step, reading, &self.narration_selection()) else {
            self.show_message("no lab here; the last step of a chapter is one");
            return None;
        };
        if self.solves_lab() {
            self.show_message("the lab is solved");
            return None;
        }
        if !self.hint_is_shown() {
            self.guide.hinted = Some(self.nav.step);
            self.nav.scroll = 0;
            return None;
        }
        if let Some(head) = solution.head {
            self.pick_layer_and_head(head);
        }
        let changes: Changes = solution.changes.into_iter().collect();
        let is_read = solution.sentence.is_none_or(|sentence| self.passes.has_sentence(sentence));
        match solution.sentence {
            Some(sentence) if !is_read => Some(self.passes.request(sentence.to_owned(), changes)),
            _ if changes.is_empty() => None,
            _ => self.passes.request_changes(changes),
        }
    }
}
