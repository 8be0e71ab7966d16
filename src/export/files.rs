//! Files that appear complete or not at all.
//!
//! All content is first written to a temporary folder beside its destination; only when it is complete do the files
//! get their names. An existing file is replaced only on request.

mod workshop;

use std::{
    error, fmt, fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Error, Result, anyhow};
use tempfile::TempPath;

use crate::text::visible;
use workshop::StagingFolder;

/// Why a file was not written.
#[derive(Debug)]
pub struct WriteError {
    /// The message: `a.svg cannot be written; permission denied`.
    pub what: String,
    /// The remedy on a command line.
    remedy: &'static str,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

impl error::Error for WriteError {}

/// Files to be written.
pub struct Files {
    is_forced: bool,
    /// Complete files, closed, so that there may be many.
    staged: Vec<(TempPath, PathBuf)>,
    /// By destination folder; usually one, unless files are links.
    workshops: Vec<(PathBuf, StagingFolder)>,
}

impl Files {
    /// Prepares to write the given files; creates nothing yet.
    ///
    /// # Errors
    /// If one exists and may not be replaced, or is not a regular file.
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a Path>, is_forced: bool) -> Result<Self> {
        for path in paths {
            may_write(path, is_forced)?;
        }
        Ok(Self { is_forced, staged: vec![], workshops: vec![] })
    }

    /// Writes one file's content under a temporary name.
    ///
    /// # Errors
    /// If the folder is not writable, or writing the content fails.
    pub fn stage(
        &mut self,
        path: &Path,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        let failed = |e| cannot_write(path, &e);
        let target =
            if path.exists() { fs::canonicalize(path).map_err(failed)? } else { path.into() };
        let mut file =
            self.workshop(folder(&target)).and_then(StagingFolder::file).map_err(failed)?;
        let mut out = BufWriter::new(file.as_file_mut());
        content(&mut out).and_then(|()| out.flush()).map_err(failed)?;
        drop(out);
        self.staged.push((file.into_temp_path(), target));
        Ok(())
    }

    fn workshop(&mut self, beside: &Path) -> io::Result<&StagingFolder> {
        let known = self.workshops.iter().position(|(folder, _)| folder == beside);
        let i = known.unwrap_or(self.workshops.len());
        if known.is_none() {
            self.workshops.push((beside.to_owned(), StagingFolder::beside(beside)?));
        }
        Ok(&self.workshops[i].1)
    }

    /// Gives every file its name. If one fails, those before it are removed again.
    ///
    /// # Errors
    /// If a file has appeared meanwhile, or the folder refuses.
    pub fn finish(self) -> Result<()> {
        let mut new: Vec<(PathBuf, Option<Identity>)> = vec![];
        let n_files = self.staged.len();
        for (file, path) in self.staged {
            let made = identity(&file);
            let named =
                if self.is_forced { file.persist(&path) } else { file.persist_noclobber(&path) };
            if let Err(e) = named {
                if !self.is_forced {
                    take_back(&new);
                }
                let why = if e.error.kind() == io::ErrorKind::AlreadyExists {
                    exists(&path)
                } else {
                    cannot_write(&path, &e.error)
                };
                let n_new = new.len();
                return Err(if self.is_forced && n_new > 0 {
                    anyhow!(
                        "{why}; {n_new} of {n_files} files are new, the others are as they were"
                    )
                } else {
                    why
                });
            }
            new.push((path, made));
        }
        Ok(())
    }
}

/// Device and inode of a file, which distinguish it from another with the same name.
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    let file = fs::symlink_metadata(path).ok()?;
    Some((std::os::unix::fs::MetadataExt::dev(&file), std::os::unix::fs::MetadataExt::ino(&file)))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<Identity> {
    None
}

/// Removes the made files, except those that were replaced meanwhile.
fn take_back(made: &[(PathBuf, Option<Identity>)]) {
    for (path, made) in made {
        if identity(path) == *made {
            let _ = fs::remove_file(path);
        }
    }
}

/// Creates a folder and its missing parents.
///
/// # Errors
/// If the file system refuses.
pub fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| {
        let path = shown(path);
        anyhow!("the folder {path} cannot be made; {}; choose another with --out", reason(&e))
    })
}

fn may_write(path: &Path, is_forced: bool) -> Result<()> {
    match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(cannot_write(path, &e)),
        Ok(there) if there.is_dir() => {
            let what = format!("{} is a folder; give a file", shown(path));
            Err(WriteError { what, remedy: "add a name to it" }.into())
        }
        Ok(there) if !there.is_file() => {
            let what = format!("{} is no regular file; it would be replaced", shown(path));
            Err(WriteError { what, remedy: "write --out - and redirect" }.into())
        }
        Ok(_) if is_forced => Ok(()),
        Ok(_) => Err(exists(path)),
    }
}

fn exists(path: &Path) -> Error {
    let what = format!("{} exists; nothing was written", shown(path));
    WriteError { what, remedy: "write --force to replace it" }.into()
}

fn cannot_write(path: &Path, e: &io::Error) -> Error {
    let what = format!("{} cannot be written; {}", shown(path), reason(e));
    WriteError { what, remedy: "choose another place with --out" }.into()
}

/// The text of an error without its number: `permission denied`.
pub fn reason(e: &io::Error) -> String {
    let text = e.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str, is_forced: bool) -> Result<()> {
        let mut files = Files::new([path], is_forced)?;
        files.stage(path, |out| out.write_all(text.as_bytes()))?;
        files.finish()
    }

    #[test]
    fn a_file_is_replaced_only_by_force() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.txt");
        write(&path, "one", false)?;
        assert!(write(&path, "two", false).is_err());
        assert_eq!(fs::read_to_string(&path)?, "one");
        write(&path, "two", true)?;
        assert_eq!(fs::read_to_string(&path)?, "two");
        Ok(())
    }

    #[test]
    fn files_replaced_before_a_failure_are_reported() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let [a, b] = ["a.txt", "b.txt"].map(|name| folder.path().join(name));
        fs::write(&a, "old")?;
        let mut files = Files::new([a.as_path(), b.as_path()], true)?;
        files.stage(&a, |out| out.write_all(b"new"))?;
        files.stage(&b, |out| out.write_all(b"new"))?;
        fs::create_dir(&b)?;
        let message = files.finish().err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message.contains("1 of 2 files are new, the others are as they were"), "{message}");
        assert_eq!(fs::read_to_string(&a)?, "new");
        Ok(())
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let [a, b] = ["a.txt", "b.txt"].map(|name| folder.path().join(name));
        let mut files = Files::new([a.as_path(), b.as_path()], false)?;
        files.stage(&a, |out| out.write_all(b"a"))?;
        assert!(files.stage(&b, |_| Err(io::Error::other("disk full"))).is_err());
        drop(files);
        assert_eq!(fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_replaced_meanwhile_is_not_taken_back() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let [a, b] = ["a.txt", "b.txt"].map(|name| folder.path().join(name));
        write(&a, "ours", false)?;
        let made = identity(&a);
        write(&b, "ours", false)?;
        let of_b = identity(&b);
        write(&a, "theirs", true)?;
        take_back(&[(a.clone(), made), (b.clone(), of_b)]);
        assert_eq!((fs::read_to_string(&a)?.as_str(), b.exists()), ("theirs", false));
        Ok(())
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_kept_and_the_others_are_taken_back() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let [a, b] = ["a.txt", "b.txt"].map(|name| folder.path().join(name));
        let mut files = Files::new([a.as_path(), b.as_path()], false)?;
        files.stage(&a, |out| out.write_all(b"ours"))?;
        files.stage(&b, |out| out.write_all(b"ours"))?;
        fs::write(&b, "theirs")?;
        assert!(files.finish().is_err());
        assert!(!a.exists());
        assert_eq!(fs::read_to_string(&b)?, "theirs");
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }
}
