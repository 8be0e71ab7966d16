//! Small heat maps of all heads of a site; below each, the key that the selected query attends to most.

use ratatui::{
    buffer::Buffer,
    layout::{Margin, Position, Rect, Size},
    style::{Modifier, Style},
};
use unicode_width::UnicodeWidthStr;

use super::{Pane, PreferredSize, Title, Unfolding, in_words::PaneWords, subject::Subject};
use crate::{
    analysis::measure::attention::{entropy_bits, strongest},
    engine::{
        arithmetic::Arithmetic,
        math::argmax,
        value::{Cell, PlaneCell},
    },
    lesson::tr,
    text::{fixed, share},
    ui::widgets::{
        heat::{Columns, Grid, Heat, Labels, Scale},
        lines::{named, put_on},
    },
};

pub(super) struct HeadsPane<'a>(pub(super) Subject<'a>);

/// Columns between two heads.
const GAP: u16 = 2;
/// Rows and columns of a head for which a pane asks at most.
const MOST_CELLS: usize = 64;
/// The most lines of the labels above a head's columns.
const LABEL_LINES: u16 = 3;
/// Minimum lines of a head: its name, a line of cells, and its strongest key.
const MIN_LINES: u16 = 3;
/// Minimum width at which a head's cells and its strongest key are legible, in columns.
const MIN_WIDTH: u16 = 10;

/// The words around the cells of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeadLabels {
    None,
    /// The first and the last key and that of the cursor, on a line above the cells.
    Ends,
    /// The same, and every query.
    All,
}

impl HeadLabels {
    /// What they are worth, against all cells in view.
    const fn worth(self) -> f32 {
        match self {
            Self::None => 0.0,
            Self::Ends => 0.05,
            Self::All => 0.15,
        }
    }
}

/// How the heads of a pane are drawn.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Number of heads side by side.
    per_row: u16,
    labels: HeadLabels,
    /// Whether cells have numbers, and all columns labels.
    is_large: bool,
    /// Size of a head's frame.
    frame: Size,
    /// A head's cells and labels.
    grid: Grid,
}

impl Plan {
    /// Size of a head's cells and labels, between its name and its strongest key.
    fn cells(&self) -> Size {
        Size { height: self.frame.height.saturating_sub(MIN_LINES - 1), ..self.frame }
    }

    fn is_narrow(&self) -> bool {
        let header = u16::from(self.labels != HeadLabels::None);
        self.frame.width < MIN_WIDTH || self.frame.height < MIN_LINES + header
    }
}

/// Heads of one size: how they share an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadsGrid {
    n_heads: u16,
    n_rows: u16,
    n_cols: u16,
    /// A head alone, with all its labels.
    head: Grid,
}

impl HeadsGrid {
    /// How the heads are drawn: so that most of their cells and labels is in view.
    fn plan(&self, size: Size) -> Plan {
        let plans = (1..=self.n_heads.max(1)).flat_map(|per_row| {
            let labels = [HeadLabels::None, HeadLabels::Ends, HeadLabels::All];
            labels.map(|labels| self.plan_of(size, per_row, labels))
        });
        let worth = |plan: &Plan| {
            let cells = plan.cells();
            let shown = plan.grid.seen(cells) + plan.labels.worth();
            let detail = (plan.grid.detail(cells) * 100.0) as u16;
            (!plan.is_narrow(), (shown * 100.0) as u16, plan.is_large, detail)
        };
        let first = self.plan_of(size, 1, HeadLabels::None);
        // Labels that would be cut are left out.
        let is_whole = |plan: &Plan| {
            plan.labels != HeadLabels::All || self.head.has_whole_labels(plan.frame.width)
        };
        let plans = plans.filter(is_whole);
        plans.fold(first, |best, plan| if worth(&plan) > worth(&best) { plan } else { best })
    }

    fn plan_of(&self, size: Size, per_row: u16, labels: HeadLabels) -> Plan {
        let n_lines = self.n_heads.div_ceil(per_row).max(1);
        let frame = Size::new((size.width / per_row).saturating_sub(GAP), size.height / n_lines);
        let has_rows = labels == HeadLabels::All;
        let labelled = if has_rows { self.head } else { self.head.without_row_labels() };
        let room = frame.width.saturating_sub(labelled.label_width(frame.width));
        let is_large = has_rows
            && room >= 4 * self.n_cols
            && frame.height >= self.n_rows + LABEL_LINES + MIN_LINES - 1;
        let grid = match labels {
            _ if is_large => labelled,
            HeadLabels::None => labelled.without_heading(),
            HeadLabels::Ends | HeadLabels::All => labelled.with_ends(),
        };
        Plan { per_row, labels, is_large, frame, grid }
    }

    /// The part of the heads' cells that is in view in an area of that size, 0 to 1.
    pub fn seen(&self, size: Size) -> f32 {
        let plan = self.plan(size);
        if plan.is_narrow() { 0.0 } else { plan.grid.seen(plan.cells()) }
    }

    /// How much is shown of each cell, 0 to 1.
    pub fn detail(&self, size: Size) -> f32 {
        let plan = self.plan(size);
        plan.grid.detail(plan.cells())
    }

    /// The columns and lines of an area that the heads use.
    pub fn used(&self, size: Size) -> Size {
        let plan = self.plan(size);
        let lines = plan.grid.used(plan.cells()).height + MIN_LINES - 1;
        let lines = lines * self.n_heads.div_ceil(plan.per_row);
        Size { height: lines.min(size.height), ..size }
    }
}

impl<'a> HeadsPane<'a> {
    fn n_heads(&self) -> usize {
        self.0.n_planes()
    }

    /// A head alone, with all its labels, its rows as high as fits; none is out of view.
    fn flexible(heat: Heat<'a>) -> Heat<'a> {
        let heat = Heat { rows_may_grow: true, rows_may_share: true, ..heat };
        Heat { pools_rows: true, has_legend: false, ..heat }
    }

    fn grid(&self) -> HeadsGrid {
        let capped = |n: usize| n.min(MOST_CELLS) as u16;
        HeadsGrid {
            n_heads: self.n_heads() as u16,
            n_rows: capped(self.0.n_rows()),
            n_cols: capped(self.0.n_cols()),
            head: Self::flexible(self.0.layout_heat()).grid(),
        }
    }

    fn plan(&self, area: Rect) -> Plan {
        self.grid().plan(area.as_size())
    }

    fn frame(i: usize, area: Rect, plan: Plan) -> Rect {
        let (i, Size { width, height }) = (i as u16, plan.frame);
        Rect {
            x: area.x + i % plan.per_row * (area.width / plan.per_row),
            y: area.y + i / plan.per_row * height,
            width,
            height,
        }
    }

    /// The area of a head's cells, between its name and its strongest key.
    fn cells_area(frame: Rect) -> Option<Rect> {
        let height = frame.height.checked_sub(MIN_LINES - 1).filter(|height| *height > 0)?;
        Some(Rect { y: frame.y + 1, height, ..frame })
    }

    /// Colour scale common to all heads, so that they can be compared.
    fn scale(&self) -> Scale {
        let heads = (0..self.n_heads()).map(|plane| Subject { plane, ..self.0.clone() }.scale());
        heads.reduce(Scale::with).unwrap_or(Scale::Unit)
    }

    fn heat(&self, head: usize, plan: Plan, scale: Scale) -> Heat<'a> {
        let columns = match (plan.labels, self.0.columns()) {
            (_, columns) if plan.is_large => columns,
            (HeadLabels::None, _) => Columns::Labels(Labels::none()),
            (_, Columns::Labels(labels)) => Columns::Ends(labels),
            (_, columns) => columns,
        };
        let has_rows = plan.labels == HeadLabels::All;
        Heat {
            row_labels: if has_rows { self.0.row_labels() } else { Labels::none() },
            columns,
            focused: self.0.scene.focused && head == self.0.plane,
            ..Self::flexible(self.0.heat_of(head, scale))
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
            return self.draw_strongest(head, scale, rest, buf);
        }
        let name = match self.n_heads() {
            1 => self.0.scene.language.tr("all heads").to_owned(),
            _ => tr!(self.0.scene.language, "head {head}", head),
        };
        put_on(buf, area, &[(mark, style), (&name, style)]);
        let body = Self::cells_area(area);
        let heat = self.heat(head, plan, scale);
        let shown = body.map_or(0, |body| {
            heat.draw(body, buf);
            heat.drawn_height(body).min(body.height)
        });
        let line = Rect { y: area.y + 1 + shown, height: 1, ..area };
        self.draw_strongest(head, scale, line.intersection(area), buf);
    }

    /// Draws `→ it 0.34`: the key with the selected query's largest weight, a share as the texts say it.
    fn draw_strongest(&self, head: usize, scale: Scale, line: Rect, buf: &mut Buffer) {
        let theme = self.0.scene.theme;
        let shown = |col| self.0.shown_value(Cell::new(head, self.0.row(), col));
        let row: Vec<f32> = (0..self.0.n_cols()).map(shown).collect();
        let Some(key) = argmax(row.iter().copied()) else { return };
        let is_share = matches!(scale, Scale::Unit | Scale::Shares { .. });
        let number = if is_share { share(row[key]) } else { theme.number(row[key], 4) };
        // A narrow line omits the sign, not the number.
        let sign = theme.glyph("→ ", "> ");
        let sign = if line.width < 6 { "" } else { sign };
        let available_width = usize::from(line.width).saturating_sub(sign.width());
        let strongest_key = named(&self.0.label(2, key), number.trim(), available_width);
        let style = if head == self.0.plane { Style::new() } else { theme.dim() };
        put_on(buf, line, &[(sign, theme.dim()), (&strongest_key, style)]);
    }
}

impl Pane for HeadsPane<'_> {
    fn title(&self) -> Title {
        let language = self.0.scene.language;
        let from = tr!(language, "looking from “{from}”", from = self.0.label(1, self.0.row()));
        self.0.marked(self.0.title_of_planes()).with(language.tr("all heads")).with(from)
    }

    fn subject(&self) -> Option<&Subject<'_>> {
        Some(&self.0)
    }

    fn arithmetic(&self, row: usize, col: usize) -> Option<Arithmetic> {
        self.0.arithmetic(row, col)
    }

    fn status_line(&self, row: usize, col: usize) -> Option<String> {
        self.0.status_line(row, col)
    }

    fn preferred_size(&self) -> PreferredSize {
        let grid = self.grid();
        let (rows, cols) = (grid.n_rows, grid.n_cols);
        let head_width = (cols * 2 + 1).max(12) + GAP;
        let width = head_width.saturating_mul(grid.n_heads).min(150);
        PreferredSize::new(Size::new(40, 6), Size::new(width, rows + 4))
            .whole_at(Size::new(width.min(100), rows + 2))
            .as_wide_as(200)
            .up_to((2 * rows + 2 * LABEL_LINES + 5).max(3 * rows + 3))
            .of_heads(grid)
    }

    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        let (head, plan) = (self.head_at(area, position)?, self.plan(area));
        let frame = Self::frame(head, area, plan).intersection(area);
        self.heat(head, plan, self.scale()).cell_at(Self::cells_area(frame)?, position)
    }

    fn head_at(&self, area: Rect, position: Position) -> Option<usize> {
        let plan = self.plan(area);
        (0..self.n_heads()).find(|&head| {
            Self::cells_area(Self::frame(head, area, plan).intersection(area))
                .is_some_and(|body| body.contains(position))
        })
    }

    fn unfolding(&self) -> Unfolding {
        Unfolding::Down
    }

    /// Query after query, in all heads at once.
    fn covered(&self, area: Rect, part: f32) -> Vec<Rect> {
        let (plan, scale) = (self.plan(area), self.scale());
        let cells = |head: usize| {
            let frame = Self::frame(head, area, plan).intersection(area);
            Some(self.heat(head, plan, scale).cell_area(Self::cells_area(frame)?))
        };
        let cells = (0..self.n_heads()).filter_map(cells);
        cells.map(|cells| self.unfolding().covered(cells, part)).collect()
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
        PaneWords::new(subject.heading(None, language.tr(site.caption())), lines)
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (plan, scale) = (self.plan(area), self.scale());
        for head in 0..self.n_heads() {
            let frame = Self::frame(head, area, plan).intersection(area);
            if !frame.is_empty() {
                self.draw_head(head, frame, plan, scale, buf);
            }
        }
    }

    /// The scale of all heads, and what their points are.
    fn draw_on_edge(&self, area: Rect, edge: Rect, buf: &mut Buffer) {
        let (plan, scale) = (self.plan(area), self.scale());
        let frame = Self::frame(self.0.plane, area, plan).intersection(area);
        let Some(body) = Self::cells_area(frame) else { return };
        let mut canvas = Buffer::empty(edge);
        let line = edge.inner(Margin::new(1, 0));
        self.heat(self.0.plane, plan, scale).draw_legend_of(body, line, &mut canvas);
        // With a blank before and after it.
        let is_drawn = |x: &u16| canvas[(*x, edge.y)] != ratatui::buffer::Cell::EMPTY;
        let first = line.columns().map(|column| column.x).find(is_drawn);
        let last = line.columns().rev().map(|column| column.x).find(is_drawn);
        for x in first.zip(last).into_iter().flat_map(|(first, last)| first - 1..=last + 1) {
            buf[(x, edge.y)] = canvas[(x, edge.y)].clone();
        }
    }
}
