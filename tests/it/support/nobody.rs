//! The program as somebody who may do little: root may write everywhere, and have any number of threads.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::geteuid;
use tempfile::TempDir;

pub struct Nobody {
    /// A folder that everybody may enter, with the program in it.
    place: TempDir,
    /// Whom root becomes; others stay who they are.
    user: Option<u32>,
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

impl Nobody {
    /// As the user of this number; None where root cannot become somebody else.
    pub fn new(user: u32) -> Option<Self> {
        let place =
            tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir();
        let nobody = Self { place: place.unwrap(), user: geteuid().is_root().then_some(user) };
        fs::copy(env!("CARGO_BIN_EXE_lookback"), nobody.program()).unwrap();
        set_mode(&nobody.program(), 0o755);
        let done = nobody.command("true", &["--version"]).output();
        let can = done.is_ok_and(|done| done.status.success());
        if !can {
            eprintln!("skipped: the program cannot be run as somebody else");
        }
        can.then_some(nobody)
    }

    fn program(&self) -> PathBuf {
        self.place.path().join("lookback")
    }

    /// A new folder of theirs with this mode.
    pub fn folder(&self, name: &str, mode: u32) -> PathBuf {
        let folder = self.place.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        chown(&folder, self.user, None).unwrap();
        set_mode(&folder, mode);
        folder
    }

    /// The words of a command: a line of bash, and then the program.
    pub fn words(&self, before: &str, args: &[&str]) -> Vec<String> {
        let user = self.user.map(|user| user.to_string());
        let user = user.iter().flat_map(|user| {
            ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"].map(str::to_owned)
        });
        let script = format!("{before}; exec \"$0\" \"$@\"");
        let program = self.program().to_string_lossy().into_owned();
        let bash = ["bash".to_owned(), "-c".to_owned(), script, program];
        user.chain(bash).chain(args.iter().map(|&arg| arg.to_owned())).collect()
    }

    pub fn command(&self, before: &str, args: &[&str]) -> Command {
        let words = self.words(before, args);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }
}
