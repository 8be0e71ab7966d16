//! The threads that run the models and measure their readings.

use std::sync::{Arc, mpsc};

use anyhow::Result;

use super::{Event, spawn_guarded};
use crate::{
    analysis::{
        measure::attention_form::AttentionForm,
        reading::{Reader, Reading, Readings},
    },
    engine::{change::Changes, fault},
    model::Name,
    ui::app::{Action, ReadFailure},
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
    pub fn start(events: mpsc::Sender<Event>, own: Option<Readings>) -> Self {
        let (requests, inbox) = mpsc::channel();
        let (finished, measured) = mpsc::channel();
        let (answers, figures) = (events.clone(), events.clone());
        spawn_guarded(events.clone(), move || read_all(own, &inbox, &answers, &finished));
        spawn_guarded(events.clone(), move || measure_all(&measured, &figures));
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
        spawn_guarded(self.events.clone(), move || {
            if let Some(opened) = reading.opened(model, &path) {
                // There is no receiver if the walk has ended.
                let _ = events.send(Event::Done(Action::Opened(reading, Arc::new(opened))));
            }
        });
    }

    /// Computes the lens at this row.
    pub fn look(&self, reading: Arc<Reading>, model: Name, row: usize, word: Option<usize>) {
        let events = self.events.clone();
        spawn_guarded(self.events.clone(), move || {
            reading.lens_of(model, row, word);
            // There is no receiver if the walk has ended.
            let _ = events.send(Event::Done(Action::LensComputed));
        });
    }

    /// Computes a form of the attention at this path.
    pub fn attend(&self, reading: Arc<Reading>, model: Name, path: String, form: AttentionForm) {
        let events = self.events.clone();
        spawn_guarded(self.events.clone(), move || {
            reading.attention_map(model, &path, form);
            // There is no receiver if the walk has ended.
            let _ = events.send(Event::Done(Action::AttentionComputed));
        });
    }

    /// Goes on with the maps of patched values.
    pub fn patch(&self, reading: Arc<Reading>) {
        let events = self.events.clone();
        spawn_guarded(self.events.clone(), move || {
            // There is no receiver if the walk has ended.
            reading.patch_on(|| events.send(Event::Done(Action::Measured)).is_ok());
        });
    }

    /// Measures the time that the models need to read.
    pub fn time(&self, reading: Arc<Reading>) {
        let events = self.events.clone();
        spawn_guarded(self.events.clone(), move || {
            let times = Arc::new(reading.time());
            // There is no receiver if the walk has ended.
            let _ = events.send(Event::Done(Action::TimesMeasured(times)));
        });
    }
}

/// Handles requests until there is no sender or no receiver.
fn read_all(
    own: Option<Readings>,
    inbox: &mpsc::Receiver<Request>,
    events: &mpsc::Sender<Event>,
    finished: &mpsc::Sender<Arc<Reading>>,
) {
    let loaded = own.map_or_else(|| Reader::embedded().map(Readings::new), Ok);
    let mut readings = match loaded {
        Ok(loaded) => loaded,
        Err(why) => {
            let (sentence, why) = (String::new(), format!("{why:#}"));
            let _ = events.send(Event::Done(Action::Read(Err(ReadFailure { sentence, why }))));
            return;
        }
    };
    let mut asked = inbox.recv().ok();
    while let Some(first) = asked {
        // Only the last of several waiting requests is handled.
        let request = inbox.try_iter().last().unwrap_or(first);
        let (sentence, changes) = request;
        if !changes.is_empty() && !readings.holds(&sentence, &changes) {
            fault::panic_if_requested("worker");
        }
        let outcome = readings
            .read(&sentence, &changes)
            .map_err(|why| ReadFailure { sentence, why: format!("{why:#}") });
        if events.send(Event::Done(Action::Read(outcome.clone()))).is_err() {
            return;
        }
        if let Ok(reading) = outcome
            && finished.send(reading).is_err()
        {
            return;
        }
        asked = inbox.recv().ok();
    }
}

/// Measures the latest reading, until the channel closes; evidence of an older one is left as it is.
fn measure_all(readings: &mpsc::Receiver<Arc<Reading>>, events: &mpsc::Sender<Event>) {
    let mut asked = readings.recv().ok();
    while let Some(first) = asked {
        let reading = readings.try_iter().last().unwrap_or(first);
        let (mut newer, mut is_over) = (None, false);
        let mut goes_on = || {
            is_over |= events.send(Event::Done(Action::Measured)).is_err();
            newer = readings.try_iter().last().or(newer.take());
            !is_over && newer.is_none()
        };
        reading.courses();
        if goes_on() {
            reading.measure(&mut goes_on);
        }
        if goes_on() {
            reading.first_findings();
        }
        if goes_on() {
            reading.find_more(&mut goes_on);
        }
        if is_over {
            return;
        }
        asked = newer.or_else(|| readings.recv().ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_that_was_handed_over_is_not_made_again() -> Result<()> {
        let changes = Changes::from_iter(["mask=off".parse()?]);
        let mut readings = Readings::new(Reader::embedded()?);
        let changed = readings.read("The dog sleeps.", &changes)?;
        let (events, inbox) = mpsc::channel();
        let worker = Worker::start(events, Some(readings));
        worker.read("The dog sleeps.".to_owned(), changes)?;
        let Event::Done(Action::Read(Ok(answer))) = inbox.recv()? else {
            anyhow::bail!("the worker did not read");
        };
        assert!(Arc::ptr_eq(&answer, &changed));
        Ok(())
    }
}
