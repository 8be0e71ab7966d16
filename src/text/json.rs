//! tokenizer.json, as the `tokenizers` library writes it.
//!
//! Padding and truncation, which the file may switch on, are not read: a sentence is shown as long as
//! it is. What a text begins and ends with is said by this file alone: `add_bos_token` of
//! tokenizer_config.json is passed over beside it, as transformers passes over it.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value as Json;
use tokenizers::AddedToken;

use super::{
    Specials,
    plan::{TokenizerModel, TokenizerParts, TokenizerPlan},
};

/// The file's own fields; others are passed over.
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

/// An added token; its id is the model's, or the next that is free, whatever the file says.
#[derive(Deserialize)]
struct Added {
    #[serde(flatten)]
    token: AddedToken,
}

/// # Errors
/// If the bytes are no tokenizer of a version that is known; says where in the file.
pub fn plan(bytes: &[u8], specials: &Specials) -> Result<TokenizerPlan> {
    let file: File = serde_json::from_slice(bytes)
        .map_err(|e| anyhow::anyhow!("{}", super::visible(&e.to_string())))
        .context("it is no tokenizer.json that can be read")?;
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

/// Special tokens that only tokenizer_config.json or special_tokens_map.json names are added after the
/// file's own, as transformers does.
fn add_named(plan: &mut TokenizerPlan, specials: &Specials) {
    for token in specials.named() {
        if !plan.added.iter().any(|added| added.content == token.content) {
            plan.added.push(token);
        }
    }
}
