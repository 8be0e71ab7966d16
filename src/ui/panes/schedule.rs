//! Who waits for whom: the RNN's staircase and the Transformer's columns, on one axis of time.
//!
//! With a beat, cells light up at the step at which they can be computed, and no sooner.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, words::PaneWords};
use crate::{
    analysis::measure::schedule::{built_in, ready_at, schedule},
    model::Name,
    ui::widgets::lines::{put_line, put_on, right, window},
};

pub(super) struct ScheduleChart<'a>(pub(super) Scene<'a>);

/// The columns of the words, and between the charts.
const LABEL: u16 = 13;
const GAP: u16 = 4;
/// What the Transformer's heading takes, and the RNN's.
const HEADING: u16 = 24;
const RNN_HEADING: u16 = 26;
/// Headings and the axis of time.
const AROUND: u16 = 2;

/// Where the charts stand: beside each other, or above each other where all words fit twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Charts {
    /// Columns of a step.
    step: u16,
    rnn: u16,
    transformer: u16,
    /// The lines by which the Transformer's chart stands lower.
    lower: u16,
}

impl Charts {
    fn new((width, height): (u16, u16), n_words: u16, n_layers: u16) -> Self {
        let below = n_words + 1;
        if height >= AROUND + n_words + 1 + below {
            let step = (width.saturating_sub(LABEL) / n_words.max(1)).clamp(1, 6);
            return Self { step, rnn: LABEL, transformer: LABEL, lower: below + 1 };
        }
        let room = width.saturating_sub(LABEL + GAP);
        let step = (room.saturating_sub(HEADING) / n_words.max(1))
            .min(room / (n_words + n_layers).max(1))
            .clamp(1, 6);
        // Few words leave the staircase narrower than its heading.
        let heading = RNN_HEADING.min(room.saturating_sub(HEADING));
        let transformer = LABEL + (n_words * step).max(heading) + GAP;
        Self { step, rnn: LABEL, transformer, lower: 0 }
    }
}

/// Where a cell stands in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Past,
    Now,
    Future,
}

impl Moment {
    /// Of a step, first 1, at a beat; without one everything has happened.
    const fn of(step: usize, beat: Option<usize>) -> Self {
        match beat {
            Some(beat) if step == beat => Self::Now,
            Some(beat) if step > beat => Self::Future,
            _ => Self::Past,
        }
    }
}

impl ScheduleChart<'_> {
    fn words(&self) -> Vec<&str> {
        self.0.reading.sentence.tokens.iter().map(|t| t.text.as_str()).collect()
    }

    fn charts(&self, area: Rect) -> Charts {
        let n = self.words().len();
        Charts::new((area.width, area.height), n as u16, built_in(n).n_layers as u16)
    }

    fn at(&self) -> usize {
        self.0.selection.row.min(self.words().len().saturating_sub(1))
    }

    /// ` · 5 of 13 steps in a row`: its last words are left out where it is longer than that.
    fn progress(&self, name: Name, width: u16) -> String {
        let n = schedule(name, built_in(self.words().len())).sequential;
        let done = self.0.beat.map_or_else(String::new, |beat| format!("{} of ", beat.min(n)));
        let dot = self.0.theme.glyph(" · ", " - ");
        let units = if name == Name::Elman { ["steps in a row", "steps"] } else { ["layers"; 2] };
        let said = units.map(|unit| format!("{dot}{done}{n} {unit}"));
        let fitting = said.into_iter().find(|said| said.width() <= usize::from(width));
        fitting.unwrap_or_default()
    }

    fn draw_heading(&self, name: Name, (x, y): (u16, u16), end: u16, buf: &mut Buffer) {
        let (title, pane) = if name == Name::Elman { ("RNN", 1) } else { ("Transformer", 0) };
        let said = self.progress(name, end.saturating_sub(x + title.len() as u16));
        let pieces = [(title, self.0.theme.pane(pane).bold()), (&*said, Style::new())];
        put_line(buf, (x, y), end, &pieces);
    }

    fn draw_headings(&self, charts: Charts, area: Rect, buf: &mut Buffer) {
        let (rnn, transformer) = (area.x + charts.rnn, area.x + charts.transformer);
        let is_above = charts.lower > 0;
        let end = if is_above { area.right() } else { area.right().min(transformer - 1) };
        self.draw_heading(Name::Elman, (rnn, area.y), end, buf);
        let y = area.y + if is_above { charts.lower + 1 } else { 0 };
        self.draw_heading(Name::Transformer, (transformer, y), area.right(), buf);
    }

    /// The steps by number, as many as can be told apart.
    fn draw_time(&self, charts: Charts, line: Rect, buf: &mut Buffer) {
        let (theme, n) = (self.0.theme, self.words().len() as u16);
        let time = format!("{:>12}", format!("step {}", theme.glyph("→", "->")));
        put_on(buf, line, &[(&time, theme.dim())]);
        let every = 4_u16.div_ceil(charts.step);
        let layers = if charts.lower > 0 { 0 } else { built_in(1).n_layers as u16 };
        for (left, n) in [(charts.rnn, n), (charts.transformer, layers)] {
            for step in (0..n).filter(|step| *step == 0 || (step + 1) % every == 0) {
                let text = (step + 1).to_string();
                let x = line.x + left + step * charts.step;
                put_line(buf, (x, line.y), line.right(), &[(&text, theme.dim())]);
            }
        }
    }

    fn draw_label(&self, t: usize, line: Rect, buf: &mut Buffer) {
        let is_at = self.0.focused && t == self.at();
        let style = if is_at { self.0.theme.accent().bold() } else { Style::new() };
        let label = format!("{} ", right(self.words()[t], 12));
        put_on(buf, line, &[(&label, style)]);
    }

    /// The RNN's word: it waits for all before it.
    fn draw_staircase(&self, t: usize, charts: Charts, line: Rect, buf: &mut Buffer) {
        let ready = ready_at(Name::Elman, t);
        for step in 1..ready {
            if Moment::of(step, self.0.beat) != Moment::Future {
                let wait = (self.0.theme.glyph("·", "."), self.0.theme.dim());
                put_line(buf, place(line, charts.rnn, charts.step, step), line.right(), &[wait]);
            }
        }
        self.draw_cell(ready, self.0.theme.pane(1), (charts.rnn, charts.step), line, buf);
    }

    /// The Transformer's word: every layer at once with all others.
    fn draw_columns(&self, charts: Charts, line: Rect, buf: &mut Buffer) {
        for layer in 1..=built_in(1).n_layers {
            let at = (charts.transformer, charts.step);
            self.draw_cell(layer, self.0.theme.pane(0), at, line, buf);
        }
    }

    fn draw_cell(
        &self,
        step: usize,
        style: Style,
        (left, width): (u16, u16),
        line: Rect,
        buf: &mut Buffer,
    ) {
        let theme = self.0.theme;
        let (sign, style) = match Moment::of(step, self.0.beat) {
            Moment::Past => (theme.glyph("█", "#"), style),
            Moment::Now => (theme.glyph("▓", "@"), style.bold()),
            Moment::Future => (theme.glyph("░", ":"), theme.dim()),
        };
        let block = sign.repeat(usize::from(width.max(2) - 1));
        put_line(buf, place(line, left, width, step), line.right(), &[(&block, style)]);
    }
}

/// Where a step, first 1, stands in a line.
const fn place(line: Rect, left: u16, width: u16, step: usize) -> (u16, u16) {
    (line.x + left + (step as u16 - 1) * width, line.y)
}

impl Pane for ScheduleChart<'_> {
    fn title(&self) -> String {
        "who waits for whom".to_owned()
    }

    fn extent(&self) -> (usize, usize) {
        (self.words().len(), 1)
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.words().len() as u16;
        let ideal = (LABEL + GAP + HEADING + 4 * n, n + AROUND);
        PreferredSize::new((40, n.min(6) + AROUND), ideal).up_to(2 * (n + AROUND))
    }

    fn in_words(&self) -> PaneWords {
        let n = self.0.reading.sentence.tokens.len();
        let line = |name: Name| {
            let steps = schedule(name, built_in(n)).sequential;
            format!("{}: {steps} steps, one after the other, to read {n} tokens", name.title())
        };
        let models = [Name::Elman, Name::Gru, Name::RnnAttention, Name::Transformer];
        PaneWords::new("Who waits for whom", models.map(line).to_vec())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (charts, n) = (self.charts(area), self.words().len());
        // Every word in view is worth more than the numbers of the steps.
        let time = u16::from(usize::from(area.height) != n + 1);
        if area.is_empty() {
            return;
        }
        self.draw_headings(charts, area, buf);
        if let Some(line) = area.rows().nth(1).filter(|_| time > 0) {
            self.draw_time(charts, line, buf);
        }
        let lines = || area.rows().skip(usize::from(1 + time));
        let shown = window(n, lines().count(), self.at());
        for (t, line) in shown.clone().zip(lines()) {
            self.draw_label(t, line, buf);
            self.draw_staircase(t, charts, line, buf);
        }
        for (t, line) in shown.zip(lines().skip(charts.lower.into())) {
            self.draw_label(t, line, buf);
            self.draw_columns(charts, line, buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_stand_beside_each_other_and_fit() {
        for (width, n) in
            [(76, 1), (76, 2), (76, 4), (76, 13), (118, 13), (190, 13), (76, 30), (190, 40)]
        {
            let charts = Charts::new((width, n + AROUND), n, 2);
            assert!(charts.transformer + 2 * charts.step <= width, "{width} {n}: {charts:?}");
            assert!(charts.rnn + n * charts.step < charts.transformer);
            assert!(charts.transformer + HEADING <= width, "{width} {n}: {charts:?}");
            assert!(charts.rnn + 22 < charts.transformer, "its heading is whole: {width} {n}");
        }
    }

    #[test]
    fn where_all_words_fit_twice_the_charts_share_one_axis() {
        let (beside, above) = (Charts::new((76, 29), 13, 2), Charts::new((76, 30), 13, 2));
        assert_eq!(beside.lower, 0);
        assert_eq!((above.rnn, above.lower), (above.transformer, 15));
    }

    #[test]
    fn nothing_lights_up_before_its_step() {
        let moments = |beat| [1, 2, 3].map(|step| Moment::of(step, beat));
        assert_eq!(moments(None), [Moment::Past; 3]);
        assert_eq!(moments(Some(0)), [Moment::Future; 3]);
        assert_eq!(moments(Some(2)), [Moment::Past, Moment::Now, Moment::Future]);
    }
}
