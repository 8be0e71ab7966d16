//! Kind and sizes of a checkpoint, one per line.

use std::fmt::Display;

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, in_words::PaneWords};
use crate::{
    analysis::reading::CardValue,
    lesson::{Language, tr},
    ui::widgets::lines::put_line,
};

pub(super) struct CardPane<'a>(pub(super) Scene<'a>);

impl<'a> CardPane<'a> {
    fn rows(&self) -> Vec<(&'a str, String)> {
        let (language, card) = (self.0.language, self.0.reading.card.as_ref());
        let rows = card.into_iter().flat_map(|card| &card.rows);
        rows.map(|(label, value)| (language.tr(label), in_language(value, language))).collect()
    }

    /// Columns of the labels, with the space after them.
    fn label_width(&self) -> u16 {
        let labels = self.0.reading.card.iter().flat_map(|card| &card.rows);
        let widths = labels.map(|(label, _)| self.0.language.tr(label).width());
        widths.max().unwrap_or(0) as u16 + 2
    }
}

impl Pane for CardPane<'_> {
    fn title(&self) -> Title {
        Title::named(self.0.reading.card.as_ref().map_or("", |card| &card.title))
    }

    fn preferred_size(&self) -> PreferredSize {
        let lines = self.rows().len() as u16;
        let widest = self.rows().iter().map(|(_, value)| value.width()).max().unwrap_or(0);
        let width = self.label_width() + (widest as u16).min(80);
        PreferredSize::new(Size::new(width.min(38), lines.min(6)), Size::new(width, lines))
    }

    fn in_words(&self) -> PaneWords {
        let line = |(label, value)| tr!(self.0.language, "{label}: {value}", label, value);
        let lines = self.rows().into_iter().map(line).collect();
        PaneWords::new(self.0.language.tr("What was opened"), lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        for (i, (label, value)) in self.rows().iter().enumerate().take(area.height.into()) {
            let y = area.y + i as u16;
            put_line(buf, (area.x, y), area.right(), &[(label, theme.dim())]);
            let x = area.x + self.label_width();
            put_line(buf, (x, y), area.right(), &[(value, theme.strong())]);
        }
    }
}

/// A text of the card in a language.
fn in_language(value: &CardValue, language: Language) -> String {
    match value {
        CardValue::Plain(text) => text.clone(),
        CardValue::Said(text, blanks) => {
            let filled: Vec<(&str, String)> =
                blanks.iter().map(|(name, value)| (*name, in_language(value, language))).collect();
            let filled: Vec<(&str, &dyn Display)> =
                filled.iter().map(|(name, text)| (*name, text as &dyn Display)).collect();
            language.tr_filled(text, &filled)
        }
    }
}
