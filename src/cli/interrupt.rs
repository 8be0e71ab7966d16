//! A long command that is asked to end: it stops at the next frame, and leaves nothing half done.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

/// Whether a signal has come.
pub struct Interrupt {
    seen: Arc<AtomicUsize>,
}

impl Interrupt {
    /// From now on a first signal is only noted. A second one ends the process.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen() -> io::Result<Self> {
        let seen = Arc::new(AtomicUsize::new(0));
        let again = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: the first signal does not yet see what it sets itself.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))?;
            flag::register(signal, Arc::clone(&again))?;
            flag::register_usize(signal, Arc::clone(&seen), signal as usize)?;
        }
        Ok(Self { seen })
    }

    /// The signal, if one has come.
    pub fn signal(&self) -> Option<u8> {
        let signal = self.seen.load(Ordering::Relaxed) as u8;
        (signal != 0).then_some(signal)
    }

    /// # Errors
    /// If a signal has come.
    pub fn check(&self) -> io::Result<()> {
        self.signal().map_or(Ok(()), |_| Err(io::Error::other("stopped")))
    }
}
