//! The built-in tokenizer: any text comes back from its tokens, common words are one token, words that the models
//! have not seen are named.

use lookback::text::{Adapted, MAX_TOKENS, Tokenizer};
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
fn common_words_are_one_token_and_no_seen_word_is_unknown() {
    TOKENIZER.with(|t| {
        assert!(t.words().len() > 10_000, "only {} words", t.words().len());
        let is_whole = |word: &&&str| t.encode(word).unwrap().len() == 1;
        let n_whole = t.words()[..300].iter().filter(is_whole).count();
        assert!(n_whole > 285, "{n_whole} of the 300 most frequent words are one token");
        for word in t.words().iter().step_by(7) {
            assert!(t.sentence(word).unwrap().unknown.is_empty(), "{word}");
        }
    });
}

#[test]
fn parts_of_a_word_are_marked_and_belong_together() {
    let sentence =
        TOKENIZER.with(|t| t.sentence("Zorblaxes don't like 猫 spaghetti, 42.").unwrap());
    let texts: Vec<&str> = sentence.tokens.iter().map(|t| t.text.as_str()).collect();
    let unmarked: Vec<&str> = texts.iter().copied().filter(|text| !text.starts_with('-')).collect();
    assert!(["n't", "like", ",", "4", "."].iter().all(|text| unmarked.contains(text)), "{texts:?}");
    assert!(texts.contains(&"-2"), "the digits of a number: {texts:?}");
    assert!(texts.contains(&"·") && texts.iter().all(|text| !text.trim().is_empty()), "{texts:?}");
    let first = sentence.word_at(1);
    assert_eq!(first.start, 0);
    let word: String =
        texts[first.clone()].iter().map(|text| text.trim_start_matches('-')).collect();
    assert_eq!(word, "Zorblaxes");
    assert!(first.clone().all(|i| sentence.word_at(i) == first));
}

#[test]
fn words_that_no_training_sentence_has_are_named_whole() {
    for (text, want) in [
        ("The zxqv sees 猫 in the street.", &["zxqv", "猫"][..]),
        ("The chien sees Alice and alice.", &["chien"]),
        ("I can't won't, 12 men! They'll", &[]),
        ("dont you 😀🎉 like it", &[]),
        ("“Wait…” – she’s late", &[]),
    ] {
        let sentence = TOKENIZER.with(|t| t.sentence(text).unwrap());
        let words: Vec<&str> = sentence.unknown.iter().map(|u| u.word.as_str()).collect();
        assert_eq!(words, want, "{text}");
    }
}

#[test]
fn signs_and_capitals_are_read_as_the_text_without_them() {
    TOKENIZER.with(|t| {
        for (typed, read) in [
            ("See you tomorrow 😊", "See you tomorrow"),
            ("I love you❤\u{fe0f}. :)", "I love you."),
            ("WHERE ARE YOU?", "Where are you?"),
            ("i don´t know, i`m tired", "I don't know, I'm tired"),
        ] {
            let (typed, read) = (t.sentence(typed).unwrap(), t.sentence(read).unwrap());
            assert_eq!(typed.ids(), read.ids(), "{}", typed.text);
            assert_ne!(typed.text, read.text);
            assert!(read.adapted == Adapted::default());
        }
        let sentence = t.sentence("SEE YOU TOMORROW 😊").unwrap();
        let adapted = Adapted { left_out: vec!["😊".into()], is_lowered: true };
        assert_eq!(sentence.adapted, adapted);
        assert_eq!(t.replaced(&sentence, 2, "today").unwrap().adapted, adapted);
        assert!(t.sentence("😊").unwrap_err().to_string().contains("no tokens"));
    });
}

#[test]
fn a_word_is_replaced_whole_by_a_word_of_any_number_of_tokens() {
    TOKENIZER.with(|t| {
        let sentence = t.sentence("The zorblax sees spaghetti.").unwrap();
        let n_parts = sentence.word_at(1).len();
        assert!(n_parts > 1);
        let shorter = t.replaced(&sentence, 2, "dog").unwrap();
        assert_eq!(t.decode(&shorter.ids()), "The dog sees spaghetti.");
        assert_eq!(shorter.read_text(), "The dog sees spaghetti.");
        assert_eq!(shorter.text, sentence.text);
        assert_eq!(shorter.tokens.len(), sentence.tokens.len() - n_parts + 1);
        let back = t.replaced(&shorter, 1, "zorblax").unwrap();
        assert_eq!(back.ids(), sentence.ids());
        let ending = t.replaced(&sentence, sentence.tokens.len() - 1, "!").unwrap();
        assert_eq!(t.decode(&ending.ids()), "The zorblax sees spaghetti!");
        let unknown: Vec<_> = sentence.unknown.iter().map(|u| u.tokens.start).collect();
        assert_eq!(unknown.len(), shorter.unknown.len() + 1, "{:?}", sentence.unknown);
        assert!(t.replaced(&sentence, 1, &"abcdefgh".repeat(40)).is_err());
    });
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
