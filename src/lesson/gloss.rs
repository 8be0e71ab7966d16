//! Word-by-word meanings of French words, for readers who know no French.
//!
//! The English ones are the words most often aligned with a French word in the training sentences
//! (`assets/training/glosses.py`), 2,000 of them corrected by hand; another language's table has also what is the
//! same in English, and may be shorter: English fills its gaps.

mod chinese;

use std::{collections::HashMap, sync::OnceLock};

use super::Language;

/// French word in lower case to its gloss.
type Table = HashMap<&'static str, &'static str>;

fn table(language: Language) -> &'static Table {
    static TABLES: OnceLock<[Table; Language::ALL.len()]> = OnceLock::new();
    let read = |language: Language| -> Table {
        language.glosses().lines().filter_map(|line| line.split_once('\t')).collect()
    };
    &TABLES.get_or_init(|| Language::ALL.map(read))[language as usize]
}

/// The gloss of the nth word of a French text; in Chinese, the words beside it count.
pub fn gloss_in(words: &[&str], n: usize, language: Language) -> String {
    let beside = (language == Language::Chinese).then(|| chinese::gloss_beside(words, n)).flatten();
    beside.unwrap_or_else(|| gloss(words[n], language))
}

/// The Chinese gloss of one word.
fn plain(word: &str) -> String {
    gloss(word, Language::Chinese)
}

/// The gloss of a stretch of French without spaces, which may hold several words (`qu'il`). A word that is in no table is
/// the same in English, or a name, and stands for itself. Punctuation is left out.
pub fn gloss(french: &str, language: Language) -> String {
    let plain = french.replace('’', "'");
    let one = |word: &str| -> String {
        let lower = word.to_lowercase();
        let found = table(language).get(&*lower).or_else(|| table(Language::English).get(&*lower));
        found.map_or_else(|| word.to_owned(), |gloss| (*gloss).to_owned())
    };
    let words = parts(&plain).into_iter().map(one);
    words.collect::<Vec<_>>().join(if language == Language::Chinese { "" } else { " " })
}

/// The words of a stretch that is not in the table: an elided word keeps its apostrophe (`qu'`), hyphens part words
/// (`est-ce`), and a `t` between two hyphens is only there for the sound (`a-t-il`).
fn parts(text: &str) -> Vec<&str> {
    let text = text.trim_matches(is_mark);
    if table(Language::English).contains_key(&*text.to_lowercase()) {
        return vec![text];
    }
    let pieces = text.split_inclusive('\'').flat_map(|piece| {
        let n = piece.split('-').count();
        let is_sound = move |i: usize, part: &str| part == "t" && i > 0 && i + 1 < n;
        piece.split('-').enumerate().filter(move |(i, part)| !is_sound(*i, part))
    });
    pieces.map(|(_, piece)| piece.trim_matches(is_mark)).filter(|piece| !piece.is_empty()).collect()
}

fn is_mark(c: char) -> bool {
    !c.is_alphanumeric() && c != '\''
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_glossed_one_by_one() {
        let english = |word| gloss(word, Language::English);
        assert_eq!(english("rue."), "street");
        assert_eq!(english("L’animal"), "the animal");
        assert_eq!(english("qu'il"), "that he");
        assert_eq!(english("Zorblax"), "Zorblax");
        assert_eq!(english("Aujourd'hui,"), "today");
        assert_eq!(english("?"), "");
        assert_eq!(english("en"), "in");
        assert_eq!(english("a-t-il"), "has he");
        assert_eq!(english("«Quelqu’un,"), "somebody");
        assert_eq!(english("grands-mères"), "grandmothers");
        assert_eq!(english("est-ce"), "is this");
        assert_eq!(gloss("a-t-elle", Language::Chinese), "有她");
        assert_eq!(gloss("quelqu'un", Language::Chinese), "某人");
    }

    #[test]
    fn chinese_glosses_fit_the_words_beside_them() {
        let chinese = |text: &str| {
            let words: Vec<&str> = text.split(' ').collect();
            let glosses = (0..words.len()).map(|n| gloss_in(&words, n, Language::Chinese));
            glosses.filter(|gloss| !gloss.is_empty()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(chinese("Le chien n'a pas bu parce qu'il"), "这 狗 没 喝 因为 他");
        assert_eq!(chinese("il a bu"), "他 已 喝");
        assert_eq!(chinese("il a un chien"), "他 有 一 狗");
        assert_eq!(chinese("elle n'a pas de chien"), "她 没有 的 狗");
        assert_eq!(chinese("il ne mange pas"), "他 吃 不");
    }

    #[test]
    fn every_word_has_a_chinese_gloss_in_chinese_characters() {
        let chinese = table(Language::Chinese);
        for word in table(Language::English).keys() {
            assert!(chinese.contains_key(word), "{word}");
        }
        for (word, gloss) in chinese {
            let is_chinese = gloss.chars().all(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            assert!(is_chinese && !gloss.is_empty(), "{word}: {gloss}");
        }
        assert_eq!(gloss("chien", Language::Chinese), "狗");
        // The same in English, so not in its table.
        assert_eq!(gloss("table", Language::Chinese), "桌子");
    }
}
