//! A frame as text with escape codes for colours: `cat` shows it in a terminal.

use std::io;

use super::{Format, FormatColours, FrameSettings, Write, rows};
use crate::render::{frame::Shot, sgr};

/// This format's entry in [`FORMATS`](crate::export::FORMATS).
pub static FORMAT: Format = Format {
    id: "ansi",
    extension: "ansi",
    about: "characters with colours, as terminals read them",
    is_text: true,
    is_scaled: false,
    is_timed: false,
    pixel_bytes: 0,
    colours: FormatColours::Terminal,
    write: Write::Frame(write),
};

/// Writes a frame, one line per row; every line ends with attributes reset.
///
/// # Errors
/// If the writer fails.
pub fn write(shot: &Shot, _: &FrameSettings, out: &mut dyn io::Write) -> io::Result<()> {
    rows(shot.buffer()).try_for_each(|row| writeln!(out, "{}", sgr::line(row)))
}
