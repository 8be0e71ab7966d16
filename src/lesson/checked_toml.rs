//! Reads files of the lesson, and refuses invisible characters: a lesson is shown and exported without further checks.

use anyhow::{Result, bail};
use serde::de::DeserializeOwned;

use crate::text::visible::{is_visible, visible};

/// Escapes of TOML that can stand for an invisible character.
const ESCAPES: [char; 7] = ['u', 'U', 'x', 'e', 'b', 'f', 'r'];

/// Parses a file without invisible characters.
///
/// # Errors
/// If a line has an invisible character or an escape for one, or the text does not parse as `T`; the message names the
/// line.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    for (i, line) in text.lines().enumerate() {
        let n = i + 1;
        if !is_visible(&line.replace('\t', " ")) {
            bail!("line {n} has an invisible character: {}", visible(line));
        }
        if line.split('\\').skip(1).any(|rest| rest.starts_with(ESCAPES)) {
            bail!(
                "line {n} has a character as an escape; write the character itself: {}",
                visible(line)
            );
        }
    }
    Ok(toml::from_str(text)?)
}

#[cfg(test)]
mod tests {
    use crate::lesson::{Language, Lesson, ORDER};

    #[test]
    fn a_lesson_that_hides_a_character_is_refused_with_its_line() {
        let words = Language::English.words();
        let line = words.lines().position(|line| line.starts_with("title = ")).unwrap_or(0) + 1;
        for hidden in ["\u{1b}[2J", "\u{9b}m", "\u{202e}", "\u{200b}", "\u{feff}", "\\u001b", "\\e"]
        {
            let words = words.replacen("\ntitle = \"", &format!("\ntitle = \"{hidden}"), 1);
            let why = Lesson::parse(Language::English, ORDER, &words).err().map(|e| e.to_string());
            let why = why.unwrap_or_default();
            assert!(why.contains(&format!("line {line} ")) && !why.contains('\u{1b}'), "{why}");
            let order = ORDER.replacen("id = \"", &format!("id = \"{hidden}"), 1);
            assert!(Lesson::parse(Language::English, &order, Language::English.words()).is_err());
        }
    }
}
