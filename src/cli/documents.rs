//! Completions and the manual page, made from the table of arguments.

use std::io::Write;

use anyhow::anyhow;
use clap::{Arg, Command, CommandFactory, ValueHint};
use clap_complete::Shell;

use super::{
    args::Cli,
    failure::{Failure, Outcome},
    manual,
};
use crate::text::{near_clause, visible};

pub fn completions(shell: Shell, out: &mut dyn Write) -> Outcome {
    let mut script = vec![]; // clap_complete panics if its writer fails
    clap_complete::generate(shell, &mut Cli::command(), "lookback", &mut script);
    let script = String::from_utf8_lossy(&script);
    let corrected = match shell {
        Shell::Fish => fish(&script),
        Shell::Zsh => zsh(&script),
        _ => script.into_owned(),
    };
    Ok(out.write_all(corrected.as_bytes())?)
}

/// clap_complete's fish script with options offered after the command that they belong to.
fn zsh(script: &str) -> String {
    let commands = "\":: :_lookback_commands\"";
    let (start, rest) = script.split_once(commands).unwrap_or((script, ""));
    let start = start.rfind("'::sentence ").map_or(start, |at| &start[..at]);
    format!("{start}{commands}{}", rest.replace("$line[2]", "$line[1]"))
}

/// What clap_complete leaves out: values of an option that is not complete yet, and of
/// arguments without one; and that a sentence is not a file.
fn fish(script: &str) -> String {
    let parse = "argparse -s (__fish_lookback_global_optspecs) -- $cmd";
    let quiet = "2>/dev/null";
    let first = format!("{parse} {quiet}\n");
    let again = format!("{first}    or {parse}[1..-2] {quiet}\n");
    let mut whole = Cli::command();
    whole.build();
    let commands = whole.get_subcommands().filter(|command| command.get_name() != "help");
    let mut script = script.replace(&first, &again) + &bare(&whole, "needs_command");
    for command in commands {
        script += &bare(command, &format!("using_subcommand {}", command.get_name()));
    }
    script
}

/// A line for what stands without an option, where that is not a file.
fn bare(command: &Command, when: &str) -> String {
    let is_file = command.get_positionals().any(|arg| arg.get_value_hint() == ValueHint::AnyPath);
    if is_file {
        return String::new();
    }
    let values = command.get_positionals().flat_map(Arg::get_possible_values);
    let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
    let names =
        if names.is_empty() { String::new() } else { format!(" -a \"{}\"", names.join(" ")) };
    format!("complete -c lookback -n \"__fish_lookback_{when}\" -f{names}\n")
}

/// Prints the page of the program, or of one of its commands.
pub fn man(command: Option<&str>, out: &mut dyn Write) -> Outcome {
    let page = match command {
        None => manual::page()?,
        Some(name) => {
            let mut whole = Cli::command();
            whole.build();
            let found = whole.find_subcommand(name).cloned();
            let found = found.ok_or_else(|| unknown(&whole, name))?;
            manual::page_of(found.display_name(format!("lookback-{name}")))?
        }
    };
    Ok(out.write_all(page.as_bytes())?)
}

fn unknown(whole: &Command, name: &str) -> Failure {
    let names = whole.get_subcommands().map(Command::get_name);
    let near = near_clause(name, names, 1);
    let name = visible(name);
    Failure::Usage(anyhow!("no command `{name}`{near}; `lookback --help` lists them all"))
}
