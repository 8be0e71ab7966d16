//! Overlays over the walk, and their text input.

use tui_input::{Input, InputRequest};

use super::Prompt;

/// Maximum length of a typed or pasted sentence; far more than the models read.
pub(super) const LONGEST_LINE: usize = 16_384;

/// The overlay over the walk.
#[derive(Clone, Debug, Default)]
pub enum Overlay {
    #[default]
    None,
    /// The keys, scrolled to this row.
    Help { first: usize },
    /// Search for a step.
    Find { query: Input, chosen: usize },
    /// List of the bookmarked steps.
    Bookmarks { chosen: usize },
    /// Input of another sentence.
    Edit { sentence: Input },
    /// Search for anything that can be done. A query that a key began keeps its first characters, such as `teach=`.
    Palette { query: Input, chosen: usize, n_kept: usize },
    /// Search in the glossary.
    Glossary { query: Input, chosen: usize },
    /// Input of the path for an exported frame.
    Export(Prompt),
}

impl Overlay {
    pub(super) const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The palette with the beginning of a query.
    pub(super) fn palette(text: &str) -> Self {
        Self::Palette { query: Input::new(text.to_owned()), chosen: 0, n_kept: 0 }
    }

    /// The palette with a what-if whose value is typed; its subject, up to the `=`, stays.
    pub(super) fn subject(subject: &str, value: &str) -> Self {
        let query = Input::new(format!("{subject}{value}"));
        Self::Palette { query, chosen: 0, n_kept: subject.chars().count() }
    }

    /// The input of a sentence, with its text cut to the longest line.
    pub(super) fn edit(sentence: &str) -> Self {
        Self::Edit { sentence: Input::new(sentence.chars().take(LONGEST_LINE).collect()) }
    }

    /// Edits the typed line; a changed query selects the first row.
    pub(super) fn edit_line(&mut self, request: InputRequest) {
        match self {
            Self::Edit { sentence: line } | Self::Export(Prompt { path: line, .. }) => {
                let is_full = line.value().len() >= LONGEST_LINE;
                if !(is_full && matches!(request, InputRequest::InsertChar(_))) {
                    line.handle(request);
                }
            }
            Self::Palette { query, chosen, n_kept } if *n_kept > 0 => {
                edit_after(*n_kept, query, request);
                *chosen = 0;
            }
            Self::Find { query, chosen }
            | Self::Glossary { query, chosen }
            | Self::Palette { query, chosen, .. } => {
                query.handle(request);
                *chosen = 0;
            }
            Self::None | Self::Help { .. } | Self::Bookmarks { .. } => {}
        }
    }

    /// Inserts pasted text into the typed line; without one, opens the input of a sentence with it.
    pub(super) fn paste(&mut self, text: &str) {
        match self {
            Self::Edit { sentence: line } | Self::Export(Prompt { path: line, .. }) => {
                insert(line, text);
            }
            Self::Find { query, chosen }
            | Self::Glossary { query, chosen }
            | Self::Palette { query, chosen, .. } => {
                insert(query, text);
                *chosen = 0;
            }
            Self::None | Self::Help { .. } | Self::Bookmarks { .. } => *self = Self::edit(text),
        }
    }

    /// Selects the n-th row of the open list, or scrolls the help to it.
    pub(super) const fn choose(&mut self, n: usize) {
        if let Self::Find { chosen: row, .. }
        | Self::Bookmarks { chosen: row }
        | Self::Palette { chosen: row, .. }
        | Self::Help { first: row } = self
        {
            *row = n;
        }
    }

    /// Replaces the proposed path by a free one, unless the user has changed it.
    pub(super) fn take_free_path(&mut self, path: String) {
        if let Self::Export(prompt) = self
            && prompt.path.value() == prompt.proposed
        {
            prompt.path = Input::new(path.clone());
            prompt.proposed = path;
        }
    }

    /// Moves the selected row of a list of `n` rows.
    pub(super) fn move_by(&mut self, rows: isize, n: usize) {
        if let Self::Find { chosen, .. }
        | Self::Bookmarks { chosen }
        | Self::Glossary { chosen, .. } = self
        {
            *chosen = chosen.saturating_add_signed(rows).min(n.saturating_sub(1));
        }
    }
}

/// Edits what follows the first characters of a line; they stay, and the cursor behind them.
fn edit_after(n_kept: usize, line: &mut Input, request: InputRequest) {
    let (kept, rest): (String, String) =
        (line.value().chars().take(n_kept).collect(), line.value().chars().skip(n_kept).collect());
    let mut rest = Input::new(rest).with_cursor(line.cursor().saturating_sub(n_kept));
    rest.handle(request);
    *line = Input::new(kept + rest.value()).with_cursor(n_kept + rest.cursor());
}

fn insert(line: &mut Input, text: &str) {
    let cursor = line.cursor();
    let free_chars = LONGEST_LINE.saturating_sub(line.value().chars().count());
    let text: String = text.chars().take(free_chars).collect();
    let (before, after): (String, String) =
        (line.value().chars().take(cursor).collect(), line.value().chars().skip(cursor).collect());
    let cursor = cursor + text.chars().count();
    *line = Input::new(before + &text + &after).with_cursor(cursor);
}
