//! Frames as files: free names, checks of a path, and the writing thread.

use std::{
    cell::LazyCell,
    collections::BTreeSet,
    env, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use anyhow::{Result, bail};

use super::{Event, spawn_guarded};
use crate::{
    export::{
        FORMATS, Format, FrameSettings, Write,
        files::{Files, WriteError, reason},
        txt,
    },
    lesson::{Language, tr},
    render::{font::Fonts, frame::Shot},
    ui::{
        app::{
            Action, ExportFormat, ExportOptions, ExportRefusal, ExportRequest, ExportedFile, State,
        },
        theme::{Depth, Theme},
    },
    weights::memory,
};

/// How long the walk waits at its end for files that are being written.
const PATIENCE: Duration = Duration::from_secs(3);

/// The most names that are tried.
const MOST: usize = 9999;

/// The columns of a path in a message; the beginning of a longer one is left out.
const COLUMNS: usize = 40;

/// The available formats, and the current folder.
pub fn export_options() -> ExportOptions {
    let option = |format: &&Format| ExportFormat {
        extension: format.extension,
        is_animation: format.is_animation(),
    };
    let here = env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    ExportOptions::new(FORMATS.iter().map(option).collect(), here.to_string_lossy().into_owned())
}

/// The characters of the current frame; None before anything is read.
pub fn text(state: &State) -> Option<String> {
    let plain = Theme { depth: Depth::None, ..state.theme };
    let shot = Shot::of(state, state.size, &[plain])?;
    Some(txt::text(shot.buffer()))
}

/// The files that are being written.
type Underway = Arc<Mutex<BTreeSet<PathBuf>>>;

/// A frame and its destination.
struct Job {
    shot: Shot,
    order: ExportRequest,
    path: PathBuf,
    format: &'static Format,
}

/// The writing thread; it writes one file at a time, in the order of requests.
pub struct ExportWriter {
    jobs: mpsc::Sender<Job>,
    underway: Underway,
    end: mpsc::Receiver<()>,
}

/// Why a path is refused.
struct Objection {
    why: String,
    /// Whether it is an existing file.
    exists: bool,
}

impl ExportWriter {
    pub(super) fn start(events: mpsc::Sender<Event>) -> Self {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (finished, end) = mpsc::channel();
        let underway = Underway::default();
        let known = Arc::clone(&underway);
        spawn_guarded(&events.clone(), move || {
            let _finished = finished; // dropped when all is written
            let paper = LazyCell::new(paper);
            for job in inbox {
                let outcome = write(&job, &paper);
                with(&known, |known| known.remove(&job.path));
                // The end of the walk receives these too.
                let _ = events.send(Event::Done(Action::Exported(outcome)));
            }
        });
        Self { jobs, underway, end }
    }

    /// The path if it is free, else with the first free one of `-2`, `-3`, … before its extension.
    pub fn free(&self, path: &str) -> String {
        let at = path.rfind('.').unwrap_or(path.len());
        let (stem, extension) = path.split_at(at);
        let numbered = (2..MOST).map(|n| format!("{stem}-{n}{extension}"));
        let mut names = std::iter::once(path.to_owned()).chain(numbered);
        names.find(|name| !self.exists(&at_home(name))).unwrap_or_else(|| path.to_owned())
    }

    fn exists(&self, path: &Path) -> bool {
        // A dangling link exists too.
        fs::symlink_metadata(path).is_ok() || with(&self.underway, |known| known.contains(path))
    }

    /// Queues the current frame for writing, or returns why the path is refused.
    ///
    /// # Errors
    /// If the writing thread has ended.
    pub fn export(&self, state: &State, order: ExportRequest) -> Result<Option<ExportRefusal>> {
        let path = at_home(&order.path);
        if let Some(Objection { why, exists }) =
            self.objection(&order, &path, state.lesson.language)
        {
            return Ok(Some(ExportRefusal { path: order.path, why, exists }));
        }
        let Some(format) = Format::of_extension(order.extension) else {
            bail!("no format has the extension {}", order.extension)
        };
        let Some(shot) = Shot::of(state, state.size, &themes(format, state.theme)) else {
            return Ok(None);
        };
        with(&self.underway, |known| known.insert(path.clone()));
        self.jobs.send(Job { shot, order, path, format })?;
        Ok(None)
    }

    /// Why a path is refused; None if it is not.
    fn objection(
        &self,
        order: &ExportRequest,
        path: &Path,
        language: Language,
    ) -> Option<Objection> {
        let refused = |why: String| Some(Objection { why, exists: false });
        let shown = short(&order.path);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            let folder = short(&folder.to_string_lossy());
            return refused(tr!(language, "there is no folder {folder}", folder));
        }
        match fs::metadata(path) {
            Ok(there) if there.is_dir() => {
                refused(tr!(language, "{path} is a folder", path = shown))
            }
            Ok(there) if !there.is_file() => {
                refused(tr!(language, "{path} is not a regular file", path = shown))
            }
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                let (path, why) = (shown, reason(&e));
                refused(tr!(language, "{path} cannot be written; {why}", path, why))
            }
            _ if order.replaces || !self.exists(path) => None,
            _ => {
                let free = short(&self.free(&order.path));
                let path = shown;
                let why = tr!(
                    language,
                    "{path} exists; {free} is free; Enter again replaces it",
                    path,
                    free
                );
                Some(Objection { why, exists: true })
            }
        }
    }

    /// Waits, for a limited time, for files that are being written.
    pub fn finish(self) {
        drop(self.jobs);
        let _ = self.end.recv_timeout(PATIENCE);
    }
}

fn with<T>(underway: &Underway, work: impl FnOnce(&mut BTreeSet<PathBuf>) -> T) -> T {
    work(&mut underway.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The themes that a format draws: in full colour, unless the screen has no colours.
fn themes(format: &Format, theme: Theme) -> Vec<Theme> {
    let depth = if theme.depth == Depth::None { Depth::None } else { Depth::True };
    format.themes(Theme { depth, ..theme }, Some(theme.scheme), false)
}

/// The fonts at scale 1 and the usual pace.
fn paper() -> Result<FrameSettings, String> {
    let fonts = Fonts::embedded(1).map_err(|e| format!("{e:#}"))?;
    Ok(FrameSettings { fonts, pace: 1.0 })
}

fn write(job: &Job, paper: &Result<FrameSettings, String>) -> Result<ExportedFile, String> {
    let paper = paper.as_ref().map_err(String::clone)?;
    if let Some(why) = lack_of_memory(job, paper) {
        return Err(why);
    }
    match try_write(job, paper) {
        Ok(bytes) => Ok(ExportedFile {
            path: job.order.path.clone(),
            message: written_message(job, paper, bytes),
        }),
        Err(e) => Err(match e.downcast_ref::<WriteError>() {
            Some(unwritten) => unwritten.what.clone(),
            None => format!("{e:#}"),
        }),
    }
}

/// What is said where there is too little memory for the picture; None if there is enough.
fn lack_of_memory(job: &Job, paper: &FrameSettings) -> Option<String> {
    let needed = job.format.memory(job.shot.buffer().area.as_size(), paper.fonts.cell(), 1);
    let free = memory::available().filter(|free| *free < needed)?;
    let (needed, free) = (memory::bytes(needed), memory::bytes(free));
    Some(tr!(
        job.shot.lesson().language,
        "the frame needs about {needed} of memory, and {free} are free; make the terminal smaller",
        needed,
        free
    ))
}

/// Writes a file; returns its size in bytes.
fn try_write(Job { shot, order, path, format }: &Job, paper: &FrameSettings) -> Result<u64> {
    let Write::Frame(write) = format.write else { bail!("{} is a film", format.id) };
    let mut files = Files::new([path.as_path()], order.replaces)?;
    files.stage(path, |out| write(shot, paper, out))?;
    files.finish()?;
    Ok(fs::metadata(path).map_or(0, |file| file.len()))
}

/// The message after writing: `wrote ./045-it-looks.png (1200 x 792 pixels, 61 kB)`.
fn written_message(job: &Job, paper: &FrameSettings, bytes: u64) -> String {
    let (size, language) = (job.shot.buffer().area, job.shot.lesson().language);
    let (width, height) = (usize::from(size.width), usize::from(size.height));
    let cell = paper.fonts.cell();
    let extent = if job.format.has_pixels() {
        tr!(
            language,
            "{width} x {height} pixels",
            width = width * cell.width,
            height = height * cell.height
        )
    } else {
        tr!(language, "{width} x {height} cells", width, height)
    };
    let path = short(&job.order.path);
    let wrote =
        tr!(language, "wrote {path} ({extent}, {n} kB)", path, extent, n = bytes.div_ceil(1000));
    let missing: Vec<String> = paper.fonts.missing().iter().map(char::to_string).collect();
    if missing.is_empty() {
        return wrote;
    }
    let missing = missing.join(" ");
    tr!(language, "{wrote}; no font has {missing}", wrote, missing)
}

/// The path with a leading `~/` replaced by the user's home folder.
fn at_home(path: &str) -> PathBuf {
    let inside = path.strip_prefix('~').and_then(|rest| rest.strip_prefix(['/', '\\']));
    match (inside, env::home_dir()) {
        (Some(inside), Some(home)) => home.join(inside),
        _ => PathBuf::from(path),
    }
}

/// The path, without its beginning if it is long.
fn short(path: &str) -> String {
    let n = path.chars().count();
    if n <= COLUMNS {
        return path.to_owned();
    }
    format!("…{}", path.chars().skip(n - COLUMNS + 1).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Glyphs, Scheme};

    #[test]
    fn pictures_have_all_colours_and_text_has_none() {
        let drawn = |id: &str, depth| {
            let format = Format::find(id).unwrap();
            themes(format, Theme::new(depth, Glyphs::Ascii).with(Scheme::Light))
        };
        for depth in [Depth::Sixteen, Depth::Indexed, Depth::True] {
            let all = Theme::new(Depth::True, Glyphs::Ascii).with(Scheme::Light);
            assert_eq!(drawn("png", depth), [all]);
            assert_eq!(drawn("ansi", depth), [all]);
            assert_eq!(drawn("txt", depth), [Theme { depth: Depth::None, ..all }]);
        }
        assert!(!drawn("png", Depth::None)[0].has_colour(), "as the screen");
    }

    #[test]
    fn names_being_written_are_skipped_and_long_names_show_their_end() {
        let (events, _inbox) = mpsc::channel();
        let writer = ExportWriter::start(events);
        let path = "no-such-file-9c1f.svg";
        assert_eq!(writer.free(path), path);
        with(&writer.underway, |known| known.insert(path.into()));
        assert_eq!(writer.free(path), "no-such-file-9c1f-2.svg");
        assert_eq!(short(&"é/".repeat(40)).chars().count(), COLUMNS);
        assert_eq!(short("./a.svg"), "./a.svg");
        writer.finish();
    }
}
