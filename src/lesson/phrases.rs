//! Short phrases of narration in each language: a share, a list, a missing value.
//!
//! Facts fill these phrases with numbers. Each phrase is a row of the table below and an entry under `[phrases]` in
//! every language file, with the same blanks. A misspelt name does not compile in the code and does not load from a
//! file; an unused phrase is dead code.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::template::{TemplatePiece, pieces};

/// A text with blanks. Unlike a template it keeps its outer spaces, since phrases are joined with others.
#[derive(Clone, Debug)]
struct Phrase(Vec<TemplatePiece>);

impl Phrase {
    /// The names of its blanks, sorted, each once.
    fn blanks<'a>(&'a self) -> Vec<&'a str> {
        let name = |piece: &'a TemplatePiece| match piece {
            TemplatePiece::Fact(name) => Some(name.as_str()),
            TemplatePiece::Words(_) => None,
        };
        let mut blanks: Vec<&str> = self.0.iter().filter_map(name).collect();
        blanks.sort_unstable();
        blanks.dedup();
        blanks
    }

    fn check_blanks(&self, name: &str, blanks: &[&str]) -> Result<()> {
        let (mut wanted, got) = (blanks.to_vec(), self.blanks());
        wanted.sort_unstable();
        ensure!(got == wanted, "the phrase `{name}` has the blanks {got:?}; it needs {wanted:?}");
        Ok(())
    }

    fn filled(&self, words: &[(&str, &str)]) -> String {
        let fill = |piece: &TemplatePiece| match piece {
            TemplatePiece::Words(text) => text.clone(),
            TemplatePiece::Fact(name) => {
                words.iter().find(|word| word.0 == name).map_or_else(String::new, |w| w.1.into())
            }
        };
        self.0.iter().map(fill).collect()
    }
}

/// Declares one phrase per row: its key and its blanks. The key is also the method that fills it.
macro_rules! phrases {
    ($($name:ident($($blank:ident),*);)*) => {
        #[derive(Clone, Copy)]
        #[expect(non_camel_case_types, reason = "each is the key of its phrase")]
        enum Key { $($name,)* }

        /// The keys and blanks of all phrases, in the order of [`Key`].
        const TABLE: &[(&str, &[&str])] = &[$((stringify!($name), &[$(stringify!($blank)),*]),)*];

        impl Phrases {
            $(pub fn $name(&self, $($blank: &str),*) -> String {
                self.0[Key::$name as usize].filled(&[$((stringify!($blank), $blank)),*])
            })*
        }
    };
}

/// Every phrase of a language, in the order of the table. A struct with a field for each would be read by code that
/// takes a large part of the build.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Phrases(Vec<Phrase>);

impl TryFrom<BTreeMap<String, String>> for Phrases {
    type Error = anyhow::Error;

    /// # Errors
    /// If a phrase is missing, unknown, or has other blanks than its row in the table.
    fn try_from(mut texts: BTreeMap<String, String>) -> Result<Self> {
        let mut phrase = |&(name, blanks): &(&str, &[&str])| {
            let text = texts.remove(name).with_context(|| format!("no phrase `{name}`"))?;
            let phrase = Phrase(pieces(&text)?);
            phrase.check_blanks(name, blanks)?;
            Ok(phrase)
        };
        let phrases = TABLE.iter().map(&mut phrase).collect::<Result<_>>()?;
        let unknown: Vec<String> = texts.into_keys().collect();
        ensure!(unknown.is_empty(), "no row of the table of phrases: {}", unknown.join(", "));
        Ok(Self(phrases))
    }
}

phrases! {
    quote(text);
    numbered(word, i);
    no_value();
    measuring();
    nothing();

    list_empty();
    list_between();
    list_end(start, last);

    token();
    tokens(n);
    word();
    words(n);
    pair();
    pairs(n);
    step();
    steps(n);
    once();
    times(n);
    tokens_together(word, n);
    amount_together(amount, n);
    changed_none();
    changed_one();
    changed_many(n);

    then_second(word, weight);
    at_temperature(temperature);
    taken_likeliest();
    taken_before_the_rest();
    runs_part();
    runs_alike();
    il_or_elle();
    ils_or_elles();
    le_or_la();
    no_pronoun_to_keep();
    no_previous_head();
    head_looks(head, word, weight);
    head_with(head, weight);
    last_word_stands_in();
    last_whole_word_stands_in();
    pronoun_example();
    try_a_pronoun();
    read_a_pronoun();
    read_ten_words();
    type_change(change);
    type_any_change();
    noun_back(word, words);
    noun_none(word);
    pronoun_looks(asker, word, weight, written);
    pronoun_looks_at_none(asker, word, weight, written);
    no_pronoun();
    no_pronoun_in_task();
    impersonal(it);
    pronouns_written(asker, transformer, elman);
    pronoun_written(asker, transformer);
    neither_pronoun();
    other_forms();

    path_none();
    path_direct();
    influence(word, percent);
    of_all(percent);
    influence_none();
    bucket(low, high);

    token_with(word, share);
    came_next(word, share);
    nothing_came();
    same_french();
    other_french();
    twin_agrees();
    twin_differs(french);
    all_agree();
    none_agrees();
    some_agree(same, different);
    elman();
    gru();
    rnn_attention();
    transformer();
    transformer_unguided();
    decoder_only();
    checkpoint();
    kv_shared(n, all);
    kv_own();

    part_of(part, all);
    part_of_last(part, all);
    first_token(word);
    first_of_last(word);
    kept_up_to(n);
    kept_none();
    ratio_one_word();
    ratio_none();
    ratio_smaller(n);
    ratio_larger(n);
    ratio_same(steps);

    target_own();
    target_given();

    changed_pass();
    other_pass(sentence);
    mask_off();
    same_unscaled(weight);
    other_unscaled(weight, without);
    all_known();
    in_capitals(word);
    unknown(words);
    known_instead(word, instead);
    alike(one, other, cosine);
    alike_none();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::{Language, Lesson, ORDER};

    fn phrase(text: &str) -> Phrase {
        Phrase(pieces(text).unwrap())
    }

    #[test]
    fn a_phrase_keeps_its_spaces_and_fills_its_blanks() {
        let words = [("word", "{weight}"), ("weight", "0.5")];
        assert_eq!(phrase(", {word} has {weight} ").filled(&words), ", {weight} has 0.5 ");
    }

    #[test]
    fn a_phrase_that_is_missing_misspelt_or_changed_keeps_the_lesson_from_loading() {
        for language in Language::ALL {
            let load = |from, to| {
                let words = language.words().replacen(from, to, 1);
                format!("{:#}", Lesson::parse(language, ORDER, &words).err().unwrap())
            };
            assert!(load("\nnothing = ", "\nnothin = ").contains("nothin"), "{language}");
            assert!(
                load("\nnothing = ", "\nmuch = \"\"\nnothing = ").contains("much"),
                "{language}"
            );
            assert!(load("\nmeasuring = ", "\n# ").contains("measuring"), "{language}");
            assert!(
                load("\ntokens = \"{n}", "\ntokens = \"{m}").contains("`tokens`"),
                "{language}"
            );
        }
    }

    #[test]
    fn wrong_blanks_are_refused_by_name() {
        assert!(phrase("{b} {a} {b}").check_blanks("x", &["a", "b"]).is_ok());
        let missing =
            phrase("{a}").check_blanks("then_second", &["a", "b"]).unwrap_err().to_string();
        assert!(missing.contains("then_second"), "{missing}");
        assert!(phrase("{a} {b}").check_blanks("x", &["a"]).is_err());
    }
}
