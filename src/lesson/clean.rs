//! A file of the lesson: what it says can be read as it stands there. What it would hide is refused, since
//! a lesson is shown, and exported, without a further look.

use anyhow::{Result, bail};
use serde::de::DeserializeOwned;

use crate::text::visible::{is_visible, visible};

/// Escapes of TOML that stand for characters which are not seen, or for any.
const ESCAPES: [char; 7] = ['u', 'U', 'x', 'e', 'b', 'f', 'r'];

/// # Errors
/// If a line hides a character or has an escape that might, or the text is not what is wanted; the
/// message names the line.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    for (i, line) in text.lines().enumerate() {
        let n = i + 1;
        if !is_visible(&line.replace('\t', " ")) {
            bail!("line {n} has a character that is not seen: {}", visible(line));
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
