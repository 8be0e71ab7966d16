//! Completions and the manual page, made from the table of arguments.

use std::io::Write;

use anyhow::anyhow;
use clap::CommandFactory;
use clap_complete::Shell;

use super::{
    Cli,
    failure::{Failure, Outcome},
};
use crate::text::{nearest, visible};

pub fn completions(shell: Shell, out: &mut dyn Write) -> Outcome {
    let mut script = vec![]; // clap_complete panics if its writer fails
    clap_complete::generate(shell, &mut Cli::command(), "lookback", &mut script);
    Ok(out.write_all(&script)?)
}

/// The page of the program, or of one of its commands.
pub fn man(command: Option<&str>, out: &mut dyn Write) -> Outcome {
    let mut whole = Cli::command();
    whole.build();
    let page = match command {
        None => whole,
        Some(name) => {
            let found = whole.find_subcommand(name).cloned();
            found.ok_or_else(|| unknown(&whole, name))?.display_name(format!("lookback-{name}"))
        }
    };
    Ok(clap_mangen::Man::new(page).render(&mut &mut *out)?)
}

fn unknown(whole: &clap::Command, name: &str) -> Failure {
    let names = whole.get_subcommands().map(clap::Command::get_name);
    let near = nearest(name, names, 1).join("");
    let name = visible(name);
    Failure::Usage(anyhow!(
        "no command `{name}`; the nearest is {near}; `lookback --help` lists them all"
    ))
}
