//! The words that a linear probe reads from the last hidden state.

use nalgebra::RowDVector;

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{
        math::{argmax, matmul, matmul_nt},
        value::{Cell, Matrix},
    },
    model::{EMBEDDING_TABLE, Model, Setup},
};

/// The site of the probes' predictions.
const ANSWERS: &str = "readback.probs";

/// The probe's prediction for one source word.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadBack {
    /// Position in the sentence.
    pub position: usize,
    /// The word at that position.
    pub word: String,
    /// The probe's likeliest word.
    pub guess: String,
    /// Its probability for the right word, 0 to 1.
    pub probability: f32,
    /// Whether that word is right.
    pub is_right: bool,
}

/// The probes' predictions, first word first, without words beyond the probes' range (24). Empty for a model without
/// probes.
pub fn read_back(trace: &Trace) -> Vec<ReadBack> {
    let Some(site) = trace.site(ANSWERS) else { return vec![] };
    let reach = (0..trace.source.len()).filter(|&t| !is_out_of_reach(site, t));
    reach
        .filter_map(|position| {
            let token = &trace.source[position];
            let guess = argmax(site.value.row(0, position))?;
            Some(ReadBack {
                position,
                word: token.text.clone(),
                guess: trace.label_in_row(site, site.axes()[2], guess, position),
                probability: site.value.get(Cell::new(0, position, token.id as usize)),
                is_right: guess == token.id as usize,
            })
        })
        .collect()
}

/// Whether a row of a site has no numbers because the probes reach only the last words.
pub fn is_out_of_reach(site: &Recorded, row: usize) -> bool {
    site.path() == ANSWERS && site.value.get(Cell::new(0, row, 0)).is_nan()
}

/// The share of words read back correctly, 0 to 1. None without probes.
pub fn share_right(answers: &[ReadBack]) -> Option<f32> {
    let right = answers.iter().filter(|a| a.is_right).count();
    (!answers.is_empty()).then(|| right as f32 / answers.len() as f32)
}

/// How many of a text's words can be read back, when the model reads only the last words of the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadBackCount {
    pub read: usize,
    /// The number of words in the probes' range.
    pub asked: usize,
    pub right: usize,
}

/// The words read back when the model reads the last word of `source` alone, then the last two, up to the whole; the
/// probes predict the words from each last state. They were trained on states at a sentence's end, not in its middle,
/// so the sentence is extended at its beginning. None for a model without probes.
pub fn read_back_by_length(
    model: &dyn Model,
    trace: &Trace,
    source: &[u32],
    setup: &Setup,
) -> Option<Vec<ReadBackCount>> {
    let (w, b) = (trace.value("readback.W")?, trace.value("readback.b")?);
    let (n, table) = (source.len(), trace.value(EMBEDDING_TABLE)?.matrix());
    let last_states = (1..=n).map(|read| last_state(model, &source[n - read..], setup));
    let states = Matrix::from_rows(&last_states.collect::<Option<Vec<_>>>()?); // (length, unit)
    let mut right = vec![0; n];
    for (back, (w, word)) in w.planes().iter().zip(source.iter().rev()).enumerate() {
        // Only states that have read enough words include this one.
        let states = states.rows(back, n - back).into_owned();
        let bias = b.matrix().row(back);
        let mut proj = matmul(&states, w); // (length, channel)
        proj.row_iter_mut().for_each(|mut row| row += bias);
        for (i, logits) in matmul_nt(&proj, table).row_iter().enumerate() {
            let guess = argmax(logits.iter().copied());
            right[back + i] += usize::from(guess == Some(*word as usize));
        }
    }
    let reach = w.shape().planes;
    let kept = |(i, right)| ReadBackCount { read: i + 1, asked: reach.min(i + 1), right };
    Some(right.into_iter().enumerate().map(kept).collect())
}

fn last_state(model: &dyn Model, source: &[u32], setup: &Setup) -> Option<RowDVector<f32>> {
    let tape = model.read(source, setup);
    let last = tape.nodes().last()?;
    Some(tape.value(last).matrix().row(0).into_owned())
}
