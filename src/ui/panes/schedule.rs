//! Charts of the steps at which each word is computed: the RNN's staircase and the Transformer's columns.
//!
//! With a beat, cells light up at the step at which they are computed.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords};
use crate::{
    analysis::measure::schedule::{built_in, ready_at, schedule},
    engine::value::Extent,
    lesson::tr,
    model::ModelName,
    ui::widgets::lines::{List, put_line, put_on, right, spaced_height, without_top_rows},
};

pub(super) struct ScheduleChart<'a>(pub(super) Scene<'a>);

/// Width of the words, in columns.
const LABEL_WIDTH: u16 = 13;
/// Columns between the charts.
const GAP: u16 = 4;
/// Widths of the charts' headings, in columns.
const TRANSFORMER_HEADING_WIDTH: u16 = 24;
const RNN_HEADING_WIDTH: u16 = 26;
/// Widest step of charts side by side, in columns.
const MAX_STEP_WIDTH: u16 = 9;
/// Width at which both headings are whole.
const LEAST_WIDTH: u16 = LABEL_WIDTH + RNN_HEADING_WIDTH + GAP + TRANSFORMER_HEADING_WIDTH;
/// Lines above the words: the headings and the time axis.
const HEADER_LINES: u16 = 2;

/// Layout of the charts: side by side, or one above the other if all words fit twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Charts {
    /// Width of a step, in columns.
    step_width: u16,
    /// Left edge of the RNN's chart.
    rnn: u16,
    /// Left edge of the Transformer's chart.
    transformer: u16,
    /// Lines from a word of the RNN's chart to the same word of the Transformer's; 0 if side by side.
    line_offset: u16,
}

impl Charts {
    /// Width of a layer, in columns: two keep the numbers of neighbours apart.
    fn layer_width(self) -> u16 {
        self.step_width.max(2)
    }

    fn new(Size { width, height }: Size, n_words: u16, n_layers: u16) -> Self {
        let chart_height = n_words + 1;
        let is_narrow = width < LABEL_WIDTH + GAP + TRANSFORMER_HEADING_WIDTH + 4 * n_words;
        if is_narrow && height >= HEADER_LINES + n_words + 1 + chart_height {
            let step_width = (width.saturating_sub(LABEL_WIDTH) / n_words.max(1)).clamp(1, 6);
            return Self {
                step_width,
                rnn: LABEL_WIDTH,
                transformer: LABEL_WIDTH,
                line_offset: chart_height + 1,
            };
        }
        let available_width = width.saturating_sub(LABEL_WIDTH + GAP);
        let step_width = (available_width.saturating_sub(TRANSFORMER_HEADING_WIDTH)
            / n_words.max(1))
        .min(available_width / (n_words + n_layers).max(1))
        .clamp(1, MAX_STEP_WIDTH);
        // With few words, the staircase is narrower than its heading.
        let heading =
            RNN_HEADING_WIDTH.min(available_width.saturating_sub(TRANSFORMER_HEADING_WIDTH));
        let transformer = LABEL_WIDTH + (n_words * step_width).max(heading) + GAP;
        Self { step_width, rnn: LABEL_WIDTH, transformer, line_offset: 0 }
    }
}

/// A step's time relative to the beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Past,
    Now,
    Future,
}

impl Moment {
    /// The moment of a step, counted from 1, at a beat; without a beat every step is past.
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
        Charts::new(area.as_size(), n as u16, built_in(n).n_layers as u16)
    }

    /// Lines above the words: the step numbers are left out if all words are in view only without them.
    fn lines_above(&self, area: Rect) -> u16 {
        let has_room_without = usize::from(area.height) == self.words().len() + 1;
        if has_room_without { HEADER_LINES - 1 } else { HEADER_LINES }
    }

    fn cursor_row(&self) -> usize {
        self.0.selection.row.min(self.words().len().saturating_sub(1))
    }

    /// ` · 5 of 13 steps in a row`, shortened if wider than `width`.
    fn progress(&self, name: ModelName, width: u16) -> String {
        let n = schedule(name, built_in(self.words().len())).sequential;
        let done = self
            .0
            .beat
            .map_or_else(String::new, |beat| tr!(self.0.language, "{n} of ", n = beat.min(n)));
        let dot = self.0.theme.glyph(" · ", " - ");
        let language = self.0.language;
        let (whole, short) = match (name, n) {
            (ModelName::Elman, 1) => (language.tr("1 step").to_owned(), String::new()),
            (ModelName::Elman, _) => {
                (tr!(language, "{n} steps in a row", n), tr!(language, "{n} steps", n))
            }
            _ => (tr!(language, "{n} layers", n), String::new()),
        };
        let texts = [whole, short].map(|text| format!("{dot}{done}{text}"));
        let fitting = texts.into_iter().find(|text| text.width() <= usize::from(width));
        fitting.unwrap_or_default()
    }

    fn draw_heading(&self, name: ModelName, start: Position, end: u16, buf: &mut Buffer) {
        let (title, pane) = if name == ModelName::Elman { ("RNN", 1) } else { ("Transformer", 0) };
        let progress = self.progress(name, end.saturating_sub(start.x + title.len() as u16));
        let pieces = [(title, self.0.theme.pane(pane).bold()), (&*progress, Style::new())];
        put_line(buf, start, end, &pieces);
    }

    fn draw_headings(&self, charts: Charts, area: Rect, buf: &mut Buffer) {
        let (rnn, transformer) = (area.x + charts.rnn, area.x + charts.transformer);
        let is_above = charts.line_offset > 0;
        let end = if is_above { area.right() } else { area.right().min(transformer - 1) };
        self.draw_heading(ModelName::Elman, Position::new(rnn, area.y), end, buf);
        let y = area.y + if is_above { charts.line_offset + 1 } else { 0 };
        self.draw_heading(ModelName::Transformer, Position::new(transformer, y), area.right(), buf);
    }

    /// Draws the step numbers, as many as fit without touching.
    fn draw_time(&self, charts: Charts, line: Rect, buf: &mut Buffer) {
        let (theme, n) = (self.0.theme, self.words().len() as u16);
        let time = format!("{} {}", self.0.language.tr("step"), theme.glyph("→", "->"));
        let time = right(&time, 12);
        put_on(buf, line, &[(&time, theme.dim())]);
        let every = 4_u16.div_ceil(charts.step_width);
        let layers = if charts.line_offset > 0 { 0 } else { built_in(1).n_layers as u16 };
        // The layers are few, and each is named.
        let axes = [
            (charts.rnn, charts.step_width, n, every),
            (charts.transformer, charts.layer_width(), layers, 1),
        ];
        for (left, width, n, every) in axes {
            for step in (0..n).filter(|step| *step == 0 || (step + 1) % every == 0) {
                let text = (step + 1).to_string();
                let x = line.x + left + step * width;
                put_line(buf, (x, line.y), line.right(), &[(&text, theme.dim())]);
            }
        }
    }

    fn draw_label(&self, t: usize, line: Rect, buf: &mut Buffer) {
        let is_at_cursor = self.0.focused && t == self.cursor_row();
        let style = if is_at_cursor { self.0.theme.accent().bold() } else { Style::new() };
        let label = format!("{} ", right(self.words()[t], 12));
        put_on(buf, line, &[(&label, style)]);
    }

    /// Draws a word's RNN cell, and dashes through the steps for which it waits for the words before.
    fn draw_staircase(&self, t: usize, charts: Charts, line: Rect, buf: &mut Buffer) {
        let ready = ready_at(ModelName::Elman, t);
        for step in 1..ready {
            if Moment::of(step, self.0.beat) != Moment::Future {
                let dash = self.0.theme.glyph("╌", "-");
                let wait = dash.repeat(usize::from(charts.step_width.max(2) - 1));
                let position = step_position(line, charts.rnn, charts.step_width, step);
                put_line(buf, position, line.right(), &[(&wait, self.0.theme.dim())]);
            }
        }
        let style = self.0.theme.pane(1);
        self.draw_cell(ready, style, charts.rnn, charts.step_width, line, buf);
    }

    /// Draws a word's Transformer cells: one per layer, at the same step as all other words.
    fn draw_columns(&self, charts: Charts, line: Rect, buf: &mut Buffer) {
        for layer in 1..=built_in(1).n_layers {
            let style = self.0.theme.pane(0);
            self.draw_cell(layer, style, charts.transformer, charts.layer_width(), line, buf);
        }
    }

    fn draw_cell(
        &self,
        step: usize,
        style: Style,
        left: u16,
        width: u16,
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
        put_line(buf, step_position(line, left, width, step), line.right(), &[(&block, style)]);
    }
}

/// Screen position of a step, counted from 1.
const fn step_position(line: Rect, left: u16, step_width: u16, step: usize) -> Position {
    Position::new(line.x + left + (step as u16 - 1) * step_width, line.y)
}

impl Pane for ScheduleChart<'_> {
    fn title(&self) -> Title {
        Title::named(self.0.language.tr("who waits for whom"))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.words().len(), 1)
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.words().len() as u16;
        let ideal =
            Size::new(LABEL_WIDTH + GAP + TRANSFORMER_HEADING_WIDTH + 4 * n, n + HEADER_LINES);
        PreferredSize::new(Size::new(LEAST_WIDTH, n.min(6) + HEADER_LINES), ideal)
            .up_to(HEADER_LINES + spaced_height(n).max(n + 1))
            .as_wide_as(ideal.width + (MAX_STEP_WIDTH - 4) * n)
            .of_lines()
    }

    /// The words of charts side by side; charts one above the other have all.
    fn list(&self, area: Rect) -> Option<List> {
        let rows = without_top_rows(area, self.lines_above(area));
        let list = List::new(rows, self.words().len(), self.cursor_row());
        (self.charts(area).line_offset == 0).then_some(list)
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Drawn
    }

    fn in_words(&self) -> PaneWords {
        let (n, language) = (self.0.reading.sentence.tokens.len(), self.0.language);
        let line = |name: ModelName| {
            let steps = schedule(name, built_in(n)).sequential;
            tr!(
                language,
                "{name}: tokens to read: {n}; steps, one after the other: {steps}",
                name = language.tr(name.title()),
                steps,
                n
            )
        };
        let models =
            [ModelName::Elman, ModelName::Gru, ModelName::RnnAttention, ModelName::Transformer];
        PaneWords::new(language.tr("Who waits for whom"), models.map(line).to_vec())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (charts, n_above) = (self.charts(area), self.lines_above(area));
        if area.is_empty() {
            return;
        }
        self.draw_headings(charts, area, buf);
        if let Some(line) = area.rows().nth(1).filter(|_| n_above == HEADER_LINES) {
            self.draw_time(charts, line, buf);
        }
        for (t, rows) in self.list(area).into_iter().flat_map(List::rows) {
            self.draw_label(t, rows, buf);
            for line in rows.rows() {
                self.draw_staircase(t, charts, line, buf);
                self.draw_columns(charts, line, buf);
            }
        }
        if charts.line_offset > 0 {
            let lines = || without_top_rows(area, n_above).rows();
            for (t, line) in (0..self.words().len()).zip(lines()) {
                self.draw_label(t, line, buf);
                self.draw_staircase(t, charts, line, buf);
            }
            for (t, line) in (0..self.words().len()).zip(lines().skip(charts.line_offset.into())) {
                self.draw_label(t, line, buf);
                self.draw_columns(charts, line, buf);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_fit_side_by_side() {
        for (width, n) in
            [(76, 1), (76, 2), (76, 4), (76, 13), (118, 13), (190, 13), (76, 30), (190, 40)]
        {
            let charts = Charts::new(Size::new(width, n + HEADER_LINES), n, 2);
            assert!(charts.transformer + 2 * charts.step_width <= width, "{width} {n}: {charts:?}");
            assert!(charts.rnn + n * charts.step_width < charts.transformer);
            assert!(
                charts.transformer + TRANSFORMER_HEADING_WIDTH <= width,
                "{width} {n}: {charts:?}"
            );
            assert!(charts.rnn + 22 < charts.transformer, "its heading is whole: {width} {n}");
        }
    }

    #[test]
    fn charts_share_one_axis_if_all_words_fit_twice() {
        let [beside, above] = [29, 30].map(|height| Charts::new(Size::new(76, height), 13, 2));
        assert_eq!(beside.line_offset, 0);
        assert_eq!((above.rnn, above.line_offset), (above.transformer, 15));
    }

    #[test]
    fn nothing_lights_up_before_its_step() {
        let moments = |beat| [1, 2, 3].map(|step| Moment::of(step, beat));
        assert_eq!(moments(None), [Moment::Past; 3]);
        assert_eq!(moments(Some(0)), [Moment::Future; 3]);
        assert_eq!(moments(Some(2)), [Moment::Past, Moment::Now, Moment::Future]);
    }
}
