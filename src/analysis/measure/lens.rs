//! The logit lens (nostalgebraist 2020): the model's prediction if it stopped after a layer.

use nalgebra::RowDVector;

use crate::{
    analysis::trace::{Recorded, Trace},
    engine::{
        math::{argmax, largest, softmax_rows},
        site::{Role, Stream},
        value::{Cell, Matrix},
    },
    model::LOGITS,
};

/// The likeliest tokens that are kept of a prediction.
const N_GUESSES: usize = 3;

/// The next-token prediction at one site.
#[derive(Clone, Debug, PartialEq)]
pub struct LensPrediction {
    /// The site of the residual stream: `blocks.0.resid_post`.
    pub site: String,
    /// The layer of the site; None before the first and after the last.
    pub layer: Option<usize>,
    /// What the site is called in its layer: its own name, or that of the norm whose output it is.
    pub name: String,
    /// The three likeliest tokens, with their probabilities.
    pub top: Vec<(usize, f32)>,
    /// The rank of the finally chosen token, or of the word that is followed, from 1.
    pub rank: usize,
    /// Its probability here.
    pub probability: f32,
}

/// The predictions at one row, in the order of computation; empty for a model without layers of this kind. `say` gives
/// the logits of rows of the stream ([`crate::model::Model::unembed`]). Ranks are of `word`, or else of the token that
/// was finally chosen.
pub fn lens(
    trace: &Trace,
    row: usize,
    word: Option<usize>,
    say: impl Fn(&Matrix) -> Option<Matrix>,
) -> Vec<LensPrediction> {
    let Some(last) = word.or_else(|| chosen(trace, row)) else { return vec![] };
    let has_row = |site: &&Recorded| site.shape().holds(Cell::new(0, row, 0));
    let sites: Vec<&Recorded> = places(trace).filter(has_row).collect();
    if sites.is_empty() {
        return vec![];
    }
    let row_of = |site: &&Recorded| RowDVector::from_vec(site.value.row(0, row));
    let rows: Vec<_> = sites.iter().map(row_of).collect(); // (place, channel)
    let Some(logits) = say(&Matrix::from_rows(&rows)) else { return vec![] };
    let probs = softmax_rows(&logits); // (place, vocab)
    let guess = |(site, probs): (&Recorded, Vec<f32>)| {
        let top = largest(&probs, N_GUESSES).into_iter().map(|word| (word, probs[word])).collect();
        let probability = probs.get(last).copied().unwrap_or(0.0);
        let rank = 1 + probs.iter().filter(|&&p| p > probability).count();
        LensPrediction {
            site: site.path().to_owned(),
            layer: site.place.scope.layer_index(),
            name: name(site).to_owned(),
            top,
            rank,
            probability,
        }
    };
    let probs = probs.row_iter().map(|row| row.iter().copied().collect());
    sites.into_iter().zip(probs).map(guess).collect()
}

/// The token that the model chose after this row, or its likeliest one if it only reads.
pub fn chosen(trace: &Trace, row: usize) -> Option<usize> {
    let written = trace.output.get(row).filter(|_| !trace.target.is_empty());
    let logits = trace.value(LOGITS.name).filter(|v| v.shape().holds(Cell::new(0, row, 0)))?;
    written.map(|token| token.id as usize).or_else(|| argmax(logits.row(0, row)))
}

/// `resid_mid`, `norm2`
fn name(site: &Recorded) -> &str {
    match site.role() {
        Role::NormedStream => site.place.scope.name(),
        _ => site.place.site.name,
    }
}

/// The sites at which the stream is read, in the order of computation: after each norm where norms are on the stream,
/// else after each sum.
fn places(trace: &Trace) -> impl Iterator<Item = &Recorded> {
    let writes = if trace.target.is_empty() { Stream::Source } else { Stream::Target };
    let stream = move || trace.sites().filter(move |site| site.place.scope.rows() == writes);
    let is_post_norm = stream().any(|site| site.role() == Role::NormedStream);
    let is_place = move |site: &&Recorded| match (site.role(), site.place.scope.layer_index()) {
        (Role::NormedStream, layer) => {
            trace.is_masked_lm() || (writes == Stream::Target && layer.is_some())
        }
        (Role::LayerInput, Some(0)) => true,
        (Role::Residual(_), Some(_)) => !is_post_norm,
        _ => false,
    };
    stream().filter(is_place)
}
