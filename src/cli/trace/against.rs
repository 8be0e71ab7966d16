//! `trace --against FILE`: a pass beside arrays that another program made, the largest differences first.
//!
//! An array is compared with the site of its name; a leading axis of length 1 (a batch) may stand before the site's own.
//! Sites are ordered by their largest difference, as a part of the site's largest number, since sites differ in scale.

use std::{
    collections::HashMap,
    io::{self, Write},
    path::Path,
};

use anyhow::{Result, ensure};

use super::arrays::{Array, Arrays};
use crate::{
    analysis::trace::Recorded,
    engine::value::{Cell, Shape},
    export::numbers::shape,
    text::{near_clause, significant, visible::shown},
    weights::dimensions,
};

/// What other programs add to a score that is masked, where this one has -inf; its weight is 0 in both.
const MASKED: f32 = -1e4;

/// Differences below this part of a site's largest number are what rounding leaves.
const ROUNDING: f32 = 1e-4;

/// The most complaints about arrays that are not compared.
const MOST_LISTED: usize = 20;

/// What is printed.
pub struct ArrayComparison {
    /// The worst first.
    sites: Vec<Difference>,
    /// Arrays that are not compared, and why.
    skipped: Vec<String>,
    /// Sites of the pass that the file has no array for.
    n_without: usize,
    /// The first site in the order of computation that differs by more than rounding.
    first: Option<String>,
}

/// The largest difference of a site.
struct Difference {
    address: String,
    ours: f32,
    theirs: f32,
    /// As a part of the site's largest number; infinite where one of the two is not finite.
    share: f32,
    /// Cells that differ by more than rounding, and all.
    n_off: usize,
    n_cells: usize,
}

impl ArrayComparison {
    /// `named`: the sites to compare in the order of computation, with the names of their arrays; `known`: the names of
    /// all sites of the passes.
    ///
    /// # Errors
    /// If the file cannot be read, an array is damaged, or none has the name and the shape of a site.
    pub fn of(path: &Path, named: &[(String, &Recorded)], known: &[String]) -> Result<Self> {
        let mut file = Arrays::open(path)?;
        let mut places: HashMap<String, String> = HashMap::new();
        for name in &file.names {
            places.insert(Arrays::plain(name).to_owned(), name.clone());
        }
        let (mut sites, mut skipped, mut first, mut n_without) = (vec![], vec![], None, 0);
        for (name, site) in named {
            let Some(member) = places.remove(name) else {
                n_without += usize::from(!site.is_leaf);
                continue;
            };
            let array = file.read(&member, site.shape().len())?;
            if !is_of(&array, site) {
                skipped.push(format!(
                    "{}: {} in the file, {} here",
                    shown(name),
                    dimensions(&array.shape),
                    dimensions(&shape(site))
                ));
                continue;
            }
            let difference = difference(site, name, &array.numbers);
            if first.is_none() && difference.n_off > 0 {
                first = Some(name.clone());
            }
            sites.push(difference);
        }
        let mut unknown: Vec<String> = places
            .into_keys()
            .filter(|name| !name.starts_with("__") && !known.contains(name))
            .collect();
        unknown.sort();
        let near = |name: &String| {
            let near = near_clause(name, known.iter().map(String::as_str), 1);
            format!("{}: no such site{near}", shown(name))
        };
        let file = shown(&path.to_string_lossy());
        ensure!(
            !sites.is_empty() || skipped.is_empty(),
            "{file} has no array with the shape of its site; {}",
            skipped[0]
        );
        ensure!(
            !sites.is_empty(),
            "{file} has no array with the name of a site; {}",
            unknown.first().map_or_else(|| "it has none at all".into(), near)
        );
        skipped.extend(unknown.iter().take(MOST_LISTED).map(near));
        skipped.extend(
            (unknown.len() > MOST_LISTED)
                .then(|| format!("and {} other names", unknown.len() - MOST_LISTED)),
        );
        sites.sort_by(|a, b| b.share.total_cmp(&a.share));
        Ok(Self { sites, skipped, n_without, first })
    }

    /// # Errors
    /// If the writer fails.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = self.sites.iter().map(|site| site.address.len()).max().unwrap_or(0).max(7);
        writeln!(
            out,
            "{:<width$}  {:>12}  {:>12}  {:>10}  {:>10}  cells off",
            "address", "here", "there", "difference", "of largest"
        )?;
        for site in &self.sites {
            let difference = (site.ours - site.theirs).abs();
            writeln!(
                out,
                "{:<width$}  {:>12}  {:>12}  {:>10}  {:>10}  {} of {}",
                site.address,
                number(site.ours, 6),
                number(site.theirs, 6),
                number(if site.share == 0.0 { 0.0 } else { difference }, 2),
                number(site.share, 2),
                site.n_off,
                site.n_cells
            )?;
        }
        writeln!(out)?;
        let what = if self.skipped.is_empty() { "" } else { " of what was compared" };
        match &self.first {
            None => writeln!(
                out,
                "All differences{what} are of the size of rounding (1e-4 of a site's largest number)."
            )?,
            Some(first) => writeln!(
                out,
                "The first site in the order of computation that differs by more than 1e-4 of its largest number: {}",
                shown(first)
            )?,
        }
        let sites = match self.sites.len() {
            1 => "1 site".to_owned(),
            n => format!("{n} sites"),
        };
        writeln!(out, "{sites} compared; {} have no array in the file", self.n_without)?;
        for skipped in &self.skipped {
            writeln!(out, "not compared: {skipped}")?;
        }
        Ok(())
    }
}

fn number(n: f32, digits: usize) -> String {
    significant(n.into(), digits)
}

/// Whether an array has the axes of a site, single ones before them aside.
fn is_of(array: &Array, site: &Recorded) -> bool {
    fn without_single(shape: &[usize]) -> &[usize] {
        let n = shape.iter().take_while(|&&axis| axis == 1).count();
        &shape[n..]
    }
    without_single(&array.shape) == without_single(&shape(site))
}

fn difference(site: &Recorded, name: &str, theirs: &[f32]) -> Difference {
    let cells = site.shape();
    let pairs = || site.value.numbers().zip(theirs.iter().copied());
    let finite = pairs().filter(|&(ours, theirs)| theirs.is_finite() && !are_masked(ours, theirs));
    let scale = finite.fold(f32::MIN_POSITIVE, |most, (_, n)| most.max(n.abs()));
    let mut worst = (0, -1.0_f32);
    let mut n_off = 0;
    for (i, (ours, theirs)) in pairs().enumerate() {
        let share = share(ours, theirs, scale);
        n_off += usize::from(share > ROUNDING);
        if share > worst.1 {
            worst = (i, share);
        }
    }
    let cell = cell(worst.0, cells);
    let address = site.address(cell).to_string();
    // The name has the model before the path, where several are compared.
    let address = address.replacen(site.path(), name, 1);
    let (ours, theirs) = (site.value.get(cell), theirs.get(worst.0).copied().unwrap_or(f32::NAN));
    Difference { address, ours, theirs, share: worst.1.max(0.0), n_off, n_cells: cells.len() }
}

/// Whether a score is masked in both programs.
fn are_masked(ours: f32, theirs: f32) -> bool {
    ours == f32::NEG_INFINITY && theirs <= MASKED
}

/// How far two numbers lie apart, as a part of `scale`; infinite where one alone is not finite.
fn share(ours: f32, theirs: f32, scale: f32) -> f32 {
    let is_same = ours.to_bits() == theirs.to_bits()
        || (ours.is_nan() && theirs.is_nan())
        || are_masked(ours, theirs);
    match (is_same, ours.is_finite() && theirs.is_finite()) {
        (true, _) => 0.0,
        (false, true) => (ours - theirs).abs() / scale,
        (false, false) => f32::INFINITY,
    }
}

const fn cell(i: usize, shape: Shape) -> Cell {
    let row = i / shape.cols;
    Cell { plane: row / shape.rows, row: row % shape.rows, col: i % shape.cols }
}
