//! Table of key bindings: what the help and the palette show of each, and its commands.

use crossterm::event::{KeyCode, KeyModifiers};
use tui_input::InputRequest;

use super::Key;
use crate::ui::app::{Command, TypedKey, ViewKey, WhatIfKey};

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

/// A row of the help, with the commands that it tells about.
pub struct Binding {
    pub group: Group,
    pub shown: &'static str,
    pub help: &'static str,
    /// What the bottom line of the screen says of it, if it is shown there.
    pub hint: Option<KeyHint>,
    pub commands: &'static [KeyCommand],
}

/// Keys and what they do, in the bottom line of the screen.
#[derive(Clone, Copy, Debug)]
pub struct KeyHint {
    pub keys: &'static str,
    pub text: &'static str,
}

/// A command with its keys.
pub struct KeyCommand {
    pub command: Command,
    /// Its name in the palette; None if it only moves the cursor or is of no use there.
    pub name: Option<&'static str>,
    pub keys: &'static [Key],
}

impl Binding {
    const fn hint(self, keys: &'static str, text: &'static str) -> Self {
        Self { hint: Some(KeyHint { keys, text }), ..self }
    }

    const fn runs(self, commands: &'static [KeyCommand]) -> Self {
        Self { commands, ..self }
    }
}

/// All keys, each with its command.
pub fn keys() -> impl Iterator<Item = (Key, Command)> {
    commands().flat_map(|KeyCommand { command, keys, .. }| keys.iter().map(|key| (*key, *command)))
}

/// All commands that have a key.
pub fn commands() -> impl Iterator<Item = &'static KeyCommand> {
    KEYS.iter().flat_map(|binding| binding.commands)
}

const fn row(group: Group, shown: &'static str, help: &'static str) -> Binding {
    Binding { group, shown, help, hint: None, commands: &[] }
}

const fn named(command: Command, name: &'static str, keys: &'static [Key]) -> KeyCommand {
    KeyCommand { command, name: Some(name), keys }
}

const fn unnamed(command: Command, keys: &'static [Key]) -> KeyCommand {
    KeyCommand { command, name: None, keys }
}

const fn plain(code: KeyCode) -> Key {
    Key::new(code, KeyModifiers::NONE)
}

const fn char(c: char) -> Key {
    plain(KeyCode::Char(c))
}

const fn ctrl(c: char) -> Key {
    Key::new(KeyCode::Char(c), KeyModifiers::CONTROL)
}

use Command as C;
use Group as G;

/// Key bindings of the walk.
pub static KEYS: &[Binding] = &[
    row(G::Walk, "→ l n Space", "next step").hint("← →", "step").runs(&[named(
        C::NextStep,
        "next step",
        &[plain(KeyCode::Right), char('l'), char('n'), char(' ')],
    )]),
    row(G::Walk, "← h p Backspace", "step before").runs(&[named(
        C::PreviousStep,
        "step before",
        &[plain(KeyCode::Left), char('h'), char('p'), plain(KeyCode::Backspace)],
    )]),
    row(G::Walk, "} {", "next, previous chapter").hint("{ }", "chapter").runs(&[
        named(C::NextChapter, "next chapter", &[char('}')]),
        named(C::PreviousChapter, "chapter before", &[char('{')]),
    ]),
    row(G::Walk, "0 1 2 … 8", "that chapter").runs(&[
        unnamed(C::Chapter(0), &[char('0')]),
        unnamed(C::Chapter(1), &[char('1')]),
        unnamed(C::Chapter(2), &[char('2')]),
        unnamed(C::Chapter(3), &[char('3')]),
        unnamed(C::Chapter(4), &[char('4')]),
        unnamed(C::Chapter(5), &[char('5')]),
        unnamed(C::Chapter(6), &[char('6')]),
        unnamed(C::Chapter(7), &[char('7')]),
        unnamed(C::Chapter(8), &[char('8')]),
    ]),
    row(G::Walk, "g G", "first, last step").runs(&[
        named(C::FirstStep, "first step", &[char('g'), plain(KeyCode::Home)]),
        named(C::LastStep, "last step", &[char('G'), plain(KeyCode::End)]),
    ]),
    row(G::Walk, "/", "find a step").hint("/", "find").runs(&[named(
        C::Find,
        "find a step",
        &[char('/')],
    )]),
    row(G::Walk, "b B", "bookmark, list them").runs(&[
        named(C::Bookmark, "bookmark this step, or remove its bookmark", &[char('b')]),
        named(C::Bookmarks, "list the bookmarks", &[char('B')]),
    ]),
    row(G::Walk, "R", "resume last walk").runs(&[named(
        C::Resume,
        "resume the last walk",
        &[char('R')],
    )]),
    row(G::Sentence, "i", "another sentence").hint("i", "sentence").runs(&[named(
        C::Edit,
        "another sentence",
        &[char('i')],
    )]),
    row(G::Sentence, "*", "the pair tired, wide").runs(&[named(
        C::StarPair,
        "the star pair: too tired, or too wide",
        &[char('*')],
    )]),
    row(G::Panes, "Enter", "open this number").hint("Enter", "open").runs(&[named(
        C::Accept,
        "open the number under the cursor",
        &[plain(KeyCode::Enter)],
    )]),
    row(G::Guide, "d", "deeper, or short").hint("d", "deeper").runs(&[named(
        C::Deeper,
        "show the deeper paragraph, or hide it",
        &[char('d')],
    )]),
    row(G::Guide, "w", "what a word means").hint("w", "words").runs(&[named(
        C::Glossary,
        "what a word means",
        &[char('w')],
    )]),
    row(G::Guide, "!", "lab: hint, solution").runs(&[named(
        C::Lab,
        "a lab's hint, and its solution",
        &[char('!')],
    )]),
    row(G::Guide, "P", "ask first, or not").runs(&[named(
        C::Questions,
        "questions to predict first, or none",
        &[char('P')],
    )]),
    row(G::Guide, "T", "short tour").runs(&[named(
        C::Tour,
        "the short tour, or the whole walk",
        &[char('T')],
    )]),
    row(G::Guide, "a", "autoplay").runs(&[named(C::Play, "autoplay: start or stop", &[char('a')])]),
    row(G::Guide, "U", "unfold once more").runs(&[named(
        C::Unfold,
        "unfold this step once more",
        &[char('U')],
    )]),
    row(G::Guide, "+ -", "faster, slower").runs(&[
        named(C::Pace(1), "autoplay: faster", &[char('+')]),
        named(C::Pace(-1), "autoplay: slower", &[char('-')]),
    ]),
    row(G::Panes, "↑ ↓ k j", "row above, below").hint("↑ ↓", "word").runs(&[
        unnamed(C::Move(-1, 0), &[plain(KeyCode::Up), char('k')]),
        unnamed(C::Move(1, 0), &[plain(KeyCode::Down), char('j')]),
    ]),
    row(G::Panes, "H L", "column left, right")
        .hint("H L", "column")
        .runs(&[unnamed(C::Move(0, -1), &[char('H')]), unnamed(C::Move(0, 1), &[char('L')])]),
    row(G::Panes, "J K < >", "the same by a screen").runs(&[
        named(C::Screen(1, 0), "one screen down", &[char('J')]),
        named(C::Screen(-1, 0), "one screen up", &[char('K')]),
        named(C::Screen(0, -1), "one screen to the left", &[char('<')]),
        named(C::Screen(0, 1), "one screen to the right", &[char('>')]),
    ]),
    row(G::Panes, "z Z", "zoom in, out").runs(&[
        named(C::Zoom(1), "zoom in", &[char('z')]),
        named(C::Zoom(-1), "zoom out", &[char('Z')]),
    ]),
    row(G::Panes, "f F", "find a cell, the next").hint("f", "find a cell").runs(&[
        named(C::FindCell, "find a cell of the matrix", &[char('f')]),
        named(C::FindAgain, "find the next such cell", &[char('F')]),
    ]),
    row(G::Panes, "c", "follow, explain a word").runs(&[named(
        C::Follow,
        "follow the word under the cursor, or explain its row",
        &[char('c')],
    )]),
    row(G::Panes, "C Y O", "maps: form, log, sink").runs(&[
        named(
            C::View(ViewKey::Attention),
            "attention: weights, norms of values, means, rollout",
            &[char('C')],
        ),
        named(C::View(ViewKey::Logarithmic), "colours: logarithmic, or linear", &[char('Y')]),
        named(
            C::View(ViewKey::FirstToken),
            "colours of attention: leave out the first word, or not",
            &[char('O')],
        ),
    ]),
    row(G::Panes, "( )", "flow: more, less").runs(&[
        named(C::View(ViewKey::Threshold(-1)), "flow graph: more lines", &[char('(')]),
        named(C::View(ViewKey::Threshold(1)), "flow graph: fewer lines", &[char(')')]),
    ]),
    row(G::Panes, "S", "sort heads; units").runs(&[named(
        C::Sort,
        "sort the table of heads, or list units instead of parts",
        &[char('S')],
    )]),
    row(G::Panes, "E &", "by word, all output").runs(&[
        named(
            C::View(ViewKey::ByWord),
            "which words counted: add up the tokens of a word, or not",
            &[char('E')],
        ),
        named(
            C::View(ViewKey::ForOutput),
            "which words counted: for the whole output, or the words asked about",
            &[char('&')],
        ),
    ]),
    row(G::Panes, "[ ]", "layer below, above").hint("[ ]", "layer").runs(&[
        named(C::Layer(-1), "layer below", &[char('[')]),
        named(C::Layer(1), "layer above", &[char(']')]),
    ]),
    row(G::Panes, ", .", "head before, next").hint(", .", "head").runs(&[
        named(C::Head(-1), "head before", &[char(',')]),
        named(C::Head(1), "next head", &[char('.')]),
    ]),
    row(G::Panes, "Tab Shift-Tab", "next pane, back").hint("Tab", "pane").runs(&[
        named(C::NextPane, "next pane", &[plain(KeyCode::Tab)]),
        named(C::PreviousPane, "pane before", &[plain(KeyCode::BackTab)]),
    ]),
    row(G::Panes, "PgUp PgDn", "scroll the text").runs(&[
        unnamed(C::Page(-1), &[plain(KeyCode::PageUp)]),
        unnamed(C::Page(1), &[plain(KeyCode::PageDown)]),
    ]),
    row(G::Program, "V", "other colours").runs(&[named(
        C::NextTheme,
        "next colour theme",
        &[char('V')],
    )]),
    row(G::WhatIf, "m", "mask off").hint("m o s u x", "what if").runs(&[named(
        C::ToggleWhatIf(WhatIfKey::Mask),
        "what if: causal mask off",
        &[char('m')],
    )]),
    row(G::WhatIf, "o", "positions off").runs(&[named(
        C::ToggleWhatIf(WhatIfKey::Positions),
        "what if: positions off",
        &[char('o')],
    )]),
    row(G::WhatIf, "s", "scaling off").runs(&[named(
        C::ToggleWhatIf(WhatIfKey::Scaling),
        "what if: scaling off",
        &[char('s')],
    )]),
    row(G::WhatIf, "u", "residuals off").runs(&[named(
        C::ToggleWhatIf(WhatIfKey::Residual),
        "what if: residuals off",
        &[char('u')],
    )]),
    row(G::WhatIf, "x X", "this head, layer out").runs(&[
        named(C::ToggleWhatIf(WhatIfKey::Head), "what if: this head out", &[char('x')]),
        named(C::ToggleWhatIf(WhatIfKey::Layer), "what if: this layer out", &[char('X')]),
    ]),
    row(G::WhatIf, "t =", "temperature, number =").runs(&[
        named(C::Type(TypedKey::Temperature), "what if: another temperature", &[char('t')]),
        named(C::Type(TypedKey::Number), "what if: set the number under the cursor", &[char('=')]),
    ]),
    row(G::WhatIf, "N M", "learn: 1 step, 10").runs(&[
        named(C::Learn(1), "learn: one step", &[char('N')]),
        named(C::Learn(10), "learn: ten steps", &[char('M')]),
    ]),
    row(G::WhatIf, "I", "what it should write").runs(&[named(
        C::Type(TypedKey::Target),
        "learn: what the model should write",
        &[char('I')],
    )]),
    row(G::WhatIf, "v", "what it did, before it").runs(&[named(
        C::Difference,
        "show the difference a change makes, or the pass before it",
        &[char('v')],
    )]),
    row(G::WhatIf, "A D", "against, first change").runs(&[
        named(
            C::Type(TypedKey::OtherSentence),
            "set another sentence beside this one",
            &[char('A')],
        ),
        named(C::FirstDifference, "the first number that a change affects", &[char('D')]),
    ]),
    row(G::WhatIf, "Q", "ask about words").runs(&[named(
        C::Type(TypedKey::EvidenceWords),
        "evidence: which words it is asked about",
        &[char('Q')],
    )]),
    row(G::WhatIf, "W", "stop a map, go on").runs(&[named(
        C::Work,
        "patched values: stop the map, or go on with it",
        &[char('W')],
    )]),
    row(G::WhatIf, "r", "undo all changes").runs(&[named(
        C::Reset,
        "undo all changes",
        &[char('r')],
    )]),
    row(G::Program, ":", "anything, by name")
        .hint(":", "all")
        .runs(&[unnamed(C::Palette, &[char(':')])]),
    row(G::Program, "e", "export this frame").runs(&[named(
        C::Export,
        "export this frame to a file",
        &[char('e')],
    )]),
    row(G::Program, "y", "copy it as text").runs(&[named(
        C::Copy,
        "copy this frame as text",
        &[char('y')],
    )]),
    row(G::Program, "?", "these keys").hint("?", "keys").runs(&[named(
        C::Help,
        "all keys",
        &[char('?')],
    )]),
    row(G::Program, "Esc", "close top window").runs(&[unnamed(C::Leave, &[plain(KeyCode::Esc)])]),
    row(G::Program, "Ctrl-Z", "to the shell and back").runs(&[named(
        C::Suspend,
        "to the shell",
        &[ctrl('z')],
    )]),
    row(G::Program, "q", "quit").hint("q", "quit").runs(&[named(C::Quit, "quit", &[char('q')])]),
    row(G::Program, "Ctrl-C", "quit at once").runs(&[unnamed(C::QuitNow, &[ctrl('c')])]),
];

/// Key bindings of the typed line, as in a shell.
pub static TYPING: &[(Key, InputRequest)] = &[
    (plain(KeyCode::Left), InputRequest::GoToPrevChar),
    (plain(KeyCode::Right), InputRequest::GoToNextChar),
    (plain(KeyCode::Home), InputRequest::GoToStart),
    (plain(KeyCode::End), InputRequest::GoToEnd),
    (plain(KeyCode::Backspace), InputRequest::DeletePrevChar),
    (plain(KeyCode::Delete), InputRequest::DeleteNextChar),
    (Key::new(KeyCode::Left, KeyModifiers::CONTROL), InputRequest::GoToPrevWord),
    (Key::new(KeyCode::Right, KeyModifiers::CONTROL), InputRequest::GoToNextWord),
    (Key::new(KeyCode::Char('b'), KeyModifiers::ALT), InputRequest::GoToPrevWord),
    (Key::new(KeyCode::Char('f'), KeyModifiers::ALT), InputRequest::GoToNextWord),
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
