//! Whatever happens to an export, no file is half there under its name, and none that was there before is
//! harmed: killed, on a full disk, where nothing may be written, and two at once.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    nobody::{Nobody, set_mode},
    rng::Random,
};

const BIN: &str = env!("CARGO_BIN_EXE_lookback");

/// How many exports are killed, and the variable for another number.
const KILLS: (usize, &str) = (20, "LOOKBACK_KILLS");

/// Forms and steps: many small files, large ones, and all together.
const JOBS: [&[&str]; 8] = [
    &["export", "--format", "png", "--steps", "1..6"],
    &["export", "--format", "svg,txt", "--steps", "1..10"],
    &["export", "--format", "gif", "--steps", "1..4"],
    &["export", "--format", "apng", "--steps", "1..4"],
    &["export", "--format", "html,cast", "--steps", "1..10"],
    &["export", "--format", "html,cast", "--steps", "1..4"],
    &["export", "--format", "ansi,png,gif,html", "--steps", "1..3"],
    &["trace", "--format", "npz", "--model", "all"],
];

/// What the folder's name begins and ends with in which files are made.
const HIDDEN: (&str, &str) = (".lookback-", ".part");

type Files = BTreeMap<String, Vec<u8>>;

/// A job in a folder; a trace has one file there.
fn job(args: &[&str], sentence: &str, folder: &Path) -> Command {
    let mut command = Command::new(BIN);
    command.args(args).args(["--no-config", sentence, "--out"]);
    command.arg(if args[0] == "trace" { folder.join("pass") } else { folder.to_owned() });
    command.stderr(Stdio::piped());
    command
}

const SENTENCE: &str = "The dog sleeps.";

/// Every file under its name, and the folders that are there, without a content.
fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    entries.map(|path| (name(&path), fs::read(&path).unwrap_or_default())).collect()
}

/// What a job writes when nothing happens to it, and how long that takes. Each job is done once for all tests.
fn undisturbed(args: &'static [&str], sentence: &'static str) -> &'static (Files, Duration) {
    type Done = OnceLock<(Files, Duration)>;
    static DONE: Mutex<BTreeMap<(&[&str], &str), &'static Done>> = Mutex::new(BTreeMap::new());
    let done =
        *DONE.lock().unwrap().entry((args, sentence)).or_insert_with(|| Box::leak(Box::default()));
    done.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let start = Instant::now();
        let done = job(args, sentence, folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        (files(folder.path()), start.elapsed())
    })
}

/// Every name with a content of before.
fn earlier<'a>(names: impl Iterator<Item = &'a String>) -> Files {
    names.map(|name| (name.clone(), format!("what {name} was before").into_bytes())).collect()
}

fn put(files: &Files, folder: &Path) {
    for (name, content) in files {
        fs::write(folder.join(name), content).unwrap();
    }
}

/// That every file is as before, or whole and new; what is left over has a name of ours.
#[track_caller]
fn unharmed(folder: &Path, before: &Files, new: &Files, what: &str) -> bool {
    let there = files(folder);
    for (name, content) in before {
        let now = there.get(name).unwrap_or_else(|| panic!("{what}: {name} is gone"));
        assert!(now == content || Some(now) == new.get(name), "{what}: {name} is harmed");
    }
    let mut is_clean = true;
    for (name, content) in there.iter().filter(|(name, _)| !before.contains_key(*name)) {
        if name.starts_with(HIDDEN.0) && name.ends_with(HIDDEN.1) {
            is_clean = false;
        } else {
            assert!(new.get(name) == Some(content), "{what}: {name} is not whole");
        }
    }
    is_clean
}

fn kill(child: &Child, signal: &str) {
    let kill = format!("kill -s {signal} {}", child.id());
    let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
}

#[test]
fn killed_at_any_moment_no_file_is_half_there_and_none_is_harmed() {
    let (usual, variable) = KILLS;
    let n_kills = std::env::var(variable).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let known = JOBS.map(|args| undisturbed(args, SENTENCE));
    let (mut n_killed, mut n_left, mut n_some) = (0, 0, 0);
    // Some have ended before their moment comes.
    for i in 0..n_kills * 10 {
        if n_killed == n_kills {
            break;
        }
        let mut random = Random(i as u64);
        let (args, (new, time)) = (JOBS[i % JOBS.len()], known[i % JOBS.len()]);
        let folder = tempfile::tempdir().unwrap();
        // Files of others; and, to be replaced, of the same names.
        let is_forced = random.below(2) == 0;
        let mut before = earlier([String::from("notes.txt"), String::from(".lookback")].iter());
        if is_forced {
            before.extend(earlier(new.keys().filter(|_| random.below(2) == 0)));
        }
        put(&before, folder.path());
        let mut command = job(args, SENTENCE, folder.path());
        let mut child = command.args(is_forced.then_some("--force")).spawn().unwrap();
        // Half of the moments lie near the end, where files get their names.
        let (from, share) = if random.below(2) == 0 { (0, 110) } else { (80, 30) };
        let percent = (from + random.below(share)) as u32;
        thread::sleep(*time * percent / 100);
        let signal = ["KILL", "KILL", "TERM", "INT", "HUP"][random.below(5)];
        kill(&child, signal);
        let status = child.wait().unwrap();
        let what = format!("{args:?}, case {i}, {signal} at {percent} %");
        let is_clean = unharmed(folder.path(), &before, new, &what);
        n_killed += usize::from(!status.success());
        n_left += usize::from(!is_clean);
        let there = files(folder.path());
        let n_new = new.iter().filter(|(name, content)| there.get(*name) == Some(content)).count();
        n_some += usize::from(n_new > 0 && n_new < new.len());
        // A trace ends at once where a signal tells it to.
        assert!(is_clean || signal == "KILL" || args[0] == "trace", "{what} leaves something");
        if !is_clean {
            let again = job(args, SENTENCE, folder.path()).arg("--force").output().unwrap();
            assert!(again.status.success(), "{what}: {}", String::from_utf8_lossy(&again.stderr));
            assert!(unharmed(folder.path(), &before, new, &what), "{what}: not cleared away");
        }
    }
    eprintln!("{n_killed} killed; {n_left} left a hidden folder, {n_some} some of their files");
    assert!(n_kills == 0 || n_killed > 0, "no export was killed");
}

#[track_caller]
fn refused(outcome: &Output, parts: &[&str]) {
    let message = String::from_utf8_lossy(&outcome.stderr);
    assert_eq!(outcome.status.code(), Some(1), "{message}");
    assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

/// Two at the same time.
fn both(first: &mut Command, second: &mut Command) -> [Output; 2] {
    let children = [first.spawn().unwrap(), second.spawn().unwrap()];
    children.map(|child| child.wait_with_output().unwrap())
}

const OTHER: &str = "The cat sleeps.";

#[test]
fn of_two_exports_at_once_one_writes_all_files_and_the_other_names_the_existing_one() {
    for args in [JOBS[1], JOBS[6], JOBS[7]] {
        let wanted = [SENTENCE, OTHER].map(|sentence| &undisturbed(args, sentence).0);
        for _ in 0..2 {
            let folder = tempfile::tempdir().unwrap();
            let [mut first, mut second] =
                [SENTENCE, OTHER].map(|sentence| job(args, sentence, folder.path()));
            let outcomes = both(&mut first, &mut second);
            let winner = outcomes.iter().position(|outcome| outcome.status.success()).unwrap();
            refused(&outcomes[1 - winner], &["exists", "--force"]);
            assert!(
                files(folder.path()) == *wanted[winner],
                "{args:?}: files of both, or not whole"
            );
        }
    }
}

#[test]
fn of_two_at_once_with_force_every_file_is_whole_and_from_one_of_them() {
    for args in [JOBS[1], JOBS[6], JOBS[7]] {
        let [first, second] = [SENTENCE, OTHER].map(|sentence| &undisturbed(args, sentence).0);
        for is_forced in [[true, true], [true, false], [false, true]] {
            let folder = tempfile::tempdir().unwrap();
            let commands = [(SENTENCE, is_forced[0]), (OTHER, is_forced[1])];
            let [mut one, mut other] = commands.map(|(sentence, is_forced)| {
                let mut command = job(args, sentence, folder.path());
                command.args(is_forced.then_some("--force"));
                command
            });
            let outcomes = both(&mut one, &mut other);
            for (outcome, is_forced) in outcomes.iter().zip(is_forced) {
                assert!(outcome.status.success() || !is_forced);
            }
            let there = files(folder.path());
            assert!(there.keys().eq(first.keys()), "{:?}", there.keys());
            for (name, content) in &there {
                // Whoever may not replace takes nothing back that is not its own.
                let may_be = [first, second].into_iter().zip(is_forced);
                let is_both = is_forced == [true, true];
                let mut may_be = may_be.filter(|(_, is_forced)| *is_forced || is_both);
                assert!(may_be.any(|(files, _)| files[name] == *content), "{args:?}: {name}");
            }
        }
    }
}

/// A script in a world of its own, where a small disk can be mounted; None where that cannot be.
fn in_own_world(script: &str, folder: &Path) -> Option<Output> {
    let run = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script]).env("BIN", BIN).env("AT", folder);
        command.output().ok()
    };
    let can = run("mount -t tmpfs -o size=64k tmpfs \"$AT\"");
    if !can.is_some_and(|can| can.status.success()) {
        eprintln!("skipped: no disk can be mounted here");
        return None;
    }
    run(script)
}

#[test]
fn a_full_disk_is_named_and_what_was_there_stays() {
    for args in JOBS {
        let new = &undisturbed(args, SENTENCE).0;
        let largest = new.values().map(Vec::len).max().unwrap();
        let all: usize = new.values().map(Vec::len).sum();
        // Amid the first files, and where only the end has no room.
        for size in [all / 3, all - largest / 8] {
            let folder = tempfile::tempdir().unwrap();
            let [disk, after] = ["disk", "after"].map(|name| folder.path().join(name));
            fs::create_dir(&disk).unwrap();
            let name = new.keys().last().unwrap();
            let is_trace = args[0] == "trace";
            let script = format!(
                "mount -t tmpfs -o size={size} tmpfs \"$AT\" && echo before > \"$AT/{name}\" && \
                 \"$BIN\" {} --no-config '{SENTENCE}' --force --out \"$AT\"{}; code=$?; \
                 cp -r \"$AT\" '{}'; exit $code",
                args.join(" "),
                if is_trace { "/pass" } else { "" },
                after.display()
            );
            let Some(outcome) = in_own_world(&script, &disk) else { return };
            refused(&outcome, &["no space left", "cannot be written", "--out"]);
            let before = Files::from([(name.clone(), b"before\n".to_vec())]);
            assert!(files(&after) == before, "{args:?}: {:?}", files(&after).keys());
        }
    }
}

#[test]
fn a_disk_that_is_read_only_is_named_and_what_is_there_stays() {
    for args in [JOBS[0], JOBS[2], JOBS[7]] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "mount -t tmpfs tmpfs \"$AT\" && echo before > \"$AT/notes\" && mount -o remount,ro \"$AT\" && \
             \"$BIN\" {} --no-config '{SENTENCE}' --force --out \"$AT/{}\"",
            args.join(" "),
            if args[0] == "trace" { "pass" } else { "" },
        );
        let Some(outcome) = in_own_world(&script, folder.path()) else { return };
        refused(&outcome, &["read-only file system", "--out"]);
    }
}

#[test]
fn a_folder_where_one_may_not_write_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes"), "before").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    if tempfile::tempfile_in(folder.path()).is_ok() {
        return as_nobody(folder.path());
    }
    for args in [JOBS[0], JOBS[7]] {
        let outcome = job(args, SENTENCE, folder.path()).output().unwrap();
        refused(&outcome, &["permission denied", "--out"]);
    }
    assert_eq!(files(folder.path()).len(), 1);
}

/// The same for one who may write anywhere, as somebody else.
fn as_nobody(folder: &Path) {
    let Some(nobody) = Nobody::new(65534) else { return };
    let out = folder.to_str().unwrap();
    let file = folder.join("notes");
    let frame = ["export", "--no-config", "--steps", "tokens", "--force", "--format", "txt"];
    for path in [out, file.to_str().unwrap(), &format!("{out}/new/folder")] {
        let args = [&frame[..], &["--out", path]].concat();
        let outcome = nobody.command("true", &args).output().unwrap();
        refused(&outcome, &[path.trim_end_matches("/new/folder"), "--out"]);
    }
    assert_eq!(files(folder), Files::from([("notes".into(), b"before".to_vec())]));
}

/// What is dropped there cannot be listed; what walks keep neither.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_may_be_written_to_but_not_listed_takes_files() {
    let Some(nobody) = Nobody::new(65403) else { return };
    let folder = nobody.folder("drop", 0o300);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (frame, pass) = (path("a.txt"), path("pass.json"));
    for args in [
        &["export", "--no-config", "--steps", "tokens", "--out", &frame][..],
        &["trace", "--no-config", "--sites", "logits", "--out", &pass],
    ] {
        let outcome = nobody.command("true", args).output().unwrap();
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    }
    set_mode(&folder, 0o700);
    assert!(files(&folder).keys().eq(["a.txt", "pass.json"]), "{:?}", files(&folder).keys());

    let state = nobody.folder("state", 0o700);
    let folder = nobody.folder("state/lookback", 0o300);
    let mut walk = nobody.command("true", &["--linear", SENTENCE]);
    walk.env("XDG_STATE_HOME", &state).env("XDG_CONFIG_HOME", &state).stdin(Stdio::null());
    let outcome = walk.output().unwrap();
    assert!(outcome.status.success() && outcome.stderr.is_empty(), "{outcome:?}");
    set_mode(&folder, 0o700);
    assert!(files(&folder).keys().eq(["state.toml"]), "{:?}", files(&folder).keys());
}

/// An export with a limit of its memory, in kilobytes.
#[cfg(target_os = "linux")]
fn within(kilobytes: usize, args: &[&str], out: &Path) -> Output {
    let script = format!("ulimit -c 0; ulimit -v {kilobytes}; exec \"$0\" export \"$@\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, BIN, "--no-config", "--size", "300x200", SENTENCE]).args(args);
    shell.arg("--out").arg(out).output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn frames_for_which_memory_does_not_suffice_are_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--steps", "1..3", "--scale", "2", "--format", "gif"];
    let outcome = within(700_000, &args, &folder.path().join("new/walk.gif"));
    refused(&outcome, &["of memory are needed", "--size", "--no-memory-check"]);
    assert!(files(folder.path()).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn frames_are_drawn_by_as_many_threads_as_there_is_memory_for() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--steps", "1..16", "--threads", "16", "--format", "png"];
    let outcome = within(1_000_000, &args, folder.path());
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    assert_eq!(files(folder.path()).len(), 16);
}

#[test]
fn a_fatal_signal_leaves_nothing_and_is_explained_in_a_sentence() {
    for name in ["ABRT", "BUS", "FPE", "ILL", "SEGV", "SYS", "TRAP", "XCPU"] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("made/for/it");
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -c 0; exec \"$@\"", "sh", BIN, "export", "--no-config"]);
        shell.args(["--format", "txt,svg,gif", "--size", "200x60", SENTENCE, "--out"]).arg(&out);
        let mut child = shell.stderr(Stdio::piped()).spawn().unwrap();
        // A temporary folder shows that it is at work.
        while !out.exists() || files(&out).is_empty() {
            assert!(child.try_wait().unwrap().is_none(), "it has ended");
            thread::sleep(Duration::from_millis(5));
        }
        kill(&child, name);
        let outcome = child.wait_with_output().unwrap();
        let message = String::from_utf8_lossy(&outcome.stderr);
        assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
        assert!(outcome.status.signal().is_some(), "{name}: {:?}", outcome.status);
        assert!(files(folder.path()).is_empty(), "{name}: {:?}", files(folder.path()).keys());
    }
}

#[test]
fn a_file_that_may_not_be_written_to_is_replaced_by_force_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.txt");
    fs::write(&file, "before").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let export = |force: &[&str]| {
        let mut command = Command::new(BIN);
        command.args(["export", "--no-config", "--steps", "tokens", "--out"]).arg(&file);
        command.args(force).output().unwrap()
    };
    refused(&export(&[]), &["a.txt", "exists", "--force"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "before");
    assert!(export(&["--force"]).status.success());
    assert!(fs::read_to_string(&file).unwrap().contains("From a sentence to tokens"));
}

#[test]
fn a_limit_of_files_sizes_is_named_and_leaves_nothing() {
    for args in [JOBS[0], JOBS[2], JOBS[7]] {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -f 4; exec \"$@\"", "sh", BIN]).args(args);
        let out = folder.path().join(if args[0] == "trace" { "pass" } else { "" });
        let outcome = shell.args(["--no-config", SENTENCE, "--out"]).arg(out).output().unwrap();
        refused(&outcome, &["file too large", "cannot be written", "--out"]);
        assert!(files(folder.path()).is_empty(), "{:?}", files(folder.path()).keys());
    }
}
