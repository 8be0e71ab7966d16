//! Models on this machine, by the names that the programs give them that fetched them.
//!
//! Looks into the cache of Hugging Face, and the folders of Ollama and LM Studio; reads names of files, and Ollama's
//! manifests. A model is found by its name in the list of all of them, so no name leads out of these folders.
//! Nothing is fetched.

mod hub;
mod ollama;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::Checkpoint;
use crate::text::visible::shown;
pub use hub::repository;

/// A program that fetches models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelPlace {
    HuggingFace,
    Ollama,
    LmStudio,
}

impl ModelPlace {
    pub const fn title(self) -> &'static str {
        match self {
            Self::HuggingFace => "Hugging Face",
            Self::Ollama => "Ollama",
            Self::LmStudio => "LM Studio",
        }
    }
}

/// A model on this machine.
#[derive(Clone, Debug)]
pub struct LocalModel {
    /// The name that [`Places::open`] finds it by: `Qwen/Qwen3-0.6B`, `llama3.2:1b`. Not safe to show.
    pub name: String,
    pub place: ModelPlace,
    /// Its folder or file.
    pub path: PathBuf,
    /// Why that is not the whole model; None if it is.
    pub obstacle: Option<&'static str>,
    /// Whether chats with it are written by a template of Ollama's.
    pub has_foreign_template: bool,
}

impl LocalModel {
    /// Whether this is its name. Ollama's tag `latest` may be left out.
    fn is_called(&self, name: &str) -> bool {
        let rest = self.name.strip_prefix(name);
        rest == Some("") || (self.place == ModelPlace::Ollama && rest == Some(":latest"))
    }

    /// Whether it is a file of this repository, or a tag of this name.
    fn belongs_to(&self, name: &str) -> bool {
        self.name.strip_prefix(name).is_some_and(|rest| rest.starts_with(['/', ':']))
    }
}

/// The folders that are looked into, whether they exist or not.
#[derive(Clone, Debug, Default)]
pub struct Places {
    hub: Vec<PathBuf>,
    ollama: Vec<PathBuf>,
    lm_studio: Vec<PathBuf>,
}

impl Places {
    /// The folders by these environment variables, as each program chooses them.
    pub fn of(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let home = variable("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let set =
            |name| Some(expanded(&variable(name).filter(|v| !v.is_empty())?, home.as_deref()));
        let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let hub = set("HF_HUB_CACHE")
            .or_else(|| set("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| Some(set("HF_HOME")?.join("hub")))
            .or_else(|| Some(set("XDG_CACHE_HOME")?.join("huggingface/hub")))
            .or_else(|| in_home(".cache/huggingface/hub"));
        let ollama = set("OLLAMA_MODELS").map_or_else(
            || {
                let service = PathBuf::from("/usr/share/ollama/.ollama/models");
                in_home(".ollama/models").into_iter().chain([service]).collect()
            },
            |folder| vec![folder],
        );
        let lm_studio = [".lmstudio/models", ".cache/lm-studio/models"];
        let lm_studio = lm_studio.into_iter().filter_map(in_home).collect();
        Self { hub: hub.into_iter().collect(), ollama, lm_studio }
    }

    /// The folders that are looked into.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        let all = self.hub.iter().chain(&self.ollama).chain(&self.lm_studio);
        all.map(PathBuf::as_path)
    }

    /// All models, by place and name.
    pub fn models(&self) -> Vec<LocalModel> {
        let hub = self.hub.iter().flat_map(|folder| hub::cached(folder));
        let ollama = self.ollama.iter().flat_map(|folder| ollama::pulled(folder));
        let lm_studio = self.lm_studio.iter().flat_map(|folder| hub::of_publishers(folder));
        hub.chain(ollama).chain(lm_studio).collect()
    }

    /// Whether there is a model, or are several, of this name.
    pub fn has(&self, name: &str) -> bool {
        !self.named(name).is_empty()
    }

    /// Opens the checkpoint at a path; where nothing is there, the model of this name.
    ///
    /// # Errors
    /// If there is neither; if there are several; as for [`Checkpoint::open`].
    pub fn open(&self, asked: &Path) -> Result<Checkpoint> {
        let text = asked.to_str().filter(|_| asked.symlink_metadata().is_err());
        let name = text.filter(|text| is_name(without_host(text)) || !self.named(text).is_empty());
        let Some(name) = name else {
            return Checkpoint::open(asked);
        };
        let LocalModel { name, path, obstacle, has_foreign_template, .. } = self.find(name)?;
        ensure!(obstacle.is_none(), "{}: {}", shown(&name), obstacle.unwrap_or_default());
        let checkpoint = Checkpoint::open(&path).with_context(|| shown(&name))?.titled(name);
        Ok(checkpoint.with_foreign_template(has_foreign_template))
    }

    fn find(&self, name: &str) -> Result<LocalModel> {
        let found = self.named(name);
        match found.as_slice() {
            [] => Err(self.not_found(name)),
            [one] => Ok(one.clone()),
            [first, others @ ..] => {
                let by_path = others.iter().any(|other| other.place != first.place);
                let path = |model: &LocalModel| model.path.to_string_lossy().into_owned();
                let one = |model| shown(&if by_path { path(model) } else { model.name.clone() });
                let names: Vec<String> = found.iter().map(one).collect();
                bail!(
                    "`{name}` stands for {} models; give one of them: {}",
                    found.len(),
                    names.join(", ")
                )
            }
        }
    }

    /// The models of this name; if there are none, those of this repository, or the tags of this name. After a
    /// repository's name `:Q8_0` stands for its files of that form.
    fn named(&self, name: &str) -> Vec<LocalModel> {
        let ollama = name.strip_prefix(OLLAMA);
        let mut all = self.models();
        all.retain(|model| ollama.is_none() || model.place == ModelPlace::Ollama);
        // Ollama's names may begin with a host.
        let name = ollama.unwrap_or(name);
        let [is_whole, is_plain] = [name, without_host(name)]
            .map(|name| all.iter().any(|model| model.is_called(name) || model.belongs_to(name)));
        let name = if is_whole { name } else { without_host(name) };
        if !is_whole
            && !is_plain
            && let Some((repository, form)) = name.split_once(':')
        {
            let is_of_form = |file: &str| file.to_lowercase().contains(&form.to_lowercase());
            all.retain(|model| {
                model.belongs_to(repository) && is_of_form(&model.name[repository.len()..])
            });
            return all;
        }
        let is_there = all.iter().any(|model| model.is_called(name));
        all.retain(|model| if is_there { model.is_called(name) } else { model.belongs_to(name) });
        all
    }

    fn not_found(&self, name: &str) -> anyhow::Error {
        let folders: Vec<String> =
            self.folders().map(|folder| shown(&folder.to_string_lossy())).collect();
        anyhow!(
            "`{name}` is neither a path nor a model on this machine; looked in {}; {}; `lookback models` lists what is \
             here",
            folders.join(", "),
            fetches(name).map_or_else(
                || "check the path".to_owned(),
                |command| format!("nothing is fetched: run `{command}` first"),
            )
        )
    }
}

/// Before a name of Ollama's, where another program may have it too.
const OLLAMA: &str = "ollama:";

/// The command that fetches a model; None for what is more likely a path: a word alone, or what begins with a folder
/// that exists.
fn fetches(name: &str) -> Option<String> {
    if let Some(name) = name.strip_prefix(OLLAMA) {
        return Some(format!("ollama pull {name}"));
    }
    let mut parts = without_host(name).split('/');
    match (parts.next()?, parts.next()) {
        (folder, Some(_)) if Path::new(folder).exists() => None,
        (owner, Some(repository)) => {
            let repository = repository.split(':').next().unwrap_or(repository);
            Some(format!("hf download {owner}/{repository}"))
        }
        (_, None) => name.contains(':').then(|| format!("ollama pull {name}")),
    }
}

/// The name of a repository without the host that it is copied with.
fn without_host(name: &str) -> &str {
    const HOSTS: [&str; 3] = ["https://huggingface.co/", "huggingface.co/", "hf.co/"];
    HOSTS.iter().find_map(|host| name.strip_prefix(host)).unwrap_or(name)
}

/// Whether a text can be the name of a model, rather than a path.
fn is_name(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c))
    };
    let is_file =
        !text.contains('/') && [".gguf", ".safetensors"].iter().any(|e| text.ends_with(e));
    text.split('/').all(is_part) && !is_file
}

/// A path from the environment, in which `~` may be the home.
fn expanded(text: &str, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}
