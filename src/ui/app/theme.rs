//! The theme: it follows the terminal's background until the user chooses one.

use super::State;
use crate::{
    lesson::tr,
    ui::theme::{Background, Depth, Scheme},
};

impl State {
    /// Stores the background that the terminal reports, and adapts the theme if it follows it.
    pub(super) fn set_background(&mut self, background: Background) {
        self.theme.background = Some(background);
        if self.follows_background {
            self.theme.scheme = match background {
                Background::Dark => Scheme::Dark,
                Background::Light => Scheme::Light,
            };
        }
    }

    pub(super) fn next_theme(&mut self) {
        if self.theme.depth == Depth::None {
            self.show_message("there are no colours here; --color always asks for them");
            return;
        }
        self.follows_background = false;
        self.theme.scheme = self.theme.scheme.next();
        self.show_message(tr!(
            self.lesson.language,
            "theme: {theme}; V goes on to the next",
            theme = self.theme.scheme.id()
        ));
    }
}
