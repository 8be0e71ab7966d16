//! Nothing from outside stands raw in a file that is exported, and no text breaks out of its place: every
//! form is read back.

use std::{
    collections::BTreeSet,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{
    hostile::{self, SENTENCE},
    reader::{COLOURED, FILM, TEXT, is_hidden, only},
};
use lookback::export::FORMATS;
use roxmltree::{Document, ParsingOptions};
use serde_json::Value;

/// Marks that end an element, an attribute, a comment, a part of XML.
const MARKUP: &str = "The <script></script> \"'/><i onclick=y> javascript: &amp; ]]>--> dog.";

/// A file of every format, of this sentence, by this model.
fn exported(folder: &Path, model: Option<&Path>, sentence: &str) -> Vec<PathBuf> {
    let formats = FORMATS.iter().map(|format| format.id).collect::<Vec<_>>().join(",");
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookback"));
    command.args(["export", "--no-config", "--size", "100x30", "--format", &formats, sentence]);
    command.arg("--out").arg(folder);
    match model {
        Some(path) => command.arg("--model").arg(path),
        None => command.args(["--steps", "tour,1..4,accuracy"]),
    };
    let done = command.output().unwrap();
    only(TEXT, &done.stderr, "remarks");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn is_safe(path: &Path) {
    let (bytes, what) = (fs::read(path).unwrap(), path.display().to_string());
    match path.extension().unwrap().to_str().unwrap() {
        "txt" | "html" | "svg" => only(TEXT, &bytes, &what),
        "ansi" => only(COLOURED, &bytes, &what),
        "cast" => film(&bytes, &what),
        "png" | "apng" => png(&bytes, &what),
        "gif" => gif(&bytes, &what),
        other => panic!("{other} is not read"),
    }
}

fn all_are_safe(files: &[PathBuf]) {
    for path in files {
        is_safe(path);
    }
}

/// Every string of a JSON text.
fn strings(json: &Value) -> Vec<&str> {
    match json {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().flat_map(strings).collect(),
        Value::Object(all) => all
            .iter()
            .flat_map(|(key, value)| [vec![key.as_str()], strings(value)].concat())
            .collect(),
        _ => vec![],
    }
}

fn film(bytes: &[u8], what: &str) {
    only(TEXT, bytes, what);
    for (i, line) in str::from_utf8(bytes).unwrap().lines().enumerate() {
        let json: Value = serde_json::from_str(line).unwrap();
        let allowed = if json[1] == "o" { FILM } else { TEXT };
        assert_eq!(i == 0, json.is_object(), "{line}");
        for text in strings(&json) {
            only(allowed, text.as_bytes(), what);
        }
    }
}

/// Pictures say what they show, in chunks of text.
fn png(bytes: &[u8], what: &str) {
    let mut rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n").unwrap();
    while let Some((length, after)) = rest.split_first_chunk() {
        let (name, after) = after.split_at(4);
        let (data, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        rest = &after[4..];
        match name {
            b"iTXt" => {
                let (keyword, text) = data.split_at(data.iter().position(|b| *b == 0).unwrap());
                only(TEXT, keyword, what);
                only(TEXT, text.strip_prefix(&[0; 5]).unwrap(), what);
            }
            b"IHDR" | b"PLTE" | b"IDAT" | b"IEND" | b"acTL" | b"fcTL" | b"fdAT" => {}
            other => panic!("{what}: a chunk {:?}", String::from_utf8_lossy(other)),
        }
    }
}

/// Frames and their times, and that it begins again; no comment, no text.
fn gif(bytes: &[u8], what: &str) {
    let blocks = |mut rest: &[u8]| {
        let mut length = 0;
        while let Some((n, after)) = rest.split_first().filter(|(n, _)| **n > 0) {
            rest = &after[usize::from(*n)..];
            length += usize::from(*n) + 1;
        }
        length + 1
    };
    let colours = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut rest = &bytes[13 + colours(bytes[10])..];
    loop {
        rest = match rest {
            [0x21, 0xf9, data @ ..] => &data[blocks(data)..],
            [0x21, 0xff, 11, data @ ..] if data.starts_with(b"NETSCAPE2.0") => {
                &data[11 + blocks(&data[11..])..]
            }
            [0x2c, frame @ ..] => {
                let data = &frame[9 + colours(frame[8])..];
                &data[1 + blocks(&data[1..])..]
            }
            [0x3b] => return,
            other => panic!("{what}: {:?}", &other[..8.min(other.len())]),
        }
    }
}

/// Elements, their attributes, and where links lead.
fn structure(path: &Path) -> (BTreeSet<String>, BTreeSet<String>, Vec<String>) {
    let text = fs::read_to_string(path).unwrap();
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&text, options).unwrap();
    let (mut names, mut links, mut scripts) = (BTreeSet::new(), BTreeSet::new(), vec![]);
    for node in document.descendants() {
        assert!(!node.is_comment() && !node.is_pi(), "{node:?}");
        if !node.is_element() {
            continue;
        }
        let name = node.tag_name().name();
        for attribute in node.attributes() {
            names.insert(format!("{name} {}", attribute.name()));
            if matches!(attribute.name(), "href" | "src") {
                links.insert(attribute.value().to_owned());
            }
        }
        names.insert(name.to_owned());
        if name == "script" || name == "style" {
            scripts.push(node.text().unwrap_or_default().len().to_string() + name);
        }
    }
    (names, links, scripts)
}

#[test]
fn a_hostile_sentence_stands_raw_in_no_form() {
    let folder = tempfile::tempdir().unwrap();
    let files = exported(folder.path(), None, SENTENCE);
    assert!(files.len() > 40);
    all_are_safe(&files);
    let text = fs::read_to_string(folder.path().join("003-tokens.txt")).unwrap();
    assert!(text.contains("<0x1B>") && text.contains("<0x07>"), "{text}");
}

#[test]
fn a_hostile_checkpoint_stands_raw_in_no_form() {
    for kind in ["mistral", "bert", "marian"] {
        let folder = tempfile::tempdir().unwrap();
        let model = hostile::checkpoint(kind, folder.path());
        let out = folder.path().join("out");
        let files = exported(&out, Some(&model), &hostile::for_checkpoint());
        assert!(files.len() > 20, "{kind}");
        all_are_safe(&files);
    }
}

#[test]
fn no_sentence_adds_an_element_an_attribute_a_link_or_a_script() {
    let [plain, other] = ["The dog sleeps.", MARKUP].map(|sentence| {
        let folder = tempfile::tempdir().unwrap();
        let files = exported(folder.path(), None, sentence);
        all_are_safe(&files);
        folder
    });
    for name in ["walk.html", "003-tokens.svg", "004-embedding.svg"] {
        let [mut plain, other] =
            [&plain, &other].map(|folder| structure(&folder.path().join(name)));
        // A word may be in italics, or need its own column, in one sentence and not in another.
        let may_be = ["i", "i class", "b", "b class", "text", "style"];
        plain.0.extend(may_be.map(str::to_owned));
        assert!(other.0.is_subset(&plain.0), "{name}: {:?}", other.0.difference(&plain.0));
        assert_eq!(other.1, plain.1, "{name}");
        let scripts = |all: &[String]| {
            all.iter().filter(|one| one.ends_with("script")).cloned().collect::<Vec<_>>()
        };
        assert_eq!(scripts(&other.2), scripts(&plain.2), "{name}");
        assert_eq!(other.2.len(), plain.2.len(), "{name}");
    }
}

fn traced(sentence: &str, format: &str, model: Option<&Path>) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookback"));
    command.args([
        "trace",
        "--no-config",
        "--sites",
        "*.weights,logits",
        "--format",
        format,
        sentence,
    ]);
    model.inspect(|path| {
        command.arg("--model").arg(path);
    });
    command.output().unwrap().stdout
}

#[test]
fn numbers_have_their_sentence_escaped_and_whole() {
    let within = tempfile::tempdir().unwrap();
    let model = hostile::checkpoint("mistral", within.path());
    let text = hostile::for_checkpoint();
    for (sentence, model) in [(SENTENCE, None), (text.as_str(), Some(model.as_path()))] {
        let json = traced(sentence, "json", model);
        only(TEXT, &json, "json");
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["sentence"].as_str().map(str::trim), Some(sentence.trim()));
        let tokens = json["tokens"].to_string();
        assert!(!tokens.chars().any(is_hidden), "{tokens}");
        assert!(tokens.contains('␛') || model.is_none(), "{tokens}");
        let file = traced(sentence, "safetensors", model);
        let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        only(TEXT, &file[8..8 + length], "safetensors");
        let npz = traced(sentence, "npz", model);
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(npz)).unwrap();
        let names: Vec<String> = zip.file_names().map(str::to_owned).collect();
        only(TEXT, names.join("\n").as_bytes(), "npz");
        let mut member = vec![];
        zip.by_name("__metadata__.npy").unwrap().read_to_end(&mut member).unwrap();
        let start = 10 + usize::from(u16::from_le_bytes([member[8], member[9]]));
        let chars =
            member[start..].chunks_exact(4).map(|c| u32::from_le_bytes(c.try_into().unwrap()));
        let description: String = chars.map(|c| char::from_u32(c).unwrap()).collect();
        only(TEXT, description.as_bytes(), "the description in npz");
        let json: Value = serde_json::from_str(&description).unwrap();
        assert_eq!(json["sentence"].as_str().map(str::trim), Some(sentence.trim()));
    }
}

#[test]
fn what_inspect_says_as_json_decodes_to_the_names_of_the_file() {
    let within = tempfile::tempdir().unwrap();
    for model in [hostile::checkpoint("mistral", within.path()), hostile::gguf(within.path())] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lookback"));
        let report = command.args(["inspect", "--json"]).arg(&model).output().unwrap().stdout;
        only(TEXT, &report, "inspect");
        let json: Value = serde_json::from_slice(&report).unwrap();
        assert_eq!(json["path"], model.to_str().unwrap());
        assert_eq!(json["runs"], true);
        let names = json["tensors"].as_array().unwrap().iter().map(|t| &t["name_in_file"]);
        let is_gguf = json["format"] == "gguf";
        assert_eq!(names.filter(|name| **name == hostile::TEXT).count(), usize::from(!is_gguf));
    }
}
