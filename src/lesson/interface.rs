//! The words of the interface in each language: titles, legends, messages, keys.
//!
//! The code says them in English, as in `language.tr("the layers")` or `tr!(language, "{n} of {all}", n, all)`; the
//! English text is the key of its translation in `assets/lessons/interface-ID.toml`. A text without a translation is
//! shown in English. Blanks stand in braces and are filled by name, in any order. The layers below know no language:
//! their errors hold a [`Refusal`], whose form is such a text.

use std::{collections::HashMap, error::Error, fmt::Display, sync::OnceLock};

use super::Language;
use crate::text::{self, Refusal};

/// English text to its translation.
type Table = HashMap<String, String>;

fn table(language: Language) -> &'static Table {
    static TABLES: [OnceLock<Table>; Language::ALL.len()] =
        [const { OnceLock::new() }; Language::ALL.len()];
    // The file is embedded and a test reads it, so that it parses.
    TABLES[language as usize]
        .get_or_init(|| toml::from_str(language.interface()).unwrap_or_default())
}

impl Language {
    /// A text of the interface in this language; the text itself if there is no translation.
    pub fn tr(self, english: &str) -> &str {
        if self == Self::English {
            return english;
        }
        table(self).get(english).map_or(english, String::as_str)
    }

    /// A label and what it is said of, with the language's colon: `of “it”: 0.9`.
    pub fn labelled(self, label: &str, text: &str) -> String {
        [label, self.tr(": "), text].concat()
    }

    /// A text of the interface in this language, its blanks filled.
    pub fn tr_filled(self, english: &str, blanks: &[(&str, &dyn Display)]) -> String {
        text::filled(self.tr(english), blanks)
    }

    /// Why something is refused, for a screen: in this language, and without the backticks in which a terminal quotes
    /// what was typed.
    pub fn refusal(self, why: &anyhow::Error) -> String {
        let said = |why: &(dyn Error + 'static)| match why.downcast_ref::<Refusal>() {
            Some(refusal) => refusal.translated(|form| self.tr(form)),
            None => self.tr(&why.to_string()).to_owned(),
        };
        why.chain().map(said).collect::<Vec<_>>().join(": ").replace('`', "")
    }
}

/// `tr!(language, "{n} of {all} heads", n, all = heads.len())`: a text of the interface with its blanks filled, as a String.
macro_rules! tr {
    (@value $name:ident) => { &$name as &dyn ::std::fmt::Display };
    (@value $name:ident $value:expr) => { &$value as &dyn ::std::fmt::Display };
    ($language:expr, $text:expr, $($name:ident $(= $value:expr)?),+ $(,)?) => {
        $language.tr_filled($text, &[$((stringify!($name), $crate::lesson::tr!(@value $name $($value)?))),+])
    };
}
pub(crate) use tr;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::change::Change, text::refusal};

    #[test]
    fn a_refusal_is_in_the_language_and_loses_its_backticks() {
        let refused = |what_if: &str| what_if.parse::<Change>().unwrap_err();
        let [english, chinese] = [Language::English, Language::Chinese];
        let why = refused("temperature=999");
        assert_eq!(english.refusal(&why), "temperature=999: give 0.01 to 100");
        let said = chinese.refusal(&why);
        assert!(said.contains("999") && said.contains("0.01") && !said.contains("give"), "{said}");
        let said = chinese.refusal(&refused("sample=`x`"));
        assert!(!said.contains("whole") && said.contains("18446744073709551615"), "{said}");
        assert_eq!(chinese.refusal(&anyhow::anyhow!("a `file` is missing")), "a file is missing");
        let wrapped = anyhow::Error::from(refusal!("a number")).context("the page");
        assert_eq!(chinese.refusal(&wrapped), "the page: 一个数");
    }
}
