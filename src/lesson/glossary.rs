//! Glossary terms: where a text has them, and how the narration marks them.

use serde::Deserialize;

use super::{Paragraph, Span};

/// A technical term with its explanation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlossaryTerm {
    pub term: String,
    /// Other forms of the term in texts.
    #[serde(default)]
    pub also: Vec<String>,
    pub text: String,
}

impl GlossaryTerm {
    fn forms(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.term).chain(&self.also).map(String::as_str)
    }

    /// Whether a text has one of its forms as whole words.
    pub fn is_in(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        self.forms().any(|form| occurrences(&text, form).next().is_some())
    }
}

/// Byte ranges at which a lower-case text has a form as whole words, including the `s` of a plural.
fn occurrences<'a>(text: &'a str, form: &str) -> impl Iterator<Item = (usize, usize)> + use<'a> {
    let form = form.to_ascii_lowercase();
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let ends = form.chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
    let found: Vec<_> = text.match_indices(&form).map(|(at, f)| (at, at + f.len())).collect();
    found.into_iter().filter_map(move |(from, to)| {
        let starts_word = !form.starts_with(|c: char| c.is_ascii_alphanumeric())
            || !is_letter(text[..from].chars().next_back());
        let plural = usize::from(ends && text[to..].starts_with('s'));
        let to = [to + plural, to]
            .into_iter()
            .find(|&to| !ends || !is_letter(text[to..].chars().next()))?;
        starts_word.then_some((from, to))
    })
}

/// Marks the first occurrence of each term in the paragraphs; of overlapping terms, the longest.
pub fn mark(glossary: &[GlossaryTerm], paragraphs: &[Paragraph]) -> Vec<Paragraph> {
    let mut seen = vec![false; glossary.len()];
    let mut marked = |paragraph: &Paragraph| Paragraph {
        spans: paragraph.spans.iter().flat_map(|s| split(glossary, &mut seen, s)).collect(),
    };
    paragraphs.iter().map(&mut marked).collect()
}

fn split(glossary: &[GlossaryTerm], seen: &mut [bool], span: &Span) -> Vec<Span> {
    let text = span.text.to_ascii_lowercase();
    let mut found: Vec<(usize, usize, usize)> = vec![];
    for (i, term) in glossary.iter().enumerate() {
        found.extend(
            term.forms().flat_map(|f| occurrences(&text, f)).map(|(from, to)| (from, to, i)),
        );
    }
    found.sort_by_key(|&(from, to, _)| (from, std::cmp::Reverse(to)));
    let (mut parts, mut done) = (vec![], 0);
    for (from, to, term) in found {
        if from < done {
            continue;
        }
        if !std::mem::replace(&mut seen[term], true) {
            parts.push(part(span, done..from, false));
            parts.push(part(span, from..to, true));
            done = to;
        }
    }
    parts.push(part(span, done..text.len(), false));
    parts.retain(|part| !part.text.is_empty());
    parts
}

fn part(span: &Span, range: std::ops::Range<usize>, is_term: bool) -> Span {
    Span { text: span.text[range].to_owned(), is_term, ..span.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(term: &str, also: &[&str]) -> GlossaryTerm {
        let also = also.iter().map(ToString::to_string).collect();
        GlossaryTerm { term: term.into(), also, text: String::new() }
    }

    #[test]
    fn whole_words_and_plurals_are_found() {
        let head = term("head", &[]);
        assert!(head.is_in("Several heads") && head.is_in("(Head)") && !head.is_in("ahead headed"));
        assert!(term("注意力", &[]).is_in("看注意力权重"));
        assert!(term("layer norm", &["layer normalisation"]).is_in("a Layer Normalisation."));
    }

    #[test]
    fn the_first_and_the_longest_are_marked() {
        let terms = [term("state", &[]), term("hidden state", &[])];
        let span =
            |text: &str| Span { text: text.into(), site: None, strong: false, is_term: false };
        let text = Paragraph { spans: vec![span("A hidden state, a state, a state")] };
        let marked = mark(&terms, &[text]);
        let shown: Vec<&str> =
            marked[0].spans.iter().filter(|s| s.is_term).map(|s| s.text.as_str()).collect();
        assert_eq!(shown, ["hidden state", "state"]);
    }
}
