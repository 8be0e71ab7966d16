//! What a step shows that takes long, computed in the background, one request of a kind at a time: a block of a large pass
//! that a step or the inspector shows, the lens or a form of attention of a large model, times on this machine, maps of
//! patched values.

use super::{Effect, State, reply::Reply};
use crate::{
    analysis::{
        measure::attention_form::{AttentionForm, has_forms},
        reading::{Patched, Reading},
    },
    lesson::{looks_through, tr},
    model::ModelName,
};

/// The rows before and after the cursor's that the map of the lens asks for.
const MAP_ROWS: usize = 24;

/// Requests what is shown and not known yet, unless a request of its kind is in progress.
pub(super) fn request_shown(state: &mut State) -> Option<Effect> {
    request_block(state)
        .or_else(|| request_lens(state))
        .or_else(|| request_attention_map(state))
        .or_else(|| request_times(state))
}

/// Requests that the closed block shown now be opened.
fn request_block(state: &mut State) -> Option<Effect> {
    let (model, path) = state.closed_block()?;
    state.passes.request_block(model, path)
}

/// Requests the lens that the step shows.
fn request_lens(state: &mut State) -> Option<Effect> {
    let (model, row) = state.shown_lens()?;
    let effect = state.passes.request_lens(model, row, None);
    effect.or_else(|| {
        let mut others = state.lenses_of_map(model, row)?.into_iter();
        others.find_map(|(row, word)| state.passes.request_lens(model, row, word))
    })
}

/// Requests the form of attention that the step shows.
fn request_attention_map(state: &mut State) -> Option<Effect> {
    let form = state.nav.view.attention;
    if form == AttentionForm::Weights {
        return None;
    }
    let wanted: Vec<(ModelName, String)> = state.shown_maps_of_attention().collect();
    let mut wanted = wanted.into_iter();
    wanted.find_map(|(model, path)| state.passes.request_attention_map(model, path, form))
}

/// Requests reading times, once, if the step shows them.
fn request_times(state: &mut State) -> Option<Effect> {
    let shows_times = state.current().1.panes.iter().any(|pane| pane.kind.is_measured_here());
    if shows_times { state.passes.request_times() } else { None }
}

impl State {
    /// Model and path of a site shown now that is in a closed block.
    pub(super) fn closed_block(&self) -> Option<(ModelName, String)> {
        let reading = self.passes.reading.as_ref()?;
        let (_, step) = self.current();
        // Panes over all heads do not read the values of this site.
        let inside = self.specs().iter().filter(|spec| !spec.kind.walks_heads());
        let shown = inside
            .filter_map(|spec| Some((step.model_of(spec), spec.path(self.nav.selection.layer)?)));
        let inspected =
            self.inspector.awaited.iter().map(|number| (number.model, number.address.path.clone()));
        let is_closed = |(model, path): &(ModelName, String)| reading.trace(*model).is_closed(path);
        inspected.chain(shown).find(is_closed)
    }

    fn shown_lens(&self) -> Option<(ModelName, usize)> {
        let (_, step) = self.current();
        let row = looks_through(step, self.passes.reading.as_ref()?, &self.narration_selection())?;
        Some((step.model, row))
    }

    /// Rows and words of the lenses in the map of the lens, those about the cursor first; None if it is not focused.
    fn lenses_of_map(&self, model: ModelName, row: usize) -> Option<Vec<(usize, Option<usize>)>> {
        if !self.focused()?.kind.has_lens_of_all_rows() {
            return None;
        }
        let n = self.passes.reading.as_ref()?.trace(model).probs()?.shape().rows;
        let mut rows: Vec<usize> = (row.saturating_sub(MAP_ROWS)..n.min(row + MAP_ROWS)).collect();
        rows.sort_by_key(|other| other.abs_diff(row));
        let mut words = vec![None, self.nav.view.followed];
        words.dedup();
        let with_words = |row| words.iter().map(move |word| (row, *word));
        Some(rows.into_iter().flat_map(with_words).collect())
    }

    /// Model and path of the first map of attention that the step shows.
    pub(super) fn shown_attention(&self) -> Option<(ModelName, String)> {
        self.shown_maps_of_attention().next()
    }

    fn shown_maps_of_attention(&self) -> impl Iterator<Item = (ModelName, String)> {
        let step = self.current().1;
        let focused = self.focused().into_iter();
        let maps = focused.chain(self.specs()).filter(|spec| spec.kind.has_attention_forms());
        maps.filter_map(move |spec| {
            let site = self.site(spec).filter(|site| has_forms(site))?;
            Some((step.model_of(spec), site.path().to_owned()))
        })
    }

    /// The maps of the step's model, if the step shows one.
    fn shown_maps(&self) -> Option<&Patched> {
        if !self.specs().iter().any(|spec| spec.kind.has_patching()) {
            return None;
        }
        let all = self.passes.reading.as_ref()?.known_pass_evidence()?;
        all.get(&self.current().1.model)?.patched()
    }

    /// Stops the maps that the step shows; None if they are not being computed.
    pub(super) fn stop_patching(&self) -> Option<Reply> {
        let (n, all) = self.shown_maps().filter(|maps| maps.is_running())?.progress();
        let model = self.current().1.model;
        let language = self.lesson.language;
        let notice = tr!(language, "stopped at {n} of {all} cells; W goes on", n, all);
        Some(Reply { effect: Some(Effect::StopPatching { model }), ..Reply::says(notice) })
    }

    /// Stops the maps that the step shows, or goes on with them.
    pub(super) fn toggle_patching(&self) -> Reply {
        self.stop_patching().unwrap_or_else(|| match self.shown_maps().map(Patched::is_complete) {
            Some(false) => {
                Reply { effect: Some(Effect::Patch), ..Reply::says("patching; W or Esc stops it") }
            }
            Some(true) => Reply::says("every cell of the maps is known"),
            None if self.awaits_maps() => Reply::says("the maps wait for the two passes"),
            None => Reply::says("this step shows no map of patched values"),
        })
    }

    /// Whether the step shows maps whose two passes are not there yet.
    fn awaits_maps(&self) -> bool {
        let is_known = |reading: &Reading| {
            let found = reading.known_pass_evidence()?.get(&self.current().1.model)?;
            Some(found.is_patching_known())
        };
        self.specs().iter().any(|spec| spec.kind.has_patching())
            && !self.passes.reading.as_ref().and_then(|reading| is_known(reading)).unwrap_or(false)
    }
}
