//! The language of the lesson.

use super::colour::Environment;
use crate::lesson::Language;

/// The language of `--lang`, else of the settings, else of the locale, if the lesson has it; else English.
pub fn language(asked: Option<Language>, set: Option<Language>, env: Environment) -> Language {
    let locale = || {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set)
    };
    asked.or(set).or_else(|| locale()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(asked: Option<Language>, variables: &[(&str, &str)]) -> Language {
        let env = |name: &str| {
            let found = variables.iter().find(|variable| variable.0 == name);
            found.map(|variable| variable.1.to_owned())
        };
        language(asked, None, &env)
    }

    #[test]
    fn the_argument_beats_the_locale_and_the_first_variable_that_is_set_decides() {
        use Language::{Chinese, English};
        assert_eq!(chosen(None, &[]), English);
        assert_eq!(chosen(None, &[("LANG", "zh_CN.UTF-8")]), Chinese);
        assert_eq!(chosen(None, &[("LANG", "fr_FR.UTF-8")]), English);
        assert_eq!(chosen(None, &[("LC_ALL", "C"), ("LANG", "zh_CN")]), English);
        assert_eq!(chosen(None, &[("LC_ALL", ""), ("LC_MESSAGES", "zh"), ("LANG", "en")]), Chinese);
        assert_eq!(chosen(Some(English), &[("LC_ALL", "zh_CN")]), English);
        assert_eq!(chosen(Some(Chinese), &[]), Chinese);
    }
}
