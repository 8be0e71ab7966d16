//! `lookback` alone: the walk on the terminal, or its text where there is none.

use std::{
    io::{IsTerminal, stdin, stdout},
    process::ExitCode,
    sync::Arc,
};

use super::{
    Cli, Environment, Streams,
    colour::{colours, is_dumb},
    failure::{Failure, Outcome, Usage},
    sentence, theme,
};
use crate::{
    app::Guide,
    export::plain,
    lesson::{Language, Lesson},
    reading::Reader,
    term::{self, Start},
    text::Tokenizer,
};

pub fn run(cli: &Cli, env: Environment, streams: &mut Streams) -> Outcome<ExitCode> {
    let lesson = Lesson::embedded(Language::English)?;
    let step = cli.at.as_deref().map_or(Ok(0), |id| lesson.find(id)).usage()?;
    let sentence = sentence::of(&cli.text)?;
    if !(stdin().is_terminal() && stdout().is_terminal()) || is_dumb(env) {
        let reading = Reader::embedded()?.read(&sentence).usage()?;
        plain::walk(&lesson, &reading, step, streams.out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let theme = theme(colours(cli.look.color, env, true), cli.look.ascii);
    let (sentence_read, lesson) = (sentence.clone(), Arc::new(lesson));
    let start = Start { sentence: sentence_read, lesson, theme, step, guide: guide(cli) };
    term::run(start).map_err(|e| of_the_sentence(&sentence).unwrap_or(Failure::Failed(e)))
}

fn guide(cli: &Cli) -> Guide {
    let mut guide = Guide::default();
    (guide.asks, guide.in_tour) = (!cli.no_questions, cli.tour);
    if cli.autoplay { guide.playing() } else { guide }
}

/// Whether it is the sentence that cannot be read. Asked afterwards: a good one should not wait.
fn of_the_sentence(sentence: &str) -> Option<Failure> {
    let tokenizer = Tokenizer::embedded().ok()?;
    tokenizer.sentence(sentence).err().map(Failure::Usage)
}
