//! The numbers of passes for notebooks and other programs: one description, three formats.
//!
//! ```text
//! {"schema": "lookback-trace", "version": 1, "model", "sentence", "what_if": ["mask=off", ..],
//!  "tokens": {"source": [{"id", "text"}], "target": [..], "output": [..]}, "output_text",
//!  "sites": [{"path", "caption", "axes": ["head", "query", "key"], "shape": [4, 5, 5]}, ..]}
//! ```
//! JSON adds `"values"` to every site. npz and safetensors hold one array per site, named by its path (`MODEL/PATH` if
//! there are several passes), and the description as a text. A plain matrix has two axes; only a changed pass has
//! `what_if`. The version changes when a reader of the old format would misread the new one. The JSON schema is
//! `assets/trace.schema.json`.

pub mod json;
pub mod npz;
pub mod safetensors;

use std::io::{self, Write};

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{change::Changes, site::Axis, value::Value},
    text::{Token, visible::visible_json},
};

/// The schema's version.
pub const VERSION: u32 = 1;

/// A pass to write.
pub struct PassExport<'a> {
    pub trace: &'a Trace,
    pub sentence: &'a str,
    pub changes: &'a Changes,
    pub sites: Vec<&'a Recorded>,
}

/// The named axes with their sizes; two for a plain matrix.
pub fn axes(site: &Recorded) -> Vec<(&'static str, usize)> {
    let shape = site.shape();
    let sizes = [shape.planes, shape.rows, shape.cols];
    let skipped = usize::from(!site.place.has_planes());
    site.axes().map(Axis::name).into_iter().zip(sizes).skip(skipped).collect()
}

/// The sizes of [`axes`].
pub fn shape(site: &Recorded) -> Vec<usize> {
    axes(site).into_iter().map(|(_, size)| size).collect()
}

/// The JSON description of the passes, without values: an object for one pass, a list for several.
fn description(passes: &[PassExport]) -> io::Result<String> {
    let mut out: Vec<u8> = vec![];
    let without_values =
        |pass: &PassExport, out: &mut dyn Write| describe(pass, out, |_, _| Ok(()));
    match passes {
        [pass] => without_values(pass, &mut out)?,
        _ => list(passes, &mut out, without_values)?,
    }
    String::from_utf8(out).map_err(io::Error::other)
}

/// Every site with its array's name.
pub fn named<'a>(passes: &'a [PassExport<'a>]) -> impl Iterator<Item = (String, &'a Recorded)> {
    let name = |pass: &PassExport, site: &Recorded| match passes.len() {
        1 => site.path().to_owned(),
        _ => format!("{}/{}", pass.trace.model, site.path()),
    };
    passes.iter().flat_map(move |pass| pass.sites.iter().map(move |site| (name(pass, site), *site)))
}

/// The numbers as little-endian f32, the last axis varying fastest.
fn bytes(value: &Value) -> Vec<u8> {
    value.numbers().flat_map(f32::to_le_bytes).collect()
}

/// Writes a pass's description; `values` writes what follows the shape of each site.
fn describe(
    pass: &PassExport,
    out: &mut dyn Write,
    values: impl Fn(&Recorded, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let PassExport { trace, sentence, changes, sites } = pass;
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
    list(sites, out, |site, out| {
        describe_site(site, out)?;
        values(site, out)?;
        write!(out, "}}")
    })?;
    write!(out, "}}")
}

/// Writes a site's JSON object without its closing brace.
fn describe_site(site: &Recorded, out: &mut dyn Write) -> io::Result<()> {
    let axes = axes(site);
    write!(out, "{{\"path\":{},\"caption\":{},", text(site.path()), text(site.caption()))?;
    write!(out, "\"axes\":")?;
    list(&axes, out, |(name, _), out| write!(out, "{}", text(name)))?;
    write!(out, ",\"shape\":")?;
    list(&axes, out, |(_, size), out| write!(out, "{size}"))
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

/// A JSON string with control and invisible characters escaped, so that showing the file cannot send commands to a
/// terminal.
fn text(text: &str) -> String {
    visible_json(&serde_json::Value::from(text).to_string())
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
    fn arrays_keep_every_bit_row_after_row() {
        let numbers = [f32::NAN, f32::NEG_INFINITY, -0.0, 1.0e-40, f32::MAX, 0.1];
        let value = Value::from_rows(2, 3, &numbers);
        assert_eq!(bytes(&value), numbers.map(f32::to_le_bytes).concat());
    }
}
