//! Signals during a long command: it stops at the next frame and leaves no partial file.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use signal_hook::flag;

use crate::term::ends;

/// The signal that arrived, if any.
pub struct Interrupt {
    seen: Arc<AtomicUsize>,
}

impl Interrupt {
    /// From now on the first signal is only recorded; a second one ends the process.
    ///
    /// # Errors
    /// If the handlers cannot be installed.
    pub fn listen() -> io::Result<Self> {
        let seen = Arc::new(AtomicUsize::new(0));
        let again = Arc::new(AtomicBool::new(false));
        for signal in ends() {
            // The order matters: the first signal must not see the flag that it sets.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))?;
            flag::register(signal, Arc::clone(&again))?;
            flag::register_usize(signal, Arc::clone(&seen), signal as usize)?;
        }
        Ok(Self { seen })
    }

    /// The signal, if one arrived.
    pub fn signal(&self) -> Option<u8> {
        let signal = self.seen.load(Ordering::Relaxed) as u8;
        (signal != 0).then_some(signal)
    }

    /// # Errors
    /// If a signal arrived.
    pub fn check(&self) -> io::Result<()> {
        self.signal().map_or(Ok(()), |_| Err(io::Error::other("stopped")))
    }
}
