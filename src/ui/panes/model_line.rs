//! How charts draw the line of each model, the same in all of them.

use ratatui::style::Style;

use crate::{model::Name, ui::theme::Theme};

/// What marks the points of its line where there is no Unicode.
pub(super) const fn letter(name: Name) -> char {
    match name {
        Name::Elman => 'E',
        Name::Gru => 'G',
        Name::RnnAttention => 'A',
        Name::TransformerUnguided => 'U',
        Name::Transformer => 'T',
        Name::DecoderOnly => 'D',
        Name::Checkpoint => 'C',
    }
}

pub(super) fn style(name: Name, theme: Theme) -> Style {
    match name {
        Name::Elman | Name::Checkpoint => Style::new(),
        Name::Gru => theme.pane(1),
        Name::RnnAttention => theme.pane(3),
        Name::TransformerUnguided => theme.pane(2),
        Name::Transformer => theme.pane(0),
        Name::DecoderOnly => theme.ink(1.0),
    }
}
