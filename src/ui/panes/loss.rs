//! The cross-entropy of a target, word by word, and its mean, the loss. Its site is the logits.

use std::sync::Arc;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};

use super::{CursorCell, Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords};
use crate::{
    analysis::reading::Course,
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, Operand},
        value::{Cell, Extent, PlaneCell},
    },
    lesson::tr,
    text::{fixed, significant},
    ui::{
        theme::Theme,
        widgets::lines::{
            List, first_fitting, left, needs_two_columns, put_line, put_on, two_columns,
            without_top_rows,
        },
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
/// Columns of the figures of a word, and the least of them with a bar.
const FIGURES: u16 = (WORD_WIDTH + 2 * FIGURE_WIDTH) as u16;
const LEAST_WIDTH: u16 = FIGURES + 6;
/// Lines above the words: the mean, and what the columns are.
const HEADER: u16 = 2;

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

    /// The lists that the words are on, one below its heading or two side by side; each with the row of its first word.
    fn lists(&self, area: Rect) -> Vec<(usize, List)> {
        let (n, below) = (self.n(), without_top_rows(area, HEADER));
        if !needs_two_columns(below.as_size(), n as u16, LEAST_WIDTH) {
            return vec![(0, List::new(below, n, self.row()))];
        }
        let [first, second] = two_columns(below);
        let half = n.div_ceil(2);
        vec![(0, List::new(first, half, 0)), (half, List::new(second, n - half, 0))]
    }

    /// Draws the names of the columns at the top of an area.
    fn draw_heading(&self, area: Rect, buf: &mut Buffer) {
        let (theme, language) = (self.scene.theme, self.scene.language);
        let columns = [language.tr("word"), "p", "-ln p"];
        let widths = [WORD_WIDTH, FIGURE_WIDTH, FIGURE_WIDTH];
        let columns = columns.into_iter().zip(widths).map(|(text, width)| left(text, width));
        let columns: Vec<String> = columns.collect();
        let pieces: Vec<(&str, Style)> = columns.iter().map(|c| (&**c, theme.dim())).collect();
        put_on(buf, area, &pieces);
    }

    /// Draws a word with its probability and cost; a bar of full length is `most`.
    fn draw_word(&self, course: &Course, row: usize, most: f32, lines: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        let style = row_style(*theme, self.scene.focused && row == self.row());
        let cost = course.costs.after[row];
        let word = left(&course.target[row].text, WORD_WIDTH);
        let p = left(&probability(cost), FIGURE_WIDTH);
        let cost_text = left(&in_column(cost), FIGURE_WIDTH);
        let x = put_on(buf, lines, &[(&word, style), (&p, Style::new()), (&cost_text, style)]);
        let width = lines.right().saturating_sub(x).min(MOST_BAR);
        let bar = theme.bar(cost / most, width.into());
        put_line(buf, (x, lines.y), lines.right(), &[(&bar, theme.ink(cost / most))]);
    }

    /// Whether the model's own output begins with the words of the target up to this one, so that the pass has its
    /// probability.
    fn is_written(&self, course: &Course, row: usize) -> bool {
        let output = &self.scene.reading.trace(self.scene.model).output;
        let pairs = output.iter().zip(&course.target).take(row + 1);
        row < output.len() && pairs.filter(|(a, b)| a.id == b.id).count() == row + 1
    }
}

/// The probability whose cross-entropy is `cost`, in three digits, as an equation needs it: `0.0123`, `(1 - 1.8e-5)`.
fn in_equation(cost: f32) -> String {
    let p = (-f64::from(cost)).exp();
    match -(-f64::from(cost)).exp_m1() {
        rest if rest > 0.0 && rest < 0.0005 => format!("(1 - {})", fixed(rest as f32)),
        _ => significant(p, 3),
    }
}

/// The probability whose cross-entropy is `cost`, in three decimals; only none and all are rounded to 0 and 1.
fn probability(cost: f32) -> String {
    match (-cost).exp() {
        p if cost > 0.0 && p >= 0.9995 => ">0.999".into(),
        p if p > 0.0 && p < 0.000_5 => "<0.001".into(),
        p => format!("{p:.3}"),
    }
}

/// A cost in its column: three decimals, as all the others.
fn in_column(cost: f32) -> String {
    if cost > 0.0 && cost < 0.001 { "<0.001".into() } else { fixed(cost) }
}

impl Pane for LossTable<'_> {
    fn title(&self) -> Title {
        Title::named(self.scene.language.tr("what each word of the target costs"))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.n(), 1)
    }

    fn cursor_cell(&self, row: usize, _: usize) -> Option<CursorCell> {
        let course = self.course.as_ref()?;
        let Scene { reading, model, .. } = self.scene;
        let trace = reading.trace(model);
        let (site, word) = (trace.probs()?, course.target.get(row)?);
        let at = trace.output_rows().get(row).copied().filter(|_| self.is_written(course, row))?;
        let cell = Cell::new(0, at, word.id as usize);
        let value = site.shape().holds(cell).then(|| site.value.get(cell))?;
        let cost = fixed(course.costs.after[row]);
        let word = tr!(self.scene.language, "“{word}”", word = word.text);
        let labels = vec![format!("{word}   -ln p = {cost}")];
        Some(CursorCell { address: site.address(cell), value, labels })
    }

    /// The loss as the mean of the costs.
    fn arithmetic(&self, _: usize, _: usize) -> Option<Arithmetic> {
        let course = self.course.as_ref()?;
        let costs = course.costs.after.iter().map(|cost| Expr::<Operand>::Number(*cost)).collect();
        Some(Arithmetic {
            name: NumberName::Words { what: "loss", of: None },
            value: course.loss(),
            formula: "mean over the words of the target of -ln p(word)",
            expr: Some(Expr::quotient(Expr::Sum(costs), Expr::Number(self.n() as f32))),
        })
    }

    fn status_line(&self, row: usize, _: usize) -> Option<String> {
        let course = self.course.as_ref()?;
        let (word, cost) = (course.target.get(row)?, *course.costs.after.get(row)?);
        Some(cost_line(self.scene, &word.text, cost))
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.n().max(6) as u16;
        PreferredSize::new(
            Size::new(LEAST_WIDTH, n.min(6) + HEADER),
            Size::new(FIGURES + 24, n + HEADER),
        )
        .of_items(n, HEADER, FIGURES + MOST_BAR)
        .in_columns(LEAST_WIDTH)
    }

    fn out_of_view(&self, area: Rect) -> [usize; 2] {
        match self.lists(area)[..] {
            [(_, list)] => list.out_of_view(),
            _ => [0; 2],
        }
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        let at = |(first, list): (usize, List)| Some(first + list.at(position)?);
        self.lists(area).into_iter().find_map(at).map(|row| PlaneCell::new(row, 0))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let Scene { reading, language, model, .. } = self.scene;
        let lines = reading.course(model).map(|course| {
            let words = course.target.iter().zip(&course.costs.after);
            let words = words.map(|(word, cost)| cost_line(self.scene, &word.text, *cost));
            words.chain([mean_line(self.scene, &course, usize::MAX)]).collect()
        });
        PaneWords::of_model(language, "The loss", model, lines.unwrap_or_default())
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Some(course) = &self.course else {
            super::learning::draw_unknown(self.scene, area, buf);
            return;
        };
        let mean = mean_line(self.scene, course, area.width.into());
        put_on(buf, area, &[(&mean, self.scene.theme.strong())]);
        let costs = course.costs.before.iter().chain(&course.costs.after);
        let most = costs.copied().fold(0.1, f32::max);
        let heading = without_top_rows(area, 1);
        for (first, list) in self.lists(area) {
            let place = list.area();
            self.draw_heading(Rect { y: heading.y, height: heading.height.min(1), ..place }, buf);
            for (i, lines) in list.rows() {
                self.draw_word(course, first + i, most, lines, buf);
            }
        }
    }
}

const fn row_style(theme: Theme, is_at_cursor: bool) -> Style {
    if is_at_cursor { theme.cursor() } else { Style::new() }
}

/// `“chat”: -ln 0.5 = 0.693 nats`
fn cost_line(scene: Scene, word: &str, cost: f32) -> String {
    let (p, cost) = (in_equation(cost), fixed(cost));
    tr!(scene.language, "“{word}”: -ln {p} = {cost} nats", word, p, cost)
}

/// `loss 0.123 = the mean over 14 tokens; it was 0.456`; `loss 0.123; it was 0.456` where that is
/// wider than `width` columns.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equation_holds_where_the_probability_is_next_to_none_or_all() {
        let p = [10.689_f32, 1.8e-5, 0.0, 0.6, 3.146].map(in_equation);
        assert_eq!(p, ["0.0000228", "(1 - 1.8e-5)", "1", "0.549", "0.043"]);
    }
}
