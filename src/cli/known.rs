//! Parsers of option values, with the values that completions and help list.

use std::{ffi::OsStr, fmt::Display, path::PathBuf, str::FromStr};

use clap::{
    Arg, Command,
    builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser},
};

use crate::{
    engine::change::Change,
    export::{FORMATS, Format, instead_of},
    lesson::{Language, Lesson},
    model::ModelName,
    text,
    weights::places::Places,
};

/// A parser with some known values for completions; other values are accepted too.
#[derive(Clone, Copy)]
pub struct Known<T> {
    read: fn(&str) -> Result<T, String>,
    values: fn() -> Vec<String>,
}

impl<T: FromStr<Err: Display>> Known<T> {
    /// A parser by `FromStr`; completions list `values`.
    pub const fn new(values: fn() -> Vec<String>) -> Self {
        Self { read, values }
    }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Known<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        self.read.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.values)().into_iter().map(PossibleValue::new)))
    }
}

/// The value of `--model`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    All,
    BuiltIn(ModelName),
    /// The path of a checkpoint, or the name of a model on this machine.
    Path(PathBuf),
}

fn read<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e: T::Err| e.to_string())
}

pub fn language() -> Known<Language> {
    Known::new(|| Language::ALL.map(|language| language.id().to_owned()).into())
}

/// A step id; the walk of a checkpoint can have others than those listed.
pub fn step() -> Known<String> {
    Known::new(ids)
}

/// A selection of steps.
pub fn steps() -> Known<String> {
    Known::new(|| ["all", "tour"].map(str::to_owned).into_iter().chain(ids()).collect())
}

fn ids() -> Vec<String> {
    let lesson = Lesson::embedded(Language::English);
    lesson.map_or_else(|_| vec![], |l| l.steps().iter().map(|(_, step)| step.id.clone()).collect())
}

/// The id of a format; the error for a removed format names its replacement.
#[derive(Clone, Copy)]
pub struct KnownFormat;

impl KnownFormat {
    fn ids() -> impl Iterator<Item = PossibleValue> {
        FORMATS.iter().map(|format| PossibleValue::new(format.id).help(format.about))
    }
}

impl TypedValueParser for KnownFormat {
    type Value = &'static Format;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        if let Some(instead) = value.to_str().and_then(instead_of) {
            return (move |_: &str| Err(instead)).parse_ref(command, arg, value);
        }
        PossibleValuesParser::new(Self::ids())
            .try_map(|id| Format::find(&id).ok_or_else(|| format!("no format {id}")))
            .parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Self::ids()))
    }
}

pub fn pace(text: &str) -> Result<f32, String> {
    let pace = text.parse().ok().filter(|pace| (0.1..=100.0).contains(pace));
    pace.ok_or_else(|| "write a number from 0.1 to 100, as in 2".into())
}

pub fn rate(text: &str) -> Result<f32, String> {
    let rate = text.parse().ok().filter(|rate| (0.0..=10.0).contains(rate));
    rate.ok_or_else(|| "write a number from 0 to 10, as in 0.05".into())
}

pub fn share(text: &str) -> Result<f32, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "write a share from 0 to 1, as in 0.04".into())
}

pub fn change(text: &str) -> Result<Change, String> {
    read(text)
}

/// A built-in model by its name; text that looks like a path or a repository, or names a file or model on this machine,
/// is a checkpoint; a path may be of any bytes.
pub fn chosen() -> impl TypedValueParser<Value = Chosen> {
    OsStringValueParser::new().try_map(|given| match given.to_str() {
        Some(text) => named(text),
        None => Ok(Chosen::Path(given.into())),
    })
}

fn named(text: &str) -> Result<Chosen, String> {
    if text == "all" {
        return Ok(Chosen::All);
    }
    let path = PathBuf::from(text);
    match model(text) {
        Ok(name) => Ok(Chosen::BuiltIn(name)),
        Err(_) if text.contains(['/', '.']) || has_tag(text) || path.exists() || is_here(text) => {
            Ok(Chosen::Path(path))
        }
        Err(why) => Err(why),
    }
}

/// Whether it looks like a name of Ollama's: `llama3.2:1b`.
fn has_tag(text: &str) -> bool {
    text.contains(':') && !text.contains(char::is_whitespace)
}

/// Whether another program has fetched a model of this name.
fn is_here(name: &str) -> bool {
    Places::of(&super::variable).has(name)
}

fn model(name: &str) -> Result<ModelName, String> {
    let near = || text::near_clause(name, ModelName::ALL.iter().map(|n| n.id()), 1);
    let all = || ModelName::ALL.map(ModelName::id).join(", ");
    ModelName::ALL.into_iter().find(|n| n.id() == name).ok_or_else(|| {
        format!(
            "there is no such model{}; there are {}; a checkpoint is given by its path, \
             as in ./{}, or by a name that `lookback models` lists",
            near(),
            all(),
            text::shown(name)
        )
    })
}
