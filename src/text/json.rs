//! Reads tokenizer.json into a [`TokenizerPlan`].
//!
//! Padding and truncation are ignored: a sentence keeps its length. Only this file decides which tokens begin and
//! end a text: `add_bos_token` of tokenizer_config.json is ignored, as transformers ignores it. Other settings of
//! tokenizer_config.json are followed where transformers follows them and not this file.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use memchr::memmem;
use serde::Deserialize;
use serde_json::{Value as Json, json};
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
        .map_err(|e| anyhow::anyhow!("{}", super::shown(&e.to_string())))
        .context("it is not a readable tokenizer.json")?;
    let version = file.version.as_deref().unwrap_or("1.0");
    ensure!(version == "1.0", "it is of version `{}`, want 1.0", super::shown(version));
    let added: Vec<_> = file.added_tokens.into_iter().flatten().map(|a| a.token).collect();
    let mut parts = TokenizerParts {
        normalizer: file.normalizer,
        pre_tokenizer: file.pre_tokenizer,
        post_processor: file.post_processor,
        decoder: file.decoder,
    };
    if let Some(config) = specials.tokenizer_config {
        follow(&mut parts, config);
        let is_read_as_it_stands = AS_IT_STANDS.contains(&specials.model_type)
            || memmem::find(bytes, b"\"ByteLevel\"").is_some();
        if class(config).starts_with("LlamaTokenizer")
            && file.model.kind() == "BPE"
            && !is_read_as_it_stands
        {
            spell_as_llama(&mut parts, config);
        }
    }
    let mut plan = TokenizerPlan { model: file.model, parts, added, notes: vec![] };
    add_named(&mut plan, specials);
    Ok(plan)
}

/// How the names of classes begin whose normalizer is BERT's.
const LIKE_BERT: [&str; 5] = [
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "MPNetTokenizer",
    "MobileBertTokenizer",
];

/// How the names of classes begin that split by bytes.
const BY_BYTES: [&str; 7] =
    ["GPT2", "Roberta", "Bart", "Longformer", "GPTNeoX", "CodeGen", "Qwen2"];

/// The types of models whose tokenizer.json transformers reads as it stands, whatever the class that is named.
const AS_IT_STANDS: [&str; 16] = [
    "ernie4_5",
    "glm4",
    "glm4_moe",
    "granite",
    "granitemoe",
    "minimax_m2",
    "ministral3",
    "mistral",
    "mistral3",
    "mixtral",
    "nemotron",
    "olmo2",
    "olmo3",
    "phi3",
    "phimoe",
    "stablelm",
];

fn class(config: &Json) -> &str {
    config.get("tokenizer_class").and_then(Json::as_str).unwrap_or_default()
}

/// Spells spaces as transformers' `LlamaTokenizer` does, which takes the vocabulary alone from tokenizer.json. One space
/// stands before a text that begins without; before every part between special tokens, if the settings are `legacy`.
fn spell_as_llama(parts: &mut TokenizerParts, config: &Json) {
    let says = |key| config.get(key).and_then(Json::as_bool);
    let (leads, is_legacy) =
        (says("add_prefix_space") != Some(false), says("legacy") == Some(true));
    let scheme = match (leads, is_legacy) {
        (false, _) => "never",
        (true, true) => "always",
        (true, false) => "first",
    };
    parts.normalizer = Json::Null;
    parts.pre_tokenizer =
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false});
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if leads {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    parts.decoder = json!({"type": "Sequence", "decoders": decoders});
}

/// The settings that transformers' own classes follow, whatever tokenizer.json says.
fn follow(parts: &mut TokenizerParts, config: &Json) {
    let class = class(config);
    let is_one_of = |names: &[&str]| names.iter().any(|name| class.starts_with(name));
    let is_bert = is_one_of(&LIKE_BERT);
    if parts.normalizer["type"] == "BertNormalizer" && (is_bert || class.is_empty()) {
        for (setting, field, default) in [
            ("do_lower_case", "lowercase", true.into()),
            ("strip_accents", "strip_accents", Json::Null),
            ("tokenize_chinese_chars", "handle_chinese_chars", true.into()),
        ] {
            let says = config.get(setting).filter(|value| value.is_boolean()).cloned();
            if let Some(value) = says.or_else(|| is_bert.then_some(default)) {
                parts.normalizer[field] = value;
            }
        }
    }
    let leads = config.get("add_prefix_space").filter(|leads| leads.is_boolean());
    if let Some(leads) = leads.filter(|_| is_one_of(&BY_BYTES)) {
        lead(&mut parts.pre_tokenizer, leads);
    }
}

/// Sets whether the stages that split by bytes put a space before a text.
fn lead(stage: &mut Json, leads: &Json) {
    if stage["type"] == "ByteLevel" {
        stage["add_prefix_space"] = leads.clone();
    }
    for inner in stage.get_mut("pretokenizers").and_then(Json::as_array_mut).into_iter().flatten() {
        lead(inner, leads);
    }
}

/// Adds the tokens that only tokenizer_config.json or special_tokens_map.json has, after the file's own, as transformers
/// does; of a token in both, tokenizer_config.json says how it is matched.
fn add_named(plan: &mut TokenizerPlan, specials: &Specials) {
    let named: Vec<AddedToken> = specials.named().collect();
    let are_special: HashSet<&str> = named.iter().map(|token| &*token.content).collect();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (i, token) in plan.added.iter().enumerate() {
        places.entry(token.content.clone()).or_insert(i);
    }
    let decoded = specials.decoded().into_iter().map(|token| {
        let is_special = token.special || are_special.contains(&*token.content);
        AddedToken { special: is_special, ..token }
    });
    let decoded: Vec<_> = decoded.map(|token| (token, true)).collect();
    for (token, is_followed) in decoded.into_iter().chain(named.iter().cloned().map(|t| (t, false)))
    {
        let place = *places.entry(token.content.clone()).or_insert(plan.added.len());
        if place == plan.added.len() {
            plan.added.push(token);
        } else if is_followed {
            plan.added[place] = token;
        }
    }
}
