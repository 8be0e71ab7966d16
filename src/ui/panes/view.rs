//! Display settings of panes: what maps show and how they are coloured, and the order of tables.

use crate::{
    analysis::{
        evidence::flow::Threshold,
        measure::{attention_form::AttentionForm, heads::FIGURES},
        reading::Counting,
    },
    engine::site::Stream,
    model::ModelName,
    ui::widgets::heat::Zoom,
};

/// Display settings: the zoom of matrices and the order of tables of heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Zoom of matrices.
    pub zoom: Zoom,
    /// Order of the table of heads.
    pub sort: Sort,
    /// Whether evidence lists the heads that are knocked out by their effect, the largest first; else head by head.
    pub knock_outs_by_effect: bool,
    /// How it is asked which words counted.
    pub counting: Counting,
    /// What attribution lists.
    pub listed: LogitPieces,
    /// The word that the map of the lens follows, by id; None shows the likeliest of each cell.
    pub followed: Option<usize>,
    /// What the flow graph explains; None explains what is asked about.
    pub explained: Option<StreamRow>,
    /// From which share on flow graphs have lines; None where each begins.
    pub threshold: Option<Threshold>,
    /// What maps of attention show.
    pub attention: AttentionForm,
    /// Whether colours are logarithmic.
    pub is_logarithmic: bool,
    /// Whether the first token, on which attention rests that finds nothing, is left out of the colours of attention.
    pub leaves_out_first: bool,
}

/// The pieces of a logit that attribution lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogitPieces {
    /// The parts, in the order of computation.
    #[default]
    Parts,
    /// The hidden units of feed-forward, the strongest first.
    Units,
}

/// A row of a model's residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamRow {
    pub model: ModelName,
    pub stream: Stream,
    pub row: usize,
}

/// The order of the table of heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// In order of computation: layer by layer.
    #[default]
    Computed,
    /// By a figure of [`FIGURES`], smallest first if `is_rising`, else largest first.
    Figure { figure: usize, is_rising: bool },
}

impl Sort {
    /// The next order: each figure falling, then rising, then as computed again.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Computed => Self::Figure { figure: 0, is_rising: false },
            Self::Figure { figure, is_rising: false } => Self::Figure { figure, is_rising: true },
            Self::Figure { figure, .. } if figure + 1 < FIGURES.len() => {
                Self::Figure { figure: figure + 1, is_rising: false }
            }
            Self::Figure { .. } => Self::Computed,
        }
    }
}
