//! The work on a reading that [`update`] asks for, done in one place: on the threads of the terminal, and at once for
//! frames. What a person or a file system answers to, and another sentence, is left to the caller.

use std::sync::Arc;

use crate::{
    analysis::reading::Reading,
    ui::app::{Action, Effect, State, update},
};

/// Does the work that an effect asks for on a reading; returns its result, if there is one. `on_progress` is called
/// whenever the maps of patched values have something new, and says whether to go on.
pub fn perform(
    reading: &Arc<Reading>,
    effect: Effect,
    on_progress: impl FnMut() -> bool,
) -> Option<Action> {
    match effect {
        Effect::OpenBlock { model, path } => {
            let opened = Arc::new(reading.opened(model, &path)?);
            return Some(Action::BlockOpened { of: Arc::clone(reading), opened });
        }
        Effect::ComputeLens { model, row, word } => {
            reading.lens_of(model, row, word);
            return Some(Action::LensComputed);
        }
        Effect::ComputeAttentionMap { model, path, form } => {
            reading.attention_map(model, &path, form);
            return Some(Action::AttentionMapComputed);
        }
        Effect::Patch => {
            reading.patch_on(on_progress);
            return Some(Action::Measured);
        }
        Effect::MeasureTimes => return Some(Action::TimesMeasured(Arc::new(reading.time()))),
        Effect::StopPatching { model } => reading.stop_patching(model),
        Effect::Read { .. }
        | Effect::FindFreePath(_)
        | Effect::Export(_)
        | Effect::Copy
        | Effect::Suspend
        | Effect::Quit => {}
    }
    None
}

/// Updates a state and does at once the work on its reading that this asks for, for a screen on which nothing arrives
/// later. Times are not measured: they would differ at every run.
pub fn update_and_run(state: &mut State, action: Action) {
    let mut next = Some(action);
    while let Some(action) = next {
        let effect = update(state, action).filter(|effect| *effect != Effect::MeasureTimes);
        let reading = state.passes.reading.as_ref();
        next = effect.zip(reading).and_then(|(effect, reading)| perform(reading, effect, || true));
    }
}
