//! The map of the step's model, and the steps that its stations lead to.

use super::State;
use crate::{
    analysis::map::{Map, Station},
    lesson::PaneSpec,
};

impl State {
    /// The map of the step's model; None before the first reading.
    pub fn map(&self) -> Option<Map> {
        let trace = self.passes.reading.as_ref()?.trace(self.current().1.model);
        Some(Map::of(trace, self.nav.selection.layer))
    }

    /// The first step of the same model that shows a site of a station.
    pub fn step_of_station(&self, station: &Station) -> Option<usize> {
        let (_, current) = self.current();
        let shows = |spec: &PaneSpec| {
            let path = spec.path(self.nav.selection.layer);
            path.is_some_and(|path| station.holds(&path))
        };
        self.lesson.steps().iter().position(|(_, step)| {
            step.model == current.model
                && step.panes.iter().any(|spec| step.model_of(spec) == step.model && shows(spec))
        })
    }
}
