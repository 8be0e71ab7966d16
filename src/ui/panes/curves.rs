//! How the built-in models were trained: the recorded loss over the steps, a line a model.

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords, model_line};
use crate::{
    analysis::measure::training::Training,
    lesson::tr,
    model::ModelName,
    text::{fixed, grouped},
    ui::widgets::{
        chart::{Chart, ChartColumn, ChartPoint, Heights},
        lines::{put_text, without_top_rows},
    },
};

pub(super) struct TrainingCurves<'a>(pub(super) Scene<'a>);

const MODELS: [ModelName; 6] = [
    ModelName::Elman,
    ModelName::Gru,
    ModelName::RnnAttention,
    ModelName::TransformerUnguided,
    ModelName::Transformer,
    ModelName::DecoderOnly,
];

/// The width from which on the lines have their names at their ends: six do not fit side by side above the chart.
const LEAST_WIDTH: u16 = 72;

/// Columns that a broken line may lack.
const RAGGED: u16 = 10;

/// Steps from one column of the chart to the next.
const STEP: usize = 500;

impl TrainingCurves<'_> {
    /// What the axes are, and that not every loss was kept.
    fn note(&self) -> &str {
        self.0.language.tr(
            "recorded while they were trained; → steps, ↑ nats a token; a gap in a line was not kept",
        )
    }

    /// The columns of the chart: steps, up to the last one recorded.
    fn n_columns() -> usize {
        let last = MODELS.into_iter().filter_map(Training::of).map(|t| t.step).max();
        last.unwrap_or(0) / STEP
    }

    fn chart(&self) -> Chart<'_> {
        let points = |name: ModelName| {
            let at = |column: usize| {
                let step = (column + 1) * STEP;
                let curve = &Training::of(name)?.curve;
                curve.iter().find(|(at, _)| *at == step).map(|(_, loss)| *loss)
            };
            (0..Self::n_columns()).map(|column| at(column).unwrap_or(f32::NAN)).collect()
        };
        let series = |name| {
            let last = final_loss(name).map(fixed).unwrap_or_default();
            model_line::series(&self.0, name, points(name), last)
        };
        let thousands = |column: usize| match (column + 1) * STEP {
            step if step.is_multiple_of(1000) => format!("{}k", step / 1000),
            _ => String::new(),
        };
        Chart {
            theme: self.0.theme,
            series: MODELS.map(series).into(),
            reference: vec![],
            columns: (0..Self::n_columns()).map(|i| ChartColumn::numbered(thousands(i))).collect(),
            heights: Heights::Log,
            has_legend: true,
            cursor: ChartPoint { series: 0, column: Self::n_columns().saturating_sub(1) },
            focused: false,
        }
    }
}

fn final_loss(name: ModelName) -> Option<f32> {
    Some(Training::of(name)?.curve.last()?.1)
}

impl Pane for TrainingCurves<'_> {
    fn title(&self) -> Title {
        Title::named(self.0.language.tr("loss in training, as it was recorded, by step"))
    }

    fn preferred_size(&self) -> PreferredSize {
        PreferredSize::new(Size::new(LEAST_WIDTH, 8), Size::new(90, 18))
            .up_to(48)
            .as_wide_as(180)
            .of_lines()
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Right
    }

    fn in_words(&self) -> PaneWords {
        let language = self.0.language;
        let line = |name: ModelName| {
            let training = Training::of(name)?;
            let (first, last) = (training.curve.first()?, training.curve.last()?);
            Some(tr!(
                language,
                "{model}: {from} at step {first}, {to} at step {last}, of {steps} planned",
                model = language.tr(name.title()),
                from = fixed(first.1),
                first = grouped(first.0),
                to = fixed(last.1),
                last = grouped(last.0),
                steps = grouped(training.steps)
            ))
        };
        let heading = language.tr("Loss in training, recorded then");
        PaneWords::new(heading, MODELS.into_iter().filter_map(line).collect())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let note = self.note();
        let n_lines = (note.width() as u16)
            .div_ceil(area.width.saturating_sub(RAGGED).max(1))
            .min(area.height / 2);
        let chart = area.height - n_lines;
        self.chart().draw(Rect { height: chart, ..area }, buf);
        put_text(buf, without_top_rows(area, chart), note, self.0.theme.dim());
    }
}
