//! Nothing from outside reaches a file, a pipe or standard error raw: not from sentences, arguments, names,
//! settings or checkpoints. `reader` says what may be there.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
    process::{Command, Output},
};

use crate::support::{
    hostile::{self, SENTENCE, TEXT},
    reader::{COLUMNS, TEXT as LINES, only},
};

const BIN: &str = env!("CARGO_BIN_EXE_lookback");

/// What a command answers, in a home of its own.
fn answer(home: &Path, args: &[&OsStr]) -> Output {
    let mut command = Command::new(BIN);
    for (name, folder) in [("HOME", ""), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")]
    {
        command.env(name, home.join(folder));
    }
    command.args(args).current_dir(home).output().unwrap()
}

fn run(args: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
    answer(home.path(), &args)
}

/// Asserts that it ended in order and printed nothing raw; returns standard output and standard error.
#[track_caller]
fn printed(answer: &Output, what: &str) -> (String, String) {
    only(COLUMNS, &answer.stdout, what);
    only(LINES, &answer.stderr, what);
    let (out, err) = (&answer.stdout, &answer.stderr);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert!(matches!(answer.status.code(), Some(0..=2)), "{what}: {}", text(err));
    (text(out), text(err))
}

/// Arguments that name nothing, each in every place that takes one.
const REFUSED: &[&[&str]] = &[
    &["open", "?"],
    &["open", "logits[0,1]", "--what-if", "?"],
    &["open", "logits[0,1]", "--what-if", "?=off"],
    &["open", "logits[0,1]", "--depth", "?"],
    &["trace", "--sites", "?"],
    &["trace", "--list", "--sites", "?"],
    &["trace", "--format", "?"],
    &["trace", "--out", "?/nowhere/x.json"],
    &["export", "--steps", "?"],
    &["export", "--steps", "?..tokens"],
    &["export", "--steps", "chapter:?"],
    &["export", "--steps", "*?"],
    &["export", "--steps", "tokens", "--format", "?"],
    &["export", "--steps", "tokens", "--out", "x.?"],
    &["export", "--steps", "tokens", "--size", "?"],
    &["export", "--steps", "tokens", "--font", "?"],
    &["export", "--steps", "tokens", "--pace", "?"],
    &["export", "--steps", "tokens", "--threads", "?"],
    &["inspect", "?"],
    &["inspect", "--json", "?"],
    &["eval", "--data", "?"],
    &["completions", "?"],
    &["man", "?"],
    &["config", "--theme", "?"],
    &["config", "--lang", "?"],
    &["config", "--color", "?"],
    &["--theme", "\u{1b}]0;x\u{7}"],
    &["--at", "?"],
    &["--at=?"],
    &["--?"],
    &["-?"],
    &["--model", "?"],
    &["--model", "./?"],
    &["steps", "--model", "./?"],
    &["?", "steps"],
    &["steps", "one", "?"],
    &["steps", "--?"],
    &["export", "--?"],
];

#[test]
fn a_hostile_argument_is_shown_in_one_line_and_never_sent() {
    for args in REFUSED {
        let args: Vec<String> = args.iter().map(|arg| arg.replace('?', TEXT)).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let answer = run(&args);
        let (_, message) = printed(&answer, &format!("{args:?}"));
        assert!(answer.status.code() > Some(0), "{args:?} is not refused");
        // Of letters after one dash only the first is named.
        let is_shown = message.contains('␛') || args[0].starts_with("-x");
        assert!(is_shown, "{args:?} is not shown: {message}");
        assert_eq!(message.lines().count(), 1, "{args:?}: {message}");
    }
}

#[test]
fn a_hostile_sentence_is_read_and_shown() {
    let name = format!("./{TEXT}.svg");
    for args in [
        &["--linear", SENTENCE][..],
        &["steps", SENTENCE],
        &["open", "logits[0,434]", SENTENCE],
        &["open", "probs[0,434]", "--depth", "3", "--what-if", "token.1=cat", SENTENCE],
        &["trace", "--list", SENTENCE],
        &["trace", "--sites", "logits", SENTENCE],
        &["export", "--list", "--out", TEXT, SENTENCE],
        &["export", "--list", "--steps", "tokens", "--out", &name, SENTENCE],
    ] {
        let answer = run(args);
        assert!(answer.status.success(), "{args:?}: {:?}", answer.stderr);
        printed(&answer, &format!("{args:?}"));
    }
    let (walk, notes) = printed(&run(&[SENTENCE]), "the walk");
    assert!(walk.contains("The ␛]0;x␇dog <U+202E><b><U+200B><U+009B>1m]]>-->\n<U+FEFF>sleeps"));
    assert!(notes.contains("␛"), "{notes}");
}

#[test]
fn names_that_are_no_text_are_shown_with_marks_and_panic_nowhere() {
    let home = tempfile::tempdir().unwrap();
    let name = hostile::name_of_bytes();
    let with = |text: &str| -> OsString {
        let mut whole = OsString::from(text);
        whole.push(&name);
        whole
    };
    for args in [
        &["?"][..],
        &["--linear", "?"],
        &["?", "steps"],
        &["steps", "?"],
        &["open", "?"],
        &["open", "logits[0,1]", "--what-if", "?"],
        &["trace", "--sites", "?"],
        &["trace", "--out", "?/nowhere/x"],
        &["export", "--font", "?"],
        &["export", "--out", "x.?"],
        &["export", "--list", "--out", "?"],
        &["inspect", "?"],
        &["inspect", "--json", "?"],
        &["eval", "--data", "?"],
        &["--model", "?"],
        &["--theme", "?"],
        &["--at", "?"],
        &["--?"],
        &["man", "?"],
    ] {
        let args: Vec<OsString> =
            args.iter().map(|arg| arg.strip_suffix('?').map_or_else(|| arg.into(), with)).collect();
        let args: Vec<&OsStr> = args.iter().map(OsString::as_os_str).collect();
        printed(&answer(home.path(), &args), &format!("{args:?}"));
    }
    // A folder of that name holds files that are as good as any.
    let out = OsStr::new("--out");
    let args = ["export", "--steps", "tokens"].map(OsStr::new);
    let made = answer(home.path(), &[&args[..], &[out, &name]].concat());
    assert!(made.status.success(), "{:?}", String::from_utf8_lossy(&made.stderr));
    assert!(home.path().join(&name).join("003-tokens.txt").exists());
    assert!(name.as_bytes().contains(&0x1b));
}

#[test]
fn hostile_settings_and_data_are_refused_without_being_sent() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join("config/lookback")).unwrap();
    let settings = home.path().join("config/lookback/config.toml");
    let escaped = hostile::escaped();
    for text in [
        format!("theme = \"{escaped}\""),
        format!("theme = {TEXT}"),
        format!("lang = \"{escaped}\""),
        format!("\"{escaped}\" = 1"),
        format!("theme = \"dark\" {TEXT}"),
        format!("# {TEXT}\n[{TEXT}]"),
    ] {
        fs::write(&settings, &text).unwrap();
        for args in [&["config"][..], &["steps"], &["The dog sleeps."]] {
            let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
            let answer = answer(home.path(), &args);
            let (_, message) = printed(&answer, &text);
            assert_eq!((answer.status.code(), message.lines().count()), (Some(2), 1), "{message}");
        }
    }
    fs::remove_file(settings).unwrap();
    let data = home.path().join("data");
    for line in [
        TEXT.replace('\n', " "),
        serde_json::json!({"en": TEXT, "fr": TEXT.repeat(20)}).to_string(),
        serde_json::json!({"en": TEXT}).to_string(),
        serde_json::json!({TEXT: TEXT}).to_string(),
        serde_json::json!({"en": [TEXT], "fr": ""}).to_string(),
    ] {
        fs::write(&data, &line).unwrap();
        let args = ["eval", "--data", "data", "--model", "gru"].map(OsStr::new);
        printed(&answer(home.path(), &args), &line);
    }
}
