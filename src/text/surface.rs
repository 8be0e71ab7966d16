//! How an entry of a vocabulary is shown.
//!
//! A leading space is `·`; byte-level entries are read from their alphabet of printable characters
//! (GPT-2, `bytes_to_unicode`), and bytes that are only a part of a character stand as `<0xE2>`.

use serde_json::Value as Json;

use super::{plan::TokenizerParts, visible};

/// In which letters a vocabulary is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alphabet {
    /// A printable character for each byte, as GPT-2 has it.
    Bytes,
    /// `▁` for a space, as SentencePiece has it.
    Spaces,
    /// As it is.
    #[default]
    Plain,
}

impl Alphabet {
    /// As the parts around the model tell.
    pub fn of(parts: &TokenizerParts) -> Self {
        let parts = [&parts.decoder, &parts.pre_tokenizer, &parts.normalizer].map(Json::to_string);
        let any = |words: &[&str]| words.iter().any(|w| parts.iter().any(|part| part.contains(w)));
        match () {
            () if any(&["\"ByteLevel\""]) => Self::Bytes,
            () if any(&["\"Metaspace\"", "\"▁\""]) => Self::Spaces,
            () => Self::Plain,
        }
    }

    /// An entry as people read it, safe to show.
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

    /// A word as the vocabulary would have it at the beginning of a word.
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

/// Text where the bytes are text, and `<0xE2>` where they are but a part of a character.
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
