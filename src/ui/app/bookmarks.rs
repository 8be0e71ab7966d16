//! Marked steps, and what goes from one walk to the next.

use super::{Command, Effect, Overlay, State};
use crate::{
    engine::change::Changes,
    ui::{
        memory::{Left, Memory},
        widgets::lines::fit,
    },
};

/// Columns of a sentence in a message.
const SHOWN: usize = 32;

impl State {
    /// Takes what was kept of walks before, and says what there is to say about it: what is wrong
    /// with it, or, if that is wanted, an offer to go on there.
    pub fn recall(&mut self, memory: Memory, offers: bool, trouble: Option<String>) {
        self.bookmarks = memory.bookmarks.into_iter().collect();
        self.last = memory.last;
        self.began = self.here();
        if let Some(trouble) = trouble {
            self.wrong(trouble);
        }
        let elsewhere = self.last.clone().filter(|_| offers && self.last != self.began);
        let Some(last) = elsewhere else { return };
        let sentence = fit(&last.sentence, SHOWN);
        self.note(format!(
            "last time: \"{sentence}\" at step {}; press R to go on there",
            last.step
        ));
    }

    /// What is to be kept for the next walk. One that never left its beginning does not replace the
    /// place of the one before.
    pub fn memory(&self) -> Memory {
        let here = self.here();
        let stayed = here.is_some() && here == self.began;
        let last = if stayed { self.last.clone().or(here) } else { here.or(self.last.clone()) };
        Memory { last, bookmarks: self.bookmarks.iter().cloned().collect() }
    }

    /// The sentence that is shown, or else being read, and the step.
    fn here(&self) -> Option<Left> {
        let read = self.reading.as_ref().map(|reading| reading.sentence.text.trim().to_owned());
        let sentence = read.or_else(|| Some(self.pending.as_ref()?.trim().to_owned()))?;
        Some(Left { sentence, step: self.current().1.id.clone() })
    }

    pub fn is_bookmarked(&self, step: usize) -> bool {
        self.lesson.steps().get(step).is_some_and(|(_, step)| self.bookmarks.contains(&step.id))
    }

    /// The marked steps in the order of the walk.
    pub fn bookmarked(&self) -> Vec<usize> {
        (0..self.n_steps()).filter(|&step| self.is_bookmarked(step)).collect()
    }

    pub(super) fn toggle_bookmark(&mut self) {
        let id = self.current().1.id.clone();
        if self.bookmarks.remove(&id) {
            self.note("this step is no longer marked");
        } else {
            self.bookmarks.insert(id);
            self.note("this step is marked; B lists what is marked");
        }
    }

    pub(super) fn list_bookmarks(&mut self) {
        let marked = self.bookmarked();
        if marked.is_empty() {
            self.note("no step is marked; b marks this one");
            return;
        }
        let chosen = marked.iter().position(|&step| step >= self.step).unwrap_or(0);
        self.overlay = Overlay::Bookmarks { chosen };
    }

    /// Goes on where the last walk ended.
    pub(super) fn resume(&mut self) -> Option<Effect> {
        let Some(last) = self.last.clone() else {
            self.note("nothing is kept of a walk before this one");
            return None;
        };
        let step = self.lesson.find(&last.step).unwrap_or(0);
        if self.reading.as_ref().is_some_and(|r| r.sentence.text == last.sentence) {
            self.enter(step);
            return None;
        }
        self.heading_for = Some(step);
        self.pending = Some(last.sentence.clone());
        self.changes = Changes::default();
        Some(Effect::Read(last.sentence, Changes::default()))
    }

    pub(super) fn in_bookmarks(&mut self, command: Command) -> Option<Effect> {
        let marked = self.bookmarked();
        let Overlay::Bookmarks { chosen } = &mut self.overlay else { return None };
        match command {
            Command::Move(rows, _) => {
                *chosen = chosen.saturating_add_signed(rows).min(marked.len().saturating_sub(1));
            }
            Command::Accept => {
                if let Some(&step) = marked.get(*chosen) {
                    self.overlay = Overlay::None;
                    self.enter(step);
                }
            }
            Command::Bookmarks => self.overlay = Overlay::None,
            _ => self.note("Enter goes there; Esc leaves the list"),
        }
        None
    }
}
