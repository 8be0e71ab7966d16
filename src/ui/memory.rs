//! Progress kept between walks, in a small file: validated when read, replaced atomically when written.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tempfile::NamedTempFile;

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
        // Opening a pipe would block.
        let kind = match fs::metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            kind => kind?,
        };
        ensure!(kind.is_file(), "it is not a file");
        let mut text = String::new();
        File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
        ensure!(text.len() as u64 <= MAX_BYTES, "it is too large");
        toml::from_str(&text).context("it is damaged")
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

    /// Writes the file, and creates its folders; an existing file is replaced atomically.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let folder = path.parent().context("it has no folder")?;
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(self.to_toml().as_bytes())?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        std::thread::scope(|scope| {
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
