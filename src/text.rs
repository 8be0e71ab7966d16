//! From a sentence to tokens and back; what is unknown to the models is said plainly.
//!
//! A tokenizer is the built-in models' own, or made from a checkpoint's tokenizer.json or from the
//! vocabulary inside a GGUF file. A checkpoint's text is read as the reference reads it: nothing is
//! changed before, special tokens are put where the model wants them, and those that are typed are
//! found. Text from outside passes through [`visible`] before it is shown anywhere.

pub mod visible;
mod engine;
mod figures;
mod gguf;
mod json;
mod lines;
mod plan;
mod sentence;
mod specials;
mod surface;
mod vocabulary;
mod world;

pub use engine::is_guarded;
pub use figures::{grouped, significant, spoken};
pub use gguf::GgufVocab;
pub use lines::{LineRun, is_wide, runs};
pub use sentence::{Sentence, Token, Unknown};
pub use specials::{Ids, Specials, ids_of};

use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail, ensure};
use tokenizers::{Encoding, ModelWrapper, Tokenizer as Engine};

pub use crate::text::visible::{shown, visible};
use vocabulary::Vocabulary;
use world::World;

/// Ids that every built-in model agrees on.
pub const BOS: u32 = 1;
/// End of sentence.
pub const EOS: u32 = 2;

/// The most tokens a sentence may have; the built-in models were trained on 3 to 40.
pub const MAX_TOKENS: usize = 64;

/// The most tokens that a checkpoint is given, whatever its context.
pub const MAX_CONTEXT: usize = 4096;

/// The longest text that is handed to a tokenizer, in bytes.
const MAX_BYTES: usize = 64 * 1024;

static TOKENIZER: &[u8] = include_bytes!("../assets/models/tokenizer.json");

/// Text to tokens and back.
pub struct Tokenizer {
    engine: Engine,
    /// What to show for every id, made when first asked for.
    vocab: OnceLock<Arc<[String]>>,
    /// The most tokens of a sentence.
    limit: usize,
    kind: Kind,
}

/// Whose words they are.
enum Kind {
    World(World),
    Checkpoint(Vocabulary),
}

impl Tokenizer {
    /// The tokenizer in the binary, which all built-in models share.
    ///
    /// # Errors
    /// If the embedded file is damaged.
    pub fn embedded() -> Result<Self> {
        let engine = Engine::from_bytes(TOKENIZER)
            .map_err(|e| anyhow::anyhow!("the embedded tokenizer.json does not load: {e}"))?;
        let kind = Kind::World(World::embedded()?);
        Ok(Self { engine, vocab: OnceLock::new(), limit: MAX_TOKENS, kind })
    }

    /// The tokenizer of a tokenizer.json and the small files beside it.
    ///
    /// # Errors
    /// Naming the file and the fault, if it is damaged or of a kind that is not known.
    pub fn from_json(bytes: &[u8], specials: &Specials) -> Result<Self> {
        let file = || specials.file.to_owned();
        let plan = json::plan(bytes, specials).with_context(file)?;
        let mut vocabulary = Vocabulary::of(&plan);
        let engine = engine::built(plan).with_context(file)?;
        vocabulary.ids = specials.ids(|token| engine.token_to_id(token));
        let is_bpe = matches!(engine.get_model(), ModelWrapper::BPE(_));
        vocabulary.cleans_up = specials.cleans_up() && !is_bpe;
        Ok(Self::checkpoint(engine, vocabulary))
    }

    /// The tokenizer of the vocabulary inside a GGUF file.
    ///
    /// # Errors
    /// Naming the fault, if it is damaged or of a kind that is not known.
    pub fn from_gguf(vocab: &GgufVocab) -> Result<Self> {
        let (plan, (begin, end)) = gguf::plan(vocab)?;
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
        let kind = Kind::Checkpoint(vocabulary);
        Self { engine, vocab: OnceLock::new(), limit: MAX_CONTEXT, kind }
    }

    /// The same for sentences of at most so many tokens.
    #[must_use]
    pub fn up_to(self, longest: usize) -> Self {
        Self { limit: longest.min(MAX_CONTEXT), ..self }
    }

    /// The same for a model whose embedding table has so many rows.
    ///
    /// # Errors
    /// As for [`Self::check`].
    pub fn with_rows(mut self, n_rows: usize) -> Result<Self> {
        self.check(n_rows)?;
        if let Kind::Checkpoint(vocabulary) = &mut self.kind {
            vocabulary.n_rows = n_rows;
        }
        Ok(self)
    }

    /// That the model's embedding table has a row for every token of the vocabulary. Tokens that were
    /// added beside it may lie beyond; a sentence that holds one is refused.
    ///
    /// # Errors
    /// Saying how many tokens lie beyond.
    pub fn check(&self, n_rows: usize) -> Result<()> {
        vocabulary::check_rows(&self.engine, self.n_own(), n_rows)
    }

    /// One more than the largest id, added tokens not counted.
    fn n_own(&self) -> usize {
        match &self.kind {
            Kind::World(_) => self.engine.get_vocab_size(false),
            Kind::Checkpoint(vocabulary) => vocabulary.n_ids,
        }
    }

    /// One more than the largest id.
    pub fn vocab_size(&self) -> usize {
        let added = self.engine.get_added_vocabulary().get_added_tokens_decoder().keys().max();
        let added = added.map_or(0, |&id| id as usize + 1);
        self.n_own().max(added)
    }

    /// What to show for every id in a list of them. Of two tokens that are told apart by the space
    /// before them alone (`qu'il`, `dit il`), the one with it has a `·`.
    pub fn vocab(&self) -> Arc<[String]> {
        let shown = |id| {
            let text = self.token(id).text;
            let token = self.engine.id_to_token(id).unwrap_or_default();
            let bare = token.strip_prefix(' ').filter(|_| matches!(self.kind, Kind::World(_)));
            let has_twin = bare.is_some_and(|bare| self.engine.token_to_id(bare).is_some());
            if has_twin { format!("·{text}") } else { text }
        };
        let all = || (0..self.vocab_size() as u32).map(shown).collect();
        Arc::clone(self.vocab.get_or_init(all))
    }

    /// English words the built-in models know, in lower case; none for a checkpoint.
    pub fn words(&self) -> &[String] {
        match &self.kind {
            Kind::World(world) => &world.words,
            Kind::Checkpoint(_) => &[],
        }
    }

    /// The most tokens of a sentence.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// The ids of the special tokens.
    pub fn ids(&self) -> Ids {
        match &self.kind {
            Kind::World(_) => Ids { bos: Some(BOS), eos: vec![EOS], ..Ids::default() },
            Kind::Checkpoint(vocabulary) => vocabulary.ids.clone(),
        }
    }

    /// Where a sentence has the mask of a masked language model, as typed: `[MASK]`, `<mask>`.
    pub fn masked(&self, sentence: &Sentence) -> Vec<usize> {
        let mask = self.ids().mask;
        let tokens = sentence.tokens.iter().enumerate();
        tokens.filter(|(_, token)| Some(token.id) == mask).map(|(i, _)| i).collect()
    }

    /// What the reader should know of how the tokenizer was read.
    pub fn notes(&self) -> &[String] {
        match &self.kind {
            Kind::World(_) => &[],
            Kind::Checkpoint(vocabulary) => &vocabulary.notes,
        }
    }

    /// Tokens of a sentence.
    ///
    /// # Errors
    /// If the text holds no word, or no token, or more tokens than [`Self::limit`], or one that the model does not
    /// have; the message says which, and what to do.
    pub fn sentence(&self, text: &str) -> Result<Sentence> {
        let typed = text.trim();
        ensure!(
            !typed.is_empty(),
            "the sentence is empty; type a few words, as in \"The dog sleeps.\""
        );
        ensure!(
            text.len() <= MAX_BYTES,
            "the sentence has {} bytes, far more than the limit of {} tokens; shorten it",
            text.len(),
            self.limit
        );
        match &self.kind {
            Kind::World(world) => {
                let encoding = self.encoding(&world::plain(typed), false)?;
                let unknown = || world.unknown(&self.engine, &encoding);
                self.sentence_of(typed, &encoding, unknown)
            }
            Kind::Checkpoint(vocabulary) => {
                let typed = without_line_end(text);
                let encoding = self.encoding(typed, true)?;
                let sentence =
                    self.sentence_of(typed, &encoding, || vocabulary.unknown(typed, &encoding))?;
                vocabulary.check(&sentence.tokens)?;
                Ok(sentence)
            }
        }
    }

    fn sentence_of(
        &self,
        text: &str,
        encoding: &Encoding,
        unknown: impl FnOnce() -> Vec<Unknown>,
    ) -> Result<Sentence> {
        let ids = encoding.get_ids();
        // What a tokenizer takes away, or has no entry for, may be the whole text; no model reads nothing.
        ensure!(
            !ids.is_empty(),
            "the sentence has no tokens: the tokenizer leaves nothing of \"{}\"; type other words",
            shown(text)
        );
        if ids.len() > self.limit {
            let why = match self.kind {
                Kind::World(_) => " (the models were trained on 3 to 40)",
                Kind::Checkpoint(_) => "",
            };
            bail!(
                "the sentence has {} tokens, the limit is {}{why}; shorten it",
                ids.len(),
                self.limit
            );
        }
        let tokens = ids.iter().map(|&id| self.token(id)).collect();
        Ok(Sentence { text: text.to_owned(), tokens, unknown: unknown() })
    }

    /// The sentence with another word in the place of one token.
    ///
    /// # Errors
    /// If there is no such place, or the word is not one token; the message offers words that are.
    pub fn replaced(&self, sentence: &Sentence, position: usize, word: &str) -> Result<Sentence> {
        let n = sentence.tokens.len();
        ensure!(position < n, "there is no token {position}; the sentence's are 0 to {}", n - 1);
        let word = world::plain(word.trim());
        let id = match &self.kind {
            Kind::World(_) => self.one_token(&word)?,
            Kind::Checkpoint(vocabulary) => engine::guarded(|| {
                Ok(vocabulary.one_token(&self.engine, &word, &sentence.tokens[position]))
            })?,
        };
        let Some(id) = id else {
            let whose = match self.kind {
                Kind::World(_) => "the models' world",
                Kind::Checkpoint(_) => "the model's vocabulary",
            };
            bail!(
                "`{}` is not one token of {whose}, so it cannot stand in the place of one; try {}",
                shown(&word),
                self.nearest(&visible(&word), 3).join(", ")
            )
        };
        let mut replaced = sentence.clone();
        replaced.tokens[position] = self.token(id);
        Ok(replaced)
    }

    /// The one token of the built-in vocabulary that a word is. A mark or an ending is one only where
    /// it follows a word.
    fn one_token(&self, word: &str) -> Result<Option<u32>> {
        let alone = self.encoding(word, false)?;
        let after_a_word = self.encoding(&format!("a{word}"), false)?;
        Ok(match (alone.get_ids(), after_a_word.get_ids()) {
            ([id], _) | (_, [_, id]) => Some(*id),
            _ => None,
        })
    }

    fn encoding(&self, text: &str, with_special: bool) -> Result<Encoding> {
        let encode = || self.engine.encode(text, with_special).map_err(engine::told);
        engine::guarded(encode).context("the sentence cannot be tokenized")
    }

    /// The ids of a text as the reference has them, those that begin and end it included.
    ///
    /// # Errors
    /// If the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let with_special = matches!(self.kind, Kind::Checkpoint(_));
        Ok(self.encoding(text, with_special)?.get_ids().to_vec())
    }

    pub fn token(&self, id: u32) -> Token {
        let text = match &self.kind {
            Kind::World(_) => self.engine.id_to_token(id).map(|token| world::shown(&token)),
            Kind::Checkpoint(vocabulary) => vocabulary.shown(&self.engine, id),
        };
        Token { id, text: text.unwrap_or_else(|| format!("#{id}")) }
    }

    /// The text of ids, without special tokens, controls made visible.
    pub fn decode(&self, ids: &[u32]) -> String {
        visible(&self.text(ids))
    }

    /// The text of ids as the reference has it, without special tokens. Not safe to show; see
    /// [`Self::decode`].
    pub fn text(&self, ids: &[u32]) -> String {
        match &self.kind {
            Kind::World(_) => {
                let ids: Vec<u32> = ids.iter().copied().filter(|&id| id > EOS).collect();
                self.engine.decode(&ids, false).unwrap_or_default()
            }
            Kind::Checkpoint(vocabulary) => {
                let decode = || self.engine.decode(ids, true).map_err(engine::told);
                vocabulary.cleaned(engine::guarded(decode).unwrap_or_default())
            }
        }
    }

    /// Encodes and decodes: any text comes back as it was.
    ///
    /// # Errors
    /// If the tokenizer refuses the text.
    pub fn round_trip(&self, text: &str) -> Result<String> {
        let encoding = self.encoding(text, false)?;
        self.engine.decode(encoding.get_ids(), false).map_err(|e| anyhow::anyhow!("{e}"))
    }

    /// The words spelled most like `word`.
    pub fn nearest(&self, word: &str, n: usize) -> Vec<String> {
        match &self.kind {
            Kind::World(world) => world.nearest(word, n),
            Kind::Checkpoint(_) => vocabulary::alike(&self.vocab(), word, n),
        }
    }
}

/// A pipe ends its text with a line end that nobody typed.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// The `n` candidates spelled most like `word`, nearest first. The time goes with its length, and a
/// name ends early: only its beginning is compared.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>, n: usize) -> Vec<String> {
    const LONGEST: usize = 100;
    let word = word.char_indices().nth(LONGEST).map_or(word, |(end, _)| &word[..end]);
    let mut scored: Vec<(f64, &str)> =
        candidates.map(|c| (strsim::jaro_winkler(word, c), c)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(n).map(|(_, c)| c.to_owned()).collect()
}
