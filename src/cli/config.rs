//! `lookback config`: where the settings are, which are in force and who set them, and an example.

use std::io::{self, Write};

use clap::ValueEnum;

use super::{
    colour::Ask,
    failure::Outcome,
    request::Request,
    settings::{self, KEYS},
    streams::Streams,
};
use crate::{lesson::Language, text::visible_path, ui::theme::Glyphs};

pub fn run(request: &Request, streams: &mut Streams) -> Outcome {
    let out = &mut *streams.out;
    place(request.asked.no_config, out)?;
    writeln!(out, "\nIn force:")?;
    for Setting { key, value, origin } in in_force(request) {
        writeln!(out, "  {:<30} # {origin}", format!("{key} = {value}"))?;
    }
    writeln!(out, "\nA file with every key, each optional:")?;
    for (key, value, help) in KEYS {
        writeln!(out, "  {:<30} # {help}", format!("{key} = {value}"))?;
    }
    Ok(())
}

fn place(skips_file: bool, out: &mut dyn Write) -> io::Result<()> {
    match settings::path() {
        _ if skips_file => writeln!(out, "No settings file is read (--no-config)."),
        None => writeln!(out, "There is no home folder, so there is no settings file."),
        Some(path) => {
            let shown = visible_path(&path);
            let note = if path.exists() { "" } else { " (there is none yet)" };
            writeln!(out, "Settings file: {shown}{note}")
        }
    }
}

/// A setting as it is in force.
struct Setting {
    key: &'static str,
    value: String,
    /// Where the value is from.
    origin: &'static str,
}

fn in_force(request: &Request) -> [Setting; 8] {
    let Request { asked, settings, look, language, .. } = request;
    let origin = |is_option: bool, is_set: bool| match (is_option, is_set) {
        (true, _) => "option",
        (false, true) => "settings",
        (false, false) => "default",
    };
    let setting = |key, value, origin| Setting { key, value, origin };
    let flag = |key, value: Option<bool>| {
        setting(key, value.unwrap_or(true).to_string(), origin(false, value.is_some()))
    };
    let by_environment =
        asked.color.is_none() && look.colour == Ask::Auto && settings.color.is_some();
    let color_is = if by_environment && settings.color != Some(Ask::Auto) {
        "environment"
    } else {
        origin(asked.color.is_some(), settings.color.is_some())
    };
    let lang_is = match origin(asked.lang.is_some(), settings.lang.is_some()) {
        "default" if *language != Language::default() => "environment",
        origin => origin,
    };
    let is_ascii = look.terminal.glyphs == Glyphs::Ascii;
    let ascii_is = match origin(asked.ascii, settings.ascii.is_some()) {
        "default" if is_ascii => "environment",
        origin => origin,
    };
    let theme_is = origin(asked.theme.is_some(), settings.theme.is_some());
    let pace = settings.pace.unwrap_or(settings::PACE).to_string();
    [
        setting("theme", named(&look.theme), theme_is),
        setting("color", named(&look.colour), color_is),
        setting("ascii", is_ascii.to_string(), ascii_is),
        setting("lang", format!("\"{language}\""), lang_is),
        setting("pace", pace, origin(false, settings.pace.is_some())),
        flag("questions", settings.questions),
        flag("motion", settings.motion),
        flag("mouse", settings.mouse),
    ]
}

fn named(value: &impl ValueEnum) -> String {
    let name = value.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned());
    format!("\"{name}\"")
}
