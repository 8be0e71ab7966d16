//! Information flow: which parts every row of the residual stream is made of, and the routes from a word back to the
//! tokens (Ferrando and Voita 2024, Information Flow Routes).
//!
//! After a sub-layer, a row is a sum: the row before, what each head takes from each word, what feed-forward adds. How
//! much a part counts is its proximity to the sum, `max(0, |y| - |y - part|)` in the L1 norm, as a share of all parts.
//! A route goes from a row to the rows whose share is above a threshold, layer by layer, down to the tokens.
//!
//! A share says how much of a row's length comes from where. It does not say what for: a part that only lengthens the
//! row counts too, and later layers may ignore it.

mod sum;
mod threshold;

use std::collections::{BTreeMap, BTreeSet};

use super::run::Run;
use crate::engine::{
    arithmetic::{Arithmetic, Expr, NumberName, Operand},
    site::{Address, AddressKind, Place, Role, Stream},
    value::Cell,
};

pub use sum::{FlowAttention, FlowOther, FlowSum};
pub use threshold::Threshold;

/// What every row of a residual stream is made of, sum by sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    pub stream: Stream,
    /// In the order of computation.
    pub layers: Vec<FlowLayer>,
    /// The rows of the stream.
    pub n_rows: usize,
}

/// The sums of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowLayer {
    /// `blocks.3`
    pub prefix: String,
    pub sums: Vec<FlowSum>,
}

/// Why there is no flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoFlow {
    /// The model has no residual stream of that kind, or a sub-layer that cannot be taken apart by words and heads.
    OfModel,
    /// A what-if put something in place of what the heads of the attention in this scope take from words.
    Replaced(String),
}

impl Flow {
    /// The flow of a stream.
    ///
    /// # Errors
    /// If its rows cannot be taken apart by words and heads.
    pub fn new(run: &Run, stream: Stream) -> Result<Self, NoFlow> {
        let is_sum = |place: &&Place| {
            matches!(place.role, Role::Residual(_)) && place.scope.rows() == stream
        };
        let mut layers: Vec<FlowLayer> = vec![];
        for place in run.sites().filter(is_sum) {
            let prefix = place.scope.layer_prefix().ok_or(NoFlow::OfModel)?.to_owned();
            let sum = FlowSum::of(run, place)?;
            match layers.last_mut().filter(|layer| layer.prefix == prefix) {
                Some(layer) => layer.sums.push(sum),
                None => layers.push(FlowLayer { prefix, sums: vec![sum] }),
            }
        }
        let mut sums = layers.iter().flat_map(|layer| &layer.sums);
        let n_rows = sums.clone().next().map_or(0, FlowSum::n_rows);
        if !sums.any(|sum| sum.attention.is_some()) {
            return Err(NoFlow::OfModel);
        }
        Ok(Self { stream, layers, n_rows })
    }

    /// The multiplications that the flow of a run takes, roughly.
    pub fn products(n_layers: usize, n_heads: usize, d_model: usize, n_rows: usize) -> usize {
        n_layers * n_heads * d_model * n_rows * n_rows
    }

    /// The levels of the graph: the stream's input, and the stream after each layer.
    pub const fn n_levels(&self) -> usize {
        self.layers.len() + 1
    }

    /// The layer that leads to a level; None for that of the tokens.
    fn layer_below(&self, level: usize) -> Option<&FlowLayer> {
        self.layers.get(level.checked_sub(1)?)
    }

    /// The sums of that layer.
    fn sums(&self, level: usize) -> impl Iterator<Item = &FlowSum> {
        self.layer_below(level).into_iter().flat_map(|layer| &layer.sums)
    }

    /// Whether the attention of a sum reads the stream itself, rather than another text; None if it has none.
    fn reads(&self, sum: &FlowSum) -> Option<bool> {
        sum.attention.as_ref().map(|attention| attention.keys == self.stream)
    }

    /// That of them whose attention reads the stream itself.
    fn own(&self, level: usize) -> Option<&FlowSum> {
        self.sums(level).find(|sum| self.reads(sum) == Some(true))
    }

    /// The rows of the level below that a row is made of: each with its share of the layer's attention and residual.
    pub fn sources(&self, level: usize, row: usize) -> Vec<(usize, f32)> {
        if self.layer_below(level).is_none() {
            return vec![];
        }
        let Some(sum) = self.own(level) else { return vec![(row, 1.0)] };
        let mut shares = sum.by_key(row);
        if let Some(own) = shares.get_mut(row) {
            *own += sum.residual(row) + sum.feed_forward(row);
        }
        above_0(shares)
    }

    /// The words of another text that the rows look at; 0 if they look at none.
    pub fn n_elsewhere(&self) -> usize {
        let sums = self.layers.iter().flat_map(|layer| &layer.sums);
        sums.filter(|sum| self.reads(sum) == Some(false)).map(FlowSum::n_keys).max().unwrap_or(0)
    }

    /// The words of another text that a row takes from in the layer below a level, each with its share.
    pub fn from_elsewhere(&self, level: usize, row: usize) -> Vec<(usize, f32)> {
        let other = self.sums(level).find(|sum| self.reads(sum) == Some(false));
        above_0(other.map(|sum| sum.by_key(row)).unwrap_or_default())
    }

    /// The share of feed-forward in a row at a level.
    pub fn feed_forward(&self, level: usize, row: usize) -> f32 {
        self.sums(level).map(|sum| sum.feed_forward(row)).sum()
    }

    /// The heads that take most from a word of the stream for a row at a level, the strongest first.
    pub fn heads(&self, level: usize, row: usize, key: usize) -> Vec<(usize, f32)> {
        let Some(own) = self.own(level) else { return vec![] };
        let of_head = |head| (head, own.of_head(head, row, key));
        let mut shares: Vec<(usize, f32)> = (0..own.n_heads()).map(of_head).collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares.retain(|(_, share)| *share > 0.0);
        shares
    }

    /// The routes from a row of the last level down to the tokens, along shares of at least `threshold`.
    pub fn route(&self, row: usize, threshold: f32) -> Route {
        let mut route = Route::default();
        let mut rows = BTreeSet::from([row]);
        for level in (0..self.n_levels()).rev() {
            let mut below = BTreeSet::new();
            for &row in &rows {
                let to = FlowNode { level, row };
                route.nodes.insert(to);
                for (from, share) in self.sources(level, row) {
                    if share >= threshold {
                        below.insert(from);
                        route.edges.insert(FlowEdge { to, from }, share);
                    }
                }
                let others = self.from_elsewhere(level, row).into_iter();
                let others = others.filter(|(_, share)| *share >= threshold);
                route.elsewhere.extend(others.map(|(from, share)| (FlowEdge { to, from }, share)));
            }
            rows = below;
        }
        route
    }

    /// What a row at a level is made of: the shares of the parts of the layer's sums, the largest first; those of each
    /// sum add up to 1.
    pub fn open(&self, level: usize, row: usize) -> Option<Arithmetic> {
        let layer = self.layer_below(level)?;
        let parts = layer.sums.iter().flat_map(|sum| sum.parts(row));
        let mut parts: Vec<Operand> = parts.map(|(part, _)| part).collect();
        parts.sort_by(|a, b| b.value.total_cmp(&a.value));
        let terms = parts.into_iter().map(Expr::Leaf).collect();
        let n_sums = layer.sums.len() as f32;
        Some(Arithmetic {
            name: NumberName::Address(Address {
                kind: AddressKind::Flow,
                path: layer.prefix.clone(),
                cell: Cell::new(0, row, 0),
                has_planes: false,
            }),
            value: 1.0,
            formula: "the shares of all parts, over the number of the layer's sums",
            expr: Some(Expr::quotient(Expr::Sum(terms), Expr::Number(n_sums))),
        })
    }

    /// What an address names: the shares of a row, or a part's share from its proximity. None for other addresses.
    pub fn open_address(&self, address: &Address) -> Option<Arithmetic> {
        match address.kind {
            AddressKind::Value | AddressKind::Gradient => None,
            AddressKind::Share => {
                let mut sums = self.layers.iter().flat_map(|layer| &layer.sums);
                sums.find_map(|sum| sum.open_share(address))
            }
            AddressKind::Flow => {
                let layer = self.layers.iter().position(|layer| layer.prefix == address.path)?;
                let row = Some(address.cell.row).filter(|row| *row < self.n_rows)?;
                self.open(layer + 1, row)
            }
        }
    }
}

/// The shares above 0, with their numbers.
fn above_0(shares: Vec<f32>) -> Vec<(usize, f32)> {
    shares.into_iter().enumerate().filter(|(_, share)| *share > 0.0).collect()
}

/// A row of the stream at a level of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowNode {
    pub level: usize,
    pub row: usize,
}

/// What a node takes from a row of the level below, or from a word of the other text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowEdge {
    pub to: FlowNode,
    pub from: usize,
}

/// The part of the graph that leads to a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    pub nodes: BTreeSet<FlowNode>,
    /// The share of each edge from the level below.
    pub edges: BTreeMap<FlowEdge, f32>,
    /// The share of each edge from the other text.
    pub elsewhere: BTreeMap<FlowEdge, f32>,
}

impl Route {
    /// The rows of a level that are on the route.
    pub fn rows(&self, level: usize) -> impl Iterator<Item = usize> {
        let of_level = self.nodes.iter().filter(move |node| node.level == level);
        of_level.map(|node| node.row)
    }

    /// The word of the other text that gives one of these rows its largest share.
    pub fn strongest_elsewhere(&self) -> Option<usize> {
        let strongest = self.elsewhere.iter().max_by(|a, b| a.1.total_cmp(b.1));
        strongest.map(|(edge, _)| edge.from)
    }

    /// The row of the level below with the largest share of a row.
    pub fn down(&self, level: usize, row: usize) -> Option<usize> {
        let to = FlowNode { level, row };
        let edges = self.edges.iter().filter(|(edge, _)| edge.to == to);
        edges.max_by(|a, b| a.1.total_cmp(b.1)).map(|(edge, _)| edge.from)
    }

    /// The row of the level above that has the largest share of a row.
    pub fn up(&self, level: usize, row: usize) -> Option<usize> {
        let is_above = |edge: &FlowEdge| edge.to.level == level + 1 && edge.from == row;
        let above = self.edges.iter().filter(|(edge, _)| is_above(edge));
        above.max_by(|a, b| a.1.total_cmp(b.1)).map(|(edge, _)| edge.to.row)
    }
}
