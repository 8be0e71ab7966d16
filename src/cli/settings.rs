//! The settings file. A file with a mistake is refused as a whole; the program never writes it.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, ensure};
use etcetera::BaseStrategy;
use serde::{Deserialize, Deserializer, de};

use super::colour::{Ask, ThemeChoice};
use crate::{
    export::files::reason,
    lesson::Language,
    text::{near, visible, visible_path},
};

/// The limit on the file's bytes.
const MOST_BYTES: u64 = 64 * 1024;

/// The default pace of `--autoplay`: 200 words a minute.
pub const PACE: f32 = 1.0;

/// The values of the file; every key is optional.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub theme: Option<ThemeChoice>,
    pub color: Option<Ask>,
    pub ascii: Option<bool>,
    #[serde(deserialize_with = "language")]
    pub lang: Option<Language>,
    /// The factor of the default pace.
    #[serde(deserialize_with = "pace")]
    pub pace: Option<f32>,
    /// Whether the walk asks for a prediction before it shows.
    pub questions: Option<bool>,
    /// Whether panes are animated.
    pub motion: Option<bool>,
    pub mouse: Option<bool>,
}

/// Every key with an example and its description.
pub const KEYS: [(&str, &str, &str); 8] = [
    ("theme", "\"auto\"", "auto, dark, light, high-contrast or mono"),
    ("color", "\"auto\"", "auto, always or never"),
    ("ascii", "false", "true: frames, marks and cells with ASCII characters only"),
    ("lang", "\"en\"", "the language of the lesson"),
    ("pace", "1", "speed of autoplay, 0.5 to 4"),
    ("questions", "true", "false: no questions before the answer is shown"),
    ("motion", "true", "false: nothing moves by itself"),
    ("mouse", "true", "false: the mouse is left to the terminal"),
];

fn language<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Language>, D::Error> {
    String::deserialize(from)?.parse().map(Some).map_err(de::Error::custom)
}

fn pace<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f32>, D::Error> {
    let pace = f32::deserialize(from)?;
    if (0.5..=4.0).contains(&pace) {
        Ok(Some(pace))
    } else {
        Err(de::Error::custom("`pace` is 0.5 to 4"))
    }
}

/// The path of the settings file; None without a home folder.
pub fn path() -> Option<PathBuf> {
    let places = etcetera::choose_base_strategy().ok()?;
    Some(places.config_dir().join("lookback").join("config.toml"))
}

/// The settings of a file; the defaults if there is none.
///
/// # Errors
/// If there is a file that cannot be read or understood; the message says where and what to do.
pub fn load(path: &Path) -> Result<Settings> {
    let shown = visible_path(path);
    let unreadable = |e: io::Error| {
        anyhow!("{shown} cannot be read; {}; fix it, or skip it with --no-config", reason(&e))
    };
    // Opening a pipe would block.
    let kind = match fs::metadata(path) {
        Ok(kind) => kind,
        Err(e) if is_absent(&e) => return Ok(Settings::default()),
        Err(e) => return Err(unreadable(e)),
    };
    ensure!(kind.is_file(), "{shown} is not a file; remove it, or skip it with --no-config");
    let mut bytes = vec![];
    let file = File::open(path).map_err(unreadable)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    ensure!(
        bytes.len() as u64 <= MOST_BYTES,
        "{shown} has more than {MOST_BYTES} bytes; settings are a few lines; fix it, or skip it with --no-config"
    );
    let text = String::from_utf8(bytes).ok().with_context(|| {
        format!("{shown} is not UTF-8; save it as UTF-8, or skip it with --no-config")
    })?;
    parse(&text).map_err(|why| anyhow!("{shown}, {why}; fix it, or skip it with --no-config"))
}

fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The settings of a text, or the line of a mistake and what is wrong there.
fn parse(text: &str) -> Result<Settings, String> {
    toml::from_str(text).map_err(|e: toml::de::Error| {
        let at = e.span().map_or(0, |span| span.start).min(text.len());
        let line = text.get(..at).unwrap_or(text).split('\n').count();
        let message = e.message().lines().collect::<Vec<_>>().join(" ");
        format!("line {line}: {}", visible(&better(&message)))
    })
}

/// The message for an unknown key or value with the nearest known one; else the message as it is.
fn better(message: &str) -> String {
    let quoted = |i: usize| message.split('`').nth(i);
    let (Some(kind), Some(wrong)) = (message.split(" `").next(), quoted(1)) else {
        return message.to_owned();
    };
    let expected: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
    let what = match kind {
        "unknown field" => "key",
        "unknown variant" => "word",
        _ => return message.to_owned(),
    };
    let near = near(wrong, expected.iter().copied(), 1).pop();
    let near = near.map_or_else(String::new, |near| format!("; the nearest is `{near}`"));
    format!("there is no {what} `{wrong}`{near}; there are {}", expected.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, parts: &[&str]) {
        let why = parse(text).expect_err(text);
        for part in parts {
            assert!(why.contains(part), "{text:?} should say {part:?}: {why}");
        }
    }

    #[test]
    fn every_key_is_optional_and_every_example_holds() {
        assert_eq!(parse(""), Ok(Settings::default()));
        let all: Vec<String> = KEYS.map(|(key, value, _)| format!("{key} = {value}\n")).to_vec();
        let settings = parse(&all.concat()).expect("the examples are settings");
        assert_eq!(settings.theme, Some(ThemeChoice::Auto));
        assert_eq!((settings.pace, settings.mouse), (Some(1.0), Some(true)));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_what_is_near() {
        refused("ascii = true\nthmee = \"dark\"", &["line 2", "`thmee`", "nearest is `theme`"]);
        refused("\n\ntheme = \"lihgt\"", &["line 3", "`lihgt`", "nearest is `light`"]);
        refused("mouse = \"yes\"", &["line 1", "boolean"]);
        refused("pace = -1", &["line 1", "0.5 to 4"]);
        refused("pace = nan", &["line 1", "0.5 to 4"]);
        refused("lang = \"xx\"", &["line 1", "xx"]);
        refused("theme = ", &["line 1"]);
        refused("ascii = true\nascii = false", &["line 2", "duplicate"]);
        refused("\"\\u001b[2J\" = 1", &["line 1", "␛[2J"]);
    }
}
