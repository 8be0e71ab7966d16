//! The manual: one page of the whole program and one of each command, made from the table of arguments and the texts of
//! [`super::help_texts`].

use std::io;

use clap::{Arg, Command, CommandFactory};
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::{
    args::Cli,
    help_texts::{ENVIRONMENT, EXAMPLES, EXIT, FILES, Row, TERMINALS, TROUBLE},
};
use crate::ui::keys::KEYS;

/// The page of the whole program.
///
/// # Errors
/// Never: it is written into memory.
pub fn page() -> io::Result<String> {
    let (bare, mut whole) = (in_full(Cli::command()), Cli::command());
    whole.build();
    let man = Man::new(bare.clone()).manual("Lookback");
    let mut page = vec![];
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    let mut page = text(&page) + &synopsis("SH", &mut whole);
    let mut rest = vec![];
    man.render_description_section(&mut rest)?;
    man.render_options_section(&mut rest)?;
    page += &text(&rest);
    page += &heading("SH", "COMMANDS");
    page += &paragraph(
        "The options of what is read, model, look and language, above, hold in every command that reads or shows.",
    );
    for command in bare.get_subcommands() {
        let name = command.get_name();
        page += &of_command(&own(command, &bare), whole.find_subcommand_mut(name))?;
    }
    page += &list("KEYS", KEYS.iter().map(|key| (key.shown, key.help)));
    page += &list("ENVIRONMENT", ENVIRONMENT.into_iter());
    page += &list("FILES", FILES.into_iter());
    page += &list("EXIT STATUS", EXIT.into_iter());
    page += &list("TROUBLE", TROUBLE.into_iter());
    page += &list("TERMINALS", TERMINALS.into_iter());
    page += &(heading("SH", "EXAMPLES") + &as_it_stands(EXAMPLES.trim_start_matches('\n')));
    Ok(finished(&page))
}

/// The page of one command, after `Command::build`.
///
/// # Errors
/// Never: it is written into memory.
pub fn page_of(command: Command) -> io::Result<String> {
    let mut page = vec![];
    Man::new(in_full(command)).manual("Lookback").render(&mut page)?;
    Ok(finished(&text(&page)))
}

/// The command with the help of those arguments too that `-h` leaves out; without it clap_mangen writes none.
fn in_full(command: Command) -> Command {
    let in_full = |command: Command| command.mut_args(|arg| arg.hide_short_help(false));
    in_full(command).mut_subcommands(in_full)
}

/// The command without the options that the top of the page describes.
fn own(command: &Command, program: &Command) -> Command {
    let is_described = |arg: &Arg| {
        let same = |other: &&Arg| other.get_id() == arg.get_id();
        let found = program.get_arguments().find(same);
        found.is_some_and(|other| {
            format!("{:?}", other.get_help()) == format!("{:?}", arg.get_help())
        })
    };
    let hidden = |arg: Arg| if is_described(&arg) { arg.hide(true) } else { arg };
    command.clone().disable_help_flag(true).mut_args(hidden)
}

/// The section of a command: usage, its own options, what its help adds. `built` has the program's name.
fn of_command(command: &Command, built: Option<&mut Command>) -> io::Result<String> {
    let mut part = heading("SS", command.get_name());
    part += &built.map_or_else(String::new, |built| synopsis("", built));
    let about = command.get_long_about().or_else(|| command.get_about());
    part += &paragraph(&about.map(ToString::to_string).unwrap_or_default());
    let mut options = vec![];
    Man::new(command.clone()).render_options_section(&mut options)?;
    part += &text(&options).replacen(".SH OPTIONS\n", "", 1);
    let more = command.get_after_long_help().or_else(|| command.get_after_help());
    part += &more.map_or_else(String::new, |more| paragraph("") + &as_it_stands(&more.to_string()));
    Ok(part)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn written(write: impl FnOnce(&mut Roff)) -> String {
    let mut roff = Roff::new();
    write(&mut roff);
    roff.render()
}

fn heading(control: &str, title: &str) -> String {
    written(|roff| {
        roff.control(control, [title]);
    })
}

/// clap's usage lines, under a heading if there is one.
fn synopsis(control: &str, command: &mut Command) -> String {
    let usage = command.render_usage().to_string();
    let lines = usage.trim_start_matches("Usage:").lines();
    let head = if control.is_empty() { String::new() } else { heading(control, "SYNOPSIS") };
    head + &written(|roff| {
        for line in lines {
            roff.text([bold(line.trim())]).control("br", []);
        }
    })
}

fn paragraph(text: &str) -> String {
    written(|roff| {
        roff.control("PP", []);
        for line in text.lines() {
            roff.text([roman(line)]);
        }
    })
}

/// Lines that are not filled.
fn as_it_stands(text: &str) -> String {
    written(|roff| {
        roff.control("nf", []);
        for line in text.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    })
}

fn list(title: &str, rows: impl Iterator<Item = Row>) -> String {
    heading("SH", title)
        + &written(|roff| {
            for (what, about) in rows {
                roff.control("TP", []).text([bold(what)]).text([roman(about)]);
            }
        })
}

/// The page with the preamble that each part repeats only once, and without empty lines.
fn finished(page: &str) -> String {
    let start = Roff::new().render();
    start.clone() + &page.replace(&start, "").replace("\n\n", "\n.sp\n")
}
