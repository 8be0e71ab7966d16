//! Signals, and the job that the shell knows this process as.

use std::sync::mpsc;

use anyhow::Result;
use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH},
    iterator::Signals,
};

use super::{Event, guarded};

/// Those that end the walk.
pub const ENDS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// The exit code that tells of it.
pub const fn ended_by(signal: i32) -> u8 {
    128 + signal as u8
}

/// Signals come in as events. A second one of the end ends the process where a blocked terminal keeps
/// the loop from answering the first; what can be given back then is.
pub fn listen(events: mpsc::Sender<Event>, give_back: fn()) -> Result<()> {
    let mut signals = Signals::new(ENDS.into_iter().chain([SIGCONT, SIGTSTP, SIGWINCH]))?;
    guarded(events.clone(), move || {
        let mut is_ending = false;
        for signal in signals.forever() {
            let ends = ENDS.contains(&signal);
            if is_ending && ends {
                give_back();
                std::process::exit(ended_by(signal).into());
            }
            is_ending |= ends;
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
