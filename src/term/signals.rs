//! Signals, and the job that the shell knows this process as.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use anyhow::Result;
use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use signal_hook::{
    consts::{
        SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH,
    },
    iterator::Signals,
};

use super::{Event, guarded};

/// Those that end the walk, as they end any program.
pub const ENDS: [i32; 7] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2];

/// How long a walk may take to end; a terminal that takes no output could keep it for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the terminal was given back.
static HAS_LEFT: AtomicBool = AtomicBool::new(false);

/// The walk has left the terminal; what is still to be done may take its time.
pub fn left() {
    HAS_LEFT.store(true, Ordering::SeqCst);
}

/// The exit code that tells of it.
pub const fn ended_by(signal: i32) -> u8 {
    128 + signal as u8
}

/// Signals come in as events. Where a blocked terminal keeps the loop from answering one of the end, the
/// process ends at the second, or after a while; what can be given back then is.
pub fn listen(events: mpsc::Sender<Event>, give_back: fn()) -> Result<()> {
    let mut signals = Signals::new(ENDS.into_iter().chain([SIGCONT, SIGTSTP, SIGWINCH]))?;
    guarded(events.clone(), move || {
        let mut is_ending = false;
        for signal in signals.forever() {
            if ENDS.contains(&signal) {
                let end = move || {
                    give_back();
                    std::process::exit(ended_by(signal).into());
                };
                if is_ending {
                    end();
                }
                is_ending = true;
                thread::spawn(move || {
                    thread::sleep(PATIENCE);
                    if !HAS_LEFT.load(Ordering::SeqCst) {
                        end();
                    }
                });
            }
            if events.send(Event::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Stops the whole job, as the shell expects, until it is continued: a program that started this one and
/// waits for it, as `cargo run` does, would keep the shell waiting too.
pub fn stop() -> Result<()> {
    Ok(kill_current_process_group(Signal::STOP)?)
}

/// Whether a shell would notice: one with job control gives every job a group of its own.
pub fn has_shell() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}
