//! The terminal: the only place that waits, and the only one that knows it.
//!
//! Keys, signals and finished readings arrive in one channel. The screen is given back after quit,
//! error, panic and signals; a signal of the end gives the exit code 128 + n.

mod screen;
mod worker;

use std::{
    process::ExitCode,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};
use crossterm::event::{self, Event as Input, KeyEventKind};
use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP},
    iterator::Signals,
};

use crate::{
    app::{Action, Effect, Guide, State, update},
    keys,
    lesson::Lesson,
    theme::Theme,
};

use screen::Screen;

/// How long the first frame waits for the models before it says that they are reading.
const PATIENCE: Duration = Duration::from_millis(25);

/// How often an idle walk looks whether its terminal is still there.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often a walk that turns its own pages is told the time.
const TICK: Duration = Duration::from_millis(100);

/// What the walk starts from.
pub struct Start {
    pub sentence: String,
    pub lesson: Arc<Lesson>,
    pub theme: Theme,
    /// Index of the first step to show.
    pub step: usize,
    pub guide: Guide,
}

/// What wakes the loop.
enum Event {
    Input(Input),
    Signal(i32),
    Read(Action),
    /// Time has passed, for a state that wants to know.
    Tick(Duration),
    /// The terminal is gone.
    Closed,
    /// The thread that reads sentences has died.
    Failed,
}

/// Whether the walk goes on.
enum Next {
    Stay,
    Suspend,
    Resume,
    End(u8),
}

/// Shows the walk until the person leaves it. Needs standard input and output to be a terminal.
///
/// # Errors
/// If the first sentence cannot be read, or the terminal refuses to be set up.
pub fn run(start: Start) -> Result<ExitCode> {
    let (events, inbox) = mpsc::channel();
    listen_to_signals(events.clone())?;
    let worker = worker::start(events.clone());
    worker.send(start.sentence.clone())?;
    let mut state = State::new(start.lesson, start.theme);
    state.step = start.step.min(state.n_steps().saturating_sub(1));
    state.pending = Some(start.sentence);
    state.guide = start.guide;
    if let Some(code) = first_reading(&mut state, &inbox)? {
        return Ok(code.into());
    }
    let mut screen = Screen::enter()?;
    listen_to_keys(events);
    let code = walk(&mut state, &mut screen, &inbox, &worker)?;
    drop(screen);
    Ok(code.into())
}

/// Waits a moment for the first reading; a sentence that cannot be read ends the walk before it begins.
fn first_reading(state: &mut State, inbox: &mpsc::Receiver<Event>) -> Result<Option<u8>> {
    match inbox.recv_timeout(PATIENCE) {
        Ok(Event::Signal(signal)) if signal != SIGCONT => Ok(Some(ended_by(signal))),
        Ok(Event::Read(Action::Read(Err(why)))) => bail!(why),
        Ok(Event::Read(action)) => {
            update(state, action);
            Ok(None)
        }
        Ok(Event::Failed) => bail!("the models could not be started"),
        _ => Ok(None),
    }
}

fn walk(
    state: &mut State,
    screen: &mut Screen,
    inbox: &mpsc::Receiver<Event>,
    worker: &mpsc::Sender<String>,
) -> Result<u8> {
    let (width, height) = Screen::size()?;
    update(state, Action::Resize(width, height));
    let mut clock = Clock::default();
    loop {
        if screen.draw(state).is_err() {
            return Ok(ended_by(SIGHUP));
        }
        let first = next_event(inbox, clock.wait(state.wants_ticks()))?;
        // Everything that has arrived by now is answered with one frame.
        let ticked = clock.tick().map(Event::Tick);
        for event in std::iter::once(first).chain(inbox.try_iter()).chain(ticked) {
            match answer(state, event, worker)? {
                Next::Stay => {}
                Next::Suspend => screen.suspend()?,
                Next::Resume => screen.resume()?,
                Next::End(code) => return Ok(code),
            }
        }
    }
}

/// Tells how much time has passed, to a state that wants to know; stands still otherwise.
#[derive(Default)]
struct Clock {
    last: Option<Instant>,
}

impl Clock {
    /// How long to wait for an event, if not forever.
    fn wait(&mut self, wants_ticks: bool) -> Option<Duration> {
        self.last = wants_ticks.then(|| self.last.unwrap_or_else(Instant::now));
        self.last.map(|last| TICK.saturating_sub(last.elapsed()))
    }

    /// The time since the last tick, once it is long enough.
    fn tick(&mut self) -> Option<Duration> {
        let elapsed = self.last?.elapsed();
        (elapsed >= TICK).then(|| {
            self.last = Some(Instant::now());
            elapsed
        })
    }
}

/// Waits for something to happen, or until it is time for a tick. A terminal can vanish without a
/// word, so that is looked for too.
fn next_event(inbox: &mpsc::Receiver<Event>, tick: Option<Duration>) -> Result<Event> {
    loop {
        match inbox.recv_timeout(tick.unwrap_or(HEARTBEAT)) {
            Ok(event) => return Ok(event),
            Err(RecvTimeoutError::Timeout) if Screen::is_gone() => return Ok(Event::Closed),
            Err(RecvTimeoutError::Timeout) if tick.is_some() => {
                return Ok(Event::Tick(Duration::ZERO));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(gone @ RecvTimeoutError::Disconnected) => return Err(gone.into()),
        }
    }
}

fn answer(state: &mut State, event: Event, worker: &mpsc::Sender<String>) -> Result<Next> {
    let action = match event {
        Event::Closed => return Ok(Next::End(ended_by(SIGHUP))),
        Event::Signal(SIGCONT) => return Ok(Next::Resume),
        Event::Signal(signal) => return Ok(Next::End(ended_by(signal))),
        Event::Failed => bail!("the models stopped reading; please report this with the sentence"),
        // The first sentence came too late to be refused before the screen was entered.
        Event::Read(Action::Read(Err(why))) if state.reading.is_none() => return Err(anyhow!(why)),
        Event::Read(action) => action,
        Event::Tick(elapsed) => Action::Tick(elapsed),
        Event::Input(Input::Key(key)) if key.kind != KeyEventKind::Release => {
            keys::action(state, key)
        }
        Event::Input(Input::Paste(text)) => Action::Paste(text),
        Event::Input(Input::Resize(width, height)) => Action::Resize(width, height),
        Event::Input(_) => return Ok(Next::Stay),
    };
    Ok(match update(state, action) {
        None => Next::Stay,
        Some(Effect::Quit) => Next::End(0),
        Some(Effect::Suspend) => Next::Suspend,
        Some(Effect::Read(sentence)) => {
            worker.send(sentence)?;
            Next::Stay
        }
    })
}

const fn ended_by(signal: i32) -> u8 {
    128 + signal as u8
}

/// Signals come in as events. A second one ends the process where a blocked terminal keeps the loop
/// from answering the first.
fn listen_to_signals(events: mpsc::Sender<Event>) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGCONT])?;
    thread::spawn(move || {
        let mut is_ending = false;
        for signal in signals.forever() {
            if is_ending && signal != SIGCONT {
                std::process::exit(ended_by(signal).into());
            }
            is_ending |= signal != SIGCONT;
            if events.send(Event::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn listen_to_keys(events: mpsc::Sender<Event>) {
    thread::spawn(move || {
        while let Ok(input) = event::read() {
            if events.send(Event::Input(input)).is_err() {
                return;
            }
        }
        // Nobody listens any more if the walk has ended.
        let _ = events.send(Event::Closed);
    });
}

/// Stops the process as the shell expects, until it is continued.
fn stop() -> Result<()> {
    Ok(signal_hook::low_level::raise(SIGTSTP)?)
}
