//! State of the walk: the reading, the selection, open overlays and typed text.
//!
//! [`update()`] applies an [`Action`] to a [`State`]. It draws nothing, runs no model and does not know the terminal:
//! it returns work for the caller as an [`Effect`]. Results that a reading keeps are not in the actions that tell of them
//! ([`crate::analysis::reading`] says why that is sound).
//!
//! The state is made of parts that change themselves: [`Passes`], [`Navigation`], [`Inspector`], [`Guide`], [`Overlay`],
//! [`Animation`], [`ExportOptions`], [`SavedProgress`]. A part gets what it needs from outside as arguments and answers
//! with what is to be said or done (`reply`); `update` combines the answers. What the step shows of the reading is asked of
//! the whole state (`shown`, `narration`), and what moves several parts at once changes it (`moves`,
//! `matrix_commands`, `go_to`, `whatif`).

mod action;
mod arrangement;
mod attended_row;
mod background;
mod bookmarks;
mod clock;
mod export;
mod export_options;
mod formula;
mod glossary;
mod go_to;
mod guide;
mod inspector;
mod labs;
mod layout;
mod map_view;
mod matrix_commands;
mod mouse;
mod moves;
mod narration;
mod navigation;
mod offered;
mod overlay;
mod overlay_commands;
mod pane_colours;
mod passes;
mod prose;
mod reply;
mod results;
mod search;
mod shown;
mod theme;
mod update;
mod whatif;

use std::sync::Arc;

pub use action::{
    Action, Command, Effect, PaletteChoice, ReadFailure, TypedKey, ViewKey, WhatIfKey,
};
pub use attended_row::AttendedRow;
pub use bookmarks::{EarlierWalks, SavedProgress};
pub use clock::{Animation, BEAT, Motion, N_BEATS, ReadingTimes, unfolded_part};
pub use export_options::{
    ExportFormat, ExportOptions, ExportRefusal, ExportRequest, ExportedFile, Prompt,
};
pub use glossary::FoundTerms;
pub use guide::Guide;
pub use inspector::{Inspector, OpenedNumber};
pub use layout::{ROOMY, SMALLEST, ScreenLayout, TopRows};
pub use mouse::MouseTarget;
pub use navigation::{Navigation, ZoomedHead};
pub use overlay::Overlay;
pub use passes::Passes;
pub use prose::{Line, Prose, ProsePiece, TextRole, wrap};
use ratatui::layout::Size;
use reply::Notice;
pub use update::update;

use crate::{
    engine::{change::Changes, site::Stream},
    lesson::Lesson,
    ui::{panes::View, theme::Theme},
};

/// How a walk begins.
pub struct WalkStart {
    pub sentence: String,
    /// The changes of the first pass.
    pub changes: Changes,
    pub lesson: Arc<Lesson>,
    /// Index of the first step to show.
    pub step: usize,
    pub theme: Theme,
    /// Whether the theme follows the terminal's background.
    pub follows_background: bool,
    pub guide: Guide,
    /// What maps show.
    pub view: View,
    /// Whether panes may move.
    pub motion: Motion,
    pub earlier: EarlierWalks,
    /// Formats and folder for exported frames.
    pub exports: ExportOptions,
}

impl WalkStart {
    /// The start of a walk over a sentence, at the first step, with nothing saved and nothing to export.
    pub fn new(lesson: Arc<Lesson>, theme: Theme, sentence: String) -> Self {
        Self {
            sentence,
            changes: Changes::default(),
            lesson,
            step: 0,
            theme,
            follows_background: false,
            guide: Guide::default(),
            view: View::default(),
            motion: Motion::Still,
            earlier: EarlierWalks::default(),
            exports: ExportOptions::default(),
        }
    }
}

/// Everything that determines the content of the screen.
#[derive(Clone)]
pub struct State {
    pub lesson: Arc<Lesson>,
    pub theme: Theme,
    /// Whether the theme follows the terminal's background.
    pub follows_background: bool,
    /// Columns and rows of the terminal.
    pub size: Size,
    /// The reading on the screen and the requests in progress.
    pub passes: Passes,
    /// The current step and the selection in it.
    pub nav: Navigation,
    /// Numbers opened in the inspector.
    pub inspector: Inspector,
    pub animation: Animation,
    pub overlay: Overlay,
    pub message: Option<Message>,
    /// Questions, further paragraphs, the tour, automatic page turning.
    pub guide: Guide,
    /// Bookmarks, and where the previous walk ended.
    saved: SavedProgress,
    /// File formats and folder for exported frames.
    pub exports: ExportOptions,
}

/// A message for the user, shown until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub text: String,
    /// The key of the walk that helps, in words.
    pub key_hint: Option<&'static str>,
    pub is_error: bool,
}

/// The token of the cursor's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub stream: Stream,
    pub index: usize,
    pub text: String,
}

impl State {
    /// State at the beginning of a walk, while the models read its sentence.
    pub fn begin(start: WalkStart) -> Self {
        let mut state = Self::new(start.lesson, start.theme);
        state.follows_background = start.follows_background;
        state.guide = start.guide;
        state.exports = start.exports;
        state.nav.step = start.step.min(state.n_steps().saturating_sub(1));
        state.passes.pending = Some(start.sentence);
        state.passes.changes = start.changes;
        state.animation.motion = start.motion;
        state.nav.view = start.view;
        let (here, language) = (state.resume_point(), state.lesson.language);
        let (saved, notice) = SavedProgress::recall(start.earlier, here, language);
        state.saved = saved;
        if let Some(notice) = notice {
            state.show_notice(notice);
        }
        state
    }

    /// State at the first step of a lesson, before any sentence is read.
    pub fn new(lesson: Arc<Lesson>, theme: Theme) -> Self {
        Self {
            lesson,
            theme,
            follows_background: false,
            size: SMALLEST,
            passes: Passes::default(),
            nav: Navigation::default(),
            inspector: Inspector::default(),
            animation: Animation::default(),
            overlay: Overlay::None,
            message: None,
            guide: Guide::default(),
            saved: SavedProgress::default(),
            exports: ExportOptions::default(),
        }
    }

    /// A copy in another theme.
    #[must_use]
    pub fn in_theme(&self, theme: Theme) -> Self {
        Self { theme, ..self.clone() }
    }

    /// The same state with maps drawn so.
    #[must_use]
    pub fn with_view(mut self, view: View) -> Self {
        self.nav.view = view;
        self
    }

    /// A copy at a beat of the step's unfolding; None shows everything.
    #[must_use]
    pub fn at_beat(&self, beat: Option<usize>) -> Self {
        let animation = Animation { beat, ..self.animation.clone() };
        Self { animation, ..self.clone() }
    }

    /// A copy for a frame: without overlay and message, and without the requests in progress, whose results go to the
    /// original.
    #[must_use]
    pub fn for_frame(&self) -> Self {
        let passes = self.passes.without_requests();
        Self { passes, overlay: Overlay::None, message: None, ..self.clone() }
    }

    /// Shows a message in place of the last one.
    fn show_notice(&mut self, notice: Notice) {
        self.message = Some(notice.into_message(self.lesson.language));
    }
}
