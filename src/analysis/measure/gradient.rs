//! The influence of each source word: Jacobians and gradients by automatic differentiation.

use std::collections::BTreeMap;

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{
        math::slopes_of_log_softmax,
        site::{Role, Stream},
        value::{Cell, Value},
    },
    model::{LOGITS, ModelName},
};

/// Squared gradient components per word; the root of a word's sum is its norm.
pub type Squares = Vec<Vec<f32>>;

/// The norm of each word's components.
pub fn norms(squares: &Squares) -> Vec<f32> {
    squares.iter().map(|squares| squares.iter().sum::<f32>().sqrt()).collect()
}

/// The Frobenius norm of the Jacobian of the last encoder hidden state with respect to each source word's embedding,
/// `||d h_n / d x_t||_F` (Pascanu et al. 2013), as squares: one per unit of the state, for each source word. None for
/// a model without a fixed vector.
pub fn forgetting(trace: &Trace) -> Option<Squares> {
    if !matches!(trace.model, ModelName::Elman | ModelName::Gru) {
        return None;
    }
    let is_read = |site: &&Recorded| {
        site.role() == Role::HiddenState && site.place.scope.rows() == Stream::Source
    };
    let (hidden, embed) = (trace.sites().find(is_read)?, trace.embedding(Stream::Source)?);
    let shape = hidden.shape();
    let mut squares = vec![vec![]; trace.source.len()];
    for unit in 0..shape.cols {
        let mut seed = Value::zeros(shape);
        seed.set(Cell::new(0, shape.rows - 1, unit), 1.0);
        let grad = trace.gradient(&[(hidden.path(), seed)], embed.path())?;
        for (t, squares) in squares.iter_mut().enumerate() {
            squares.push(grad.matrix().row(t).norm_squared());
        }
    }
    Some(squares)
}

/// The norm of the gradient of the output's log-probability with respect to each source word's embedding, `||d sum_t
/// log p(y_t) / d x_j||`, as squares: one per channel, for each source word. A model that only reads has the
/// log-probability of the next token, or of the masked ones, and its own input tokens.
pub fn influence(trace: &Trace) -> Option<Squares> {
    let gradient = of_log_probability(trace, trace.embedding(Stream::Source)?.path())?;
    let rows = gradient.matrix().row_iter();
    Some(rows.map(|row| row.iter().map(|slope| slope * slope).collect()).collect())
}

/// The gradient norms for the tokens that the decoder read, `<bos>` first. None for a model without a decoder.
pub fn influence_of_target(trace: &Trace) -> Option<Vec<f32>> {
    let gradient = of_log_probability(trace, trace.embedding(Stream::Target)?.path())?;
    Some(gradient.matrix().row_iter().map(|row| row.norm()).collect())
}

/// The most weights of a layer whose slopes are computed: these are as many numbers again, and several times as many
/// on the way there.
const MOST_WEIGHTS: usize = 1 << 25;

/// `d sum_t log p(y_t) / d a` for every attention weight `a`, by the path of the weights; without layers that have more
/// than `MOST_WEIGHTS`.
pub fn of_attention_weights(trace: &Trace) -> BTreeMap<String, Value> {
    let sites = trace.sites().filter(|site| !site.is_leaf && site.shape().len() <= MOST_WEIGHTS);
    let weights = sites.filter(|site| site.role() == Role::AttentionWeights);
    let of = |path: &str| Some((path.to_owned(), of_log_probability(trace, path)?));
    weights.filter_map(|site| of(site.path())).collect()
}

/// The gradient of the output's summed log-probability with respect to a site or a weight, in its shape. None if the
/// output does not depend on it.
pub fn of_log_probability(trace: &Trace, wanted: &str) -> Option<Value> {
    let logits = trace.value(LOGITS.name)?;
    let mut seed = Value::zeros(logits.shape());
    // Some models predict at every position, but not every prediction is part of the output.
    for (row, chosen) in trace.output_rows().into_iter().zip(&trace.output) {
        let slopes = slopes_of_log_softmax(&logits.row(0, row), chosen.id as usize);
        for (col, slope) in slopes.into_iter().enumerate() {
            seed.set(Cell::new(0, row, col), slope as f32);
        }
    }
    trace.gradient(&[(LOGITS.name, seed)], wanted)
}
