//! How maps are drawn and evidence is listed, as options of the walk and of its frames.

use clap::{Args, ValueEnum, builder::PossibleValue};

use crate::{
    analysis::{measure::attention_form::AttentionForm, reading::Counting},
    ui::panes::{LogitPieces, View},
};

/// How maps of attention are drawn and evidence is listed; keys change it in the walk.
#[derive(Clone, Copy, Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
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

    /// Which words counted: add up the tokens of each word (the walk's E)
    #[arg(long, hide_short_help = true)]
    pub by_word: bool,

    /// Which words counted for the whole output instead of the words asked about (the walk's &)
    #[arg(long, hide_short_help = true)]
    pub whole: bool,

    /// Units of feed-forward by what they add, instead of the parts of a logit (the walk's S)
    #[arg(long, hide_short_help = true)]
    pub units: bool,
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
        let is_of_maps = self.attention.is_some() || self.log_colors || self.no_sink;
        is_of_maps || self.by_word || self.whole || self.units
    }

    pub fn view(self) -> View {
        View {
            attention: self.attention.unwrap_or_default(),
            is_logarithmic: self.log_colors,
            leaves_out_first: self.no_sink,
            counting: Counting { by_word: self.by_word, for_output: self.whole },
            listed: if self.units { LogitPieces::Units } else { LogitPieces::Parts },
            ..View::default()
        }
    }
}
