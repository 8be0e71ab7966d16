//! What becomes of the results of slow work: a reading, why there is none, a block that was opened.

use std::sync::Arc;

use super::{Overlay, ReadFailure, State, bookmarks::SENTENCE_COLUMNS, reply::Reply};
use crate::{
    analysis::reading::Reading,
    lesson::tr,
    ui::{
        descriptions::{MOST_NAMED_IN_LINE, sentence_notes},
        widgets::lines::fit,
    },
};

/// Takes a finished reading, or why there is none.
pub(super) fn take_outcome(state: &mut State, outcome: Result<Arc<Reading>, ReadFailure>) -> Reply {
    match outcome {
        Ok(reading) => take_reading(state, &reading),
        Err(failure) => take_read_failure(state, failure),
    }
}

fn take_reading(state: &mut State, reading: &Arc<Reading>) -> Reply {
    let step_after_reading = state.passes.step_after_reading.take();
    if state.passes.take_reading(Arc::clone(reading)) {
        return state.take_changed_reading(reading).into();
    }
    let language = state.lesson.language;
    let notes = sentence_notes(&reading.sentence, language, MOST_NAMED_IN_LINE);
    if !notes.is_empty() {
        state.show_notice(notes.join(language.tr("; ")).into());
    }
    state.inspector.close();
    state.nav.picked.row = None;
    state.guide.clear_answers();
    let notice = state.passes.own_sentence().map(|own| {
        tr!(language, "r takes you back to “{sentence}”", sentence = fit(own, SENTENCE_COLUMNS))
            .into()
    });
    Reply { notice, ..Reply::enters(step_after_reading.unwrap_or(state.nav.step)) }
}

fn take_read_failure(state: &mut State, ReadFailure { sentence, why }: ReadFailure) -> Reply {
    let Some(is_new_sentence) = state.passes.take_failure(&sentence) else { return Reply::NONE };
    // If the user has opened an overlay meanwhile, it stays open.
    let edits_again = is_new_sentence && state.overlay.is_none();
    let why = state.lesson.language.refusal(&why);
    Reply { overlay: edits_again.then(|| Overlay::edit(&sentence)), ..Reply::fails(why) }
}

/// Stores the reading with the opened block, if its reading is still on the screen, and opens the number in it that
/// was asked for.
pub(super) fn take_opened_block(
    state: &mut State,
    of: &Arc<Reading>,
    opened: Arc<Reading>,
) -> Reply {
    if !state.passes.take_opened_block(of, opened) {
        return Reply::NONE;
    }
    state.clamp_where_open();
    let reading = state.passes.reading.as_deref();
    state.inspector.open_awaited(reading, state.lesson.language).into()
}
