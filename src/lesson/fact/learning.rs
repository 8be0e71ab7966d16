//! Facts about learning: the loss of the output, what steps of learning did, and the recorded training.

use std::sync::Arc;

use super::{Context, Fact, fact, fact_of_built_in};
use crate::{
    analysis::{
        evidence::learner::{BeforeAfter, Optimizer},
        measure::training::Training,
        reading::Course,
        trace::{Recorded, Trace},
    },
    engine::math::largest,
    lesson::phrases::Phrases,
    text::{Token, fixed, grouped, spoken},
};

pub(super) static FACTS: &[Fact] = &[
    fact("loss", "mean cross-entropy of the output, or of what is taught, in nats", |c| {
        c.phrases.or_none(mean(&costs(c)).map(fixed))
    }),
    fact("target_note", "whose the target is, and so whether its loss is low", target_note),
    fact("perplexity", "e to the power of the loss", |c| {
        c.phrases.or_none(mean(&costs(c)).map(|loss| spoken(loss.exp())))
    }),
    fact("costliest", "its word with the highest cross-entropy", |c| {
        c.phrases.or_none(costliest(c).map(|(word, _)| word))
    }),
    fact("costliest_cost", "the cross-entropy of that word", |c| {
        c.phrases.or_none(costliest(c).map(|(_, cost)| fixed(cost)))
    }),
    fact("costliest_p", "the probability of that word, after the sign that compares it", |c| {
        c.phrases.or_none(costliest(c).map(|(_, cost)| compared((-cost).exp())))
    }),
    fact("rate", "the learning rate", |c| learning_rate(c).to_string()),
    fact("n_weights", "learned numbers of the step's model", |c| grouped(n_weights(c.trace()))),
    fact("n_learned", "steps of learning before this pass, with their noun", |c| {
        let n = c.reading.known_course(c.step.model).map(|course| course.n_steps);
        c.phrases.or_none(n.map(|n| c.phrases.counted(n, Phrases::step, Phrases::steps)))
    }),
    fact("kept_before", "loss on the held-out sentences before learning", |c| {
        held_out(c, |loss| loss.before)
    }),
    fact("kept_now", "loss on the held-out sentences now", |c| held_out(c, |loss| loss.after)),
    fact_of_built_in("trained_steps", "steps of the step's model's training", |c| {
        of_training(c, |training| grouped(training.step))
    }),
    fact_of_built_in("trained_pairs", "sentence pairs of one step of it", |c| {
        of_training(c, |training| (training.examples / training.step.max(1)).to_string())
    }),
    fact_of_built_in("trained_to", "the last recorded loss of it", |c| {
        of_training(c, |training| training.curve.last().map_or_else(String::new, |l| spoken(l.1)))
    }),
];

/// What a model is taught, where a person said what.
fn given_course(c: &Context) -> Option<Arc<Course>> {
    let is_given = c.reading.changes.taught().is_some();
    c.reading.known_course(c.step.model).filter(|_| is_given)
}

fn target_note(c: &Context) -> String {
    match given_course(c) {
        None => c.phrases.target_own(),
        Some(_) => c.phrases.target_given(),
    }
}

/// Words and their cross-entropies: of what is taught if that was asked for, else of the output.
fn costs(c: &Context) -> Vec<(String, f32)> {
    let course = given_course(c);
    let named = |tokens: &[Token], costs: &[f32]| {
        tokens.iter().map(|token| token.text.clone()).zip(costs.iter().copied()).collect()
    };
    course.map_or_else(
        || named(&c.trace().output, &c.reading.output_costs(c.step.model)),
        |course| named(&course.target, &course.costs.after),
    )
}

fn mean(costs: &[(String, f32)]) -> Option<f32> {
    let sum: f32 = costs.iter().map(|(_, cost)| cost).sum();
    (!costs.is_empty()).then(|| sum / costs.len() as f32)
}

/// The word with the highest cross-entropy, in quotes, and that.
fn costliest(c: &Context) -> Option<(String, f32)> {
    let costs = costs(c);
    let numbers: Vec<f32> = costs.iter().map(|(_, cost)| *cost).collect();
    let position = *largest(&numbers, 1).first()?;
    let (word, cost) = costs.get(position)?;
    let n_same = costs.iter().filter(|(other, _)| other == word).count();
    Some((c.phrases.quoted_at(word, position, n_same), *cost))
}

/// `= 0.53`, `> 0.99`, `< 0.01`
fn compared(share: f32) -> String {
    match share {
        p if p >= 0.995 => "> 0.99".to_owned(),
        p if p < 0.005 => "< 0.01".to_owned(),
        p => format!("= {p:.2}"),
    }
}

fn learning_rate(c: &Context) -> f32 {
    c.reading.changes.rate().unwrap_or_else(|| Optimizer::Sgd.usual_rate())
}

/// The learned numbers: leaves other than initial states and encodings.
fn n_weights(trace: &Trace) -> usize {
    let is_weight = |site: &&Recorded| site.is_leaf && site.place.is_weight();
    trace.sites().filter(is_weight).map(|site| site.shape().len()).sum()
}

fn held_out(c: &Context, one: fn(BeforeAfter<f32>) -> f32) -> String {
    let loss = c.reading.known_course(c.step.model).and_then(|course| course.held_out);
    c.phrases.or_none(loss.map(|loss| spoken(one(loss))))
}

fn of_training(c: &Context, text: impl Fn(&Training) -> String) -> String {
    c.phrases.or_none(Training::of(c.step.model).map(text))
}
