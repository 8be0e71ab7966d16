//! A drawn buffer as plain text: the characters of the screen, row by row.

use std::io;

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

use super::{Format, FormatColours, FrameSettings, Write};
use crate::render::frame::Shot;

/// This format's entry in [`FORMATS`](crate::export::FORMATS).
pub static FORMAT: Format = Format {
    id: "txt",
    extension: "txt",
    about: "characters only",
    is_text: true,
    is_scaled: false,
    is_timed: false,
    pixel_bytes: 0,
    colours: FormatColours::None,
    write: Write::Frame(write),
};

/// Writes a frame.
///
/// # Errors
/// If the writer fails.
pub fn write(shot: &Shot, _: &FrameSettings, out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(text(shot.buffer()).as_bytes())
}

/// The text of a buffer, one line per row, without trailing spaces; a wide character is written once.
pub fn text(buffer: &Buffer) -> String {
    let rows = super::rows(buffer).map(|row| {
        let mut line = String::new();
        let mut covered = 0; // cells that a wide character before them covers
        for cell in row {
            if covered == 0 {
                line.push_str(cell.symbol());
                covered = cell.symbol().width().max(1);
            }
            covered -= 1;
        }
        line.truncate(line.trim_end_matches(' ').len());
        line.push('\n');
        line
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_at_the_end_go_and_wide_characters_stand_once() {
        let mut buffer = Buffer::with_lines(["ab 猫c  ", "        ", "  🐈 |   "]);
        buffer[(1, 0)].set_symbol("é");
        assert_eq!(text(&buffer), "aé 猫c\n\n  🐈 |\n");
    }
}
