//! What lies over the walk, and the line that is typed in it.

use tui_input::{Input, InputRequest};

use super::Prompt;

/// The most characters a typed or pasted sentence keeps; far more than the models read.
pub(super) const LONGEST_LINE: usize = 16_384;

/// What lies over the walk.
#[derive(Clone, Debug, Default)]
pub enum Overlay {
    #[default]
    None,
    /// The keys, from this row on.
    Help { first: usize },
    /// Looking for a step.
    Find { query: Input, chosen: usize },
    /// The marked steps.
    Bookmarks { chosen: usize },
    /// Typing another sentence.
    Edit { sentence: Input },
    /// Looking for anything that can be done.
    Palette { query: Input, chosen: usize },
    /// Looking for what a word means.
    Glossary { query: Input, chosen: usize },
    /// Saying where the frame goes.
    Export(Prompt),
}

impl Overlay {
    pub(super) const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The palette with the beginning of a query.
    pub(super) fn palette(text: &str) -> Self {
        Self::Palette { query: Input::new(text.to_owned()), chosen: 0 }
    }

    /// A sentence to be edited, cut to the longest line.
    pub(super) fn edit(sentence: &str) -> Self {
        Self::Edit { sentence: Input::new(sentence.chars().take(LONGEST_LINE).collect()) }
    }

    /// Changes the line being typed; another query begins at the top of its list.
    pub(super) fn typed(&mut self, request: InputRequest) {
        match self {
            Self::Edit { sentence: line } | Self::Export(Prompt { path: line, .. }) => {
                let is_full = line.value().len() >= LONGEST_LINE;
                if !(is_full && matches!(request, InputRequest::InsertChar(_))) {
                    line.handle(request);
                }
            }
            Self::Find { query, chosen }
            | Self::Glossary { query, chosen }
            | Self::Palette { query, chosen } => {
                query.handle(request);
                *chosen = 0;
            }
            Self::None | Self::Help { .. } | Self::Bookmarks { .. } => {}
        }
    }

    /// Puts pasted text into the line being typed; over the walk it becomes the next sentence to edit.
    pub(super) fn paste(&mut self, text: &str) {
        match self {
            Self::Edit { sentence: line } | Self::Export(Prompt { path: line, .. }) => {
                insert(line, text);
            }
            Self::Find { query, chosen }
            | Self::Glossary { query, chosen }
            | Self::Palette { query, chosen } => {
                insert(query, text);
                *chosen = 0;
            }
            Self::None | Self::Help { .. } | Self::Bookmarks { .. } => *self = Self::edit(text),
        }
    }

    /// Puts the cursor on the n-th row of the list that is open, or begins the help there.
    pub(super) const fn choose(&mut self, n: usize) {
        if let Self::Find { chosen: at, .. }
        | Self::Bookmarks { chosen: at }
        | Self::Palette { chosen: at, .. }
        | Self::Help { first: at } = self
        {
            *at = n;
        }
    }

    /// Moves the cursor of a list of `n` rows.
    pub(super) fn move_by(&mut self, rows: isize, n: usize) {
        if let Self::Find { chosen, .. }
        | Self::Bookmarks { chosen }
        | Self::Glossary { chosen, .. } = self
        {
            *chosen = chosen.saturating_add_signed(rows).min(n.saturating_sub(1));
        }
    }
}

fn insert(line: &mut Input, text: &str) {
    let at = line.cursor();
    let room = LONGEST_LINE.saturating_sub(line.value().chars().count());
    let text: String = text.chars().take(room).collect();
    let (before, after): (String, String) =
        (line.value().chars().take(at).collect(), line.value().chars().skip(at).collect());
    let cursor = at + text.chars().count();
    *line = Input::new(before + &text + &after).with_cursor(cursor);
}
