//! Which what-ifs a pass has a place for, and what a number was before a change.

use super::{Recorded, Trace};
use crate::{
    change::{Change, Part},
    site::{Axis, Stream},
    value::Cell,
};

impl Trace {
    /// Whether the change makes this model's pass another one.
    pub fn concerns(&self, change: &Change) -> bool {
        match change {
            Change::Off { scope, part } => self.has_part(scope, *part),
            Change::Set { address, .. } => self.cell(address).is_ok_and(|(site, _)| !site.is_leaf),
            Change::Token { position, .. } => *position < self.source.len(),
            Change::Temperature(_)
            | Change::Sample(_)
            | Change::TopK(_)
            | Change::TopP(_)
            | Change::Beam(_) => true,
        }
    }

    fn has_part(&self, scope: &str, part: Part) -> bool {
        let site = |name: &str| self.site(&format!("{scope}.{name}"));
        match part {
            Part::Head(head) => site("q")
                .and_then(|_| site("context"))
                .is_some_and(|context| head < context.shape().planes),
            Part::Whole => self.parts_off().any(
                |change| matches!(change, Change::Off { scope: s, part: Part::Whole } if s == scope),
            ),
            part => self.sites.iter().any(|site| self.is_made_by(site, part) && lies_in(site, scope)),
        }
    }

    /// Whether leaving the part out changes how this site is made.
    fn is_made_by(&self, site: &Recorded, part: Part) -> bool {
        let (scope, name) = site.path().rsplit_once('.').unwrap_or(("", site.path()));
        match part {
            Part::Mask => name == "masked",
            Part::Positions => name == "pos",
            Part::Scaling => name == "scaled" && self.site(&format!("{scope}.scores")).is_some(),
            Part::Residual => name.starts_with("resid") && name != "resid_pre",
            Part::Whole | Part::Head(_) => false,
        }
    }

    /// Everything that can be left out of this model, one by one: parts everywhere, layers,
    /// sub-layers and heads.
    pub fn parts_off(&self) -> impl Iterator<Item = Change> {
        let everywhere = [Part::Mask, Part::Positions, Part::Scaling, Part::Residual];
        let everywhere = everywhere.into_iter().filter(|part| self.has_part("", *part));
        let off = |scope: &str, part| Change::Off { scope: scope.to_owned(), part };
        let everywhere = everywhere.map(move |part| off("", part));
        everywhere.chain(self.sites.iter().flat_map(move |site| {
            let (scope, name) = site.path().rsplit_once('.').unwrap_or(("", site.path()));
            let beside = |name: &str| self.site(&format!("{scope}.{name}"));
            let parts: Vec<Part> = match name {
                "residual1" | "resid_pre" => vec![Part::Whole],
                "hidden" if beside("out").is_some() => vec![Part::Whole],
                "context" if beside("q").is_some() => {
                    let heads = (0..site.shape().planes).map(Part::Head);
                    [Part::Whole].into_iter().chain(heads).collect()
                }
                _ => vec![],
            };
            parts.into_iter().map(move |part| off(scope, part))
        }))
    }

    /// What this number was in the pass without changes. None where it stands for another token
    /// there, or nothing stands there.
    pub fn before(&self, plain: &Self, site: &Recorded, cell: Cell) -> Option<f32> {
        let was = plain.site(site.path()).filter(|was| was.shape().holds(cell))?;
        let [planes, rows, cols] = site.axes();
        let same = |axis: Axis, i| match site.place.stream(axis) {
            Some(Stream::Target) => self.target.get(..=i) == plain.target.get(..=i),
            _ => true,
        };
        (same(planes, cell.plane) && same(rows, cell.row) && same(cols, cell.col))
            .then(|| was.value.get(cell))
    }
}

fn lies_in(site: &Recorded, scope: &str) -> bool {
    let rest = site.path().strip_prefix(scope);
    scope.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
