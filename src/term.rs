//! The terminal: the only module that waits for events, and the only one that knows the terminal.
//!
//! Keys, signals and finished readings arrive in one channel. The screen is restored after quit, error, panic and
//! signals; a terminating signal gives the exit code 128 + n.

pub mod autosave;
mod background;
pub mod exporter;
mod input;
pub mod mouse;
mod screen;
mod sequences;
mod signals;
mod worker;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};
use crossterm::event::{Event as Input, KeyEventKind};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGTSTP, SIGWINCH};

use crate::{
    analysis::reading::Readings,
    engine::pool,
    ui::{
        app::{Action, Effect, State, WalkStart, update},
        keys,
        theme::{Background, Depth},
    },
};

use autosave::{Autosave, Save};
use exporter::ExportWriter;
use screen::Screen;
use sequences::Heard;
pub use signals::ends;
use signals::{ended_by, has_shell, is_end, stop};
use worker::Worker;

/// How long the first frame waits for the models before it shows that they are reading.
const PATIENCE: Duration = Duration::from_millis(25);

/// How often an idle walk checks whether its terminal still exists.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The interval of ticks, for a state that wants them.
const TICK: Duration = Duration::from_millis(100);

/// The most bytes copied to the clipboard: many terminals drop a sequence of more than 74 kB, and base64 writes three
/// bytes as four letters.
const LONGEST_COPY: usize = 74_000 / 4 * 3;

/// The parameters of a walk on the terminal.
pub struct Start {
    pub walk: WalkStart,
    /// A checkpoint's reader with its readings; None uses the built-in models.
    pub own: Option<Readings>,
    /// Whether mouse events are captured.
    pub mouse: bool,
    /// Whether the terminal may be asked for its background and sent text for its clipboard.
    pub has_commands: bool,
    /// Saves bookmarks, solved labs and the place in the walk.
    pub save: Save,
}

/// The result of a walk.
pub struct Ended {
    pub code: ExitCode,
    /// Whether the place in the walk and its bookmarks were saved.
    pub kept: Result<()>,
    /// Frames that could not be written at the end, each with the reason.
    pub unwritten: Vec<String>,
}

/// The threads that carry out what `update` returns as effects.
struct Workers {
    worker: Worker,
    writer: ExportWriter,
    copies: bool,
}

/// An event of the loop.
enum Event {
    Input(Input),
    Signal(i32),
    /// The result of another thread.
    Done(Action),
    Background(Background),
    /// A tick: the time since the last one.
    Tick(Duration),
    /// The terminal is gone.
    Closed,
    /// The terminal cannot be read.
    Unheard(io::Error),
    /// A thread has panicked.
    Failed,
    /// A thread cannot be had.
    NoThread(io::Error),
}

/// Whether the walk continues.
enum Next {
    Stay,
    Suspend,
    Resume,
    End(u8),
}

/// Shows the walk until the user quits. Standard input and output must be a terminal.
///
/// # Errors
/// If the first sentence cannot be read, or the terminal cannot be set up.
pub fn run(start: Start) -> Result<Ended> {
    let (events, inbox) = mpsc::channel();
    signals::listen(events.clone(), screen::unblock)?;
    let workers = Workers {
        worker: Worker::start(events.clone(), start.own),
        writer: ExportWriter::start(events.clone()),
        copies: start.has_commands,
    };
    let WalkStart { follows_background, theme, .. } = start.walk;
    let asks_background = follows_background && start.has_commands && theme.depth != Depth::None;
    workers.worker.read(start.walk.sentence.clone(), start.walk.changes.clone());
    let mut state = State::begin(start.walk);
    let mut autosave = Autosave::start(start.save, state.memory());
    if let Some(code) = first_reading(&mut state, &inbox, &workers)? {
        let kept = autosave.finish(state.memory());
        return Ok(Ended { code: code.into(), kept, unwritten: vec![] });
    }
    let mut screen = Screen::enter(start.mouse)?;
    listen_to_keys(events);
    if asks_background {
        // The first frame does not wait for the answer; if it differs from the guess, colours change then.
        Screen::ask(background::QUESTION)?;
    }
    let walked = match walk(&mut state, &mut screen, &inbox, &workers, &mut autosave) {
        // Whatever fails when the terminal is gone fails because of that.
        Err(why) if Screen::is_lost_by(&why) => Ok(ended_by(SIGHUP)),
        walked => walked,
    };
    drop(screen);
    signals::left();
    workers.writer.finish();
    let kept = autosave.finish(state.memory());
    let unwritten = inbox.try_iter().filter_map(unwritten).collect();
    Ok(Ended { code: walked?.into(), kept, unwritten })
}

/// The file that could not be written, if the event reports one after the walk has ended.
fn unwritten(event: Event) -> Option<String> {
    match event {
        Event::Done(Action::Exported(Err(why))) => Some(why),
        _ => None,
    }
}

/// Waits briefly for the first reading; an error ends the walk before the screen is entered.
fn first_reading(
    state: &mut State,
    inbox: &mpsc::Receiver<Event>,
    workers: &Workers,
) -> Result<Option<u8>> {
    match inbox.recv_timeout(PATIENCE) {
        Ok(Event::Signal(signal)) if is_end(signal) => Ok(Some(ended_by(signal))),
        Ok(Event::Done(Action::Read(Err(unread)))) => bail!(unread.why),
        Ok(Event::Done(action)) => carry_out(state, action, workers).map(|_| None),
        Ok(Event::Failed) => bail!("the models could not be started"),
        Ok(Event::NoThread(why)) => Err(no_thread(&why)),
        _ => Ok(None),
    }
}

fn walk(
    state: &mut State,
    screen: &mut Screen,
    inbox: &mpsc::Receiver<Event>,
    workers: &Workers,
    autosave: &mut Autosave,
) -> Result<u8> {
    suit_size(state, workers)?;
    let mut clock = Clock::default();
    let mut arrived = vec![];
    loop {
        // All events received so far are answered with one frame.
        let ticked = clock.tick().map(Event::Tick);
        for event in arrived.into_iter().chain(inbox.try_iter()).chain(ticked) {
            match answer(state, event, workers)? {
                Next::Stay => {}
                Next::Suspend if has_shell() => screen.suspend(stop)?,
                Next::Suspend => {
                    update(state, Action::CannotSuspend);
                }
                Next::Resume => screen.resume()?,
                Next::End(code) => return Ok(code),
            }
        }
        suit_size(state, workers)?;
        screen.draw(state)?;
        autosave.note(state.memory());
        // Which measures a step shows is known once its panes are drawn: the reading notes what they missed. Asking for
        // them again is harmless, for the reading computes a measure once and keeps it.
        if let Some(reading) = state.passes.reading.as_ref().filter(|r| r.wished().is_some()) {
            workers.worker.measure(Arc::clone(reading));
        }
        arrived = vec![next_event(inbox, clock.wait(state.wants_ticks()))?];
    }
}

/// Updates the size of the terminal: a stopped process gets no signal.
fn suit_size(state: &mut State, workers: &Workers) -> Result<()> {
    let size = Screen::size()?;
    if state.size != size {
        carry_out(state, Action::Resize(size), workers)?;
    }
    Ok(())
}

/// The clock of ticks; it runs only for a state that wants them.
#[derive(Default)]
struct Clock {
    last: Option<Instant>,
}

impl Clock {
    /// How long to wait for an event; None for no limit.
    fn wait(&mut self, wants_ticks: bool) -> Option<Duration> {
        self.last = wants_ticks.then(|| self.last.unwrap_or_else(Instant::now));
        self.last.map(|last| TICK.saturating_sub(last.elapsed()))
    }

    /// The time since the last tick, if a tick is due.
    fn tick(&mut self) -> Option<Duration> {
        let elapsed = self.last?.elapsed();
        (elapsed >= TICK).then(|| {
            self.last = Some(Instant::now());
            elapsed
        })
    }
}

/// The next event, or a tick when it is due. Also checks whether the terminal still exists, since it can vanish
/// without an event.
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

fn answer(state: &mut State, event: Event, workers: &Workers) -> Result<Next> {
    let action = match event {
        Event::Closed => return Ok(Next::End(ended_by(SIGHUP))),
        Event::Signal(SIGCONT) => return Ok(Next::Resume),
        Event::Signal(SIGTSTP) => return Ok(Next::Suspend),
        Event::Signal(SIGWINCH) => return Ok(Next::Stay), // every frame looks for the size
        Event::Signal(signal) => return Ok(Next::End(ended_by(signal))),
        Event::NoThread(why) => return Err(no_thread(&why)),
        Event::Unheard(why) => return Err(why.into()),
        Event::Failed => {
            bail!("a part of Lookback failed; please report the message above, with the sentence")
        }
        // The error arrived after the screen was entered.
        Event::Done(Action::Read(Err(unread))) if state.passes.reading.is_none() => {
            return Err(anyhow!(unread.why));
        }
        Event::Done(action) => action,
        Event::Background(background) => Action::Background(background),
        Event::Tick(elapsed) => Action::Tick(elapsed),
        Event::Input(Input::Key(key)) if key.kind != KeyEventKind::Release => {
            keys::action(state, key)
        }
        Event::Input(Input::Paste(text)) => Action::Paste(text),
        Event::Input(Input::Mouse(event)) => {
            let mut next = Next::Stay;
            for action in mouse::actions(state, event) {
                next = carry_out(state, action, workers)?;
            }
            return Ok(next);
        }
        Event::Input(_) => return Ok(Next::Stay),
    };
    carry_out(state, action, workers)
}

fn carry_out(state: &mut State, action: Action, workers: &Workers) -> Result<Next> {
    match update(state, action) {
        None => {}
        Some(Effect::Quit) => return Ok(Next::End(0)),
        Some(Effect::Suspend) => return Ok(Next::Suspend),
        Some(Effect::Read { sentence, changes }) => workers.worker.read(sentence, changes),
        Some(Effect::StopPatching { model }) => {
            if let Some(reading) = &state.passes.reading {
                reading.stop_patching(model);
            }
        }
        Some(
            effect @ (Effect::OpenBlock { .. }
            | Effect::ComputeLens { .. }
            | Effect::ComputeAttentionMap { .. }
            | Effect::Patch
            | Effect::MeasureTimes),
        ) => {
            if let Some(reading) = &state.passes.reading {
                workers.worker.perform(Arc::clone(reading), effect);
            }
        }
        Some(Effect::FindFreePath(path)) => {
            return carry_out(state, Action::FreePathFound(workers.writer.free(&path)), workers);
        }
        Some(Effect::Export(order)) => {
            if let Some(refusal) = workers.writer.export(state, order)? {
                return carry_out(state, Action::ExportRefused(refusal), workers);
            }
        }
        Some(Effect::Copy) => {
            let outcome = copy(state, workers)?;
            return carry_out(state, Action::Copied(outcome), workers);
        }
    }
    Ok(Next::Stay)
}

/// Sends the characters of the current frame to the terminal's clipboard; returns the number of lines.
fn copy(state: &State, workers: &Workers) -> Result<Result<usize, String>> {
    if !workers.copies {
        return Ok(Err("this terminal cannot copy; e writes the frame to a file".into()));
    }
    let text = exporter::text(state).unwrap_or_default();
    if text.len() > LONGEST_COPY {
        return Ok(Err("the frame is too long for a terminal's clipboard; e writes it".into()));
    }
    Screen::copy(&text)?;
    Ok(Ok(text.lines().count()))
}

/// Runs `work` on a thread whose panic ends the walk, as does its lack.
fn spawn_guarded(events: &mpsc::Sender<Event>, work: impl FnOnce() + Send + 'static) {
    let failed = events.clone();
    let guarded = move || {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            // There is no receiver if the walk has ended.
            let _ = failed.send(Event::Failed);
        }
    };
    if let Err(why) = thread::Builder::new().spawn(|| pool::beside(guarded)) {
        let _ = events.send(Event::NoThread(why));
    }
}

fn no_thread(why: &io::Error) -> anyhow::Error {
    anyhow!(
        "no further thread can be started ({why}); end other programs, or raise the limit of your processes (`ulimit -u`)"
    )
}

fn listen_to_keys(events: mpsc::Sender<Event>) {
    spawn_guarded(&events.clone(), move || {
        let take = |heard| {
            let event = match heard {
                Heard::Typed(input) => Event::Input(input),
                Heard::Background(background) => Event::Background(background),
            };
            events.send(event).is_ok()
        };
        if let Err(why) = input::listen(take) {
            // There is no receiver if the walk has ended.
            let _ = events.send(Event::Unheard(why));
        }
    });
}
