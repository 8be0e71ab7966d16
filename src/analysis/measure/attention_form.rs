//! Attention maps other than the weights: weighted by the values' lengths, averaged over heads or layers, rolled out.
//!
//! A weight says how much of a value is taken, not how long that value is. A head may put its whole weight on a word
//! whose value is nearly zero; the norm of what arrives shows it (Kobayashi et al. 2020, Attention is Not Only a Weight,
//! eq. 5). Attention rollout follows weights through the layers, half of each layer being the residual (Abnar and
//! Zuidema 2020, Quantifying Attention Flow, eq. 1); it knows neither values nor feed-forward.

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{
        arithmetic::{Arithmetic, Expr, NumberName, NumberOf, Operand},
        math::{HeadContext, matmul},
        site::{Axis, Role, in_layer, path_in},
        value::{Cell, Matrix, Value},
    },
    model::layer::attention::{CONTEXT, OUT},
};

/// What a map of attention shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AttentionForm {
    /// The weights themselves.
    #[default]
    Weights,
    /// The length of what a head takes from a word: its weight times the length of the value after `W_O`.
    Norms,
    /// The mean over the heads of this layer.
    MeanOfHeads,
    /// The mean over the heads of all layers.
    MeanOfLayers,
    /// Rollout from the first layer to this one.
    Rollout,
}

impl AttentionForm {
    pub const ALL: [Self; 5] =
        [Self::Weights, Self::Norms, Self::MeanOfHeads, Self::MeanOfLayers, Self::Rollout];

    /// The name on the command line.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Norms => "norms",
            Self::MeanOfHeads => "heads",
            Self::MeanOfLayers => "layers",
            Self::Rollout => "rollout",
        }
    }

    /// The name in a title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Norms => "weight x length of the value",
            Self::MeanOfHeads => "mean of the heads",
            Self::MeanOfLayers => "mean of all layers and heads",
            Self::Rollout => "rollout to this layer",
        }
    }

    /// What a number is, and where that comes from.
    pub const fn caption(self) -> &'static str {
        match self {
            Self::Weights => "softmax: shares that sum to 1 in each row",
            Self::Norms => {
                "the length of what the head takes from the word: weight x |v W_O| (Kobayashi et al. 2020)"
            }
            Self::MeanOfHeads => "the weights of this layer's heads, averaged",
            Self::MeanOfLayers => "the weights of all heads of all layers, averaged",
            Self::Rollout => {
                "weights followed through the layers, half of each being the residual (Abnar and Zuidema 2020)"
            }
        }
    }

    /// The form after this one; the weights after the last.
    #[must_use]
    pub fn next(self) -> Self {
        let here = Self::ALL.iter().position(|form| *form == self).unwrap_or(0);
        Self::ALL[(here + 1) % Self::ALL.len()]
    }
}

/// A form of the attention of one site.
pub struct AttentionMap {
    pub form: AttentionForm,
    /// (head, query, key); one plane where heads are averaged.
    pub value: Value,
    /// The largest number.
    pub most: f32,
    /// Whether nothing is known of some head: its numbers are NaN.
    pub has_gaps: bool,
    made_of: MadeOf,
}

/// What the numbers of a map were computed from.
enum MadeOf {
    /// The length of each head's part of a value: (head, 1, key)
    Lengths(Value),
    Heads(usize),
    /// The mean of the heads, by layer. (query, key)
    Layers(Vec<Matrix>),
    /// The last factor of the product, and the rollout before it. (query, key)
    Product(Matrix, Matrix),
}

/// Whether a site is the attention weights of heads.
pub fn has_forms(site: &Recorded) -> bool {
    site.role() == Role::AttentionWeights && site.axes() == [Axis::Head, Axis::Query, Axis::Key]
}

/// A form of the attention whose weights are at `path`. None for the weights themselves, for a site without
/// attention, and where the model lacks what the form needs: values and `W_O` as wide as the heads, or rows and keys that are the
/// same words. Closed blocks are opened for it one at a time.
pub fn attention_map(trace: &Trace, path: &str, form: AttentionForm) -> Option<AttentionMap> {
    let opened = trace.opened(path);
    let trace = opened.as_ref().unwrap_or(trace);
    let site = trace.site(path).filter(|site| has_forms(site))?;
    let (value, made_of) = match form {
        AttentionForm::Weights => return None,
        AttentionForm::Norms => norms(trace, site)?,
        AttentionForm::MeanOfHeads => {
            (mean(&site.value).into(), MadeOf::Heads(site.shape().planes))
        }
        AttentionForm::MeanOfLayers => {
            let layers = layers(trace, site, usize::MAX)?;
            let share = 1.0 / layers.len() as f32;
            let sum = layers.iter().skip(1).fold(layers.first()?.clone(), |sum, next| sum + next);
            ((sum * share).into(), MadeOf::Layers(layers))
        }
        AttentionForm::Rollout => rollout(trace, site)?,
    };
    let most = value.numbers().filter(|x| x.is_finite()).fold(0.0, f32::max);
    let has_gaps = form == AttentionForm::Norms && value.numbers().any(f32::is_nan);
    Some(AttentionMap { form, value, most, has_gaps, made_of })
}

/// The weights at a path, of a closed block too.
fn weights_at(trace: &Trace, path: &str) -> Option<Value> {
    let opened = trace.opened(path);
    let site = opened.as_ref().unwrap_or(trace).site(path).filter(|site| has_forms(site))?;
    Some((*site.value).clone())
}

fn mean(weights: &Value) -> Matrix {
    let n = weights.shape().planes;
    let first = weights.passing_plane(0).into_owned();
    (1..n).fold(first, |sum, head| sum + &*weights.passing_plane(head)) / n as f32
}

/// `a |v W_O|`, head by head. Several heads may share their values.
fn norms(trace: &Trace, site: &Recorded) -> Option<(Value, MadeOf)> {
    let lengths = value_lengths(trace, site)?;
    let of = |head: usize| {
        let weights = site.value.passing_plane(head);
        Matrix::from_fn(weights.nrows(), weights.ncols(), |row, col| {
            weights[(row, col)] * lengths.get(Cell::new(head, 0, col))
        })
    };
    let planes = (0..site.shape().planes).map(of).collect();
    Some((Value::from_planes(planes), MadeOf::Lengths(lengths)))
}

/// The length of each word's value after a head's part of `W_O`: (head, 1, key). What is off gives nothing; of a head
/// that was given something else than words gave, nothing is known: NaN.
fn value_lengths(trace: &Trace, weights: &Recorded) -> Option<Value> {
    let v = trace.values_read(weights)?;
    let w_o = trace.weight_of(&path_in(weights.scope(), OUT.name), "W_O")?;
    let (n_heads, shape) = (weights.shape().planes, v.shape());
    let is_whole = shape.planes > 0 && n_heads.is_multiple_of(shape.planes);
    if !is_whole || w_o.shape().rows != n_heads * shape.cols || shape.rows != weights.shape().cols {
        return None;
    }
    let of = |head: usize| {
        let part = w_o.matrix().rows(head * shape.cols, shape.cols).into_owned();
        let given = matmul(v.value.plane(head * shape.planes / n_heads), &part); // (key, channel)
        let counts = match context_of(trace, weights, v, head) {
            HeadContext::OfWords => 1.0,
            HeadContext::Off => 0.0,
            HeadContext::Replaced => f32::NAN,
        };
        Matrix::from_fn(1, given.nrows(), |_, key| counts * given.row(key).norm())
    };
    Some(Value::from_planes((0..n_heads).map(of).collect()))
}

/// What the context of a head is; that of words where the model records none.
fn context_of(trace: &Trace, weights: &Recorded, v: &Recorded, head: usize) -> HeadContext {
    let beside = |name: &str| trace.site(&path_in(weights.scope(), name));
    if beside(OUT.name).is_some_and(|out| out.value.numbers().all(|x| x == 0.0)) {
        return HeadContext::Off;
    }
    let Some(context) = beside(CONTEXT.name) else { return HeadContext::OfWords };
    let own = v.value.plane(head * v.shape().planes / weights.shape().planes);
    HeadContext::of(&weights.value.passing_plane(head), own, context.value.plane(head))
}

/// The mean of the heads of each layer up to `last` that has such a site. None if they differ in size.
fn layers(trace: &Trace, site: &Recorded, last: usize) -> Option<Vec<Matrix>> {
    let (pattern, own) = (site.place.pattern()?, site.shape());
    let mut found = vec![];
    for layer in trace.known_layers().into_iter().filter(|layer| *layer <= last) {
        let Some(weights) = weights_at(trace, &in_layer(&pattern, layer)) else { continue };
        if weights.shape().rows != own.rows || weights.shape().cols != own.cols {
            return None;
        }
        found.push(mean(&weights));
    }
    Some(found)
}

/// `R_l = A_l R_(l-1)` with `A_l` half the mean of the heads and half the word itself, its rows summing to 1.
fn rollout(trace: &Trace, site: &Recorded) -> Option<(Value, MadeOf)> {
    let (scope, shape) = (&site.place.scope, site.shape());
    if scope.rows() != scope.keys() || shape.rows != shape.cols {
        return None;
    }
    let mut product = Matrix::identity(shape.rows, shape.rows);
    let (mut factor, mut before) = (product.clone(), product.clone());
    for mean in layers(trace, site, scope.layer_index()?)? {
        factor = with_residual(&mean);
        before = product;
        product = matmul(&factor, &before);
    }
    Some((product.into(), MadeOf::Product(factor, before)))
}

/// Half the weights and half the word itself, each row made to sum to 1. What was not computed counts nothing.
fn with_residual(mean: &Matrix) -> Matrix {
    let mut mixed = mean.map(|w| if w.is_nan() { 0.0 } else { 0.5 * w });
    for mut row in mixed.row_iter_mut() {
        let rest: f32 = row.iter().sum();
        row /= 2.0 * rest.max(f32::MIN_POSITIVE);
    }
    for i in 0..mixed.nrows() {
        mixed[(i, i)] += 0.5;
    }
    mixed
}

impl AttentionMap {
    /// The number of a cell; of a map with one plane for any head.
    pub fn get(&self, cell: Cell) -> f32 {
        self.value.get(Cell { plane: cell.plane.min(self.value.shape().planes - 1), ..cell })
    }

    /// What a cell was computed from; the weights' own cells can be opened in turn.
    pub fn open(&self, site: &Recorded, cell: Cell) -> Arithmetic {
        let leaf = |plane: usize| {
            let cell = Cell { plane, ..cell };
            Expr::Leaf(Operand { address: site.address(cell), value: site.value.get(cell) })
        };
        let over = |terms: Vec<Expr<Operand>>| {
            let n = terms.len() as f32;
            Expr::quotient(Expr::Sum(terms), Expr::Number(n))
        };
        let (formula, expr) = match &self.made_of {
            MadeOf::Lengths(lengths) => {
                let length = lengths.get(Cell::new(cell.plane, 0, cell.col));
                ("a[q,k] * |v[k] W_O|", Expr::Product(vec![leaf(cell.plane), Expr::Number(length)]))
            }
            MadeOf::Heads(n) => ("sum_h a[h,q,k] / n_heads", over((0..*n).map(leaf).collect())),
            MadeOf::Layers(layers) => {
                let numbers = layers.iter().map(|mean| Expr::Number(mean[(cell.row, cell.col)]));
                ("sum_l mean_l[q,k] / n_layers", over(numbers.collect()))
            }
            MadeOf::Product(factor, before) => {
                let term = |i: usize| {
                    let [a, b] = [factor[(cell.row, i)], before[(i, cell.col)]];
                    (a * b != 0.0).then(|| Expr::Product(vec![Expr::Number(a), Expr::Number(b)]))
                };
                let terms = (0..factor.ncols()).filter_map(term).collect();
                (
                    "sum_i A_l[q,i] * R_(l-1)[i,k], A_l half weights, half the word itself",
                    Expr::Sum(terms),
                )
            }
        };
        let of = match self.made_of {
            MadeOf::Lengths(_) => NumberOf::Number(site.address(cell)),
            // A number for all heads.
            _ => NumberOf::AllPlanes(site.address(cell)),
        };
        let name = NumberName::Words { what: self.form.title(), of: Some(of) };
        Arithmetic { name, value: self.get(cell), formula, expr: Some(expr) }
    }
}
