//! The walk as a film for terminals: asciicast version 2, which every asciinema and agg plays.
//!
//! Every step is one event that writes the rows that differ from the step before, and stays for its reading time;
//! every chapter begins with a marker. Format: docs.asciinema.org/manual/asciicast.

use std::{fmt::Write as _, io, time::Duration};

use serde_json::json;

use super::{Film, Format, FormatColours, FrameSettings, Write, rows};
use crate::{
    render::{frame::Shot, markup::hex, sgr},
    text::visible::{visible, visible_json},
    ui::theme::NAMED,
};

/// This format's entry in [`FORMATS`](crate::export::FORMATS).
pub static FORMAT: Format = Format {
    id: "cast",
    extension: "cast",
    about: "film for terminals, asciicast version 2: asciinema play walk.cast",
    is_text: true,
    is_scaled: false,
    is_timed: true,
    pixel_bytes: 0,
    colours: FormatColours::Terminal,
    write: Write::Film(write),
};

/// The data of a frame.
struct Part {
    header: String,
    /// The chapter's heading, if this is its first frame.
    marker: Option<String>,
    /// The text sent to the terminal.
    output: String,
    time: Duration,
}

/// Writes the film; times count from its beginning.
///
/// # Errors
/// If the writer fails or the work is stopped.
pub fn write(film: Film, paper: &FrameSettings, out: &mut dyn io::Write) -> io::Result<()> {
    let part = |before: Option<&Shot>, shot: &Shot| Part {
        header: header(shot),
        marker: marker(before, shot),
        output: output(before, shot),
        time: paper.time(shot),
    };
    let mut now = Duration::ZERO;
    let mut is_first = true;
    film.each_beat(part, |part| {
        if std::mem::take(&mut is_first) {
            writeln!(out, "{}", part.header)?;
        }
        if let Some(marker) = part.marker {
            writeln!(out, "{}", event(now, "m", &marker))?;
        }
        writeln!(out, "{}", event(now, "o", &part.output))?;
        now += part.time;
        Ok(())
    })?;
    // The last frame is shown for its time too.
    writeln!(out, "{}", event(now, "o", ""))
}

fn event(at: Duration, code: &str, data: &str) -> String {
    let seconds = at.as_millis() as f64 / 1000.0;
    visible_json(&json!([seconds, code, data]).to_string())
}

fn header(shot: &Shot) -> String {
    let area = shot.buffer().area;
    let title = visible(&shot.reading().sentence.text);
    let (ink, ground) = shot.views[0].theme.paper();
    let palette = NAMED.map(|(_, rgb)| hex(rgb)).join(":");
    let theme = json!({"fg": hex(ink), "bg": hex(ground), "palette": palette});
    let header = json!({
        "version": 2, "width": area.width, "height": area.height,
        "title": title, "env": {"TERM": "xterm-256color"}, "theme": theme,
    });
    visible_json(&header.to_string())
}

fn marker(before: Option<&Shot>, shot: &Shot) -> Option<String> {
    let (number, title) = shot.chapter();
    let is_new = before.is_none_or(|before| before.chapter().0 != number);
    is_new.then(|| format!("{number}. {title}"))
}

/// The text that writes the changed rows. A row is cleared before it is written: after a full row the cursor would be
/// on its last character.
fn output(before: Option<&Shot>, shot: &Shot) -> String {
    let mut output = String::from(if before.is_none() { "\x1b[?25l\x1b[2J" } else { "" });
    let mut there = before.map(|before| rows(before.buffer()));
    for (y, row) in rows(shot.buffer()).enumerate() {
        let is_there = there.as_mut().and_then(Iterator::next).is_some_and(|there| there == row);
        if !is_there {
            let _ = write!(output, "\x1b[{};1H\x1b[2K{}", y + 1, sgr::line(row));
        }
    }
    output
}
