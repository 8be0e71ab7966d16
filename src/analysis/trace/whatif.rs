//! Which what-ifs apply to a pass, and the value of a number before a change.

use std::{collections::HashSet, iter};

use super::{Recorded, Trace};
use crate::{
    engine::{
        change::{Change, Part},
        site::{Axis, Role, Stream, lies_in},
        value::{Cell, Shape},
    },
    model::Name,
    text::Token,
};

impl Trace {
    /// Whether the change applies to this model's pass.
    pub fn applies_to(&self, change: &Change) -> bool {
        match change {
            Change::Off { scope, part } => self.has_part(scope, *part),
            Change::Set { address, .. } => self.cell(address).is_ok_and(|(site, _)| !site.is_leaf),
            Change::Token { position, .. } => *position < self.source.len(),
            Change::Temperature(_)
            | Change::Sample(_)
            | Change::TopK(_)
            | Change::TopP(_)
            | Change::Beam(_) => true,
            Change::Learn { model, .. } => self.is_meant_by(model),
            // They change how a model learns, not how it reads.
            Change::Target(_) | Change::Rate(_) => false,
        }
    }

    /// Whether a model's id, or an empty one, means this model.
    fn is_meant_by(&self, id: &str) -> bool {
        let is_usual = matches!(self.model, Name::Transformer | Name::Checkpoint);
        if id.is_empty() { is_usual } else { id == self.model.id() }
    }

    fn has_part(&self, scope: &str, part: Part) -> bool {
        match part {
            Part::Whole | Part::Head(_) | Part::Expert(_) => {
                let off = Change::Off { scope: scope.to_owned(), part };
                self.parts_off().any(|change| change == off)
            }
            Part::Adapter => {
                let has_scope = || {
                    let mut sites = self.sites();
                    self.is_closed(scope) || sites.any(|site| lies_in(site.path(), scope))
                };
                self.record.tape.has_adapter() && (scope.is_empty() || has_scope())
            }
            part => {
                let mut sites = self.sites().filter(|site| !site.is_leaf);
                sites.any(|site| part.makes(site.role()) && lies_in(site.path(), scope))
            }
        }
    }

    /// Every part of this model that can be switched off, one change each: parts everywhere, layers, sub-layers and
    /// heads.
    pub fn parts_off(&self) -> impl Iterator<Item = Change> {
        let everywhere = [
            Part::Mask,
            Part::Positions,
            Part::Scaling,
            Part::Residual,
            Part::Sinks,
            Part::Adapter,
        ];
        let everywhere = everywhere.into_iter().filter(|part| self.has_part("", *part));
        let off = |scope: &str, part| Change::Off { scope: scope.to_owned(), part };
        let everywhere = everywhere.map(move |part| off("", part));
        let mut layers = HashSet::new();
        everywhere.chain(self.sites().flat_map(move |site| {
            let heads = || (0..site.shape().planes).map(Part::Head);
            let experts = || (0..site.shape().cols).map(Part::Expert);
            let parts: Vec<Part> = match site.role() {
                Role::LayerInput | Role::Residual(_) if layers.insert(site.scope()) => {
                    vec![Part::Whole]
                }
                Role::FeedForwardHidden => vec![Part::Whole],
                Role::RouterLogits => iter::once(Part::Whole).chain(experts()).collect(),
                Role::HeadContext => iter::once(Part::Whole).chain(heads()).collect(),
                _ => vec![],
            };
            parts.into_iter().map(move |part| off(site.scope(), part))
        }))
    }

    /// The shape of a site's leading cells that belong to the same tokens in the unchanged pass: from where the
    /// outputs differ, or where a replaced word has moved the rest, rows belong to other words. None if the unchanged pass has no such site.
    pub fn comparable(&self, plain: &Self, site: &Recorded) -> Option<Shape> {
        let (now, was) = (site.shape(), plain.site(site.path())?.shape());
        let same =
            |now: &[Token], was: &[Token]| now.iter().zip(was).take_while(|(a, b)| a == b).count();
        let same_target = same(&self.target, &plain.target);
        // A word may be replaced by one of another number of tokens; those after it have moved.
        let is_as_long = self.source.len() == plain.source.len();
        let same_source =
            if is_as_long { self.source.len() } else { same(&self.source, &plain.source) };
        let common = |axis: Axis, now: usize, was: usize| match site.place.stream(axis) {
            Some(Stream::Target) => now.min(was).min(same_target),
            Some(Stream::Source) => now.min(was).min(same_source),
            _ => now.min(was),
        };
        let [planes, rows, cols] = site.axes();
        Some(Shape {
            planes: common(planes, now.planes, was.planes),
            rows: common(rows, now.rows, was.rows),
            cols: common(cols, now.cols, was.cols),
        })
    }

    /// This number's value in the unchanged pass; None if it belongs to another token there.
    pub fn before(&self, plain: &Self, site: &Recorded, cell: Cell) -> Option<f32> {
        let is_comparable = self.comparable(plain, site).is_some_and(|shape| shape.holds(cell));
        plain.site(site.path()).filter(|_| is_comparable).map(|was| was.value.get(cell))
    }
}
