//! A tokenized sentence, and the words in it that the models do not know.

use std::ops::Range;

use anyhow::{Result, ensure};

use super::refusal;

/// A token of the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: u32,
    /// The text to show: of the built-in models without its leading space, and with `-` where it goes on with a word;
    /// of a checkpoint with `·` for the space.
    pub text: String,
    /// Whether it goes on with the word of the token before it; known of the built-in models' only.
    pub continues: bool,
}

impl Token {
    /// The text of a part of a word, without the mark that it goes on with it.
    pub fn bare(&self) -> &str {
        let marked = self.text.strip_prefix('-').filter(|_| self.continues);
        marked.unwrap_or(&self.text)
    }
}

/// A sentence ready for the models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// As typed.
    pub text: String,
    /// The text as it is read, if a what-if replaced a word of it.
    pub replaced: Option<String>,
    pub tokens: Vec<Token>,
    /// How the text read differs from the one typed; a checkpoint reads what is typed.
    pub adapted: Adapted,
    /// Words that no model saw in training, wherever they stand; the built-in models read them in parts, a checkpoint
    /// reads `<unk>`.
    pub unknown: Vec<Unknown>,
    /// The tokens of the text itself, without those that the tokenizer puts around every text.
    pub own: Range<usize>,
    /// The tokens of what was typed, where a chat template stands around it.
    pub typed: Option<Range<usize>>,
}

/// What was done to a typed text so that the built-in models can read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adapted {
    /// Emoji and other signs that are not read, each once, in the order of the text, safe to show.
    pub left_out: Vec<String>,
    /// Whether all of the text was in capitals, which are read in lower case.
    pub is_lowered: bool,
}

impl Sentence {
    pub fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|t| t.id).collect()
    }

    /// The text that the models read, without what was [adapted](Self::adapted).
    pub fn read_text(&self) -> &str {
        self.replaced.as_deref().unwrap_or(&self.text)
    }

    /// # Errors
    /// If there is no token at this position.
    pub fn check_position(&self, position: usize) -> Result<()> {
        let n = self.tokens.len();
        ensure!(
            position < n,
            refusal!(
                "there is no token {position}; the sentence's are 0 to {last}",
                position,
                last = n - 1
            )
        );
        Ok(())
    }

    /// The tokens of the word that the token at `position` belongs to.
    pub fn word_at(&self, position: usize) -> Range<usize> {
        word_at(&self.tokens, position)
    }

    /// The unknown words, each once, in the order of the sentence.
    pub fn unknown_words(&self) -> Vec<&Unknown> {
        let mut words: Vec<&Unknown> = vec![];
        for unknown in &self.unknown {
            if words.iter().all(|known| known.word != unknown.word) {
                words.push(unknown);
            }
        }
        words
    }

    /// The first word for which a checkpoint's vocabulary has no token; None if there is none.
    pub fn first_unread(&self) -> Option<Unread<'_>> {
        let unknown = self.unknown.first().filter(|unknown| !unknown.is_read)?;
        let read = &self.tokens.get(unknown.tokens.start)?.text;
        let n_others = self.unknown_words().len() - 1;
        Some(Unread { word: shortened(&unknown.word), read, n_others })
    }
}

/// The tokens of the word that the token at `position` belongs to.
pub fn word_at(tokens: &[Token], position: usize) -> Range<usize> {
    let continues = |i: &usize| tokens[*i].continues;
    let start = (0..=position).rev().find(|i| !continues(i)).unwrap_or(0);
    let end = (position + 1..tokens.len()).find(|i| !continues(i));
    start..end.unwrap_or(tokens.len())
}

/// The text of the word that the token at `position` belongs to, without the marks between its tokens.
pub fn word_text(tokens: &[Token], position: usize) -> String {
    tokens[word_at(tokens, position)].iter().map(Token::bare).collect()
}

/// A word for which a checkpoint's vocabulary has no token.
pub struct Unread<'a> {
    /// The beginning of the word.
    pub word: String,
    /// The token that is read instead.
    pub read: &'a str,
    /// The number of other such words.
    pub n_others: usize,
}

/// A word that the models do not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub word: String,
    /// The tokens that spell it.
    pub tokens: Range<usize>,
    /// Whether these tokens spell it; false where a checkpoint reads `<unk>` instead.
    pub is_read: bool,
    /// Seen words that fit in its place, the likeliest first; empty for a checkpoint, and where no word is expected.
    pub instead: Vec<String>,
    /// Whether it is a word that training had, but not in capitals.
    pub is_capitals: bool,
}

/// The beginning of a long word.
pub(super) fn shortened(word: &str) -> String {
    const LONGEST: usize = 40;
    match word.char_indices().nth(LONGEST) {
        None => word.to_owned(),
        Some((end, _)) => format!("{}…", &word[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mark_of_going_on_is_left_out_of_a_word() {
        let token = |text: &str, continues| Token { id: 0, text: text.to_owned(), continues };
        let tokens = [token("zor", false), token("-blax", true), token("-", false)];
        assert_eq!(tokens.each_ref().map(Token::bare), ["zor", "blax", "-"]);
        assert_eq!([0, 1, 2].map(|i| word_text(&tokens, i)), ["zorblax", "zorblax", "-"]);
    }
}
