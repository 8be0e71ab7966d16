//! `lookback` without a command: the walk on the terminal, or its text if there is none.

use std::{
    io::{IsTerminal, stdin, stdout},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use super::{
    args::Cli,
    colour::ThemeChoice,
    failure::{Failure, Outcome, Usage},
    known::Chosen,
    linear::{self, LinearStart},
    request::Request,
    saved_state::SavedState,
    settings::{PACE, Settings},
    source::{BUILT_IN_BYTES, Purpose, Source},
    streams::Streams,
};
use crate::{
    lesson::Lesson,
    model::ModelName,
    term::{self, Start, autosave::Save, exporter},
    text::Tokenizer,
    ui::{
        app::{EarlierWalks, Guide, Motion, WalkStart},
        memory::Memory,
        plain::{self, PlainRange},
        theme::{Depth, Glyphs, Theme},
    },
    weights::memory,
};

pub fn run(cli: &Cli, request: &Request, streams: &mut Streams) -> Outcome<ExitCode> {
    if request.checkpoint().is_none() {
        memory::check(BUILT_IN_BYTES, request.no_memory_check)?;
    }
    if cli.linear {
        return linear(cli, request, streams);
    }
    if !(stdin().is_terminal() && stdout().is_terminal()) || request.look.is_dumb {
        let (source, lesson) = opened(request, streams)?;
        let range = PlainRange { from: begin(cli, request, &lesson)?, in_tour: cli.tour };
        plain::walk(&lesson, &source.reading, range, request.view, streams.out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let kept = SavedState::find(!cli.look.no_config);
    let start = start(cli, request, kept, streams)?;
    let ended =
        term::run(start).map_err(|e| of_the_sentence(request).unwrap_or(Failure::Failed(e)))?;
    note_unkept(ended.kept, streams);
    for why in &ended.unwritten {
        let _ = writeln!(streams.notes, "note: {why}");
    }
    Ok(ended.code)
}

/// Says why progress is not kept. The walk itself succeeded; if the terminal is gone, the note is lost.
fn note_unkept(kept: anyhow::Result<()>, streams: &mut Streams) {
    if let Err(why) = kept {
        let _ = writeln!(streams.notes, "note: {why:#}");
    }
}

/// The first reading and its lesson.
fn opened(request: &Request, streams: &mut Streams) -> Outcome<(Source, Lesson)> {
    let source = Source::read(request, &ModelName::ALL, Purpose::Walk, streams)?;
    let lesson = source.lesson(request.language)?;
    Ok((source, lesson))
}

/// The start of the walk on the terminal.
fn start(cli: &Cli, request: &Request, kept: SavedState, streams: &mut Streams) -> Outcome<Start> {
    // A checkpoint is read before the terminal is taken: which steps there are depends on it.
    let (own, sentence, lesson) = if request.checkpoint().is_some() {
        let (source, lesson) = opened(request, streams)?;
        (Some(source.readings), source.plain.sentence.text.clone(), lesson)
    } else {
        (None, request.sentence()?.to_owned(), Lesson::embedded(request.language)?)
    };
    let Request { settings, look, .. } = request;
    let walk = WalkStart {
        sentence,
        changes: request.changes.clone(),
        step: begin(cli, request, &lesson)?,
        lesson: Arc::new(lesson),
        theme: look.terminal,
        follows_background: look.theme == ThemeChoice::Auto,
        guide: guide(cli, settings),
        view: request.view,
        motion: if !cli.no_motion && settings.motion.unwrap_or(true) {
            Motion::Moving(Duration::ZERO)
        } else {
            Motion::Still
        },
        earlier: EarlierWalks {
            memory: kept.memory.clone(),
            offers: !request.has_sentence() && cli.at.is_none(),
            trouble: kept.trouble.clone(),
        },
        exports: exporter::export_options(),
    };
    let mouse = !cli.no_mouse && settings.mouse.unwrap_or(true);
    let save = save(kept);
    Ok(Start { walk, own, mouse, has_commands: look.has_commands, save })
}

/// Saves what a walk remembers beside what other walks saved meanwhile.
fn save(mut kept: SavedState) -> Save {
    Box::new(move |memory| kept.replace(memory))
}

/// The step to begin at: the one that is asked for, else the first, or the first that is about the
/// model that is asked for.
fn begin(cli: &Cli, request: &Request, lesson: &Lesson) -> Outcome<usize> {
    if let Some(id) = &cli.at {
        return lesson.find(id).usage();
    }
    let Some(Chosen::BuiltIn(name)) = request.model else { return Ok(0) };
    Ok(lesson.steps().iter().position(|(_, step)| step.model == name).unwrap_or(0))
}

fn linear(cli: &Cli, request: &Request, streams: &mut Streams) -> Outcome<ExitCode> {
    if request.reads_standard_input() {
        let wrong = anyhow::anyhow!(
            "--linear takes its commands from standard input; give the sentence as an argument"
        );
        return Err(Failure::Usage(wrong));
    }
    let (source, lesson) = opened(request, streams)?;
    let mut kept = SavedState::find(!cli.look.no_config);
    let earlier = EarlierWalks { memory: kept.memory.clone(), ..EarlierWalks::default() };
    let step = begin(cli, request, &lesson)?;
    let sentence = source.plain.sentence.text.clone();
    let theme = Theme::new(Depth::None, Glyphs::Ascii);
    let mut walk = WalkStart {
        changes: (*source.reading.changes).clone(),
        step,
        view: request.view,
        earlier,
        ..WalkStart::new(Arc::new(lesson), theme, sentence)
    };
    walk.guide.in_tour = cli.tour;
    let start = LinearStart { walk, readings: source.readings, reading: source.reading };
    let mut input = stdin().lock();
    // If it cannot be saved now, that is said at the end.
    let mut keep = |memory: &Memory| drop(kept.replace(memory));
    let memory = linear::run(start, stdin().is_terminal(), &mut input, streams.out, &mut keep)?;
    note_unkept(kept.replace(&memory), streams);
    Ok(ExitCode::SUCCESS)
}

fn guide(cli: &Cli, settings: &Settings) -> Guide {
    let mut guide = Guide::at_pace(settings.pace.unwrap_or(PACE));
    guide.asks_questions = !cli.no_questions && settings.questions.unwrap_or(true);
    guide.in_tour = cli.tour;
    if cli.autoplay { guide.playing() } else { guide }
}

/// Whether it is the sentence that cannot be read. Asked afterwards: a good one should not wait.
fn of_the_sentence(request: &Request) -> Option<Failure> {
    let tokenizer = Tokenizer::embedded().ok()?;
    tokenizer.sentence(request.sentence().ok()?).err().map(Failure::Usage)
}
