//! A walk in this process whose wishes are carried out at once: what the terminal's loop does, without
//! threads and without waiting.

use std::{collections::BTreeMap, sync::Arc};

use lookback::{
    analysis::reading::{Reader, Reading},
    engine::change::Changes,
    render::perform::perform,
    term::{exporter, mouse},
    ui::{
        app::{
            Action, Command, Effect, ExportRefusal, ExportedFile, Overlay, PaletteChoice,
            ReadFailure, State, update,
        },
        keys, screen,
    },
};
use ratatui::{buffer::Buffer, layout::Size};

use super::random::Given;

/// As much as a terminal's clipboard takes.
const LONGEST_COPY: usize = 74_000 / 4 * 3;

pub struct Walker<'a> {
    pub state: State,
    reader: &'a Reader,
    plain: Option<Arc<Reading>>,
    n_written: usize,
}

impl<'a> Walker<'a> {
    /// A walk that has read its first sentence.
    pub fn start(mut state: State, reader: &'a Reader, sentence: &str, size: (u16, u16)) -> Self {
        state.passes.pending = Some(sentence.to_owned());
        let mut walker = Self { state, reader, plain: None, n_written: 0 };
        walker.carry_out(Effect::Read {
            sentence: sentence.to_owned(),
            changes: walker.state.passes.changes.clone(),
        });
        walker.take(Action::Resize(size.into()));
        walker
    }

    /// What it asks for.
    pub fn actions(&self, given: &Given) -> Vec<Action> {
        match given {
            Given::Key(key) => vec![keys::action(&self.state, *key)],
            Given::Paste(text) => vec![Action::Paste(text.clone())],
            Given::Mouse(event) => mouse::actions(&self.state, *event),
            Given::Size(width, height) => vec![Action::Resize(Size::new(*width, *height))],
        }
    }

    /// Whether the walk may be over after that.
    pub fn may_end(&self, action: &Action) -> bool {
        match action {
            Action::Do(Command::Quit) => matches!(self.state.overlay, Overlay::None),
            Action::Do(Command::QuitNow)
            | Action::Pick(PaletteChoice::Command(Command::Quit | Command::QuitNow)) => true,
            _ => false,
        }
    }

    /// Whether a file may be written, or time begins to count.
    pub fn may_reach_out(&self, action: &Action) -> bool {
        match action {
            Action::Do(Command::Accept) => matches!(self.state.overlay, Overlay::Export(_)),
            Action::Do(command) | Action::Pick(PaletteChoice::Command(command)) => {
                *command == Command::Play
            }
            _ => false,
        }
    }

    /// Does it, and what follows from it; tells whether models had to work.
    pub fn take(&mut self, action: Action) -> bool {
        update(&mut self.state, action).is_some_and(|effect| self.carry_out(effect))
    }

    fn carry_out(&mut self, effect: Effect) -> bool {
        let answer = match effect {
            Effect::Quit => return false,
            Effect::Suspend => Action::CannotSuspend,
            Effect::FindFreePath(path) => Action::FreePathFound(path),
            Effect::Copy => Action::Copied(self.copied()),
            Effect::Export(order) => self.exported(order.path, order.replaces),
            Effect::Read { sentence, changes } => Action::Read(self.read(&sentence, changes)),
            Effect::MeasureTimes => Action::TimesMeasured(Arc::new(BTreeMap::new())),
            effect => {
                let opens = matches!(effect, Effect::OpenBlock { .. });
                let reading = Arc::clone(self.state.passes.reading.as_ref().unwrap());
                let Some(action) = perform(&reading, effect, || true) else { return opens };
                action
            }
        };
        let works =
            matches!(answer, Action::Read(_) | Action::BlockOpened { .. } | Action::LensComputed);
        self.take(answer) | works
    }

    fn read(&mut self, sentence: &str, changes: Changes) -> Result<Arc<Reading>, ReadFailure> {
        let refused = |why| ReadFailure { sentence: sentence.to_owned(), why: Arc::new(why) };
        let reading = self.try_read(sentence, changes).map_err(refused)?;
        reading.waiting().heads();
        Ok(reading)
    }

    fn try_read(&mut self, sentence: &str, changes: Changes) -> anyhow::Result<Arc<Reading>> {
        let known = self.plain.take().filter(|plain| plain.sentence.text == sentence);
        let base = known.map_or_else(|| self.reader.read(sentence).map(Arc::new), Ok)?;
        self.plain = Some(Arc::clone(&base));
        if changes.is_empty() {
            return Ok(base);
        }
        self.reader.read_changed(&base, changes).map(Arc::new)
    }

    /// As if every third path were taken.
    fn exported(&mut self, path: String, replaces: bool) -> Action {
        self.n_written += 1;
        if self.n_written.is_multiple_of(3) && !replaces {
            return Action::ExportRefused(ExportRefusal {
                path,
                why: "it exists".into(),
                exists: true,
            });
        }
        let message = format!("wrote {path}");
        Action::Exported(Ok(ExportedFile { path, message }))
    }

    fn copied(&mut self) -> Result<usize, String> {
        let text = exporter::text(&self.state).unwrap();
        if text.len() > LONGEST_COPY {
            return Err("the frame is too long for a terminal's clipboard; e writes it".into());
        }
        Ok(text.lines().count())
    }

    pub fn drawn(&self) -> Buffer {
        let mut buffer = Buffer::empty(self.state.size.into());
        screen::draw(&self.state, buffer.area, &mut buffer);
        buffer
    }
}
