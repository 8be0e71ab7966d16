//! A hidden temporary folder beside the destination, removed when the files have their names.
//!
//! A run that is ended by a fatal signal removes its folder; one that is killed leaves it behind. A running one holds a
//! lock on its folder, so that the next run can tell, and removes what runs that have ended left.
//!
//! Others may be able to write beside the destination. So the destination and the folder are opened once, the folder
//! without following a link, and all else is relative to what is open; nobody else may enter the folder, and nobody can
//! guess its name. Only folders of this user are cleared away, and in them only files that have the names of ours.

use std::{
    fs::File,
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::{
    fs::{
        AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat, fchmod, fchown,
        flock, fstat, linkat, mkdirat, openat, renameat, renameat_with, statat, unlinkat,
    },
    io::Errno,
    process::geteuid,
};

use crate::{
    ui::memory::open_folder,
    weights::{BeforeTheEnd, before_the_end},
};

const PREFIX: &str = ".lookback-";
const SUFFIX: &str = ".part";

/// What the names of files end with before they get their own.
const UNNAMED: &str = ".unnamed";

/// What distinguishes a file from another with the same name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    fn of(file: impl AsFd) -> io::Result<Self> {
        Ok(fstat(file)?.into())
    }
}

impl From<Stat> for FileIdentity {
    fn from(found: Stat) -> Self {
        Self { device: found.st_dev, inode: found.st_ino }
    }
}

/// A complete file that has no name of its own yet.
pub struct Unnamed {
    name: String,
    pub identity: FileIdentity,
}

pub struct StagingFolder {
    at: Arc<StagingPlace>,
    _at_the_end: BeforeTheEnd,
}

/// Where a folder is, and how many files were made in it.
struct StagingPlace {
    destination: Arc<OwnedFd>,
    name: String,
    /// Locked while it is open; empty until the folder is made.
    folder: OnceLock<OwnedFd>,
    n_files: AtomicUsize,
}

impl StagingPlace {
    /// The name of the file of this number, in `name`.
    fn unnamed(i: usize, name: &mut [u8; 32]) -> &[u8] {
        let mut rest = &mut name[..];
        // There is room for every number.
        let _ = write!(rest, "{i}{UNNAMED}");
        let n_left = rest.len();
        &name[..name.len() - n_left]
    }

    /// Removes the folder from a signal's handler: without an allocation, so it is not listed, but its files are counted.
    /// Another thread may make some meanwhile.
    fn discard(&self) {
        for _ in 0..100 {
            self.discard_files();
            if !self.is_there() || self.remove_folder().is_ok() {
                return;
            }
        }
    }

    fn discard_files(&self) {
        let Some(folder) = self.folder.get() else { return };
        for i in 0..self.n_files.load(Ordering::SeqCst) {
            let name = &mut [0; 32];
            let _ = unlinkat(folder, Self::unnamed(i, name), AtFlags::empty());
        }
    }

    /// Whether the name stands for this folder; one that is made but not yet open has a name that nobody can guess.
    fn is_there(&self) -> bool {
        let is = |folder: &OwnedFd| is_there(self.destination.as_fd(), &self.name, folder.as_fd());
        self.folder.get().is_none_or(is)
    }

    fn remove_folder(&self) -> rustix::io::Result<()> {
        unlinkat(&*self.destination, &self.name, AtFlags::REMOVEDIR)
    }
}

impl StagingFolder {
    /// # Errors
    /// If no folder can be made there.
    pub fn beside(destination: &Path) -> io::Result<Self> {
        let destination = Arc::new(open_folder(destination)?);
        clear(destination.as_fd());
        loop {
            // Another run may have removed it as left behind before it was locked.
            if let Some(folder) = Self::new(Arc::clone(&destination))? {
                return Ok(folder);
            }
        }
    }

    /// A locked folder; none if another run has removed it meanwhile.
    fn new(destination: Arc<OwnedFd>) -> io::Result<Option<Self>> {
        let name = format!("{PREFIX}{:016x}{:016x}{SUFFIX}", random(), random());
        let (folder, n_files) = (OnceLock::new(), AtomicUsize::new(0));
        let at = Arc::new(StagingPlace { destination, name, folder, n_files });
        let there = Arc::clone(&at);
        // Registered before it is made, so that no signal comes between.
        let at_the_end = before_the_end(move || there.discard());
        mkdirat(&*at.destination, &at.name, Mode::RWXU)?;
        let folder = match open_own(at.destination.as_fd(), &at.name) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            folder => folder?,
        };
        // Without file locks, nothing is removed.
        let _ = flock(&folder, FlockOperation::LockExclusive);
        let _ = at.folder.set(folder);
        Ok(at.is_there().then_some(Self { at, _at_the_end: at_the_end }))
    }

    fn folder(&self) -> BorrowedFd<'_> {
        self.at.folder.get().expect("a folder is open once it is made").as_fd()
    }

    /// A new file with the default permissions.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn file(&mut self) -> io::Result<(Unnamed, File)> {
        let n_before = self.at.n_files.fetch_add(1, Ordering::SeqCst);
        let name = format!("{n_before}{UNNAMED}");
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(self.folder(), &name, flags, Mode::from_raw_mode(0o666))?;
        Ok((Unnamed { name, identity: FileIdentity::of(&file)? }, File::from(file)))
    }

    /// Gives a file the mode and the owner of the one that it will replace, and its group as far as the system allows.
    ///
    /// # Errors
    /// If the mode cannot be set, or the file is another user's and would become this one's.
    pub fn keep_mode(&self, file: &File, replaced: &Path) -> io::Result<()> {
        let Ok(there) = statat(&*self.at.destination, replaced, AtFlags::SYMLINK_NOFOLLOW) else {
            return Ok(());
        };
        if FileType::from_raw_mode(there.st_mode) != FileType::RegularFile {
            return Ok(());
        }
        let (owner, group) =
            (rustix::fs::Uid::from_raw(there.st_uid), rustix::fs::Gid::from_raw(there.st_gid));
        if owner != geteuid() {
            let theirs = |_| io::Error::other("it belongs to another user, and would be yours");
            fchown(file, Some(owner), None).map_err(theirs)?;
        }
        let has_group = fchown(file, None, Some(group)).is_ok();
        // A group that is another than before gets nothing.
        let kept = if has_group { 0o777 } else { 0o707 };
        Ok(fchmod(file, Mode::from_raw_mode(there.st_mode & kept))?)
    }

    /// Gives a file its name in the destination.
    ///
    /// # Errors
    /// If the folder refuses, or there is such a file that may not be replaced.
    pub fn name(&self, file: &Unnamed, name: &Path, replaces: bool) -> io::Result<()> {
        let (from, to) = (self.folder(), &*self.at.destination);
        if replaces {
            return Ok(renameat(from, &file.name, to, name)?);
        }
        match renameat_with(from, &file.name, to, name, RenameFlags::NOREPLACE) {
            // Not every file system can do that.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                linkat(from, &file.name, to, name, AtFlags::empty())?;
                Ok(unlinkat(from, &file.name, AtFlags::empty())?)
            }
            named => Ok(named?),
        }
    }

    /// Removes a file that was given this name, unless it was replaced meanwhile.
    pub fn take_back(&self, name: &Path, made: FileIdentity) {
        let there = statat(&*self.at.destination, name, AtFlags::SYMLINK_NOFOLLOW);
        if there.is_ok_and(|there| FileIdentity::from(there) == made) {
            let _ = unlinkat(&*self.at.destination, name, AtFlags::empty());
        }
    }
}

impl Drop for StagingFolder {
    fn drop(&mut self) {
        // A folder that cannot be removed stays; it does no harm.
        let _ = remove(self.at.destination.as_fd(), &self.at.name, self.folder());
    }
}

/// Half of a name that nobody can guess: the standard library seeds its hashes from the system's random numbers.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Opens a folder of this user, never through a link.
fn open_own(parent: BorrowedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let folder = openat(parent, name, flags, Mode::empty())?;
    if fstat(&folder)?.st_uid != geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(folder)
}

/// Whether a name still stands for an open folder.
fn is_there(parent: BorrowedFd, name: &str, folder: BorrowedFd) -> bool {
    let found = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
    found.is_ok_and(|found| FileIdentity::of(folder).is_ok_and(|is| is == found.into()))
}

/// Removes folders left there by runs that have ended.
fn clear(destination: BorrowedFd) {
    let Ok(entries) = Dir::read_from(destination) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            let _ = clear_away(destination, &name);
        }
    }
}

fn clear_away(destination: BorrowedFd, name: &str) -> io::Result<()> {
    let folder = open_own(destination, name)?;
    flock(&folder, FlockOperation::NonBlockingLockExclusive)?;
    remove(destination, name, folder.as_fd())
}

/// Removes the files of ours in a folder, and the folder if it is then empty; one with other files stays as it is.
fn remove(destination: BorrowedFd, name: &str, folder: BorrowedFd) -> io::Result<()> {
    let mut files = vec![];
    for entry in Dir::read_from(folder)? {
        let file = entry?.file_name().to_owned();
        let shown = file.to_string_lossy();
        let number = shown.strip_suffix(UNNAMED);
        match number {
            _ if shown == "." || shown == ".." => {}
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => files.push(file),
            _ => return Ok(()),
        }
    }
    for file in files {
        unlinkat(folder, file, AtFlags::empty())?;
    }
    if is_there(destination, name, folder) {
        unlinkat(destination, name, AtFlags::REMOVEDIR)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    fn names(folder: &Path) -> Vec<String> {
        let name =
            |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_run_left_is_cleared_away_and_nothing_else() -> io::Result<()> {
        let here = tempfile::tempdir()?;
        let at = |name: &str| here.path().join(name);
        for left in [".lookback-1.part", ".lookback-2.part", ".lookback-3.part", ".lookback-notes"]
        {
            fs::create_dir(at(left))?;
            fs::write(at(left).join("0.unnamed"), "half")?;
        }
        fs::create_dir(at(".lookback-2.part/mine"))?;
        // A folder of ours that somebody gave such a name.
        fs::write(at(".lookback-3.part/thesis.tex"), "mine")?;
        fs::write(at(".lookback-4.part"), "a file")?;
        let mut at_work = StagingFolder::beside(here.path())?;
        let file = at_work.file()?;
        let other = StagingFolder::beside(here.path())?;
        assert!(at(&at_work.at.name).join(&file.0.name).exists(), "a run at work keeps its files");
        drop((at_work, other));
        let kept = [".lookback-2.part", ".lookback-3.part", ".lookback-4.part", ".lookback-notes"];
        assert_eq!(names(here.path()), kept);
        assert_eq!(names(&at(".lookback-2.part")), ["0.unnamed", "mine"]);
        assert_eq!(names(&at(".lookback-3.part")), ["0.unnamed", "thesis.tex"]);
        Ok(())
    }

    /// Somebody puts a link in the place of the folder that is cleared away, or of one that is at work.
    #[test]
    fn nothing_behind_a_link_is_touched() -> io::Result<()> {
        let [here, elsewhere] = [tempfile::tempdir()?, tempfile::tempdir()?];
        fs::write(elsewhere.path().join("0.unnamed"), "mine")?;
        symlink(elsewhere.path(), here.path().join(".lookback-1.part"))?;
        let mut folder = StagingFolder::beside(here.path())?;
        let path = here.path().join(&folder.at.name);
        fs::rename(&path, here.path().join("moved"))?;
        symlink(elsewhere.path(), &path)?;
        let (unnamed, _file) = folder.file()?;
        folder.name(&unnamed, Path::new("a.txt"), false)?;
        folder.file()?;
        drop(folder);
        assert_eq!(names(elsewhere.path()), ["0.unnamed"]);
        assert!(here.path().join("a.txt").exists() && path.is_symlink());
        Ok(())
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() -> io::Result<()> {
        let here = tempfile::tempdir()?;
        let path = here.path().join(".lookback-1.part");
        fs::create_dir(&path)?;
        fs::write(path.join("0.unnamed"), "theirs")?;
        if std::os::unix::fs::chown(&path, Some(65534), None).is_err() {
            return Ok(());
        }
        drop(StagingFolder::beside(here.path())?);
        assert_eq!(names(&path), ["0.unnamed"]);
        Ok(())
    }

    #[test]
    fn names_cannot_be_guessed_and_nobody_else_may_enter() -> io::Result<()> {
        let here = tempfile::tempdir()?;
        let [a, b] = [StagingFolder::beside(here.path())?, StagingFolder::beside(here.path())?];
        let [x, y] =
            [&a, &b].map(|f| f.at.name[PREFIX.len()..].trim_end_matches(SUFFIX).to_owned());
        assert!(x.len() == 32 && x != y && x[..16] != x[16..] && x[..16] != y[..16]);
        assert_eq!(fstat(a.folder())?.st_mode & 0o777, 0o700);
        Ok(())
    }

    #[test]
    fn runs_that_begin_at_once_leave_each_other_alone() -> io::Result<()> {
        let here = tempfile::tempdir()?;
        std::thread::scope(|scope| {
            let begin = || {
                for _ in 0..100 {
                    let mut workshop = StagingFolder::beside(here.path()).unwrap();
                    assert!(workshop.file().is_ok());
                }
            };
            for _ in 0..4 {
                scope.spawn(begin);
            }
        });
        assert!(names(here.path()).is_empty());
        Ok(())
    }
}
