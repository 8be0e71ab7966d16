//! A tokenizer's stages one by one, each within the [`budget`] of the whole use.
//!
//! The parts have the library's traits, so that the library runs them as its own; patterns are matched by [`super::matches`],
//! because the library asks nobody between two matches and takes a match that was given up for the end of the text.

use std::{collections::HashMap, path::Path};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value as Json;
use tokenizers::{
    Decoder, DecoderWrapper, Model, ModelWrapper, NormalizedString, Normalizer, NormalizerWrapper,
    OffsetReferential, OffsetType, PostProcessorWrapper, PreTokenizedString, PreTokenizer,
    PreTokenizerWrapper, Result, SplitDelimiterBehavior, Token, TokenizerImpl,
    models::TrainerWrapper, pattern::Invert, pre_tokenizers::split::SplitPattern,
};

use super::{
    budget,
    matches::{Matches, MeteredPattern},
};

/// A tokenizer whose every stage is within the budget.
pub type Engine =
    TokenizerImpl<BoundedModel, Normalizers, PreTokenizers, PostProcessorWrapper, Decoders>;

/// What a piece of a text takes besides its bytes.
const PIECE: usize = 16;

/// The most bytes that decoded tokens have together, and may be about to have.
const MOST_DECODED: usize = 1 << 25;

/// The most steps of a lattice of word pieces: the bytes of a text times those of the longest piece.
const MOST_STEPS: usize = 1 << 24;

/// The factor by which a stage that is not a replacement lengthens a text: a character of three bytes can be
/// decomposed to 33 (U+FDFA), and be a byte as one of two.
const GROWTH: usize = 12;

/// A pattern and what stands in the place of its matches.
#[derive(Clone, Debug)]
struct Replacement {
    pattern: MeteredPattern,
    content: String,
    growth: usize,
}

impl Replacement {
    /// From the library's own serialisation of it.
    fn of(stage: &impl serde::Serialize) -> Result<Self> {
        #[derive(Deserialize)]
        struct Fields {
            pattern: SplitPattern,
            content: String,
        }
        let Fields { pattern, content } = serde_json::from_value(serde_json::to_value(stage)?)?;
        let growth = 1 + match &pattern {
            SplitPattern::String(text) => content.len().div_ceil(text.len().max(1)),
            // It may match the empty string before every byte.
            SplitPattern::Regex(_) => content.len(),
        };
        Ok(Self { pattern: MeteredPattern::new(&pattern)?, content, growth })
    }

    fn in_tokens(&self, tokens: &[String]) -> Result<Vec<String>> {
        let found = self.pattern.find_all(tokens.iter().map(String::as_str))?;
        let replaced = |(token, Matches(parts)): (&String, Matches)| {
            let part = |((start, end), is_match)| {
                if is_match { self.content.as_str() } else { &token[start..end] }
            };
            parts.into_iter().map(part).collect()
        };
        Ok(tokens.iter().zip(found).map(replaced).collect())
    }
}

/// A stage of a normalizer.
#[derive(Clone, Debug)]
enum Normal {
    Replace(Replacement),
    Other { stage: NormalizerWrapper, growth: usize },
}

/// The stages of a normalizer, sequences resolved.
#[derive(Clone, Debug)]
pub struct Normalizers(Vec<Normal>);

impl Normalizers {
    /// # Errors
    /// If a pattern cannot be compiled.
    pub fn new(part: NormalizerWrapper) -> Result<Self> {
        let flat = flattened(part, &|part| match part {
            NormalizerWrapper::Sequence(parts) => (parts.into_iter().collect(), true),
            one => (vec![one], false),
        });
        let stage = |stage| match stage {
            NormalizerWrapper::Replace(_) => Replacement::of(&stage).map(Normal::Replace),
            stage => Ok(Normal::Other { growth: growth(&stage), stage }),
        };
        flat.into_iter().map(stage).collect::<Result<_>>().map(Self)
    }

    pub fn n_stages(&self) -> usize {
        self.0.len()
    }
}

/// The stages of a part, in order; `parts_of` gives the parts of a sequence, or what is none alone, and whether they may
/// be sequences in turn.
fn flattened<T>(part: T, parts_of: &impl Fn(T) -> (Vec<T>, bool)) -> Vec<T> {
    let (parts, is_sequence) = parts_of(part);
    if !is_sequence {
        return parts;
    }
    parts.into_iter().flat_map(|part| flattened(part, parts_of)).collect()
}

/// The factor by which a normalizer lengthens a text at most.
fn growth(stage: &NormalizerWrapper) -> usize {
    match stage {
        NormalizerWrapper::Precompiled(_) => {
            let map = serde_json::to_value(stage).unwrap_or_default();
            let map = map.get("precompiled_charsmap").and_then(Json::as_str).unwrap_or_default();
            longest_written(map).unwrap_or(GROWTH).max(1)
        }
        NormalizerWrapper::StripNormalizer(_)
        | NormalizerWrapper::StripAccents(_)
        | NormalizerWrapper::Nmt(_) => 1,
        NormalizerWrapper::ByteLevel(_) | NormalizerWrapper::Lowercase(_) => 3,
        _ => GROWTH,
    }
}

/// The longest text that a map of characters, as SentencePiece packs it, writes for one: after the
/// length of a trie and the trie come texts that end in a zero. The library takes memory for as long a
/// trie as is claimed.
pub fn longest_written(charsmap: &str) -> anyhow::Result<usize> {
    let bytes = base64::decode(charsmap).unwrap_or_default();
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(0) };
    let length = u32::from_le_bytes(*length) as usize;
    let texts = rest.get(length..).with_context(|| {
        format!(
            "`precompiled_charsmap` claims a trie of {length} bytes, but has {}; the file is damaged",
            rest.len()
        )
    })?;
    Ok(texts.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or(0))
}

impl Normalizer for Normalizers {
    fn normalize(&self, text: &mut NormalizedString) -> Result<()> {
        for stage in &self.0 {
            let growth = match stage {
                Normal::Replace(replacement) => replacement.growth,
                Normal::Other { growth, .. } => *growth,
            };
            budget::before(text.len().saturating_mul(growth))?;
            match stage {
                Normal::Replace(Replacement { pattern, content, .. }) => {
                    let found = pattern.find(text.get())?;
                    text.replace(&found, content)?;
                }
                Normal::Other { stage, .. } => stage.normalize(text)?,
            }
            budget::after(text.len())?;
        }
        Ok(budget::keep(text.len() + PIECE)?)
    }
}

/// A stage of a pre-tokenizer.
#[derive(Clone, Debug)]
enum Cut {
    Split { pattern: MeteredPattern, behavior: SplitDelimiterBehavior, invert: bool },
    Other(PreTokenizerWrapper),
}

/// The stages of a pre-tokenizer, sequences resolved; possibly none.
#[derive(Clone, Debug)]
pub struct PreTokenizers(Vec<Cut>);

impl PreTokenizers {
    /// # Errors
    /// If a pattern cannot be compiled.
    pub fn new(part: Option<PreTokenizerWrapper>) -> Result<Self> {
        let parts_of = |part| match part {
            PreTokenizerWrapper::Sequence(parts) => (parts.into_iter().collect(), true),
            one => (vec![one], false),
        };
        let flat = part.into_iter().flat_map(|part| flattened(part, &parts_of));
        let stage = |stage| match stage {
            PreTokenizerWrapper::Split(split) => Ok(Cut::Split {
                pattern: MeteredPattern::new(&split.pattern)?,
                behavior: split.behavior,
                invert: split.invert,
            }),
            stage => Ok(Cut::Other(stage)),
        };
        flat.map(stage).collect::<Result<_>>().map(Self)
    }

    pub fn n_stages(&self) -> usize {
        self.0.len()
    }
}

/// The bytes of all pieces, and a quarter of what a piece takes for each.
fn size(text: &PreTokenizedString) -> usize {
    let pieces = text.get_splits(OffsetReferential::Original, OffsetType::None);
    pieces.iter().map(|(piece, ..)| piece.len() + PIECE / 4).sum()
}

/// Cuts every piece that has no tokens yet at the matches of a pattern, or between them.
fn split(
    text: &mut PreTokenizedString,
    pattern: &MeteredPattern,
    behavior: SplitDelimiterBehavior,
    invert: bool,
) -> Result<()> {
    let pieces = text.get_splits(OffsetReferential::Original, OffsetType::None);
    let uncut = pieces.iter().filter(|(.., tokens)| tokens.is_none()).map(|(piece, ..)| *piece);
    let mut found = pattern.find_all(uncut)?.into_iter();
    text.split(|_, piece| {
        let found = found.next().ok_or("a piece of the text is lost")?;
        if invert { piece.split(Invert(&found), behavior) } else { piece.split(&found, behavior) }
    })
}

impl PreTokenizer for PreTokenizers {
    fn pre_tokenize(&self, text: &mut PreTokenizedString) -> Result<()> {
        // A normalizer's error does not arrive here.
        budget::check()?;
        let mut n_bytes = size(text);
        for stage in &self.0 {
            // A space before each piece, two bytes for each.
            budget::before(n_bytes.saturating_mul(3))?;
            match stage {
                Cut::Split { pattern, behavior, invert } => {
                    split(text, pattern, *behavior, *invert)?;
                }
                Cut::Other(stage) => stage.pre_tokenize(text)?,
            }
            n_bytes = size(text);
            budget::after(n_bytes)?;
        }
        Ok(())
    }
}

/// A model that is asked for one word at a time.
#[derive(Clone, Debug)]
pub struct BoundedModel {
    inner: ModelWrapper,
    /// The bytes of the longest piece, where a word's time grows with it.
    longest: Option<usize>,
}

impl BoundedModel {
    pub fn new(inner: ModelWrapper) -> Self {
        let longest = match &inner {
            ModelWrapper::Unigram(model) => model.iter().map(|(piece, _)| piece.len()).max(),
            _ => None,
        };
        Self { inner, longest }
    }

    pub fn is_bpe(&self) -> bool {
        matches!(self.inner, ModelWrapper::BPE(_))
    }
}

impl Model for BoundedModel {
    type Trainer = TrainerWrapper;

    fn tokenize(&self, word: &str) -> Result<Vec<Token>> {
        budget::check()?;
        let steps = word.len().saturating_mul(self.longest.unwrap_or(0));
        if steps > MOST_STEPS {
            return Err(format!(
                "a word of {} bytes with tokens of up to {} takes too long",
                word.len(),
                self.longest.unwrap_or(0)
            )
            .into());
        }
        let tokens = self.inner.tokenize(word)?;
        budget::count_tokens(tokens.len())?;
        Ok(tokens)
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    fn id_to_token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    fn get_vocab(&self) -> HashMap<String, u32> {
        self.inner.get_vocab()
    }

    fn get_vocab_size(&self) -> usize {
        self.inner.get_vocab_size()
    }

    fn save(&self, folder: &Path, prefix: Option<&str>) -> Result<Vec<std::path::PathBuf>> {
        self.inner.save(folder, prefix)
    }

    fn get_trainer(&self) -> TrainerWrapper {
        self.inner.get_trainer()
    }
}

/// A stage of a decoder.
#[derive(Clone, Debug)]
enum Undo {
    Replace(Replacement),
    Other(DecoderWrapper),
}

/// The stages of a decoder, sequences resolved.
#[derive(Clone, Debug)]
pub struct Decoders(Vec<Undo>);

impl Decoders {
    /// # Errors
    /// If a pattern cannot be compiled.
    pub fn new(part: &DecoderWrapper) -> Result<Self> {
        let mut flat = vec![];
        flatten_decoder(part, &mut flat);
        let stage = |stage: &DecoderWrapper| match stage {
            DecoderWrapper::Replace(_) => Replacement::of(stage).map(Undo::Replace),
            stage => Ok(Undo::Other(stage.clone())),
        };
        flat.into_iter().map(stage).collect::<Result<_>>().map(Self)
    }

    pub fn n_stages(&self) -> usize {
        self.0.len()
    }
}

fn flatten_decoder<'a>(part: &'a DecoderWrapper, flat: &mut Vec<&'a DecoderWrapper>) {
    match part {
        DecoderWrapper::Sequence(parts) => {
            parts.get_decoders().iter().for_each(|part| flatten_decoder(part, flat));
        }
        one => flat.push(one),
    }
}

impl Decoder for Decoders {
    fn decode_chain(&self, mut tokens: Vec<String>) -> Result<Vec<String>> {
        for stage in &self.0 {
            budget::check()?;
            let n_bytes: usize = tokens.iter().map(|token| token.len() + PIECE / 4).sum();
            let growth = match stage {
                Undo::Replace(replacement) => replacement.growth,
                Undo::Other(_) => 2,
            };
            if n_bytes.saturating_mul(growth) > MOST_DECODED {
                return Err("the decoder makes the text too long".into());
            }
            tokens = match stage {
                Undo::Replace(replacement) => replacement.in_tokens(&tokens)?,
                Undo::Other(stage) => stage.decode_chain(tokens)?,
            };
        }
        Ok(tokens)
    }
}
