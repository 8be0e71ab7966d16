//! Requests that run in the background, one of a kind at a time: opening a block of a large pass that a step or the
//! inspector shows, and computing the lens or a form of attention of a large model.

use std::sync::Arc;

use super::{Action, Animation, Effect, Overlay, State, update};
use crate::{
    analysis::reading::Reading,
    lesson::{PaneKind, looks_through},
    model::Name,
    ui::{panes::View, theme::Theme},
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

    /// Follows the word under the cursor in the map of the lens, or follows none if it is followed.
    pub(super) fn follow_word(&mut self) {
        let cursor = (self.nav.selection.row, self.nav.selection.col);
        let found = {
            let panes = self.panes();
            let pane = panes.get(self.nav.focus);
            pane.and_then(|pane| pane.word_to_follow(cursor.0, cursor.1))
        };
        let row = {
            let panes = self.panes();
            panes.get(self.nav.focus).and_then(|pane| pane.row_to_explain(cursor.0, cursor.1))
        };
        if let Some(row) = row {
            return self.explain_row(row);
        }
        let Some(word) = found else {
            self.show_message("no word to follow here; a map of the logit lens has some");
            return;
        };
        let followed = Some(word).filter(|word| self.nav.view.followed != Some(*word));
        self.nav.view.followed = followed;
        self.show_message(match followed {
            Some(_) => "its probability everywhere, or its rank where that is small; c ends it",
            None => "the likeliest word of each cell",
        });
    }

    fn shown_lens(&self) -> Option<(Name, usize)> {
        let (_, step) = self.current();
        let row = looks_through(step, self.passes.reading.as_ref()?, &self.narration_selection())?;
        Some((step.model, row))
    }

    /// A copy for a frame of this size, without overlay and message, and with everything that is shown opened.
    #[must_use]
    pub fn for_frame(&self, width: u16, height: u16) -> Self {
        let passes = self.passes.without_requests();
        let mut state = Self { passes, overlay: Overlay::None, message: None, ..self.clone() };
        update_and_run(&mut state, Action::Resize(width, height));
        state
    }

    /// A copy in another theme.
    #[must_use]
    pub fn in_theme(&self, theme: Theme) -> Self {
        Self { theme, ..self.clone() }
    }

    /// The same state with maps drawn so.
    #[must_use]
    pub fn with_view(mut self, view: View) -> Self {
        self.nav.view = view;
        self
    }

    /// A copy at a beat of the step's unfolding; None shows everything.
    #[must_use]
    pub fn at_beat(&self, beat: Option<usize>) -> Self {
        let animation = Animation { beat, ..self.animation.clone() };
        Self { animation, ..self.clone() }
    }
}

/// Updates a state and performs its requests for blocks and lenses at once.
pub fn update_and_run(state: &mut State, action: Action) {
    let mut next = Some(action);
    while let Some(action) = next {
        next = update(state, action).and_then(|effect| perform(state, effect));
    }
}

fn perform(state: &State, effect: Effect) -> Option<Action> {
    let reading = state.passes.reading.as_ref()?;
    match effect {
        Effect::Open(model, path) => {
            let opened = reading.opened(model, &path)?;
            Some(Action::Opened(Arc::clone(reading), Arc::new(opened)))
        }
        Effect::Look(model, row, word) => {
            reading.lens_of(model, row, word);
            Some(Action::LensComputed)
        }
        Effect::Attend(model, path, form) => {
            reading.attention_map(model, &path, form);
            Some(Action::AttentionComputed)
        }
        Effect::Patch => {
            reading.patch_on(|| true);
            Some(Action::Measured)
        }
        _ => None,
    }
}
