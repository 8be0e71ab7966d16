//! What-ifs from the keyboard: which change a key means here, and what is asked of the models.

use super::{Effect, Overlay, State, WhatIfKey};
use crate::{
    analysis::{reading::Reading, trace::Recorded},
    engine::change::{Change, Changes, MOST, Part},
    lesson::PaneSpec,
};

impl State {
    /// Asks for the pass with this change, or without it if it is on.
    pub(super) fn toggle(&mut self, change: Change) -> Option<Effect> {
        self.ask_for(self.passes.changes.toggled(change))
    }

    pub(super) fn change(&mut self, change: Change) -> Option<Effect> {
        self.ask_for(self.passes.changes.with(change))
    }

    pub(super) fn reset(&mut self) -> Option<Effect> {
        if self.passes.changes.is_empty() {
            self.show_message("nothing is changed");
            return None;
        }
        self.ask_for(Changes::default())
    }

    fn ask_for(&mut self, changes: Changes) -> Option<Effect> {
        if changes.iter().count() > MOST {
            self.show_error(format!(
                "at most {MOST} changes can be combined; r takes them all back"
            ));
            return None;
        }
        self.passes.ask_changed(changes)
    }

    pub(super) fn switch(&mut self, switch: WhatIfKey) -> Option<Effect> {
        let off = |scope: &str, part| Change::Off { scope: scope.to_owned(), part };
        let change = match switch {
            WhatIfKey::Mask => Some(off("", Part::Mask)),
            WhatIfKey::Positions => Some(off("", Part::Positions)),
            WhatIfKey::Scaling => Some(off("", Part::Scaling)),
            WhatIfKey::Residual => Some(off("", Part::Residual)),
            WhatIfKey::Head => {
                self.attention().map(|scope| off(&scope, Part::Head(self.nav.selection.head)))
            }
            WhatIfKey::Layer => self.layer_scope().map(|scope| off(&scope, Part::Whole)),
        };
        if let Some(change) = change {
            return self.toggle(change);
        }
        self.show_message(match switch {
            WhatIfKey::Head => "this step shows no head that could be left out",
            _ => "this step shows no layer that could be left out",
        });
        None
    }

    pub(super) fn toggle_difference(&mut self) {
        if self.passes.changes.is_empty() && !self.passes.shows_difference {
            self.show_message(
                "nothing is changed, so there is no difference; m x o s u = change something",
            );
            return;
        }
        self.passes.shows_difference = !self.passes.shows_difference;
        self.show_message(match (self.passes.shows_difference, self.is_untouched()) {
            (true, true) => {
                "no number here is another: a change reaches what comes after it; → goes on"
            }
            (true, false) => "matrices show what the change made of them; v shows the numbers",
            (false, _) => "matrices show their numbers",
        });
    }

    /// Whether the focused matrix is what it was before the change.
    fn is_untouched(&self) -> bool {
        let panes = self.panes();
        let plane = panes.get(self.nav.focus).and_then(|pane| pane.plane());
        plane.is_some_and(|differences| differences.iter().all(|number| *number == 0.0))
    }

    /// Opens the palette with the beginning of a what-if; without one, for the number under the cursor.
    pub(super) fn type_change(&mut self, beginning: Option<&str>) {
        let beginning = beginning.map(str::to_owned).or_else(|| {
            if let Some(level) = self.opened() {
                return Some(format!("{}=", level.arithmetic.address));
            }
            let at = (self.nav.selection.row, self.nav.selection.col);
            let pointed = self.panes().get(self.nav.focus)?.cursor_cell(at.0, at.1)?;
            Some(format!("{}=", pointed.address))
        });
        match beginning {
            Some(text) => self.overlay = Overlay::palette(&text),
            None => self.show_message("there is no number under the cursor"),
        }
    }

    /// Takes in the same sentence read with other changes: one stays where one is.
    pub(super) fn changed(&mut self, reading: &Reading) {
        self.passes.shows_difference &= reading.plain.is_some();
        self.inspect_again();
        self.clamp();
        let words = reading.changes.words();
        let model = self.current().1.model;
        let is_same = reading
            .plain_trace(model)
            .is_some_and(|plain| std::ptr::eq(plain, reading.trace(model)));
        self.show_message(if words.is_empty() {
            "the plain pass again".to_owned()
        } else if is_same {
            format!("{words}: nothing of that is in the {}, which stays as it is", model.title())
        } else {
            format!("{words}; v shows the difference, r takes it back")
        });
    }

    /// The multi-head attention that the focused pane shows, or another pane of the step.
    fn attention(&self) -> Option<String> {
        let has_heads = |scope: &str| {
            let change = Change::Off { scope: scope.to_owned(), part: Part::Head(0) };
            self.applies_to(&change).then(|| scope.to_owned())
        };
        self.shown().find_map(|site| has_heads(site.scope()))
    }

    /// `encoder.1` of whatever the step shows in that layer.
    fn layer_scope(&self) -> Option<String> {
        self.shown().find_map(|site| {
            let scope = site.place.scope.layer_prefix()?.to_owned();
            let change = Change::Off { scope: scope.clone(), part: Part::Whole };
            self.applies_to(&change).then_some(scope)
        })
    }

    fn applies_to(&self, change: &Change) -> bool {
        let model = self.current().1.model;
        self.passes.reading.as_ref().is_some_and(|reading| reading.trace(model).applies_to(change))
    }

    /// The sites of the step, the focused pane's first.
    fn shown(&self) -> impl Iterator<Item = &Recorded> {
        let panes: Vec<&PaneSpec> = self.focused().into_iter().chain(self.specs()).collect();
        panes.into_iter().filter_map(|spec| self.site(spec))
    }
}
