//! What can happen to the walk.

use std::sync::Arc;

use tui_input::InputRequest;

use super::Place;
use crate::{reading::Reading, theme::Ground};

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
    /// Takes what is typed or chosen.
    Accept,
    /// Leaves what is on top.
    Leave,
    /// Marks this step, or takes the mark away.
    Bookmark,
    /// Lists the marked steps.
    Bookmarks,
    /// Goes on where the last walk ended.
    Resume,
    /// Other colours.
    NextTheme,
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
    /// The cursor is put somewhere.
    Point(Place),
    /// That step, by its index.
    GoTo(usize),
    /// The n-th row of the list that is open is taken.
    Choose(usize),
    /// Scrolls the narration by lines.
    Scroll(isize),
    /// The terminal has said what its background is.
    Ground(Ground),
}

/// What the world is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Let every model read this sentence.
    Read(String),
    Suspend,
    Quit,
}
