//! Who waits for whom: the RNN's staircase beside the Transformer's columns, both from step 1.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Pane, Scene, Wanted, put_line};
use crate::{
    heat::{right, window},
    measure::schedule::{built_in, ready_at, schedule},
    model::Name,
};

pub(super) struct ScheduleChart<'a>(pub(super) Scene<'a>);

/// The columns of the words, and between the charts.
const LABEL: u16 = 13;
const GAP: u16 = 4;
/// What the Transformer's heading takes.
const HEADING: u16 = 24;

/// Where the charts stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Charts {
    /// Columns of a step.
    step: u16,
    rnn: u16,
    transformer: u16,
}

impl Charts {
    fn new(width: u16, n_words: u16, n_layers: u16) -> Self {
        let room = width.saturating_sub(LABEL + GAP);
        let step = (room.saturating_sub(HEADING) / n_words.max(1))
            .min(room / (n_words + n_layers).max(1))
            .clamp(1, 6);
        Self { step, rnn: LABEL, transformer: LABEL + n_words * step + GAP }
    }
}

impl ScheduleChart<'_> {
    fn words(&self) -> Vec<&str> {
        self.0.reading.sentence.tokens.iter().map(|t| t.text.as_str()).collect()
    }

    fn charts(&self, width: u16) -> Charts {
        let n = self.words().len();
        Charts::new(width, n as u16, built_in(n).n_layers as u16)
    }

    fn at(&self) -> usize {
        self.0.selection.row.min(self.words().len().saturating_sub(1))
    }

    fn draw_headings(&self, charts: Charts, line: Rect, buf: &mut Buffer) {
        let (theme, n) = (self.0.theme, self.words().len());
        let steps = |name| schedule(name, built_in(n)).sequential;
        let dash = theme.glyph(" · ", " - ");
        let rnn = format!("{dash}{} steps in a row", steps(Name::Elman));
        let transformer = format!("{dash}{} layers", steps(Name::Transformer));
        let end = line.right().min(line.x + charts.transformer.saturating_sub(1));
        let at = (line.x + charts.rnn, line.y);
        put_line(buf, at, end, &[("RNN", theme.pane(1).bold()), (&rnn, Style::new())]);
        let at = (line.x + charts.transformer, line.y);
        let pieces = [("Transformer", theme.pane(0).bold()), (&*transformer, Style::new())];
        put_line(buf, at, line.right(), &pieces);
    }

    /// The steps by number, as many as can be told apart.
    fn draw_time(&self, charts: Charts, line: Rect, buf: &mut Buffer) {
        let (theme, n) = (self.0.theme, self.words().len() as u16);
        let time = format!("{:>12}", format!("step {}", theme.glyph("→", "->")));
        put_line(buf, (line.x, line.y), line.right(), &[(&time, theme.dim())]);
        let every = 4_u16.div_ceil(charts.step);
        let layers = built_in(1).n_layers as u16;
        for (left, n) in [(charts.rnn, n), (charts.transformer, layers)] {
            for step in (0..n).filter(|step| *step == 0 || (step + 1) % every == 0) {
                let text = (step + 1).to_string();
                let x = line.x + left + step * charts.step;
                put_line(buf, (x, line.y), line.right(), &[(&text, theme.dim())]);
            }
        }
    }

    fn draw_word(&self, t: usize, charts: Charts, line: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let block = theme.glyph("█", "#").repeat(usize::from(charts.step.max(2) - 1));
        let wait = theme.glyph("·", ".");
        let is_at = self.0.focused && t == self.at();
        let style = if is_at { theme.accent().bold() } else { Style::new() };
        let label = format!("{} ", right(self.words()[t], 12));
        put_line(buf, (line.x, line.y), line.right(), &[(&label, style)]);
        let put = |buf: &mut Buffer, left: u16, step: usize, text: &str, style: Style| {
            let x = line.x + left + step as u16 * charts.step;
            put_line(buf, (x, line.y), line.right(), &[(text, style)]);
        };
        let ready = ready_at(Name::Elman, t);
        for step in 0..ready - 1 {
            put(buf, charts.rnn, step, wait, theme.dim());
        }
        put(buf, charts.rnn, ready - 1, &block, theme.pane(1));
        for layer in 0..built_in(1).n_layers {
            put(buf, charts.transformer, layer, &block, theme.pane(0));
        }
    }
}

impl Pane for ScheduleChart<'_> {
    fn title(&self) -> String {
        "who waits for whom".to_owned()
    }

    fn extent(&self) -> (usize, usize) {
        (self.words().len(), 1)
    }

    fn wanted(&self) -> Wanted {
        let n = self.words().len() as u16;
        Wanted::new((40, n.min(6) + 2), (LABEL + GAP + HEADING + 4 * n, n + 2))
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let charts = self.charts(area.width);
        let n = self.words().len();
        // Every word in view is worth more than the numbers of the steps.
        let time = u16::from(usize::from(area.height) != n + 1);
        let room = usize::from(area.height.saturating_sub(1 + time));
        let mut lines = area.rows();
        if let Some(line) = lines.next() {
            self.draw_headings(charts, line, buf);
        }
        if let Some(line) = lines.next().filter(|_| time > 0) {
            self.draw_time(charts, line, buf);
        }
        let top = area.y + 1 + time;
        for (i, t) in window(n, room, self.at()).enumerate() {
            self.draw_word(t, charts, Rect { y: top + i as u16, height: 1, ..area }, buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_stand_beside_each_other_and_fit() {
        for (width, n) in [(76, 13), (118, 13), (190, 13), (76, 30), (190, 40)] {
            let charts = Charts::new(width, n, 2);
            assert!(charts.transformer + 2 * charts.step <= width, "{width} {n}: {charts:?}");
            assert!(charts.rnn + n * charts.step < charts.transformer);
        }
    }
}
