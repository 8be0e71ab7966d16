//! A sentence: its tokens are safe to show, and a model reads them. The first byte says which.

use std::sync::LazyLock;

use super::{answered, assert_safe, bounded, reader};
use lookback::{analysis::reading::Reader, text::Tokenizer};

/// Each has a tokenizer of another kind.
const FAMILIES: [&str; 7] = ["bert", "gpt2", "gru", "llama2", "llama3", "roberta", "t5"];

static READERS: LazyLock<Vec<Reader>> = LazyLock::new(|| FAMILIES.map(reader).into());

/// The built-in models' own; the models themselves take longer, and are walked with in other tests.
static EMBEDDED: LazyLock<Tokenizer> =
    LazyLock::new(|| Tokenizer::embedded().expect("the binary is whole"));

pub fn run(bytes: &[u8]) {
    let Some((&which, text)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let reader = &READERS[usize::from(which) % READERS.len()];
    let embedded = &*EMBEDDED;
    bounded(|| {
        // Half of the inputs are for the built-in tokenizer, which looks for words that are alike.
        let tokenizer = if which < 128 { reader.tokenizer() } else { embedded };
        let Some(sentence) = answered(tokenizer.sentence(&text)) else { return };
        for token in &sentence.tokens {
            assert_safe(&token.text);
        }
        tokenizer.decode(&sentence.ids());
        let Some(reading) = answered(reader.read(&text)) else { return };
        for name in reading.names() {
            assert_eq!(reading.trace(name).not_finite(), None, "a number is lost");
        }
    });
}
