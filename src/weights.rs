//! Weight files as named, shape-checked values.
//!
//! A [`Checkpoint`] is a model on disk: its settings, its tensors and the source of its tokenizer. Whatever
//! the format, settings have the keys of Hugging Face's config.json and tensors the names of its models.
//! No file is trusted: lengths, offsets and counts are compared with the file's size before anything is
//! allocated. Weights stay in their file, which is memory-mapped. How they are computed with is left to
//! [`crate::model`].

mod adapter;
mod config;
mod dtype;
mod embedded;
mod finite;
mod folder;
mod gguf;
mod fatal_signals;
mod mapped;
pub mod memory;
mod modules;
mod mxfp4;
mod packed;
mod pairs;
mod parts;
mod peek;
pub mod places;
mod quantised;
mod safetensors;
mod tensor;
mod tensor_names;
mod wanted;
mod named;

pub use config::{Config, PALIGEMMA, SettingFaults};
pub use dtype::Dtype;
pub use fatal_signals::{BeforeTheEnd, before_the_end, end_in_order, reserve_little};
pub use finite::NotFinite;
pub use gguf::{WITH_EXPERTS, is_in_gguf};
pub use mapped::Mapped;
pub use modules::SentenceModule;
pub use named::Weights;
pub use packed::{Copied, LineBlocks, LineSections, Packed, Stepped};
pub use peek::Peek;
pub use tensor::{TensorInfo, dimensions};
pub use tensor_names::{BODIES, TensorNames};
pub use wanted::{ExpectedWeight, Stack, WeightLayout};

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value as Json;

use crate::text::{
    GgufVocab, OlderFiles, SENTENCEPIECE, template_of, tokenizer_json, visible::shown,
};
use adapter::Adapter;
use folder::{CheckpointFiles, Shard, files};

/// Why pickles are not opened, and how to convert one.
const WHY_NO_PICKLE: &str = "such files can run code when they are opened, so they are not read; \
    convert it in Python, where you trust it: `import transformers as t`, \
    `kind = getattr(t, t.AutoConfig.from_pretrained(FOLDER).architectures[0])`, which keeps the head, \
    `kind.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)`, \
    `t.AutoTokenizer.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)`; or, of a bare state dict, `d = torch.load(FILE, weights_only=True)`, \
    `safetensors.torch.save_file(d, \"model.safetensors\")`";

/// Whether the first bytes are those of a pickle: a zip archive as PyTorch writes it, or a bare pickle. The
/// length of a 640-byte safetensors header looks like one, but a brace follows it.
fn is_pickle(bytes: &[u8]) -> bool {
    let is_bare = matches!(bytes, [0x80, 2..=5, ..]);
    (bytes.starts_with(b"PK\x03\x04") || is_bare) && bytes.get(8) != Some(&b'{')
}

/// The longest tensor name or GGUF metadata key, in bytes.
const LONGEST_NAME: usize = 1024;

/// The size limits of small files, in bytes: of tokenizers, of which the largest in use have about 35 million, of other
/// files that list tokens, and of settings, which have some thousands.
const LONGEST_TOKENIZER: usize = 64 << 20;
const LONGEST_LIST: usize = 16 << 20;
const LONGEST_SETTINGS: usize = 4 << 20;

/// A model on disk: opened and checked, its weights not yet read.
pub struct Checkpoint {
    path: PathBuf,
    /// The name that it was asked for by, if not by its path.
    title: Option<String>,
    is_gguf: bool,
    config: Config,
    tensors: Vec<TensorInfo>,
    /// The index of each tensor in the list, by name.
    places: HashMap<String, usize>,
    tokenizer: TokenizerSource,
    /// The small files beside the weights.
    beside: HashMap<&'static str, Json>,
    modules: Option<Vec<SentenceModule>>,
    adapter: Option<Adapter>,
    /// Whether the program that fetched it has a chat template in a language of its own.
    has_foreign_template: bool,
    /// The indices of the tensors that a model has asked for.
    asked: Mutex<BTreeSet<usize>>,
}

/// What the tokenizer is built from.
#[derive(Clone, Debug)]
pub enum TokenizerSource {
    /// A tokenizer.json, or what older files come to in its form, and which files they are.
    Json {
        file: &'static str,
        bytes: Vec<u8>,
    },
    /// The vocabulary of a GGUF file.
    Gguf(Box<GgufVocab>),
    None,
}

/// How the names of those parts of composite models begin that see or hear, and that lead from there to the text.
const OTHER_PARTS: [&str; 10] = [
    "vision_tower.",
    "vision_model.",
    "visual.",
    "multi_modal_projector.",
    "connector.",
    "image_newline",
    "embed_vision.",
    "vision_embedder.",
    "audio_tower.",
    "embed_audio.",
];

/// The same in GGUF files that hold all parts.
const OTHER_PARTS_IN_GGUF: [&str; 3] = ["v.", "mm.", "a."];

/// The settings that count layers that guess further tokens.
const DRAFTING: [&str; 2] = ["num_nextn_predict_layers", "mtp_num_hidden_layers"];

/// Small files with further settings: of the tokenizer, of generation.
const BESIDE: [&str; 4] =
    ["tokenizer_config.json", "special_tokens_map.json", "generation_config.json", CHAT_SETTINGS];

/// The one of them that says how texts are generated.
const GENERATION: &str = BESIDE[2];

/// The file of a chat template.
const CHAT_TEMPLATE: &str = "chat_template.jinja";

/// Where older folders of models that also see have it.
const CHAT_SETTINGS: &str = "chat_template.json";

impl Checkpoint {
    /// Opens a Hugging Face folder, a safetensors file with config.json beside it, or a GGUF file or any of its parts.
    ///
    /// # Errors
    /// Naming file, tensor and fault.
    pub fn open(path: &Path) -> Result<Self> {
        match files(&modules::body(path)?)? {
            CheckpointFiles::Safetensors { folder, parts } => {
                Self::hugging_face(path, &folder, parts)
            }
            CheckpointFiles::Gguf(parts) => Self::gguf(path, &parts),
        }
    }

    fn gguf(path: &Path, parts: &[PathBuf]) -> Result<Self> {
        let gguf::Gguf { config, tensors, vocab, chat_template } = gguf::open(parts)?;
        let beside = chat_template.map(|source| (CHAT_TEMPLATE, source.into()));
        let tokenizer =
            vocab.map_or(TokenizerSource::None, |vocab| TokenizerSource::Gguf(Box::new(vocab)));
        Self {
            path: path.to_owned(),
            title: None,
            is_gguf: true,
            config,
            tensors,
            places: HashMap::new(),
            tokenizer,
            beside: beside.into_iter().collect(),
            modules: None,
            adapter: None,
            has_foreign_template: false,
            asked: Mutex::default(),
        }
        .indexed()
    }

    fn hugging_face(path: &Path, folder: &Path, parts: Vec<Shard>) -> Result<Self> {
        let name = shown(&folder.join("config.json").to_string_lossy());
        let config = small(folder, "config.json")?.with_context(|| {
            format!(
                "{name} is missing; without it nothing is known about the model; put it beside the weights"
            )
        })?;
        let config = Config::from_json(name, &config)?.of_text();
        let mut tensors = vec![];
        let mut broken = vec![];
        for part in parts {
            let file = Arc::new(Mapped::open(&part.path)?);
            let held = safetensors::tensors(&file)?;
            broken.extend(lacking(&file, &held, &part.promised));
            tensors.extend(held);
        }
        ensure!(
            broken.is_empty(),
            "{}: the index lists tensors that are missing; fetch these files again:{}",
            shown(&path.to_string_lossy()),
            listed(&broken)
        );
        tensor_names::unwrap(&mut tensors);
        let mut tensors = quantised::joined(tensors, &config)?;
        let beside = beside(folder)?;
        let tokenizer = match small(folder, "tokenizer.json")? {
            Some(bytes) => TokenizerSource::Json { file: "tokenizer.json", bytes },
            None => of_older_files(folder, &config, beside.get("tokenizer_config.json"))?,
        };
        let root = modules::root(folder)?;
        let modules = modules::modules(&root)?;
        for module in modules.iter().flatten() {
            tensors.extend(of_module(&root, module)?);
        }
        Self {
            path: path.to_owned(),
            title: None,
            is_gguf: false,
            config,
            tensors,
            places: HashMap::new(),
            tokenizer,
            beside,
            modules,
            adapter: None,
            has_foreign_template: false,
            asked: Mutex::default(),
        }
        .indexed()
    }

    /// The checkpoint with its tensors indexed by name; fails on a name that occurs twice.
    fn indexed(mut self) -> Result<Self> {
        for (i, tensor) in self.tensors.iter().enumerate() {
            if let Some(first) = self.places.insert(tensor.name.clone(), i) {
                let first = self.tensors[first].file();
                let where_else = if first == tensor.file() { "" } else { first };
                bail!(
                    "{}: there are two tensors `{}` {where_else}; the file is damaged, fetch it again",
                    tensor.file(),
                    tensor.shown()
                );
            }
        }
        Ok(self)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same checkpoint with the weights of an adapter in this folder (PEFT's LoRA), and the chat template there.
    ///
    /// # Errors
    /// If the folder has no such adapter, or one with settings that are not run, or one of another model.
    pub fn with_adapter(self, folder: &Path) -> Result<Self> {
        let adapter = Adapter::open(folder, &self)?;
        let mut beside_all = self.beside;
        let name = |name: &str| shown(&folder.join(name).to_string_lossy());
        if let Some(template) = chat_template(&beside(folder)?, name)? {
            beside_all.insert(CHAT_TEMPLATE, template.into());
        }
        Ok(Self { adapter: Some(adapter), beside: beside_all, ..self })
    }

    /// A description of the adapter in a few words; None without one.
    pub fn adapter(&self) -> Option<String> {
        let asked: HashSet<&str> = self.asked().iter().map(|tensor| &*tensor.name).collect();
        self.adapter.as_ref().map(|adapter| adapter.describe(|name| asked.contains(name)))
    }

    /// The same checkpoint under the name that it was asked for by. The metadata of a GGUF file, whose path may be a hash,
    /// are called by it too.
    #[must_use]
    pub fn titled(self, title: String) -> Self {
        let config = if self.is_gguf {
            self.config.called(gguf::metadata_of(&shown(&title)))
        } else {
            self.config
        };
        Self { title: Some(title), config, ..self }
    }

    /// The name that it was asked for by, else that of its repository, folder or file; safe to show.
    pub fn title(&self) -> String {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let whole = || self.path.canonicalize().ok();
        let repository =
            || places::repository(&self.path).or_else(|| places::repository(&whole()?));
        let found = self.title.clone().or_else(repository);
        let found = found.or_else(|| name(&self.path)).or_else(|| name(&whole()?));
        found.map_or_else(|| "model".into(), |name| shown(&name))
    }

    /// The name that it was asked for by, else the path; safe to show.
    pub fn name(&self) -> String {
        self.title
            .as_ref()
            .map_or_else(|| shown(&self.path.to_string_lossy()), |title| shown(title))
    }

    /// The path of a file beside the weights, safe to show.
    pub fn name_beside(&self, name: &str) -> String {
        let is_folder = self.path.is_dir();
        let folder = if is_folder { Some(self.path.as_path()) } else { self.path.parent() };
        shown(&folder.unwrap_or(Path::new("")).join(name).to_string_lossy())
    }

    /// Whether it is a GGUF file, whose names and settings are translated to Hugging Face's.
    pub const fn is_gguf(&self) -> bool {
        self.is_gguf
    }

    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// All tensors, in the order of their files.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The size of all weights in their files, in bytes.
    pub fn n_bytes(&self) -> u64 {
        self.tensors.iter().map(|t| t.n_bytes as u64).sum()
    }

    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.places.get(name).map(|&i| &self.tensors[i])
    }

    /// The tensors that a model has asked for; all of them if no model has asked yet. Files also hold tensors
    /// that no model needs: masks, precomputed positions, duplicate tables.
    pub fn asked(&self) -> Vec<&TensorInfo> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.is_empty() {
            return self.tensors.iter().collect();
        }
        asked.iter().map(|&i| &self.tensors[i]).collect()
    }

    /// The tensors that no model has asked for, although they may matter: all but buffers, duplicates of tables, and
    /// heads of pre-training that nobody uses. Empty if no model has asked yet.
    pub fn unused(&self) -> Vec<&TensorInfo> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody uses the head for the next sentence beside one for masked words.
        let has_words = self.tensors.iter().any(|tensor| tensor.name.contains("cls.predictions."));
        let is_unused = |(i, tensor): &(usize, &TensorInfo)| {
            let is_idle = tensor.is_setting() || tensor.is_spare();
            let is_idle = is_idle || has_words && tensor.is_of_next_sentence();
            let is_idle = is_idle || self.is_of_other_part(tensor) || self.is_of_drafting(tensor);
            !(asked.is_empty() || asked.contains(i) || is_idle)
        };
        self.tensors.iter().enumerate().filter(is_unused).map(|(_, tensor)| tensor).collect()
    }

    /// The type of a composite model; None of another.
    pub fn whole(&self) -> Option<&str> {
        let in_gguf = || self.config.string("model_type").ok().filter(|_| self.is_gguf);
        self.config.whole().or_else(in_gguf).filter(|_| !self.of_other_parts().is_empty())
    }

    /// The tensors of those parts of a composite model that are not its text part, and are passed over.
    pub fn of_other_parts(&self) -> Vec<&TensorInfo> {
        self.tensors.iter().filter(|tensor| self.is_of_other_part(tensor)).collect()
    }

    fn is_of_other_part(&self, tensor: &TensorInfo) -> bool {
        if self.is_gguf {
            return OTHER_PARTS_IN_GGUF.iter().any(|part| tensor.name_in_file.starts_with(part));
        }
        let name = tensor.name.strip_prefix("model.").unwrap_or(&tensor.name);
        self.config.whole().is_some() && OTHER_PARTS.iter().any(|part| name.starts_with(part))
    }

    /// The tensors of layers that guess further tokens ahead of the model's own (multi-token prediction); a model that
    /// writes one token at a time does without them.
    pub fn of_drafting(&self) -> Vec<&TensorInfo> {
        self.tensors.iter().filter(|tensor| self.is_of_drafting(tensor)).collect()
    }

    /// They have a name of their own, or follow the model's own layers.
    fn is_of_drafting(&self, tensor: &TensorInfo) -> bool {
        let number = |key: &str| self.config.get(key).and_then(Json::as_u64).unwrap_or(0);
        let name = tensor.name.strip_prefix("model.").unwrap_or(&tensor.name);
        let layer = ["layers.", "blk."].iter().find_map(|start| name.strip_prefix(start));
        let layer = layer.and_then(|rest| rest.split('.').next()?.parse::<u64>().ok());
        let is_behind = layer.is_some_and(|layer| layer >= number("num_hidden_layers"));
        name.starts_with("mtp.") || is_behind && DRAFTING.iter().any(|key| number(key) > 0)
    }

    fn ask(&self, name: &str) -> Option<&TensorInfo> {
        let place = *self.places.get(name)?;
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(place);
        Some(&self.tensors[place])
    }

    pub const fn tokenizer(&self) -> &TokenizerSource {
        &self.tokenizer
    }

    /// The modules after the transformer of a sentence-transformers folder; None for any other.
    pub fn modules(&self) -> Option<&[SentenceModule]> {
        self.modules.as_deref()
    }

    /// The parsed content of `tokenizer_config.json`, `special_tokens_map.json`, `generation_config.json` or the settings of
    /// a sentence-transformers folder; None if there is no such file.
    pub fn beside(&self, name: &str) -> Option<&Json> {
        self.beside.get(name)
    }

    /// How a sentence-transformers folder has texts read; None for any other.
    pub fn sentence_config(&self) -> Option<&Json> {
        let names = self.modules.as_ref().map(|_| modules::OF_TRANSFORMER);
        names?.into_iter().find_map(|name| self.beside(name))
    }

    /// The settings of generation; None if no file says any.
    pub fn generation(&self) -> Option<Config> {
        let settings = self.beside(GENERATION)?.as_object()?;
        Some(Config::new(self.name_beside(GENERATION), settings.clone()))
    }

    /// The tokens that end a text: those that the settings of generation name, or else those of config.json.
    ///
    /// # Errors
    /// If a setting is of the wrong kind.
    pub fn ends(&self) -> Result<Vec<u32>> {
        const KEY: &str = "eos_token_id";
        match self.generation().filter(|settings| settings.has(KEY)) {
            Some(settings) => settings.ids(KEY),
            None => self.config.ids(KEY),
        }
    }

    /// The template that conversations with the model are written in; None if it has none.
    ///
    /// # Errors
    /// If there are several, and no usual one.
    pub fn chat_template(&self) -> Result<Option<String>> {
        chat_template(&self.beside, |name| self.name_beside(name))
    }

    /// The same checkpoint, with whether the program that fetched it writes chats by a template of its own.
    #[must_use]
    pub fn with_foreign_template(self, has_foreign_template: bool) -> Self {
        Self { has_foreign_template, ..self }
    }

    /// What is missing of a checkpoint without a template for chats.
    pub fn no_chat_template(&self) -> String {
        let name = self.name();
        if self.has_foreign_template {
            format!("{name} has no chat template but that of Ollama, which is in Go and is not run")
        } else {
            format!("{name} has no chat template, so it was not trained on chats")
        }
    }
}

/// The template of chats in the small files of a folder: a file of its own, the older one of a model that also sees, or
/// a setting of the tokenizer.
fn chat_template(
    beside: &HashMap<&'static str, Json>,
    name: impl Fn(&str) -> String,
) -> Result<Option<String>> {
    if let Some(own) = beside.get(CHAT_TEMPLATE).and_then(Json::as_str) {
        return Ok(Some(own.to_owned()));
    }
    for file in [CHAT_SETTINGS, BESIDE[0]] {
        let value = beside.get(file).and_then(|settings| settings.get("chat_template"));
        if let Some(template) = value.map(template_of).transpose().with_context(|| name(file))? {
            return Ok(template);
        }
    }
    Ok(None)
}

/// The weights of a module, under names that begin with its folder's.
fn of_module(folder: &Path, module: &SentenceModule) -> Result<Vec<TensorInfo>> {
    let path = folder.join(&module.folder).join("model.safetensors");
    if module.kind != "Dense" || module.folder.is_empty() || path.symlink_metadata().is_err() {
        return Ok(vec![]);
    }
    let mut tensors = safetensors::tensors(&Arc::new(Mapped::open(&path)?))?;
    for tensor in &mut tensors {
        tensor.name = format!("{}.{}", module.folder, tensor.name);
    }
    Ok(tensors)
}

/// The tensors that the index promises in a file and that are missing from it.
fn lacking(file: &Mapped, tensors: &[TensorInfo], promised: &[String]) -> Vec<String> {
    let here: HashSet<&str> = tensors.iter().map(|t| t.name.as_str()).collect();
    let lacking = promised.iter().filter(|name| !here.contains(name.as_str()));
    lacking.map(|name| format!("{}: `{}`", file.name, shown(name))).collect()
}

/// The most faults that are listed; more than an ordinary model has tensors.
const MOST_LISTED: usize = 500;

/// The faults, one a line.
fn listed(faults: &[String]) -> String {
    let mut text = String::new();
    for fault in faults.iter().take(MOST_LISTED) {
        text.extend(["\n  ", fault]);
    }
    match faults.len().saturating_sub(MOST_LISTED) {
        0 => text,
        more => text + &format!("\n  and {more} more"),
    }
}

/// The bytes of a small file in a folder; None if it does not exist.
fn small(folder: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let path = folder.join(name);
    // A dangling link exists; opening it reports the fault.
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let file = Mapped::open(&path)?;
    let size = file.bytes().len();
    let limit = match name {
        "tokenizer.json" | TEKKEN => LONGEST_TOKENIZER,
        name if name.ends_with("config.json") && name != BESIDE[0] => LONGEST_SETTINGS,
        _ => LONGEST_LIST,
    };
    ensure!(
        size <= limit,
        "{} has {size} bytes, the limit is {limit}; it is damaged or another file",
        file.name
    );
    Ok(Some(file.bytes().to_vec()))
}

/// Mistral's tokenizer.
const TEKKEN: &str = "tekken.json";

/// What the older files of a tokenizer come to.
fn of_older_files(
    folder: &Path,
    config: &Config,
    tokenizer_config: Option<&Json>,
) -> Result<TokenizerSource> {
    let mut sentencepiece = None;
    for name in SENTENCEPIECE {
        if sentencepiece.is_none() {
            sentencepiece = small(folder, name)?.map(|bytes| (name, bytes));
        }
    }
    let [vocab_json, merges_txt, vocab_txt, added_tokens, tekken] =
        ["vocab.json", "merges.txt", "vocab.txt", "added_tokens.json", TEKKEN]
            .map(|name| small(folder, name));
    let (vocab_json, merges_txt) = (vocab_json?, merges_txt?);
    let (vocab_txt, added_tokens, tekken) = (vocab_txt?, added_tokens?, tekken?);
    let files = OlderFiles {
        vocab_json: vocab_json.as_deref(),
        merges_txt: merges_txt.as_deref(),
        vocab_txt: vocab_txt.as_deref(),
        tekken: tekken.as_deref(),
        sentencepiece: sentencepiece.as_ref().map(|(name, bytes)| (*name, bytes.as_slice())),
        added_tokens: added_tokens.as_deref(),
        tokenizer_config,
        model_type: config.string("model_type").unwrap_or_default(),
    };
    let bytes = tokenizer_json(&files).with_context(|| shown(&folder.to_string_lossy()))?;
    let found = files.converted().zip(bytes);
    Ok(found.map_or(TokenizerSource::None, |(file, bytes)| TokenizerSource::Json { file, bytes }))
}

fn beside(folder: &Path) -> Result<HashMap<&'static str, Json>> {
    let mut found = HashMap::new();
    for name in BESIDE.into_iter().chain(modules::OF_TRANSFORMER) {
        let Some(bytes) = small(folder, name)? else { continue };
        let parsed =
            serde_json::from_slice(&bytes).map_err(|e| anyhow::anyhow!(shown(&e.to_string())));
        found.insert(
            name,
            parsed.with_context(|| {
                format!("{} is not valid JSON", shown(&folder.join(name).to_string_lossy()))
            })?,
        );
    }
    if let Some(template) = small(folder, CHAT_TEMPLATE)? {
        let text = String::from_utf8(template).ok().with_context(|| {
            format!("{} is not UTF-8", shown(&folder.join(CHAT_TEMPLATE).to_string_lossy()))
        })?;
        found.insert(CHAT_TEMPLATE, text.into());
    }
    Ok(found)
}
