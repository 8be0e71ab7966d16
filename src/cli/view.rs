//! How maps are drawn, as options of the walk and of its frames.

use clap::{Args, ValueEnum};

use crate::{analysis::measure::attention_form::AttentionForm, ui::panes::View};

/// How maps of attention are drawn; keys change it in the walk.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ViewArgs {
    /// What maps of attention show instead of the weights (the walk's C)
    #[arg(long, value_enum, value_name = "FORM", hide_short_help = true)]
    pub attention: Option<AttentionChoice>,

    /// Logarithmic colours, three decades (the walk's Y)
    #[arg(long, hide_short_help = true)]
    pub log_colors: bool,

    /// Leave the first word out of the colours of attention (the walk's O)
    ///
    /// The others are coloured as shares of what is left; the numbers stay.
    #[arg(long, hide_short_help = true)]
    pub no_sink: bool,
}

/// A form of attention, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AttentionChoice {
    #[default]
    Weights,
    /// Weight times the length of the value after W_O (Kobayashi et al. 2020)
    Norms,
    /// The mean of the layer's heads
    Heads,
    /// The mean of the heads of all layers
    Layers,
    /// Weights followed through the layers, half of each the residual (Abnar and Zuidema 2020)
    Rollout,
}

impl From<AttentionChoice> for AttentionForm {
    fn from(choice: AttentionChoice) -> Self {
        match choice {
            AttentionChoice::Weights => Self::Weights,
            AttentionChoice::Norms => Self::Norms,
            AttentionChoice::Heads => Self::MeanOfHeads,
            AttentionChoice::Layers => Self::MeanOfLayers,
            AttentionChoice::Rollout => Self::Rollout,
        }
    }
}

impl ViewArgs {
    /// Whether something was asked for.
    pub const fn is_given(self) -> bool {
        self.attention.is_some() || self.log_colors || self.no_sink
    }

    pub fn view(self) -> View {
        View {
            attention: self.attention.unwrap_or_default().into(),
            is_logarithmic: self.log_colors,
            leaves_out_first: self.no_sink,
            ..View::default()
        }
    }
}
