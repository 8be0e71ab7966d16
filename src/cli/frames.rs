//! `lookback export`: frames of the walk, one file a step and format.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Result, anyhow, bail, ensure};
use ratatui::buffer::Buffer;

use super::{
    Ask, Environment, Streams,
    args::{Export, FrameFormat, Look},
    failure::{Outcome, Usage},
    language,
    look::{self, Choice},
    progress::Progress,
    read,
    settings::Settings,
};
use crate::{
    export::{
        ansi,
        files::{Files, make_folder},
        frames::Walk,
        txt,
    },
    lesson::Lesson,
    reading::Reading,
    theme::{Depth, Theme},
};

/// How a format is written: the end of its files' names, the text of a buffer.
struct Form {
    format: FrameFormat,
    extension: &'static str,
    text: fn(&Buffer) -> String,
}

static FORMS: &[Form] = &[
    Form { format: FrameFormat::Txt, extension: "txt", text: txt::text },
    Form { format: FrameFormat::Ansi, extension: "ansi", text: ansi::text },
];

pub fn run(
    asked: &Export,
    look: Look,
    settings: &Settings,
    env: Environment,
    streams: &mut Streams,
) -> Outcome {
    let lesson = Arc::new(Lesson::embedded(language(look.lang, settings.lang, env))?);
    let steps = steps(&lesson, &asked.steps).usage()?;
    let forms: Vec<&Form> = FORMS.iter().filter(|f| asked.format.contains(&f.format)).collect();
    let is_standard = asked.out.out == Path::new("-");
    if is_standard {
        one_only(steps.len() * forms.len()).usage()?;
    }
    let reading = Arc::new(read(&asked.text, streams)?);
    let theme = |form: &Form| {
        let depth = colours(form.format, look::ask(look, settings, env), env);
        let scheme = look.theme.and_then(Choice::scheme).unwrap_or_default();
        Theme::new(depth, look::glyphs(look, settings)).with(scheme)
    };
    let job = Job { asked, theme: &theme, lesson, reading, steps };
    if is_standard {
        return Ok(forms.into_iter().try_for_each(|form| job.print(form, streams.out))?);
    }
    Ok(job.save(&forms)?)
}

fn one_only(n_frames: usize) -> Result<()> {
    ensure!(
        n_frames == 1,
        "{n_frames} frames cannot go to standard output; it takes one step in one format; \
         write --out FOLDER, or one step as in --steps tokens"
    );
    Ok(())
}

/// All that the frames are made from.
struct Job<'a> {
    asked: &'a Export,
    /// A file has no ground that could be asked for, and settings are for screens: only an option
    /// makes a frame other than dark.
    theme: &'a dyn Fn(&Form) -> Theme,
    lesson: Arc<Lesson>,
    reading: Arc<Reading>,
    steps: Vec<usize>,
}

impl Job<'_> {
    fn print(&self, form: &Form, out: &mut dyn Write) -> std::io::Result<()> {
        self.frames(form).try_for_each(|(_, buffer)| write!(out, "{}", (form.text)(&buffer)))
    }

    /// Every file or none.
    fn save(&self, forms: &[&Form]) -> Result<()> {
        let paths =
            forms.iter().flat_map(|form| self.steps.iter().map(|&step| self.path(step, form)));
        let paths: Vec<PathBuf> = paths.collect();
        let mut files = Files::new(paths.iter().map(PathBuf::as_path), self.asked.out.force)?;
        make_folder(&self.asked.out.out)?;
        let progress = Progress::new("frames drawn", paths.len());
        for form in forms {
            for (step, buffer) in self.frames(form) {
                let text = (form.text)(&buffer);
                files.stage(&self.path(step, form), |out| out.write_all(text.as_bytes()))?;
                progress.step();
            }
        }
        files.finish()
    }

    fn frames(&self, form: &Form) -> impl Iterator<Item = (usize, Buffer)> {
        let theme = (self.theme)(form);
        let (lesson, reading) = (Arc::clone(&self.lesson), Arc::clone(&self.reading));
        Walk::new(lesson, reading, theme, self.asked.size.into()).frames(&self.steps)
    }

    /// `frames/007-softmax.txt`
    fn path(&self, step: usize, form: &Form) -> PathBuf {
        let (_, found) = self.lesson.steps()[step];
        self.asked.out.out.join(format!("{:03}-{}.{}", step + 1, found.id, form.extension))
    }
}

/// A file is no terminal of a kind: all colours, unless none are wanted. Plain text has none, and
/// the screen then says with characters what it would say with colours.
fn colours(format: FrameFormat, ask: Ask, env: Environment) -> Depth {
    let is_refused = ask == Ask::Never
        || (ask == Ask::Auto && env("NO_COLOR").is_some_and(|value| !value.is_empty()));
    if format == FrameFormat::Txt || is_refused { Depth::None } else { Depth::True }
}

/// Indices of the steps that the patterns name, in the order of the walk.
fn steps(lesson: &Lesson, patterns: &[String]) -> Result<Vec<usize>> {
    let mut steps = vec![];
    for pattern in patterns {
        steps.extend(some_steps(lesson, pattern.trim())?);
    }
    steps.sort_unstable();
    steps.dedup();
    Ok(steps)
}

fn some_steps(lesson: &Lesson, pattern: &str) -> Result<Vec<usize>> {
    let all = lesson.steps();
    if pattern == "all" {
        return Ok((0..all.len()).collect());
    }
    if let Some(n) = pattern.strip_prefix("chapter:") {
        let last = lesson.chapters.len() - 1;
        let wrong = || {
            anyhow!(
                "no chapter `{}`; the chapters are 0 to {last}; write chapter:0",
                n.escape_debug()
            )
        };
        let n = n.parse::<usize>().ok().filter(|n| *n <= last).ok_or_else(wrong)?;
        return Ok((0..all.len()).filter(|&i| all[i].0 == n).collect());
    }
    let Some((from, to)) = pattern.split_once("..") else { return Ok(vec![lesson.find(pattern)?]) };
    let (from, to) = (lesson.find(from)?, lesson.find(to)?);
    if from > to {
        bail!("`{pattern}` runs backwards; {} comes first; swap them", all[to].1.id);
    }
    Ok((from..=to).collect())
}
