//! Table of all heads: one row per head, one column per figure, sorted by any figure.

use std::cmp::Ordering;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::{Modifier, Style},
};

use super::{
    Pane, PreferredSize, Scene, Sort, Title,
    in_words::{PaneWords, words_of_heads},
};
use crate::{
    analysis::measure::heads::{FIGURES, Figure, Summary},
    engine::value::{Extent, PlaneCell},
    lesson::{LayerHead, PaneSpec, tr},
    text::rounded,
    ui::widgets::lines::{List, put_line, put_on, right, without_top_rows},
};

/// Table of heads; its site is the attention `weights`.
pub(super) struct HeadTable<'a> {
    scene: Scene<'a>,
    spec: PaneSpec,
    /// Heads in sort order; None until measured.
    rows: Option<Vec<&'a Summary>>,
}

/// Widths of the layer and head numbers, in columns.
const LAYER_WIDTH: u16 = 6;
const HEAD_WIDTH: u16 = 6;

/// Width of a figure in columns: its heading, and the sort sign before it.
const fn figure_width(figure: &Figure) -> u16 {
    figure.heading.len() as u16 + 1
}

/// The figures in the order in which they get room.
fn by_use() -> impl Iterator<Item = usize> {
    let with =
        |is_secondary| (0..FIGURES.len()).filter(move |&i| FIGURES[i].is_secondary == is_secondary);
    with(false).chain(with(true))
}

/// Sorts heads; heads without the figure come last.
fn sorted(mut rows: Vec<&Summary>, sort: Sort) -> Vec<&Summary> {
    let Sort::Figure { figure, is_rising } = sort else { return rows };
    let of = |summary: &Summary| (FIGURES[figure].of)(&summary.figures).filter(|v| !v.is_nan());
    rows.sort_by(|a, b| match (of(a), of(b)) {
        (Some(a), Some(b)) if is_rising => a.total_cmp(&b),
        (Some(a), Some(b)) => b.total_cmp(&a),
        (a, b) if a.is_some() == b.is_some() => Ordering::Equal,
        (a, _) => {
            if a.is_some() {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
    });
    rows
}

impl<'a> HeadTable<'a> {
    pub(super) fn new(scene: Scene<'a>, spec: &PaneSpec) -> Self {
        let is_here = |summary: &&Summary| spec.path(summary.layer).as_ref() == Some(&summary.path);
        let rows = scene.reading.heads().map(|heads| {
            let heads = heads.get(&scene.model).into_iter().flatten();
            sorted(heads.filter(is_here).collect(), scene.view.sort)
        });
        Self { scene, spec: spec.clone(), rows }
    }

    fn rows(&self) -> &[&'a Summary] {
        self.rows.as_deref().unwrap_or_default()
    }

    /// Index of the selected head's row.
    fn selected_row(&self) -> usize {
        let (layer, head) = (self.scene.selection.layer, self.scene.selection.head);
        let is_selected = |row: &&Summary| (row.layer, row.head) == (layer, head);
        self.rows().iter().position(is_selected).unwrap_or(0)
    }

    /// Indices of the figures that fit, in the order of the table, always including the one that the table is sorted by.
    fn visible_figures(&self, available_width: u16) -> Vec<usize> {
        let sorted = match self.scene.view.sort {
            Sort::Figure { figure, .. } => Some(figure),
            Sort::Computed => None,
        };
        let mut available_width =
            available_width.saturating_sub(sorted.map_or(0, |i| figure_width(&FIGURES[i])));
        let mut fits = |i: &usize| {
            if Some(*i) == sorted {
                return true;
            }
            let rest = available_width.checked_sub(figure_width(&FIGURES[*i]));
            available_width = rest.unwrap_or(0);
            rest.is_some()
        };
        let mut shown: Vec<usize> = by_use().filter(|i| fits(i)).collect();
        shown.sort_unstable();
        shown
    }

    fn draw_header(&self, shown: &[usize], line: Rect, buf: &mut Buffer) {
        let (theme, dim) = (self.scene.theme, self.scene.theme.dim());
        let strong = theme.accent().add_modifier(Modifier::BOLD);
        let language = self.scene.language;
        let names =
            format!("{} {} ", right(language.tr("layer"), 5), right(language.tr("head"), 5));
        let mut x = put_on(buf, line, &[(&names, dim)]);
        for &i in shown {
            let (sign, style) = match self.scene.view.sort {
                Sort::Figure { figure, is_rising } if figure == i => {
                    (if is_rising { theme.glyph("▴", "^") } else { theme.glyph("▾", "v") }, strong)
                }
                _ => (" ", dim),
            };
            let width = usize::from(figure_width(&FIGURES[i])) - 1;
            let heading = right(language.tr(FIGURES[i].heading), width);
            let pieces = [(sign, style), (&*heading, style)];
            x = put_line(buf, (x, line.y), line.right(), &pieces);
        }
    }

    fn draw_row(&self, row: usize, shown: &[usize], line: Rect, buf: &mut Buffer) {
        let (theme, summary) = (self.scene.theme, self.rows()[row]);
        let is_selected = row == self.selected_row();
        let style = match (is_selected, self.scene.focused) {
            (true, true) => theme.cursor(),
            (true, false) => theme.accent().add_modifier(Modifier::BOLD),
            (false, _) => Style::new(),
        };
        let name = format!("{:>5} {:>5} ", summary.layer, summary.head);
        let mut x = put_on(buf, line, &[(&name, style)]);
        for &i in shown {
            let width = usize::from(figure_width(&FIGURES[i]));
            let value = (FIGURES[i].of)(&summary.figures);
            let text = match value {
                Some(v) => format!("{:>width$}", rounded(v, 2)),
                None => format!("{:>width$}", theme.glyph("–", "-")),
            };
            let style = match value.filter(|_| FIGURES[i].is_share) {
                Some(share) => self.share_style(share),
                None if value.is_none() => theme.dim(),
                None => Style::new(),
            };
            x = put_line(buf, (x, line.y), line.right(), &[(&text, style)]);
        }
    }

    /// Style of a share of 1: bold if large, dim if small.
    fn share_style(&self, share: f32) -> Style {
        match share {
            large if large >= 0.5 => self.scene.theme.accent().add_modifier(Modifier::BOLD),
            small if small < 0.05 => self.scene.theme.dim(),
            _ => Style::new(),
        }
    }
}

impl Pane for HeadTable<'_> {
    fn title(&self) -> Title {
        let language = self.scene.language;
        let name = language.tr(self.spec.title.as_deref().unwrap_or("heads in figures"));
        let sorted = match self.scene.view.sort {
            Sort::Computed => language.tr("in order, S sorts").to_owned(),
            Sort::Figure { figure, is_rising } => {
                let heading = language.tr(FIGURES[figure].heading);
                if is_rising {
                    tr!(language, "smallest {heading} first", heading)
                } else {
                    tr!(language, "largest {heading} first", heading)
                }
            }
        };
        Title::named(name).with(sorted)
    }

    fn status_line(&self, _: usize, _: usize) -> Option<String> {
        let summary = self.rows().get(self.selected_row())?;
        let caption = match self.scene.view.sort {
            Sort::Computed => "Enter looks at this head",
            Sort::Figure { figure, .. } => FIGURES[figure].caption,
        };
        let (rank, n) = (self.selected_row() + 1, self.rows().len());
        let language = self.scene.language;
        Some(tr!(
            language,
            "layer {layer} head {head}  {rank} of {n}  {caption}",
            layer = summary.layer,
            head = summary.head,
            rank,
            n,
            caption = language.tr(caption)
        ))
    }

    fn head_at_offset(&self, rows: isize, _: isize) -> Option<LayerHead> {
        let last = self.rows().len().checked_sub(1)?;
        let row = self.rows()[self.selected_row().saturating_add_signed(rows).min(last)];
        Some(LayerHead { layer: row.layer, head: row.head })
    }

    fn visible_extent(&self, area: Rect) -> Extent {
        Extent::new(usize::from(area.height.saturating_sub(1)).max(1), 1)
    }

    fn is_sortable(&self) -> bool {
        true
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.rows().len() as u16 + 1;
        let all = LAYER_WIDTH + HEAD_WIDTH + FIGURES.iter().map(figure_width).sum::<u16>();
        PreferredSize::new(Size::new(40, n.min(6)), Size::new(all, n)).of_items(n - 1, 1, all)
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(without_top_rows(area, 1), self.rows().len(), self.selected_row()))
    }

    /// Layer and head of the row at a position.
    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        let row = self.list(area)?.at(position)?;
        Some(PlaneCell::new(self.rows()[row].layer, self.rows()[row].head))
    }

    fn in_words(&self) -> PaneWords {
        words_of_heads(self.scene, &self.spec)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let theme = self.scene.theme;
        if self.rows.is_none() {
            let text = self.scene.measuring();
            put_on(buf, area, &[(text, theme.dim())]);
            return;
        }
        let shown = self.visible_figures(area.width.saturating_sub(LAYER_WIDTH + HEAD_WIDTH));
        if let Some(line) = area.rows().next() {
            self.draw_header(&shown, line, buf);
        }
        for (row, line) in self.list(area).into_iter().flat_map(List::rows) {
            self.draw_row(row, &shown, line, buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{analysis::measure::heads::Figures, engine::math::picture::Downsampled};

    fn head(head: usize, entropy: f32, induction: Option<f32>) -> Summary {
        let figures = Figures {
            entropy,
            spread: None,
            distance: None,
            first: 0.0,
            own: None,
            previous: None,
            induction,
            largest: 1.0,
        };
        let picture = Downsampled::new(1, 1, vec![1.0]);
        Summary { path: "blocks.0.attn.weights".into(), layer: 0, head, figures, picture }
    }

    #[test]
    fn heads_without_the_figure_come_last_in_both_orders() {
        let heads = [head(0, 1.0, None), head(1, 3.0, Some(0.1)), head(2, 2.0, Some(0.7))];
        let order = |sort| {
            let rows = sorted(heads.iter().collect(), sort);
            rows.into_iter().map(|row| row.head).collect::<Vec<_>>()
        };
        let by = |heading: &str, is_rising| {
            let figure = FIGURES.iter().position(|f| f.heading == heading).unwrap();
            order(Sort::Figure { figure, is_rising })
        };
        assert_eq!(order(Sort::Computed), [0, 1, 2]);
        assert_eq!(by("entropy", false), [1, 2, 0]);
        assert_eq!(by("entropy", true), [0, 2, 1]);
        assert_eq!(by("induction", false), [2, 1, 0]);
        assert_eq!(by("induction", true), [1, 2, 0]);
    }

    #[test]
    fn the_orders_form_a_cycle() {
        let mut sort = Sort::default();
        let n = (0..99).find(|_| {
            sort = sort.next();
            sort == Sort::Computed
        });
        assert_eq!(n, Some(2 * FIGURES.len()));
    }
}
