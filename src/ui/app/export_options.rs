//! What frames can be written as, and where: the line that is typed, the order, what speaks against it.
//!
//! No file system is known here: whether a name is free is asked with `Effect::Name`, and a file
//! that is there comes back as a [`ExportRefusal`].

use std::path::{MAIN_SEPARATOR, Path};

use tui_input::Input;

/// A form that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportFormat {
    /// What a file's name ends in, after the full stop.
    pub ending: &'static str,
    /// Whether it holds the whole walk.
    pub is_film: bool,
}

/// The first of these that there is begins a walk.
const USUAL: [&str; 4] = ["svg", "png", "ansi", "txt"];

/// What there is to write to, and what was written last.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// In the order in which they are offered; none where nothing can be written.
    forms: Vec<ExportFormat>,
    /// The current folder.
    here: String,
    pub(super) last_ending: Option<&'static str>,
    /// With the separator at its end; empty for the current folder.
    pub(super) last_folder: Option<String>,
}

/// The line that is typed.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    pub path: Input,
    /// What stood there at first: a name of ours, until it is changed.
    pub(super) given: String,
    /// A file that is there, which the person knows of.
    pub(super) taken: Option<String>,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRequest {
    pub path: String,
    /// The ending of its form.
    pub ending: &'static str,
    /// Whether a file that is there is to be replaced.
    pub replaces: bool,
}

/// What speaks against a path, found out before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRefusal {
    pub path: String,
    pub why: String,
    /// Whether a file is there, which could be replaced.
    pub is_taken: bool,
}

/// A file that has been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    pub path: String,
    /// `wrote ./045-it-looks.svg (120 x 36 cells, 61 kB)`.
    pub said: String,
}

impl ExportOptions {
    pub fn new(forms: Vec<ExportFormat>, here: String) -> Self {
        Self { forms, here, ..Self::default() }
    }

    /// The endings of single frames.
    pub fn endings(&self) -> impl Iterator<Item = &'static str> {
        self.forms.iter().filter(|form| !form.is_film).map(|form| form.ending)
    }

    /// The form whose ending a file's name has; the longest, where several fit.
    pub(super) fn form_of(&self, path: &str) -> Option<ExportFormat> {
        let name = name_of(path).to_lowercase();
        let ends =
            |form: &&ExportFormat| name.strip_suffix(form.ending).is_some_and(|n| n.ends_with('.'));
        self.forms.iter().filter(ends).max_by_key(|form| form.ending.len()).copied()
    }

    pub(super) fn usual_ending(&self) -> Option<&'static str> {
        let has = |ending: &&str| self.endings().any(|known| known == *ending);
        self.last_ending.or_else(|| USUAL.into_iter().find(has)).or_else(|| self.endings().next())
    }

    /// The ending of the form that a path asks for.
    pub fn ending_of(&self, path: &str) -> Option<&'static str> {
        self.form_of(path).map(|form| form.ending)
    }

    /// The ending so many places after that of the path.
    pub(super) fn ending_after(&self, path: &str, by: isize) -> Option<&'static str> {
        let endings: Vec<_> = self.endings().collect();
        let now = self.form_of(path).and_then(|now| endings.iter().position(|e| *e == now.ending));
        let next = |now: usize| (now as isize + by).rem_euclid(endings.len() as isize) as usize;
        now.map_or_else(|| self.usual_ending(), |now| endings.get(next(now)).copied())
    }

    /// The form that a typed path asks for, or what is wrong with the path.
    pub(super) fn asked(&self, path: &str) -> Result<ExportFormat, String> {
        let endings = || self.endings().map(|e| format!(".{e}")).collect::<Vec<_>>().join(" ");
        let name = name_of(path);
        if path.is_empty() {
            return Err("the name is empty; Esc leaves without writing".into());
        }
        let is_nameless = |ending: &str| name.len() <= ending.len() + 1;
        if name.is_empty() || self.form_of(path).is_some_and(|form| is_nameless(form.ending)) {
            return Err(format!("a file's name is wanted, and then one of {}", endings()));
        }
        match self.form_of(path) {
            Some(ExportFormat { is_film: true, ending }) => Err(format!(
                ".{ending} holds a whole walk; `lookback export --out walk.{ending}` writes it"
            )),
            Some(form) => Ok(form),
            None => Err(format!("the ending chooses the form; there are {}", endings())),
        }
    }

    /// The folder that a path leads to.
    pub fn folder(&self, path: &str) -> String {
        let folder = &path[..path.len() - name_of(path).len()];
        let folder = folder.strip_prefix(&format!(".{MAIN_SEPARATOR}")).unwrap_or(folder);
        let is_elsewhere = folder.starts_with('~') || Path::new(folder).is_absolute();
        let whole = if is_elsewhere { folder.into() } else { format!("{}/{folder}", self.here) };
        let short = whole.trim_end_matches(['/', MAIN_SEPARATOR]);
        if short.is_empty() { whole } else { short.to_owned() }
    }
}

/// What stands after the last separator.
pub(super) fn name_of(path: &str) -> &str {
    path.rsplit(['/', MAIN_SEPARATOR]).next().unwrap_or(path)
}
