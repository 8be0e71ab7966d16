//! The walk's colours: what suits the terminal, until the person chooses.

use super::State;
use crate::ui::theme::{Depth, Ground, Scheme};

impl State {
    /// The terminal has said what its ground is.
    pub(super) fn suit(&mut self, ground: Ground) {
        self.theme.ground = Some(ground);
        if self.follows_ground {
            self.theme.scheme = match ground {
                Ground::Dark => Scheme::Dark,
                Ground::Light => Scheme::Light,
            };
        }
    }

    pub(super) fn next_theme(&mut self) {
        if self.theme.depth == Depth::None {
            self.note("there are no colours here; --color always asks for them");
            return;
        }
        self.follows_ground = false;
        self.theme.scheme = self.theme.scheme.next();
        self.note(format!("theme: {}; V goes on to the next", self.theme.scheme.id()));
    }
}
