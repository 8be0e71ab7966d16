//! Where one is: step, pane, layer, head and cell, and how far the narration is scrolled.

use ratatui::layout::Rect;

use super::{Line, Plan, State};
use crate::{
    engine::{math::argmax, site::Axis},
    lesson::{PaneSpec, Selection},
    ui::widgets::heat::Zoom,
};

impl State {
    /// Goes to a step. Layer, head and row stay as they were unless the step starts from its own.
    pub fn enter(&mut self, step: usize) {
        let (chapter, before) = (self.current().0, self.selection_in_words());
        self.step = step.min(self.n_steps().saturating_sub(1));
        self.has_picked_row &= self.current().0 == chapter;
        (self.focus, self.scroll, self.beat) = (0, 0, None);
        (self.zoomed, self.view.zoom) = (None, Zoom::Fit);
        if let Some(reading) = self.reading.clone() {
            let start = self.current().1.start(&reading, before);
            let row = if self.has_picked_row { before.row } else { start.row };
            let selection = Selection { row, ..start };
            self.selection = selection.swap_axes(false, self.has_queries_apart());
            self.clamp();
            self.look_at_the_strongest();
        }
        self.ask();
    }

    pub(super) fn enter_chapter(&mut self, chapter: Option<usize>) {
        let n = self.lesson.chapters.len();
        match chapter.and_then(|chapter| self.first_of(chapter)) {
            Some(step) => self.enter(step),
            None => self.note(format!("the chapters are 0 to {}", n - 1)),
        }
    }

    /// The beginning of this chapter, or of the one before if it is there already.
    pub(super) fn step_back_a_chapter(&mut self) {
        let chapter = self.current().0;
        let is_at_start = self.first_of(chapter) == Some(self.step);
        match (is_at_start, chapter) {
            (true, 0) => self.note("this is the first step"),
            (true, _) => self.enter_chapter(Some(chapter - 1)),
            (false, _) => self.enter_chapter(Some(chapter)),
        }
    }

    pub(super) fn focus_by(&mut self, by: isize) {
        let n = self.specs().len();
        if n < 2 {
            self.note(match self.zoomed {
                Some(_) => "this head alone is shown; Esc goes back",
                None => "this step has one pane",
            });
            return;
        }
        self.focus_on((self.focus as isize + by).rem_euclid(n as isize) as usize);
        self.clamp();
    }

    /// Rows and columns that the cursor can walk in the focused pane.
    fn extent(&self) -> (usize, usize) {
        self.panes().get(self.focus).map_or((0, 0), |pane| pane.extent())
    }

    pub(super) fn move_by(&mut self, rows: isize, cols: isize) {
        if self.walks_heads() {
            return self.walk_heads(rows, cols);
        }
        let (n_rows, n_cols) = self.extent();
        if n_rows == 0 || n_cols == 0 {
            self.note("this pane has no cells to walk");
            return;
        }
        // What stands beside each other is walked by the keys of columns as well.
        let (rows, cols) = match self.panes().get(self.focus) {
            Some(pane) if pane.lies_across() => (rows.saturating_add(cols), 0),
            _ => (rows, cols),
        };
        let before = self.selection;
        let to = |at: usize, by, n: usize| at.saturating_add_signed(by).min(n - 1);
        self.selection.row = to(before.row, rows, n_rows);
        self.selection.col = to(before.col, cols, n_cols);
        self.has_picked_row |= rows != 0;
        if self.selection == before {
            self.note(format!("that was the {}", edge(rows, cols)));
        }
    }

    pub(super) fn layer_by(&mut self, by: isize) {
        let n = self.n_layers();
        let layer = self.selection.layer.saturating_add_signed(by);
        match n {
            0 => self.note("this step has no layer to choose"),
            _ if layer >= n || layer == self.selection.layer => {
                self.note(format!("the layers are 0 to {}", n - 1));
            }
            _ => {
                self.selection.layer = layer;
                self.clamp_where_open();
            }
        }
    }

    /// A closed layer has no rows as yet: the selected one is kept until it is opened.
    pub(super) fn clamp_where_open(&mut self) {
        if self.closed().is_none() {
            self.clamp();
        }
    }

    pub(super) fn head_by(&mut self, by: isize) {
        let Some((axis, n)) = self.planes() else {
            self.note("this step has no head to choose");
            return;
        };
        let head = self.selection.head.saturating_add_signed(by);
        if head >= n || head == self.selection.head {
            self.note(format!("the {}s are 0 to {}", axis.name(), n - 1));
        } else {
            self.selection.head = head;
            self.clamp();
        }
    }

    /// The plan of the terminal's screen and its narration.
    pub(super) fn planned(&self) -> (Plan, Vec<Line>) {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let wanted: Vec<_> = self.panes().iter().map(|pane| pane.wanted()).collect();
        self.plan(area, &wanted)
    }

    pub(super) fn lines_of_text(&self) -> usize {
        self.planned().1.len()
    }

    pub(super) fn page_by(&mut self, by: isize) {
        let (page, last) = self.pages();
        let scroll = self.scroll.min(last).saturating_add_signed(by * page as isize).min(last);
        if scroll == self.scroll {
            self.note(if last == 0 {
                "all of the text is in view"
            } else {
                "that was all of the text"
            });
        }
        self.scroll = scroll;
    }

    pub(super) fn scroll_by(&mut self, lines: isize) {
        let (_, last) = self.pages();
        self.scroll = self.scroll.min(last).saturating_add_signed(lines).min(last);
    }

    /// The lines of narration in view at once, and how many can be scrolled away.
    fn pages(&self) -> (usize, usize) {
        let (plan, lines) = self.planned();
        let page = usize::from(plan.prose.height);
        (page, lines.len().saturating_sub(page))
    }

    pub(super) fn clamp(&mut self) {
        let within = |at: usize, n: usize| at.min(n.saturating_sub(1));
        let n_layers = self.n_layers();
        if n_layers > 0 {
            self.selection.layer = within(self.selection.layer, n_layers);
        }
        if let Some((_, n)) = self.planes() {
            self.selection.head = within(self.selection.head, n);
        }
        if self.walks_heads() {
            return;
        }
        let (rows, cols) = self.extent();
        self.selection.row = within(self.selection.row, rows);
        self.selection.col = within(self.selection.col, cols);
    }

    /// Where columns are words that are looked at, the cursor starts on the most looked at.
    pub(super) fn look_at_the_strongest(&mut self) {
        self.selection.col = self.focused().and_then(|spec| self.strongest(spec)).unwrap_or(0);
    }

    fn strongest(&self, spec: &PaneSpec) -> Option<usize> {
        let site = self.site(spec).filter(|site| site.axes()[2] == Axis::Key)?;
        let shape = site.shape();
        let Selection { head, row, .. } = self.selection;
        let (_, cols) = self.extent();
        let row = (head < shape.planes && row < shape.rows).then(|| site.value.row(head, row))?;
        argmax(row).filter(|&col| col < cols)
    }
}

fn edge(rows: isize, cols: isize) -> &'static str {
    match (rows.signum(), cols.signum()) {
        (-1, _) => "first row",
        (1, _) => "last row",
        (_, -1) => "first column",
        _ => "last column",
    }
}
