//! The load of experts: which tokens of a sentence go to which.

use crate::analysis::trace::Recorded;

/// How many tokens go to each expert, by a router's weights (position, expert).
pub fn tokens(weights: &Recorded) -> Vec<usize> {
    let weights = weights.value.matrix();
    weights.column_iter().map(|column| column.iter().filter(|&&w| w > 0.0).count()).collect()
}

/// The experts with a weight in a token's row, the weightiest first; of equals the first.
pub fn chosen(row: &[f32]) -> Vec<(usize, f32)> {
    let mut chosen: Vec<(usize, f32)> =
        row.iter().copied().enumerate().filter(|(_, weight)| *weight > 0.0).collect();
    chosen.sort_by(|a, b| b.1.total_cmp(&a.1));
    chosen
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn chosen_experts_are_listed_by_weight() {
        assert_eq!(chosen(&[0.0, 0.25, 0.0, 0.5, 0.25]), [(3, 0.5), (1, 0.25), (4, 0.25)]);
        assert_eq!(chosen(&[0.0, f32::NAN]), []);
    }
}
