//! Exports lose nothing: files appear whole or not at all, however the command ends.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use lookback::{
    export::FORMATS,
    lesson::{Language, Lesson},
};

const BIN: &str = env!("CARGO_BIN_EXE_lookback");

fn export(args: &[&str], out: &Path) -> Command {
    let mut command = Command::new(BIN);
    command.args(["export", "--no-config", "The dog sleeps.", "--out"]).arg(out).args(args);
    command
}

/// Every file under its name, and the folders that are there, without a content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    entries.map(|path| (name(&path), fs::read(&path).unwrap_or_default())).collect()
}

#[track_caller]
fn refused(outcome: &Output, code: i32, parts: &[&str]) {
    let message = String::from_utf8_lossy(&outcome.stderr);
    assert_eq!(outcome.status.code(), Some(code), "{message}");
    assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[test]
fn a_signal_ends_it_with_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let child = export(&["--format", "txt,ansi,cast", "--size", "300x200"], folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A temporary folder shows that it is at work.
    while files(folder.path()).is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    assert!(
        Command::new("sh")
            .args(["-c", &format!("kill -s INT {}", child.id())])
            .status()
            .unwrap()
            .success()
    );
    let outcome = child.wait_with_output().unwrap();
    assert_eq!(outcome.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&outcome.stderr).contains("stopped"));
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_full_disk_is_named_and_earlier_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("walk.cast"), "ours").unwrap();
    // No file may grow beyond 512 kB: as a full disk, the writer is refused half way.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec {BIN} export --no-config 'The dog sleeps.' --format txt,cast \
         --size 200x60 --force --out {}",
        folder.path().display()
    );
    let outcome = Command::new("sh").args(["-c", &script]).output().unwrap();
    refused(&outcome, 1, &["cannot be written", "file too large", "--out"]);
    assert_eq!(files(folder.path()), BTreeMap::from([("walk.cast".into(), b"ours".to_vec())]));
}

#[test]
fn standard_output_that_is_full_is_an_error() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let outcome = export(&["--steps", "tokens"], Path::new("-")).stdout(full).output().unwrap();
    refused(&outcome, 1, &["no space left"]);
}

#[test]
fn places_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "ours").unwrap();
    let one = ["--steps", "tokens"];
    refused(&export(&one, &file.join("frames")).output().unwrap(), 1, &["file/frames", "--out"]);
    let long = folder.path().join(format!("{}.txt", "n".repeat(300)));
    refused(&export(&one, &long).output().unwrap(), 1, &["nnn", "name too long"]);
    refused(&export(&one, Path::new("/proc/none")).output().unwrap(), 1, &["/proc/none"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "ours");
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn files_that_exist_stay_unless_they_are_to_go() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("004-embedding.txt");
    fs::write(&there, "ours").unwrap();
    let args = ["--steps", "chapter:0", "--format", "ansi,txt"];
    refused(&export(&args, folder.path()).output().unwrap(), 1, &["004-embedding.txt", "--force"]);
    assert_eq!(files(folder.path()).len(), 1);
    let outcome = export(&[&args[..], &["--force"]].concat(), folder.path()).output().unwrap();
    assert!(outcome.status.success());
    assert_eq!(files(folder.path()).len(), 10);
    assert!(fs::read_to_string(&there).unwrap().len() > 100);
}

#[test]
fn the_bytes_do_not_depend_on_the_run_or_the_threads() {
    let made = |threads: &str| {
        let folder = tempfile::tempdir().unwrap();
        let all = FORMATS.iter().map(|format| format.id).collect::<Vec<_>>().join(",");
        let args = ["--format", &all, "--steps", "chapter:0..1", "--threads", threads];
        assert!(export(&args, folder.path()).status().unwrap().success());
        files(folder.path())
    };
    let once = made("1");
    assert!(once.len() > 10);
    for threads in ["1", "2", "5"] {
        assert!(made(threads) == once, "{threads} threads");
    }
}

#[test]
fn a_list_is_what_would_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--format", "cast,txt", "--steps", "chapter:0,*softmax*"];
    let listed = export(&[&args[..], &["--list"]].concat(), folder.path()).output().unwrap();
    assert!(files(folder.path()).is_empty());
    assert!(export(&args, folder.path()).status().unwrap().success());
    let listed = String::from_utf8(listed.stdout).unwrap();
    let name = |line: &str| line.split('\t').next()?.rsplit('/').next().map(str::to_owned);
    let listed: Vec<String> = listed.lines().map(|line| name(line).unwrap()).collect();
    assert!(listed.iter().eq(files(folder.path()).keys()));
}

#[test]
fn the_name_of_a_file_chooses_its_form() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let one = ["--steps", "tokens"];
    let made = |args: &[&str], name: &str| {
        let done = export(args, &at(name)).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        fs::read(at(name)).unwrap()
    };
    assert!(made(&one, "my.slide.PNG").starts_with(b"\x89PNG"));
    assert!(made(&one, "a.svg").starts_with(b"<svg"));
    assert!(made(&one, "a.cast").starts_with(b"{"));
    assert!(String::from_utf8(made(&one, "b.v3.cast")).unwrap().contains("\"version\":2"));
    assert!(made(&["--steps", "tokens", "--format", "ansi"], "c.ansi").contains(&0x1b));
    refused(&export(&one, &at("a.jpg")).output().unwrap(), 2, &["a.jpg", "svg, png", "--format"]);
    refused(&export(&one, &at("a.pdf")).output().unwrap(), 2, &["a.pdf", "html", "print"]);
    let other = ["--steps", "tokens", "--format", "png"];
    refused(&export(&other, &at("b.svg")).output().unwrap(), 2, &["b.svg", "svg", "png"]);
    let n_files = format!("{} files", Lesson::embedded(Language::English).unwrap().steps().len());
    refused(&export(&[], &at("c.png")).output().unwrap(), 2, &["c.png", &n_files]);
    // A folder may be called anything.
    fs::create_dir(at("v1.2")).unwrap();
    assert!(export(&one, &at("v1.2")).status().unwrap().success());
    assert!(at("v1.2/003-tokens.txt").exists());
}
