//! Help with a lab: its hint, and then the solution, which is played.

use super::{State, reply::Reply};
use crate::{engine::change::Changes, lesson::lab_solution};

/// Shows the hint of the step's lab; if it is shown, plays the solution.
pub(super) fn help(state: &mut State) -> Reply {
    let Some(reading) = &state.passes.reading else { return Reply::NONE };
    let (_, step) = state.current();
    let Some(solution) = lab_solution(step, reading, &state.narration_selection()) else {
        return Reply::says("no lab here; the last step of a chapter is one");
    };
    if state.solves_lab() {
        return Reply::says("the lab is solved");
    }
    if !state.hint_is_shown() {
        state.guide.hinted = Some(state.nav.step);
        state.nav.scroll = 0;
        return Reply::NONE;
    }
    if let Some(head) = solution.head {
        state.nav.pick_layer_and_head(head);
    }
    let changes: Changes = solution.changes.into_iter().collect();
    state.passes.request_solution(solution.sentence, changes).into()
}
