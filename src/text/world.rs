//! The English words that the built-in models were trained on, and unknown words in a sentence.

use std::ops::Range;

use anyhow::{Context, Result};
use tokenizers::{Encoding, Tokenizer as Engine};

use super::{Unknown, nearest, visible};

static WORDS: &str = include_str!("../../assets/models/words.json");

/// English words in lower case.
pub struct World {
    pub words: Vec<String>,
}

impl World {
    /// # Errors
    /// If the embedded file is damaged.
    pub fn embedded() -> Result<Self> {
        let words: serde_json::Value =
            serde_json::from_str(WORDS).context("the embedded words.json does not load")?;
        let words = words["all_en"].as_array().into_iter().flatten();
        Ok(Self { words: words.filter_map(|w| w.as_str()).map(str::to_owned).collect() })
    }

    /// The words that are not among the models' English words: spelled in bytes, or French.
    pub fn unknown(&self, engine: &Engine, encoding: &Encoding) -> Vec<Unknown> {
        let ids = encoding.get_ids();
        let mut unknown = vec![];
        let mut start = 0;
        while start < ids.len() {
            let end = run_end(engine, encoding, start);
            if !ids[start..end].iter().all(|&id| self.is_english(engine, id)) {
                let text = engine.decode(&ids[start..end], false).unwrap_or_default();
                unknown
                    .extend(text.split_whitespace().map(|word| self.instead_of(word, start..end)));
            }
            start = end;
        }
        unknown
    }

    fn instead_of(&self, word: &str, tokens: Range<usize>) -> Unknown {
        let word = visible(word);
        let instead = self.nearest(&word, 3);
        Unknown { word, tokens, instead }
    }

    /// Whether this token occurs on the English side of the training data.
    fn is_english(&self, engine: &Engine, id: u32) -> bool {
        let text = engine.id_to_token(id).map_or_else(String::new, |token| shown(&token));
        let lower = text.to_lowercase();
        let listed = |word: &str| self.words.iter().any(|w| w == word);
        [".", ","].contains(&text.as_str()) || listed(&text) || (text != lower && listed(&lower))
    }

    /// The `n` known words with the spelling closest to `word`.
    pub fn nearest(&self, word: &str, n: usize) -> Vec<String> {
        nearest(&word.to_lowercase(), self.words.iter().map(String::as_str), n)
    }
}

/// The end of the word that begins at `start`; adjacent words spelled in bytes count as one.
fn run_end(engine: &Engine, encoding: &Encoding, start: usize) -> usize {
    let (ids, words) = (encoding.get_ids(), encoding.get_word_ids());
    let end_of =
        |from: usize| from + words[from..].iter().take_while(|word| **word == words[from]).count();
    let is_spelled = |from: usize| ids[from..end_of(from)].iter().any(|&id| is_byte(engine, id));
    let mut end = end_of(start);
    while is_spelled(start) && end < ids.len() && is_spelled(end) {
        end = end_of(end);
    }
    end
}

fn is_byte(engine: &Engine, id: u32) -> bool {
    engine.id_to_token(id).is_some_and(|t| t.starts_with("<0x") && t.ends_with('>'))
}

/// The text with typographic apostrophes replaced by the plain ones that the models know.
pub fn plain(text: &str) -> String {
    text.replace('’', "'")
}

/// A vocabulary entry without its leading space, safe to show.
pub fn shown(token: &str) -> String {
    let token = token.strip_prefix(' ').filter(|t| !t.is_empty()).unwrap_or(token);
    visible(token)
}
