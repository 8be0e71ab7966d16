//! Moves between steps, panes, layers, heads and cells. Each keeps the selection within what the step shows.

use std::iter::successors;

use super::{
    MouseTarget, State,
    reply::{Notice, Reply},
};
use crate::{
    engine::value::PlaneCell,
    lesson::{LayerHead, PaneSpec, Selection, question, tr},
};

impl State {
    /// Enters a step. The selection there depends on the step and on what the user picked, not on the steps visited
    /// before.
    pub fn enter(&mut self, step: usize) {
        self.nav.enter_step(step.min(self.n_steps().saturating_sub(1)));
        self.animation.beat = None;
        if let Some(reading) = &self.passes.reading {
            let start = self.lesson.start(self.nav.step, reading);
            let (chapter, step) = self.current();
            let selection = self.nav.picked.apply_to(start, chapter, step);
            let trace = reading.trace(step.model);
            let selection =
                Selection { layer: step.layer_near(trace, selection.layer), ..selection };
            self.nav.selection = selection.swap_axes(false, self.focused_has_plane_per_query());
            self.clamp();
            self.nav.selection.col = self.strongest_key();
        }
        self.guide.begin_step(self.nav.step);
        if let Some(notice) = self.ask_question() {
            self.show_notice(notice);
        }
        self.unfold();
    }

    /// Opens the step's question, unless it has been answered or questions are off. One about what is still being
    /// measured is asked when that is known.
    pub(super) fn ask_question(&mut self) -> Option<Notice> {
        let (_, step) = self.lesson.step(self.nav.step);
        if !self.guide.asks(step) {
            return None;
        }
        let reading = self.passes.reading.as_ref()?;
        let asked = question(step, reading, &self.narration_selection());
        self.guide.question_to_come = asked.is_none().then_some(self.nav.step);
        self.guide.ask(asked)
    }

    /// Begins to unfold the step, if things may move and a pane of it unfolds.
    pub(super) fn unfold(&mut self) {
        if self.animation.may_move() {
            let unfolds = self.unfolds();
            self.animation.begin(unfolds);
        }
    }

    /// The first step of a chapter.
    pub(super) fn chapter_start(&self, chapter: Option<usize>) -> Reply {
        let first = chapter.and_then(|chapter| self.first_of(chapter));
        first.map_or_else(
            || {
                let last = self.lesson.chapters.len() - 1;
                Reply::says(tr!(self.lesson.language, "the chapters are 0 to {last}", last))
            },
            Reply::enters,
        )
    }

    /// The first step of this chapter, or of the previous chapter at the first step.
    pub(super) fn chapter_start_before(&self) -> Reply {
        let chapter = self.current().0;
        let is_at_start = self.first_of(chapter) == Some(self.nav.step);
        match (is_at_start, chapter) {
            (true, 0) => Reply::says("this is the first step"),
            (true, _) => self.chapter_start(Some(chapter - 1)),
            (false, _) => self.chapter_start(Some(chapter)),
        }
    }

    /// The step that the next key goes to.
    pub(super) fn step_after(&self) -> Reply {
        let last = || Notice::with_key("this is the last step", "g goes back to the first").into();
        let next = self.guide.next_stop(&self.lesson, self.nav.step);
        next.map_or_else(last, Reply::enters)
    }

    /// The step that the previous key goes to.
    pub(super) fn step_before(&self) -> Reply {
        let previous = self.guide.previous_stop(&self.lesson, self.nav.step);
        previous.map_or_else(|| Reply::says("this is the first step"), Reply::enters)
    }

    /// Focuses a pane of the step; the cursor keeps its query and key.
    pub(super) fn focus_on(&mut self, pane: usize) {
        let had_plane_per_query = self.focused_has_plane_per_query();
        self.nav.focus = pane;
        self.nav.selection =
            self.nav.selection.swap_axes(had_plane_per_query, self.focused_has_plane_per_query());
    }

    pub(super) fn focus_by(&mut self, by: isize) -> Option<Notice> {
        let n = self.specs().len();
        if n < 2 {
            return Some(match self.nav.zoomed {
                Some(_) => "this head alone is shown; Esc goes back".into(),
                None => "this step has one pane".into(),
            });
        }
        self.focus_on((self.nav.focus as isize + by).rem_euclid(n as isize) as usize);
        self.clamp();
        None
    }

    /// Moves the cursor to a place under the mouse, unless an overlay is open.
    pub(super) fn point_at(&mut self, MouseTarget { pane, cell, head }: MouseTarget) {
        let is_there = pane < self.specs().len();
        if !self.overlay.is_none() || !is_there {
            return;
        }
        self.message = None;
        self.focus_on(pane);
        let at = self.picked_at();
        if let Some(head) = head {
            self.nav.selection.head = head;
            self.nav.pick_head(at);
        }
        if let Some(PlaneCell { row: layer, col: head }) = cell.filter(|_| self.walks_heads()) {
            self.nav.pick_layer_and_head(LayerHead { layer, head });
        } else if let Some(cell) = cell {
            self.nav.move_to(cell, at);
        }
        self.clamp();
    }

    /// Moves the cursor by rows and columns: over cells, along a route, or over heads.
    pub(super) fn move_by(&mut self, rows: isize, cols: isize) -> Option<Notice> {
        if self.walks_heads() {
            let panes = self.panes();
            let pane = panes.get(self.nav.focus);
            let to = pane.and_then(|pane| pane.head_at_offset(rows, cols));
            drop(panes);
            return self.nav.walk_to_head(to);
        }
        let extent = self.extent();
        if extent.is_empty() {
            return Some("this pane has no cells to walk".into());
        }
        let (on_route, is_horizontal) = {
            let panes = self.panes();
            let pane = panes.get(self.nav.focus);
            let on_route = pane.and_then(|pane| pane.moved_to(self.nav.cursor(), rows, cols));
            (on_route, pane.is_some_and(|pane| pane.is_horizontal()))
        };
        if let Some(to) = on_route {
            return self.nav.move_on_route(to);
        }
        // If the rows lie side by side, the keys for columns move between them as well.
        let (rows, cols) =
            if is_horizontal { (rows.saturating_add(cols), 0) } else { (rows, cols) };
        self.nav.move_within(extent, rows, cols, self.picked_at())
    }

    pub(super) fn layer_by(&mut self, by: isize) -> Option<Notice> {
        let n = self.n_layers();
        if n == 0 {
            return Some("this step has no layer to choose".into());
        }
        let next = |from: &usize| from.checked_add_signed(by).filter(|next| *next < n);
        let mut others = successors(next(&self.nav.selection.layer), next);
        let Some(layer) = others.find(|&layer| self.shows_layer(layer)) else {
            let last = n - 1;
            if by > 0 && n < self.n_all_layers() {
                return Some("no further layer has what this step shows".into());
            }
            return Some(tr!(self.lesson.language, "the layers are 0 to {last}", last).into());
        };
        self.nav.pick_layer(layer);
        self.clamp_where_open();
        None
    }

    pub(super) fn select_head_by(&mut self, by: isize) -> Option<Notice> {
        let Some((axis, n)) = self.planes() else {
            return Some("this step has no head to choose".into());
        };
        let head = self.nav.selection.head.saturating_add_signed(by);
        if head >= n || head == self.nav.selection.head {
            let (language, last) = (self.lesson.language, n - 1);
            let axis = language.tr(axis.name());
            return Some(tr!(language, "the {axis}s are 0 to {last}", axis, last).into());
        }
        self.nav.selection.head = head;
        self.nav.pick_head(self.picked_at());
        self.clamp();
        None
    }

    /// Whether a layer has a site that the step shows.
    fn shows_layer(&self, layer: usize) -> bool {
        let (Some(reading), (_, step)) = (&self.passes.reading, self.current()) else {
            return false;
        };
        let has = |spec: &&PaneSpec| {
            let trace = reading.trace(step.model_of(spec));
            spec.layered_site().is_some_and(|site| trace.layer_has(site, layer))
        };
        self.specs().iter().find(has).is_some()
    }

    /// Clamps the selection, unless the layer is closed: its number of rows is not known yet.
    pub(super) fn clamp_where_open(&mut self) {
        if self.closed_block().is_none() {
            self.clamp();
        }
    }

    /// Keeps the selection within what the step shows.
    pub(super) fn clamp(&mut self) {
        self.nav.clamp_layer(self.n_layers());
        self.nav.clamp_head(self.planes().map(|(_, n)| n));
        if !self.walks_heads() {
            self.nav.clamp_cursor(self.extent());
        }
    }
}
