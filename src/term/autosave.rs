//! The thread that saves bookmarks and solved labs as they are made, so that a killed walk loses none.

use std::{
    sync::mpsc,
    thread::{self, JoinHandle},
};

use anyhow::Result;

use crate::ui::memory::Memory;

/// Saves what a walk remembers.
pub type Save = Box<dyn FnMut(&Memory) -> Result<()> + Send>;

/// The saving thread; a slow disk does not hold up the screen.
pub struct Autosave {
    to_save: mpsc::Sender<Memory>,
    /// Returns the outcome of the last save.
    thread: JoinHandle<Result<()>>,
    latest: Memory,
}

impl Autosave {
    /// `memory`: what is saved already.
    pub fn start(mut save: Save, memory: Memory) -> Self {
        let (to_save, inbox) = mpsc::channel::<Memory>();
        let save_all = move || {
            let mut outcome = Ok(());
            for memory in inbox {
                outcome = save(&memory);
            }
            outcome
        };
        Self { to_save, thread: thread::spawn(save_all), latest: memory }
    }

    /// Saves if there are other bookmarks or solved labs than before. The place in the walk alone is saved at its end.
    pub fn note(&mut self, memory: Memory) {
        if !memory.has_marks_of(&self.latest) {
            self.latest = memory.clone();
            // A thread that has ended is noticed at the end.
            let _ = self.to_save.send(memory);
        }
    }

    /// Saves at the end of the walk, and waits for it.
    ///
    /// # Errors
    /// If it could not be saved.
    pub fn finish(self, memory: Memory) -> Result<()> {
        let _ = self.to_save.send(memory);
        drop(self.to_save);
        self.thread.join().unwrap_or(Ok(()))
    }
}
