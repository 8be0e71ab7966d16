//! Number of words that can be read back, by length: for the last word read alone, the last two, and so on
//! to the whole sentence.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords, model_line};
use crate::{
    analysis::measure::readback::ReadBackCount,
    engine::value::Extent,
    lesson::tr,
    model::ModelName,
    ui::widgets::{
        chart::{Chart, ChartColumn, ChartPoint, Heights, REFERENCE, Series},
        lines::put_on,
    },
};

pub(super) struct ReadBackLength<'a>(pub(super) Scene<'a>);

const MODELS: [ModelName; 2] = [ModelName::Elman, ModelName::Gru];

impl<'a> ReadBackLength<'a> {
    fn counts(&self, model: usize) -> Option<&'a [ReadBackCount]> {
        self.0.reading.read_back_by_length()?.get(MODELS.get(model)?).map(Vec::as_slice)
    }

    /// Line and column of the cursor; the selected row is the length.
    fn cursor(&self) -> ChartPoint {
        let last = self.0.reading.sentence.tokens.len().saturating_sub(1);
        ChartPoint {
            series: self.0.selection.col.min(MODELS.len() - 1),
            column: self.0.selection.row.min(last),
        }
    }

    fn series(&self, model: usize) -> Option<Series> {
        let (counts, name) = (self.counts(model)?, *MODELS.get(model)?);
        let at_cursor = counts
            .get(self.cursor().column)
            .map(|count| format!("{}/{}", count.right, count.asked));
        let points = counts.iter().map(|count| count.right as f32).collect();
        Some(model_line::series(&self.0, name, points, at_cursor.unwrap_or_default()))
    }

    /// The curve of the model under the cursor over many sentences.
    fn usual(&self, n_columns: usize) -> Option<Series> {
        let ChartPoint { series, column } = self.cursor();
        let (name, typical) = (MODELS[series], &self.0.reading.typical);
        let curve = typical.read_back.get(name.id())?;
        let points: Vec<f32> =
            (0..n_columns).map(|i| curve.get(i).copied().unwrap_or(f32::NAN)).collect();
        let (language, n) = (self.0.language, typical.n_sentences);
        let at_cursor = points.get(column).filter(|v| v.is_finite()).map(|v| format!("{v:.1}"));
        Some(Series {
            letter: '+',
            name: tr!(language, "{name}, {n} sentences", name = language.tr(name.title()), n),
            style: self.0.theme.dim(),
            at_cursor: at_cursor.unwrap_or_default(),
            points,
        })
    }

    fn chart(&self) -> Chart<'a> {
        let words = self.0.reading.sentence.tokens.iter().rev().map(|t| t.text.clone());
        let column = |(i, word): (usize, String)| ChartColumn { number: (i + 1).to_string(), word };
        let columns: Vec<_> = words.enumerate().map(column).collect();
        Chart {
            theme: self.0.theme,
            series: (0..MODELS.len())
                .filter_map(|model| self.series(model))
                .chain(self.usual(columns.len()))
                .collect(),
            reference: (1..=columns.len()).map(|n| n as f32).collect(),
            columns,
            heights: Heights::Linear,
            has_legend: true,
            cursor: self.cursor(),
            focused: self.0.focused,
        }
    }
}

impl Pane for ReadBackLength<'_> {
    fn title(&self) -> Title {
        let theme = self.0.theme;
        let (up, right) = (theme.glyph("↑", "up:"), theme.glyph("→", "right:"));
        let all = theme.glyph(REFERENCE.0, REFERENCE.1).repeat(3);
        let language = self.0.language;
        let (up, right) = (language.tr(up), language.tr(right));
        Title::named(tr!(language, "{up} of these read back", up))
            .with(tr!(language, "{right} the last n tokens, read alone", right))
            .with(tr!(language, "{all} all", all))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.0.reading.sentence.tokens.len(), MODELS.len())
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        let (count, name) = (self.counts(col)?.get(row)?, MODELS.get(col)?.title());
        let word = &self.0.reading.sentence.tokens.iter().rev().nth(row)?.text;
        let ReadBackCount { read, asked, right } = count;
        let (language, name) = (self.0.language, self.0.language.tr(name));
        let reach = if asked < read {
            tr!(language, " (probes reach {asked})", asked)
        } else {
            String::new()
        };
        Some(tr!(
            language,
            "{name}, from “{word}” on, {read} read: {right} read back{reach}",
            name,
            word,
            read,
            right,
            reach
        ))
    }

    fn preferred_size(&self) -> PreferredSize {
        PreferredSize::new(Chart::LEAST, self.chart().ideal()).up_to(48).as_wide_as(180).of_lines()
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Right
    }

    fn in_words(&self) -> PaneWords {
        let (counts, language) = (self.0.reading.read_back_by_length(), self.0.language);
        let line = |i: usize| {
            let of = |(name, counts): (&ModelName, &Vec<ReadBackCount>)| {
                Some(format!("{} {}", language.tr(name.title()), counts.get(i)?.right))
            };
            let all: Vec<String> = counts.into_iter().flatten().filter_map(of).collect();
            tr!(language, "of the last {n}, read alone: {all}", n = i + 1, all = all.join(", "))
        };
        let lines = (0..self.0.reading.sentence.tokens.len()).map(line).collect();
        PaneWords::new(language.tr("Tokens read back, by length"), lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        if self.0.reading.read_back_by_length().is_none() {
            let text = self.0.measuring();
            put_on(buf, area, &[(text, self.0.theme.dim())]);
            return;
        }
        self.chart().draw(area, buf);
    }
}
