//! A sentence as tokens and back, and words that the models do not know.
//!
//! A [`Tokenizer`] is that of the built-in models, or is built from a checkpoint's tokenizer.json or from the
//! vocabulary of a GGUF file. A checkpoint's text is tokenized as the reference does it: unchanged, with the
//! model's special tokens added and typed ones recognised. Text from outside passes through [`mod@visible`] before it
//! is shown.

pub mod visible;
pub mod words;
mod chat;
mod engine;
mod figures;
mod gguf;
mod json;
mod lines;
mod older;
mod plan;
mod readable;
mod refusal;
mod sentence;
mod specials;
mod spelling;
mod surface;
mod target;
mod vocabulary;
mod training_words;

pub use chat::{ChatTemplate, SpecialTexts, template_of};
pub use engine::is_guarded;
pub use figures::{
    cell_value, decimals, fixed, grouped, percent, percent_in_tenths, rounded, share, significant,
    spoken,
};
pub use gguf::GgufVocab;
pub use lines::{ItemWidth, LineRun, fill, is_wide, runs, wrapped};
pub use older::{OlderFiles, SENTENCEPIECE, tokenizer_json};
pub(crate) use refusal::refusal;
pub use refusal::{Blank, Refusal, filled};
pub use sentence::{Adapted, Sentence, Token, Unknown, word_at, word_text};
pub use specials::{SpecialIds, Specials};
pub use spelling::{near, near_clause, nearest};

use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail, ensure};
use tokenizers::Encoding;

pub use crate::text::visible::{shown, visible, visible_path};
use engine::Engine;
use vocabulary::Vocabulary;

/// Beginning of sentence, for every built-in model.
pub const BOS: u32 = 1;
/// End of sentence, for every built-in model.
pub const EOS: u32 = 2;

/// The most tokens a sentence may have; the built-in models were trained on up to 90.
pub const MAX_TOKENS: usize = 96;

/// The most tokens given to a checkpoint, even if its context is longer.
pub const MAX_CONTEXT: usize = 4096;

/// The longest text passed to a tokenizer, in bytes.
const MAX_BYTES: usize = 64 * 1024;

static TOKENIZER: &[u8] = include_bytes!("../assets/models/tokenizer.json");

/// Text to tokens and back.
pub struct Tokenizer {
    engine: Engine,
    /// The text to show for every id, computed on first use.
    vocab: OnceLock<Arc<[String]>>,
    /// How every entry of the vocabulary joins a text, computed on first use.
    joins: OnceLock<Arc<[EntryJoin]>>,
    /// The most tokens of a sentence.
    limit: usize,
    kind: Origin,
    /// What is put around every sentence.
    chat: Option<ChatTemplate>,
}

/// How an entry of the built-in vocabulary joins the text before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryJoin {
    /// It begins with a letter or digit and goes on with the word before it, if that ends in one.
    GoesOn,
    /// It begins with a space and has a twin without one, so that its text begins with `·`.
    AfterSpace,
    /// Its text is the same in every place.
    Alike,
}

/// Where a tokenizer comes from.
enum Origin {
    BuiltIn,
    Checkpoint(Box<Vocabulary>),
}

impl Tokenizer {
    /// The tokenizer in the binary, which all built-in models share.
    ///
    /// # Errors
    /// If the embedded file is damaged.
    pub fn embedded() -> Result<Self> {
        let plan = json::plan(TOKENIZER, &Specials::default());
        let engine =
            plan.and_then(engine::built).context("the embedded tokenizer.json does not load")?;
        Ok(Self {
            engine,
            vocab: OnceLock::new(),
            joins: OnceLock::new(),
            limit: MAX_TOKENS,
            kind: Origin::BuiltIn,
            chat: None,
        })
    }

    /// The tokenizer of a tokenizer.json and the small files beside it.
    ///
    /// # Errors
    /// Naming file and fault, if it is damaged or of an unknown kind.
    pub fn from_json(bytes: &[u8], specials: &Specials) -> Result<Self> {
        let file = || specials.file.to_owned();
        let plan = json::plan(bytes, specials).with_context(file)?;
        let mut vocabulary = Vocabulary::of(&plan);
        let engine = engine::built(plan).with_context(file)?;
        vocabulary.ids = specials.ids(|token| engine.token_to_id(token));
        vocabulary.texts = SpecialTexts::named(specials).map(Box::new);
        let is_bpe = engine.get_model().is_bpe();
        vocabulary.cleans_up = specials.cleans_up() && !is_bpe;
        vocabulary.lowers = specials.lowers();
        vocabulary.cut_at = specials.cut_at();
        Ok(Self::checkpoint(engine, vocabulary))
    }

    /// The tokenizer of the vocabulary inside a GGUF file.
    ///
    /// # Errors
    /// Naming the fault, if it is damaged or of an unknown kind.
    pub fn from_gguf(vocab: &GgufVocab) -> Result<Self> {
        let (plan, gguf::Ends { begin, end }) = gguf::plan(vocab)?;
        let mut vocabulary = Vocabulary::of(&plan);
        vocabulary.ids = vocab.ids();
        let file = "the vocabulary in the file";
        let mut engine = engine::built(plan).context(file)?;
        engine::enclose(&mut engine, begin.as_deref(), end.as_deref()).context(file)?;
        Ok(Self::checkpoint(engine, vocabulary))
    }

    fn checkpoint(engine: Engine, mut vocabulary: Vocabulary) -> Self {
        let unk = vocabulary.unk.as_deref().and_then(|unk| engine.token_to_id(unk));
        vocabulary.ids.unk = unk.or(vocabulary.ids.unk);
        let kind = Origin::Checkpoint(Box::new(vocabulary));
        let (vocab, joins) = (OnceLock::new(), OnceLock::new());
        Self { engine, vocab, joins, limit: MAX_CONTEXT, kind, chat: None }
    }

    /// This tokenizer with a template around every sentence.
    #[must_use]
    pub fn in_chat(self, template: ChatTemplate) -> Self {
        Self { chat: Some(template), ..self }
    }

    /// This tokenizer with a limit of `longest` tokens a sentence.
    #[must_use]
    pub fn up_to(self, longest: usize) -> Self {
        Self { limit: longest.min(MAX_CONTEXT), ..self }
    }

    /// This tokenizer for a model whose embedding table has `n_rows` rows.
    ///
    /// # Errors
    /// As for [`Self::check`].
    pub fn with_rows(mut self, n_rows: usize) -> Result<Self> {
        self.check(n_rows)?;
        if let Origin::Checkpoint(vocabulary) = &mut self.kind {
            vocabulary.n_rows = n_rows;
        }
        Ok(self)
    }

    /// Checks that the embedding table has a row for every token of the vocabulary. Added tokens may lie beyond
    /// it; a sentence that contains one is refused.
    ///
    /// # Errors
    /// With the number of tokens beyond the table.
    pub fn check(&self, n_rows: usize) -> Result<()> {
        vocabulary::check_rows(&self.engine, self.n_own(), n_rows)
    }

    /// One more than the largest id, without added tokens.
    fn n_own(&self) -> usize {
        match &self.kind {
            Origin::BuiltIn => self.engine.get_vocab_size(false),
            Origin::Checkpoint(vocabulary) => vocabulary.n_ids,
        }
    }

    /// One more than the largest id, added tokens included.
    pub fn vocab_size(&self) -> usize {
        let added = self.engine.get_added_vocabulary().get_added_tokens_decoder().keys().max();
        let added = added.map_or(0, |&id| id as usize + 1);
        self.n_own().max(added)
    }

    /// The text to show for every id. Of two tokens that differ only in a leading space (`qu'il`, `dit il`), the
    /// one with the space has a `·`.
    pub fn vocab(&self) -> Arc<[String]> {
        let shown = |id| {
            let text = self.token(id).text;
            let token = self.engine.id_to_token(id).unwrap_or_default();
            let bare = token.strip_prefix(' ').filter(|_| matches!(self.kind, Origin::BuiltIn));
            let has_twin = bare.is_some_and(|bare| self.engine.token_to_id(bare).is_some());
            if has_twin { format!("·{text}") } else { text }
        };
        let all = || (0..self.vocab_size() as u32).map(shown).collect();
        Arc::clone(self.vocab.get_or_init(all))
    }

    /// How every entry of the vocabulary joins a text; empty for a checkpoint, whose entries all mark their spaces.
    pub fn joins(&self) -> Arc<[EntryJoin]> {
        let join = |(id, text): (usize, &String)| {
            let entry = self.engine.id_to_token(id as u32).unwrap_or_default();
            if training_words::continues("a", &entry) {
                EntryJoin::GoesOn
            } else if entry.starts_with(' ') && !entry.trim().is_empty() && text.starts_with('·') {
                EntryJoin::AfterSpace
            } else {
                EntryJoin::Alike
            }
        };
        let all = || match self.kind {
            Origin::BuiltIn => self.vocab().iter().enumerate().map(join).collect(),
            Origin::Checkpoint(_) => Arc::default(),
        };
        Arc::clone(self.joins.get_or_init(all))
    }

    /// The token of the built-in models that goes on with a word so; None of a checkpoint, whose marks are in its tokens.
    pub fn part_of_word(&self, text: &str) -> Option<u32> {
        let goes_on = matches!(self.kind, Origin::BuiltIn) && training_words::continues("a", text);
        self.engine.token_to_id(text).filter(|_| goes_on)
    }

    /// The lower-case English words that the built-in models have seen, most frequent first; empty for a checkpoint.
    pub fn words(&self) -> &[&'static str] {
        match &self.kind {
            Origin::BuiltIn => training_words::words(),
            Origin::Checkpoint(_) => &[],
        }
    }

    /// The word of a token that is a whole word the built-in models have seen; None for other tokens and for a checkpoint.
    pub fn seen_word(&self, id: u32) -> Option<String> {
        let entry = self.engine.id_to_token(id)?;
        let word = entry.strip_prefix(' ').filter(|_| matches!(self.kind, Origin::BuiltIn))?;
        training_words::is_seen_word(word).then(|| word.to_owned())
    }

    /// The most tokens of a sentence.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// After how many tokens sentence-transformers cuts a text for this model; None if it does not.
    pub fn cut_at(&self) -> Option<usize> {
        match &self.kind {
            Origin::BuiltIn => None,
            Origin::Checkpoint(vocabulary) => vocabulary.cut_at,
        }
    }

    /// The ids of the special tokens.
    pub fn ids(&self) -> SpecialIds {
        match &self.kind {
            Origin::BuiltIn => {
                SpecialIds { bos: Some(BOS), eos: vec![EOS], ..SpecialIds::default() }
            }
            Origin::Checkpoint(vocabulary) => vocabulary.ids.clone(),
        }
    }

    /// The positions of mask tokens in a sentence: `[MASK]`, `<mask>`.
    pub fn masked(&self, sentence: &Sentence) -> Vec<usize> {
        let mask = self.ids().mask;
        let tokens = sentence.tokens.iter().enumerate();
        tokens.filter(|(_, token)| Some(token.id) == mask).map(|(i, _)| i).collect()
    }

    /// Notes for the reader on how the tokenizer was read.
    pub fn notes(&self) -> &[String] {
        match &self.kind {
            Origin::BuiltIn => &[],
            Origin::Checkpoint(vocabulary) => &vocabulary.notes,
        }
    }

    /// The tokens of a sentence.
    ///
    /// # Errors
    /// If the text holds no word, or no token, or more tokens than [`Self::limit`], or one that the model does not
    /// have; the message says which, and what to do.
    pub fn sentence(&self, text: &str) -> Result<Sentence> {
        let typed = match &self.kind {
            Origin::BuiltIn => text.trim(),
            // White space and line ends are tokens like others.
            Origin::Checkpoint(_) => text,
        };
        ensure!(
            !typed.is_empty(),
            refusal!("the sentence is empty; type a few words, as in \"The dog sleeps.\"")
        );
        ensure!(
            text.len() <= MAX_BYTES,
            refusal!(
                "the sentence has {n} bytes, far more than the limit of {longest} tokens; shorten it",
                n = text.len(),
                longest = self.limit
            )
        );
        match &self.kind {
            Origin::BuiltIn => {
                let (read, adapted) = readable::readable(typed);
                let encoding = self.encoding(&training_words::plain(&read), false)?;
                let unknown = || training_words::unknown(&self.engine, &encoding);
                Ok(Sentence { adapted, ..self.sentence_of(typed, &encoding, unknown)? })
            }
            Origin::Checkpoint(vocabulary) => {
                let sentence = match &self.chat {
                    None => {
                        let read = vocabulary.cased(typed);
                        let encoding = self.encoding(&read, true)?;
                        self.sentence_of(typed, &encoding, || vocabulary.unknown(&read, &encoding))?
                    }
                    Some(template) => self.in_frame(typed, template, vocabulary)?,
                };
                vocabulary.check(&sentence.tokens)?;
                Ok(sentence)
            }
        }
    }

    /// The sentence in its chat template, which names all special tokens itself: none is added.
    fn in_frame(
        &self,
        typed: &str,
        template: &ChatTemplate,
        vocabulary: &Vocabulary,
    ) -> Result<Sentence> {
        let of_ids = || SpecialTexts::of(&vocabulary.ids, |id| self.engine.id_to_token(id));
        let specials = vocabulary.texts.as_deref().cloned().unwrap_or_else(of_ids);
        let rendered = template.render(typed, &specials)?;
        let encoding = self.encoding(&rendered.text, false)?;
        let unknown = || vocabulary.unknown(&rendered.text, &encoding);
        let sentence = self.sentence_of(typed, &encoding, unknown)?;
        let inside = rendered.sentence;
        let is_typed = |&(from, to): &(usize, usize)| from < inside.end && to > inside.start;
        let offsets = encoding.get_offsets();
        let first = offsets.iter().position(is_typed).unwrap_or(0);
        let end = offsets.iter().rposition(is_typed).map_or(first, |last| last + 1);
        Ok(Sentence { typed: Some(first..end), ..sentence })
    }

    fn sentence_of(
        &self,
        text: &str,
        encoding: &Encoding,
        unknown: impl FnOnce() -> Vec<Unknown>,
    ) -> Result<Sentence> {
        let ids = encoding.get_ids();
        // A tokenizer may remove the whole text or have no entry for it; no model reads an empty sentence.
        ensure!(
            !ids.is_empty(),
            refusal!(
                "the sentence has no tokens: the tokenizer leaves nothing of \"{text}\"; type other words",
                text = shown(text)
            )
        );
        if ids.len() > self.limit {
            let why = match self.kind {
                Origin::BuiltIn => refusal!(" (the models were trained on up to 90)"),
                Origin::Checkpoint(_) => Refusal::default(),
            };
            bail!(refusal!(
                "the sentence has {n} tokens, the limit is {longest}{why}; shorten it",
                n = ids.len(),
                longest = self.limit,
                why
            ));
        }
        let (text, tokens) = (text.to_owned(), self.tokens(ids));
        let are_added = encoding.get_special_tokens_mask().iter().map(|&mask| mask == 1);
        let start = are_added.clone().take_while(|is_added| *is_added).count();
        let n_behind = are_added.rev().take_while(|is_added| *is_added).count();
        let own = start..(ids.len() - n_behind).max(start);
        let adapted = Adapted::default();
        Ok(Sentence { text, replaced: None, tokens, adapted, unknown: unknown(), own, typed: None })
    }

    /// The sentence with the word at a position replaced by another. The built-in models' words may have several
    /// tokens, so the sentence may become longer or shorter; a checkpoint's token is replaced by one token.
    ///
    /// # Errors
    /// If there is no such position, the result is too long, or a checkpoint has no single token for the word or no row
    /// for the token.
    pub fn replaced(&self, sentence: &Sentence, position: usize, word: &str) -> Result<Sentence> {
        sentence.check_position(position)?;
        let word = training_words::plain(word.trim());
        let (range, new) = match &self.kind {
            Origin::BuiltIn => {
                let range = sentence.word_at(position);
                let ids = self.ids_in_place(&word, &sentence.tokens[range.start])?;
                (range, ids)
            }
            Origin::Checkpoint(vocabulary) => {
                let old = &sentence.tokens[position];
                let word = vocabulary.cased(&word);
                let one = || Ok(vocabulary.one_token(&self.engine, &word, old));
                let Some(id) = engine::spawn_guarded(one)? else {
                    bail!(refusal!(
                        "`{word}` is not a single token of the model's vocabulary, so it cannot replace one; try {near}",
                        word = shown(&word),
                        near = vocabulary::alike(&self.vocab(), &visible(&word), 3).join(", ")
                    ))
                };
                (position..position + 1, vec![id])
            }
        };
        let mut ids = sentence.ids();
        ids.splice(range.clone(), new.iter().copied());
        let ids = self.with_rows_for(ids)?;
        ensure!(
            ids != sentence.ids(),
            refusal!(
                "token {position} is `{word}` already; give another word",
                position,
                word = shown(&word)
            )
        );
        ensure!(
            ids.len() <= self.limit,
            refusal!(
                "with `{word}` the sentence has {n} tokens, the limit is {longest}; take a shorter word",
                word = shown(&word),
                n = ids.len(),
                longest = self.limit
            )
        );
        // Words after the replaced one have moved.
        let moved = |i: usize| if i < range.end { i } else { i + new.len() - range.len() };
        let unknown = sentence.unknown.iter().filter(|u| !range.contains(&u.tokens.start));
        let unknown = unknown.map(|u| {
            let tokens = moved(u.tokens.start)..moved(u.tokens.end - 1) + 1;
            Unknown { tokens, ..u.clone() }
        });
        let unknown = unknown.collect();
        let own = sentence.own.start..sentence.own.end + new.len() - range.len();
        Ok(Sentence {
            replaced: Some(self.text(&ids)),
            tokens: self.tokens(&ids),
            unknown,
            own,
            ..sentence.clone()
        })
    }

    /// The built-in tokens of a word in the place of `old`: with a leading space if that has one.
    fn ids_in_place(&self, word: &str, old: &Token) -> Result<Vec<u32>> {
        let entry = self.engine.id_to_token(old.id).unwrap_or_default();
        if entry.starts_with(' ') {
            return Ok(self.encoding(word, false)?.get_ids().to_vec());
        }
        let (before, whole) =
            (self.encoding("a", false)?, self.encoding(&format!("a{word}"), false)?);
        let after_a_word = whole.get_ids().strip_prefix(before.get_ids());
        Ok(match after_a_word {
            Some(ids) => ids.to_vec(),
            None => self.encoding(word, false)?.get_ids().to_vec(),
        })
    }

    fn encoding(&self, text: &str, with_special: bool) -> Result<Encoding> {
        let encode = || self.engine.encode(text, with_special).map_err(engine::sanitized);
        engine::spawn_guarded(encode).context("the sentence cannot be tokenized")
    }

    /// The ids of a text as in the reference, special tokens included.
    ///
    /// # Errors
    /// If the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = match &self.kind {
            Origin::BuiltIn => self.encoding(text, false)?,
            Origin::Checkpoint(vocabulary) => self.encoding(&vocabulary.cased(text), true)?,
        };
        Ok(encoding.get_ids().to_vec())
    }

    /// The ids of a text alone, without special tokens: what a decoder is made to read.
    ///
    /// # Errors
    /// If the text has no token, too many, or one that the model does not have.
    pub fn ids_of_text(&self, text: &str) -> Result<Vec<u32>> {
        let text = match &self.kind {
            Origin::BuiltIn => training_words::plain(text.trim()),
            Origin::Checkpoint(_) => text.to_owned(),
        };
        let ids = self.encoding(&text, false)?.get_ids().to_vec();
        ensure!(
            !ids.is_empty(),
            refusal!("\"{text}\" has no tokens; give other words", text = shown(&text))
        );
        ensure!(
            ids.len() < self.limit,
            refusal!(
                "the text has {n} tokens, the limit is {longest}; shorten it",
                n = ids.len(),
                longest = self.limit - 1
            )
        );
        self.with_rows_for(ids)
    }

    /// These ids, if the embedding table has a row for each.
    fn with_rows_for(&self, ids: Vec<u32>) -> Result<Vec<u32>> {
        if let Origin::Checkpoint(vocabulary) = &self.kind {
            vocabulary.check(&self.tokens(&ids))?;
        }
        Ok(ids)
    }

    /// The tokens of a text, in its order. Of the built-in models' a token that goes on with a word begins with `-`.
    pub fn tokens(&self, ids: &[u32]) -> Vec<Token> {
        let mut tokens: Vec<Token> = ids.iter().map(|&id| self.token(id)).collect();
        if matches!(self.kind, Origin::BuiltIn) {
            let entries: Vec<_> =
                ids.iter().map(|&id| self.engine.id_to_token(id).unwrap_or_default()).collect();
            for (i, pair) in entries.windows(2).enumerate() {
                if training_words::continues(&pair[0], &pair[1]) {
                    tokens[i + 1].text.insert(0, '-');
                    tokens[i + 1].continues = true;
                }
            }
        }
        tokens
    }

    pub fn token(&self, id: u32) -> Token {
        let text = match &self.kind {
            Origin::BuiltIn => {
                self.engine.id_to_token(id).map(|token| training_words::shown(&token))
            }
            Origin::Checkpoint(vocabulary) => vocabulary.shown(&self.engine, id),
        };
        Token { id, text: text.unwrap_or_else(|| format!("#{id}")), continues: false }
    }

    /// The text of ids without special tokens, safe to show.
    pub fn decode(&self, ids: &[u32]) -> String {
        visible(&self.text(ids))
    }

    /// The text of ids without special tokens, as in the reference. Not safe to show; see [`Self::decode`].
    pub fn text(&self, ids: &[u32]) -> String {
        match &self.kind {
            Origin::BuiltIn => {
                let ids: Vec<u32> = ids.iter().copied().filter(|&id| id > EOS).collect();
                self.engine.decode(&ids, false).unwrap_or_default()
            }
            Origin::Checkpoint(vocabulary) => {
                let decode = || self.engine.decode(ids, true).map_err(engine::sanitized);
                vocabulary.cleaned(engine::spawn_guarded(decode).unwrap_or_default())
            }
        }
    }

    /// The text encoded and decoded again, which leaves any text unchanged: the tests ask for it.
    ///
    /// # Errors
    /// If the tokenizer refuses the text.
    pub fn round_trip(&self, text: &str) -> Result<String> {
        let encoding = self.encoding(text, false)?;
        self.engine.decode(encoding.get_ids(), false).map_err(|e| anyhow::anyhow!("{e}"))
    }
}
