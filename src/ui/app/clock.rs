//! State that changes with time: the beat of animated panes, and times measured on this machine.

use std::{sync::Arc, time::Duration};

use super::{Effect, State};
use crate::{analysis::reading::MachineTimes, lesson::PaneKind};

/// Beats for which the finished picture is shown before the animation restarts.
const PAUSE: usize = 4;

/// Duration of a beat.
const BEAT: Duration = Duration::from_millis(400);

/// Whether panes are animated: not in exported frames, and not if the user turns it off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Motion {
    #[default]
    Still,
    /// With the time since the last beat.
    Moving(Duration),
}

/// The state of animated panes.
#[derive(Clone, Debug, Default)]
pub struct Animation {
    /// The beat that is shown; None shows everything at once.
    pub beat: Option<usize>,
    pub motion: Motion,
}

impl Animation {
    /// Adds elapsed time. Beats build up the picture for `words` words, one word per beat; it is shown for [`PAUSE`]
    /// beats and then begins again.
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

/// Reading times on this machine: measured once, when a step shows them.
#[derive(Clone, Default)]
pub enum Times {
    #[default]
    NotRequested,
    Requested,
    Known(Arc<MachineTimes>),
}

impl Times {
    pub fn known(&self) -> Option<&MachineTimes> {
        match self {
            Self::Known(times) => Some(times),
            Self::NotRequested | Self::Requested => None,
        }
    }
}

impl State {
    /// Whether the step shows an animated pane.
    pub fn has_animation(&self) -> bool {
        self.animation.motion != Motion::Still && self.shows(PaneKind::Schedule)
    }

    /// Adds elapsed time to the animation, except during an export; on steps without an animated pane, resets the
    /// beat.
    pub(super) fn advance_animation(&mut self, elapsed: Duration) {
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

    /// Requests reading times, once, if the step shows them.
    pub(super) fn request_times(&mut self) -> Option<Effect> {
        if self.shows(PaneKind::Times) { self.passes.request_times() } else { None }
    }

    fn shows(&self, kind: PaneKind) -> bool {
        self.current().1.panes.iter().any(|pane| pane.kind == kind)
    }
}
