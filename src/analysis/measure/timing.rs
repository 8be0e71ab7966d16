//! The time that reading takes on this machine, by the number of tokens. It varies from run to run, so it is shown in
//! the walk only.

use std::{
    array,
    time::{Duration, Instant},
};

use crate::model::{Model, Setup};

/// The measured text lengths, in tokens.
pub const LENGTHS: [usize; 5] = [10, 30, 100, 300, 1000];

/// The runs per length. The shortest time is used: whatever else the machine does only adds to it.
const RUNS: usize = 5;

/// Times of one model, by [`LENGTHS`].
pub type Times = [Duration; LENGTHS.len()];

/// The times that the model takes to read texts made of the repeated sentence, without writing. Measured one after
/// another, so that the values of only one pass are in memory (some 110 MB for 1,000 tokens).
pub fn time(model: &dyn Model, sentence: &[u32]) -> Times {
    array::from_fn(|i| {
        let ids: Vec<u32> = sentence.iter().copied().cycle().take(LENGTHS[i]).collect();
        let times: [Duration; RUNS] = array::from_fn(|_| once(model, &ids));
        times.into_iter().min().unwrap_or_default()
    })
}

fn once(model: &dyn Model, ids: &[u32]) -> Duration {
    let start = Instant::now();
    let tape = model.read(ids, &Setup::default());
    let took = start.elapsed();
    drop(tape);
    took
}
