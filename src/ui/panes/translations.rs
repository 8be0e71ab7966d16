//! What every model makes of the sentence, beside each other; words that differ from the
//! Transformer's are marked.

use std::ops::Range;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, words::PaneWords};
use crate::{
    engine::math::kept,
    model::Name,
    text::visible,
    ui::widgets::lines::{fit, put_line, put_on},
};

pub(super) struct Translations<'a>(pub(super) Scene<'a>);

const MODELS: [Name; 5] =
    [Name::Elman, Name::Gru, Name::RnnAttention, Name::Transformer, Name::TransformerUnguided];
/// The column of the models' names.
const NAMES: u16 = 22;

impl Translations<'_> {
    /// A model's words, each with whether the Transformer has it in the same place or nearby.
    fn words(&self, name: Name) -> Words {
        let text = |name| self.0.reading.trace(name).output_text.clone();
        let (own, reference) = (text(name), text(Name::Transformer));
        let own: Vec<&str> = own.split_whitespace().collect();
        let reference: Vec<&str> = reference.split_whitespace().collect();
        kept(&own, &reference).into_iter().zip(own).map(|(c, w)| (w.to_owned(), c)).collect()
    }

    fn blocks(&self) -> Vec<(String, Words)> {
        let english = visible(&self.0.reading.sentence.text);
        let english = english.split_whitespace().map(|w| (w.to_owned(), true)).collect();
        let models = MODELS.map(|name| (name.title().to_owned(), self.words(name)));
        [("English".to_owned(), english)].into_iter().chain(models).collect()
    }

    /// The block that the cursor stands on; while it walks elsewhere, that of the step's own model.
    fn at(&self) -> usize {
        let own = MODELS.iter().position(|name| *name == self.0.model).map_or(0, |i| i + 1);
        if self.0.focused { self.0.selection.row.min(MODELS.len()) } else { own }
    }

    fn draw_block(&self, i: usize, (label, lines): &Block, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let is_own = label == self.0.model.title();
        let style = match (self.0.focused && i == self.at(), is_own) {
            (true, _) => theme.accent().bold(),
            (false, true) => theme.accent(),
            (false, false) => theme.dim(),
        };
        let names = names(area.width);
        let label = fit(label, usize::from(names).saturating_sub(1));
        put_line(buf, (area.x, area.y), area.x + names, &[(&label, style)]);
        for (words, line) in lines.iter().zip(area.rows()) {
            let mut x = area.x + names;
            for (word, is_common) in words {
                let is_same = Style::new();
                let style = if *is_common { is_same } else { theme.wrong().underlined() };
                x = put_line(buf, (x, line.y), line.right(), &[(word, style)]) + 1;
            }
        }
    }

    /// What the sign of words means.
    fn draw_meaning(&self, line: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let (sign, meaning) = ("underlined", ": not what the Transformer writes");
        let indent = line.width.saturating_sub((sign.len() + meaning.len()) as u16);
        let x = line.x + names(line.width).min(indent);
        let pieces = [(sign, theme.wrong().underlined()), (meaning, theme.dim())];
        put_line(buf, (x, line.y), line.right(), &pieces);
    }

    /// How many blocks are above and below those in view.
    fn draw_rest(&self, shown: &Range<usize>, n: usize, line: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let said = |n: usize, sign: &str, place: &str| {
            if n > 0 { format!("{sign} {n} more {place}   ") } else { String::new() }
        };
        let below = said(n - shown.end, theme.glyph("▾", "v"), "below");
        let above = said(shown.start, theme.glyph("▴", "^"), "above");
        put_on(buf, line, &[(&above, theme.dim()), (&below, theme.dim())]);
    }
}

/// A name, and lines of words.
type Block = (String, Vec<Words>);
/// Words, each with whether it is as the Transformer has it.
type Words = Vec<(String, bool)>;

/// The columns of the names.
fn names(width: u16) -> u16 {
    NAMES.min(width / 2)
}

/// Words in lines of so many columns at most.
fn wrapped(words: Words, width: u16) -> Vec<Words> {
    let (mut lines, mut x) = (vec![vec![]], 0);
    for (word, is_common) in words {
        let wide = word.width() + 1;
        if x > 0 && x + wide > usize::from(width) + 1 {
            lines.push(vec![]);
            x = 0;
        }
        x += wide;
        if let Some(line) = lines.last_mut() {
            line.push((word, is_common));
        }
    }
    lines
}

/// The blocks of these heights that fit whole, that at the cursor among them.
fn fitting(heights: &[u16], room: u16, at: usize) -> Range<usize> {
    let fits = |range: Range<usize>| heights[range].iter().sum::<u16>() <= room;
    let start = (0..at).find(|&start| fits(start..at + 1)).unwrap_or(at);
    let end = (start + 1..=heights.len()).rev().find(|&end| fits(start..end));
    start..end.unwrap_or(start + 1).min(heights.len())
}

impl Pane for Translations<'_> {
    fn title(&self) -> String {
        "the sentence in every model's French".to_owned()
    }

    fn preferred_size(&self) -> PreferredSize {
        let lines = self.blocks().iter().map(|(_, words)| words.len() / 9 + 2).sum::<usize>();
        PreferredSize::new((50, 8), (110, lines as u16 + 2))
    }

    /// Walks from block to block.
    fn extent(&self) -> (usize, usize) {
        (MODELS.len() + 1, 1)
    }

    fn status_line(&self, row: usize, _: usize) -> Option<String> {
        let name = *MODELS.get(row.checked_sub(1)?)?;
        let n = self.words(name).iter().filter(|(_, is_common)| !is_common).count();
        let said = match (name, n) {
            (Name::Transformer, _) => "the others are held against it".to_owned(),
            (_, 0) => "the same words as the Transformer".to_owned(),
            (_, 1) => "1 word that the Transformer does not write".to_owned(),
            _ => format!("{n} words that the Transformer does not write"),
        };
        Some(format!("{}: {said}", name.title()))
    }

    fn in_words(&self) -> PaneWords {
        let line =
            |name: Name| format!("{}: {}", name.title(), self.0.reading.trace(name).output_text);
        PaneWords::new("Every model's output", Name::ALL.map(line).to_vec())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let gap = u16::from(area.height > 14);
        let width = area.width - names(area.width);
        let blocks = self.blocks().into_iter().map(|(label, words)| (label, wrapped(words, width)));
        let blocks: Vec<Block> = blocks.collect();
        let heights: Vec<u16> = blocks.iter().map(|(_, lines)| lines.len() as u16 + gap).collect();
        let all = heights.iter().sum::<u16>();
        // A gap beneath the last block is none.
        let has_all = all <= area.height + gap;
        let room = if has_all { all } else { area.height.saturating_sub(1) };
        let shown = fitting(&heights, room, self.at());
        let mut rest = area;
        for i in shown.clone() {
            let height = heights[i].min(rest.height);
            self.draw_block(i, &blocks[i], Rect { height, ..rest }, buf);
            rest = Rect { y: rest.y + height, height: rest.height - height, ..rest };
        }
        if !has_all {
            let last = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
            self.draw_rest(&shown, blocks.len(), last.intersection(area), buf);
        } else if rest.height > 0 {
            self.draw_meaning(rest, buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{fitting, wrapped};

    #[test]
    fn blocks_fit_whole_and_the_chosen_one_is_in_view() {
        let at = |room, at| fitting(&[3, 2, 4, 2], room, at);
        assert_eq!([at(11, 0), at(9, 0), at(9, 2), at(9, 3)], [0..4, 0..3, 0..3, 1..4]);
        assert_eq!([at(1, 2), at(0, 3)], [2..3, 3..4]);
    }

    #[test]
    fn lines_are_no_longer_than_their_room() {
        let words = ["Le", "chien", "dort."].map(|word| (word.to_owned(), true)).to_vec();
        let lengths =
            |width| wrapped(words.clone(), width).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(
            [lengths(14), lengths(13), lengths(8), lengths(1)],
            [vec![3], vec![2, 1], vec![2, 1], vec![1, 1, 1]]
        );
    }
}
