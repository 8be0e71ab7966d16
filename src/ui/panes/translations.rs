//! The translations of the sentence by all models; words that differ from the Transformer's are marked. Where there is
//! room, a bar under each word shows how likely it was to the model that wrote it.

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords};
use crate::{
    analysis::trace::Trace,
    engine::{
        math::in_common,
        value::{Cell, Extent},
    },
    lesson::gloss::gloss_in,
    lesson::tr,
    model::ModelName,
    text::{ItemWidth, Token, fill, visible},
    ui::widgets::lines::{fit, put_line},
};

pub(super) struct Translations<'a>(pub(super) Scene<'a>);

const MODELS: [ModelName; 5] = [
    ModelName::Elman,
    ModelName::Gru,
    ModelName::RnnAttention,
    ModelName::Transformer,
    ModelName::TransformerUnguided,
];
/// The order in which models lose their glosses where space is short, if no other reason decides: those that the lesson
/// says least of come first.
const GLOSSES_LOST: [ModelName; 5] = [
    ModelName::TransformerUnguided,
    ModelName::Elman,
    ModelName::Gru,
    ModelName::RnnAttention,
    ModelName::Transformer,
];
const LEGEND_LINES: u16 = 1;
/// Width of the pane up to which words are laid on one line, in columns.
const LONGEST_LINE: u16 = 140;
/// Most blank lines between two models.
const MAX_GAP: u16 = 2;
/// Maximum width of the models' names, in columns.
const MAX_NAMES_WIDTH: u16 = 22;

impl Translations<'_> {
    /// A model's words with their glosses, and whether the Transformer has each at the same position or nearby.
    fn words(&self, name: ModelName) -> Vec<Word> {
        let text = |name| self.0.reading.trace(name).output_text.clone();
        let (own, reference) = (text(name), text(ModelName::Transformer));
        let own: Vec<&str> = own.split_whitespace().collect();
        let reference: Vec<&str> = reference.split_whitespace().collect();
        let probabilities = probabilities(self.0.reading.trace(name), &own);
        let word = |(i, (is_common, text)): (usize, (bool, &&str))| Word {
            text: (*text).to_owned(),
            gloss: gloss_in(&own, i, self.0.language),
            p: probabilities.as_ref().map(|all| all[i]),
            is_common,
        };
        in_common(&own, &reference).into_iter().zip(&own).enumerate().map(word).collect()
    }

    fn texts(&self) -> Vec<NamedText> {
        let english = visible(self.0.reading.sentence.read_text());
        let plain = |text: &str| Word {
            text: text.to_owned(),
            gloss: String::new(),
            p: None,
            is_common: true,
        };
        let english = english.split_whitespace().map(plain).collect();
        let language = self.0.language;
        let named = |name, words| NamedText { name: language.tr(name).to_owned(), words };
        let models = MODELS.map(|name| named(name.title(), self.words(name)));
        [named("English", english)].into_iter().chain(models).collect()
    }

    /// The models in the order in which they lose their glosses: those that write what the Transformer writes, then those
    /// that do not; the selected one, or else that of the step, is the last.
    fn glosses_lost(&self) -> [ModelName; 5] {
        let kept = self.selected_block().checked_sub(1).map_or(self.0.model, |i| MODELS[i]);
        let differs = |name: ModelName| self.words(name).iter().any(|word| !word.is_common);
        let mut lost = GLOSSES_LOST;
        lost.sort_by_key(|name| (*name == kept, differs(*name)));
        lost
    }

    /// The blocks wrapped to the area's width. Where they, a blank line between two and the legend do not fit, they lose
    /// their bars; where they do not fit even without blank lines, blocks lose their glosses, in the order of
    /// [`Self::glosses_lost`].
    fn wrapped_blocks(&self, area: Rect, gap: u16) -> Vec<Block> {
        let width = area.width - names_width(area.width);
        let mut all = self.texts();
        let wrapped = |all: &[NamedText]| -> Vec<Block> {
            let wrap = |text: &NamedText| Block {
                name: text.name.clone(),
                lines: wrap_words(text.words.clone(), width),
            };
            all.iter().map(wrap).collect()
        };
        let mut blocks = wrapped(&all);
        if total_height(&blocks, gap) + LEGEND_LINES > area.height + gap {
            all.iter_mut().flat_map(|text| &mut text.words).for_each(|word| word.p = None);
            blocks = wrapped(&all);
        }
        for name in self.glosses_lost() {
            // The legend gives way before a gloss does.
            if total_height(&blocks, 0) <= area.height {
                break;
            }
            let i = MODELS.iter().position(|model| *model == name).map_or(0, |i| i + 1);
            all[i].words.iter_mut().for_each(|word| word.gloss.clear());
            blocks = wrapped(&all);
        }
        blocks
    }

    /// Index of the block under the cursor; without focus, that of the step's model.
    fn selected_block(&self) -> usize {
        let own = MODELS.iter().position(|name| *name == self.0.model).map_or(0, |i| i + 1);
        if self.0.focused { self.0.selection.row.min(MODELS.len()) } else { own }
    }

    fn draw_block(&self, i: usize, Block { name, lines }: &Block, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let is_own = name == self.0.language.tr(self.0.model.title());
        let style = match (self.0.focused && i == self.selected_block(), is_own) {
            (true, _) => theme.accent().bold(),
            (false, true) => theme.accent(),
            (false, false) => theme.dim(),
        };
        let names_width = names_width(area.width);
        let label = fit(name, usize::from(names_width).saturating_sub(1));
        put_line(buf, area, area.x + names_width, &[(&label, style)]);
        for (words, y) in lines.iter().zip((area.y..area.bottom()).step_by(row_height(lines))) {
            let mut x = area.x + names_width;
            for word in words {
                let plain = Style::new();
                let style = if word.is_common { plain } else { theme.incorrect().underlined() };
                put_line(buf, (x, y), area.right(), &[(&word.text, style)]);
                let has_gloss = u16::from(!word.gloss.is_empty());
                if y + has_gloss < area.bottom() && has_gloss > 0 {
                    put_line(buf, (x, y + 1), area.right(), &[(&word.gloss, theme.dim())]);
                }
                let bar_y = y + row_height(lines) as u16 - 1;
                if let Some(p) = word.p.filter(|_| bar_y < area.bottom()) {
                    let bar = theme.bar(p, word.width());
                    put_line(buf, (x, bar_y), area.right(), &[(&bar, theme.ink(p))]);
                }
                x += word.width() as u16 + 1;
            }
        }
    }

    /// Draws the legend: what underlined words mean, and what bars do if there are any; in fewer words where it is
    /// narrow.
    fn draw_legend(&self, has_bars: bool, line: Rect, buf: &mut Buffer) {
        let (theme, language) = (self.0.theme, self.0.language);
        let sign = language.tr("underlined");
        let long = [": not what the Transformer writes", "; bar: the word's probability"];
        let short = [": not the Transformer's", "; bar: probability"];
        let text = |texts: [&'static str; 2]| {
            let [meaning, bars] = texts.map(|text| language.tr(text));
            format!("{meaning}{}", if has_bars { bars } else { "" })
        };
        let fits = |text: &String| sign.width() + text.width() <= line.width.into();
        let text = Some(text(long)).filter(fits).unwrap_or_else(|| text(short));
        let length = (sign.width() + text.width()) as u16;
        let x = line.x + names_width(line.width).min(line.width.saturating_sub(length));
        let pieces = [(sign, theme.incorrect().underlined()), (&*text, theme.dim())];
        put_line(buf, (x, line.y), line.right(), &pieces);
    }

    /// The blocks in an area above the legend.
    fn layout(&self, area: Rect) -> Layout {
        let gap = u16::from(area.height > 20);
        let blocks = self.wrapped_blocks(area, gap);
        let fits = |gap| total_height(&blocks, gap) + LEGEND_LINES <= area.height + gap;
        let gap = match gap {
            _ if total_height(&blocks, MAX_GAP) < area.height => MAX_GAP,
            gap if fits(gap) => gap,
            _ => 0,
        };
        let heights: Vec<u16> = blocks.iter().map(|block| height(&block.lines) + gap).collect();
        // The last block needs no gap below it.
        let needed: u16 = heights.iter().sum();
        let legend = if needed + LEGEND_LINES > area.height + gap { 0 } else { LEGEND_LINES };
        let available_lines = area.height.saturating_sub(legend) + gap;
        let shown = visible_blocks(&heights, available_lines, self.selected_block());
        Layout { blocks, heights, shown, legend }
    }
}

/// Blocks with their heights, gaps included, and those in view.
struct Layout {
    blocks: Vec<Block>,
    heights: Vec<u16>,
    shown: Range<usize>,
    /// Lines of the legend: none if the words need them.
    legend: u16,
}

/// The sentence or a translation, with its name.
struct NamedText {
    name: String,
    words: Vec<Word>,
}

/// The same, wrapped into lines.
struct Block {
    name: String,
    lines: Vec<Vec<Word>>,
}

/// A word of a translation, with what it means under it.
#[derive(Clone)]
struct Word {
    text: String,
    gloss: String,
    /// Its probability when it was written; None for the sentence, and where bars are left out.
    p: Option<f32>,
    /// Whether the Transformer has it too.
    is_common: bool,
}

impl Word {
    fn width(&self) -> usize {
        self.text.width().max(self.gloss.width())
    }
}

/// Height of a row of words: a line more if any word has a gloss, and one if any has a bar.
fn row_height(lines: &[Vec<Word>]) -> usize {
    let has = |part: fn(&Word) -> bool| usize::from(lines.iter().flatten().any(part));
    1 + has(|word| !word.gloss.is_empty()) + has(|word| word.p.is_some())
}

/// The probability of each word of an output: the product of its tokens'. None if the tokens do not spell the words.
fn probabilities(trace: &Trace, words: &[&str]) -> Option<Vec<f32>> {
    let probs = trace.probs()?;
    let probability = |(row, token): (usize, &Token)| {
        let cell = Cell::new(0, row, token.id as usize);
        let p = probs.shape().holds(cell).then(|| probs.value.get(cell))?;
        Some((token.bare().to_owned(), p))
    };
    let mut tokens = trace.output_rows().into_iter().zip(&trace.output).filter_map(probability);
    let of_word = |word: &&str| {
        let (mut text, mut all) = (String::new(), 1.0);
        while text.len() < word.len() {
            let (token, p) = tokens.next()?;
            text += &token;
            all *= p;
        }
        (text == *word).then_some(all)
    };
    words.iter().map(of_word).collect()
}

/// Height of a block in lines, without the gap below it.
fn height(lines: &[Vec<Word>]) -> u16 {
    (lines.len() * row_height(lines)) as u16
}

/// Height of blocks in lines, each with a gap below it.
fn total_height(blocks: &[Block], gap: u16) -> u16 {
    blocks.iter().map(|block| height(&block.lines) + gap).sum()
}

/// Width of the names' column in a pane of that width.
fn names_width(width: u16) -> u16 {
    MAX_NAMES_WIDTH.min(width / 2)
}

/// Wraps words into lines of at most `width` columns.
fn wrap_words(words: Vec<Word>, width: u16) -> Vec<Vec<Word>> {
    let widths = words.iter().map(|word| ItemWidth { space: 1, item: word.width() });
    let lines = fill(widths, width.into());
    let mut words = words.into_iter();
    lines.into_iter().map(|line| words.by_ref().take(line.len()).collect()).collect()
}

/// Range of the blocks that fit whole, including block `cursor`.
fn visible_blocks(heights: &[u16], available_lines: u16, cursor: usize) -> Range<usize> {
    let fits = |range: Range<usize>| heights[range].iter().sum::<u16>() <= available_lines;
    let start = (0..cursor).find(|&start| fits(start..cursor + 1)).unwrap_or(cursor);
    let end = (start + 1..=heights.len()).rev().find(|&end| fits(start..end));
    start..end.unwrap_or(start + 1).min(heights.len())
}

impl Pane for Translations<'_> {
    fn title(&self) -> Title {
        Title::named(self.0.language.tr("the sentence in every model's French"))
    }

    fn preferred_size(&self) -> PreferredSize {
        let texts = self.texts();
        let length = |words: &[Word]| words.iter().map(|word| word.width() + 1).sum::<usize>();
        let longest = texts.iter().map(|text| length(&text.words)).max().unwrap_or(0) as u16;
        let width = (MAX_NAMES_WIDTH + longest).clamp(60, LONGEST_LINE);
        let lines = |texts: &[NamedText], width: u16| {
            let width = width - names_width(width);
            let height = |text: &NamedText| height(&wrap_words(text.words.clone(), width));
            texts.iter().map(height).sum::<u16>() + LEGEND_LINES
        };
        let (n, with_bars) = (texts.len() as u16, lines(&texts, width));
        let mut plain = texts;
        plain.iter_mut().flat_map(|text| &mut text.words).for_each(|word| word.p = None);
        PreferredSize::new(Size::new(50, 8), Size::new(width, with_bars + n))
            .whole_at(Size::new(60, lines(&plain, 60)))
            .up_to(with_bars + MAX_GAP * n)
    }

    /// One row per block.
    fn extent(&self) -> Extent {
        Extent::new(MODELS.len() + 1, 1)
    }

    fn out_of_view(&self, area: Rect) -> [usize; 2] {
        let Layout { blocks, shown, .. } = self.layout(area);
        [shown.start, blocks.len() - shown.end]
    }

    fn status_line(&self, row: usize, _: usize) -> Option<String> {
        let name = *MODELS.get(row.checked_sub(1)?)?;
        let n = self.words(name).iter().filter(|word| !word.is_common).count();
        let language = self.0.language;
        let difference = match (name, n) {
            (ModelName::Transformer, _) => {
                language.tr("the others are compared with it").to_owned()
            }
            (_, 0) => language.tr("the same words as the Transformer").to_owned(),
            (_, 1) => language.tr("1 word that the Transformer does not write").to_owned(),
            _ => tr!(language, "{n} words that the Transformer does not write", n),
        };
        Some(language.labelled(language.tr(name.title()), &difference))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let language = self.0.language;
        let line = |name: ModelName| {
            let glosses = self.words(name).into_iter().map(|word| word.gloss);
            let glosses: Vec<String> = glosses.filter(|gloss| !gloss.is_empty()).collect();
            let meaning = if glosses.is_empty() {
                String::new()
            } else {
                tr!(language, " (word by word: {glosses})", glosses = glosses.join(" "))
            };
            let output = &self.0.reading.trace(name).output_text;
            language.labelled(language.tr(name.title()), &format!("{output}{meaning}"))
        };
        PaneWords::new(language.tr("Every model's output"), MODELS.map(line).to_vec())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Layout { blocks, heights, shown, legend } = self.layout(area);
        let mut rest = Rect { height: area.height.saturating_sub(legend), ..area };
        // The lines that the last whole block leaves are filled with the next one's first.
        for i in (shown.start..blocks.len()).take(shown.len() + 1) {
            if rest.height == 0 {
                break;
            }
            let height = heights[i].min(rest.height);
            self.draw_block(i, &blocks[i], Rect { height, ..rest }, buf);
            rest = Rect { y: rest.y + height, height: rest.height - height, ..rest };
        }
        let legend = Rect { height: legend.min(area.bottom() - rest.y), ..rest };
        let mut words = blocks.iter().flat_map(|block| block.lines.iter().flatten());
        let has_bars = words.any(|word| word.p.is_some());
        if legend.height > 0 {
            self.draw_legend(has_bars, legend, buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Word, visible_blocks, wrap_words};

    #[test]
    fn visible_blocks_are_whole_and_include_the_selected_one() {
        let visible = |lines, cursor| visible_blocks(&[3, 2, 4, 2], lines, cursor);
        assert_eq!(
            [visible(11, 0), visible(9, 0), visible(9, 2), visible(9, 3)],
            [0..4, 0..3, 0..3, 1..4]
        );
        assert_eq!([visible(1, 2), visible(0, 3)], [2..3, 3..4]);
    }

    #[test]
    fn lines_are_no_wider_than_the_limit() {
        let word = |text: &str| Word {
            text: text.to_owned(),
            gloss: String::new(),
            p: None,
            is_common: true,
        };
        let words = ["Le", "chien", "dort."].map(word).to_vec();
        let lengths =
            |width| wrap_words(words.clone(), width).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(
            [lengths(14), lengths(13), lengths(8), lengths(1)],
            [vec![3], vec![2, 1], vec![2, 1], vec![1, 1, 1]]
        );
    }
}
