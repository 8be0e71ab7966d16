//! How charts draw the line of each model, the same in all of them.

use ratatui::style::Style;

use crate::{model::ModelName, ui::theme::Theme};

/// What marks the points of its line where there is no Unicode.
pub(super) const fn letter(name: ModelName) -> char {
    match name {
        ModelName::Elman => 'E',
        ModelName::Gru => 'G',
        ModelName::RnnAttention => 'A',
        ModelName::TransformerUnguided => 'U',
        ModelName::Transformer => 'T',
        ModelName::DecoderOnly => 'D',
        ModelName::Checkpoint => 'C',
    }
}

pub(super) fn style(name: ModelName, theme: Theme) -> Style {
    match name {
        ModelName::Elman | ModelName::Checkpoint => Style::new(),
        ModelName::Gru => theme.pane(1),
        ModelName::RnnAttention => theme.pane(3),
        ModelName::TransformerUnguided => theme.pane(2),
        ModelName::Transformer => theme.pane(0),
        ModelName::DecoderOnly => theme.ink(1.0),
    }
}
