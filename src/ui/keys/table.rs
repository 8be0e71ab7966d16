//! Table of key bindings: what the help shows of each, and its commands.

use crossterm::event::{KeyCode, KeyModifiers};
use tui_input::InputRequest;

use super::Key;
use crate::ui::app::{Command, ViewKey, WhatIfKey};

/// A group of rows of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Walk,
    Guide,
    Panes,
    Sentence,
    WhatIf,
    Program,
}

impl Group {
    pub const ALL: [Self; 6] =
        [Self::Walk, Self::Sentence, Self::Program, Self::Guide, Self::Panes, Self::WhatIf];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Walk => "The walk",
            Self::Guide => "The guide",
            Self::Panes => "What is shown",
            Self::Sentence => "The sentence",
            Self::WhatIf => "What if",
            Self::Program => "Lookback",
        }
    }
}

/// A row of the help.
pub struct Binding {
    pub shown: &'static str,
    pub keys: &'static [(Key, Command)],
    pub help: &'static str,
    pub group: Group,
    /// Keys and text in the bottom line of the screen, if shown there.
    pub hint: Option<(&'static str, &'static str)>,
}

const fn plain(code: KeyCode) -> Key {
    (code, KeyModifiers::NONE)
}

const fn char(c: char) -> Key {
    plain(KeyCode::Char(c))
}

const fn ctrl(c: char) -> Key {
    (KeyCode::Char(c), KeyModifiers::CONTROL)
}

use Command as C;

/// Key bindings of the walk.
pub static KEYS: &[Binding] = &[
    Binding {
        shown: "→ l n Space",
        keys: &[
            (plain(KeyCode::Right), C::NextStep),
            (char('l'), C::NextStep),
            (char('n'), C::NextStep),
            (char(' '), C::NextStep),
        ],
        help: "next step",
        group: Group::Walk,
        hint: Some(("← →", "step")),
    },
    Binding {
        shown: "← h p Backspace",
        keys: &[
            (plain(KeyCode::Left), C::PreviousStep),
            (char('h'), C::PreviousStep),
            (char('p'), C::PreviousStep),
            (plain(KeyCode::Backspace), C::PreviousStep),
        ],
        help: "step before",
        group: Group::Walk,
        hint: None,
    },
    Binding {
        shown: "} {",
        keys: &[(char('}'), C::NextChapter), (char('{'), C::PreviousChapter)],
        help: "next chapter, back",
        group: Group::Walk,
        hint: Some(("{ }", "chapter")),
    },
    Binding {
        shown: "0 1 2 … 8",
        keys: &[
            (char('0'), C::Chapter(0)),
            (char('1'), C::Chapter(1)),
            (char('2'), C::Chapter(2)),
            (char('3'), C::Chapter(3)),
            (char('4'), C::Chapter(4)),
            (char('5'), C::Chapter(5)),
            (char('6'), C::Chapter(6)),
            (char('7'), C::Chapter(7)),
            (char('8'), C::Chapter(8)),
        ],
        help: "that chapter",
        group: Group::Walk,
        hint: None,
    },
    Binding {
        shown: "g G",
        keys: &[
            (char('g'), C::FirstStep),
            (plain(KeyCode::Home), C::FirstStep),
            (char('G'), C::LastStep),
            (plain(KeyCode::End), C::LastStep),
        ],
        help: "first, last step",
        group: Group::Walk,
        hint: None,
    },
    Binding {
        shown: "/",
        keys: &[(char('/'), C::Find)],
        help: "find a step",
        group: Group::Walk,
        hint: Some(("/", "find")),
    },
    Binding {
        shown: "b B",
        keys: &[(char('b'), C::Bookmark), (char('B'), C::Bookmarks)],
        help: "bookmark, list them",
        group: Group::Walk,
        hint: None,
    },
    Binding {
        shown: "R",
        keys: &[(char('R'), C::Resume)],
        help: "resume last walk",
        group: Group::Walk,
        hint: None,
    },
    Binding {
        shown: "i",
        keys: &[(char('i'), C::Edit)],
        help: "another sentence",
        group: Group::Sentence,
        hint: Some(("i", "sentence")),
    },
    Binding {
        shown: "*",
        keys: &[(char('*'), C::StarPair)],
        help: "the pair tired, wide",
        group: Group::Sentence,
        hint: None,
    },
    Binding {
        shown: "Enter",
        keys: &[(plain(KeyCode::Enter), C::Accept)],
        help: "open this number",
        group: Group::Panes,
        hint: Some(("Enter", "open")),
    },
    Binding {
        shown: "d",
        keys: &[(char('d'), C::Deeper)],
        help: "deeper, or short",
        group: Group::Guide,
        hint: Some(("d", "deeper")),
    },
    Binding {
        shown: "w",
        keys: &[(char('w'), C::Glossary)],
        help: "what a word means",
        group: Group::Guide,
        hint: Some(("w", "words")),
    },
    Binding {
        shown: "!",
        keys: &[(char('!'), C::Lab)],
        help: "lab: hint, solution",
        group: Group::Guide,
        hint: None,
    },
    Binding {
        shown: "P",
        keys: &[(char('P'), C::Questions)],
        help: "ask first, or not",
        group: Group::Guide,
        hint: None,
    },
    Binding {
        shown: "T",
        keys: &[(char('T'), C::Tour)],
        help: "short tour",
        group: Group::Guide,
        hint: None,
    },
    Binding {
        shown: "a",
        keys: &[(char('a'), C::Play)],
        help: "autoplay",
        group: Group::Guide,
        hint: None,
    },
    Binding {
        shown: "U",
        keys: &[(char('U'), C::Unfold)],
        help: "unfold once more",
        group: Group::Guide,
        hint: None,
    },
    Binding {
        shown: "+ -",
        keys: &[(char('+'), C::Pace(1)), (char('-'), C::Pace(-1))],
        help: "faster, slower",
        group: Group::Guide,
        hint: None,
    },
    Binding {
        shown: "↑ ↓ k j",
        keys: &[
            (plain(KeyCode::Up), C::Move(-1, 0)),
            (char('k'), C::Move(-1, 0)),
            (plain(KeyCode::Down), C::Move(1, 0)),
            (char('j'), C::Move(1, 0)),
        ],
        help: "row above, below",
        group: Group::Panes,
        hint: Some(("↑ ↓", "word")),
    },
    Binding {
        shown: "H L",
        keys: &[(char('H'), C::Move(0, -1)), (char('L'), C::Move(0, 1))],
        help: "column left, right",
        group: Group::Panes,
        hint: Some(("H L", "column")),
    },
    Binding {
        shown: "J K < >",
        keys: &[
            (char('J'), C::Screen(1, 0)),
            (char('K'), C::Screen(-1, 0)),
            (char('<'), C::Screen(0, -1)),
            (char('>'), C::Screen(0, 1)),
        ],
        help: "the same by a screen",
        group: Group::Panes,
        hint: None,
    },
    Binding {
        shown: "z Z",
        keys: &[(char('z'), C::Zoom(1)), (char('Z'), C::Zoom(-1))],
        help: "zoom in, out",
        group: Group::Panes,
        hint: None,
    },
    Binding {
        shown: "f F",
        keys: &[(char('f'), C::FindCell), (char('F'), C::FindAgain)],
        help: "find a cell, the next",
        group: Group::Panes,
        hint: Some(("f", "find a cell")),
    },
    Binding {
        shown: "c",
        keys: &[(char('c'), C::Follow)],
        help: "follow, explain a word",
        group: Group::Panes,
        hint: None,
    },
    Binding {
        shown: "C Y O",
        keys: &[
            (char('C'), C::View(ViewKey::Attention)),
            (char('Y'), C::View(ViewKey::Logarithmic)),
            (char('O'), C::View(ViewKey::FirstToken)),
        ],
        help: "maps: form, log, sink",
        group: Group::Panes,
        hint: None,
    },
    Binding {
        shown: "( )",
        keys: &[
            (char('('), C::View(ViewKey::Threshold(-1))),
            (char(')'), C::View(ViewKey::Threshold(1))),
        ],
        help: "flow: more, less",
        group: Group::Panes,
        hint: None,
    },
    Binding {
        shown: "S",
        keys: &[(char('S'), C::Sort)],
        help: "sort the heads",
        group: Group::Panes,
        hint: None,
    },
    Binding {
        shown: "[ ]",
        keys: &[(char('['), C::Layer(-1)), (char(']'), C::Layer(1))],
        help: "layer below, above",
        group: Group::Panes,
        hint: Some(("[ ]", "layer")),
    },
    Binding {
        shown: ", .",
        keys: &[(char(','), C::Head(-1)), (char('.'), C::Head(1))],
        help: "head before, next",
        group: Group::Panes,
        hint: Some((", .", "head")),
    },
    Binding {
        shown: "Tab Shift-Tab",
        keys: &[(plain(KeyCode::Tab), C::NextPane), (plain(KeyCode::BackTab), C::PreviousPane)],
        help: "next pane, back",
        group: Group::Panes,
        hint: Some(("Tab", "pane")),
    },
    Binding {
        shown: "PgUp PgDn",
        keys: &[(plain(KeyCode::PageUp), C::Page(-1)), (plain(KeyCode::PageDown), C::Page(1))],
        help: "scroll the text",
        group: Group::Panes,
        hint: None,
    },
    Binding {
        shown: "V",
        keys: &[(char('V'), C::NextTheme)],
        help: "other colours",
        group: Group::Program,
        hint: None,
    },
    Binding {
        shown: "m",
        keys: &[(char('m'), C::ToggleWhatIf(WhatIfKey::Mask))],
        help: "mask off",
        group: Group::WhatIf,
        hint: Some(("m o s u x", "what if")),
    },
    Binding {
        shown: "o",
        keys: &[(char('o'), C::ToggleWhatIf(WhatIfKey::Positions))],
        help: "positions off",
        group: Group::WhatIf,
        hint: None,
    },
    Binding {
        shown: "s",
        keys: &[(char('s'), C::ToggleWhatIf(WhatIfKey::Scaling))],
        help: "scaling off",
        group: Group::WhatIf,
        hint: None,
    },
    Binding {
        shown: "u",
        keys: &[(char('u'), C::ToggleWhatIf(WhatIfKey::Residual))],
        help: "residuals off",
        group: Group::WhatIf,
        hint: None,
    },
    Binding {
        shown: "x X",
        keys: &[
            (char('x'), C::ToggleWhatIf(WhatIfKey::Head)),
            (char('X'), C::ToggleWhatIf(WhatIfKey::Layer)),
        ],
        help: "this head, layer out",
        group: Group::WhatIf,
        hint: None,
    },
    Binding {
        shown: "t =",
        keys: &[(char('t'), C::Temperature), (char('='), C::SetNumber)],
        help: "temperature, number =",
        group: Group::WhatIf,
        hint: None,
    },
    Binding {
        shown: "N M",
        keys: &[(char('N'), C::Learn(1)), (char('M'), C::Learn(10))],
        help: "learn: 1 step, 10",
        group: Group::WhatIf,
        hint: None,
    },
    Binding {
        shown: "I",
        keys: &[(char('I'), C::Teach)],
        help: "what it should write",
        group: Group::WhatIf,
        hint: None,
    },
    Binding {
        shown: "v",
        keys: &[(char('v'), C::Difference)],
        help: "what it did, before it",
        group: Group::WhatIf,
        hint: None,
    },
    Binding {
        shown: "A D",
        keys: &[(char('A'), C::OtherSentence), (char('D'), C::FirstDifference)],
        help: "against, first change",
        group: Group::WhatIf,
        hint: None,
    },
    Binding {
        shown: "W",
        keys: &[(char('W'), C::Work)],
        help: "stop a map, go on",
        group: Group::WhatIf,
        hint: None,
    },
    Binding {
        shown: "r",
        keys: &[(char('r'), C::Reset)],
        help: "undo all changes",
        group: Group::WhatIf,
        hint: None,
    },
    Binding {
        shown: ":",
        keys: &[(char(':'), C::Palette)],
        help: "anything, by name",
        group: Group::Program,
        hint: Some((":", "all")),
    },
    Binding {
        shown: "e",
        keys: &[(char('e'), C::Export)],
        help: "export this frame",
        group: Group::Program,
        hint: None,
    },
    Binding {
        shown: "y",
        keys: &[(char('y'), C::Copy)],
        help: "copy it as text",
        group: Group::Program,
        hint: None,
    },
    Binding {
        shown: "?",
        keys: &[(char('?'), C::Help)],
        help: "these keys",
        group: Group::Program,
        hint: Some(("?", "keys")),
    },
    Binding {
        shown: "Esc",
        keys: &[(plain(KeyCode::Esc), C::Leave)],
        help: "close top window",
        group: Group::Program,
        hint: None,
    },
    Binding {
        shown: "Ctrl-Z",
        keys: &[(ctrl('z'), C::Suspend)],
        help: "to the shell and back",
        group: Group::Program,
        hint: None,
    },
    Binding {
        shown: "q",
        keys: &[(char('q'), C::Quit)],
        help: "quit",
        group: Group::Program,
        hint: Some(("q", "quit")),
    },
    Binding {
        shown: "Ctrl-C",
        keys: &[(ctrl('c'), C::QuitNow)],
        help: "quit at once",
        group: Group::Program,
        hint: None,
    },
];

/// Key bindings of the typed line, as in a shell.
pub static TYPING: &[(Key, InputRequest)] = &[
    (plain(KeyCode::Left), InputRequest::GoToPrevChar),
    (plain(KeyCode::Right), InputRequest::GoToNextChar),
    (plain(KeyCode::Home), InputRequest::GoToStart),
    (plain(KeyCode::End), InputRequest::GoToEnd),
    (plain(KeyCode::Backspace), InputRequest::DeletePrevChar),
    (plain(KeyCode::Delete), InputRequest::DeleteNextChar),
    ((KeyCode::Left, KeyModifiers::CONTROL), InputRequest::GoToPrevWord),
    ((KeyCode::Right, KeyModifiers::CONTROL), InputRequest::GoToNextWord),
    ((KeyCode::Char('b'), KeyModifiers::ALT), InputRequest::GoToPrevWord),
    ((KeyCode::Char('f'), KeyModifiers::ALT), InputRequest::GoToNextWord),
    (ctrl('a'), InputRequest::GoToStart),
    (ctrl('e'), InputRequest::GoToEnd),
    (ctrl('b'), InputRequest::GoToPrevChar),
    (ctrl('f'), InputRequest::GoToNextChar),
    (ctrl('d'), InputRequest::DeleteNextChar),
    (ctrl('h'), InputRequest::DeletePrevChar),
    (ctrl('w'), InputRequest::DeletePrevWord),
    (ctrl('u'), InputRequest::DeleteFromStart),
    (ctrl('k'), InputRequest::DeleteTillEnd),
    (ctrl('y'), InputRequest::Yank),
];
