//! A model's settings under the keys of Hugging Face's config.json.
//!
//! Every getter checks type and bounds; its error names file, key, value and what is wanted. Which settings a
//! model needs is left to the model.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value as Json};

use crate::text::visible::shown;

/// The largest size accepted; long context lengths come near it.
const LARGEST: u64 = 1 << 24;

/// Smaller limits for sizes that are multiplied by others.
const LIMITS: [(&str, u64); 12] = [
    ("num_hidden_layers", MOST_LAYERS),
    ("n_layer", MOST_LAYERS),
    ("n_layers", MOST_LAYERS),
    ("num_layers", MOST_LAYERS),
    ("num_decoder_layers", MOST_LAYERS),
    ("encoder_layers", MOST_LAYERS),
    ("decoder_layers", MOST_LAYERS),
    ("num_attention_heads", MOST_HEADS),
    ("n_head", MOST_HEADS),
    ("n_heads", MOST_HEADS),
    ("num_heads", MOST_HEADS),
    ("num_key_value_heads", MOST_HEADS),
];

const MOST_LAYERS: u64 = 1024;
const MOST_HEADS: u64 = 4096;

/// The settings of one checkpoint.
#[derive(Clone, Debug)]
pub struct Config {
    /// Their file, safe to show.
    file: String,
    settings: Map<String, Json>,
    /// The `model_type` of a composite model, if these are the settings of its text part.
    whole: Option<&'static str>,
    /// The key that settings of RoPE came under.
    rope_key: &'static str,
}

/// The keys of settings of RoPE, the older one first, under which they are read.
const ROPE_KEYS: [&str; 2] = ["rope_scaling", "rope_parameters"];

/// Whether the logits are made by the table of embeddings.
pub const TIED: &str = "tie_word_embeddings";

/// A model that reads images too, around a model of text.
struct Composite {
    /// Its `model_type`.
    kind: &'static str,
    /// The `model_type` of its text part, where the settings do not name it.
    text_kind: &'static str,
    /// Whether the logits are made by the table of embeddings, where neither the whole nor its text part says.
    is_tied: bool,
}

const COMPOSITE: [Composite; 19] = {
    const fn of(kind: &'static str, text_kind: &'static str, is_tied: bool) -> Composite {
        Composite { kind, text_kind, is_tied }
    }
    [
        of("gemma3", "gemma3_text", true),
        of("gemma4", "gemma4_text", true),
        of("gemma4_unified", "gemma4_unified_text", true),
        of(PALIGEMMA, "gemma", true),
        of("llama4", "llama4_text", false),
        of("mistral3", "mistral", true),
        of("qwen2_vl", "qwen2_vl_text", false),
        of("qwen2_5_vl", "qwen2_5_vl_text", false),
        of("qwen3_vl", "qwen3_vl_text", false),
        of("qwen3_vl_moe", "qwen3_vl_moe_text", false),
        of("qwen3_5", "qwen3_5_text", false),
        of("qwen3_5_moe", "qwen3_5_moe_text", false),
        of("llava", "llama", false),
        of("llava_next", "llama", false),
        of("llava_onevision", "qwen2", false),
        of("internvl", "qwen2", true),
        of("lfm2_vl", "lfm2", true),
        of("smolvlm", "llama", false),
        of("idefics3", "llama", false),
    ]
};

/// A model whose words of the question see one another, before and after; its text part alone is run as a writer of texts,
/// whose words see those before them.
pub const PALIGEMMA: &str = "paligemma";
/// The setting that says so.
const BOTH_WAYS: &str = "use_bidirectional_attention";

/// Those whose text part may have its settings among those of the whole, as the first of them are hosted.
const FLAT: [&str; 2] = ["qwen2_vl", "qwen2_5_vl"];

/// Kinds of RoPE that scale nothing. That of `mrope` has places for the rows and columns of images; the tokens of a text
/// have the same position in all of them.
const UNSCALED: [&str; 2] = ["default", "mrope"];

impl Config {
    /// # Errors
    /// If the text is not a JSON object.
    pub fn from_json(file: String, text: &[u8]) -> Result<Self> {
        let parsed: Result<Json, _> = serde_json::from_slice(&without_infinities(text));
        let settings = match parsed {
            Ok(Json::Object(settings)) => settings,
            Ok(_) => bail!("{file} is JSON, but not an object with settings"),
            Err(e) => bail!("{file} is not valid JSON: {}", shown(&e.to_string())),
        };
        Ok(Self::new(file, settings))
    }

    /// Settings from any source. The newer key of RoPE's settings (`rope_parameters`) is read as the older one
    /// (`rope_scaling`); values inside it take precedence over top-level ones, by GPT-NeoX's names too.
    pub fn new(file: String, mut settings: Map<String, Json>) -> Self {
        let of = |key: &&'static str| {
            let rope = settings.get(*key).and_then(Json::as_object);
            Some((*key, rope.filter(|rope| !rope.is_empty())?.clone()))
        };
        let rope = ROPE_KEYS.iter().find_map(of);
        let rope_key = rope.as_ref().map_or(ROPE_KEYS[0], |(key, _)| key);
        if let Some((_, rope)) = rope {
            for (key, of_neox) in
                [("rope_theta", "rotary_emb_base"), ("partial_rotary_factor", "rotary_pct")]
            {
                if let Some(value) = rope.get(key).filter(|value| !value.is_null()) {
                    settings.insert(key.into(), value.clone());
                    settings.insert(of_neox.into(), value.clone());
                }
            }
            let kind = rope.get("rope_type").or_else(|| rope.get("type"));
            if kind.is_some_and(|kind| !UNSCALED.iter().any(|plain| kind == plain)) {
                settings.insert("rope_scaling".into(), Json::Object(rope));
            } else {
                settings.remove("rope_scaling");
                settings.entry("rope_parameters").or_insert(Json::Object(rope));
            }
        }
        Self { file, settings, whole: None, rope_key }
    }

    /// Whether settings of RoPE are given by kind of layer.
    pub fn has_ropes_by_kind(&self) -> bool {
        self.get("rope_parameters").is_some_and(|rope| rope.get("full_attention").is_some())
    }

    /// These settings with those of RoPE for layers of one kind (`full_attention`), where they are given by kind; else
    /// these settings.
    ///
    /// # Errors
    /// If they are not an object.
    pub fn with_rope_of(&self, kind: &str) -> Result<Self> {
        let by_kind = self.section("rope_parameters")?;
        let Some(rope) = by_kind.and_then(|by_kind| by_kind.get(kind).cloned()) else {
            return Ok(self.clone());
        };
        let mut settings = self.settings.clone();
        settings.remove("rope_theta");
        settings.insert("rope_scaling".into(), rope);
        let rope_key = ROPE_KEYS[1];
        Ok(Self { whole: self.whole, rope_key, ..Self::new(self.file.clone(), settings) })
    }

    /// These settings with settings of RoPE, where they have none, not even empty ones.
    #[must_use]
    pub fn or_rope(self, rope: Json) -> Self {
        if self.has("rope_scaling") || self.has("rope_parameters") {
            return self;
        }
        let with_rope = self.with("rope_parameters", Some(rope));
        Self { whole: self.whole, ..Self::new(with_rope.file, with_rope.settings) }
    }

    /// These settings with another value of a key; None takes the key away.
    #[must_use]
    pub fn with(&self, key: &str, value: Option<Json>) -> Self {
        let mut settings = self.settings.clone();
        match value {
            Some(value) => settings.insert(key.to_owned(), value),
            None => settings.remove(key),
        };
        Self { settings, ..self.clone() }
    }

    /// These settings with a value for a key that they lack.
    #[must_use]
    pub fn or(self, key: &str, value: u32) -> Self {
        if self.lists(key) { self } else { self.with(key, Some(value.into())) }
    }

    /// The settings of the text part of a model that also sees: those under `text_config`, then the others. Of another
    /// model, its settings.
    #[must_use]
    pub fn of_text(self) -> Self {
        let outer = self.get("model_type").and_then(Json::as_str);
        let known = COMPOSITE.iter().find(|composite| Some(composite.kind) == outer);
        let text = self.get("text_config").and_then(Json::as_object).cloned();
        let is_flat = outer.is_some_and(|outer| FLAT.contains(&outer));
        let text = text.or_else(|| is_flat.then(Map::new));
        let Some((composite, text)) = known.zip(text) else { return self };
        let tied = self.tied(composite, &text);
        let mut settings = self.settings;
        settings.insert("model_type".into(), composite.text_kind.into());
        for (key, value) in text {
            // Null says that there is nothing of the kind, but not where the whole says it.
            if !(value.is_null() && settings.contains_key(&key)) {
                settings.insert(key, value);
            }
        }
        settings.extend(tied.map(|tied| (TIED.to_owned(), tied)));
        if composite.kind == PALIGEMMA {
            settings.remove(BOTH_WAYS);
        }
        Self { whole: Some(composite.kind), ..Self::new(self.file, settings) }
    }

    /// Whether the logits of a composite model are made by the table of embeddings: a setting of the whole, which older
    /// files have in the text part. None where neither says, and it is not so by default.
    fn tied(&self, composite: &Composite, text: &Map<String, Json>) -> Option<Json> {
        let of_text = text.get(TIED).filter(|tied| **tied == Json::Bool(true));
        let of_whole = of_text.or(self.get(TIED)).cloned();
        of_whole.or_else(|| composite.is_tied.then_some(Json::Bool(true)))
    }

    /// The `model_type` of the whole, if these are the settings of its text part.
    pub const fn whole(&self) -> Option<&'static str> {
        self.whole
    }

    /// The name that transformers has for a model with this head: `LlamaForCausalLM`. Not safe to show.
    pub fn class(&self) -> Option<&str> {
        self.get("architectures")?.get(0)?.as_str()
    }

    /// The first of some keys that is there; the first of them if none is.
    pub fn key<'a>(&self, keys: &[&'a str]) -> &'a str {
        let found = keys.iter().find(|key| self.has(key)).or(keys.first());
        found.copied().unwrap_or_default()
    }

    /// These settings under another name of their file, safe to show.
    #[must_use]
    pub fn called(self, file: String) -> Self {
        Self { file, ..self }
    }

    /// The file of the settings, safe to show.
    pub fn file(&self) -> &str {
        &self.file
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.settings.keys().map(String::as_str)
    }

    /// The value of a key; None if it is missing or null.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.settings.get(key).filter(|value| !value.is_null())
    }

    /// Whether a key is there, with any value or null.
    pub fn lists(&self, key: &str) -> bool {
        self.settings.contains_key(key)
    }

    /// Whether a key is there with the value null.
    pub fn is_null(&self, key: &str) -> bool {
        self.settings.get(key).is_some_and(Json::is_null)
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// A size or a count, at least 1.
    ///
    /// # Errors
    /// Naming file, key, value and what is wanted, if it is missing or out of bounds.
    pub fn usize(&self, key: &str) -> Result<usize> {
        self.needed(key, self.size(key), "a whole number")
    }

    pub fn usize_or(&self, key: &str, default: usize) -> Result<usize> {
        Ok(self.size(key)?.unwrap_or(default))
    }

    fn size(&self, key: &str) -> Result<Option<usize>> {
        let limit = LIMITS.iter().find(|(limited, _)| *limited == key);
        let limit = limit.map_or(LARGEST, |(_, limit)| *limit);
        let wanted = format!("a whole number from 1 to {limit}");
        self.read(key, &wanted, |v| {
            v.as_u64().filter(|n| (1..=limit).contains(n)).map(|n| n as usize)
        })
    }

    /// A token id, the first of a list; None if it is missing.
    ///
    /// # Errors
    /// If the value has another type or is out of bounds.
    pub fn id(&self, key: &str) -> Result<Option<u32>> {
        self.read(key, "the id of a token", |v| {
            let one = v.as_array().map_or(Some(v), |ids| ids.first())?;
            token(one)
        })
    }

    /// One token id or a list of them; empty if missing.
    ///
    /// # Errors
    /// If the value has another type or is out of bounds.
    pub fn ids(&self, key: &str) -> Result<Vec<u32>> {
        let ids = self.read(key, "the id of a token, or a list of them", |v| match v {
            Json::Array(ids) => ids.iter().map(token).collect(),
            one => Some(vec![token(one)?]),
        })?;
        Ok(ids.unwrap_or_default())
    }

    /// Lists of token ids; empty if missing.
    ///
    /// # Errors
    /// If the value has another type or is out of bounds.
    pub fn lists_of_ids(&self, key: &str) -> Result<Vec<Vec<u32>>> {
        let list = |v: &Json| v.as_array()?.iter().map(token).collect::<Option<Vec<_>>>();
        let lists = self.read(key, "lists of ids of tokens", |v| {
            v.as_array()?.iter().map(list).collect::<Option<Vec<_>>>()
        })?;
        Ok(lists.unwrap_or_default())
    }

    /// A count, 0 if missing.
    ///
    /// # Errors
    /// If the value has another type or is out of bounds.
    pub fn count(&self, key: &str) -> Result<usize> {
        self.count_or(key, 0)
    }

    /// A count that may be 0.
    ///
    /// # Errors
    /// If the value has another type or is out of bounds.
    pub fn count_or(&self, key: &str, default: usize) -> Result<usize> {
        let count = self.read(key, "a whole number", |v| v.as_u64().filter(|n| *n <= LARGEST))?;
        Ok(count.map_or(default, |n| n as usize))
    }

    /// A finite number.
    ///
    /// # Errors
    /// As for [`Self::usize`].
    pub fn float(&self, key: &str) -> Result<f32> {
        self.needed(key, self.finite(key), "a number")
    }

    pub fn float_or(&self, key: &str, default: f32) -> Result<f32> {
        Ok(self.finite(key)?.unwrap_or(default))
    }

    fn finite(&self, key: &str) -> Result<Option<f32>> {
        self.read(key, "a finite number", finite)
    }

    pub fn bool_or(&self, key: &str, default: bool) -> Result<bool> {
        Ok(self.read(key, "true or false", Json::as_bool)?.unwrap_or(default))
    }

    /// # Errors
    /// As for [`Self::usize`].
    pub fn string(&self, key: &str) -> Result<&str> {
        self.needed(key, self.read(key, "a text", Json::as_str), "a text")
    }

    /// # Errors
    /// If the value is not a string.
    pub fn string_or<'a>(&'a self, key: &str, default: &'a str) -> Result<&'a str> {
        Ok(self.read(key, "a text", Json::as_str)?.unwrap_or(default))
    }

    /// The nested settings under a key; None if missing.
    ///
    /// # Errors
    /// If the value has another type or is out of bounds.
    pub fn section(&self, key: &str) -> Result<Option<Self>> {
        let found = self.read(key, "an object with settings", Json::as_object)?;
        let came_under = if key == ROPE_KEYS[0] { self.rope_key } else { key };
        let file = format!("{}, `{came_under}`", self.file);
        Ok(found.map(|settings| Self::new(file, settings.clone())))
    }

    /// A list of finite numbers; None if missing.
    ///
    /// # Errors
    /// If the value is not a list of finite numbers.
    pub fn floats(&self, key: &str) -> Result<Option<Vec<f32>>> {
        self.read(key, "a list of numbers", |v| v.as_array()?.iter().map(finite).collect())
    }

    /// # Errors
    /// Naming file, key, value and what is wanted.
    pub fn must(&self, key: &str, is_right: bool, wanted: &str) -> Result<()> {
        ensure!(is_right, "{}: `{key}` is {}, want {wanted}", self.file, self.value(key));
        Ok(())
    }

    fn read<'a, T>(
        &'a self,
        key: &str,
        wanted: &str,
        of: impl FnOnce(&'a Json) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let read = of(value);
        self.must(key, read.is_some(), wanted)?;
        Ok(read)
    }

    fn needed<T>(&self, key: &str, found: Result<Option<T>>, wanted: &str) -> Result<T> {
        found?.with_context(|| format!("{}: `{key}` is missing, want {wanted}", self.file))
    }

    fn value(&self, key: &str) -> String {
        self.get(key)
            .map_or_else(|| "missing".into(), |value| format!("`{}`", shown(&value.to_string())))
    }
}

/// What is wrong with settings, so that all of it is said at once.
#[derive(Default)]
pub struct SettingFaults(Vec<String>);

impl SettingFaults {
    /// What was read; None where it is at fault, which is noted, once if several readers find the same.
    pub fn note<T>(&mut self, read: Result<T>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(fault) => {
                for line in format!("{fault:#}").lines() {
                    if !self.0.iter().any(|known| known == line) {
                        self.0.push(line.to_owned());
                    }
                }
                None
            }
        }
    }

    /// What was read, unless something was noted.
    ///
    /// # Errors
    /// All that was noted, a line each.
    pub fn or<T>(self, read: Option<T>) -> Result<T> {
        read.filter(|_| self.0.is_empty()).with_context(|| self.0.join("\n"))
    }
}

/// The text with null in place of the numbers that Python writes although they are not valid JSON: `Infinity` and `NaN`.
fn without_infinities(text: &[u8]) -> Vec<u8> {
    const WORDS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let (mut out, mut i, mut is_quoted) = (Vec::with_capacity(text.len()), 0, false);
    while let Some(&byte) = text.get(i) {
        let word = WORDS.iter().find(|word| !is_quoted && text[i..].starts_with(word));
        if let Some(word) = word {
            out.extend_from_slice(b"null");
            i += word.len();
            continue;
        }
        is_quoted ^= byte == b'"';
        // What is escaped ends no string.
        let n = if is_quoted && byte == b'\\' { 2 } else { 1 };
        out.extend_from_slice(&text[i..(i + n).min(text.len())]);
        i += n;
    }
    out
}

/// The id of a token.
fn token(value: &Json) -> Option<u32> {
    value.as_u64().filter(|n| *n <= LARGEST).map(|n| n as u32)
}

fn finite(value: &Json) -> Option<f32> {
    value.as_f64().map(|n| n as f32).filter(|n| n.is_finite())
}
