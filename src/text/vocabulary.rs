//! A checkpoint's vocabulary: special tokens, display, unknown words and the limits of the embedding table.

use std::borrow::Cow;

use anyhow::{Result, ensure};
use tokenizers::Encoding;

use super::{
    SpecialIds, SpecialTexts, Token, Unknown, engine::Engine, nearest, plan::TokenizerPlan,
    refusal, surface::Alphabet, visible,
};

/// A checkpoint's vocabulary.
pub struct Vocabulary {
    pub alphabet: Alphabet,
    pub ids: SpecialIds,
    /// The special tokens of a chat template, where a file names them.
    pub texts: Option<Box<SpecialTexts>>,
    /// The unknown token.
    pub unk: Option<String>,
    /// Notes for the reader on how the tokenizer was read.
    pub notes: Vec<String>,
    /// Whether spaces before marks are taken out of decoded text.
    pub cleans_up: bool,
    /// Whether a text is put into lower case before it is read.
    pub lowers: bool,
    /// After how many tokens other programs cut a text; this one does not.
    pub cut_at: Option<usize>,
    /// One more than the largest id, without added tokens.
    pub n_ids: usize,
    /// The rows of the model's embedding table.
    pub n_rows: usize,
}

impl Vocabulary {
    /// The vocabulary of a plan; the special ids are filled in once the engine is built.
    pub fn of(plan: &TokenizerPlan) -> Self {
        Self {
            alphabet: Alphabet::of(&plan.parts),
            ids: SpecialIds::default(),
            texts: None,
            unk: plan.model.unknown().map(str::to_owned),
            notes: plan.notes.clone(),
            cleans_up: false,
            lowers: false,
            cut_at: None,
            n_ids: plan.model.n_ids(),
            n_rows: usize::MAX,
        }
    }

    /// An entry decoded for display; added tokens are shown as written.
    pub fn shown(&self, engine: &Engine, id: u32) -> Option<String> {
        let is_added = engine.get_added_vocabulary().get_added_tokens_decoder().contains_key(&id);
        let alphabet = if is_added { Alphabet::Plain } else { self.alphabet };
        engine.id_to_token(id).map(|token| alphabet.shown(&token))
    }

    /// Checks that the embedding table has a row for every token.
    ///
    /// # Errors
    /// Naming the first token beyond the table.
    pub fn check(&self, tokens: &[Token]) -> Result<()> {
        match tokens.iter().find(|token| token.id as usize >= self.n_rows) {
            None => Ok(()),
            Some(Token { id, text, .. }) => anyhow::bail!(refusal!(
                "the text holds the token `{text}`, whose id is {id}, but the model's embedding table has {n} rows; leave the token out",
                text = text.as_str(),
                id = *id,
                n = self.n_rows
            )),
        }
    }

    /// The text in the case in which it is read.
    pub fn cased<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.lowers { text.to_lowercase().into() } else { text.into() }
    }

    /// The pieces of the text that became `<unk>`, except a typed `<unk>`.
    pub fn unknown(&self, text: &str, encoding: &Encoding) -> Vec<Unknown> {
        let Some(unk) = self.ids.unk else { return vec![] };
        let places = encoding.get_ids().iter().zip(encoding.get_offsets()).enumerate();
        places
            .filter(|(_, (id, _))| **id == unk)
            .filter_map(|(i, (_, (start, end)))| Some((i, text.get(*start..*end)?.trim())))
            .filter(|(_, word)| !word.is_empty() && Some(*word) != self.unk.as_deref())
            .map(|(i, word)| Unknown {
                word: visible(word),
                tokens: i..i + 1,
                is_read: false,
                instead: vec![],
                is_capitals: false,
            })
            .collect()
    }

    /// The single token for `word` in place of `old`: with a leading space if `old` has one and such a token exists,
    /// otherwise without. A `·` before the word asks for the space.
    pub fn one_token(&self, engine: &Engine, word: &str, old: &Token) -> Option<u32> {
        let asked = word.strip_prefix('·');
        let word = asked.unwrap_or(word);
        let alone = |text: &str| match engine.encode_fast(text, false).ok()?.get_ids() {
            [id] => Some(*id),
            _ => None,
        };
        let led = || {
            let entry = engine.token_to_id(&self.alphabet.led_by_space(word));
            entry.or_else(|| alone(&format!(" {word}")))
        };
        let bare = || engine.token_to_id(word).or_else(|| alone(word));
        match asked {
            Some(_) => led(),
            None if old.text.starts_with('·') => led().or_else(bare),
            None => bare().or_else(led),
        }
    }

    /// Clean-up of decoded text as transformers has it (`clean_up_tokenization`).
    pub fn cleaned(&self, text: String) -> String {
        const FOUND: [(&str, &str); 10] = [
            (" .", "."),
            (" ?", "?"),
            (" !", "!"),
            (" ,", ","),
            (" ' ", "'"),
            (" n't", "n't"),
            (" 'm", "'m"),
            (" 's", "'s"),
            (" 've", "'ve"),
            (" 're", "'re"),
        ];
        if !self.cleans_up {
            return text;
        }
        FOUND.iter().fold(text, |text, (from, to)| text.replace(from, to))
    }
}

/// The entries with the spelling closest to `word`, shown without their leading space.
pub fn alike(vocab: &[String], word: &str, n: usize) -> Vec<String> {
    let words = vocab.iter().map(|entry| entry.trim_start_matches('·'));
    let words = words.filter(|entry| entry.chars().all(char::is_alphanumeric) && entry.len() > 1);
    let mut found = nearest(word, words, 2 * n);
    found.dedup();
    found.truncate(n);
    found
}

/// Checks that the embedding table has rows for the tokenizer's vocabulary. A few entries and added tokens may lie
/// beyond it; a sentence that uses one is refused.
///
/// # Errors
/// With the largest id and the number of rows.
pub fn check_rows(engine: &Engine, n_ids: usize, n_rows: usize) -> Result<()> {
    let added = engine.get_added_vocabulary().get_added_tokens_decoder();
    let beyond = (n_rows..n_ids.max(n_rows))
        .filter(|&id| !added.contains_key(&(id as u32)))
        .filter(|&id| engine.id_to_token(id as u32).is_some())
        .count();
    ensure!(
        beyond <= n_ids / 8,
        "the tokenizer has ids up to {}, but the model's embedding table has {n_rows} rows: \
         {beyond} tokens lie beyond it; they belong to different models",
        n_ids - 1
    );
    Ok(())
}
