//! Facts about recurrent states, gates, probes and forgetting.

use super::{Context, Fact, fact, fact_of_built_in, mean, minus};
use crate::{
    analysis::{measure::readback::ReadBack, reading::WordGradient},
    engine::{math::length, site::Site},
    lesson::phrases::Phrases,
    model::{ModelName, layer::recurrent},
    text::{percent, share, spoken},
};

pub(super) static FACTS: &[Fact] = &[
    fact("input_size", "length of the word's part", |c| size_beside(c, &recurrent::INPUT)),
    fact("recurrent_size", "length of the past's part", |c| size_beside(c, &recurrent::RECURRENT)),
    fact("state_size", "length of the state after the selected word", |c| {
        size_beside(c, &recurrent::HIDDEN)
    }),
    fact("state_change", "how far the selected word moved the state", state_change),
    fact("saturated", "units of the state beyond 0.9", saturated),
    fact("update_mean", "mean of the update gate at the selected word", |c| {
        gate_mean(c, &recurrent::UPDATE)
    }),
    fact("reset_mean", "mean of the reset gate", |c| gate_mean(c, &recurrent::RESET)),
    fact("readback", "how many tokens the step's model gives back", |c| {
        n_right_of_all(c, &c.read_back())
    }),
    fact_of_built_in("readback_elman", "the same, Elman RNN", |c| {
        n_right_of_all(c, &c.reading.read_back(ModelName::Elman))
    }),
    fact_of_built_in("readback_gru", "the same, GRU", |c| {
        n_right_of_all(c, &c.reading.read_back(ModelName::Gru))
    }),
    fact_of_built_in("kept_elman", "up to which length the Elman RNN gives back all", |c| {
        fully_read_back(c, ModelName::Elman)
    }),
    fact_of_built_in("kept_gru", "the same, GRU", |c| fully_read_back(c, ModelName::Gru)),
    fact(
        "first_asked",
        "the first token that the probes answer for, and whether it is the sentence's first",
        |c| first_answer(c, first_asked),
    ),
    fact("first_probability", "what the probe gives it", |c| {
        first_answer(c, |_, a| percent(a.probability))
    }),
    fact("first_guess", "the probe's own guess there", |c| {
        first_answer(c, |c, a| c.phrases.quote(&a.guess))
    }),
    fact("forgetting_first", "derivative of the last state by the first word", |c| {
        forgetting(c, |_, norms| spoken(norms[0]))
    }),
    fact("forgetting_last", "the same by the last word", |c| {
        forgetting(c, |_, norms| spoken(norms[norms.len() - 1]))
    }),
    fact("forgetting_ratio", "how many times less the first word counts", |c| forgetting(c, ratio)),
];

fn size_beside(c: &Context, site: &Site) -> String {
    c.phrases.or_none(c.row_beside(site).map(|row| spoken(length(&row))))
}

fn state_change(c: &Context) -> String {
    let change = || {
        let (site, row) = (c.beside(&recurrent::HIDDEN)?, c.row());
        let now = c.row_of(site)?;
        let before = match row {
            0 => vec![0.0; now.len()],
            row => site.value.row(0, row - 1),
        };
        Some(spoken(length(&minus(&now, &before))))
    };
    c.phrases.or_none(change())
}

fn saturated(c: &Context) -> String {
    let beyond = |row: Vec<f32>| row.iter().filter(|h| h.abs() > 0.9).count().to_string();
    c.phrases.or_none(c.row_beside(&recurrent::HIDDEN).map(beyond))
}

fn gate_mean(c: &Context, site: &Site) -> String {
    c.phrases.or_none(c.row_beside(site).map(|row| share(mean(&row))))
}

/// Of a sentence that is longer than the probes reach, it says that only the last tokens are asked for.
fn n_right_of_all(c: &Context, answers: &[ReadBack]) -> String {
    let right = answers.iter().filter(|a| a.is_right).count().to_string();
    let asked = answers.len().to_string();
    if starts_the_sentence(answers.first()) {
        c.phrases.part_of(&right, &asked)
    } else {
        c.phrases.part_of_last(&right, &asked)
    }
}

fn starts_the_sentence(first: Option<&ReadBack>) -> bool {
    first.is_none_or(|answer| answer.position == 0)
}

fn first_asked(c: &Context, answer: &ReadBack) -> String {
    let word = c.phrases.quote(&answer.word);
    if starts_the_sentence(Some(answer)) {
        c.phrases.first_token(&word)
    } else {
        c.phrases.first_of_last(&word)
    }
}

/// The length up to which all tokens are read back; measured on a worker thread, never here.
fn fully_read_back(c: &Context, model: ModelName) -> String {
    let Some(counts) = c.reading.read_back_by_length() else { return c.phrases.measuring() };
    let length = counts.get(&model).map(|k| k.iter().take_while(|k| k.right == k.read).count());
    c.phrases.or_none(length.map(|n| match n {
        0 => c.phrases.kept_none(),
        n => c.phrases.kept_up_to(&n.to_string()),
    }))
}

fn first_answer(c: &Context, text_of: fn(&Context, &ReadBack) -> String) -> String {
    c.phrases.or_none(c.read_back().first().map(|answer| text_of(c, answer)))
}

/// Gradients are measured on a worker thread, never here.
fn forgetting(c: &Context, text_of: fn(&Context, &[f32]) -> String) -> String {
    let Some(forgetting) = c.reading.forgetting() else { return c.phrases.measuring() };
    match forgetting.get(&c.step.model) {
        Some(WordGradient { norms, .. }) if !norms.is_empty() => text_of(c, norms),
        _ => c.phrases.no_value(),
    }
}

fn ratio(c: &Context, norms: &[f32]) -> String {
    let (first, last) = (norms[0], norms[norms.len() - 1]);
    match last / first {
        _ if norms.len() == 1 => c.phrases.ratio_one_word(),
        r if !r.is_finite() => c.phrases.ratio_none(),
        r if r >= 1.05 => c.phrases.ratio_smaller(&spoken(r)),
        r if r <= 0.95 => c.phrases.ratio_larger(&spoken(1.0 / r)),
        _ => {
            c.phrases.ratio_same(&c.phrases.counted(norms.len() - 1, Phrases::step, Phrases::steps))
        }
    }
}
