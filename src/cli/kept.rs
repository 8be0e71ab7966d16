//! What is kept of the last walk, in its place; with `--no-config` there is none.

use std::path::PathBuf;

use anyhow::{Context, Result};
use etcetera::BaseStrategy;

use crate::{memory::Memory, text::visible};

/// The memory of walks before, and where it belongs.
pub struct Kept {
    path: Option<PathBuf>,
    pub memory: Memory,
    /// Why it could not be read, though it is there.
    pub trouble: Option<String>,
}

impl Kept {
    pub fn find(is_wanted: bool) -> Self {
        let path = if is_wanted { path() } else { None };
        let loaded = path.as_deref().map_or_else(|| Ok(Memory::default()), Memory::load);
        let trouble = loaded.as_ref().err().map(|why| {
            format!("what was kept of the last walk cannot be read ({why}); the end of this one replaces it")
        });
        Self { path, memory: loaded.unwrap_or_default(), trouble }
    }

    /// Keeps what a walk left, unless it is what is there already.
    ///
    /// # Errors
    /// If the place cannot be written to; the message says which.
    pub fn replace(&self, memory: &Memory) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if *memory == self.memory && self.trouble.is_none() {
            return Ok(());
        }
        memory.save(path).with_context(|| {
            let shown = visible(&path.to_string_lossy());
            format!("{shown} cannot be written, so the place in the walk is not kept; --no-config asks for that")
        })
    }
}

fn path() -> Option<PathBuf> {
    let places = etcetera::choose_base_strategy().ok()?;
    let folder = places.state_dir().unwrap_or_else(|| places.data_dir());
    Some(folder.join("lookback").join("state.toml"))
}
