//! What a patched pass is given by the pass of the first sentence.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Result, bail, ensure};

use super::Reading;
use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{
        change::{Change, Given, GivenPart, Patch},
        math::aligned,
        site::Stream,
        value::{Cell, Shape},
    },
    model::ModelName,
    text::{Sentence, refusal},
};

/// What each model's pass is given, by model.
pub(super) type GivenByName = Arc<BTreeMap<ModelName, Arc<Given>>>;

impl Reading {
    /// What the passes over another sentence are given by those over this one, all patches together.
    ///
    /// # Errors
    /// If no model has what is patched, or its word has no counterpart here.
    pub(super) fn given_to_other<'a>(
        &self,
        patches: impl Iterator<Item = &'a Patch>,
        other: &Sentence,
    ) -> Result<GivenByName> {
        let mut given: BTreeMap<ModelName, Given> = BTreeMap::new();
        for patch in patches {
            let found =
                self.names().filter_map(|name| Some((name, self.parts_of(name, patch, other)?)));
            let found: Vec<(ModelName, Result<Vec<GivenPart>>)> = found.collect();
            if found.is_empty() {
                self.check(&Change::Patch(patch.clone()))?;
                bail!("no model has {patch}");
            }
            let is_refused = found.iter().all(|(_, parts)| parts.is_err());
            for (name, parts) in found {
                match parts {
                    Ok(parts) => given.entry(name).or_default().parts.extend(parts),
                    Err(why) if is_refused => return Err(why),
                    Err(_) => {}
                }
            }
        }
        let whole = |(name, given): (ModelName, Given)| {
            let target = &self.trace(name).target;
            let words = || target[1..].iter().map(|token| token.id).collect();
            let forced = (!target.is_empty()).then(words);
            (name, Arc::new(Given { forced, ..given }))
        };
        Ok(Arc::new(given.into_iter().map(whole).collect()))
    }

    /// What a patch puts into the other pass; None for a model without such a site.
    fn parts_of(
        &self,
        name: ModelName,
        patch: &Patch,
        other: &Sentence,
    ) -> Option<Result<Vec<GivenPart>>> {
        let trace = self.trace(name);
        let path = match patch {
            Patch::Row { path, .. } => path.clone(),
            Patch::Head { scope, .. } => format!("{scope}.context"),
        };
        let opened = trace.opened(&path);
        let trace = opened.as_ref().unwrap_or(trace);
        let site = match patch {
            // A row of the other sentence, which may be longer.
            Patch::Row { .. } => trace.site(&path).filter(|s| !s.is_leaf && s.shape().planes == 1),
            Patch::Head { .. } => trace.patched_site(patch),
        }?;
        let matched = Matched::new(self, trace, site, other);
        Some(match patch {
            Patch::Row { row, .. } => matched.row(*row).map(|part| vec![part]),
            Patch::Head { head, .. } => Ok(matched.head(*head)),
        })
    }
}

/// A site of the giving pass, and which of its rows stand for which of the other's.
struct Matched<'a> {
    site: &'a Recorded,
    /// By row of the other pass.
    rows: Vec<Option<usize>>,
}

impl<'a> Matched<'a> {
    fn new(reading: &Reading, trace: &Trace, site: &'a Recorded, other: &Sentence) -> Self {
        let n_own = site.shape().rows;
        let rows = match site.place.scope.rows() {
            // Both read the same output.
            Stream::Target => (0..n_own).map(Some).collect(),
            Stream::Source => {
                let own: Vec<u32> = trace.source.iter().map(|token| token.id).collect();
                let n_before = own.len().saturating_sub(reading.sentence.tokens.len());
                let others = [&own[..n_before], &other.ids()].concat();
                aligned(&own, &others)
            }
        };
        let is_there = |row: Option<usize>| row.filter(|row| *row < n_own);
        Self { site, rows: rows.into_iter().map(is_there).collect() }
    }

    fn part(&self, plane: usize, from: usize, to: usize) -> GivenPart {
        let shape = Shape { planes: 1, rows: 1, ..self.site.shape() };
        let value = Arc::new(self.site.value.part(Cell::new(plane, from, 0), shape));
        GivenPart { path: self.site.path().to_owned(), at: Cell::new(plane, to, 0), value }
    }

    /// # Errors
    /// If the other text has no such row, or its word has no counterpart.
    fn row(&self, row: usize) -> Result<GivenPart> {
        let n = self.rows.len();
        let path = self.site.path();
        ensure!(
            row < n,
            refusal!("the other text has {n} rows at {path}, counted from 0", n, path)
        );
        let from = self.rows[row].ok_or_else(|| {
            refusal!(
                "word {row} of the other text has no counterpart in the first, so there is nothing to put there",
                row
            )
        })?;
        Ok(self.part(0, from, row))
    }

    fn head(&self, head: usize) -> Vec<GivenPart> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(to, from)| Some(self.part(head, (*from)?, to))).collect()
    }
}
