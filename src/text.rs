//! From a sentence to tokens and back; what is unknown to the models is said plainly.
//!
//! Text from outside passes through [`visible`] before it is shown anywhere.

mod lines;

pub use lines::{breaks, is_wide};

use std::{ops::Range, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use tokenizers::{Encoding, Tokenizer as Engine};

/// Ids that every built-in model agrees on.
pub const BOS: u32 = 1;
/// End of sentence.
pub const EOS: u32 = 2;

/// The most tokens a sentence may have; the models were trained on 3 to 40.
pub const MAX_TOKENS: usize = 64;

/// The most tokens that a checkpoint is given, whatever its context.
pub const MAX_CONTEXT: usize = 4096;

/// The longest text that is handed to the tokenizer, in bytes.
const MAX_BYTES: usize = 64 * 1024;

static TOKENIZER: &[u8] = include_bytes!("../assets/models/tokenizer.json");
static WORDS: &str = include_str!("../assets/models/words.json");

/// A piece of the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: u32,
    /// What to show: the surface without its leading space, controls made visible.
    pub text: String,
}

/// A sentence ready for the models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// As typed.
    pub text: String,
    pub tokens: Vec<Token>,
    /// Words that no model saw in training; they are spelled in bytes.
    pub unknown: Vec<Unknown>,
}

impl Sentence {
    pub fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|t| t.id).collect()
    }
}

/// A word outside the models' world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub word: String,
    /// The tokens that spell it.
    pub tokens: Range<usize>,
    /// In-world words that are spelled alike, or serve as an example, nearest first.
    pub instead: Vec<String>,
}

/// A model's tokenizer: the one that all built-in models share, with the words of their world, or a
/// checkpoint's.
pub struct Tokenizer {
    engine: Engine,
    vocab: Arc<[String]>,
    words: Vec<String>,
    /// The most tokens that a sentence may have.
    longest: usize,
    /// Whether the tokens that frame a sentence are added, as the tokenizer has learned them.
    adds_special: bool,
}

impl Tokenizer {
    /// The tokenizer in the binary.
    ///
    /// # Errors
    /// If the embedded file is damaged.
    pub fn embedded() -> Result<Self> {
        let engine = Engine::from_bytes(TOKENIZER)
            .map_err(|e| anyhow::anyhow!("the embedded tokenizer.json does not load: {e}"))?;
        let vocab = (0..engine.get_vocab_size(true) as u32)
            .map(|id| engine.id_to_token(id).map_or_else(String::new, |t| shown(&t)))
            .collect();
        let words: serde_json::Value =
            serde_json::from_str(WORDS).context("the embedded words.json does not load")?;
        let words = words["all_en"].as_array().into_iter().flatten();
        let words = words.filter_map(|w| w.as_str()).map(str::to_owned).collect();
        Ok(Self { engine, vocab, words, longest: MAX_TOKENS, adds_special: false })
    }

    /// A checkpoint's, from its tokenizer.json.
    ///
    /// # Errors
    /// If it does not load.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let mut engine = Engine::from_bytes(json).map_err(|e| {
            anyhow::anyhow!("tokenizer.json does not load: {}", visible(&e.to_string()))
        })?;
        engine.with_padding(None);
        engine.with_truncation(None).map_err(|e| anyhow::anyhow!("tokenizer.json: {e}"))?;
        let label = |id| engine.id_to_token(id).map_or_else(String::new, |t| marked(&t));
        let vocab = (0..engine.get_vocab_size(true) as u32).map(label).collect();
        Ok(Self { engine, vocab, words: vec![], longest: MAX_CONTEXT, adds_special: true })
    }

    /// The same for sentences of at most so many tokens.
    #[must_use]
    pub fn up_to(self, longest: usize) -> Self {
        Self { longest: longest.min(MAX_CONTEXT), ..self }
    }

    pub fn vocab_size(&self) -> usize {
        self.vocab.len()
    }

    /// What to show for every id.
    pub fn vocab(&self) -> Arc<[String]> {
        Arc::clone(&self.vocab)
    }

    /// English words the models know, in lower case.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Tokens of a sentence.
    ///
    /// # Errors
    /// If the text holds no word, or more than [`MAX_TOKENS`] tokens; the message says which, and what to do.
    pub fn sentence(&self, text: &str) -> Result<Sentence> {
        let text = text.trim();
        ensure!(
            !text.is_empty(),
            "the sentence is empty; type a few words, as in \"The dog sleeps.\""
        );
        ensure!(
            text.len() <= MAX_BYTES,
            "the sentence has {} bytes, far more than the limit of {MAX_TOKENS} tokens; shorten it",
            text.len()
        );
        let encoding = self.encode(&plain(text))?;
        let ids = encoding.get_ids();
        if ids.len() > self.longest {
            let why =
                if self.words.is_empty() { "" } else { " (the models were trained on 3 to 40)" };
            bail!(
                "the sentence has {} tokens, the limit is {}{why}; shorten it",
                ids.len(),
                self.longest
            );
        }
        let tokens: Vec<Token> = ids.iter().map(|&id| self.token(id)).collect();
        let unknown = self.unknown(&encoding);
        Ok(Sentence { text: text.to_owned(), tokens, unknown })
    }

    /// The sentence with another word in the place of one token.
    ///
    /// # Errors
    /// If there is no such place, or the word is not one token; the message offers words that are.
    pub fn replaced(&self, sentence: &Sentence, position: usize, word: &str) -> Result<Sentence> {
        let n = sentence.tokens.len();
        ensure!(position < n, "there is no token {position}; the sentence's are 0 to {}", n - 1);
        let word = plain(word.trim());
        let alone = self.encode(&word)?;
        // A mark or an ending is one token only where it follows a word.
        let after_a_word = self.encode(&format!("a{word}"))?;
        let (([id], _) | (_, [_, id])) = (alone.get_ids(), after_a_word.get_ids()) else {
            bail!(
                "`{}` is not one token of the models' world, so it cannot stand in the place of one; try {}",
                visible(&word),
                self.nearest(&visible(&word), 3).join(", ")
            )
        };
        let mut replaced = sentence.clone();
        replaced.tokens[position] = self.token(*id);
        Ok(replaced)
    }

    fn encode(&self, text: &str) -> Result<Encoding> {
        self.engine
            .encode(text, self.adds_special)
            .map_err(|e| anyhow::anyhow!("the sentence cannot be tokenized: {e}"))
    }

    pub fn token(&self, id: u32) -> Token {
        let text = self.vocab.get(id as usize).cloned().unwrap_or_else(|| format!("#{id}"));
        Token { id, text }
    }

    /// The text of ids, without `<bos>` and `<eos>`, controls made visible.
    pub fn decode(&self, ids: &[u32]) -> String {
        let ids: Vec<u32> = ids.iter().copied().filter(|&id| id > EOS).collect();
        visible(&self.engine.decode(&ids, false).unwrap_or_default())
    }

    /// Encodes and decodes: any text comes back as it was.
    ///
    /// # Errors
    /// If the tokenizer refuses the text.
    pub fn round_trip(&self, text: &str) -> Result<String> {
        let encoding = self.encode(text)?;
        self.engine.decode(encoding.get_ids(), false).map_err(|e| anyhow::anyhow!("{e}"))
    }

    /// Words outside the models' English: those spelled in bytes, and words of the French side.
    fn unknown(&self, encoding: &Encoding) -> Vec<Unknown> {
        if self.words.is_empty() {
            return vec![];
        }
        let ids = encoding.get_ids();
        let mut unknown = vec![];
        let mut start = 0;
        while start < ids.len() {
            let end = self.run_end(encoding, start);
            if !ids[start..end].iter().all(|&id| self.is_english(id)) {
                let text = self.engine.decode(&ids[start..end], false).unwrap_or_default();
                unknown
                    .extend(text.split_whitespace().map(|word| self.instead_of(word, start..end)));
            }
            start = end;
        }
        unknown
    }

    /// Where the word that begins at `start` ends; words spelled in bytes, some letters among them or
    /// not, make one run.
    fn run_end(&self, encoding: &Encoding, start: usize) -> usize {
        let (ids, words) = (encoding.get_ids(), encoding.get_word_ids());
        let end_of = |from: usize| {
            from + words[from..].iter().take_while(|word| **word == words[from]).count()
        };
        let is_spelled = |from: usize| ids[from..end_of(from)].iter().any(|&id| self.is_byte(id));
        let mut end = end_of(start);
        while is_spelled(start) && end < ids.len() && is_spelled(end) {
            end = end_of(end);
        }
        end
    }

    fn instead_of(&self, word: &str, tokens: Range<usize>) -> Unknown {
        let word = visible(word);
        let instead = self.nearest(&word, 3);
        Unknown { word, tokens, instead }
    }

    /// Whether the source side of the training data has this token.
    fn is_english(&self, id: u32) -> bool {
        let text = self.vocab.get(id as usize).map_or("", String::as_str);
        let lower = text.to_lowercase();
        let listed = |word: &str| self.words.iter().any(|w| w == word);
        [".", ","].contains(&text) || listed(text) || (text != lower && listed(&lower))
    }

    fn is_byte(&self, id: u32) -> bool {
        self.engine.id_to_token(id).is_some_and(|t| t.starts_with("<0x") && t.ends_with('>'))
    }

    /// The in-world words spelled most like `word`.
    pub fn nearest(&self, word: &str, n: usize) -> Vec<String> {
        nearest(&word.to_lowercase(), self.words.iter().map(String::as_str), n)
    }
}

/// The `n` candidates spelled most like `word`, nearest first.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>, n: usize) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> =
        candidates.map(|c| (strsim::jaro_winkler(word, c), c)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(n).map(|(_, c)| c.to_owned()).collect()
}

/// A typographic apostrophe is read as the plain one that the models know.
fn plain(text: &str) -> String {
    text.replace('’', "'")
}

/// A vocabulary entry as it is shown: its leading space dropped, controls visible.
fn shown(token: &str) -> String {
    let token = token.strip_prefix(' ').filter(|t| !t.is_empty()).unwrap_or(token);
    visible(token)
}

/// A checkpoint's vocabulary entry as it is shown: a space before a word as `·`, controls visible.
fn marked(token: &str) -> String {
    visible(&token.replace(['Ġ', '▁'], "·").replace('Ċ', "␊"))
}

/// Text that is safe to show: controls and invisible or direction-changing characters are written
/// out (`␛`, `␊`, `<U+202E>`), everything else stays.
pub fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '\u{0}'..='\u{1f}' => out.extend(char::from_u32(0x2400 + c as u32)),
            '\u{7f}' => out.push('␡'),
            c if is_hidden(c) => out.extend(format!("<U+{:04X}>", c as u32).chars()),
            c => out.push(c),
        }
        out
    })
}

/// C1 controls, zero-width and bidirectional formatting characters, line separators, the byte-order
/// mark, tags and private or unassigned specials.
fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_never_stay_raw() {
        assert_eq!(visible("a\u{1b}[2Jb\n\u{202e}c\u{9b}"), "a␛[2Jb␊<U+202E>c<U+009B>");
        assert_eq!(visible("naïve 猫 🐈"), "naïve 猫 🐈");
    }
}
