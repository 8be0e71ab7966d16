//! Progress kept between walks, in a small file: validated when read, replaced atomically when written.

mod folder;

pub use folder::{StateFolder, open_folder};

use std::{fmt::Write as _, io, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::text::visible::toml_string;

/// Maximum size of the file in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The content of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// Ids of the bookmarked steps.
    pub bookmarks: Vec<String>,
    /// Ids of the steps whose labs are solved.
    pub labs: Vec<String>,
    /// Where the last walk ended.
    pub last: Option<ResumePoint>,
}

/// The sentence and step at which a walk ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumePoint {
    pub sentence: String,
    /// The step's id.
    pub step: String,
}

impl Memory {
    /// Reads the file; returns the default if there is none.
    ///
    /// # Errors
    /// If the file exists but cannot be read or parsed.
    pub fn load(path: &Path) -> Result<Self> {
        match StateFolder::open(parent(path)?) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            folder => Self::load_in(&folder?, name(path)?),
        }
    }

    fn load_in(folder: &StateFolder, name: &Path) -> Result<Self> {
        match folder.read(name, MAX_BYTES)? {
            Some(text) => toml::from_str(&text).context("it is damaged"),
            None => Ok(Self::default()),
        }
    }

    /// Merges in the bookmarks that another walk has added or removed: `before` is the state when this walk began,
    /// `now` the state of the file when it ends.
    #[must_use]
    pub fn since(&self, before: &Self, now: &Self) -> Self {
        let is_kept = |id: &&String| self.bookmarks.contains(id) || !before.bookmarks.contains(id);
        let mut bookmarks: Vec<String> = now.bookmarks.iter().filter(is_kept).cloned().collect();
        let is_new = |id: &&String| !before.bookmarks.contains(id) && !now.bookmarks.contains(id);
        bookmarks.extend(self.bookmarks.iter().filter(is_new).cloned());
        bookmarks.sort();
        let mut labs = [&now.labs[..], &self.labs].concat();
        labs.sort();
        labs.dedup();
        Self { bookmarks, labs, last: self.last.clone() }
    }

    /// Whether the bookmarks and the solved labs are the same.
    pub fn has_marks_of(&self, other: &Self) -> bool {
        (&self.bookmarks, &self.labs) == (&other.bookmarks, &other.labs)
    }

    /// Content of the file as TOML; control characters are escaped.
    fn to_toml(&self) -> String {
        let list = |ids: &[String]| -> String {
            ids.iter().map(|id| toml_string(id)).collect::<Vec<_>>().join(", ")
        };
        let mut text = format!("bookmarks = [{}]\n", list(&self.bookmarks));
        if !self.labs.is_empty() {
            let _ = writeln!(text, "labs = [{}]", list(&self.labs));
        }
        if let Some(ResumePoint { sentence, step }) = &self.last {
            let (sentence, step) = (toml_string(sentence), toml_string(step));
            let _ = write!(text, "\n[last]\nsentence = {sentence}\nstep = {step}\n");
        }
        text
    }

    /// Replaces the file by what `merge` makes of its content, and lets no other walk do so in between. What a killed
    /// walk left beside it is removed.
    ///
    /// # Errors
    /// If the file cannot be written, or `merge` fails.
    pub fn update(
        path: &Path,
        merge: impl FnOnce(&StateFolder, Result<Self>) -> Result<Self>,
    ) -> Result<()> {
        let (folder, name) = (StateFolder::create(parent(path)?)?.locked(), name(path)?);
        merge(&folder, Self::load_in(&folder, name))?.save_in(&folder, name)
    }

    /// Writes the file, and creates its folders; an existing file is replaced atomically and keeps its mode.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.save_in(&StateFolder::create(parent(path)?)?, name(path)?)
    }

    fn save_in(&self, folder: &StateFolder, name: &Path) -> Result<()> {
        let mut text = self.to_toml();
        if text.len() as u64 > MAX_BYTES {
            // A longer file would not be read again, and the bookmarks with it.
            text = Self { last: None, ..self.clone() }.to_toml();
        }
        folder.replace(name, &text)
    }
}

fn parent(path: &Path) -> Result<&Path> {
    path.parent().context("it has no folder")
}

fn name(path: &Path) -> Result<&Path> {
    path.file_name().map(Path::new).context("it has no name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, thread};

    #[test]
    fn saved_memory_is_loaded() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a/b/state.toml");
        assert_eq!(Memory::load(&path)?, Memory::default());
        let last =
            ResumePoint { sentence: "A \"dog\"\n\u{1b} 猫.".into(), step: "softmax".into() };
        let labs = vec!["lab-tokens".into()];
        let memory = Memory { bookmarks: vec!["tokens".into()], labs, last: Some(last) };
        memory.save(&path)?;
        memory.save(&path)?;
        assert_eq!(Memory::load(&path)?, memory);
        assert_eq!(fs::read_dir(folder.path().join("a/b"))?.count(), 1, "nothing else is left");
        Ok(())
    }

    #[test]
    fn bookmarks_of_concurrent_walks_are_merged() {
        let of = |marks: &[&str]| Memory {
            bookmarks: marks.iter().map(|id| (*id).to_owned()).collect(),
            ..Memory::default()
        };
        let before = of(&["heads", "softmax"]);
        let other = of(&["mask", "softmax"]);
        let ours = of(&["heads", "tokens"]);
        assert_eq!(ours.since(&before, &other), of(&["mask", "tokens"]));
        assert_eq!(ours.since(&before, &before), ours);
    }

    #[test]
    fn concurrent_saves_keep_one_whole_file() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("state.toml");
        let of = |step: &str| Memory {
            bookmarks: vec![step.repeat(2000)],
            last: Some(ResumePoint { sentence: step.repeat(5000), step: step.into() }),
            ..Memory::default()
        };
        let all = ["a", "b"].map(of);
        all[0].save(&path)?;
        thread::scope(|scope| {
            let saved = all
                .each_ref()
                .map(|one| scope.spawn(|| (0..200).try_for_each(|_| one.save(&path))));
            while saved.iter().any(|saved| !saved.is_finished()) {
                assert!(all.contains(&Memory::load(&path)?));
            }
            saved.into_iter().try_for_each(|saved| saved.join().unwrap_or(Ok(())))
        })?;
        assert_eq!(fs::read_dir(folder.path())?.count(), 1, "nothing else is left");
        Ok(())
    }

    #[test]
    fn walks_that_end_together_lose_no_bookmark() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("state.toml");
        fs::write(folder.path().join(".state-killed.tmp"), "half")?;
        let before = Memory::default();
        let end = |i: usize| {
            let ours = Memory { bookmarks: vec![format!("step{i:02}")], ..Memory::default() };
            Memory::update(&path, |_, now| Ok(ours.since(&before, &now?)))
        };
        thread::scope(|scope| {
            let ends: Vec<_> = (0..40).map(|i| scope.spawn(move || end(i))).collect();
            ends.into_iter().try_for_each(|end| end.join().unwrap_or(Ok(())))
        })?;
        assert_eq!(Memory::load(&path)?.bookmarks.len(), 40);
        assert_eq!(fs::read_dir(folder.path())?.count(), 1, "nothing else is left");
        Ok(())
    }

    #[test]
    fn a_sentence_that_is_too_long_to_be_kept_costs_no_bookmark() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("state.toml");
        let last = ResumePoint { sentence: "\u{1b}".repeat(40_000), step: "softmax".into() };
        Memory { bookmarks: vec!["tokens".into()], last: Some(last), ..Memory::default() }
            .save(&path)?;
        assert_eq!(Memory::load(&path)?.bookmarks, ["tokens"]);
        Ok(())
    }

    #[test]
    fn invalid_files_are_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("state.toml");
        for text in [&b"last = 3"[..], b"mine = 1", b"[[[", b"\xff", &vec![b'#'; 70_000]] {
            fs::write(&path, text)?;
            assert!(Memory::load(&path).is_err());
        }
        assert!(Memory::load(folder.path()).is_err());
        Ok(())
    }
}
