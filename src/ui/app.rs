//! State of the walk: the reading, the selection, open overlays and typed text.
//!
//! [`update()`] applies an [`Action`] to a [`State`]. It draws nothing, runs no model and does not know the terminal:
//! it returns work for the caller as an [`Effect`].

mod action;
mod arrangement;
mod attended_row;
mod background;
mod bookmarks;
mod clock;
mod export_options;
mod export;
mod formula;
mod frame_copy;
mod glossary;
mod guide;
mod inspector;
mod labs;
mod layout;
mod map_view;
mod model_map;
mod mouse;
mod moves;
mod navigation;
mod overlay;
mod pane_colours;
mod passes;
mod patching;
mod prose;
mod search;
mod theme;
mod update;
mod whatif;
mod zoom;

use std::sync::Arc;

use ratatui::layout::Rect;

pub use action::{
    Action, Command, Effect, PaletteChoice, ReadFailure, TypedKey, ViewKey, WhatIfKey,
};
pub use attended_row::AttendedRow;
pub use bookmarks::{EarlierWalks, SavedProgress};
pub use clock::{Animation, BEAT, Motion, N_BEATS, Times, unfolded_part};
pub use export_options::{
    ExportFormat, ExportOptions, ExportRefusal, ExportRequest, ExportedFile, Prompt,
};
pub use frame_copy::update_and_run;
pub use guide::Guide;
pub use inspector::{Inspector, OpenedNumber};
use layout::Text;
pub use layout::{ROOMY, SMALLEST, ScreenLayout, TopRows};
pub use mouse::MouseTarget;
use navigation::PickedRow;
pub use navigation::{Navigation, ZoomedHead};
pub use overlay::Overlay;
pub use passes::Passes;
pub use prose::{Line, Piece, Prose, TextRole, wrap};
pub use update::update;

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{
        change::Changes,
        site::{Axis, Stream},
    },
    lesson::{Lesson, PaneKind, PaneSpec, Paragraph, Selection, Step},
    ui::{
        panes::{self, Pane, PreferredSize, Scene, View},
        theme::Theme,
    },
};

/// Height in lines of an open inspector.
const INSPECTOR_LINES: u16 = 14;

/// How a walk begins.
pub struct WalkStart {
    pub sentence: String,
    /// The changes of the first pass.
    pub changes: Changes,
    pub lesson: Arc<Lesson>,
    /// Index of the first step to show.
    pub step: usize,
    pub theme: Theme,
    /// Whether the theme follows the terminal's background.
    pub follows_background: bool,
    pub guide: Guide,
    /// What maps show.
    pub view: View,
    /// Whether panes may move.
    pub motion: Motion,
    pub earlier: EarlierWalks,
    /// Formats and folder for exported frames.
    pub exports: ExportOptions,
}

impl WalkStart {
    /// The start of a walk over a sentence, at the first step, with nothing saved and nothing to export.
    pub fn new(lesson: Arc<Lesson>, theme: Theme, sentence: String) -> Self {
        Self {
            sentence,
            changes: Changes::default(),
            lesson,
            step: 0,
            theme,
            follows_background: false,
            guide: Guide::default(),
            view: View::default(),
            motion: Motion::Still,
            earlier: EarlierWalks::default(),
            exports: ExportOptions::default(),
        }
    }
}

/// Everything that determines the content of the screen.
#[derive(Clone)]
pub struct State {
    pub lesson: Arc<Lesson>,
    pub theme: Theme,
    /// Whether the theme follows the terminal's background.
    pub follows_background: bool,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The reading on the screen and the requests in progress.
    pub passes: Passes,
    /// The current step and the selection in it.
    pub nav: Navigation,
    /// Numbers opened in the inspector.
    pub inspector: Inspector,
    pub animation: Animation,
    pub overlay: Overlay,
    pub message: Option<Message>,
    /// Questions, further paragraphs, the tour, automatic page turning.
    pub guide: Guide,
    /// Bookmarks, and where the previous walk ended.
    saved: SavedProgress,
    /// File formats and folder for exported frames.
    pub exports: ExportOptions,
}

/// A message for the user, shown until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub text: String,
    /// The key of the walk that helps, in words.
    pub key_hint: Option<&'static str>,
    pub is_error: bool,
}

/// The token of the cursor's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub stream: Stream,
    pub index: usize,
    pub text: String,
}

impl State {
    /// State at the beginning of a walk, while the models read its sentence.
    pub fn begin(start: WalkStart) -> Self {
        let mut state = Self::new(start.lesson, start.theme);
        state.follows_background = start.follows_background;
        state.guide = start.guide;
        state.exports = start.exports;
        state.nav.step = start.step.min(state.n_steps().saturating_sub(1));
        state.passes.pending = Some(start.sentence);
        state.passes.changes = start.changes;
        state.animation.motion = start.motion;
        state.nav.view = start.view;
        state.recall(start.earlier);
        state
    }

    /// State at the first step of a lesson, before any sentence is read.
    pub fn new(lesson: Arc<Lesson>, theme: Theme) -> Self {
        Self {
            lesson,
            theme,
            follows_background: false,
            size: SMALLEST,
            passes: Passes::default(),
            nav: Navigation::default(),
            inspector: Inspector::default(),
            animation: Animation::default(),
            overlay: Overlay::None,
            message: None,
            guide: Guide::default(),
            saved: SavedProgress::default(),
            exports: ExportOptions::default(),
        }
    }

    pub fn n_steps(&self) -> usize {
        self.lesson.chapters.iter().map(|chapter| chapter.steps.len()).sum()
    }

    /// Index of the current chapter, and the current step.
    ///
    /// # Panics
    /// If the lesson has no step; the embedded one has.
    pub fn current(&self) -> (usize, &Step) {
        self.lesson.step(self.nav.step)
    }

    /// Index of a chapter's first step; None if there is no such chapter.
    pub fn first_of(&self, chapter: usize) -> Option<usize> {
        let chapters = &self.lesson.chapters;
        (chapter < chapters.len())
            .then(|| chapters[..chapter].iter().map(|chapter| chapter.steps.len()).sum())
    }

    /// Specifications of the panes shown: the step's, or the zoomed head's matrix alone.
    pub fn specs(&self) -> &[PaneSpec] {
        match &self.nav.zoomed {
            Some(zoomed) => std::slice::from_ref(&zoomed.spec),
            None => &self.current().1.panes,
        }
    }

    /// The sizes that the step's panes ask for.
    pub fn preferred_sizes(&self, panes: &[Box<dyn Pane + '_>]) -> Vec<PreferredSize> {
        let has_operand = self.inspector.operand_pane.is_some();
        let stays_behind_tab = |i: usize| {
            !has_operand && self.specs().get(i).is_some_and(|spec| spec.stays_behind_tab)
        };
        let sizes = panes.iter().map(|pane| pane.preferred_size()).enumerate();
        sizes
            .map(|(i, size)| PreferredSize { stays_behind_tab: stays_behind_tab(i), ..size })
            .collect()
    }

    /// The step's panes; empty before the first reading.
    pub fn panes(&self) -> Vec<Box<dyn Pane + '_>> {
        let Some(reading) = &self.passes.reading else { return vec![] };
        let (_, step) = self.current();
        let scene = |spec: &PaneSpec, selection, focused| Scene {
            reading,
            language: self.lesson.language,
            model: step.model_of(spec),
            selection,
            theme: &self.theme,
            focused,
            marks: &self.inspector.marks,
            shows_difference: self.passes.shows_difference,
            beat: self.moment(reading.sentence.tokens.len()),
            times: self.passes.times.known(),
            view: self.nav.view,
        };
        let build = |(i, spec): (usize, &_)| {
            panes::new_pane(spec, scene(spec, self.selection_for(spec), i == self.nav.focus))
        };
        let mut panes: Vec<_> = self.specs().iter().enumerate().map(build).collect();
        if let Some((spec, selection)) = &self.inspector.operand_pane {
            let pane = panes::new_pane(spec, scene(spec, *selection, false));
            match (0..panes.len()).rev().find(|&i| i != self.nav.focus) {
                Some(i) => panes[i] = pane,
                None => panes.push(pane),
            }
        }
        panes
    }

    /// The selection in the axes of a pane.
    fn selection_for(&self, spec: &PaneSpec) -> Selection {
        self.nav
            .selection
            .swap_axes(self.focused_has_plane_per_query(), self.has_plane_per_query(spec))
    }

    /// The selection for the narration, with the query as its row.
    fn narration_selection(&self) -> Selection {
        self.nav.selection.swap_axes(self.focused_has_plane_per_query(), false)
    }

    /// Whether the focused pane has one plane per query.
    fn focused_has_plane_per_query(&self) -> bool {
        self.focused().is_some_and(|spec| self.has_plane_per_query(spec))
    }

    fn has_plane_per_query(&self, spec: &PaneSpec) -> bool {
        self.site(spec).is_some_and(|site| site.axes()[0] == Axis::Query)
    }

    /// Focuses a pane of the step; the cursor keeps its query and key.
    fn focus_on(&mut self, pane: usize) {
        let had_plane_per_query = self.focused_has_plane_per_query();
        self.nav.focus = pane;
        self.nav.selection =
            self.nav.selection.swap_axes(had_plane_per_query, self.focused_has_plane_per_query());
    }

    /// The site that a pane shows, in the selected layer.
    pub fn site(&self, spec: &PaneSpec) -> Option<&Recorded> {
        self.site_in(spec, self.nav.selection.layer)
    }

    fn site_in(&self, spec: &PaneSpec, layer: usize) -> Option<&Recorded> {
        let (_, step) = self.current();
        self.passes.reading.as_ref()?.trace(step.model_of(spec)).site(&spec.path(layer)?)
    }

    /// Specification of the focused pane.
    pub fn focused(&self) -> Option<&PaneSpec> {
        self.specs().get(self.nav.focus)
    }

    /// Number of layers that the step can show; 0 if it shows no site of a layer.
    pub fn n_layers(&self) -> usize {
        let (Some(reading), (_, step)) = (&self.passes.reading, self.current()) else { return 0 };
        let count = |spec: &PaneSpec| {
            Some(reading.trace(step.model_of(spec)).n_layers(spec.layered_site()?))
        };
        self.specs().iter().filter_map(count).max().unwrap_or(0)
    }

    /// Axis (usually heads) and number of the planes of the first site that has planes.
    pub fn planes(&self) -> Option<(Axis, usize)> {
        let focused = self.focused().into_iter();
        let mut sites = focused.chain(self.specs()).filter_map(|spec| self.site(spec));
        // Planes that are queries follow the selected row of the other panes.
        let has_selectable_planes = |site: &&Recorded| {
            site.place.has_planes()
                && (site.axes()[0] != Axis::Query || self.focused_has_plane_per_query())
        };
        let site = sites.find(has_selectable_planes)?;
        Some((site.axes()[0], site.shape().planes))
    }

    /// The token of the cursor's row; None if rows are not tokens.
    pub fn word(&self) -> Option<Word> {
        let (_, step) = self.current();
        let spec = self.focused()?;
        let site = self.site(spec)?;
        let stream = match spec.kind {
            // Its rows are layers.
            PaneKind::Flow => return None,
            PaneKind::Gradient | PaneKind::ReadBack | PaneKind::Distance => Stream::Source,
            _ => site.place.stream(site.axes()[1])?,
        };
        let trace = self.passes.reading.as_ref()?.trace(step.model_of(spec));
        let index = self.nav.selection.row;
        let text = trace.tokens(stream).get(index)?.text.clone();
        Some(Word { stream, index, text })
    }

    /// The narration wrapped to `width` columns.
    pub fn prose(&self, width: u16, is_airy: bool) -> Vec<Line> {
        self.measured(&self.paragraphs(), is_airy).lines(width)
    }

    fn measured(&self, paragraphs: &[Paragraph], is_airy: bool) -> Prose {
        Prose::of_step(self.current().1, self.nav.selection.layer, paragraphs, is_airy)
    }

    /// Whether the row that compares the outputs of both passes is drawn: there are two, and one of them writes words.
    fn has_outputs(&self) -> bool {
        let model = self.current().1.model;
        let writes = |trace: &Trace| !trace.output_text.is_empty();
        self.passes.reading.as_ref().is_some_and(|reading| {
            reading
                .plain_trace(model)
                .is_some_and(|plain| writes(plain) || writes(reading.trace(model)))
        })
    }

    /// The layout of a screen of this size, and the lines of the narration.
    pub fn plan(&self, area: Rect, wanted: &[PreferredSize]) -> (ScreenLayout, Vec<Line>) {
        let rows = TopRows {
            has_outputs: self.has_outputs(),
            n_map_lines: self.map().map_or(1, |map| map.n_lines()),
            has_attention: self.attended_row().is_some(),
        };
        let mut plan = ScreenLayout::new(area, rows);
        if self.opened().is_some() {
            plan.arrange(wanted, self.nav.focus, Text::Inspector(INSPECTOR_LINES));
            return (plan, vec![]);
        }
        let is_airy = plan.is_airy();
        let prose = self.measured(&self.paragraphs(), is_airy);
        let n_lines = |width| prose.n_lines(width);
        let is_question = self.guide.quiz.is_some();
        let text = if is_question { Text::Question(&n_lines) } else { Text::Narration(&n_lines) };
        plan.arrange(wanted, self.nav.focus, text);
        let width = plan.text_width();
        let mut lines = prose.lines(width);
        let n_lines = plan.n_text_lines();
        if lines.len() > n_lines {
            lines = prose.lines(plan.width_beside_more());
        } else if !is_question {
            if area.width >= ROOMY {
                lines.extend(self.further_text(width, n_lines - lines.len()));
            }
            lines.extend(self.definitions(width, n_lines - lines.len(), is_airy));
        }
        (plan, lines)
    }
}
