//! What a step shows: one file a pane. A pane is a value that draws itself; it changes nothing.
//!
//! A new kind of pane is a new file here, a row of [`of`], and a variant of [`Kind`].

mod accuracy;
mod bars;
mod beams;
mod cache;
mod candidates;
mod card;
mod comparison;
mod continuations;
mod distance;
mod evidence;
mod forcing;
mod gradient;
mod head_table;
mod heads;
mod hidden;
mod lens;
mod matrix;
mod norm;
mod read_back;
mod read_back_length;
mod recurrence;
mod schedule;
mod stream;
mod times;
mod tokens;
mod translations;
mod wall;
mod weighted_sum;

use std::{borrow::Cow, ops::Range};

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use crate::{
    arithmetic::Arithmetic,
    heat::{Columns, Heat, Labels, Loudest, Marks, Scale, Zoom, window},
    lesson::{Kind, PaneSpec, Selection},
    measure::heads::FIGURES,
    model::Name,
    reading::{MachineTimes, Reading},
    site::{Address, Axis},
    theme::Theme,
    trace::{Magnitude, Recorded, Trace},
    value::{Cell, Matrix, Shape, Value},
};

/// All that a pane is a function of.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub reading: &'a Reading,
    /// The model that the pane shows.
    pub model: Name,
    pub selection: &'a Selection,
    pub theme: &'a Theme,
    /// Whether this pane has the cell cursor.
    pub focused: bool,
    /// Cells that the inspector speaks of.
    pub marks: &'a [Mark],
    /// Whether matrices show what a change made of them, instead of themselves.
    pub shows_difference: bool,
    /// The moment that an animated pane shows; None shows everything at once.
    pub beat: Option<usize>,
    /// How long reading takes on this machine, where that has been measured.
    pub times: Option<&'a MachineTimes>,
    pub view: View,
}

/// How panes show what they show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// How close matrices are looked at.
    pub zoom: Zoom,
    /// What the table of heads is sorted by.
    pub sort: Sort,
}

/// The order of the table of heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// As they are computed: layer by layer.
    #[default]
    Computed,
    /// By a figure of [`FIGURES`], the largest or the smallest first.
    Figure { figure: usize, is_rising: bool },
}

impl Sort {
    /// The next order: each figure falling, then rising, then as computed again.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Computed => Self::Figure { figure: 0, is_rising: false },
            Self::Figure { figure, is_rising: false } => Self::Figure { figure, is_rising: true },
            Self::Figure { figure, .. } if figure + 1 < FIGURES.len() => {
                Self::Figure { figure: figure + 1, is_rising: false }
            }
            Self::Figure { .. } => Self::Computed,
        }
    }
}

/// A cell that is spoken of outside its pane.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub model: Name,
    pub address: Address,
    /// Whether it is the one that is chosen.
    pub is_chosen: bool,
}

/// The cell under the cursor.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointed {
    /// `encoder.0.self_attn.weights[2,7,1]`
    pub address: String,
    pub value: f32,
    /// What the indices stand for: `head 2 · query "it" · key "animal"`.
    pub labels: String,
}

/// The room a pane asks for, in cells, without its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub min: (u16, u16),
    pub ideal: (u16, u16),
    /// The height up to which it makes use of room that nobody else needs.
    pub tallest: u16,
}

impl Wanted {
    pub const fn new(min: (u16, u16), ideal: (u16, u16)) -> Self {
        Self { min, ideal, tallest: ideal.1 }
    }

    #[must_use]
    pub const fn up_to(self, tallest: u16) -> Self {
        Self { tallest, ..self }
    }
}

/// A part of the screen.
pub trait Pane {
    fn title(&self) -> String;

    /// Rows and columns that the cell cursor can walk; (0, 0) where there is nothing to point at.
    fn extent(&self) -> (usize, usize) {
        (0, 0)
    }

    /// The number at a place of the cursor.
    fn pointed(&self, _row: usize, _col: usize) -> Option<Pointed> {
        None
    }

    /// The arithmetic of a number that is no cell of the pass, but made from cells of it.
    fn arithmetic(&self, _row: usize, _col: usize) -> Option<Arithmetic> {
        None
    }

    /// What the cursor stands on, where that is no number of the trace.
    fn told(&self, _row: usize, _col: usize) -> Option<String> {
        None
    }

    fn wanted(&self) -> Wanted;

    /// The place of the cursor whose cell [`Self::draw`] draws there.
    fn cell_at(&self, _area: Rect, _at: Position) -> Option<(usize, usize)> {
        None
    }

    /// The head that is drawn there, where several are.
    fn head_at(&self, _area: Rect, _at: Position) -> Option<usize> {
        None
    }

    /// Layer and head that so many rows and columns away from the selected ones stand, where the
    /// cursor walks over heads.
    fn head_by(&self, _rows: isize, _cols: isize) -> Option<(usize, usize)> {
        None
    }

    /// How close a matrix is looked at in that area, where that can be chosen.
    fn zoom(&self, _area: Rect) -> Option<Zoom> {
        None
    }

    /// The rows and columns that are in view at once.
    fn in_view(&self, area: Rect) -> (usize, usize) {
        (usize::from(area.height).max(1), 8)
    }

    /// The numbers that the cursor walks over, as they are shown, where they are a matrix.
    fn plane(&self) -> Option<Cow<'_, Matrix>> {
        None
    }

    /// Draws into the area inside the frame; what does not fit scrolls so that the cursor's cell is
    /// in view.
    fn draw(&self, area: Rect, buf: &mut Buffer);
}

/// The pane that a step asks for.
pub fn of<'a>(spec: &PaneSpec, scene: Scene<'a>) -> Box<dyn Pane + 'a> {
    let title = spec.title.clone();
    let subject = || {
        let path = spec.path(scene.selection.layer)?;
        Subject::new(scene, &path, title.clone())
    };
    let of_site = |make: fn(Subject<'a>) -> Box<dyn Pane + 'a>| -> Box<dyn Pane + 'a> {
        subject().map_or_else(|| Box::new(Missing::of(spec, scene)) as Box<dyn Pane>, make)
    };
    match spec.kind {
        Kind::Tokens => of_site(|s| Box::new(tokens::Tokens(s))),
        Kind::Matrix => of_site(|s| Box::new(matrix::Matrix(s))),
        Kind::Hidden => of_site(|s| Box::new(hidden::Hidden(s))),
        Kind::Heads => of_site(|s| Box::new(heads::Heads(s))),
        Kind::Recurrence => of_site(|s| Box::new(recurrence::Recurrence(s))),
        Kind::Bars => of_site(|s| Box::new(bars::Bars::new(s))),
        Kind::Norm => of_site(|s| Box::new(norm::Norm(s))),
        Kind::Evidence => of_site(|s| Box::new(evidence::Beside(s))),
        Kind::WeightedSum => of_site(|s| Box::new(weighted_sum::WeightedSum(s))),
        Kind::Stream => of_site(|s| Box::new(stream::Stream(s))),
        Kind::ReadBack => Box::new(read_back::ReadBackTable::new(scene, title)),
        Kind::ReadBackLength => Box::new(read_back_length::ReadBackLength(scene)),
        Kind::Distance => Box::new(distance::Distance::new(scene, spec)),
        Kind::Gradient => Box::new(gradient::Gradient::new(scene, spec)),
        Kind::Schedule => Box::new(schedule::ScheduleChart(scene)),
        Kind::Translations => Box::new(translations::Translations(scene)),
        Kind::Accuracy => Box::new(accuracy::AccuracyChart(scene)),
        Kind::Times => Box::new(times::TimesTable(scene)),
        Kind::Comparison => Box::new(comparison::Comparison(scene)),
        Kind::Candidates => of_site(|s| Box::new(candidates::Candidates::new(s))),
        Kind::Cache => of_site(|s| Box::new(cache::Cache::new(s))),
        Kind::Beams => Box::new(beams::BeamTree(scene)),
        Kind::Forcing => Box::new(forcing::ForcingTable(scene)),
        Kind::Lens => of_site(|s| Box::new(lens::Lens::new(s))),
        Kind::Wall => Box::new(wall::Wall::new(scene, spec)),
        Kind::HeadTable => Box::new(head_table::HeadTable::new(scene, spec)),
        Kind::Card => Box::new(card::Card(scene)),
        Kind::Continuations => Box::new(continuations::Continuations(scene)),
    }
}

/// Stands where a site does not exist in the selected layer, or is not there yet.
struct Missing {
    why: &'static str,
    style: Style,
}

impl Missing {
    fn of(spec: &PaneSpec, scene: Scene) -> Self {
        let path = spec.path(scene.selection.layer).unwrap_or_default();
        let is_closed = scene.reading.trace(scene.model).is_closed(&path);
        let why = if is_closed { "this layer is being computed" } else { "not in this layer" };
        Self { why, style: scene.theme.dim() }
    }
}

impl Pane for Missing {
    fn title(&self) -> String {
        self.why.to_owned()
    }

    fn wanted(&self) -> Wanted {
        Wanted::new((10, 1), (40, 20))
    }

    fn draw(&self, area: Rect, buf: &mut Buffer) {
        put_line(buf, (area.x, area.y), area.right(), &[(self.why, self.style)]);
    }
}

/// A plane of a site: what most panes are about.
#[derive(Clone)]
struct Subject<'a> {
    scene: Scene<'a>,
    trace: &'a Trace,
    site: &'a Recorded,
    plane: usize,
    title: Option<String>,
    /// The same site before a change, in a changed pass.
    before: Option<Before<'a>>,
}

/// A site of the pass without changes, and how far its cells stand for the same tokens.
#[derive(Clone, Copy)]
struct Before<'a> {
    value: &'a Value,
    comparable: Shape,
}

impl Before<'_> {
    fn get(&self, cell: Cell) -> Option<f32> {
        self.comparable.holds(cell).then(|| self.value.get(cell))
    }
}

impl<'a> Subject<'a> {
    fn new(scene: Scene<'a>, path: &str, title: Option<String>) -> Option<Self> {
        let trace = scene.reading.trace(scene.model);
        let site = trace.site(path)?;
        let plane = scene.selection.head.min(site.shape().planes - 1);
        let before = scene.reading.plain_trace(scene.model).and_then(|plain| {
            let (was, comparable) = (plain.site(path)?, trace.comparable(plain, site)?);
            Some(Before { value: &was.value, comparable })
        });
        Some(Self { scene, trace, site, plane, title, before })
    }

    /// The cells of a plane that are spoken of elsewhere.
    fn marks_in(&self, plane: usize) -> Vec<(usize, usize, bool)> {
        let is_here = |mark: &&Mark| {
            mark.model == self.scene.model
                && mark.address.cell.plane == plane
                && mark.address.path == self.site.path()
        };
        let cell = |mark: &Mark| (mark.address.cell.row, mark.address.cell.col, mark.is_chosen);
        self.scene.marks.iter().filter(is_here).map(cell).collect()
    }

    /// What a heat map shows of a cell: its number, or its difference from before the change.
    fn shown(&self, cell: Cell) -> f32 {
        let now = self.site.value.get(cell);
        match self.before.filter(|_| self.scene.shows_difference) {
            None => now,
            Some(before) => before.get(cell).map_or(f32::NAN, |was| difference(now, was)),
        }
    }

    const fn shows_difference(&self) -> bool {
        self.scene.shows_difference && self.before.is_some()
    }

    /// The numbers of a row of a plain matrix, as [`Self::shown`].
    fn shown_row(&self, row: usize) -> Vec<f32> {
        (0..self.n_cols()).map(|col| self.shown(Cell::new(0, row, col))).collect()
    }

    /// `name`, and that it is the difference which is shown.
    fn shown_name(&self, name: String) -> String {
        if self.shows_difference() {
            format!("{} {name}", self.scene.theme.glyph("Δ", "change of"))
        } else {
            name
        }
    }

    /// Another site of the same model, given its last name.
    fn beside(&self, name: &str) -> Option<Self> {
        let (prefix, _) = self.site.path().rsplit_once('.')?;
        Self::new(self.scene, &format!("{prefix}.{name}"), None)
    }

    fn title(&self) -> String {
        let name = self.title.clone().unwrap_or_else(|| self.site.path().to_owned());
        if self.site.place.has_planes() {
            let axis = self.site.axes()[0];
            let label = self.trace.label(self.site, axis, self.plane);
            format!("{name} · {} {label}", axis.name())
        } else {
            name
        }
    }

    fn n_rows(&self) -> usize {
        self.site.shape().rows
    }

    fn n_cols(&self) -> usize {
        self.site.shape().cols
    }

    /// The selected row, where it exists.
    fn row(&self) -> usize {
        self.scene.selection.row.min(self.n_rows() - 1)
    }

    fn col(&self) -> usize {
        self.scene.selection.col.min(self.n_cols() - 1)
    }

    fn value(&self, row: usize, col: usize) -> f32 {
        self.site.value.get(Cell::new(self.plane, row, col))
    }

    fn label(&self, axis: usize, i: usize) -> String {
        self.trace.label(self.site, self.site.axes()[axis], i)
    }

    fn row_labels(&self) -> Labels<'a> {
        let subject = self.clone();
        Labels::new(self.n_rows(), move |i| subject.label(1, i))
    }

    fn columns(&self) -> Columns<'a> {
        let subject = self.clone();
        match self.site.axes()[2] {
            Axis::Key | Axis::Query | Axis::Position | Axis::Vocab => {
                Columns::Labels(Labels::new(self.n_cols(), move |i| subject.label(2, i)))
            }
            _ => Columns::Counted,
        }
    }

    /// Shares and gates from 0 to 1; states after tanh from -1 to 1; else as far as the plane goes.
    fn scale(&self) -> Scale {
        if self.shows_difference() {
            let row = |row| (0..self.n_cols()).map(move |col| Cell::new(self.plane, row, col));
            let cells = (0..self.n_rows()).flat_map(row);
            return Scale::signed(cells.map(|cell| self.shown(cell)));
        }
        match self.site.place.site.name {
            "weights" | "probs" | "reset" | "update" | "forget_gate" | "input_gate"
            | "output_gate" => Scale::Unit,
            "hidden" | "candidate" | "tanh" if self.is_of_tanh() => Scale::Signed(1.0),
            _ => Scale::of(self.magnitude()),
        }
    }

    /// How large the plane's numbers are; of a matrix that stays in its file those of its first rows.
    fn magnitude(&self) -> Magnitude {
        const ROWS_OF_STORED: usize = 16;
        if self.site.value.as_stored().is_none() {
            return self.site.magnitude(self.plane);
        }
        let row = |row| (0..self.n_cols()).map(move |col| Cell::new(self.plane, row, col));
        let cells = (0..self.n_rows().min(ROWS_OF_STORED)).flat_map(row);
        Magnitude::of(cells.map(|cell| self.site.value.get(cell)))
    }

    /// What stands out most in a block of a plane: of large planes as their picture has it.
    fn loudest(&self, plane: usize) -> Option<Loudest<'a>> {
        let (site, shape) = (self.site, self.site.shape());
        if self.shows_difference() || site.value.as_stored().is_some() {
            return None;
        }
        Some(Box::new(move |rows, cols| {
            let picture = site.picture(plane);
            let part = |range: Range<usize>, n: usize, of: usize| {
                let to = (range.end * of).div_ceil(n.max(1)).min(of);
                (range.start * of / n.max(1)).min(to)..to
            };
            picture.most(part(rows, shape.rows, picture.rows), part(cols, shape.cols, picture.cols))
        }))
    }

    /// Whether columns are places as rows are: attention.
    fn is_map(&self) -> bool {
        self.site.axes()[2] == Axis::Key
    }

    /// The plane, as [`Self::shown`].
    fn shown_plane(&self) -> Cow<'a, Matrix> {
        if self.shows_difference() {
            let shown = |row, col| self.shown(Cell::new(self.plane, row, col));
            return Cow::Owned(Matrix::from_fn(self.n_rows(), self.n_cols(), shown));
        }
        Cow::Borrowed(self.site.value.plane(self.plane))
    }

    /// Whether a site named as those of recurrent cells is one: other layers' are not bounded by 1.
    fn is_of_tanh(&self) -> bool {
        !["ffn", "mlm"].iter().any(|layer| self.site.path().contains(layer))
    }

    fn axes_text(&self) -> String {
        let [_, row, col] = self.site.axes();
        let theme = self.scene.theme;
        let down = format!("{}{} ", theme.glyph("↓ ", "rows "), row.name());
        let down = if row == Axis::Single { "" } else { &down };
        format!("{down}{}{}", theme.glyph("→ ", "columns "), col.name())
    }

    fn heat(&self) -> Heat<'a> {
        self.heat_of(self.plane, self.scale())
    }

    /// For arithmetic on rectangles, which asks for no colours.
    fn uncoloured(&self) -> Heat<'a> {
        self.heat_of(self.plane, Scale::Unit)
    }

    fn heat_of(&self, plane: usize, scale: Scale) -> Heat<'a> {
        let subject = self.clone();
        Heat {
            theme: self.scene.theme,
            n_rows: self.n_rows(),
            n_cols: self.n_cols(),
            value: Box::new(move |row, col| subject.shown(Cell::new(plane, row, col))),
            loudest: self.loudest(plane),
            row_labels: self.row_labels(),
            columns: self.columns(),
            scale,
            cursor: (self.row(), self.col()),
            focused: self.scene.focused,
            marks: self.marks_in(plane).into_iter().collect(),
            rows_are: "rows",
            may_grow: false,
            zoom: Zoom::Fit,
            is_map: self.is_map(),
            axes: self.axes_text(),
        }
    }

    fn pointed(&self, row: usize, col: usize) -> Option<Pointed> {
        let cell = Cell::new(self.plane, row, col);
        self.site.shape().holds(cell).then(|| Pointed {
            address: self.site.address(cell).to_string(),
            value: self.site.value.get(cell),
            labels: self.trace.labels(self.site, cell),
        })
    }
}

/// Marks of a heat map whose rows are one row each of several sites.
fn marks_of_parts<'a, 's: 'a>(parts: impl Iterator<Item = &'a Subject<'s>>, row: usize) -> Marks {
    let in_part = |(i, part): (usize, &Subject)| {
        let marks = part.marks_in(0).into_iter().filter(move |mark| mark.0 == row);
        marks.map(move |(_, col, is_chosen)| (i, col, is_chosen)).collect::<Vec<_>>()
    };
    parts.enumerate().flat_map(in_part).collect()
}

/// Minus infinity stays where it was: there is no difference between two of them.
fn difference(now: f32, was: f32) -> f32 {
    if now.to_bits() == was.to_bits() { 0.0 } else { now - was }
}

/// Which of `n` things stands there, where each takes a line and `at` is in view.
fn line_at(n: usize, cursor: usize, area: Rect, at: Position) -> Option<usize> {
    let shown = window(n, usize::from(area.height), cursor);
    let i = shown.start + usize::from(at.y.checked_sub(area.y)?);
    (area.contains(at) && shown.contains(&i)).then_some(i)
}

/// A line of styled pieces; what does not fit is cut. Returns the column after the last piece.
fn put_line(buf: &mut Buffer, (x, y): (u16, u16), right: u16, pieces: &[(&str, Style)]) -> u16 {
    let mut x = x;
    for (text, style) in pieces {
        if x >= right || y >= buf.area.bottom() {
            break;
        }
        x = buf.set_stringn(x, y, text, usize::from(right - x), *style).0;
    }
    x
}

#[cfg(test)]
mod tests;
