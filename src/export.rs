//! What is known, written for other programs and other eyes: frames in the forms of [`FORMATS`], a
//! trace as numbers, files that appear whole or not at all.
//!
//! Exporters do not compute, and draw nothing that the screen would not: a frame is cells. Nothing but
//! the writer can fail here. A new form of frames is a file here and its line in [`FORMATS`].

pub mod parallel;
pub mod ansi;
pub mod cast;
pub mod files;
pub mod gif;
pub mod html;
pub mod numbers;
pub mod png;
pub mod svg;
pub mod txt;

use std::{io, sync::Arc, time::Duration};

use ratatui::buffer::{Buffer, Cell};

use crate::{
    render::{
        font::Fonts,
        frame::{Shot, Walk},
    },
    ui::theme::{Depth, Scheme, Theme},
};

/// A form that frames take.
pub struct Format {
    /// As `--format` calls it.
    pub id: &'static str,
    /// What a file's name ends in.
    pub extension: &'static str,
    /// What it is, for help and lists.
    pub about: &'static str,
    /// Whether a terminal can be shown it.
    pub is_text: bool,
    /// Whether it is made of pixels: large pictures then take large memory.
    pub has_pixels: bool,
    pub colours: Colours,
    pub write: Write,
}

/// Which colours a form has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// None: the screen then says with characters what it would say with colours.
    None,
    /// Those that a terminal is sent: none where none are wanted there.
    Terminal,
    /// Its own: those of the theme.
    Own,
    /// Its own, of a dark and of a light theme: the reader chooses.
    Both,
}

/// Writes a frame.
pub type FrameWriter = fn(&Shot, &Paper, &mut dyn io::Write) -> io::Result<()>;
/// Writes all frames.
pub type FilmWriter = fn(Film, &Paper, &mut dyn io::Write) -> io::Result<()>;

/// How a form is written.
#[derive(Clone, Copy)]
pub enum Write {
    /// A file a frame.
    Frame(FrameWriter),
    /// One file for all frames.
    Film(FilmWriter),
}

/// What frames are put on: the same for all of them.
pub struct Paper {
    /// What characters look like, and how large a cell is.
    pub fonts: Fonts,
    /// Times the usual pace of reading.
    pub pace: f32,
}

impl Paper {
    /// How long a film shows a frame, in whole hundredths of a second.
    pub fn time(&self, shot: &Shot) -> Duration {
        let hundredths = shot.time.as_secs_f32() * 100.0 / self.pace;
        Duration::from_millis(10 * hundredths.round().max(1.0) as u64)
    }
}

/// Every form, in the order in which files are listed.
pub static FORMATS: &[Format] = &[
    Format {
        id: "txt",
        extension: "txt",
        about: "characters only",
        is_text: true,
        has_pixels: false,
        colours: Colours::None,
        write: Write::Frame(txt::write),
    },
    Format {
        id: "ansi",
        extension: "ansi",
        about: "characters with colours, as terminals read them",
        is_text: true,
        has_pixels: false,
        colours: Colours::Terminal,
        write: Write::Frame(ansi::write),
    },
    Format {
        id: "svg",
        extension: "svg",
        about: "a picture of any size, its text to be selected, its fonts in it",
        is_text: true,
        has_pixels: false,
        colours: Colours::Own,
        write: Write::Frame(svg::write),
    },
    Format {
        id: "png",
        extension: "png",
        about: "a picture",
        is_text: false,
        has_pixels: true,
        colours: Colours::Own,
        write: Write::Frame(png::write),
    },
    Format {
        id: "gif",
        extension: "gif",
        about: "film: each frame stays as long as one reads its text",
        is_text: false,
        has_pixels: true,
        colours: Colours::Own,
        write: Write::Film(gif::write),
    },
    Format {
        id: "apng",
        extension: "apng",
        about: "film in all its colours",
        is_text: false,
        has_pixels: true,
        colours: Colours::Own,
        write: Write::Film(png::animated::write),
    },
    Format {
        id: "html",
        extension: "html",
        about: "a page of the whole walk, led by keys, in dark and light; needs nothing else",
        is_text: true,
        has_pixels: false,
        colours: Colours::Both,
        write: Write::Film(html::write),
    },
    Format {
        id: "cast",
        extension: "cast",
        about: "film for terminals, asciicast version 2: asciinema play walk.cast",
        is_text: true,
        has_pixels: false,
        colours: Colours::Terminal,
        write: Write::Film(cast::write),
    },
];

/// What to do instead, for the id or extension of a format that was written once.
pub fn instead_of(format: &str) -> Option<&'static str> {
    match format {
        "pdf" => Some("write html and print it from a browser: each step starts a page"),
        "cast3" => Some("write cast: whatever plays asciicast version 3 plays version 2 too"),
        _ => None,
    }
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

impl Format {
    pub fn find(id: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.id == id)
    }

    /// The form of a file of that name.
    pub fn of_extension(extension: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.extension == extension)
    }

    /// Whether all frames go into one file.
    pub const fn is_film(&self) -> bool {
        matches!(self.write, Write::Film(_))
    }

    /// In which themes its frames are drawn, where that one is the usual one; `asked` are the colours that
    /// were asked for, if any were.
    pub fn themes(
        &self,
        theme: Theme,
        asked: Option<Scheme>,
        is_colour_refused: bool,
    ) -> Vec<Theme> {
        let plain = Theme { depth: Depth::None, ..theme };
        match self.colours {
            Colours::None => vec![plain],
            Colours::Terminal if is_colour_refused => vec![plain],
            Colours::Terminal | Colours::Own => vec![theme],
            Colours::Both => asked.map_or_else(
                || vec![theme.with(Scheme::Dark), theme.with(Scheme::Light)],
                |asked| vec![theme.with(asked); 2],
            ),
        }
    }
}

/// The frames of a film, on their way.
pub struct Film<'a> {
    /// Before its first step, with the themes of the form.
    pub walk: Walk,
    /// Indices of the steps.
    pub steps: &'a [usize],
    pub n_threads: usize,
    /// Told of every finished frame; an error stops the work.
    pub progress: &'a dyn Fn() -> io::Result<()>,
}

impl Film<'_> {
    /// Makes a part of every frame and of the one before it, on all cores; takes the parts in order.
    /// What is in memory does not grow with the number of frames.
    ///
    /// # Errors
    /// The first of taking, or of being stopped.
    pub fn each<P: Send>(
        self,
        part: impl Fn(Option<&Shot>, &Shot) -> P + Sync,
        mut take: impl FnMut(P) -> io::Result<()>,
    ) -> io::Result<()> {
        let Self { walk, steps, n_threads, progress } = self;
        let pairs = walk.shots(steps).scan(None, |last: &mut Option<Arc<Shot>>, shot| {
            let shot = Arc::new(shot);
            Some((last.replace(Arc::clone(&shot)), shot))
        });
        parallel::in_order(
            pairs,
            n_threads,
            |(before, shot)| part(before.as_deref(), &shot),
            |part| {
                progress()?;
                take(part)
            },
        )
    }
}

/// The rows of a buffer, top to bottom.
fn rows(buffer: &Buffer) -> impl Iterator<Item = &[Cell]> {
    buffer.content.chunks(usize::from(buffer.area.width).max(1))
}
