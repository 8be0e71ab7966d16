//! Table of reading times on this machine: one row per number of tokens, one column per model.

use std::time::Duration;

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};

use super::{Pane, PreferredSize, Scene, Title, in_words::PaneWords};
use crate::{
    analysis::measure::timing::{LENGTHS, Times},
    lesson::tr,
    model::ModelName,
    text::grouped,
    ui::widgets::lines::{fit, put_line, put_on, right},
};

pub(super) struct TimesTable<'a>(pub(super) Scene<'a>);

const MODELS: [ModelName; 3] = [ModelName::Elman, ModelName::Gru, ModelName::Transformer];
const LABEL_WIDTH: u16 = 10;
const COLUMN_WIDTH: u16 = 14;
const LINES: u16 = LENGTHS.len() as u16 + 2;

impl<'a> TimesTable<'a> {
    fn times(&self, model: ModelName) -> Option<&'a Times> {
        self.0.times?.get(&model)
    }

    fn draw_length(&self, i: usize, column: u16, line: Rect, buf: &mut Buffer) {
        let label = format!("{:>9} ", grouped(LENGTHS[i]));
        put_on(buf, line, &[(&label, self.0.theme.dim())]);
        for (column_index, model) in MODELS.into_iter().enumerate() {
            let Some(times) = self.times(model) else { continue };
            let x = line.x + LABEL_WIDTH + column_index as u16 * column;
            let text = format_duration(times[i]);
            put_line(buf, (x, line.y), line.right(), &[(&text, self.0.theme.strong())]);
        }
    }

    /// One line per number of tokens: `10 tokens: Elman RNN 0.12 ms, GRU 0.20 ms, Transformer 0.31 ms`.
    fn lines_in_words(&self) -> Vec<String> {
        let Some(all) = self.0.times else { return vec![self.0.measuring().to_owned()] };
        let line = |(i, &length): (usize, &usize)| {
            let time = |model: &ModelName| {
                Some(format!(
                    "{} {}",
                    self.0.language.tr(model.title()),
                    format_duration(all.get(model)?[i])
                ))
            };
            let times: Vec<String> = MODELS.iter().filter_map(time).collect();
            tr!(
                self.0.language,
                "{n} tokens: {times}",
                n = grouped(length),
                times = times.join(", ")
            )
        };
        LENGTHS.iter().enumerate().map(line).collect()
    }

    /// Draws how many times longer 1,000 tokens take than 100.
    fn draw_growth(&self, column: u16, line: Rect, buf: &mut Buffer) {
        let dim = self.0.theme.dim();
        put_on(buf, line, &[(self.0.language.tr("100 to 1k"), dim)]);
        for (column_index, model) in MODELS.into_iter().enumerate() {
            let Some(times) = self.times(model) else { continue };
            let growth = times[4].as_secs_f64() / times[2].as_secs_f64().max(f64::MIN_POSITIVE);
            let text = format!("{}{growth:.1}", self.0.theme.glyph("×", "x"));
            let x = line.x + LABEL_WIDTH + column_index as u16 * column;
            put_line(buf, (x, line.y), line.right(), &[(&text, dim)]);
        }
    }
}

/// Formats a duration: `12.3 ms`.
fn format_duration(time: Duration) -> String {
    match time.as_secs_f64() * 1000.0 {
        ms if ms >= 100.0 => format!("{ms:.0} ms"),
        ms if ms >= 10.0 => format!("{ms:.1} ms"),
        ms => format!("{ms:.2} ms"),
    }
}

impl Pane for TimesTable<'_> {
    fn title(&self) -> Title {
        Title::named(
            self.0.language.tr("tokens read, timed on this machine (one core, fastest of 5)"),
        )
    }

    fn preferred_size(&self) -> PreferredSize {
        PreferredSize::new(
            Size::new(LABEL_WIDTH + 3 * 9, LINES),
            Size::new(LABEL_WIDTH + 3 * COLUMN_WIDTH, LINES),
        )
    }

    fn in_words(&self) -> PaneWords {
        let heading = self.0.language.tr("Times on this machine");
        PaneWords::new(heading, self.lines_in_words())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        if self.0.times.is_none() {
            put_on(buf, area, &[(self.0.measuring(), theme.dim())]);
            return;
        }
        let column =
            (area.width.saturating_sub(LABEL_WIDTH) / MODELS.len() as u16).clamp(9, COLUMN_WIDTH);
        let mut lines = area.rows();
        if let Some(line) = lines.next() {
            put_on(buf, line, &[(&right(self.0.language.tr("tokens"), 9), theme.dim())]);
            for (column_index, model) in MODELS.into_iter().enumerate() {
                let title = fit(self.0.language.tr(model.title()), usize::from(column) - 1);
                let x = line.x + LABEL_WIDTH + column_index as u16 * column;
                put_line(buf, (x, line.y), line.right(), &[(&title, theme.accent())]);
            }
        }
        for (i, line) in (0..LENGTHS.len()).zip(&mut lines) {
            self.draw_length(i, column, line, buf);
        }
        if let Some(line) = lines.next() {
            self.draw_growth(column, line, buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let texts =
            [0.123, 12.34, 123.4].map(|ms| format_duration(Duration::from_secs_f64(ms / 1000.0)));
        assert_eq!(texts, ["0.12 ms", "12.3 ms", "123 ms"]);
    }
}
