//! A tokenizer.json: it reads and writes texts, or is refused.

use super::{answered, assert_safe, bounded};
use lookback::text::{Specials, Tokenizer};

const TEXT: &str = "The dog didn't\tsleep 12 \u{1b}[31m naïve 猫 🐈 </s>";

pub fn run(json: &[u8]) {
    bounded(|| {
        let specials = Specials { file: "tokenizer.json", ..Specials::default() };
        let Some(tokenizer) = answered(Tokenizer::from_json(json, &specials)) else { return };
        let n = tokenizer.vocab_size();
        if let Some(sentence) = answered(tokenizer.sentence(TEXT)) {
            assert!(!sentence.tokens.is_empty(), "no model reads nothing");
            for token in &sentence.tokens {
                assert_safe(&token.text);
            }
            tokenizer.decode(&sentence.ids());
        }
        for id in (0..n.min(8) as u32).chain([u32::MAX]) {
            assert_safe(&tokenizer.token(id).text);
        }
    });
}
