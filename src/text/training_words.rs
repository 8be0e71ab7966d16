//! The English words that the built-in models have seen, and the words of a sentence that they have not.

use std::{collections::HashSet, ops::Range, sync::LazyLock};

use tokenizers::Encoding;
use unicode_normalization::UnicodeNormalization as _;

use super::{Unknown, engine::Engine, visible};

/// Lower-case English words of the training sentences, most frequent first (`assets/training/embed.py`).
static WORDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../../assets/models/words.txt").lines().collect());

static SEEN: LazyLock<HashSet<&str>> = LazyLock::new(|| WORDS.iter().copied().collect());

/// The English words, in lower case, most frequent first.
pub fn words() -> &'static [&'static str] {
    &WORDS
}

/// The words of an encoded text that no training sentence had, or not in capitals. Numbers and punctuation have been
/// seen.
pub fn unknown(engine: &Engine, encoding: &Encoding) -> Vec<Unknown> {
    let words = word_ranges(engine, encoding).into_iter();
    words
        .filter_map(|tokens| {
            let ids = &encoding.get_ids()[tokens.clone()];
            let is_capitals = is_spelled_in_capitals(engine, ids);
            if is_seen(engine, ids) && !is_capitals {
                return None;
            }
            let word = visible(engine.decode(ids, false).unwrap_or_default().trim());
            Some(Unknown { word, tokens, is_read: true, instead: vec![], is_capitals })
        })
        .filter(|unknown| !unknown.word.is_empty())
        .collect()
}

/// Whether these tokens spell a seen word in capitals that takes fewer in small letters: `THE`, not `TV`.
fn is_spelled_in_capitals(engine: &Engine, ids: &[u32]) -> bool {
    let text = engine.decode(ids, false).unwrap_or_default();
    let word = text.trim();
    let small = || engine.encode_fast(format!(" {}", word.to_lowercase()), false);
    is_seen_word(word)
        && !word.contains(char::is_lowercase)
        && small().is_ok_and(|small| small.get_ids().len() < ids.len())
}

/// The tokens of each word; adjacent words that are spelled in bytes count as one.
fn word_ranges(engine: &Engine, encoding: &Encoding) -> Vec<Range<usize>> {
    let (ids, words) = (encoding.get_ids(), encoding.get_word_ids());
    let is_spelled =
        |tokens: &Range<usize>| ids[tokens.clone()].iter().any(|&id| is_byte(engine, id));
    let mut ranges: Vec<Range<usize>> = vec![];
    for i in 0..ids.len() {
        match ranges.last_mut() {
            Some(last) if words[i] == words[i - 1] => last.end = i + 1,
            _ => ranges.push(i..i + 1),
        }
    }
    let mut joined: Vec<Range<usize>> = vec![];
    for range in ranges {
        match joined.last_mut() {
            Some(last) if is_spelled(last) && is_spelled(&range) => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

/// Whether a word's tokens spell a word of the training sentences, or no word at all.
fn is_seen(engine: &Engine, ids: &[u32]) -> bool {
    if ids.iter().any(|&id| is_byte(engine, id)) {
        return false;
    }
    let text = engine.decode(ids, false).unwrap_or_default().trim().to_lowercase();
    !text.contains(char::is_alphabetic) || SEEN.contains(text.as_str())
}

/// Whether a training sentence had this word of two letters or more, in whatever case.
pub fn is_seen_word(word: &str) -> bool {
    word.chars().count() > 1
        && word.contains(char::is_alphabetic)
        && SEEN.contains(word.to_lowercase().as_str())
}

fn is_byte(engine: &Engine, id: u32) -> bool {
    engine.id_to_token(id).is_some_and(|t| t.starts_with("<0x") && t.ends_with('>'))
}

/// The text in the form of the training sentences (`plain` in assets/training/everyday.py): composed letters, plain
/// signs, single spaces, nothing invisible.
pub fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.nfc() {
        match c {
            '‘' | '’' | 'ʼ' => plain.push('\''),
            '“' | '”' | '„' => plain.push('"'),
            '‐' | '–' | '—' => plain.push('-'),
            '…' => plain.push_str("..."),
            '\u{ad}' | '\u{200b}' | '\u{200c}' | '\u{feff}' => {}
            c => plain.push(c),
        }
    }
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    // French puts spaces inside its quotation marks.
    plain.replace("« ", "«").replace(" »", "»").replace(['«', '»'], "\"")
}

/// A vocabulary entry without its leading space, safe to show. In an entry of spaces alone each is shown as `·`.
pub fn shown(token: &str) -> String {
    if token.chars().all(|c| c == ' ') {
        return "·".repeat(token.len());
    }
    visible(token.strip_prefix(' ').unwrap_or(token))
}

/// Whether the entry `token` goes on with the word that `before` belongs to.
pub fn continues(before: &str, token: &str) -> bool {
    let ends_in_letter = before.chars().next_back().is_some_and(char::is_alphanumeric);
    let begins_with_letter = token.starts_with(char::is_alphanumeric);
    ends_in_letter && begins_with_letter && token != "n't"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_digits_go_on_with_the_word_that_they_meet() {
        for (before, token) in [(" dog", "s"), (" 1", "2"), ("2", "nd"), (" B", "2")] {
            assert!(continues(before, token), "{before:?} {token:?}");
        }
        for (before, token) in [(" 1", " 2"), (".", "5"), (" did", "n't"), (" dog", ".")] {
            assert!(!continues(before, token), "{before:?} {token:?}");
        }
    }

    /// What `plain` in assets/training/everyday.py makes of them.
    #[test]
    fn texts_have_the_form_of_the_training_sentences() {
        for (typed, expected) in [
            ("The dog\u{a0}sleeps.", "The dog sleeps."),
            ("across\nbecause\tit", "across because it"),
            ("Hello.  How’s he?", "Hello. How's he?"),
            ("cafe\u{301}", "café"),
            ("She said «hello», « hi »\u{202f}!", "She said \"hello\", \"hi\" !"),
            ("zero\u{200b}width \u{ad}soft", "zerowidth soft"),
            ("a “b” … c–d", "a \"b\" ... c-d"),
            (" « x »", "\"x\""),
            ("„x“", "\"x\""),
        ] {
            assert_eq!(plain(typed), expected, "{typed:?}");
        }
    }
}
