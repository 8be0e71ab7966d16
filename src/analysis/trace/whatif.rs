//! Which what-ifs apply to a pass, and the value of a number before a change.

use super::{Recorded, Trace};
use crate::engine::{
    change::{Change, Part},
    site::{Axis, Stream, lies_in},
    value::{Cell, Shape},
};

impl Trace {
    /// Whether the change applies to this model's pass.
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
            part => self.sites().any(|site| self.is_made_by(site, part) && lies_in(site.path(), scope)),
        }
    }

    /// Whether switching the part off changes how this site is computed.
    fn is_made_by(&self, site: &Recorded, part: Part) -> bool {
        let name = last_name(site.path());
        match part {
            Part::Mask => name == "masked",
            Part::Positions => !site.is_leaf && ["pos", "q_rot", "k_rot", "bias"].contains(&name),
            Part::Scaling => name == "scaled" && self.beside(site, "scores").is_some(),
            Part::Residual => name.starts_with("resid") && name != "resid_pre",
            Part::Whole | Part::Head(_) => false,
        }
    }

    /// Every part of this model that can be switched off, one change each: parts everywhere, layers, sub-layers and
    /// heads.
    pub fn parts_off(&self) -> impl Iterator<Item = Change> {
        let everywhere = [Part::Mask, Part::Positions, Part::Scaling, Part::Residual];
        let everywhere = everywhere.into_iter().filter(|part| self.has_part("", *part));
        let off = |scope: &str, part| Change::Off { scope: scope.to_owned(), part };
        let everywhere = everywhere.map(move |part| off("", part));
        everywhere.chain(self.sites().flat_map(move |site| {
            let beside = |name: &str| self.beside(site, name);
            let parts: Vec<Part> = match last_name(site.path()) {
                "residual1" | "resid_pre" => vec![Part::Whole],
                "hidden" if beside("out").is_some() => vec![Part::Whole],
                "context" if beside("q").is_some() => {
                    let heads = (0..site.shape().planes).map(Part::Head);
                    [Part::Whole].into_iter().chain(heads).collect()
                }
                _ => vec![],
            };
            parts.into_iter().map(move |part| off(site.scope(), part))
        }))
    }

    /// The shape of a site's leading cells that belong to the same tokens in the unchanged pass: from where the
    /// outputs differ, rows belong to other words. None if the unchanged pass has no such site.
    pub fn comparable(&self, plain: &Self, site: &Recorded) -> Option<Shape> {
        let (now, was) = (site.shape(), plain.site(site.path())?.shape());
        let same = self.target.iter().zip(&plain.target).take_while(|(a, b)| a == b).count();
        let common = |axis: Axis, now: usize, was: usize| match site.place.stream(axis) {
            Some(Stream::Target) => now.min(was).min(same),
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

/// The last part of a path: `weights` of `encoder.0.self_attn.weights`.
fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
