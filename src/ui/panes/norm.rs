//! Layer normalisation of one word: input, mean and variance, normalised row, row after gain and bias.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords, subject::Subject};
use crate::{
    engine::value::PlaneCell,
    lesson::{Language, tr},
    model::layer::norm,
    ui::{
        theme::Theme,
        widgets::{
            heat::{Heat, Scale},
            lines::{put_line, put_on, right, whole},
        },
    },
};

/// Pane of a layer norm; its site is the norm's `out`.
pub(super) struct NormPane<'a>(pub(super) Subject<'a>);

/// Lines of the heat map: units, three strips and a legend.
const STRIP_LINES: u16 = 5;
/// Width of the mean and variance, in columns.
const MOMENTS_WIDTH: u16 = 18;
const HISTOGRAM_GAP: u16 = 3;
const MAX_HISTOGRAM_WIDTH: u16 = 32;
const MAX_HISTOGRAM_HEIGHT: u16 = 24;
/// Minimum height of a histogram with its axis, in lines.
const MIN_HISTOGRAM_HEIGHT: u16 = 3;

impl<'a> NormPane<'a> {
    /// The norm's input: the site that its mean is computed from.
    fn input(&self) -> Option<Subject<'a>> {
        let mean = self.0.sibling(&norm::MEAN)?;
        let opened =
            self.0.trace.open(&mean.site.address(crate::engine::value::Cell::default())).ok()?;
        let path = opened.expr?.leaves().first()?.address.path.clone();
        Subject::new(self.0.scene, &path, None)
    }

    fn parts(&self) -> Vec<(&'static str, Subject<'a>)> {
        let parts = [
            ("before", self.input()),
            ("normalized", self.0.sibling(&norm::NORMALIZED)),
            ("gain, bias", Some(self.0.clone())),
        ];
        let language = self.0.scene.language;
        parts.into_iter().filter_map(|(label, s)| Some((language.tr(label), s?))).collect()
    }

    fn heat(&self) -> Heat<'a> {
        let Scene { theme, language, .. } = self.0.scene;
        let right = language.tr(theme.glyph("→ ", "columns "));
        let axes = format!("{right}{}", language.tr("channel"));
        Heat { axes, ..self.0.heat_of_parts(self.parts()) }
    }

    /// The area of the strips, and whether histograms fit below.
    fn strips_area(heat: &Heat, area: Rect) -> (Rect, bool) {
        let narrower = Rect { width: area.width.saturating_sub(MOMENTS_WIDTH), ..area };
        let moments = if heat.fits(narrower) { MOMENTS_WIDTH } else { 0 };
        let has_histograms = area.height >= STRIP_LINES + 5 && area.width >= 40;
        let height = if has_histograms { STRIP_LINES } else { area.height };
        (Rect { width: area.width - moments, height, ..area }, has_histograms)
    }

    /// The area of the histograms, where they fit below the strips.
    fn histograms_area(area: Rect) -> Rect {
        let rest = without_lines(area, STRIP_LINES + 1);
        let height = rest.height.min(MAX_HISTOGRAM_HEIGHT);
        Rect { x: area.x + 1, width: area.width - 1, height, ..rest }
    }

    /// Columns from one histogram to the next.
    fn histogram_pitch(&self, area: Rect) -> u16 {
        area.width / self.parts().len().max(1) as u16
    }

    /// Draws the mean and variance of every part at the end of its strip's line.
    fn draw_moments(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.0.scene.theme;
        let language = self.0.scene.language;
        let head = right(language.tr("mean"), 9) + &right(language.tr("variance"), 9);
        put_on(buf, area, &[(&head, theme.dim())]);
        for ((_, subject), y) in self.parts().into_iter().zip(area.y + 1..area.bottom()) {
            let (mean, variance) = moments(&subject.site.value.row(0, self.0.row()));
            let text = format!("{}{}", theme.number(mean, 9), theme.number(variance, 9));
            put_line(buf, (area.x, y), area.right(), &[(&text, Style::new())]);
        }
    }

    /// Draws a histogram of the numbers of every part, on one common scale.
    fn draw_histograms(&self, with_moments: bool, area: Rect, buf: &mut Buffer) {
        let parts = self.parts();
        let rows = parts.iter().map(|(_, s)| s.site.value.row(0, self.0.row()));
        let rows: Vec<Vec<f32>> = rows.collect();
        let scale = Scale::signed(rows.iter().flatten().copied());
        let pitch = self.histogram_pitch(area);
        for (i, (numbers, (label, _))) in rows.iter().zip(&parts).enumerate() {
            let width = pitch.saturating_sub(HISTOGRAM_GAP).min(MAX_HISTOGRAM_WIDTH);
            let mut frame = Rect { x: area.x + i as u16 * pitch, width, ..area };
            put_on(buf, frame, &[(label, Style::new())]);
            frame = without_lines(frame, 1);
            if with_moments {
                for text in moments_text(*self.0.scene.theme, self.0.scene.language, numbers, frame)
                {
                    put_on(buf, frame, &[(&text, self.0.scene.theme.dim())]);
                    frame = without_lines(frame, 1);
                }
            }
            self.draw_histogram(numbers, scale, frame, buf);
        }
    }

    fn draw_histogram(&self, numbers: &[f32], scale: Scale, area: Rect, buf: &mut Buffer) {
        let (theme, limit) = (self.0.scene.theme, scale.end());
        let counts = counts(numbers, limit, usize::from(area.width));
        let highest = counts.iter().copied().max().unwrap_or(0).max(1);
        let lines = area.height.saturating_sub(1);
        for (i, &count) in counts.iter().enumerate() {
            let centre = (i as f32 + 0.5) / counts.len() as f32 * 2.0 - 1.0;
            // The colour ramp is dark around zero, where most numbers are, so the bars use only its ends.
            let ink =
                theme.diverging(if centre < 0.0 { centre.min(-0.6) } else { centre.max(0.6) });
            let style = ink.map_or(Style::new(), |c| Style::new().fg(c));
            let eighths = count * usize::from(lines) * 8 / highest;
            for line in 0..lines {
                let filled = eighths.saturating_sub(usize::from(line) * 8).min(8);
                let position = (area.x + i as u16, area.y + lines - 1 - line);
                put_line(buf, position, area.right(), &[(theme.column(filled), style)]);
            }
        }
        let axis_text = axis_text(*theme, scale, area.width.into());
        let position = (area.x, area.y + lines);
        put_line(buf, position, area.right(), &[(&axis_text, theme.dim())]);
    }
}

/// Axis label: the scale's ends and, if it fits, its zero, with as many digits as fit the width. Numbers
/// beyond a clipped scale count at its ends.
fn axis_text(theme: Theme, scale: Scale, width: usize) -> String {
    let is_clipped = matches!(scale, Scale::Clipped { .. });
    let beyond = |sign: &'static str| if is_clipped { sign } else { "" };
    let (below, above) = (beyond(theme.glyph("≤", "<")), beyond(theme.glyph("≥", ">")));
    let format_axis = |columns: usize, middle: &str| {
        let high = theme.number(scale.end(), columns);
        let (low, high) = (format!("{below}-{}", high.trim()), format!("{above}{}", high.trim()));
        let inner = width.checked_sub(low.width() + high.width())?;
        let is_legible = inner >= middle.len() + 2 && !high.contains('#');
        is_legible.then(|| format!("{low}{middle:^inner$}{high}"))
    };
    let formats = ["0", ""].into_iter().flat_map(|middle| (2..=5).rev().map(move |n| (n, middle)));
    formats.into_iter().find_map(|(n, middle)| format_axis(n, middle)).unwrap_or_default()
}

/// `mean 0.38 var 14.2` in one line, or in two if the area is narrow; omits what does not fit.
fn moments_text(theme: Theme, language: Language, numbers: &[f32], area: Rect) -> Vec<String> {
    let (mean, variance) = moments(numbers);
    let number = |v| theme.number(v, 5).trim().to_owned();
    let mean = tr!(language, "mean {v}", v = number(mean));
    let variance = tr!(language, "var {v}", v = number(variance));
    let width = usize::from(area.width);
    if mean.width() + 1 + variance.width() <= width {
        return vec![format!("{mean} {variance}")];
    }
    let lines = if area.height >= MIN_HISTOGRAM_HEIGHT + 2 { 2 } else { 1 };
    [mean, variance].iter().take(lines).map(|text| whole(text, width).to_owned()).collect()
}

/// The area without its first lines.
fn without_lines(area: Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    Rect { y: area.y + lines, height: area.height - lines, ..area }
}

/// Histogram of the finite numbers: counts in `bins` equal parts of -limit..limit; numbers outside count at
/// the ends.
fn counts(numbers: &[f32], limit: f32, bins: usize) -> Vec<usize> {
    let mut counts = vec![0; bins];
    for v in numbers.iter().filter(|v| v.is_finite()) {
        let bin = ((v / limit).clamp(-1.0, 1.0).midpoint(1.0) * bins as f32) as usize;
        if let Some(count) = counts.get_mut(bin.min(bins.saturating_sub(1))) {
            *count += 1;
        }
    }
    counts
}

/// Mean and biased variance.
fn moments(numbers: &[f32]) -> (f32, f32) {
    let n = numbers.len() as f32;
    let mean = numbers.iter().sum::<f32>() / n;
    (mean, numbers.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n)
}

impl Pane for NormPane<'_> {
    fn title(&self) -> Title {
        let word = self.0.label(1, self.0.row());
        self.0.title().with(tr!(self.0.scene.language, "“{word}”", word))
    }

    fn subject(&self) -> Option<&Subject<'_>> {
        Some(&self.0)
    }

    fn preferred_size(&self) -> PreferredSize {
        PreferredSize::new(Size::new(40, 6), Size::new(100, STRIP_LINES + 7))
            .as_wide_as(180)
            .up_to(STRIP_LINES + 3 + MAX_HISTOGRAM_HEIGHT)
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        let heat = self.heat();
        let (strips, _) = Self::strips_area(&heat, area);
        heat.cell_at(strips, position).map(|at| PlaneCell { row: self.0.row(), ..at })
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    /// Part after part: what comes in, the same centred and scaled, then with gain and bias.
    fn covered(&self, area: Rect, part: f32) -> Vec<Rect> {
        let heat = self.heat();
        let (strips, has_histograms) = Self::strips_area(&heat, area);
        let cells = heat.cell_area(strips);
        let strips = self.unfolding().covered(cells, part);
        // Their moments stand beside them.
        let mut covered = vec![Rect { width: area.right() - strips.x, ..strips }];
        if has_histograms {
            let n_shown = (cells.area.height - strips.height) / cells.cell.height;
            let below_labels = without_lines(Self::histograms_area(area), 1);
            let shown = (n_shown * self.histogram_pitch(below_labels)).min(below_labels.width);
            let (x, width) = (below_labels.x + shown, below_labels.width - shown);
            covered.push(Rect { x, width, ..below_labels });
        }
        covered
    }

    fn in_words(&self) -> PaneWords {
        let sites = [&norm::MEAN, &norm::VAR, &norm::NORMALIZED, &norm::OUT];
        self.0.in_words(self.0.view().sibling_rows(&sites))
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let heat = self.heat();
        let (strips, has_histograms) = Self::strips_area(&heat, area);
        let (moments, height) = (area.width - strips.width, strips.height);
        heat.draw(strips, buf);
        if moments > 0 {
            let drawn = heat.drawn_width(strips);
            let lines = height.min(4);
            let side = Rect { x: area.x + drawn, width: MOMENTS_WIDTH, height: lines, ..area };
            self.draw_moments(side, buf);
        }
        if has_histograms {
            self.draw_histograms(moments == 0, Self::histograms_area(area), buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::{axis_text, counts, moments, moments_text};
    use crate::ui::{
        theme::{Depth, Glyphs, Theme},
        widgets::heat::Scale,
    };

    #[test]
    fn axis_labels_of_narrow_histograms_stay_apart_and_whole() {
        let theme = Theme::new(Depth::None, Glyphs::Ascii);
        let with_width = |width| axis_text(theme, Scale::Signed(10.96), width);
        assert_eq!(with_width(20), "-10.96    0    10.96");
        assert_eq!([13, 11, 7, 4].map(with_width), ["-11.0 0  11.0", "-11  0   11", "-11  11", ""]);
        assert_eq!(axis_text(theme, Scale::Clipped { to: 2.5, most: 99.0 }, 12), "<-2.5 0 >2.5");
        let lines = |width, height| {
            moments_text(
                theme,
                crate::lesson::Language::English,
                &[0.0, 6.0],
                Rect::new(0, 0, width, height),
            )
        };
        assert_eq!(lines(20, 5), ["mean 3.00 var 9.00"]);
        assert_eq!(lines(11, 5), ["mean 3.00", "var 9.00"]);
        assert_eq!((lines(11, 4), lines(8, 4)), (vec!["mean 3.00".into()], vec![String::new()]));
    }

    #[test]
    fn moments_are_mean_and_biased_variance() {
        assert_eq!(moments(&[1.0, 3.0]), (2.0, 1.0));
    }

    #[test]
    fn every_finite_number_is_counted_once() {
        assert_eq!(counts(&[-1.0, -0.1, 0.1, 0.2, 1.0, f32::NAN], 1.0, 4), [1, 1, 2, 1]);
        assert_eq!(counts(&[1.0], 1.0, 0), [0; 0]);
    }
}
