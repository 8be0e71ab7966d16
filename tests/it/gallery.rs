//! The pictures of the README are what the program draws now.
//!
//! `LOOKBACK_GALLERY=update cargo test --test it gallery::` draws them anew.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const FOLDER: &str = "assets/gallery";

/// Runs a line of the list in an empty folder; gives the file that it says.
fn made(line: &str, folder: &Path) -> Vec<u8> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_lookback"));
    let path = env::join_paths(
        [program.parent().unwrap().to_owned()]
            .into_iter()
            .chain(env::split_paths(&env::var_os("PATH").unwrap())),
    );
    let done = Command::new("sh")
        .args(["-ec", &format!("{line} --no-config --force")])
        .current_dir(folder)
        .env("PATH", path.unwrap())
        .env("LC_ALL", "C")
        .env_remove("NO_COLOR")
        .output()
        .unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    fs::read(folder.join(name(line))).unwrap()
}

/// What stands last in a line.
fn name(line: &str) -> &str {
    line.rsplit(' ').next().unwrap()
}

#[test]
fn the_gallery_is_current_and_the_readme_shows_it() {
    let commands = fs::read_to_string(format!("{FOLDER}/commands")).unwrap();
    let readme = fs::read_to_string("README.md").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let is_update = env::var("LOOKBACK_GALLERY").is_ok_and(|what| what == "update");
    for line in commands.lines() {
        let (made, path) = (made(line, folder.path()), name(line));
        if is_update {
            fs::write(path, made).unwrap();
            continue;
        }
        assert!(
            fs::read(path).unwrap_or_default() == made,
            "{path} is not what `{line}` draws now"
        );
        assert!(readme.contains(line), "the README does not show `{line}`");
    }
    let files = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|file| !file.ends_with("commands")) {
        let path = file.to_string_lossy().into_owned();
        assert!(commands.contains(&path), "{path} is in no command");
    }
}
