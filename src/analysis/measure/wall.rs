//! How long reading takes on this machine, by the number of tokens. Never twice the same, so it is
//! shown in the walk alone.

use std::{
    array,
    time::{Duration, Instant},
};

use crate::model::{Model, Setup};

/// The numbers of tokens that are read.
pub const LENGTHS: [usize; 5] = [10, 30, 100, 300, 1000];

/// How often each is read; the middle time counts.
const RUNS: usize = 3;

/// Times of one model, by [`LENGTHS`].
pub type Times = [Duration; LENGTHS.len()];

/// Lets the model read so many tokens, the sentence's over and over, and write nothing. One after
/// another, so that the values of one pass only are kept (some 110 MB for 1,000 tokens).
pub fn time(model: &dyn Model, sentence: &[u32]) -> Times {
    array::from_fn(|i| {
        let ids: Vec<u32> = sentence.iter().copied().cycle().take(LENGTHS[i]).collect();
        let mut times: [Duration; RUNS] = array::from_fn(|_| once(model, &ids));
        times.sort_unstable();
        times[RUNS / 2]
    })
}

fn once(model: &dyn Model, ids: &[u32]) -> Duration {
    let start = Instant::now();
    let tape = model.read(ids, &Setup::default());
    let took = start.elapsed();
    drop(tape);
    took
}
