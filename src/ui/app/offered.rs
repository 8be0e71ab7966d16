//! Which keys do something at the step in view: only those are shown as hints.

use super::{Command, State};
use crate::{
    engine::value::{Extent, PlaneCell},
    ui::panes::Pane,
};

impl State {
    /// Whether a command would do something here; `pane`: the focused pane.
    pub fn offers(&self, command: Command, pane: Option<&dyn Pane>) -> bool {
        let extent = pane.map_or(Extent::NONE, Pane::extent);
        let has_cells = self.walks_heads() || !extent.is_empty();
        match command {
            Command::Accept => self.walks_heads() || self.opens_a_number(pane),
            Command::Move(0, _) => has_cells && (self.walks_heads() || extent.cols > 1),
            Command::Move(..) => has_cells,
            Command::FindCell => extent.rows > 1 && extent.cols > 1,
            Command::Layer(_) => self.n_layers() > 1,
            Command::Head(_) => self.planes().is_some_and(|(_, n)| n > 1),
            Command::NextPane => self.specs().len() > 1,
            _ => true,
        }
    }

    fn opens_a_number(&self, pane: Option<&dyn Pane>) -> bool {
        let PlaneCell { row, col } = self.nav.cursor();
        let has_number = |pane: &dyn Pane| {
            pane.cursor_cell(row, col).is_some() || pane.arithmetic(row, col).is_some()
        };
        self.passes.reading.is_some() && pane.is_some_and(has_number)
    }
}
