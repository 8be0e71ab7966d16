//! Inputs and outputs of [`super::update()`].

use std::{sync::Arc, time::Duration};

use ratatui::layout::Size;
use tui_input::InputRequest;

use super::{
    export_options::{ExportRefusal, ExportRequest, ExportedFile},
    mouse::MouseTarget,
};
use crate::{
    analysis::{
        measure::attention_form::AttentionForm,
        reading::{MachineTimes, Reading},
    },
    engine::{
        change::{Change, Changes},
        site::Address,
    },
    model::ModelName,
    ui::theme::Background,
};

/// What a key or a palette entry does.
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
    /// Changes the layer by this number.
    Layer(isize),
    /// Changes the head by this number.
    Head(isize),
    /// Moves the cursor by screens of rows and columns.
    Screen(isize, isize),
    /// Changes the scale of a matrix by this number of levels; positive is closer.
    Zoom(isize),
    /// Sorts the table of heads by the next order.
    Sort,
    /// Opens the palette with the finders of cells.
    FindCell,
    /// Goes to the next cell of the last finder.
    FindAgain,
    /// Goes to the cell that the finder with this index finds.
    RunFinder(usize),
    /// Scrolls the narration by pages.
    Page(isize),
    /// Turns a what-if on or off.
    ToggleWhatIf(WhatIfKey),
    /// Lets the step's model learn the sentence for this many steps.
    Learn(usize),
    /// Opens the palette for what is typed.
    Type(TypedKey),
    /// Removes every what-if.
    Reset,
    /// Shows the changed pass, what the change made of it, or the pass before it, in turn.
    Difference,
    /// Goes to the first number that a change affects.
    FirstDifference,
    /// Follows the word under the cursor through the model, in the map of the lens.
    Follow,
    /// Changes what maps show, or how they are coloured.
    View(ViewKey),
    /// Stops the work on a map of patched values, or goes on with it.
    Work,
    Edit,
    /// Reads the star pair's first sentence, or the second if the first is shown.
    StarPair,
    /// Exports the frame in view to a file.
    Export,
    /// Copies the frame in view to the clipboard.
    Copy,
    Find,
    Palette,
    Help,
    /// Shows the hint of the step's lab, and then plays its solution.
    Lab,
    /// Shows or hides the further paragraph.
    Deeper,
    /// Opens the glossary.
    Glossary,
    /// Switches between the short tour and all steps.
    Tour,
    /// Turns questions before the text on or off.
    Questions,
    /// Unfolds the step's panes again.
    Unfold,
    /// Starts or stops automatic page turning.
    Play,
    /// Changes the pace by this number of levels.
    Pace(isize),
    /// Confirms what is typed or chosen.
    Accept,
    /// Closes the topmost overlay, number or zoomed head.
    Leave,
    /// Adds or removes the bookmark of this step.
    Bookmark,
    /// Lists the bookmarked steps.
    Bookmarks,
    /// Resumes where the last walk ended.
    Resume,
    /// Switches to the next theme.
    NextTheme,
    Suspend,
    Quit,
    /// Quits even if a window is open.
    QuitNow,
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

/// What is typed in the palette after its subject, as in `words=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedKey {
    /// What the model should learn to write.
    Target,
    /// The words that evidence asks about.
    EvidenceWords,
    /// Another sentence to set beside this one.
    OtherSentence,
    /// The number under the cursor, by hand.
    Number,
    Temperature,
}

/// What changes how maps are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewKey {
    /// Maps of attention show the next of: weights, norms, means, rollout.
    Attention,
    /// Logarithmic colours, or linear ones.
    Logarithmic,
    /// The first token is left out of the colours of attention, or not.
    FirstToken,
    /// Tables of which words counted add up the tokens of each word, or not.
    ByWord,
    /// They count for the whole output, or for the words asked about.
    ForOutput,
    /// Moves the threshold of the flow graph by this number of steps.
    Threshold(isize),
}

/// A sentence that cannot be read as requested, and the reason.
#[derive(Clone, Debug)]
pub struct ReadFailure {
    pub sentence: String,
    pub why: Arc<anyhow::Error>,
}

/// An input to the state.
#[derive(Clone)]
pub enum Action {
    Do(Command),
    /// An edit of the typed line.
    Type(InputRequest),
    Paste(String),
    /// An entry picked from the palette.
    Pick(PaletteChoice),
    /// Selects a row of the open list, or scrolls the help to it.
    Choose(usize),
    /// Removes the message and what is open over the walk, where both are shown in another way.
    Dismiss,
    /// A key without a binding, by its name.
    Unbound(String),
    /// The walk was to be suspended, but no shell would resume it.
    CannotSuspend,
    /// The reading of a sentence, or why it cannot be read.
    Read(Result<Arc<Reading>, ReadFailure>),
    /// A reading with one more block opened.
    BlockOpened {
        /// The reading before.
        of: Arc<Reading>,
        opened: Arc<Reading>,
    },
    /// The reading has computed more of its slow measures. No result is carried: the reading holds it, and it is the same
    /// whoever computes it and when, so that no screen depends on the order in which results arrive.
    Measured,
    /// The reading has computed the requested lens, and holds it.
    LensComputed,
    /// The reading has computed the requested form of attention, and holds it.
    AttentionMapComputed,
    /// Reading times measured on this machine.
    TimesMeasured(Arc<MachineTimes>),
    /// New size of the terminal in columns and rows.
    Resize(Size),
    /// Moves the cursor to a place under the mouse.
    Point(MouseTarget),
    /// Enters the step with this index.
    GoTo(usize),
    /// Scrolls the narration by lines.
    Scroll(isize),
    /// The background that the terminal reports.
    Background(Background),
    /// A free path for the proposed name of an exported frame.
    FreePathFound(String),
    /// The frame cannot be written to the requested path.
    ExportRefused(ExportRefusal),
    /// The file that the frame was written to, or why it was not written.
    Exported(Result<ExportedFile, String>),
    /// Number of lines copied to the clipboard, or why none were.
    Copied(Result<usize, String>),
    /// Time since the previous tick; only while [`super::State::wants_ticks`].
    Tick(Duration),
}

/// What a palette entry does.
#[derive(Clone, Debug, PartialEq)]
pub enum PaletteChoice {
    Command(Command),
    /// Enters the step with this index.
    Step(usize),
    Change(Change),
    /// What evidence is asked about: words, and the place in the output.
    EvidenceWords(Vec<Change>),
    /// Reads a sentence.
    Sentence(String),
    /// Opens a cell, in a step that shows it if there is one.
    Open(ModelName, Address),
    /// Nothing can be done; why.
    Nothing(String),
}

/// Work that the state requests from its caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Read a sentence with every model, under these changes.
    Read {
        sentence: String,
        changes: Changes,
    },
    /// Open the block that contains this path.
    OpenBlock {
        model: ModelName,
        path: String,
    },
    /// Compute the lens of a row, with the ranks of a word or else of the chosen one.
    ComputeLens {
        model: ModelName,
        row: usize,
        word: Option<usize>,
    },
    /// Compute a form of the attention at a path.
    ComputeAttentionMap {
        model: ModelName,
        path: String,
        form: AttentionForm,
    },
    /// Go on with the maps of patched values.
    Patch,
    /// Stop computing the maps of a model's patched values.
    StopPatching {
        model: ModelName,
    },
    /// Measure how long the models take to read.
    MeasureTimes,
    /// Find a free path that begins like this one.
    FindFreePath(String),
    /// Export the frame in view to a file.
    Export(ExportRequest),
    /// Copy the frame in view to the clipboard.
    Copy,
    Suspend,
    Quit,
}
