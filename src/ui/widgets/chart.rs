//! Lines over the words of a sentence: a letter a line, so that no line is told by colour alone.
//!
//! ```text
//! E Elman RNN 4   G GRU 13                 what each line is, with its number at the cursor
//!  12 |              G                     ticks, and a letter for every point
//!   6 |     G   G  E
//!   0 | EG   E
//!      1    2    3    4                    numbers, and words where they fit
//!      The  dog  saw  a
//! ```

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use crate::ui::{
    theme::Theme,
    widgets::lines::{fit, put_line, window},
};

/// A line of the chart.
pub struct Series {
    pub letter: char,
    pub name: String,
    pub style: Style,
    /// A number for every column; NaN where the line has none.
    pub points: Vec<f32>,
    /// Its point at the cursor, in words.
    pub said: String,
}

/// How numbers become heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heights {
    Linear,
    /// By powers of ten; what is not above zero has no place.
    Log,
}

/// The sign of what lines are held against: another than the dots that join their letters.
pub const REFERENCE: (&str, &str) = ("╌", "-");

/// Lines over columns.
pub struct Chart<'a> {
    pub theme: &'a Theme,
    pub series: Vec<Series>,
    /// Dashed behind the lines, as [`REFERENCE`]: what they are to be held against.
    pub reference: Vec<f32>,
    /// Number and word of every column.
    pub columns: Vec<(String, String)>,
    pub heights: Heights,
    /// The line and column of the cursor.
    pub cursor: (usize, usize),
    pub focused: bool,
}

/// The columns of the ticks' numbers and their rule.
const TICKS: u16 = 7;
/// From this column width on, words stand beneath the numbers.
const WORDY: u16 = 4;
const WIDEST: u16 = 9;

/// Where the points stand.
struct Frame {
    plot: Rect,
    /// The columns in view, and the width of one.
    first: usize,
    last: usize,
    pitch: u16,
    low: f32,
    high: f32,
}

impl Frame {
    fn x(&self, column: usize) -> Option<u16> {
        let shown = (self.first..self.last).contains(&column);
        shown.then(|| self.plot.x + (column - self.first) as u16 * self.pitch)
    }

    /// The line of a height that has been scaled.
    fn y(&self, height: f32) -> Option<u16> {
        let part = (height - self.low) / (self.high - self.low).max(f32::MIN_POSITIVE);
        let lines = f32::from(self.plot.height.saturating_sub(1));
        let up = (part.clamp(0.0, 1.0) * lines).round() as u16;
        (height.is_finite() && self.plot.height > 0).then(|| self.plot.bottom() - 1 - up)
    }

    /// Heights with a number: as many as stand apart.
    fn ticks(&self) -> Vec<(f32, String)> {
        let most = f32::from((self.plot.height / 2).max(1));
        let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
        let span = self.high - self.low;
        let step = steps.into_iter().find(|step| span / step <= most).unwrap_or(span.max(1.0));
        let heights = (0..=(span / step) as usize).map(|i| self.low + i as f32 * step);
        heights.map(|height| (height, format!("{height:.0}"))).collect()
    }

    /// Powers of ten that lie in view; over a few decades their doubles and fives as well.
    fn powers_of_ten(&self) -> Vec<(f32, String)> {
        let between: &[f32] = if self.high - self.low < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let decades = self.low.floor() as i32..=self.high.ceil() as i32;
        let all = decades.flat_map(|decade| between.iter().map(move |v| (decade, *v)));
        let ticks = all.map(|(decade, v)| (decade as f32 + v.log10(), written(decade, v)));
        ticks.filter(|(height, _)| (self.low..=self.high).contains(height)).collect()
    }
}

impl Chart<'_> {
    /// The room that shows all lines and most words.
    pub fn ideal(&self) -> (u16, u16) {
        (TICKS + 6 * self.columns.len().min(30) as u16, 16)
    }

    pub const LEAST: (u16, u16) = (34, 6);

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

    /// Divides the area beneath the legend.
    fn frame(&self, area: Rect) -> Frame {
        let n = self.columns.len().max(1);
        let width = area.width.saturating_sub(TICKS);
        let pitch = (width / n as u16).clamp(1, WIDEST);
        let shown = window(self.columns.len(), usize::from(width / pitch), self.cursor.1);
        let beneath = if pitch >= WORDY && area.height >= 7 { 2 } else { 1 };
        let height = area.height.saturating_sub(1 + beneath);
        let (low, high) = self.range();
        let plot = Rect {
            x: area.x + TICKS.min(area.width),
            y: area.y + 1.min(area.height),
            width,
            height,
        };
        Frame { plot, first: shown.start, last: shown.end, pitch, low, high }
    }

    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let frame = self.frame(area);
        self.draw_legend(area, buf);
        self.draw_ticks(&frame, area, buf);
        self.draw_reference(&frame, buf);
        for series in &self.series {
            self.draw_path(series, &frame, buf);
        }
        for column in frame.first..frame.last {
            self.draw_points(column, &frame, buf);
        }
        self.draw_columns(&frame, area, buf);
    }

    /// Names and, where there is room for them, the numbers at the cursor.
    fn draw_legend(&self, area: Rect, buf: &mut Buffer) {
        let long = |s: &Series| format!("{} {} {}", s.letter, s.name, s.said).trim_end().to_owned();
        let short = |s: &Series| format!("{} {}", s.letter, s.name);
        let width = self.series.iter().map(|s| long(s).width() + 3).sum::<usize>();
        let mut x = area.x;
        for (i, series) in self.series.iter().enumerate() {
            let is_at = self.focused && i == self.cursor.0;
            let style = if is_at { series.style.bold().underlined() } else { series.style };
            let fits = width <= usize::from(area.width) + 3;
            let text = if fits { long(series) } else { short(series) };
            x = put(buf, (x, area.y), area.right(), &text, style) + 3;
        }
    }

    fn draw_ticks(&self, frame: &Frame, area: Rect, buf: &mut Buffer) {
        let (dim, rule) = (self.theme.dim(), self.theme.glyph("│", "|"));
        for line in frame.plot.y..frame.plot.bottom() {
            let x = frame.plot.x.saturating_sub(1);
            put(buf, (x, line), area.right(), rule, dim);
        }
        let ticks = match self.heights {
            Heights::Linear => frame.ticks(),
            Heights::Log => frame.powers_of_ten(),
        };
        for (height, tick) in ticks {
            let Some(y) = frame.y(height) else { continue };
            let text = format!("{tick:>5}");
            put(buf, (area.x, y), area.right(), &text, dim);
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

    /// Dots from one point to the next, so that the eye follows a line.
    fn draw_path(&self, series: &Series, frame: &Frame, buf: &mut Buffer) {
        let dot = self.theme.glyph("·", ".");
        for (column, pair) in series.points.windows(2).enumerate() {
            let (a, b) = (self.scaled(pair[0]), self.scaled(pair[1]));
            let Some(x) = frame.x(column).filter(|_| frame.x(column + 1).is_some()) else {
                continue;
            };
            for step in (2..frame.pitch).step_by(2) {
                let part = f32::from(step) / f32::from(frame.pitch);
                if let Some(y) = frame.y(a + (b - a) * part) {
                    put(buf, (x + step, y), frame.plot.right(), dot, series.style);
                }
            }
        }
    }

    /// The letters of a column; those that share a line stand beside each other, as far as there is
    /// room.
    fn draw_points(&self, column: usize, frame: &Frame, buf: &mut Buffer) {
        let mut taken: Vec<u16> = vec![];
        for (i, series) in self.series.iter().enumerate() {
            let height = series.points.get(column).map_or(f32::NAN, |&v| self.scaled(v));
            let (Some(x), Some(y)) = (frame.x(column), frame.y(height)) else { continue };
            let place = taken.iter().filter(|&&other| other == y).count() as u16;
            taken.push(y);
            let is_at = self.focused && self.cursor == (i, column);
            let style = series.style.add_modifier(Modifier::BOLD);
            let style = if is_at { self.theme.cursor() } else { style };
            if place < frame.pitch || is_at {
                let x = x + place.min(frame.pitch - 1);
                put(buf, (x, y), frame.plot.right(), &series.letter.to_string(), style);
            }
        }
    }

    /// Numbers as closely as they fit, words beneath where they do.
    fn draw_columns(&self, frame: &Frame, area: Rect, buf: &mut Buffer) {
        let y = frame.plot.bottom();
        let longest = self.columns.iter().map(|(n, _)| n.width()).max().unwrap_or(1) as u16 + 1;
        let every = usize::from(longest.div_ceil(frame.pitch).max(1));
        for column in frame.first..frame.last {
            let Some(x) = frame.x(column) else { continue };
            let (number, word) = &self.columns[column];
            let is_at = self.focused && column == self.cursor.1;
            let style = if is_at { self.theme.accent() } else { self.theme.dim() };
            // Counted from the last column, which is the one that matters most.
            if (self.columns.len() - 1 - column).is_multiple_of(every) && y < area.bottom() {
                put(buf, (x, y), area.right(), number, style);
            }
            if frame.pitch >= WORDY && y + 1 < area.bottom() {
                let word = fit(word, usize::from(frame.pitch) - 1);
                put(buf, (x, y + 1), area.right(), &word, style);
            }
        }
    }
}

/// `0.05`, `20`, `1e-6`
fn written(decade: i32, v: f32) -> String {
    match decade {
        -3..=-1 => format!("{:.*}", decade.unsigned_abs() as usize, v * 10_f32.powi(decade)),
        0..=3 => format!("{:.0}", v * 10_f32.powi(decade)),
        _ => format!("{v:.0}e{decade}"),
    }
}

fn put(buf: &mut Buffer, at: (u16, u16), right: u16, text: &str, style: Style) -> u16 {
    put_line(buf, at, right, &[(text, style)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Depth, Glyphs};

    fn series(letter: char, points: &[f32]) -> Series {
        let (name, said) = (letter.to_string(), String::new());
        Series { letter, name, style: Style::new(), points: points.to_vec(), said }
    }

    fn drawn(heights: Heights, points: [&[f32]; 2]) -> Vec<String> {
        let theme = Theme::new(Depth::None, Glyphs::Ascii);
        let chart = Chart {
            theme: &theme,
            series: vec![series('E', points[0]), series('G', points[1])],
            reference: vec![],
            columns: (1..4).map(|i| (i.to_string(), format!("word{i}"))).collect(),
            heights,
            cursor: (0, 0),
            focused: false,
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, 25, 7));
        chart.draw(buf.area, &mut buf);
        let line = |y| (0..25).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..7).map(|y| line(y).trim_end().to_owned()).collect()
    }

    #[test]
    fn letters_stand_at_the_height_of_their_numbers() {
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
    fn the_reference_is_told_from_the_lines_without_colours() {
        let theme = Theme::new(Depth::None, Glyphs::Unicode);
        let mut chart = Chart {
            theme: &theme,
            series: vec![series('E', &[1.0, 1.0, 1.0])],
            reference: vec![],
            columns: (1..4).map(|i| (i.to_string(), String::new())).collect(),
            heights: Heights::Linear,
            cursor: (0, 0),
            focused: false,
        };
        let signs = |chart: &Chart| {
            let mut buf = Buffer::empty(Rect::new(0, 0, 25, 7));
            chart.draw(buf.area, &mut buf);
            let all: Vec<String> = buf.content.iter().map(|c| c.symbol().to_owned()).collect();
            [REFERENCE.0, "·"].map(|sign| all.iter().filter(|s| *s == sign).count())
        };
        let [none, dots] = signs(&chart);
        assert_eq!((none, dots > 0), (0, true));
        chart.reference = vec![2.0; 3];
        assert_eq!(signs(&chart), [3, dots]);
    }

    #[test]
    fn on_a_log_axis_every_power_of_ten_is_as_high() {
        let lines = drawn(Heights::Log, [&[1.0, 10.0, 100.0], &[0.1, f32::NAN, 0.0]]);
        let row = |letter: char, nth: usize| {
            let mut found = lines.iter().enumerate().skip(1).filter(|(_, l)| l.contains(letter));
            found.nth(nth).map(|(i, _)| i)
        };
        assert_eq!([row('E', 0), row('E', 1), row('E', 2), row('G', 0)], [1, 2, 3, 4].map(Some));
        assert_eq!(row('G', 1), None);
    }
}
