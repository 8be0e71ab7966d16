//! A tokenized sentence, and the words in it that the models do not know.

use std::ops::Range;

/// A token of the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: u32,
    /// The text to show: of the built-in models without its leading space, of a checkpoint with `·` for the space.
    pub text: String,
}

/// A sentence ready for the models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// As typed.
    pub text: String,
    pub tokens: Vec<Token>,
    /// Words that no model saw in training; the built-in models spell them in bytes, a checkpoint reads `<unk>`.
    pub unknown: Vec<Unknown>,
}

impl Sentence {
    pub fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|t| t.id).collect()
    }

    /// A message on words for which a checkpoint's vocabulary has no token; None if there are none.
    pub fn unread(&self) -> Option<String> {
        let mut words: Vec<&str> = self.unknown.iter().map(|u| u.word.as_str()).collect();
        words.dedup();
        let unknown = self.unknown.first().filter(|unknown| unknown.instead.is_empty())?;
        let read = &self.tokens.get(unknown.tokens.start)?.text;
        let more = match words.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        Some(format!(
            "the model's vocabulary has no token for \"{}\"{more}; `{read}` is read instead",
            shortened(&unknown.word)
        ))
    }
}

/// A word that the models do not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub word: String,
    /// The tokens that spell it.
    pub tokens: Range<usize>,
    /// Known words with similar spelling, nearest first; empty for a checkpoint.
    pub instead: Vec<String>,
}

/// The beginning of a long word.
fn shortened(word: &str) -> String {
    const LONGEST: usize = 40;
    match word.char_indices().nth(LONGEST) {
        None => word.to_owned(),
        Some((end, _)) => format!("{}…", &word[..end]),
    }
}
