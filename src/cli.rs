//! The commands, and what they are asked to do.
//!
//! `args` is the table of arguments, `request` resolves arguments, environment and settings once, `source` reads the
//! sentence with the models of a request, and each command has a file (`walk`, `open`, `trace`, `export`, `eval`,
//! `evidence` for `attribute`, `patch`, `diff`, `heads`, `flow` and `learn`, `inspect`, `models`, `steps`, `config`,
//! `documents` for completions and manual).
//!
//! Every command writes to the `Streams` it is given and returns an `Outcome`; only [`main`] uses standard output.
//! All text passes through `Visible`, except what is a file elsewhere. A closed pipe ends the program without an
//! error; nothing here panics.

mod args;
mod colour;
mod config;
mod destination;
mod documents;
mod eval;
mod evidence;
mod export;
mod failure;
mod help_texts;
mod inspect;
mod interrupt;
mod known;
mod language;
mod linear;
mod look;
mod manual;
mod models;
mod open;
mod progress;
mod request;
mod saved_state;
mod sentence;
pub mod settings;
mod size;
mod source;
mod steps;
mod streams;
mod trace;
mod view;
mod walk;

pub use args::Cli;
pub use colour::{Ask, Environment, colours};
/// For the tests, which evaluate the arithmetic that is printed.
pub use open::line;

use std::{
    ffi::OsString,
    io::{self, BufWriter, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::{CommandFactory as _, Parser, error::ErrorKind};
use signal_hook::consts::SIGXFSZ;

use crate::{
    engine::pool,
    text::visible::Visible,
    weights::{end_in_order, reserve_little},
};
use args::{BesideArgs, CliCommand, ModelArgs, TargetArgs, TextArgs};
use failure::{Failure, Outcome, Usage, wrong_usage};
use request::Request;
use settings::Settings;
use streams::Streams;

/// Runs the program on the process's own arguments and streams.
pub fn main() -> ExitCode {
    reserve_little();
    end_in_order();
    pool::start();
    // A file that grows beyond `ulimit -f` is an error of the write, with a message, and not the end of the process.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    let mut out = BufWriter::new(io::stdout());
    let mut errors = io::stderr();
    let mut notes = Visible(&mut errors);
    let outcome = run(std::env::args_os(), &mut Streams { out: &mut out, notes: &mut notes });
    let outcome = outcome.and_then(|code| Ok(out.flush().map(|()| code)?));
    let failure = match outcome {
        Ok(code) => return code,
        Err(failure) => failure,
    };
    // What was printed before the failure is shown before it; if that fails too, nobody is there.
    let _ = out.flush();
    let _ = notes.write_all(failure.line().as_bytes());
    ExitCode::from(failure.code())
}

/// The first of the arguments that is the name of a command.
fn command_in(args: &[OsString]) -> Option<String> {
    let command = Cli::command();
    let mut words = args.iter().skip(1).filter_map(|arg| arg.to_str());
    let is_one = |word: &&str| command.find_subcommand(word).is_some();
    words.find(is_one).map(str::to_owned)
}

fn run(args: impl IntoIterator<Item = OsString>, streams: &mut Streams) -> Outcome<ExitCode> {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(e) if matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            write!(streams.out, "{}", e.render())?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(e) => return Err(wrong_usage(&e, command_in(&args).as_deref())),
    };
    let Some(command) = &cli.command else {
        let text = &mut Streams { out: &mut Visible(streams.out), notes: streams.notes };
        let request = request(&cli, &cli.text, settings(&cli)?)?;
        let request = request.beside(&cli.beside, &cli.target)?.viewed(cli.view);
        return walk::run(&cli, &request, text);
    };
    only_before_a_walk(&cli)?;
    only_for_a_reader(command, &cli.which)?;
    dispatch(command, &cli, streams)?;
    Ok(ExitCode::SUCCESS)
}

fn request<'a>(cli: &Cli, text: &'a TextArgs, settings: Settings) -> Outcome<Request<'a>> {
    Request::new(cli.look, &cli.which, text, settings, &variable)
}

/// The settings file, unless it is skipped. Commands that use no setting do not read it.
fn settings(cli: &Cli) -> Outcome<Settings> {
    let path = if cli.look.no_config { None } else { settings::path() };
    path.map_or_else(|| Ok(Settings::default()), |path| settings::load(&path)).usage()
}

fn dispatch(command: &CliCommand, cli: &Cli, streams: &mut Streams) -> Outcome {
    let text = &mut Streams { out: &mut Visible(streams.out), notes: streams.notes };
    let none = TextArgs::default();
    let (alone, own) = (BesideArgs::default(), TargetArgs::default());
    let set = |asked| request(cli, asked, settings(cli)?);
    let unset = |asked| request(cli, asked, Settings::default());
    match command {
        // What is a file elsewhere stays what it is on standard output.
        CliCommand::Trace(asked) => {
            let request = unset(&asked.text)?.beside(&alone, &asked.target)?;
            trace::run(asked, &request, streams)
        }
        CliCommand::Export(asked) => {
            let request = set(&asked.text)?.beside(&asked.beside, &asked.target)?;
            let request = request.viewed(asked.view);
            export::run(asked, &request, streams)
        }
        CliCommand::Steps(asked) => steps::run(&set(asked)?, text),
        CliCommand::Open(asked) => {
            let request = set(&asked.text)?.beside(&asked.beside, &asked.target)?;
            open::run(asked, &request, text)
        }
        CliCommand::Attribute(asked) => {
            evidence::attribute::run(asked, &unset(&asked.text)?, streams)
        }
        CliCommand::Patch(asked) => evidence::patch::run(asked, &unset(&asked.text)?, streams),
        CliCommand::Diff(asked) => {
            let request = unset(&asked.text)?.beside(&asked.beside, &own)?;
            evidence::diff::run(asked, &request, streams)
        }
        CliCommand::Flow(asked) => evidence::flow::run(asked, &unset(&asked.text)?, streams),
        CliCommand::Heads(asked) => evidence::heads::run(asked, &unset(&asked.text)?, streams),
        CliCommand::Learn(asked) => evidence::learn::run(asked, &unset(&asked.text)?, streams),
        CliCommand::Eval(asked) => eval::run(asked, &unset(&none)?, text),
        CliCommand::Inspect(asked) => {
            let which = ModelArgs {
                model: Some(known::Chosen::Path(asked.path.clone())),
                ..cli.which.clone()
            };
            let request = Request::new(cli.look, &which, &none, settings(cli)?, &variable)?;
            inspect::run(asked, &request, text)
        }
        CliCommand::Models(asked) => models::run(asked, text),
        CliCommand::Config => config::run(&set(&none)?, text),
        CliCommand::Completions { shell } => documents::completions(*shell, text.out),
        CliCommand::Man { command } => documents::man(command.as_deref(), text.out),
    }
}

/// A variable of the environment; one that is not text counts as absent.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Refuses options of models for a command that would ignore them.
fn only_for_a_reader(command: &CliCommand, which: &ModelArgs) -> Outcome {
    let name = match command {
        CliCommand::Inspect(_) => "inspect",
        CliCommand::Models(_) => "models",
        CliCommand::Config => "config",
        CliCommand::Completions { .. } => "completions",
        CliCommand::Man { .. } => "man",
        _ => return Ok(()),
    };
    let is_of_checkpoint = matches!(command, CliCommand::Inspect(_));
    let given = [
        ("--model", which.model.is_some()),
        ("--adapter", which.adapter.is_some() && !is_of_checkpoint),
        ("--chat", which.chat),
        ("--system", which.system.is_some()),
    ];
    let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) else {
        return Ok(());
    };
    let is_second = is_of_checkpoint && option == "--model";
    let instead = if is_second { "give the checkpoint alone" } else { "leave it out" };
    Err(anyhow::anyhow!("{option} is not for {name}; {instead}")).usage()
}

/// Refuses arguments before a command that the command would ignore.
fn only_before_a_walk(cli: &Cli) -> Outcome {
    if let Some(sentence) = &cli.text.sentence {
        let sentence = crate::text::visible(&sentence.to_string_lossy());
        let wrong = anyhow::anyhow!(
            "\"{sentence}\" stands before a command; put the command first and its sentence after it; \
             to read a sentence that is a command's name, use `lookback -- NAME`"
        );
        return Err(Failure::Usage(wrong));
    }
    let others = [
        (
            !cli.text.what_if.is_empty(),
            "--what-if stands before a command; put it after the command",
        ),
        (
            cli.tour || cli.autoplay || cli.no_questions || cli.no_motion,
            "--tour, --autoplay, --no-questions and --no-motion are for the walk; leave them or the command out",
        ),
        (
            cli.at.is_some(),
            "--at is for the walk; a command does not begin at a step; leave --at or the command out",
        ),
        (
            cli.beside.against.is_some()
                || cli.beside.against_model.is_some()
                || cli.target.target.is_some(),
            "--against, --against-model and --target stand before a command; put them after it",
        ),
        (
            cli.view.is_given(),
            "--attention, --log-colors, --no-sink, --by-word, --whole and --units stand before a command; put them after it",
        ),
        (cli.no_mouse, "--no-mouse is for the walk; leave it or the command out"),
        (cli.linear, "--linear is for the walk; leave it or the command out"),
    ];
    match others.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, wrong)) => Err(Failure::Usage(anyhow::anyhow!(wrong))),
        None => Ok(()),
    }
}
