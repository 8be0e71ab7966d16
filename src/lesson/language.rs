//! The languages of the lesson, and the contents of a language file.
//!
//! To add a language, add four files in assets/lessons and a row of `languages!`.

use std::{collections::BTreeMap, fmt, str::FromStr};

use anyhow::{Result, bail};
use serde::Deserialize;

use super::{GlossaryTerm, phrases::Phrases, template::Template};
use crate::text::visible;

/// Declares one language per row: its variant and its id. The files are `assets/lessons/ID.toml` and
/// `assets/lessons/checkpoint-ID.toml`, words of the interface in `assets/lessons/interface-ID.toml`, and glosses of
/// French words in `assets/lessons/glosses-ID.tsv`.
macro_rules! languages {
    ($($(#[$attribute:meta])* $language:ident $id:literal;)*) => {
        /// A language of the lesson.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum Language {
            $($(#[$attribute])* $language,)*
        }

        impl Language {
            pub const ALL: [Self; [$($id),*].len()] = [$(Self::$language),*];

            /// The id in arguments and settings.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$language => $id,)*
                }
            }

            /// The embedded file of the walk.
            pub(super) const fn words(self) -> &'static str {
                match self {
                    $(Self::$language => include_str!(concat!("../../assets/lessons/", $id, ".toml")),)*
                }
            }

            /// The embedded table of French words: word, tab, gloss.
            pub(super) const fn glosses(self) -> &'static str {
                match self {
                    $(Self::$language => {
                        include_str!(concat!("../../assets/lessons/glosses-", $id, ".tsv"))
                    })*
                }
            }

            /// The embedded table of the interface: English text, text in this language.
            pub(super) const fn interface(self) -> &'static str {
                match self {
                    $(Self::$language => {
                        include_str!(concat!("../../assets/lessons/interface-", $id, ".toml"))
                    })*
                }
            }

            /// The embedded file of a checkpoint's lesson: chapters, steps and what differs in the glossary; phrases are shared.
            pub(super) const fn checkpoint_words(self) -> &'static str {
                match self {
                    $(Self::$language => {
                        include_str!(concat!("../../assets/lessons/checkpoint-", $id, ".toml"))
                    })*
                }
            }
        }
    };
}

languages! {
    #[default]
    English "en";
    /// Simplified characters.
    Chinese "zh";
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Language {
    type Err = anyhow::Error;

    /// Reads an id, or a locale of that language: `zh`, `zh-Hans`, `zh_CN.UTF-8`.
    fn from_str(text: &str) -> Result<Self> {
        let first = text.split(['-', '_', '.', '@']).next().unwrap_or(text);
        match Self::ALL.into_iter().find(|language| language.id().eq_ignore_ascii_case(first)) {
            Some(language) => Ok(language),
            None => bail!(
                "there is no lesson in `{}`; the languages are {}",
                visible(text),
                Self::ALL.map(Self::id).join(", ")
            ),
        }
    }
}

/// The contents of a language file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageWords {
    /// Titles by chapter.
    pub chapters: BTreeMap<String, String>,
    pub steps: BTreeMap<String, StepWords>,
    pub phrases: Phrases,
    pub page: PageWords,
    /// What the groups of the shelf show.
    pub shelf: BTreeMap<String, String>,
    #[serde(default)]
    pub glossary: Vec<GlossaryTerm>,
}

/// The texts of an exported page around its frames.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageWords {
    pub back: String,
    pub next: String,
    pub steps: String,
    pub close: String,
    pub colours: String,
    /// The heading of a frame's text.
    pub in_words: String,
    pub keys: String,
}

/// The contents of a language file for checkpoints.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointWords {
    /// Titles by chapter.
    pub chapters: BTreeMap<String, String>,
    pub steps: BTreeMap<String, StepWords>,
    /// Terms that checkpoints add, and those that mean something else there.
    #[serde(default)]
    pub glossary: Vec<GlossaryTerm>,
}

/// The texts of one step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepWords {
    pub title: String,
    pub formula: String,
    pub source: String,
    pub text: Template,
    #[serde(default)]
    pub deeper: Template,
    /// The question asked first, if the order has one; its options if they are texts, and the text after the answer.
    #[serde(default)]
    pub question: Template,
    #[serde(default)]
    pub options: Vec<String>,
    #[serde(default)]
    pub reveal: Template,
    /// A lab's hint, and what its solution shows.
    #[serde(default)]
    pub hint: Template,
    #[serde(default)]
    pub solved: Template,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_locales_name_languages_and_nothing_else_does() {
        for text in ["zh", "zh-CN", "zh_CN", "zh_CN.UTF-8", "zh-Hans", "ZH-hans", "zh@x"] {
            assert_eq!(text.parse::<Language>().unwrap(), Language::Chinese, "{text}");
        }
        for text in ["en", "en_US.UTF-8", "EN-gb"] {
            assert_eq!(text.parse::<Language>().unwrap(), Language::English, "{text}");
        }
        for text in ["", "C", "C.UTF-8", "POSIX", "fr_FR", "zhuang", "zh CN", "_zh"] {
            let wrong = text.parse::<Language>().unwrap_err().to_string();
            assert!(wrong.contains("en, zh"), "{wrong}");
        }
    }
}
