//! The panes of a step, one file per kind. A pane draws itself and changes no state.
//!
//! A new kind of pane is a new file here, a row of [`new_pane`], and a variant of [`PaneKind`].

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
mod missing;
mod norm;
mod read_back;
mod read_back_length;
mod recurrence;
mod schedule;
mod stream;
mod subject;
mod times;
mod tokens;
mod translations;
mod wall;
mod weighted_sum;
mod words;

use std::{borrow::Cow, collections::BTreeMap};

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use unicode_width::UnicodeWidthStr;

use crate::{
    analysis::{
        measure::heads::FIGURES,
        reading::{MachineTimes, Measures, Reading},
        trace::Recorded,
    },
    engine::{
        arithmetic::Arithmetic,
        site::{Address, Role},
        value::Matrix,
    },
    lesson::{Language, PaneKind, PaneSpec, Selection},
    model::Name,
    ui::{
        theme::Theme,
        widgets::{heat::Zoom, lines::window},
    },
};
use missing::Missing;
use subject::{Subject, marks_of_parts};
pub use words::PaneWords;

/// Input of a pane: everything that its contents depend on.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub reading: &'a Reading,
    pub language: Language,
    /// The model that the pane shows.
    pub model: Name,
    pub selection: Selection,
    pub theme: &'a Theme,
    /// Whether this pane has the cell cursor.
    pub focused: bool,
    /// Cells to highlight: those that the inspector shows.
    pub marks: &'a [Mark],
    /// Whether matrices show their difference from the unchanged pass instead of their values.
    pub shows_difference: bool,
    /// Animation step of an animated pane; None shows everything at once.
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

    /// Text shown until a measurement has finished.
    fn measuring(&self) -> &'static str {
        self.language.tr(self.theme.glyph("measuring …", "measuring ..."))
    }

    /// Gradient norms by model and word: of the last hidden state if `of_state`, else of the output.
    fn gradients(&self, of_state: bool) -> Option<&'a BTreeMap<Name, Vec<f32>>> {
        let Measures { forgetting, influence, .. } = self.reading.measured()?;
        Some(if of_state { forgetting } else { influence })
    }
}

/// Whether a gradient pane shows gradients of the last hidden state; else of the output.
fn is_of_state(site: Option<&Recorded>) -> bool {
    site.is_some_and(|site| site.role() == Role::HiddenState)
}

/// Display settings: the zoom of matrices and the order of tables of heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Zoom of matrices.
    pub zoom: Zoom,
    /// Order of the table of heads.
    pub sort: Sort,
    /// Whether evidence lists the heads that are knocked out by their effect, the largest first; else head by head.
    pub knock_outs_by_effect: bool,
}

/// The order of the table of heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// In order of computation: layer by layer.
    #[default]
    Computed,
    /// By a figure of [`FIGURES`], smallest first if `is_rising`, else largest first.
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

/// A cell that panes highlight because the inspector shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub model: Name,
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
    /// Labels of the indices: `head 2 · query "it" · key "animal"`.
    pub labels: String,
}

/// Columns that a title needs beside its text on the frame, without the corners.
const TITLE_PADDING: u16 = 2;
/// Upper bound of the minimum width that a title can set, in columns.
const MAX_TITLE_WIDTH: u16 = 34;

/// Size that a pane asks for: (columns, lines) without its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreferredSize {
    pub min: (u16, u16),
    pub ideal: (u16, u16),
    /// Height up to which the pane uses lines that no other pane needs.
    pub tallest: u16,
}

impl PreferredSize {
    pub const fn new(min: (u16, u16), ideal: (u16, u16)) -> Self {
        Self { min, ideal, tallest: ideal.1 }
    }

    /// Raises the minimum width so that the title is shown whole, up to the width of a sentence's matrix.
    #[must_use]
    pub fn titled(self, title: &str) -> Self {
        let width = (title.width() as u16).saturating_add(TITLE_PADDING).min(MAX_TITLE_WIDTH);
        Self { min: (self.min.0.max(width), self.min.1), ..self }
    }

    /// Sets the height up to which the pane uses spare lines.
    #[must_use]
    pub const fn up_to(self, tallest: u16) -> Self {
        Self { tallest, ..self }
    }
}

/// A framed part of the screen that shows one view of a reading.
pub trait Pane {
    fn title(&self) -> String;

    /// Numbers of rows and columns that the cell cursor moves over; (0, 0) if there is no cursor.
    fn extent(&self) -> (usize, usize) {
        (0, 0)
    }

    /// Whether the rows of [`Self::extent`] are drawn side by side and have no columns.
    fn is_horizontal(&self) -> bool {
        false
    }

    /// The cell at a cursor position, if it is a number of the trace.
    fn cursor_cell(&self, _row: usize, _col: usize) -> Option<CursorCell> {
        None
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

    fn preferred_size(&self) -> PreferredSize;

    /// Cursor position (row, column) of the cell that [`Self::draw`] draws at a screen position.
    fn cell_at(&self, _area: Rect, _position: Position) -> Option<(usize, usize)> {
        None
    }

    /// Index of the head drawn at a screen position, if the pane draws several.
    fn head_at(&self, _area: Rect, _position: Position) -> Option<usize> {
        None
    }

    /// Layer and head at an offset from the selected ones, if the cursor moves over heads.
    fn head_at_offset(&self, _rows: isize, _cols: isize) -> Option<(usize, usize)> {
        None
    }

    /// Whether it has a table of heads that can be sorted.
    fn is_sortable(&self) -> bool {
        false
    }

    /// Zoom of the matrix in that area, if the zoom can be changed.
    fn zoom(&self, _area: Rect) -> Option<Zoom> {
        None
    }

    /// Numbers of rows and columns visible at once.
    fn visible_extent(&self, area: Rect) -> (usize, usize) {
        (usize::from(area.height).max(1), 8)
    }

    /// The shown numbers that the cursor moves over, if they are a matrix.
    fn plane(&self) -> Option<Cow<'_, Matrix>> {
        None
    }

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
        PaneKind::Matrix => of_site(|s| Box::new(matrix::Matrix(s))),
        PaneKind::Hidden => of_site(|s| Box::new(hidden::Hidden(s))),
        PaneKind::Heads => of_site(|s| Box::new(heads::Heads(s))),
        PaneKind::Recurrence => of_site(|s| Box::new(recurrence::Recurrence(s))),
        PaneKind::Bars => of_site(|s| Box::new(bars::Bars::new(s))),
        PaneKind::Norm => of_site(|s| Box::new(norm::Norm(s))),
        PaneKind::Evidence => of_site(|s| Box::new(evidence::EvidenceTable(s))),
        PaneKind::WeightedSum => of_site(|s| Box::new(weighted_sum::WeightedSum(s))),
        PaneKind::Stream => of_site(|s| Box::new(stream::Stream(s))),
        PaneKind::ReadBack => Box::new(read_back::ReadBackTable::new(scene, title)),
        PaneKind::ReadBackLength => Box::new(read_back_length::ReadBackLength(scene)),
        PaneKind::Distance => Box::new(distance::Distance::new(scene, spec)),
        PaneKind::Gradient => Box::new(gradient::Gradient::new(scene, spec)),
        PaneKind::Schedule => Box::new(schedule::ScheduleChart(scene)),
        PaneKind::Translations => Box::new(translations::Translations(scene)),
        PaneKind::Accuracy => Box::new(accuracy::AccuracyChart(scene)),
        PaneKind::Times => Box::new(times::TimesTable(scene)),
        PaneKind::Comparison => Box::new(comparison::Comparison(scene)),
        PaneKind::Candidates => of_site(|s| Box::new(candidates::Candidates::new(s))),
        PaneKind::Cache => of_site(|s| Box::new(cache::Cache::new(s))),
        PaneKind::Beams => Box::new(beams::BeamTree(scene)),
        PaneKind::Forcing => Box::new(forcing::ForcingTable(scene)),
        PaneKind::Lens => of_site(|s| Box::new(lens::Lens::new(s))),
        PaneKind::Wall => Box::new(wall::Wall::new(scene, spec)),
        PaneKind::HeadTable => Box::new(head_table::HeadTable::new(scene, spec)),
        PaneKind::Card => Box::new(card::Card(scene)),
        PaneKind::Continuations => Box::new(continuations::Continuations(scene)),
    }
}

/// Index of the list item at a screen position; `n` items take a line each, and item `cursor` is visible.
fn line_at(n: usize, cursor: usize, area: Rect, position: Position) -> Option<usize> {
    let shown = window(n, usize::from(area.height), cursor);
    let i = shown.start + usize::from(position.y.checked_sub(area.y)?);
    (area.contains(position) && shown.contains(&i)).then_some(i)
}

#[cfg(test)]
mod tests;
