//! Text from outside, made safe to show: on terminals, in JSON and in TOML.
//!
//! Control characters, invisible characters and those that change the direction of text are written out. Safe text
//! is unchanged, so applying a function twice is the same as once.

use std::{
    io::{self, Write},
    path::Path,
};

/// Text that is safe to show: `␛`, `␊`, `<U+202E>` for what is hidden, everything else as it is.
pub fn visible(text: &str) -> String {
    replaced(text, |_| false, written_out)
}

/// A path, safe to show.
pub fn visible_path(path: &Path) -> String {
    visible(&path.to_string_lossy())
}

/// The beginning of a text that may be of any length, safe to show.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        None => visible(text),
        Some((end, _)) => visible(&text[..end]) + "…",
    }
}

/// Like [`visible`], but keeps line ends and tabs.
pub fn visible_lines(text: &str) -> String {
    replaced(text, |c| matches!(c, '\n' | '\t'), written_out)
}

/// Whether the text has no hidden character.
pub fn is_visible(text: &str) -> bool {
    characters(text).all(|(_, is_seen)| is_seen)
}

/// The text without hidden characters.
pub fn without_hidden(text: &str) -> String {
    replaced(text, |_| false, |_| String::new())
}

/// JSON with hidden characters escaped; they occur only in strings, where an escape means the same.
pub fn visible_json(json: &str) -> String {
    let escape = |c: char| {
        let units = c.encode_utf16(&mut [0; 2]).to_vec();
        units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<String>>().concat()
    };
    replaced(json, |c| c == '\n', escape)
}

/// A quoted TOML string.
pub fn toml_string(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", replaced(&text, |_| false, |c| format!("\\U{:08x}", u32::from(c))))
}

/// A writer that makes all control characters visible except line ends and tabs.
pub struct Visible<'a>(pub &'a mut dyn Write);

impl Write for Visible<'_> {
    /// Expects whole characters, as formatted output has them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(visible_lines(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn written_out(c: char) -> String {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).into_iter().collect(),
        '\u{7f}' => "␡".into(),
        c => format!("<U+{:04X}>", u32::from(c)),
    }
}

/// The text with every hidden character replaced, except those that stay.
fn replaced(text: &str, stays: impl Fn(char) -> bool, other: impl Fn(char) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    for (c, is_seen) in characters(text) {
        if is_seen || stays(c) {
            out.push(c);
        } else {
            out.push_str(&other(c));
        }
    }
    out
}

/// Every character, and whether it is seen there.
fn characters(text: &str) -> impl Iterator<Item = (char, bool)> {
    // Whether a variation selector here would have a base character.
    let mut has_base = false;
    text.chars().map(move |c| {
        let is_seen = if is_variation(c) { has_base } else { !is_hidden(c) };
        has_base = is_seen && !is_variation(c) && c != ' ';
        (c, is_seen)
    })
}

/// Whether this is a control or format character, a line or paragraph separator, never drawn, or not a character.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fdd0}'..='\u{fdef}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether this is a variation selector; without a base character it is invisible.
fn is_variation(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str =
        "a\u{1b}[2J\n\u{7f}\u{9b}\u{202e}\u{200b}\u{feff}\u{2028}\u{e0041}\u{fffe}\"\\b";

    #[test]
    fn controls_never_stay_raw() {
        assert_eq!(visible("a\u{1b}[2Jb\n\u{202e}c\u{9b}"), "a␛[2Jb␊<U+202E>c<U+009B>");
        assert_eq!(visible("naïve 猫 🐈"), "naïve 猫 🐈");
        assert_eq!(without_hidden(HOSTILE), "a[2J\"\\b");
    }

    #[test]
    fn a_mark_that_chooses_a_form_stays_where_it_has_one() {
        assert_eq!(visible("❤\u{fe0f} 葛\u{e0100}"), "❤\u{fe0f} 葛\u{e0100}");
        assert_eq!(visible("\u{fe0f}"), "<U+FE0F>");
        assert_eq!(visible("a \u{fe0f}b\u{fe0e}\u{fe0f}"), "a <U+FE0F>b\u{fe0e}<U+FE0F>");
    }

    #[test]
    fn what_is_visible_stays_as_it_is() {
        let once = visible(HOSTILE);
        assert!(is_visible(&once) && !is_visible(HOSTILE));
        assert_eq!(visible(&once), once);
    }

    #[test]
    fn a_writer_keeps_lines_and_columns_alone() -> io::Result<()> {
        let mut out = vec![];
        let (first, second) = ("a\u{1b}", "\u{202e}猫");
        write!(Visible(&mut out), "{first}\t{second}\r\n")?;
        assert_eq!(String::from_utf8_lossy(&out), "a␛\t<U+202E>猫␍\n");
        Ok(())
    }

    #[test]
    fn json_and_toml_read_back_as_they_were() -> anyhow::Result<()> {
        let json = visible_json(&serde_json::to_string(HOSTILE)?);
        assert_eq!(visible(&json), json);
        assert_eq!(serde_json::from_str::<String>(&json)?, HOSTILE);
        let toml = format!("a = {}", toml_string(HOSTILE));
        assert_eq!(visible(&toml), toml);
        assert_eq!(toml::from_str::<toml::Table>(&toml)?["a"].as_str(), Some(HOSTILE));
        Ok(())
    }
}
