//! Text that grows by a token at a time.

use super::Tokenizer;

/// Decodes a text as its tokens come; a character that takes several tokens waits for its last.
pub struct Stream<'a> {
    tokenizer: &'a Tokenizer,
    ids: Vec<u32>,
    /// Tokens from here on are decoded together, since what stands before a token can change it ...
    from: usize,
    /// ... and those up to here have been given.
    given: usize,
}

impl<'a> Stream<'a> {
    pub const fn new(tokenizer: &'a Tokenizer) -> Self {
        Self { tokenizer, ids: vec![], from: 0, given: 0 }
    }

    /// The text that one more token adds; empty while a character is not yet whole.
    pub fn push(&mut self, id: u32) -> String {
        self.ids.push(id);
        let text = self.tokenizer.text(&self.ids[self.from..]);
        if text.ends_with(char::REPLACEMENT_CHARACTER) {
            return String::new();
        }
        self.given_until_now(&text)
    }

    /// What is left of a character that never became whole.
    pub fn finish(mut self) -> String {
        let text = self.tokenizer.text(&self.ids[self.from..]);
        self.given_until_now(&text)
    }

    fn given_until_now(&mut self, text: &str) -> String {
        let before = self.tokenizer.text(&self.ids[self.from..self.given]);
        let new = text.get(before.len()..).unwrap_or_default().to_owned();
        // A special token says nothing, so that the space after it would be taken for the first.
        if !self.tokenizer.text(&self.ids[self.given..]).trim().is_empty() {
            self.from = self.given;
        }
        self.given = self.ids.len();
        new
    }
}
