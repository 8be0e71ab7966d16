//! Which what-ifs apply to a pass, and the value of a number before a change.

use std::{collections::HashSet, iter, sync::Arc};

use super::{Recorded, Trace};
use crate::{
    engine::{
        change::{Change, Part, Patch},
        math::aligned,
        site::{Axis, Role, Stream, lies_in},
        value::Cell,
    },
    text::Token,
};

/// Which cells of a site stand for which of another pass's.
#[derive(Clone, Debug)]
pub struct Counterparts([AxisMatch; 3]);

/// The indices of an axis that stand for those of the other pass.
#[derive(Clone, Debug)]
enum AxisMatch {
    /// The first ones, each for its own.
    First(usize),
    Listed(Arc<[Option<usize>]>),
}

impl AxisMatch {
    fn of(&self, i: usize) -> Option<usize> {
        match self {
            Self::First(n) => (i < *n).then_some(i),
            Self::Listed(list) => *list.get(i)?,
        }
    }
}

impl Counterparts {
    /// The cell of the other pass that stands for this one; None if there is none.
    pub fn of(&self, cell: Cell) -> Option<Cell> {
        let [planes, rows, cols] = &self.0;
        Some(Cell::new(planes.of(cell.plane)?, rows.of(cell.row)?, cols.of(cell.col)?))
    }

    /// The row of the other pass that stands for this one.
    pub fn row(&self, row: usize) -> Option<usize> {
        self.0[1].of(row)
    }
}

impl Trace {
    /// Whether the change applies to this model's pass.
    pub fn applies_to(&self, change: &Change) -> bool {
        match change {
            Change::Off { scope, part } => self.has_part(scope, *part),
            Change::Set { address, .. } => self.cell(address).is_ok_and(|(site, _)| !site.is_leaf),
            Change::Token { position, .. } => *position < self.source.len(),
            Change::Patch(patch) => self.patched_site(patch).is_some(),
            Change::Target(_) => !self.target.is_empty(),
            Change::Against(_)
            | Change::OtherModel(_)
            | Change::Temperature(_)
            | Change::Sample(_)
            | Change::TopK(_)
            | Change::TopP(_)
            | Change::Beam(_) => true,
            Change::Learn { model, .. } => self.model.is_meant_by(model.as_deref()),
            // They change how a model learns or what is asked about it, not how it reads.
            Change::Teach(_) | Change::Rate(_) | Change::Words { .. } | Change::Place(_) => false,
        }
    }

    /// The site that a patch replaces a part of; None if this model has none, or no such head or row.
    pub fn patched_site(&self, patch: &Patch) -> Option<&Recorded> {
        match patch {
            Patch::Row { path, row } => self.site(path).filter(|site| {
                !site.is_leaf && *row < site.shape().rows && site.shape().planes == 1
            }),
            Patch::Head { scope, head } => {
                let is_of_heads =
                    |site: &&Recorded| site.role() == Role::HeadContext && site.scope() == scope;
                self.sites().find(is_of_heads).filter(|site| *head < site.shape().planes)
            }
        }
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
                Role::FeedForwardHidden | Role::Convolved | Role::LayerEmbedding => {
                    vec![Part::Whole]
                }
                Role::RouterLogits => iter::once(Part::Whole).chain(experts()).collect(),
                Role::HeadContext | Role::StateOutput => {
                    iter::once(Part::Whole).chain(heads()).collect()
                }
                _ => vec![],
            };
            parts.into_iter().map(move |part| off(site.scope(), part))
        }))
    }

    /// Which cells of a site stand for which of the other pass's: those of the same tokens. From where the outputs
    /// differ, rows belong to other words; the tokens of two sentences are matched where they agree. None if the other
    /// pass has no such site.
    pub fn counterparts(&self, plain: &Self, site: &Recorded) -> Option<Counterparts> {
        let (now, was) = (site.shape(), plain.site(site.path())?.shape());
        let same =
            |now: &[Token], was: &[Token]| now.iter().zip(was).take_while(|(a, b)| a == b).count();
        let same_target = || same(&self.target, &plain.target);
        let is_as_long = self.source.len() == plain.source.len();
        let matched = |axis: Axis, now: usize, was: usize| match site.place.stream(axis) {
            Some(Stream::Target) => AxisMatch::First(now.min(was).min(same_target())),
            Some(Stream::Source) if now == self.source.len() && was == plain.source.len() => {
                AxisMatch::Listed(aligned(&plain.source, &self.source).into())
            }
            // Rows that are not one a token.
            Some(Stream::Source) if !is_as_long => {
                AxisMatch::First(now.min(was).min(same(&self.source, &plain.source)))
            }
            _ => AxisMatch::First(now.min(was)),
        };
        let [planes, rows, cols] = site.axes();
        Some(Counterparts([
            matched(planes, now.planes, was.planes),
            matched(rows, now.rows, was.rows),
            matched(cols, now.cols, was.cols),
        ]))
    }

    /// This number's value in the unchanged pass; None if it belongs to another token there.
    pub fn before(&self, plain: &Self, site: &Recorded, cell: Cell) -> Option<f32> {
        let cell = self.counterparts(plain, site)?.of(cell)?;
        let was = plain.site(site.path())?;
        was.shape().holds(cell).then(|| was.value.get(cell))
    }
}
