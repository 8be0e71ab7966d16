//! What the world could send: text with every kind of control and hidden character in it, and checkpoints
//! that are full of it.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

/// Titles, colours, C1, directions, what has no width, ends of lines, and marks that stand alone; a line
/// that pretends to be the program's.
pub const TEXT: &str = "x\u{1b}]0;owned\u{7}\u{1b}[31m\u{9b}2J\u{202e}\u{2066}\u{200b}\u{200d}\u{feff}\
    \u{2028}\u{ad}\u{61c}\u{e0041}\u{180e}\u{8}\u{7f}\r\nerror: forged\n\n \u{fe0f}y";

/// The same as TOML writes it.
pub fn escaped() -> String {
    let all: Vec<String> = TEXT.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
    all.concat()
}

/// A sentence within the limit of tokens.
pub const SENTENCE: &str =
    "The \u{1b}]0;x\u{7}dog \u{202e}<b>\u{200b}\u{9b}1m]]>--> \u{feff}sleeps\u{85}.";

/// A name in Windows-1252: bytes that are no UTF-8, and a control.
pub fn name_of_bytes() -> OsString {
    OsString::from_vec(b"caf\xe9 \x1b[31m\x93\xff".to_vec())
}

/// Letters of the tokens that become controls or hidden characters.
const LETTERS: [(char, char); 5] =
    [('n', '\u{1b}'), ('d', '\u{202e}'), ('l', '\u{200b}'), ('w', '\u{9b}'), ('h', '\u{7}')];

fn turned(token: &str) -> String {
    let other = |c: char| LETTERS.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to);
    let is_special = token.starts_with(['<', '[']);
    if is_special { token.to_owned() } else { token.chars().map(other).collect() }
}

/// A text for such a checkpoint, with tokens of many kinds.
pub fn for_checkpoint() -> String {
    turned("The old windmill and the wind would lean on him.")
}

fn golden(name: &str) -> PathBuf {
    Path::new("tests/goldens/checkpoints").join(name)
}

/// A copy of one of the small models, in a folder with such a name, with such tokens, settings and tensors.
pub fn checkpoint(of: &str, within: &Path) -> PathBuf {
    let folder = within.join(OsStr::new("m\u{1b}]0;x\u{7}\u{202e}\u{200b}<b>\u{9b}1m"));
    fs::create_dir_all(&folder).unwrap();
    for entry in fs::read_dir(golden(of)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    change(&folder.join("tokenizer.json"), turn_tokens);
    change(&folder.join("config.json"), |config| {
        config["_name_or_path"] = json!(TEXT);
        config["architectures"] = json!([TEXT]);
        config[TEXT] = json!(TEXT);
    });
    let weights = folder.join("model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, with_tensor(&bytes, TEXT)).unwrap();
    folder
}

/// The file's JSON, changed.
pub fn change(path: &Path, work: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    work(&mut json);
    fs::write(path, json.to_string()).unwrap();
}

fn turn_tokens(tokenizer: &mut Value) {
    let model = &mut tokenizer["model"];
    let with_ids = model["vocab"].as_object().map(|vocab| {
        let vocab = vocab.iter().map(|(token, id)| (turned(token), id.clone()));
        json!(vocab.collect::<BTreeMap<String, Value>>())
    });
    if let Some(vocab) = with_ids {
        model["vocab"] = vocab;
    }
    for piece in model["vocab"].as_array_mut().into_iter().flatten() {
        piece[0] = json!(turned(piece[0].as_str().unwrap()));
    }
    for merge in model.get_mut("merges").and_then(Value::as_array_mut).into_iter().flatten() {
        let parts = merge.as_array().unwrap().iter().map(|part| turned(part.as_str().unwrap()));
        *merge = json!(parts.collect::<Vec<_>>());
    }
}

/// A safetensors file with one more tensor, of no numbers, and such metadata.
fn with_tensor(file: &[u8], name: &str) -> Vec<u8> {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    header["__metadata__"] = json!({"format": TEXT});
    header[name] = json!({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]});
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &file[8 + length..]].concat()
}

/// A GGUF file with such tokens and such a name inside.
pub fn gguf(within: &Path) -> PathBuf {
    let mut bytes = fs::read(golden("llama2.gguf")).unwrap();
    let place = |bytes: &[u8], key: &str| {
        bytes.windows(key.len()).position(|w| w == key.as_bytes()).unwrap() + key.len()
    };
    let (tokens, kinds) = ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type");
    let (from, to) = (place(&bytes, tokens), place(&bytes, kinds) - kinds.len() - 8);
    for byte in &mut bytes[from..to] {
        match *byte {
            b'w' => *byte = 0x1b,
            b'l' => *byte = 7,
            b'h' => *byte = 8,
            _ => {}
        }
    }
    let name = place(&bytes, "general.name") + 4 + 8;
    bytes[name] = 0x1b;
    let path = within.join(OsStr::new("g\u{1b}[31m\u{202e}.gguf"));
    fs::write(&path, bytes).unwrap();
    path
}
