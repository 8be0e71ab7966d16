//! The panes of a step, one file per kind. A pane draws itself and changes no state.
//!
//! A new kind of pane is a new file here, a row of [`new_pane`], and a variant of [`PaneKind`].

mod accuracy;
mod attributed_heads;
mod attribution;
mod bars;
mod beams;
mod both;
mod cache;
mod candidates;
mod card;
mod comparison;
mod continuations;
mod curves;
mod differences;
mod differing;
mod distance;
mod dropout;
mod attention_evidence;
mod flow;
mod forcing;
mod gradient;
mod head_table;
mod heads;
mod hidden;
mod labelled;
mod learning;
mod lens;
mod lens_map;
mod load;
mod loss;
mod machines;
mod matrix;
mod missing;
mod model_line;
mod moved;
mod neighbours;
mod norm;
mod patches;
mod read_back;
mod read_back_length;
mod recurrence;
mod saliency;
mod schedule;
mod state;
mod stream;
mod subject;
mod temperatures;
mod tensors;
mod times;
mod title;
mod tokens;
mod translations;
mod units;
mod update;
mod view;
mod wall;
mod weighted_sum;
mod in_words;

use std::borrow::Cow;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect, Size},
};

use crate::{
    analysis::{
        evidence::flow::Threshold,
        reading::{MachineTimes, Reading, WordGradients},
        trace::Recorded,
    },
    engine::{
        arithmetic::Arithmetic,
        change::Changes,
        site::{Address, Axis, Role},
        value::{Extent, Matrix, PlaneCell},
    },
    lesson::{Language, LayerHead, PaneKind, PaneSpec, Selection},
    model::ModelName,
    ui::{
        theme::Theme,
        widgets::{
            heat::{CellArea, Grid, Heat, Zoom},
            lines::{List, list_height, needs_two_columns, spaced_height, without_top_rows},
        },
    },
};
use cache::TableAndSquare;
use heads::HeadsGrid;
pub use in_words::PaneWords;
use missing::Missing;
use subject::Subject;
pub use title::{Title, fitted_apart};
pub use view::{LogitPieces, Sort, StreamRow, View};

/// Input of a pane: everything that its contents depend on.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub reading: &'a Reading,
    pub language: Language,
    /// The model that the pane shows.
    pub model: ModelName,
    pub selection: Selection,
    pub theme: &'a Theme,
    /// Whether this pane has the cell cursor.
    pub focused: bool,
    /// Cells to highlight: those that the inspector shows.
    pub marks: &'a [Mark],
    /// Whether matrices show their difference from the unchanged pass instead of their values.
    pub shows_difference: bool,
    /// The changed reading, while that without its changes is on the screen.
    pub changed: Option<&'a Reading>,
    /// The step of a computation over the words that is shown; None shows everything.
    pub beat: Option<usize>,
    /// Reading times on this machine; None until measured.
    pub times: Option<&'a MachineTimes>,
    pub view: View,
}

impl<'a> Scene<'a> {
    /// The site of a pane in the selected layer.
    fn site(&self, spec: &PaneSpec) -> Option<&'a Recorded> {
        self.reading.trace(self.model).site(&spec.path(self.selection.layer)?)
    }

    /// `↓ query → key`: what rows and columns are.
    fn axes_named(&self, row: Axis, col: Axis) -> String {
        let Self { theme, language, .. } = *self;
        let axis = |sign, axis: Axis| format!("{}{}", language.tr(sign), language.tr(axis.name()));
        let down = axis(theme.glyph("↓ ", "rows "), row) + " ";
        let down = if row == Axis::Single { "" } else { &down };
        format!("{down}{}", axis(theme.glyph("→ ", "columns "), col))
    }

    /// Text shown until a measurement has finished.
    fn measuring(&self) -> &'static str {
        self.language.tr(self.theme.glyph("measuring …", "measuring ..."))
    }

    /// Gradients by model and word: of the last hidden state if `of_state`, else of the output.
    fn gradients(&self, of_state: bool) -> Option<&'a WordGradients> {
        if of_state { self.reading.forgetting() } else { self.reading.influence() }
    }
}

/// Whether a gradient pane shows gradients of the last hidden state; else of the output.
fn is_of_state(site: Option<&Recorded>) -> bool {
    site.is_some_and(|site| site.role() == Role::HiddenState)
}

/// A cell that panes highlight because the inspector shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub model: ModelName,
    pub address: Address,
    /// Whether it is the operand selected in the inspector.
    pub is_chosen: bool,
}

/// The cell under the cursor.
#[derive(Clone, Debug, PartialEq)]
pub struct CursorCell {
    /// `encoder.0.self_attn.weights[2,7,1]`
    pub address: Address,
    pub value: f32,
    /// Labels of the indices: `head 2`, `query 7 “it”` and `key 1 “animal”`.
    pub labels: Vec<String>,
}

/// A pass that a number stands for: its sentence, and the changes that make it.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherPass {
    pub sentence: String,
    pub changes: Changes,
}

/// Columns that a title needs beside its text on the frame, without the corners.
const TITLE_PADDING: u16 = 2;
/// Upper bound of the minimum width that a title can set, in columns.
const MAX_TITLE_WIDTH: u16 = 34;

/// Sizes that a pane asks for, without its frame, rising.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreferredSize {
    /// The smallest useful size.
    pub min: Size,
    /// The smallest size at which no row, column or label is cut.
    pub whole: Size,
    /// The size at which all detail is in view, as numbers in the cells of a matrix.
    pub ideal: Size,
    /// Width and height up to which the pane uses space that nothing else needs.
    pub widest: u16,
    pub tallest: u16,
    pub growth: Growth,
    /// Whether it is in view only while it has the focus.
    pub stays_behind_tab: bool,
}

/// How a pane's contents follow its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Growth {
    /// They fill it.
    #[default]
    Even,
    /// They fill it with few lines of a chart.
    Lines,
    /// Cells grow by whole columns and lines.
    Cells(Grid),
    /// Heads side by side and below each other.
    Heads(HeadsGrid),
    /// A table and a square, beside or below each other.
    Square(TableAndSquare),
    /// Items of a list, under a number of header lines, grow by whole lines.
    Items { n: u16, header: u16 },
    /// The same in two columns of at least this width, where the list is whole only so.
    ItemsInColumns { n: u16, header: u16, width: u16 },
}

impl PreferredSize {
    pub const fn new(min: Size, ideal: Size) -> Self {
        Self {
            min,
            whole: Size { width: min.width, ..ideal },
            ideal,
            widest: ideal.width,
            tallest: ideal.height,
            growth: Growth::Even,
            stays_behind_tab: false,
        }
    }

    /// The columns and lines that the pane uses of a size.
    pub fn used(&self, size: Size) -> Size {
        let size = Size::new(size.width.min(self.widest), size.height.min(self.tallest));
        match self.growth {
            Growth::Even | Growth::Lines => size,
            Growth::Cells(grid) => grid.used(size),
            Growth::Heads(grid) => grid.used(size),
            Growth::Square(places) => places.used(size),
            Growth::Items { n, header } | Growth::ItemsInColumns { n, header, .. } => {
                let n = if self.has_two_columns(size) { n.div_ceil(2) } else { n };
                let lines = list_height(size.height.saturating_sub(header), n);
                Size { height: (header + lines).min(size.height), ..size }
            }
        }
    }

    /// Whether it is a heat map whose cells have numbers at a size.
    pub fn has_numbers(&self, size: Size) -> bool {
        matches!(self.growth, Growth::Cells(grid) if grid.has_numbers(size))
    }

    /// Whether it is a heat map some of whose rows or columns are out of view at a size.
    pub fn is_cropped(&self, size: Size) -> bool {
        matches!(self.growth, Growth::Cells(grid) if grid.is_cropped(size))
    }

    /// Whether it shows words by words with less than two columns for each at a size.
    pub fn is_narrow_map(&self, size: Size) -> bool {
        matches!(self.growth, Growth::Cells(grid) if grid.is_narrow_map(size))
    }

    /// The part of the pane that is in view at a size, 0 to 1.
    pub fn seen(&self, size: Size) -> f32 {
        match self.growth {
            Growth::Cells(grid) => grid.seen(size),
            Growth::Heads(grid) => grid.seen(size),
            Growth::Square(places) => places.seen(size),
            Growth::ItemsInColumns { .. } if self.has_two_columns(size) => 1.0,
            _ => part(size, self.whole),
        }
    }

    /// Whether it is a list in two columns at a size.
    const fn has_two_columns(&self, size: Size) -> bool {
        match self.growth {
            Growth::ItemsInColumns { n, header, width } => {
                let height = size.height.saturating_sub(header);
                needs_two_columns(Size { height, ..size }, n, width)
            }
            _ => false,
        }
    }

    /// The part of all detail that is in view at a size, 0 to 1.
    pub fn detail(&self, size: Size) -> f32 {
        match self.growth {
            Growth::Cells(grid) => grid.detail(size),
            Growth::Heads(grid) => grid.detail(size),
            _ => part(size, self.ideal),
        }
    }

    /// Whether more columns show more, rather than longer bars and wider gaps.
    pub const fn gains_by_width(&self) -> bool {
        matches!(self.growth, Growth::Cells(_) | Growth::Heads(_) | Growth::Square(_))
    }

    /// Widths at which the pane shows a degree of detail whole.
    pub fn natural_widths(&self) -> Vec<u16> {
        match self.growth {
            Growth::Cells(grid) => grid.natural_widths().collect(),
            _ => vec![self.whole.width, self.ideal.width],
        }
    }

    /// The part of the used size that is not blank, 0 to 1, roughly: most bars of a list are short.
    pub const fn density(&self) -> f32 {
        match self.growth {
            Growth::Even | Growth::Cells(_) => 1.0,
            Growth::Heads(_) | Growth::Square(_) => 0.8,
            Growth::Items { .. } | Growth::ItemsInColumns { .. } => 0.5,
            Growth::Lines => 0.6,
        }
    }

    /// For a heat map alone: whole with all its rows, columns and labels, ideal with all its numbers.
    pub fn of_heat(heat: &Heat) -> Self {
        Self::new(heat.least(), heat.ideal())
            .whole_at(heat.whole())
            .up_to(heat.tallest())
            .as_wide_as(heat.widest())
            .of_cells(heat.grid())
    }

    /// For charts: they fill their size with lines.
    #[must_use]
    pub const fn of_lines(self) -> Self {
        Self { growth: Growth::Lines, ..self }
    }

    /// For heat maps: cells grow by whole columns and lines.
    #[must_use]
    pub const fn of_cells(self, grid: Grid) -> Self {
        Self { growth: Growth::Cells(grid), ..self }
    }

    /// For heads, which grow as heat maps do.
    #[must_use]
    pub const fn of_heads(self, grid: HeadsGrid) -> Self {
        Self { growth: Growth::Heads(grid), ..self }
    }

    /// For a table with a square.
    #[must_use]
    pub const fn of_square(self, places: TableAndSquare) -> Self {
        Self { growth: Growth::Square(places), ..self }
    }

    /// For lists of `n` items under `header` lines: items have up to [`spaced_height`], bars up to `widest` columns.
    #[must_use]
    pub const fn of_items(self, n: u16, header: u16, widest: u16) -> Self {
        let tallest = header + spaced_height(n);
        Self { tallest, widest, growth: Growth::Items { n, header }, ..self }
    }

    /// For lists that may stand in two columns of at least `width`.
    #[must_use]
    pub const fn in_columns(self, width: u16) -> Self {
        match self.growth {
            Growth::Items { n, header } => {
                Self { growth: Growth::ItemsInColumns { n, header, width }, ..self }
            }
            _ => self,
        }
    }

    /// Raises the minimum width so that the title is shown whole, up to the width of a sentence's matrix.
    #[must_use]
    pub fn titled(self, title: &Title) -> Self {
        let width = (title.width() as u16).saturating_add(TITLE_PADDING).min(MAX_TITLE_WIDTH);
        let at_least = |size: Size| Size { width: size.width.max(width), ..size };
        Self {
            min: at_least(self.min),
            whole: at_least(self.whole),
            ideal: at_least(self.ideal),
            widest: self.widest.max(width),
            ..self
        }
    }

    /// Sets the size at which nothing is cut.
    #[must_use]
    pub const fn whole_at(self, whole: Size) -> Self {
        Self { whole, ..self }
    }

    /// Sets the height up to which the pane uses spare lines.
    #[must_use]
    pub const fn up_to(self, tallest: u16) -> Self {
        Self { tallest, ..self }
    }

    /// Sets the width up to which the pane uses spare columns.
    #[must_use]
    pub const fn as_wide_as(self, widest: u16) -> Self {
        Self { widest, ..self }
    }
}

/// The part of a size that another holds, 0 to 1.
fn part(size: Size, whole: Size) -> f32 {
    let part = |size: u16, whole: u16| (f32::from(size) / f32::from(whole.max(1))).min(1.0);
    part(size.width, whole.width) * part(size.height, whole.height)
}

/// How a pane unfolds, beat by beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfolding {
    /// Not: it is whole at once.
    AtOnce,
    /// It draws the beat itself.
    Drawn,
    /// Row after row.
    Down,
    /// Column after column.
    Right,
}

impl Unfolding {
    /// What is still covered of cells when `part` of them, 0 to 1, is unfolded: whole rows or columns.
    pub fn covered(self, CellArea { area, cell }: CellArea, part: f32) -> Rect {
        let shown = |length: u16, cell: u16| {
            let n = f32::from(length.div_ceil(cell.max(1)));
            ((n * part).round() as u16).saturating_mul(cell).min(length)
        };
        match self {
            Self::AtOnce | Self::Drawn => Rect { width: 0, height: 0, ..area },
            Self::Down => without_top_rows(area, shown(area.height, cell.height)),
            Self::Right => {
                let shown = shown(area.width, cell.width);
                Rect { x: area.x + shown, width: area.width - shown, ..area }
            }
        }
    }
}

/// The order in which panes unfold: as their numbers are computed; panes without a site keep their place.
pub fn unfolding_order(panes: &[&dyn Pane]) -> Vec<usize> {
    let place = |i: &usize| panes[*i].place_in_pass();
    let mut order: Vec<usize> = (0..panes.len()).collect();
    let computed: Vec<usize> = order.iter().copied().filter(|i| place(i).is_some()).collect();
    let mut sorted = computed.clone();
    sorted.sort_by_key(place);
    for (turn, pane) in computed.into_iter().zip(sorted) {
        order[turn] = pane;
    }
    order
}

/// A framed part of the screen that shows one view of a reading.
pub trait Pane {
    fn title(&self) -> Title;

    /// The plane that the cell cursor moves over, if that is one of a site.
    fn subject(&self) -> Option<&Subject<'_>> {
        None
    }

    /// When what it shows is computed: the place of its site in the pass.
    fn place_in_pass(&self) -> Option<usize> {
        self.subject()?.place_in_pass()
    }

    /// The heat map that fills the pane and can be zoomed, while there is one.
    fn heat_map(&self) -> Option<Heat<'_>> {
        None
    }

    /// The cells that the cell cursor moves over; none if there is no cursor.
    fn extent(&self) -> Extent {
        self.subject()
            .map_or(Extent::NONE, |subject| Extent::new(subject.n_rows(), subject.n_cols()))
    }

    /// Whether the rows of [`Self::extent`] are drawn side by side and have no columns.
    fn is_horizontal(&self) -> bool {
        false
    }

    /// The cell at a cursor position, if it is a number of the trace.
    fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        self.subject()?.cursor_cell(row, col)
    }

    /// The arithmetic of a number that is not a cell of the pass but computed from its cells.
    fn arithmetic(&self, _row: usize, _col: usize) -> Option<Arithmetic> {
        None
    }

    /// Status line for a cursor position, if that is not a number of the trace.
    fn status_line(&self, _row: usize, _col: usize) -> Option<String> {
        None
    }

    /// The pane's contents in words.
    fn in_words(&self) -> PaneWords;

    /// The sizes that it asks for: by default those of its heat map, or of a text that says why there is none.
    fn preferred_size(&self) -> PreferredSize {
        match self.heat_map() {
            Some(heat) => PreferredSize::of_heat(&heat).titled(&self.title()),
            None => PreferredSize::new(Size::new(30, 4), Size::new(60, 8)),
        }
    }

    /// The list that [`Self::draw`] draws in an area, if it draws one.
    fn list(&self, _area: Rect) -> Option<List> {
        None
    }

    /// Numbers of items of a list above and below those in view, which the frame tells.
    fn out_of_view(&self, area: Rect) -> [usize; 2] {
        self.list(area).map_or([0; 2], List::out_of_view)
    }

    /// Cursor position of the cell that [`Self::draw`] draws at a screen position.
    fn cell_at(&self, area: Rect, position: Position) -> Option<PlaneCell> {
        self.heat_map()?.cell_at(area, position)
    }

    /// Index of the head drawn at a screen position, if the pane draws several.
    fn head_at(&self, _area: Rect, _position: Position) -> Option<usize> {
        None
    }

    /// The head at an offset from the selected one, if the cursor moves over heads.
    fn head_at_offset(&self, _rows: isize, _cols: isize) -> Option<LayerHead> {
        None
    }

    /// Whether it has a table of heads that can be sorted.
    fn is_sortable(&self) -> bool {
        false
    }

    /// Where the cursor goes from a position, if it does not move cell by cell.
    fn moved_to(&self, _from: PlaneCell, _rows: isize, _cols: isize) -> Option<PlaneCell> {
        None
    }

    /// The pass that the number at a cursor position was read from, if it is another one than that on the screen.
    fn pass_of(&self, _row: usize, _col: usize) -> Option<OtherPass> {
        None
    }

    /// The row of the stream at a cursor position that the pane can explain.
    fn row_to_explain(&self, _row: usize, _col: usize) -> Option<StreamRow> {
        None
    }

    /// From which share on it has lines, if it is a flow graph.
    fn threshold(&self) -> Option<Threshold> {
        None
    }

    /// The word at a cursor position, by id, that the pane can follow through the model.
    fn word_to_follow(&self, _row: usize, _col: usize) -> Option<usize> {
        None
    }

    /// Zoom of the matrix in that area, if the zoom can be changed.
    fn zoom(&self, area: Rect) -> Option<Zoom> {
        Some(self.heat_map()?.zoom_in(area))
    }

    /// Numbers of rows and columns visible at once.
    fn visible_extent(&self, area: Rect) -> Extent {
        Extent::new(usize::from(area.height).max(1), 8)
    }

    /// The shown numbers that the cursor moves over, if they are a matrix.
    fn plane(&self) -> Option<Cow<'_, Matrix>> {
        let Heat { n_rows, n_cols, value, .. } = self.heat_map()?;
        Some(Cow::Owned(Matrix::from_fn(n_rows, n_cols, value)))
    }

    /// How the pane unfolds when its step is entered.
    fn unfolding(&self) -> Unfolding {
        Unfolding::AtOnce
    }

    /// The parts of the area that are still covered when `part` of the pane, 0 to 1, is unfolded. Labels, headings and
    /// legends are in view from the first beat on.
    fn covered(&self, area: Rect, part: f32) -> Vec<Rect> {
        let of_list = |list: List| CellArea { area: list.area(), cell: Size::new(1, list.pitch()) };
        let cells = self.heat_map().map(|heat| heat.cell_area(area));
        let cells = cells.or_else(|| self.list(area).map(of_list));
        vec![self.unfolding().covered(cells.unwrap_or(CellArea::of_characters(area)), part)]
    }

    /// Draws a legend on the lower edge of the frame around an area, where the area has no line for it.
    fn draw_on_edge(&self, _area: Rect, _edge: Rect, _buf: &mut Buffer) {}

    /// Draws into the area inside the frame, scrolled so that the cursor's cell is visible.
    fn draw(&self, area: Rect, buf: &mut Buffer);
}

/// Builds the pane of a spec, or a placeholder if its site does not exist.
pub fn new_pane<'a>(spec: &PaneSpec, scene: Scene<'a>) -> Box<dyn Pane + 'a> {
    let title = spec.title.clone();
    let subject = || {
        let path = spec.path(scene.selection.layer)?;
        Subject::new(scene, &path, title.clone())
    };
    let of_site = |make: fn(Subject<'a>) -> Box<dyn Pane + 'a>| -> Box<dyn Pane + 'a> {
        subject().map_or_else(|| Box::new(Missing::of(spec, scene)) as Box<dyn Pane>, make)
    };
    match spec.kind {
        PaneKind::Tokens => of_site(|s| Box::new(tokens::Tokens(s))),
        PaneKind::Matrix => of_site(|s| Box::new(matrix::MatrixPane(s.with_form()))),
        PaneKind::Hidden => of_site(|s| Box::new(hidden::Hidden(s))),
        PaneKind::State => of_site(|s| Box::new(state::LayerState(s))),
        PaneKind::Heads => of_site(|s| Box::new(heads::HeadsPane(s.with_form()))),
        PaneKind::Flow => Box::new(flow::FlowGraph::new(scene, spec, title)),
        PaneKind::Recurrence => of_site(|s| Box::new(recurrence::Recurrence(s))),
        PaneKind::Bars => of_site(|s| Box::new(bars::Bars::new(s))),
        PaneKind::Norm => of_site(|s| Box::new(norm::NormPane(s))),
        PaneKind::AttentionEvidence => {
            of_site(|s| Box::new(attention_evidence::AttentionEvidence(s)))
        }
        PaneKind::WeightedSum => of_site(|s| Box::new(weighted_sum::WeightedSum(s))),
        PaneKind::Stream => of_site(|s| Box::new(stream::StreamPane(s))),
        PaneKind::ReadBack => Box::new(read_back::ReadBackTable::new(scene, title)),
        PaneKind::ReadBackLength => Box::new(read_back_length::ReadBackLength(scene)),
        PaneKind::Distance => Box::new(distance::Distance::new(scene, spec)),
        PaneKind::Gradient => Box::new(gradient::GradientPane::new(scene, spec)),
        PaneKind::Machines => Box::new(machines::Machines(scene)),
        PaneKind::Neighbours => of_site(|s| Box::new(neighbours::Neighbours::new(s))),
        PaneKind::Temperatures => of_site(|s| Box::new(temperatures::Temperatures::new(s))),
        PaneKind::Schedule => Box::new(schedule::ScheduleChart(scene)),
        PaneKind::Translations => Box::new(translations::Translations(scene)),
        PaneKind::Accuracy => Box::new(accuracy::AccuracyChart(scene)),
        PaneKind::Times => Box::new(times::TimesTable(scene)),
        PaneKind::Comparison => Box::new(comparison::Comparison(scene)),
        PaneKind::Candidates => of_site(|s| Box::new(candidates::Candidates::new(s))),
        PaneKind::Cache => of_site(|s| Box::new(cache::Cache::new(s))),
        PaneKind::Beams => Box::new(beams::BeamTree(scene)),
        PaneKind::Forcing => Box::new(forcing::ForcingTable(scene)),
        PaneKind::Attribution => pieces_of_logit(scene),
        PaneKind::AttributedHeads => Box::new(attributed_heads::AttributedHeads::new(scene, spec)),
        PaneKind::Differences => Box::new(differences::DifferenceMap::new(scene, spec)),
        PaneKind::Differing => Box::new(differing::Differing::new(scene)),
        PaneKind::Saliency => Box::new(saliency::SaliencyTable::new(scene)),
        PaneKind::Patches => Box::new(patches::PatchedMap::new(scene, spec)),
        PaneKind::LensMap => of_site(|s| Box::new(lens_map::LensMap::new(s))),
        PaneKind::Loss => Box::new(loss::LossTable::new(scene)),
        PaneKind::Learning => Box::new(learning::LearningCurve::new(scene)),
        PaneKind::Moved => Box::new(moved::MovedList::new(scene)),
        PaneKind::Update => Box::new(update::UpdateMap::new(scene, spec)),
        PaneKind::Dropout => of_site(|s| Box::new(dropout::Dropout(s))),
        PaneKind::Curves => Box::new(curves::TrainingCurves(scene)),
        PaneKind::Lens => of_site(|s| Box::new(lens::Lens::new(s))),
        PaneKind::Load => of_site(|s| Box::new(load::Load::new(s))),
        PaneKind::Wall => Box::new(wall::Wall::new(scene, spec)),
        PaneKind::HeadTable => Box::new(head_table::HeadTable::new(scene, spec)),
        PaneKind::Card => Box::new(card::CardPane(scene)),
        PaneKind::Tensors => Box::new(tensors::TensorList(scene)),
        PaneKind::Continuations => Box::new(continuations::Continuations(scene)),
    }
}

/// What attribution lists: parts, or units.
fn pieces_of_logit<'a>(scene: Scene<'a>) -> Box<dyn Pane + 'a> {
    match scene.view.listed {
        LogitPieces::Parts => Box::new(attribution::AttributionList::new(scene)),
        LogitPieces::Units => Box::new(units::UnitList::new(scene)),
    }
}

#[cfg(test)]
mod tests;
