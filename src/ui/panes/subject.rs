//! A plane of a site for panes: its labels, scale, marks, and its difference from the unchanged pass.

mod form;

use std::{borrow::Cow, ops::Range};

pub use form::Form;
use ratatui::layout::Size;

use super::{CursorCell, Mark, PreferredSize, Scene, Title, View};
use crate::{
    analysis::trace::{Counterparts, Magnitude, Recorded, Trace},
    engine::{
        change::Part,
        site::{Axis, Role, Site},
        value::{Cell, Matrix, Plane, PlaneCell, Value},
    },
    lesson::tr,
    model::layer::experts::WEIGHTS,
    ui::{
        descriptions::cell_labels,
        widgets::heat::{
            Colours, Columns, Heat, Labels, MarkedCell, Marks, MostProminent, Scale, Zoom,
        },
    },
};

/// A plane of a site: the data of most panes.
#[derive(Clone)]
pub struct Subject<'a> {
    pub scene: Scene<'a>,
    pub trace: &'a Trace,
    pub site: &'a Recorded,
    pub plane: usize,
    pub title: Option<String>,
    /// The same site in the unchanged pass; None if this pass is the unchanged one.
    pub before: Option<Before<'a>>,
    /// What is shown instead of attention weights.
    pub form: Option<Form>,
}

/// A site of the unchanged pass, and which of its cells stand for the same tokens.
#[derive(Clone)]
pub struct Before<'a> {
    pub value: &'a Value,
    pub counterparts: Counterparts,
}

impl Before<'_> {
    pub fn get(&self, cell: Cell) -> Option<f32> {
        let was = self.counterparts.of(cell)?;
        self.value.shape().holds(was).then(|| self.value.get(was))
    }
}

impl<'a> Subject<'a> {
    pub fn new(scene: Scene<'a>, path: &str, title: Option<String>) -> Option<Self> {
        let trace = scene.reading.trace(scene.model);
        let site = trace.site(path)?;
        let plane = scene.selection.head.min(site.shape().planes - 1);
        let before = scene.reading.plain_trace(scene.model).and_then(|plain| {
            let (was, counterparts) = (plain.site(path)?, trace.counterparts(plain, site)?);
            Some(Before { value: &was.value, counterparts })
        });
        Some(Self { scene, trace, site, plane, title, before, form: None })
    }

    /// Marked cells of a plane. Of a router's scores, those of chosen experts are marked.
    pub fn marks_in(&self, plane: usize) -> Vec<MarkedCell> {
        let is_here = |mark: &&Mark| {
            mark.model == self.scene.model
                && mark.address.cell.plane == plane
                && mark.address.site_path() == Some(self.site.path())
        };
        let cell = |mark: &Mark| {
            let Cell { row, col, .. } = mark.address.cell;
            MarkedCell { row, col, is_chosen: mark.is_chosen }
        };
        let mut marks: Vec<_> = self.scene.marks.iter().filter(is_here).map(cell).collect();
        let chosen = self.chosen().into_iter();
        marks.extend(chosen.map(|PlaneCell { row, col }| MarkedCell {
            row,
            col,
            is_chosen: false,
        }));
        marks
    }

    /// The experts that each token goes to, if these are a router's scores.
    fn chosen(&self) -> Vec<PlaneCell> {
        let role = self.site.role();
        if !matches!(role, Role::RouterLogits | Role::RouterProbabilities | Role::RouterChoice) {
            return vec![];
        }
        let Some(weights) = self.trace.beside(self.site, &WEIGHTS) else { return vec![] };
        let is_chosen = |cell: &Cell| weights.value.get(*cell) > 0.0;
        weights
            .shape()
            .cells()
            .filter(is_chosen)
            .map(|cell| PlaneCell::new(cell.row, cell.col))
            .collect()
    }

    /// The number shown for a cell: its value, or its difference from the unchanged pass.
    pub fn shown_value(&self, cell: Cell) -> f32 {
        if let Some(form) = &self.form {
            return form.map().map_or(f32::NAN, |map| map.get(cell));
        }
        let now = self.site.value.get(cell);
        match self.before.as_ref().filter(|_| self.scene.shows_difference) {
            None => now,
            Some(before) => before.get(cell).map_or(f32::NAN, |was| difference(now, was)),
        }
    }

    pub fn shows_difference(&self) -> bool {
        self.scene.shows_difference && self.before.is_some() && self.form.is_none()
    }

    /// The shown numbers of a row of plane 0: see [`Self::shown_value`].
    pub fn shown_row(&self, row: usize) -> Vec<f32> {
        (0..self.n_cols()).map(|col| self.shown_value(Cell::new(0, row, col))).collect()
    }

    /// Whether these are masked scores of a pass without the mask.
    pub fn is_unmasked(&self) -> bool {
        let place = &self.site.place;
        place.role == Role::MaskedScores && self.scene.reading.changes.is_off(place, Part::Mask)
    }

    /// A title, prefixed with `Δ` if the difference is shown, and with `mask off` if the pass has no mask.
    pub fn marked(&self, title: Title) -> Title {
        let language = self.scene.language;
        let title = if self.is_unmasked() {
            title.renamed(|name| tr!(language, "mask off: {name}", name))
        } else {
            title
        };
        if self.shows_difference() { self.scene.change_of(title) } else { title }
    }

    /// The site `other` in the same scope, if it exists.
    pub fn sibling(&self, other: &Site) -> Option<Self> {
        Self::new(self.scene, self.trace.beside(self.site, other)?.path(), None)
    }

    /// The title without the plane: the site's path, or what the step calls it, and the form.
    pub fn title_of_planes(&self) -> Title {
        let language = self.scene.language;
        let title = match &self.title {
            Some(title) => Title::named(language.tr(title)),
            None => Title::of_site(self.site.path()),
        };
        match &self.form {
            Some(form) => title.with(language.tr(form.kind().title())),
            None => title,
        }
    }

    pub fn title(&self) -> Title {
        let title = self.title_of_planes();
        if self.site.place.has_planes() && self.n_planes() > 1 {
            let axis = self.site.axes()[0];
            let label = self.trace.label(self.site, axis, self.plane);
            title.with(format!("{} {label}", self.scene.language.tr(axis.name())))
        } else {
            title
        }
    }

    /// The place of its site in the pass, in the order of computation.
    pub fn place_in_pass(&self) -> Option<usize> {
        self.trace.sites().position(|site| site.path() == self.site.path())
    }

    pub fn n_rows(&self) -> usize {
        self.site.shape().rows
    }

    pub fn n_cols(&self) -> usize {
        self.site.shape().cols
    }

    /// The selected row, clamped to the last one.
    pub fn row(&self) -> usize {
        self.scene.selection.row.min(self.n_rows() - 1)
    }

    pub fn col(&self) -> usize {
        self.scene.selection.col.min(self.n_cols() - 1)
    }

    pub fn value(&self, row: usize, col: usize) -> f32 {
        self.site.value.get(Cell::new(self.plane, row, col))
    }

    pub fn label(&self, axis: usize, i: usize) -> String {
        self.trace.label_in_row(self.site, self.site.axes()[axis], i, self.row())
    }

    pub fn row_labels(&self) -> Labels<'a> {
        let subject = self.clone();
        Labels::new(self.n_rows(), move |i| subject.label(1, i))
    }

    pub fn columns(&self) -> Columns<'a> {
        let subject = self.clone();
        match self.site.axes()[2] {
            Axis::Key | Axis::Query | Axis::Position | Axis::Vocab => {
                Columns::Labels(Labels::new(self.n_cols(), move |i| subject.label(2, i)))
            }
            _ => Columns::Counted,
        }
    }

    /// Colour scale: 0 to 1 for shares and gates, -1 to 1 for states after tanh, else the plane's magnitude.
    pub fn scale(&self) -> Scale {
        if self.shows_difference() {
            let row = |row| (0..self.n_cols()).map(move |col| Cell::new(self.plane, row, col));
            let cells = (0..self.n_rows()).flat_map(row);
            return Scale::signed(cells.map(|cell| self.shown_value(cell)));
        }
        if let Some(form) = &self.form {
            return form.scale();
        }
        match self.site.role() {
            // What the first token leaves is coloured as a share of itself.
            Role::AttentionWeights if self.scene.view.leaves_out_first => Scale::Unit,
            Role::AttentionWeights => Scale::of_weights(self.site.picture(self.plane)),
            Role::SinkShares
            | Role::Probabilities
            | Role::RouterProbabilities
            | Role::RouterWeights
            | Role::Gate => Scale::Unit,
            Role::HiddenState | Role::Tanh => Scale::Signed(1.0),
            _ => Scale::of(self.magnitude()),
        }
    }

    /// Magnitude of the plane's numbers; of its first rows only for a matrix that stays in its file.
    pub fn magnitude(&self) -> Magnitude {
        const ROWS_OF_STORED: usize = 16;
        if self.site.value.as_stored().is_none() {
            return self.site.magnitude(self.plane);
        }
        let row = |row| (0..self.n_cols()).map(move |col| Cell::new(self.plane, row, col));
        let cells = (0..self.n_rows().min(ROWS_OF_STORED)).flat_map(row);
        Magnitude::of(cells.map(|cell| self.site.value.get(cell)))
    }

    /// Function from a block of a plane to its most prominent number, taken from the plane's picture.
    pub fn most_prominent(&self, plane: usize) -> Option<MostProminent<'a>> {
        let (site, shape) = (self.site, self.site.shape());
        if self.shows_difference() || self.form.is_some() || site.value.as_stored().is_some() {
            return None;
        }
        Some(Box::new(move |rows, cols| {
            let picture = site.picture(plane);
            let scaled_range = |range: Range<usize>, n: usize, of: usize| {
                let to = (range.end * of).div_ceil(n.max(1)).min(of);
                (range.start * of / n.max(1)).min(to)..to
            };
            picture.most(
                scaled_range(rows, shape.rows, picture.rows),
                scaled_range(cols, shape.cols, picture.cols),
            )
        }))
    }

    /// Whether columns are token positions like rows, as in attention.
    pub fn is_map(&self) -> bool {
        self.site.axes()[2] == Axis::Key
    }

    /// The shown numbers of the plane: see [`Self::shown_value`].
    pub fn shown_plane(&self) -> Cow<'a, Matrix> {
        if self.shows_difference() || self.form.is_some() {
            let shown = |row, col| self.shown_value(Cell::new(self.plane, row, col));
            return Cow::Owned(Matrix::from_fn(self.n_rows(), self.n_cols(), shown));
        }
        match self.site.value.one_plane(self.plane) {
            Plane::Kept(plane) => Cow::Borrowed(plane),
            computed @ Plane::Computed(_) => Cow::Owned(computed.into_owned()),
        }
    }

    pub fn axes_text(&self) -> String {
        let [_, row, col] = self.site.axes();
        self.scene.axes_named(row, col)
    }

    pub fn heat(&self) -> Heat<'a> {
        self.heat_of(self.plane, self.scale())
    }

    /// Heat map for layout only: its scale is that of shares where all numbers would have to be read for it.
    pub fn layout_heat(&self) -> Heat<'a> {
        let is_known = !self.shows_difference() && self.form.is_none();
        let is_in_memory = self.site.value.as_stored().is_none();
        let scale = if is_known && is_in_memory { self.scale() } else { Scale::Unit };
        self.heat_of(self.plane, scale)
    }

    /// The plane transposed, for strips: a row for each of its columns, below `n_above` rows whose numbers and labels the
    /// pane gives; words are columns. `row` and `rows` name one row, and several.
    pub fn transposed(&self, n_above: usize, row: &'static str, rows: &'static str) -> Heat<'a> {
        /// Interval between numbered rows.
        const NUMBERED: usize = 8;
        let Scene { theme, language, .. } = self.scene;
        let (subject, plane, selected) = (self.clone(), self.plane, self.col());
        let n_rows = n_above + self.n_cols();
        let value = move |row: usize, word: usize| {
            let number = row.checked_sub(n_above);
            number.map_or(0.0, |i| subject.shown_value(Cell::new(plane, word, i)))
        };
        let label = move |row: usize| match row.checked_sub(n_above) {
            Some(i) if i == selected => selected.to_string(),
            Some(i) if i.is_multiple_of(NUMBERED) => i.to_string(),
            _ => String::new(),
        };
        let swapped =
            |mark: MarkedCell| MarkedCell { row: mark.col + n_above, col: mark.row, ..mark };
        let marks = self.marks_in(plane).into_iter();
        Heat {
            n_rows,
            n_cols: self.n_rows(),
            value: Box::new(value),
            marks: marks.map(swapped).collect(),
            most_prominent: None,
            row_labels: Labels::new(n_rows, label),
            columns: Columns::Labels(self.row_labels()),
            cursor: PlaneCell::new(selected + n_above, self.row()),
            row_noun: language.tr(rows),
            axes: format!(
                "{}{} {}{}",
                language.tr(theme.glyph("↓ ", "rows ")),
                language.tr(row),
                language.tr(theme.glyph("→ ", "columns ")),
                language.tr("word")
            ),
            ..self.heat()
        }
    }

    /// Sizes of a pane of such a strip, which has `n_rows` rows, two to a line, and `n_below` lines below it.
    pub fn strip_size(&self, n_rows: usize, n_below: u16) -> PreferredSize {
        /// Columns of the rows' numbers.
        const NUMBERS: u16 = 6;
        /// Columns of a word, at least and where there is room.
        const LEAST_WORD: u16 = 2;
        const WORD: u16 = 7;
        /// The most words for which there is room at least.
        const MOST_WORDS: u16 = 14;
        let n_words = self.n_rows() as u16;
        let n_lines = (n_rows.min(4096) as u16).div_ceil(2);
        let width = NUMBERS + n_words.saturating_mul(WORD).max(70);
        let least = Size::new(NUMBERS + LEAST_WORD * n_words.min(MOST_WORDS), 8);
        // The words stand above it, its legend below.
        PreferredSize::new(least, Size::new(width, n_lines + 2 + n_below))
    }

    /// The selected row of several sites: a row of the map for each, with its label. Their numbers share one scale.
    pub fn heat_of_parts(&self, parts: Vec<(impl Into<String>, Self)>) -> Heat<'a> {
        let row = self.row();
        let (labels, parts): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let numbers: Vec<Vec<f32>> = parts.iter().map(|part| part.shown_row(row)).collect();
        Heat {
            n_rows: numbers.len(),
            cursor: PlaneCell::new(numbers.len().saturating_sub(1), self.col()),
            marks: marks_of_parts(&parts, row),
            scale: Scale::signed(numbers.iter().flatten().copied()),
            value: Box::new(move |part, col| numbers[part][col]),
            most_prominent: None,
            row_labels: Labels::listed(labels.into_iter().map(Into::into).collect()),
            columns: Columns::Counted,
            ..self.heat()
        }
    }

    pub fn heat_of(&self, plane: usize, scale: Scale) -> Heat<'a> {
        let subject = self.clone();
        Heat {
            theme: self.scene.theme,
            language: self.scene.language,
            n_rows: self.n_rows(),
            n_cols: self.n_cols(),
            value: Box::new(move |row, col| subject.shown_value(Cell::new(plane, row, col))),
            most_prominent: self.most_prominent(plane),
            row_labels: self.row_labels(),
            columns: self.columns(),
            scale,
            cursor: PlaneCell::new(self.row(), self.col()),
            focused: self.scene.focused,
            marks: self.marks_in(plane).into_iter().collect(),
            row_noun: self.scene.language.tr("rows"),
            rows_may_grow: false,
            rows_may_share: false,
            pools_rows: false,
            has_legend: true,
            zoom: Zoom::Fit,
            colours: self.colours(plane),
            is_map: self.is_map(),
            axes: self.axes_text(),
        }
    }

    /// How numbers become colours: in attention, the first token may be left out.
    fn colours(&self, plane: usize) -> Colours {
        let View { is_logarithmic, leaves_out_first, .. } = self.scene.view;
        let is_attention = self.site.role() == Role::AttentionWeights && self.is_map();
        let others = (leaves_out_first && is_attention && !self.shows_difference()).then(|| {
            let others = |row: usize| {
                (1..self.n_cols())
                    .map(|col| self.shown_value(Cell::new(plane, row, col)))
                    .filter(|number| number.is_finite())
                    .sum()
            };
            (0..self.n_rows()).map(others).collect()
        });
        // A word of the second sentence may have no counterpart in the first.
        let map = self.form.as_ref().and_then(Form::map);
        let has_gaps = self.shows_difference() || map.is_some_and(|map| map.has_gaps);
        Colours { is_logarithmic, others, has_gaps }
    }

    /// The cell of the trace under the cursor; None if another number is shown for it.
    pub fn cursor_cell(&self, row: usize, col: usize) -> Option<CursorCell> {
        if self.form.is_some() {
            return None;
        }
        let cell = Cell::new(self.plane, row, col);
        self.site.shape().holds(cell).then(|| CursorCell {
            address: self.site.address(cell),
            value: self.site.value.get(cell),
            labels: cell_labels(self.trace, self.site, cell, self.scene.language),
        })
    }
}

/// Marks of a heat map whose row `i` is row `row` of part `i`.
fn marks_of_parts(parts: &[Subject], row: usize) -> Marks {
    let in_part = |(i, part): (usize, &Subject)| {
        let marks = part.marks_in(0).into_iter().filter(move |mark| mark.row == row);
        marks.map(move |mark| MarkedCell { row: i, ..mark }).collect::<Vec<_>>()
    };
    parts.iter().enumerate().flat_map(in_part).collect()
}

/// `now - was`, or 0 if both are identical, so that two infinities do not give NaN.
fn difference(now: f32, was: f32) -> f32 {
    if now.to_bits() == was.to_bits() { 0.0 } else { now - was }
}
