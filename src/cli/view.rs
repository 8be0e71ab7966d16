//! How maps are drawn, as options of the walk and of its frames.

use clap::{Args, ValueEnum, builder::PossibleValue};

use crate::{analysis::measure::attention_form::AttentionForm, ui::panes::View};

/// How maps of attention are drawn; keys change it in the walk.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ViewArgs {
    /// What maps of attention show instead of the weights (the walk's C)
    #[arg(long, value_enum, value_name = "FORM", hide_short_help = true)]
    pub attention: Option<AttentionForm>,

    /// Logarithmic colours, three decades (the walk's Y)
    #[arg(long, hide_short_help = true)]
    pub log_colors: bool,

    /// Leave the first word out of the colours of attention (the walk's O)
    ///
    /// The others are coloured as shares of what is left; the numbers stay.
    #[arg(long, hide_short_help = true)]
    pub no_sink: bool,
}

impl ValueEnum for AttentionForm {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.id()).help(self.caption()))
    }
}

impl ViewArgs {
    /// Whether something was asked for.
    pub const fn is_given(self) -> bool {
        self.attention.is_some() || self.log_colors || self.no_sink
    }

    pub fn view(self) -> View {
        View {
            attention: self.attention.unwrap_or_default(),
            is_logarithmic: self.log_colors,
            leaves_out_first: self.no_sink,
            ..View::default()
        }
    }
}
