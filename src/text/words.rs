//! Which tokens make a word together.

use std::ops::Range;

use super::Token;

/// Each of `n_tokens` tokens by itself.
pub fn single(n_tokens: usize) -> Vec<Range<usize>> {
    (0..n_tokens).map(|i| i..i + 1).collect()
}

/// What follows an apostrophe in English, and belongs to the word before it.
const CONTRACTED: [&str; 7] = ["d", "ll", "m", "re", "s", "t", "ve"];

const APOSTROPHES: [char; 2] = ['\'', '’'];

/// Whether a token is contracted with the word before it: `n't`, `'s`, or a part of it (`'`, then `s`).
fn is_contracted(tokens: &[Token], i: usize) -> bool {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let ends_in_letter = |i: usize| text(i).chars().next_back().is_some_and(char::is_alphanumeric);
    let is_apostrophe = |text: &str| APOSTROPHES.iter().any(|mark| text == mark.to_string());
    let is_rest = |text: &str| CONTRACTED.contains(&text.trim_start_matches('#'));
    let whole = text(i).strip_prefix('n').unwrap_or(text(i)).strip_prefix(APOSTROPHES);
    if i > 0 && ends_in_letter(i - 1) {
        return whole.is_some_and(is_rest) || (is_apostrophe(text(i)) && is_rest(text(i + 1)));
    }
    i > 1 && is_apostrophe(text(i - 1)) && ends_in_letter(i - 2) && is_rest(text(i))
}

/// The tokens of each word, in order; marks are words of their own. A checkpoint's token goes on with a word if it says so
/// (`##ing`), or if letters meet without a space where other tokens begin with one; a token that is only the mark of a
/// space begins the word after it. What is contracted is one word.
pub fn words(tokens: &[Token]) -> Vec<Range<usize>> {
    let marks_spaces = tokens.iter().any(|token| token.text.starts_with('·'));
    let meet = |before: &Token, token: &Token| {
        let ends = before.text.chars().next_back().is_some_and(char::is_alphanumeric);
        ends && token.text.chars().next().is_some_and(char::is_alphanumeric)
    };
    let is_after_space = |before: &Token, token: &Token| {
        before.text == "·" && !token.text.starts_with('·') && !is_special(&token.text)
    };
    let goes_on = |before: &Token, token: &Token| {
        token.continues
            || token.text.starts_with("##")
            || (marks_spaces && (meet(before, token) || is_after_space(before, token)))
    };
    let mut words: Vec<Range<usize>> = vec![];
    for (i, token) in tokens.iter().enumerate() {
        match words.last_mut() {
            Some(word) if goes_on(&tokens[i - 1], token) || is_contracted(tokens, i) => {
                word.end = i + 1;
            }
            _ => words.push(i..i + 1),
        }
    }
    words
}

/// The text of a word's tokens, without the marks that some go on with it; `##` is a checkpoint's own.
pub fn joined(tokens: &[Token]) -> String {
    let text = |(i, token): (usize, &Token)| match i {
        0 => token.text.clone(),
        _ => token.bare().trim_start_matches("##").to_owned(),
    };
    tokens.iter().enumerate().map(text).collect()
}

/// Whether a token stands for no text: `</s>`, `[SEP]`.
fn is_special(text: &str) -> bool {
    [('<', '>'), ('[', ']')]
        .into_iter()
        .any(|(begin, end)| text.len() > 2 && text.starts_with(begin) && text.ends_with(end))
}

/// A word in lower case, without the marks of spaces and of its parts.
pub fn lower(tokens: &[Token]) -> String {
    let bare = |token: &Token| {
        token.bare().trim_start_matches('·').trim_start_matches("##").to_lowercase()
    };
    tokens.iter().map(bare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Vec<String> {
        let token = |text: &&str| Token {
            id: 0,
            text: (*text).to_owned(),
            continues: text.starts_with('-'),
        };
        let tokens: Vec<Token> = texts.iter().map(token).collect();
        words(&tokens).into_iter().map(|word| texts[word].concat()).collect()
    }

    #[test]
    fn tokens_of_one_word_are_put_together_whatever_marks_them() {
        assert_eq!(of(&["the", "zor", "-blax", "."]), ["the", "zor-blax", "."]);
        assert_eq!(
            of(&["[CLS]", "play", "##ing", "chess", "[SEP]"]),
            ["[CLS]", "play##ing", "chess", "[SEP]"]
        );
        assert_eq!(
            of(&["<s>", "Un", "believ", "able", "·dogs", "!", "?"]),
            ["<s>", "Unbelievable", "·dogs", "!", "?"]
        );
        assert_eq!(of(&["a", "b", "c"]), ["a", "b", "c"]);
        assert_eq!(of(&["It", "did", "n't", ".", "She", "'s"]), ["It", "didn't", ".", "She's"]);
        assert_eq!(of(&["it", "didn", "'", "t", "go"]), ["it", "didn't", "go"]);
        assert_eq!(
            of(&["<s>", "I", "·don", "'t", "·'", "so", "'"]),
            ["<s>", "I", "·don't", "·'", "so", "'"]
        );
    }

    #[test]
    fn the_mark_of_a_space_begins_the_word_after_it() {
        assert_eq!(
            of(&["·the", "·", "d", "og", "·i", "s", "n", "'", "t", "·", "1", "2", "·", "</s>"]),
            ["·the", "·dog", "·isn't", "·12", "·", "</s>"]
        );
    }

    #[test]
    fn a_word_is_compared_without_the_marks_of_its_tokens() {
        let token = |text: &str, continues| Token { id: 0, text: text.to_owned(), continues };
        assert_eq!(lower(&[token("·The", false)]), "the");
        assert_eq!(lower(&[token("Zor", false), token("-blax", true)]), "zorblax");
        assert_eq!(lower(&[token("play", false), token("##ing", false)]), "playing");
    }
}
