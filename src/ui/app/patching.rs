//! Stopping the maps of patched values, which take many passes, and going on with them.

use super::{Effect, State};
use crate::{analysis::reading::Patched, lesson::PaneKind, lesson::tr};

impl State {
    /// The maps of the step's model, if the step shows one.
    fn shown_maps(&self) -> Option<&Patched> {
        if !self.specs().iter().any(|spec| spec.kind == PaneKind::Patches) {
            return None;
        }
        let findings = self.passes.reading.as_ref()?.known_findings()?;
        findings.get(&self.current().1.model)?.patched()
    }

    /// Stops the maps that the step shows; None if they are not being computed.
    pub(super) fn stop_patching(&mut self) -> Option<Effect> {
        let (n, all) = self.shown_maps().filter(|maps| maps.is_running())?.progress();
        let model = self.current().1.model;
        self.show_message(tr!(
            self.lesson.language,
            "stopped at {n} of {all} cells; W goes on",
            n,
            all
        ));
        Some(Effect::StopPatching { model })
    }

    /// Stops the maps that the step shows, or goes on with them.
    pub(super) fn toggle_patching(&mut self) -> Option<Effect> {
        let stop = self.stop_patching();
        if stop.is_some() {
            return stop;
        }
        match self.shown_maps().map(Patched::is_complete) {
            Some(false) => {
                self.show_message("patching; W or Esc stops it");
                return Some(Effect::Patch);
            }
            Some(true) => self.show_message("every cell of the maps is known"),
            None => self.show_message("this step shows no map of patched values"),
        }
        None
    }
}
