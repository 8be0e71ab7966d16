//! The attention row under the cursor, with which the sentence is tinted.

use crate::{
    analysis::trace::Recorded,
    engine::site::{Axis, Role, Stream},
    lesson::PaneSpec,
    ui::app::State,
};

/// The weights that the cursor's row gives to the tokens of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct AttendedRow {
    pub stream: Stream,
    /// By token, 0 to 1.
    pub weights: Vec<f32>,
}

impl AttendedRow {
    /// Index of the token with the largest weight.
    pub fn heaviest(&self) -> usize {
        let weights = self.weights.iter().enumerate();
        weights.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i)
    }
}

impl State {
    /// The weights of the row under the cursor, if the focused pane shows queries of an attention.
    pub fn attended_row(&self) -> Option<AttendedRow> {
        let spec = self.focused()?;
        let site = self.site(spec)?;
        if site.axes()[1] != Axis::Query || self.focused_has_plane_per_query() {
            return None;
        }
        let weights = self.weights_beside(spec, site)?;
        let plane = self.nav.selection.head.min(weights.shape().planes.checked_sub(1)?);
        let row = Some(self.nav.selection.row).filter(|row| *row < weights.shape().rows)?;
        let weights_of_row = weights.value.plane(plane).row(row).iter().copied().collect();
        Some(AttendedRow { stream: weights.place.scope.keys(), weights: weights_of_row })
    }

    /// The attention weights in the scope of a site.
    fn weights_beside(&self, spec: &PaneSpec, site: &Recorded) -> Option<&Recorded> {
        let (_, step) = self.current();
        let trace = self.passes.reading.as_ref()?.trace(step.model_of(spec));
        let is_beside = |other: &&Recorded| {
            other.role() == Role::AttentionWeights && other.scope() == site.scope()
        };
        trace.sites().find(is_beside)
    }
}
