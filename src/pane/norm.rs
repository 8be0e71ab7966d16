//! Layer normalisation of one word: before, mean and variance, normalised, after gain and bias.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Pane, Pointed, Subject, Wanted, put_line};
use crate::heat::{Columns, Heat, Scale};

/// Its subject is the norm's `out`.
pub(super) struct Norm<'a>(pub(super) Subject<'a>);

impl<'a> Norm<'a> {
    /// What went into the norm: the site that was computed last before its mean.
    fn before(&self) -> Option<Subject<'a>> {
        let mean = self.0.beside("mean")?;
        let opened = self.0.trace.open(&mean.site.address(crate::value::Cell::default())).ok()?;
        let path = opened.expr?.leaves().first()?.address.path.clone();
        Subject::new(self.0.scene, &path, None)
    }

    fn parts(&self) -> Vec<(&'static str, Subject<'a>)> {
        let parts = [
            ("before", self.before()),
            ("normalized", self.0.beside("normalized")),
            ("out", Some(self.0.clone())),
        ];
        parts.into_iter().filter_map(|(label, s)| Some((label, s?))).collect()
    }

    fn heat(&self) -> Heat<'a> {
        let row = self.0.row();
        let parts = self.parts();
        let labels = parts.iter().map(|(label, _)| (*label).to_owned()).collect();
        let numbers: Vec<Vec<f32>> = parts.iter().map(|(_, s)| s.site.value.row(0, row)).collect();
        let scale = Scale::signed(numbers.iter().flatten().copied());
        let n_rows = numbers.len();
        Heat {
            n_rows,
            value: Box::new(move |part, channel| numbers[part][channel]),
            row_labels: labels,
            columns: Columns::Counted,
            scale,
            cursor: (n_rows.saturating_sub(1), self.0.col()),
            axes: format!(
                "{}channel, at word “{}”",
                self.0.scene.theme.glyph("→ ", "columns "),
                self.0.label(1, row)
            ),
            ..self.0.heat()
        }
    }

    /// Mean and variance of a row: (before, after normalising, after gain and bias).
    fn draw_figures(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.0.scene.theme;
        let heads = ("", "mean", "variance");
        let line = |(name, mean, variance): (&str, &str, &str)| {
            format!("{name:<12}{mean:>10}{variance:>12}")
        };
        put_line(buf, (area.x, area.y), area.right(), &[(&line(heads), theme.dim())]);
        for (i, (label, subject)) in self.parts().into_iter().enumerate() {
            let numbers = subject.site.value.row(0, self.0.row());
            let (mean, variance) = moments(&numbers);
            let text = line((label, &theme.number(mean, 8), &theme.number(variance, 8)));
            put_line(buf, (area.x, area.y + 1 + i as u16), area.right(), &[(&text, Style::new())]);
        }
    }
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

    fn pointed(&self, row: usize, col: usize) -> Option<Pointed> {
        self.0.pointed(row, col)
    }

    fn wanted(&self) -> Wanted {
        Wanted { min: (40, 6), ideal: (100, 11) }
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let figures = if area.height >= 10 { 5 } else { 0 };
        if figures > 0 {
            self.draw_figures(Rect { height: figures, ..area }, buf);
        }
        let rest = Rect { y: area.y + figures, height: area.height - figures, ..area };
        self.heat().draw(rest, buf);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn moments_are_mean_and_biased_variance() {
        assert_eq!(super::moments(&[1.0, 3.0]), (2.0, 1.0));
    }
}
