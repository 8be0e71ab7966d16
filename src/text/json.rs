//! Reads tokenizer.json into a [`TokenizerPlan`].
//!
//! Padding and truncation are ignored: a sentence keeps its length. Only this file decides which tokens begin and
//! end a text: `add_bos_token` of tokenizer_config.json is ignored, as transformers ignores it.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value as Json;
use tokenizers::AddedToken;

use super::{
    Specials,
    plan::{TokenizerModel, TokenizerParts, TokenizerPlan},
};

/// The fields that are read; others are ignored.
#[derive(Deserialize)]
struct File {
    version: Option<String>,
    added_tokens: Option<Vec<Added>>,
    #[serde(default)]
    normalizer: Json,
    #[serde(default)]
    pre_tokenizer: Json,
    #[serde(default)]
    post_processor: Json,
    #[serde(default)]
    decoder: Json,
    model: TokenizerModel,
}

/// An added token; its id is the model's or the next free one, not the file's.
#[derive(Deserialize)]
struct Added {
    #[serde(flatten)]
    token: AddedToken,
}

/// # Errors
/// If the bytes are not a tokenizer.json of a known version; names the place in the file.
pub fn plan(bytes: &[u8], specials: &Specials) -> Result<TokenizerPlan> {
    let file: File = serde_json::from_slice(bytes)
        .map_err(|e| anyhow::anyhow!("{}", super::visible(&e.to_string())))
        .context("it is not a readable tokenizer.json")?;
    let version = file.version.as_deref().unwrap_or("1.0");
    ensure!(version == "1.0", "it is of version `{}`, want 1.0", super::visible(version));
    let added: Vec<_> = file.added_tokens.into_iter().flatten().map(|a| a.token).collect();
    let mut plan = TokenizerPlan {
        model: file.model,
        parts: TokenizerParts {
            normalizer: file.normalizer,
            pre_tokenizer: file.pre_tokenizer,
            post_processor: file.post_processor,
            decoder: file.decoder,
        },
        added,
        notes: vec![],
    };
    add_named(&mut plan, specials);
    Ok(plan)
}

/// Adds the special tokens that only tokenizer_config.json or special_tokens_map.json names after the file's own,
/// as transformers does.
fn add_named(plan: &mut TokenizerPlan, specials: &Specials) {
    for token in specials.named() {
        if !plan.added.iter().any(|added| added.content == token.content) {
            plan.added.push(token);
        }
    }
}
