//! What a linear probe can still read out of the last hidden state, word by word.

use nalgebra::RowDVector;

use crate::{
    analysis::trace::Trace,
    engine::{
        math::{argmax, matmul, matmul_nt},
        value::{Cell, Matrix},
    },
    model::{Model, Setup},
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

/// The last so many words read alone: how many of them the state gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    pub read: usize,
    /// How many of them the probes reach.
    pub asked: usize,
    pub right: usize,
}

/// The model reads the last word of `source` alone, then the last two, and so on to the whole; the
/// probes ask each last state for its words. (They know the states after a sentence's end, none from
/// its middle: so the sentence is lengthened from its end.) None for a model without probes.
pub fn kept_by_length(
    model: &dyn Model,
    trace: &Trace,
    source: &[u32],
    setup: &Setup,
) -> Option<Vec<Kept>> {
    let (w, b) = (trace.value("readback.W")?, trace.value("readback.b")?);
    let (n, table) = (source.len(), trace.value("embed.weight")?.matrix());
    let last_states = (1..=n).map(|read| last_state(model, &source[n - read..], setup));
    let states = Matrix::from_rows(&last_states.collect::<Option<Vec<_>>>()?); // (length, unit)
    let mut right = vec![0; n];
    for (back, (w, word)) in w.planes().iter().zip(source.iter().rev()).enumerate() {
        // Only who has read so many words can be asked for this one.
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
    let kept = |(i, right)| Kept { read: i + 1, asked: reach.min(i + 1), right };
    Some(right.into_iter().enumerate().map(kept).collect())
}

fn last_state(model: &dyn Model, source: &[u32], setup: &Setup) -> Option<RowDVector<f32>> {
    let tape = model.read(source, setup);
    let last = tape.nodes().last()?;
    Some(tape.value(last).matrix().row(0).into_owned())
}
