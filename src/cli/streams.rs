//! Where a command prints.

use std::io::Write;

/// The answer of a command, and remarks beside it.
pub struct Streams<'a> {
    pub out: &'a mut dyn Write,
    pub notes: &'a mut dyn Write,
}
