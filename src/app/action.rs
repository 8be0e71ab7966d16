//! What can happen to the walk.

use std::{sync::Arc, time::Duration};

use tui_input::InputRequest;

use crate::reading::Reading;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    NextStep,
    PreviousStep,
    NextChapter,
    PreviousChapter,
    Chapter(usize),
    FirstStep,
    LastStep,
    NextPane,
    PreviousPane,
    /// Moves the cell cursor by rows and columns.
    Move(isize, isize),
    /// Another layer, by so many.
    Layer(isize),
    /// Another head, by so many.
    Head(isize),
    /// Scrolls the narration by pages.
    Page(isize),
    Edit,
    Find,
    Help,
    /// The further paragraph, shown or not.
    Deeper,
    /// What the words mean.
    Glossary,
    /// The short way, or all steps.
    Tour,
    /// Questions before answers, or not.
    Questions,
    /// Pages turn by themselves, or stand still.
    Play,
    /// Faster or slower, by so many paces.
    Pace(isize),
    /// Takes what is typed or chosen.
    Accept,
    /// Leaves what is on top.
    Leave,
    Suspend,
    Quit,
    /// Ends at once, whatever is on top.
    End,
}

/// Everything that reaches the state.
#[derive(Clone)]
pub enum Action {
    Do(Command),
    /// A change of the line being typed.
    Type(InputRequest),
    Paste(String),
    /// A key that nothing is bound to, by its name.
    Unbound(String),
    /// The models have read a sentence, or it cannot be read.
    Read(Result<Arc<Reading>, String>),
    /// The slow measures of the reading are there.
    Measured,
    /// Columns and rows of the terminal.
    Resize(u16, u16),
    /// So much time has passed since the tick before; only while [`super::State::wants_ticks`].
    Tick(Duration),
}

/// What the world is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Let every model read this sentence.
    Read(String),
    Suspend,
    Quit,
}
