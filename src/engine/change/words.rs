//! The written form of the words that evidence asks about: one, or two with a comma between them; a word that has a comma
//! stands in quotes.

use std::str::FromStr as _;

use anyhow::{Result, ensure};

use super::Change;
use crate::text::{refusal, visible::shown};

/// A question as it is typed: words, and after them the place, if one is asked about: `words=il,elle place=3`.
///
/// # Errors
/// As for [`Change::from_str`].
pub fn question(text: &str) -> Result<Vec<Change>> {
    let (words, place) = match text.rsplit_once(" place=") {
        Some((words, place)) if words.starts_with("words=") && !place.contains('"') => {
            (words, Some(Change::place(place)?))
        }
        _ => (text, None),
    };
    Ok([Change::from_str(words)?].into_iter().chain(place).collect())
}

/// Words as they are typed: `il,elle`.
pub fn words_as_typed<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    let typed = |word: S| {
        let word = word.as_ref();
        let is_plain = !word.starts_with('"')
            && !word.contains([',', '=']) // `=` could be read as the place
            && word.trim() == word;
        if is_plain { word.to_owned() } else { format!("\"{word}\"") }
    };
    words.into_iter().map(typed).collect::<Vec<_>>().join(",")
}

/// One word, or two different ones.
pub(super) fn parsed(value: &str) -> Result<Change> {
    let words = split(value);
    let is_good = match words[..] {
        [word] => !word.is_empty(),
        [word, against] => !word.is_empty() && !against.is_empty() && word != against,
        _ => false,
    };
    ensure!(
        is_good,
        refusal!(
            "words=`{value}`: give one word, or two different ones, as in words=il,elle; a word that has a comma stands in quotes",
            value = shown(value)
        )
    );
    let against = words.get(1).map(|word| (*word).to_owned());
    Ok(Change::Words { word: words[0].to_owned(), against })
}

/// The parts between commas, of which none counts that stands in quotes.
fn split(value: &str) -> Vec<&str> {
    let mut words = vec![];
    let mut rest = Some(value);
    while let Some(text) = rest {
        let text = text.trim_start();
        let (word, after) = quoted(text).unwrap_or_else(|| match text.split_once(',') {
            Some((word, after)) => (word.trim(), Some(after)),
            None => (text.trim(), None),
        });
        words.push(word);
        rest = after;
    }
    words
}

/// A word in quotes, and what follows its comma. The closing quote is the first before a comma or the end, so that the
/// word may be a quote itself.
fn quoted(text: &str) -> Option<(&str, Option<&str>)> {
    let inside = text.strip_prefix('"')?;
    inside.match_indices('"').filter(|(at, _)| *at > 0).find_map(|(at, _)| {
        let after = inside[at + 1..].trim_start();
        let next = after.strip_prefix(',');
        (after.is_empty() || next.is_some()).then_some((&inside[..at], next))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_a_comma_stands_in_quotes() {
        for words in
            [&["10,000"][..], &[",", "\""], &["a\"", "\"b"], &[" x", "place=3"], &["\"", "x\""]]
        {
            let typed = words_as_typed(words);
            assert_eq!(split(&typed), words, "{typed}");
        }
        assert_eq!(split("il , \"elle\" "), ["il", "elle"]);
        assert_eq!(split("\"il"), ["\"il"]);
    }

    #[test]
    fn a_place_may_follow_the_words() {
        let written = |text: &str| {
            question(text).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(written("words=il,elle place=3"), ["words=il,elle", "place=3"]);
        assert_eq!(written("words=\"a place=3\""), ["words=\"a place=3\""]);
        assert_eq!(written("teach=a place=3"), ["teach=a place=3"]);
        assert!(question("words=il place=x").is_err() && question("place=3 place=4").is_err());
    }
}
