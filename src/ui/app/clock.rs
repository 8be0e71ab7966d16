//! State that changes with time: the beats in which a step unfolds, and times measured on this machine.

use std::{sync::Arc, time::Duration};

use super::State;
use crate::{analysis::reading::MachineTimes, ui::panes::Unfolding};

/// Number of beats in which the panes of a step unfold, one pane after the other.
pub const N_BEATS: usize = 5;

/// Duration of a beat.
pub const BEAT: Duration = Duration::from_millis(300);

/// Whether panes unfold: not in exported frames, and not if the user turns it off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Motion {
    #[default]
    Still,
    /// With the time since the last beat.
    Moving(Duration),
}

/// The state of panes that unfold.
#[derive(Clone, Debug, Default)]
pub struct Animation {
    /// The beat that is shown, from 0 on; None shows everything.
    pub beat: Option<usize>,
    pub motion: Motion,
}

impl Animation {
    /// Adds elapsed time: the next beat, and after the last one everything.
    fn tick(&mut self, elapsed: Duration) {
        let (Motion::Moving(since), Some(beat)) = (self.motion, self.beat) else { return };
        let since = since + elapsed;
        self.motion = Motion::Moving(if since < BEAT { since } else { Duration::ZERO });
        if since >= BEAT {
            self.beat = (beat + 1 < N_BEATS).then_some(beat + 1);
        }
    }
}

/// The part of a pane that is unfolded at a beat, 0 to 1. Panes follow each other: pane `i` of `n` begins when the one
/// before it is whole.
pub fn unfolded_part(beat: usize, i: usize, n: usize) -> f32 {
    let all = (beat + 1) as f32 / N_BEATS as f32;
    (all * n.max(1) as f32 - i as f32).clamp(0.0, 1.0)
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
    /// Whether the step is unfolding.
    pub const fn is_unfolding(&self) -> bool {
        self.animation.beat.is_some()
    }

    /// Whether a pane of the step unfolds; not while a question is open.
    pub fn unfolds(&self) -> bool {
        let panes = self.panes();
        let mut unfoldings = panes.iter().map(|pane| pane.unfolding());
        self.guide.quiz.is_none() && unfoldings.any(|unfolding| unfolding != Unfolding::AtOnce)
    }

    /// Begins to unfold the step, if things may move and a pane of it unfolds.
    pub(super) fn unfold(&mut self) {
        let Motion::Moving(_) = self.animation.motion else { return };
        self.animation.beat = self.unfolds().then_some(0);
        self.animation.motion = Motion::Moving(Duration::ZERO);
    }

    /// Unfolds the step because the person asks for it.
    pub(super) fn unfold_again(&mut self) {
        match self.animation.motion {
            Motion::Moving(_) => self.unfold(),
            Motion::Still => self.show_message("nothing moves: motion is turned off"),
        }
    }

    /// Adds elapsed time to the beats, except during an export.
    pub(super) fn advance_animation(&mut self, elapsed: Duration) {
        if !self.is_exporting() {
            self.animation.tick(elapsed);
        }
    }

    /// The step of a computation of `n` steps that the beat shows; None shows all.
    pub(super) fn moment(&self, n: usize) -> Option<usize> {
        let beat = self.animation.beat?;
        Some(((beat + 1) * n).div_ceil(N_BEATS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_unfold_one_after_the_other() {
        let parts = |i| (0..N_BEATS).map(|beat| unfolded_part(beat, i, 2)).collect::<Vec<_>>();
        assert_eq!(parts(0), [0.4, 0.8, 1.0, 1.0, 1.0]);
        assert_eq!(parts(1)[..2], [0.0, 0.0]);
        assert_eq!(parts(1)[4..], [1.0]);
        assert!((unfolded_part(N_BEATS - 1, 0, 1) - 1.0).abs() < f32::EPSILON);
    }
}
