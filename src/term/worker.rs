//! The thread that lets the models read.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use anyhow::Result;

use super::Event;
use crate::{
    app::Action,
    reading::{Reader, Reading},
};

/// Starts the thread; sentences are sent to it, readings come as events.
pub fn start(events: mpsc::Sender<Event>) -> mpsc::Sender<String> {
    let (sentences, inbox) = mpsc::channel();
    thread::spawn(move || {
        let work = AssertUnwindSafe(|| read_all(&inbox, &events));
        if catch_unwind(work).is_err() {
            // Nobody listens any more if the walk has ended.
            let _ = events.send(Event::Failed);
        }
    });
    sentences
}

/// Reads until nobody asks or listens any more.
fn read_all(inbox: &mpsc::Receiver<String>, events: &mpsc::Sender<Event>) {
    let reader = match Reader::embedded() {
        Ok(reader) => reader,
        Err(why) => {
            let _ = events.send(Event::Read(Action::Read(Err(format!("{why:#}")))));
            return;
        }
    };
    let mut asked = inbox.recv().ok();
    while let Some(first) = asked {
        // Of several sentences the last one counts.
        let sentence = inbox.try_iter().last().unwrap_or(first);
        if read(&reader, &sentence, events).is_err() {
            return;
        }
        asked = inbox.recv().ok();
    }
}

fn read(reader: &Reader, sentence: &str, events: &mpsc::Sender<Event>) -> Result<()> {
    let reading: Result<Arc<Reading>, String> =
        reader.read(sentence).map(Arc::new).map_err(|why| format!("{why:#}"));
    let finished = reading.clone();
    events.send(Event::Read(Action::Read(finished)))?;
    if let Ok(reading) = reading {
        reading.measures();
        events.send(Event::Read(Action::Measured))?;
    }
    Ok(())
}
