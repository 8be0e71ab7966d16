//! What a linear probe can still read out of the last hidden state, word by word.

use crate::{
    math::{argmax, matmul, matmul_nt},
    trace::Trace,
    value::{Cell, Matrix},
};

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

/// After so many words read: how many of them the state still gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub read: usize,
    /// How many of them the probes reach.
    pub asked: usize,
    pub right: usize,
}

/// The probes put to the state after every word, not the last one alone. One answer a source word;
/// None for a model without probes.
pub fn kept_by_length(trace: &Trace) -> Option<Vec<Kept>> {
    let hidden = trace.value("rnn.encoder.hidden").or_else(|| trace.value("gru.encoder.hidden"))?;
    let (w, b) = (trace.value("readback.W")?, trace.value("readback.b")?);
    let (states, table) = (hidden.matrix(), trace.value("embed.weight")?.matrix());
    let n = trace.source.len();
    let mut right = vec![0; n];
    for (back, w) in w.planes().iter().enumerate().take(n) {
        // Row i of these states has read word i and `back` more.
        let states = states.rows(back, n - back).into_owned(); // (word, unit)
        let bias = b.matrix().row(back);
        let mut proj = matmul(&states, w); // (word, channel)
        proj.row_iter_mut().for_each(|mut row| row += bias);
        let guesses = likeliest(&matmul_nt(&proj, table));
        for (word, guess) in guesses.into_iter().enumerate() {
            right[word + back] += usize::from(guess == Some(trace.source[word].id as usize));
        }
    }
    let reach = w.shape().planes;
    let kept = |(i, right)| Kept { read: i + 1, asked: reach.min(i + 1), right };
    Some(right.into_iter().enumerate().map(kept).collect())
}

fn likeliest(logits: &Matrix) -> Vec<Option<usize>> {
    logits.row_iter().map(|row| argmax(row.iter().copied())).collect()
}
