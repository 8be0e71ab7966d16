//! What takes long, and which of it a screen, which never waits, has asked for: a worker computes that first.

use std::sync::atomic::{AtomicU16, Ordering};

use super::Reading;

/// What takes long to compute, in the order in which a worker does what nobody has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Slow {
    Influence,
    Forgetting,
    ReadBackByLength,
    Forcing,
    Beams,
    Continued,
    Heads,
    AttentionSlopes,
    KnockOuts,
    Courses,
    PassEvidence,
    /// Which words counted for the whole output.
    CountedForOutput,
}

impl Slow {
    const ALL: [Self; 12] = [
        Self::Influence,
        Self::Forgetting,
        Self::ReadBackByLength,
        Self::Forcing,
        Self::Beams,
        Self::Continued,
        Self::Heads,
        Self::AttentionSlopes,
        Self::KnockOuts,
        Self::Courses,
        Self::PassEvidence,
        Self::CountedForOutput,
    ];

    /// Whether it takes tenths of a second at most for the built-in models.
    pub const fn is_quick(self) -> bool {
        (self as u8) < Self::Heads as u8
    }

    /// Whether it is left alone until somebody asks.
    const fn is_only_asked(self) -> bool {
        matches!(self, Self::CountedForOutput)
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }

    fn first_of(bits: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|slow| bits & slow.bit() != 0)
    }
}

/// Of all that takes long, what was asked for and what is done.
#[derive(Default)]
pub(super) struct Wishes {
    asked: AtomicU16,
    done: AtomicU16,
}

impl Wishes {
    /// By a screen that did not get it.
    pub(super) fn ask(&self, slow: Slow) {
        self.asked.fetch_or(slow.bit(), Ordering::Relaxed);
    }
}

impl Reading {
    /// What was asked for and is not computed yet.
    pub fn wished(&self) -> Option<Slow> {
        let Wishes { asked, done } = &*self.wishes;
        Slow::first_of(asked.load(Ordering::Relaxed) & !done.load(Ordering::Relaxed))
    }

    /// What is not computed yet, whether it was asked for or not, but for what only is where it was.
    pub fn unknown(&self) -> Option<Slow> {
        let Wishes { asked, done } = &*self.wishes;
        let [asked, done] = [asked, done].map(|bits| bits.load(Ordering::Relaxed));
        let is_unknown = |slow: &Slow| {
            done & slow.bit() == 0 && (!slow.is_only_asked() || asked & slow.bit() != 0)
        };
        Slow::ALL.into_iter().find(is_unknown)
    }

    /// Computes it. `on_progress` is called whenever something is new, and says whether to go on; what is stopped is still
    /// unknown.
    pub fn compute(&self, slow: Slow, mut on_progress: impl FnMut() -> bool) {
        let waiting = self.waiting();
        match slow {
            Slow::Influence => _ = waiting.influence(),
            Slow::Forgetting => _ = waiting.forgetting(),
            Slow::ReadBackByLength => _ = waiting.read_back_by_length(),
            Slow::Forcing => _ = waiting.forcing(),
            Slow::Beams => _ = waiting.beams(),
            Slow::Continued => _ = waiting.continued(),
            Slow::Heads => _ = waiting.heads(),
            Slow::AttentionSlopes => _ = waiting.attention_slopes(),
            Slow::KnockOuts => _ = waiting.knock_outs(),
            Slow::Courses => self.courses(),
            Slow::PassEvidence => {
                if !self.find_more(&mut on_progress) {
                    return;
                }
            }
            Slow::CountedForOutput => {
                if !self.count_all_for_output(&mut on_progress) {
                    return;
                }
            }
        }
        self.wishes.done.fetch_or(slow.bit(), Ordering::Relaxed);
        on_progress();
    }

    /// Computes all that takes long, except learning and evidence.
    pub fn measure(&self) {
        let is_left_out = |slow: &Slow| {
            matches!(slow, Slow::Courses | Slow::PassEvidence) || slow.is_only_asked()
        };
        for slow in Slow::ALL.into_iter().filter(|slow| !is_left_out(slow)) {
            self.compute(slow, || true);
        }
    }
}
