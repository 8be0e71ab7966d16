//! Moves in large matrices: changes the scale, scrolls by screens, sorts, finds cells, zooms into one head.

use ratatui::layout::{Margin, Rect};

use super::{State, map_view::Followed, reply::Notice};
use crate::{
    analysis::measure::find::{FINDERS, Finder},
    engine::value::{Extent, PlaneCell},
    lesson::{PaneKind, PaneSpec, tr},
    text::cell_value,
    ui::{panes::Pane, widgets::heat::Zoom},
};

/// Scales of a matrix, from the farthest to the nearest.
const ZOOMS: [Zoom; 3] = [Zoom::Overview, Zoom::Cells, Zoom::Numbers];

impl State {
    /// Area of the focused pane inside its frame.
    fn focused_area(&self) -> Option<Rect> {
        let (plan, _) = self.current_layout();
        Some((*plan.frames.get(self.nav.focus)?)?.inner(Margin::new(1, 1)))
    }

    /// Calls `ask` with the focused pane and its area.
    fn ask_focused_pane<T>(&self, ask: impl FnOnce(&dyn Pane, Rect) -> Option<T>) -> Option<T> {
        let (panes, area) = (self.panes(), self.focused_area()?);
        ask(panes.get(self.nav.focus)?.as_ref(), area)
    }

    /// Changes the scale by `by` levels; positive is closer.
    pub(super) fn zoom_by(&mut self, by: isize) -> Option<Notice> {
        let Some(zoom) = self.ask_focused_pane(|pane, area| pane.zoom(area)) else {
            return Some("this pane has one scale; matrices have three".into());
        };
        let level = ZOOMS.iter().position(|z| *z == zoom).unwrap_or(0);
        match level.checked_add_signed(by).and_then(|to| ZOOMS.get(to)) {
            Some(&zoom) => self.nav.view.zoom = zoom,
            None if by > 0 => return Some("this is the closest scale; Z zooms out".into()),
            None => return Some("the whole matrix is in view; z zooms in".into()),
        }
        None
    }

    /// Rows and columns of so many screens of the cells in view.
    pub(super) fn cells_of_screens(&self, rows: isize, cols: isize) -> (isize, isize) {
        let in_view = self.ask_focused_pane(|pane, area| Some(pane.visible_extent(area)));
        let in_view = in_view.unwrap_or(Extent::new(1, 1));
        let by = |screens: isize, n: usize| screens.saturating_mul(n.max(1) as isize);
        (by(rows, in_view.rows), by(cols, in_view.cols))
    }

    /// Sorts the table of heads that the step shows by the next order; of a table of all heads, selects the first row. In
    /// place of the parts of a logit, lists the units of feed-forward by what they add.
    pub(super) fn sort_next(&mut self) -> Notice {
        let Some(table) = self.panes().iter().position(|pane| pane.is_sortable()) else {
            return "nothing to sort here; tables of heads can be sorted".into();
        };
        if self.specs().get(table).is_some_and(|spec| spec.kind.lists_parts()) {
            let notice = self.nav.toggle_units();
            self.clamp();
            return notice;
        }
        if self.specs().get(table).is_some_and(|spec| spec.kind.lists_knock_outs()) {
            return self.nav.sort_knock_outs();
        }
        self.nav.view.sort = self.nav.view.sort.next();
        let first = self.panes().get(table).and_then(|pane| pane.head_at_offset(isize::MIN, 0));
        if let Some(first) = first {
            self.nav.pick_layer_and_head(first);
        }
        self.nav.sort_notice(self.lesson.language)
    }

    /// Moves the cursor to the cell that a finder finds, or to the next one if `goes_on`.
    pub(super) fn find_cell(&mut self, finder: usize, goes_on: bool) -> Option<Notice> {
        let wanted = FINDERS.get(finder)?;
        self.nav.last_finder = Some(finder);
        let language = self.lesson.language;
        let name = language.tr(wanted.name);
        let (found, pointed) = {
            let panes = self.panes();
            let pane = panes.get(self.nav.focus)?;
            let find = if goes_on { Finder::next } else { Finder::first };
            let Some(plane) = pane.plane() else {
                return Some("this pane is not a matrix; Tab goes to another".into());
            };
            let Some(found) = find(wanted, &plane, self.nav.cursor()) else {
                return Some(tr!(language, "{name}: there is none here", name).into());
            };
            let pointed = pane.cursor_cell(found.hit.at.row, found.hit.at.col);
            (found, pointed)
        };
        self.nav.move_to(found.hit.at, self.picked_at());
        let cell = pointed.map_or_else(String::new, |cell| {
            format!(": {} = {}", cell.address, cell_value(cell.value))
        });
        let entropy = found
            .hit
            .entropy
            .map(|nats| tr!(language, ", entropy {nats} nats", nats = format_args!("{nats:.2}")));
        let count = if found.n > 1 {
            tr!(language, "  {nth} of {n}, F next", nth = found.nth, n = found.n)
        } else {
            String::new()
        };
        Some(format!("{name}{cell}{}{count}", entropy.unwrap_or_default()).into())
    }

    /// What the cursor is on in a pane that follows something.
    pub(super) fn followed_under_cursor(&self) -> Option<Followed> {
        let PlaneCell { row, col } = self.nav.cursor();
        let panes = self.panes();
        let pane = panes.get(self.nav.focus)?;
        let word = || pane.word_to_follow(row, col).map(Followed::Word);
        pane.row_to_explain(row, col).map(Followed::Row).or_else(word)
    }

    /// Shows the selected head's matrix alone, until Esc.
    pub(super) fn zoom_into_head(&mut self) -> Option<Notice> {
        let spec = self.focused()?;
        let spec = PaneSpec { kind: PaneKind::Matrix, title: None, ..spec.clone() };
        self.nav.zoom_into(spec);
        self.clamp();
        self.nav.selection.col = self.strongest_key();
        Some("z Z zoom in and out   f finds a cell   , . [ ] other heads   Esc back".into())
    }

    /// Returns to the step's panes. False if no head is zoomed.
    pub(super) fn zoom_out_of_head(&mut self) -> bool {
        let was_zoomed = self.nav.zoom_out();
        if was_zoomed {
            self.clamp();
        }
        was_zoomed
    }
}
