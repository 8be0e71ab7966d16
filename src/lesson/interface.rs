//! The words of the interface in each language: titles, legends, messages, keys.
//!
//! The code says them in English, as in `language.tr("the layers")` or `tr!(language, "{n} of {all}", n, all)`; the
//! English text is the key of its translation in `assets/lessons/interface-ID.toml`. A text without a translation is
//! shown in English. Blanks stand in braces and are filled by name, in any order.

use std::{
    collections::HashMap,
    fmt::{Display, Write},
    sync::OnceLock,
};

use super::Language;

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

    /// A text of the interface in this language, its blanks filled.
    pub fn tr_filled(self, english: &str, blanks: &[(&str, &dyn Display)]) -> String {
        let (mut filled, mut rest) = (String::new(), self.tr(english));
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
        {
            filled += before;
            if let Some((_, value)) = blanks.iter().find(|blank| blank.0 == name) {
                let _ = write!(filled, "{value}"); // writing to a String cannot fail
            }
            rest = after;
        }
        filled + rest
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
