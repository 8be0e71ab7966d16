//! NaN and infinity among a tensor's weights: how many, and where the first one is.

use rayon::prelude::*;

use super::{Packed, TensorInfo, tensor::RowOrder};
use crate::engine::value::Stored;

/// Numbers decoded at a time.
const AT_ONCE: usize = 1 << 16;

/// The NaN and infinite numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NotFinite {
    pub count: usize,
    /// The row-major index of the first one, and its value.
    pub first: (usize, f32),
}

impl TensorInfo {
    /// Its NaN and infinite numbers; None if there are none or it cannot be read.
    pub fn not_finite(&self) -> Option<NotFinite> {
        let n = self.n_numbers();
        let line = match (self.shape.as_slice(), self.order) {
            ([_], RowOrder::Interleaved(_)) => 1,
            (shape, _) => *shape.last()?,
        };
        let n_lines = n.checked_div(line)?;
        let packed = Packed::of(self, line, 0..n_lines, 0..line).ok()?;
        let step = (AT_ONCE / line).max(1);
        let starts: Vec<usize> = (0..n_lines).step_by(step).collect();
        let found = starts.into_par_iter().filter_map(|start| {
            let lines = start..n_lines.min(start + step);
            let mut numbers = vec![0.0; lines.len() * line];
            packed.read(lines, &mut numbers);
            among(&numbers).map(|found| (start * line, found))
        });
        let found = found.map(|(before, NotFinite { count, first: (at, x) })| NotFinite {
            count,
            first: (before + at, x),
        });
        found.reduce_with(|a, b| NotFinite { count: a.count + b.count, first: a.first })
    }
}

fn among(numbers: &[f32]) -> Option<NotFinite> {
    let odd = || numbers.iter().enumerate().filter(|(_, x)| !x.is_finite());
    let (at, x) = odd().next()?;
    Some(NotFinite { count: odd().count(), first: (at, *x) })
}
