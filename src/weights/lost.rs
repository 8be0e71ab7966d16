//! Handles a memory-mapped file that another process truncates: the next read raises SIGBUS.
//!
//! The process cannot continue, but it exits in order: the handler restores the terminal, prints one sentence
//! and ends with exit code 1.
#![allow(
    unsafe_code,
    reason = "a signal handler may do little; this one restores the terminal, writes and exits"
)]

use std::{
    fs::File,
    io::{Write, stderr},
    os::fd::AsFd,
    path::Path,
    sync::{Once, OnceLock},
};

use signal_hook::{consts::SIGBUS, low_level};

use crate::text::visible::shown;

/// The message, formatted before it is needed.
static SENTENCE: OnceLock<String> = OnceLock::new();

/// Work to do before exiting.
static BEFORE_THE_END: OnceLock<fn()> = OnceLock::new();

/// Registers work to do before the process exits because a file was truncated.
pub fn before_the_end(work: fn()) {
    let _ = BEFORE_THE_END.set(work);
}

/// Installs the handler, once; the message names `path`.
pub fn watch(path: &Path) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = SENTENCE.set(format!(
            "error: {}, or a file beside it, was cut short by another program while it was read; wait \
             until that is done, and start again\n",
            shown(&path.to_string_lossy())
        ));
        // SAFETY: the signal comes from a read of mapped bytes, never from within the allocator or while the
        // terminal is written to by that thread; the handler restores the terminal, writes a sentence and
        // exits.
        let _ = unsafe { low_level::register(SIGBUS, end) };
    });
}

fn end() {
    if let Some(work) = BEFORE_THE_END.get() {
        work();
    }
    let sentence = SENTENCE.get().map_or("", String::as_str);
    if let Ok(stderr) = stderr().as_fd().try_clone_to_owned() {
        let _ = File::from(stderr).write_all(sentence.as_bytes());
    }
    low_level::exit(1);
}
