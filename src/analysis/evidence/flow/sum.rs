//! A sum of the residual stream: its addends, found on the tape, and the share of each in every row.

use std::iter::successors;

use rayon::prelude::*;

use super::NoFlow;
use crate::{
    analysis::evidence::{
        attribution::{PartKind, kind},
        run::Run,
    },
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, Operand},
        change::{Change, Patch},
        math::{HeadContext, matmul},
        site::{Address, AddressKind, Place, Role, Stream, path_in},
        tape::Node,
        value::{Cell, Matrix, Value},
    },
    model::layer::attention::{CONTEXT, OUT, WEIGHTS},
};

/// A sum of the stream, and its parts, by row. Lengths are in the L1 norm.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSum {
    /// The site of the sum: `blocks.3.resid_mid`.
    pub path: String,
    /// What heads take from words, if it adds attention.
    pub attention: Option<FlowAttention>,
    /// What belongs to no head: feed-forward, or the bias of attention.
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
    /// Feed-forward, a layer's own embedding, or the bias of attention.
    pub kind: PartKind,
    /// The length of each row without it.
    without: Vec<f32>,
}

impl FlowSum {
    /// The shares of a sum.
    ///
    /// # Errors
    /// If an addend cannot be taken apart.
    pub(super) fn of(run: &Run, place: &Place) -> Result<Self, NoFlow> {
        let tape = run.tape();
        let node = run.node(&place.path).ok_or(NoFlow::OfModel)?;
        let y = tape.value(node);
        let (inputs, addends) = (tape.inputs(node), tape.addends(node));
        let residual = inputs.first().filter(|_| addends.len() < inputs.len());
        let residual = residual.map(|&before| tape.value(before));
        let addends: Vec<Addend> =
            addends.iter().map(|&node| addend(run, node)).collect::<Result<_, _>>()?;
        let rows: Vec<RowLengths> = (0..y.shape().rows)
            .into_par_iter()
            .map(|row| {
                row_lengths(
                    &y.row(0, row),
                    residual.map(|x| x.row(0, row)).as_deref(),
                    &addends,
                    row,
                )
            })
            .collect();
        Ok(assembled(place, &addends, &rows))
    }

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

    pub(super) fn feed_forward(&self, row: usize) -> f32 {
        let fed = self.others.iter().filter(|other| other.kind == PartKind::FeedForward);
        fed.map(|other| self.of_other(other, row)).sum()
    }

    /// The share of each word that is looked at, over the heads; empty without attention.
    pub fn by_key(&self, row: usize) -> Vec<f32> {
        let of_key = |key| (0..self.n_heads()).map(|head| self.of_head(head, row, key)).sum();
        (0..self.n_keys()).map(of_key).collect()
    }

    /// The parts of a row that have a share: the share, and the length of the row without the part.
    pub(super) fn parts(&self, row: usize) -> Vec<(Operand, f32)> {
        let part = |path: &str, cell: Cell, has_planes: bool, without: f32| {
            let (kind, path) = (AddressKind::Share, path.to_owned());
            let address = Address { kind, path, cell, has_planes };
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

    pub(super) fn open_share(&self, address: &Address) -> Option<Arithmetic> {
        let row = address.cell.row;
        let &[length, total] = self.lengths.get(row)?;
        let (Operand { address, value }, without) =
            self.parts(row).into_iter().find(|(part, _)| part.address == *address)?;
        let shorter = Expr::difference(Expr::Number(length), Expr::Number(without));
        let proximity = Expr::Positive(Box::new(shorter));
        Some(Arithmetic {
            name: NumberName::Address(address),
            value,
            formula: "max(0, |y| - |y - part|) / sum over parts, |y| the sum of magnitudes",
            expr: Some(Expr::quotient(proximity, Expr::Number(total))),
        })
    }
}

/// An addend of a sum, row by row.
enum Addend {
    Heads(Box<Heads>),
    Whole { path: String, kind: PartKind, value: Value },
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
    /// What is added beside the heads: the bias; None without one. (query, channel)
    bias: Option<Matrix>,
}

/// The lengths of one row of a sum: without each of its parts, of the row, and the sum of the proximities.
struct RowLengths {
    residual: f32,
    heads: Vec<Vec<f32>>,
    others: Vec<f32>,
    lengths: [f32; 2],
}

/// An addend of the stream, with its heads apart if it is that of an attention.
///
/// # Errors
/// If it is a state's or a convolution's, which take from other words what cannot be taken apart by them, or if heads
/// cannot be told apart.
fn addend(run: &Run, node: Node) -> Result<Addend, NoFlow> {
    let (tape, added) = (run.tape(), run.tape().value(node));
    // The output of the sub-layer, before a norm or a factor that it goes through.
    let mut way = successors(Some(node), |&node| tape.inputs(node).first().copied());
    let out = way.find(|&node| tape.entry(node).place.role == Role::SubLayerOutput);
    let scope = out.map_or("", |out| tape.entry(out).place.scope.prefix());
    let kind = out.and_then(|out| kind(run, out)).unwrap_or(PartKind::FeedForward);
    if kind == PartKind::Attention && run.node(&path_in(scope, WEIGHTS.name)).is_some() {
        if is_replaced(run, scope).unwrap_or(false) {
            return Err(NoFlow::Replaced(scope.to_owned()));
        }
        let heads = heads(run, scope, added).ok_or(NoFlow::OfModel)?;
        return Ok(Addend::Heads(Box::new(heads)));
    }
    if matches!(kind, PartKind::State | PartKind::Convolution) {
        return Err(NoFlow::OfModel);
    }
    let path = tape.entry(node).place.path.clone();
    Ok(Addend::Whole { path, kind, value: added.clone() })
}

/// What the context of a head is: zeros too where the whole sub-layer adds nothing.
fn context_of(run: &Run, scope: &str, head: usize) -> Option<HeadContext> {
    let value = |name: &str| Some(run.tape().value(run.node(&path_in(scope, name))?));
    let (weights, context) = (value(WEIGHTS.name)?, value(CONTEXT.name)?);
    let v = run.tape().value(run.values_read(scope)?);
    if value(OUT.name)?.numbers().all(|x| x == 0.0) {
        return Some(HeadContext::Off);
    }
    let own = v.plane(head * v.shape().planes / context.shape().planes);
    Some(HeadContext::of(weights.plane(head), own, context.plane(head)))
}

/// Whether a what-if put something in place of what heads of an attention take from words, or of what they add.
fn is_replaced(run: &Run, scope: &str) -> Option<bool> {
    let value = |name: &str| Some(run.tape().value(run.node(&path_in(scope, name))?));
    let (context, out) = (value(CONTEXT.name)?, value(OUT.name)?);
    let made = (0..context.shape().planes).map(|head| context_of(run, scope, head));
    if made.flatten().any(|made| made == HeadContext::Replaced) {
        return Some(true);
    }
    let is_given = run.changes.iter().any(|change| match change {
        Change::Set { address, .. } => address.path == path_in(scope, OUT.name),
        Change::Patch(Patch::Row { path, .. }) => *path == path_in(scope, OUT.name),
        _ => false,
    });
    Some(is_given && out.numbers().any(|x| x != 0.0))
}

/// What each head of an attention adds for each word. None if the heads' parts and the bias do not make up its output.
fn heads(run: &Run, scope: &str, added: &Value) -> Option<Heads> {
    let tape = run.tape();
    let value = |name: &str| Some(tape.value(run.node(&path_in(scope, name))?));
    let (weights, out) = (value(WEIGHTS.name)?, value(OUT.name)?);
    let v = tape.value(run.values_read(scope)?);
    let w_o = run.weight_of(&path_in(scope, OUT.name), "W_O")?.matrix();
    let (n_heads, own) = (weights.shape().planes, v.shape());
    let fits =
        own.planes > 0 && n_heads.is_multiple_of(own.planes) && own.rows == weights.shape().cols;
    if !fits || w_o.nrows() != n_heads * own.cols {
        return None;
    }
    let given = (0..n_heads).map(|head| {
        let part = w_o.rows(head * own.cols, own.cols).into_owned();
        let given = matmul(v.plane(head * own.planes / n_heads), &part);
        let is_off = context_of(run, scope, head) == Some(HeadContext::Off);
        if is_off { given * 0.0 } else { given }
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
    let has_bias = run.weight_of(&path_in(scope, OUT.name), "b_O").is_some();
    Some(Heads {
        scope: scope.to_owned(),
        keys: entry.scope.keys(),
        weights: weights.clone(),
        given: given.iter().map(Matrix::transpose).collect(),
        factor,
        bias: has_bias.then_some(rest),
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
                let bias = heads.bias.as_ref().map(|bias| bias.row(row).transpose());
                others.push(bias.map_or(length, |bias| without(bias.as_slice())));
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
        let (path, kind) = match addend {
            Addend::Heads(heads) => (path_in(&heads.scope, "b_O"), PartKind::Bias),
            Addend::Whole { path, kind, .. } => (path.clone(), *kind),
        };
        let without = rows.iter().map(|row| row.others[i]).collect();
        FlowOther { path, kind, without }
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
