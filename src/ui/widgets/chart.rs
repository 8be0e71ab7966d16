//! A line chart over the words of a sentence: lines of braille dots with their names at their ends. In ASCII every line
//! has a letter.
//!
//! ```text
//! E Elman RNN 4   G GRU 13                 what each line is, with its number at the cursor
//!  12 |              G                     ticks, and in ASCII a letter for every point
//!   6 |     G   G  E
//!   0 | EG   E
//!      1    2    3    4                    numbers, and words where they fit
//!      The  dog  saw  a
//! ```

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::{Color, Modifier, Style},
    symbols::Marker,
    widgets::{
        Widget,
        canvas::{Canvas, Line},
    },
};
use unicode_width::UnicodeWidthStr;

use crate::{
    text::{ItemWidth, fill},
    ui::{
        theme::Theme,
        widgets::lines::{fit, put_line, window},
    },
};

/// A line of the chart.
pub struct Series {
    /// Its points in ASCII.
    pub letter: char,
    pub name: String,
    pub style: Style,
    /// A number for every column; NaN where the line has none.
    pub points: Vec<f32>,
    /// Its value at the cursor, as the legend shows it.
    pub at_cursor: String,
}

/// Scale of the vertical axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heights {
    Linear,
    /// Logarithmic; numbers that are not positive are not drawn.
    Log,
}

/// Sign of the reference, in Unicode and ASCII; other than the dots of the lines.
pub const REFERENCE: (&str, &str) = ("╌", "-");

/// Sign of the lines that lead from a tick across the plot.
const GRID: &str = "┈";

/// What stands below a column.
#[derive(Clone, Debug)]
pub struct ChartColumn {
    pub number: String,
    /// Empty where columns have no words.
    pub word: String,
}

impl ChartColumn {
    pub const fn numbered(number: String) -> Self {
        Self { number, word: String::new() }
    }
}

/// A point of one of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChartPoint {
    pub series: usize,
    pub column: usize,
}

/// A line chart to be drawn.
pub struct Chart<'a> {
    pub theme: &'a Theme,
    pub series: Vec<Series>,
    /// Values of a dashed line behind the others, drawn with [`REFERENCE`], for comparison.
    pub reference: Vec<f32>,
    pub columns: Vec<ChartColumn>,
    pub heights: Heights,
    /// Whether names and values stand above it; not where a table beside it has them.
    pub has_legend: bool,
    pub cursor: ChartPoint,
    pub focused: bool,
}

/// Width of the tick labels and the axis.
const TICK_WIDTH: u16 = 7;
/// Smallest column width at which words are shown below the numbers.
const MIN_PITCH_FOR_WORDS: u16 = 4;
const MAX_PITCH: u16 = 12;
/// Smallest width at which names stand at the ends of their lines.
const MIN_WIDTH_FOR_NAMES: u16 = 60;
/// Widest name at the end of a line, and in the legend where names are cut.
const MAX_NAME_WIDTH: usize = 26;
/// Columns between two entries of the legend.
const LEGEND_GAP: usize = 3;
/// Columns of the widest word below a column that is never cut.
const MAX_WHOLE_WORD: usize = 9;
/// Height from which on words may be on two lines in turn.
const HEIGHT_OF_TWO: u16 = 10;

/// Geometry of the plot.
struct Frame {
    plot: Rect,
    /// The columns in view, `first..last`, and the width of each.
    first: usize,
    last: usize,
    pitch: u16,
    low: f32,
    high: f32,
}

impl Frame {
    /// Screen column of a column of the chart; None if it is out of view.
    fn x(&self, column: usize) -> Option<u16> {
        let shown = (self.first..self.last).contains(&column);
        shown.then(|| self.plot.x + (column - self.first) as u16 * self.pitch)
    }

    /// Screen column after the last column in view.
    fn end(&self) -> u16 {
        self.last.checked_sub(1).and_then(|last| self.x(last)).map_or(self.plot.x, |x| x + 1)
    }

    /// Screen row of a scaled height; None if it is not finite.
    fn y(&self, height: f32) -> Option<u16> {
        let part = (height - self.low) / (self.high - self.low).max(f32::MIN_POSITIVE);
        let lines = f32::from(self.plot.height.saturating_sub(1));
        let up = (part.clamp(0.0, 1.0) * lines).round() as u16;
        (height.is_finite() && self.plot.height > 0).then(|| self.plot.bottom() - 1 - up)
    }

    /// Heights and labels of a linear axis, at least two lines apart.
    fn linear_ticks(&self) -> Vec<(f32, String)> {
        let max_ticks = f32::from((self.plot.height / 2).max(1));
        let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
        let span = self.high - self.low;
        let step = steps.into_iter().find(|step| span / step <= max_ticks).unwrap_or(span.max(1.0));
        let heights = (0..=(span / step) as usize).map(|i| self.low + i as f32 * step);
        heights.map(|height| (height, format!("{height:.0}"))).collect()
    }

    /// Heights and labels of a log axis: powers of ten, with twos and fives if there are few.
    fn log_ticks(&self) -> Vec<(f32, String)> {
        let between: &[f32] = if self.high - self.low < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let decades = self.low.floor() as i32..=self.high.ceil() as i32;
        let all = decades.flat_map(|decade| between.iter().map(move |v| (decade, *v)));
        let ticks = all.map(|(decade, v)| (decade as f32 + v.log10(), tick_label(decade, v)));
        ticks.filter(|(height, _)| (self.low..=self.high).contains(height)).collect()
    }
}

impl Chart<'_> {
    /// Preferred size, for all lines and most words.
    pub fn ideal(&self) -> Size {
        Size::new(TICK_WIDTH + 6 * self.columns.len().min(30) as u16, 16)
    }

    /// Minimum useful size.
    pub const LEAST: Size = Size::new(34, 6);

    fn scaled(&self, v: f32) -> f32 {
        match self.heights {
            Heights::Linear => v,
            Heights::Log if v > 0.0 => v.log10(),
            Heights::Log => f32::NAN,
        }
    }

    /// The lowest and the highest number, scaled.
    fn range(&self) -> (f32, f32) {
        let points = self.series.iter().flat_map(|s| &s.points).chain(&self.reference);
        let scaled = points.map(|&v| self.scaled(v)).filter(|v| v.is_finite());
        let range = scaled
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        match (range, self.heights) {
            ((low, high), _) if low > high => (0.0, 1.0),
            ((_, high), Heights::Linear) => (0.0, high.max(1.0)),
            ((low, high), Heights::Log) if high - low < 1.0 => {
                let middle = low.midpoint(high);
                (middle - 0.5, middle + 0.5)
            }
            (range, Heights::Log) => range,
        }
    }

    /// Geometry of the plot inside `area`, below the legend.
    fn frame(&self, area: Rect) -> Frame {
        let n = self.columns.len().max(1);
        let width = area.width.saturating_sub(TICK_WIDTH + self.name_width(area.width));
        let pitch = (width / n as u16).clamp(1, MAX_PITCH);
        let shown = window(self.columns.len(), usize::from(width / pitch), self.cursor.column);
        let lines_below = 1 + self.word_lines(pitch, area.height);
        let above = (self.legend(area).len() as u16).min(area.height);
        let height = area.height.saturating_sub(above + lines_below);
        let (low, high) = self.range();
        let plot =
            Rect { x: area.x + TICK_WIDTH.min(area.width), y: area.y + above, width, height };
        Frame { plot, first: shown.start, last: shown.end, pitch, low, high }
    }

    /// Columns of the widest word that is whole, and a blank.
    fn word_width(&self) -> u16 {
        let widest = self.columns.iter().map(|column| column.word.width()).max().unwrap_or(0);
        widest.min(MAX_WHOLE_WORD) as u16 + 1
    }

    /// Lines on which words stand in turn below the numbers.
    fn word_lines(&self, pitch: u16, height: u16) -> u16 {
        let has_words = self.columns.iter().any(|column| !column.word.is_empty());
        match has_words && pitch >= MIN_PITCH_FOR_WORDS && height >= 7 {
            false => 0,
            true if self.word_width() > pitch && height >= HEIGHT_OF_TWO => 2,
            true => 1,
        }
    }

    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let frame = self.frame(area);
        self.draw_legend(area, buf);
        self.draw_ticks(&frame, area, buf);
        self.draw_reference(&frame, buf);
        if self.theme.is_ascii() {
            for series in &self.series {
                self.draw_path(series, &frame, buf);
            }
            for column in frame.first..frame.last {
                self.draw_points(column, &frame, buf);
            }
        } else {
            self.draw_lines(&frame, buf);
            self.draw_cursor(&frame, buf);
            self.draw_names(&frame, area, buf);
        }
        self.draw_columns(&frame, area, buf);
    }

    /// Columns of the names at the ends of the lines; 0 without names there.
    fn name_width(&self, width: u16) -> u16 {
        if self.theme.is_ascii() || width < MIN_WIDTH_FOR_NAMES {
            return 0;
        }
        let widest = self.series.iter().map(|s| s.name.width()).max().unwrap_or(0);
        widest.min(MAX_NAME_WIDTH) as u16 + 1
    }

    /// Draws the lines as braille dots, two by four in a cell.
    fn draw_lines(&self, frame: &Frame, buf: &mut Buffer) {
        let (width, height) = (f64::from(frame.plot.width), f64::from(frame.plot.height));
        let span = f64::from(frame.high - frame.low).max(f64::from(f32::MIN_POSITIVE));
        // Middles of the cells in which letters and ticks would be.
        let x = |column: usize| (column as f64 - frame.first as f64) * f64::from(frame.pitch) + 0.5;
        let y = |v: f32| 0.5 + f64::from(v - frame.low) / span * (height - 1.0);
        let mut canvas_buf = Buffer::empty(frame.plot);
        Canvas::default()
            .marker(Marker::Braille)
            .x_bounds([0.0, width])
            .y_bounds([0.0, height])
            .paint(|context| {
                // A cell has one colour, the last line's: that of the line under the cursor.
                let (before, after) =
                    self.series.split_at(self.cursor.series.min(self.series.len()));
                for series in after.iter().skip(1).chain(before).chain(after.first()) {
                    let color = series.style.fg.unwrap_or(Color::Reset);
                    let scaled: Vec<f32> = series.points.iter().map(|v| self.scaled(*v)).collect();
                    for (i, pair) in scaled.windows(2).enumerate() {
                        let is_in_view = i >= frame.first && i + 1 < frame.last;
                        if is_in_view && pair.iter().all(|v| v.is_finite()) {
                            let line = Line::new(x(i), y(pair[0]), x(i + 1), y(pair[1]), color);
                            context.draw(&line);
                        }
                    }
                }
            })
            .render(frame.plot, &mut canvas_buf);
        for position in frame.plot.positions() {
            let cell = &canvas_buf[position];
            if cell.symbol() != " " && cell.symbol() != "\u{2800}" {
                buf[position].set_symbol(cell.symbol()).set_fg(cell.fg);
            }
        }
    }

    /// Marks the point under the cursor.
    fn draw_cursor(&self, frame: &Frame, buf: &mut Buffer) {
        let ChartPoint { series, column } = self.cursor;
        let Some(series) = self.series.get(series).filter(|_| self.focused) else { return };
        let height = series.points.get(column).map_or(f32::NAN, |v| self.scaled(*v));
        if let (Some(x), Some(y)) = (frame.x(column), frame.y(height)) {
            put(buf, (x, y), frame.plot.right(), "◆", self.theme.cursor());
        }
    }

    /// Whether every line has its name at its end, also below a legend of two lines.
    fn names_all_ends(&self, area: Rect) -> bool {
        let lines = self.series.len() + 2;
        self.name_width(area.width) > 0 && usize::from(area.height) >= lines
    }

    /// Draws the names at the ends of the lines, the highest first; names that would meet move down.
    fn draw_names(&self, frame: &Frame, area: Rect, buf: &mut Buffer) {
        let width = usize::from(self.name_width(area.width)).saturating_sub(1);
        let Some(x) = frame.last.checked_sub(1).and_then(|last| frame.x(last)) else { return };
        let end = |series: &Series| {
            let last = series.points.get(..frame.last)?.iter().rev().find(|v| v.is_finite())?;
            Some(self.scaled(*last)).filter(|height| height.is_finite())
        };
        let mut ends: Vec<_> = self.series.iter().filter_map(|s| Some((end(s)?, s))).collect();
        ends.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let mut free = frame.plot.y;
        for (i, (height, series)) in ends.iter().enumerate() {
            let Some(y) = frame.y(*height) else { continue };
            // Those that follow need a line each.
            let n_after = (ends.len() - 1 - i) as u16;
            let lowest = frame.plot.bottom().saturating_sub(1 + n_after);
            let y = y.max(free).min(lowest.max(free));
            if width > 0 && y < frame.plot.bottom() {
                put(buf, (x + 2, y), area.right(), &fit(&series.name, width), series.style);
            }
            free = y + 1;
        }
    }

    /// The entries of the legend by line, each with the index of its series: names with their values at the cursor, if
    /// they fit on a line, else names alone. Where names do not fit either, those at the ends of the lines serve; without
    /// them names stand on two lines where there is height for that, or are cut to one width, so that each series has its
    /// entry.
    fn legend(&self, area: Rect) -> Vec<Vec<(usize, String)>> {
        if !self.has_legend || area.height == 0 {
            return vec![];
        }
        let sign = |s: &Series| {
            if self.theme.is_ascii() { s.letter.to_string() } else { "━".to_owned() }
        };
        let cut = |to: usize| -> Vec<String> {
            self.series.iter().map(|s| format!("{} {}", sign(s), fit(&s.name, to))).collect()
        };
        let long =
            |s: &Series| format!("{} {} {}", sign(s), s.name, s.at_cursor).trim_end().to_owned();
        let lines = |texts: &[String]| {
            let widths =
                texts.iter().map(|text| ItemWidth { space: LEGEND_GAP, item: text.width() });
            fill(widths, area.width.into())
        };
        let most_lines = if area.height >= HEIGHT_OF_TWO { 2 } else { 1 };
        let (long, names) = (self.series.iter().map(long).collect::<Vec<_>>(), cut(MAX_NAME_WIDTH));
        let shorter = || (1..MAX_NAME_WIDTH).rev().map(cut).find(|texts| lines(texts).len() == 1);
        let texts = if lines(&long).len() == 1 {
            long
        } else if lines(&names).len() == 1 {
            names
        } else if self.names_all_ends(area) {
            vec![]
        } else if lines(&names).len() <= most_lines {
            names
        } else {
            shorter().unwrap_or_else(|| cut(1))
        };
        let entries = |line: Range<usize>| line.map(|i| (i, texts[i].clone())).collect();
        lines(&texts).into_iter().take(most_lines).map(entries).collect()
    }

    /// Draws the legend; the name of the series with the cursor is marked.
    fn draw_legend(&self, area: Rect, buf: &mut Buffer) {
        for (line, entries) in area.rows().zip(self.legend(area)) {
            let mut x = line.x;
            for (i, text) in entries {
                let series = &self.series[i];
                let is_cursor = self.focused && i == self.cursor.series;
                let style = if is_cursor { series.style.bold().underlined() } else { series.style };
                x = put(buf, (x, line.y), line.right(), &text, style) + LEGEND_GAP as u16;
            }
        }
    }

    fn draw_ticks(&self, frame: &Frame, area: Rect, buf: &mut Buffer) {
        let (dim, rule) = (self.theme.dim(), self.theme.glyph("│", "|"));
        for line in frame.plot.y..frame.plot.bottom() {
            let x = frame.plot.x.saturating_sub(1);
            put(buf, (x, line), area.right(), rule, dim);
        }
        let ticks = match self.heights {
            Heights::Linear => frame.linear_ticks(),
            Heights::Log => frame.log_ticks(),
        };
        for (height, tick) in ticks {
            let Some(y) = frame.y(height) else { continue };
            let text = format!("{tick:>5}");
            put(buf, (area.x, y), area.right(), &text, dim);
            // In ASCII the lines have letters, and dots between them: more signs would hide them.
            if !self.theme.is_ascii() {
                let n = frame.end().saturating_sub(frame.plot.x);
                put(
                    buf,
                    (frame.plot.x, y),
                    frame.plot.right(),
                    &GRID.repeat(n.into()),
                    self.theme.grid(),
                );
            }
        }
    }

    fn draw_reference(&self, frame: &Frame, buf: &mut Buffer) {
        let dash = self.theme.glyph(REFERENCE.0, REFERENCE.1);
        for (column, &v) in self.reference.iter().enumerate() {
            if let (Some(x), Some(y)) = (frame.x(column), frame.y(self.scaled(v))) {
                put(buf, (x, y), frame.plot.right(), dash, self.theme.dim());
            }
        }
    }

    /// Draws dots between consecutive points of a line.
    fn draw_path(&self, series: &Series, frame: &Frame, buf: &mut Buffer) {
        let dot = self.theme.glyph("·", ".");
        for (column, pair) in series.points.windows(2).enumerate() {
            let (a, b) = (self.scaled(pair[0]), self.scaled(pair[1]));
            let Some(x) = frame.x(column).filter(|_| frame.x(column + 1).is_some()) else {
                continue;
            };
            for step in (2..frame.pitch).step_by(2) {
                let share = f32::from(step) / f32::from(frame.pitch);
                if let Some(y) = frame.y(a + (b - a) * share) {
                    put(buf, (x + step, y), frame.plot.right(), dot, series.style);
                }
            }
        }
    }

    /// Draws the letters of a column; letters on the same screen row are placed side by side, as far as they fit.
    fn draw_points(&self, column: usize, frame: &Frame, buf: &mut Buffer) {
        let mut taken: Vec<u16> = vec![];
        for (i, series) in self.series.iter().enumerate() {
            let height = series.points.get(column).map_or(f32::NAN, |&v| self.scaled(v));
            let (Some(x), Some(y)) = (frame.x(column), frame.y(height)) else { continue };
            let n_before = taken.iter().filter(|&&other| other == y).count() as u16;
            taken.push(y);
            let is_cursor = self.focused && self.cursor == ChartPoint { series: i, column };
            let style = series.style.add_modifier(Modifier::BOLD);
            let style = if is_cursor { self.theme.cursor() } else { style };
            if n_before < frame.pitch || is_cursor {
                let x = x + n_before.min(frame.pitch - 1);
                put(buf, (x, y), frame.plot.right(), &series.letter.to_string(), style);
            }
        }
    }

    /// Draws the numbers of the columns as closely as they fit, and below them the words, as many as are whole.
    fn draw_columns(&self, frame: &Frame, area: Rect, buf: &mut Buffer) {
        let y = frame.plot.bottom();
        let longest =
            self.columns.iter().map(|column| column.number.width()).max().unwrap_or(1) as u16 + 1;
        let interval = usize::from(longest.div_ceil(frame.pitch).max(1));
        let n_lines = self.word_lines(frame.pitch, area.height);
        let room = frame.pitch * n_lines;
        let words_every = usize::from(self.word_width().div_ceil(room.max(1)));
        // All numbers stand so far to the left that the last one is whole.
        let shift = (frame.end() + longest).saturating_sub(area.right() + 2);
        for column in frame.first..frame.last {
            let Some(x) = frame.x(column) else { continue };
            let ChartColumn { number, word } = &self.columns[column];
            let is_cursor = self.focused && column == self.cursor.column;
            let style = if is_cursor { self.theme.accent() } else { self.theme.dim() };
            // Counted from the last column, which always has its number and word.
            let from_last = self.columns.len() - 1 - column;
            if from_last.is_multiple_of(interval) && y < area.bottom() {
                put(buf, (x.saturating_sub(shift), y), area.right(), number, style);
            }
            if n_lines > 0 && from_last.is_multiple_of(words_every) {
                let turn = (from_last / words_every) as u16 % n_lines;
                let word = fit(word, usize::from(room) * words_every - 1);
                put(buf, (x, y + 1 + turn), area.right(), &word, style);
            }
        }
    }
}

/// The label of a tick: `0.05`, `20`, `1e-6`.
fn tick_label(decade: i32, v: f32) -> String {
    match decade {
        -3..=-1 => format!("{:.*}", decade.unsigned_abs() as usize, v * 10_f32.powi(decade)),
        0..=3 => format!("{:.0}", v * 10_f32.powi(decade)),
        _ => format!("{v:.0}e{decade}"),
    }
}

fn put(buf: &mut Buffer, at: impl Into<Position>, right: u16, text: &str, style: Style) -> u16 {
    put_line(buf, at, right, &[(text, style)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Depth, Glyphs};

    fn series(letter: char, points: &[f32]) -> Series {
        let (name, at_cursor) = (letter.to_string(), String::new());
        Series { letter, name, style: Style::new(), points: points.to_vec(), at_cursor }
    }

    fn drawn(heights: Heights, points: [&[f32]; 2]) -> Vec<String> {
        let theme = Theme::new(Depth::None, Glyphs::Ascii);
        let chart = Chart {
            theme: &theme,
            series: vec![series('E', points[0]), series('G', points[1])],
            reference: vec![],
            columns: (1..4)
                .map(|i| ChartColumn { number: i.to_string(), word: format!("word{i}") })
                .collect(),
            heights,
            has_legend: true,
            cursor: ChartPoint::default(),
            focused: false,
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, 25, 7));
        chart.draw(buf.area, &mut buf);
        let line = |y| (0..25).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..7).map(|y| line(y).trim_end().to_owned()).collect()
    }

    #[test]
    fn letters_are_at_the_height_of_their_numbers() {
        let lines = drawn(Heights::Linear, [&[1.0, 0.0, 0.0], &[1.0, 2.0, 3.0]]);
        let want = [
            "E E   G G",
            "    3 |             . G",
            "      |       . G . .",
            "      |EG. . .",
            "    0 |      E . . E",
            "       1     2     3",
            "       word1 word2 word3",
        ];
        assert_eq!(lines[0], want[0]);
        assert_eq!(lines[1].chars().last(), Some('G'));
        assert_eq!(&lines[3][..9], &want[3][..9]);
        assert_eq!(lines[5..], want[5..]);
    }

    #[test]
    fn names_that_do_not_fit_on_a_line_stand_whole_on_two() {
        let theme = Theme::new(Depth::None, Glyphs::Unicode);
        let names = ["Elman RNN", "GRU", "RNN with attention", "Transformer"];
        let named = |name: &&str| Series { name: (*name).to_owned(), ..series('E', &[1.0]) };
        let chart = Chart {
            theme: &theme,
            series: names.iter().map(named).collect(),
            reference: vec![],
            columns: vec![ChartColumn::numbered("1".to_owned())],
            heights: Heights::Linear,
            has_legend: true,
            cursor: ChartPoint::default(),
            focused: false,
        };
        let legend = |width, height| chart.legend(Rect::new(0, 0, width, height));
        assert_eq!(legend(80, 14).len(), 1);
        let two = legend(45, 14);
        assert_eq!(two.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
        for (i, text) in two.into_iter().flatten() {
            assert_eq!(text, format!("━ {}", names[i]));
        }
        assert_eq!(legend(45, 7).len(), 1, "a low chart keeps its lines for the plot");
        assert_eq!(legend(45, 7)[0].len(), 4);
    }

    #[test]
    fn names_that_would_be_cut_stand_at_the_ends_alone() {
        let theme = Theme::new(Depth::None, Glyphs::Unicode);
        let names = ["Elman RNN", "RNN with attention", "Transformer, unguided", "Transformer"];
        let named = |i: usize| Series {
            name: format!("{} {i}", names[i % 4]),
            ..series('E', &[i as f32, i as f32])
        };
        let chart = Chart {
            theme: &theme,
            series: (0..6).map(named).collect(),
            reference: vec![],
            columns: (1..3).map(|i| ChartColumn::numbered(i.to_string())).collect(),
            heights: Heights::Linear,
            has_legend: true,
            cursor: ChartPoint::default(),
            focused: false,
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, 70, 11));
        chart.draw(buf.area, &mut buf);
        let all: String = buf.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        for series in &chart.series {
            assert_eq!(all.matches(&*series.name).count(), 1, "{}", series.name);
        }
        let low = Rect::new(0, 0, 70, 7);
        assert_eq!(chart.legend(low)[0].len(), 6, "too low for all ends");
    }

    #[test]
    fn the_reference_differs_from_the_lines_without_colours() {
        let theme = Theme::new(Depth::None, Glyphs::Unicode);
        let mut chart = Chart {
            theme: &theme,
            series: vec![series('E', &[1.0, 1.0, 1.0])],
            reference: vec![],
            columns: (1..4).map(|i| ChartColumn::numbered(i.to_string())).collect(),
            heights: Heights::Linear,
            has_legend: true,
            cursor: ChartPoint::default(),
            focused: false,
        };
        let signs = |chart: &Chart| {
            let mut buf = Buffer::empty(Rect::new(0, 0, 25, 7));
            chart.draw(buf.area, &mut buf);
            let all: Vec<String> = buf.content.iter().map(|c| c.symbol().to_owned()).collect();
            let is_braille =
                |s: &&String| s.starts_with(|c| ('\u{2801}'..='\u{28ff}').contains(&c));
            let dashes = all.iter().filter(|s| *s == REFERENCE.0).count();
            [dashes, all.iter().filter(is_braille).count()]
        };
        let [none, dots] = signs(&chart);
        assert_eq!((none, dots > 0), (0, true));
        chart.reference = vec![2.0; 3];
        assert_eq!(signs(&chart), [3, dots]);
    }

    #[test]
    fn names_at_the_ends_stand_in_the_order_of_their_numbers() {
        let theme = Theme::new(Depth::None, Glyphs::Unicode);
        let named = |name: &str, last: f32| {
            let name = name.to_owned();
            Series { name, ..series('E', &[50.0, last]) }
        };
        let chart = Chart {
            theme: &theme,
            series: vec![named("lower", 59.0), named("higher", 60.0)],
            reference: vec![],
            columns: (1..3).map(|i| ChartColumn::numbered(i.to_string())).collect(),
            heights: Heights::Linear,
            has_legend: false,
            cursor: ChartPoint::default(),
            focused: false,
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, MIN_WIDTH_FOR_NAMES, 9));
        chart.draw(buf.area, &mut buf);
        let line = |y| (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect::<String>();
        let at = |name: &str| (0..9).find(|y| line(*y).contains(name));
        assert!(at("higher").is_some() && at("higher") < at("lower"));
    }

    #[test]
    fn lines_without_a_legend_or_words_are_left_to_the_plot() {
        let theme = Theme::new(Depth::None, Glyphs::Ascii);
        let mut chart = Chart {
            theme: &theme,
            series: vec![series('E', &[1.0, 2.0, 3.0])],
            reference: vec![],
            columns: (1..4).map(|i| ChartColumn::numbered(i.to_string())).collect(),
            heights: Heights::Linear,
            has_legend: true,
            cursor: ChartPoint::default(),
            focused: false,
        };
        let area = Rect::new(0, 0, 40, 12);
        assert_eq!(chart.frame(area).plot.height, 10);
        chart.has_legend = false;
        assert_eq!(chart.frame(area).plot, Rect { y: 0, height: 11, ..chart.frame(area).plot });
        chart.columns[0].word = "word".into();
        assert_eq!(chart.frame(area).plot.height, 10);
    }

    #[test]
    fn powers_of_ten_are_equally_spaced_on_a_log_axis() {
        let lines = drawn(Heights::Log, [&[1.0, 10.0, 100.0], &[0.1, f32::NAN, 0.0]]);
        let row = |letter: char, nth: usize| {
            let mut found = lines.iter().enumerate().skip(1).filter(|(_, l)| l.contains(letter));
            found.nth(nth).map(|(i, _)| i)
        };
        assert_eq!([row('E', 0), row('E', 1), row('E', 2), row('G', 0)], [1, 2, 3, 4].map(Some));
        assert_eq!(row('G', 1), None);
    }
}
