//! How the output looks: the option first, then the environment, then the settings, then a default for the terminal.

use super::{
    args,
    colour::{Ask, Environment, ThemeChoice, colours, is_dumb, is_old},
    settings::Settings,
};
use crate::ui::theme::{Background, Depth, Glyphs, Scheme, Theme};

/// How the output looks: options, environment and settings together.
pub struct Look {
    pub theme: ThemeChoice,
    pub colour: Ask,
    /// The scheme of files, if `--theme` asks for one.
    pub scheme_of_files: Option<Scheme>,
    /// The theme of files.
    pub theme_of_files: Theme,
    /// The characters of what is not for this terminal, such as files.
    pub glyphs: Glyphs,
    /// The theme of the walk, before its terminal has reported its background.
    pub terminal: Theme,
    /// Whether the terminal may be asked for its background, and given text for its clipboard.
    pub has_commands: bool,
    /// Whether the terminal understands no escape sequences, or may not.
    pub is_dumb: bool,
    /// Whether output for a terminal of any kind, such as an ANSI file, has no colours.
    pub is_colour_refused: bool,
}

impl Look {
    pub fn of(asked: args::LookArgs, settings: &Settings, env: Environment) -> Self {
        Self {
            theme: choice(asked, settings),
            colour: ask(asked, settings, env),
            scheme_of_files: scheme_of_files(asked),
            theme_of_files: theme_of_files(asked, settings),
            glyphs: glyphs(asked, settings),
            terminal: of_terminal(asked, settings, env),
            has_commands: has_commands(env),
            is_dumb: is_dumb(env),
            is_colour_refused: is_colour_refused(ask(asked, settings, env), env),
        }
    }
}

/// `--color`, else the settings; NO_COLOR and CLICOLOR_FORCE override the settings.
fn ask(look: args::LookArgs, settings: &Settings, env: Environment) -> Ask {
    let says = |name| env(name).is_some_and(|value| !value.is_empty());
    let set = || if says("NO_COLOR") || says("CLICOLOR_FORCE") { None } else { settings.color };
    look.color.or_else(set).unwrap_or_default()
}

fn is_colour_refused(ask: Ask, env: Environment) -> bool {
    let says_no = || env("NO_COLOR").is_some_and(|value| !value.is_empty());
    ask == Ask::Never || (ask == Ask::Auto && says_no())
}

fn glyphs(look: args::LookArgs, settings: &Settings) -> Glyphs {
    let is_ascii = look.ascii || settings.ascii.unwrap_or(false);
    if is_ascii { Glyphs::Ascii } else { Glyphs::Unicode }
}

/// The characters for this terminal: ASCII on a Linux console and on old terminals, unless a setting says otherwise.
fn glyphs_there(look: args::LookArgs, settings: &Settings, env: Environment) -> Glyphs {
    let is_console = env("TERM").is_some_and(|term| term == "linux");
    let has_few = settings.ascii.is_none() && (is_console || is_old(env));
    if has_few { Glyphs::Ascii } else { glyphs(look, settings) }
}

fn choice(look: args::LookArgs, settings: &Settings) -> ThemeChoice {
    look.theme.or(settings.theme).unwrap_or_default()
}

/// The theme of the walk, before its terminal has reported its background.
fn of_terminal(look: args::LookArgs, settings: &Settings, env: Environment) -> Theme {
    let background = background_by_name(env);
    let suits = match background {
        Some(Background::Light) => Scheme::Light,
        _ => Scheme::Dark,
    };
    let depth = colours(ask(look, settings, env), env, true);
    let scheme = choice(look, settings).scheme().unwrap_or(suits);
    Theme { background, ..Theme::new(depth, glyphs_there(look, settings, env)).with(scheme) }
}

/// Only an option says what files look like: they have no background that could be asked for, and settings are for
/// screens.
fn scheme_of_files(look: args::LookArgs) -> Option<Scheme> {
    look.theme.and_then(ThemeChoice::scheme)
}

/// The theme of files: dark, unless an option says otherwise.
fn theme_of_files(look: args::LookArgs, settings: &Settings) -> Theme {
    let depth = if look.color == Some(Ask::Never) { Depth::None } else { Depth::True };
    Theme::new(depth, glyphs(look, settings)).with(scheme_of_files(look).unwrap_or_default())
}

/// The background by COLORFGBG, which some terminals set: `15;0` is white on black.
fn background_by_name(env: Environment) -> Option<Background> {
    let colours = env("COLORFGBG")?;
    let background = colours.rsplit(';').next()?.parse::<u8>().ok()?;
    match background {
        0..=6 | 8 => Some(Background::Dark),
        7 | 9..=15 => Some(Background::Light),
        _ => None,
    }
}

/// Whether the terminal may be asked for its background, and given text for its clipboard: not those that are known to
/// support neither, or to print what they are sent.
fn has_commands(env: Environment) -> bool {
    let term = env("TERM").unwrap_or_default();
    let is_tmux = env("TMUX").is_some();
    let is_screen = !is_tmux && (env("STY").is_some() || term.starts_with("screen"));
    let is_mute = ["", "dumb", "linux", "Eterm"].contains(&&*term) || term.starts_with("eterm");
    !(is_screen || is_mute || is_old(env) || env("INSIDE_EMACS").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    fn look() -> args::LookArgs {
        args::LookArgs { color: None, ascii: false, theme: None, lang: None, no_config: false }
    }

    #[test]
    fn options_override_the_environment_which_overrides_settings() {
        let settings = Settings { color: Some(Ask::Always), ..Settings::default() };
        let no_color = [("NO_COLOR", "1")];
        assert_eq!(ask(look(), &settings, &env(&[])), Ask::Always);
        assert_eq!(ask(look(), &settings, &env(&no_color)), Ask::Auto);
        let never = args::LookArgs { color: Some(Ask::Never), ..look() };
        assert_eq!(ask(never, &settings, &env(&[])), Ask::Never);
    }

    #[test]
    fn the_background_is_guessed_from_a_variable_until_the_terminal_answers() {
        let scheme = |colours: &str| {
            let pairs = [("COLORFGBG", colours), ("TERM", "rxvt")];
            of_terminal(look(), &Settings::default(), &env(&pairs)).scheme
        };
        assert_eq!(scheme("0;15"), Scheme::Light);
        assert_eq!(scheme("0;default;15"), Scheme::Light);
        assert_eq!(scheme("15;0"), Scheme::Dark);
        assert_eq!(scheme("15;default"), Scheme::Dark);
        assert_eq!(scheme("99;999"), Scheme::Dark);
    }

    #[test]
    fn consoles_and_old_terminals_have_ascii_unless_a_setting_says_no() {
        let there = |ascii, term: &str| {
            glyphs_there(
                look(),
                &Settings { ascii, ..Settings::default() },
                &env(&[("TERM", term)]),
            )
        };
        assert_eq!(there(None, "linux"), Glyphs::Ascii);
        assert_eq!(there(None, "vt100"), Glyphs::Ascii);
        assert_eq!(there(None, "xterm"), Glyphs::Unicode);
        assert_eq!(there(Some(false), "linux"), Glyphs::Unicode);
        assert_eq!(there(Some(true), "xterm"), Glyphs::Ascii);
    }

    #[test]
    fn who_does_not_answer_is_not_asked() {
        for term in ["dumb", "linux", "screen.xterm", "eterm-color", "vt220", ""] {
            assert!(!has_commands(&env(&[("TERM", term)])), "{term}");
        }
        assert!(has_commands(&env(&[("TERM", "xterm-256color")])));
        assert!(has_commands(&env(&[("TERM", "screen-256color"), ("TMUX", "/tmp/x")])));
        assert!(!has_commands(&env(&[("TERM", "xterm"), ("INSIDE_EMACS", "30")])));
    }
}
