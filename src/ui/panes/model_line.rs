//! The models that panes set side by side, and how charts draw the line of each, the same in all of them.

use ratatui::style::Style;

use super::Scene;
use crate::{
    model::ModelName,
    ui::{theme::Theme, widgets::chart::Series},
};

/// One translator of each architecture.
pub(super) const ARCHITECTURES: [ModelName; 4] =
    [ModelName::Elman, ModelName::Gru, ModelName::RnnAttention, ModelName::Transformer];

/// The line of a model in a chart; `at_cursor` is its number at the cursor, as the legend shows it.
pub(super) fn series(
    scene: &Scene,
    name: ModelName,
    points: Vec<f32>,
    at_cursor: String,
) -> Series {
    Series {
        letter: letter(name),
        name: scene.language.tr(name.title()).to_owned(),
        style: style(name, *scene.theme),
        points,
        at_cursor,
    }
}

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
