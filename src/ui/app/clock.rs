//! State that changes with time: the beats in which a step unfolds, and times measured on this machine.

use std::{sync::Arc, time::Duration};

use crate::analysis::reading::MachineTimes;

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
    /// Whether panes may unfold.
    pub(super) const fn may_move(&self) -> bool {
        matches!(self.motion, Motion::Moving(_))
    }

    /// Begins to unfold a step, if a pane of it unfolds.
    pub(super) fn begin(&mut self, unfolds: bool) {
        self.beat = unfolds.then_some(0);
        self.motion = Motion::Moving(Duration::ZERO);
    }

    /// The step of a computation of `n` steps that the beat shows; None shows all.
    pub(super) fn moment(&self, n: usize) -> Option<usize> {
        let beat = self.beat?;
        Some(((beat + 1) * n).div_ceil(N_BEATS))
    }

    /// Adds elapsed time: the next beat, and after the last one everything.
    pub(super) fn tick(&mut self, elapsed: Duration) {
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
pub enum ReadingTimes {
    #[default]
    NotRequested,
    Requested,
    Known(Arc<MachineTimes>),
}

impl ReadingTimes {
    pub fn known(&self) -> Option<&MachineTimes> {
        match self {
            Self::Known(times) => Some(times),
            Self::NotRequested | Self::Requested => None,
        }
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
