//! Files for other programs and readers: frames in the formats of [`FORMATS`], traces as numbers. A file appears
//! complete or not at all.
//!
//! Exporters compute nothing and draw only what the screen shows: a frame is cells. Only the writer can fail here. A
//! new frame format is one file in this folder, its `pub mod`, and one entry in [`FORMATS`].

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

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Size,
};

use crate::{
    render::{
        font::{CellSize, Fonts},
        frame::{Shot, Walk},
    },
    ui::theme::{Depth, Scheme, Theme},
};

/// A format of frames.
pub struct Format {
    /// Its name for `--format`.
    pub id: &'static str,
    /// The file extension.
    pub extension: &'static str,
    /// Its description, for help and lists.
    pub about: &'static str,
    /// Whether a terminal can show it.
    pub is_text: bool,
    /// Whether `--scale` changes its size.
    pub is_scaled: bool,
    /// Whether it shows frames for a time, which `--pace` changes.
    pub is_timed: bool,
    /// The bytes that a thread needs for each pixel of a frame; 0 if it does not consist of pixels.
    pub pixel_bytes: u64,
    pub colours: FormatColours,
    pub write: Write,
}

/// The colours of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatColours {
    /// No colours: the screen then uses characters instead.
    None,
    /// The terminal's colours; none if they are not wanted there.
    Terminal,
    /// Its own: the theme's colours.
    Own,
    /// Its own, for a dark and a light theme: the reader chooses.
    Both,
}

/// The bytes of a frame's cell with what is written of it. Measured.
const CELL_BYTES: u64 = 400;

/// Writes a frame.
pub type FrameWriter = fn(&Shot, &FrameSettings, &mut dyn io::Write) -> io::Result<()>;
/// Writes all frames.
pub type FilmWriter = fn(Film, &FrameSettings, &mut dyn io::Write) -> io::Result<()>;

/// The writer of a format.
#[derive(Clone, Copy)]
pub enum Write {
    /// One file per frame.
    Frame(FrameWriter),
    /// One file for all frames.
    Film(FilmWriter),
}

/// Settings common to all frames.
pub struct FrameSettings {
    /// The fonts, with the size of a cell.
    pub fonts: Fonts,
    /// The factor of the usual reading pace.
    pub pace: f32,
}

impl FrameSettings {
    /// The time that a film shows a frame, in whole hundredths of a second.
    pub fn time(&self, shot: &Shot) -> Duration {
        let hundredths = shot.time.as_secs_f32() * 100.0 / self.pace;
        Duration::from_millis(10 * hundredths.round().max(1.0) as u64)
    }
}

/// All formats, in the order in which lists show them; each describes itself in its file.
pub static FORMATS: &[&Format] = &[
    &txt::FORMAT,
    &ansi::FORMAT,
    &svg::FORMAT,
    &png::FORMAT,
    &gif::FORMAT,
    &png::animated::FORMAT,
    &html::FORMAT,
    &cast::FORMAT,
];

/// The replacement for a removed format, by its id or extension; None if there was no such format.
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
        FORMATS.iter().copied().find(|format| format.id == id)
    }

    /// The format with this file extension.
    pub fn of_extension(extension: &str) -> Option<&'static Self> {
        FORMATS.iter().copied().find(|format| format.extension == extension)
    }

    /// Whether it consists of pixels.
    pub const fn has_pixels(&self) -> bool {
        self.pixel_bytes > 0
    }

    /// The bytes of memory that `n_threads` threads need at most for frames of `size` cells, each of `cell` pixels.
    pub fn memory(&self, size: Size, cell: CellSize, n_threads: usize) -> u64 {
        let n_cells = u64::from(size.width) * u64::from(size.height);
        let n_pixels = n_cells * (cell.width * cell.height) as u64;
        let n_threads = n_threads as u64;
        // Two frames more are drawn and written beside those of the threads.
        n_threads * n_pixels * self.pixel_bytes + (n_threads + 2) * n_cells * CELL_BYTES
    }

    /// Whether all frames go into one file.
    pub const fn is_animation(&self) -> bool {
        matches!(self.write, Write::Film(_))
    }

    /// The themes in which its frames are drawn, given the usual theme; `asked` are the requested colours, if any.
    pub fn themes(
        &self,
        theme: Theme,
        asked: Option<Scheme>,
        is_colour_refused: bool,
    ) -> Vec<Theme> {
        let plain = Theme { depth: Depth::None, ..theme };
        match self.colours {
            FormatColours::None => vec![plain],
            FormatColours::Terminal if is_colour_refused => vec![plain],
            FormatColours::Terminal | FormatColours::Own => vec![theme],
            FormatColours::Both => asked.map_or_else(
                || vec![theme.with(Scheme::Dark), theme.with(Scheme::Light)],
                |asked| vec![theme.with(asked); 2],
            ),
        }
    }
}

/// The frames of a film and its progress.
pub struct Film<'a> {
    /// The walk, before its first step, with the format's themes.
    pub walk: Walk,
    /// Indices of the steps.
    pub steps: &'a [usize],
    pub n_threads: usize,
    /// Called for every finished step; an error stops the work.
    pub progress: &'a dyn Fn() -> io::Result<()>,
}

impl Film<'_> {
    /// Computes a part from each step's frame and the one before it, on `n_threads` threads, and passes the parts to
    /// `take` in order. Memory does not grow with the number of frames.
    ///
    /// # Errors
    /// The first error of `take` or `progress`.
    pub fn each_step<P: Send>(
        self,
        part: impl Fn(Option<&Shot>, &Shot) -> P + Sync,
        take: impl FnMut(P) -> io::Result<()>,
    ) -> io::Result<()> {
        let shots = self.walk.shots(self.steps);
        each(shots, self.n_threads, self.progress, part, take)
    }

    /// As [`Self::each_step`], with the beats in which steps unfold.
    ///
    /// # Errors
    /// The first error of `take` or `progress`.
    pub fn each_beat<P: Send>(
        self,
        part: impl Fn(Option<&Shot>, &Shot) -> P + Sync,
        take: impl FnMut(P) -> io::Result<()>,
    ) -> io::Result<()> {
        let shots = self.walk.unfolding_shots(self.steps);
        each(shots, self.n_threads, self.progress, part, take)
    }

    /// Number of frames of [`Self::each_beat`].
    pub fn n_beats(&self) -> usize {
        self.walk.clone().n_beats(self.steps)
    }
}

fn each<P: Send>(
    shots: impl Iterator<Item = Shot> + Send,
    n_threads: usize,
    progress: &dyn Fn() -> io::Result<()>,
    part: impl Fn(Option<&Shot>, &Shot) -> P + Sync,
    mut take: impl FnMut(P) -> io::Result<()>,
) -> io::Result<()> {
    let pairs = shots.scan(None, |last: &mut Option<Arc<Shot>>, shot| {
        let shot = Arc::new(shot);
        Some((last.replace(Arc::clone(&shot)), shot))
    });
    parallel::in_order(
        pairs,
        n_threads,
        |(before, shot)| (shot.is_whole, part(before.as_deref(), &shot)),
        |(is_whole, part)| {
            if is_whole {
                progress()?;
            }
            take(part)
        },
    )
}

/// The rows of a buffer, top to bottom.
fn rows(buffer: &Buffer) -> impl Iterator<Item = &[Cell]> {
    buffer.content.chunks(usize::from(buffer.area.width).max(1))
}
