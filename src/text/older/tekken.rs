//! Mistral's tekken.json: tokens as bytes, in the order in which pairs are merged; special tokens have the first ids.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{added_token, check_added, check_size, template};
use crate::text::{
    gguf::{TEKKEN, check_merged},
    visible,
};

#[derive(Deserialize)]
struct File {
    config: Settings,
    vocab: Vec<Token>,
    #[serde(default)]
    special_tokens: Option<Vec<Special>>,
}

#[derive(Deserialize)]
struct Settings {
    pattern: Option<String>,
    default_vocab_size: usize,
    default_num_special_tokens: usize,
}

#[derive(Deserialize)]
struct Token {
    rank: usize,
    token_bytes: String,
}

#[derive(Deserialize)]
struct Special {
    rank: usize,
    token_str: String,
}

/// The names of the first special tokens, for files that do not list them.
const SPECIALS: [&str; 10] = [
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
];

/// The most special tokens that a file counts without listing them; Mistral's count 1000.
const MOST_UNLISTED: usize = 2000;

/// The longest token that is cut to find its merges, in bytes.
const LONGEST: usize = 512;

pub(super) fn tekken(bytes: &[u8]) -> Result<Json> {
    let file: File = serde_json::from_slice(bytes)
        .map_err(|fault| anyhow::anyhow!("{}", visible(&fault.to_string())))?;
    let n_special = file.config.default_num_special_tokens;
    let listed = file.special_tokens.unwrap_or_default();
    check_special(n_special, listed.len())?;
    check_size(file.config.default_vocab_size)?;
    let n = file.config.default_vocab_size.checked_sub(n_special);
    let n = n.context("it has more special tokens than tokens")?.min(file.vocab.len());
    let tokens: Vec<Vec<u8>> =
        file.vocab[..n].iter().enumerate().map(of_rank).collect::<Result<_>>()?;
    let ranks: HashMap<&[u8], usize> =
        tokens.iter().enumerate().map(|(rank, token)| (&**token, rank)).collect();
    let merges = merges(&tokens, &ranks)?;
    let merges: Vec<[String; 2]> =
        merges.into_iter().map(|(left, right)| [spelled(left), spelled(right)]).collect();
    let mut vocab: Map<String, Json> = tokens
        .iter()
        .enumerate()
        .map(|(rank, token)| (spelled(token), json!(rank + n_special)))
        .collect();
    let mut names = vec![String::new(); n_special];
    for (rank, name) in SPECIALS.iter().enumerate().filter(|_| listed.is_empty()) {
        if let Some(slot) = names.get_mut(rank) {
            (*name).clone_into(slot);
        }
    }
    for Special { rank, token_str } in listed {
        if let Some(slot) = names.get_mut(rank) {
            *slot = token_str;
        }
    }
    let mut added = vec![];
    for (id, name) in names.into_iter().enumerate() {
        let name = if name.is_empty() { format!("<SPECIAL_{id}>") } else { name };
        added.push(added_token(id as u64, &name, true, false));
        vocab.insert(name, json!(id));
    }
    let begin: Vec<(&str, u64)> = added
        .iter()
        .filter(|token| token["content"] == "<s>")
        .filter_map(|token| Some(("<s>", token["id"].as_u64()?)))
        .collect();
    let pattern = file.config.pattern.unwrap_or_else(|| TEKKEN.to_owned());
    let stage = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    Ok(json!({
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false}, stage]},
        "post_processor": template(&begin, &[]),
        "decoder": stage,
        "model": {"type": "BPE", "vocab": vocab, "merges": merges, "ignore_merges": true},
    }))
}

fn check_special(n: usize, n_listed: usize) -> Result<()> {
    ensure!(
        n <= n_listed + MOST_UNLISTED,
        "it counts {n} special tokens and lists {n_listed}, the limit is {MOST_UNLISTED} more; fetch it again"
    );
    check_added(n)
}

/// The bytes of the token at a rank.
fn of_rank((rank, token): (usize, &Token)) -> Result<Vec<u8>> {
    ensure!(token.rank == rank, "token {rank} has rank {}; fetch it again", token.rank);
    let bytes = base64::decode(&token.token_bytes).ok().filter(|bytes| !bytes.is_empty());
    let bytes = bytes.with_context(|| format!("the bytes of token {rank} are not base64"))?;
    ensure!(
        bytes.len() <= LONGEST,
        "token {rank} has {} bytes, the limit is {LONGEST}",
        bytes.len()
    );
    Ok(bytes)
}

/// The pairs of tokens that all tokens are made of, in the order of their ranks.
fn merges<'a>(
    tokens: &'a [Vec<u8>],
    ranks: &HashMap<&[u8], usize>,
) -> Result<Vec<(&'a [u8], &'a [u8])>> {
    let n_bytes: usize = tokens.iter().map(Vec::len).sum();
    let (mut n_merged, mut merges) = (0, vec![]);
    for token in tokens {
        let cuts = cuts(token, ranks);
        n_merged += cuts.len() * token.len();
        check_merged(n_merged, n_bytes)?;
        merges.extend(cuts);
    }
    Ok(merges)
}

/// The pairs of tokens that a token is made of, those with the lowest ranks first.
fn cuts<'a>(token: &'a [u8], ranks: &HashMap<&[u8], usize>) -> Vec<(&'a [u8], &'a [u8])> {
    let pairs = (1..token.len()).map(|at| token.split_at(at));
    let ranked = pairs.filter_map(|(l, r)| Some(((*ranks.get(l)?, *ranks.get(r)?), (l, r))));
    let mut ranked: Vec<_> = ranked.collect();
    ranked.sort_unstable_by_key(|(ranks, _)| *ranks);
    ranked.into_iter().map(|(_, pair)| pair).collect()
}

/// Bytes as the characters that byte-level tokenizers spell them with (GPT-2).
fn spelled(bytes: &[u8]) -> String {
    let plain = |b: u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let character = |&b: &u8| {
        let before = (0..b).filter(|&other| !plain(other)).count() as u32;
        let code = if plain(b) { u32::from(b) } else { 256 + before };
        char::from_u32(code).unwrap_or('\u{fffd}')
    };
    bytes.iter().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_spelled_as_gpt2_spells_them() {
        assert_eq!(spelled(b" a\n!\x7f\xad\xff"), "Ġa\u{10a}!\u{121}\u{143}ÿ");
    }
}
