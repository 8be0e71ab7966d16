//! The folder of the state: opened once, and all else is relative to what is open.
//!
//! Somebody who may write into a folder above could put a link in its place while a walk saves. So no link is followed
//! at the end of a name, only files of this user are read over or removed, and nobody can guess the name of a file that
//! is not complete.

use std::{
    fs::{self, File},
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat, fchmod,
        flock, openat, renameat, renameat_with, statat, unlinkat,
    },
    io::Errno,
    process::geteuid,
};

/// The name of a file before it is complete.
const PREFIX: &str = ".state-";
const SUFFIX: &str = ".tmp";

/// How often a lock is tried that somebody else holds, and the time in between; then the file is written without it.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(30);

/// Opens a folder. One that may be entered and written to but not listed is opened for that alone.
///
/// # Errors
/// If there is no such folder, or it may not be entered.
pub fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(CWD, path, flags, Mode::empty()) {
        #[cfg(target_os = "linux")]
        Err(Errno::ACCESS) => Ok(openat(CWD, path, flags | OFlags::PATH, Mode::empty())?),
        opened => Ok(opened?),
    }
}

/// An open folder.
pub struct StateFolder(OwnedFd);

impl StateFolder {
    /// # Errors
    /// If there is no such folder, or it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(open_folder(path)?))
    }

    /// Creates the folder where it is missing.
    ///
    /// # Errors
    /// If it cannot be created or opened.
    pub fn create(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Self::open(path)
    }

    /// Waits until no other walk holds the folder, and keeps it until the result is dropped. Files that walks which were
    /// killed left are removed. A folder that cannot be locked, or is held for too long, is used without.
    #[must_use]
    pub fn locked(self) -> Self {
        for _ in 0..TRIES {
            match flock(&self.0, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    self.remove_left();
                    break;
                }
                Err(e) if e == Errno::WOULDBLOCK => thread::sleep(PAUSE),
                Err(_) => break,
            }
        }
        self
    }

    /// Removes files that walks which were killed left, unless a walk is at work.
    pub fn clear(self) {
        if flock(&self.0, FlockOperation::NonBlockingLockExclusive).is_ok() {
            self.remove_left();
        }
    }

    /// The folder is locked, so no other walk is writing one of them.
    fn remove_left(&self) {
        let Ok(entries) = Dir::read_from(&self.0) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy();
            if name.starts_with(PREFIX) && name.ends_with(SUFFIX) && self.own_file(&name).is_some()
            {
                let _ = unlinkat(&self.0, &*name, AtFlags::empty());
            }
        }
    }

    /// What is known of a regular file of this user.
    fn own_file(&self, name: &str) -> Option<Stat> {
        let found = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        (is_file && found.st_uid == geteuid().as_raw()).then_some(found)
    }

    /// The content of a file of at most `most` bytes; None if there is none.
    ///
    /// # Errors
    /// If it cannot be read, is larger, no regular file or not UTF-8.
    pub fn read(&self, name: &Path, most: u64) -> Result<Option<String>> {
        // Opening a pipe would block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.0, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => anyhow::bail!("it is a link"),
            Err(e) => return Err(io::Error::from(e).into()),
        };
        ensure!(file.metadata()?.is_file(), "it is not a file");
        let mut text = String::new();
        file.take(most + 1).read_to_string(&mut text)?;
        ensure!(text.len() as u64 <= most, "it is too large");
        Ok(Some(text))
    }

    /// Writes a file whole or not at all; one that is replaced gives it its mode.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn replace(&self, name: &Path, text: &str) -> Result<()> {
        let made = format!("{PREFIX}{:016x}{:016x}{SUFFIX}", random(), random());
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(
            openat(&self.0, &made, flags, Mode::RUSR | Mode::WUSR).map_err(io::Error::from)?,
        );
        let written = self
            .fill(&mut file, name, text)
            .and_then(|()| renameat(&self.0, &made, &self.0, name).map_err(io::Error::from));
        if written.is_err() {
            let _ = unlinkat(&self.0, &made, AtFlags::empty());
        }
        Ok(written?)
    }

    fn fill(&self, file: &mut File, name: &Path, text: &str) -> io::Result<()> {
        file.write_all(text.as_bytes())?;
        let replaced = name.to_str().and_then(|name| self.own_file(name));
        if let Some(replaced) = replaced {
            fchmod(&*file, Mode::from_raw_mode(replaced.st_mode & 0o777))?;
        }
        Ok(())
    }

    /// Gives a file another name; one that has the name already stays.
    ///
    /// # Errors
    /// If the folder refuses, or there is a file of that name.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let renamed = renameat_with(&self.0, from, &self.0, to, RenameFlags::NOREPLACE);
        let renamed = match renamed {
            // Not every file system can do that.
            Err(Errno::INVAL | Errno::NOSYS) if !self.has(to) => {
                renameat(&self.0, from, &self.0, to)
            }
            renamed => renamed,
        };
        renamed.map_err(io::Error::from).context("it cannot be renamed")
    }

    /// Whether there is anything of that name, be it a link that leads nowhere.
    pub fn has(&self, name: &Path) -> bool {
        statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }
}

/// Half of a name that nobody can guess: the standard library seeds its hashes from the system's random numbers.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const NAME: &str = "state.toml";

    #[test]
    fn a_folder_that_is_swapped_for_a_link_while_it_is_used_is_not_followed() -> Result<()> {
        let here = tempfile::tempdir()?;
        let at = |name: &str| here.path().join(name);
        fs::create_dir(at("lookback"))?;
        fs::create_dir(at("elsewhere"))?;
        fs::write(at("elsewhere/state.toml"), "theirs")?;
        fs::write(at("elsewhere/.state-0.tmp"), "theirs")?;
        let folder = StateFolder::open(&at("lookback"))?;
        fs::rename(at("lookback"), at("moved"))?;
        symlink(at("elsewhere"), at("lookback"))?;
        let folder = folder.locked();
        folder.replace(Path::new(NAME), "ours")?;
        assert_eq!(fs::read_to_string(at("elsewhere/state.toml"))?, "theirs");
        assert!(at("elsewhere/.state-0.tmp").exists());
        assert_eq!(fs::read_to_string(at("moved/state.toml"))?, "ours");
        Ok(())
    }

    #[test]
    fn only_own_files_are_cleared_away_and_links_are_neither_read_nor_written_through() -> Result<()>
    {
        let here = tempfile::tempdir()?;
        let at = |name: &str| here.path().join(name);
        fs::write(at("mine"), "mine")?;
        fs::write(at(".state-1.tmp"), "half")?;
        symlink(at("mine"), at(".state-2.tmp"))?;
        fs::create_dir(at(".state-3.tmp"))?;
        fs::write(at(".state-4.tmp"), "theirs")?;
        let is_theirs = std::os::unix::fs::chown(at(".state-4.tmp"), Some(65534), None).is_ok();
        StateFolder::open(here.path())?.clear();
        assert!(!at(".state-1.tmp").exists(), "left by a walk that was killed");
        assert!(at(".state-2.tmp").is_symlink() && at(".state-3.tmp").is_dir());
        assert!(!is_theirs || at(".state-4.tmp").exists());
        symlink(at("mine"), at(NAME))?;
        let folder = StateFolder::open(here.path())?;
        let refused = folder.read(Path::new(NAME), 10).expect_err("a link").to_string();
        assert_eq!(refused, "it is a link");
        folder.replace(Path::new(NAME), "ours")?;
        assert!(!at(NAME).is_symlink() && fs::read_to_string(at("mine"))? == "mine");
        Ok(())
    }

    #[test]
    fn a_file_put_aside_replaces_none() -> Result<()> {
        let here = tempfile::tempdir()?;
        let at = |name: &str| here.path().join(name);
        for name in ["a", "b"] {
            fs::write(at(name), name)?;
        }
        let folder = StateFolder::open(here.path())?;
        assert!(folder.rename(Path::new("a"), Path::new("b")).is_err());
        assert_eq!(fs::read_to_string(at("b"))?, "b");
        folder.rename(Path::new("a"), Path::new("c"))?;
        assert_eq!(fs::read_to_string(at("c"))?, "a");
        Ok(())
    }
}
