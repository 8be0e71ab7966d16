//! Files that appear complete or not at all.
//!
//! All content is first written to a temporary folder beside its destination; only when it is complete do the files
//! get their names. An existing file is replaced only on request, and then keeps its mode and owner.
//!
//! A link is followed: the file that it leads to is replaced. One that leads nowhere is itself replaced, and one that
//! somebody else made is refused.

mod workshop;

use std::{
    error,
    ffi::{CString, OsStr},
    fmt, fs,
    io::{self, BufWriter, Write},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use anyhow::{Error, Result, anyhow};
use rustix::{
    fs::{AtFlags, CWD, unlinkat},
    process::geteuid,
};

use crate::{
    text::visible_path,
    weights::{BeforeTheEnd, before_the_end},
};
use workshop::{StagingFolder, Unnamed};

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
    staged: Vec<Staged>,
    /// By destination folder; usually one, unless files are links.
    workshops: Vec<(PathBuf, StagingFolder)>,
    /// Folders that were made for the files, from the outermost in; those that stay empty are removed.
    made: Vec<MadeFolder>,
}

struct MadeFolder {
    path: PathBuf,
    _at_the_end: BeforeTheEnd,
}

impl MadeFolder {
    /// None if another program has made it meanwhile.
    fn make(path: &Path) -> io::Result<Option<Self>> {
        // A path that the handler need not copy. One that holds files stays.
        let copy = CString::new(path.as_os_str().as_bytes())?;
        let remove = move || {
            let _ = unlinkat(CWD, &copy, AtFlags::REMOVEDIR);
        };
        // Registered before it is made, so that no signal comes between.
        let at_the_end = before_the_end(remove);
        match fs::create_dir(path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            made => made.map(|()| Some(Self { path: path.to_owned(), _at_the_end: at_the_end })),
        }
    }
}

/// A complete file and its destination.
struct Staged {
    file: Unnamed,
    target: PathBuf,
    /// The index of its folder among the workshops.
    workshop: usize,
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
        Ok(Self { is_forced, staged: vec![], workshops: vec![], made: vec![] })
    }

    /// Creates a folder and its missing parents.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn make_folder(&mut self, path: &Path) -> Result<()> {
        let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
        let refused = |e| {
            let path = visible_path(path);
            anyhow!("the folder {path} cannot be made; {}; choose another with --out", reason(&e))
        };
        for folder in missing.into_iter().rev() {
            self.made.extend(MadeFolder::make(folder).map_err(refused)?);
        }
        // As the system says it if there is something else of that name.
        fs::create_dir_all(path).map_err(refused)
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
        let target = followed(path).map_err(failed)?;
        let workshop = self.workshop(folder(&target)).map_err(failed)?;
        let beside = &mut self.workshops[workshop].1;
        let (unnamed, file) = beside.file().map_err(failed)?;
        let mut out = BufWriter::new(&file);
        content(&mut out).and_then(|()| out.flush()).map_err(failed)?;
        drop(out);
        if self.is_forced {
            beside.keep_mode(&file, name(&target)).map_err(failed)?;
        }
        self.staged.push(Staged { file: unnamed, target, workshop });
        Ok(())
    }

    /// The index of the folder beside a destination.
    fn workshop(&mut self, beside: &Path) -> io::Result<usize> {
        let known = self.workshops.iter().position(|(folder, _)| folder == beside);
        if known.is_none() {
            self.workshops.push((beside.to_owned(), StagingFolder::beside(beside)?));
        }
        Ok(known.unwrap_or(self.workshops.len() - 1))
    }

    /// Gives every file its name. If one fails, those before it are removed again.
    ///
    /// # Errors
    /// If a file has appeared meanwhile, or the folder refuses.
    pub fn finish(self) -> Result<()> {
        let n_files = self.staged.len();
        for (n_new, Staged { file, target, workshop }) in self.staged.iter().enumerate() {
            let beside = &self.workshops[*workshop].1;
            let Err(e) = beside.name(file, name(target), self.is_forced) else { continue };
            if !self.is_forced {
                self.take_back(n_new);
            }
            let why = if e.kind() == io::ErrorKind::AlreadyExists {
                exists(target)
            } else {
                cannot_write(target, &e)
            };
            return Err(if self.is_forced && n_new > 0 {
                anyhow!("{why}; {n_new} of {n_files} files are new, the others are as they were")
            } else {
                why
            });
        }
        Ok(())
    }

    /// Removes the first files that were given their names, except those that were replaced meanwhile.
    fn take_back(&self, n: usize) {
        for Staged { file, target, workshop } in &self.staged[..n] {
            self.workshops[*workshop].1.take_back(name(target), file.identity);
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.workshops.clear();
        for folder in self.made.iter().rev() {
            // One that holds files stays.
            let _ = fs::remove_dir(&folder.path);
        }
    }
}

/// The file that is meant: what a link of this user leads to.
fn followed(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() && there.uid() == geteuid().as_raw() => {
            match fs::canonicalize(path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
                target => target,
            }
        }
        _ => Ok(path.to_owned()),
    }
}

fn name(path: &Path) -> &Path {
    Path::new(path.file_name().unwrap_or(OsStr::new("")))
}

fn may_write(path: &Path, is_forced: bool) -> Result<()> {
    let link = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_symlink);
    if link.as_ref().is_some_and(|link| link.uid() != geteuid().as_raw()) {
        let what = format!("{} is a link that somebody else made", visible_path(path));
        return Err(WriteError { what, remedy: "choose another place with --out" }.into());
    }
    match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound && (link.is_none() || is_forced) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let what =
                format!("{} is a link that leads nowhere; nothing was written", visible_path(path));
            Err(WriteError { what, remedy: "pass --force to replace the link" }.into())
        }
        Err(e) => Err(cannot_write(path, &e)),
        Ok(there) if there.is_dir() => {
            let what = format!("{} is a folder; give a file", visible_path(path));
            Err(WriteError { what, remedy: "add a name to it" }.into())
        }
        Ok(there) if !there.is_file() => {
            let what =
                format!("{} is not a regular file, and would be replaced", visible_path(path));
            Err(WriteError { what, remedy: "pass --out - and redirect the output" }.into())
        }
        Ok(_) if is_forced => Ok(()),
        Ok(_) => Err(exists(path)),
    }
}

fn exists(path: &Path) -> Error {
    let what = format!("{} exists; nothing was written", visible_path(path));
    WriteError { what, remedy: "pass --force to replace it" }.into()
}

fn cannot_write(path: &Path, e: &io::Error) -> Error {
    let what = format!("{} cannot be written; {}", visible_path(path), reason(e));
    WriteError { what, remedy: "choose another place with --out" }.into()
}

/// The text of an error without its number: `permission denied`.
pub fn reason(e: &io::Error) -> String {
    let text = e.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
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

    #[test]
    fn folders_made_for_files_stay_only_with_them() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (there, new) = (folder.path().join("there"), folder.path().join("there/a/b"));
        fs::create_dir(&there)?;
        let path = new.join("a.txt");
        let mut files = Files::new([path.as_path()], false)?;
        files.make_folder(&new)?;
        assert!(files.stage(&path, |_| Err(io::Error::other("disk full"))).is_err());
        drop(files);
        assert_eq!(fs::read_dir(&there)?.count(), 0);
        let mut files = Files::new([path.as_path()], false)?;
        files.make_folder(&new)?;
        files.stage(&path, |out| out.write_all(b"a"))?;
        files.finish()?;
        assert_eq!(fs::read_to_string(&path)?, "a");
        Ok(())
    }

    #[test]
    fn a_file_that_was_replaced_meanwhile_is_not_taken_back() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let [a, b] = ["a.txt", "b.txt"].map(|name| folder.path().join(name));
        let mut files = Files::new([a.as_path(), b.as_path()], false)?;
        for path in [&a, &b] {
            files.stage(path, |out| out.write_all(b"ours"))?;
            let staged = &files.staged[files.staged.len() - 1];
            files.workshops[0].1.name(&staged.file, name(path), false)?;
        }
        write(&a, "theirs", true)?;
        files.take_back(2);
        assert_eq!((fs::read_to_string(&a)?.as_str(), b.exists()), ("theirs", false));
        Ok(())
    }

    #[test]
    fn force_keeps_the_mode_of_a_file_and_says_what_it_does_with_links() -> Result<()> {
        use std::os::unix::fs::{PermissionsExt, lchown, symlink};
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        for mode in [0o600, 0o640, 0o755, 0o444] {
            fs::write(at("a.txt"), "old")?;
            fs::set_permissions(at("a.txt"), fs::Permissions::from_mode(mode))?;
            write(&at("a.txt"), "new", true)?;
            assert_eq!(fs::metadata(at("a.txt"))?.permissions().mode() & 0o7777, mode);
            fs::remove_file(at("a.txt"))?;
        }
        fs::create_dir(at("there"))?;
        fs::write(at("there/b.txt"), "old")?;
        symlink("there/b.txt", at("link"))?;
        write(&at("link"), "new", true)?;
        assert!(at("link").is_symlink() && fs::read_to_string(at("there/b.txt"))? == "new");
        symlink("nowhere", at("dangling"))?;
        let refused = write(&at("dangling"), "new", false).unwrap_err().to_string();
        assert!(refused.contains("leads nowhere") && refused.contains("--force"), "{refused}");
        write(&at("dangling"), "new", true)?;
        assert!(!at("dangling").is_symlink() && !at("nowhere").exists());
        if lchown(at("link"), Some(65534), None).is_ok() {
            let refused = write(&at("link"), "newer", true).unwrap_err().to_string();
            assert!(refused.contains("somebody else"), "{refused}");
            assert_eq!(fs::read_to_string(at("there/b.txt"))?, "new");
        }
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
