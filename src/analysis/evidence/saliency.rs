//! Which words counted: gradient x input, integrated gradients, and leaving one out.
//!
//! The gradient says what a small change of a word's embedding would do, not what the word did: where a model is sure,
//! slopes are flat though the word decides. Integrated gradients add the slopes up on the way from a baseline, here the
//! embedding of zeros (the position stays), and so share out the whole difference; the share depends on the baseline,
//! which is not a word. Leaving a word out asks the model itself, but about a sentence that nobody wrote. Where the three
//! agree, a word counted; where they do not, none of them is the truth.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    quadrature::gauss_legendre,
    run::{RowsOf, Run},
    score::Score,
};
use crate::{
    engine::tape::{Node, NodeGradients},
    model::Model,
};

/// The points of the integral; that of captum.
pub const N_POINTS: usize = 50;

/// How many passes are computed between two looks at whether to go on.
const AT_ONCE: usize = 10;

/// How much each word counted, in units of the score; one number for each word, which is one token or several.
#[derive(Clone, Debug, PartialEq)]
pub struct Saliency {
    pub score: f32,
    /// The score where every embedding is zero.
    pub baseline: f32,
    /// `sum_c x[c] * d score / d x[c]`, summed over the word's tokens.
    pub gradient: Vec<f32>,
    pub integrated: Vec<f32>,
    /// The score without the word; None for a word that is not the sentence's own, or that the score's row does not see.
    pub without: Vec<Option<f32>>,
    /// The site of the embedded words.
    pub embedding: String,
    /// The gradient with respect to each token's embedding, by channel.
    pub slopes: Vec<Vec<f32>>,
    /// What each point of the integral adds to each word, in the order of the points.
    pub points: Vec<Vec<f32>>,
}

/// The largest share of a difference that an integral may leave over to be believed.
const MOST_LEFT_OVER: f32 = 0.05;

impl Saliency {
    /// What integrated gradients leave over: `score - baseline - sum`. It is small where the integral is exact enough.
    pub fn gap(&self) -> f32 {
        self.score - self.baseline - self.integrated.iter().sum::<f32>()
    }

    /// Whether the integral is exact enough to share the difference out: its slopes are steep somewhere on the way from
    /// the baseline where they are not, as where a norm divides by almost nothing.
    pub fn is_complete(&self) -> bool {
        self.gap().abs() <= MOST_LEFT_OVER * (self.score - self.baseline).abs()
    }

    /// The score less the score without a word.
    pub fn left_out(&self, word: usize) -> Option<f32> {
        Some(self.score - self.without[word]?)
    }
}

/// How much each word counted for the score; `words` are their tokens, in order. None for a model without embedded words,
/// or a score outside the run, and where `goes_on` says no: it is called with the passes that are done, of how many.
pub fn saliency(
    model: &dyn Model,
    run: &Run,
    score: &Score,
    words: &[Range<usize>],
    mut goes_on: impl FnMut(usize, usize) -> bool,
) -> Option<Saliency> {
    let nodes = run.nodes(run.embedding()?);
    let last = run.logits_nodes();
    let at = |share: f32| {
        let scaled = nodes.iter().map(|&node| (node, run.tape().value(node).map(|x| share * x)));
        let replay = run.tape().replay(scaled.collect(), last);
        let value = score.value(|row| run.logits(|node| replay.value(node), row));
        let seeds = score.seeds(run, |node| replay.value(node), 1.0);
        (value, replay.backward(&seeds, nodes))
    };
    let n_passes = N_POINTS + words.len();
    let seeds = score.seeds(run, |node| run.tape().value(node), 1.0);
    let gradients = run.tape().backward(&seeds, nodes);
    let points = gauss_legendre(N_POINTS);
    let of_point = |&(share, weight): &(f64, f64)| {
        let rows = by_row(run, nodes, &at(share as f32).1);
        by_word(words, &rows).into_iter().map(|x| weight * f64::from(x)).collect::<Vec<f64>>()
    };
    let mut points_known: Vec<Vec<f64>> = vec![];
    for some in points.chunks(AT_ONCE) {
        points_known.par_extend(some.par_iter().map(of_point));
        goes_on(points_known.len(), n_passes).then_some(())?;
    }
    let sum = |i: usize| points_known.iter().map(|rows| rows[i]).sum::<f64>() as f32;
    let mut without = vec![];
    for some in words.chunks(AT_ONCE) {
        without.par_extend(some.par_iter().map(|word| score_without(model, run, score, word)));
        goes_on(N_POINTS + without.len(), n_passes).then_some(())?;
    }
    let at_point = |rows: &Vec<f64>| rows.iter().map(|x| *x as f32).collect();
    Some(Saliency {
        score: score.of_run(run)?,
        baseline: at(0.0).0?,
        integrated: (0..words.len()).map(sum).collect(),
        without,
        gradient: by_word(words, &by_row(run, nodes, &gradients)),
        slopes: slopes(run, nodes, &gradients),
        points: points_known.iter().map(at_point).collect(),
        embedding: run.embedding()?.to_owned(),
    })
}

/// The same for words, each one token or several, where `tokens` says how much each token counted: added up, and left out
/// together.
pub fn by_words(
    model: &dyn Model,
    run: &Run,
    score: &Score,
    tokens: &Saliency,
    words: &[Range<usize>],
) -> Saliency {
    let without = |word: &Range<usize>| match word.len() {
        1 => tokens.without[word.start],
        _ => score_without(model, run, score, word),
    };
    Saliency {
        gradient: by_word(words, &tokens.gradient),
        integrated: by_word(words, &tokens.integrated),
        without: words.par_iter().map(without).collect(),
        points: tokens.points.iter().map(|point| by_word(words, point)).collect(),
        ..tokens.clone()
    }
}

/// The gradient of the score with respect to each token's embedding, channel by channel.
fn slopes(run: &Run, nodes: &[Node], gradients: &NodeGradients) -> Vec<Vec<f32>> {
    let mut rows = vec![vec![]; n_rows(run, nodes)];
    for &node in nodes {
        let Some(gradient) = gradients.get(&node) else { continue };
        let first = run.tape().entry(node).place.origin.row;
        for row in 0..gradient.shape().rows {
            rows[first + row] = gradient.row(0, row);
        }
    }
    rows
}

/// `sum_c x[row, c] * gradient[row, c]`, row by row; x are the run's own embeddings.
fn by_row(run: &Run, nodes: &[Node], gradients: &NodeGradients) -> Vec<f32> {
    let tape = run.tape();
    let mut rows = vec![0.0; n_rows(run, nodes)];
    for &node in nodes {
        let Some(gradient) = gradients.get(&node) else { continue };
        let first = tape.entry(node).place.origin.row;
        let (x, g) = (tape.value(node).matrix(), gradient.matrix());
        for (row, (x, g)) in x.row_iter().zip(g.row_iter()).enumerate() {
            rows[first + row] = x.dot(&g);
        }
    }
    rows
}

/// The rows that these nodes hold together.
fn n_rows(run: &Run, nodes: &[Node]) -> usize {
    let end = |&node: &Node| run.tape().entry(node).place.origin.row + run.tape().shape(node).rows;
    nodes.iter().map(end).max().unwrap_or(0)
}

/// The numbers of rows added up over the tokens of each word.
fn by_word(words: &[Range<usize>], rows: &[f32]) -> Vec<f32> {
    words.iter().map(|word| rows[word.clone()].iter().sum()).collect()
}

/// The score of the sentence without a word. A decoder reads the same output. None for a word that is not the
/// sentence's own, or that the score's row does not see or is; and in a pass with numbers set by hand or taken from another
/// pass, which are those of places that would move.
fn score_without(model: &dyn Model, run: &Run, score: &Score, word: &Range<usize>) -> Option<f32> {
    if run.changes.sets_numbers() || word.start < run.own.start || word.end > run.own.end {
        return None;
    }
    let first = word.start.checked_sub(run.n_before())?;
    let ids = run.ids.get(..first)?.iter().chain(run.ids.get(first + word.len()..)?);
    let ids: Vec<u32> = ids.copied().collect();
    if ids.is_empty() {
        return None;
    }
    let (rows, n) = (score.rows(), word.len() as isize);
    let by = match run.rows_of {
        RowsOf::Output | RowsOf::Text => 0,
        RowsOf::NextWords if word.end <= rows.end => -n,
        RowsOf::Words if word.end <= rows.start => -n,
        RowsOf::Words if rows.end <= word.start => 0,
        RowsOf::NextWords | RowsOf::Words => return None,
    };
    let forced = (!run.reads_only()).then(|| run.pass.target[1..].to_vec());
    score.moved(by).of_run(&Run::new(model, &ids, &run.changes, forced))
}
