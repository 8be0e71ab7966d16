//! Where a checkpoint's weights are: its tensors, those of all layers as one, the largest first.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::Style,
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Scene, Title, Unfolding, in_words::PaneWords};
use crate::{
    analysis::reading::TensorGroup,
    engine::value::{Extent, PlaneCell},
    lesson::tr,
    text::{grouped, percent},
    ui::widgets::lines::{
        List, first_fitting, fit_end, left, put_bar, put_on, right, without_top_rows,
    },
};

pub(super) struct TensorList<'a>(pub(super) Scene<'a>);

const MOST_BAR: u16 = 30;
/// Widths of the columns of numbers, in columns.
const COUNT_WIDTH: usize = 6;
const SHARE_WIDTH: usize = 7;

impl<'a> TensorList<'a> {
    fn groups(&self) -> &'a [TensorGroup] {
        self.0.reading.card.as_ref().map_or(&[], |card| &card.tensors)
    }

    fn row(&self) -> usize {
        self.0.selection.row.min(self.groups().len().saturating_sub(1))
    }

    fn share(&self, group: &TensorGroup) -> f32 {
        let all: usize = self.groups().iter().map(|group| group.n_weights).sum();
        group.n_weights as f32 / all.max(1) as f32
    }

    fn name_width(&self) -> usize {
        self.groups().iter().map(|group| group.name.width()).max().unwrap_or(0)
    }

    /// Columns of the shapes, with a gap before them.
    fn shape_width(&self) -> usize {
        let shapes = self.groups().iter().map(|group| self.shape(group).width());
        shapes.chain([self.0.language.tr("shape").width()]).max().unwrap_or(0) + 2
    }

    /// Columns of the numbers beside the names.
    fn figures_width(&self) -> u16 {
        (COUNT_WIDTH + self.shape_width() + SHARE_WIDTH) as u16
    }

    fn shape(&self, group: &TensorGroup) -> String {
        let shape = group.shape.as_ref().map(|shape| shape.iter().map(ToString::to_string));
        shape.map_or_else(
            || self.0.language.tr("various").to_owned(),
            |sizes| sizes.collect::<Vec<_>>().join(self.0.theme.glyph("×", "x")),
        )
    }

    /// `3 tensors of 128×64: 24,576 weights, 14%`
    fn said(&self, group: &TensorGroup) -> String {
        let (n, shape) = (group.n_tensors, self.shape(group));
        let (weights, share) = (grouped(group.n_weights), percent(self.share(group)));
        let language = self.0.language;
        match n {
            1 => tr!(language, "{shape}: {weights} weights, {share}", shape, weights, share),
            _ => tr!(
                language,
                "{n} tensors of {shape}: {weights} weights, {share}",
                n,
                shape,
                weights,
                share
            ),
        }
    }
}

impl Pane for TensorList<'_> {
    fn title(&self) -> Title {
        Title::named(self.0.language.tr("where its weights are"))
    }

    fn extent(&self) -> Extent {
        Extent::new(self.groups().len(), 1)
    }

    fn status_line(&self, row: usize, _: usize) -> Option<String> {
        let group = self.groups().get(row)?;
        Some(format!("{}: {}", group.name, self.said(group)))
    }

    fn preferred_size(&self) -> PreferredSize {
        let n = self.groups().len() as u16;
        let width = self.name_width() as u16 + self.figures_width();
        PreferredSize::new(Size::new(width.min(38), n.min(5) + 1), Size::new(width + 12, n + 1))
            .whole_at(Size::new(width, n + 1))
            .of_items(n, 1, width + MOST_BAR)
    }

    fn list(&self, area: Rect) -> Option<List> {
        Some(List::new(without_top_rows(area, 1), self.groups().len(), self.row()))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        Some(PlaneCell::new(self.list(area)?.at(position)?, 0))
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        let line = |group: &TensorGroup| format!("{}: {}", group.name, self.said(group));
        let lines = self.groups().iter().map(line).collect();
        PaneWords::new(self.0.language.tr("Where its weights are"), lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (theme, language, groups) = (self.0.theme, self.0.language, self.groups());
        let room = usize::from(area.width.saturating_sub(self.figures_width()));
        let shape_width = self.shape_width();
        let name_width = self.name_width().min(room);
        let names =
            ["tensor, as the file has it", "tensor"].map(|text| language.tr(text).to_owned());
        let heading = [
            left(&first_fitting(names, name_width), name_width),
            right(language.tr("times"), COUNT_WIDTH),
            right(language.tr("shape"), shape_width),
            right(language.tr("share"), SHARE_WIDTH),
        ];
        put_on(buf, area, &[(&heading.concat(), theme.dim())]);
        let most = groups.first().map_or(1.0, |group| self.share(group));
        for (row, lines) in self.list(area).into_iter().flat_map(List::rows) {
            let (group, is_at_cursor) = (&groups[row], self.0.focused && row == self.row());
            let style = if is_at_cursor { theme.cursor() } else { Style::new() };
            let figures = [
                right(&group.n_tensors.to_string(), COUNT_WIDTH),
                right(&self.shape(group), shape_width),
                right(&percent(self.share(group)), SHARE_WIDTH),
                " ".to_owned(),
            ];
            // The ends of names tell them apart.
            let name = left(&fit_end(&group.name, name_width), name_width);
            let x = put_on(buf, lines, &[(&name, style), (&figures.concat(), Style::new())]);
            let width = lines.right().saturating_sub(x).min(MOST_BAR);
            let bar = theme.bar(self.share(group) / most, width.into());
            put_bar(buf, x, lines, &bar, theme.accent());
        }
    }
}
