//! The vocabulary of a GGUF file, and the [`TokenizerPlan`] that follows from it.

mod split;

pub use split::{QWEN2, TEKKEN};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value as Json, json};
use tokenizers::{AddedToken, models::bpe};

use super::{
    SpecialIds,
    plan::{Merge, TokenizerModel, TokenizerParts, TokenizerPlan, Vocab},
    shown,
};

/// A vocabulary and its settings; strings are unchanged from the file, not safe to show. Filled by
/// `weights::gguf`, which comes later in the order of modules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GgufVocab {
    /// `gpt2`: byte-level BPE; `llama`: SentencePiece; `bert`: WordPiece; `t5`: unigram.
    pub model: String,
    /// The pre-tokenizer's name: `llama-bpe`, `gpt-2`, `qwen2` ...
    pub pre: Option<String>,
    pub tokens: Vec<String>,
    /// One a token, or none at all.
    pub scores: Vec<f32>,
    /// One a token, or none at all: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
    pub token_types: Vec<i32>,
    /// Pairs with a space between, best first.
    pub merges: Vec<String>,
    pub bos: Option<u32>,
    pub eos: Option<u32>,
    pub unk: Option<u32>,
    pub sep: Option<u32>,
    pub cls: Option<u32>,
    pub mask: Option<u32>,
    pub pad: Option<u32>,
    pub add_bos: Option<bool>,
    pub add_eos: Option<bool>,
    pub add_space_prefix: Option<bool>,
    pub remove_extra_whitespaces: Option<bool>,
    /// SentencePiece's replacements of characters; empty where there are none.
    pub charsmap: Vec<u8>,
}

impl GgufVocab {
    /// The ids of the special tokens.
    pub fn ids(&self) -> SpecialIds {
        SpecialIds {
            bos: self.bos,
            eos: self.eos.into_iter().collect(),
            unk: self.unk,
            pad: self.pad,
            mask: self.mask,
            cls: self.cls,
            sep: self.sep,
        }
    }
}

/// A kind of token, as `token_types` has it.
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

/// SentencePiece with the merges in the file.
const GEMMA4: &str = "gemma4";

/// The longest token whose merges are derived by splitting it everywhere, in bytes.
const LONGEST_CUT: usize = 512;

/// How many times the bytes of its tokens a vocabulary's derived merges may have; words that consist of tokens at every
/// cut are few.
const MOST_MERGED: usize = 32;

/// The plan of the vocabulary's tokenizer, and the tokens that begin and end every text.
///
/// # Errors
/// If the kind is unknown, or the vocabulary lacks what its kind needs.
pub fn plan(vocab: &GgufVocab) -> Result<(TokenizerPlan, Ends)> {
    let mut planned = match vocab.model.as_str() {
        "gpt2" => byte_level(vocab),
        "llama" | GEMMA4 => sentencepiece(vocab),
        "bert" => Ok(wordpiece(vocab)),
        "t5" => unigram(vocab),
        other => bail!(
            "its tokenizer is of the kind `{}`; supported: gpt2, llama, gemma4, bert and t5; use the model's \
             Hugging Face folder",
            shown(other)
        ),
    }?;
    planned.0.added = added(vocab);
    Ok(planned)
}

/// The tokens before and after every text.
pub struct Ends {
    pub begin: Option<String>,
    pub end: Option<String>,
}

/// Byte-level BPE with the pre-tokenizer of `tokenizer.ggml.pre`.
fn byte_level(vocab: &GgufVocab) -> Result<(TokenizerPlan, Ends)> {
    let (kind, note) = split::kind(vocab.pre.as_deref());
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
        "use_regex": false});
    let mut stages: Vec<Json> = kind.splits.iter().map(|pattern| {
        json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
    }).collect();
    stages.push(byte_level.clone());
    let model = TokenizerModel {
        kind: Some("BPE".into()),
        vocab: Vocab::Words(words(&vocab.tokens)),
        merges: spelled(vocab)?,
        ignore_merges: Some(kind.ignore_merges),
        ..TokenizerModel::default()
    };
    let parts = TokenizerParts {
        normalizer: if kind.nfc { json!({"type": "NFC"}) } else { Json::Null },
        pre_tokenizer: json!({"type": "Sequence", "pretokenizers": stages}),
        decoder: byte_level,
        ..TokenizerParts::default()
    };
    let plan = TokenizerPlan {
        model,
        parts,
        notes: note.into_iter().collect(),
        ..TokenizerPlan::default()
    };
    Ok((plan, ends(vocab, kind.add_bos)))
}

/// SentencePiece: pairs are merged by the score of the result, characters without a token are spelled in bytes,
/// and a space is put before the text unless the file says otherwise.
fn sentencepiece(vocab: &GgufVocab) -> Result<(TokenizerPlan, Ends)> {
    let unk = vocab.unk.and_then(|id| vocab.tokens.get(id as usize));
    let model = TokenizerModel {
        kind: Some("BPE".into()),
        merges: if vocab.merges.is_empty() {
            merges_by_score(&vocab.tokens, &vocab.scores)?
        } else {
            spelled(vocab)?
        },
        vocab: Vocab::Words(words(&vocab.tokens)),
        unk_token: Some(unk.map_or_else(|| "<unk>".to_owned(), Clone::clone)),
        fuse_unk: Some(true),
        byte_fallback: Some(true),
        ..TokenizerModel::default()
    };
    let space = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let prepend = json!({"type": "Prepend", "prepend": "▁"});
    let strip = json!({"type": "Strip", "content": " ", "start": 1, "stop": 0});
    let is_led = vocab.add_space_prefix.unwrap_or(vocab.model != GEMMA4);
    let decoders = [
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    let decoders: Vec<Json> = decoders.into_iter().chain(is_led.then_some(strip)).collect();
    let normalizers: Vec<Json> = is_led.then_some(prepend).into_iter().chain([space]).collect();
    let parts = TokenizerParts {
        normalizer: json!({"type": "Sequence", "normalizers": normalizers}),
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        ..TokenizerParts::default()
    };
    Ok((TokenizerPlan { model, parts, ..TokenizerPlan::default() }, ends(vocab, true)))
}

/// The merges. Where tokens have spaces themselves, the space between them is the one that leaves two tokens whose
/// join is a third.
fn spelled(vocab: &GgufVocab) -> Result<Vec<Merge>> {
    let has_spaces = vocab.merges.iter().any(|merge| merge.matches(' ').nth(1).is_some());
    let ids = if has_spaces { words(&vocab.tokens) } else { bpe::Vocab::default() };
    let among_spaces = |merge: &str| {
        let cuts = merge.match_indices(' ').map(|(at, _)| (&merge[..at], &merge[at + 1..]));
        let is_token = |text: &str| ids.contains_key(text);
        let mut pairs = cuts.filter(|(left, right)| {
            is_token(left) && is_token(right) && is_token(&format!("{left}{right}"))
        });
        pairs.next().map(|(left, right)| Merge(left.to_owned(), right.to_owned()))
    };
    let merge = |merge: &String| Merge::spelled(merge).or_else(|| among_spaces(merge));
    let merges: Option<Vec<Merge>> = vocab.merges.iter().map(merge).collect();
    merges.context("a merge is not a pair of tokens with a space between")
}

/// SentencePiece's other kind: the likeliest pieces of a text, as of T5 and XLM-RoBERTa.
fn unigram(vocab: &GgufVocab) -> Result<(TokenizerPlan, Ends)> {
    ensure!(vocab.scores.len() == vocab.tokens.len(), "its tokens have no scores");
    let of_kind = |wanted| vocab.token_types.iter().position(|kind| *kind == wanted);
    let unk_id = vocab.unk.map(|id| id as usize).or_else(|| of_kind(UNKNOWN));
    let scores = vocab.scores.iter().map(|score| f64::from(*score));
    let model = TokenizerModel {
        kind: Some("Unigram".into()),
        vocab: Vocab::Pieces(vocab.tokens.iter().cloned().zip(scores).collect()),
        unk_id,
        byte_fallback: Some(false),
        ..TokenizerModel::default()
    };
    let replace = |pattern: &str, content: &str| json!({"type": "Replace", "pattern": {"Regex": pattern}, "content": content});
    let mut normalizers = vec![];
    if !vocab.charsmap.is_empty() {
        let map = base64::encode(&vocab.charsmap);
        normalizers.push(json!({"type": "Precompiled", "precompiled_charsmap": map}));
    }
    if vocab.remove_extra_whitespaces.unwrap_or(true) {
        normalizers.extend([replace("^ +| +$", ""), replace(" {2,}", " ")]);
    }
    let is_led = vocab.add_space_prefix.unwrap_or(true);
    if is_led {
        normalizers.push(json!({"type": "Prepend", "prepend": "▁"}));
    }
    let metaspace = |scheme: &str| json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true});
    let parts = TokenizerParts {
        normalizer: json!({"type": "Sequence", "normalizers": normalizers}),
        pre_tokenizer: metaspace("never"),
        decoder: metaspace(if is_led { "always" } else { "never" }),
        ..TokenizerParts::default()
    };
    let name = |id: Option<u32>| id.and_then(|id| vocab.tokens.get(id as usize).cloned());
    let begin = name(vocab.bos).filter(|_| vocab.add_bos.unwrap_or(false));
    let end = name(vocab.eos).filter(|_| vocab.add_eos.unwrap_or(true));
    Ok((TokenizerPlan { model, parts, ..TokenizerPlan::default() }, Ends { begin, end }))
}

/// Every pair of tokens that forms another token, best score first; ties by the longer left part, in the order of
/// transformers (`generate_merges`).
pub fn merges_by_score(tokens: &[String], scores: &[f32]) -> Result<Vec<Merge>> {
    ensure!(scores.len() == tokens.len(), "its tokens have no scores");
    let ids = words(tokens);
    let n_bytes: usize = tokens.iter().map(String::len).sum();
    let mut n_merged = 0;
    let mut merges = vec![];
    for (token, &score) in tokens.iter().zip(scores) {
        ensure!(
            token.len() <= LONGEST_CUT,
            "a token has {} bytes, the limit is {LONGEST_CUT}",
            token.len()
        );
        let cuts = token.char_indices().skip(1).map(|(at, _)| token.split_at(at));
        let mut found: Vec<_> =
            cuts.filter_map(|(l, r)| Some((*ids.get(l)?, *ids.get(r)?, l, r))).collect();
        n_merged += found.len() * token.len();
        check_merged(n_merged, n_bytes)?;
        found.sort_by_key(|(left, right, ..)| (*left, *right));
        merges.extend(found.into_iter().map(|(.., l, r)| (score, l, r)));
    }
    let lengths = |l: &str, r: &str| (l.chars().count(), r.chars().count());
    merges.sort_by(|a, b| {
        b.0.total_cmp(&a.0).then_with(|| lengths(b.1, b.2).cmp(&lengths(a.1, a.2)))
    });
    Ok(merges.into_iter().map(|(_, l, r)| Merge(l.to_owned(), r.to_owned())).collect())
}

/// Refuses derived merges that have far more bytes than the tokens that they are made of.
///
/// # Errors
/// If `n_merged` bytes are too many for tokens of `n_bytes`.
pub fn check_merged(n_merged: usize, n_bytes: usize) -> Result<()> {
    ensure!(
        n_merged <= MOST_MERGED * n_bytes + (1 << 20),
        "the merges of its tokens, which have {n_bytes} bytes, have more than {MOST_MERGED} times as many; \
         the file is damaged"
    );
    Ok(())
}

/// WordPiece. GGUF marks the beginning of a word with `▁`; the original marks continuations with `##`.
fn wordpiece(vocab: &GgufVocab) -> (TokenizerPlan, Ends) {
    let is_special =
        |i: usize| vocab.token_types.get(i).is_some_and(|t| [UNKNOWN, CONTROL].contains(t));
    let original = |(i, token): (usize, &String)| match token.strip_prefix('▁') {
        _ if is_special(i) || (token.starts_with('[') && token.ends_with(']')) => token.clone(),
        Some(beginning) => beginning.to_owned(),
        None => format!("##{token}"),
    };
    let tokens: Vec<String> = vocab.tokens.iter().enumerate().map(original).collect();
    let is_lower = |t: &String| t.starts_with('[') || !t.contains(|c: char| c.is_ascii_uppercase());
    let lowercase = tokens.iter().all(is_lower);
    let name = |id: Option<u32>| id.and_then(|id| tokens.get(id as usize).cloned());
    let ends = Ends { begin: name(vocab.cls.or(vocab.bos)), end: name(vocab.sep.or(vocab.eos)) };
    let model = TokenizerModel {
        kind: Some("WordPiece".into()),
        vocab: Vocab::Words(words(&tokens)),
        unk_token: name(vocab.unk),
        ..TokenizerModel::default()
    };
    let parts = TokenizerParts {
        normalizer: json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": lowercase}),
        pre_tokenizer: json!({"type": "BertPreTokenizer"}),
        decoder: json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
        ..TokenizerParts::default()
    };
    (TokenizerPlan { model, parts, ..TokenizerPlan::default() }, ends)
}

/// The tokens that begin and end a text, from the file or by default.
fn ends(vocab: &GgufVocab, begins: bool) -> Ends {
    let token = |id: Option<u32>| id.and_then(|id| vocab.tokens.get(id as usize).cloned());
    let begin = token(vocab.bos).filter(|_| vocab.add_bos.unwrap_or(begins));
    let end = token(vocab.eos).filter(|_| vocab.add_eos.unwrap_or(false));
    Ends { begin, end }
}

/// Tokens that are matched whole in a text: control tokens and user-defined ones.
fn added(vocab: &GgufVocab) -> Vec<AddedToken> {
    let token = |(token, kind): (&String, &i32)| match *kind {
        UNKNOWN | CONTROL => Some(AddedToken::from(token.clone(), true)),
        USER_DEFINED => Some(AddedToken::from(token.clone(), false).normalized(false)),
        _ => None,
    };
    vocab.tokens.iter().zip(&vocab.token_types).filter_map(token).collect()
}

fn words(tokens: &[String]) -> bpe::Vocab {
    tokens.iter().zip(0..).map(|(token, id)| (token.clone(), id)).collect()
}
