//! Tokenizers of folders without a tokenizer.json: their older files are put into its form, as transformers does
//! (`convert_slow_tokenizer.py`), and are then read like it.
//!
//! The files are vocab.json and merges.txt (byte-level BPE), vocab.txt (WordPiece), a SentencePiece model (BPE or
//! Unigram), Marian's source.spm with its vocab.json, and Mistral's tekken.json (byte-level BPE by rank).

mod spm;
mod tekken;

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value as Json, json};

use super::{gguf::QWEN2, plan::MOST_ADDED, shown};

/// The older files of a folder, as far as they exist.
#[derive(Default)]
pub struct OlderFiles<'a> {
    pub vocab_json: Option<&'a [u8]>,
    pub merges_txt: Option<&'a [u8]>,
    pub vocab_txt: Option<&'a [u8]>,
    /// A SentencePiece model, with its file's name.
    pub sentencepiece: Option<(&'static str, &'a [u8])>,
    /// Mistral's tekken.json.
    pub tekken: Option<&'a [u8]>,
    /// added_tokens.json: ids by token.
    pub added_tokens: Option<&'a [u8]>,
    pub tokenizer_config: Option<&'a Json>,
    /// `model_type` of config.json.
    pub model_type: &'a str,
}

/// The SentencePiece files that are looked for, in order.
pub const SENTENCEPIECE: [&str; 5] =
    ["tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model", "source.spm"];

/// An added token, in the form of tokenizer.json.
type AddedById = BTreeMap<u64, Json>;

/// A tokenizer.json that does what the older files say; None if there are too few of them.
///
/// # Errors
/// If a file is damaged, or of a kind that is not known; the message names it.
pub fn tokenizer_json(files: &OlderFiles) -> Result<Option<Vec<u8>>> {
    let mut converted = match files {
        OlderFiles {
            sentencepiece: Some(("source.spm", model)), vocab_json: Some(ids), ..
        } => spm::marian(model, ids)?,
        OlderFiles { sentencepiece: Some((name, model)), .. } => {
            spm::sentencepiece(model, files).with_context(|| (*name).to_owned())?
        }
        OlderFiles { vocab_json: Some(vocab), merges_txt: Some(merges), .. } => {
            byte_level(vocab, merges, files)?
        }
        OlderFiles { vocab_txt: Some(vocab), .. } => wordpiece(vocab, files)?,
        OlderFiles { tekken: Some(bytes), .. } => tekken::tekken(bytes).context("tekken.json")?,
        _ => return Ok(None),
    };
    let known = converted["added_tokens"].as_array().cloned().unwrap_or_default();
    let known = known.into_iter().filter_map(|token| Some((token["id"].as_u64()?, token)));
    let mut added: AddedById = known.collect();
    added.extend(files.named_later()?);
    converted["added_tokens"] = added.into_values().collect();
    Ok(Some(serde_json::to_vec(&converted)?))
}

impl OlderFiles<'_> {
    /// The files of the vocabulary that [`tokenizer_json`] converts, for messages; None if there are too few.
    pub fn converted(&self) -> Option<&'static str> {
        match self {
            Self { sentencepiece: Some((name, _)), .. } => Some(name),
            Self { vocab_json: Some(_), merges_txt: Some(_), .. } => {
                Some("vocab.json and merges.txt")
            }
            Self { vocab_txt: Some(_), .. } => Some("vocab.txt"),
            Self { tekken: Some(_), .. } => Some("tekken.json"),
            _ => None,
        }
    }

    fn setting(&self, name: &str) -> Option<&Json> {
        self.tokenizer_config?.get(name).filter(|value| !value.is_null())
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.setting(name)?.as_bool()
    }

    /// Tokens added after the vocabulary was made: `added_tokens_decoder`, or added_tokens.json.
    fn named_later(&self) -> Result<AddedById> {
        let mut added = AddedById::new();
        if let Some(bytes) = self.added_tokens {
            for (content, id) in ids(bytes, "added_tokens.json")? {
                added.insert(id, added_token(id, &content, true, false));
            }
        }
        let decoder = self.setting("added_tokens_decoder").and_then(Json::as_object);
        for (id, token) in decoder.into_iter().flatten() {
            let (Ok(id), Some(fields)) = (id.parse(), token.as_object()) else { continue };
            let mut token: Map<String, Json> = fields.clone();
            token.retain(|key, _| key != "__type");
            token.insert("id".into(), json!(id));
            added.insert(id, token.into());
        }
        Ok(added)
    }
}

/// A token that is matched before anything else.
fn added_token(id: u64, content: &str, is_special: bool, lstrip: bool) -> Json {
    json!({"id": id, "content": content, "single_word": false, "lstrip": lstrip, "rstrip": false,
        "normalized": false, "special": is_special})
}

/// Ids by token, from a JSON object.
fn ids(bytes: &[u8], name: &str) -> Result<HashMap<String, u64>> {
    let wrong = |e: serde_json::Error| anyhow::anyhow!("{name}: {}", shown(&e.to_string()));
    serde_json::from_slice(bytes).map_err(wrong)
}

fn text<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str> {
    std::str::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8; fetch it again"))
}

/// The special tokens of GPT-2, RoBERTa and their followers, and of the first DeBERTa.
const OF_ROBERTA: [&str; 6] = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"];
const OF_DEBERTA: [&str; 5] = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"];

/// Byte-level BPE of GPT-2 and its followers.
fn byte_level(vocab: &[u8], merges: &[u8], files: &OlderFiles) -> Result<Json> {
    let vocab = ids(vocab, "vocab.json")?;
    let merges: Vec<&str> = text(merges, "merges.txt")?
        .lines()
        .enumerate()
        .filter(|(i, line)| !(line.is_empty() || *i == 0 && line.starts_with("#version")))
        .map(|(_, line)| line)
        .collect();
    let class = files.setting("tokenizer_class").and_then(Json::as_str).unwrap_or_default();
    let is_kind = |name: &str| {
        class.starts_with(name)
            || class.is_empty() && files.model_type.starts_with(&name.to_lowercase())
    };
    let (is_qwen, is_roberta, is_deberta) = (
        is_kind("Qwen2") || is_kind("Qwen3"),
        ["Roberta", "Bart", "Longformer"].into_iter().any(is_kind),
        is_kind("Deberta"),
    );
    let led = files.flag("add_prefix_space").unwrap_or(false);
    let stage = |uses_regex: bool| json!({"type": "ByteLevel", "add_prefix_space": led, "trim_offsets": true, "use_regex": uses_regex});
    // GPT-2's pattern is that of the stage, which puts a space before the text; after a split it puts one before each piece,
    // as transformers does for Qwen2.
    let pre_tokenizer = if is_qwen {
        let split = json!({"type": "Split", "pattern": {"Regex": QWEN2}, "behavior": "Isolated", "invert": false});
        json!({"type": "Sequence", "pretokenizers": [split, stage(false)]})
    } else {
        stage(true)
    };
    let names = if is_deberta { &OF_DEBERTA[..] } else { &OF_ROBERTA[..] };
    let known = names.iter().filter_map(|name| Some((*name, *vocab.get(*name)?)));
    let is_mask = |name: &str| ["<mask>", "[MASK]"].contains(&name);
    let added: Vec<Json> =
        known.map(|(name, id)| added_token(id, name, true, is_mask(name))).collect();
    let of = |name: &str| {
        vocab
            .get(name)
            .copied()
            .with_context(|| format!("vocab.json lacks `{name}`, which begins or ends every text"))
    };
    let post_processor = if is_roberta {
        json!({"type": "RobertaProcessing", "sep": ["</s>", of("</s>")?], "cls": ["<s>", of("<s>")?],
            "trim_offsets": true, "add_prefix_space": led})
    } else if is_deberta {
        template(&[("[CLS]", of("[CLS]")?)], &[("[SEP]", of("[SEP]")?)])
    } else if files.flag("add_bos_token").unwrap_or(false) {
        let begin = files.setting("bos_token").map_or("<|endoftext|>", named);
        template(&[(begin, of(begin)?)], &[])
    } else {
        json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true})
    };
    Ok(json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": if is_qwen { json!({"type": "NFC"}) } else { Json::Null },
        "pre_tokenizer": pre_tokenizer,
        "post_processor": post_processor,
        "decoder": stage(true),
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
    }))
}

/// The name of a special token: a string, or an object with `content`.
fn named(token: &Json) -> &str {
    token.as_str().or_else(|| token.get("content")?.as_str()).unwrap_or_default()
}

/// The text between these tokens.
fn template(begin: &[(&str, u64)], end: &[(&str, u64)]) -> Json {
    let special = |(name, _): &(&str, u64)| json!({"SpecialToken": {"id": name, "type_id": 0}});
    let single: Vec<Json> = begin
        .iter()
        .map(special)
        .chain([json!({"Sequence": {"id": "A", "type_id": 0}})])
        .chain(end.iter().map(special))
        .collect();
    let tokens = begin
        .iter()
        .chain(end)
        .map(|(name, id)| ((*name).to_owned(), json!({"id": name, "ids": [id], "tokens": [name]})));
    let pair = [single.clone(), vec![json!({"Sequence": {"id": "B", "type_id": 0}})]].concat();
    json!({"type": "TemplateProcessing", "single": single, "pair": pair,
        "special_tokens": tokens.collect::<Map<String, Json>>()})
}

/// WordPiece of BERT and its followers.
fn wordpiece(vocab: &[u8], files: &OlderFiles) -> Result<Json> {
    let lines = text(vocab, "vocab.txt")?.lines();
    let vocab: HashMap<&str, u64> = lines.zip(0..).collect();
    let find = |names: [&'static str; 2]| {
        let found = names.into_iter().find_map(|name| Some((name, *vocab.get(name)?)));
        found.with_context(|| format!("vocab.txt lacks `{}`", names[0]))
    };
    // MPNet's are those of RoBERTa.
    let [cls, sep, unk] = [["[CLS]", "<s>"], ["[SEP]", "</s>"], ["[UNK]", "<unk>"]];
    let (cls, sep, unk) = (find(cls)?, find(sep)?, find(unk)?);
    let others = ["[PAD]", "<pad>", "[MASK]", "<mask>"];
    let others = others.into_iter().filter_map(|name| Some((name, *vocab.get(name)?)));
    let specials = [cls, sep, unk].into_iter().chain(others);
    let added: Vec<Json> =
        specials.map(|(name, id)| added_token(id, name, true, name == "<mask>")).collect();
    let strip_accents = files.setting("strip_accents").cloned().unwrap_or(Json::Null);
    Ok(json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": true,
            "handle_chinese_chars": files.flag("tokenize_chinese_chars").unwrap_or(true),
            "strip_accents": strip_accents, "lowercase": files.flag("do_lower_case").unwrap_or(true)},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": template(&[cls], &[sep]),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": unk.0, "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocab},
    }))
}

/// Refuses a kind of model whose SentencePiece files have ids of their own.
fn refuse_own_ids(model_type: &str) -> Result<()> {
    const OWN_IDS: [&str; 4] = ["m2m_100", "nllb", "xlnet", "plbart"];
    if OWN_IDS.contains(&model_type) {
        bail!(
            "a `{model_type}` numbers its tokens in its own way, which only its tokenizer.json describes; \
             `transformers.AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)` makes it"
        );
    }
    Ok(())
}

/// The largest number of pieces; the largest vocabularies have some 260,000.
const MOST_PIECES: usize = 1 << 21;

fn check_size(n: usize) -> Result<()> {
    ensure!(n > 0, "it has no tokens");
    ensure!(n <= MOST_PIECES, "it has {n} tokens, the limit is {MOST_PIECES}");
    Ok(())
}

/// Checks the number of tokens that are matched before anything else, before they are made.
fn check_added(n: usize) -> Result<()> {
    ensure!(n <= MOST_ADDED, "it has {n} special tokens, the limit is {MOST_ADDED}");
    Ok(())
}
