//! What a query takes from the words it looks at: every value row times its weight, and their sum.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Pane, Pointed, Subject, Wanted};
use crate::heat::{Columns, Heat, Scale, fit};

/// Its subject is the `context`.
pub(super) struct WeightedSum<'a>(pub(super) Subject<'a>);

impl<'a> WeightedSum<'a> {
    /// The rows that are averaged: `v` beside the context, or the annotations of an RNN.
    fn values(&self) -> Option<Subject<'a>> {
        let annotations = || Subject::new(self.0.scene, "encoder.annotations", None);
        // An RNN's `attn.v` is a learned vector, not a value row.
        self.0.beside("v").filter(|v| !v.site.is_leaf).or_else(annotations)
    }

    fn heat(&self) -> Option<Heat<'a>> {
        let (weights, values) = (self.0.beside("weights")?, self.values()?);
        let query = self.0.row();
        let shares = weights.site.value.row(weights.plane, query);
        let theme = self.0.scene.theme;
        let label = |(key, share): (usize, &f32)| {
            let word = fit(&values.label(1, key), 10);
            format!("{:<6}{word:>10} {}", theme.bar(*share, 6), theme.number(*share, 4))
        };
        let mut labels: Vec<String> = shares.iter().enumerate().map(label).collect();
        labels.push(format!("{:>16}     ", "= context"));
        let mut rows: Vec<Vec<f32>> = (0..shares.len())
            .map(|key| {
                values.site.value.row(values.plane, key).iter().map(|v| v * shares[key]).collect()
            })
            .collect();
        rows.push(self.0.site.value.row(self.0.plane, query));
        let scale = Scale::signed(rows.iter().flatten().copied());
        Some(Heat {
            n_rows: rows.len(),
            cursor: (rows.len() - 1, self.0.col()),
            value: Box::new(move |row, col| rows[row][col]),
            row_labels: labels,
            columns: Columns::Counted,
            scale,
            axes: format!("weight * value, from “{}”", self.0.label(1, query)),
            ..self.0.heat()
        })
    }
}

impl Pane for WeightedSum<'_> {
    fn title(&self) -> String {
        format!("{} · from “{}”", self.0.title(), self.0.label(1, self.0.row()))
    }

    fn extent(&self) -> (usize, usize) {
        (self.0.n_rows(), self.0.n_cols())
    }

    fn pointed(&self, row: usize, col: usize) -> Option<Pointed> {
        self.0.pointed(row, col)
    }

    fn wanted(&self) -> Wanted {
        let n = self.heat().map_or(1, |h| h.n_rows) as u16;
        Wanted { min: (44, 6.min(n + 2)), ideal: (100, n + 2) }
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        if let Some(heat) = self.heat() {
            heat.draw(area, buf);
        }
    }
}
