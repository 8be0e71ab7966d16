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
    /// Words and phrases in which a form means something else: 开头 has no head.
    #[serde(default)]
    pub not_in: Vec<String>,
    pub text: String,
}

impl GlossaryTerm {
    fn forms(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.term).chain(&self.also).map(String::as_str)
    }

    /// Whether a text has one of its forms as whole words.
    pub fn is_in(&self, text: &str) -> bool {
        self.occurrences(text).next().is_some()
    }

    /// Byte ranges at which a text means the term.
    fn occurrences<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        let found = self.forms().flat_map(|form| occurrences(text, form));
        let means_another = |from: usize, to: usize| {
            let mut others = self.not_in.iter().flat_map(|other| positions(text, other));
            others.any(|(start, end)| start <= from && to <= end)
        };
        found.filter(move |&(from, to)| !is_of_name(text, from, to) && !means_another(from, to))
    }
}

/// Byte ranges of a phrase, in any case.
fn positions(text: &str, phrase: &str) -> Vec<(usize, usize)> {
    let (bytes, phrase) = (text.as_bytes(), phrase.as_bytes());
    let windows = bytes.windows(phrase.len().max(1)).enumerate();
    let found = windows.filter(|(_, part)| part.eq_ignore_ascii_case(phrase));
    found.map(|(from, part)| (from, from + part.len())).collect()
}

/// Whether a place is a part of an address, a what-if, a blank or a command: `encoder.0.ffn.out`, `token.11=tired`,
/// `mask=off`, `{head}`, `lookback heads`.
fn is_of_name(text: &str, from: usize, to: usize) -> bool {
    let (before, after) = (&text[..from], &text[to..]);
    let mut next = after.chars();
    let ends_in_name = match next.next() {
        Some('=' | '_' | '}') => true,
        Some('.' | '[') => next.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '{'),
        _ => false,
    };
    let begins = [".", "_", "{", "](", "lookback "];
    ends_in_name || begins.iter().any(|name| before.ends_with(name))
}

/// Byte ranges at which a text has a form as whole words in any case, including the `s` of a plural.
fn occurrences(text: &str, form: &str) -> impl Iterator<Item = (usize, usize)> {
    let (bytes, form) = (text.as_bytes(), form.as_bytes());
    let is_letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let [begins, ends] =
        [form.first(), form.last()].map(|byte| byte.is_some_and(u8::is_ascii_alphanumeric));
    let lower = form.first().map_or(0, u8::to_ascii_lowercase);
    let first = [lower, lower.to_ascii_uppercase()];
    memchr::memchr2_iter(first[0], first[1], bytes).filter_map(move |from| {
        let to = from + form.len();
        let is_form = bytes.get(from..to).is_some_and(|part| part.eq_ignore_ascii_case(form));
        let starts_word = !begins || from == 0 || !is_letter(from - 1);
        if !is_form || !starts_word {
            return None;
        }
        let plural = usize::from(ends && bytes.get(to) == Some(&b's'));
        let to = [to + plural, to].into_iter().find(|&to| !ends || !is_letter(to))?;
        Some((from, to))
    })
}

/// A glossary with further terms; of a term that is in both, the further one has the text and the words it is not in.
pub fn with(shared: Vec<GlossaryTerm>, further: Vec<GlossaryTerm>) -> Vec<GlossaryTerm> {
    let is_new = |old: &GlossaryTerm| further.iter().all(|new| new.term != old.term);
    let kept: Vec<GlossaryTerm> = shared.into_iter().filter(is_new).collect();
    kept.into_iter().chain(further).collect()
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
    let text = span.text.as_str();
    let mut found: Vec<(usize, usize, usize)> = vec![];
    for (i, term) in glossary.iter().enumerate() {
        found.extend(term.occurrences(text).map(|(from, to)| (from, to, i)));
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
        GlossaryTerm { term: term.into(), also, not_in: vec![], text: String::new() }
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
    #[test]
    fn names_commands_and_other_words_are_no_terms() {
        let head = term("head", &[]);
        for text in [
            "encoder.0.self_attn.head.1=off",
            "{head} and {n_heads}",
            "lookback heads",
            "[it](head.weights)",
            "head=off",
        ] {
            assert!(!head.is_in(text), "{text}");
        }
        for text in ["a head. Another", "(head)", "one [head](x)", "head [3]", "the head."] {
            assert!(head.is_in(text), "{text}");
        }
        let not_in = ["开头".to_owned(), "回头".to_owned()].to_vec();
        let head = GlossaryTerm { not_in, ..term("头", &[]) };
        assert!(!head.is_in("开头的词，回头看") && head.is_in("开头的头"));
    }
}
