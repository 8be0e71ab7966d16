//! Builds the tokenizer engine from a [`TokenizerPlan`].
//!
//! No file is trusted: sizes are checked before anything is built, and a panic of the library becomes an error.
//! Reading the files is left to `json` and `gguf`.

mod budget;
mod matches;
mod parts;
mod pattern;
mod stages;

pub use stages::Engine;

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::Once,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokenizers::{
    ModelWrapper,
    models::{
        bpe::{self, BPE},
        unigram::Unigram,
        wordlevel::WordLevel,
        wordpiece::WordPiece,
    },
};

use super::{
    plan::{MOST_ADDED, Merge, TokenizerModel, TokenizerParts, TokenizerPlan, Vocab},
    shown,
};
use stages::BoundedModel;

/// The most tokens; the largest vocabularies have some 260,000.
const MOST_TOKENS: usize = 1 << 21;

/// The largest id: ids may have gaps, but are shown as a list.
const LARGEST_ID: u32 = 1 << 21;

/// The longest token, in bytes; those in use have up to some hundreds.
const LONGEST_TOKEN: usize = 4096;

/// The least of what ids may be, whatever the number of tokens; gaps between ids are few.
const SMALLEST_LIMIT: usize = 1 << 16;

/// The most bytes of all pieces of a Unigram vocabulary together, whose tree takes hundreds for each.
const MOST_PIECE_BYTES: usize = 1 << 23;

/// The longest word for WordPiece, in characters: it tries every part of a word.
const LONGEST_WORD: usize = 1000;

/// The longest prefix or suffix of word pieces, in bytes.
const LONGEST_AFFIX: usize = 64;

/// The engine of a plan.
///
/// # Errors
/// If a part is damaged, unknown or larger than in any tokenizer in use.
pub fn built(plan: TokenizerPlan) -> Result<Engine> {
    check(&plan)?;
    let parts = translated(plan.parts);
    parts::check(&parts)?;
    spawn_guarded(|| {
        let mut engine = Engine::new(BoundedModel::new(model(plan.model)?));
        parts::put(&mut engine, parts)?;
        budget::allow_building(plan.added.iter().map(|added| added.content.len()).sum());
        engine.add_tokens(plan.added).map_err(sanitized).context("`added_tokens` are damaged")?;
        Ok(engine)
    })
}

/// The parts with their patterns translated to this engine's regular expressions.
fn translated(mut parts: TokenizerParts) -> TokenizerParts {
    for part in [&mut parts.normalizer, &mut parts.pre_tokenizer, &mut parts.decoder] {
        pattern::translate(part);
    }
    parts
}

thread_local! {
    /// Whether this thread runs work whose panic is caught.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs work during which the library may panic or do far too much; a panic becomes an error and prints nothing, and
/// the work has a budget of its own.
///
/// # Errors
/// Those of the work itself, a panic, and a budget that was exceeded.
pub fn spawn_guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    keep_guarded_panics_quiet();
    let was_guarded = IS_GUARDED.replace(true);
    let (caught, exceeded) = budget::within(|| catch_unwind(AssertUnwindSafe(work)));
    IS_GUARDED.set(was_guarded);
    if let Some(exceeded) = exceeded {
        return Err(exceeded.into());
    }
    caught.unwrap_or_else(|_| {
        bail!("the tokenizer is damaged: it does not work; fetch its file again")
    })
}

/// Whether a panic of this thread will be caught and reported as an error, so that the panic hook must neither
/// print nor leave the screen.
pub fn is_guarded() -> bool {
    IS_GUARDED.get()
}

fn keep_guarded_panics_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if !is_guarded() {
                before(info);
            }
        }));
    });
}

/// An error of the library, shortened and safe to show.
pub fn sanitized(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!(shown(&error.to_string()))
}

/// Adds these tokens before and after every text, in place of those that the file names.
///
/// # Errors
/// If the vocabulary lacks one of them.
pub fn enclose(engine: &mut Engine, begin: Option<&str>, end: Option<&str>) -> Result<()> {
    let id = |token: &str| {
        let id = engine.token_to_id(token);
        id.with_context(|| format!("the vocabulary lacks its own token `{}`", shown(token)))
    };
    let with_id = |token: Option<&str>| -> Result<Option<parts::EndToken>> {
        token
            .map(|token| Ok(parts::EndToken { token: token.to_owned(), id: id(token)? }))
            .transpose()
    };
    let (begin, end) = (with_id(begin)?, with_id(end)?);
    parts::put_ends(engine, begin.as_ref(), end.as_ref())
}

fn check(plan: &TokenizerPlan) -> Result<()> {
    let model = &plan.model;
    let (n, longest) = match &model.vocab {
        Vocab::Words(words) => (words.len(), words.keys().map(String::len).max()),
        Vocab::Pieces(pieces) => (pieces.len(), pieces.iter().map(|(piece, _)| piece.len()).max()),
    };
    let longest = longest.unwrap_or(0).max(longest_added(plan));
    ensure!(n > 0, "the vocabulary is empty");
    let n_added = plan.added.len();
    for (what, n, most) in [("tokens", n, MOST_TOKENS), ("added tokens", n_added, MOST_ADDED)] {
        ensure!(n <= most, "there are {n} {what}, the limit is {most}");
    }
    ensure!(
        longest <= LONGEST_TOKEN,
        "a token has {longest} bytes, the limit is {LONGEST_TOKEN}; the file is damaged"
    );
    let affixes = [&model.continuing_subword_prefix, &model.end_of_word_suffix];
    let longest = affixes.into_iter().flatten().map(String::len).max().unwrap_or(0);
    ensure!(
        longest <= LONGEST_AFFIX,
        "the mark of words' beginnings or ends has {longest} bytes, the limit is {LONGEST_AFFIX}"
    );
    if let Vocab::Words(words) = &model.vocab
        && let Some((token, id)) = words.iter().find(|(_, id)| **id > LARGEST_ID)
    {
        bail!("token `{}` has the id {id}, the limit is {LARGEST_ID}", shown(token));
    }
    let most_ids = SMALLEST_LIMIT.max(n.saturating_mul(8));
    ensure!(
        model.n_ids() <= most_ids,
        "there are {n} tokens with ids up to {}, the limit is {most_ids}; the file is damaged",
        model.n_ids() - 1
    );
    check_pieces(&model.vocab)
}

fn check_pieces(vocab: &Vocab) -> Result<()> {
    let Vocab::Pieces(pieces) = vocab else { return Ok(()) };
    let n_bytes: usize = pieces.iter().map(|(piece, _)| piece.len()).sum();
    ensure!(
        n_bytes <= MOST_PIECE_BYTES,
        "the tokens have {n_bytes} bytes together, the limit is {MOST_PIECE_BYTES}"
    );
    Ok(())
}

fn longest_added(plan: &TokenizerPlan) -> usize {
    plan.added.iter().map(|added| added.content.len()).max().unwrap_or(0)
}

fn model(model: TokenizerModel) -> Result<ModelWrapper> {
    let kind = model.kind().to_owned();
    match kind.as_str() {
        "BPE" => bpe(model).map(Into::into),
        "WordPiece" => wordpiece(model).map(Into::into),
        "Unigram" => unigram(model).map(Into::into),
        "WordLevel" => {
            let unk = model.unk_token.clone().unwrap_or_else(|| "<unk>".to_owned());
            let words = words(model.vocab)?;
            WordLevel::builder()
                .vocab(words)
                .unk_token(unk)
                .build()
                .map(Into::into)
                .map_err(sanitized)
        }
        other => bail!(
            "its model is of the kind `{}`; supported: BPE, WordPiece, Unigram and WordLevel",
            shown(other)
        ),
    }
}

fn words(vocab: Vocab) -> Result<bpe::Vocab> {
    match vocab {
        Vocab::Words(words) => Ok(words),
        Vocab::Pieces(_) => bail!("`model.vocab` is a list, want tokens with their ids"),
    }
}

/// Dropout, a training option, is ignored: the same text gives the same tokens.
fn bpe(model: TokenizerModel) -> Result<BPE> {
    let vocab = words(model.vocab)?;
    let prefix = model.continuing_subword_prefix.unwrap_or_default();
    check_merges(&model.merges, &vocab, &prefix)?;
    let merges = model.merges.into_iter().map(|Merge(left, right)| (left, right)).collect();
    let mut builder = BPE::builder()
        .vocab_and_merges(vocab, merges)
        .fuse_unk(model.fuse_unk.unwrap_or(false))
        .byte_fallback(model.byte_fallback.unwrap_or(false))
        .ignore_merges(model.ignore_merges.unwrap_or(false));
    if !prefix.is_empty() {
        builder = builder.continuing_subword_prefix(prefix);
    }
    if let Some(suffix) = model.end_of_word_suffix {
        builder = builder.end_of_word_suffix(suffix);
    }
    if let Some(unk) = model.unk_token {
        builder = builder.unk_token(unk);
    }
    builder.build().map_err(sanitized)
}

/// Checks that no merge is longer than the longest token and each right part has the prefix; the library assumes
/// both.
fn check_merges(merges: &[Merge], vocab: &bpe::Vocab, prefix: &str) -> Result<()> {
    let longest = vocab.keys().map(String::len).max().unwrap_or(0);
    for (i, Merge(left, right)) in merges.iter().enumerate() {
        let whole = (left.len() + right.len()).saturating_sub(prefix.len());
        ensure!(
            whole <= longest && right.starts_with(prefix),
            "merge {i}, of `{}` and `{}`, gives no token of the vocabulary",
            sanitized(left),
            sanitized(right)
        );
    }
    Ok(())
}

fn wordpiece(model: TokenizerModel) -> Result<WordPiece> {
    let longest = model.max_input_chars_per_word.unwrap_or(100);
    ensure!(
        longest <= LONGEST_WORD,
        "`model.max_input_chars_per_word` is {longest}, the limit is {LONGEST_WORD}"
    );
    WordPiece::builder()
        .unk_token(model.unk_token.unwrap_or_else(|| "[UNK]".to_owned()))
        .continuing_subword_prefix(
            model.continuing_subword_prefix.unwrap_or_else(|| "##".to_owned()),
        )
        .max_input_chars_per_word(longest)
        .vocab(words(model.vocab)?)
        .build()
        .map_err(sanitized)
}

fn unigram(model: TokenizerModel) -> Result<Unigram> {
    let Vocab::Pieces(pieces) = model.vocab else {
        bail!("`model.vocab` has ids, want a list of tokens with their scores")
    };
    Unigram::from(pieces, model.unk_id, model.byte_fallback.unwrap_or(false)).map_err(sanitized)
}
