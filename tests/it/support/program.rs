//! The program as a process: its exit code, and what it prints.

use std::process::{Command, Stdio};

/// What chooses the language of the lesson.
pub const LOCALE: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// What a run of the program came to.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Waits for the end of a process that a signal does not end and that prints text.
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The program in English, with nothing on standard input and without the terminal, the language and the settings of
/// whoever runs the tests; none are written.
pub fn program() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lookback"));
    let colour = ["NO_COLOR", "CLICOLOR_FORCE", "COLORTERM", "TERM"];
    for name in colour.into_iter().chain(LOCALE) {
        command.env_remove(name);
    }
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
        command.env(name, concat!(env!("CARGO_TARGET_TMPDIR"), "/empty-home"));
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the program with these arguments.
pub fn run(args: &[&str]) -> Run {
    Run::of(program().args(args))
}
