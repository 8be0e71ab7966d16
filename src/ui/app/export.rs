//! Writing the frame in view, and copying it.

use std::path::MAIN_SEPARATOR;

use tui_input::Input;

use super::{
    Command, Effect, ExportFormat, ExportRequest, Overlay, Prompt, Refusal, SMALLEST, State,
    Written, desk::name_of,
};

impl State {
    /// Whether the walk waits for a name: what is in view stays as it is.
    pub const fn is_exporting(&self) -> bool {
        matches!(self.overlay, Overlay::Export(_))
    }

    /// Asks where the frame goes.
    pub(super) fn export(&mut self) -> Option<Effect> {
        let (width, height) = self.size;
        if self.passes.reading.is_none() {
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
        let path = format!("{folder}{}.{ending}", self.lesson.file_stem(self.nav.step));
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
            Ok(ExportFormat { ending, .. }) => {
                self.overlay = Overlay::None;
                self.desk.last_ending = Some(ending);
                self.note(format!("writing {path}"));
                Some(Effect::Export(ExportRequest { path, ending, replaces }))
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
        if self.passes.reading.is_none() {
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
