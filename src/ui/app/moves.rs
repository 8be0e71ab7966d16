//! Moves between steps, panes, layers, heads and cells, and scrolls the narration.

use std::iter::successors;

use ratatui::layout::Rect;

use super::{Line, PickedRow, ScreenLayout, State};
use crate::{
    engine::{math::argmax, site::Axis},
    lesson::{PaneSpec, Selection, tr},
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
            self.select_strongest_key();
        }
        self.ask_question();
        self.unfold();
    }

    pub(super) fn enter_chapter(&mut self, chapter: Option<usize>) {
        let n = self.lesson.chapters.len();
        let Some(step) = chapter.and_then(|chapter| self.first_of(chapter)) else {
            let last = n - 1;
            self.show_message(tr!(self.lesson.language, "the chapters are 0 to {last}", last));
            return;
        };
        self.enter(step);
    }

    /// Enters the first step of this chapter, or of the previous chapter if it is there already.
    pub(super) fn step_back_a_chapter(&mut self) {
        let chapter = self.current().0;
        let is_at_start = self.first_of(chapter) == Some(self.nav.step);
        match (is_at_start, chapter) {
            (true, 0) => self.show_message("this is the first step"),
            (true, _) => self.enter_chapter(Some(chapter - 1)),
            (false, _) => self.enter_chapter(Some(chapter)),
        }
    }

    pub(super) fn focus_by(&mut self, by: isize) {
        let n = self.specs().len();
        if n < 2 {
            self.show_message(match self.nav.zoomed {
                Some(_) => "this head alone is shown; Esc goes back",
                None => "this step has one pane",
            });
            return;
        }
        self.focus_on((self.nav.focus as isize + by).rem_euclid(n as isize) as usize);
        self.clamp();
    }

    /// Rows and columns over which the cursor moves in the focused pane.
    fn extent(&self) -> (usize, usize) {
        self.panes().get(self.nav.focus).map_or((0, 0), |pane| pane.extent())
    }

    pub(super) fn move_by(&mut self, rows: isize, cols: isize) {
        if self.walks_heads() {
            return self.walk_heads(rows, cols);
        }
        let (n_rows, n_cols) = self.extent();
        if n_rows == 0 || n_cols == 0 {
            self.show_message("this pane has no cells to walk");
            return;
        }
        let cursor = (self.nav.selection.row, self.nav.selection.col);
        let moved =
            self.panes().get(self.nav.focus).and_then(|pane| pane.moved_to(cursor, rows, cols));
        if let Some((row, col)) = moved {
            if (row, col) == cursor {
                self.show_message("the route ends here");
            }
            (self.nav.selection.row, self.nav.selection.col) = (row, col);
            return;
        }
        // If the rows lie side by side, the keys for columns move between them as well.
        let (rows, cols) = match self.panes().get(self.nav.focus) {
            Some(pane) if pane.is_horizontal() => (rows.saturating_add(cols), 0),
            _ => (rows, cols),
        };
        let before = self.nav.selection;
        let to = |index: usize, by, n: usize| index.saturating_add_signed(by).min(n - 1);
        self.nav.selection.row = to(before.row, rows, n_rows);
        self.nav.selection.col = to(before.col, cols, n_cols);
        if rows != 0 {
            self.pick_row();
        }
        if self.nav.selection == before {
            self.show_message(reached_edge(rows, cols));
        }
    }

    pub(super) fn layer_by(&mut self, by: isize) {
        let n = self.n_layers();
        if n == 0 {
            self.show_message("this step has no layer to choose");
            return;
        }
        let next = |from: &usize| from.checked_add_signed(by).filter(|next| *next < n);
        let mut others = successors(next(&self.nav.selection.layer), next);
        let Some(layer) = others.find(|&layer| self.shows_layer(layer)) else {
            let last = n - 1;
            self.show_message(tr!(self.lesson.language, "the layers are 0 to {last}", last));
            return;
        };
        self.nav.selection.layer = layer;
        self.nav.picked.layer = Some(layer);
        self.clamp_where_open();
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

    pub(super) fn select_head_by(&mut self, by: isize) {
        let Some((axis, n)) = self.planes() else {
            self.show_message("this step has no head to choose");
            return;
        };
        let head = self.nav.selection.head.saturating_add_signed(by);
        if head >= n || head == self.nav.selection.head {
            let (language, last) = (self.lesson.language, n - 1);
            let axis = language.tr(axis.name());
            self.show_message(tr!(language, "the {axis}s are 0 to {last}", axis, last));
        } else {
            self.nav.selection.head = head;
            self.pick_head();
            self.clamp();
        }
    }

    /// Moves the cursor to a cell of the focused pane.
    pub(super) fn move_to(&mut self, row: usize, col: usize) {
        let is_other_row = row != self.nav.selection.row;
        (self.nav.selection.row, self.nav.selection.col) = (row, col);
        if is_other_row {
            self.pick_row();
        }
    }

    /// Remembers the selected row as the user's pick.
    pub(super) fn pick_row(&mut self) {
        let row = self.narration_selection().row;
        self.nav.picked.row = Some(PickedRow { chapter: self.current().0, row });
    }

    /// Remembers the selected head as the user's pick; if planes are queries, the row.
    pub(super) fn pick_head(&mut self) {
        if self.focused_has_plane_per_query() {
            self.pick_row();
        } else {
            self.nav.picked.head = Some(self.nav.selection.head);
        }
    }

    /// Selects a head of a layer and remembers both as the user's pick.
    pub(super) fn pick_layer_and_head(&mut self, (layer, head): (usize, usize)) {
        (self.nav.selection.layer, self.nav.selection.head) = (layer, head);
        (self.nav.picked.layer, self.nav.picked.head) = (Some(layer), Some(head));
    }

    /// Layout of the terminal's screen, and the lines of the narration.
    pub(super) fn current_layout(&self) -> (ScreenLayout, Vec<Line>) {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        self.plan(area, &self.preferred_sizes(&self.panes()))
    }

    pub(super) fn n_narration_lines(&self) -> usize {
        self.current_layout().1.len()
    }

    pub(super) fn page_by(&mut self, by: isize) {
        let (page, last) = self.page_and_last_offset();
        if !self.nav.scroll_by(by * page as isize, last) {
            self.show_message(if last == 0 {
                "all of the text is in view"
            } else {
                "that was all of the text"
            });
        }
    }

    pub(super) fn scroll_by(&mut self, lines: isize) {
        let (_, last) = self.page_and_last_offset();
        self.nav.scroll_by(lines, last);
    }

    /// Lines of narration in view at once, and the largest scroll offset.
    fn page_and_last_offset(&self) -> (usize, usize) {
        let (plan, lines) = self.current_layout();
        let page = plan.n_text_lines();
        (page, lines.len().saturating_sub(page))
    }

    pub(super) fn clamp(&mut self) {
        let within = |index: usize, n: usize| index.min(n.saturating_sub(1));
        let n_layers = self.n_layers();
        if n_layers > 0 {
            self.nav.selection.layer = within(self.nav.selection.layer, n_layers);
        }
        if let Some((_, n)) = self.planes() {
            self.nav.selection.head = within(self.nav.selection.head, n);
        }
        if self.walks_heads() {
            return;
        }
        let (rows, cols) = self.extent();
        self.nav.selection.row = within(self.nav.selection.row, rows);
        self.nav.selection.col = within(self.nav.selection.col, cols);
    }

    /// Moves the cursor to the key with the largest weight if columns are keys, else to column 0.
    pub(super) fn select_strongest_key(&mut self) {
        self.nav.selection.col =
            self.focused().and_then(|spec| self.strongest_key(spec)).unwrap_or(0);
    }

    fn strongest_key(&self, spec: &PaneSpec) -> Option<usize> {
        let site = self.site(spec).filter(|site| site.axes()[2] == Axis::Key)?;
        let shape = site.shape();
        let Selection { head, row, .. } = self.nav.selection;
        let (_, cols) = self.extent();
        let row = (head < shape.planes && row < shape.rows).then(|| site.value.row(head, row))?;
        argmax(row).filter(|&col| col < cols)
    }
}

fn reached_edge(rows: isize, cols: isize) -> &'static str {
    match (rows.signum(), cols.signum()) {
        (-1, _) => "that was the first row",
        (1, _) => "that was the last row",
        (_, -1) => "that was the first column",
        _ => "that was the last column",
    }
}
