//! A mapped file that another process cuts short: the system ends a read in its midst with a signal.
//! The process cannot go on then, but ends in order, with the terminal given back and a sentence said.
#![allow(
    unsafe_code,
    reason = "a signal handler may do little; this one gives the terminal back, writes and ends"
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

/// What is said, made before it is needed.
static SENTENCE: OnceLock<String> = OnceLock::new();

/// What else is to be done first.
static BEFORE_THE_END: OnceLock<fn()> = OnceLock::new();

/// Has this done before the process ends because a file was cut short.
pub fn before_the_end(work: fn()) {
    let _ = BEFORE_THE_END.set(work);
}

/// From now on a mapped file that is cut short ends the process in order.
pub fn watch(path: &Path) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = SENTENCE.set(format!(
            "error: {}, or a file beside it, was cut short by another program while it was read; wait \
             until that is done, and start again\n",
            shown(&path.to_string_lossy())
        ));
        // SAFETY: the signal comes from a read of mapped bytes, never from within the allocator or while the
        // terminal is written to by that thread; the handler gives the terminal back, writes a sentence and
        // ends the process.
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
