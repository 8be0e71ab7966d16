//! Small heat maps of all heads of a site; below each, the key that the selected query attends to most.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use super::{CursorCell, Pane, PreferredSize, Unfolding, subject::Subject, words::PaneWords};
use crate::{
    analysis::measure::attention::{entropy_bits, strongest},
    engine::{arithmetic::Arithmetic, math::argmax, value::Cell},
    lesson::tr,
    text::fixed,
    ui::widgets::{
        heat::{Columns, Heat, Labels, Scale},
        lines::{named, put_on},
    },
};

pub(super) struct Heads<'a>(pub(super) Subject<'a>);

/// Columns between two heads.
const GAP: u16 = 2;
/// Width of a head with many keys, in columns.
const COMPACT_WIDTH: usize = 32;
/// Minimum lines of a head: its name, a line of cells, and its strongest key.
const MIN_LINES: u16 = 3;
/// Minimum width at which a head's cells and its strongest key are legible, in columns.
const MIN_WIDTH: u16 = 10;

impl<'a> Heads<'a> {
    fn n_heads(&self) -> usize {
        self.0.n_planes()
    }

    /// Number of heads per row: half of them if two rows leave room for words and numbers; else as many as fit,
    /// and enough that each gets its minimum lines.
    fn per_row(&self, area: Rect) -> usize {
        let half = self.n_heads().div_ceil(2);
        let (width, height) = (area.width / half as u16, area.height / 2);
        let large = Rect { width: width.saturating_sub(GAP), height, ..area };
        if half > 1 && self.is_large(large) {
            return half;
        }
        let n_cols =
            if self.0.n_cols() > 2 * COMPACT_WIDTH { COMPACT_WIDTH } else { self.0.n_cols() };
        let fitting = |columns: u16| usize::from((area.width + GAP) / (columns + GAP));
        let high_enough = self.n_heads().div_ceil(usize::from(area.height / MIN_LINES).max(1));
        let narrow = high_enough.min(fitting(MIN_WIDTH));
        fitting((n_cols as u16).max(MIN_WIDTH)).max(narrow).clamp(1, self.n_heads())
    }

    /// Whether words and numbers fit a head's frame.
    fn is_large(&self, frame: Rect) -> bool {
        let label = usize::from(self.0.layout_heat().label_width(frame.width));
        let (rows, cols) = (self.0.n_rows(), self.0.n_cols());
        usize::from(frame.width) >= label + 4 * cols && usize::from(frame.height) >= rows + 3
    }

    fn frame(&self, i: usize, area: Rect) -> Rect {
        let per_row = self.per_row(area);
        let n_lines = self.n_heads().div_ceil(per_row) as u16;
        let (width, height) = (area.width / per_row as u16, area.height / n_lines.max(1));
        Rect {
            x: area.x + (i % per_row) as u16 * width,
            y: area.y + (i / per_row) as u16 * height,
            width: width.saturating_sub(GAP),
            height,
        }
    }

    /// The area of a head's cells, between its name and its strongest key.
    fn cells_area(frame: Rect) -> Option<Rect> {
        let height = frame.height.checked_sub(2).filter(|height| *height > 0)?;
        Some(Rect { y: frame.y + 1, height, ..frame })
    }

    /// The area to draw a heat map in: one line longer than `body`, for the legend, which is cut off.
    fn canvas(body: Rect) -> Rect {
        Rect { height: body.height + 1, ..body }
    }

    /// Colour scale common to all heads, so that they can be compared.
    fn scale(&self) -> Scale {
        let heads = (0..self.n_heads()).map(|plane| Subject { plane, ..self.0.clone() }.scale());
        heads.reduce(Scale::with).unwrap_or(Scale::Unit)
    }

    fn heat(&self, head: usize, frame: Rect, scale: Scale) -> Heat<'a> {
        let is_large = self.is_large(frame);
        Heat {
            row_labels: if is_large { self.0.row_labels() } else { Labels::none() },
            columns: if is_large { self.0.columns() } else { Columns::Labels(Labels::none()) },
            focused: self.0.scene.focused && head == self.0.plane,
            rows_may_grow: true,
            ..self.0.heat_of(head, scale)
        }
    }

    fn draw_head(&self, head: usize, area: Rect, scale: Scale, buf: &mut Buffer) {
        let (theme, is_selected) = (self.0.scene.theme, head == self.0.plane);
        let style =
            if is_selected { theme.accent().add_modifier(Modifier::BOLD) } else { theme.dim() };
        let mark = if is_selected { theme.glyph("▸ ", "> ") } else { "  " };
        if area.height < 2 {
            let x = put_on(buf, area, &[(mark, style), (&format!("{head} "), style)]);
            let rest = Rect { x, width: area.right().saturating_sub(x), ..area };
            return self.draw_strongest(head, rest, buf);
        }
        let name = match self.n_heads() {
            1 => self.0.scene.language.tr("all heads").to_owned(),
            _ => tr!(self.0.scene.language, "head {head}", head),
        };
        put_on(buf, area, &[(mark, style), (&name, style)]);
        let body = Self::cells_area(area);
        let shown = body.map_or(0, |body| self.draw_cells(head, area, body, scale, buf));
        let line = Rect { y: area.y + 1 + shown, height: 1, ..area };
        self.draw_strongest(head, line, buf);
    }

    /// Draws `→ it 0.34`: the key with the selected query's largest weight.
    fn draw_strongest(&self, head: usize, line: Rect, buf: &mut Buffer) {
        let theme = self.0.scene.theme;
        let shown = |col| self.0.shown_value(Cell::new(head, self.0.row(), col));
        let row: Vec<f32> = (0..self.0.n_cols()).map(shown).collect();
        let Some(key) = argmax(row.iter().copied()) else { return };
        let number = theme.number(row[key], 4);
        // A narrow line omits the sign, not the number.
        let sign = theme.glyph("→ ", "> ");
        let sign = if line.width < 6 { "" } else { sign };
        let available_width = usize::from(line.width).saturating_sub(sign.width());
        let strongest_key = named(&self.0.label(2, key), number.trim(), available_width);
        let style = if head == self.0.plane { Style::new() } else { theme.dim() };
        put_on(buf, line, &[(sign, theme.dim()), (&strongest_key, style)]);
    }

    /// Draws the cells and returns the number of lines that they take.
    fn draw_cells(
        &self,
        head: usize,
        frame: Rect,
        body: Rect,
        scale: Scale,
        buf: &mut Buffer,
    ) -> u16 {
        let mut canvas = Buffer::empty(Self::canvas(body));
        let heat = self.heat(head, frame, scale);
        heat.draw(canvas.area, &mut canvas);
        let shown = heat.drawn_height(canvas.area).min(body.height);
        for y in body.y..body.y + shown {
            for x in body.x..body.right() {
                buf[(x, y)] = canvas[(x, y)].clone();
            }
        }
        shown
    }
}

impl Pane for Heads<'_> {
    fn title(&self) -> String {
        let name = self.0.title.clone().unwrap_or_else(|| self.0.site.path().to_owned());
        let name = match &self.0.form {
            None => name,
            Some(form) => format!("{name} · {}", self.0.scene.language.tr(form.kind().title())),
        };
        let name = self.0.shown_name(name);
        let from = self.0.label(1, self.0.row());
        tr!(self.0.scene.language, "{name} · all heads · looking from “{from}”", name, from)
    }

    fn extent(&self) -> (usize, usize) {
        (self.0.n_rows(), self.0.n_cols())
    }

    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        self.0.cursor_cell(row, col)
    }

    fn arithmetic(&self, row: usize, col: usize) -> Option<Arithmetic> {
        self.0.arithmetic(row, col)
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        self.0.status_line(row, col)
    }

    fn preferred_size(&self) -> PreferredSize {
        let capped = |n: usize| n.min(2 * COMPACT_WIDTH) as u16;
        let (n, rows, cols) =
            (self.n_heads() as u16, capped(self.0.n_rows()), capped(self.0.n_cols()));
        let head_width = (cols * 2 + 1).max(12) + GAP;
        let width = head_width.saturating_mul(n).min(150);
        PreferredSize::new((40, 6), (width, rows + 2))
            .whole_at((width.min(100), rows + 2))
            .as_wide_as(200)
            .up_to((2 * rows + 7).max(3 * rows + 3))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<(usize, usize)> {
        let head = self.head_at(area, position)?;
        let frame = self.frame(head, area).intersection(area);
        self.heat(head, frame, self.scale())
            .cell_at(Self::canvas(Self::cells_area(frame)?), position)
    }

    fn head_at(&self, area: Rect, position: Position) -> Option<usize> {
        (0..self.n_heads()).find(|&head| {
            Self::cells_area(self.frame(head, area).intersection(area))
                .is_some_and(|body| body.contains(position))
        })
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    fn in_words(&self) -> PaneWords {
        if let Some(words) = self.0.form_in_words() {
            return words;
        }
        let (subject, view, language) = (&self.0, self.0.view(), self.0.scene.language);
        let (site, from) = (subject.site, view.word(view.row));
        let line = |head: usize| {
            let look = strongest(subject.trace, site.path(), head, view.row)?;
            let bits = fixed(entropy_bits(&site.value.row(head, view.row)));
            let (key, word, weight) = (look.key, look.word, fixed(look.weight));
            Some(tr!(
                language,
                "head {head}: {from} looks most at {key} \"{word}\", {weight}; entropy {bits} bits",
                head,
                from,
                key,
                word,
                weight,
                bits
            ))
        };
        let lines = (0..site.shape().planes).filter_map(line).collect();
        let (model, caption) =
            (language.tr(subject.scene.model.title()), language.tr(site.caption()));
        PaneWords::new(format!("{} ({model}), {caption}", site.path()), lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let scale = self.scale();
        for head in 0..self.n_heads() {
            let frame = self.frame(head, area).intersection(area);
            if !frame.is_empty() {
                self.draw_head(head, frame, scale, buf);
            }
        }
    }
}
