//! Blocks of a large pass are opened when a step or the inspector looks into them, and the lens of a large
//! model is looked through when a step shows it: one at a time, away from the screen, which goes on.

use std::sync::Arc;

use super::{Effect, State};
use crate::{analysis::reading::Reading, lesson::looks_through, model::Name};

impl State {
    /// A path in a closed block that is looked at now.
    pub(super) fn closed(&self) -> Option<(Name, String)> {
        let reading = self.reading.as_ref()?;
        let (_, step) = self.current();
        // Panes of all heads have what they show from elsewhere.
        let inside = self.specs().iter().filter(|spec| !spec.kind.walks_heads());
        let shown =
            inside.filter_map(|spec| Some((step.model_of(spec), spec.path(self.selection.layer)?)));
        let inspected =
            self.to_inspect.iter().map(|(model, address)| (*model, address.path.clone()));
        let is_closed = |(model, path): &(Name, String)| reading.trace(*model).is_closed(path);
        inspected.chain(shown).find(is_closed)
    }

    /// What is to be opened, unless something is under way: what is looked at by then comes next.
    pub(super) fn ask_for_inside(&mut self) -> Option<Effect> {
        let (model, path) = self.closed().filter(|_| self.opening.is_none())?;
        self.opening = Some(path.clone());
        Some(Effect::Open(model, path))
    }

    /// The opened block takes its place, if the reading is still that of the screen.
    pub(super) fn opened_block(&mut self, of: &Arc<Reading>, opened: Arc<Reading>) {
        self.opening = None;
        if self.reading.as_ref().is_some_and(|reading| Arc::ptr_eq(reading, of)) {
            self.reading = Some(opened);
            self.clamp_where_open();
            if let Some((model, address)) = self.to_inspect.take() {
                self.inspect_address(model, &address);
            }
        }
    }

    /// The row to look at through the lens, unless that is known or somebody looks already.
    pub(super) fn ask_for_lens(&mut self) -> Option<Effect> {
        let (model, row) = self.behind_lens().filter(|_| self.looking.is_none())?;
        if self.reading.as_ref()?.known_lens(model, row).is_some() {
            return None;
        }
        self.looking = Some(row);
        Some(Effect::Look(model, row))
    }

    fn behind_lens(&self) -> Option<(Name, usize)> {
        let (_, step) = self.current();
        let row = looks_through(step, self.reading.as_ref()?, &self.selection_in_words())?;
        Some((step.model, row))
    }

    /// Opens at once what is looked at: for frames, which nobody waits for.
    pub fn open_insides(&mut self) {
        while let Some((model, path)) = self.closed() {
            let opened = self.reading.as_ref().and_then(|reading| reading.opened(model, &path));
            let Some(opened) = opened else { return };
            self.reading = Some(Arc::new(opened));
        }
        if let (Some((model, row)), Some(reading)) = (self.behind_lens(), &self.reading) {
            reading.lens(model, row);
        }
    }
}
