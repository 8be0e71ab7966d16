//! The sentence: an argument, standard input, or the default.

use std::io::{self, Read};

use anyhow::{Context, anyhow};

use super::{
    args::TextArgs,
    failure::{Outcome, Usage},
};
use crate::text::{MAX_TOKENS, visible};

/// The default: to know what `it` is, one has to look back.
pub const DEFAULT: &str = "The dog didn't drink the water because it was too hot.";

/// The limit on standard input, which is more than any sentence within the limit of tokens.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// The sentence as text.
///
/// # Errors
/// If standard input cannot be read, or the text is too long or not UTF-8.
pub fn of(text: &TextArgs) -> Outcome<String> {
    let Some(sentence) = &text.sentence else { return Ok(DEFAULT.to_owned()) };
    if sentence == "-" {
        return from(&mut io::stdin().lock());
    }
    let valid = sentence.to_str().map(str::to_owned);
    valid.ok_or_else(|| not_utf8(&sentence.to_string_lossy())).usage()
}

fn from(input: &mut dyn Read) -> Outcome<String> {
    let mut bytes = vec![];
    let read = input.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.context("standard input cannot be read")?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(anyhow!(
            "standard input has more than {MOST_BYTES} bytes; a sentence has at most {MAX_TOKENS} tokens; shorten it"
        ))
        .usage();
    }
    let text = String::from_utf8(bytes);
    let text = text.map_err(|e| not_utf8(&String::from_utf8_lossy(e.as_bytes()))).usage()?;
    Ok(without_line_end(&text).to_owned())
}

/// The text without the line end that a pipe adds.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn not_utf8(lossy: &str) -> anyhow::Error {
    let shown: String = visible(lossy).chars().take(60).collect();
    anyhow!(
        "the sentence \"{shown}\" is not valid UTF-8; each � stands for bytes that are not text; type it again as UTF-8"
    )
}
