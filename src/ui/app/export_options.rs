//! Formats and paths of exported frames: the typed path, the request, the refusal.
//!
//! This module does not access the file system: [`Effect::FindFreePath`](super::Effect::FindFreePath) requests a free
//! path, and an existing file is reported as an [`ExportRefusal`].

use std::path::{MAIN_SEPARATOR, Path};

use tui_input::Input;

use crate::lesson::{Language, tr};

/// A file format of exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportFormat {
    /// File name extension, without the full stop.
    pub extension: &'static str,
    /// Whether it holds the whole walk.
    pub is_animation: bool,
}

/// Default extensions, by preference.
const DEFAULT_EXTENSIONS: [&str; 4] = ["svg", "png", "ansi", "txt"];

/// Available formats, and the settings of the last export.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// In the order in which they are offered; empty where nothing can be written.
    formats: Vec<ExportFormat>,
    /// The current folder.
    current_folder: String,
    pub(super) last_extension: Option<&'static str>,
    /// Ends with a separator; empty for the current folder.
    pub(super) last_folder: Option<String>,
}

/// The input of a path.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    pub path: Input,
    /// The proposed path, which the user may change.
    pub(super) proposed: String,
    /// An existing file about which the user has been warned.
    pub(super) existing: Option<String>,
}

/// A request to write a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRequest {
    pub path: String,
    /// Extension of its format.
    pub extension: &'static str,
    /// Whether an existing file is replaced.
    pub replaces: bool,
}

/// Why a path is refused before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRefusal {
    pub path: String,
    pub why: String,
    /// Whether a file exists there, which could be replaced.
    pub exists: bool,
}

/// A written file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    pub path: String,
    /// Message for the user: `wrote ./045-it-looks.svg (120 x 36 cells, 61 kB)`.
    pub message: String,
}

impl ExportOptions {
    pub fn new(formats: Vec<ExportFormat>, current_folder: String) -> Self {
        Self { formats, current_folder, ..Self::default() }
    }

    /// Extensions of the formats for single frames.
    pub fn extensions(&self) -> impl Iterator<Item = &'static str> {
        self.formats.iter().filter(|format| !format.is_animation).map(|format| format.extension)
    }

    /// The format whose extension a path has; the longest, if several match.
    pub(super) fn format_of(&self, path: &str) -> Option<ExportFormat> {
        let name = file_name(path).to_lowercase();
        let matches = |format: &&ExportFormat| {
            name.strip_suffix(format.extension).is_some_and(|n| n.ends_with('.'))
        };
        self.formats.iter().filter(matches).max_by_key(|format| format.extension.len()).copied()
    }

    pub(super) fn default_extension(&self) -> Option<&'static str> {
        let has = |extension: &&str| self.extensions().any(|known| known == *extension);
        self.last_extension
            .or_else(|| DEFAULT_EXTENSIONS.into_iter().find(has))
            .or_else(|| self.extensions().next())
    }

    /// Extension of the format that a path asks for.
    pub fn extension_of(&self, path: &str) -> Option<&'static str> {
        self.format_of(path).map(|format| format.extension)
    }

    /// The extension `by` places after that of the path, cyclically.
    pub(super) fn extension_after(&self, path: &str, by: isize) -> Option<&'static str> {
        let extensions: Vec<_> = self.extensions().collect();
        let now = self
            .format_of(path)
            .and_then(|now| extensions.iter().position(|e| *e == now.extension));
        let next = |now: usize| (now as isize + by).rem_euclid(extensions.len() as isize) as usize;
        now.map_or_else(|| self.default_extension(), |now| extensions.get(next(now)).copied())
    }

    /// The format of a typed path, or what is wrong with the path.
    pub(super) fn check_path(
        &self,
        path: &str,
        language: Language,
    ) -> Result<ExportFormat, String> {
        let extensions =
            || self.extensions().map(|e| format!(".{e}")).collect::<Vec<_>>().join(" ");
        let name = file_name(path);
        if path.is_empty() {
            return Err("the name is empty; Esc leaves without writing".into());
        }
        let is_nameless = |extension: &str| name.len() <= extension.len() + 1;
        if name.is_empty()
            || self.format_of(path).is_some_and(|format| is_nameless(format.extension))
        {
            return Err(tr!(
                language,
                "the file needs a name, and then one of {extensions}",
                extensions = extensions()
            ));
        }
        match self.format_of(path) {
            Some(ExportFormat { is_animation: true, extension }) => Err(tr!(
                language,
                ".{extension} holds a whole walk; `lookback export --out walk.{extension}` writes it",
                extension
            )),
            Some(format) => Ok(format),
            None => Err(tr!(
                language,
                "the file extension selects the format; use one of {extensions}",
                extensions = extensions()
            )),
        }
    }

    /// The folder that contains a path.
    pub fn folder(&self, path: &str) -> String {
        let folder = &path[..path.len() - file_name(path).len()];
        let folder = folder.strip_prefix(&format!(".{MAIN_SEPARATOR}")).unwrap_or(folder);
        let is_elsewhere = folder.starts_with('~') || Path::new(folder).is_absolute();
        let whole =
            if is_elsewhere { folder.into() } else { format!("{}/{folder}", self.current_folder) };
        let short = whole.trim_end_matches(['/', MAIN_SEPARATOR]);
        if short.is_empty() { whole } else { short.to_owned() }
    }
}

/// The part after the last separator.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['/', MAIN_SEPARATOR]).next().unwrap_or(path)
}
