//! Costs of RNN and Transformer: counted for this sentence, beside the growth that Vaswani et al. 2017,
//! Table 1, gives, with this sentence's numbers inserted.

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
};
use unicode_width::UnicodeWidthStr;

use super::{
    Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords, model_line::ARCHITECTURES,
};
use crate::{
    analysis::measure::schedule::{Schedule, ScheduleSizes, built_in, schedule},
    lesson::tr,
    model::ModelName,
    text::grouped,
    ui::widgets::lines::{fit, put_line, put_on},
};

pub(super) struct Comparison<'a>(pub(super) Scene<'a>);

/// A row of the table: what is counted, and the paper's formula for a recurrent and for a
/// self-attention layer.
struct Figure {
    what: &'static str,
    /// What the paper's formula refers to.
    scope: &'static str,
    counted: fn(Schedule) -> usize,
    paper: [Formula; 2],
}

/// A growth formula and its result.
struct Formula {
    growth: &'static str,
    /// The formula with n and d inserted; None if it contains neither.
    with_values: fn(usize, usize) -> Option<Inserted>,
}

/// `13²·64 = 10,816`
struct Inserted {
    formula: String,
    result: String,
}

impl Inserted {
    fn new(formula: String, result: usize) -> Self {
        Self { formula, result: grouped(result) }
    }
}

/// A line of a figure, and what is left of it where the column is narrow.
struct FigureLine {
    whole: String,
    short: String,
}

impl FigureLine {
    fn fit(&self, width: usize) -> String {
        fit(if self.whole.width() <= width { &self.whole } else { &self.short }, width)
    }
}

impl From<String> for FigureLine {
    fn from(text: String) -> Self {
        Self { whole: text.clone(), short: text }
    }
}

impl From<Option<Inserted>> for FigureLine {
    fn from(inserted: Option<Inserted>) -> Self {
        let Some(Inserted { formula, result }) = inserted else { return String::new().into() };
        Self { whole: format!("{formula} = {result}"), short: result }
    }
}

const fn formula(
    growth: &'static str,
    with_values: fn(usize, usize) -> Option<Inserted>,
) -> Formula {
    Formula { growth, with_values }
}

const FIGURES: [Figure; 3] = [
    Figure {
        what: "multiplications",
        scope: "  Table 1, a layer",
        counted: |s| s.multiplications,
        paper: [
            formula("O(n·d²)", |n, d| Some(Inserted::new(format!("{n}·{d}²"), n * d * d))),
            formula("O(n²·d)", |n, d| Some(Inserted::new(format!("{n}²·{d}"), n * n * d))),
        ],
    },
    Figure {
        what: "steps in a row",
        scope: "  Table 1, a layer",
        counted: |s| s.sequential,
        paper: [
            formula("O(n)", |n, _| Some(Inserted::new("n".to_owned(), n))),
            formula("O(1)", |_, _| None),
        ],
    },
    Figure {
        what: "longest path",
        scope: "  Table 1",
        counted: |s| s.longest_path,
        paper: [
            formula("O(n)", |n, _| Some(Inserted::new("n".to_owned(), n))),
            formula("O(1)", |_, _| None),
        ],
    },
];
const LABEL_WIDTH: u16 = 20;
const COLUMN_WIDTH: u16 = 21;
/// Narrowest column, wide enough for a count.
const LEAST_COLUMN: u16 = 11;

impl Comparison<'_> {
    fn sizes(&self) -> ScheduleSizes {
        built_in(self.0.reading.sentence.tokens.len())
    }

    /// The three lines of a figure for a model: the count, the paper's formula, and the formula with values.
    fn lines(&self, figure: &Figure, model: ModelName) -> [FigureLine; 3] {
        let sizes = self.sizes();
        let formula = &figure.paper[usize::from(model == ModelName::Transformer)];
        [
            grouped((figure.counted)(schedule(model, sizes))).into(),
            formula.growth.to_owned().into(),
            (formula.with_values)(sizes.n_words, width(model, sizes)).into(),
        ]
    }

    /// The place of each model's column: alike where all names fit, else as wide as names and counts need.
    fn columns(&self, area: Rect) -> Vec<Range<u16>> {
        let room = area.width.saturating_sub(LABEL_WIDTH);
        let title = |name: &ModelName| self.0.language.tr(name.title()).width() as u16 + 1;
        let equal = (room / ARCHITECTURES.len() as u16).clamp(LEAST_COLUMN, COLUMN_WIDTH);
        let needed = ARCHITECTURES.each_ref().map(|name| title(name).max(LEAST_COLUMN));
        let is_tight = needed.iter().any(|width| *width > equal);
        let widths =
            if is_tight && needed.iter().sum::<u16>() <= room { needed } else { [equal; 4] };
        let mut x = area.x + LABEL_WIDTH;
        let place = |width| {
            x += width;
            x - width..x
        };
        widths.into_iter().map(place).collect()
    }

    fn draw_figure(&self, figure: &Figure, columns: &[Range<u16>], area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let styles = [theme.strong(), theme.dim(), theme.dim()];
        let labels = [figure.what, figure.scope, "  with n, d put in"];
        for ((label, line), style) in labels.iter().zip(area.rows()).zip(styles) {
            put_on(buf, line, &[(self.0.language.tr(label), style)]);
        }
        for (name, column) in ARCHITECTURES.into_iter().zip(columns) {
            for ((text, line), style) in
                self.lines(figure, name).into_iter().zip(area.rows()).zip(styles)
            {
                let text = text.fit(column.len() - 1);
                put_line(buf, (column.start, line.y), line.right(), &[(&text, style)]);
            }
        }
    }
}

/// The d of the paper's formulas: the width of a layer's state or row.
const fn width(model: ModelName, sizes: ScheduleSizes) -> usize {
    match model {
        ModelName::Elman | ModelName::Gru => sizes.d_hidden,
        // Each direction has half of the units.
        ModelName::RnnAttention => sizes.d_hidden / 2,
        _ => sizes.d_model,
    }
}

impl Pane for Comparison<'_> {
    fn title(&self) -> Title {
        let n = self.0.reading.sentence.tokens.len();
        Title::named(tr!(self.0.language, "the encoder, for these {n} tokens: counted", n))
            .with("Vaswani et al. 2017, Table 1")
    }

    fn preferred_size(&self) -> PreferredSize {
        let width = LABEL_WIDTH + COLUMN_WIDTH * ARCHITECTURES.len() as u16;
        PreferredSize::new(Size::new(60, 7), Size::new(width, 1 + 4 * FIGURES.len() as u16))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let (n, language) = (self.0.reading.sentence.tokens.len(), self.0.language);
        let line = |name: ModelName| {
            let s = schedule(name, built_in(n));
            tr!(
                language,
                "{name}: sequential steps: {steps}; longest path between two words: {path}; multiplications: {n}",
                name = language.tr(name.title()),
                steps = s.sequential,
                path = s.longest_path,
                n = grouped(s.multiplications)
            )
        };
        let models =
            [ModelName::Elman, ModelName::Gru, ModelName::RnnAttention, ModelName::Transformer];
        PaneWords::new(language.tr("The encoders side by side"), models.map(line).to_vec())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let columns = self.columns(area);
        for (name, column) in ARCHITECTURES.iter().zip(&columns) {
            let title = fit(self.0.language.tr(name.title()), column.len() - 1);
            put_line(buf, (column.start, area.y), area.right(), &[(&title, self.0.theme.accent())]);
        }
        let lines_per_figure = area.height.saturating_sub(1) / FIGURES.len() as u16;
        let (pitch, height) = (lines_per_figure.clamp(1, 4), lines_per_figure.clamp(1, 3));
        for (i, figure) in FIGURES.iter().enumerate() {
            let y = area.y + 1 + i as u16 * pitch;
            let height = height.min(area.bottom().saturating_sub(y));
            self.draw_figure(figure, &columns, Rect { y, height, ..area }, buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FigureLine, Inserted};

    #[test]
    fn a_narrow_column_keeps_the_result() {
        let line = FigureLine::from(Some(Inserted::new("13²·64".to_owned(), 10_816)));
        assert_eq!([15, 14, 6].map(|w| line.fit(w)), ["13²·64 = 10,816", "10,816", "10,816"]);
    }
}
