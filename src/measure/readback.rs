//! What a linear probe can still read out of the last hidden state, word by word.

use crate::{math::argmax, trace::Trace, value::Cell};

/// The probe's answer for one source word.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadBack {
    /// Position in the sentence.
    pub position: usize,
    /// The word that stood there.
    pub word: String,
    /// The probe's first guess.
    pub guess: String,
    /// The probability it gives to the right word, 0 to 1.
    pub probability: f32,
    /// Whether the guess is right.
    pub is_right: bool,
}

/// The probes' answers, first word first; words beyond the probes' reach (40) are left out. Empty
/// for a model without probes.
pub fn read_back(trace: &Trace) -> Vec<ReadBack> {
    let Some(site) = trace.site("readback.probs") else { return vec![] };
    let reach = (0..trace.source.len()).filter(|&t| !site.value.get(Cell::new(0, t, 0)).is_nan());
    reach
        .filter_map(|position| {
            let token = &trace.source[position];
            let guess = argmax(site.value.row(0, position))?;
            Some(ReadBack {
                position,
                word: token.text.clone(),
                guess: trace.label(site, site.axes()[2], guess),
                probability: site.value.get(Cell::new(0, position, token.id as usize)),
                is_right: guess == token.id as usize,
            })
        })
        .collect()
}

/// The share of words read back rightly, 0 to 1. None without probes.
pub fn share_right(answers: &[ReadBack]) -> Option<f32> {
    let right = answers.iter().filter(|a| a.is_right).count();
    (!answers.is_empty()).then(|| right as f32 / answers.len() as f32)
}
