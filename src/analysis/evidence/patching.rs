//! Activation patching: values of one pass put into another, one at a time (Vig et al. 2020; Meng et al. 2022).
//!
//! Of two sentences, A gives the values and B is run with them. The measure is 0 where the patched pass answers as B
//! does and 1 where it answers as A does. A value that carries the difference to the output scores near 1; but so may
//! one that only lies on the way, and one of several that carry the same may score 0, because the others still do. A
//! patched pass is one that no sentence gives.

use super::{
    question::{EvidenceQuestion, LEAST_DIFFERENCE},
    run::{RowsOf, Run},
    score::Score,
};
use crate::engine::{
    math::aligned,
    site::{Place, Role, Stream},
    tape::Node,
    value::{Cell, Shape, Value},
};

/// Two runs of one model, and the question that they answer differently.
pub struct Patching {
    pub a: Run,
    pub b: Run,
    pub question: EvidenceQuestion,
    /// The question about A, and about B: in a text of another length its row is another.
    pub scores: [Score; 2],
    /// The score of A and of B.
    pub ends: [f32; 2],
    /// By position of B, the position of A that stands for it.
    source: Vec<Option<usize>>,
    pub maps: Vec<PatchMap>,
}

/// A map of one kind of value: a row for each site, a column for each position or head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchMap {
    pub kind: PatchKind,
    pub stream: Stream,
    /// The sites, in the order of computation.
    pub rows: Vec<String>,
    pub n_cols: usize,
}

/// What a map patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// The residual stream.
    Residual,
    /// What attention adds to it.
    Attention,
    /// What feed-forward adds to it.
    FeedForward,
    /// A head's context at all positions.
    Heads,
}

impl PatchKind {
    pub const ALL: [Self; 4] = [Self::Residual, Self::Attention, Self::FeedForward, Self::Heads];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Residual => "residual",
            Self::Attention => "attention",
            Self::FeedForward => "feed-forward",
            Self::Heads => "heads",
        }
    }
}

/// A cell of one of the maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PatchCell {
    pub map: usize,
    pub row: usize,
    pub col: usize,
}

impl Patching {
    /// Whether both sentences answer alike: shares of so small a difference mean nothing.
    pub fn answers_alike(&self) -> bool {
        let [a, b] = self.ends;
        (a - b).abs() < LEAST_DIFFERENCE
    }

    /// Aligns two runs. None if the score is outside one of them, or the same in both.
    pub fn new(a: Run, b: Run, question: EvidenceQuestion, scores: [Score; 2]) -> Option<Self> {
        let ends = [scores[0].of_run(&a)?, scores[1].of_run(&b)?];
        if (ends[0] - ends[1]).abs() < 1e-6 {
            return None;
        }
        let source = aligned(&a.pass.source, &b.pass.source);
        let maps = maps(&b, scores[1].rows().end);
        Some(Self { a, b, question, scores, ends, source, maps })
    }

    /// All cells, map by map.
    pub fn cells(&self) -> Vec<PatchCell> {
        let of_map = |(map, m): (usize, &PatchMap)| {
            let n_cols = m.n_cols;
            (0..m.rows.len() * n_cols).map(move |i| PatchCell {
                map,
                row: i / n_cols,
                col: i % n_cols,
            })
        };
        self.maps.iter().enumerate().flat_map(of_map).collect()
    }

    /// The measure of a cell: 0 as B, 1 as A. None where B's word has no counterpart in A.
    pub fn measure(&self, cell: PatchCell) -> Option<f32> {
        let map = &self.maps[cell.map];
        let path = &map.rows[cell.row];
        let (from, to) = (self.a.node(path)?, self.b.node(path)?);
        let patched = match map.kind {
            PatchKind::Heads => self.with_head(from, to, cell.col),
            _ => self.with_row(from, to, cell.col, map.stream)?,
        };
        self.share(vec![(to, patched)])
    }

    /// The measure with all values of a site put in at once.
    pub fn whole(&self, path: &str) -> Option<f32> {
        let (from, to) = (self.a.node(path)?, self.b.node(path)?);
        let value = self.a.tape().value(from);
        (value.shape() == self.b.tape().shape(to)).then(|| self.share(vec![(to, value.clone())]))?
    }

    /// B's score with these values, between B's and A's own.
    fn share(&self, replaced: Vec<(Node, Value)>) -> Option<f32> {
        let replay = self.b.tape().replay(replaced, self.b.logits_nodes());
        let score = self.scores[1].value(|row| self.b.logits(|node| replay.value(node), row))?;
        Some((score - self.ends[1]) / (self.ends[0] - self.ends[1]))
    }

    fn counterpart(&self, position: usize, stream: Stream) -> Option<usize> {
        match stream {
            // Both read the same output.
            Stream::Target => Some(position),
            Stream::Source => *self.source.get(position)?,
        }
    }

    /// B's value with one row of A's.
    fn with_row(&self, from: Node, to: Node, row: usize, stream: Stream) -> Option<Value> {
        let mut value = self.b.tape().value(to).clone();
        let given = self.a.tape().value(from);
        let shape = Shape { rows: 1, ..value.shape() };
        let part = given.part(Cell::new(0, self.counterpart(row, stream)?, 0), shape);
        value.put(Cell::new(0, row, 0), &part);
        Some(value)
    }

    /// B's value with a head of A's, at all positions that both have.
    fn with_head(&self, from: Node, to: Node, head: usize) -> Value {
        let mut value = self.b.tape().value(to).clone();
        let given = self.a.tape().value(from);
        let stream = self.b.tape().entry(to).place.scope.rows();
        let shape = Shape { planes: 1, rows: 1, ..value.shape() };
        for row in 0..value.shape().rows {
            let Some(theirs) = self.counterpart(row, stream) else { continue };
            let part = given.part(Cell::new(head, theirs, 0), shape);
            value.put(Cell::new(head, row, 0), &part);
        }
        value
    }
}

/// The maps of a run: one a kind and stream, as far as the model has it. Positions from `end` on have no column where what
/// is asked about has not seen them.
fn maps(run: &Run, end: usize) -> Vec<PatchMap> {
    if run.with_role(Role::SubLayerOutput).next().is_none() {
        return vec![];
    }
    let is_post_norm = run.with_role(Role::NormedStream).next().is_some();
    let of_kind = |place: &&Place, kind: PatchKind| match (kind, place.role) {
        (PatchKind::Residual, Role::StreamInput | Role::NormedStream)
        | (PatchKind::Heads, Role::HeadContext) => true,
        (PatchKind::Residual, Role::Residual(_)) => !is_post_norm,
        (PatchKind::Attention, Role::SubLayerOutput) => is_of_attention(run, place),
        (PatchKind::FeedForward, Role::SubLayerOutput) => {
            !is_of_attention(run, place) && !is_in_place_of_attention(run, place)
        }
        _ => false,
    };
    let mut maps = vec![];
    for kind in PatchKind::ALL {
        for stream in [Stream::Source, Stream::Target] {
            let is_row = |place: &&Place| {
                of_kind(place, kind) && (kind == PatchKind::Heads || place.scope.rows() == stream)
            };
            let rows: Vec<String> =
                run.sites().filter(is_row).map(|place| place.path.clone()).collect();
            if rows.is_empty() || (kind == PatchKind::Heads && stream == Stream::Target) {
                continue;
            }
            let n_cols = if kind == PatchKind::Heads {
                rows.iter()
                    .filter_map(|path| Some(run.tape().shape(run.node(path)?).planes))
                    .min()
                    .unwrap_or(0)
            } else if stream == Stream::Target {
                end
            } else if run.rows_of == RowsOf::NextWords {
                end.min(run.pass.source.len())
            } else {
                run.pass.source.len()
            };
            maps.push(PatchMap { kind, stream, rows, n_cols });
        }
    }
    maps
}

/// Whether it is the output of a state space or a short convolution.
fn is_in_place_of_attention(run: &Run, place: &Place) -> bool {
    let roles = [Role::StateOutput, Role::Convolved];
    let mut made = roles.into_iter().flat_map(|role| run.with_role(role));
    made.any(|other| other.scope.prefix() == place.scope.prefix())
}

fn is_of_attention(run: &Run, place: &Place) -> bool {
    run.with_role(Role::HeadContext).any(|context| context.scope.prefix() == place.scope.prefix())
}
