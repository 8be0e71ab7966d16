//! The walk as a film for terminals: asciicast, version 2 and 3, as asciinema plays it.
//!
//! Every step is one event that writes the rows that differ from the step before, and stays for its
//! reading time; every chapter begins with a marker. Format: docs.asciinema.org/manual/asciicast.

use std::{fmt::Write as _, io, time::Duration};

use serde_json::json;

use super::{Film, Paper, rows};
use crate::{
    render::{frame::Shot, markup::hex, picture::NAMED, sgr},
    text::visible::{visible, visible_json},
};

/// Version 2: times count from the beginning.
///
/// # Errors
/// If the writer fails or the work is stopped.
pub fn write(film: Film, paper: &Paper, out: &mut dyn io::Write) -> io::Result<()> {
    record(film, paper, Version::Two, out)
}

/// Version 3: times count from the event before.
///
/// # Errors
/// If the writer fails or the work is stopped.
pub fn write_v3(film: Film, paper: &Paper, out: &mut dyn io::Write) -> io::Result<()> {
    record(film, paper, Version::Three, out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Two,
    Three,
}

/// What is known of a frame when its turn comes.
struct Part {
    header: String,
    /// Where a chapter begins: its heading.
    marker: Option<String>,
    /// What the terminal is sent.
    output: String,
    time: Duration,
}

fn record(film: Film, paper: &Paper, version: Version, out: &mut dyn io::Write) -> io::Result<()> {
    let part = |before: Option<&Shot>, shot: &Shot| Part {
        header: header(shot, version),
        marker: marker(before, shot),
        output: output(before, shot),
        time: paper.time(shot),
    };
    let mut clock = Clock { version, now: Duration::ZERO, told: Duration::ZERO };
    let mut is_first = true;
    film.each(part, |part| {
        if std::mem::take(&mut is_first) {
            writeln!(out, "{}", part.header)?;
        }
        if let Some(marker) = part.marker {
            writeln!(out, "{}", clock.event("m", &marker))?;
        }
        writeln!(out, "{}", clock.event("o", &part.output))?;
        clock.now += part.time;
        Ok(())
    })?;
    // The last frame has its time too.
    let (code, data) = if version == Version::Two { ("o", "") } else { ("x", "0") };
    writeln!(out, "{}", clock.event(code, data))
}

/// Tells the times of events.
struct Clock {
    version: Version,
    now: Duration,
    /// Of the event before.
    told: Duration,
}

impl Clock {
    fn event(&mut self, code: &str, data: &str) -> String {
        let since = if self.version == Version::Two { Duration::ZERO } else { self.told };
        self.told = self.now;
        let seconds = self.now.saturating_sub(since).as_millis() as f64 / 1000.0;
        visible_json(&json!([seconds, code, data]).to_string())
    }
}

fn header(shot: &Shot, version: Version) -> String {
    let area = shot.buffer().area;
    let title = visible(&shot.reading().sentence.text);
    let (ink, ground) = shot.views[0].theme.paper();
    let palette = NAMED.map(|(_, rgb)| hex(rgb)).join(":");
    let theme = json!({"fg": hex(ink), "bg": hex(ground), "palette": palette});
    let header = match version {
        Version::Two => json!({
            "version": 2, "width": area.width, "height": area.height,
            "title": title, "env": {"TERM": "xterm-256color"}, "theme": theme,
        }),
        Version::Three => json!({
            "version": 3, "title": title,
            "term": {
                "cols": area.width, "rows": area.height, "type": "xterm-256color", "theme": theme,
            },
        }),
    };
    visible_json(&header.to_string())
}

fn marker(before: Option<&Shot>, shot: &Shot) -> Option<String> {
    let (number, title) = shot.chapter();
    let is_new = before.is_none_or(|before| before.chapter().0 != number);
    is_new.then(|| format!("{number}. {title}"))
}

/// The rows that are not there yet. A row is cleared before it is written: after a full one the cursor
/// would stand on its last character.
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn times_are_absolute_in_one_version_and_relative_in_the_other() {
        for (version, want) in [(Version::Two, [0.0, 1.5, 1.5]), (Version::Three, [0.0, 1.5, 0.0])]
        {
            let mut clock = Clock { version, now: Duration::ZERO, told: Duration::ZERO };
            let first = clock.event("o", "a");
            clock.now += Duration::from_millis(1500);
            let told = [first, clock.event("m", "b"), clock.event("o", "c")];
            let times =
                told.map(|e| serde_json::from_str::<Value>(&e).unwrap_or_default()[0].clone());
            assert_eq!(times, want.map(Value::from));
        }
    }
}
