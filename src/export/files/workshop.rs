//! A hidden temporary folder beside the destination, removed when the files have their names.
//!
//! A killed run leaves its folder behind. A running one holds a lock on its folder, so that the next run can tell, and
//! removes folders that are not locked.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use tempfile::{Builder, NamedTempFile, TempDir};

const PREFIX: &str = ".lookback-";
const SUFFIX: &str = ".part";

pub struct StagingFolder {
    folder: TempDir,
    /// Held while the folder exists.
    _lock: File,
}

impl StagingFolder {
    /// # Errors
    /// If no folder can be made there.
    pub fn beside(destination: &Path) -> io::Result<Self> {
        clear(destination);
        loop {
            let folder = Builder::new().prefix(PREFIX).suffix(SUFFIX).tempdir_in(destination)?;
            let Ok(lock) = File::open(folder.path()) else { continue };
            // Without file locks, nothing is removed.
            let _ = lock.lock();
            // Another run may have locked it first and removed it as left behind.
            if folder.path().exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    /// A new file with the default permissions.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn file(&self) -> io::Result<NamedTempFile> {
        let mut builder = Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(self.folder.path())
    }
}

/// Removes folders left there by runs that have ended.
fn clear(destination: &Path) {
    let entries = fs::read_dir(destination).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|n| n.starts_with(PREFIX) && n.ends_with(SUFFIX));
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // A folder that cannot be removed stays; it does no harm.
            let _ = clear_away(&entry.path());
        }
    }
}

/// Removes the folder's files, and the folder if it is then empty.
fn clear_away(folder: &Path) -> io::Result<()> {
    let lock = File::open(folder)?;
    lock.try_lock()?;
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name =
            |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(folder).unwrap().map(name).collect()
    }

    #[test]
    fn what_a_killed_run_left_is_cleared_away_and_nothing_else() -> io::Result<()> {
        let here = tempfile::tempdir()?;
        let at = |name: &str| here.path().join(name);
        for left in [".lookback-1.part", ".lookback-2.part", ".lookback-notes"] {
            fs::create_dir(at(left))?;
            fs::write(at(left).join("x"), "half")?;
        }
        fs::create_dir(at(".lookback-2.part/mine"))?;
        fs::write(at(".lookback-3.part"), "a file")?;
        let at_work = StagingFolder::beside(here.path())?;
        let file = at_work.file()?;
        let other = StagingFolder::beside(here.path())?;
        assert!(file.path().exists(), "a run at work keeps its files");
        drop((file, at_work, other));
        let mut left = names(here.path());
        left.sort();
        assert_eq!(left, [".lookback-2.part", ".lookback-3.part", ".lookback-notes"]);
        assert!(at(".lookback-2.part/mine").exists() && at(".lookback-notes/x").exists());
        Ok(())
    }

    #[test]
    fn runs_that_begin_at_once_leave_each_other_alone() -> io::Result<()> {
        let here = tempfile::tempdir()?;
        std::thread::scope(|scope| {
            let begin = || {
                for _ in 0..100 {
                    let workshop = StagingFolder::beside(here.path()).unwrap();
                    assert!(workshop.file().unwrap().path().exists());
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
