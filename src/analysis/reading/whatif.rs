//! What-ifs of a reading: whether one applies to it, and a number's value before the changes.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Result, bail, ensure};

use super::{
    Reading,
    asked::{class_named, places},
    learner::{TargetKind, takes_no_target},
};
use crate::{
    analysis::trace::Trace,
    engine::{
        change::{Change, Changes},
        site::{Address, Role},
        value::Cell,
    },
    model::ModelName,
    text::{self, Refusal, refusal},
};

/// The part of a site's largest number up to which a difference may be rounding: a text of another length is added up
/// in another order.
const ROUNDING: f32 = 1e-5;

impl Reading {
    /// # Errors
    /// If the change applies to no pass; the message suggests the nearest names.
    pub(super) fn check(&self, change: &Change) -> Result<()> {
        if let Change::Set { address, value } = change
            && self.traces.values().any(|trace| is_weight(trace, address))
        {
            ensure!(
                (0.0..=1.0).contains(value),
                refusal!(
                    "{change}: an attention weight is a share; give 0 to 1",
                    change = change.to_string()
                )
            );
        }
        match change {
            Change::Teach(target) => return self.check_target(target),
            Change::Words { word, against } => {
                return [word]
                    .into_iter()
                    .chain(against)
                    .try_for_each(|word| self.check_word(word));
            }
            Change::Place(place) => return self.check_place(*place),
            _ => {}
        }
        if matches!(change, Change::Rate(_))
            || self.traces.values().any(|trace| trace.applies_to(change))
        {
            return Ok(());
        }
        if let Change::Learn { model, .. } = change {
            self.meant_by(model.as_deref())?;
        }
        if let Change::Set { address, .. } = change {
            let has = |trace: &&Arc<Trace>| trace.site_at(address).is_some();
            let all = || self.traces.values();
            let translator = || self.traces.get(&ModelName::Transformer);
            if let Some(trace) = all().find(has).or_else(translator).or_else(|| all().next()) {
                trace.cell(address)?;
            }
            bail!(refusal!(
                "{change}: that number is learned, not computed; only computed ones can be set",
                change = change.to_string()
            ));
        }
        let parts = self.traces.values().flat_map(|trace| trace.parts_off());
        let parts: BTreeSet<String> = parts.map(|change| change.to_string()).collect();
        let change = change.to_string();
        ensure!(
            !parts.is_empty(),
            refusal!(
                "the model has no part named in `{change}`, and none that can be left out; numbers and tokens can be set: SITE[ROW,COLUMN]=0.5, token.1=WORD",
                change
            )
        );
        let near = text::near_clause(&change, parts.iter().map(String::as_str), 3);
        let parts = if near == Refusal::default() { some_parts(&parts) } else { near };
        bail!(refusal!("no model has the part named in `{change}`{parts}", change, parts))
    }

    /// Whether there is the part or token that a change is about. Other changes are checked when they are read.
    ///
    /// # Errors
    /// If there is none; the message suggests the nearest names.
    pub fn check_part(&self, change: &Change) -> Result<()> {
        let unchanged = self.plain.as_deref().unwrap_or(self);
        match change {
            Change::Token { position, .. } => unchanged.sentence.check_position(*position),
            Change::Off { .. } => unchanged.check(change),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// If no model can be taught this target.
    fn check_target(&self, target: &str) -> Result<()> {
        let kinds = || self.names().map(|name| self.target_kind(name));
        if !kinds().flatten().any(TargetKind::is_given) {
            kinds().next().transpose()?;
            bail!(takes_no_target());
        }
        self.tokenizer.target(target).map(drop)
    }

    /// # Errors
    /// If a word that is asked about is neither a token nor a class.
    fn check_word(&self, word: &str) -> Result<()> {
        match self.model(ModelName::Checkpoint).map_or(&[][..], |model| model.classes()) {
            [] => self.tokens_of_word(word).map(drop),
            classes => class_named(classes, word).map(drop),
        }
    }

    /// # Errors
    /// If no model writes that many words.
    fn check_place(&self, place: usize) -> Result<()> {
        let n = self.traces.values().map(|trace| trace.output.len()).max().unwrap_or(0);
        ensure!(place < n, places(n));
        Ok(())
    }

    pub(super) fn unless_it_applies(
        &self,
        name: ModelName,
        changes: &Changes,
    ) -> Option<Arc<Trace>> {
        let trace = &self.traces[&name];
        if changes.other_model().is_some() {
            return None;
        }
        (!changes.iter().any(|change| trace.applies_to(change))).then(|| Arc::clone(trace))
    }

    /// The first number, in the order of computation, that differs from the plain pass by more than rounding.
    pub fn first_difference(&self, name: ModelName) -> Option<Address> {
        let (trace, plain) = (self.trace(name), self.plain_trace(name)?);
        trace.sites().filter(|site| !site.is_leaf).find_map(|site| {
            let was = plain.site(site.path())?;
            let counterparts = trace.counterparts(plain, site)?;
            let bound = ROUNDING * was.magnitude(0).most;
            let differs = |cell: &Cell| {
                // A word that the other sentence lacks.
                if counterparts.row(cell.row).is_none() {
                    return true;
                }
                let old = counterparts.of(*cell).filter(|old| was.shape().holds(*old));
                let old = old.map(|old| was.value.get(old));
                let new = site.value.get(*cell);
                let is_near =
                    |old: f32| old.to_bits() == new.to_bits() || (old - new).abs() <= bound;
                old.is_some_and(|old| !is_near(old))
            };
            site.shape().cells().find(differs).map(|cell| site.address(cell))
        })
    }

    /// A number's value before the changes; None if it is the same now.
    pub fn before(&self, name: ModelName, address: &Address) -> Option<f32> {
        let (trace, plain) = (self.trace(name), self.plain_trace(name)?);
        let site = trace.site_at(address)?;
        let was = trace.before(plain, site, address.cell)?;
        (was.to_bits() != site.value.get(address.cell).to_bits()).then_some(was)
    }
}

/// A few of the parts that can be off, the shortest first, and where all of them are.
fn some_parts(parts: &BTreeSet<String>) -> Refusal {
    const N_LISTED: usize = 3;
    let mut parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    parts.sort_by_key(|part| part.len());
    parts.truncate(N_LISTED);
    refusal!(
        "; a part is named as in {parts}; the palette of the walk (:) lists them all",
        parts = parts.join(", ")
    )
}

fn is_weight(trace: &Trace, address: &Address) -> bool {
    trace.site_at(address).is_some_and(|site| site.role() == Role::AttentionWeights)
}
