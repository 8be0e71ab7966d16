//! Moves in large matrices: changes the scale, scrolls by screens, finds cells, zooms into one head.

use ratatui::layout::{Margin, Rect};

use super::{Overlay, State};
use crate::{
    analysis::measure::{
        find::{FINDERS, Finder},
        heads::FIGURES,
    },
    lesson::{PaneKind, PaneSpec, tr},
    text::cell_value,
    ui::{
        panes::{Pane, Sort},
        widgets::heat::Zoom,
    },
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
    pub(super) fn zoom_by(&mut self, by: isize) {
        let Some(zoom) = self.ask_focused_pane(|pane, area| pane.zoom(area)) else {
            self.show_message("this pane has one scale; matrices have three");
            return;
        };
        let level = ZOOMS.iter().position(|z| *z == zoom).unwrap_or(0);
        match level.checked_add_signed(by).and_then(|to| ZOOMS.get(to)) {
            Some(&zoom) => self.nav.view.zoom = zoom,
            None if by > 0 => self.show_message("this is the closest scale; Z zooms out"),
            None => self.show_message("the whole matrix is in view; z zooms in"),
        }
    }

    /// Moves the cursor by screens of the cells in view.
    pub(super) fn screen_by(&mut self, rows: isize, cols: isize) {
        let (high, wide) =
            self.ask_focused_pane(|pane, area| Some(pane.visible_extent(area))).unwrap_or((1, 1));
        let by = |screens: isize, n: usize| screens.saturating_mul(n.max(1) as isize);
        self.move_by(by(rows, high), by(cols, wide));
    }

    /// Sorts the table of heads that the step shows.
    pub(super) fn sort_next(&mut self) {
        let Some(table) = self.panes().iter().position(|pane| pane.is_sortable()) else {
            self.show_message("nothing to sort here; tables of heads can be sorted");
            return;
        };
        match self.specs().get(table).map(|spec| spec.kind) {
            Some(PaneKind::Evidence) => self.sort_knock_outs(),
            _ => self.sort_heads(table),
        }
    }

    /// Sorts the heads that are knocked out by their effect, or again by their number.
    fn sort_knock_outs(&mut self) {
        let by_effect = &mut self.nav.view.knock_outs_by_effect;
        *by_effect = !*by_effect;
        let message = if *by_effect {
            "heads knocked out: the largest effect first"
        } else {
            "heads knocked out: head by head"
        };
        self.show_message(message);
    }

    /// Sorts the table of heads in this pane by the next order and selects its first row.
    fn sort_heads(&mut self, table: usize) {
        self.nav.view.sort = self.nav.view.sort.next();
        let first = self.panes().get(table).and_then(|pane| pane.head_at_offset(isize::MIN, 0));
        if let Some(first) = first {
            self.pick_layer_and_head(first);
        }
        match self.nav.view.sort {
            Sort::Computed => self.show_message("layer by layer"),
            Sort::Figure { figure, is_rising } => {
                let language = self.lesson.language;
                let caption = language.tr(FIGURES[figure].caption);
                self.show_message(if is_rising {
                    tr!(language, "{caption}: the smallest first", caption)
                } else {
                    tr!(language, "{caption}: the largest first", caption)
                });
            }
        }
    }

    /// Moves the cursor to the cell that a finder finds, or to the next one if `goes_on`.
    pub(super) fn find_cell(&mut self, finder: usize, goes_on: bool) {
        let Some(wanted) = FINDERS.get(finder) else { return };
        self.nav.last_finder = Some(finder);
        let cursor = (self.nav.selection.row, self.nav.selection.col);
        let found = {
            let panes = self.panes();
            let Some(pane) = panes.get(self.nav.focus) else { return };
            let find = if goes_on { Finder::next } else { Finder::first };
            let next = pane.plane().map(|plane| find(wanted, &plane, cursor));
            next.map(|found| {
                found.map(|found| (found, pane.cursor_cell(found.hit.row, found.hit.col)))
            })
        };
        let language = self.lesson.language;
        let name = language.tr(wanted.name);
        let (found, pointed) = match found {
            None => return self.show_message("this pane is not a matrix; Tab goes to another"),
            Some(None) => {
                return self.show_message(tr!(language, "{name}: there is none here", name));
            }
            Some(Some(found)) => found,
        };
        self.move_to(found.hit.row, found.hit.col);
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
        self.show_message(format!("{name}{cell}{}{count}", entropy.unwrap_or_default()));
    }

    /// Moves the cursor to the next cell of the last finder; opens the palette if there is none.
    pub(super) fn find_next_cell(&mut self) {
        match self.nav.last_finder {
            Some(finder) => self.find_cell(finder, true),
            None => self.overlay = Overlay::palette(self.lesson.language.tr("find: ")),
        }
    }

    /// Whether the cursor of the focused pane moves over heads instead of cells.
    pub(super) fn walks_heads(&self) -> bool {
        self.focused().is_some_and(|spec| spec.kind.walks_heads())
    }

    /// Selects another head, in a pane whose cursor moves over heads.
    pub(super) fn walk_heads(&mut self, rows: isize, cols: isize) {
        let to = self.panes().get(self.nav.focus).and_then(|pane| pane.head_at_offset(rows, cols));
        let here = (self.nav.selection.layer, self.nav.selection.head);
        match to {
            Some(to) if to != here => self.pick_layer_and_head(to),
            _ => self.show_message("no more heads in this direction"),
        }
    }

    /// Shows the selected head's matrix alone, until Esc.
    pub(super) fn zoom_into_head(&mut self) {
        let Some(spec) = self.focused() else { return };
        let spec = PaneSpec { kind: PaneKind::Matrix, title: None, ..spec.clone() };
        self.nav.zoom_into(spec);
        self.clamp();
        self.select_strongest_key();
        self.show_message("z Z zoom in and out   f finds a cell   , . [ ] other heads   Esc back");
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
