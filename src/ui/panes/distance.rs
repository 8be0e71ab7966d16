//! Gradient norm of each word by its distance from the last word, for every model.
//!
//! Each line is divided by its own mean, since the models' gradients differ in overall size: the chart
//! compares how fast they fall off.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Pane, PreferredSize, Scene, Title, Unfolding,
    in_words::PaneWords,
    is_of_state,
    model_line::{self, ARCHITECTURES},
};
use crate::{
    engine::value::Extent,
    lesson::{PaneSpec, tr},
    model::ModelName,
    text::Token,
    text::fixed,
    ui::widgets::{
        chart::{Chart, ChartColumn, ChartPoint, Heights, REFERENCE, Series},
        lines::put_on,
    },
};

pub(super) struct Distance<'a> {
    scene: Scene<'a>,
    title: Option<String>,
    path: String,
    /// Whether the gradients are of the last hidden state; else of the output.
    of_state: bool,
}

impl<'a> Distance<'a> {
    pub(super) fn new(scene: Scene<'a>, spec: &PaneSpec) -> Self {
        let site = scene.site(spec);
        let path = site.map_or_else(String::new, |site| site.path().to_owned());
        Self { scene, title: spec.title.clone(), path, of_state: is_of_state(site) }
    }

    /// The models shown: for the last hidden state only the first two, which pass it to the decoder.
    fn models(&self) -> &'static [ModelName] {
        if self.of_state { &ARCHITECTURES[..2] } else { &ARCHITECTURES }
    }

    fn norms(&self, model: usize) -> Option<&'a [f32]> {
        let gradients = self.scene.gradients(self.of_state)?;
        Some(&gradients.get(self.models().get(model)?)?.norms)
    }

    fn n_words(&self) -> usize {
        self.scene.reading.sentence.tokens.len()
    }

    /// Line and column of the cursor; the selected row is the word.
    fn cursor(&self) -> ChartPoint {
        let last = self.n_words().saturating_sub(1);
        let selection = self.scene.selection;
        ChartPoint {
            series: selection.col.min(self.models().len() - 1),
            column: selection.row.min(last),
        }
    }

    fn series(&self, model: usize) -> Option<Series> {
        let points = divided_by_mean(self.norms(model)?);
        let at_cursor = points.get(self.cursor().column).map(|v| self.scene.theme.figure(*v, 7));
        let at_cursor = at_cursor.unwrap_or_default().trim().to_owned();
        Some(model_line::series(&self.scene, self.models()[model], points, at_cursor))
    }

    /// The curve of the model under the cursor over many sentences, for each word.
    fn usual(&self) -> Option<Vec<f32>> {
        let name = self.models()[self.cursor().series];
        let typical = &self.scene.reading.typical;
        let curves = if self.of_state { &typical.forgetting } else { &typical.influence };
        let curve = curves.get(name.id())?;
        let at = |i: usize| curve.get(self.n_words() - 1 - i).copied().unwrap_or(f32::NAN);
        Some((0..self.n_words()).map(at).collect())
    }

    fn chart(&self) -> Chart<'a> {
        let tokens = &self.scene.reading.sentence.tokens;
        let number = |i: usize| (tokens.len() - 1 - i).to_string();
        Chart {
            theme: self.scene.theme,
            series: (0..self.models().len()).filter_map(|model| self.series(model)).collect(),
            reference: self.usual().unwrap_or_else(|| vec![1.0; tokens.len()]),
            columns: tokens
                .iter()
                .enumerate()
                .map(|(i, t)| ChartColumn { number: number(i), word: t.text.clone() })
                .collect(),
            heights: Heights::Log,
            has_legend: true,
            cursor: self.cursor(),
            focused: self.scene.focused,
        }
    }
}

/// Numbers divided by their mean.
fn divided_by_mean(norms: &[f32]) -> Vec<f32> {
    let mean = norms.iter().sum::<f32>() / norms.len().max(1) as f32;
    norms.iter().map(|v| v / mean).collect()
}

impl Pane for Distance<'_> {
    fn title(&self) -> Title {
        let theme = self.scene.theme;
        let (what, language) = (self.title.as_deref().unwrap_or("gradient"), self.scene.language);
        let what = language.tr(what);
        let up = language.tr(theme.glyph("↑", "up:"));
        let right = language.tr(theme.glyph("→", "right:"));
        let title = Title::phrase(&tr!(
            language,
            "{up} {what} / the line's own mean (log) · {right} tokens before the last",
            up,
            what,
            right
        ));
        if self.usual().is_none() {
            return title;
        }
        let dashes = theme.glyph(REFERENCE.0, REFERENCE.1).repeat(3);
        let (name, n) =
            (self.models()[self.cursor().series], self.scene.reading.typical.n_sentences);
        let name = language.tr(name.title());
        title.with(tr!(language, "{dashes} {name} over {n} sentences", dashes, name, n))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.n_words(), self.models().len())
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        let (norms, name) = (self.norms(col)?, self.models().get(col)?.title());
        let word = &self.scene.reading.sentence.tokens.get(row)?.text;
        let (norm, share) = (*norms.get(row)?, *divided_by_mean(norms).get(row)?);
        let away = self.n_words() - 1 - row;
        let language = self.scene.language;
        Some(tr!(
            language,
            "{name}, “{word}”, {away} before the last: {norm}, {share} x its mean",
            name = language.tr(name),
            word,
            away,
            norm = format_args!("{norm:.3}"),
            share = format_args!("{share:.2}")
        ))
    }

    fn preferred_size(&self) -> PreferredSize {
        PreferredSize::new(Chart::LEAST, self.chart().ideal()).up_to(48).as_wide_as(180).of_lines()
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Right
    }

    fn in_words(&self) -> PaneWords {
        let (tokens, language) = (&self.scene.reading.sentence.tokens, self.scene.language);
        let line = |(i, token): (usize, &Token)| {
            let share_of = |model: usize| {
                let share = *divided_by_mean(self.norms(model)?).get(i)?;
                let name = language.tr(self.models()[model].title());
                Some(format!("{name} {}", fixed(share)))
            };
            let all: Vec<String> = (0..self.models().len()).filter_map(share_of).collect();
            tr!(
                language,
                "{n} before the last, \"{word}\": {all}",
                n = tokens.len() - 1 - i,
                word = token.text,
                all = all.join(", ")
            )
        };
        let heading = tr!(language, "Gradient of {path} by the line's own mean", path = self.path);
        PaneWords::new(heading, tokens.iter().enumerate().map(line).collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        if self.scene.gradients(self.of_state).is_none() {
            let text = self.scene.measuring();
            put_on(buf, area, &[(text, self.scene.theme.dim())]);
            return;
        }
        self.chart().draw(area, buf);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_mean_becomes_one() {
        assert_eq!(super::divided_by_mean(&[1.0, 2.0, 3.0]), [0.5, 1.0, 1.5]);
    }
}
