//! Narration broken into lines: at spaces, and where a script without spaces may be broken. A word
//! keeps its voice; no word is cut unless it is wider than a line.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::{
    lesson::{Paragraph, Span},
    text::breaks,
};

/// How a piece of text is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    Plain,
    Strong,
    /// It names the site of the step's pane of that index.
    Pane(usize),
    /// It names a site that no pane of the step shows.
    Site,
}

/// A stretch of one voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub voice: Voice,
}

/// A line of narration.
pub type Line = Vec<Piece>;

/// A run of pieces that stay together on a line.
#[derive(Default)]
struct Word {
    pieces: Line,
    /// Whether a space parts it from the word before.
    is_spaced: bool,
}

/// Breaks paragraphs into lines; with a blank line between them if there is room for air.
pub fn wrap(
    paragraphs: &[Paragraph],
    pane_of: impl Fn(&str) -> Option<usize>,
    width: usize,
    is_airy: bool,
) -> Vec<Line> {
    let voice = |span: &Span| match &span.site {
        Some(site) => pane_of(site).map_or(Voice::Site, Voice::Pane),
        None if span.strong => Voice::Strong,
        None => Voice::Plain,
    };
    let mut lines = vec![];
    for paragraph in paragraphs {
        if is_airy && !lines.is_empty() {
            lines.push(vec![]);
        }
        let pieces = paragraph.spans.iter().map(|span| (span.text.as_str(), voice(span)));
        fill(words(pieces), width.max(1), &mut lines);
    }
    lines
}

fn words<'a>(pieces: impl Iterator<Item = (&'a str, Voice)> + Clone) -> Vec<Word> {
    let whole: String = pieces.clone().map(|(text, _)| text).collect();
    let mut breaks = breaks(&whole).peekable();
    let voiced = pieces.flat_map(|(text, voice)| text.chars().map(move |c| (c, voice)));
    let (mut words, mut word) = (vec![], Word::default());
    for ((at, c), (_, voice)) in whole.char_indices().zip(voiced) {
        let may_break = breaks.next_if_eq(&at).is_some();
        if may_break || c.is_whitespace() {
            let next = Word { pieces: vec![], is_spaced: !may_break };
            words.push(std::mem::replace(&mut word, next));
        }
        if !c.is_whitespace() {
            push(&mut word.pieces, c.encode_utf8(&mut [0; 4]), voice);
        }
    }
    words.push(word);
    words.retain(|word| !word.pieces.is_empty());
    words
}

fn fill(words: Vec<Word>, width: usize, lines: &mut Vec<Line>) {
    let (mut line, mut used): (Line, usize) = (vec![], 0);
    for word in words.into_iter().flat_map(|word| cut(word, width)) {
        let (wide, space) = (width_of(&word), usize::from(word.is_spaced));
        if used > 0 && used + space + wide > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 && word.is_spaced {
            // A space between two words of one voice belongs to it: a name is coloured throughout.
            let before = line.last().map_or(Voice::Plain, |piece| piece.voice);
            let voice = if before == word.pieces[0].voice { before } else { Voice::Plain };
            push(&mut line, " ", voice);
            used += 1;
        }
        used += wide;
        for piece in word.pieces {
            push(&mut line, &piece.text, piece.voice);
        }
    }
    lines.push(line);
}

fn push(line: &mut Line, text: &str, voice: Voice) {
    match line.last_mut().filter(|last| last.voice == voice) {
        Some(last) => last.text += text,
        None => line.push(Piece { text: text.to_owned(), voice }),
    }
}

fn width_of(word: &Word) -> usize {
    word.pieces.iter().map(|piece| piece.text.width()).sum()
}

/// A word wider than a line, in parts that fit.
fn cut(word: Word, width: usize) -> Vec<Word> {
    if width_of(&word) <= width {
        return vec![word];
    }
    let (mut parts, mut used) = (vec![Word { pieces: vec![], ..word }], 0);
    for piece in word.pieces {
        for grapheme in piece.text.graphemes(true) {
            if used + grapheme.width() > width && used > 0 {
                parts.push(Word::default());
                used = 0;
            }
            used += grapheme.width();
            if let Some(part) = parts.last_mut() {
                push(&mut part.pieces, grapheme, piece.voice);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(spans: &[(&str, Option<&str>)]) -> Paragraph {
        let span = |&(text, site): &(&str, Option<&str>)| Span {
            text: text.into(),
            site: site.map(str::to_owned),
            strong: false,
        };
        Paragraph { spans: spans.iter().map(span).collect() }
    }

    fn texts(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|l| l.iter().map(|p| p.text.as_str()).collect()).collect()
    }

    #[test]
    fn words_are_not_cut_and_punctuation_stays_with_its_word() {
        let text = paragraph(&[("the ", None), ("hidden state", Some("h")), (", and more", None)]);
        let lines = wrap(&[text], |_| Some(0), 10, false);
        assert_eq!(texts(&lines), ["the hidden", "state, and", "more"]);
        assert_eq!(lines[1][0], Piece { text: "state".into(), voice: Voice::Pane(0) });
    }

    #[test]
    fn a_word_wider_than_the_line_is_cut_between_characters() {
        let lines = wrap(&[paragraph(&[("猫猫猫 a", None)])], |_| None, 5, false);
        assert_eq!(texts(&lines), ["猫猫", "猫 a"]);
    }

    #[test]
    fn chinese_breaks_between_characters_but_not_before_its_punctuation() {
        let spans = [("先读", None), ("隐藏状态", Some("h")), ("，再看「it」。RNN 在等。", None)];
        let lines = wrap(&[paragraph(&spans)], |_| Some(0), 10, false);
        assert_eq!(texts(&lines), ["先读隐藏状", "态，再看", "「it」。", "RNN 在等。"]);
        assert_eq!(lines[1][0], Piece { text: "态".into(), voice: Voice::Pane(0) });
    }
}
