//! Ablation of heads: the loss when one head outputs zeros, head by head.
//!
//! The model reads its own output again (teacher forcing), so that every pass predicts the same tokens and the
//! difference is due to the head alone.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    analysis::trace::Trace,
    engine::{
        change::{Change, Changes, Part},
        math::{argmax, log_softmax},
        value::Value,
    },
    model::{LOGITS, Model, Setup},
};

/// The effect of knocking out one head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnockOut {
    pub head: usize,
    /// The change of the log-probability of the model's own output, in nats; negative if the head helped the output.
    pub change: f32,
    /// The number of output positions where another token becomes the likeliest.
    pub tokens: usize,
}

/// The effects by attention sub-layer (`encoder.1.self_attn`), head by head.
pub type KnockOuts = BTreeMap<String, Vec<KnockOut>>;

/// The effect of knocking out each head in turn. `source` are the ids the trace was made from, `changes` its changes.
pub fn knock_out_heads(
    model: &dyn Model,
    trace: &Trace,
    source: &[u32],
    changes: &Changes,
) -> KnockOuts {
    let mut all = KnockOuts::new();
    let Some(before) = trace.value(LOGITS.name).map(|logits| Answer::new(logits, trace)) else {
        return all;
    };
    for change in trace.parts_off() {
        let Change::Off { scope, part: Part::Head(head) } = &change else { continue };
        let changes = Arc::new(changes.with(change.clone()));
        // Only the logits are looked at.
        let keep = model.keep(source.len());
        let forced = own_output(trace);
        let pass = model.run(source, &Setup { changes, forced, keep, ..Setup::default() });
        let Some(logits) = pass.value(LOGITS.name) else { continue };
        let after = Answer::new(logits, trace);
        let knock_out = KnockOut {
            head: *head,
            change: (after.log_probability - before.log_probability) as f32,
            tokens: after.likeliest.iter().zip(&before.likeliest).filter(|(a, b)| a != b).count(),
        };
        all.entry(scope.clone()).or_default().push(knock_out);
    }
    all
}

/// The decoder's input after `<bos>`; None for a model without a decoder.
fn own_output(trace: &Trace) -> Option<Vec<u32>> {
    (!trace.target.is_empty()).then(|| trace.target[1..].iter().map(|token| token.id).collect())
}

/// A pass's predictions at the positions of the output.
struct Answer {
    /// The log-probability of the unchanged pass's output.
    log_probability: f64,
    likeliest: Vec<Option<usize>>,
}

impl Answer {
    fn new(logits: &Value, trace: &Trace) -> Self {
        let log_probability = |(row, id)| log_softmax(&logits.row(0, row), 1.0)[id];
        let rows = || trace.output_rows().into_iter();
        let chosen = trace.output.iter().map(|token| token.id as usize);
        Self {
            log_probability: rows().zip(chosen).map(log_probability).sum(),
            likeliest: rows().map(|row| argmax(logits.row(0, row))).collect(),
        }
    }
}
