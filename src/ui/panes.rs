//! What a step shows: one file a pane. A pane is a value that draws itself; it changes nothing.
//!
//! A new kind of pane is a new file here, a row of [`of`], and a variant of [`PaneKind`].

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
    lesson::{PaneKind, PaneSpec, Selection},
    model::Name,
    ui::{
        theme::Theme,
        widgets::{heat::Zoom, lines::window},
    },
};
use missing::Missing;
use subject::{Subject, marks_of_parts};
pub use words::PaneWords;

/// All that a pane is a function of.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub reading: &'a Reading,
    /// The model that the pane shows.
    pub model: Name,
    pub selection: Selection,
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

impl<'a> Scene<'a> {
    /// The site of a pane in the selected layer.
    fn site(&self, spec: &PaneSpec) -> Option<&'a Recorded> {
        self.reading.trace(self.model).site(&spec.path(self.selection.layer)?)
    }

    /// What stands where a measure is still to come.
    const fn measuring(&self) -> &'static str {
        self.theme.glyph("measuring …", "measuring ...")
    }

    /// Gradient norms by model and word: of the last hidden state, else of the output.
    fn gradients(&self, of_state: bool) -> Option<&'a BTreeMap<Name, Vec<f32>>> {
        let Measures { forgetting, influence, .. } = self.reading.measured()?;
        Some(if of_state { forgetting } else { influence })
    }
}

/// Whether a pane about gradients is about the last hidden state; else it is about the output.
fn is_of_state(site: Option<&Recorded>) -> bool {
    site.is_some_and(|site| site.role() == Role::HiddenState)
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
pub struct CursorCell {
    /// `encoder.0.self_attn.weights[2,7,1]`
    pub address: Address,
    pub value: f32,
    /// What the indices stand for: `head 2 · query "it" · key "animal"`.
    pub labels: String,
}

/// What stands around a title on its frame, corners aside, and the widest that a title makes a pane.
const TITLE_AROUND: u16 = 2;
const LONGEST_TITLE: u16 = 34;

/// The room a pane asks for, in cells, without its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreferredSize {
    pub min: (u16, u16),
    pub ideal: (u16, u16),
    /// The height up to which it makes use of room that nobody else needs.
    pub tallest: u16,
}

impl PreferredSize {
    pub const fn new(min: (u16, u16), ideal: (u16, u16)) -> Self {
        Self { min, ideal, tallest: ideal.1 }
    }

    /// No narrower than shows its title whole, up to what a sentence's matrix takes anyway.
    #[must_use]
    pub fn titled(self, title: &str) -> Self {
        let width = (title.width() as u16).saturating_add(TITLE_AROUND).min(LONGEST_TITLE);
        Self { min: (self.min.0.max(width), self.min.1), ..self }
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

    /// Whether the rows of [`Self::extent`] are drawn beside each other and have no columns.
    fn lies_across(&self) -> bool {
        false
    }

    /// The number at a place of the cursor.
    fn cursor_cell(&self, _row: usize, _col: usize) -> Option<CursorCell> {
        None
    }

    /// The arithmetic of a number that is no cell of the pass, but made from cells of it.
    fn arithmetic(&self, _row: usize, _col: usize) -> Option<Arithmetic> {
        None
    }

    /// What the cursor stands on, where that is no number of the trace.
    fn status_line(&self, _row: usize, _col: usize) -> Option<String> {
        None
    }

    /// What the pane shows in words.
    fn in_words(&self) -> PaneWords;

    fn preferred_size(&self) -> PreferredSize;

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
        PaneKind::Tokens => of_site(|s| Box::new(tokens::Tokens(s))),
        PaneKind::Matrix => of_site(|s| Box::new(matrix::Matrix(s))),
        PaneKind::Hidden => of_site(|s| Box::new(hidden::Hidden(s))),
        PaneKind::Heads => of_site(|s| Box::new(heads::Heads(s))),
        PaneKind::Recurrence => of_site(|s| Box::new(recurrence::Recurrence(s))),
        PaneKind::Bars => of_site(|s| Box::new(bars::Bars::new(s))),
        PaneKind::Norm => of_site(|s| Box::new(norm::Norm(s))),
        PaneKind::Evidence => of_site(|s| Box::new(evidence::Beside(s))),
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

/// Which of `n` things stands there, where each takes a line and `at` is in view.
fn line_at(n: usize, cursor: usize, area: Rect, at: Position) -> Option<usize> {
    let shown = window(n, usize::from(area.height), cursor);
    let i = shown.start + usize::from(at.y.checked_sub(area.y)?);
    (area.contains(at) && shown.contains(&i)).then_some(i)
}

#[cfg(test)]
mod tests;
