//! Bookmarks, and progress kept between walks.

use std::collections::BTreeSet;

use super::{
    Command, Overlay, State,
    reply::{Notice, Reply},
};
use crate::{
    lesson::{Language, tr},
    ui::{
        memory::{Memory, ResumePoint},
        widgets::lines::fit,
    },
};

/// Maximum columns of a sentence in a message.
pub(super) const SENTENCE_COLUMNS: usize = 32;

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

    /// Where the previous walk ended.
    pub(super) const fn last(&self) -> Option<&ResumePoint> {
        self.last.as_ref()
    }

    /// Adds or removes the bookmark of a step.
    pub(super) fn toggle(&mut self, id: &str) -> Notice {
        if self.bookmarks.remove(id) {
            return "this step is no longer bookmarked".into();
        }
        self.bookmarks.insert(id.to_owned());
        "this step is bookmarked; B lists the bookmarks".into()
    }

    /// What earlier walks saved; says the problem with it, or offers to resume.
    pub(super) fn recall(
        earlier: EarlierWalks,
        start: Option<ResumePoint>,
        language: Language,
    ) -> (Self, Option<Notice>) {
        let EarlierWalks { memory, offers, trouble } = earlier;
        let saved = Self {
            bookmarks: memory.bookmarks.into_iter().collect(),
            labs: memory.labs.into_iter().collect(),
            last: memory.last,
            start,
        };
        let offered = saved.last.as_ref().filter(|_| offers && saved.last != saved.start);
        let offer = offered.map(|last| {
            let sentence = fit(&last.sentence, SENTENCE_COLUMNS);
            tr!(
                language,
                "last time: \"{sentence}\" at step {step}; press R to go on there",
                sentence,
                step = last.step
            )
            .into()
        });
        let notice = offer.or_else(|| trouble.map(Notice::error));
        (saved, notice)
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
    /// What to save for the next walk.
    pub fn memory(&self) -> Memory {
        self.saved.memory(self.resume_point())
    }

    /// The sentence on the screen, or else the pending one, and the step.
    pub(super) fn resume_point(&self) -> Option<ResumePoint> {
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

    /// The list of the bookmarked steps.
    pub(super) fn bookmark_list(&self) -> Reply {
        let marked = self.bookmarked();
        if marked.is_empty() {
            return Reply::says("no step is bookmarked; b bookmarks this one");
        }
        let chosen = marked.iter().position(|&step| step >= self.nav.step).unwrap_or(0);
        Reply::opens(Overlay::Bookmarks { chosen })
    }

    /// What a command means in the list of the bookmarked steps, with this row chosen.
    pub(super) fn run_in_bookmarks(&self, command: Command, chosen: usize) -> Reply {
        let close = Reply::opens(Overlay::None);
        match command {
            Command::Accept => match self.bookmarked().get(chosen) {
                Some(&step) => Reply { step: Some(step), ..close },
                None => Reply::NONE,
            },
            Command::Bookmarks => close,
            _ => Reply::says("Enter goes there; Esc leaves the list"),
        }
    }
}
