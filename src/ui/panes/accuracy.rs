//! chrF by sentence length on held-out sentences: a chart with one line per model, and a table; a table with bars where
//! a chart has no room.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords, model_line};
use crate::{
    analysis::measure::accuracy::n_words,
    lesson::tr,
    model::ModelName,
    ui::widgets::{
        chart::{Chart, ChartColumn, ChartPoint, Heights},
        lines::{put_line, put_on},
    },
};

pub(super) struct AccuracyChart<'a>(pub(super) Scene<'a>);

const MODELS: [ModelName; 5] = [
    ModelName::Elman,
    ModelName::Gru,
    ModelName::RnnAttention,
    ModelName::TransformerUnguided,
    ModelName::Transformer,
];
const LABEL_WIDTH: u16 = 24;
/// Fewest lines of a chart, with a blank one below it, that tell its lines apart.
const LEAST_CHART: u16 = 9;
const COLUMN_WIDTH: u16 = 7;
/// Columns up to which the chart grows.
const WIDEST: u16 = 128;

impl AccuracyChart<'_> {
    fn n_buckets(&self) -> usize {
        self.0.reading.accuracy.buckets.len()
    }

    /// chrF by bucket, 0 to 100.
    fn scores(&self, name: ModelName) -> &[f32] {
        self.0.reading.accuracy.chrf.get(name.id()).map_or(&[], Vec::as_slice)
    }

    /// Index of the length bucket of the current sentence.
    fn current_bucket(&self) -> Option<usize> {
        self.0.reading.accuracy.bucket_of(n_words(&self.0.reading.sentence.text))
    }

    fn column_width(&self, width: u16) -> u16 {
        (width.saturating_sub(LABEL_WIDTH) / self.n_buckets().max(1) as u16)
            .clamp(5, COLUMN_WIDTH + 5)
    }

    /// The plot: a line for each model, a column for each length. The table below it is its legend.
    fn chart(&self) -> Chart<'_> {
        let buckets = &self.0.reading.accuracy.buckets;
        let last = self.current_bucket().unwrap_or(0);
        let series =
            |name| model_line::series(&self.0, name, self.scores(name).to_vec(), String::new());
        let words = |[low, high]: &[usize; 2], is_last: bool| {
            if is_last { format!("{low}+") } else { format!("{low}-{high}") }
        };
        let column = |(i, bucket)| ChartColumn::numbered(words(bucket, i + 1 == buckets.len()));
        Chart {
            theme: self.0.theme,
            series: MODELS.map(series).into(),
            reference: vec![],
            columns: buckets.iter().enumerate().map(column).collect(),
            heights: Heights::Linear,
            has_legend: false,
            cursor: ChartPoint { series: 0, column: last },
            focused: false,
        }
    }

    /// The scores in numbers, with bars below them where there is room.
    fn draw_table(&self, area: Rect, buf: &mut Buffer) {
        let (theme, w) = (self.0.theme, self.column_width(area.width));
        let current = self.current_bucket();
        let is_last = |bucket| bucket + 1 == self.n_buckets();
        for (bucket, [low, high]) in self.0.reading.accuracy.buckets.iter().enumerate() {
            let x = area.x + LABEL_WIDTH + bucket as u16 * w;
            let style =
                if current == Some(bucket) { theme.accent().reversed() } else { theme.dim() };
            let text = match (is_last(bucket), w > 5) {
                (true, _) => format!("{low}+"),
                (false, true) => format!("{low}-{high}"),
                (false, false) => format!("-{high}"),
            };
            put_line(buf, (x, area.y), area.right(), &[(&text, style)]);
        }
        put_on(buf, area, &[(self.0.language.tr("  words"), theme.dim())]);
        let pitch = if area.height > 2 * MODELS.len() as u16 { 2 } else { 1 };
        for (i, name) in MODELS.into_iter().enumerate() {
            let style = model_line::style(name, *theme);
            let y = area.y + 1 + pitch * i as u16;
            if y >= area.bottom() {
                break;
            }
            let letter = model_line::letter(name).to_string();
            let sign = if theme.is_ascii() { &*letter } else { "━" };
            let label =
                [(sign, style.bold()), (" ", style), (self.0.language.tr(name.title()), style)];
            put_line(buf, (area.x, y), area.right().min(area.x + LABEL_WIDTH), &label);
            for (bucket, score) in self.scores(name).iter().enumerate() {
                let x = area.x + LABEL_WIDTH + bucket as u16 * w;
                put_line(buf, (x, y), area.right(), &[(&format!("{score:.0}"), style)]);
                if pitch > 1 {
                    let bar = theme.bar(score / 100.0, usize::from(w) - 1);
                    put_line(buf, (x, y + 1), area.right(), &[(&bar, style)]);
                }
            }
        }
    }
}

impl Pane for AccuracyChart<'_> {
    fn title(&self) -> Title {
        Title::named(self.0.language.tr("chrF on held-out sentences, by length"))
    }

    fn preferred_size(&self) -> PreferredSize {
        PreferredSize::new(Size::new(LABEL_WIDTH + 5 * 8, 8), Size::new(LABEL_WIDTH + 10 * 8, 24))
            .up_to(48)
            .as_wide_as(WIDEST)
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Right
    }

    fn in_words(&self) -> PaneWords {
        let (table, language) = (&self.0.reading.accuracy, self.0.language);
        let row = |name: &ModelName| {
            let scores = table.chrf.get(name.id())?;
            let cells = table.buckets.iter().zip(scores).enumerate();
            let cells = cells.map(|(i, ([from, to], score))| {
                let score = format!("{score:.0}");
                // The last bucket has no end.
                if i + 1 == table.buckets.len() {
                    return tr!(language, "{from} or more: {score}", from, score);
                }
                tr!(language, "{from} to {to}: {score}", from, to, score)
            });
            let cells = cells.collect::<Vec<_>>().join(language.tr(", "));
            Some(language.labelled(language.tr(name.title()), &cells))
        };
        let lines = MODELS.iter().filter_map(row).collect();
        PaneWords::new(language.tr("chrF, by length in words"), lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let table = (MODELS.len() as u16 + 1).min(area.height);
        let plot = area.height - table;
        if plot < LEAST_CHART {
            return self.draw_table(area, buf);
        }
        self.chart().draw(Rect { height: plot - 1, ..area }, buf);
        self.draw_table(Rect { y: area.y + plot, height: table, ..area }, buf);
    }
}
