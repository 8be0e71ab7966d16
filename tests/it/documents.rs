//! What is written about the program is true of it: manual, completions, tables, figures, links.
//!
//! `LOOKBACK_DOCUMENTS=update cargo test --test it documents::` writes the manual and the completions anew.

use crate::support::sources::rust_files;
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use lookback::{
    export::FORMATS,
    lesson::{Language, Lesson},
    ui::keys::KEYS,
};

/// What packages of the program bring along, and the command that makes it.
const GENERATED: [(&str, &[&str]); 4] = [
    ("assets/man/lookback.1", &["man"]),
    ("assets/completions/lookback.bash", &["completions", "bash"]),
    ("assets/completions/_lookback", &["completions", "zsh"]),
    ("assets/completions/lookback.fish", &["completions", "fish"]),
];

/// Files that may have `unsafe` in them; each says why at its top.
const UNSAFE: [&str; 4] = [
    "src/engine/math/product.rs",
    "src/engine/value/large_pages.rs",
    "src/weights/fatal_signals.rs",
    "src/weights/mapped.rs",
];

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn sources() -> Vec<(String, String)> {
    let mut files = vec![];
    rust_files(Path::new("src"), &mut files);
    files.sort();
    let path = |file: &PathBuf| file.to_string_lossy().replace('\\', "/");
    files.iter().map(|file| (path(file), read(file))).collect()
}

fn manifest() -> toml::Table {
    read("Cargo.toml").parse().unwrap()
}

/// What stands between a heading and the next of its level.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text.find(&format!("{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let rest = &text[start + heading.len()..];
    let level = heading.split(' ').next().unwrap();
    &rest[..rest.find(&format!("\n{level} ")).unwrap_or(rest.len())]
}

#[test]
fn the_manual_and_the_completions_are_current() {
    let is_update = env::var("LOOKBACK_DOCUMENTS").is_ok_and(|what| what == "update");
    for (path, args) in GENERATED {
        let made = Command::new(env!("CARGO_BIN_EXE_lookback")).args(args).output().unwrap();
        assert!(made.status.success(), "{args:?}");
        if is_update {
            fs::create_dir_all(Path::new(path).parent().unwrap()).unwrap();
            fs::write(path, &made.stdout).unwrap();
        }
        assert!(
            fs::read(path).unwrap_or_default() == made.stdout,
            "{path} is not what `lookback {}` prints; LOOKBACK_DOCUMENTS=update cargo test --test it documents::",
            args.join(" ")
        );
    }
}

/// What clap_complete makes is corrected in a few places, which are found by its words.
#[test]
fn completions_are_corrected() {
    let script = read("assets/completions/lookback.fish");
    assert_eq!(script.matches("    or argparse -s ").count(), 1);
    assert!(script.contains("using_subcommand completions\" -f -a \"bash "));
    let script = read("assets/completions/_lookback");
    assert!(script.contains("case $line[1] in\n            (steps)"));
    assert_eq!(script.matches("'::sentence ").count(), 10); // steps, open, trace, export, attribute, patch, diff, heads, flow, learn
}

#[test]
fn the_manual_has_every_command_option_and_key() {
    let manual = read("assets/man/lookback.1").replace("\\-", "-");
    let help = |args: &[&str]| {
        let help = Command::new(env!("CARGO_BIN_EXE_lookback")).args(args).output().unwrap();
        String::from_utf8(help.stdout).unwrap()
    };
    let whole = help(&["--help"]);
    let commands = section(&whole, "Commands:").split("\n\n").next().unwrap();
    let commands = commands.lines().filter_map(|l| l.strip_prefix("  "));
    let names: Vec<&str> = commands.filter_map(|l| l.split(' ').next()).collect();
    for name in names.into_iter().filter(|name| !name.is_empty() && *name != "help") {
        assert!(manual.contains(&format!(".SS {name}\n")), "{name}");
        for option in help(&[name, "--help"]).lines().filter_map(|l| l.trim().strip_prefix("--")) {
            let option = option.split([' ', '=']).next().unwrap();
            assert!(manual.contains(&format!("--{option}")), "{name} --{option}");
        }
    }
    for option in manual.split(".TP\n").filter(|part| part.starts_with("\\fB--")) {
        let mut lines = option.lines();
        let (option, says) = (lines.next().unwrap(), lines.next().unwrap_or_default());
        assert!(!says.is_empty() && !says.starts_with('.'), "the manual says nothing of {option}");
    }
    for section in ["ENVIRONMENT", "FILES", "TROUBLE", "TERMINALS", "EXAMPLES", "KEYS"] {
        assert!(manual.contains(&format!(".SH {section}\n")), "{section}");
    }
    let keys = section(&manual, ".SH KEYS");
    for key in KEYS {
        assert!(keys.contains(&format!("\\fB{}\\fR\n", key.shown)), "{}", key.shown);
        assert!(keys.contains(key.help), "{}", key.help);
    }
}

#[test]
fn every_dependency_is_in_the_table_and_nothing_else_is() {
    let contributing = read(".github/CONTRIBUTING.md");
    let rows = section(&contributing, "## Dependencies").lines();
    let listed: BTreeSet<&str> =
        rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    let manifest = manifest();
    let named = |part: &str| manifest[part].as_table().unwrap().keys().cloned().collect::<Vec<_>>();
    let (wanted, tests) = (named("dependencies"), named("dev-dependencies"));
    let wanted: BTreeSet<&str> = wanted.iter().chain(&tests).map(String::as_str).collect();
    assert_eq!(listed, wanted);
}

#[test]
fn every_dependency_is_used() {
    let text: String = sources().into_iter().map(|(_, text)| text).collect();
    for name in manifest()["dependencies"].as_table().unwrap().keys() {
        let name = name.replace('-', "_");
        let uses = [format!("{name}::"), format!("use {name};")];
        assert!(uses.iter().any(|u| text.contains(u.as_str())), "{name}");
    }
}

#[test]
fn what_is_unsafe_stands_in_few_files_each_with_its_reason() {
    let mut found = BTreeSet::new();
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap();
            if !["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
                .iter()
                .any(|u| code.contains(u))
            {
                continue;
            }
            let comments = lines[..i].iter().rev().take_while(|l| l.trim().starts_with("//"));
            assert!(comments.into_iter().any(|l| l.contains("// SAFETY: ")), "{path}:{}", i + 1);
            found.insert(path.clone());
        }
        let allows = text.split("#![allow(").skip(1).any(|a| {
            let a = &a[..a.find(")]").unwrap_or(a.len())];
            a.contains("unsafe_code") && a.contains("reason = ")
        });
        assert_eq!(allows, UNSAFE.contains(&path.as_str()), "{path}");
    }
    assert_eq!(found, UNSAFE.map(str::to_owned).into());
}

/// The files that the compiler puts into the program, models aside, as `include_str!` and `include_bytes!` name them.
fn embedded() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (file, text) in sources() {
        for (at, _) in text.match_indices("include_") {
            let rest = &text[at..];
            let Some((macro_name, rest)) = rest.split_once("!(") else { continue };
            let is_one = ["include_str", "include_bytes"].contains(&macro_name);
            let Some(name) = rest.trim_start().strip_prefix('"').filter(|_| is_one) else {
                continue;
            };
            let path = Path::new(&file).parent().unwrap().join(name.split('"').next().unwrap());
            let path =
                fs::canonicalize(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let path = path.strip_prefix(fs::canonicalize(".").unwrap()).unwrap().to_owned();
            paths.insert(path.to_string_lossy().replace('\\', "/"));
        }
    }
    paths
}

#[test]
fn the_crate_has_every_file_that_is_built_into_the_program() {
    let list = Command::new(env!("CARGO"))
        .args(["package", "--list", "--locked", "--offline", "--allow-dirty"])
        .output()
        .unwrap();
    assert!(list.status.success(), "{}", String::from_utf8_lossy(&list.stderr));
    let list = String::from_utf8(list.stdout).unwrap().replace('\\', "/");
    let packed: BTreeSet<&str> = list.lines().collect();
    let embedded = embedded();
    assert!(embedded.len() > 15, "{embedded:?}");
    let models = fs::read_dir("assets/models").unwrap().map(|entry| entry.unwrap().path());
    let models = models.filter(|path| path.extension().is_some_and(|e| e == "safetensors"));
    let models: Vec<String> = models.map(|path| path.to_string_lossy().into_owned()).collect();
    assert!(models.len() >= 6, "{models:?}");
    let generated = GENERATED.map(|(path, _)| path.to_owned());
    for path in embedded.iter().chain(&generated).chain(&models) {
        assert!(packed.contains(path.as_str()), "{path} is not in the crate");
    }
    assert!(!packed.iter().any(|p| p.starts_with("tests/") || p.starts_with("assets/gallery/")));
}

#[test]
fn the_readme_knows_steps_formats_and_the_toolchain() {
    let readme = read("README.md");
    let lesson = Lesson::embedded(Language::English).unwrap();
    assert!(readme.contains(&format!("in {} steps", lesson.steps().len())));
    let manifest = manifest();
    let oldest = manifest["package"]["rust-version"].as_str().unwrap();
    assert!(readme.contains(&format!("Rust {oldest}")), "Rust {oldest}");
    let lines = readme.lines().count();
    assert!(lines < 200, "{lines} lines: what is more belongs to the manual");
    let formats = section(&readme, "## Export");
    for &format in FORMATS {
        assert!(formats.contains(&format!("`{}`", format.id)), "{}", format.id);
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in ["README.md", ".github/CONTRIBUTING.md", ".github/CHANGELOG.md"] {
        let text = read(document);
        let folder = Path::new(document).parent().unwrap();
        for (at, _) in text.match_indices("](") {
            let link = text[at + 2..].split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { PathBuf::from(document) } else { folder.join(path) };
            assert!(target.exists(), "{document}: {link}");
            if !anchor.is_empty() {
                let anchors: Vec<String> = read(&target).lines().filter_map(anchor_of).collect();
                assert!(anchors.iter().any(|a| a == anchor), "{document}: {link} of {anchors:?}");
            }
        }
    }
}

/// The anchor that a heading has on a web page.
fn anchor_of(line: &str) -> Option<String> {
    let title = line.trim_start_matches('#');
    let words = title.strip_prefix(' ').filter(|_| title.len() < line.len())?.to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    Some(kept.collect::<String>().replace(' ', "-"))
}

#[test]
fn the_changes_of_this_version_are_listed() {
    let version = manifest()["package"]["version"].as_str().unwrap().to_owned();
    let changes = read(".github/CHANGELOG.md");
    assert!(changes.contains(&format!("\n## [{version}]")), "{version}");
}

/// Weights, tokenizer, words, tables and glosses: what the program holds of its models.
#[test]
fn the_built_in_models_take_at_most_eight_mebibytes() {
    let size = |path: &Path| fs::metadata(path).unwrap().len();
    let models = fs::read_dir("assets/models").unwrap().map(|entry| entry.unwrap().path());
    let glosses = ["en", "zh"].map(|id| format!("assets/lessons/glosses-{id}.tsv").into());
    let held = models.filter(|path| path.extension().is_none_or(|e| e != "md")).chain(glosses);
    let sum: u64 = held.map(|path| size(&path)).sum();
    assert!(sum <= 8 << 20, "{sum} bytes");
}
