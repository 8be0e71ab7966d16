//! Which colours are asked for, and how many the output may have: from the option, the environment and the place it
//! goes to.

use clap::ValueEnum;
use serde::Deserialize;

use crate::ui::theme::{Depth, Scheme};

/// What `--color` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    #[default]
    Auto,
    Always,
    Never,
}

/// What `--theme` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThemeChoice {
    /// What suits the terminal's background
    #[default]
    Auto,
    Dark,
    Light,
    HighContrast,
    /// No colours: signs, shades, bold and underlined
    Mono,
}

impl ThemeChoice {
    /// The scheme that was chosen; None if the background decides.
    pub const fn scheme(self) -> Option<Scheme> {
        match self {
            Self::Auto => None,
            Self::Dark => Some(Scheme::Dark),
            Self::Light => Some(Scheme::Light),
            Self::HighContrast => Some(Scheme::HighContrast),
            Self::Mono => Some(Scheme::Mono),
        }
    }
}

/// Returns an environment variable. For colours an empty variable counts as absent.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The colour depth of the output. `--color` beats NO_COLOR, NO_COLOR beats CLICOLOR_FORCE, and that beats what the
/// output is.
pub fn colours(ask: Ask, env: Environment, is_terminal: bool) -> Depth {
    let is_set = |name| env(name).is_some_and(|v| !v.is_empty());
    let forced = env("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0");
    let wanted = match ask {
        Ask::Always => true,
        Ask::Never => false,
        Ask::Auto => !is_set("NO_COLOR") && (forced || (is_terminal && !is_dumb(env))),
    };
    match most(env) {
        _ if !wanted => Depth::None,
        Depth::None if ask == Ask::Always || forced => Depth::Sixteen,
        depth => depth,
    }
}

/// Whether the terminal understands no escape sequences, or may not.
pub fn is_dumb(env: Environment) -> bool {
    env("TERM").is_some_and(|term| ["dumb", "unknown"].contains(&&*term))
}

/// Whether the terminal is older than colours, or emulates one that is: `vt100`, `vt220`, `xterm-mono`.
pub fn is_old(env: Environment) -> bool {
    let term = env("TERM").unwrap_or_default();
    let is_vt = ["vt1", "vt2", "vt3", "vt4"].iter().any(|vt| term.starts_with(vt));
    is_vt || term.ends_with("-mono") || term.ends_with("-m")
}

fn most(env: Environment) -> Depth {
    let has = |name, words: &[&str]| {
        env(name).is_some_and(|v| words.iter().any(|w| v.to_ascii_lowercase().contains(w)))
    };
    if has("COLORTERM", &["truecolor", "24bit"]) || has("TERM", &["direct", "truecolor"]) {
        Depth::True
    } else if has("TERM", &["256"]) {
        Depth::Indexed
    } else if is_old(env) {
        Depth::None
    } else {
        Depth::Sixteen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ask: Ask, variables: &[(&str, &str)], is_terminal: bool, want: Depth) {
        let env =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        assert_eq!(colours(ask, &env, is_terminal), want, "{ask:?} {variables:?} {is_terminal}");
    }

    #[test]
    fn the_terminal_says_how_many() {
        check(Ask::Auto, &[("TERM", "xterm")], true, Depth::Sixteen);
        check(Ask::Auto, &[("TERM", "xterm-256color")], true, Depth::Indexed);
        check(Ask::Auto, &[("TERM", "xterm"), ("COLORTERM", "truecolor")], true, Depth::True);
        check(Ask::Auto, &[("TERM", "xterm-direct")], true, Depth::True);
        check(Ask::Auto, &[], true, Depth::Sixteen);
        check(Ask::Auto, &[("TERM", "dumb"), ("COLORTERM", "truecolor")], true, Depth::None);
        check(Ask::Auto, &[("TERM", "xterm-256color")], false, Depth::None);
        check(Ask::Auto, &[("TERM", "unknown")], true, Depth::None);
    }

    #[test]
    fn old_terminals_have_no_colours_unless_somebody_says_so() {
        for term in ["vt100", "vt220", "xterm-mono"] {
            check(Ask::Auto, &[("TERM", term)], true, Depth::None);
            check(Ask::Always, &[("TERM", term)], true, Depth::Sixteen);
            check(Ask::Auto, &[("TERM", term), ("CLICOLOR_FORCE", "1")], true, Depth::Sixteen);
            check(Ask::Auto, &[("TERM", term), ("COLORTERM", "truecolor")], true, Depth::True);
        }
        check(Ask::Never, &[("TERM", "vt100"), ("CLICOLOR_FORCE", "1")], true, Depth::None);
        check(Ask::Auto, &[("TERM", "vt525")], true, Depth::Sixteen);
    }

    #[test]
    fn no_color_beats_all_but_always() {
        let no = ("NO_COLOR", "1");
        check(Ask::Auto, &[no, ("CLICOLOR_FORCE", "1")], true, Depth::None);
        check(Ask::Always, &[no, ("TERM", "xterm-256color")], false, Depth::Indexed);
        check(Ask::Auto, &[("NO_COLOR", ""), ("TERM", "xterm")], true, Depth::Sixteen);
    }

    #[test]
    fn force_colours_a_pipe_and_never_colours_nothing() {
        check(Ask::Auto, &[("CLICOLOR_FORCE", "1")], false, Depth::Sixteen);
        check(Ask::Auto, &[("CLICOLOR_FORCE", "0")], false, Depth::None);
        check(Ask::Never, &[("CLICOLOR_FORCE", "1")], true, Depth::None);
    }
}
