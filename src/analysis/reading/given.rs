//! What a patched pass is given by the pass of the first sentence.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result, bail, ensure};

use super::Reading;
use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{
        change::{Change, Given, Patch},
        math::aligned,
        site::Stream,
        value::{Cell, Shape, Value},
    },
    model::Name,
    text::Sentence,
};

/// What each model's pass is given, by model.
pub(super) type GivenByName = Arc<BTreeMap<Name, Arc<Given>>>;

impl Reading {
    /// What the passes over another sentence are given by those over this one.
    ///
    /// # Errors
    /// If no model has what is patched, or its word has no counterpart here.
    pub(super) fn given_to_other(&self, patch: &Patch, other: &Sentence) -> Result<GivenByName> {
        let mut given = BTreeMap::new();
        let mut refused = None;
        for name in self.names() {
            match self.given_by(name, patch, other) {
                None => {}
                Some(Ok(found)) => {
                    given.insert(name, Arc::new(found));
                }
                Some(Err(why)) => refused = Some(why),
            }
        }
        if given.is_empty() {
            match refused {
                Some(why) => return Err(why),
                None => self.check(&Change::Patch(patch.clone()))?,
            }
            bail!("no model has {patch}");
        }
        Ok(Arc::new(given))
    }

    /// None for a model without such a site.
    fn given_by(&self, name: Name, patch: &Patch, other: &Sentence) -> Option<Result<Given>> {
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
        let parts = match patch {
            Patch::Row { row, .. } => matched.row(*row).map(|part| vec![part]),
            Patch::Head { head, .. } => Ok(matched.head(*head)),
        };
        let target: Vec<u32> = trace.target.iter().skip(1).map(|token| token.id).collect();
        let forced = (!trace.target.is_empty()).then_some(target);
        Some(parts.map(|parts| Given { path: site.path().to_owned(), parts, forced }))
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

    fn part(&self, plane: usize, from: usize, to: usize) -> (Cell, Arc<Value>) {
        let shape = Shape { planes: 1, rows: 1, ..self.site.shape() };
        let part = self.site.value.part(Cell::new(plane, from, 0), shape);
        (Cell::new(plane, to, 0), Arc::new(part))
    }

    /// # Errors
    /// If the other text has no such row, or its word has no counterpart.
    fn row(&self, row: usize) -> Result<(Cell, Arc<Value>)> {
        let n = self.rows.len();
        ensure!(row < n, "the other text has {n} rows at {}, counted from 0", self.site.path());
        let from = self.rows[row].with_context(|| {
            format!("word {row} of the other text has no counterpart in the first, so that there is nothing to put there")
        })?;
        Ok(self.part(0, from, row))
    }

    fn head(&self, head: usize) -> Vec<(Cell, Arc<Value>)> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(to, from)| Some(self.part(head, (*from)?, to))).collect()
    }
}
