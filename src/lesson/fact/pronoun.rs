//! Which “it” or “they” of a sentence stands for a noun: French chooses a gender for no other.
//!
//! What is said of an “it” decides: rain, a time, or a judgement (“it is hard to say”). Where that leaves two readings (“it was
//! late”: the train, or the hour), the “it” stands for no noun if no noun comes before it, or if the French says so.

use super::{Context, ENGLISH_PRONOUNS, all_of};
use crate::{
    analysis::{evidence::heads::nouns_before, trace::Trace},
    model::ModelName,
    text::{Token, words},
};

/// What may stand between “it” and what is said of it.
const BETWEEN: &str = "is isn't was wasn't has hasn't had hadn't be been being will won't would may might must \
    can could does doesn't did didn't not never always often still already just only really very so too quite almost \
    nearly about get gets got getting going become becoming became begin begins began start starts started stop stops \
    stopped to";

/// Said of no noun.
const WEATHER_AND_TIMES: &str = "rain rains rained raining snow snows snowed snowing hail hails hailed hailing \
    drizzle drizzled drizzling thunder thundered thundering monday tuesday wednesday thursday friday saturday sunday \
    january february march april june july august september october november december spring summer autumn winter \
    christmas easter noon midday midnight morning evening night time";

/// Said of a noun, or of the weather or the hour.
const ALSO_OF_NOUNS: &str = "late early cold hot warm cool chilly mild freezing dark light bright wet dry humid sunny \
    windy rainy snowy cloudy foggy stormy pouring";

/// With a clause after them, said of the clause, or of a noun.
const JUDGEMENTS: &str = "hard difficult easy simple important possible impossible necessary better best good bad nice \
    great fun strange true clear obvious likely certain lucky dangerous safe useful useless interesting wrong right";

/// What begins such a clause.
const CLAUSES: &str = "to that for if when";

/// With “that” after them, said of no noun.
const SEEMING: &str = "seems seemed appears appeared happens happened";

/// French of an hour or the weather.
const FRENCH_OF_NO_NOUN: [&str; 5] = [" tard", " tôt", "il fait ", "il faisait ", "il fera "];

/// Where the last pronoun begins that stands for a noun, in a sentence with this French. None if there is none.
pub fn pronoun_in(tokens: &[Token], french: &str) -> Option<usize> {
    all_of(tokens, ENGLISH_PRONOUNS).rfind(|&i| !stands_for_no_noun(tokens, i, french))
}

fn stands_for_no_noun(tokens: &[Token], pronoun: usize, french: &str) -> bool {
    let rest = &tokens[pronoun..];
    let words: Vec<String> =
        words::words(rest).into_iter().map(|word| words::lower(&rest[word])).collect();
    let is_it = |word: &String| word.split(['\'', '’']).next() == Some("it");
    if !words.first().is_some_and(is_it) {
        return false;
    }
    let is_in = |list: &str, word: &str| list.split(' ').any(|listed| listed == word);
    let mut said = words[1..].iter().map(String::as_str).skip_while(|word| is_in(BETWEEN, word));
    let (said, next) = (said.next().unwrap_or(""), said.next().unwrap_or(""));
    // In “ten o'clock” the o is a word.
    if is_in(WEATHER_AND_TIMES, said) || next == "o" || (is_in(SEEMING, said) && next == "that") {
        return true;
    }
    let may_be = is_in(ALSO_OF_NOUNS, said) || (is_in(JUDGEMENTS, said) && is_in(CLAUSES, next));
    let is_so_in_french = || FRENCH_OF_NO_NOUN.iter().any(|written| french.contains(written));
    may_be && (nouns_before(tokens, pronoun, &[]).is_empty() || is_so_in_french())
}

impl Context<'_> {
    /// [`pronoun_in`] of the sentence.
    pub fn pronoun_of_sentence(&self) -> Option<usize> {
        pronoun_in(&self.reading.sentence.tokens, self.french())
    }

    /// What the Transformer wrote before any change, so that what stands for a noun is the same with changes; empty if
    /// it is not read.
    pub fn french(&self) -> &str {
        self.plain_transformer().map_or("", |trace| &trace.output_text)
    }

    /// The Transformer's pass without changes; None if it is not read.
    pub(super) fn plain_transformer(&self) -> Option<&Trace> {
        let name = ModelName::Transformer;
        let pass = || self.reading.plain_trace(name).unwrap_or_else(|| self.reading.trace(name));
        self.reading.has(name).then(pass)
    }
}
