//! Reuses the buffers of matrices. A pass allocates the same shapes layer after layer; returning memory to the
//! system and requesting it again, page by page, takes longer than many operations on it.

use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Matrix, large_pages};

/// The smallest buffer worth keeping, in numbers.
const LEAST: usize = 1 << 14;

/// The most numbers that are kept: 32 MB.
const MOST: usize = 1 << 23;

/// The smallest buffer worth large pages: 8 MB.
const LEAST_OF_LARGE_PAGES: usize = 1 << 21;

/// The unused buffers, by length.
#[derive(Default)]
struct Shelf {
    buffers: Option<HashMap<usize, Vec<Vec<f32>>>>,
    n_numbers: usize,
}

static SHELF: Mutex<Shelf> = Mutex::new(Shelf { buffers: None, n_numbers: 0 });

impl Shelf {
    /// An unused buffer of that length, if there is one. If the length exceeds all kept buffers together, those are
    /// freed, so that nothing is held beside the largest allocation.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let found = self.buffers.as_mut().and_then(|buffers| buffers.get_mut(&len)?.pop());
        if found.is_some() {
            self.n_numbers -= len;
        } else if len > self.n_numbers {
            mem::take(self);
        }
        found
    }

    /// Keeps a buffer; beyond the limit the older ones are freed, as they may have another text's lengths.
    fn put(&mut self, buffer: Vec<f32>) {
        let len = buffer.len();
        if self.n_numbers + len > MOST {
            mem::take(self);
        }
        self.n_numbers += len;
        self.buffers.get_or_insert_default().entry(len).or_default().push(buffer);
    }
}

/// A matrix with arbitrary content, to be overwritten completely.
pub fn blank(rows: usize, cols: usize) -> Matrix {
    let len = rows * cols;
    let used = if len < LEAST { None } else { shelf().take(len) };
    Matrix::from_vec(rows, cols, used.unwrap_or_else(|| fresh(len)))
}

/// Zeros; many of them in large pages where the system has those, as small ones are handed out one by one.
fn fresh(len: usize) -> Vec<f32> {
    let mut buffer = vec![0.0; len];
    if len >= LEAST_OF_LARGE_PAGES {
        large_pages::prefer(&mut buffer);
    }
    buffer
}

/// A copy in a reused buffer.
pub fn copied(x: &Matrix) -> Matrix {
    let mut out = blank(x.nrows(), x.ncols());
    out.as_mut_slice().copy_from_slice(x.as_slice());
    out
}

/// Keeps a matrix's buffer for reuse.
pub fn give_back(matrix: Matrix) {
    if (LEAST..=MOST).contains(&matrix.len()) {
        shelf().put(matrix.data.into());
    }
}

fn shelf() -> MutexGuard<'static, Shelf> {
    SHELF.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_serves_again_and_no_more_are_kept_than_there_may_be() {
        let mut shelf = Shelf::default();
        shelf.put(vec![7.0; LEAST]);
        assert_eq!(shelf.take(LEAST), Some(vec![7.0; LEAST]));
        assert_eq!(shelf.take(LEAST), None);
        shelf.put(vec![0.0; MOST - LEAST]);
        shelf.put(vec![0.0; LEAST]);
        assert_eq!(shelf.n_numbers, MOST);
        shelf.put(vec![0.0; LEAST]);
        assert_eq!(shelf.n_numbers, LEAST);
    }

    #[test]
    fn what_is_larger_than_all_that_is_kept_finds_it_freed() {
        let mut shelf = Shelf::default();
        shelf.put(vec![0.0; LEAST]);
        assert_eq!(shelf.take(LEAST + 1), None);
        assert_eq!(shelf.take(LEAST), None);
    }
}
