//! What is computed in the background because a step shows it, one request of a kind at a time: a block of a large pass
//! that a step or the inspector shows, the lens or a form of attention of a large model, times on this machine.

use std::sync::Arc;

use super::{Effect, State};
use crate::{
    analysis::{measure::attention_form::AttentionForm, reading::Reading},
    lesson::{PaneKind, looks_through},
    model::Name,
};

/// The rows before and after the cursor's that the map of the lens asks for.
const MAP_ROWS: usize = 24;

impl State {
    /// Model and path of a site shown now that is in a closed block.
    pub(super) fn closed_block(&self) -> Option<(Name, String)> {
        let reading = self.passes.reading.as_ref()?;
        let (_, step) = self.current();
        // Panes over all heads do not read the values of this site.
        let inside = self.specs().iter().filter(|spec| !spec.kind.walks_heads());
        let shown = inside
            .filter_map(|spec| Some((step.model_of(spec), spec.path(self.nav.selection.layer)?)));
        let inspected =
            self.inspector.awaited.iter().map(|(model, address)| (*model, address.path.clone()));
        let is_closed = |(model, path): &(Name, String)| reading.trace(*model).is_closed(path);
        inspected.chain(shown).find(is_closed)
    }

    /// Requests that the closed block shown now be opened, unless a request is in progress.
    pub(super) fn request_block(&mut self) -> Option<Effect> {
        let (model, path) = self.closed_block()?;
        self.passes.request_block(model, path)
    }

    /// Stores the reading with the opened block, if its reading is still on the screen.
    pub(super) fn take_opened_block(&mut self, of: &Arc<Reading>, opened: Arc<Reading>) {
        if self.passes.take_opened_block(of, opened) {
            self.clamp_where_open();
            if let Some((model, address)) = self.inspector.awaited.take() {
                self.inspect_address(model, &address);
            }
        }
    }

    /// Requests the lens that the step shows, unless it is known or a request is in progress.
    pub(super) fn request_lens(&mut self) -> Option<Effect> {
        let (model, row) = self.shown_lens()?;
        if let Some(effect) = self.passes.request_lens(model, row, None) {
            return Some(effect);
        }
        // The map has a lens for every row; those about the cursor come first.
        let is_map = self.specs().get(self.nav.focus)?.kind == PaneKind::LensMap;
        let n = self.passes.reading.as_ref()?.trace(model).probs()?.shape().rows;
        let mut rows: Vec<usize> = (row.saturating_sub(MAP_ROWS)..n.min(row + MAP_ROWS)).collect();
        rows.sort_by_key(|other| other.abs_diff(row));
        let followed = self.nav.view.followed;
        let mut words = vec![None, followed];
        words.dedup();
        rows.into_iter()
            .filter(|_| is_map)
            .flat_map(|row| words.iter().map(move |word| (row, *word)))
            .find_map(|(row, word)| self.passes.request_lens(model, row, word))
    }

    fn shown_lens(&self) -> Option<(Name, usize)> {
        let (_, step) = self.current();
        let row = looks_through(step, self.passes.reading.as_ref()?, &self.narration_selection())?;
        Some((step.model, row))
    }

    /// Requests the form of attention that the step shows, unless it is known or a request is in progress.
    pub(super) fn request_attention_map(&mut self) -> Option<Effect> {
        let form = self.nav.view.attention;
        if form == AttentionForm::Weights {
            return None;
        }
        let wanted: Vec<(Name, String)> = self.shown_maps_of_attention().collect();
        let mut wanted = wanted.into_iter();
        wanted.find_map(|(model, path)| self.passes.request_attention_map(model, path, form))
    }

    /// Requests reading times, once, if the step shows them.
    pub(super) fn request_times(&mut self) -> Option<Effect> {
        if self.shows(PaneKind::Times) { self.passes.request_times() } else { None }
    }

    fn shows(&self, kind: PaneKind) -> bool {
        self.current().1.panes.iter().any(|pane| pane.kind == kind)
    }
}
