//! A frame as text with escape codes for colours: `cat` shows it in a terminal.

use std::io;

use super::{Paper, rows};
use crate::render::{frame::Shot, sgr};

/// Writes a frame, one line per row; every line ends with attributes reset.
///
/// # Errors
/// If the writer fails.
pub fn write(shot: &Shot, _: &Paper, out: &mut dyn io::Write) -> io::Result<()> {
    rows(shot.buffer()).try_for_each(|row| writeln!(out, "{}", sgr::line(row)))
}
