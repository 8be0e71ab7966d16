//! What is known, written for other programs and other eyes: a drawn buffer as text, a trace as
//! numbers, files that appear whole or not at all.
//!
//! Exporters do not compute, and draw nothing that the screen would not. Nothing but the writer can fail here.

pub mod ansi;
pub mod files;
pub mod frames;
pub mod numbers;
pub mod plain;
pub mod txt;

use ratatui::buffer::{Buffer, Cell};

/// The rows of a buffer, top to bottom.
fn rows(buffer: &Buffer) -> impl Iterator<Item = &[Cell]> {
    buffer.content.chunks(usize::from(buffer.area.width).max(1))
}
