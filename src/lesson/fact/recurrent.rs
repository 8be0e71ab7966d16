//! Recurrent states, gates, probes and forgetting.

use super::{Context, Fact, fact, length, mean, minus, number, or_none, plural, quoted, share};
use crate::{measure::readback::ReadBack, model::Name, value::Cell};

pub(super) static FACTS: &[Fact] = &[
    fact("input_size", "length of the word's part", |c| size_beside(c, "input")),
    fact("recurrent_size", "length of the past's part", |c| size_beside(c, "recurrent")),
    fact("state_size", "length of the state after the selected word", |c| size_beside(c, "hidden")),
    fact("state_change", "how far the selected word moved the state", state_change),
    fact("saturated", "units of the state beyond 0.9", saturated),
    fact("update_mean", "mean of the update gate at the selected word", |c| gate(c, "update")),
    fact("reset_mean", "mean of the reset gate", |c| gate(c, "reset")),
    fact("readback", "how many words the step's model gives back", |c| right(c.read_back())),
    fact("readback_elman", "the same, Elman RNN", |c| right(&c.reading.read_back(Name::Elman))),
    fact("readback_gru", "the same, GRU", |c| right(&c.reading.read_back(Name::Gru))),
    fact("kept_elman", "how many last words, read alone, the Elman RNN gives back whole", |c| {
        kept(c, Name::Elman)
    }),
    fact("kept_gru", "the same, GRU", |c| kept(c, Name::Gru)),
    fact("first_word", "the first word within the probes' reach", |c| {
        first(c, |a| quoted(&a.word))
    }),
    fact("first_probability", "what the probe gives it", |c| first(c, |a| share(a.probability))),
    fact("first_guess", "the probe's own guess there", |c| first(c, |a| quoted(&a.guess))),
    fact("guess", "the probe's guess at the selected word", |c| selected(c, |a| quoted(&a.guess))),
    fact("guess_probability", "and its probability", guess_probability),
    fact("forgetting_first", "derivative of the last state by the first word", |c| {
        forgetting(c, c.step.model, |norms| number(norms[0]))
    }),
    fact("forgetting_last", "the same by the last word", |c| {
        forgetting(c, c.step.model, |norms| number(norms[norms.len() - 1]))
    }),
    fact("forgetting_ratio", "how many times less the first word counts", |c| {
        forgetting(c, c.step.model, ratio)
    }),
    fact("forgetting_ratio_elman", "the same, Elman RNN", |c| forgetting(c, Name::Elman, ratio)),
    fact("forgetting_ratio_gru", "the same, GRU", |c| forgetting(c, Name::Gru, ratio)),
];

fn size_beside(c: &Context, name: &str) -> String {
    or_none(c.row_beside(name).map(|row| number(length(&row))))
}

fn state_change(c: &Context) -> String {
    let change = || {
        let (site, row) = (c.beside("hidden")?, c.row());
        let now = c.row_of(site)?;
        let before = match row {
            0 => vec![0.0; now.len()],
            row => site.value.row(0, row - 1),
        };
        Some(number(length(&minus(&now, &before))))
    };
    or_none(change())
}

fn saturated(c: &Context) -> String {
    let beyond = |row: Vec<f32>| row.iter().filter(|h| h.abs() > 0.9).count().to_string();
    or_none(c.row_beside("hidden").map(beyond))
}

fn gate(c: &Context, name: &str) -> String {
    or_none(c.row_beside(name).map(|row| share(mean(&row))))
}

fn right(answers: &[ReadBack]) -> String {
    let right = answers.iter().filter(|a| a.is_right).count();
    format!("{right} of {}", answers.len())
}

/// Measured on a worker, never here.
fn kept(c: &Context, model: Name) -> String {
    let Some(measures) = c.reading.measured() else { return "(measuring)".into() };
    let kept = measures.kept.get(&model);
    or_none(kept.map(|kept| kept.iter().take_while(|k| k.right == k.read).count().to_string()))
}

fn first(c: &Context, say: fn(&ReadBack) -> String) -> String {
    or_none(c.read_back().first().map(say))
}

/// The probes reach back 40 words; beyond, there is no answer.
fn selected(c: &Context, say: fn(&ReadBack) -> String) -> String {
    let answer = c.read_back().iter().find(|a| a.position == c.row());
    answer.map_or_else(|| "nothing (too far back for the probes)".into(), say)
}

fn guess_probability(c: &Context) -> String {
    let site = c.trace().site("readback.probs");
    let best = site.and_then(|site| {
        let shape = site.shape();
        let row = shape.holds(Cell::new(0, c.row(), 0)).then(|| site.value.row(0, c.row()))?;
        row.into_iter().filter(|p| !p.is_nan()).max_by(f32::total_cmp)
    });
    best.map_or_else(|| "no probability".into(), share)
}

/// Gradients are measured on a worker, never here.
fn forgetting(c: &Context, model: Name, say: fn(&[f32]) -> String) -> String {
    let Some(measures) = c.reading.measured() else { return "(measuring)".into() };
    match measures.forgetting.get(&model) {
        Some(norms) if !norms.is_empty() => say(norms),
        _ => super::NONE.into(),
    }
}

fn ratio(norms: &[f32]) -> String {
    let (first, last) = (norms[0], norms[norms.len() - 1]);
    match last / first {
        _ if norms.len() == 1 => "the same, there being one word only".into(),
        r if !r.is_finite() => "too small to be told from zero".into(),
        r if r >= 1.05 => format!("{} times smaller", number(r)),
        r if r <= 0.95 => format!("{} times larger", number(1.0 / r)),
        _ => format!("about the same over {}", plural(norms.len() - 1, "step")),
    }
}
