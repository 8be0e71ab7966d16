//! The attention row under the cursor, with which the sentence is tinted.

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::site::{Role, Stream},
    lesson::Selection,
};

/// The weights that the cursor's row gives to the tokens of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct AttendedRow {
    pub stream: Stream,
    /// By token, 0 to 1.
    pub weights: Vec<f32>,
}

impl AttendedRow {
    /// The selected row of the attention weights in the scope of a site; None if there are none.
    pub(super) fn beside(site: &Recorded, trace: &Trace, selected: &Selection) -> Option<Self> {
        let is_beside = |other: &&Recorded| {
            other.role() == Role::AttentionWeights && other.scope() == site.scope()
        };
        let weights = trace.sites().find(is_beside)?;
        let plane = selected.head.min(weights.shape().planes.checked_sub(1)?);
        let row = Some(selected.row).filter(|row| *row < weights.shape().rows)?;
        let weights_of_row = weights.value.row(plane, row);
        Some(Self { stream: weights.place.scope.keys(), weights: weights_of_row })
    }

    /// Index of the token with the largest weight.
    pub fn heaviest(&self) -> usize {
        let weights = self.weights.iter().enumerate();
        weights.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i)
    }
}
