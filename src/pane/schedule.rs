//! Who waits for whom: the RNN's staircase beside the Transformer's columns.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Pane, Scene, Wanted, put_line};
use crate::{
    heat::{fit, window},
    measure::schedule::{built_in, ready_at, schedule},
    model::Name,
};

pub(super) struct ScheduleChart<'a>(pub(super) Scene<'a>);

const LABEL: u16 = 13;

impl ScheduleChart<'_> {
    fn words(&self) -> Vec<&str> {
        self.0.reading.sentence.tokens.iter().map(|t| t.text.as_str()).collect()
    }

    /// Columns a step takes, so that the whole staircase fits.
    fn step_width(&self, width: u16) -> u16 {
        let columns = self.words().len() as u16 + built_in(1).n_layers as u16;
        (width.saturating_sub(LABEL + 6) / columns.max(1)).clamp(1, 4)
    }

    fn draw_word(&self, t: usize, line: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let n = self.words().len() as u16;
        let w = self.step_width(line.width);
        let at = |step: u16| line.x + LABEL + step * w;
        let block = theme.glyph("█", "#").repeat(usize::from(w.max(2) - 1));
        let wait = theme.glyph("·", ".");
        let (rnn, transformer) = (theme.pane(1), theme.pane(0));
        let label = format!("{:>12} ", fit(self.words()[t], 12));
        put_line(buf, (line.x, line.y), line.right(), &[(&label, Style::new())]);
        let ready = ready_at(Name::Elman, t) as u16;
        for step in 0..ready - 1 {
            put_line(buf, (at(step), line.y), line.right(), &[(wait, theme.dim())]);
        }
        put_line(buf, (at(ready - 1), line.y), line.right(), &[(&block, rnn)]);
        for layer in 0..built_in(1).n_layers as u16 {
            let x = at(n + layer) + 4;
            put_line(buf, (x, line.y), line.right(), &[(&block, transformer)]);
        }
    }
}

impl Pane for ScheduleChart<'_> {
    fn title(&self) -> String {
        "who waits for whom".to_owned()
    }

    fn wanted(&self) -> Wanted {
        let n = self.words().len() as u16;
        Wanted { min: (40, n.min(6) + 2), ideal: (LABEL + 6 + 3 * (n + 2), n + 3) }
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let n = self.words().len();
        let (rnn, transformer) =
            (schedule(Name::Elman, built_in(n)), schedule(Name::Transformer, built_in(n)));
        let head = [
            ("  RNN: ", theme.pane(1)),
            (&*format!("{} steps, one after the other", rnn.sequential), Style::new()),
            ("   Transformer: ", theme.pane(0)),
            (&*format!("{} layers, all words at once", transformer.sequential), Style::new()),
        ];
        put_line(buf, (area.x, area.y), area.right(), &head);
        let room = usize::from(area.height.saturating_sub(2));
        let at = self.0.selection.row.min(n.saturating_sub(1));
        let shown = window(n, room, at);
        let last = area.y + 1 + shown.len() as u16;
        for (line, t) in shown.enumerate() {
            self.draw_word(t, Rect { y: area.y + 1 + line as u16, height: 1, ..area }, buf);
        }
        if last < area.bottom() {
            let time = format!("{:>12} time {}", "", theme.glyph("→", "->"));
            put_line(buf, (area.x, last), area.right(), &[(&time, theme.dim())]);
        }
    }
}
