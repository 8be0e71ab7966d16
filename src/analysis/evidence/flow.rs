//! Information flow: which parts every row of the residual stream is made of, and the routes from a word back to the
//! tokens (Ferrando and Voita 2024, Information Flow Routes).
//!
//! After a sub-layer, a row is a sum: the row before, what each head takes from each word, what feed-forward adds. How
//! much a part counts is its proximity to the sum, `max(0, |y| - |y - part|)` in the L1 norm, as a share of all parts.
//! A route goes from a row to the rows whose share is above a threshold, layer by layer, down to the tokens.
//!
//! A share says how much of a row's length comes from where. It does not say what for: a part that only lengthens the
//! row counts too, and later layers may ignore it.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::successors,
};

use rayon::prelude::*;

use super::run::Run;
use crate::{
    engine::{
        arithmetic::{Arithmetic, Expr, Operand},
        math::matmul,
        site::{Address, Place, Role, Stream, SubLayer, path_in},
        tape::Node,
        value::{Cell, Matrix, Value},
    },
    model::layer::attention::{CONTEXT, OUT, WEIGHTS},
};

/// What the addresses of shares begin with.
const SHARE: &str = "share.";
/// What the addresses of all shares of a row begin with: `flow.blocks.3`.
const FLOW: &str = "flow.";

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

/// A sum of the stream, and its parts, by row. Lengths are in the L1 norm.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSum {
    /// The site of the sum: `blocks.3.resid_mid`.
    pub path: String,
    /// What heads take from words, if it adds attention.
    pub attention: Option<FlowAttention>,
    /// What is no part of a head: feed-forward, or the bias of attention.
    pub others: Vec<FlowOther>,
    /// The length of each row without the row before.
    without_residual: Vec<f32>,
    /// The length of each row, and the sum of the proximities of its parts.
    lengths: Vec<[f32; 2]>,
}

/// What the heads of an attention take from each word.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowAttention {
    /// `blocks.3.attn`
    pub scope: String,
    pub keys: Stream,
    /// The length of a row without what a head takes from a word, by head. (row, key)
    without: Vec<Matrix>,
}

/// An addend without words of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowOther {
    /// `blocks.3.ffn.out`, `blocks.3.attn.b_O`
    pub path: String,
    pub is_feed_forward: bool,
    /// The length of each row without it.
    without: Vec<f32>,
}

/// An addend of a sum, row by row.
enum Addend {
    Heads(Box<Heads>),
    Whole { path: String, is_feed_forward: bool, value: Value },
}

/// What the heads of an attention add.
struct Heads {
    scope: String,
    keys: Stream,
    /// (head, query, key)
    weights: Value,
    /// What each head would add for a word that it looks at alone. (head)(channel, key)
    given: Vec<Matrix>,
    /// What it is multiplied by before it is added, where a norm or a factor stands between. (query, channel)
    factor: Option<Matrix>,
    /// What is added beside the heads: the bias. (query, channel)
    rest: Matrix,
}

/// The lengths of one row of a sum: without each of its parts, of the row, and the sum of the proximities.
struct RowLengths {
    residual: f32,
    heads: Vec<Vec<f32>>,
    others: Vec<f32>,
    lengths: [f32; 2],
}

impl Flow {
    /// The flow of a stream. None for a model without a residual stream of that kind, and where an attention's output is
    /// changed in a way that heads do not share.
    pub fn new(run: &Run, stream: Stream) -> Option<Self> {
        let is_sum = |place: &&Place| {
            matches!(place.role, Role::Residual(_)) && place.scope.rows() == stream
        };
        let mut layers: Vec<FlowLayer> = vec![];
        for place in run.sites().filter(is_sum) {
            let prefix = place.scope.layer_prefix()?.to_owned();
            let sum = sum(run, place)?;
            match layers.last_mut().filter(|layer| layer.prefix == prefix) {
                Some(layer) => layer.sums.push(sum),
                None => layers.push(FlowLayer { prefix, sums: vec![sum] }),
            }
        }
        let n_rows = layers.first()?.sums.first()?.n_rows();
        let has_words = layers.iter().any(|l| l.sums.iter().any(|sum| sum.attention.is_some()));
        has_words.then_some(Self { stream, layers, n_rows })
    }

    /// The multiplications that the flow of a run takes, roughly.
    pub fn products(n_layers: usize, n_heads: usize, d_model: usize, n_rows: usize) -> usize {
        n_layers * n_heads * d_model * n_rows * n_rows
    }

    /// The levels of the graph: the stream's input, and the stream after each layer.
    pub const fn n_levels(&self) -> usize {
        self.layers.len() + 1
    }

    /// The rows of the level below that a row is made of: each with its share of the layer's attention and residual.
    pub fn sources(&self, level: usize, row: usize) -> Vec<(usize, f32)> {
        let Some(layer) = level.checked_sub(1).and_then(|l| self.layers.get(l)) else {
            return vec![];
        };
        let of_words = |sum: &&FlowSum| {
            sum.attention.as_ref().is_some_and(|attention| attention.keys == self.stream)
        };
        let Some(sum) = layer.sums.iter().find(of_words) else { return vec![(row, 1.0)] };
        let mut shares = sum.by_key(row);
        if let Some(own) = shares.get_mut(row) {
            *own += sum.residual(row) + sum.feed_forward(row);
        }
        shares.into_iter().enumerate().filter(|(_, share)| *share > 0.0).collect()
    }

    /// The words of another text that the rows look at; 0 if they look at none.
    pub fn n_elsewhere(&self) -> usize {
        let sums = self.layers.iter().flat_map(|layer| &layer.sums);
        let of_others = |sum: &FlowSum| {
            let is_other = sum.attention.as_ref().is_some_and(|a| a.keys != self.stream);
            if is_other { sum.n_keys() } else { 0 }
        };
        sums.map(of_others).max().unwrap_or(0)
    }

    /// The words of another text that a row takes from in the layer below a level, each with its share.
    pub fn from_elsewhere(&self, level: usize, row: usize) -> Vec<(usize, f32)> {
        let layer = level.checked_sub(1).and_then(|l| self.layers.get(l));
        let sums = layer.into_iter().flat_map(|layer| &layer.sums);
        let mut other = sums.filter(|sum| {
            sum.attention.as_ref().is_some_and(|attention| attention.keys != self.stream)
        });
        let shares = other.next().map(|sum| sum.by_key(row)).unwrap_or_default();
        shares.into_iter().enumerate().filter(|(_, share)| *share > 0.0).collect()
    }

    /// The share of feed-forward in a row at a level.
    pub fn feed_forward(&self, level: usize, row: usize) -> f32 {
        let layer = level.checked_sub(1).and_then(|l| self.layers.get(l));
        let sums = layer.into_iter().flat_map(|layer| &layer.sums);
        sums.map(|sum| sum.feed_forward(row)).sum()
    }

    /// The heads that take most from a word of the stream for a row at a level, the strongest first.
    pub fn heads(&self, level: usize, row: usize, key: usize) -> Vec<(usize, f32)> {
        let layer = level.checked_sub(1).and_then(|l| self.layers.get(l));
        let mut sums = layer.into_iter().flat_map(|layer| &layer.sums);
        let is_own = |sum: &&FlowSum| sum.attention.as_ref().is_some_and(|a| a.keys == self.stream);
        let Some(own) = sums.find(is_own) else { return vec![] };
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
                route.nodes.insert((level, row));
                for (from, share) in self.sources(level, row) {
                    if share >= threshold {
                        below.insert(from);
                        route.edges.insert((level, row, from), share);
                    }
                }
                let others = self.from_elsewhere(level, row).into_iter();
                let others = others.filter(|(_, share)| *share >= threshold);
                route.elsewhere.extend(others.map(|(from, share)| ((level, row, from), share)));
            }
            rows = below;
        }
        route
    }

    /// What a row at a level is made of: the shares of the parts of the layer's sums, the largest first; those of each
    /// sum add up to 1.
    pub fn open(&self, level: usize, row: usize) -> Option<Arithmetic> {
        let layer = self.layers.get(level.checked_sub(1)?)?;
        let parts = layer.sums.iter().flat_map(|sum| sum.parts(row));
        let mut parts: Vec<Operand> = parts.map(|(part, _)| part).collect();
        parts.sort_by(|a, b| b.value.total_cmp(&a.value));
        let terms = parts.into_iter().map(Expr::Leaf).collect();
        let n_sums = layer.sums.len() as f32;
        Some(Arithmetic {
            address: Address {
                path: format!("{FLOW}{}", layer.prefix),
                cell: Cell::new(0, row, 0),
                has_planes: false,
            },
            value: 1.0,
            formula: "the shares of all parts, over the number of the layer's sums",
            expr: Some(Expr::quotient(Expr::Sum(terms), Expr::Number(n_sums))),
        })
    }

    /// Whether an address is that of a share, or of all shares of a row.
    pub fn has_address(address: &Address) -> bool {
        [SHARE, FLOW].iter().any(|prefix| address.path.starts_with(prefix))
    }

    /// What an address names: the shares of a row, or a part's share from its proximity.
    pub fn open_address(&self, address: &Address) -> Option<Arithmetic> {
        if let Some(prefix) = address.path.strip_prefix(FLOW) {
            let layer = self.layers.iter().position(|layer| layer.prefix == prefix)?;
            let row = Some(address.cell.row).filter(|row| *row < self.n_rows)?;
            return self.open(layer + 1, row);
        }
        let mut sums = self.layers.iter().flat_map(|layer| &layer.sums);
        sums.find_map(|sum| sum.open_share(address))
    }
}

/// The part of the graph that leads to a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    /// (level, row)
    pub nodes: BTreeSet<(usize, usize)>,
    /// The share of (level, row, row of the level below).
    pub edges: BTreeMap<(usize, usize, usize), f32>,
    /// The share of (level, row, word of the other text).
    pub elsewhere: BTreeMap<(usize, usize, usize), f32>,
}

impl Route {
    /// The rows of a level that are on the route.
    pub fn rows(&self, level: usize) -> impl Iterator<Item = usize> {
        self.nodes.range((level, 0)..(level + 1, 0)).map(|(_, row)| *row)
    }

    /// The row of the level below with the largest share of a row.
    pub fn down(&self, level: usize, row: usize) -> Option<usize> {
        let edges = self.edges.range((level, row, 0)..(level, row + 1, 0));
        edges.max_by(|a, b| a.1.total_cmp(b.1)).map(|((_, _, from), _)| *from)
    }

    /// The row of the level above that has the largest share of a row.
    pub fn up(&self, level: usize, row: usize) -> Option<usize> {
        let above = self.edges.range((level + 1, 0, 0)..(level + 2, 0, 0));
        let to = above.filter(|((_, _, from), _)| *from == row);
        to.max_by(|a, b| a.1.total_cmp(b.1)).map(|((_, to, _), _)| *to)
    }
}

impl FlowSum {
    pub fn n_rows(&self) -> usize {
        self.lengths.len()
    }

    /// The heads of its attention; 0 without one.
    pub fn n_heads(&self) -> usize {
        self.attention.as_ref().map_or(0, |attention| attention.without.len())
    }

    /// The words that its attention looks at; 0 without one.
    pub fn n_keys(&self) -> usize {
        let first = self.attention.as_ref().and_then(|attention| attention.without.first());
        first.map_or(0, Matrix::ncols)
    }

    /// The share of a part without which a row has this length.
    fn share(&self, row: usize, without: f32) -> f32 {
        let [length, total] = self.lengths[row];
        (length - without).max(0.0) / total
    }

    /// The share of the row before.
    pub fn residual(&self, row: usize) -> f32 {
        self.share(row, self.without_residual[row])
    }

    /// The share of what a head takes from a word; 0 without attention.
    pub fn of_head(&self, head: usize, row: usize, key: usize) -> f32 {
        let attention = self.attention.as_ref();
        attention.map_or(0.0, |attention| self.share(row, attention.without[head][(row, key)]))
    }

    /// The share of one of the other addends.
    pub fn of_other(&self, other: &FlowOther, row: usize) -> f32 {
        self.share(row, other.without[row])
    }

    fn feed_forward(&self, row: usize) -> f32 {
        let fed = self.others.iter().filter(|other| other.is_feed_forward);
        fed.map(|other| self.of_other(other, row)).sum()
    }

    /// The share of each word that is looked at, over the heads; empty without attention.
    pub fn by_key(&self, row: usize) -> Vec<f32> {
        let of_key = |key| (0..self.n_heads()).map(|head| self.of_head(head, row, key)).sum();
        (0..self.n_keys()).map(of_key).collect()
    }

    /// The parts of a row that have a share: the share, and the length of the row without the part.
    fn parts(&self, row: usize) -> Vec<(Operand, f32)> {
        let part = |path: &str, cell: Cell, has_planes: bool, without: f32| {
            let address = Address { path: format!("{SHARE}{path}"), cell, has_planes };
            (Operand { address, value: self.share(row, without) }, without)
        };
        let own = Cell::new(0, row, 0);
        let before = format!("{}.before", self.path);
        let mut parts = vec![part(&before, own, false, self.without_residual[row])];
        parts.extend(self.others.iter().map(|o| part(&o.path, own, false, o.without[row])));
        if let Some(attention) = &self.attention {
            let path = path_in(&attention.scope, WEIGHTS.name);
            for (head, without) in attention.without.iter().enumerate() {
                let of_key =
                    |key: usize| part(&path, Cell::new(head, row, key), true, without[(row, key)]);
                parts.extend((0..without.ncols()).map(of_key));
            }
        }
        parts.retain(|(part, _)| part.value > 0.0);
        parts
    }

    fn open_share(&self, address: &Address) -> Option<Arithmetic> {
        let row = address.cell.row;
        let &[length, total] = self.lengths.get(row)?;
        let (Operand { address, value }, without) =
            self.parts(row).into_iter().find(|(part, _)| part.address == *address)?;
        let shorter = Expr::difference(Expr::Number(length), Expr::Number(without));
        let proximity = Expr::Positive(Box::new(shorter));
        Some(Arithmetic {
            address,
            value,
            formula: "max(0, |y| - |y - part|) / sum over parts, |y| the sum of magnitudes",
            expr: Some(Expr::quotient(proximity, Expr::Number(total))),
        })
    }
}

/// The shares of a sum; None if an addend cannot be taken apart.
fn sum(run: &Run, place: &Place) -> Option<FlowSum> {
    let tape = run.tape();
    let node = run.node(&place.path)?;
    let y = tape.value(node);
    let inputs = tape.inputs(node);
    let least = if place.role == Role::Residual(SubLayer::Both) { 3 } else { 2 };
    let (residual, addends) = match inputs.split_first() {
        Some((first, addends)) if inputs.len() >= least => (Some(tape.value(*first)), addends),
        _ => (None, inputs),
    };
    let addends: Vec<Addend> =
        addends.iter().map(|&node| addend(run, node)).collect::<Option<_>>()?;
    let rows: Vec<RowLengths> = (0..y.shape().rows)
        .into_par_iter()
        .map(|row| {
            row_lengths(&y.row(0, row), residual.map(|x| x.row(0, row)).as_deref(), &addends, row)
        })
        .collect();
    Some(assembled(place, &addends, &rows))
}

/// An addend of the stream, with its heads apart if it is that of an attention.
fn addend(run: &Run, node: Node) -> Option<Addend> {
    let (tape, added) = (run.tape(), run.tape().value(node));
    // The output of the sub-layer, before a norm or a factor that it goes through.
    let mut way = successors(Some(node), |&node| tape.inputs(node).first().copied());
    let out = way.find(|&node| tape.entry(node).place.role == Role::SubLayerOutput);
    let scope = out.map(|out| tape.entry(out).place.scope.prefix());
    let is_attention = |scope: &&str| {
        [CONTEXT.name, WEIGHTS.name].iter().all(|name| run.node(&path_in(scope, name)).is_some())
    };
    if let Some(scope) = scope.filter(is_attention) {
        return heads(run, scope, added).map(|heads| Addend::Heads(Box::new(heads)));
    }
    let path = tape.entry(node).place.path.clone();
    Some(Addend::Whole { path, is_feed_forward: true, value: added.clone() })
}

/// What each head of an attention adds for each word. None if the heads' parts and the bias do not make up its output.
fn heads(run: &Run, scope: &str, added: &Value) -> Option<Heads> {
    let tape = run.tape();
    let value = |name: &str| Some(tape.value(run.node(&path_in(scope, name))?));
    let (weights, out) = (value(WEIGHTS.name)?, value(OUT.name)?);
    let v = tape.value(run.values_read(scope)?);
    let w_o = value("W_O")?.matrix();
    let (n_heads, own) = (weights.shape().planes, v.shape());
    let fits =
        own.planes > 0 && n_heads.is_multiple_of(own.planes) && own.rows == weights.shape().cols;
    if !fits || w_o.nrows() != n_heads * own.cols {
        return None;
    }
    let given = (0..n_heads).map(|head| {
        let part = w_o.rows(head * own.cols, own.cols).into_owned();
        matmul(v.plane(head * own.planes / n_heads), &part)
    });
    let given: Vec<Matrix> = given.collect(); // (key, channel)
    let heads = (0..n_heads).map(|head| matmul(weights.plane(head), &given[head]));
    let of_heads = heads.reduce(|sum, next| sum + next)?;
    let factor = (added != out).then(|| {
        added.matrix().zip_map(out.matrix(), |a, o| if o.abs() > 1e-12 { a / o } else { 0.0 })
    });
    let rest = match &factor {
        None => added.matrix() - of_heads,
        Some(factor) => added.matrix() - of_heads.component_mul(factor),
    };
    if factor.is_none() && !is_one_row(&rest, 1e-3 * added.matrix().amax()) {
        return None;
    }
    let entry = run.node(&path_in(scope, WEIGHTS.name)).map(|node| &tape.entry(node).place)?;
    Some(Heads {
        scope: scope.to_owned(),
        keys: entry.scope.keys(),
        weights: weights.clone(),
        given: given.iter().map(Matrix::transpose).collect(),
        factor,
        rest,
    })
}

/// Whether all rows are the first, as those of a bias are.
fn is_one_row(rows: &Matrix, bound: f32) -> bool {
    rows.row_iter().all(|row| (row - rows.row(0)).amax() <= bound)
}

/// The lengths of a row without each of its parts; `x` is the row before.
fn row_lengths(y: &[f32], x: Option<&[f32]>, addends: &[Addend], row: usize) -> RowLengths {
    let length = l1(y.iter().copied());
    let without = |part: &[f32]| l1(y.iter().zip(part).map(|(y, part)| y - part));
    let residual = x.map_or(length, without);
    let (mut of_heads, mut others) = (vec![], vec![]);
    for addend in addends {
        match addend {
            Addend::Whole { value, .. } => others.push(without(&value.row(0, row))),
            Addend::Heads(heads) => {
                let rest: Vec<f32> = heads.rest.row(row).iter().copied().collect();
                others.push(without(&rest));
                let factor = heads.factor.as_ref().map(|f| f.row(row).transpose());
                of_heads.extend((0..heads.given.len()).map(|head| {
                    let of_key = |key: usize| {
                        let weight = heads.weights.get(Cell::new(head, row, key));
                        if weight == 0.0 || !weight.is_finite() {
                            return length;
                        }
                        let given = heads.given[head].column(key);
                        let part =
                            |c: usize| factor.as_ref().map_or(1.0, |f| f[c]) * weight * given[c];
                        l1(y.iter().enumerate().map(|(c, y)| y - part(c)))
                    };
                    (0..heads.given[head].ncols()).map(of_key).collect::<Vec<f32>>()
                }));
            }
        }
    }
    let all = [residual].into_iter().chain(others.iter().copied());
    let all = all.chain(of_heads.iter().flatten().copied());
    let total: f32 = all.map(|without| (length - without).max(0.0)).sum();
    let lengths = [length, total.max(f32::MIN_POSITIVE)];
    RowLengths { residual, heads: of_heads, others, lengths }
}

fn l1(numbers: impl Iterator<Item = f32>) -> f32 {
    numbers.map(f32::abs).sum()
}

fn assembled(place: &Place, addends: &[Addend], rows: &[RowLengths]) -> FlowSum {
    let other = |(i, addend): (usize, &Addend)| {
        let (path, is_feed_forward) = match addend {
            Addend::Heads(heads) => (path_in(&heads.scope, "b_O"), false),
            Addend::Whole { path, is_feed_forward, .. } => (path.clone(), *is_feed_forward),
        };
        let without = rows.iter().map(|row| row.others[i]).collect();
        FlowOther { path, is_feed_forward, without }
    };
    let attention = addends.iter().find_map(|addend| match addend {
        Addend::Heads(heads) => Some(FlowAttention {
            scope: heads.scope.clone(),
            keys: heads.keys,
            without: (0..heads.given.len())
                .map(|head| {
                    let n_keys = heads.given[head].ncols();
                    Matrix::from_fn(rows.len(), n_keys, |row, key| rows[row].heads[head][key])
                })
                .collect(),
        }),
        Addend::Whole { .. } => None,
    });
    let lengths: Vec<[f32; 2]> = rows.iter().map(|row| row.lengths).collect();
    let counts = |other: &FlowOther| {
        other.without.iter().zip(&lengths).any(|(without, [length, _])| without < length)
    };
    FlowSum {
        path: place.path.clone(),
        without_residual: rows.iter().map(|row| row.residual).collect(),
        attention,
        others: addends.iter().enumerate().map(other).filter(counts).collect(),
        lengths,
    }
}
