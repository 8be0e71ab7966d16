//! Why a command ends without success, as one line: what; why; what to do.

use std::{fmt::Write as _, io};

use crate::text::visible;

/// The end of a command that did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// Asked wrongly: exit code 2.
    Usage(anyhow::Error),
    /// Asked rightly, but it could not be done: exit code 1.
    Failed(anyhow::Error),
    /// Nobody reads any longer: a quiet end, exit code 0.
    Closed,
}

pub type Outcome<T = ()> = Result<T, Failure>;

/// Marks an error as one of usage.
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
        let closed = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
        };
        if error.chain().any(closed) { Self::Closed } else { Self::Failed(error) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        anyhow::Error::from(error).context("the output cannot be written").into()
    }
}

impl Failure {
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
            Self::Closed => 0,
        }
    }

    /// The line for standard error; empty for a quiet end.
    pub fn line(&self) -> String {
        match self {
            Self::Usage(error) | Self::Failed(error) => format!("error: {error:#}\n"),
            Self::Closed => String::new(),
        }
    }
}

/// A wrong command line, said in our form: clap's paragraphs become clauses of one line.
pub fn wrong_usage(error: &clap::Error) -> Failure {
    let rendered = error.render().to_string();
    let mut line = String::new();
    for paragraph in rendered.split("\n\n") {
        let paragraph = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        let clause = paragraph.trim_start_matches("error: ").trim_start_matches("tip: ");
        if clause.starts_with("Usage:") || clause.starts_with("For more") || clause.is_empty() {
            continue;
        }
        let between = if line.is_empty() { "" } else { "; " };
        let _ = write!(line, "{between}{}", visible(clause));
    }
    if error.kind() == clap::error::ErrorKind::UnknownArgument && !line.contains("'-") {
        line.push_str("; put a sentence of several words in quotes");
    }
    Failure::Usage(anyhow::anyhow!("{line}; `lookback --help` shows what there is"))
}
