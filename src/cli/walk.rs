//! `lookback` alone: the walk on the terminal, or its text where there is none.

use std::{
    io::{IsTerminal, stdin, stdout},
    process::ExitCode,
    sync::Arc,
};

use super::{
    Cli, Environment, Streams, changes,
    colour::{colours, is_dumb},
    failure::{Failure, Outcome, Usage},
    language, read, sentence, theme,
};
use crate::{
    export::plain,
    lesson::Lesson,
    term::{self, Start},
    text::Tokenizer,
};

pub fn run(cli: &Cli, env: Environment, streams: &mut Streams) -> Outcome<ExitCode> {
    let lesson = Lesson::embedded(language(cli.look.lang, env))?;
    let step = cli.at.as_deref().map_or(Ok(0), |id| lesson.find(id)).usage()?;
    let sentence = sentence::of(&cli.text)?;
    if !(stdin().is_terminal() && stdout().is_terminal()) || is_dumb(env) {
        let reading = read(&cli.text, streams)?;
        plain::walk(&lesson, &reading, step, streams.out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let changes = changes(&cli.text).usage()?;
    let theme = theme(colours(cli.look.color, env, true), cli.look.ascii);
    let start =
        Start { sentence: sentence.clone(), lesson: Arc::new(lesson), theme, changes, step };
    term::run(start).map_err(|e| of_the_sentence(&sentence).unwrap_or(Failure::Failed(e)))
}

/// Whether it is the sentence that cannot be read. Asked afterwards: a good one should not wait.
fn of_the_sentence(sentence: &str) -> Option<Failure> {
    let tokenizer = Tokenizer::embedded().ok()?;
    tokenizer.sentence(sentence).err().map(Failure::Usage)
}
