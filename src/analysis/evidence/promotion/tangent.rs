//! The curved head of a masked language model as its tangent at a row: what directions add to the logits to first order.
//!
//! BERT's head is `norm(act(x W + b)) Eᵀ + b'` (Devlin et al. 2019). Its activation is followed by its slope at the row's
//! own numbers, and its norm with the scale held fixed, as in attribution: the product with the head's Jacobian there.

use super::norms::{DirectNorm, is_of_head};
use crate::{
    analysis::evidence::run::Run,
    engine::{
        math::{times, times_transposed},
        site::{Role, path_in},
        value::{Matrix, Value},
    },
    model::{
        LOGITS,
        bert::{HEAD_HIDDEN, HEAD_SUM, MASKED_WORDS},
    },
};

pub(super) struct HeadTangent<'a> {
    /// W. (d_model, d_embed)
    inner: &'a Value,
    /// The slope of the activation, by channel.
    slopes: Vec<f32>,
    norms: Vec<DirectNorm>,
    /// E. (vocab, d_embed)
    unembed: &'a Value,
}

impl<'a> HeadTangent<'a> {
    /// The head at a row of the logits; None for a model without such a head.
    pub(super) fn of(run: &'a Run, row: usize) -> Option<Self> {
        let [sum, hidden] = [HEAD_SUM.name, HEAD_HIDDEN.name].map(|n| path_in(MASKED_WORDS, n));
        let (tape, (before, local), (after, _)) =
            (run.tape(), run.row(&sum, row)?, run.row(&hidden, row)?);
        let mut seed = Value::zeros(tape.shape(after));
        seed.planes_mut()[0].row_mut(local).fill(1.0);
        let slopes = tape.backward(&[(after, seed)], &[before]).get(&before)?.row(0, local);
        let scales = run.with_role(Role::NormScale).filter(|scale| is_of_head(&scale.path));
        Some(Self {
            inner: run.weight_of(&sum, "W")?,
            slopes,
            norms: scales.filter_map(|scale| DirectNorm::of(run, &scale.path, row)).collect(),
            unembed: run.weight_of(LOGITS.name, "weight")?,
        })
    }

    /// What directions at the head's input add to the logits. (direction, d_model) -> (direction, vocab)
    pub(super) fn logits(&self, directions: &Matrix) -> Matrix {
        let mut hidden = times(directions, self.inner, None); // (direction, d_embed)
        for mut direction in hidden.row_iter_mut() {
            let bent = direction.iter().zip(&self.slopes).map(|(x, slope)| x * slope).collect();
            let normed = self.norms.iter().fold(bent, |x, norm| norm.of_direction(x));
            direction.iter_mut().zip(normed).for_each(|(to, x)| *to = x);
        }
        times_transposed(&hidden, self.unembed, None)
    }
}
