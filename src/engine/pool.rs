//! The threads that share the loops of the arithmetic: rayon's.
//!
//! rayon makes its pool when it is first used, and panics from then on if a thread was refused, as by `ulimit -u` or the
//! limit of a container. So the program makes it first, of as many threads as it can have.

use std::{
    env, io, mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuilder};

/// Whether no thread could be had, so that each thread does its loops alone.
static IS_ALONE: AtomicBool = AtomicBool::new(false);

/// Makes the pool, of all threads that it wants; where some are refused, of half of those that can be had, since the
/// rest of the program has threads too; and where all are, of the calling thread, which must be the first to use it.
pub fn start() {
    let n_wanted = n_wanted();
    let (to_run, queue) = mpsc::channel::<ThreadBuilder>();
    let queue = Arc::new(Mutex::new(queue));
    // rayon does not try again, so the threads are there before it asks for them. Those that it does not take end.
    let begun = |_: &usize| {
        let queue = Arc::clone(&queue);
        let work = move || {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            if let Ok(thread) = next {
                thread.run();
            }
        };
        thread::Builder::new().spawn(work).is_ok()
    };
    let n_begun = (0..n_wanted).take_while(begun).count();
    if n_begun == 0 {
        IS_ALONE.store(true, Ordering::SeqCst);
        // It holds for the calling thread until the end.
        mem::forget(of_this_thread());
        return;
    }
    let n = if n_begun == n_wanted { n_begun } else { n_begun.div_ceil(2) };
    let run = move |thread| to_run.send(thread).map_err(|_gone| io::ErrorKind::BrokenPipe.into());
    // It fails only if there is a pool already.
    let _ = ThreadPoolBuilder::new().num_threads(n).spawn_handler(run).build_global();
}

/// As many threads as rayon makes by itself.
fn n_wanted() -> usize {
    let asked = env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok());
    let all = || thread::available_parallelism().map_or(1, usize::from);
    asked.filter(|n| *n > 0).unwrap_or_else(all)
}

/// A pool of this thread alone; None if the thread is of a pool already.
fn of_this_thread() -> Option<ThreadPool> {
    ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().ok()
}

/// Does work whose loops this thread does alone: where every core has work of its own, sharing each loop among all of
/// them only costs time.
pub fn alone<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    match of_this_thread() {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// Does the work of a thread that is not of the pool. Where the pool is another thread, which may wait for this one, it
/// does its loops alone.
pub fn beside<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    if IS_ALONE.load(Ordering::SeqCst) { alone(work) } else { work() }
}
