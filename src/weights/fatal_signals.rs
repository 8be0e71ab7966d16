//! What ends the process without asking it: a failed allocation, a fault in a library, a limit of the system, and a
//! memory-mapped file that another process truncates (the next read raises SIGBUS).
//!
//! The process cannot continue, but it exits in order: the handler does the registered work (the terminal is restored,
//! unfinished files are removed), prints one sentence and ends as the signal says; after SIGBUS with exit code 1.
#![allow(
    unsafe_code,
    reason = "a signal handler may do little; this one does work that is made for it, writes and exits, and only the \
              system's own calls install it on the stack for signals and limit what the allocator reserves"
)]

use std::{
    io::stderr,
    mem,
    path::Path,
    ptr,
    sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError, TryLockError},
    thread,
    time::Duration,
};

use libc::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP, SIGXCPU, c_int};
use signal_hook::low_level;

use crate::text::visible::shown;

/// The signals that end the process at once.
const ENDS: [c_int; 8] = [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP, SIGXCPU];

/// The message for SIGBUS, formatted before it is needed.
static CUT_SHORT: OnceLock<String> = OnceLock::new();

type Work = dyn Fn() + Send + Sync;

/// What is done before a signal ends the process, what was registered last first.
static WORK: Mutex<Vec<Arc<Work>>> = Mutex::new(vec![]);

/// Work that is done if a signal ends the process before this is dropped.
pub struct BeforeTheEnd(Arc<Work>);

/// Registers work for the handler, which may neither allocate nor wait for a lock. What was registered last is done
/// first.
#[must_use]
pub fn before_the_end(work: impl Fn() + Send + Sync + 'static) -> BeforeTheEnd {
    let work: Arc<Work> = Arc::new(work);
    WORK.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&work));
    BeforeTheEnd(work)
}

impl Drop for BeforeTheEnd {
    fn drop(&mut self) {
        let mut works = WORK.lock().unwrap_or_else(PoisonError::into_inner);
        works.retain(|work| !Arc::ptr_eq(work, &self.0));
    }
}

/// Installs the handlers for all signals that end the process at once.
pub fn end_in_order() {
    ENDS.into_iter().for_each(install);
}

/// Installs the handler for a truncated file, once; the message names `path`.
pub fn watch(path: &Path) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = CUT_SHORT.set(format!(
            "error: {}, or a file beside it, was cut short by another program while it was read; wait \
             until that is done, and start again\n",
            shown(&path.to_string_lossy())
        ));
        install(SIGBUS);
    });
}

/// Lets the allocator reserve address space for two threads at a time: it would reserve 64 MB for each, which counts
/// where the address space is limited.
pub fn reserve_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets a number of the allocator; called before there are other threads.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

fn install(signal: c_int) {
    // SAFETY: the action is complete: all its bytes are zero but for the handler, which takes a signal's number, and
    // the flags. Threads have a stack for signals, so that a stack that overflows can be reported too.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = end as extern "C" fn(c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_ONSTACK | libc::SA_RESETHAND;
        libc::sigaction(signal, &raw const action, ptr::null_mut());
    }
}

/// The handler. Nothing in it allocates or waits for a lock: the signal may come from within the allocator.
extern "C" fn end(signal: c_int) {
    for work in registered().iter().flat_map(|works| works.iter().rev()) {
        work();
    }
    // Without the lock of `Stderr`. Nobody can be told that it failed.
    let _ = rustix::io::write(stderr(), sentence(signal).as_bytes());
    match CUT_SHORT.get() {
        Some(_) if signal == SIGBUS => low_level::exit(1),
        // The handler is gone: the same signal ends the process when this one returns.
        _ => drop(low_level::raise(signal)),
    }
}

/// The registered work; another thread that is registering some gets a moment to end. None if it is this one.
fn registered() -> Option<MutexGuard<'static, Vec<Arc<Work>>>> {
    (0..20).find_map(|_| match WORK.try_lock() {
        Ok(works) => Some(works),
        Err(TryLockError::Poisoned(works)) => Some(works.into_inner()),
        Err(TryLockError::WouldBlock) => {
            thread::sleep(Duration::from_millis(10));
            None
        }
    })
}

fn sentence(signal: c_int) -> &'static str {
    match (signal, CUT_SHORT.get()) {
        (SIGBUS, Some(sentence)) => sentence,
        (SIGABRT, _) => {
            "error: Lookback was aborted, perhaps for want of memory; take a smaller model, a shorter sentence or smaller \
             frames, or raise the limit of memory\n"
        }
        (SIGXCPU, _) => {
            "error: the limit of processor time is used up; raise it with `ulimit -t`\n"
        }
        _ => {
            "error: a part of Lookback failed; please report it, with the sentence and the model\n"
        }
    }
}
