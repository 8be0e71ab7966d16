//! A trace as JSON: every value by its site's path, streamed.
//!
//! ```text
//! {"schema": "lookback-trace", "version": 1, "model", "sentence", "what_if": ["mask=off", ..],
//!  "tokens": {"source": [{"id", "text"}], "target": [..], "output": [..]}, "output_text",
//!  "sites": [{"path", "caption", "axes": ["head", "query", "key"], "shape": [4, 5, 5], "values": [[[..]]]}]}
//! ```
//! Numbers are f32 in their shortest form that reads back the same; `"inf"`, `"-inf"` and `"nan"` stand
//! for those that JSON does not know. A plain matrix has two axes; `what_if` is there in a changed pass. The version changes when a reader
//! of the old form would misread the new one.

use std::io::{self, Write};

use crate::{
    change::Changes,
    site::Axis,
    text::{Token, visible},
    trace::{Recorded, Trace},
    value::{Matrix, Value},
};

/// The version of the schema.
pub const VERSION: u32 = 1;

/// Writes the given sites of a pass as one document on one line.
///
/// # Errors
/// If the writer fails.
pub fn write(
    trace: &Trace,
    (sentence, changes): (&str, &Changes),
    sites: &[&Recorded],
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "{{\"schema\":\"lookback-trace\",\"version\":{VERSION},")?;
    write!(out, "\"model\":{},\"sentence\":{},", text(trace.model.id()), text(sentence))?;
    if !changes.is_empty() {
        write!(out, "\"what_if\":")?;
        list(changes.iter(), out, |change, out| write!(out, "{}", text(&change.to_string())))?;
        write!(out, ",")?;
    }
    write!(out, "\"tokens\":{{\"source\":")?;
    list(&trace.source, out, token)?;
    write!(out, ",\"target\":")?;
    list(&trace.target, out, token)?;
    write!(out, ",\"output\":")?;
    list(&trace.output, out, token)?;
    write!(out, "}},\"output_text\":{},\"sites\":", text(&trace.output_text))?;
    list(sites, out, |site, out| self::site(site, out))?;
    writeln!(out, "}}")
}

/// The axes that have a name, with their sizes: two for a plain matrix.
pub fn axes(site: &Recorded) -> Vec<(&'static str, usize)> {
    let shape = site.shape();
    let sizes = [shape.planes, shape.rows, shape.cols];
    let skipped = usize::from(!site.place.has_planes());
    site.axes().map(Axis::name).into_iter().zip(sizes).skip(skipped).collect()
}

fn site(site: &Recorded, out: &mut dyn Write) -> io::Result<()> {
    let axes = axes(site);
    write!(out, "{{\"path\":{},\"caption\":{},", text(site.path()), text(site.caption()))?;
    write!(out, "\"axes\":")?;
    list(&axes, out, |(name, _), out| write!(out, "{}", text(name)))?;
    write!(out, ",\"shape\":")?;
    list(&axes, out, |(_, size), out| write!(out, "{size}"))?;
    write!(out, ",\"values\":")?;
    values(&site.value, site.place.has_planes(), out)?;
    write!(out, "}}")
}

fn values(value: &Value, has_planes: bool, out: &mut dyn Write) -> io::Result<()> {
    if has_planes { list(value.planes(), out, plane) } else { plane(value.matrix(), out) }
}

fn plane(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    list(matrix.row_iter(), out, |row, out| list(row.iter(), out, |n, out| number(*n, out)))
}

fn number(n: f32, out: &mut dyn Write) -> io::Result<()> {
    if n.is_finite() {
        return Ok(serde_json::to_writer(out, &n)?);
    }
    write!(out, "\"{}\"", n.to_string().to_lowercase())
}

fn token(token: &Token, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\"id\":{},\"text\":{}}}", token.id, text(&token.text))
}

fn list<T>(
    items: impl IntoIterator<Item = T>,
    out: &mut dyn Write,
    mut one: impl FnMut(T, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    write!(out, "[")?;
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            write!(out, ",")?;
        }
        one(item, out)?;
    }
    write!(out, "]")
}

/// A JSON string in which controls and invisible characters are escapes: a terminal that is shown
/// the file must not obey it.
fn text(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.chars().fold(String::with_capacity(quoted.len()), |mut out, c| {
        let mut buffer = [0; 4];
        if visible(c.encode_utf8(&mut buffer)).contains(c) {
            out.push(c);
        } else {
            let units = c.encode_utf16(&mut [0; 2]).to_vec();
            out.extend(units.into_iter().map(|unit| format!("\\u{unit:04x}")));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_back_and_send_no_controls() {
        let sentence = "a\u{1b}[2J \"b\" \\ \u{9b}1m \u{202e}猫 🐈 \u{e0041}\u{7f}";
        let json = text(sentence);
        assert!(json.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).ok().as_deref(), Some(sentence));
    }

    #[test]
    fn numbers_are_short_and_read_back() {
        for n in [0.1_f32, -1.0e-30, 16_777_216.0, f32::MIN_POSITIVE, f32::INFINITY, f32::NAN] {
            let mut out = vec![];
            assert!(number(n, &mut out).is_ok());
            let written = String::from_utf8_lossy(&out).replace('"', "");
            let back: f32 = written.parse().unwrap_or(0.0);
            assert!(back.total_cmp(&n).is_eq() || n.is_nan() && back.is_nan(), "{written}");
        }
    }
}
