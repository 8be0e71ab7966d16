//! What can happen to the walk.

use std::{sync::Arc, time::Duration};

use tui_input::InputRequest;

use super::{
    export_options::{ExportRefusal, ExportRequest, ExportedFile},
    mouse_target::MouseTarget,
};
use crate::{
    analysis::reading::{MachineTimes, Reading},
    engine::{
        change::{Change, Changes},
        site::Address,
    },
    model::Name,
    ui::theme::Background,
};

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
    /// Moves the cursor by so many screens of rows and columns.
    Screen(isize, isize),
    /// Closer to a matrix, or farther, by so many scales.
    Zoom(isize),
    /// Another order of the table of heads.
    Sort,
    /// Looks for a cell of the matrix.
    FindCell,
    /// The next cell that was looked for.
    FindAgain,
    /// The next cell that the n-th finder finds.
    Seek(usize),
    /// Scrolls the narration by pages.
    Page(isize),
    /// A what-if on or off.
    Switch(WhatIfKey),
    /// Takes every what-if back.
    Reset,
    /// Matrices show their numbers, or what the changes made of them.
    Difference,
    /// Sets the number under the cursor by hand.
    SetNumber,
    /// Types a what-if on the temperature.
    Temperature,
    Edit,
    /// Writes the frame in view to a file.
    Export,
    /// Copies the frame in view to the clipboard.
    Copy,
    Find,
    Palette,
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

/// What-ifs that have a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhatIfKey {
    Mask,
    Positions,
    Scaling,
    Residual,
    /// The selected head of the step's attention.
    Head,
    /// The selected layer.
    Layer,
}

/// A sentence that cannot be read as was asked, and why.
#[derive(Clone, Debug)]
pub struct ReadFailure {
    pub sentence: String,
    pub why: String,
}

/// Everything that reaches the state.
#[derive(Clone)]
pub enum Action {
    Do(Command),
    /// A change of the line being typed.
    Type(InputRequest),
    Paste(String),
    /// What was picked from the palette.
    Pick(PaletteChoice),
    /// Another row of the palette, or of the help.
    Choose(usize),
    /// A key that nothing is bound to, by its name.
    Unbound(String),
    /// The models have read a sentence, or it cannot be read.
    Read(Result<Arc<Reading>, ReadFailure>),
    /// The first reading with a block opened: the second.
    Opened(Arc<Reading>, Arc<Reading>),
    /// The slow measures of the reading are there.
    Measured,
    /// The lens was looked through.
    Looked,
    /// How long reading takes on this machine.
    Timed(Arc<MachineTimes>),
    /// Columns and rows of the terminal.
    Resize(u16, u16),
    /// The cursor is put somewhere.
    Point(MouseTarget),
    /// That step, by its index.
    GoTo(usize),
    /// Scrolls the narration by lines.
    Scroll(isize),
    /// The terminal has said what its background is.
    Background(Background),
    /// A free name for the one that an exported frame was given.
    Named(String),
    /// The frame cannot be written there.
    Refused(ExportRefusal),
    /// The frame has been written, or why it has not.
    Exported(Result<ExportedFile, String>),
    /// So many lines were sent to the clipboard, or why none were.
    Copied(Result<usize, String>),
    /// So much time has passed since the tick before; only while [`super::State::wants_ticks`].
    Tick(Duration),
}

/// What can be picked from the palette.
#[derive(Clone, Debug, PartialEq)]
pub enum PaletteChoice {
    Command(Command),
    /// Goes to a step.
    Step(usize),
    Change(Change),
    /// Opens a cell, where a step shows it.
    Open(Name, Address),
    /// Reads as nothing that can be done; why.
    Nothing(String),
}

/// What the world is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Let every model read this sentence, with these changes.
    Read(String, Changes),
    /// Open the block that the path lies in.
    Open(Name, String),
    /// Look through the lens from that row.
    Look(Name, usize),
    /// Take the time that the models need to read.
    Time,
    /// Find a free name that begins like this path.
    Name(String),
    /// Write the frame in view.
    Export(ExportRequest),
    /// Put the frame in view on the clipboard.
    Copy,
    Suspend,
    Quit,
}
