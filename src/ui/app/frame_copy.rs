//! Requests performed at once, where nobody waits at a screen.

use std::sync::Arc;

use super::{Action, Effect, State, update};

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
