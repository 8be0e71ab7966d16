//! Room for numbers that is used again. A pass makes the same shapes layer after layer; memory that was given
//! back to the system would have to be asked for anew, page by page, which takes longer than many an
//! operation on it.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
};

use super::Matrix;

/// Smaller ones are not worth keeping.
const LEAST: usize = 1 << 14;

/// The most numbers that are kept: 32 MB.
const MOST: usize = 1 << 23;

/// Buffers that nobody uses, by their length.
#[derive(Default)]
struct Kept {
    buffers: Option<HashMap<usize, Vec<Vec<f32>>>>,
    n_numbers: usize,
}

static KEPT: Mutex<Kept> = Mutex::new(Kept { buffers: None, n_numbers: 0 });

/// A matrix to be written all over: its numbers are any.
pub fn blank(rows: usize, cols: usize) -> Matrix {
    let len = rows * cols;
    let used = if len < LEAST { None } else { taken(len) };
    Matrix::from_vec(rows, cols, used.unwrap_or_else(|| vec![0.0; len]))
}

/// The same numbers in another place.
pub fn copied(x: &Matrix) -> Matrix {
    let mut out = blank(x.nrows(), x.ncols());
    out.as_mut_slice().copy_from_slice(x.as_slice());
    out
}

/// A used buffer of that length. Where it would be larger than all that is kept, that is freed first, so
/// that nothing is held beside what is largest.
fn taken(len: usize) -> Option<Vec<f32>> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let found = kept.buffers.as_mut().and_then(|buffers| buffers.get_mut(&len)?.pop());
    if found.is_some() {
        kept.n_numbers -= len;
    } else if len > kept.n_numbers {
        mem::take(&mut *kept);
    }
    found
}

/// Keeps a matrix's room for another.
pub fn give_back(matrix: Matrix) {
    let len = matrix.len();
    if len < LEAST {
        return;
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.n_numbers + len <= MOST {
        kept.n_numbers += len;
        let buffers = kept.buffers.get_or_insert_default();
        buffers.entry(len).or_default().push(matrix.data.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_for_another_shape_of_its_length() {
        let mut first = blank(211, 101);
        first.fill(7.0);
        let at = first.as_ptr();
        give_back(first);
        let second = blank(101, 211);
        assert_eq!(second.as_ptr(), at);
        assert_eq!(second.shape(), (101, 211));
    }
}
