//! Which words counted: gradient x input, integrated gradients, and leaving one out.
//!
//! The gradient says what a small change of a word's embedding would do, not what the word did: where a model is sure,
//! slopes are flat though the word decides. Integrated gradients add the slopes up on the way from a baseline, here the
//! embedding of zeros (the position stays), and so share out the whole difference; the share depends on the baseline,
//! which is no word. Leaving a word out asks the model itself, but about a sentence that nobody wrote. Where the three
//! agree, a word counted; where they do not, none of them is the truth.

use std::sync::Arc;

use rayon::prelude::*;

use super::{quadrature::gauss_legendre, run::Run, score::Score};
use crate::{
    engine::{
        change::Changes,
        tape::{Gradients, Node},
    },
    model::Model,
};

/// The points of the integral; that of captum.
pub const N_POINTS: usize = 50;

/// How many passes are computed between two looks at whether to go on.
const AT_ONCE: usize = 10;

/// How much each token counted, in units of the score; one number a token that the model read.
#[derive(Clone, Debug, PartialEq)]
pub struct Saliency {
    pub score: f32,
    /// The score where every embedding is zero.
    pub baseline: f32,
    /// `sum_c x[c] * d score / d x[c]`
    pub gradient: Vec<f32>,
    pub integrated: Vec<f32>,
    /// The score without the token; None for a token that is not the sentence's own, or that stands after what is asked
    /// about.
    pub without: Vec<Option<f32>>,
    /// The site of the embedded words.
    pub embedding: String,
    /// The gradient with respect to each token's embedding, by channel.
    pub slopes: Vec<Vec<f32>>,
    /// What each point of the integral adds to each token, in the order of the points.
    pub points: Vec<Vec<f32>>,
}

impl Saliency {
    /// What integrated gradients leave over: `score - baseline - sum`. It is small where the integral is exact enough.
    pub fn gap(&self) -> f32 {
        self.score - self.baseline - self.integrated.iter().sum::<f32>()
    }

    /// The score less the score without a token.
    pub fn left_out(&self, token: usize) -> Option<f32> {
        Some(self.score - self.without[token]?)
    }

    /// The figures added up over groups of tokens, such as the tokens of a word. What is left out one by one is no sum,
    /// so that a group of several has none.
    #[must_use]
    pub fn grouped(&self, groups: &[Vec<usize>]) -> Self {
        let sum = |of: &[f32]| groups.iter().map(|g| g.iter().map(|&i| of[i]).sum()).collect();
        let without = groups.iter().map(|group| match group[..] {
            [only] => self.without[only],
            _ => None,
        });
        Self {
            gradient: sum(&self.gradient),
            integrated: sum(&self.integrated),
            without: without.collect(),
            ..self.clone()
        }
    }
}

/// How much each token counted for the score. None for a model without embedded words, or a score outside the run, and
/// where `goes_on` says no: it is called with the passes that are done, of how many.
pub fn saliency(
    model: &dyn Model,
    run: &Run,
    changes: &Arc<Changes>,
    score: &Score,
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
    let n_passes = N_POINTS + run.pass.source.len();
    let seeds = score.seeds(run, |node| run.tape().value(node), 1.0);
    let gradients = run.tape().backward(&seeds, nodes);
    let points = gauss_legendre(N_POINTS);
    let of_point = |&(share, weight): &(f64, f64)| {
        let rows = by_row(run, nodes, &at(share as f32).1);
        rows.into_iter().map(|x| weight * f64::from(x)).collect::<Vec<f64>>()
    };
    let mut points_known: Vec<Vec<f64>> = vec![];
    for some in points.chunks(AT_ONCE) {
        points_known.par_extend(some.par_iter().map(of_point));
        goes_on(points_known.len(), n_passes).then_some(())?;
    }
    let gradient = by_row(run, nodes, &gradients);
    let n = gradient.len();
    let sum = |i: usize| points_known.iter().map(|rows| rows[i]).sum::<f64>() as f32;
    let mut without = vec![];
    let positions: Vec<usize> = (0..run.pass.source.len()).collect();
    for some in positions.chunks(AT_ONCE) {
        without
            .par_extend(some.par_iter().map(|&row| score_without(model, run, changes, score, row)));
        goes_on(N_POINTS + without.len(), n_passes).then_some(())?;
    }
    let at_point = |rows: &Vec<f64>| rows.iter().map(|x| *x as f32).collect();
    Some(Saliency {
        score: score.of_run(run)?,
        baseline: at(0.0).0?,
        integrated: (0..n).map(sum).collect(),
        without,
        gradient,
        slopes: slopes(run, nodes, &gradients, n),
        points: points_known.iter().map(at_point).collect(),
        embedding: run.embedding()?.to_owned(),
    })
}

/// The gradient of the score with respect to each token's embedding, channel by channel.
fn slopes(run: &Run, nodes: &[Node], gradients: &Gradients, n: usize) -> Vec<Vec<f32>> {
    let mut rows = vec![vec![]; n];
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
fn by_row(run: &Run, nodes: &[Node], gradients: &Gradients) -> Vec<f32> {
    let tape = run.tape();
    let first = |node: Node| tape.entry(node).place.origin.row;
    let ends = nodes.iter().map(|&node| first(node) + tape.shape(node).rows);
    let mut rows = vec![0.0; ends.max().unwrap_or(0)];
    for &node in nodes {
        let Some(gradient) = gradients.get(&node) else { continue };
        let (x, g, first) = (tape.value(node).matrix(), gradient.matrix(), first(node));
        for (row, (x, g)) in x.row_iter().zip(g.row_iter()).enumerate() {
            rows[first + row] = x.dot(&g);
        }
    }
    rows
}

/// The score of the sentence without the token of a row. A decoder reads the same output. None for a token
/// that is not the sentence's own, or that stands after what is asked about.
fn score_without(
    model: &dyn Model,
    run: &Run,
    changes: &Arc<Changes>,
    score: &Score,
    row: usize,
) -> Option<f32> {
    let i = row.checked_sub(run.n_before())?;
    if run.ids.len() < 2 || (run.reads_only() && row > score.last_row()) {
        return None;
    }
    let forced = (!run.reads_only()).then(|| run.pass.target[1..].to_vec());
    let mut ids = run.ids.clone();
    ids.remove(i);
    let shorter = Run::new(model, &ids, changes, forced);
    let moved = score.moved(if run.reads_only() { -1 } else { 0 });
    moved.of_run(&shorter)
}
