//! The saved state of earlier walks and its file; with `--no-config` there is none.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use etcetera::BaseStrategy;
use rustix::io::Errno;

use crate::{
    export::files::reason,
    text::visible_path,
    ui::memory::{Memory, StateFolder},
};

/// The state that earlier walks saved, and its path.
pub struct SavedState {
    path: Option<PathBuf>,
    /// Whether the path was that of a link: what it leads to may belong to something else.
    is_behind_link: bool,
    /// As this walk found it, or saved it last.
    pub memory: Memory,
    /// Why an existing file could not be read.
    pub trouble: Option<String>,
}

impl SavedState {
    pub fn find(is_wanted: bool) -> Self {
        let asked = if is_wanted { path() } else { None };
        let is_behind_link = asked.as_deref().is_some_and(Path::is_symlink);
        let path = asked.map(followed);
        if let Some(folder) = path.as_deref().and_then(Path::parent) {
            // What a killed walk left; a folder that is not there has none.
            let _ = StateFolder::open(folder).map(StateFolder::clear);
        }
        let loaded = path.as_deref().map_or_else(|| Ok(Memory::default()), Memory::load);
        let trouble = loaded.as_ref().err().zip(path.as_ref()).map(|(why, path)| {
            let aside = if is_behind_link {
                "; it is left as it is, and nothing is kept".into()
            } else if path.is_file() {
                let is_free = |name: &Path| path.with_file_name(name).symlink_metadata().is_err();
                format!("; it stays beside as {}", visible_path(Path::new(&aside(is_free))))
            } else {
                String::new()
            };
            format!(
                "what was kept of the last walk cannot be read ({}: {why}){aside}",
                visible_path(path)
            )
        });
        Self { path, is_behind_link, memory: loaded.unwrap_or_default(), trouble }
    }

    /// Saves the state of a walk if it changed. Bookmarks that another walk saved meanwhile are kept, and a file that could
    /// not be read is renamed.
    ///
    /// # Errors
    /// If the file cannot be written; the message names it.
    pub fn replace(&mut self, memory: &Memory) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if *memory == self.memory && self.trouble.is_none() {
            return Ok(());
        }
        let has_folder = path.parent().is_some_and(Path::is_dir);
        let saved = if self.is_behind_link && !has_folder {
            Err(anyhow!("it is behind a link, and its folder is not there"))
        } else {
            self.merge(path, memory)
        };
        if saved.is_ok() {
            self.memory.clone_from(memory);
            self.trouble = None;
        }
        saved.map_err(|why| {
            let why = why.downcast_ref().map_or_else(|| why.to_string(), reason);
            anyhow!(
                "{} cannot be written ({why}), so the place in the walk is not kept; \
                 --no-config asks for that",
                visible_path(path)
            )
        })
    }

    /// Writes the state beside what other walks saved meanwhile.
    fn merge(&self, path: &Path, memory: &Memory) -> Result<()> {
        Memory::update(path, |folder, now| match now {
            // It may be whole.
            Err(why) if is_passing(&why) => Err(why),
            Ok(now) => Ok(memory.since(&self.memory, &now)),
            Err(_) if self.is_behind_link && path.exists() => {
                Err(anyhow!("it is behind a link, and not the state of a walk"))
            }
            Err(_) if path.is_file() => put_aside(folder, path).map(|()| memory.clone()),
            Err(_) => Ok(memory.clone()),
        })
    }
}

/// Whether a file could not be read for want of descriptors or memory.
fn is_passing(why: &anyhow::Error) -> bool {
    let of_io = why.downcast_ref().and_then(Errno::from_io_error);
    of_io.is_some_and(|e| [Errno::MFILE, Errno::NFILE, Errno::NOMEM].contains(&e))
}

/// The new name of a file that could not be read: the first of `state.toml.bak`, `state.toml.bak2` and so on that is
/// free.
fn aside(is_free: impl Fn(&Path) -> bool) -> String {
    let names = (1..).map(|i| if i == 1 { ASIDE.to_owned() } else { format!("{ASIDE}{i}") });
    let free = names.take(MOST_ASIDE).find(|name| is_free(Path::new(name)));
    free.unwrap_or_else(|| ASIDE.to_owned())
}

const ASIDE: &str = "state.toml.bak";
const MOST_ASIDE: usize = 100;

fn put_aside(folder: &StateFolder, path: &Path) -> Result<()> {
    let name = path.file_name().map(Path::new).context("it has no name")?;
    folder.rename(name, Path::new(&aside(|name| !folder.has(name))))
}

/// The target of the path if it is a link, so that the link stays.
fn followed(path: PathBuf) -> PathBuf {
    let target = |path: &Path| Some(path.parent()?.join(fs::read_link(path).ok()?));
    fs::canonicalize(&path).ok().or_else(|| target(&path)).unwrap_or(path)
}

fn path() -> Option<PathBuf> {
    let places = etcetera::choose_base_strategy().ok()?;
    let folder = places.state_dir().unwrap_or_else(|| places.data_dir());
    Some(folder.join("lookback").join("state.toml"))
}
