//! The description of a tokenizer, whichever file it comes from.
//!
//! The model is typed and parsed as a stream, since it is nearly all of the file. The other parts stay JSON in the
//! format of tokenizer.json; building the engine checks them.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value as Json;
use tokenizers::{AddedToken, models::bpe};

/// The most added tokens, each of which takes some kilobytes to build; models that speak have up to 65,536.
pub const MOST_ADDED: usize = 1 << 17;

/// A tokenizer before it is checked and built.
#[derive(Default)]
pub struct TokenizerPlan {
    pub model: TokenizerModel,
    pub parts: TokenizerParts,
    /// Tokens that are matched in a text before anything else.
    pub added: Vec<AddedToken>,
    /// Notes for the reader on how this was read.
    pub notes: Vec<String>,
}

/// The parts around the model, in the format of tokenizer.json.
#[derive(Default)]
pub struct TokenizerParts {
    pub normalizer: Json,
    pub pre_tokenizer: Json,
    pub post_processor: Json,
    pub decoder: Json,
}

/// How pieces of text become tokens.
#[derive(Default, Deserialize)]
pub struct TokenizerModel {
    /// `BPE`, `WordPiece`, `Unigram` or `WordLevel`; missing in older files.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    pub vocab: Vocab,
    #[serde(default)]
    pub merges: Vec<Merge>,
    pub unk_token: Option<String>,
    pub unk_id: Option<usize>,
    pub byte_fallback: Option<bool>,
    pub fuse_unk: Option<bool>,
    pub ignore_merges: Option<bool>,
    pub continuing_subword_prefix: Option<String>,
    pub end_of_word_suffix: Option<String>,
    pub max_input_chars_per_word: Option<usize>,
}

impl TokenizerModel {
    /// The kind, inferred from the other fields if it is missing.
    pub fn kind(&self) -> &str {
        match (&self.kind, &self.vocab) {
            (Some(kind), _) => kind,
            (None, Vocab::Pieces(_)) => "Unigram",
            (None, _) if !self.merges.is_empty() => "BPE",
            (None, _) if self.continuing_subword_prefix.is_some() => "WordPiece",
            (None, _) => "WordLevel",
        }
    }

    /// One more than the largest id; there may be gaps.
    pub fn n_ids(&self) -> usize {
        match &self.vocab {
            Vocab::Pieces(pieces) => pieces.len(),
            Vocab::Words(words) => words.values().max().map_or(0, |&id| id as usize + 1),
        }
    }

    /// The unknown token.
    pub fn unknown(&self) -> Option<&str> {
        match &self.vocab {
            Vocab::Pieces(pieces) => Some(&pieces.get(self.unk_id?)?.0),
            Vocab::Words(_) => self.unk_token.as_deref(),
        }
    }
}

/// Tokens with their ids, or in order with their scores.
pub enum Vocab {
    Words(bpe::Vocab),
    Pieces(Vec<(String, f64)>),
}

impl Default for Vocab {
    fn default() -> Self {
        Self::Words(bpe::Vocab::default())
    }
}

impl<'de> Deserialize<'de> for Vocab {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(VocabVisitor)
    }
}

struct VocabVisitor;

impl<'de> Visitor<'de> for VocabVisitor {
    type Value = Vocab;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("tokens with their ids, or a list of tokens with their scores")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocab, A::Error> {
        let mut words = bpe::Vocab::default();
        while let Some((token, id)) = map.next_entry()? {
            words.insert(token, id);
        }
        Ok(Vocab::Words(words))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vocab, A::Error> {
        let mut pieces = vec![];
        while let Some(piece) = list.next_element()? {
            pieces.push(piece);
        }
        Ok(Vocab::Pieces(pieces))
    }
}

/// Two tokens that become one: `["a", "b"]`, in older files `"a b"`.
pub struct Merge(pub String, pub String);

impl Merge {
    /// A merge in the older spelling, `a b`.
    pub fn spelled(text: &str) -> Option<Self> {
        let (left, right) = text.split_once(' ')?;
        (!right.contains(' ')).then(|| Self(left.to_owned(), right.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Merge {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(MergeVisitor)
    }
}

struct MergeVisitor;

impl<'de> Visitor<'de> for MergeVisitor {
    type Value = Merge;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a merge: two tokens, with one space between or as a list")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Merge, E> {
        Merge::spelled(text)
            .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Merge, A::Error> {
        let wants_two = |n| A::Error::invalid_length(n, &self);
        let left = list.next_element()?.ok_or_else(|| wants_two(0))?;
        let right = list.next_element()?.ok_or_else(|| wants_two(1))?;
        match list.next_element::<String>()? {
            None => Ok(Merge(left, right)),
            Some(_) => Err(wants_two(3)),
        }
    }
}
