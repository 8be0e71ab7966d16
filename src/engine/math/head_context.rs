//! Whether a head's context is what its weights take from the values.

use super::matmul;
use crate::engine::value::Matrix;

/// What the context of a head is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadContext {
    /// The average of the values, by the head's weights.
    OfWords,
    /// All zeros, though the values average to something: the head is off.
    Off,
    /// Something else, put there by a what-if: no word gave it.
    Replaced,
}

impl HeadContext {
    /// Of rows of a context, beside the weights of these rows: weights (query, key), values (key, d_v), context
    /// (query, d_v).
    pub fn of(weights: &Matrix, values: &Matrix, context: &Matrix) -> Self {
        let average = matmul(weights, values); // (query, d_v)
        let bound = FAR * average.amax().max(context.amax());
        if !average.iter().zip(context.iter()).any(|(a, c)| (a - c).abs() > bound) {
            return Self::OfWords;
        }
        if context.iter().all(|&x| x == 0.0) { Self::Off } else { Self::Replaced }
    }
}

/// As a part of the largest number, what is more than another order of summation would make.
const FAR: f32 = 1e-4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_of_words_only_if_the_weights_average_the_values_to_it() {
        let weights = Matrix::from_row_slice(2, 2, &[0.5, 0.5, 1.0, 0.0]);
        let values = Matrix::from_row_slice(2, 1, &[1.0, 3.0]);
        let of = |numbers: &[f32]| {
            HeadContext::of(&weights, &values, &Matrix::from_row_slice(2, 1, numbers))
        };
        assert_eq!(of(&[2.0, 1.0]), HeadContext::OfWords);
        assert_eq!(of(&[2.000_001, 1.0]), HeadContext::OfWords, "rounding");
        assert_eq!(of(&[0.0, 0.0]), HeadContext::Off);
        assert_eq!(of(&[2.0, 1.5]), HeadContext::Replaced);
        let nothing = HeadContext::of(&weights, &(values * 0.0), &Matrix::zeros(2, 1));
        assert_eq!(nothing, HeadContext::OfWords);
    }
}
