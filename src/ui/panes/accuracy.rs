//! chrF by sentence length on held-out sentences: a chart with one letter per model, and a table.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Pane, PreferredSize, Scene, words::PaneWords};
use crate::{
    analysis::measure::accuracy::n_words,
    lesson::tr,
    model::Name,
    ui::widgets::lines::{put_line, put_on},
};

pub(super) struct AccuracyChart<'a>(pub(super) Scene<'a>);

const MODELS: [(Name, char); 5] = [
    (Name::Elman, 'E'),
    (Name::Gru, 'G'),
    (Name::RnnAttention, 'A'),
    (Name::TransformerUnguided, 'U'),
    (Name::Transformer, 'T'),
];
const LABEL_WIDTH: u16 = 24;
const COLUMN_WIDTH: u16 = 7;

impl AccuracyChart<'_> {
    fn n_buckets(&self) -> usize {
        self.0.reading.accuracy.buckets.len()
    }

    /// chrF by bucket, 0 to 100.
    fn scores(&self, name: Name) -> &[f32] {
        self.0.reading.accuracy.chrf.get(name.id()).map_or(&[], Vec::as_slice)
    }

    fn style(&self, i: usize) -> Style {
        match MODELS[i].0 {
            Name::Transformer => self.0.theme.pane(0),
            Name::TransformerUnguided => self.0.theme.pane(2),
            Name::RnnAttention => self.0.theme.pane(3),
            Name::Gru => self.0.theme.pane(1),
            _ => Style::new(),
        }
    }

    /// Index of the length bucket of the current sentence.
    fn current_bucket(&self) -> Option<usize> {
        self.0.reading.accuracy.bucket_of(n_words(&self.0.reading.sentence.text))
    }

    fn column_width(&self, width: u16) -> u16 {
        (width.saturating_sub(LABEL_WIDTH) / self.n_buckets().max(1) as u16)
            .clamp(5, COLUMN_WIDTH + 5)
    }

    fn draw_plot(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.0.theme;
        let w = self.column_width(area.width);
        let height = area.height.saturating_sub(1).max(1);
        for score in [0, 25, 50, 75, 100] {
            let line = line_of(score as f32, height);
            let text = format!("{score:>width$} ", width = usize::from(LABEL_WIDTH) - 2);
            put_line(buf, (area.x, area.y + line), area.right(), &[(&text, theme.dim())]);
        }
        for i in 0..MODELS.len() {
            self.draw_path(i, Rect { height, ..area }, buf);
        }
        for bucket in 0..self.n_buckets() {
            let mut n_letters = std::collections::BTreeMap::<u16, u16>::new();
            for (i, (name, letter)) in MODELS.iter().enumerate().rev() {
                let Some(score) = self.scores(*name).get(bucket) else { continue };
                let line = line_of(*score, height);
                let offset = n_letters.entry(line).or_insert(0);
                let x = area.x + LABEL_WIDTH + bucket as u16 * w + *offset;
                *offset += 1;
                let letter = letter.to_string();
                put_line(buf, (x, area.y + line), area.right(), &[(&letter, self.style(i).bold())]);
            }
        }
    }

    /// Draws dots between a model's letters, to connect them.
    fn draw_path(&self, i: usize, area: Rect, buf: &mut Buffer) {
        let w = self.column_width(area.width);
        let dot = self.0.theme.glyph("·", ".");
        for (bucket, pair) in self.scores(MODELS[i].0).windows(2).enumerate() {
            let left = area.x + LABEL_WIDTH + bucket as u16 * w;
            for step in (2..w).step_by(2) {
                let part = f32::from(step) / f32::from(w);
                let line = line_of(pair[0] + (pair[1] - pair[0]) * part, area.height);
                let position = (left + step, area.y + line);
                put_line(buf, position, area.right(), &[(dot, self.style(i))]);
            }
        }
    }

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
        for (i, (name, letter)) in MODELS.iter().enumerate() {
            let y = area.y + 1 + i as u16;
            if y >= area.bottom() {
                break;
            }
            let label = [
                (&*format!("{letter} "), self.style(i).bold()),
                (self.0.language.tr(name.title()), Style::new()),
            ];
            put_line(buf, (area.x, y), area.right().min(area.x + LABEL_WIDTH), &label);
            for (bucket, score) in self.scores(*name).iter().enumerate() {
                let x = area.x + LABEL_WIDTH + bucket as u16 * w;
                put_line(buf, (x, y), area.right(), &[(&format!("{score:.0}"), self.style(i))]);
            }
        }
    }
}

/// The line of a score from 0 to 100, counted from the top of `height` lines.
fn line_of(score: f32, height: u16) -> u16 {
    ((1.0 - (score / 100.0).clamp(0.0, 1.0)) * f32::from(height)).round() as u16
}

impl Pane for AccuracyChart<'_> {
    fn title(&self) -> String {
        self.0.language.tr("chrF on held-out sentences, by length").to_owned()
    }

    fn preferred_size(&self) -> PreferredSize {
        PreferredSize::new((LABEL_WIDTH + 5 * 8, 8), (LABEL_WIDTH + 10 * 8, 24)).up_to(32)
    }

    fn in_words(&self) -> PaneWords {
        let (table, language) = (&self.0.reading.accuracy, self.0.language);
        let row = |name: &Name| {
            let scores = table.chrf.get(name.id())?;
            let cells = table.buckets.iter().zip(scores);
            let cells = cells.map(|([from, to], score)| {
                tr!(
                    language,
                    "{from} to {to}: {score}",
                    from,
                    to,
                    score = format_args!("{score:.0}")
                )
            });
            Some(format!("{}: {}", language.tr(name.title()), cells.collect::<Vec<_>>().join(", ")))
        };
        let lines = Name::ALL.iter().filter_map(row).collect();
        PaneWords::new(language.tr("chrF, by length in words"), lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let table = (MODELS.len() as u16 + 1).min(area.height);
        let plot = area.height - table;
        if plot >= 4 {
            self.draw_plot(Rect { height: plot - 1, ..area }, buf);
        }
        self.draw_table(Rect { y: area.y + area.height - table, height: table, ..area }, buf);
    }
}
