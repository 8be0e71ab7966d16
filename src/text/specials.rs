//! The special tokens (begin, end, mask, pad, ...), from all files that may name them, and how they are shown.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tokenizers::AddedToken;

use super::Tokenizer;

/// The small files beside tokenizer.json, as far as they exist.
#[derive(Clone, Copy, Debug, Default)]
pub struct Specials<'a> {
    /// The name of the tokenizer's file for errors, safe to show.
    pub file: &'a str,
    pub tokenizer_config: Option<&'a Json>,
    pub special_tokens_map: Option<&'a Json>,
    /// sentence_bert_config.json of a sentence-transformers folder.
    pub sentence_config: Option<&'a Json>,
    /// `model_type` of config.json: of the text part, of a model that also sees.
    pub model_type: &'a str,
    /// `bos_token_id`, `eos_token_id`, `pad_token_id` of config.json.
    pub bos: Option<u32>,
    pub eos: &'a [u32],
    pub pad: Option<u32>,
}

/// Ids of the special tokens; a model need not have each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecialIds {
    pub bos: Option<u32>,
    /// All that end a text.
    pub eos: Vec<u32>,
    pub unk: Option<u32>,
    pub pad: Option<u32>,
    pub mask: Option<u32>,
    pub cls: Option<u32>,
    pub sep: Option<u32>,
}

impl SpecialIds {
    /// The ids by the names that the files have for them; of several ends the last.
    pub fn named(&self) -> [(&'static str, Option<u32>); 7] {
        let eos = self.eos.last().copied();
        let ids = [self.bos, eos, self.unk, self.sep, self.pad, self.cls, self.mask];
        std::array::from_fn(|i| (NAMES[i], ids[i]))
    }
}

/// The names of special tokens in the files.
const NAMES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// Lists of special tokens without a name, or with one that only a model has.
const FURTHER: [&str; 3] =
    ["additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens"];

/// The default mask tokens.
const MASKS: [&str; 2] = ["[MASK]", "<mask>"];

/// A special token of its setting: a string, or an object with `content`.
fn special(setting: &Json) -> Option<AddedToken> {
    let flag = |key| setting.get(key).and_then(Json::as_bool).unwrap_or(false);
    let content = setting.as_str().or_else(|| setting.get("content")?.as_str())?;
    let token = AddedToken::from(content, true);
    (!content.is_empty()).then(|| token.lstrip(flag("lstrip")).rstrip(flag("rstrip")))
}

impl Specials<'_> {
    /// The files that name special tokens, the one that counts first: as in transformers, special_tokens_map.json beside a
    /// tokenizer_config.json from before `added_tokens_decoder`.
    fn files(&self) -> impl DoubleEndedIterator<Item = &Json> {
        let (own, map) = (self.tokenizer_config, self.special_tokens_map);
        let is_whole = own.is_some_and(|config| config.get("added_tokens_decoder").is_some());
        (if is_whole { [own, map] } else { [map, own] }).into_iter().flatten()
    }

    /// The setting of a named special token: a string, or an object with `content`.
    fn get(&self, name: &str) -> Option<&Json> {
        self.files().filter_map(|file| file.get(name)).find(|value| !value.is_null())
    }

    /// The texts of all special tokens that have a name, by name: also those that only this model has (`image_token`).
    pub fn texts(&self) -> BTreeMap<String, String> {
        let text = |(name, value): (&String, &Json)| {
            let text = value.as_str().or_else(|| value.get("content")?.as_str())?;
            Some((name.clone(), text.to_owned()))
        };
        let mut texts = BTreeMap::new();
        for file in self.files().rev() {
            let named = file.as_object().into_iter().flatten();
            texts.extend(named.filter(|(name, _)| name.ends_with("_token")).filter_map(text));
            let own = FURTHER.iter().filter_map(|key| file.get(key)?.as_object()).flatten();
            texts.extend(own.filter_map(text));
        }
        texts
    }

    /// The text of a named special token.
    pub fn content(&self, name: &str) -> Option<&str> {
        let value = self.get(name)?;
        value.as_str().or_else(|| value.get("content")?.as_str()).filter(|s| !s.is_empty())
    }

    /// Whether spaces before marks are taken out of decoded text.
    pub fn cleans_up(&self) -> bool {
        let setting = self.tokenizer_config.and_then(|c| c.get("clean_up_tokenization_spaces"));
        setting.and_then(Json::as_bool).unwrap_or(false)
    }

    /// Whether a text is put into lower case before it is read, special tokens in it too.
    pub fn lowers(&self) -> bool {
        let setting = self.sentence_config.and_then(|config| config.get("do_lower_case"));
        setting.and_then(Json::as_bool).unwrap_or(false)
    }

    /// After how many tokens sentence-transformers cuts a text.
    pub fn cut_at(&self) -> Option<usize> {
        let n = self.sentence_config?.get("max_seq_length")?.as_u64()?;
        usize::try_from(n).ok()
    }

    /// Every named special token, and those without a name of their own.
    pub fn named(&self) -> impl Iterator<Item = AddedToken> {
        let named = NAMES.iter().filter_map(|name| special(self.get(name)?));
        let further = FURTHER.iter().filter_map(|key| self.get(key)).flat_map(|all| match all {
            Json::Array(list) => list.iter().filter_map(special).collect(),
            Json::Object(by_name) => by_name.values().filter_map(special).collect(),
            _ => vec![],
        });
        named.chain(further)
    }

    /// The tokens of `added_tokens_decoder`, in the order of their ids.
    pub fn decoded(&self) -> Vec<AddedToken> {
        let all = self.tokenizer_config.and_then(|config| config.get("added_tokens_decoder"));
        let all = all.and_then(Json::as_object).into_iter().flatten();
        let token = |(id, token): (&String, &Json)| {
            let flag = |key| token.get(key).and_then(Json::as_bool);
            let is_special = flag("special").unwrap_or(false);
            let added = AddedToken::from(token.get("content")?.as_str()?, is_special)
                .lstrip(flag("lstrip").unwrap_or(false))
                .rstrip(flag("rstrip").unwrap_or(false))
                .single_word(flag("single_word").unwrap_or(false))
                .normalized(flag("normalized").unwrap_or(!is_special));
            Some((id.parse::<u32>().ok()?, added))
        };
        let mut tokens: Vec<_> =
            all.filter_map(token).filter(|(_, token)| !token.content.is_empty()).collect();
        tokens.sort_by_key(|(id, _)| *id);
        tokens.into_iter().map(|(_, token)| token).collect()
    }

    /// The ids, looked up in the vocabulary; those of config.json for tokens without a name.
    pub fn ids(&self, id_of: impl Fn(&str) -> Option<u32>) -> SpecialIds {
        let named = |name| self.content(name).and_then(&id_of);
        let eos = named("eos_token").filter(|_| self.eos.is_empty());
        SpecialIds {
            bos: named("bos_token").or(self.bos),
            eos: self.eos.iter().copied().chain(eos).collect(),
            unk: named("unk_token"),
            pad: named("pad_token").or(self.pad),
            mask: named("mask_token").or_else(|| MASKS.iter().find_map(|mask| id_of(mask))),
            cls: named("cls_token"),
            sep: named("sep_token"),
        }
    }
}

impl Tokenizer {
    /// The mask token as it is typed.
    pub fn mask(&self) -> String {
        self.ids().mask.map_or_else(|| "[MASK]".to_owned(), |id| self.token(id).text)
    }

    /// The text of ids, safe to show; of special tokens alone their names, such as `<eos>`.
    pub fn said(&self, ids: &[u32]) -> String {
        let text = self.decode(ids);
        if !text.trim().is_empty() {
            return text;
        }
        let names: Vec<String> = ids.iter().map(|&id| self.token(id).text).collect();
        names.join(" ")
    }
}
