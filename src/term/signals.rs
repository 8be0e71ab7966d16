//! Signals, and the shell's job that this process belongs to.

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
        SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1,
        SIGUSR2, SIGVTALRM, SIGWINCH,
    },
    iterator::Signals,
};

use super::{Event, spawn_guarded};

/// The signals that end a process which does not expect them, and that it can still answer: all but those of a fault.
pub fn ends() -> impl Iterator<Item = i32> {
    #[cfg(target_os = "linux")]
    let others =
        [libc::SIGPWR, libc::SIGSTKFLT].into_iter().chain(libc::SIGRTMIN()..=libc::SIGRTMAX());
    #[cfg(not(target_os = "linux"))]
    let others = std::iter::empty();
    [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGIO]
        .into_iter()
        .chain(others)
}

/// Whether the signal ends the walk.
pub fn is_end(signal: i32) -> bool {
    ends().any(|end| end == signal)
}

/// How long a walk may take to end; a terminal that accepts no output could block it forever.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the terminal was restored.
static HAS_LEFT: AtomicBool = AtomicBool::new(false);

/// Records that the walk has left the terminal, so that the remaining work is not limited in time.
pub fn left() {
    HAS_LEFT.store(true, Ordering::SeqCst);
}

/// The exit code for a signal: 128 + n.
pub const fn ended_by(signal: i32) -> u8 {
    128 + signal as u8
}

/// Sends signals as events. If a blocked terminal keeps the loop from handling a terminating one, the process ends at
/// the second signal or after 2 seconds, having restored what it can with `give_back`.
pub fn listen(events: mpsc::Sender<Event>, give_back: fn()) -> Result<()> {
    let mut signals = Signals::new(ends().chain([SIGCONT, SIGTSTP, SIGWINCH]))?;
    spawn_guarded(&events.clone(), move || {
        let mut is_ending = false;
        for signal in signals.forever() {
            if is_end(signal) {
                let end = move || {
                    give_back();
                    std::process::exit(ended_by(signal).into());
                };
                if is_ending {
                    end();
                }
                is_ending = true;
                // Without a further thread the loop alone ends it.
                let _ = thread::Builder::new().spawn(move || {
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

/// Stops the whole job until it is continued, as the shell expects: a parent that waits for this process, such as
/// `cargo run`, would otherwise block the shell.
pub fn stop() -> Result<()> {
    Ok(kill_current_process_group(Signal::STOP)?)
}

/// Whether a shell with job control started this process: it gives every job its own process group.
pub fn has_shell() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}
