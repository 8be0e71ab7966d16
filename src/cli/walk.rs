//! `lookback` alone: the walk on the terminal, or its text where there is none.

use std::{
    io::{IsTerminal, stdin, stdout},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use super::{
    Cli, Environment, Streams, changes,
    colour::is_dumb,
    failure::{Failure, Outcome, Usage},
    kept::Kept,
    known::Chosen,
    language::language,
    linear,
    look::{self, Choice},
    sentence,
    settings::{PACE, Settings},
    source::{self, Source},
};
use crate::{
    lesson::{Language, Lesson},
    model::Name,
    term::{self, Before, Start},
    text::Tokenizer,
    ui::{
        app::{Guide, Motion},
        plain,
    },
};

pub fn run(
    cli: &Cli,
    settings: &Settings,
    env: Environment,
    streams: &mut Streams,
) -> Outcome<ExitCode> {
    let language = language(cli.look.lang, settings.lang, env);
    if cli.linear {
        return linear(cli, language, streams);
    }
    if !(stdin().is_terminal() && stdout().is_terminal()) || is_dumb(env) {
        let source = source::read_to_walk(&cli.which, &Name::ALL, &cli.text, streams)?;
        let lesson = source.lesson(language)?;
        plain::walk(&lesson, &source.reading, begin(cli, &lesson)?, streams.out)?;
        return Ok(ExitCode::SUCCESS);
    }
    // A checkpoint is read before the terminal is taken: which steps there are depends on it.
    let own = match cli.which.path() {
        Some(_) => Some(source::read_to_walk(&cli.which, &Name::ALL, &cli.text, streams)?),
        None => None,
    };
    // Standard input is read once: a reading already holds what it said.
    let sentence = match &own {
        Some(source) => source.plain.sentence.text.clone(),
        None => sentence::of(&cli.text)?,
    };
    let lesson = match &own {
        Some(source) => source.lesson(language)?,
        None => Lesson::embedded(language)?,
    };
    let step = begin(cli, &lesson)?;
    let changes = changes(&cli.text).usage()?;
    let theme = look::of_terminal(cli.look, settings, env);
    let kept = Kept::find(!cli.look.no_config);
    let follows_ground = look::choice(cli.look, settings) == Choice::Auto;
    let start = Start {
        sentence: sentence.clone(),
        own: own.map(|Source { reader, plain, .. }| (reader, plain)),
        lesson: Arc::new(lesson),
        theme,
        follows_ground,
        has_commands: look::has_commands(env),
        mouse: !cli.no_mouse && settings.mouse.unwrap_or(true),
        changes,
        guide: guide(cli, settings),
        motion: if settings.motion.unwrap_or(true) {
            Motion::Moving(Duration::ZERO)
        } else {
            Motion::Still
        },
        step,
        before: Before {
            memory: kept.memory.clone(),
            offers: cli.text.sentence.is_none() && cli.at.is_none(),
            trouble: kept.trouble.clone(),
        },
    };
    let ended =
        term::run(start).map_err(|e| of_the_sentence(&sentence).unwrap_or(Failure::Failed(e)))?;
    if let Err(why) = kept.replace(&ended.memory) {
        // The walk itself went well; a terminal that is gone need not hear of it.
        let _ = writeln!(streams.notes, "note: {why:#}");
    }
    for why in &ended.unwritten {
        let _ = writeln!(streams.notes, "note: {why}");
    }
    Ok(ended.code)
}

/// The step to begin at: the one that is asked for, else the first, or the first that is about the
/// model that is asked for.
fn begin(cli: &Cli, lesson: &Lesson) -> Outcome<usize> {
    if let Some(id) = &cli.at {
        return lesson.find(id).usage();
    }
    let Some(Chosen::BuiltIn(name)) = cli.which.model else { return Ok(0) };
    Ok(lesson.steps().iter().position(|(_, step)| step.model == name).unwrap_or(0))
}

fn linear(cli: &Cli, language: Language, streams: &mut Streams) -> Outcome<ExitCode> {
    if cli.text.sentence.as_ref().is_some_and(|sentence| sentence == "-") {
        let wrong = anyhow::anyhow!(
            "--linear takes its commands from standard input; give the sentence as an argument"
        );
        return Err(Failure::Usage(wrong));
    }
    let source = source::read_to_walk(&cli.which, &Name::ALL, &cli.text, streams)?;
    let lesson = Arc::new(source.lesson(language)?);
    let (reading, step) = (source.reading, begin(cli, &lesson)?);
    let mut input = stdin().lock();
    linear::run(lesson, reading, step, stdin().is_terminal(), &mut input, streams.out)?;
    Ok(ExitCode::SUCCESS)
}

fn guide(cli: &Cli, settings: &Settings) -> Guide {
    let mut guide = Guide::at_pace(settings.pace.unwrap_or(PACE));
    guide.asks = !cli.no_questions && settings.questions.unwrap_or(true);
    guide.in_tour = cli.tour;
    if cli.autoplay { guide.playing() } else { guide }
}

/// Whether it is the sentence that cannot be read. Asked afterwards: a good one should not wait.
fn of_the_sentence(sentence: &str) -> Option<Failure> {
    let tokenizer = Tokenizer::embedded().ok()?;
    tokenizer.sentence(sentence).err().map(Failure::Usage)
}
