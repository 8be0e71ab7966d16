//! The tokenizer: any text comes back from its tokens, words of the models' world are one token, and
//! what the models cannot know is said.

use lookback::text::{MAX_TOKENS, Tokenizer};
use proptest::prelude::*;

thread_local! {
    static TOKENIZER: Tokenizer = Tokenizer::embedded().unwrap();
}

fn tokens(text: &str) -> Vec<String> {
    TOKENIZER.with(|t| t.sentence(text).unwrap().tokens.into_iter().map(|t| t.text).collect())
}

#[test]
fn the_default_sentence_is_thirteen_known_tokens() {
    let text = "The animal didn't cross the street because it was too tired.";
    let want = "The animal did n't cross the street because it was too tired .";
    assert_eq!(tokens(text).join(" "), want);
    TOKENIZER.with(|t| assert!(t.sentence(text).unwrap().unknown.is_empty()));
    assert_eq!(tokens(&text.replace('\'', "’")).join(" "), want);
}

#[test]
fn every_word_of_the_world_is_one_token() {
    TOKENIZER.with(|t| {
        assert!(t.words().len() >= 400, "only {} words", t.words().len());
        for word in t.words() {
            // Endings such as n't stand attached to a word.
            let attached = word.contains('\'');
            let text = if attached { format!("did{word}") } else { word.clone() };
            let sentence = t.sentence(&text).unwrap();
            assert_eq!(sentence.tokens.len(), 1 + usize::from(attached), "{word}");
            assert!(sentence.unknown.is_empty(), "{word}");
        }
    });
}

#[test]
fn unknown_words_are_named_once_with_words_to_use_instead() {
    let sentence = TOKENIZER.with(|t| t.sentence("The zxqv sees 猫 in the street.").unwrap());
    let words: Vec<&str> = sentence.unknown.iter().map(|u| u.word.as_str()).collect();
    assert_eq!(words, ["zxqv", "猫"]);
    assert!(sentence.unknown.iter().all(|u| !u.instead.is_empty()));
    let spelled = &sentence.unknown[0].tokens;
    assert_eq!(spelled.len(), " zxqv".len(), "a token a byte, the space included");
}

#[test]
fn a_word_spelled_partly_in_letters_is_named_whole() {
    let sentence = TOKENIZER.with(|t| t.sentence("The zebra isn't an aardvark.").unwrap());
    let words: Vec<&str> = sentence.unknown.iter().map(|u| u.word.as_str()).collect();
    assert_eq!(words, ["zebra", "aardvark"]);
}

#[test]
fn french_words_and_lower_case_names_are_unknown_in_an_english_sentence() {
    let sentence = TOKENIZER.with(|t| t.sentence("The chien sees alice and Alice.").unwrap());
    let words: Vec<&str> = sentence.unknown.iter().map(|u| u.word.as_str()).collect();
    assert_eq!(words, ["chien", "alice"]);
}

#[test]
fn empty_and_endless_sentences_are_refused_with_a_reason() {
    TOKENIZER.with(|t| {
        for empty in ["", "   ", "\n\t"] {
            assert!(t.sentence(empty).unwrap_err().to_string().contains("empty"));
        }
        let message = t.sentence(&"dog ".repeat(10_000)).unwrap_err().to_string();
        assert!(
            message.contains("10000") && message.contains(&MAX_TOKENS.to_string()),
            "{message}"
        );
        assert!(t.sentence(&"dog ".repeat(1_000_000)).is_err());
    });
}

proptest! {
    #[test]
    fn any_text_comes_back_from_its_tokens(text in "\\PC{0,40}|[ a-z'.,\\n\\t▁é]{0,40}|.{0,20}") {
        let back = TOKENIZER.with(|t| t.round_trip(&text).unwrap());
        prop_assert_eq!(back, text);
    }
}
