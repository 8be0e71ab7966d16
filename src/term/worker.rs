//! The threads that run the models and measure their readings.

use std::sync::{Arc, mpsc};

use anyhow::Result;

use super::{Event, guarded};
use crate::{
    analysis::reading::{Reader, Reading},
    engine::{change::Changes, fault},
    model::Name,
    ui::app::{Action, Unread},
};

/// A sentence to read, and its changes.
type Request = (String, Changes);

/// Requests to the threads; results arrive as events.
pub struct Worker {
    requests: mpsc::Sender<Request>,
    events: mpsc::Sender<Event>,
}

impl Worker {
    /// Starts the threads.
    pub fn start(events: mpsc::Sender<Event>, own: Option<(Reader, Arc<Reading>)>) -> Self {
        let (requests, inbox) = mpsc::channel();
        let (readings, measured) = mpsc::channel();
        let (answers, figures) = (events.clone(), events.clone());
        guarded(events.clone(), move || read_all(own, &inbox, &answers, &readings));
        guarded(events.clone(), move || measure_all(&measured, &figures));
        Self { requests, events }
    }

    /// # Errors
    /// If the reading thread has ended.
    pub fn read(&self, sentence: String, changes: Changes) -> Result<()> {
        Ok(self.requests.send((sentence, changes))?)
    }

    /// Opens the block at this path.
    pub fn open(&self, reading: Arc<Reading>, model: Name, path: String) {
        let events = self.events.clone();
        guarded(self.events.clone(), move || {
            if let Some(opened) = reading.opened(model, &path) {
                // There is no receiver if the walk has ended.
                let _ = events.send(Event::Done(Action::Opened(reading, Arc::new(opened))));
            }
        });
    }

    /// Computes the lens at this row.
    pub fn look(&self, reading: Arc<Reading>, model: Name, row: usize) {
        let events = self.events.clone();
        guarded(self.events.clone(), move || {
            reading.lens(model, row);
            // There is no receiver if the walk has ended.
            let _ = events.send(Event::Done(Action::Looked));
        });
    }

    /// Measures the time that the models need to read.
    pub fn time(&self, reading: Arc<Reading>) {
        let events = self.events.clone();
        guarded(self.events.clone(), move || {
            let times = Arc::new(reading.time());
            // There is no receiver if the walk has ended.
            let _ = events.send(Event::Done(Action::Timed(times)));
        });
    }
}

/// Handles requests until there is no sender or no receiver.
fn read_all(
    own: Option<(Reader, Arc<Reading>)>,
    inbox: &mpsc::Receiver<Request>,
    events: &mpsc::Sender<Event>,
    readings: &mpsc::Sender<Arc<Reading>>,
) {
    let loaded = own.map_or_else(
        || Ok((Reader::embedded()?, None)),
        |(reader, plain)| Ok::<_, anyhow::Error>((reader, Some(plain))),
    );
    // The last plain reading: a what-if runs only the models it changes.
    let (reader, mut plain) = match loaded {
        Ok(loaded) => loaded,
        Err(why) => {
            let (sentence, why) = (String::new(), format!("{why:#}"));
            let _ = events.send(Event::Done(Action::Read(Err(Unread { sentence, why }))));
            return;
        }
    };
    let mut asked = inbox.recv().ok();
    while let Some(first) = asked {
        // Only the last of several waiting requests is handled.
        let request = inbox.try_iter().last().unwrap_or(first);
        let (sentence, changes) = request;
        let outcome = read(&reader, &mut plain, &sentence, changes)
            .map_err(|why| Unread { sentence, why: format!("{why:#}") });
        let finished = outcome.clone();
        if events.send(Event::Done(Action::Read(finished))).is_err() {
            return;
        }
        if let Ok(reading) = outcome
            && readings.send(reading).is_err()
        {
            return;
        }
        asked = inbox.recv().ok();
    }
}

fn read(
    reader: &Reader,
    plain: &mut Option<Arc<Reading>>,
    sentence: &str,
    changes: Changes,
) -> Result<Arc<Reading>> {
    let known = plain.take().filter(|reading| reading.sentence.text == sentence);
    let base = match known {
        Some(reading) => reading,
        None => Arc::new(reader.read(sentence)?),
    };
    *plain = Some(Arc::clone(&base));
    if changes.is_empty() {
        return Ok(base);
    }
    fault::point("worker");
    reader.read_changed(&base, changes).map(Arc::new)
}

/// Measures the latest reading, until the channel closes.
fn measure_all(readings: &mpsc::Receiver<Arc<Reading>>, events: &mpsc::Sender<Event>) {
    while let Ok(first) = readings.recv() {
        let reading = readings.try_iter().last().unwrap_or(first);
        let tell = || events.send(Event::Done(Action::Measured));
        reading.heads();
        if tell().is_err() {
            return;
        }
        reading.measures();
        if tell().is_err() {
            return;
        }
    }
}
