//! Direct logit attribution: what each part of a Transformer adds to a logit (Elhage et al. 2021).
//!
//! The stream before the last product is a sum: embedding, positions, and what every sub-layer adds. With the scale of
//! the norms held fixed at that of this pass, the logit is linear in each addend, so that the parts add up to it
//! exactly. A head's part is the sum over the words it looks at, a feed-forward's over its units.
//!
//! The parts say what is written to the output directly. What a part does by way of later parts is in those; a part
//! that is needed most may write nothing here. And with the norm's scale free, removing a part also scales the others.

use std::collections::HashSet;

use super::{run::Run, score::Score};
use crate::{
    engine::{
        math::HeadContext,
        site::{Place, Role, Stream, last_name, path_in},
        tape::Node,
        value::{Cell, Matrix, Value},
    },
    model::{
        LOGITS,
        layer::attention::{CONTEXT, WEIGHTS},
    },
};

/// What a logit, or the difference of two, is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// The logit, or the difference of logits; before the soft cap in a model that has one, as what it bends is not a sum.
    pub score: f32,
    /// Whether a soft cap bends the logits.
    pub is_before_cap: bool,
    /// The parts in the order of computation.
    pub parts: Vec<LogitPart>,
}

/// A part of the model, and what it adds to the logit.
#[derive(Clone, Debug, PartialEq)]
pub struct LogitPart {
    /// The site: `decoder.1.cross_attn.out`, or the weight for a bias.
    pub path: String,
    /// The scope of the site: `decoder.1.cross_attn`.
    pub scope: String,
    pub kind: PartKind,
    pub amount: f32,
    /// Of an attention sub-layer: the stream of the words that it looks at, and its heads.
    pub keys: Stream,
    pub heads: Vec<HeadPart>,
    /// Of a feed-forward sub-layer: what each hidden unit adds.
    pub units: Vec<f32>,
    /// What the sub-layer's own bias adds, beside heads or units.
    pub bias: f32,
    /// The cells that it is a sum over, site by site: of attention its weights, and the context of heads that a what-if
    /// replaced; of feed-forward its hidden units, else its own.
    pub factors: Vec<Factors>,
}

/// Cells of one site, each with the slope of the score; `value * slope` is what a cell adds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Factors {
    pub path: String,
    pub has_planes: bool,
    pub cells: Vec<Factor>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factor {
    pub cell: Cell,
    pub value: f32,
    pub slope: f32,
}

impl Factors {
    /// The cells of a node that add something, with its value's slopes.
    fn of(run: &Run, node: Node, slopes: &Value) -> Vec<Self> {
        let rows = rows_that_count(slopes);
        let slope = |plane: usize, i: usize, col: usize| slopes.plane(plane)[(rows[i], col)];
        vec![Self::in_rows(run, node, &rows, slope)]
    }

    /// The same of some rows; `slope(plane, i, col)` is that of the cell in row `rows[i]`.
    fn in_rows(
        run: &Run,
        node: Node,
        rows: &[usize],
        slope: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let (place, value) = (&run.tape().entry(node).place, run.tape().value(node));
        let (at, mut cells) = (place.origin, vec![]);
        for (p, plane) in value.planes().iter().enumerate() {
            for (i, &row) in rows.iter().enumerate() {
                for (col, &value) in plane.row(row).iter().enumerate() {
                    let slope = slope(p, i, col);
                    if value * slope != 0.0 {
                        let cell = Cell::new(at.plane + p, at.row + row, at.col + col);
                        cells.push(Factor { cell, value, slope });
                    }
                }
            }
        }
        Self { path: place.path.clone(), has_planes: place.has_planes(), cells }
    }
}

/// The rows in which any slope is not zero: mostly the score's own alone, of thousands.
fn rows_that_count(slopes: &Value) -> Vec<usize> {
    let counts = |&row: &usize| {
        slopes.planes().iter().any(|plane| plane.row(row).iter().any(|&slope| slope != 0.0))
    };
    (0..slopes.shape().rows).filter(counts).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    Embedding,
    Positions,
    /// Which of two texts a token belongs to.
    Types,
    Attention,
    /// A state space or a delta net, or a short convolution, in place of attention.
    State,
    Convolution,
    FeedForward,
    LayerEmbedding,
    Bias,
}

impl PartKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Positions => "positions",
            Self::Types => "types",
            Self::Attention => "attention",
            Self::State => "state",
            Self::Convolution => "convolution",
            Self::FeedForward => "feed-forward",
            Self::LayerEmbedding => "layer embedding",
            Self::Bias => "bias",
        }
    }
}

/// What a head adds to the logit.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadPart {
    pub amount: f32,
    /// By the word that is looked at; empty where the model records no weights, and where a what-if put something else
    /// in place of what the words gave.
    pub by_key: Vec<f32>,
}

impl Attribution {
    /// What the parts leave over; rounding, where the model is linear after its last norm.
    pub fn rest(&self) -> f32 {
        self.score - self.parts.iter().map(|part| part.amount).sum::<f32>()
    }

    /// Whether nothing but rounding is left over. A head with a curved function leaves more (BERT's, for masked words):
    /// the parts are then those of its tangent.
    pub fn adds_up(&self) -> bool {
        self.rest().abs() < 1e-3 * self.score.abs().max(1.0)
    }
}

/// A part in two passes; a pass that lacks it adds nothing there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartPair<'a> {
    pub part_was: Option<&'a LogitPart>,
    pub part_now: Option<&'a LogitPart>,
}

impl PartPair<'_> {
    pub fn path(&self) -> &str {
        self.part_now.or(self.part_was).map_or("", |part| &part.path)
    }

    pub fn was(&self) -> f32 {
        self.part_was.map_or(0.0, |part| part.amount)
    }

    pub fn now(&self) -> f32 {
        self.part_now.map_or(0.0, |part| part.amount)
    }
}

/// The parts of two passes, in the order of computation; one that only the other pass has stands after those of the
/// first.
pub fn part_pairs<'a>(was: &'a Attribution, now: &'a Attribution) -> Vec<PartPair<'a>> {
    let of = |all: &'a Attribution, path: &str| all.parts.iter().find(|part| part.path == path);
    let common = was
        .parts
        .iter()
        .map(|part| PartPair { part_was: Some(part), part_now: of(now, &part.path) });
    let new = now.parts.iter().filter(|part| of(was, &part.path).is_none());
    common.chain(new.map(|part| PartPair { part_was: None, part_now: Some(part) })).collect()
}

/// What the logit of the score is made of. None for a score that is not a logit, and for a model without a residual
/// stream.
pub fn attribution(run: &Run, score: &Score) -> Option<Attribution> {
    if matches!(score, Score::LogProbability(_))
        || run.with_role(Role::SubLayerOutput).next().is_none()
    {
        return None;
    }
    let tape = run.tape();
    let kinds: Vec<(Node, PartKind)> =
        tape.nodes().filter_map(|n| Some((n, kind(run, n)?))).collect();
    let uncapped = run.with_role(Role::UncappedLogits).next().and_then(|at| run.node(&at.path));
    let (seeds, value) = seeds(run, score, uncapped)?;
    let wanted: Vec<Node> = kinds.iter().map(|(node, _)| *node).collect();
    let gradients = tape.backward_to(&seeds, &wanted, &constants(run));
    let parts = kinds.iter().filter_map(|&(node, kind)| {
        let gradient = gradients.get(&node)?;
        Some(part(run, node, kind, gradient))
    });
    let mut parts: Vec<LogitPart> = parts.collect();
    // Biases are leaves, which stand where they are first used; they go last.
    parts.sort_by_key(|part| part.kind == PartKind::Bias);
    Some(Attribution { score: value, is_before_cap: uncapped.is_some(), parts })
}

/// What a part is held apart by: the other parts, and the scales of norms.
pub(super) fn constants(run: &Run) -> HashSet<Node> {
    let is_scale = |node: Node| run.tape().entry(node).place.role == Role::NormScale;
    run.tape().nodes().filter(|&node| is_scale(node) || kind(run, node).is_some()).collect()
}

/// The slope of the score at the logits, and its value there; at the uncapped ones where there are such.
fn seeds(run: &Run, score: &Score, uncapped: Option<Node>) -> Option<(Vec<(Node, Value)>, f32)> {
    let seeds = score.seeds(run, |node| run.tape().value(node), 1.0);
    let Some(uncapped) = uncapped else { return Some((seeds, score.of_run(run)?)) };
    let logits = run.node(LOGITS.name)?;
    let moved =
        seeds.into_iter().map(|(node, seed)| (if node == logits { uncapped } else { node }, seed));
    let value = score.value(|row| {
        let value = run.tape().value(uncapped);
        (row < value.shape().rows).then(|| value.row(0, row))
    });
    Some((moved.collect(), value?))
}

/// What a value adds to the stream as; None for a value that is not a part of its own.
pub(super) fn kind(run: &Run, node: Node) -> Option<PartKind> {
    let (tape, place) = (run.tape(), &run.tape().entry(node).place);
    if tape.is_leaf(node) {
        let name = last_name(&place.path);
        let is_bias = matches!(name, "b" | "bias") || name.starts_with("b_");
        return (is_bias && tape.shape(node).rows == 1).then_some(PartKind::Bias);
    }
    match place.role {
        Role::SubLayerOutput
            if run.node(&path_in(place.scope.prefix(), CONTEXT.name)).is_some() =>
        {
            Some(PartKind::Attention)
        }
        Role::SubLayerOutput if run.has_role_in(place.scope.prefix(), Role::StateOutput) => {
            Some(PartKind::State)
        }
        Role::SubLayerOutput if run.has_role_in(place.scope.prefix(), Role::Convolved) => {
            Some(PartKind::Convolution)
        }
        Role::SubLayerOutput if run.has_role_in(place.scope.prefix(), Role::LayerEmbedding) => {
            Some(PartKind::LayerEmbedding)
        }
        Role::SubLayerOutput => Some(PartKind::FeedForward),
        Role::AddedPositions => Some(PartKind::Positions),
        Role::AddedTypes => Some(PartKind::Types),
        Role::Embedding => Some(PartKind::Embedding),
        _ => None,
    }
}

fn part(run: &Run, node: Node, kind: PartKind, gradient: &Value) -> LogitPart {
    let (tape, place) = (run.tape(), &run.tape().entry(node).place);
    let amount = dot(gradient, tape.value(node));
    let mut part = LogitPart {
        path: if kind == PartKind::Bias { path_of_bias(run, node) } else { place.path.clone() },
        scope: place.scope.prefix().to_owned(),
        kind,
        amount,
        keys: place.scope.keys(),
        heads: vec![],
        units: vec![],
        bias: 0.0,
        factors: vec![],
    };
    match kind {
        PartKind::Attention => {
            (part.heads, part.factors) = heads(run, place, node, gradient).unwrap_or_default();
        }
        PartKind::FeedForward => {
            (part.units, part.factors) = units(run, place, node, gradient).unwrap_or_default();
        }
        _ => {}
    }
    if part.factors.is_empty() {
        part.factors = Factors::of(run, node, gradient);
        return part;
    }
    let inside: f32 =
        part.heads.iter().map(|head| head.amount).chain(part.units.iter().copied()).sum();
    if !part.heads.is_empty() || !part.units.is_empty() {
        part.bias = amount - inside;
    }
    part
}

/// The path of a bias; of one that several layers share, `encoder.*.norm2.bias`.
fn path_of_bias(run: &Run, node: Node) -> String {
    let (tape, path) = (run.tape(), &run.tape().entry(node).place.path);
    let mut users = tape.uses(node).map(|(user, _)| &tape.entry(user).place.scope);
    let mut shared = || {
        let first = users.next()?;
        let (layer, stack) = (first.layer_prefix()?, first.stack()?);
        let is_shared = users.any(|user| user.layer_prefix() != Some(layer));
        is_shared.then_some(format!("{stack}.*{}", path.strip_prefix(layer)?))
    };
    shared().unwrap_or_else(|| path.clone())
}

/// What each head adds, by the words it looks at; the factors are the weights, and the context of heads that no word
/// gave. None where the sub-layer's output was replaced, so that nothing of it is a head's.
fn heads(
    run: &Run,
    place: &Place,
    out: Node,
    gradient: &Value,
) -> Option<(Vec<HeadPart>, Vec<Factors>)> {
    let tape = run.tape();
    let beside = |name: &str| run.node(&path_in(place.scope.prefix(), name));
    let context = beside(CONTEXT.name)?;
    let gradients = tape.backward(&[(out, gradient.clone())], &[context]);
    let (slopes, values) = (gradients.get(&context)?, tape.value(context));
    let rows = rows_that_count(slopes);
    if rows.is_empty() {
        return None;
    }
    let n_heads = values.shape().planes;
    let amount = |h: usize| slopes.plane(h).dot(values.plane(h));
    let read = beside(WEIGHTS.name).zip(run.values_read(place.scope.prefix()));
    let Some((weights, v)) = read else {
        let head = |h: usize| HeadPart { amount: amount(h), by_key: vec![] };
        return Some(((0..n_heads).map(head).collect(), Factors::of(run, context, slopes)));
    };
    let looks: Vec<Look> = (0..n_heads)
        .map(|h| Look::of(slopes.plane(h), tape.value(weights), tape.value(v), values, h, &rows))
        .collect();
    let head = |h: usize| HeadPart { amount: amount(h), by_key: looks[h].by_key() };
    let of_weights = |h: usize, i: usize, key: usize| looks[h].push[(i, key)];
    let mut factors = vec![Factors::in_rows(run, weights, &rows, of_weights)];
    if looks.iter().any(|look| look.made == HeadContext::Replaced) {
        let of_context = |h: usize, i: usize, col: usize| {
            let is_replaced = looks[h].made == HeadContext::Replaced;
            if is_replaced { slopes.plane(h)[(rows[i], col)] } else { 0.0 }
        };
        factors.push(Factors::in_rows(run, context, &rows, of_context));
    }
    Some(((0..n_heads).map(head).collect(), factors))
}

/// What a head takes from each word, in the rows that count.
struct Look {
    made: HeadContext,
    /// (query that counts, key)
    weights: Matrix,
    /// What a query would be pushed by if it looked at that key alone; 0 in a head that takes nothing from words.
    /// (query that counts, key)
    push: Matrix,
}

impl Look {
    /// `slopes` are those of the head's context; `v` has the values that the weights average.
    fn of(
        slopes: &Matrix,
        weights: &Value,
        v: &Value,
        context: &Value,
        head: usize,
        rows: &[usize],
    ) -> Self {
        // Several heads of queries may share one of values.
        let own = v.plane(head * v.shape().planes / context.shape().planes);
        let weights = weights.plane(head).select_rows(rows);
        let made = HeadContext::of(&weights, own, &context.plane(head).select_rows(rows));
        let push = slopes.select_rows(rows) * own.transpose();
        let push = if made == HeadContext::OfWords { push } else { push * 0.0 };
        Self { made, weights, push }
    }

    fn by_key(&self) -> Vec<f32> {
        if self.made == HeadContext::Replaced {
            return vec![];
        }
        self.push.component_mul(&self.weights).row_sum().iter().copied().collect()
    }
}

/// What each hidden unit adds. None where the sub-layer's output was replaced.
fn units(
    run: &Run,
    place: &Place,
    out: Node,
    gradient: &Value,
) -> Option<(Vec<f32>, Vec<Factors>)> {
    let scope = place.scope.prefix();
    let mut hidden = run.with_role(Role::FeedForwardHidden);
    let hidden = run.node(&hidden.find(|site| site.scope.prefix() == scope)?.path)?;
    let gradients = run.tape().backward(&[(out, gradient.clone())], &[hidden]);
    let slopes = gradients.get(&hidden)?;
    if rows_that_count(slopes).is_empty() {
        return None;
    }
    let amounts = slopes.zip_map(run.tape().value(hidden), |slope, x| slope * x);
    let amounts = amounts.matrix().row_sum().iter().copied().collect();
    Some((amounts, Factors::of(run, hidden, slopes)))
}

fn dot(a: &Value, b: &Value) -> f32 {
    a.planes().iter().zip(b.planes()).map(|(a, b)| a.dot(b)).sum()
}
