//! Copies of the state for frames: as a file or the clipboard shows the walk, in another theme, at a beat.

use std::sync::Arc;

use super::{Action, Animation, Effect, Overlay, State, update};
use crate::ui::{panes::View, theme::Theme};

impl State {
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
        Effect::OpenBlock { model, path } => {
            let opened = reading.opened(model, &path)?;
            Some(Action::BlockOpened { of: Arc::clone(reading), opened: Arc::new(opened) })
        }
        Effect::ComputeLens { model, row, word } => {
            reading.lens_of(model, row, word);
            Some(Action::LensComputed)
        }
        Effect::ComputeAttentionMap { model, path, form } => {
            reading.attention_map(model, &path, form);
            Some(Action::AttentionMapComputed)
        }
        Effect::Patch => {
            reading.patch_on(|| true);
            Some(Action::Measured)
        }
        Effect::StopPatching { model } => {
            reading.stop_patching(model);
            None
        }
        _ => None,
    }
}
