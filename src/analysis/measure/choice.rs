//! The choice of the next token at each position of an output.

use crate::{
    analysis::trace::Trace,
    engine::{
        math::{
            self, log_softmax,
            sampling::{Choice, Choosing},
        },
        value::Cell,
    },
    model::{LOGITS, PROBS},
    text::Token,
};

/// The choice after the row, from the recorded logits. For a model that only reads, each choice counts as the first
/// one. None if there is no such row.
pub fn choice(trace: &Trace, choosing: Choosing, row: usize) -> Option<Choice> {
    let logits = trace.value(LOGITS.name).filter(|v| v.shape().holds(Cell::new(0, row, 0)))?;
    let step = trace.output_at(row).map_or(0, |(i, _)| i);
    Some(choosing.choose(&logits.row(0, row), step))
}

/// The index of the chosen candidate: the output's token, or the choice's own for a model that only reads.
pub fn taken(trace: &Trace, choice: &Choice, row: usize) -> usize {
    let written = trace.output_at(row).map(|(_, token)| token);
    let is_it = |token: &Token| choice.candidates.iter().position(|c| c.token == token.id as usize);
    written.and_then(is_it).unwrap_or(choice.chosen)
}

/// The tokens read before the choice at the row.
pub fn read_so_far(trace: &Trace, row: usize) -> &[Token] {
    if trace.is_masked_lm() {
        return &trace.source;
    }
    let tokens = if trace.target.is_empty() { &trace.source } else { &trace.target };
    &tokens[..tokens.len().min(row + 1)]
}

/// A token of the output, as the model wrote it.
#[derive(Clone, Copy, Debug)]
pub struct WrittenToken {
    /// The row of the logits that it was chosen by.
    pub row: usize,
    pub id: usize,
    pub probability: f32,
}

/// The output token with the lowest probability.
pub fn least_sure(trace: &Trace) -> Option<WrittenToken> {
    least_sure_where(trace, |_, _| true)
}

/// [`least_sure`] among the rows and tokens for which this holds.
pub fn least_sure_where(
    trace: &Trace,
    is_asked: impl Fn(usize, &Token) -> bool,
) -> Option<WrittenToken> {
    let probs = trace.value(PROBS.name)?;
    let at = |(row, token): (usize, &Token)| {
        let id = token.id as usize;
        WrittenToken { row, id, probability: probs.get(Cell::new(0, row, id)) }
    };
    let written = trace.output_rows().into_iter().zip(&trace.output);
    let asked = written.filter(|(row, token)| is_asked(*row, token));
    asked.map(at).min_by(|a, b| a.probability.total_cmp(&b.probability))
}

/// The sum of the log-probabilities of the output, at temperature 1.
pub fn log_probability(trace: &Trace) -> Option<f64> {
    let logits = trace.value(LOGITS.name)?;
    let at =
        |(row, token): (usize, &Token)| log_softmax(&logits.row(0, row), 1.0)[token.id as usize];
    Some(trace.output_rows().into_iter().zip(&trace.output).map(at).sum())
}

/// The cross-entropy of every token of the output, in nats; NaN for one outside the logits, empty without logits.
pub fn output_costs(trace: &Trace) -> Vec<f32> {
    let Some(logits) = trace.logits() else { return vec![] };
    let cost = |(row, token): (usize, &Token)| {
        let cell = Cell::new(0, row, token.id as usize);
        let is_there = logits.shape().holds(cell);
        let log = is_there.then(|| math::log_probability(&logits.value.row(0, row), cell.col));
        log.map_or(f32::NAN, |log| -log as f32)
    };
    trace.output_rows().into_iter().zip(&trace.output).map(cost).collect()
}
