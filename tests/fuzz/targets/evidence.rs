//! What is asked about a pass, one a line: a word, or two with a comma between them; a place; another sentence, which is
//! patched; what is learned. Each is answered with numbers, or refused.

use super::{READ, answered, bounded};
use lookback::{
    analysis::{evidence::learner::Optimizer, reading::QuestionAsked},
    model::ModelName,
};

/// The most lines that are looked at: each takes passes.
const MOST: usize = 4;

pub fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    bounded(|| {
        for line in text.lines().take(MOST) {
            match line.split_once('=') {
                Some(("against", sentence)) => patch(sentence),
                Some(("learn", how)) => learn(how),
                Some(("place", place)) => {
                    let place = Some(place.parse().unwrap_or(usize::MAX));
                    attribute(&QuestionAsked { words: vec![], place });
                }
                _ => {
                    let words = line.split(',').map(Into::into).collect();
                    attribute(&QuestionAsked { words, place: None });
                }
            }
        }
    });
}

fn attribute(asked: &QuestionAsked) {
    let reading = &READ.1;
    let Some(run) = answered(reading.run(ModelName::Checkpoint, None)) else { return };
    let Some(question) = answered(reading.question(&run, asked)) else { return };
    let Some(found) = answered(reading.attribution(&run, &question)) else { return };
    // What the parts do not explain of a logit is rounding.
    assert!(found.rest().abs() <= 1e-3 * found.score.abs().max(1.0), "{}", found.rest());
}

fn patch(sentence: &str) {
    let reading = &READ.1;
    let Some(other) = answered(reading.sentence_of(sentence)) else { return };
    let patching = reading.patching(ModelName::Checkpoint, &other, &QuestionAsked::default());
    let Some(patching) = answered(patching) else { return };
    // Each cell takes a pass.
    let cells = patching.cells();
    for &cell in cells.first().into_iter().chain(cells.last()) {
        patching.measure(cell);
    }
}

/// `rate`, or `rate,target`; the length chooses the rule.
fn learn(how: &str) {
    let (rate, target) = how.split_once(',').map_or((how, None), |(r, t)| (r, Some(t)));
    let rate: f32 = rate.parse().unwrap_or(0.1);
    let optimizer = if how.len().is_multiple_of(2) { Optimizer::Sgd } else { Optimizer::Adam };
    let learner = READ.1.learner(ModelName::Checkpoint, target, optimizer, rate);
    if let Some(mut learner) = answered(learner) {
        let _ = learner.step(); // it may diverge
        learner.moved();
    }
}
