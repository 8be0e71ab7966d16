//! Blocks of a large pass are opened when a step or the inspector looks into them, and the lens of a large
//! model is looked through when a step shows it: one at a time, away from the screen, which goes on.

use std::sync::Arc;

use super::{Action, Effect, Overlay, State, update};
use crate::{analysis::reading::Reading, lesson::looks_through, model::Name};

impl State {
    /// A path in a closed block that is looked at now.
    pub(super) fn closed(&self) -> Option<(Name, String)> {
        let reading = self.passes.reading.as_ref()?;
        let (_, step) = self.current();
        // Panes of all heads have what they show from elsewhere.
        let inside = self.specs().iter().filter(|spec| !spec.kind.walks_heads());
        let shown = inside
            .filter_map(|spec| Some((step.model_of(spec), spec.path(self.nav.selection.layer)?)));
        let inspected =
            self.inspector.awaited.iter().map(|(model, address)| (*model, address.path.clone()));
        let is_closed = |(model, path): &(Name, String)| reading.trace(*model).is_closed(path);
        inspected.chain(shown).find(is_closed)
    }

    /// What is to be opened, unless something is under way: what is looked at by then comes next.
    pub(super) fn ask_for_inside(&mut self) -> Option<Effect> {
        let (model, path) = self.closed()?;
        self.passes.open(model, path)
    }

    /// The opened block takes its place, if the reading is still that of the screen.
    pub(super) fn opened_block(&mut self, of: &Arc<Reading>, opened: Arc<Reading>) {
        if self.passes.opened(of, opened) {
            self.clamp_where_open();
            if let Some((model, address)) = self.inspector.awaited.take() {
                self.inspect_address(model, &address);
            }
        }
    }

    /// The row to look at through the lens, unless that is known or somebody looks already.
    pub(super) fn ask_for_lens(&mut self) -> Option<Effect> {
        let (model, row) = self.behind_lens()?;
        self.passes.look(model, row)
    }

    fn behind_lens(&self) -> Option<(Name, usize)> {
        let (_, step) = self.current();
        let row = looks_through(step, self.passes.reading.as_ref()?, &self.selection_in_words())?;
        Some((step.model, row))
    }

    /// The same without what lies over the walk, without the message of the last key, and with everything that is
    /// looked at opened: for a frame of that size.
    #[must_use]
    pub fn for_frame(&self, width: u16, height: u16) -> Self {
        let passes = self.passes.at_rest();
        let mut state = Self { passes, overlay: Overlay::None, message: None, ..self.clone() };
        settle(&mut state, Action::Resize(width, height));
        state
    }
}

/// Updates a state that nobody waits for: what is to be opened or looked at is done at once.
pub fn settle(state: &mut State, action: Action) {
    let mut next = Some(action);
    while let Some(action) = next {
        next = update(state, action).and_then(|effect| answer(state, effect));
    }
}

fn answer(state: &State, effect: Effect) -> Option<Action> {
    let reading = state.passes.reading.as_ref()?;
    match effect {
        Effect::Open(model, path) => {
            let opened = reading.opened(model, &path)?;
            Some(Action::Opened(Arc::clone(reading), Arc::new(opened)))
        }
        Effect::Look(model, row) => {
            reading.lens(model, row);
            Some(Action::Looked)
        }
        _ => None,
    }
}
