//! Standard input, read as the terminal sends it.

use std::{
    io::{self, ErrorKind, stdin},
    os::fd::AsRawFd,
};

use filedescriptor::{POLLIN, poll, pollfd};

use super::sequences::{Heard, Sequences};

/// Hands over what the terminal sends until `take` wants no more.
///
/// # Errors
/// If the terminal is gone or cannot be read.
pub fn listen(mut take: impl FnMut(Heard) -> bool) -> io::Result<()> {
    let terminal = stdin();
    let mut sequences = Sequences::default();
    let mut bytes = [0; 4096];
    loop {
        let mut waits = [pollfd { fd: terminal.as_raw_fd(), events: POLLIN, revents: 0 }];
        let heard = match poll(&mut waits, sequences.patience()) {
            Ok(0) => sequences.silence(),
            // Without the buffer of `Stdin`, which would hide bytes from `poll`.
            Ok(_) => match rustix::io::read(&terminal, &mut bytes).map_err(io::Error::from) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => sequences.hear(&bytes[..n]),
                Err(e) if is_passing(&e) => continue,
                Err(e) => return Err(e),
            },
            Err(filedescriptor::Error::Poll(e) | filedescriptor::Error::Io(e))
                if is_passing(&e) =>
            {
                continue;
            }
            Err(e) => return Err(io::Error::other(e)),
        };
        if !heard.into_iter().all(&mut take) {
            return Ok(());
        }
    }
}

/// Whether reading may be tried again.
fn is_passing(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock)
}
