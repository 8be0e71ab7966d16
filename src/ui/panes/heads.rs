//! Small heat maps of all heads of a site; below each, the key that the selected query attends to most.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use super::{
    CursorCell, Pane, PreferredSize, Title, Unfolding, subject::Subject, words::PaneWords,
};
use crate::{
    analysis::measure::attention::{entropy_bits, strongest},
    engine::{arithmetic::Arithmetic, math::argmax, value::Cell},
    lesson::tr,
    text::fixed,
    ui::widgets::{
        heat::{Columns, Heat, Labels, Scale, Zoom},
        lines::{named, put_on},
    },
};

pub(super) struct Heads<'a>(pub(super) Subject<'a>);

/// Columns between two heads.
const GAP: u16 = 2;
/// Rows and columns of a head for which a pane asks at most.
const MOST_CELLS: usize = 64;
/// The most lines of the labels above a head's columns.
const LABEL_LINES: usize = 3;
/// Minimum lines of a head: its name, a line of cells, and its strongest key.
const MIN_LINES: u16 = 3;
/// Minimum width at which a head's cells and its strongest key are legible, in columns.
const MIN_WIDTH: u16 = 10;

/// How the heads of a pane are drawn.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Number of heads side by side.
    per_row: usize,
    /// Whether there is a line above the cells that names columns, and a legend below all heads.
    has_notes: bool,
    /// Columns of the labels of rows; 0 without them.
    label_width: u16,
    /// Whether cells have numbers, and all columns labels.
    is_large: bool,
    /// Whether every row has a line; else rows share lines, in blocks.
    is_whole: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { per_row: 1, has_notes: false, label_width: 0, is_large: false, is_whole: false }
    }
}

impl Plan {
    fn legend_lines(self) -> u16 {
        u16::from(self.has_notes)
    }

    /// Columns and lines for the cells in a head's frame.
    fn cells_in(self, frame: Rect) -> (usize, usize) {
        let others = 2 + u16::from(self.has_notes);
        let (width, height) =
            (frame.width.saturating_sub(self.label_width), frame.height.saturating_sub(others));
        (width.into(), height.into())
    }
}

impl<'a> Heads<'a> {
    fn n_heads(&self) -> usize {
        self.0.n_planes()
    }

    /// How the heads are drawn: as large as shows most of each, with labels where they cost no cell.
    fn plan(&self, area: Rect) -> Plan {
        let (rows, cols) = (self.0.n_rows(), self.0.n_cols());
        let widest_label = self.0.layout_heat().label_width(u16::MAX);
        let plans = (1..=self.n_heads()).flat_map(|per_row| {
            let notes = [(true, true), (true, false), (false, false)];
            notes.map(|(has_notes, has_labels)| Plan {
                per_row,
                has_notes,
                label_width: if has_labels { widest_label } else { 0 },
                is_large: false,
                is_whole: false,
            })
        });
        let measured = plans.map(|plan| {
            let frame = self.frame(0, area, plan);
            let plan = Plan { label_width: plan.label_width.min(frame.width / 3 + 1), ..plan };
            let (width, lines) = plan.cells_in(frame);
            let is_large = plan.has_notes
                && plan.label_width > 0
                && width >= 4 * cols
                && lines >= rows + LABEL_LINES;
            let plan = Plan { is_large, is_whole: rows <= lines, ..plan };
            let is_narrow = frame.width < MIN_WIDTH || frame.height < MIN_LINES;
            (plan, is_narrow, self.n_points(plan, frame))
        });
        let best = measured.max_by_key(|(plan, is_narrow, n_points)| {
            let has = (plan.is_large, plan.has_notes, plan.label_width > 0, plan.is_whole);
            (!is_narrow, *n_points, has)
        });
        best.map_or_else(Plan::default, |(plan, ..)| plan)
    }

    /// Number of points in which a head's cells are seen: all of them, or fewer blocks.
    fn n_points(&self, plan: Plan, frame: Rect) -> usize {
        let (rows, cols) = (self.0.n_rows(), self.0.n_cols());
        let (width, lines) = plan.cells_in(frame);
        let theme = self.0.scene.theme;
        let has_halves = theme.has_colour() && !theme.is_ascii();
        if rows <= lines && cols <= width * if has_halves { 2 } else { 1 } {
            return rows * cols;
        }
        let n_points = |n: usize, room: usize| n.div_ceil(n.div_ceil(room.max(1)).max(1));
        n_points(rows, lines * if has_halves { 2 } else { 1 }) * n_points(cols, width)
    }

    fn frame(&self, i: usize, area: Rect, plan: Plan) -> Rect {
        let height = area.height.saturating_sub(plan.legend_lines());
        let n_lines = self.n_heads().div_ceil(plan.per_row) as u16;
        let (width, height) = (area.width / plan.per_row as u16, height / n_lines.max(1));
        Rect {
            x: area.x + (i % plan.per_row) as u16 * width,
            y: area.y + (i / plan.per_row) as u16 * height,
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

    fn heat(&self, head: usize, plan: Plan, scale: Scale) -> Heat<'a> {
        let columns = match (plan.is_large, self.0.columns()) {
            (false, Columns::Labels(labels)) if plan.has_notes => Columns::Ends(labels),
            (false, _) if !plan.has_notes => Columns::Labels(Labels::none()),
            (_, columns) => columns,
        };
        Heat {
            row_labels: if plan.label_width > 0 { self.0.row_labels() } else { Labels::none() },
            columns,
            focused: self.0.scene.focused && head == self.0.plane,
            rows_may_grow: true,
            zoom: if plan.is_whole { Zoom::Fit } else { Zoom::Overview },
            ..self.0.heat_of(head, scale)
        }
    }

    fn draw_head(&self, head: usize, area: Rect, plan: Plan, scale: Scale, buf: &mut Buffer) {
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
        let heat = self.heat(head, plan, scale);
        let shown = body.map_or(0, |body| draw_cells(&heat, body, buf));
        let line = Rect { y: area.y + 1 + shown, height: 1, ..area };
        self.draw_strongest(head, line.intersection(area), buf);
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

    /// Draws the scale of all heads, and what their points are, on the last line.
    fn draw_legend(&self, area: Rect, plan: Plan, scale: Scale, buf: &mut Buffer) {
        let line = Rect { y: area.bottom() - 1, height: 1, ..area };
        let frame = self.frame(self.0.plane, area, plan).intersection(area);
        if let Some(body) = Self::cells_area(frame) {
            self.heat(self.0.plane, plan, scale).draw_legend_of(Self::canvas(body), line, buf);
        }
    }
}

/// Draws the cells of a head and returns the number of lines that they take.
fn draw_cells(heat: &Heat, body: Rect, buf: &mut Buffer) -> u16 {
    let mut canvas = Buffer::empty(Heads::canvas(body));
    heat.draw(canvas.area, &mut canvas);
    let shown = heat.drawn_height(canvas.area).min(body.height);
    for position in (Rect { height: shown, ..body }).positions() {
        buf[position] = canvas[position].clone();
    }
    shown
}

impl Pane for Heads<'_> {
    fn title(&self) -> Title {
        let language = self.0.scene.language;
        let from = tr!(language, "looking from “{from}”", from = self.0.label(1, self.0.row()));
        self.0.marked(self.0.title_of_planes()).with(language.tr("all heads")).with(from)
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
        let capped = |n: usize| n.min(MOST_CELLS) as u16;
        let (n, rows, cols) =
            (self.n_heads() as u16, capped(self.0.n_rows()), capped(self.0.n_cols()));
        let head_width = (cols * 2 + 1).max(12) + GAP;
        let width = head_width.saturating_mul(n).min(150);
        PreferredSize::new((40, 6), (width, rows + 4))
            .whole_at((width.min(100), rows + 2))
            .as_wide_as(200)
            .up_to((2 * rows + 2 * LABEL_LINES as u16 + 5).max(3 * rows + 3))
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<(usize, usize)> {
        let (head, plan) = (self.head_at(area, position)?, self.plan(area));
        let frame = self.frame(head, area, plan).intersection(area);
        self.heat(head, plan, self.scale())
            .cell_at(Self::canvas(Self::cells_area(frame)?), position)
    }

    fn head_at(&self, area: Rect, position: Position) -> Option<usize> {
        let plan = self.plan(area);
        (0..self.n_heads()).find(|&head| {
            Self::cells_area(self.frame(head, area, plan).intersection(area))
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
        let (plan, scale) = (self.plan(area), self.scale());
        for head in 0..self.n_heads() {
            let frame = self.frame(head, area, plan).intersection(area);
            if !frame.is_empty() {
                self.draw_head(head, frame, plan, scale, buf);
            }
        }
        if plan.has_notes && !area.is_empty() {
            self.draw_legend(area, plan, scale, buf);
        }
    }
}
