//! Bookmarks, and progress kept between walks.

use std::collections::BTreeSet;

use super::{Command, Effect, Overlay, State};
use crate::{
    lesson::tr,
    ui::{
        memory::{Memory, ResumePoint},
        widgets::lines::fit,
    },
};

/// Maximum columns of a sentence in a message.
const SENTENCE_COLUMNS: usize = 32;

/// Bookmarks and resume points.
#[derive(Clone, Debug, Default)]
pub struct SavedProgress {
    /// Ids of the bookmarked steps.
    bookmarks: BTreeSet<String>,
    /// Ids of the steps whose labs are solved.
    labs: BTreeSet<String>,
    /// Where the previous walk ended.
    last: Option<ResumePoint>,
    /// Where this walk began.
    start: Option<ResumePoint>,
}

impl SavedProgress {
    /// What to save if the walk ends at `here`. A walk that ends where it began keeps the previous resume point.
    fn memory(&self, here: Option<ResumePoint>) -> Memory {
        let stayed = here.is_some() && here == self.start;
        let last = if stayed { self.last.clone().or(here) } else { here.or(self.last.clone()) };
        let [bookmarks, labs] =
            [&self.bookmarks, &self.labs].map(|ids| ids.iter().cloned().collect());
        Memory { bookmarks, labs, last }
    }

    pub(super) fn has_solved(&self, id: &str) -> bool {
        self.labs.contains(id)
    }

    pub(super) fn solve(&mut self, id: String) {
        self.labs.insert(id);
    }

    /// Adds or removes the bookmark of a step; returns whether it is bookmarked now.
    fn toggle(&mut self, id: String) -> bool {
        let is_new = !self.bookmarks.remove(&id);
        if is_new {
            self.bookmarks.insert(id);
        }
        is_new
    }
}

/// What earlier walks saved.
#[derive(Default)]
pub struct EarlierWalks {
    pub memory: Memory,
    /// Whether to offer to continue where the last walk ended.
    pub offers: bool,
    /// The problem with what was saved, if any.
    pub trouble: Option<String>,
}

impl State {
    /// Takes over what earlier walks saved; shows the problem with it, or offers to resume.
    pub(super) fn recall(&mut self, earlier: EarlierWalks) {
        let EarlierWalks { memory, offers, trouble } = earlier;
        self.saved = SavedProgress {
            bookmarks: memory.bookmarks.into_iter().collect(),
            labs: memory.labs.into_iter().collect(),
            last: memory.last,
            start: self.resume_point(),
        };
        if let Some(trouble) = trouble {
            self.show_error(trouble);
        }
        let offered =
            self.saved.last.clone().filter(|_| offers && self.saved.last != self.saved.start);
        let Some(last) = offered else { return };
        let sentence = fit(&last.sentence, SENTENCE_COLUMNS);
        self.show_message(tr!(
            self.lesson.language,
            "last time: \"{sentence}\" at step {step}; press R to go on there",
            sentence,
            step = last.step
        ));
    }

    /// What to save for the next walk.
    pub fn memory(&self) -> Memory {
        self.saved.memory(self.resume_point())
    }

    /// The sentence on the screen, or else the pending one, and the step.
    fn resume_point(&self) -> Option<ResumePoint> {
        let read =
            self.passes.reading.as_ref().map(|reading| reading.sentence.text.trim().to_owned());
        let sentence = read.or_else(|| Some(self.passes.pending.as_ref()?.trim().to_owned()))?;
        Some(ResumePoint { sentence, step: self.current().1.id.clone() })
    }

    pub fn is_bookmarked(&self, step: usize) -> bool {
        self.lesson
            .steps()
            .get(step)
            .is_some_and(|(_, step)| self.saved.bookmarks.contains(&step.id))
    }

    /// Indices of the bookmarked steps, in order.
    pub fn bookmarked(&self) -> Vec<usize> {
        (0..self.n_steps()).filter(|&step| self.is_bookmarked(step)).collect()
    }

    pub(super) fn toggle_bookmark(&mut self) {
        let id = self.current().1.id.clone();
        let is_marked = self.saved.toggle(id);
        self.show_message(if is_marked {
            "this step is bookmarked; B lists the bookmarks"
        } else {
            "this step is no longer bookmarked"
        });
    }

    pub(super) fn list_bookmarks(&mut self) {
        let marked = self.bookmarked();
        if marked.is_empty() {
            self.show_message("no step is bookmarked; b bookmarks this one");
            return;
        }
        let chosen = marked.iter().position(|&step| step >= self.nav.step).unwrap_or(0);
        self.overlay = Overlay::Bookmarks { chosen };
    }

    /// Resumes where the last walk ended.
    pub(super) fn resume(&mut self) -> Option<Effect> {
        let Some(last) = self.saved.last.clone() else {
            self.show_message("no earlier walk is saved");
            return None;
        };
        let step = self.lesson.find(&last.step).unwrap_or(0);
        if self.passes.has_sentence(&last.sentence) {
            self.enter(step);
            return None;
        }
        self.passes.step_after_reading = Some(step);
        Some(self.passes.request_sentence(last.sentence))
    }

    pub(super) fn run_in_bookmarks(&mut self, command: Command) -> Option<Effect> {
        let marked = self.bookmarked();
        let Overlay::Bookmarks { chosen } = self.overlay else { return None };
        match command {
            Command::Move(rows, _) => self.overlay.move_by(rows, marked.len()),
            Command::Accept => {
                if let Some(&step) = marked.get(chosen) {
                    self.overlay = Overlay::None;
                    self.enter(step);
                }
            }
            Command::Bookmarks => self.overlay = Overlay::None,
            _ => self.show_message("Enter goes there; Esc leaves the list"),
        }
        None
    }
}
