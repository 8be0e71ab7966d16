//! Parallel work whose results arrive in order.

use std::{
    collections::VecDeque,
    sync::{Mutex, mpsc},
    thread,
};

use crate::engine::pool;

/// Maps items on `n_threads` threads and passes the results to `take` in the order of the items. At most three times
/// as many items as threads are in memory at once. Where no thread can be had the caller's does the work.
///
/// # Errors
/// The first error of `take`; no further item is then drawn.
pub fn in_order<T: Send, U: Send, E>(
    items: impl Iterator<Item = T>,
    n_threads: usize,
    map: impl Fn(T) -> U + Sync,
    mut take: impl FnMut(U) -> Result<(), E>,
) -> Result<(), E> {
    let n_threads = n_threads.max(1);
    let (jobs, queue) = mpsc::channel::<(T, mpsc::SyncSender<U>)>();
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        // Dropped at the end of this scope in any case, so that the threads end.
        let jobs = jobs;
        let work = || {
            let next = || queue.lock().ok()?.recv().ok();
            while let Some((item, answer)) = next() {
                // There is no receiver after an error.
                let _ = answer.send(map(item));
            }
        };
        let begun = |_: &usize| {
            thread::Builder::new().spawn_scoped(scope, move || pool::beside(work)).is_ok()
        };
        let n_threads = (0..n_threads).take_while(begun).count();
        if n_threads == 0 {
            return items.map(&map).try_for_each(take);
        }
        let mut under_way: VecDeque<mpsc::Receiver<U>> = VecDeque::new();
        for item in items {
            if under_way.len() >= 3 * n_threads {
                first(&mut under_way).map_or(Ok(()), &mut take)?;
            }
            let (answer, result) = mpsc::sync_channel(1);
            if jobs.send((item, answer)).is_ok() {
                under_way.push_back(result);
            }
        }
        while !under_way.is_empty() {
            first(&mut under_way).map_or(Ok(()), &mut take)?;
        }
        Ok(())
    })
}

/// The oldest result; None if its thread panicked, which the scope then propagates.
fn first<U>(under_way: &mut VecDeque<mpsc::Receiver<U>>) -> Option<U> {
    under_way.pop_front()?.recv().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_order_whoever_is_faster() {
        for n_threads in [0, 1, 2, 7] {
            let mut taken = vec![];
            let slow_when_even = |i: u64| {
                thread::sleep(std::time::Duration::from_micros((i % 2) * 300));
                i * i
            };
            let done = in_order(0..100, n_threads, slow_when_even, |square| {
                taken.push(square);
                Ok::<_, ()>(())
            });
            assert_eq!(done, Ok(()));
            assert!(taken.iter().copied().eq((0..100).map(|i| i * i)));
        }
    }

    #[test]
    fn few_are_under_way_and_an_error_ends_it() {
        let begun = AtomicUsize::new(0);
        let mut taken = 0;
        let count = |_: usize| begun.fetch_add(1, Ordering::Relaxed);
        let done = in_order(0..1000, 2, count, |_| {
            taken += 1;
            if taken == 10 { Err("full") } else { Ok(()) }
        });
        assert_eq!(done, Err("full"));
        assert!(begun.load(Ordering::Relaxed) < 30);
    }
}
