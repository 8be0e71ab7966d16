//! Where the frame in view is to be written: what is typed, and what the world says of it.
//!
//! No file system is known here: whether a name is free is asked with [`Effect::Name`], and a file
//! that is there comes back as a [`Refusal`].

use std::path::{MAIN_SEPARATOR, Path};

use tui_input::Input;

use super::{Command, Effect, Overlay, SMALLEST, State};

/// A form that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// What a file's name ends in, after the full stop.
    pub ending: &'static str,
    /// Whether it holds the whole walk.
    pub is_film: bool,
}

/// The first of these that there is begins a walk.
const USUAL: [&str; 4] = ["svg", "png", "ansi", "txt"];

/// What there is to write to, and what was written last.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    /// In the order in which they are offered; none where nothing can be written.
    forms: Vec<Form>,
    /// The current folder.
    here: String,
    last_ending: Option<&'static str>,
    /// With the separator at its end; empty for the current folder.
    last_folder: Option<String>,
}

/// The line that is typed.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    pub path: Input,
    /// What stood there at first: a name of ours, until it is changed.
    given: String,
    /// A file that is there, of which the person has been told.
    taken: Option<String>,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub path: String,
    /// The ending of its form.
    pub ending: &'static str,
    /// Whether a file that is there is to be replaced.
    pub replaces: bool,
}

/// What speaks against a path, found out before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub path: String,
    pub why: String,
    /// Whether a file is there, which could be replaced.
    pub is_taken: bool,
}

/// A file that has been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub path: String,
    /// `wrote ./045-it-looks.svg (120 x 36 cells, 61 kB)`.
    pub said: String,
}

impl Desk {
    pub fn new(forms: Vec<Form>, here: String) -> Self {
        Self { forms, here, ..Self::default() }
    }

    /// The endings of single frames.
    pub fn endings(&self) -> impl Iterator<Item = &'static str> {
        self.forms.iter().filter(|form| !form.is_film).map(|form| form.ending)
    }

    /// The form whose ending a file's name has; the longest, where several fit.
    fn form_of(&self, path: &str) -> Option<Form> {
        let name = name_of(path).to_lowercase();
        let ends = |form: &&Form| name.strip_suffix(form.ending).is_some_and(|n| n.ends_with('.'));
        self.forms.iter().filter(ends).max_by_key(|form| form.ending.len()).copied()
    }

    fn usual_ending(&self) -> Option<&'static str> {
        let has = |ending: &&str| self.endings().any(|known| known == *ending);
        self.last_ending.or_else(|| USUAL.into_iter().find(has)).or_else(|| self.endings().next())
    }

    /// The ending of the form that a path asks for.
    pub fn ending_of(&self, path: &str) -> Option<&'static str> {
        self.form_of(path).map(|form| form.ending)
    }

    /// The ending so many places after that of the path.
    fn ending_after(&self, path: &str, by: isize) -> Option<&'static str> {
        let endings: Vec<_> = self.endings().collect();
        let now = self.form_of(path).and_then(|now| endings.iter().position(|e| *e == now.ending));
        let next = |now: usize| (now as isize + by).rem_euclid(endings.len() as isize) as usize;
        now.map_or_else(|| self.usual_ending(), |now| endings.get(next(now)).copied())
    }

    /// The form that a typed path asks for, or what is wrong with the path.
    fn asked(&self, path: &str) -> Result<Form, String> {
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
            Some(Form { is_film: true, ending }) => Err(format!(
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
fn name_of(path: &str) -> &str {
    path.rsplit(['/', MAIN_SEPARATOR]).next().unwrap_or(path)
}

impl State {
    /// Whether the walk waits for a name: what is in view stays as it is.
    pub const fn is_exporting(&self) -> bool {
        matches!(self.overlay, Overlay::Export(_))
    }

    /// Asks where the frame goes.
    pub(super) fn export(&mut self) -> Option<Effect> {
        let (width, height) = self.size;
        if self.reading.is_none() {
            self.note("nothing is read yet; there is no frame to export");
            return None;
        }
        if width < SMALLEST.0 || height < SMALLEST.1 {
            return None;
        }
        let ending = self.desk.usual_ending();
        if ending.is_none() {
            self.note("files cannot be written from here; `lookback export` writes them");
        }
        ending.map(|ending| self.give(ending))
    }

    /// Fills the line with a name as `lookback export` gives it.
    fn give(&mut self, ending: &str) -> Effect {
        let here = format!(".{MAIN_SEPARATOR}");
        let folder = self.desk.last_folder.as_ref().unwrap_or(&here);
        let path = format!("{folder}{}.{ending}", self.lesson.file_stem(self.step));
        self.overlay = Overlay::Export(Prompt {
            path: Input::new(path.clone()),
            given: path.clone(),
            taken: None,
        });
        Effect::Name(path)
    }

    /// A free name was found for the one that was given.
    pub(super) fn named(&mut self, path: String) {
        if let Overlay::Export(prompt) = &mut self.overlay
            && prompt.path.value() == prompt.given
        {
            prompt.path = Input::new(path.clone());
            prompt.given = path;
        }
    }

    pub(super) fn in_export(&mut self, command: Command) -> Option<Effect> {
        match command {
            Command::Accept => self.order(),
            Command::NextPane => self.other_ending(1),
            Command::PreviousPane => self.other_ending(-1),
            _ => None,
        }
    }

    /// Another ending; a name of ours is looked for anew, one that was typed is kept.
    fn other_ending(&mut self, by: isize) -> Option<Effect> {
        let Overlay::Export(prompt) = &mut self.overlay else { return None };
        let path = prompt.path.value();
        let ending = self.desk.ending_after(path, by)?;
        if path == prompt.given {
            return Some(self.give(ending));
        }
        let stem = match self.desk.form_of(path) {
            Some(form) => &path[..path.len() - form.ending.len()],
            None => &format!("{}.", path.trim_end_matches('.')),
        };
        prompt.path = Input::new(format!("{stem}{ending}"));
        None
    }

    fn order(&mut self) -> Option<Effect> {
        let Overlay::Export(prompt) = &self.overlay else { return None };
        let path = prompt.path.value().trim().to_owned();
        let replaces = prompt.taken.as_ref() == Some(&path);
        match self.desk.asked(&path) {
            Err(why) => {
                self.wrong(why);
                None
            }
            Ok(Form { ending, .. }) => {
                self.overlay = Overlay::None;
                self.desk.last_ending = Some(ending);
                self.note(format!("writing {path}"));
                Some(Effect::Export(Order { path, ending, replaces }))
            }
        }
    }

    /// The path will not do: it stands there again, with the reason.
    pub(super) fn refused(&mut self, Refusal { path, why, is_taken }: Refusal) {
        let taken = is_taken.then(|| path.clone());
        self.overlay =
            Overlay::Export(Prompt { path: Input::new(path), taken, ..Prompt::default() });
        self.wrong(why);
    }

    pub(super) fn exported(&mut self, outcome: Result<Written, String>) {
        match outcome {
            Ok(Written { path, said }) => {
                let folder = path[..path.len() - name_of(&path).len()].to_owned();
                self.desk.last_folder = Some(folder);
                self.note(said);
            }
            Err(why) => self.wrong(why),
        }
    }

    /// The characters in view, for pasting.
    pub(super) fn copy(&mut self) -> Option<Effect> {
        if self.reading.is_none() {
            self.note("nothing is read yet; there is no frame to copy");
            return None;
        }
        Some(Effect::Copy)
    }

    pub(super) fn copied(&mut self, outcome: Result<usize, String>) {
        match outcome {
            Ok(n) => {
                self.note(format!("copied the frame, {n} lines, if the terminal lets one copy"));
            }
            Err(why) => self.wrong(why),
        }
    }
}
