//! What changes with time: the beat of animated panes, and times measured on this machine.

use std::{sync::Arc, time::Duration};

use super::{Effect, State};
use crate::{analysis::reading::MachineTimes, lesson::PaneKind};

/// Beats for which the finished picture stands before it begins again.
const PAUSE: usize = 4;

/// How long a beat lasts.
const BEAT: Duration = Duration::from_millis(400);

/// Whether panes move: not in an exported frame, and not for those who do not want it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Motion {
    #[default]
    Still,
    /// And so much time has passed since the last beat.
    Moving(Duration),
}

/// What animated panes show.
#[derive(Clone, Debug, Default)]
pub struct Animation {
    /// The moment that is shown; None shows everything at once.
    pub beat: Option<usize>,
    pub motion: Motion,
}

impl Animation {
    /// Lets time pass; after a beat the next one comes: from nothing, step by step, to everything for `words` words,
    /// then a pause, and again.
    fn tick(&mut self, elapsed: Duration, words: usize) {
        let Motion::Moving(since) = self.motion else { return };
        let since = since + elapsed;
        self.motion = Motion::Moving(if since < BEAT { since } else { Duration::ZERO });
        if since >= BEAT {
            let next = self.beat.map_or(0, |beat| beat + 1);
            self.beat = Some(if next > words + PAUSE { 0 } else { next });
        }
    }
}

/// How long reading takes on this machine: measured once, when a step shows it.
#[derive(Clone, Default)]
pub enum Times {
    #[default]
    Unasked,
    Asked,
    Known(Arc<MachineTimes>),
}

impl Times {
    pub fn known(&self) -> Option<&MachineTimes> {
        match self {
            Self::Known(times) => Some(times),
            Self::Unasked | Self::Asked => None,
        }
    }
}

impl State {
    /// Whether the step shows something that moves.
    pub fn has_animation(&self) -> bool {
        self.animation.motion != Motion::Still && self.shows(PaneKind::Schedule)
    }

    /// Lets so much time pass in a pane that moves; on other steps the beat begins anew. What is to
    /// be exported stands still.
    pub(super) fn move_by_itself(&mut self, elapsed: Duration) {
        if self.animation.motion == Motion::Still || self.is_exporting() {
            return;
        }
        if !self.has_animation() {
            self.animation.beat = None;
            return;
        }
        let words = self.passes.reading.as_ref().map_or(0, |r| r.sentence.tokens.len());
        self.animation.tick(elapsed, words);
    }

    /// Asks for times, once, when a step is there to show them.
    pub(super) fn ask_for_times(&mut self) -> Option<Effect> {
        if self.shows(PaneKind::Times) { self.passes.time() } else { None }
    }

    fn shows(&self, kind: PaneKind) -> bool {
        self.current().1.panes.iter().any(|pane| pane.kind == kind)
    }
}
