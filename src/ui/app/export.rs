//! Exports the frame in view to a file, and copies it.

use std::path::MAIN_SEPARATOR;

use tui_input::Input;

use super::{
    Command, Effect, ExportFormat, ExportRefusal, ExportRequest, ExportedFile, Overlay, Prompt,
    SMALLEST, State, export_options::file_name,
};
use crate::lesson::tr;

impl State {
    /// Whether the input of a path is open: the frame in view does not change meanwhile.
    pub const fn is_exporting(&self) -> bool {
        matches!(self.overlay, Overlay::Export(_))
    }

    /// Opens the input of a path.
    pub(super) fn export(&mut self) -> Option<Effect> {
        let (width, height) = self.size;
        if self.passes.reading.is_none() {
            self.show_message("nothing is read yet; there is no frame to export");
            return None;
        }
        if width < SMALLEST.0 || height < SMALLEST.1 {
            return None;
        }
        let extension = self.exports.default_extension();
        if extension.is_none() {
            self.show_message("files cannot be written from here; `lookback export` writes them");
        }
        extension.map(|extension| self.propose_path(extension))
    }

    /// Opens the input with the file name that `lookback export` would use, and requests a free one.
    fn propose_path(&mut self, extension: &str) -> Effect {
        let current_folder = format!(".{MAIN_SEPARATOR}");
        let folder = self.exports.last_folder.as_ref().unwrap_or(&current_folder);
        let path = format!("{folder}{}.{extension}", self.lesson.file_stem(self.nav.step));
        self.overlay = Overlay::Export(Prompt {
            path: Input::new(path.clone()),
            proposed: path.clone(),
            existing: None,
        });
        Effect::FindFreePath(path)
    }

    /// Replaces the proposed path by a free one, unless the user has changed it.
    pub(super) fn take_free_path(&mut self, path: String) {
        if let Overlay::Export(prompt) = &mut self.overlay
            && prompt.path.value() == prompt.proposed
        {
            prompt.path = Input::new(path.clone());
            prompt.proposed = path;
        }
    }

    pub(super) fn run_in_export(&mut self, command: Command) -> Option<Effect> {
        match command {
            Command::Accept => self.confirm_export(),
            Command::NextPane => self.change_extension(1),
            Command::PreviousPane => self.change_extension(-1),
            _ => None,
        }
    }

    /// Changes the extension; requests a free path again for a proposed name, keeps a typed one.
    fn change_extension(&mut self, by: isize) -> Option<Effect> {
        let Overlay::Export(prompt) = &mut self.overlay else { return None };
        let path = prompt.path.value();
        let extension = self.exports.extension_after(path, by)?;
        if path == prompt.proposed {
            return Some(self.propose_path(extension));
        }
        let stem = match self.exports.format_of(path) {
            Some(format) => &path[..path.len() - format.extension.len()],
            None => &format!("{}.", path.trim_end_matches('.')),
        };
        prompt.path = Input::new(format!("{stem}{extension}"));
        None
    }

    fn confirm_export(&mut self) -> Option<Effect> {
        let Overlay::Export(prompt) = &self.overlay else { return None };
        let path = prompt.path.value().trim().to_owned();
        let replaces = prompt.existing.as_ref() == Some(&path);
        match self.exports.check_path(&path, self.lesson.language) {
            Err(why) => {
                self.show_error(why);
                None
            }
            Ok(ExportFormat { extension, .. }) => {
                self.overlay = Overlay::None;
                self.exports.last_extension = Some(extension);
                self.show_message(tr!(self.lesson.language, "writing {path}", path));
                Some(Effect::Export(ExportRequest { path, extension, replaces }))
            }
        }
    }

    /// Opens the input again with the refused path, and shows the reason.
    pub(super) fn reopen_prompt(&mut self, ExportRefusal { path, why, exists }: ExportRefusal) {
        let existing = exists.then(|| path.clone());
        self.overlay =
            Overlay::Export(Prompt { path: Input::new(path), existing, ..Prompt::default() });
        self.show_error(why);
    }

    pub(super) fn report_export(&mut self, outcome: Result<ExportedFile, String>) {
        match outcome {
            Ok(ExportedFile { path, message }) => {
                let folder = path[..path.len() - file_name(&path).len()].to_owned();
                self.exports.last_folder = Some(folder);
                self.show_message(message);
            }
            Err(why) => self.show_error(why),
        }
    }

    /// Requests a copy of the text in view.
    pub(super) fn copy(&mut self) -> Option<Effect> {
        if self.passes.reading.is_none() {
            self.show_message("nothing is read yet; there is no frame to copy");
            return None;
        }
        Some(Effect::Copy)
    }

    pub(super) fn report_copy(&mut self, outcome: Result<usize, String>) {
        match outcome {
            Ok(n) => {
                self.show_message(tr!(
                    self.lesson.language,
                    "copied the frame, {n} lines, if the terminal allows it",
                    n
                ));
            }
            Err(why) => self.show_error(why),
        }
    }
}
