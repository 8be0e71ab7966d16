//! The rules of the rooms: a module uses only modules listed before it in `lib.rs`, and files of one
//! folder do not import each other.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// The modules in the order of `lib.rs`.
fn rooms() -> Vec<String> {
    let lib = fs::read_to_string("src/lib.rs").unwrap();
    let names = lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

/// The first names after `crate::` in a file, grouped imports included.
fn used(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => names.extend(first_name(rest)),
            Some(group) => names.extend(top_level(group).iter().filter_map(|s| first_name(s))),
        }
    }
    names
}

fn first_name(text: &str) -> Option<String> {
    let name: String =
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The parts of a `{...}` group that stand at its own level.
fn top_level(group: &str) -> Vec<String> {
    let (mut depth, mut parts) = (1, vec![String::new()]);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => parts.push(String::new()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if let Some(part) = parts.last_mut().filter(|_| c != ',' || depth > 1) {
            part.push(c);
        }
    }
    parts
}

/// `src/tape/norm.rs` stands in the room `tape`.
fn room(file: &Path) -> String {
    let inside = file.strip_prefix("src").unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn a_room_uses_only_rooms_listed_before_it() {
    let rooms = rooms();
    let mut files = vec![];
    rust_files(Path::new("src"), &mut files);
    let mut wrong = vec![];
    for file in files {
        let home = room(&file);
        let Some(place) = rooms.iter().position(|r| *r == home) else { continue };
        for name in used(&fs::read_to_string(&file).unwrap()) {
            let Some(other) = rooms.iter().position(|r| *r == name) else { continue };
            if other > place {
                wrong.push(format!("{} uses `{name}`, which comes later", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files that build on another of their folder, and which: each pair is one job in two files.
const LEANING: [(&str, &str); 7] = [
    ("checkpoint/folder.rs", "mapped"),
    ("checkpoint/mapped.rs", "lost"),
    ("checkpoint/wanted.rs", "gguf"),
    ("lesson/quiz.rs", "template"),
    ("math/stored.rs", "product"),
    ("model/bert/config.rs", "head"),
    ("model/bert/config.rs", "names"),
];

/// The first names after `super::` in a file, grouped imports included.
fn beside(text: &str) -> BTreeSet<String> {
    used(&text.replace("crate::", "").replace("super::", "crate::"))
}

/// Commands share arguments, settings and failures, so `cli` is not held to this; nor are files of tests.
#[test]
fn files_of_one_folder_do_not_import_each_other() {
    let mut files = vec![];
    rust_files(Path::new("src"), &mut files);
    let (mut wrong, mut leaning) = (vec![], BTreeSet::new());
    for file in &files {
        let Some(folder) = file.parent().filter(|f| *f != Path::new("src")) else { continue };
        if room(file) == "cli" || file.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(file).unwrap();
        let (names, home) = (beside(&text), room(file));
        let siblings = files.iter().filter(|f| f.parent() == Some(folder) && *f != file);
        for sibling in siblings {
            let name = sibling.file_stem().unwrap().to_string_lossy().into_owned();
            // What the parent gives on may be called like the file that it stands in.
            let parent = fs::read_to_string(folder.with_extension("rs")).unwrap();
            let is_named = names.contains(&name) && !parent.contains(&format!("::{name};"));
            let pair = (file.strip_prefix("src").unwrap().to_string_lossy().into_owned(), name);
            if text.contains(&format!("crate::{home}::{}::", pair.1)) || is_named {
                let is_known = LEANING.iter().any(|(f, n)| *f == pair.0 && *n == pair.1);
                if is_known {
                    leaning.insert(pair);
                } else {
                    wrong.push(pair);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "siblings are imported: {wrong:?}");
    assert_eq!(leaning.len(), LEANING.len(), "pairs that are no more: {leaning:?}");
}

/// What only some rooms may do, and which.
const KEPT: [(&str, &[&str]); 4] = [
    ("Instant::now", &["cli", "measure", "term"]),
    ("env::var", &["cli"]),
    ("stdout()", &["cli", "term"]),
    ("std::net", &[]),
];

#[test]
fn time_environment_and_streams_are_kept_to_few_rooms() {
    let mut files = vec![];
    rust_files(Path::new("src"), &mut files);
    for (what, rooms) in KEPT {
        let has = |file: &&PathBuf| fs::read_to_string(file).unwrap().contains(what);
        let found: BTreeSet<String> = files.iter().filter(has).map(|file| room(file)).collect();
        assert_eq!(found, rooms.iter().map(|&room| room.to_owned()).collect(), "{what}");
    }
}

#[test]
fn every_module_is_in_the_list() {
    let rooms = rooms();
    for entry in fs::read_dir("src").unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            name == "lib" || name == "main" || rooms.contains(&name),
            "src/{name} is not in lib.rs"
        );
    }
}

#[test]
fn the_top_level_holds_nothing_else() {
    let allowed =
        ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "src", "assets", "tests", "target"];
    for entry in fs::read_dir(".").unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || allowed.contains(&name.as_str()), "unexpected {name}");
    }
}

#[test]
fn the_reader_of_imports_sees_groups() {
    let text = "use crate::{\n    a::{x, y},\n    b,\n};\nuse crate::c::z;";
    assert_eq!(used(text), ["a", "b", "c"].map(str::to_owned).into());
}
