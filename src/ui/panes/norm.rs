//! Layer normalisation of one word: before, mean and variance, normalised, after gain and bias.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use unicode_width::UnicodeWidthStr;

use super::{CursorCell, Pane, PreferredSize, subject::Subject, words::PaneWords};
use crate::{
    model::layer::norm,
    ui::{
        theme::Theme,
        widgets::{
            heat::{Columns, Heat, Labels, Scale},
            lines::{put_line, put_on, whole},
        },
    },
};

/// Its subject is the norm's `out`.
pub(super) struct Norm<'a>(pub(super) Subject<'a>);

/// Units, three strips and a legend.
const STRIPS: u16 = 5;
/// The columns of mean and variance.
const MOMENTS: u16 = 18;
const HISTOGRAM_GAP: u16 = 3;
const WIDEST_HISTOGRAM: u16 = 32;
const TALLEST_HISTOGRAM: u16 = 10;
/// Lines of bars and their axis that say something.
const FEWEST_BARS: u16 = 3;

impl<'a> Norm<'a> {
    /// What went into the norm: the site that was computed last before its mean.
    fn before(&self) -> Option<Subject<'a>> {
        let mean = self.0.beside(&norm::MEAN)?;
        let opened =
            self.0.trace.open(&mean.site.address(crate::engine::value::Cell::default())).ok()?;
        let path = opened.expr?.leaves().first()?.address.path.clone();
        Subject::new(self.0.scene, &path, None)
    }

    fn parts(&self) -> Vec<(&'static str, Subject<'a>)> {
        let parts = [
            ("before", self.before()),
            ("normalized", self.0.beside(&norm::NORMALIZED)),
            ("gain, bias", Some(self.0.clone())),
        ];
        parts.into_iter().filter_map(|(label, s)| Some((label, s?))).collect()
    }

    fn heat(&self) -> Heat<'a> {
        let row = self.0.row();
        let parts = self.parts();
        let labels = parts.iter().map(|(label, _)| (*label).to_owned()).collect();
        let numbers: Vec<Vec<f32>> = parts.iter().map(|(_, s)| s.shown_row(row)).collect();
        let scale = Scale::signed(numbers.iter().flatten().copied());
        let n_rows = numbers.len();
        let marks = super::marks_of_parts(parts.iter().map(|(_, subject)| subject), row);
        Heat {
            n_rows,
            marks,
            value: Box::new(move |part, channel| numbers[part][channel]),
            most_prominent: None,
            row_labels: Labels::listed(labels),
            columns: Columns::Counted,
            scale,
            cursor: (n_rows.saturating_sub(1), self.0.col()),
            axes: format!("{}channel", self.0.scene.theme.glyph("→ ", "columns ")),
            ..self.0.heat()
        }
    }

    /// Where the strips stand, and whether there is room for histograms beneath.
    fn strips_area(heat: &Heat, area: Rect) -> (Rect, bool) {
        let narrower = Rect { width: area.width.saturating_sub(MOMENTS), ..area };
        let moments = if heat.fits(narrower) { MOMENTS } else { 0 };
        let has_histograms = area.height >= STRIPS + 5 && area.width >= 40;
        let height = if has_histograms { STRIPS } else { area.height };
        (Rect { width: area.width - moments, height, ..area }, has_histograms)
    }

    /// Mean and variance of every part, at the ends of its strip's line.
    fn draw_moments(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.0.scene.theme;
        let head = format!("{:>9}{:>9}", "mean", "variance");
        put_on(buf, area, &[(&head, theme.dim())]);
        for ((_, subject), y) in self.parts().into_iter().zip(area.y + 1..area.bottom()) {
            let (mean, variance) = moments(&subject.site.value.row(0, self.0.row()));
            let text = format!("{}{}", theme.number(mean, 9), theme.number(variance, 9));
            put_line(buf, (area.x, y), area.right(), &[(&text, Style::new())]);
        }
    }

    /// How often each size of number occurs, part by part, on one common scale.
    fn draw_histograms(&self, with_moments: bool, area: Rect, buf: &mut Buffer) {
        let parts = self.parts();
        let rows = parts.iter().map(|(_, s)| s.site.value.row(0, self.0.row()));
        let rows: Vec<Vec<f32>> = rows.collect();
        let scale = Scale::signed(rows.iter().flatten().copied());
        let pitch = area.width / parts.len().max(1) as u16;
        for (i, (numbers, (label, _))) in rows.iter().zip(&parts).enumerate() {
            let width = pitch.saturating_sub(HISTOGRAM_GAP).min(WIDEST_HISTOGRAM);
            let mut frame = Rect { x: area.x + i as u16 * pitch, width, ..area };
            put_on(buf, frame, &[(label, Style::new())]);
            frame = below(frame, 1);
            if with_moments {
                for text in said_of_moments(*self.0.scene.theme, numbers, frame) {
                    put_on(buf, frame, &[(&text, self.0.scene.theme.dim())]);
                    frame = below(frame, 1);
                }
            }
            self.draw_histogram(numbers, scale, frame, buf);
        }
    }

    fn draw_histogram(&self, numbers: &[f32], scale: Scale, area: Rect, buf: &mut Buffer) {
        let (theme, most) = (self.0.scene.theme, scale.end());
        let counts = counts(numbers, most, usize::from(area.width));
        let highest = counts.iter().copied().max().unwrap_or(0).max(1);
        let lines = area.height.saturating_sub(1);
        for (i, &count) in counts.iter().enumerate() {
            let centre = (i as f32 + 0.5) / counts.len() as f32 * 2.0 - 1.0;
            // The ramp is dark about zero, where most numbers are: the bars keep clear of that.
            let ink =
                theme.diverging(if centre < 0.0 { centre.min(-0.6) } else { centre.max(0.6) });
            let style = ink.map_or(Style::new(), |c| Style::new().fg(c));
            let eighths = count * usize::from(lines) * 8 / highest;
            for line in 0..lines {
                let part = eighths.saturating_sub(usize::from(line) * 8).min(8);
                let at = (area.x + i as u16, area.y + lines - 1 - line);
                put_line(buf, at, area.right(), &[(theme.column(part), style)]);
            }
        }
        let axis = axis(*theme, scale, area.width.into());
        let at = (area.x, area.y + lines);
        put_line(buf, at, area.right(), &[(&axis, theme.dim())]);
    }
}

/// The ends of a scale and its middle, the numbers as long as lets them stand apart; what lies beyond
/// the ends is counted at them.
fn axis(theme: Theme, scale: Scale, width: usize) -> String {
    let is_clipped = matches!(scale, Scale::Clipped { .. });
    let beyond = |sign: &'static str| if is_clipped { sign } else { "" };
    let (below, above) = (beyond(theme.glyph("≤", "<")), beyond(theme.glyph("≥", ">")));
    let spelt = |columns: usize, middle: &str| {
        let high = theme.number(scale.end(), columns);
        let (low, high) = (format!("{below}-{}", high.trim()), format!("{above}{}", high.trim()));
        let inner = width.checked_sub(low.width() + high.width())?;
        let is_legible = inner >= middle.len() + 2 && !high.contains('#');
        is_legible.then(|| format!("{low}{middle:^inner$}{high}"))
    };
    let tries = ["0", ""].into_iter().flat_map(|middle| (2..=5).rev().map(move |n| (n, middle)));
    tries.into_iter().find_map(|(n, middle)| spelt(n, middle)).unwrap_or_default()
}

/// `mean 0.38 var 14.2` on a line, or on two where the area is narrow; what has no room is left out.
fn said_of_moments(theme: Theme, numbers: &[f32], area: Rect) -> Vec<String> {
    let (mean, variance) = moments(numbers);
    let number = |v| theme.number(v, 5).trim().to_owned();
    let (mean, variance) = (format!("mean {}", number(mean)), format!("var {}", number(variance)));
    let width = usize::from(area.width);
    if mean.width() + 1 + variance.width() <= width {
        return vec![format!("{mean} {variance}")];
    }
    let lines = if area.height >= FEWEST_BARS + 2 { 2 } else { 1 };
    [mean, variance].iter().take(lines).map(|text| whole(text, width).to_owned()).collect()
}

/// The area without its first lines.
fn below(area: Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    Rect { y: area.y + lines, height: area.height - lines, ..area }
}

/// How many numbers fall into each of `bins` equal parts of -most..most; those beyond, at its ends.
fn counts(numbers: &[f32], most: f32, bins: usize) -> Vec<usize> {
    let mut counts = vec![0; bins];
    for v in numbers.iter().filter(|v| v.is_finite()) {
        let place = ((v / most).clamp(-1.0, 1.0).midpoint(1.0) * bins as f32) as usize;
        if let Some(count) = counts.get_mut(place.min(bins.saturating_sub(1))) {
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

impl Pane for Norm<'_> {
    fn title(&self) -> String {
        format!("{} · “{}”", self.0.title(), self.0.label(1, self.0.row()))
    }

    fn extent(&self) -> (usize, usize) {
        (self.0.n_rows(), self.0.n_cols())
    }

    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        self.0.cursor_cell(row, col)
    }

    fn preferred_size(&self) -> PreferredSize {
        PreferredSize::new((40, 6), (100, STRIPS + 7)).up_to(STRIPS + 3 + TALLEST_HISTOGRAM)
    }

    fn cell_at(&self, area: Rect, at: Position) -> Option<(usize, usize)> {
        let heat = self.heat();
        let (strips, _) = Self::strips_area(&heat, area);
        heat.cell_at(strips, at).map(|(_, channel)| (self.0.row(), channel))
    }

    fn in_words(&self) -> PaneWords {
        let sites = [&norm::MEAN, &norm::VAR, &norm::NORMALIZED, &norm::OUT];
        self.0.in_words(self.0.view().beside(&sites))
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let heat = self.heat();
        let (strips, has_histograms) = Self::strips_area(&heat, area);
        let (moments, height) = (area.width - strips.width, strips.height);
        heat.draw(strips, buf);
        if moments > 0 {
            let drawn = heat.drawn_width(strips);
            let lines = height.min(4);
            let side = Rect { x: area.x + drawn, width: MOMENTS, height: lines, ..area };
            self.draw_moments(side, buf);
        }
        if has_histograms {
            let height = (area.height - STRIPS - 1).min(TALLEST_HISTOGRAM);
            let rest = Rect { x: area.x + 1, width: area.width - 1, ..below(area, STRIPS + 1) };
            self.draw_histograms(moments == 0, Rect { height, ..rest }, buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::{axis, counts, moments, said_of_moments};
    use crate::ui::{
        theme::{Depth, Glyphs, Theme},
        widgets::heat::Scale,
    };

    #[test]
    fn numbers_of_narrow_histograms_stand_apart_and_whole() {
        let theme = Theme::new(Depth::None, Glyphs::Ascii);
        let at = |width| axis(theme, Scale::Signed(10.96), width);
        assert_eq!(at(20), "-10.96    0    10.96");
        assert_eq!([13, 11, 7, 4].map(at), ["-11.0 0  11.0", "-11  0   11", "-11  11", ""]);
        assert_eq!(axis(theme, Scale::Clipped { to: 2.5, most: 99.0 }, 12), "<-2.5 0 >2.5");
        let said =
            |width, height| said_of_moments(theme, &[0.0, 6.0], Rect::new(0, 0, width, height));
        assert_eq!(said(20, 5), ["mean 3.00 var 9.00"]);
        assert_eq!(said(11, 5), ["mean 3.00", "var 9.00"]);
        assert_eq!((said(11, 4), said(8, 4)), (vec!["mean 3.00".into()], vec![String::new()]));
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
