//! The cross-entropy of a target, word by word, and its mean, the loss. Its site is the logits.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use super::{CursorCell, Pane, PreferredSize, Scene, Title, Unfolding, words::PaneWords};
use crate::{
    analysis::reading::Course,
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, Operand},
        value::Cell,
    },
    lesson::tr,
    text::fixed,
    ui::{
        theme::Theme,
        widgets::lines::{List, first_fitting, left, put_line, put_on, without_top_rows},
    },
};

pub(super) struct LossTable<'a> {
    scene: Scene<'a>,
    course: Option<Arc<Course>>,
}

/// Widths of a word, a probability and a cost, in columns.
const WORD_WIDTH: usize = 12;
const FIGURE_WIDTH: usize = 9;
/// Greatest length of a bar.
const MOST_BAR: u16 = 60;

impl<'a> LossTable<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        Self { scene, course: scene.reading.known_course(scene.model) }
    }

    fn n(&self) -> usize {
        self.course.as_ref().map_or(0, |course| course.target.len())
    }

    fn row(&self) -> usize {
        self.scene.selection.row.min(self.n().saturating_sub(1))
    }

    /// Whether the model's own output begins with the words of the target up to this one, so that the pass has its
    /// probability.
    fn is_written(&self, course: &Course, row: usize) -> bool {
        let output = &self.scene.reading.trace(self.scene.model).output;
        let pairs = output.iter().zip(&course.target).take(row + 1);
        row < output.len() && pairs.filter(|(a, b)| a.id == b.id).count() == row + 1
    }
}

/// The probability whose cross-entropy is `cost`.
fn probability(cost: f32) -> String {
    format!("{:.3}", (-cost).exp())
}

impl Pane for LossTable<'_> {
    fn title(&self) -> Title {
        Title::named(self.scene.language.tr("what each word of the target costs"))
    }

    fn extent(&self) -> (usize, usize) {
        (self.n(), 1)
    }

    fn cursor_cell(&self, row: usize, _: usize) -> Option<CursorCell> {
        let course = self.course.as_ref()?;
        let Scene { reading, model, .. } = self.scene;
        let trace = reading.trace(model);
        let (site, word) = (trace.probs()?, course.target.get(row)?);
        let at = trace.output_rows().get(row).copied().filter(|_| self.is_written(course, row))?;
        let cell = Cell::new(0, at, word.id as usize);
        let value = site.shape().holds(cell).then(|| site.value.get(cell))?;
        let cost = fixed(course.costs[1][row]);
        let labels =
            format!("{}   -ln p = {cost}", tr!(self.scene.language, "“{word}”", word = word.text));
        Some(CursorCell { address: site.address(cell), value, labels })
    }

    /// The loss as the mean of the costs.
    fn arithmetic(&self, _: usize, _: usize) -> Option<Arithmetic> {
        let course = self.course.as_ref()?;
        let costs = course.costs[1].iter().map(|cost| Expr::<Operand>::Number(*cost)).collect();
        Some(Arithmetic {
            name: NumberName::Words { what: "loss", of: None },
            value: course.loss(),
            formula: "mean over the words of the target of -ln p(word)",
            expr: Some(Expr::quotient(Expr::Sum(costs), Expr::Number(self.n() as f32))),
        })
    }

    fn status_line(&self, row: usize, _: usize) -> Option<String> {
        let course = self.course.as_ref()?;
        let (word, cost) = (course.target.get(row)?, *course.costs[1].get(row)?);
        Some(cost_line(self.scene, &word.text, cost))
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.n().max(6) as u16;
        let width = (WORD_WIDTH + 2 * FIGURE_WIDTH) as u16;
        PreferredSize::new((width + 6, n.min(6) + 2), (width + 24, n + 2)).of_items(
            n,
            2,
            width + MOST_BAR,
        )
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(without_top_rows(area, 2), self.n(), self.row()))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<(usize, usize)> {
        Some((self.list(area)?.at(position)?, 0))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, .. } = self.scene;
        let lines = reading.course(model).map(|course| {
            let words = course.target.iter().zip(&course.costs[1]);
            let words = words.map(|(word, cost)| cost_line(self.scene, &word.text, *cost));
            words.chain([mean_line(self.scene, &course, usize::MAX)]).collect()
        });
        PaneWords::of_model(language, "The loss", model, lines.unwrap_or_default())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (theme, language) = (self.scene.theme, self.scene.language);
        let Some(course) = &self.course else {
            super::learning::draw_unknown(self.scene, area, buf);
            return;
        };
        put_on(buf, area, &[(&mean_line(self.scene, course, area.width.into()), theme.strong())]);
        let heading = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let columns = [language.tr("word"), "p", "-ln p"];
        let widths = [WORD_WIDTH, FIGURE_WIDTH, FIGURE_WIDTH];
        let columns = columns.into_iter().zip(widths).map(|(text, width)| left(text, width));
        let columns: Vec<String> = columns.collect();
        let pieces: Vec<(&str, Style)> = columns.iter().map(|c| (&**c, theme.dim())).collect();
        put_on(buf, heading, &pieces);
        let most = course.costs.iter().flatten().copied().fold(0.1, f32::max);
        for (row, lines) in self.list(area).into_iter().flat_map(List::rows) {
            let style = row_style(*theme, self.scene.focused && row == self.row());
            let cost = course.costs[1][row];
            let word = left(&course.target[row].text, WORD_WIDTH);
            let p = left(&probability(cost), FIGURE_WIDTH);
            let cost_text = left(&fixed(cost), FIGURE_WIDTH);
            let x = put_on(buf, lines, &[(&word, style), (&p, Style::new()), (&cost_text, style)]);
            let width = lines.right().saturating_sub(x).min(MOST_BAR);
            let bar = theme.bar(cost / most, width.into());
            put_line(buf, (x, lines.y), lines.right(), &[(&bar, theme.ink(cost / most))]);
        }
    }
}

const fn row_style(theme: Theme, is_at_cursor: bool) -> Style {
    if is_at_cursor { theme.cursor() } else { Style::new() }
}

/// `“chat”: -ln 0.5 = 0.693 nats`
fn cost_line(scene: Scene, word: &str, cost: f32) -> String {
    let (p, cost) = (probability(cost), fixed(cost));
    tr!(scene.language, "“{word}”: -ln {p} = {cost} nats", word, p, cost)
}

/// `loss 0.123 = the mean over 14 tokens; it was 0.456`, in so many columns
fn mean_line(scene: Scene, course: &Course, width: usize) -> String {
    let (language, loss) = (scene.language, fixed(course.loss()));
    let mean = match course.target.len() {
        1 => tr!(language, "loss {loss}, of 1 token", loss),
        n => tr!(language, "loss {loss} = the mean over {n} tokens", loss, n),
    };
    match course.losses.first().filter(|_| course.n_steps > 0) {
        None => mean,
        Some(first) => {
            let was = tr!(language, "; it was {first}", first = fixed(*first));
            let short = tr!(language, "loss {loss}", loss);
            first_fitting([mean + &was, short + &was], width)
        }
    }
}
