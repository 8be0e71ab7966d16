//! Exports the frame in view to a file: the input of its path, and what comes of it. The types stand in
//! [`super::export_options`], as an action holds them.

use std::path::MAIN_SEPARATOR;

use tui_input::Input;

use super::{
    Command, Effect, ExportFormat, ExportOptions, ExportRefusal, ExportRequest, ExportedFile,
    Overlay, Prompt,
    export_options::file_name,
    reply::{Notice, Reply},
};
use crate::lesson::{Language, tr};

impl ExportOptions {
    /// Opens the input of a path for a frame with this file stem.
    pub(super) fn begin(&self, stem: &str) -> Reply {
        match self.default_extension() {
            Some(extension) => self.propose_path(stem, extension),
            None => Reply::says("files cannot be written from here; `lookback export` writes them"),
        }
    }

    /// Opens the input with the file name that `lookback export` would use, and requests a free one.
    fn propose_path(&self, stem: &str, extension: &str) -> Reply {
        let current_folder = format!(".{MAIN_SEPARATOR}");
        let folder = self.last_folder.as_ref().unwrap_or(&current_folder);
        let path = format!("{folder}{stem}.{extension}");
        let prompt =
            Prompt { path: Input::new(path.clone()), proposed: path.clone(), existing: None };
        Reply { overlay: Some(Overlay::Export(prompt)), ..Reply::asks(Effect::FindFreePath(path)) }
    }

    /// Runs a command on the input of a path.
    pub(super) fn run_in_prompt(
        &mut self,
        command: Command,
        prompt: &Prompt,
        frame: FrameName,
    ) -> Reply {
        match command {
            Command::Accept => self.confirm(prompt, frame.language),
            Command::NextPane => self.change_extension(prompt, frame.stem, 1),
            Command::PreviousPane => self.change_extension(prompt, frame.stem, -1),
            _ => Reply::NONE,
        }
    }

    /// Changes the extension; requests a free path again for a proposed name, keeps a typed one.
    fn change_extension(&self, prompt: &Prompt, stem: &str, by: isize) -> Reply {
        let path = prompt.path.value();
        let Some(extension) = self.extension_after(path, by) else { return Reply::NONE };
        if path == prompt.proposed {
            return self.propose_path(stem, extension);
        }
        let stem = match self.format_of(path) {
            Some(format) => &path[..path.len() - format.extension.len()],
            None => &format!("{}.", path.trim_end_matches('.')),
        };
        let path = Input::new(format!("{stem}{extension}"));
        Reply::opens(Overlay::Export(Prompt { path, ..prompt.clone() }))
    }

    fn confirm(&mut self, prompt: &Prompt, language: Language) -> Reply {
        let path = prompt.path.value().trim().to_owned();
        let replaces = prompt.existing.as_ref() == Some(&path);
        match self.check_path(&path, language) {
            Err(why) => Reply::fails(why),
            Ok(ExportFormat { extension, .. }) => {
                self.last_extension = Some(extension);
                Reply {
                    overlay: Some(Overlay::None),
                    effect: Some(Effect::Export(ExportRequest {
                        path: path.clone(),
                        extension,
                        replaces,
                    })),
                    ..Reply::says(tr!(language, "writing {path}", path))
                }
            }
        }
    }

    /// Says what came of an export, and keeps its folder.
    pub(super) fn report(&mut self, outcome: Result<ExportedFile, String>) -> Notice {
        match outcome {
            Ok(ExportedFile { path, message }) => {
                let folder = path[..path.len() - file_name(&path).len()].to_owned();
                self.last_folder = Some(folder);
                message.into()
            }
            Err(why) => Notice::error(why),
        }
    }
}

/// What the name of a frame's file and the messages about it depend on.
#[derive(Clone, Copy)]
pub(super) struct FrameName<'a> {
    pub stem: &'a str,
    pub language: Language,
}

impl ExportRefusal {
    /// Opens the input again with the refused path, and says the reason.
    pub(super) fn reopened(self) -> Reply {
        let Self { path, why, exists } = self;
        let existing = exists.then(|| path.clone());
        let prompt = Prompt { path: Input::new(path), existing, ..Prompt::default() };
        Reply { overlay: Some(Overlay::Export(prompt)), ..Reply::fails(why) }
    }
}

/// Says what came of a copy of the frame in view.
pub(super) fn copied(outcome: Result<usize, String>, language: Language) -> Notice {
    match outcome {
        Ok(n) => tr!(language, "copied the frame, {n} lines, if the terminal allows it", n).into(),
        Err(why) => Notice::error(why),
    }
}
