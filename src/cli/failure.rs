//! Why a command failed, in one line: what happened, why, what to do.

use std::io;

use clap::{
    CommandFactory,
    error::{ContextKind, ErrorKind},
};

use super::args::Cli;
use crate::{
    export::files::reason,
    text::{
        self, shown,
        visible::{visible, visible_lines},
    },
};

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// A wrong argument: exit code 2.
    Usage(anyhow::Error),
    /// The arguments were right, but the work failed: exit code 1.
    Failed(anyhow::Error),
    /// The output was closed by its reader: no message, exit code 0.
    Closed,
    /// Ended by a signal, after cleaning up: exit code 128 + n.
    Stopped(u8),
}

pub type Outcome<T = ()> = Result<T, Failure>;

/// Marks an error as a usage error.
pub trait Usage<T> {
    fn usage(self) -> Outcome<T>;
}

impl<T> Usage<T> for anyhow::Result<T> {
    fn usage(self) -> Outcome<T> {
        self.map_err(Failure::Usage)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        let reason = reason(&error);
        Self::Failed(anyhow::anyhow!(
            "the output cannot be written; {reason}; choose another place"
        ))
    }
}

impl Failure {
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
            Self::Closed => 0,
            Self::Stopped(signal) => 128 + signal,
        }
    }

    /// The line for standard error; empty if there is no message.
    pub fn line(&self) -> String {
        match self {
            Self::Usage(error) => format!("error: {}\n", visible(&format!("{error:#}"))),
            // A file can have many faults, one per line.
            Self::Failed(error) => visible_lines(&format!("error: {error:#}\n")),
            Self::Closed => String::new(),
            Self::Stopped(_) => "stopped; nothing was written\n".into(),
        }
    }
}

/// clap's error in our form: its paragraphs become clauses of one line, the last of which names the help of the command.
pub fn wrong_usage(error: &clap::Error, command: Option<&str>) -> Failure {
    let unknown = error.kind() == ErrorKind::UnknownArgument;
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    let argument = argument.filter(|_| unknown).unwrap_or_default();
    let near = (error.get(ContextKind::SuggestedArg).is_none()).then(|| near(&argument)).flatten();
    // clap's styles are removed here; its plain rendering would also remove escapes that belong to the argument.
    let rendered = with_short_value(error, error.render().ansi().to_string());
    let clauses = rendered.split("\n\n").map(clause).filter(|clause| {
        let is_noise = ["Usage:", "For more"].iter().any(|start| clause.starts_with(start));
        let is_replaced = near.is_some() && clause.starts_with("to pass");
        !(clause.is_empty() || is_noise || is_replaced)
    });
    let as_value = |clause: String| {
        if clause.starts_with("to pass") {
            format!("a value that begins with - follows a =, as in OPTION={argument}")
        } else {
            as_words(clause)
        }
    };
    let mut clauses: Vec<String> = clauses.map(as_value).collect();
    clauses.extend(near);
    if unknown && !argument.starts_with('-') {
        clauses.push("put a sentence of several words in quotes".into());
    }
    let help = command.map_or("--help".to_owned(), |name| format!("help {name}"));
    clauses.push(format!("`lookback {help}` shows what there is"));
    Failure::Usage(anyhow::anyhow!(clauses.join("; ")))
}

/// The beginning of a wrong value, which can be very long.
fn with_short_value(error: &clap::Error, rendered: String) -> String {
    let values =
        [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand];
    let values = values.into_iter().filter_map(|kind| error.get(kind)).map(ToString::to_string);
    let long = values.map(|value| (shown(&value), value)).filter(|(shown, _)| shown.ends_with('…'));
    long.fold(rendered, |text, (shown, value)| text.replace(&value, &shown))
}

fn clause(paragraph: &str) -> String {
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    visible(line.trim_start_matches("error: ").trim_start_matches("tip: "))
}

/// A clause that says why a value is wrong, without the words of Rust: `0 is not in 1..=4`.
fn as_words(clause: String) -> String {
    let Some((value, why)) = clause.rsplit_once(": ") else { return clause };
    let range = why.split_once(" is not in ").and_then(|(_, range)| range.split_once("..="));
    let why = match (range, why) {
        (Some((least, most)), _) => format!("write a whole number from {least} to {most}"),
        (_, "invalid digit found in string" | "cannot parse integer from empty string") => {
            "write a whole number from 0 on, as in 3".to_owned()
        }
        (_, "number too large to fit in target type") => "write a smaller number".to_owned(),
        _ => return clause,
    };
    format!("{value}: {why}")
}

/// The nearest option of any command, for an option that is misspelt or stands before or after the wrong command.
fn near(argument: &str) -> Option<String> {
    let wanted = argument.strip_prefix("--")?;
    let whole = Cli::command();
    let mut found: Vec<(&str, Vec<&str>)> = vec![];
    for command in std::iter::once(&whole).chain(whole.get_subcommands()) {
        for long in command.get_arguments().filter_map(clap::Arg::get_long) {
            match found.iter_mut().find(|(known, _)| *known == long) {
                Some((_, commands)) => commands.push(command.get_name()),
                None => found.push((long, vec![command.get_name()])),
            }
        }
    }
    let nearest = text::near(wanted, found.iter().map(|(long, _)| *long), 1).pop()?;
    let (_, commands) = found.iter().find(|(long, _)| *long == nearest)?;
    let commands = commands.join(", ");
    Some(match nearest == wanted {
        true if commands == whole.get_name() => format!("--{nearest} is only for the walk"),
        true => format!("--{nearest} is an option of {commands}; put it after the command"),
        false => format!("the nearest is --{nearest}, an option of {commands}"),
    })
}
