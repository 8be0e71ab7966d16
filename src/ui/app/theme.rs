//! The theme: it follows the terminal's background until the user chooses one.

use super::reply::Notice;
use crate::{
    lesson::{Language, tr},
    ui::theme::{Background, Depth, Scheme, Theme},
};

/// Stores the background that the terminal reports, and adapts a theme that follows it.
pub(super) const fn set_background(theme: &mut Theme, background: Background, follows: bool) {
    theme.background = Some(background);
    if follows {
        theme.scheme = match background {
            Background::Dark => Scheme::Dark,
            Background::Light => Scheme::Light,
        };
    }
}

/// Takes the next theme, which then no longer follows the background.
pub(super) fn next(theme: &mut Theme, follows: &mut bool, language: Language) -> Notice {
    if theme.depth == Depth::None {
        return "there are no colours here; --color always asks for them".into();
    }
    *follows = false;
    theme.scheme = theme.scheme.next();
    tr!(language, "theme: {theme}; V goes on to the next", theme = theme.scheme.id()).into()
}
