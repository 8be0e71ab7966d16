//! The weighted sum of one query: every value row times its attention weight, and their sum.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::{Modifier, Style},
};

use super::{
    Pane, PreferredSize, Title, Unfolding,
    in_words::{PaneWords, spread},
    subject::Subject,
};
use crate::{
    analysis::trace::Magnitude,
    engine::value::PlaneCell,
    lesson::tr,
    model::layer::attention,
    ui::widgets::{
        heat::{Columns, Heat, Labels, Marks, Scale},
        lines::{put_on, right},
    },
};

/// Pane of a weighted sum; its site is the `context`.
pub(super) struct WeightedSum<'a>(pub(super) Subject<'a>);

/// A term of the sum: the key's word, its weight, and weight * value.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    word: String,
    weight: f32,
    numbers: Vec<f32>,
}

/// Width of a term's word, in columns.
const WORD_WIDTH: usize = 10;
/// Width of a term's bar, in columns.
const BAR_WIDTH: usize = 10;
/// Width of a term's label in columns: word, weight and bar.
const LABEL_WIDTH: u16 = (WORD_WIDTH + BAR_WIDTH + 8) as u16;
/// Lines above and below the terms: units and legend.
const OTHER_LINES: u16 = 2;

/// What is drawn in an area.
struct SumLayout<'a> {
    /// The terms that fit.
    terms: Vec<Term>,
    /// The numbers of the terms and of their sum.
    heat: Heat<'a>,
    /// The area of the heat map.
    cells: Rect,
}

impl<'a> WeightedSum<'a> {
    /// The rows that are averaged: the values that the head reads, or the annotations of an RNN.
    fn values(&self) -> Option<Subject<'a>> {
        let values = self.0.trace.values_read(self.0.site)?;
        let mut subject = Subject::new(self.0.scene, values.path(), None)?;
        // Several heads may share their values.
        subject.plane = self.0.plane * values.shape().planes / self.0.n_planes().max(1);
        Some(subject)
    }

    /// One term per key, in sentence order.
    fn terms(&self) -> Option<Vec<Term>> {
        let (weights, values) = (self.0.sibling(&attention::WEIGHTS)?, self.values()?);
        let shares = weights.site.value.row(weights.plane, self.0.row());
        let term = |(key, weight): (usize, f32)| {
            let value = values.site.value.row(values.plane, key);
            let numbers = value.into_iter().map(|v| v * weight).collect();
            Term { word: values.label(1, key), weight, numbers }
        };
        Some(shares.into_iter().enumerate().map(term).collect())
    }

    fn context(&self) -> Vec<f32> {
        self.0.site.value.row(self.0.plane, self.0.row())
    }

    fn heat(&self, rows: Vec<Vec<f32>>) -> Heat<'a> {
        // One scale for all rows, so that terms of small weight look small.
        let scale = Scale::Signed(Magnitude::of(rows.iter().flatten().copied()).most.max(1e-6));
        let last = rows.len() - 1;
        Heat {
            n_rows: rows.len(),
            cursor: PlaneCell::new(last, self.0.col()),
            value: Box::new(move |row, col| rows[row][col]),
            most_prominent: None,
            row_labels: Labels::none(),
            marks: Marks::default(),
            columns: Columns::Counted,
            scale,
            rows_may_grow: true,
            axes: tr!(
                self.0.scene.language,
                "weight {times} value, from “{word}”",
                times = self.0.scene.theme.glyph("·", "*"),
                word = self.0.label(1, self.0.row())
            ),
            ..self.0.heat()
        }
    }

    fn layout(&self, area: Rect) -> Option<SumLayout<'a>> {
        let terms = {
            let max_terms = usize::from(area.height.saturating_sub(OTHER_LINES + 1));
            heaviest(self.terms()?, max_terms, |n| tr!(self.0.scene.language, "{n} others", n))
        };
        let rows = terms.iter().map(|t| t.numbers.clone()).chain([self.context()]).collect();
        let label = LABEL_WIDTH.min(area.width);
        let cells = Rect { x: area.x + label, width: area.width - label, ..area };
        Some(SumLayout { terms, heat: self.heat(rows), cells })
    }

    fn draw_label(&self, term: &Term, line: Rect, buf: &mut Buffer) {
        let theme = self.0.scene.theme;
        let ink = if term.weight < 0.005 { theme.dim() } else { Style::new() };
        let text = format!("{} {} ", right(&term.word, WORD_WIDTH), theme.number(term.weight, 4));
        let bar = theme.ink(term.weight);
        let pieces = [(&*text, ink), (&*theme.bar(term.weight, BAR_WIDTH), bar)];
        put_on(buf, line, &pieces);
    }

    fn draw_sum_label(&self, line: Rect, buf: &mut Buffer) {
        let style = self.0.scene.theme.accent().add_modifier(Modifier::BOLD);
        let language = self.0.scene.language;
        let text = right(language.tr("sum"), WORD_WIDTH) + " 1.00";
        let pieces = [(&*text, style), (language.tr(" = context"), style)];
        put_on(buf, line, &pieces);
    }
}

/// At most `max_terms` terms: the heaviest in sentence order, and one that adds up the others.
fn heaviest(
    terms: Vec<Term>,
    max_terms: usize,
    others_name: impl Fn(usize) -> String,
) -> Vec<Term> {
    if terms.len() <= max_terms || max_terms < 2 {
        return terms;
    }
    let mut order: Vec<usize> = (0..terms.len()).collect();
    order.sort_by(|&a, &b| terms[b].weight.total_cmp(&terms[a].weight).then(a.cmp(&b)));
    let kept = &order[..max_terms - 1];
    let (kept, others): (Vec<_>, Vec<_>) =
        terms.into_iter().enumerate().partition(|(i, _)| kept.contains(i));
    let rest = Term {
        word: others_name(others.len()),
        weight: others.iter().map(|(_, t)| t.weight).sum(),
        numbers: column_sums(others.iter().map(|(_, t)| &t.numbers)),
    };
    kept.into_iter().map(|(_, term)| term).chain([rest]).collect()
}

fn column_sums<'n>(rows: impl Iterator<Item = &'n Vec<f32>>) -> Vec<f32> {
    let add = |sum: Vec<f32>, row: &Vec<f32>| sum.iter().zip(row).map(|(a, b)| a + b).collect();
    let mut rows = rows;
    let first = rows.next().cloned().unwrap_or_default();
    rows.fold(first, add)
}

impl Pane for WeightedSum<'_> {
    fn title(&self) -> Title {
        let word = self.0.label(1, self.0.row());
        self.0.title().with(tr!(self.0.scene.language, "from “{word}”", word))
    }

    fn subject(&self) -> Option<&Subject<'_>> {
        Some(&self.0)
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.terms().map_or(1, |terms| terms.len() + 1);
        let blank = " ".repeat(LABEL_WIDTH.into());
        let heat = Heat {
            n_rows: n,
            n_cols: self.0.n_cols(),
            row_labels: Labels::new(n, move |_| blank.clone()),
            columns: Columns::Counted,
            rows_may_grow: true,
            ..self.0.layout_heat()
        };
        let min = Size::new(LABEL_WIDTH + 16, 6.min(n as u16 + OTHER_LINES));
        PreferredSize { min, ..PreferredSize::of_heat(&heat) }
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        let SumLayout { heat, cells, .. } = self.layout(area)?;
        heat.cell_at(cells, position).map(|at| PlaneCell { row: self.0.row(), ..at })
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    /// Term after term, then their sum.
    fn covered(&self, area: Rect, part: f32) -> Vec<Rect> {
        let layout = self.layout(area);
        let cells = layout.map(|SumLayout { heat, cells, .. }| heat.cell_area(cells));
        cells.map(|cells| self.unfolding().covered(cells, part)).into_iter().collect()
    }

    fn in_words(&self) -> PaneWords {
        let (view, language) = (self.0.view(), self.0.scene.language);
        let spread = spread(&view.values(view.row), language);
        let word = view.word(view.row);
        let mut lines = vec![tr!(language, "the sum for {word}: {spread}", word, spread)];
        if let Some(weights) = self.0.sibling(&attention::WEIGHTS) {
            let weights = weights.view().largest(view.row, 4);
            lines.push(tr!(language, "its weights: {weights}", weights));
        }
        self.0.in_words(lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let Some(SumLayout { terms, heat, cells }) = self.layout(area) else { return };
        let label = area.width - cells.width;
        heat.draw(cells, buf);
        let lines = heat.row_lines(cells).into_iter();
        for (i, y) in lines.take(terms.len() + 1).enumerate() {
            let line = Rect { y, height: 1, width: label, ..area };
            match terms.get(i) {
                Some(term) => self.draw_label(term, line, buf),
                None => self.draw_sum_label(line, buf),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(word: &str, weight: f32) -> Term {
        Term { word: word.to_owned(), weight, numbers: vec![weight, 2.0 * weight] }
    }

    #[test]
    fn terms_that_do_not_fit_are_added_up() {
        let all = vec![term("a", 0.1), term("b", 0.5), term("c", 0.125), term("d", 0.25)];
        let others = |n: usize| format!("{n} others");
        assert_eq!(heaviest(all.clone(), 4, others), all);
        let few = heaviest(all, 3, others);
        assert_eq!(few[..2], [term("b", 0.5), term("d", 0.25)]);
        assert_eq!((few[2].word.as_str(), few[2].weight), ("2 others", 0.225));
        assert_eq!(few[2].numbers, [0.225, 0.45]);
    }
}
