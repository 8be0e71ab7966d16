//! What every model makes of the sentence, beside each other; words that differ from the
//! Transformer's are marked.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{Pane, Scene, Wanted};
use crate::{lines::put_line, math::kept, model::Name, text::visible};

pub(super) struct Translations<'a>(pub(super) Scene<'a>);

const MODELS: [Name; 5] =
    [Name::Elman, Name::Gru, Name::RnnAttention, Name::Transformer, Name::TransformerUnguided];
/// The column of the models' names.
const NAMES: u16 = 24;

impl Translations<'_> {
    /// A model's words, each with whether the Transformer has it in the same place or nearby.
    fn words(&self, name: Name) -> Vec<(String, bool)> {
        let text = |name| self.0.reading.trace(name).output_text.clone();
        let (own, reference) = (text(name), text(Name::Transformer));
        let own: Vec<&str> = own.split_whitespace().collect();
        let reference: Vec<&str> = reference.split_whitespace().collect();
        kept(&own, &reference).into_iter().zip(own).map(|(c, w)| (w.to_owned(), c)).collect()
    }

    fn blocks(&self) -> Vec<(String, Vec<(String, bool)>)> {
        let english = visible(&self.0.reading.sentence.text);
        let english = english.split_whitespace().map(|w| (w.to_owned(), true)).collect();
        let models = MODELS.map(|name| (name.title().to_owned(), self.words(name)));
        [("English".to_owned(), english)].into_iter().chain(models).collect()
    }

    /// Draws a block and returns the line after it.
    fn draw_block(
        &self,
        label: &str,
        words: &[(String, bool)],
        area: Rect,
        buf: &mut Buffer,
    ) -> u16 {
        let theme = self.0.theme;
        let names = NAMES.min(area.width / 3);
        let is_own = label == self.0.model.title();
        let style = if is_own { theme.accent() } else { theme.dim() };
        put_line(buf, (area.x, area.y), area.x + names.saturating_sub(1), &[(label, style)]);
        let left = area.x + names;
        let (mut x, mut y) = (left, area.y);
        for (word, is_common) in words {
            if x > left && x + word.width() as u16 > area.right() {
                (x, y) = (left, y + 1);
            }
            if y >= area.bottom() {
                return y;
            }
            let style = if *is_common { Style::new() } else { theme.wrong().underlined() };
            x = put_line(buf, (x, y), area.right(), &[(word, style)]) + 1;
        }
        y + 1
    }
}

impl Pane for Translations<'_> {
    fn title(&self) -> String {
        "the sentence in every model's French".to_owned()
    }

    fn wanted(&self) -> Wanted {
        let lines = self.blocks().iter().map(|(_, words)| words.len() / 9 + 2).sum::<usize>();
        Wanted::new((50, 8), (110, lines as u16 + 2))
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let gap = u16::from(area.height > 14);
        let mut y = area.y;
        for (label, words) in self.blocks() {
            if y >= area.bottom() {
                return;
            }
            let rest = Rect { y, height: area.bottom() - y, ..area };
            y = self.draw_block(&label, &words, rest, buf) + gap;
        }
        if y < area.bottom() {
            let theme = self.0.theme;
            let pieces = [
                ("underlined", theme.wrong().underlined()),
                (": not what the Transformer writes", theme.dim()),
            ];
            put_line(buf, (area.x + NAMES.min(area.width / 3), y), area.right(), &pieces);
        }
    }
}
