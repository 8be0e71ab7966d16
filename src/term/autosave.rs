//! The thread that saves bookmarks and solved labs as they are made, so that a killed walk loses none.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use anyhow::Result;

use crate::ui::memory::Memory;

/// Saves what a walk remembers.
pub type Save = Box<dyn FnMut(&Memory) -> Result<()> + Send>;

/// The saving thread; a slow disk does not hold up the screen.
pub struct Autosave {
    save: Arc<Mutex<Save>>,
    to_save: mpsc::Sender<Memory>,
    /// Returns the outcome of the last save; None where no thread can be had, and all is saved at the end.
    thread: Option<JoinHandle<Result<()>>>,
    latest: Memory,
}

impl Autosave {
    /// `memory`: what is saved already.
    pub fn start(save: Save, memory: Memory) -> Self {
        let (to_save, inbox) = mpsc::channel::<Memory>();
        let save = Arc::new(Mutex::new(save));
        let beside = Arc::clone(&save);
        let save_all = move || {
            let mut outcome = Ok(());
            for memory in inbox {
                outcome = saved(&beside, &memory);
            }
            outcome
        };
        let thread = thread::Builder::new().spawn(save_all).ok();
        Self { save, to_save, thread, latest: memory }
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
        let Some(thread) = self.thread else { return saved(&self.save, &memory) };
        let _ = self.to_save.send(memory);
        drop(self.to_save);
        thread.join().unwrap_or(Ok(()))
    }
}

fn saved(save: &Mutex<Save>, memory: &Memory) -> Result<()> {
    let mut save = save.lock().unwrap_or_else(PoisonError::into_inner);
    (*save)(memory)
}
