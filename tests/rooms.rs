//! The rules of the rooms: a module uses only modules listed before it in `lib.rs`, and files of one
//! folder do not import each other. The commands in `cli` may: their arguments, settings and remarks are
//! about one another, and they are the last room.
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

/// The first names after a path in a file, as `crate::`, grouped imports included.
fn used(text: &str, path: &str) -> BTreeSet<String> {
    after(text, path).iter().filter_map(|rest| first_name(rest)).collect()
}

/// Those of them that are modules: something inside them is used, here or further down.
fn modules_used(text: &str, path: &str) -> BTreeSet<String> {
    let is_module = |name: &str, rest: &str| {
        let inside = format!("{name}::");
        rest.trim_start().starts_with(&inside) || !after(text, &inside).is_empty()
    };
    let module = |rest: &String| first_name(rest).filter(|name| is_module(name, rest));
    after(text, path).iter().filter_map(module).collect()
}

/// What stands after a path wherever it stands in a file.
fn after(text: &str, path: &str) -> Vec<String> {
    // What comes before a path's first name is no part of a name or of a longer path.
    let begins =
        |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
    let mut found = vec![];
    for (at, _) in text.match_indices(path).filter(|(at, _)| begins(*at)) {
        let rest = &text[at + path.len()..];
        match rest.strip_prefix('{') {
            None => found.push(rest.chars().take(80).collect()),
            Some(group) => found.extend(top_level(group)),
        }
    }
    found
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
        for name in used(&fs::read_to_string(&file).unwrap(), "crate::") {
            let Some(other) = rooms.iter().position(|r| *r == name) else { continue };
            if other > place {
                wrong.push(format!("{} uses `{name}`, which comes later", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_of_one_folder_do_not_import_each_other() {
    let mut files = vec![];
    rust_files(Path::new("src"), &mut files);
    let mut wrong = vec![];
    let mut n_files = 0;
    for file in files.iter().filter(|file| room(file) != "cli" && !file.ends_with("tests.rs")) {
        let Some(folder) = file.parent().filter(|f| *f != Path::new("src")) else { continue };
        n_files += 1;
        let text = fs::read_to_string(file).unwrap();
        let inside = folder.strip_prefix("src").unwrap().to_string_lossy().replace('/', "::");
        let mut names = modules_used(&text, "super::");
        names.extend(used(&text, &format!("crate::{inside}::")));
        for name in names {
            if files.contains(&folder.join(format!("{name}.rs"))) {
                wrong.push(format!("{} imports its sibling `{name}`", file.display()));
            }
        }
    }
    assert!(n_files > 100, "only {n_files} files stand in folders");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What only some rooms may do, and which.
const KEPT: [(&str, &[&str]); 4] = [
    ("Instant::now", &["cli", "measure", "term"]),
    ("env::var", &["cli", "fault"]),
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
    assert_eq!(used(text, "crate::"), ["a", "b", "c"].map(str::to_owned).into());
    let text = "use super::{\n    f,\n    a::{x, y},\n};\nuse super::b::z; super::super::c::z; use super::d; d::z";
    let names = ["a", "b", "d", "super"].map(str::to_owned);
    assert_eq!(modules_used(text, "super::"), names.into());
}
