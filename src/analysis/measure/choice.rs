//! What the next token was chosen from, at each place of an output.

use crate::{
    analysis::trace::Trace,
    engine::{
        math::{
            beam::log_softmax,
            sampling::{Choice, Choosing},
        },
        value::Cell,
    },
    model::{LOGITS, PROBS},
    text::Token,
};

/// The choice after the row, from the recorded logits. A model that only reads has written nothing
/// yet at any row, so that each of its choices is a first one. None if there is no such row.
pub fn choice(trace: &Trace, choosing: Choosing, row: usize) -> Option<Choice> {
    let logits = trace.value(LOGITS.name).filter(|v| v.shape().holds(Cell::new(0, row, 0)))?;
    let step = trace.output_at(row).map_or(0, |(i, _)| i);
    Some(choosing.choose(&logits.row(0, row), step))
}

/// Index of the candidate that was taken: what stands in the output, or what the choice says where
/// the model only reads.
pub fn taken(trace: &Trace, choice: &Choice, row: usize) -> usize {
    let written = trace.output_at(row).map(|(_, token)| token);
    let is_it = |token: &Token| choice.candidates.iter().position(|c| c.token == token.id as usize);
    written.and_then(is_it).unwrap_or(choice.chosen)
}

/// What has been read when the choice at the row is made.
pub fn read_so_far(trace: &Trace, row: usize) -> &[Token] {
    if trace.fills_in() {
        return &trace.source;
    }
    let tokens = if trace.target.is_empty() { &trace.source } else { &trace.target };
    &tokens[..tokens.len().min(row + 1)]
}

/// Row, token and probability of the written token that the model was least sure of.
pub fn least_sure(trace: &Trace) -> Option<(usize, usize, f32)> {
    let probs = trace.value(PROBS.name)?;
    let at = |(row, token): (usize, &Token)| {
        let cell = Cell::new(0, row, token.id as usize);
        (cell.row, cell.col, probs.get(cell))
    };
    trace.output_rows().into_iter().zip(&trace.output).map(at).min_by(|a, b| a.2.total_cmp(&b.2))
}

/// Sum of the log-probabilities of what was written, at temperature 1.
pub fn log_probability(trace: &Trace) -> Option<f64> {
    let logits = trace.value(LOGITS.name)?;
    let at =
        |(row, token): (usize, &Token)| log_softmax(&logits.row(0, row), 1.0)[token.id as usize];
    Some(trace.output_rows().into_iter().zip(&trace.output).map(at).sum())
}
