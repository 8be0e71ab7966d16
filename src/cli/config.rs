//! `lookback config`: where the settings are, which are in force and who set them, and an example.

use std::io::{self, Write};

use clap::ValueEnum;

use super::{
    Ask, Environment, Streams,
    args::Look,
    failure::Outcome,
    language::language,
    look,
    settings::{self, KEYS, Settings},
};
use crate::{lesson::Language, text::visible, ui::theme::Glyphs};

pub fn run(look: Look, settings: &Settings, env: Environment, streams: &mut Streams) -> Outcome {
    let out = &mut *streams.out;
    place(look, out)?;
    writeln!(out, "\nIn force:")?;
    for (key, value, origin) in in_force(look, settings, env) {
        writeln!(out, "  {:<30} # {origin}", format!("{key} = {value}"))?;
    }
    writeln!(out, "\nA file with every key, each optional:")?;
    for (key, value, help) in KEYS {
        writeln!(out, "  {:<30} # {help}", format!("{key} = {value}"))?;
    }
    Ok(())
}

fn place(look: Look, out: &mut dyn Write) -> io::Result<()> {
    match settings::path() {
        _ if look.no_config => writeln!(out, "No settings file is read (--no-config)."),
        None => writeln!(out, "There is no home, so there is no settings file."),
        Some(path) => {
            let shown = visible(&path.to_string_lossy());
            let note = if path.exists() { "" } else { " (there is none yet)" };
            writeln!(out, "Settings file: {shown}{note}")
        }
    }
}

/// Keys, their values and where those are from.
fn in_force(
    look: Look,
    settings: &Settings,
    env: Environment,
) -> [(&'static str, String, &'static str); 8] {
    let origin = |is_option: bool, is_set: bool| match (is_option, is_set) {
        (true, _) => "option",
        (false, true) => "settings",
        (false, false) => "default",
    };
    let flag = |value: Option<bool>, default: bool| {
        (value.unwrap_or(default).to_string(), origin(false, value.is_some()))
    };
    let ask = look::ask(look, settings, env);
    let by_environment = look.color.is_none() && ask == Ask::Auto && settings.color.is_some();
    let color_is = if by_environment && settings.color != Some(Ask::Auto) {
        "environment"
    } else {
        origin(look.color.is_some(), settings.color.is_some())
    };
    let has_locale = language(None, None, env) != Language::default();
    let lang_is = match origin(look.lang.is_some(), settings.lang.is_some()) {
        "default" if has_locale => "environment",
        origin => origin,
    };
    let is_ascii = look::glyphs_there(look, settings, env) == Glyphs::Ascii;
    let ascii_is = match origin(look.ascii, settings.ascii.is_some()) {
        "default" if is_ascii => "environment",
        origin => origin,
    };
    let (questions, questions_are) = flag(settings.questions, true);
    let (motion, motion_is) = flag(settings.motion, true);
    let (mouse, mouse_is) = flag(settings.mouse, true);
    [
        (
            "theme",
            named(&look::choice(look, settings)),
            origin(look.theme.is_some(), settings.theme.is_some()),
        ),
        ("color", named(&ask), color_is),
        ("ascii", is_ascii.to_string(), ascii_is),
        ("lang", format!("\"{}\"", language(look.lang, settings.lang, env)), lang_is),
        (
            "pace",
            settings.pace.unwrap_or(settings::PACE).to_string(),
            origin(false, settings.pace.is_some()),
        ),
        ("questions", questions, questions_are),
        ("motion", motion, motion_is),
        ("mouse", mouse, mouse_is),
    ]
}

fn named(value: &impl ValueEnum) -> String {
    let name = value.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned());
    format!("\"{name}\"")
}
