//! The markup of a step's text. It has three marks:
//!
//! * `{name}`: a blank, filled with the fact of that name (the table in `fact.rs`);
//! * `[scores](encoder.{layer}.self_attn.scores)`: words linked to a site, in the colour of its pane;
//!   `{layer}` is the selected layer, and the words may hold blanks;
//! * `*words*`: strong; the words may hold blanks.
//!
//! `[[` is a plain `[`, `**` a plain `*`.
//!
//! A line break inside a paragraph is a space, or nothing between two wide characters (Chinese); an empty line starts
//! the next paragraph. Facts are filled in after the marks are parsed, so brackets in the sentence do no harm.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::text::is_wide;

/// A text with its marks parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    /// As written in the lesson.
    pub source: String,
    pub paragraphs: Vec<Vec<MarkedText>>,
}

/// A piece of text in one style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarkedText {
    pub pieces: Vec<TemplatePiece>,
    pub site: Option<String>,
    pub strong: bool,
}

/// Words as written, or a blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePiece {
    Words(String),
    Fact(String),
}

impl TryFrom<String> for Template {
    type Error = anyhow::Error;

    fn try_from(source: String) -> Result<Self> {
        let paragraphs = source.trim().split("\n\n").map(|p| parse_marks(&joined_lines(p)));
        let paragraphs = paragraphs.collect::<Result<_>>()?;
        Ok(Self { source, paragraphs })
    }
}

impl Template {
    pub fn marks(&self) -> impl Iterator<Item = &MarkedText> {
        self.paragraphs.iter().flatten()
    }

    /// The names of its blanks.
    pub fn facts(&self) -> impl Iterator<Item = &str> {
        self.marks().flat_map(|mark| &mark.pieces).filter_map(|piece| match piece {
            TemplatePiece::Fact(name) => Some(name.as_str()),
            TemplatePiece::Words(_) => None,
        })
    }
}

/// The lines of a paragraph joined by spaces, or by nothing between two Chinese characters; runs of spaces become one.
fn joined_lines(paragraph: &str) -> String {
    let lines = paragraph.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "));
    lines
        .reduce(|text, line| {
            let (before, after) = (text.chars().next_back(), line.chars().next());
            let is_inside = before.is_some_and(is_wide) && after.is_some_and(is_wide);
            format!("{text}{}{line}", if is_inside { "" } else { " " })
        })
        .unwrap_or_default()
}

fn parse_marks(text: &str) -> Result<Vec<MarkedText>> {
    let mut marks = vec![];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (mark, after) = match first {
            '[' if rest.starts_with("[[") => {
                (MarkedText { pieces: pieces("[")?, ..MarkedText::default() }, &rest[2..])
            }
            '*' if rest.starts_with("**") => {
                (MarkedText { pieces: pieces("*")?, ..MarkedText::default() }, &rest[2..])
            }
            '[' => linked(rest)?,
            '*' => strong(rest)?,
            _ => plain(rest)?,
        };
        marks.push(mark);
        rest = after;
    }
    Ok(marks)
}

/// Parses `[words](site)`; returns the mark and the rest of the text.
fn linked(text: &str) -> Result<(MarkedText, &str)> {
    let wrong = || format!("`{text}` opens a link; write [words](site)");
    let (words, rest) = text[1..].split_once("](").with_context(wrong)?;
    let (site, rest) = rest.split_once(')').with_context(wrong)?;
    Ok((MarkedText { pieces: pieces(words)?, site: Some(site.to_owned()), strong: false }, rest))
}

/// Parses `*words*`; returns the mark and the rest of the text.
fn strong(text: &str) -> Result<(MarkedText, &str)> {
    let wrong = || format!("`{text}` opens strong words; close them with `*`");
    let (words, rest) = text[1..].split_once('*').with_context(wrong)?;
    Ok((MarkedText { pieces: pieces(words)?, site: None, strong: true }, rest))
}

/// Parses unmarked text; returns it and the text from the next mark on.
fn plain(text: &str) -> Result<(MarkedText, &str)> {
    let end = text.find(['[', '*']).unwrap_or(text.len());
    Ok((MarkedText { pieces: pieces(&text[..end])?, ..MarkedText::default() }, &text[end..]))
}

/// Splits a text into words and blanks.
pub(super) fn pieces(text: &str) -> Result<Vec<TemplatePiece>> {
    let mut pieces = vec![];
    let mut rest = text;
    while let Some((words, after)) = rest.split_once('{') {
        let (name, after) =
            after.split_once('}').with_context(|| format!("`{text}` has an open `{{`"))?;
        ensure!(!name.is_empty(), "`{text}` has a blank without a name");
        pieces.extend((!words.is_empty()).then(|| TemplatePiece::Words(words.to_owned())));
        pieces.push(TemplatePiece::Fact(name.to_owned()));
        rest = after;
    }
    pieces.extend((!rest.is_empty()).then(|| TemplatePiece::Words(rest.to_owned())));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Result<Template> {
        text.to_owned().try_into()
    }

    #[test]
    fn marks_are_read() {
        let text =
            "Row {n} of\n[the {layer} scores](a.{layer}.b) is *{x}*.\n\nPress [[ or ] or **.";
        let template = template(text).unwrap();
        assert_eq!(template.facts().collect::<Vec<_>>(), ["n", "layer", "x"]);
        assert_eq!(
            template.marks().filter_map(|m| m.site.as_deref()).collect::<Vec<_>>(),
            ["a.{layer}.b"]
        );
        assert_eq!(template.marks().filter(|m| m.strong).count(), 1);
        assert_eq!(template.paragraphs.len(), 2);
        let words = |m: &MarkedText| format!("{:?}", m.pieces);
        let last: String = template.paragraphs[1].iter().map(words).collect();
        assert_eq!(
            last,
            r#"[Words("Press ")][Words("[")][Words(" or ] or ")][Words("*")][Words(".")]"#
        );
    }

    #[test]
    fn a_line_break_is_a_space_but_not_between_chinese_characters() {
        let text = |text: &str| match &template(text).unwrap().paragraphs[0][0].pieces[..] {
            [TemplatePiece::Words(words)] => words.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text("one  word\n  a step"), "one word a step");
        assert_eq!(text("一步\n读一个\nRNN 词，\n再写"), "一步读一个 RNN 词，再写");
    }

    #[test]
    fn unfinished_marks_are_named() {
        for text in ["a {b", "a [b](c", "a [b] c", "a *b", "a {} b"] {
            assert!(template(text).is_err(), "{text}");
        }
    }
}
