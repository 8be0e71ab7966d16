//! The languages of the lesson, and the words of one as they stand in its file.
//!
//! A new language is a file in assets/lessons and a variant of [`Language`].

use std::{collections::BTreeMap, fmt, str::FromStr};

use anyhow::{Result, bail};
use serde::Deserialize;

use super::{Term, template::Template};
use crate::text::visible;

/// A language that the lesson is told in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
}

impl Language {
    pub const ALL: [Self; 1] = [Self::English];

    /// As in arguments and settings.
    pub const fn id(self) -> &'static str {
        match self {
            Self::English => "en",
        }
    }

    /// The embedded file.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::English => include_str!("../../assets/lessons/en.toml"),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Language {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|language| language.id() == text) {
            Some(language) => Ok(language),
            None => bail!(
                "the lesson is not told in `{}`; there are {}",
                visible(text),
                Self::ALL.map(Self::id).join(", ")
            ),
        }
    }
}

/// Everything that a language file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Titles by chapter.
    pub chapters: BTreeMap<String, String>,
    pub steps: BTreeMap<String, StepWords>,
    #[serde(default)]
    pub glossary: Vec<Term>,
}

/// What is said in one step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepWords {
    pub title: String,
    pub formula: String,
    pub source: String,
    pub text: Template,
    #[serde(default)]
    pub deeper: Template,
    /// What is asked first, where the order says so; its options if they are words, and what is said
    /// after the answer.
    #[serde(default)]
    pub question: Template,
    #[serde(default)]
    pub options: Vec<String>,
    #[serde(default)]
    pub reveal: Template,
}
