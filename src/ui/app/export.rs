//! Writing the frame in view, and copying it.

use std::path::MAIN_SEPARATOR;

use tui_input::Input;

use super::{
    Command, Effect, ExportFormat, ExportRefusal, ExportRequest, ExportedFile, Overlay, Prompt,
    SMALLEST, State, export_options::name_of,
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
            self.show_message("nothing is read yet; there is no frame to export");
            return None;
        }
        if width < SMALLEST.0 || height < SMALLEST.1 {
            return None;
        }
        let ending = self.exports.usual_ending();
        if ending.is_none() {
            self.show_message("files cannot be written from here; `lookback export` writes them");
        }
        ending.map(|ending| self.give(ending))
    }

    /// Fills the line with a name as `lookback export` gives it.
    fn give(&mut self, ending: &str) -> Effect {
        let here = format!(".{MAIN_SEPARATOR}");
        let folder = self.exports.last_folder.as_ref().unwrap_or(&here);
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
        let ending = self.exports.ending_after(path, by)?;
        if path == prompt.given {
            return Some(self.give(ending));
        }
        let stem = match self.exports.form_of(path) {
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
        match self.exports.asked(&path) {
            Err(why) => {
                self.show_error(why);
                None
            }
            Ok(ExportFormat { ending, .. }) => {
                self.overlay = Overlay::None;
                self.exports.last_ending = Some(ending);
                self.show_message(format!("writing {path}"));
                Some(Effect::Export(ExportRequest { path, ending, replaces }))
            }
        }
    }

    /// The path will not do: it stands there again, with the reason.
    pub(super) fn refused(&mut self, ExportRefusal { path, why, is_taken }: ExportRefusal) {
        let taken = is_taken.then(|| path.clone());
        self.overlay =
            Overlay::Export(Prompt { path: Input::new(path), taken, ..Prompt::default() });
        self.show_error(why);
    }

    pub(super) fn exported(&mut self, outcome: Result<ExportedFile, String>) {
        match outcome {
            Ok(ExportedFile { path, said }) => {
                let folder = path[..path.len() - name_of(&path).len()].to_owned();
                self.exports.last_folder = Some(folder);
                self.show_message(said);
            }
            Err(why) => self.show_error(why),
        }
    }

    /// The characters in view, for pasting.
    pub(super) fn copy(&mut self) -> Option<Effect> {
        if self.passes.reading.is_none() {
            self.show_message("nothing is read yet; there is no frame to copy");
            return None;
        }
        Some(Effect::Copy)
    }

    pub(super) fn copied(&mut self, outcome: Result<usize, String>) {
        match outcome {
            Ok(n) => {
                self.show_message(format!(
                    "copied the frame, {n} lines, if the terminal lets one copy"
                ));
            }
            Err(why) => self.show_error(why),
        }
    }
}
