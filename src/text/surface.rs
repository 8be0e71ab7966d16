//! How a vocabulary entry is shown.
//!
//! A leading space is `·`; byte-level entries are decoded from their printable alphabet (GPT-2,
//! `bytes_to_unicode`), and bytes of incomplete characters are written as `<0xE2>`.

use serde_json::Value as Json;

use super::{plan::TokenizerParts, visible};

/// The encoding of a vocabulary's entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alphabet {
    /// A printable character for each byte, as in GPT-2.
    Bytes,
    /// `▁` for a space, as in SentencePiece.
    Spaces,
    /// Plain text.
    #[default]
    Plain,
}

impl Alphabet {
    /// The encoding that the parts around the model imply.
    pub fn of(parts: &TokenizerParts) -> Self {
        let parts = [&parts.decoder, &parts.pre_tokenizer, &parts.normalizer].map(Json::to_string);
        let any = |words: &[&str]| words.iter().any(|w| parts.iter().any(|part| part.contains(w)));
        match () {
            () if any(&["\"ByteLevel\""]) => Self::Bytes,
            () if any(&["\"Metaspace\"", "\"▁\""]) => Self::Spaces,
            () => Self::Plain,
        }
    }

    /// A decoded entry, safe to show.
    pub fn shown(self, token: &str) -> String {
        match self {
            Self::Bytes => match token.chars().map(byte).collect::<Option<Vec<u8>>>() {
                Some(bytes) => from_bytes(&bytes),
                None => spaced(token),
            },
            Self::Spaces => spaced(&token.replace('▁', " ")),
            Self::Plain => spaced(token),
        }
    }

    /// The entry for `word` with a space before it.
    pub fn led_by_space(self, word: &str) -> String {
        match self {
            Self::Bytes => format!("Ġ{word}"),
            Self::Spaces => format!("▁{word}"),
            Self::Plain => word.to_owned(),
        }
    }
}

/// The byte that a character of the byte-level alphabet stands for.
fn byte(c: char) -> Option<u8> {
    match c {
        '!'..='~' | '¡'..='¬' | '®'..='ÿ' => u8::try_from(c).ok(),
        'Ā'..='Ġ' => Some((c as u32 - 256) as u8),
        'ġ'..='ł' => Some((c as u32 - 289 + 127) as u8),
        'Ń' => Some(173),
        _ => None,
    }
}

/// The bytes as text, with `<0xE2>` for bytes of incomplete characters.
fn from_bytes(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("<0x{byte:02X}>")));
    }
    spaced(&text)
}

/// Leading spaces as `·`, controls visible.
fn spaced(text: &str) -> String {
    let rest = text.trim_start_matches(' ');
    "·".repeat(text.len() - rest.len()) + &visible(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_shown_as_people_read_them() {
        let cases = [
            (Alphabet::Bytes, "Ġthe", "·the"),
            (Alphabet::Bytes, "Ċ", "␊"),
            (Alphabet::Bytes, "ĠâĢ", "·<0xE2><0x80>"),
            (Alphabet::Bytes, "Ã©", "é"),
            (Alphabet::Bytes, "<|im_start|>", "<|im_start|>"),
            (Alphabet::Bytes, "<｜end｜>", "<｜end｜>"),
            (Alphabet::Spaces, "▁▁a", "··a"),
            (Alphabet::Spaces, "<0x0A>", "<0x0A>"),
            (Alphabet::Plain, "##ness", "##ness"),
            (Alphabet::Plain, "\u{202e}a", "<U+202E>a"),
        ];
        for (alphabet, token, want) in cases {
            assert_eq!(alphabet.shown(token), want, "{token}");
        }
    }

    #[test]
    fn every_byte_has_its_character() {
        let letters = tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet();
        let mut bytes: Vec<u8> = letters.iter().filter_map(|&c| byte(c)).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
    }
}
