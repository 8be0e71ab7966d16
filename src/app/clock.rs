//! What changes with time: the beat of animated panes, and times measured on this machine.

use super::{Effect, State};
use crate::lesson::Kind;

/// Beats for which the finished picture stands before it begins again.
const PAUSE: usize = 4;

impl State {
    /// Whether the step shows something that moves.
    pub fn has_animation(&self) -> bool {
        self.shows(Kind::Schedule)
    }

    /// One beat on: from nothing, step by step, to everything; then a pause, and again.
    pub(super) fn advance(&mut self) {
        let words = self.reading.as_ref().map_or(0, |r| r.sentence.tokens.len());
        let next = self.beat.map_or(0, |beat| beat + 1);
        self.beat = Some(if next > words + PAUSE { 0 } else { next });
    }

    /// Asks for times, once, when a step is there to show them.
    pub(super) fn ask_for_times(&mut self) -> Option<Effect> {
        let wants = self.shows(Kind::Times) && self.reading.is_some() && !self.has_asked_for_times;
        self.has_asked_for_times |= wants;
        wants.then_some(Effect::Time)
    }

    fn shows(&self, kind: Kind) -> bool {
        self.current().1.panes.iter().any(|pane| pane.kind == kind)
    }
}
