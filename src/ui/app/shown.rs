//! What the step shows of the reading, as questions to the state: its panes, sites, layers, planes, the word under the
//! cursor. They change nothing.

use super::{
    AttendedRow, FoundTerms, OpenedNumber, Overlay, ProsePiece, State, Word, formula, glossary,
    inspector::OperandPane, navigation::PickedAt, pane_colours, search,
};
use crate::{
    analysis::{
        evidence::flow::Threshold,
        map::{ModelMap, Station},
        trace::{Recorded, Trace},
    },
    engine::{
        arithmetic::Arithmetic,
        math::argmax,
        site::Axis,
        value::{Extent, PlaneCell},
    },
    lesson::{PaneKind, PaneSpec, Selection, Step},
    model::ModelName,
    ui::panes::{self, OtherPass, Pane, PreferredSize, Scene, Unfolding},
};

impl State {
    /// The threshold of the flow graph that has the focus, or of the first one.
    pub(super) fn shown_threshold(&self) -> Option<Threshold> {
        let panes = self.panes();
        let focused = panes.get(self.nav.focus).and_then(|pane| pane.threshold());
        let shown = focused.or_else(|| panes.iter().find_map(|pane| pane.threshold()));
        shown.or(self.nav.view.threshold)
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
            changed: self.passes.set_aside.as_deref(),
            beat: self.animation.moment(reading.sentence.tokens.len()),
            times: self.passes.times.known(),
            view: self.nav.view,
        };
        let from = self.focused_has_plane_per_query();
        let selection_for =
            |spec: &_| self.nav.selection.swap_axes(from, self.has_plane_per_query(spec));
        let build = |(i, spec): (usize, &_)| {
            panes::new_pane(spec, scene(spec, selection_for(spec), i == self.nav.focus))
        };
        let mut panes: Vec<_> = self.specs().iter().enumerate().map(build).collect();
        if let Some(OperandPane { spec, selection }) = &self.inspector.operand_pane {
            let pane = panes::new_pane(spec, scene(spec, *selection, false));
            match (0..panes.len()).rev().find(|&i| i != self.nav.focus) {
                Some(i) => panes[i] = pane,
                None => panes.push(pane),
            }
        }
        panes
    }

    /// The selection for the narration, with the query as its row.
    pub(super) fn narration_selection(&self) -> Selection {
        self.nav.selection.swap_axes(self.focused_has_plane_per_query(), false)
    }

    /// Whether the focused pane has one plane per query.
    pub(super) fn focused_has_plane_per_query(&self) -> bool {
        self.focused().is_some_and(|spec| self.has_plane_per_query(spec))
    }

    fn has_plane_per_query(&self, spec: &PaneSpec) -> bool {
        self.site(spec).is_some_and(|site| site.axes()[0] == Axis::Query)
    }

    /// The site that a pane shows, in the selected layer.
    pub fn site(&self, spec: &PaneSpec) -> Option<&Recorded> {
        let (_, step) = self.current();
        let trace = self.passes.reading.as_ref()?.trace(step.model_of(spec));
        trace.site(&spec.path(self.nav.selection.layer)?)
    }

    /// Specification of the focused pane.
    pub fn focused(&self) -> Option<&PaneSpec> {
        self.specs().get(self.nav.focus)
    }

    /// Number of layers up to the last that the step can show; 0 if it shows no site of a layer.
    pub fn n_layers(&self) -> usize {
        self.most_layers(Trace::n_layers)
    }

    /// Number of all layers of the model, of which a hybrid's step can show some; 0 as for [`Self::n_layers`].
    pub fn n_all_layers(&self) -> usize {
        self.most_layers(Trace::n_layers_of_stack)
    }

    fn most_layers(&self, count: impl Fn(&Trace, &str) -> usize) -> usize {
        let (Some(reading), (_, step)) = (&self.passes.reading, self.current()) else { return 0 };
        let of_pane =
            |spec: &PaneSpec| Some(count(reading.trace(step.model_of(spec)), spec.layered_site()?));
        self.specs().iter().filter_map(of_pane).max().unwrap_or(0)
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
        let stream = spec.kind.stream_of_rows(site)?;
        let trace = self.passes.reading.as_ref()?.trace(step.model_of(spec));
        let index = self.nav.selection.row;
        let text = trace.tokens(stream).get(index)?.text.clone();
        Some(Word { stream, index, text })
    }

    /// Whether the cursor of the focused pane moves over heads instead of cells.
    pub(super) fn walks_heads(&self) -> bool {
        self.focused().is_some_and(|spec| spec.kind.walks_heads())
    }

    /// The map of the step's model; None before the first reading.
    pub fn map(&self) -> Option<ModelMap> {
        let trace = self.passes.reading.as_ref()?.trace(self.current().1.model);
        Some(ModelMap::of(trace, self.nav.selection.layer))
    }

    /// The first step of the same model that shows a site of a station.
    pub fn step_of_station(&self, station: &Station) -> Option<usize> {
        let (_, current) = self.current();
        let shows = |spec: &PaneSpec| {
            let path = spec.path(self.nav.selection.layer);
            path.is_some_and(|path| station.holds(&path))
        };
        self.lesson.steps().iter().position(|(_, step)| {
            step.model == current.model
                && step.panes.iter().any(|spec| step.model_of(spec) == step.model && shows(spec))
        })
    }

    /// Whether the step is unfolding.
    pub const fn is_unfolding(&self) -> bool {
        self.animation.beat.is_some()
    }

    /// Whether a pane of the step unfolds; not while a question is open.
    pub fn unfolds(&self) -> bool {
        let panes = self.panes();
        let mut unfoldings = panes.iter().map(|pane| pane.unfolding());
        self.guide.quiz.is_none() && unfoldings.any(|unfolding| unfolding != Unfolding::AtOnce)
    }

    /// Number of the current tour stop (from 1), and of all stops; None outside the tour.
    pub fn tour_position(&self) -> Option<(usize, usize)> {
        let stops = self.guide.stops(&self.lesson);
        let number = stops.iter().filter(|&&stop| stop <= self.nav.step).count();
        self.guide.in_tour.then_some((number, stops.len()))
    }

    /// Whether the input of a path is open: the frame in view does not change meanwhile.
    pub const fn is_exporting(&self) -> bool {
        matches!(self.overlay, Overlay::Export(_))
    }

    /// Index of a chapter's first step; None if there is no such chapter.
    pub fn first_of(&self, chapter: usize) -> Option<usize> {
        search::first_of(&self.lesson, chapter)
    }

    /// Indices of the steps that match a query, best first; all steps if it is empty.
    pub fn found(&self, query: &str) -> Vec<usize> {
        search::found(&self.lesson, query)
    }

    /// Index of the step that explains a term of the glossary.
    pub fn explained(&self, term: usize) -> Option<usize> {
        search::explained(&self.lesson, term)
    }

    /// The terms of the glossary that match a query.
    pub fn terms(&self, query: &str) -> FoundTerms {
        glossary::terms(&self.lesson, self.current().1, query)
    }

    /// The index of a pane's colour in the theme.
    pub fn hue(&self, pane: usize) -> usize {
        pane_colours::hue(&self.current().1.panes, pane)
    }

    /// The step's formula; symbols without a pane are plain.
    pub fn formula(&self) -> Vec<ProsePiece> {
        let (_, step) = self.current();
        let symbols = |spec| self.site(spec).map_or(&[][..], |site| site.place.site.symbols);
        formula::formula(&step.formula, &step.panes.iter().map(symbols).collect::<Vec<_>>())
    }

    /// The weights of the row under the cursor, if the focused pane shows queries of an attention.
    pub fn attended_row(&self) -> Option<AttendedRow> {
        let spec = self.focused()?;
        let site = self.site(spec)?;
        spec.kind.stream_of_rows(site)?;
        if site.axes()[1] != Axis::Query || self.focused_has_plane_per_query() {
            return None;
        }
        let trace = self.passes.reading.as_ref()?.trace(self.current().1.model_of(spec));
        AttendedRow::beside(site, trace, &self.nav.selection)
    }

    /// Rows and columns over which the cursor moves in the focused pane.
    pub(super) fn extent(&self) -> Extent {
        self.panes().get(self.nav.focus).map_or(Extent::NONE, |pane| pane.extent())
    }

    /// The key with the largest weight if the focused pane's columns are keys, else column 0.
    pub(super) fn strongest_key(&self) -> usize {
        self.focused().and_then(|spec| self.strongest_key_of(spec)).unwrap_or(0)
    }

    fn strongest_key_of(&self, spec: &PaneSpec) -> Option<usize> {
        let site = self.site(spec).filter(|site| site.axes()[2] == Axis::Key)?;
        let shape = site.shape();
        let Selection { head, row, .. } = self.nav.selection;
        let cols = self.extent().cols;
        let row = (head < shape.planes && row < shape.rows).then(|| site.value.row(head, row))?;
        argmax(row).filter(|&col| col < cols)
    }

    /// The last opened number; None if the inspector is closed.
    pub fn opened(&self) -> Option<&OpenedNumber> {
        self.inspector.levels.last()
    }

    /// The pass that the open number was read from; None for a number of the pass on the screen.
    pub fn pass_of_open_number(&self) -> Option<OtherPass> {
        if self.inspector.levels.len() != 1 {
            return None;
        }
        let PlaneCell { row, col } = self.nav.cursor();
        self.panes().get(self.nav.focus)?.pass_of(row, col)
    }

    /// The pane for the chosen operand; None if a pane of the step shows its site.
    pub(super) fn operand_pane(&self) -> Option<OperandPane> {
        let level = self.opened()?;
        let address = &level.chosen()?.address;
        let (path, cell) = (address.site_path()?, address.cell); // no pane has a share as a site
        let trace = self.passes.reading.as_ref()?.trace(level.model);
        if trace.site(path).is_none() && !trace.is_closed(path) {
            return None;
        }
        let (_, step) = self.current();
        let shows = |spec: &PaneSpec| {
            step.model_of(spec) == level.model
                && spec.path(self.nav.selection.layer).as_deref() == Some(path)
        };
        if self.specs().iter().any(shows) {
            return None;
        }
        let spec = PaneSpec {
            kind: PaneKind::Matrix,
            site: Some(path.to_owned()),
            model: Some(level.model),
            title: None,
            stays_behind_tab: false,
        };
        let selection =
            Selection { head: cell.plane, row: cell.row, col: cell.col, ..self.nav.selection };
        Some(OperandPane { spec, selection })
    }

    /// The number under the cursor; None if there is none to open.
    pub(super) fn number_under_cursor(&self) -> Option<(ModelName, Arithmetic)> {
        let model = self.current().1.model_of(self.focused()?);
        let PlaneCell { row, col } = self.nav.cursor();
        let panes = self.panes();
        let pane = panes.get(self.nav.focus)?;
        let reading = self.passes.reading.as_ref()?;
        let address = pane.cursor_cell(row, col).map(|p| p.address);
        let cell = address.and_then(|address| reading.open(model, &address).ok());
        Some((model, cell.or_else(|| pane.arithmetic(row, col))?))
    }

    /// Where the user picks a row or a head now.
    pub(super) fn picked_at(&self) -> PickedAt {
        PickedAt {
            chapter: self.current().0,
            has_plane_per_query: self.focused_has_plane_per_query(),
        }
    }
}
