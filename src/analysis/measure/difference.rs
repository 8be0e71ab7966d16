//! Where two passes differ: how far every row of every site is from the other pass's.

use std::collections::HashSet;

use crate::{
    analysis::trace::{Counterparts, Recorded, Trace},
    engine::{
        site::Address,
        value::{Cell, Value},
    },
};

/// A site of a pass beside the same site of another.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteDifference {
    pub path: String,
    /// `|b - a| / |a|` over all cells that both have.
    pub whole: f32,
    /// The same row by row; None for a row without a counterpart.
    pub by_row: Vec<Option<f32>>,
    /// The cells that differ most, the worst first, at most one a row.
    pub worst: Vec<Worst>,
    /// The largest magnitude of a cell that both have, of both passes.
    pub largest: f32,
}

/// A cell of the site with its value in both passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worst {
    pub cell: Cell,
    pub now: f32,
    pub was: f32,
}

impl Worst {
    pub fn difference(&self) -> f32 {
        (self.now - self.was).abs()
    }
}

/// A cell with its address, of all sites the one of a row that differs most.
#[derive(Clone, Debug, PartialEq)]
pub struct WorstNumber {
    pub path: String,
    pub address: Address,
    pub worst: Worst,
}

/// The `n` numbers that differ most, as a part of the largest number of their site: sites differ in scale. What several
/// sites show alike, such as the contexts of heads and the same side by side, counts once.
pub fn worst_numbers(trace: &Trace, all: &[SiteDifference], n: usize) -> Vec<WorstNumber> {
    let of_site = |site| move |worst: &Worst| (site, *worst);
    let mut found: Vec<(&SiteDifference, Worst)> =
        all.iter().flat_map(|site| site.worst.iter().map(of_site(site))).collect();
    let share = |(site, worst): &(&SiteDifference, Worst)| worst.difference() / site.largest;
    found.sort_by(|x, y| share(y).total_cmp(&share(x)));
    let mut seen = HashSet::new();
    found.retain(|(_, worst)| seen.insert((worst.was.to_bits(), worst.now.to_bits())));
    let named = |(site, worst): (&SiteDifference, Worst)| {
        let address = trace.site(&site.path)?.address(worst.cell);
        Some(WorstNumber { path: site.path.clone(), address, worst })
    };
    found.into_iter().take(n).filter_map(named).collect()
}

/// The sites that two passes share, weights aside, in the order of computation.
pub fn differences(trace: &Trace, plain: &Trace) -> Vec<SiteDifference> {
    let computed = trace.sites().filter(|site| !site.is_leaf);
    computed.filter_map(|site| difference(trace, plain, site)).collect()
}

/// A site beside the same of another pass; None if that has no such site.
pub fn difference(trace: &Trace, plain: &Trace, site: &Recorded) -> Option<SiteDifference> {
    let (was, counterparts) = (plain.site(site.path())?, trace.counterparts(plain, site)?);
    let is_in_both = |row| counterparts.row(row).is_some_and(|row| row < was.shape().rows);
    let row = |row| is_in_both(row).then(Row::default);
    let mut rows: Vec<Option<Row>> = (0..site.shape().rows).map(row).collect();
    // Plane by plane, as planes may have to be computed.
    for plane in 0..site.shape().planes {
        for (i, row) in rows.iter_mut().enumerate() {
            let Some(row) = row else { continue };
            let cells = (0..site.shape().cols).map(|col| Cell::new(plane, i, col));
            row.compare(&site.value, &was.value, &counterparts, cells);
        }
    }
    let sums = rows.iter().flatten().fold([0.0, 0.0], |[d, a], row| [d + row.far, a + row.length]);
    let mut worst: Vec<Worst> = rows.iter().flatten().filter_map(|row| row.worst).collect();
    worst.sort_by(|a, b| b.difference().total_cmp(&a.difference()));
    Some(SiteDifference {
        path: site.path().to_owned(),
        whole: share(sums[0], sums[1]),
        by_row: rows
            .iter()
            .map(|row| Some(share(row.as_ref()?.far, row.as_ref()?.length)))
            .collect(),
        worst,
        largest: rows.iter().flatten().map(|row| row.largest).fold(f32::MIN_POSITIVE, f32::max),
    })
}

/// A row beside its counterpart: the squared distance, the squared length there, the worst cell, the largest magnitude.
#[derive(Default)]
struct Row {
    far: f64,
    length: f64,
    worst: Option<Worst>,
    largest: f32,
}

impl Row {
    /// Adds cells and their counterparts.
    fn compare(
        &mut self,
        now: &Value,
        was: &Value,
        counterparts: &Counterparts,
        cells: impl Iterator<Item = Cell>,
    ) {
        for cell in cells {
            let other = counterparts.of(cell).filter(|other| was.shape().holds(*other));
            let Some((now, was)) = other.map(|other| (now.get(cell), was.get(other))) else {
                continue;
            };
            // What is masked in both is infinite in both.
            if !now.is_finite() || !was.is_finite() {
                continue;
            }
            let (d, a) = (f64::from(now) - f64::from(was), f64::from(was));
            self.far += d * d;
            self.length += a * a;
            self.largest = self.largest.max(now.abs()).max(was.abs());
            let here = Worst { cell, now, was };
            let is_worse = self.worst.is_none_or(|worst| here.difference() > worst.difference());
            if is_worse && d != 0.0 {
                self.worst = Some(here);
            }
        }
    }
}

/// `sqrt(far) / sqrt(length)`; of a row of zeros the distance itself.
fn share(far: f64, length: f64) -> f32 {
    if length > 0.0 { (far / length).sqrt() as f32 } else { far.sqrt() as f32 }
}
