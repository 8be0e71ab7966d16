//! Kind and sizes of a checkpoint, one per line.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, words::PaneWords};
use crate::ui::widgets::lines::put_line;

pub(super) struct Card<'a>(pub(super) Scene<'a>);

impl<'a> Card<'a> {
    fn rows(&self) -> &'a [(&'static str, String)] {
        self.0.reading.card.as_ref().map_or(&[], |card| &card.rows)
    }
}

impl Pane for Card<'_> {
    fn title(&self) -> Title {
        Title::named(self.0.reading.card.as_ref().map_or("", |card| &card.title))
    }

    fn preferred_size(&self) -> PreferredSize {
        let lines = self.rows().len() as u16;
        let widest = self.rows().iter().map(|(_, value)| value.width()).max().unwrap_or(0);
        let width = LABEL_WIDTH + (widest as u16).min(80);
        PreferredSize::new(Size::new(30, lines.min(6)), Size::new(width, lines))
    }

    fn in_words(&self) -> PaneWords {
        let rows = self.0.reading.card.iter().flat_map(|card| &card.rows);
        let lines =
            rows.map(|(label, value)| format!("{}: {value}", self.0.language.tr(label))).collect();
        PaneWords::new(self.0.language.tr("What was opened"), lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        for (i, (label, value)) in self.rows().iter().enumerate().take(area.height.into()) {
            let y = area.y + i as u16;
            put_line(buf, (area.x, y), area.right(), &[(self.0.language.tr(label), theme.dim())]);
            put_line(buf, (area.x + LABEL_WIDTH, y), area.right(), &[(value, theme.strong())]);
        }
    }
}

/// Width of the labels, in columns.
const LABEL_WIDTH: u16 = 18;
