//! `lookback export`: frames of the walk, one file per step or one film of all steps.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, IsTerminal, Read},
    path::Path,
    sync::Arc,
    thread,
};

use anyhow::{Context, Result, anyhow, ensure};

use super::{
    args::ExportArgs,
    destination::{self, Destination, Target},
    failure::{Failure, Outcome, Usage},
    interrupt::Interrupt,
    progress::Progress,
    request::Request,
    source::{Purpose, Source},
    steps,
    streams::Streams,
};
use crate::{
    analysis::reading::Reading,
    export::{
        FORMATS, Film, Format, FrameSettings, FrameWriter, Write,
        files::{Files, reason},
        parallel,
    },
    lesson::Lesson,
    model::ModelName,
    render::{
        font::{CELL, CellSize, Fonts},
        frame::{Shot, Walk},
    },
    text::visible::{Visible, visible, visible_path},
    ui::theme::Theme,
    weights::memory,
};

/// The limit on a picture's pixels.
const MOST_PIXELS: usize = 64_000_000;
/// The limit on a font file's bytes.
const MOST_FONT_BYTES: u64 = 64 << 20;

pub fn run(asked: &ExportArgs, request: &Request, streams: &mut Streams) -> Outcome {
    // The steps of a checkpoint's walk depend on its sites, so it is read first; otherwise the arguments are checked first.
    let read = match request.checkpoint() {
        Some(_) => Some(Source::read(request, &ModelName::ALL, Purpose::Walk, streams)?),
        None => None,
    };
    let lesson = match &read {
        Some(source) => source.lesson(request.language)?,
        None => Lesson::embedded(request.language)?,
    };
    let steps = steps::chosen(&lesson, &asked.steps).usage()?;
    let out = &asked.out.out;
    let formats = destination::formats(&asked.format, out).usage()?;
    obeyed(asked, &formats).usage()?;
    let destination = Destination::of(&lesson, &steps, &formats, out).usage()?;
    if asked.list {
        return list(&destination.targets, &lesson, steps.len(), streams);
    }
    let standard = destination.standard().usage()?;
    if let Some(target) = standard {
        not_on_a_terminal(target.format).usage()?;
    }
    small_enough(asked, &formats).usage()?;
    let files = destination.files(out)?;
    let settings = FrameSettings { fonts: fonts(asked)?, pace: asked.pace };
    let source = match read {
        Some(source) => source,
        None => Source::read(request, &ModelName::ALL, Purpose::Walk, streams)?,
    };
    // Only now: while standard input is read, the first signal should end the process.
    let interrupt = Interrupt::listen()?;
    let job = Job {
        asked,
        request,
        lesson: Arc::new(lesson),
        reading: source.reading,
        steps,
        settings,
        n_threads: n_threads(asked, &formats, request.no_memory_check)?,
        interrupt: &interrupt,
    };
    job.run(standard, files, streams)
}

/// Prints path, format and step of each file that would be written.
fn list(targets: &[Target], lesson: &Lesson, n_steps: usize, streams: &mut Streams) -> Outcome {
    let (all, out): (_, &mut dyn io::Write) = (lesson.steps(), &mut Visible(streams.out));
    for Target { path, format, step } in targets {
        let path = visible_path(path);
        let what = step.map_or_else(|| format!("{n_steps} steps"), |step| all[step].1.id.clone());
        writeln!(out, "{path}\t{}\t{what}", format.id)?;
    }
    Ok(())
}

/// Checks that some format has what `--scale` and `--pace` change.
fn obeyed(asked: &ExportArgs, formats: &[&Format]) -> Result<()> {
    let is_scaled = asked.scale == 1 || formats.iter().any(|format| format.is_scaled);
    ensure!(is_scaled, "--scale is for pictures, and no format here is one; leave it out");
    // Left out, it is 1.
    let is_timed = asked.pace.to_bits() == 1_f32.to_bits() || formats.iter().any(|f| f.is_timed);
    ensure!(is_timed, "--pace is for films that play, and no format here is one; leave it out");
    Ok(())
}

fn not_on_a_terminal(format: &Format) -> Result<()> {
    ensure!(
        format.is_text || !io::stdout().is_terminal(),
        "{} is not for a terminal; pass --out FILE.{}, or redirect the output",
        format.id,
        format.extension
    );
    Ok(())
}

/// Checks that pictures are of a size that others can open.
fn small_enough(asked: &ExportArgs, formats: &[&Format]) -> Result<()> {
    let scale = usize::from(asked.scale);
    let (width, height) = (usize::from(asked.size.width), usize::from(asked.size.height));
    let (width, height) = (width * CELL.width * scale, height * CELL.height * scale);
    let has_pixels = formats.iter().any(|format| format.has_pixels());
    ensure!(
        !has_pixels || width * height <= MOST_PIXELS,
        "a picture of {width} x {height} pixels is too large; it may have {} million; choose a smaller \
         --size or --scale",
        MOST_PIXELS / 1_000_000
    );
    Ok(())
}

/// The embedded fonts and the one of `--font`.
fn fonts(asked: &ExportArgs) -> Result<Fonts> {
    let fonts = Fonts::embedded(asked.scale)?;
    let Some(path) = &asked.font else { return Ok(fonts) };
    let shown = || visible_path(path);
    let unreadable =
        |e: io::Error| anyhow!("{} cannot be read; {}; choose another --font", shown(), reason(&e));
    // Opening a pipe would block.
    let is_file = fs::metadata(path).map_err(unreadable)?.is_file();
    ensure!(is_file, "{} is not a regular file; choose another --font", shown());
    let mut bytes = vec![];
    let file = File::open(path).map_err(unreadable)?;
    file.take(MOST_FONT_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    fonts.and(bytes).with_context(|| format!("{} cannot be used; choose another --font", shown()))
}

/// The most characters that a note names.
const MOST_NAMED: usize = 8;

/// A note about characters that no font has; None if there are none.
fn without_glyph(missing: &[char]) -> Option<String> {
    let shown = missing.iter().take(MOST_NAMED).map(|c| visible(c.encode_utf8(&mut [0; 4])));
    let shown = shown.collect::<Vec<_>>().join(" ");
    let more = match missing.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!missing.is_empty()).then(|| {
        format!(
            "no font has {shown}{more}; a frame stands for each; --font FILE gives a font that has them"
        )
    })
}

/// The number of threads: as many as asked for, or fewer, so that memory suffices; the files are the same for any number.
///
/// # Errors
/// If it does not suffice for one.
fn n_threads(asked: &ExportArgs, formats: &[&Format], is_unchecked: bool) -> Result<usize> {
    let all = || thread::available_parallelism().map_or(1, usize::from);
    let n_wanted = asked.threads.map_or_else(all, usize::from);
    let Some(free) = memory::available().filter(|_| !is_unchecked) else { return Ok(n_wanted) };
    let scale = usize::from(asked.scale);
    let cell = CellSize { width: CELL.width * scale, height: CELL.height * scale };
    let of_format = |format: &&Format, n| format.memory(asked.size.into(), cell, n);
    let needed = |n| formats.iter().map(|format| of_format(format, n)).max().unwrap_or(0);
    let n_threads = (1..=n_wanted).rev().find(|&n| needed(n) <= free);
    n_threads.with_context(|| {
        format!(
            "about {} of memory are needed for these frames, and {} are free; choose a smaller --size or --scale, or \
             try all the same with --no-memory-check",
            memory::bytes(needed(1)),
            memory::bytes(free)
        )
    })
}

/// Everything that the frames are made from.
struct Job<'a> {
    asked: &'a ExportArgs,
    request: &'a Request<'a>,
    lesson: Arc<Lesson>,
    reading: Arc<Reading>,
    steps: Vec<usize>,
    settings: FrameSettings,
    n_threads: usize,
    interrupt: &'a Interrupt,
}

impl Job<'_> {
    /// Prints or saves the frames, with notes on what they lack.
    fn run(&self, standard: Option<&Target>, files: &[Target], streams: &mut Streams) -> Outcome {
        if let Some(remark) = self.without_all_text() {
            writeln!(streams.notes, "note: {remark}")?;
        }
        let outcome = match standard {
            Some(target) => self.print(target, streams.out).map_err(Failure::from),
            None => self.save(files).map_err(Failure::from),
        };
        if let Some(remark) = without_glyph(&self.settings.fonts.missing()) {
            writeln!(streams.notes, "note: {remark}")?;
        }
        match self.interrupt.signal() {
            Some(signal) if outcome.is_err() => Err(Failure::Stopped(signal)),
            _ => outcome,
        }
    }

    /// A note about frames that are too small for their text; None if all fit.
    fn without_all_text(&self) -> Option<String> {
        let cut = self.walk_in(vec![self.request.look.theme_of_files]).cut(&self.steps);
        let all = self.lesson.steps();
        let ids: Vec<&str> = cut.iter().take(3).map(|&step| all[step].1.id.as_str()).collect();
        let more = if cut.len() > ids.len() { ", ..." } else { "" };
        (!cut.is_empty()).then(|| {
            let (n, ids) = (cut.len(), ids.join(", "));
            format!("the text of {n} frames does not fit ({ids}{more}); choose a larger --size")
        })
    }

    fn print(&self, target: &Target, out: &mut dyn io::Write) -> io::Result<()> {
        let progress = self.request.progress("frames", self.steps.len());
        match target.format.write {
            Write::Film(write) => {
                write(self.film(target.format, &|| self.next(&progress)), &self.settings, out)
            }
            Write::Frame(write) => {
                let mut shots = self.walk(target.format).shots(&self.steps);
                shots.try_for_each(|shot| write(&shot, &self.settings, out))
            }
        }
    }

    /// Writes all files, or none.
    fn save(&self, targets: &[Target]) -> Result<()> {
        let paths = targets.iter().map(|target| target.path.as_path());
        let mut files = Files::new(paths, self.asked.out.force)?;
        let folders: BTreeSet<&Path> = targets.iter().filter_map(|t| t.path.parent()).collect();
        folders.into_iter().try_for_each(|folder| files.make_folder(folder))?;
        let n_frames = |target: &Target| target.step.map_or(self.steps.len(), |_| 1);
        let progress = self.request.progress("frames", targets.iter().map(n_frames).sum());
        for &format in FORMATS {
            let of_format: Vec<&Target> =
                targets.iter().filter(|target| target.format.id == format.id).collect();
            match (format.write, of_format.as_slice()) {
                (_, []) => {}
                (Write::Film(write), films) => {
                    let next = || self.next(&progress);
                    for film in films {
                        let content = |out: &mut dyn io::Write| {
                            write(self.film(format, &next), &self.settings, out)
                        };
                        files.stage(&film.path, content)?;
                    }
                }
                (Write::Frame(write), frames) => {
                    self.each(format, write, frames, &mut files, &progress)?;
                }
            }
        }
        files.finish()
    }

    /// Writes the frames of a format on several threads.
    fn each(
        &self,
        format: &Format,
        write: FrameWriter,
        frames: &[&Target],
        files: &mut Files,
        progress: &Progress,
    ) -> Result<()> {
        let content = |shot: Shot| {
            let mut content = vec![];
            write(&shot, &self.settings, &mut content).map(|()| content)
        };
        let mut paths = frames.iter().map(|target| &target.path);
        let shots = self.walk(format).shots(&self.steps);
        parallel::in_order(shots, self.n_threads, content, |content| {
            self.next(progress)?;
            let (path, content) = (paths.next().context("more frames than files")?, content?);
            files.stage(path, |out| out.write_all(&content))
        })
    }

    /// Counts a finished frame; an error if a signal asked to stop.
    fn next(&self, progress: &Progress) -> io::Result<()> {
        progress.step();
        self.interrupt.check()
    }

    fn film<'b>(&'b self, format: &Format, progress: &'b dyn Fn() -> io::Result<()>) -> Film<'b> {
        Film { walk: self.walk(format), steps: &self.steps, n_threads: self.n_threads, progress }
    }

    fn walk(&self, format: &Format) -> Walk {
        let look = &self.request.look;
        let (theme, scheme) = (look.theme_of_files, look.scheme_of_files);
        self.walk_in(format.themes(theme, scheme, look.is_colour_refused))
    }

    fn walk_in(&self, themes: Vec<Theme>) -> Walk {
        let lesson = Arc::clone(&self.lesson);
        Walk::new(lesson, &self.reading, themes, self.asked.size.into())
            .with_view(self.request.view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_without_a_glyph_are_named_or_counted() {
        let note = |n: u32| {
            let missing: Vec<char> = (0..n).filter_map(|i| char::from_u32(0x4E00 + i)).collect();
            without_glyph(&missing)
        };
        assert_eq!(note(0), None);
        assert!(
            note(8).is_some_and(|note| note.starts_with("no font has 一 丁 丂 七 丄 丅 丆 万;"))
        );
        assert!(note(11).is_some_and(|note| note.contains(" 万 and 3 more; a frame")));
    }
}
