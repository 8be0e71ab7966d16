//! What a model loses when a head hands over nothing: heads knocked out one at a time.
//!
//! The model reads its own output again (teacher forcing), so that every pass is asked for the same
//! tokens and the difference is the head's alone.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    analysis::trace::Trace,
    engine::{
        change::{Change, Changes, Part},
        math::{argmax, beam::log_softmax},
        value::Value,
    },
    model::{LOGITS, Model, Setup},
};

/// The effect of knocking out one head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnockOut {
    pub head: usize,
    /// Change of the log-probability of the model's own output, in nats; negative where the output
    /// needed the head.
    pub change: f32,
    /// At how many places of the output another token would be the likeliest.
    pub tokens: usize,
}

/// By attention sub-layer (`encoder.1.self_attn`), head by head.
pub type KnockOuts = BTreeMap<String, Vec<KnockOut>>;

/// Knocks out every head of the model in turn. `source` are the ids the trace was made from,
/// `changes` what was different in it already.
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
        let pass =
            model.run(source, &Setup { changes, forced: own_output(trace), ..Setup::default() });
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

/// What the decoder reads after `<bos>`; None for a model without a decoder.
fn own_output(trace: &Trace) -> Option<Vec<u32>> {
    (!trace.target.is_empty()).then(|| trace.target[1..].iter().map(|token| token.id).collect())
}

/// What a pass says where the output stands.
struct Answer {
    /// Of the tokens that the unchanged pass wrote.
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
