//! Breaks the narration into lines: at spaces, and between characters in scripts without spaces. A word keeps its
//! role; only a word wider than a line is cut.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::{
    lesson::{Paragraph, Span, Step},
    text::{ItemWidth, LineRun, fill, runs},
};

/// How a piece of text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextRole {
    Plain,
    Strong,
    /// The name of the site shown by the step's pane with this index.
    Pane(usize),
    /// The name of a site that no pane of the step shows.
    Site,
}

/// A stretch of text with one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProsePiece {
    pub text: String,
    pub role: TextRole,
    /// The first mention of a term of the glossary.
    pub is_term: bool,
}

impl ProsePiece {
    fn is_like(&self, other: &Self) -> bool {
        (self.role, self.is_term) == (other.role, other.is_term)
    }
}

/// A line of narration.
pub type Line = Vec<ProsePiece>;

/// Pieces that stay together on a line.
#[derive(Clone, Default)]
struct Word {
    pieces: Line,
    /// Whether a space separates it from the previous word.
    is_spaced: bool,
}

impl Word {
    /// What it takes of a line, given its own columns.
    fn item_width(&self, item: usize) -> ItemWidth {
        ItemWidth { space: self.is_spaced.into(), item }
    }
}

/// Paragraphs as words, measured once and broken into lines of any width.
pub struct Prose {
    /// The words of each paragraph with their widths in columns.
    paragraphs: Vec<Vec<(usize, Word)>>,
    /// Whether a blank line stands between paragraphs.
    is_airy: bool,
}

impl Prose {
    /// Paragraphs; the names of sites have the role of the pane that `pane_of` tells.
    fn new(
        paragraphs: &[Paragraph],
        pane_of: impl Fn(&str) -> Option<usize>,
        is_airy: bool,
    ) -> Self {
        let role = |span: &Span| match &span.site {
            Some(site) => pane_of(site).map_or(TextRole::Site, TextRole::Pane),
            None if span.strong => TextRole::Strong,
            None => TextRole::Plain,
        };
        let piece = |span: &Span| ProsePiece {
            text: span.text.clone(),
            role: role(span),
            is_term: span.is_term,
        };
        let words = |paragraph: &Paragraph| {
            let pieces: Vec<ProsePiece> = paragraph.spans.iter().map(piece).collect();
            let words = unbreakable_runs(&pieces).into_iter();
            words.map(|word| (width_of(&word), word)).collect()
        };
        Self { paragraphs: paragraphs.iter().map(words).collect(), is_airy }
    }

    /// The paragraphs of a step; the names of sites have the role of the pane that shows them in `layer`.
    pub fn of_step(step: &Step, layer: usize, paragraphs: &[Paragraph], is_airy: bool) -> Self {
        let paths: Vec<_> = step.panes.iter().map(|pane| pane.path(layer)).collect();
        let pane_of = |site: &str| paths.iter().position(|path| path.as_deref() == Some(site));
        Self::new(paragraphs, pane_of, is_airy)
    }

    /// Number of lines of at most `width` columns.
    pub fn n_lines(&self, width: u16) -> usize {
        let width = usize::from(width).max(1);
        let gaps = if self.is_airy { self.paragraphs.len().saturating_sub(1) } else { 0 };
        self.paragraphs.iter().map(|words| n_lines(words, width)).sum::<usize>() + gaps
    }

    /// Lines of at most `width` columns.
    pub fn lines(&self, width: u16) -> Vec<Line> {
        let mut lines = vec![];
        for words in &self.paragraphs {
            if self.is_airy && !lines.is_empty() {
                lines.push(vec![]);
            }
            let words = words.iter().map(|(_, word)| word.clone()).collect();
            append_lines(words, usize::from(width).max(1), &mut lines);
        }
        lines
    }
}

/// Number of lines of a paragraph.
fn n_lines(words: &[(usize, Word)], width: usize) -> usize {
    if words.iter().any(|(wide, _)| *wide > width) {
        let mut lines = vec![];
        append_lines(words.iter().map(|(_, word)| word.clone()).collect(), width, &mut lines);
        return lines.len();
    }
    fill(words.iter().map(|(item, word)| word.item_width(*item)), width).len()
}

/// Breaks paragraphs into lines of at most `width` columns; `is_airy` puts a blank line between paragraphs.
pub fn wrap(
    paragraphs: &[Paragraph],
    pane_of: impl Fn(&str) -> Option<usize>,
    width: u16,
    is_airy: bool,
) -> Vec<Line> {
    Prose::new(paragraphs, pane_of, is_airy).lines(width)
}

/// The unbreakable runs of a paragraph, each with its pieces.
fn unbreakable_runs(pieces: &[ProsePiece]) -> Vec<Word> {
    let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    let mut end = 0;
    let starts = pieces.iter().map(|piece| {
        end += piece.text.len();
        (end - piece.text.len()..end, piece)
    });
    let placed: Vec<_> = starts.collect();
    let word = |run: LineRun| {
        let mut word = Word { pieces: vec![], is_spaced: run.is_spaced };
        for (place, piece) in &placed {
            let (from, to) = (place.start.max(run.range.start), place.end.min(run.range.end));
            if from < to {
                push(
                    &mut word.pieces,
                    ProsePiece {
                        text: whole[from..to].to_owned(),
                        role: piece.role,
                        is_term: piece.is_term,
                    },
                );
            }
        }
        word
    };
    runs(&whole).into_iter().map(word).collect()
}

fn append_lines(words: Vec<Word>, width: usize, lines: &mut Vec<Line>) {
    let words: Vec<Word> = words.into_iter().flat_map(|word| split_to_width(word, width)).collect();
    let filled = fill(words.iter().map(|word| word.item_width(width_of(word))), width);
    let mut words = words.into_iter();
    lines.extend(filled.into_iter().map(|line| joined(words.by_ref().take(line.len()))));
}

/// Words on one line.
fn joined(words: impl Iterator<Item = Word>) -> Line {
    let mut line: Line = vec![];
    for word in words {
        if let Some(before) = line.last().filter(|_| word.is_spaced) {
            // A space between two words of one role takes that role: a name is coloured throughout.
            let same_role = word.pieces.first().is_some_and(|piece| before.is_like(piece));
            let (role, is_term) =
                if same_role { (before.role, before.is_term) } else { (TextRole::Plain, false) };
            push(&mut line, ProsePiece { text: " ".into(), role, is_term });
        }
        for piece in word.pieces {
            push(&mut line, piece);
        }
    }
    line
}

fn push(line: &mut Line, piece: ProsePiece) {
    match line.last_mut().filter(|last| last.is_like(&piece)) {
        Some(last) => last.text += &piece.text,
        None => line.push(piece),
    }
}

fn width_of(word: &Word) -> usize {
    word.pieces.iter().map(|piece| piece.text.width()).sum()
}

/// Splits a word wider than a line into parts that fit.
fn split_to_width(word: Word, width: usize) -> Vec<Word> {
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
                push(&mut part.pieces, ProsePiece { text: grapheme.to_owned(), ..piece });
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
            is_term: false,
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
        assert_eq!(
            lines[1][0],
            ProsePiece { text: "state".into(), role: TextRole::Pane(0), is_term: false }
        );
    }

    #[test]
    fn lines_are_counted_as_they_are_broken() {
        let text = paragraph(&[
            ("猫猫猫 a ", None),
            ("hidden state", Some("h")),
            (", and 隐藏 more", None),
        ]);
        for width in 1..40 {
            let prose = Prose::new(&[text.clone(), text.clone()], |_| Some(0), true);
            assert_eq!(prose.n_lines(width), prose.lines(width).len(), "{width}");
        }
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
        assert_eq!(
            lines[1][0],
            ProsePiece { text: "态".into(), role: TextRole::Pane(0), is_term: false }
        );
    }
}
