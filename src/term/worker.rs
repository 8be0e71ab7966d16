//! The threads that run the models and measure their readings.

use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use super::{Event, spawn_guarded};
use crate::{
    analysis::reading::{Reader, Reading, Readings},
    engine::{change::Changes, fault},
    render::perform::perform,
    ui::app::{Action, Effect, ReadFailure},
};

/// How long nobody must have asked for anything before a worker computes what nobody has asked for.
const REST: Duration = Duration::from_secs(2);

/// A sentence to read, and its changes.
struct ReadRequest {
    sentence: String,
    changes: Changes,
}

/// Requests to the threads; results arrive as events.
pub struct Worker {
    requests: mpsc::Sender<ReadRequest>,
    to_measure: mpsc::Sender<Arc<Reading>>,
    events: mpsc::Sender<Event>,
}

impl Worker {
    /// Starts the threads.
    pub fn start(events: mpsc::Sender<Event>, own: Option<Readings>) -> Self {
        let (requests, inbox) = mpsc::channel();
        let (to_measure, measured) = mpsc::channel();
        let finished = to_measure.clone();
        let (answers, figures) = (events.clone(), events.clone());
        spawn_guarded(&events, move || read_all(own, &inbox, &answers, &finished));
        spawn_guarded(&events, move || measure(&measured, &figures, REST));
        Self { requests, to_measure, events }
    }

    /// Reads a sentence. If the thread has ended, an event has said why.
    pub fn read(&self, sentence: String, changes: Changes) {
        let _ = self.requests.send(ReadRequest { sentence, changes });
    }

    /// Computes what was asked of a reading in vain. If the thread has ended, an event has said why.
    pub fn measure(&self, reading: Arc<Reading>) {
        let _ = self.to_measure.send(reading);
    }

    /// Does the work that an effect asks for on a reading.
    pub fn perform(&self, reading: Arc<Reading>, effect: Effect) {
        let events = self.events.clone();
        spawn_guarded(&self.events, move || {
            let on_progress = || events.send(Event::Done(Action::Measured)).is_ok();
            if let Some(action) = perform(&reading, effect, on_progress) {
                // There is no receiver if the walk has ended.
                let _ = events.send(Event::Done(action));
            }
        });
    }
}

/// Handles requests until there is no sender or no receiver.
fn read_all(
    own: Option<Readings>,
    inbox: &mpsc::Receiver<ReadRequest>,
    events: &mpsc::Sender<Event>,
    finished: &mpsc::Sender<Arc<Reading>>,
) {
    let loaded = own.map_or_else(|| Reader::embedded().map(Readings::new), Ok);
    let mut readings = match loaded {
        Ok(loaded) => loaded,
        Err(why) => {
            let (sentence, why) = (String::new(), why.into());
            let _ = events.send(Event::Done(Action::Read(Err(ReadFailure { sentence, why }))));
            return;
        }
    };
    let mut asked = inbox.recv().ok();
    while let Some(first) = asked {
        // Only the last of several waiting requests is handled.
        let request = inbox.try_iter().last().unwrap_or(first);
        let ReadRequest { sentence, changes } = request;
        if !changes.is_empty() && !readings.holds(&sentence, &changes) {
            fault::at("worker");
        }
        let outcome = readings
            .read(&sentence, &changes)
            .map_err(|why| ReadFailure { sentence, why: why.into() });
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

/// Computes what takes long: first what the screen has asked for, then what is quick, and the rest when nobody has asked
/// for anything for the time of `rest`. Of an older reading nothing more is computed.
fn measure(readings: &mpsc::Receiver<Arc<Reading>>, events: &mpsc::Sender<Event>, rest: Duration) {
    let mut latest = readings.recv().ok();
    let mut is_at_rest = false;
    while let Some(reading) = latest.take() {
        let next = || reading.unknown().filter(|slow| is_at_rest || slow.is_quick());
        let Some(slow) = reading.wished().or_else(next) else {
            let newer = readings.recv_timeout(rest);
            is_at_rest = matches!(newer, Err(RecvTimeoutError::Timeout));
            latest = match newer {
                Err(RecvTimeoutError::Timeout) if reading.unknown().is_some() => Some(reading),
                Err(RecvTimeoutError::Timeout) => readings.recv().ok(),
                newer => newer.ok(),
            };
            continue;
        };
        let (mut newest, mut is_over) = (None, false);
        reading.compute(slow, || {
            is_over |= events.send(Event::Done(Action::Measured)).is_err();
            newest = readings.try_iter().last().or(newest.take());
            let is_latest = newest.as_ref().is_none_or(|newest| Arc::ptr_eq(newest, &reading));
            !is_over && is_latest && reading.wished().is_none_or(|wished| wished == slow)
        });
        if is_over {
            return;
        }
        is_at_rest &= newest.is_none();
        latest = newest.or(Some(reading));
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use anyhow::Result;

    use super::*;
    use crate::analysis::reading::Slow;

    #[test]
    fn what_the_screen_asked_for_is_computed_and_what_takes_long_is_not_before_a_rest() -> Result<()>
    {
        let reading =
            Readings::new(Reader::embedded()?).read("The dog sleeps.", &Changes::default())?;
        assert!(reading.knock_outs().is_none());
        assert_eq!(reading.wished(), Some(Slow::KnockOuts));
        let (readings, asked) = mpsc::channel();
        let (events, inbox) = mpsc::channel();
        readings.send(Arc::clone(&reading))?;
        drop(readings);
        measure(&asked, &events, Duration::MAX);
        assert!(reading.knock_outs().is_some() && reading.influence().is_some());
        assert_eq!((reading.wished(), reading.unknown()), (None, Some(Slow::Heads)));
        drop(inbox);

        let (readings, asked) = mpsc::channel();
        let (events, inbox) = mpsc::channel();
        readings.send(Arc::clone(&reading))?;
        let worker = thread::spawn(move || measure(&asked, &events, Duration::ZERO));
        while reading.unknown().is_some() {
            inbox.recv()?;
        }
        drop(readings);
        assert!(worker.join().is_ok());
        Ok(())
    }

    #[test]
    fn a_reading_that_was_handed_over_is_not_made_again() -> Result<()> {
        let changes = Changes::from_iter(["mask=off".parse()?]);
        let mut readings = Readings::new(Reader::embedded()?);
        let changed = readings.read("The dog sleeps.", &changes)?;
        let (events, inbox) = mpsc::channel();
        let worker = Worker::start(events, Some(readings));
        worker.read("The dog sleeps.".to_owned(), changes);
        let Event::Done(Action::Read(Ok(answer))) = inbox.recv()? else {
            anyhow::bail!("the worker did not read");
        };
        assert!(Arc::ptr_eq(&answer, &changed));
        Ok(())
    }
}
