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
    language, linear,
    look::{self, Choice},
    read, sentence,
    settings::{PACE, Settings},
};
use crate::{
    app::{Guide, Motion},
    lesson::Lesson,
    plain,
    term::{self, Before, Start},
    text::Tokenizer,
    theme::Depth,
};

pub fn run(
    cli: &Cli,
    settings: &Settings,
    env: Environment,
    streams: &mut Streams,
) -> Outcome<ExitCode> {
    let lesson = Lesson::embedded(language(cli.look.lang, settings.lang, env))?;
    let step = cli.at.as_deref().map_or(Ok(0), |id| lesson.find(id)).usage()?;
    if cli.linear {
        return linear(cli, lesson, step, streams);
    }
    let sentence = sentence::of(&cli.text)?;
    if !(stdin().is_terminal() && stdout().is_terminal()) || is_dumb(env) {
        let reading = read(&cli.text, streams)?;
        plain::walk(&lesson, &reading, step, streams.out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let changes = changes(&cli.text).usage()?;
    let theme = look::of_terminal(cli.look, settings, env);
    let kept = Kept::find(!cli.look.no_config);
    let follows_ground = look::choice(cli.look, settings) == Choice::Auto;
    let start = Start {
        sentence: sentence.clone(),
        lesson: Arc::new(lesson),
        theme,
        follows_ground,
        asks_ground: follows_ground && theme.depth != Depth::None && look::may_ask_ground(env),
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

fn linear(cli: &Cli, lesson: Lesson, step: usize, streams: &mut Streams) -> Outcome<ExitCode> {
    if cli.text.sentence.as_ref().is_some_and(|sentence| sentence == "-") {
        let wrong = anyhow::anyhow!(
            "--linear takes its commands from standard input; give the sentence as an argument"
        );
        return Err(Failure::Usage(wrong));
    }
    let reading = read(&cli.text, streams)?;
    let (lesson, reading) = (Arc::new(lesson), Arc::new(reading));
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
