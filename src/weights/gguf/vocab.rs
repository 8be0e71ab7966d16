//! The tokenizer data of a GGUF file, read into a [`GgufVocab`].

use anyhow::{Context, Result, ensure};

use super::metadata::{Meta, Metadata};
use crate::text::GgufVocab;

/// The most tokens; the largest vocabularies have some 260,000.
const MOST_TOKENS: usize = 1 << 22;

/// The largest list in the file, in bytes.
const MOST_BYTES: usize = 256 << 20;

/// The vocabulary of a file; None if it has no tokenizer.
///
/// # Errors
/// If its lists are of different lengths, or the vocabulary is too large.
pub fn vocab(metadata: &Metadata, architecture: &str) -> Result<Option<GgufVocab>> {
    let of = |name: &str| format!("tokenizer.ggml.{name}");
    let Some(model) = metadata.text(&of("model")) else { return Ok(None) };
    let texts = |name| listed(metadata, &of(name), |item| item.text());
    let tokens = texts("tokens")?;
    let id = |name: &str| {
        let id = metadata.whole(&of(name)).and_then(|id| u32::try_from(id).ok());
        id.filter(|id| (*id as usize) < tokens.len())
    };
    let flag = |name: &str| metadata.get(&of(name)).and_then(|value| value.bool());
    let float = |item: Meta| item.float().map(|x| x as f32);
    let kind = |item: Meta| match item {
        Meta::Whole(n) => i32::try_from(n).ok(),
        _ => None,
    };
    let vocab = GgufVocab {
        model,
        pre: pre_tokenizer(metadata.text(&of("pre")), architecture),
        scores: listed(metadata, &of("scores"), float)?,
        token_types: listed(metadata, &of("token_type"), kind)?,
        merges: texts("merges")?,
        bos: id("bos_token_id"),
        eos: id("eos_token_id"),
        unk: id("unknown_token_id"),
        sep: id("seperator_token_id"),
        cls: id("cls_token_id"),
        mask: id("mask_token_id"),
        pad: id("padding_token_id"),
        add_bos: flag("add_bos_token"),
        add_eos: flag("add_eos_token"),
        add_space_prefix: flag("add_space_prefix"),
        remove_extra_whitespaces: flag("remove_extra_whitespaces"),
        charsmap: charsmap(metadata, &of("precompiled_charsmap"))?,
        tokens,
    };
    same_length("scores", vocab.scores.len(), vocab.tokens.len())?;
    same_length("token_type", vocab.token_types.len(), vocab.tokens.len())?;
    Ok(Some(vocab))
}

/// The pre-tokenizer; Ollama's own files of some architectures have none, or the one that they call `default`.
fn pre_tokenizer(named: Option<String>, architecture: &str) -> Option<String> {
    let own = match architecture {
        "gptoss" => "gpt-4o",
        "mistral3" => "tekken",
        _ => return named,
    };
    named.filter(|name| name != "default").or_else(|| Some(own.to_owned()))
}

/// The bytes of a list of whole numbers, or of the letters of base64, as some files of Ollama's have them; empty if there
/// is no list.
fn charsmap(metadata: &Metadata, key: &str) -> Result<Vec<u8>> {
    let first = metadata.list(key).and_then(|list| list.items().next());
    if let Some(Meta::Text(_)) = first {
        let letters = listed(metadata, key, |item| item.text())?.concat();
        return base64::decode(letters)
            .with_context(|| format!("metadata `{key}` is a list of texts, but not of base64"));
    }
    listed(metadata, key, |item| match item {
        Meta::Whole(n) => u8::try_from(n).or_else(|_| i8::try_from(n).map(|n| n as u8)).ok(),
        _ => None,
    })
}

/// The items of a list of one type; empty if there is no list.
fn listed<T>(metadata: &Metadata, key: &str, of: impl Fn(Meta) -> Option<T>) -> Result<Vec<T>> {
    let Some(list) = metadata.list(key) else { return Ok(vec![]) };
    ensure!(
        list.len <= MOST_TOKENS && list.n_bytes <= MOST_BYTES,
        "metadata `{key}` has {} items in {} bytes, far more than any model has",
        list.len,
        list.n_bytes
    );
    let items: Vec<T> = list.items().map_while(of).collect();
    ensure!(items.len() == list.len, "metadata `{key}` has items of another kind than it should");
    Ok(items)
}

fn same_length(name: &str, n: usize, n_tokens: usize) -> Result<()> {
    ensure!(
        n == 0 || n == n_tokens,
        "metadata `tokenizer.ggml.{name}` has {n} items for {n_tokens} tokens; it is damaged"
    );
    Ok(())
}
