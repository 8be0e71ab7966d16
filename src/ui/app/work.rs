//! The maps of patched values, which take many passes: how far they are, stopping them, going on.

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

    /// Stops the maps that the step shows; returns whether they were being computed.
    pub(super) fn stop_work(&mut self) -> bool {
        let Some(maps) = self.shown_maps().filter(|maps| maps.is_running()) else { return false };
        maps.stop();
        let (n, all) = maps.progress();
        self.show_message(tr!(
            self.lesson.language,
            "stopped at {n} of {all} cells; W goes on",
            n,
            all
        ));
        true
    }

    /// Stops the maps that the step shows, or goes on with them.
    pub(super) fn toggle_work(&mut self) -> Option<Effect> {
        if self.stop_work() {
            return None;
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
