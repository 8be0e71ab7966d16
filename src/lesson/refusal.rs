//! Why a what-if or a sentence is refused, as a screen says it: in the lesson's language, and without the backticks in
//! which a terminal quotes what was typed.
//!
//! The layers below know no language, so their English messages are recognised by their forms. To translate another
//! message, add its form here and its translation to `assets/lessons/interface-ID.toml`.

use std::fmt::Display;

use super::Language;

/// Messages with blanks for what was typed; where one fits two forms, the first counts.
const FORMS: &[&str] = &[
    "{subject}=`{value}`: give {wanted}",
    "type a value for {subject}: {wanted}",
    "{subject}=0 would leave nothing; give at least 1",
    "{subject}=0 takes no step of learning; give 1 to {most}",
    "there is no token {position}; the sentence's are 0 to {last}",
    "`{text}` is not a what-if; write what changes and to what, as in {examples}",
    "`{subject}` cannot be changed; did you mean {meant}?",
    "`{text}` does not say what to change",
    "`{subject}` cannot be set; did you mean {meant}?",
    "`{subject}` cannot be set to `{value}`; a part of the model can only be off, as in {part}; a number needs its cell, as in {cell}",
    "`{text}`: which token? write its place from 0, as in {example}",
    "`{text}` gives no word; write {example}",
    "{subject}= gives no text; write {example}",
    "the what-if `{text}` has {n} bytes, the limit is {longest}; shorten it",
    "{change}: an attention weight is a share; give 0 to 1",
    "{change}: that number is learned, not computed; only computed ones can be set",
    "the model has no part named in `{change}`, and none that can be left out; numbers and tokens can be set: {examples}",
    "no model has the part named in `{change}`; a part is named as in {parts}; the palette of the walk (:) lists them all",
    "no model has the part named in `{change}`; the nearest is {near}",
    "no model has the part named in `{change}`; the nearest are {near}",
    "`{word}` is not a single token of the model's vocabulary, so it cannot replace one; try {near}",
    "with `{word}` the sentence has {n} tokens, the limit is {longest}; take a shorter word",
    "the sentence has {n} tokens, the limit is {longest} (the models were trained on up to 90); shorten it",
    "the sentence has {n} tokens, the limit is {longest}; shorten it",
    "`{text}` is not an address; write a site and a cell, as in {examples}",
    "`{text}` has {n} bytes, an address at most {longest}; shorten it",
    "`{address}` lies outside its site, whose indices are {indices} (the last excluded)",
    "{model} has no site `{path}`; the nearest is {near}; `lookback trace --sites '*' --list` names them all",
    "{model} has no site `{path}`; the nearest are {near}; `lookback trace --sites '*' --list` names them all",
    "{model} has no site `{path}`; `lookback trace --sites '*' --list` names them all",
    "`{word}` is not a token of the model; the nearest is {near}; a word of several tokens is asked about by one of them, as the walk shows them",
    "`{word}` is not a token of the model; the nearest are {near}; a word of several tokens is asked about by one of them, as the walk shows them",
    "`{word}` is not a token of the model; a word of several tokens is asked about by one of them, as the walk shows them",
    "a word is missing; give one, or two with a comma between them",
    "`{word}` is not a class of the model; its classes are {classes}",
    "the output has {n} places, 0 to {last}; ask about one of them",
    "the output has one place, 0; ask about that",
    "the output is empty, so no place of it can be asked about",
    "a model that only reads learns its sentence's next words; it takes no target; leave it out",
];

/// What a message asks for instead.
const WANTED: &[&str] = &[
    "a number",
    "a whole number up to {most}",
    "a row of a site, as in {row}, or a head, as in {head}",
    "one word, or two different ones, as in {words}; a word that has a comma stands in quotes",
    "{low} to {high}",
];

impl Language {
    /// An English message for a screen.
    pub fn refusal(self, english: &str) -> String {
        let said = match filled(FORMS, english) {
            Some((form, blanks)) => {
                let blanks: Vec<(&str, String)> =
                    blanks.into_iter().map(|(name, text)| (name, self.blank(name, text))).collect();
                self.filled_with(form, &blanks)
            }
            None => self.tr(english).to_owned(),
        };
        said.replace('`', "")
    }

    fn blank(self, name: &str, text: &str) -> String {
        if name == "model" {
            return self.tr(text).to_owned();
        }
        let Some((form, blanks)) = filled(WANTED, text).filter(|_| name == "wanted") else {
            return text.to_owned();
        };
        let blanks: Vec<(&str, String)> =
            blanks.into_iter().map(|(name, text)| (name, text.to_owned())).collect();
        self.filled_with(form, &blanks)
    }

    fn filled_with(self, form: &str, blanks: &[(&str, String)]) -> String {
        let blanks: Vec<(&str, &dyn Display)> =
            blanks.iter().map(|(name, text)| (*name, text as &dyn Display)).collect();
        self.tr_filled(form, &blanks)
    }
}

/// The first of these forms that a text has, with what fills its blanks.
fn filled<'a>(
    forms: &[&'static str],
    text: &'a str,
) -> Option<(&'static str, Vec<(&'static str, &'a str)>)> {
    forms.iter().find_map(|form| Some((*form, blanks_of(form, text)?)))
}

/// What fills the blanks of a form in a text; None if the text does not have it.
fn blanks_of<'a>(form: &'static str, text: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let mut pieces = form.split('{');
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut blanks = vec![];
    for piece in pieces {
        let (name, literal) = piece.split_once('}')?;
        // The last blank may have its literal's text in it.
        let is_last = form.ends_with(&format!("{{{piece}"));
        let at = if is_last { rest.strip_suffix(literal)?.len() } else { rest.find(literal)? };
        blanks.push((name, &rest[..at]));
        rest = &rest[at + literal.len()..];
    }
    rest.is_empty().then_some(blanks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_recognised_and_lose_their_backticks() {
        let [english, chinese] = [Language::English, Language::Chinese];
        let refused = "temperature=`999`: give 0.01 to 100";
        assert_eq!(english.refusal(refused), "temperature=999: give 0.01 to 100");
        let said = chinese.refusal(refused);
        assert!(said.contains("999") && said.contains("0.01") && !said.contains("give"), "{said}");
        let said = chinese.refusal("sample=`x`: give a whole number up to 18446744073709551615");
        assert!(!said.contains("whole") && said.contains("18446744073709551615"), "{said}");
        assert_eq!(chinese.refusal("what is this?"), "what is this?");
        assert_eq!(blanks_of("{a}: {b}.", "x: y: z."), Some(vec![("a", "x"), ("b", "y: z")]));
    }

    #[test]
    fn every_form_has_a_translation_without_backticks() {
        for form in FORMS.iter().chain(WANTED) {
            let said = Language::Chinese.tr(form);
            assert!(said != *form && !said.contains('`'), "{form}");
        }
    }
}
