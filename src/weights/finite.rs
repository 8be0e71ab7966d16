//! NaN and infinity among a tensor's weights: how many, and where the first one is.

use std::ops::Range;

use rayon::prelude::*;

use super::{Packed, TensorInfo, tensor::RowOrder};
use crate::engine::value::Stored;

/// Numbers decoded at a time; whole blocks of every format.
const AT_ONCE: usize = 1 << 16;

/// The NaN and infinite numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NotFinite {
    pub count: usize,
    /// The row-major index of the first one.
    pub first: usize,
    /// The value of the first one.
    pub value: f32,
}

/// A part of a tensor: whole lines, or numbers of one line.
struct Piece {
    lines: Range<usize>,
    numbers: Range<usize>,
}

impl TensorInfo {
    /// Its NaN and infinite numbers among about `most` numbers, which are spread evenly over a larger tensor; None if
    /// there are none or it cannot be read.
    pub fn not_finite(&self, most: usize) -> Option<NotFinite> {
        let n = self.n_numbers();
        let line = match (self.shape.as_slice(), self.order) {
            ([_], RowOrder::Interleaved(_)) => 1,
            (shape, _) => *shape.last()?,
        };
        let n_lines = n.checked_div(line)?;
        let packed = Packed::of(self, line, 0..n_lines, 0..line).ok()?;
        let (across, down) = (line.div_ceil(AT_ONCE), (AT_ONCE / line).max(1));
        let n_pieces = n_lines.div_ceil(down) * across;
        let every = n.div_ceil(most.max(1)).max(1);
        let found = (0..n_pieces.div_ceil(every)).into_par_iter().filter_map(|i| {
            let (row, column) = (i * every / across * down, i * every % across * AT_ONCE);
            let lines = row..n_lines.min(row + down);
            let piece = Piece { lines, numbers: column..line.min(column + AT_ONCE) };
            among(&read(&packed, &piece)).map(|found| (row * line + column, found))
        });
        let found = found.map(|(before, found)| NotFinite { first: before + found.first, ..found });
        found.reduce_with(|a, b| NotFinite { count: a.count + b.count, ..a })
    }
}

fn read(packed: &Packed, Piece { lines, numbers }: &Piece) -> Vec<f32> {
    let mut decoded = vec![0.0; lines.len() * numbers.len()];
    if lines.len() == 1 {
        packed.read_part(lines.start, numbers.clone(), &mut decoded);
    } else {
        packed.read(lines.clone(), &mut decoded);
    }
    decoded
}

fn among(numbers: &[f32]) -> Option<NotFinite> {
    let odd = || numbers.iter().enumerate().filter(|(_, x)| !x.is_finite());
    let (first, value) = odd().next()?;
    Some(NotFinite { count: odd().count(), first, value: *value })
}
