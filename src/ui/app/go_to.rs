//! Going to a number by its address: into a step that shows it, with the cursor on its cell.

use super::{State, reply::Notice};
use crate::{
    engine::{
        site::Address,
        value::{Cell, PlaneCell},
    },
    lesson::{PaneSpec, Selection},
    model::ModelName,
};

/// Number of ranks of a list that are searched for a cell.
const MAX_RANKS: usize = 4096;

/// A pane of a step that shows a site.
#[derive(Clone, Copy)]
struct SitePane {
    step: usize,
    pane: usize,
    /// The layer to select if the site is one of a layer.
    layer: Option<usize>,
}

impl State {
    /// Enters a step that shows the cell and opens it there; without such a step, opens it in the current one.
    pub(super) fn go_to(&mut self, model: ModelName, address: &Address) -> Option<Notice> {
        self.inspector.close();
        let places = address.site_path().map_or_else(Vec::new, |path| self.places_of(model, path));
        // A list of a row's largest numbers may lack the cell; a matrix in another step has it.
        let is_shown = places.iter().any(|place| self.select_cell(*place, address));
        if let Some(first) = places.first().filter(|_| !is_shown) {
            self.select_cell(*first, address);
        }
        let reading = self.passes.reading.as_deref();
        self.inspector.open(model, address, reading, self.lesson.language)
    }

    /// Enters a step and moves the cursor to the cell, or to the start of its row if the pane lacks it; returns
    /// whether the pane has it.
    fn select_cell(&mut self, at: SitePane, address: &Address) -> bool {
        let SitePane { step, pane, layer } = at;
        self.enter(step);
        self.nav.focus = pane;
        let Cell { plane: head, row, col } = address.cell;
        let layer = layer.unwrap_or(self.nav.selection.layer);
        self.nav.selection = Selection { layer, head, row, col };
        self.nav.pick_layer(layer);
        let at = self.picked_at();
        self.nav.pick_row(at);
        self.nav.pick_head(at);
        self.clamp();
        let cursor = self.cursor_on(address);
        self.nav.set_cursor(cursor.unwrap_or(PlaneCell::new(row, 0)));
        self.clamp();
        cursor.is_some()
    }

    /// Row and column of the cursor on a cell in the focused pane; in a list, the column is the cell's rank.
    fn cursor_on(&self, address: &Address) -> Option<PlaneCell> {
        let panes = self.panes();
        let pane = panes.get(self.nav.focus)?;
        let Cell { row, col, .. } = address.cell;
        let is_on_cell = |&PlaneCell { row, col }: &PlaneCell| {
            let pointed = pane.cursor_cell(row, col).map(|p| p.address);
            pointed.is_some_and(|p| (p.site_path(), p.cell) == (address.site_path(), address.cell))
        };
        let ranks = pane.extent().cols.min(MAX_RANKS);
        let cols = std::iter::once(col).chain(0..ranks);
        cols.map(|col| PlaneCell { row, col }).find(is_on_cell)
    }

    /// Panes of a site, at most one per step, the current chapter first.
    fn places_of(&self, model: ModelName, path: &str) -> Vec<SitePane> {
        let chapter = self.current().0;
        let steps = self.lesson.steps();
        let mut order: Vec<usize> = (0..steps.len()).collect();
        order.sort_by_key(|&i| steps[i].0 != chapter);
        let layered =
            self.passes.reading.as_ref().and_then(|reading| reading.trace(model).in_layers(path));
        let in_step = |i: usize| {
            let step = steps[i].1;
            let place = |(pane, spec): (usize, &PaneSpec)| {
                let site = spec.site.as_deref().filter(|_| step.model_of(spec) == model)?;
                let in_layer = layered.as_ref().filter(|layered| layered.pattern == site);
                let layer = in_layer.map(|layered| layered.layer);
                (site == path || layer.is_some()).then_some(SitePane { step: i, pane, layer })
            };
            step.panes.iter().enumerate().find_map(place)
        };
        order.into_iter().filter_map(in_step).collect()
    }
}
